/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reader - reads bytes from outside in order and never beyond their end.
 *
 * What is not there reads as 0, NULL or an empty reader, and sets @bad, which stays: read a structure, then ask once.
 * Numbers are in network byte order. A reader copied is a second place in the same bytes. No allocation, no errors.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *at;
	size_t left;
	bool bad;
};

/* The next @len bytes; NULL when there are fewer. */
static inline const uint8_t *reader_bytes(struct reader *r, size_t len)
{
	const uint8_t *at = r->at;

	if (r->bad || len > r->left) {
		r->bad = true;
		return NULL;
	}
	r->at += len;
	r->left -= len;
	return at;
}

/* A number of @size bytes, 1 to 4. */
static inline uint32_t reader_uint(struct reader *r, size_t size)
{
	const uint8_t *p = reader_bytes(r, size);
	uint32_t value = 0;

	for (size_t i = 0; p && i < size; i++)
		value = value << 8 | p[i];
	return value;
}

static inline uint8_t reader_u8(struct reader *r)
{
	return (uint8_t)reader_uint(r, 1);
}

static inline uint16_t reader_u16(struct reader *r)
{
	return (uint16_t)reader_uint(r, 2);
}

static inline uint32_t reader_u24(struct reader *r)
{
	return reader_uint(r, 3);
}

/* A reader over the next @len bytes; bad, as @r then is, when there are fewer. */
static inline struct reader reader_part(struct reader *r, size_t len)
{
	const uint8_t *at = reader_bytes(r, len);

	return (struct reader){ .at = at, .left = at ? len : 0, .bad = !at };
}

/* The same over a vector with its length in the @size bytes before it (RFC 8446 3.4). */
static inline struct reader reader_vector(struct reader *r, size_t size)
{
	return reader_part(r, reader_uint(r, size));
}
