/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_dhcp4 - any bytes as a DHCPv4 message: facts lie inside, and without overload the type is the one that a plain
 * walk finds; names in wire form are read. Input: the options, behind the fixed fields of a right message when the first
 * byte is even; else the whole message.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dhcp_make.h"
#include "enrich/dhcp4.h"
#include "enrich/dhcp_fqdn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_dhcp4: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

static const uint8_t *begin;
static size_t size;

static void check_inside(struct reader r)
{
	CHECK(!r.bad && (!r.left || (r.at >= begin && r.left <= size && r.at <= begin + size - r.left)));
}

/* The first message type in the options, 0: none, -1: there is an overload. */
static int plain_type(void)
{
	int type = 0;

	for (size_t at = DHCP4_FIXED_BYTES; at < size && begin[at] != 255;) {
		if (!begin[at]) {
			at++;
			continue;
		}
		if (at + 1 == size || at + 2 + begin[at + 1] > size)
			break;
		if (begin[at] == 52)
			return -1;
		if (begin[at] == 53 && begin[at + 1] == 1 && !type)
			type = begin[at + 2];
		at += 2u + begin[at + 1];
	}
	return type;
}

static void check_name(struct reader wire)
{
	char text[DNS_NAME_TEXT_SIZE];
	struct dns_name name;
	bool partial;

	if (!dhcp_fqdn_read(wire, &name, &partial)) {
		CHECK(!name.len);
		return;
	}
	CHECK(name.len == wire.left + partial && !memcmp(name.bytes, wire.at, wire.left) && !name.bytes[name.len - 1]);
	CHECK(dns_name_text(&name, text) < DNS_NAME_TEXT_SIZE);
}

static void check(const uint8_t *bytes, size_t len)
{
	enum dhcp4_result result;
	struct dhcp4 m;
	int type;

	begin = bytes;
	size = len;
	result = dhcp4_parse(bytes, len, &m);
	CHECK(result == m.result && dhcp4_result_name(result));
	check_inside(m.host_name);
	check_inside(m.parameters);
	check_inside(m.vendor_class);
	check_inside(m.client_id);
	check_inside(m.fqdn);
	CHECK(m.parameters.left <= DHCP4_PARAMETERS_MAX);
	if (result < DHCP4_OPTION && result != DHCP4_OK) {
		CHECK(!m.mac && !m.type && !m.host_name.left);
		return;
	}
	CHECK(len >= DHCP4_FIXED_BYTES && m.mac == bytes + 28 && (m.type || result != DHCP4_OK));
	CHECK(!memcmp(&m.client[3], bytes + 12, 4) && !memcmp(&m.yours[3], bytes + 16, 4));
	CHECK(address_is_v4(m.requested) && address_is_v4(m.server) && m.from_client == (bytes[0] == 1));
	type = plain_type();
	CHECK(type < 0 || type == m.type);
	if (m.fqdn_wire)
		check_name(m.fqdn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t made[DHCP_MAKE_MAX], *copy;
	const uint8_t *bytes = data + 1;
	size_t n = len - 1;

	if (!len || (!(data[0] & 1) && n > DHCP_MAKE_MAX - DHCP_OPTIONS_AT))
		return 0;
	if (!(data[0] & 1)) {
		n = dhcp_make(made, 1, 1, 0, 0, (const char *)bytes, n);
		bytes = made;
	}
	copy = malloc(n + !n);
	CHECK(copy);
	memcpy(copy, bytes, n);
	check(copy, n);
	free(copy);
	return 0;
}
