/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/ipfix.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/util.h"
#include "export/text.h"

#define VERSION		10
#define ENTERPRISE_BIT	0x8000u
#define LENGTH_AT	2
#define TIME_AT		4
#define SEQUENCE_AT	8
#define SCRATCH		2048	/* a text before it is cut: 255 bytes from outside, four each, and commas between */
#define CUT		"\\..."	/* no text has it: a backslash of its own would be \x5c */

struct element {
	uint8_t group;
	uint32_t enterprise;
	uint16_t number;
	uint16_t length;	/* in the template */
	uint16_t most;		/* of a text */
	const char *name, *type, *unit, *meaning;
};

#define LENGTH_UINT(size)	(size)
#define LENGTH_BYTES(size)	(size)
#define LENGTH_TEXT(size)	IPFIX_VARIABLE
#define ELEMENT(grp, pen, id, text, kind, size, kind_text, units, says, value) \
	{ IPFIX_GROUP_##grp, pen, id, LENGTH_##kind(size), size, text, kind_text, units, says },
static const struct element elements[] = { IPFIX_ELEMENTS(ELEMENT) };
#undef ELEMENT

/* A template: its header, and 8 bytes a field at most. */
_Static_assert(IPFIX_HEADER + IPFIX_SET_HEADER + 4 + 8 * ARRAY_SIZE(elements) <= IPFIX_MESSAGE_MAX,
	       "a template fits a message");

/* ---- values: what the last column of ipfix_elements.h calls ---- */

static void put_uint(struct writer *w, unsigned int size, uint64_t value)
{
	uint8_t bytes[8];

	for (unsigned int i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * (size - 1 - i));
	writer_bytes(w, bytes, size);
}

static uint64_t milliseconds(uint64_t us)
{
	return us < TEXT_TIME_END_US ? us / 1000 : 0;
}

static void text(struct writer *t, const char *s)
{
	if (s)
		writer_text(t, s);
}

static void alpn(struct writer *t, const struct record *r)
{
	const uint8_t *name;
	size_t at = 0, len;

	for (unsigned int n = 0; record_alpn_next(r, &at, &name, &len); n++) {
		if (n)
			writer_char(t, ',');
		if (len)
			text_plain(t, name, len);
		else
			writer_text(t, "\\0");
	}
}

/* How much of @t stays in front of the mark: no half of a \xNN and no half of a character of UTF-8. */
static size_t cut_at(const struct writer *t, size_t most)
{
	size_t keep = most - (sizeof(CUT) - 1);

	while (keep && ((uint8_t)t->buf[keep] & 0xc0) == 0x80)
		keep--;
	for (size_t back = 1; back < 4 && back <= keep; back++)
		if (t->buf[keep - back] == '\\')
			return keep - back;
	return keep;
}

static void put_text(struct writer *w, size_t most, const struct writer *t)
{
	const bool is_cut = t->full || t->len > most;
	const size_t keep = is_cut ? cut_at(t, most) : t->len, len = is_cut ? keep + sizeof(CUT) - 1 : keep;

	if (len < 255) {
		put_uint(w, 1, len);
	} else {
		put_uint(w, 1, 255);
		put_uint(w, 2, len);
	}
	writer_bytes(w, t->buf, keep);
	if (is_cut)
		writer_text(w, CUT);
}

#define PUT_UINT(size, value)	put_uint(w, size, value);
#define PUT_BYTES(size, value)	writer_bytes(w, value, size);
#define PUT_TEXT(size, value)	t->len = 0; t->full = false; value; put_text(w, size, t);
#define PUT(group, pen, number, name, kind, size, type, unit, meaning, value) \
	if (groups & 1u << IPFIX_GROUP_##group) { \
		PUT_##kind(size, value) \
	}

static void put_record(struct writer *w, const struct record *r, uint32_t groups)
{
	char scratch[SCRATCH];
	struct writer plain = WRITER(scratch), *t = &plain;

	IPFIX_ELEMENTS(PUT)
}

/* Bits of the groups, without ALWAYS. */
static uint32_t groups_of(const struct record *r)
{
	uint32_t groups = 0;

#define GROUP(id, when, condition) groups |= (uint32_t)!!(condition) << IPFIX_GROUP_##id;
	IPFIX_GROUPS(GROUP)
#undef GROUP
	return groups;
}

/* ---- messages ---- */

static void patch(char *at, unsigned int size, uint64_t value)
{
	struct writer w = { .buf = at, .size = size };

	put_uint(&w, size, value);
}

void ipfix_begin(struct ipfix_message *m, void *buf, size_t size, uint32_t observation_domain)
{
	*m = (struct ipfix_message){ .w = { .buf = buf, .size = MIN(size, UINT16_MAX) } };
	put_uint(&m->w, 2, VERSION);
	put_uint(&m->w, 2, 0);	/* length */
	put_uint(&m->w, 4, 0);	/* export time */
	put_uint(&m->w, 4, 0);	/* sequence number */
	put_uint(&m->w, 4, observation_domain);
}

static void set_close(struct ipfix_message *m)
{
	if (m->set_at)
		patch(m->w.buf + m->set_at + LENGTH_AT, 2, m->w.len - m->set_at);
	m->set_at = 0;
}

/* The set that is open is left alone until the new one has something in it. */
static void set_begin(struct ipfix_message *m, uint16_t id)
{
	if (m->set_at && m->set_id == id)
		return;
	put_uint(&m->w, 2, id);
	put_uint(&m->w, 2, 0);
}

/* What was added since @mark is kept, or taken back where it did not fit. */
static int added(struct ipfix_message *m, uint16_t id, size_t mark)
{
	if (m->w.full) {
		writer_undo(&m->w, mark);
		return -ENOSPC;
	}
	if (!m->set_at || m->set_id != id) {
		const size_t len = m->w.len;

		m->w.len = mark;
		set_close(m);
		m->w.len = len;
		m->set_at = mark;
		m->set_id = id;
	}
	return 0;
}

int ipfix_add_record(struct ipfix_message *m, const struct record *r)
{
	const uint32_t groups = groups_of(r);
	const uint16_t id = (uint16_t)(IPFIX_TEMPLATE_FIRST + groups);
	const size_t mark = writer_mark(&m->w);
	int err;

	set_begin(m, id);
	put_record(&m->w, r, groups | 1u << IPFIX_GROUP_ALWAYS);
	err = added(m, id, mark);
	m->records += !err;
	return err;
}

int ipfix_add_template(struct ipfix_message *m, uint16_t id)
{
	const uint32_t groups = (id - IPFIX_TEMPLATE_FIRST) | 1u << IPFIX_GROUP_ALWAYS;
	const size_t mark = writer_mark(&m->w);
	size_t count_at;
	uint16_t count = 0;

	if (id < IPFIX_TEMPLATE_FIRST || id >= IPFIX_TEMPLATE_FIRST + IPFIX_TEMPLATES)
		return -EINVAL;
	set_begin(m, IPFIX_TEMPLATE_SET);
	put_uint(&m->w, 2, id);
	count_at = writer_mark(&m->w);
	put_uint(&m->w, 2, 0);
	for (const struct element *e = elements; e < elements + ARRAY_SIZE(elements); e++) {
		if (!(groups & 1u << e->group))
			continue;
		put_uint(&m->w, 2, e->number | (e->enterprise ? ENTERPRISE_BIT : 0));
		put_uint(&m->w, 2, e->length);
		if (e->enterprise)
			put_uint(&m->w, 4, e->enterprise);
		count++;
	}
	if (!m->w.full)
		patch(m->w.buf + count_at, 2, count);
	return added(m, IPFIX_TEMPLATE_SET, mark);
}

size_t ipfix_close(struct ipfix_message *m)
{
	set_close(m);
	if (m->w.len == IPFIX_HEADER)
		return 0;
	patch(m->w.buf + LENGTH_AT, 2, m->w.len);
	return m->w.len;
}

void ipfix_stamp(void *message, uint32_t export_s, uint32_t sequence)
{
	patch((char *)message + TIME_AT, 4, export_s);
	patch((char *)message + SEQUENCE_AT, 4, sequence);
}

uint16_t ipfix_next_set(const void *message, size_t len, size_t *at)
{
	const uint8_t *p = message;
	uint16_t id;

	*at = *at ? *at : IPFIX_HEADER;
	if (len < *at + IPFIX_SET_HEADER)
		return 0;
	id = (uint16_t)(p[*at] << 8 | p[*at + 1]);
	*at += (size_t)(p[*at + LENGTH_AT] << 8 | p[*at + LENGTH_AT + 1]);
	return id;
}

/* ---- reference ---- */

static const char *const groups_when[] = {
#define GROUP(id, when, condition) when,
	IPFIX_GROUPS(GROUP)
#undef GROUP
	"always",
};

void ipfix_reference(struct writer *w)
{
	writer_format(w, "Enterprise %u: IANA's registry. %u: counts of the responder, RFC 5103. %u: Weir's own; the number "
		      "is RFC 5612's for examples, until one is assigned.\n\n", IPFIX_IANA, IPFIX_REVERSE, IPFIX_WEIR);
	writer_text(w, "| element | enterprise | number | type | octets | unit | there for | meaning |\n"
		       "|---|---|---|---|---|---|---|---|\n");
	for (const struct element *e = elements; e < elements + ARRAY_SIZE(elements); e++) {
		const bool is_text = e->length == IPFIX_VARIABLE;

		writer_format(w, "| `%s` | %u | %u | %s | %s%u | %s%s%s | %s |\n",
			      e->name, e->enterprise, e->number, e->type, is_text ? "up to " : "", e->most, e->unit,
			      *e->unit ? " | " : "| ",
			      is_text ? "always; empty where unknown" : groups_when[e->group], e->meaning);
	}
}
