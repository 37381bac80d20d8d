/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hello_make - builds ClientHellos for the tests and feeds them to the walk as the dataplane does.
 *
 * A hello is built inside out: hello_msg_begin(), extensions, hello_msg_end() (which sets the lengths), then
 * hello_records() wraps the message into TLS records. Aborts when a test wants more than fits.
 */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/hello.h"

struct bytes {
	size_t len;
	uint8_t b[40000];
};

static inline void put(struct bytes *m, const void *src, size_t len)
{
	if (len > sizeof(m->b) - m->len)
		abort();
	memcpy(m->b + m->len, src, len);
	m->len += len;
}

static inline void put8(struct bytes *m, unsigned int v)
{
	put(m, &(uint8_t){ v }, 1);
}

static inline void put16(struct bytes *m, unsigned int v)
{
	put8(m, v >> 8);
	put8(m, v);
}

static inline void put_fill(struct bytes *m, size_t len, uint8_t v)
{
	while (len--)
		put8(m, v);
}

static inline void set16(struct bytes *m, size_t at, unsigned int v)
{
	m->b[at] = v >> 8;
	m->b[at + 1] = v;
}

/* Where the fields of a message lie, for tests that spoil them: offsets in the message, records not counted. */
enum { MSG_TYPE = 0, MSG_LEN = 1, MSG_VERSION = 4, MSG_SESSION = 38, MSG_CIPHERS = 71, MSG_COMPRESSION = 105,
       MSG_EXTENSIONS = 107, MSG_FIRST_EXT = 109 };

/* 32 bytes of session id, 16 suites, one compression method; then the extensions' length. */
static inline void hello_msg_begin(struct bytes *m)
{
	m->len = 0;
	put(m, "\x01\0\0\0\x03\x03", 6);
	put_fill(m, 32, 0xaa);
	put8(m, 32);
	put_fill(m, 32, 0xbb);
	put16(m, 32);
	put_fill(m, 32, 0x13);
	put16(m, 0x0100);
	put16(m, 0);
}

static inline void hello_msg_end(struct bytes *m)
{
	m->b[MSG_LEN] = (m->len - 4) >> 16;
	set16(m, MSG_LEN + 1, m->len - 4);
	set16(m, MSG_EXTENSIONS, m->len - MSG_FIRST_EXT);
}

static inline void put_ext(struct bytes *m, unsigned int type, size_t len, uint8_t fill)
{
	put16(m, type);
	put16(m, len);
	put_fill(m, len, fill);
}

static inline void put_sni(struct bytes *m, const char *name, size_t len)
{
	put16(m, HELLO_EXT_SNI);
	put16(m, len + 5);
	put16(m, len + 3);
	put8(m, 0);
	put16(m, len);
	put(m, name, len);
}

/* @list: names with their length bytes. */
static inline void put_alpn(struct bytes *m, const void *list, size_t len)
{
	put16(m, HELLO_EXT_ALPN);
	put16(m, len + 2);
	put16(m, len);
	put(m, list, len);
}

/* @m in records of at most @each bytes. */
static inline void hello_records(struct bytes *out, const struct bytes *m, size_t each)
{
	out->len = 0;
	for (size_t at = 0, n; at < m->len; at += n) {
		n = m->len - at < each ? m->len - at : each;
		put(out, "\x16\x03\x01", 3);
		put16(out, n);
		put(out, m->b + at, n);
	}
}

/* One TCP segment, as the dataplane feeds it. */
static inline void hello_feed(struct hello *h, struct hello_buf *buf, uint32_t seq, const uint8_t *payload,
			      uint32_t len)
{
	for (uint32_t at = hello_accept(h, seq, len); at < len && h->status == HELLO_MORE; at += buf->len) {
		buf->len = len - at < HELLO_CHUNK ? len - at : HELLO_CHUNK;
		memcpy(buf->bytes, payload + at, buf->len);
		hello_walk(h, buf);
	}
}
