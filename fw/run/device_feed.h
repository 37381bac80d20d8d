/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * device_feed - the seam between payload copies and the table of devices: ARP, neighbour discovery, DHCP and mDNS in, device
 * records out, with the vendor of their MACs, and hidden as gateway.privacy says.
 *
 * Neighbour discovery comes only with hop limit 255 (the kernel looks), so from this link. No logging.
 */
#pragma once

#include "base/writer.h"
#include "bpf/abi.h"
#include "enrich/devices.h"
#include "enrich/identity.h"
#include "run/report.h"

struct device_feed;

/* @oui_path: no such file: devices have no vendor. -ENOMEM. */
int device_feed_new(struct device_feed **ret_feed, const char *oui_path);
struct device_feed *device_feed_free(struct device_feed *feed);	/* takes NULL; returns NULL */

/* A copy that may tell of a device; @key: of its flow, NULL for ARP. */
void device_feed_copy(struct device_feed *feed, const struct copy *copy, const uint8_t *bytes, const struct flow_key *key);
void device_feed_mdns(struct device_feed *feed, const struct copy *copy, const uint32_t source[4],
		      const struct dns_message *message);

/* The next device that is new or has changed, as one JSON object. False: there is none. */
bool device_feed_next(struct device_feed *feed, const struct reporter *reporter, struct writer *w);

void device_feed_age(struct device_feed *feed, uint64_t now_ns);
bool device_feed_has_vendors(const struct device_feed *feed);
uint64_t device_feed_malformed(const struct device_feed *feed);	/* messages with a fault, or of a kind not read: redirects, RARP */
const struct devices_counters *device_feed_counters(const struct device_feed *feed);
