/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_reassemble - any segments, against a map of bytes that knows no ranges; then what is ready is read as TLS
 * records, against the plain joiner of hello_ref.h.
 *
 * Input: first sequence number (4), then segments: offset (4, signed, from the first byte), length (2), fill (1). A
 * fill of 0 takes the segment's bytes from the input, so that a stream of TLS can be made.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/reassemble.h"
#include "enrich/tls_records.h"
#include "hello_ref.h"

#define SEGMENTS_MAX	64
#define BYTES_MAX	40000	/* of all segments: the map walks them byte by byte */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_reassemble: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

#define WORDS (REASSEMBLE_BYTES / 64)

struct map {
	uint64_t there[WORDS];	/* a bit a byte */
	uint8_t byte[REASSEMBLE_BYTES];
};

static bool is_there(const uint64_t *there, size_t at)
{
	return there[at / 64] >> at % 64 & 1;
}

static size_t map_ready(const struct map *m)
{
	size_t n = 0;

	while (n < REASSEMBLE_BYTES && is_there(m->there, n))
		n++;
	return n;
}

/* Runs of bytes that are there, but the one from 0 on: bits whose lower neighbour is clear. */
static size_t scattered(const uint64_t *there)
{
	uint64_t before = 1;
	size_t runs = 0;

	for (size_t i = 0; i < WORDS; i++) {
		runs += (size_t)__builtin_popcountll(there[i] & ~(there[i] << 1 | before));
		before = there[i] >> 63;
	}
	return runs;
}

/* What reassemble_add() is to say; @m as it is to be then. */
static enum reassemble_result map_add(struct map *m, int64_t offset, const uint8_t *bytes, size_t len)
{
	bool beyond = len && offset + (int64_t)len > REASSEMBLE_BYTES, news = false;
	uint64_t with[WORDS];

	memcpy(with, m->there, sizeof(with));
	for (size_t i = 0; i < len; i++) {
		int64_t at = offset + (int64_t)i;

		if (at >= 0 && at < REASSEMBLE_BYTES)
			with[at / 64] |= 1ULL << at % 64;
	}
	if (scattered(with) > REASSEMBLE_RANGES)
		return REASSEMBLE_SCATTERED;
	for (size_t i = 0; i < len; i++) {
		int64_t at = offset + (int64_t)i;

		if (at < 0 || at >= REASSEMBLE_BYTES || is_there(m->there, (size_t)at))
			continue;
		m->byte[at] = bytes[i];
		news = true;
	}
	memcpy(m->there, with, sizeof(with));
	return beyond ? REASSEMBLE_BEYOND : news ? REASSEMBLE_STORED : REASSEMBLE_OLD;
}

static void check_same(const struct reassemble *r, const struct map *m)
{
	size_t covered = 0, there = 0;

	CHECK(reassemble_ready(r) == map_ready(m));
	CHECK(r->ranges <= REASSEMBLE_RANGES + (r->range[0].from == 0));
	for (size_t i = 0; i < r->ranges; i++) {
		CHECK(r->range[i].from < r->range[i].to && r->range[i].to <= REASSEMBLE_BYTES);
		CHECK(!i || r->range[i].from > r->range[i - 1].to);
		covered += r->range[i].to - r->range[i].from;
	}
	for (size_t i = 0; i < REASSEMBLE_BYTES; i++) {
		there += is_there(m->there, i);
		CHECK(!is_there(m->there, i) || m->byte[i] == r->bytes[i]);
	}
	CHECK(covered == there);
}

static void check_records(const uint8_t *stream, size_t len)
{
	static uint8_t scratch[REASSEMBLE_BYTES], plain[2 * REASSEMBLE_BYTES];
	size_t n = ref_join(plain, sizeof(plain), stream, len), whole;
	uint8_t *copy = malloc(len + !len);
	struct tls_bytes message = { 0 };

	CHECK(copy);
	memcpy(copy, stream, len);
	whole = tls_message_len(TLS_ON_TCP, plain, n);
	switch (tls_records_message(copy, len, scratch, sizeof(scratch), &message)) {
	case TLS_RECORDS_MESSAGE:
		CHECK(whole == message.len && whole <= n && !memcmp(message.at, plain, whole));
		break;
	case TLS_RECORDS_TOO_LONG:
		CHECK(whole > sizeof(scratch));
		break;
	case TLS_RECORDS_MORE:
	case TLS_RECORDS_NOT_TLS:
	case TLS_RECORDS_OTHER:
		CHECK(!whole || whole > n);
		break;
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct reassemble_pool *pool;
	static struct map map;
	struct reassemble *r;
	size_t total = 0;
	uint32_t first;
	int n = 0;

	if (!pool)
		CHECK(!reassemble_pool_new(&pool, sizeof(struct reassemble)));
	if (len < 4)
		return 0;
	memcpy(&first, data, 4);
	data += 4;
	len -= 4;
	memset(&map, 0, sizeof(map));
	r = reassemble_begin(pool, first);
	CHECK(r && !reassemble_begin(pool, first));
	for (; len >= 7 && n < SEGMENTS_MAX && total < BYTES_MAX; n++) {
		int32_t offset;
		uint16_t size;
		uint8_t fill = data[6], *bytes;

		memcpy(&offset, data, 4);
		memcpy(&size, data + 4, 2);
		data += 7;
		len -= 7;
		if (!fill && size > len)
			size = (uint16_t)len;
		total += size;
		bytes = malloc(size + !size);
		CHECK(bytes);
		if (fill)
			memset(bytes, fill, size);
		else
			memcpy(bytes, data, size);
		if (!fill) {
			data += size;
			len -= size;
		}
		CHECK(reassemble_add(r, first + (uint32_t)offset, bytes, size) == map_add(&map, offset, bytes, size));
		free(bytes);
	}
	check_same(r, &map);
	check_records(r->bytes, reassemble_ready(r));
	reassemble_end(pool, r);
	CHECK(reassemble_pool_used(pool) == 0);
	return 0;
}
