/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_parse - any bytes as a frame: nothing outside of them is read, what struct packet says lies where it can, a byte
 * more or less says nothing else, and both directions give one key. Input: a byte of options, the tag that a driver took
 * out (2 bytes), the frame.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/key.h"
#include "bpf/parse.h"

#define OPT_RAW_IP	0x1
#define OPT_TAG		0x2
#define OPT_MIRROR	0x4
#define OPT_TX		0x8

#define L2_MAX		(14 + 4 * PARSE_VLANS + 8 + 4 * PARSE_LABELS)
#define L3_MAX		(40 + PARSE_EXTS * 2048)
#define L4_MAX		60
#define NET_IP_ALIGN	2	/* before an Ethernet frame, as in the kernel */

static void check(int good)
{
	if (!good)
		abort();
}

/* In memory that ends with the frame. */
static enum parse_result parse(const uint8_t *data, size_t len, int raw_ip, uint16_t tag_vlan, struct packet *pkt)
{
	size_t before = raw_ip ? 0 : NET_IP_ALIGN;
	uint8_t *copy = malloc(before + len + !len), *start = copy + before;
	struct cursor c = { .start = start, .pos = start, .end = start + len };
	enum parse_result result;

	if (len)
		memcpy(start, data, len);
	result = parse_frame(&c, raw_ip, tag_vlan, pkt);
	check(c.pos >= c.start && c.pos <= c.end);
	free(copy);
	return result;
}

static void check_refused(enum parse_result result, const struct packet *pkt, size_t len, int raw_ip)
{
	check(!pkt->tcp_flags && !pkt->sport && !pkt->dport && !pkt->bits && !pkt->tcp_seq && !pkt->tcp_ack);
	if (result != PARSE_ARP) {
		check(!pkt->payload_off && !pkt->payload_len);
		return;
	}
	check(!raw_ip && pkt->payload_len == ARP_IPV4_BYTES && !pkt->hdr_len && !pkt->ip_len && !pkt->proto);
	check(pkt->payload_off >= 14 && pkt->payload_off <= 14 + 4 * PARSE_VLANS && (pkt->payload_off - 14) % 4 == 0);
	check(pkt->payload_off <= len);
}

/* Of TCP, UDP and neighbour discovery, and only what the IP header says is there. */
static void check_payload(const struct packet *pkt, const uint8_t *data, size_t len)
{
	if (pkt->payload_len) {
		check(pkt->bits & PACKET_TCP || pkt->proto == 17 || (pkt->proto == 58 && pkt->ip_version == 6));
		check(!(pkt->bits & (PACKET_CUT | PACKET_LATER_FRAGMENT)));
		check(pkt->payload_off == pkt->hdr_len && pkt->ip_len);
		check(pkt->payload_off + pkt->payload_len == pkt->l3_off + pkt->ip_len);
	}
	if (pkt->payload_len && pkt->proto == 58)
		check(pkt->bits & PACKET_HOPS_255 && pkt->payload_off < len && data[pkt->payload_off] >= 133 &&
		      data[pkt->payload_off] <= 137);
	if (pkt->payload_len && pkt->proto == 17)
		check(pkt->payload_off <= len + 4);	/* the ports are there, the rest of the header may be cut */
	if (pkt->bits & PACKET_TCP)
		check(pkt->payload_off <= len + 40);	/* the options may be cut */
	check(!(pkt->bits & PACKET_HOPS_255) == !(pkt->ip_version == 6 && data[pkt->l3_off + 7] == 255));
}

static void check_packet(const struct packet *pkt, const uint8_t *data, size_t len)
{
	const uint32_t l3_min = pkt->ip_version == 6 ? 40 : 20;
	uint32_t l3_len = pkt->hdr_len - pkt->l3_off;

	check(pkt->ip_version == 4 || pkt->ip_version == 6);
	check(pkt->l3_off <= L2_MAX && pkt->l3_off + l3_min <= len);
	check(pkt->hdr_len > pkt->l3_off && l3_len >= l3_min && l3_len <= L3_MAX + L4_MAX);
	check(pkt->hdr_len <= len + L4_MAX);	/* a transport header may be cut; what is before it is not */
	check(!pkt->ip_len || pkt->ip_len >= l3_min);
	if (pkt->bits & PACKET_LATER_FRAGMENT)
		check(!pkt->sport && !pkt->dport && !(pkt->bits & (PACKET_TCP | PACKET_CUT)));
	if (!(pkt->bits & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT)))
		check(!pkt->frag_id);
	if (pkt->bits & PACKET_TCP) {
		check(pkt->proto == 6 && !(pkt->bits & PACKET_CUT));
		check(pkt->payload_off == pkt->hdr_len && l3_len >= l3_min + 20);
		check(!pkt->ip_len || l3_len + pkt->payload_len == pkt->ip_len);
		check(pkt->ip_len || !pkt->payload_len);
	} else {
		check(!pkt->tcp_flags && !pkt->tcp_seq && !pkt->tcp_ack);
	}
	check_payload(pkt, data, len);
	check(pkt->vlan[0] < 4096 && pkt->vlan[1] < 4096);
}

static void check_key(const struct packet *pkt, uint16_t port_flags, uint32_t dir)
{
	struct packet back = *pkt;
	struct flow_key one, two;
	uint32_t from, to;

	memcpy(back.saddr, pkt->daddr, sizeof(back.saddr));
	memcpy(back.daddr, pkt->saddr, sizeof(back.daddr));
	back.sport = pkt->dport;
	back.dport = pkt->sport;
	memset(&one, 0x55, sizeof(one));
	memset(&two, 0xaa, sizeof(two));
	from = key_make(pkt, 63, port_flags, dir, &one);
	to = key_make(&back, 63, port_flags, !dir, &two);
	check(from < 2 && to < 2 && !memcmp(&one, &two, sizeof(one)) && key_equal(&one, &two));
	check(key_hash(&one, 42) == key_hash(&two, 42));
	if (memcmp(pkt->saddr, pkt->daddr, 16) || pkt->sport != pkt->dport)
		check(from != to);
	for (uint32_t mask = 1; mask < 1 << 21; mask = mask << 1 | 1) {
		uint32_t delta = key_bucket_delta(key_tag(key_hash(&one, 42)), mask);

		check(delta && delta <= mask);
	}
}

/* A byte less never tells more than that something is missing; a byte more nothing at all where nothing was missing. */
static void check_lengths(const uint8_t *data, size_t len, int raw_ip, uint16_t tag, enum parse_result result,
			  const struct packet *pkt)
{
	uint8_t *more = malloc(len + 1);
	struct packet other;

	memset(&other, 0, sizeof(other));
	if (len && parse(data, len - 1, raw_ip, tag, &other) != result)
		check(parse(data, len - 1, raw_ip, tag, &other) == PARSE_SHORT);
	if (len && other.payload_len)
		check(other.payload_off == pkt->payload_off && other.payload_len == pkt->payload_len);
	if (len)
		memcpy(more, data, len);
	more[len] = 0x86;
	if (result != PARSE_SHORT && !(pkt->bits & PACKET_CUT))
		check(parse(more, len + 1, raw_ip, tag, &other) == result && !memcmp(&other, pkt, sizeof(other)));
	free(more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct packet one, two;
	enum parse_result result;
	uint16_t tag = 0;
	int raw_ip;
	uint8_t opts;

	if (len < 3)
		return 0;
	opts = data[0];
	raw_ip = opts & OPT_RAW_IP;
	if (opts & OPT_TAG)
		tag = (data[1] << 8 | data[2]) & 0xfff;
	data += 3;
	len -= 3;

	memset(&one, 0x55, sizeof(one));
	memset(&two, 0xaa, sizeof(two));
	result = parse(data, len, raw_ip, tag, &one);
	check(parse(data, len, raw_ip, tag, &two) == result && !memcmp(&one, &two, sizeof(one)));
	check(result <= PARSE_TOO_DEEP);
	if (result != PARSE_OK) {
		check_refused(result, &one, len, raw_ip);
	} else {
		check_packet(&one, data, len);
		check_key(&one, opts & OPT_MIRROR ? PORT_MIRROR : 0, !!(opts & OPT_TX));
	}
	check_lengths(data, len, raw_ip, tag, result, &one);
	return 0;
}
