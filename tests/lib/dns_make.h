/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dns_make - DNS messages for tests, piece by piece. */
#pragma once

#include <stdint.h>
#include <string.h>

struct dns_make {
	uint8_t bytes[65535];
	size_t len;
};

static inline void make_bytes(struct dns_make *m, const void *bytes, size_t len)
{
	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
}

static inline void make_u8(struct dns_make *m, unsigned int value)
{
	m->bytes[m->len++] = (uint8_t)value;
}

static inline void make_u16(struct dns_make *m, unsigned int value)
{
	make_u8(m, value >> 8);
	make_u8(m, value);
}

static inline void make_u32(struct dns_make *m, uint32_t value)
{
	make_u16(m, value >> 16);
	make_u16(m, value);
}

static inline void make_header(struct dns_make *m, unsigned int id, unsigned int flags)
{
	memset(m->bytes, 0, 12);
	m->len = 0;
	make_u16(m, id);
	make_u16(m, flags);
	m->len = 12;
}

/* One more question or record; @section 0 to 3. */
static inline void make_count(struct dns_make *m, int section)
{
	if (!++m->bytes[5 + 2 * section])
		m->bytes[4 + 2 * section]++;
}

/* "www.example.com", "" for the root; "@12" at the end: a pointer there. */
static inline void make_name(struct dns_make *m, const char *text)
{
	while (*text && *text != '@') {
		size_t len = strcspn(text, ".@");

		make_u8(m, (unsigned int)len);
		make_bytes(m, text, len);
		text += len + (text[len] == '.');
	}
	if (*text == '@') {
		unsigned int at = 0;

		while (*++text)
			at = 10 * at + (unsigned int)(*text - '0');
		make_u16(m, 0xc000 | at);
		return;
	}
	make_u8(m, 0);
}

static inline void make_question(struct dns_make *m, const char *name, unsigned int type)
{
	make_count(m, 0);
	make_name(m, name);
	make_u16(m, type);
	make_u16(m, 1);
}

/* Up to its data; make_end() with what this returns sets the length. */
static inline size_t make_record(struct dns_make *m, int section, const char *name, unsigned int type, unsigned int class,
				 uint32_t ttl)
{
	make_count(m, section);
	make_name(m, name);
	make_u16(m, type);
	make_u16(m, class);
	make_u32(m, ttl);
	make_u16(m, 0);
	return m->len;
}

static inline void make_end(struct dns_make *m, size_t begin)
{
	m->bytes[begin - 2] = (uint8_t)((m->len - begin) >> 8);
	m->bytes[begin - 1] = (uint8_t)(m->len - begin);
}

static inline void make_a(struct dns_make *m, const char *name, uint32_t ttl, uint32_t address)
{
	size_t at = make_record(m, 1, name, 1, 1, ttl);

	make_u32(m, address);
	make_end(m, at);
}

static inline void make_alias(struct dns_make *m, const char *name, unsigned int type, const char *target)
{
	size_t at = make_record(m, 1, name, type, 1, 300);

	make_name(m, target);
	make_end(m, at);
}
