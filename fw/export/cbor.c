/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/cbor.h"

#include <arpa/inet.h>
#include <cbor/encoding.h>
#include <string.h>

#include "export/fields.h"
#include "export/fields_when.h"
#include "export/text.h"

#define HEAD_MAX 9	/* of one item */
#define TEXT_MAX 4096	/* a DNS name of 255 bytes with escapes has 1020 characters, each at most 3 bytes */

/* ---- items ---- */

void cbor_map(struct writer *w)
{
	unsigned char head[HEAD_MAX];

	writer_bytes(w, head, cbor_encode_indef_map_start(head, sizeof(head)));
}

void cbor_array(struct writer *w)
{
	unsigned char head[HEAD_MAX];

	writer_bytes(w, head, cbor_encode_indef_array_start(head, sizeof(head)));
}

void cbor_end(struct writer *w)
{
	unsigned char head[HEAD_MAX];

	writer_bytes(w, head, cbor_encode_break(head, sizeof(head)));
}

void cbor_u64(struct writer *w, uint64_t value)
{
	unsigned char head[HEAD_MAX];

	writer_bytes(w, head, cbor_encode_uint(value, head, sizeof(head)));
}

void cbor_boolean(struct writer *w, bool value)
{
	unsigned char head[HEAD_MAX];

	writer_bytes(w, head, cbor_encode_bool(value, head, sizeof(head)));
}

/* @bytes: UTF-8. */
static void put_text(struct writer *w, const void *bytes, size_t len)
{
	unsigned char head[HEAD_MAX];

	writer_bytes(w, head, cbor_encode_string_start(len, head, sizeof(head)));
	writer_bytes(w, bytes, len);
}

static void put_written(struct writer *w, const struct writer *text)
{
	put_text(w, text->buf, text->len);
	w->full |= text->full;
}

void cbor_text(struct writer *w, const void *bytes, size_t len)
{
	char valid[TEXT_MAX];
	struct writer text = WRITER(valid);

	text_utf8(&text, bytes, len);
	put_written(w, &text);
}

void cbor_string(struct writer *w, const char *text)
{
	cbor_text(w, text, strlen(text));
}

/* ---- values: what the last column of fields.h calls ---- */

#define text_json cbor_text

static void u64(struct writer *w, uint64_t value)
{
	cbor_u64(w, value);
}

static void quoted(struct writer *w, const char *text)
{
	put_text(w, text, strlen(text));
}

static void string(struct writer *w, const char *text)
{
	cbor_string(w, text);
}

static void number_text(struct writer *w, uint64_t value)
{
	char digits[24];
	struct writer text = WRITER(digits);

	writer_u64(&text, value);
	put_written(w, &text);
}

static void boolean(struct writer *w, bool value)
{
	cbor_boolean(w, value);
}

static void date(struct writer *w, uint64_t us)
{
	char rfc3339[40];
	struct writer text = WRITER(rfc3339);

	text_time(&text, us);
	put_written(w, &text);
}

static void ip(struct writer *w, const uint32_t addr[4], uint8_t ip_version)
{
	char address[TEXT_IP_MAX + 1];
	struct writer text = WRITER(address);

	text_ip(&text, addr, ip_version);
	put_written(w, &text);
}

static void mac(struct writer *w, const uint8_t addr[6])
{
	char address[24];
	struct writer text = WRITER(address);

	text_mac(&text, addr);
	put_written(w, &text);
}

static void flags(struct writer *w, uint8_t tcp_flags)
{
	char letters[16];
	struct writer text = WRITER(letters);

	text_tcp_flags(&text, tcp_flags);
	put_written(w, &text);
}

static void hex(struct writer *w, const void *bytes, size_t len)
{
	char digits[TEXT_MAX];
	struct writer text = WRITER(digits);

	writer_hex(&text, bytes, len, 0);
	put_written(w, &text);
}

static void numbers(struct writer *w, const uint16_t *list, uint8_t count)
{
	cbor_array(w);
	for (uint8_t i = 0; i < count; i++) {
		char digits[8];
		struct writer text = WRITER(digits);

		writer_format(&text, "0x%04x", list[i]);
		put_written(w, &text);
	}
	cbor_end(w);
}

/* Without the zeroes at its end. */
static void bytes_list(struct writer *w, const uint8_t *list, size_t count)
{
	while (count && !list[count - 1])
		count--;
	cbor_array(w);
	for (size_t i = 0; i < count; i++)
		cbor_u64(w, list[i]);
	cbor_end(w);
}

static void alpn(struct writer *w, const struct record *r, void (*put)(struct writer *w, const void *bytes, size_t len))
{
	const uint8_t *name;
	size_t at = 0, len;

	cbor_array(w);
	while (record_alpn_next(r, &at, &name, &len))
		put(w, name, len);
	cbor_end(w);
}

/* ---- objects ---- */

struct object {
	struct writer *w;
	size_t mark[FIELD_DEPTH], inside[FIELD_DEPTH];	/* where each open map's key began, and its first member would */
	size_t depth;
};

static void object_open(struct object *o, const char *name, size_t len)
{
	o->mark[o->depth] = writer_mark(o->w);
	put_text(o->w, name, len);
	cbor_map(o->w);
	o->inside[o->depth++] = writer_mark(o->w);
}

static void object_close(struct object *o)
{
	o->depth--;
	/* Nothing came into it: take it back. Not when full: writer_undo() would clear that. */
	if (!o->w->full && writer_mark(o->w) == o->inside[o->depth])
		writer_undo(o->w, o->mark[o->depth]);
	else
		cbor_end(o->w);
}

#define CBOR_OPEN(name)	object_open(&object, #name, sizeof(#name) - 1);
#define CBOR_CLOSE()	object_close(&object);
#define CBOR_FIELD(name, type, unit, absent, meaning, condition, writing) \
	if (condition) { \
		put_text(w, #name, sizeof(#name) - 1); \
		writing; \
	}

void cbor_record(struct writer *w, const struct record *r)
{
	struct object object = { .w = w };

	cbor_map(w);
	RECORD_FIELDS(CBOR_OPEN, CBOR_FIELD, CBOR_CLOSE)
	cbor_end(w);
}
