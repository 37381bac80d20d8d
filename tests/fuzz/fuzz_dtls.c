/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_dtls - any datagrams on two flows that share a small pool.
 *
 * Input: steps of an operation (1), a length (2) and that many bytes. Operation: bit 0 direction, bit 1 flow, bit 2: the flow
 * ends; bit 3: the bytes are the body of a handshake fragment: record and header are put in front, whose message_seq is bits
 * 4 and 5, and whose type, length and offset are the first five bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "enrich/dtls.h"

#define PIECE_MAX 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_dtls: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

static struct reassemble_pool *pool;
static struct ja4 *ja4;

/* The sanitizer looks at each byte. */
static void touch(struct tls_bytes b)
{
	uint8_t *copy = malloc(b.len + 1);

	CHECK(copy);
	if (b.len)
		memcpy(copy, b.at, b.len);
	free(copy);
}

static size_t wrap(uint8_t *to, uint8_t op, const uint8_t *bytes, size_t len)
{
	const size_t body = len - 5;
	const uint8_t head[25] = {
		22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, (uint8_t)((body + 12) >> 8), (uint8_t)(body + 12),
		bytes[0], 0, bytes[1], bytes[2], 0, op >> 4 & 3, 0, bytes[3], bytes[4], 0, (uint8_t)(body >> 8), (uint8_t)body,
	};

	memcpy(to, head, sizeof(head));
	memcpy(to + sizeof(head), bytes + 5, body);
	return sizeof(head) + body;
}

static void feed(struct dtls *d, unsigned int direction, const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len + !len);
	struct dtls_facts f;
	enum dtls_result result;

	CHECK(copy);
	if (len)
		memcpy(copy, bytes, len);
	result = dtls_datagram(pool, ja4, d, direction, copy, len, &f);
	CHECK(result <= DTLS_HELLO && (result == DTLS_HELLO || (!f.has_client && !f.has_server)));
	if (f.has_client) {
		touch(f.client.sni);
		touch(f.client.alpn);
		touch(f.client.ciphers);
	}
	if (f.has_server)
		touch(f.server.session_id);
	free(copy);
	dtls_done(pool, d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct dtls flows[2] = { 0 };
	uint8_t wrapped[PIECE_MAX + 32];

	if (!pool)
		CHECK(!reassemble_pool_new(&pool, 3 * sizeof(struct reassemble)) && !ja4_new(&ja4));
	for (int n = 0; len >= 3 && n < 32; n++) {
		const uint8_t op = data[0];
		const size_t size = MIN(MIN((size_t)(data[1] | data[2] << 8), len - 3), PIECE_MAX);
		struct dtls *d = &flows[op >> 1 & 1];

		if (op & 8 && size > 5)
			feed(d, op & 1, wrapped, wrap(wrapped, op, data + 3, size));
		else
			feed(d, op & 1, data + 3, size);
		if (op & 4)
			dtls_end(pool, d);
		data += 3 + size;
		len -= 3 + size;
	}
	dtls_end(pool, &flows[0]);
	dtls_end(pool, &flows[1]);
	CHECK(reassemble_pool_used(pool) == 0);
	return 0;
}
