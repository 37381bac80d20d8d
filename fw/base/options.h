/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * options - the one table of what weir.conf may say: the parser, the defaults, `weir check-config` and weir.conf(5)
 * are all made from it.
 *
 * An option lives at @offset of its section's base: struct conf, or struct conf_port for section "port". Values come
 * and go as the text that a file holds; messages, files and lines are conf.c's business. No logging, no allocation.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/writer.h"

#define OPTIONS_TEXT_MAX 256	/* bytes of an "allowed" text, its NUL included */

enum option_type {
	OPTION_LEVEL,		/* one level of an MQTT topic */
	OPTION_TOPIC,		/* one or more levels */
	OPTION_TEXT,
	OPTION_HOSTS,		/* of hosts.h */
	OPTION_PATH,
	OPTION_ENDPOINT,
	OPTION_LISTEN,
	OPTION_USER,
	OPTION_NUMBER,
	OPTION_POWER,		/* a power of two */
	OPTION_SIZE,		/* bytes; k and M may follow */
	OPTION_DURATION,	/* stored in nanoseconds */
	OPTION_CHOICE,
};

struct option_choice {
	const char *word;
	unsigned int value;
};

struct conf_option {
	const char *section;
	const char *key;
	size_t offset, size;			/* of the member; a text may have one byte less */
	enum option_type type;
	const char *preset;			/* as a file would give it */
	const char *help;			/* sentences */
	uint64_t min, max;			/* of numbers, sizes, durations */
	const struct option_choice *choices;	/* ends in a NULL word */
	const char *empty;			/* what an empty text means; NULL: it may not be empty */
};

struct conf_section {
	const char *name;
	const char *help;
};

#define OPTIONS_PORT "port"	/* the section that is repeated, with a name behind it */

extern const struct conf_option options[];
extern const size_t options_count;
extern const struct conf_section options_sections[];
extern const size_t options_sections_count;

/* Every option of @section at @base to its preset. */
void options_preset(const char *section, void *base);

/* NULL, or why @value cannot be; the member is then untouched. */
const char *options_set(const struct conf_option *option, void *base, const char *value);

void options_get(const struct conf_option *option, const void *base, struct writer *w);
void options_allowed(const struct conf_option *option, struct writer *w);

/* What was meant, for a message: NULL when nothing is near. */
const char *options_nearest_section(const char *word);
const struct conf_option *options_nearest(const char *section, const char *key);	/* may be in another section */

const char *options_type(const struct conf_option *option);	/* one word for the type */
