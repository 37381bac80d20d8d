/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_identity - any payloads on a few flows, in any order: nothing is read beyond its end, no cap is passed, and a
 * stream tells the same however it is cut.
 *
 * Input: a byte, whose lowest bit says which of two things is tried.
 * 0: steps of an operation (1), a sequence number (2), a length (2) and that many bytes. Operation: bits 0 to 2 the flow,
 *    bit 3 direction, bit 4 TCP, bits 5 and 6 the server's port, bit 7: the flow is over.
 * 1: one TCP flow: a length (2), that many bytes of the client, the rest of the server; whole, then in pieces whose sizes
 *    come from the bytes themselves: facts and names have to be equal.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "enrich/identity.h"

#define STEPS_MAX	64
#define PIECE_MAX	2048	/* as the kernel copies */
#define FLOWS		8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_identity: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

struct seen {
	struct identity_facts facts;
	uint8_t name[IDENTITY_NAME_N][256];
	size_t len[IDENTITY_NAME_N];
};

static struct identity *id;
static struct seen seen[FLOWS];
static const uint16_t PORTS[] = { 443, 53, 5353, 25 };
static const uint32_t CLIENT[4] = { 0, 0, 0xffff0000, 0x0100000a }, SERVER[4] = { 0, 0, 0xffff0000, 0x077100cb };
static uint64_t now_ns;
static unsigned int again;

static void found(void *arg, uint32_t flow, enum identity_name which, const uint8_t *bytes, size_t len)
{
	CHECK(flow < FLOWS && which < IDENTITY_NAME_N && len && len <= 255);
	memcpy(seen[flow].name[which], bytes, len);
	seen[flow].len[which] = len;
}

static void hello_again(void *arg, uint32_t flow)
{
	CHECK(flow < FLOWS && seen[flow].facts.bits & IDENTITY_CLIENT_HELLO);
	again++;
}

static int give(uint32_t flow, unsigned int direction, uint8_t proto, uint16_t port, uint32_t seq, const uint8_t *bytes,
		size_t len)
{
	uint8_t *copy = malloc(len + !len);
	struct identity_payload p = {
		.flow = flow, .time_ns = now_ns, .begun_ns = now_ns, .proto = proto, .direction = (uint8_t)direction,
		.from_start = !(flow & 4), .first_seq = 0, .seq = seq, .ack = 1, .bytes = copy, .len = len,
		.addr = { CLIENT, SERVER }, .port = { htons(40000), htons(port) },
	};
	int ret;

	CHECK(copy);
	if (len)
		memcpy(copy, bytes, len);
	if (direction)
		p.ack = 0;
	ret = identity_payload(id, &p, &seen[flow].facts);
	free(copy);
	CHECK(ret == 0 || ret == IDENTITY_DONE);
	CHECK(seen[flow].facts.protocol < IDENTITY_PROTOCOL_N && seen[flow].facts.source < IDENTITY_SOURCE_N);
	CHECK(seen[flow].facts.status < NAME_N && seen[flow].facts.inner < IDENTITY_PROTOCOL_N);
	CHECK(identity_under_way(id) <= FLOWS);
	return ret;
}

static void steps(const uint8_t *data, size_t len)
{
	for (int n = 0; len >= 5 && n < STEPS_MAX; n++) {
		const uint8_t op = data[0];
		const uint32_t seq = data[1] | data[2] << 8;
		const size_t size = MIN(MIN((size_t)(data[3] | data[4] << 8), len - 5), PIECE_MAX);

		now_ns += 10 * NS_PER_MS;
		give(op & 7, op >> 3 & 1, op & 16 ? IPPROTO_TCP : IPPROTO_UDP, PORTS[op >> 5 & 3], op & 16 ? seq : 0, data + 5,
		     size);
		if (op & 0x80) {
			identity_forget(id, op & 7);
			memset(&seen[op & 7], 0, sizeof(seen[op & 7]));
		}
		data += 5 + size;
		len -= 5 + size;
	}
}

static void stream(unsigned int direction, const uint8_t *bytes, size_t len, bool pieces)
{
	size_t step;

	for (size_t at = 0; at < len; at += step) {
		step = MIN(pieces ? 1 + bytes[at] % 50u : PIECE_MAX, len - at);
		if (give(0, direction, IPPROTO_TCP, 443, (uint32_t)at + direction, bytes + at, step) & IDENTITY_DONE)
			break;
	}
}

/* The client's bytes before the server's, as a dialogue needs them; whole and in pieces. */
static void both_ways(const uint8_t *data, size_t len)
{
	struct seen whole;
	size_t client = len >= 2 ? MIN((size_t)(data[0] | data[1] << 8), len - 2) : 0;

	if (len < 2)
		return;
	data += 2;
	len -= 2;
	if (client > PIECE_MAX || len - client > PIECE_MAX)
		return;
	stream(0, data, client, false);
	stream(1, data + client, len - client, false);
	identity_forget(id, 0);
	whole = seen[0];
	memset(&seen[0], 0, sizeof(seen[0]));
	again = 0;
	stream(0, data, client, true);
	stream(1, data + client, len - client, true);
	if (!(whole.facts.bits & IDENTITY_CLIENT_HELLO) || whole.facts.bits & IDENTITY_INNER)
		return;
	if (again)	/* a second hello in the segment of the first, which no client sends, is not looked for */
		return;
	CHECK(seen[0].facts.bits & IDENTITY_CLIENT_HELLO);
	CHECK(seen[0].len[IDENTITY_SERVER_NAME] == whole.len[IDENTITY_SERVER_NAME]);
	CHECK(!memcmp(seen[0].name[IDENTITY_SERVER_NAME], whole.name[IDENTITY_SERVER_NAME], whole.len[IDENTITY_SERVER_NAME]));
	CHECK(!memcmp(seen[0].name[IDENTITY_JA4], whole.name[IDENTITY_JA4], sizeof(whole.name[IDENTITY_JA4])));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct identity_settings settings = { .seed = { { 1, 2 } }, .name_found = found, .hello_again = hello_again };

	if (!id)
		CHECK(!identity_new(&id, &settings));
	memset(seen, 0, sizeof(seen));
	now_ns += NS_PER_S;
	if (!len)
		return 0;
	if (data[0] & 1)
		both_ways(data + 1, len - 1);
	else
		steps(data + 1, len - 1);
	for (uint32_t flow = 0; flow < FLOWS; flow++)
		identity_forget(id, flow);
	identity_expire(id, now_ns);
	CHECK(!identity_under_way(id));
	return 0;
}
