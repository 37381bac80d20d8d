/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/json.h"

#include <arpa/inet.h>
#include <string.h>

#include "export/fields.h"
#include "export/fields_when.h"
#include "export/text.h"

/* ---- values: what the last column of fields.h calls ---- */

static void u64(struct writer *w, uint64_t value)
{
	writer_u64(w, value);
}

/* A text of our own: nothing in it needs escaping. */
static void quoted(struct writer *w, const char *text)
{
	writer_char(w, '"');
	writer_text(w, text);
	writer_char(w, '"');
}

static void string(struct writer *w, const char *text)
{
	text_json(w, text, strlen(text));
}

/* A number that ECS has as a keyword. */
static void number_text(struct writer *w, uint64_t value)
{
	writer_char(w, '"');
	writer_u64(w, value);
	writer_char(w, '"');
}

static void boolean(struct writer *w, bool value)
{
	writer_text(w, value ? "true" : "false");
}

static void date(struct writer *w, uint64_t us)
{
	writer_char(w, '"');
	text_time(w, us);
	writer_char(w, '"');
}

static void ip(struct writer *w, const uint32_t addr[4], uint8_t ip_version)
{
	writer_char(w, '"');
	text_ip(w, addr, ip_version);
	writer_char(w, '"');
}

static void mac(struct writer *w, const uint8_t addr[6])
{
	writer_char(w, '"');
	text_mac(w, addr);
	writer_char(w, '"');
}

static void flags(struct writer *w, uint8_t tcp_flags)
{
	writer_char(w, '"');
	text_tcp_flags(w, tcp_flags);
	writer_char(w, '"');
}

static void hex(struct writer *w, const void *bytes, size_t len)
{
	writer_char(w, '"');
	writer_hex(w, bytes, len, 0);
	writer_char(w, '"');
}

static void numbers(struct writer *w, const uint16_t *list, uint8_t count)
{
	writer_char(w, '[');
	for (uint8_t i = 0; i < count; i++)
		writer_format(w, "%s\"0x%04x\"", i ? "," : "", list[i]);
	writer_char(w, ']');
}

/* Without the zeroes at its end. */
static void bytes_list(struct writer *w, const uint8_t *list, size_t count)
{
	while (count && !list[count - 1])
		count--;
	writer_char(w, '[');
	for (size_t i = 0; i < count; i++)
		writer_format(w, "%s%u", i ? "," : "", list[i]);
	writer_char(w, ']');
}

static void alpn(struct writer *w, const struct record *r, void (*put)(struct writer *w, const void *bytes, size_t len))
{
	const uint8_t *name;
	size_t at = 0, len;

	writer_char(w, '[');
	for (unsigned int n = 0; record_alpn_next(r, &at, &name, &len); n++) {
		if (n)
			writer_char(w, ',');
		put(w, name, len);
	}
	writer_char(w, ']');
}

/* ---- objects ---- */

struct object {
	struct writer *w;
	size_t mark[FIELD_DEPTH];	/* where each open object began, its comma included */
	size_t depth;
};

/* @text: ,"name": - the comma is left out behind a brace. No value ends in one, so the last byte tells. */
static void put_key(struct writer *w, const char *text, size_t len)
{
	bool first = w->len && w->buf[w->len - 1] == '{';

	writer_bytes(w, text + first, len - first);
}

static void object_open(struct object *o, const char *text, size_t len)
{
	o->mark[o->depth++] = writer_mark(o->w);
	put_key(o->w, text, len);
}

static void object_close(struct object *o)
{
	size_t mark = o->mark[--o->depth];

	/* Nothing came into it: take it back. Not when full: writer_undo() would clear that. */
	if (!o->w->full && o->w->buf[o->w->len - 1] == '{')
		writer_undo(o->w, mark);
	else
		writer_char(o->w, '}');
}

#define JSON_OPEN(name)	object_open(&object, ",\"" #name "\":{", sizeof(",\"" #name "\":{") - 1);
#define JSON_CLOSE()	object_close(&object);
#define JSON_FIELD(name, type, unit, absent, meaning, condition, writing) \
	if (condition) { \
		put_key(w, ",\"" #name "\":", sizeof(",\"" #name "\":") - 1); \
		writing; \
	}

void json_record(struct writer *w, const struct record *r)
{
	struct object object = { .w = w };

	writer_char(w, '{');
	RECORD_FIELDS(JSON_OPEN, JSON_FIELD, JSON_CLOSE)
	writer_char(w, '}');
}
