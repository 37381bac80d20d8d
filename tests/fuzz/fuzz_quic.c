/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_quic - any datagrams on two flows that share a small pool: raw bytes, and frames that are sealed here first, so
 * that what lies behind the decryption is reached as well.
 *
 * Input: steps of an operation (1), a length (2) and that many bytes. Operation: bits 0 and 1 what the bytes are, bit 2
 * direction, bit 3 flow, bits 4 and 5 DCID, bit 6 version, bit 7 appended to the step before as one datagram.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "enrich/quic.h"
#include "enrich/quic_crypto.h"
#include "enrich/reassemble.h"
#include "quic_make.h"

#define STEPS_MAX	24
#define PIECE_MAX	3000

enum { RAW, CLIENT_FRAMES, SERVER_FRAMES, RETRY_OR_END };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_quic: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

static const char *const CIDS[] = { "11111111", "22222222", "new", "" };
static const struct quic_limits LIMITS = { .connections = 3, .crypto_bytes = 3 * sizeof(struct reassemble) };

static struct quic_pool *pool;
static struct quic_bytes datagram;

/* The walk over the packets alone: in order, inside, to an end. */
static void check_packets(const uint8_t *bytes, size_t len)
{
	struct reader r = { .at = bytes, .left = len };
	struct quic_packet p;

	while (r.left) {
		const uint8_t *at = r.at;

		if (quic_packet_next(&r, &p) == QUIC_PACKET_BAD) {
			CHECK(!r.left);
			break;
		}
		CHECK(p.all.at == at && p.all.len && r.at == at + p.all.len);
		CHECK(p.dcid.len <= QUIC_CID_MAX && p.scid.len <= QUIC_CID_MAX);
		CHECK(!p.token.len || (p.token.at > at && p.token.at + p.token.len <= at + p.all.len));
		CHECK(p.type != QUIC_INITIAL || (p.version && p.number_at >= 9 && p.number_at <= p.all.len));
		CHECK(p.type == QUIC_SHORT_HEADER || p.type == QUIC_NEGOTIATION || p.type == QUIC_OTHER_VERSION || p.version);
	}
}

static void check_facts(const struct quic *q, enum quic_result result, const struct quic_facts *f)
{
	CHECK(result < QUIC_RESULT_COUNT && quic_name_status(q));
	CHECK(result != QUIC_HELLO || f->has_client);
	CHECK(result != QUIC_SERVER_HELLO || f->has_server);
	CHECK(!f->has_client || result >= QUIC_BAD_HELLO);
	CHECK(f->connection <= q->connections && (f->connection || result < QUIC_BAD_HELLO));
	if (f->has_client && f->client.sni.len) {	/* the sanitizer looks at each byte */
		uint8_t *copy = malloc(f->client.sni.len);

		CHECK(q->named && copy);
		memcpy(copy, f->client.sni.at, f->client.sni.len);
		free(copy);
	}
	CHECK(quic_pool_used(pool) <= LIMITS.connections);
}

static void feed(struct quic *q, unsigned int direction)
{
	uint8_t *copy = malloc(datagram.len + !datagram.len);
	struct quic_facts facts;
	enum quic_result result;

	CHECK(copy);
	if (datagram.len)
		memcpy(copy, datagram.b, datagram.len);
	check_packets(copy, datagram.len);
	result = quic_datagram(pool, q, direction, copy, datagram.len, &facts);
	free(copy);	/* the facts do not point into it */
	check_facts(q, result, &facts);
}

static void append(uint8_t op, const uint8_t *bytes, size_t len)
{
	const char *cid = CIDS[op >> 4 & 3];
	struct quic_initial i = { .version = op & 0x40 ? QUIC_V2 : QUIC_V1, .dcid = cid, .scid = "cli" };

	switch (op & 3) {
	case RAW:
		quic_put(&datagram, bytes, len);
		break;
	case CLIENT_FRAMES:
		quic_make_initial(&datagram, &i, bytes, len);
		break;
	case SERVER_FRAMES:
		i.server = true;
		i.keys_dcid = cid;
		i.dcid = "cli";
		i.scid = "srv";
		quic_make_initial(&datagram, &i, bytes, len);
		break;
	case RETRY_OR_END:
		quic_make_retry(&datagram, cid, "cli", "new", "token");
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct quic flows[2] = { 0 };

	if (!pool)
		CHECK(!quic_pool_new(&pool, &LIMITS));
	for (int n = 0; len >= 3 && n < STEPS_MAX; n++) {
		uint8_t op = data[0];
		size_t size = MIN((size_t)(data[1] | data[2] << 8), MIN(len - 3, PIECE_MAX));
		struct quic *q = &flows[op >> 3 & 1];

		if (!(op & 0x80))
			datagram.len = 0;
		if ((op & 3) == RETRY_OR_END && !size)
			quic_end(pool, q);
		else if (datagram.len < sizeof(datagram.b) - 2 * PIECE_MAX)
			append(op, data + 3, size);
		feed(q, op >> 2 & 1);
		data += 3 + size;
		len -= 3 + size;
	}
	quic_end(pool, &flows[0]);
	quic_end(pool, &flows[1]);
	CHECK(quic_pool_used(pool) == 0);
	return 0;
}
