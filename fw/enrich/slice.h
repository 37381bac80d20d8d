/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * slice - questions about a run of text from outside, none of which looks beyond its end.
 *
 * Pure. A place that is beyond the end means the end. Case is that of ASCII; the text compared with is in lower case
 * where a name says "nocase".
 */
#pragma once

#include <string.h>

#include "base/util.h"
#include "enrich/tls.h"

/* From @from on, at most @len bytes. */
static inline struct tls_bytes slice_part(struct tls_bytes s, size_t from, size_t len)
{
	if (from >= s.len)
		return (struct tls_bytes){ 0 };
	return (struct tls_bytes){ s.at + from, MIN(len, s.len - from) };
}

static inline struct tls_bytes slice_from(struct tls_bytes s, size_t from)
{
	return slice_part(s, from, s.len);
}

/* Where @byte is first, @from or later; s.len: nowhere. */
static inline size_t slice_find(struct tls_bytes s, size_t from, uint8_t byte)
{
	const uint8_t *p = from < s.len ? memchr(s.at + from, byte, s.len - from) : NULL;

	return p ? (size_t)(p - s.at) : s.len;
}

/* What there is does not contradict @text. */
static inline bool slice_may_begin(struct tls_bytes s, const char *text)
{
	size_t n = MIN(s.len, strlen(text));

	return !n || !memcmp(s.at, text, n);
}

static inline bool slice_begins(struct tls_bytes s, const char *text)
{
	return s.len >= strlen(text) && slice_may_begin(s, text);
}

static inline uint8_t slice_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static inline bool slice_begins_nocase(struct tls_bytes s, const char *text)
{
	size_t n = strlen(text);

	if (s.len < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (slice_lower(s.at[i]) != (uint8_t)text[i])
			return false;
	return true;
}

static inline bool slice_is_nocase(struct tls_bytes s, const char *text)
{
	return s.len == strlen(text) && slice_begins_nocase(s, text);
}

static inline bool slice_has_nocase(struct tls_bytes s, const char *text)
{
	for (size_t i = 0; i < s.len; i++)
		if (slice_begins_nocase(slice_from(s, i), text))
			return true;
	return false;
}

/* Without blanks and tabs at either end. */
static inline struct tls_bytes slice_trim(struct tls_bytes s)
{
	while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
		s = slice_from(s, 1);
	while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}
