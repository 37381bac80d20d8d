/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/text.h"

#include <arpa/inet.h>
#include <string.h>

#define US_PER_S	1000000ULL
#define S_PER_DAY	86400ULL
#define REPLACEMENT	0xfffdu

struct moment {
	unsigned int year, month, day, hour, minute, second, us;
};

/*
 * Gregorian date of days since 1970: years begin in March, so that the leap day is the last one, and 400 years are a
 * period. Not gmtime_r(): it takes a lock and opens /etc/localtime, which the agent's sandbox has no reason to allow.
 */
static struct moment moment_of(uint64_t us)
{
	uint64_t s = us / US_PER_S;
	unsigned int of_day = (unsigned int)(s % S_PER_DAY);
	unsigned int days = (unsigned int)(s / S_PER_DAY) + 719468;	/* since 0000-03-01 */
	unsigned int era = days / 146097, of_era = days % 146097;
	unsigned int of_era_year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned int of_year = of_era - (365 * of_era_year + of_era_year / 4 - of_era_year / 100);
	unsigned int march = (5 * of_year + 2) / 153;	/* 0: March */

	return (struct moment){
		.year = era * 400 + of_era_year + (march >= 10),
		.month = march < 10 ? march + 3 : march - 9,
		.day = of_year - (153 * march + 2) / 5 + 1,
		.hour = of_day / 3600,
		.minute = of_day / 60 % 60,
		.second = of_day % 60,
		.us = (unsigned int)(us % US_PER_S),
	};
}

static void digits(char *at, unsigned int value, unsigned int count)
{
	while (count--) {
		at[count] = (char)('0' + value % 10);
		value /= 10;
	}
}

void text_time(struct writer *w, uint64_t us)
{
	char text[] = "YYYY-MM-DDThh:mm:ss.uuuuuuZ";
	struct moment m;

	if (us >= TEXT_TIME_END_US)
		return;
	m = moment_of(us);
	digits(text, m.year, 4);
	digits(text + 5, m.month, 2);
	digits(text + 8, m.day, 2);
	digits(text + 11, m.hour, 2);
	digits(text + 14, m.minute, 2);
	digits(text + 17, m.second, 2);
	digits(text + 20, m.us, 6);
	writer_bytes(w, text, sizeof(text) - 1);
}

void text_time_short(struct writer *w, uint64_t us)
{
	char text[32];
	struct writer full = WRITER(text);

	if (us >= TEXT_TIME_END_US)
		return;
	text_time(&full, us);
	text[10] = ' ';
	writer_bytes(w, text, 23);
}

void text_ip(struct writer *w, const uint32_t addr[4], uint8_t ip_version)
{
	char text[TEXT_IP_MAX];

	if (ip_version == 4) {	/* by hand: inet_ntop() formats each byte with sprintf(), 5 times the cost */
		const uint8_t *byte = (const uint8_t *)&addr[3];

		for (unsigned int i = 0; i < 4; i++) {
			if (i)
				writer_char(w, '.');
			writer_u64(w, byte[i]);
		}
		return;
	}
	if (inet_ntop(AF_INET6, addr, text, sizeof(text)))
		writer_text(w, text);
}

void text_mac(struct writer *w, const uint8_t mac[6])
{
	char text[17];

	for (unsigned int i = 0; i < 6; i++) {
		text[3 * i] = "0123456789ABCDEF"[mac[i] >> 4];
		text[3 * i + 1] = "0123456789ABCDEF"[mac[i] & 15];
		if (i < 5)
			text[3 * i + 2] = '-';
	}
	writer_bytes(w, text, sizeof(text));
}

void text_tcp_flags(struct writer *w, uint8_t flags)
{
	char text[8];

	for (unsigned int i = 0; i < 8; i++)
		text[i] = flags & (0x80 >> i) ? "CEUAPRSF"[i] : '.';
	writer_bytes(w, text, sizeof(text));
}

/* Lead bytes of UTF-8, with what may follow them first: Unicode 15, table 3-7. */
static const struct utf8_lead {
	uint8_t from, to;	/* lead byte */
	uint8_t more;		/* continuation bytes */
	uint8_t low, high;	/* range of the first one; the others are 80..BF */
} UTF8_LEADS[] = {
	{ 0xc2, 0xdf, 1, 0x80, 0xbf },
	{ 0xe0, 0xe0, 2, 0xa0, 0xbf },
	{ 0xe1, 0xec, 2, 0x80, 0xbf },
	{ 0xed, 0xed, 2, 0x80, 0x9f },	/* no surrogates */
	{ 0xee, 0xef, 2, 0x80, 0xbf },
	{ 0xf0, 0xf0, 3, 0x90, 0xbf },
	{ 0xf1, 0xf3, 3, 0x80, 0xbf },
	{ 0xf4, 0xf4, 3, 0x80, 0x8f },	/* up to U+10FFFF */
};

/* Length of the sequence at @p, of its valid beginning (at least 1) where @ret_valid is false. @left > 0. */
static size_t utf8_next(const uint8_t *p, size_t left, uint32_t *ret_point, bool *ret_valid)
{
	const struct utf8_lead *lead = UTF8_LEADS;
	const struct utf8_lead *end = UTF8_LEADS + sizeof(UTF8_LEADS) / sizeof(UTF8_LEADS[0]);
	uint32_t point;
	size_t n = 1;

	*ret_valid = p[0] < 0x80;
	*ret_point = *ret_valid ? p[0] : REPLACEMENT;
	if (*ret_valid)
		return 1;
	while (lead < end && (p[0] < lead->from || p[0] > lead->to))
		lead++;
	if (lead == end)
		return 1;
	point = p[0] & (0x3f >> lead->more);
	for (; n <= lead->more; n++) {
		if (n == left || p[n] < (n == 1 ? lead->low : 0x80) || p[n] > (n == 1 ? lead->high : 0xbf))
			return n;
		point = point << 6 | (p[n] & 0x3f);
	}
	*ret_point = point;
	*ret_valid = true;
	return n;
}

bool text_is_utf8(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint32_t point;
	bool valid = true;

	for (size_t at = 0; at < len && valid;) {
		if (p[at] < 0x80)
			at++;
		else
			at += utf8_next(p + at, len - at, &point, &valid);
	}
	return valid;
}

/* Characters that a terminal or a reader may act upon: C0, DEL, C1, direction marks, line separators, U+FEFF. */
static bool is_control(uint32_t point)
{
	return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0xad || point == 0x61c || point == 0xfeff ||
	       (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2060 && point <= 0x206f);
}

static void json_unit(struct writer *w, uint32_t unit)
{
	char text[6] = { '\\', 'u' };

	for (unsigned int i = 0; i < 4; i++)
		text[2 + i] = "0123456789abcdef"[unit >> (12 - 4 * i) & 15];
	writer_bytes(w, text, sizeof(text));
}

static bool is_ordinary(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void text_json(struct writer *w, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	writer_char(w, '"');
	for (size_t at = 0, run; at < len; at += run) {
		uint32_t point;
		bool valid;

		for (run = 0; at + run < len && is_ordinary(p[at + run]); run++)
			;
		if (run) {
			writer_bytes(w, p + at, run);
			continue;
		}
		run = utf8_next(p + at, len - at, &point, &valid);
		if (!valid) {
			writer_text(w, "\xef\xbf\xbd");
		} else if (point == '"' || point == '\\') {
			writer_char(w, '\\');
			writer_char(w, (char)point);
		} else if (is_control(point)) {
			json_unit(w, point);
		} else {
			writer_bytes(w, p + at, run);
		}
	}
	writer_char(w, '"');
}

void text_utf8(struct writer *w, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t at = 0, run; at < len; at += run) {
		uint32_t point;
		bool valid;

		run = utf8_next(p + at, len - at, &point, &valid);
		if (valid)
			writer_bytes(w, p + at, run);
		else
			writer_text(w, "\xef\xbf\xbd");
	}
}

void text_plain(struct writer *w, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++) {
		if (p[i] > 0x20 && p[i] < 0x7f && p[i] != '\\') {
			writer_char(w, (char)p[i]);
		} else {
			writer_text(w, "\\x");
			writer_hex(w, p + i, 1, 0);
		}
	}
}
