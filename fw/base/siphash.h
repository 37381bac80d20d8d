/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * siphash - a keyed hash, so that nobody outside can aim at one bucket of a table.
 *
 * SipHash-c-d of Aumasson and Bernstein (2012): siphash() is 1-3, as the kernels and languages use it for tables; the
 * rounds are an argument for the authors' own test vectors, which are of 2-4. Pure.
 */
#pragma once

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct siphash_key {
	uint64_t k[2];	/* random, taken by who makes the table */
};

struct siphash_state {
	uint64_t v[4];
};

static inline uint64_t siphash_rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void siphash_rounds(struct siphash_state *s, int rounds)
{
	uint64_t *v = s->v;

	while (rounds-- > 0) {
		v[0] += v[1];
		v[1] = siphash_rotate(v[1], 13) ^ v[0];
		v[0] = siphash_rotate(v[0], 32);
		v[2] += v[3];
		v[3] = siphash_rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = siphash_rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = siphash_rotate(v[1], 17) ^ v[2];
		v[2] = siphash_rotate(v[2], 32);
	}
}

static inline void siphash_word(struct siphash_state *s, uint64_t word, int rounds)
{
	s->v[3] ^= word;
	siphash_rounds(s, rounds);
	s->v[0] ^= word;
}

static inline uint64_t siphash_c_d(struct siphash_key key, const void *bytes, size_t len, int c, int d)
{
	struct siphash_state s = { { key.k[0] ^ 0x736f6d6570736575, key.k[1] ^ 0x646f72616e646f6d,
				     key.k[0] ^ 0x6c7967656e657261, key.k[1] ^ 0x7465646279746573 } };
	uint64_t word, last = (uint64_t)len << 56;
	size_t at = 0;

	for (; len - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, (const uint8_t *)bytes + at, sizeof(word));
		siphash_word(&s, le64toh(word), c);
	}
	for (size_t i = 0; at + i < len; i++)
		last |= (uint64_t)((const uint8_t *)bytes)[at + i] << 8 * i;
	siphash_word(&s, last, c);
	s.v[2] ^= 0xff;
	siphash_rounds(&s, d);
	return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}

static inline uint64_t siphash(struct siphash_key key, const void *bytes, size_t len)
{
	return siphash_c_d(key, bytes, len, 1, 3);
}
