/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_arp_ndp - any bytes as an ARP packet or a Neighbor Discovery message: facts lie inside and are those that plain
 * offsets have. Input: a byte (even: ARP); for NDP the hop limit, source and destination; then the message.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/arp.h"
#include "enrich/ndp.h"

#define NDP_HEAD 33	/* hop limit, two addresses */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_arp_ndp: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

static void try_arp(const uint8_t *bytes, size_t len)
{
	struct arp arp;
	enum arp_result result = arp_parse(bytes, len, &arp);

	CHECK(arp_result_name(result));
	if (result != ARP_OK) {
		CHECK(len < ARP_BYTES || memcmp(bytes, "\0\1\10\0\6\4\0", 7) || !bytes[7] || bytes[7] > 2);
		return;
	}
	CHECK(len >= ARP_BYTES && !memcmp(bytes, "\0\1\10\0\6\4\0", 7) && arp.reply == (bytes[7] == 2));
	CHECK(!memcmp(arp.sender_mac, bytes + 8, 6) && !memcmp(&arp.sender[3], bytes + 14, 4));
	CHECK(!memcmp(arp.target_mac, bytes + 18, 6) && !memcmp(&arp.target[3], bytes + 24, 4));
	CHECK(address_is_v4(arp.sender) && address_is_v4(arp.target) && !(arp.probe && arp.gratuitous));
}

/* The first option of @type by plain offsets; NULL: none. */
static const uint8_t *plain_option(const uint8_t *bytes, size_t len, size_t at, uint8_t type)
{
	for (; at < len; at += 8u * bytes[at + 1])
		if (bytes[at] == type)
			return bytes + at + 2;
	return NULL;
}

static void try_ndp(const uint8_t *bytes, size_t len, const uint8_t *head)
{
	uint32_t source[4], destination[4];
	const uint8_t *want;
	enum ndp_result result;
	struct ndp ndp;
	size_t body;

	memcpy(source, head + 1, 16);
	memcpy(destination, head + 17, 16);
	result = ndp_parse(bytes, len, source, destination, head[0], &ndp);
	CHECK(ndp_result_name(result));
	if (result != NDP_OK)
		return;
	CHECK(head[0] == 255 && bytes[0] == ndp.type && !bytes[1] && !memcmp(ndp.source, head + 1, 16));
	body = ndp.type == NDP_RS ? 8 : ndp.type == NDP_RA ? 16 : 24;
	CHECK(len >= body && len % 8 == 0);
	CHECK(ndp.type < NDP_NS || !memcmp(ndp.target, bytes + 8, 16));
	want = plain_option(bytes, len, body, 1);
	CHECK(ndp.source_mac == (ndp.type == NDP_NA ? NULL : want));
	want = plain_option(bytes, len, body, 2);
	CHECK(ndp.target_mac == (ndp.type == NDP_NA ? want : NULL));
	CHECK(!ndp.dad || (ndp.type == NDP_NS && !ndp.source_mac));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t head = len && data[0] & 1 ? 1 + NDP_HEAD : 1;
	uint8_t *copy;

	if (len < head)
		return 0;
	copy = malloc(len - head + (len == head));
	CHECK(copy);
	memcpy(copy, data + head, len - head);
	if (head == 1)
		try_arp(copy, len - head);
	else
		try_ndp(copy, len - head, data + 1);
	free(copy);
	return 0;
}
