/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_dhcp6 - any bytes as a DHCPv6 message: facts lie inside, and where it is whole, as many addresses are counted as a
 * plain walk finds. Input: the message.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/dhcp6.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_dhcp6: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

static const uint8_t *begin;
static size_t size;

static void check_inside(struct reader r)
{
	CHECK(!r.bad && (!r.left || (r.at >= begin && r.left <= size && r.at <= begin + size - r.left)));
}

/* Addresses in IAs (@ia) or among the options of one, of a message that is whole. */
static unsigned int plain_addresses(size_t at, size_t end, int ia)
{
	unsigned int n = 0;

	while (at < end) {
		unsigned int code = begin[at] << 8 | begin[at + 1];
		size_t len = (size_t)begin[at + 2] << 8 | begin[at + 3];

		if (ia && (code == 3 || code == 4))
			n += plain_addresses(at + 4 + (code == 3 ? 12 : 4), at + 4 + len, 0);
		n += !ia && code == 5;
		at += 4 + len;
	}
	return n;
}

static void check(void)
{
	struct dhcp6 m;
	enum dhcp6_result result = dhcp6_parse(begin, size, &m);

	CHECK(result == m.result && dhcp6_result_name(result));
	check_inside(m.duid);
	check_inside(m.fqdn);
	check_inside(m.vendor_class);
	CHECK(!m.duid_mac || (m.duid_mac >= m.duid.at && m.duid_mac + 6 == m.duid.at + m.duid.left));
	CHECK(m.addresses <= DHCP6_ADDRESSES_MAX && (!m.beyond || m.addresses == DHCP6_ADDRESSES_MAX));
	CHECK(m.duid.left <= 130);
	if (result == DHCP6_OK)
		CHECK(m.addresses + m.beyond == plain_addresses(4, size, 1) && dhcp6_type_name(m.type) && m.xid < 1u << 24);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *copy;

	if (len > UINT16_MAX)
		return 0;
	copy = malloc(len + !len);
	CHECK(copy);
	memcpy(copy, data, len);
	begin = copy;
	size = len;
	check();
	free(copy);
	return 0;
}
