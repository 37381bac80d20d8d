/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_hello - the walk gives the same answer however its input is cut, and the plain parser's where that accepts.
 *
 * Input: a byte that seeds the cuts, then the client's payload. The only difference allowed: LIMIT, which counts the
 * steps of a chunk, and so depends on the cuts.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "hello_make.h"
#include "hello_ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_hello: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

/* Feeds @data in pieces of 1..@max bytes, each at its own place in memory so that ASan sees an overrun. */
static void walk(struct hello *h, const uint8_t *data, size_t size, size_t max, uint32_t rnd)
{
	struct hello_buf *buf = malloc(sizeof(*buf));
	const uint32_t isn = 0xffffff80u;

	CHECK(buf);
	memset(buf, 0, sizeof(*buf));
	memset(h, 0, sizeof(*h));
	hello_begin(h, isn);
	for (size_t at = 0, n; at < size; at += n) {
		rnd = rnd * 1664525 + 1013904223;
		n = max == size ? size : 1 + (rnd >> 8) % max;
		if (n > size - at)
			n = size - at;
		hello_feed(h, buf, isn + at, data + at, n);
		if (rnd >> 28 == 0)	/* and again */
			hello_feed(h, buf, isn + at, data + at, n);
		CHECK(h->status <= HELLO_LIMIT);
		CHECK(h->sni_len <= SNI_MAX && h->alpn_len <= ALPN_MAX);
		CHECK(!(h->flags & HELLO_GAP));
	}
	free(buf);
}

static void check_same(const struct hello *a, const struct hello *b)
{
	if (a->status == HELLO_LIMIT || b->status == HELLO_LIMIT)
		return;
	CHECK(a->status == b->status);
	CHECK(a->flags == b->flags);
	if (a->flags & HELLO_SNI)
		CHECK(a->sni_len == b->sni_len && !memcmp(a->store, b->store, a->sni_len));
	if (a->flags & HELLO_ALPN)
		CHECK(a->alpn_len == b->alpn_len &&
		      !memcmp(a->store + HELLO_ALPN_AT, b->store + HELLO_ALPN_AT, a->alpn_len));
}

static void check_ref(const struct hello *h, const struct hello_ref *ref)
{
	size_t kept;

	if (!ref->ok || h->status == HELLO_LIMIT)
		return;
	CHECK(h->status == HELLO_COMPLETE);
	CHECK(!!(h->flags & HELLO_SNI) == (ref->sni_len > 0 && ref->sni_len <= SNI_MAX));
	CHECK(!!(h->flags & HELLO_SNI_CUT) == (ref->sni_len > SNI_MAX));
	if (h->flags & HELLO_SNI)
		CHECK(h->sni_len == ref->sni_len && !memcmp(h->store, ref->sni, h->sni_len));
	CHECK(!!(h->flags & HELLO_ALPN) == (ref->alpn_len > 0));
	CHECK(!!(h->flags & HELLO_ALPN_CUT) == (ref->alpn_len > ALPN_MAX));
	if (!(h->flags & HELLO_ALPN))
		return;
	CHECK(!memcmp(h->store + HELLO_ALPN_AT, ref->alpn, h->alpn_len));
	kept = hello_ref_alpn_kept(ref, ALPN_MAX);
	CHECK(h->alpn_len == kept);
}

/* What looks whole has an end to walk to. */
static void check_whole(const struct hello *h, const uint8_t *data, size_t size)
{
	static struct hello_buf buf;

	if (size > HELLO_CHUNK)
		return;
	memset(&buf, 0, sizeof(buf));
	memcpy(buf.bytes, data, size);
	buf.len = (__u32)size;
	CHECK(!hello_is_whole(&buf) || h->status != HELLO_MORE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hello whole, pieces, bytewise;
	static struct hello_ref ref;

	if (size < 1)
		return 0;
	walk(&whole, data + 1, size - 1, size - 1, data[0]);
	walk(&pieces, data + 1, size - 1, 1 + data[0], data[0]);
	walk(&bytewise, data + 1, size - 1, 1, data[0]);
	check_same(&whole, &bytewise);
	check_same(&pieces, &bytewise);
	check_whole(&whole, data + 1, size - 1);
	hello_ref(&ref, data + 1, size - 1);
	check_ref(&whole, &ref);
	check_ref(&bytewise, &ref);
	return 0;
}
