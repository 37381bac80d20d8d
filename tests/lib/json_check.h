/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json_check - a strict reader of one JSON value (RFC 8259), written apart from the encoder that it judges.
 *
 * Refuses what is not UTF-8, control characters (C1 included), surrogates, spaces between tokens, and numbers that are
 * no plain whole ones. Calls @leaf, where given, for each value that is no object, with its path ("network.vlan.id").
 */
#pragma once

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define JSON_CHECK_DEPTH 16

struct json_check {
	const unsigned char *at, *end;
	void (*leaf)(const char *path, void *arg);
	void *arg;
	char path[256];
	int depth;
};

static bool json_check_value(struct json_check *c);

static bool json_check_char(struct json_check *c, char want)
{
	if (c->at == c->end || *c->at != (unsigned char)want)
		return false;
	c->at++;
	return true;
}

static bool json_check_hex4(struct json_check *c, unsigned int *ret)
{
	*ret = 0;
	for (int i = 0; i < 4; i++, c->at++) {
		if (c->at == c->end || !isxdigit(*c->at))
			return false;
		*ret = *ret * 16 + (unsigned int)(isdigit(*c->at) ? *c->at - '0' : (*c->at | 32) - 'a' + 10);
	}
	return true;
}

static bool json_check_utf8(struct json_check *c)
{
	unsigned int point, more = *c->at >= 0xf0 ? 3 : *c->at >= 0xe0 ? 2 : 1;
	static const unsigned int least[] = { 0, 0x80, 0x800, 0x10000 };

	if (*c->at < 0xc2 || *c->at > 0xf4 || (size_t)(c->end - c->at) <= more)
		return false;
	point = *c->at++ & (0x3fu >> more);
	for (unsigned int i = 0; i < more; i++, c->at++) {
		if ((*c->at & 0xc0) != 0x80)
			return false;
		point = point << 6 | (*c->at & 0x3fu);
	}
	return point >= least[more] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff) &&
	       !(point >= 0x80 && point < 0xa0);	/* C1: the encoder's own promise */
}

static bool json_check_string(struct json_check *c)
{
	unsigned int unit;

	if (!json_check_char(c, '"'))
		return false;
	while (c->at < c->end && *c->at != '"') {
		if (*c->at < 0x20 || *c->at == 0x7f)
			return false;
		if (*c->at >= 0x80) {
			if (!json_check_utf8(c))
				return false;
		} else if (*c->at == '\\') {
			c->at++;
			if (c->at == c->end || !strchr("\"\\/bfnrtu", *c->at))
				return false;
			if (*c->at++ == 'u' && (!json_check_hex4(c, &unit) || (unit >= 0xd800 && unit <= 0xdfff)))
				return false;
		} else {
			c->at++;
		}
	}
	return json_check_char(c, '"');
}

static bool json_check_object(struct json_check *c)
{
	size_t len = strlen(c->path);

	c->at++;
	if (json_check_char(c, '}'))
		return true;
	do {
		const unsigned char *key = c->at + 1;

		c->path[len] = '\0';
		if (!json_check_string(c) || (size_t)(c->at - key) > sizeof(c->path) - len - 2)
			return false;
		snprintf(c->path + len, sizeof(c->path) - len, "%s%.*s", len ? "." : "", (int)(c->at - key - 1), key);
		if (!json_check_char(c, ':') || !json_check_value(c))
			return false;
	} while (json_check_char(c, ','));
	c->path[len] = '\0';
	return json_check_char(c, '}');
}

static bool json_check_array(struct json_check *c)
{
	c->at++;
	if (json_check_char(c, ']'))
		return true;
	do {
		if (!json_check_value(c))
			return false;
	} while (json_check_char(c, ','));
	return json_check_char(c, ']');
}

static bool json_check_number(struct json_check *c)
{
	const unsigned char *begin = c->at;

	while (c->at < c->end && isdigit(*c->at))
		c->at++;
	return c->at > begin && (*begin != '0' || c->at == begin + 1);
}

static bool json_check_word(struct json_check *c, const char *word)
{
	if ((size_t)(c->end - c->at) < strlen(word) || memcmp(c->at, word, strlen(word)))
		return false;
	c->at += strlen(word);
	return true;
}

static bool json_check_value(struct json_check *c)
{
	bool good;

	if (c->at == c->end || c->depth >= JSON_CHECK_DEPTH)
		return false;
	if (*c->at == '{') {
		c->depth++;
		good = json_check_object(c);
		c->depth--;
		return good;
	}
	if (c->leaf)
		c->leaf(c->path, c->arg);
	if (*c->at == '[') {
		void (*leaf)(const char *path, void *arg) = c->leaf;

		c->leaf = NULL;	/* one array, one leaf */
		c->depth++;
		good = json_check_array(c);
		c->depth--;
		c->leaf = leaf;
		return good;
	}
	if (*c->at == '"')
		return json_check_string(c);
	return isdigit(*c->at) ? json_check_number(c) : json_check_word(c, "true") || json_check_word(c, "false");
}

/* Whether the @len bytes at @text are exactly one value. */
static inline bool json_check(const void *text, size_t len, void (*leaf)(const char *path, void *arg), void *arg)
{
	struct json_check c = { .at = text, .end = (const unsigned char *)text + len, .leaf = leaf, .arg = arg };

	return json_check_value(&c) && c.at == c.end;
}
