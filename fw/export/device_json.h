/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * device_json - what is known of one device as one JSON object on one line: names of ECS, Weir's own under "weir".
 *
 * {"host":{"mac","ip":[],"name"},"observer":{"interface":{"name"},"vlan":{"id"}},"weir":{"device":{"vendor","name_source",
 * "name_hex","vendor_class","vendor_class_hex","dhcp_parameters","first_seen","last_seen","locally_administered",
 * "addresses":[{"ip","source","last_seen"}]}}}. What is not known is left out, but host.ip and addresses may be empty.
 * The _hex are there where U+FFFD stands for some bytes of the text (text.h). Valid JSON and UTF-8 whatever it holds.
 *
 * Pure data: every pointer is borrowed and lives as long as the call. Times are microseconds since 1970. What does not
 * fit sets writer.full; DEVICE_JSON_MAX bytes always suffice while the texts are as long as the limits here say.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/writer.h"

#define DEVICE_NAME_MAX		255
#define DEVICE_CLASS_MAX	128
#define DEVICE_VENDOR_MAX	127
#define DEVICE_INTERFACE_MAX	15
#define DEVICE_PARAMETERS_MAX	32
#define DEVICE_ADDRESSES_MAX	8
#define DEVICE_JSON_MAX		8192	/* usual: 0.5 kB; most: 5.6 kB, when all of the texts are control characters */

struct device_record_address {
	uint32_t addr[4];		/* as in struct flow_key: IPv4 as ::ffff:a.b.c.d */
	const char *source;		/* arp, ndp, dhcp4, ...; NULL: not known */
	uint64_t last_us;
};

struct device_record {
	uint8_t mac[6];
	bool locally_administered;
	uint16_t vlan;			/* outer id; 0: none */
	const char *interface;		/* NULL or "": not known; so are vendor and name_source */
	const char *vendor;
	const char *name_source;
	const uint8_t *name;		/* any bytes; length 0: not known, so below */
	const uint8_t *vendor_class;	/* any bytes */
	const uint8_t *parameters;	/* DHCPv4 option 55 */
	size_t name_len, vendor_class_len, parameters_len;
	uint64_t first_us, last_us;
	size_t addresses;
	const struct device_record_address *address;
};

void device_json(struct writer *w, const struct device_record *r);
