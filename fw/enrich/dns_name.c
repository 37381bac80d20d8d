/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/dns_name.h"

#include <string.h>

#include "base/util.h"
#include "base/writer.h"

const char *dns_result_name(enum dns_result result)
{
	static const char *const NAMES[] = {
#define X(name, text) [DNS_##name] = text,
		DNS_RESULTS(X)
#undef X
	};

	return NAMES[result];
}

/* To where the pointer with @high in its first byte leads: @limit then, and where @at stands. */
static enum dns_result follow(struct reader *at, uint8_t high, const struct reader *message, size_t *limit)
{
	size_t target = (size_t)(high & 0x3f) << 8 | reader_u8(at);

	if (at->bad)
		return DNS_SHORT;
	if (target >= *limit || target < DNS_HEADER_BYTES)
		return DNS_NAME_POINTER;
	*limit = target;
	*at = *message;
	reader_bytes(at, target);
	return DNS_OK;
}

static enum dns_result read_labels(struct reader *r, const struct reader *message, uint8_t *bytes, size_t *ret_len)
{
	size_t limit, len = 0, hops = 0;
	struct reader at = *r;

	if (r->bad || !r->left)
		return DNS_SHORT;
	limit = (size_t)(r->at - message->at);
	for (;;) {
		uint8_t size = reader_u8(&at);
		const uint8_t *label;

		if (size >= 0xc0) {
			enum dns_result result = follow(&at, size, message, &limit);

			if (result != DNS_OK)
				return result;
			if (hops++ == 0)
				reader_bytes(r, 2);
			if (hops > DNS_HOPS_MAX)
				return DNS_NAME_HOPS;
			continue;
		}
		if (size > 63)
			return DNS_NAME_LABEL;
		label = reader_bytes(&at, size);
		if (!label)
			return DNS_SHORT;
		if (len + 1 + size > DNS_NAME_BYTES)
			return DNS_NAME_LONG;
		if (bytes) {
			bytes[len] = size;
			memcpy(bytes + len + 1, label, size);
		}
		len += 1u + size;
		if (!hops)
			reader_bytes(r, 1u + size);
		if (!size)
			break;
	}
	*ret_len = len;
	return DNS_OK;
}

enum dns_result dns_name_read(struct reader *r, const struct reader *message, struct dns_name *ret_name)
{
	size_t len = 0;		/* stays so after a failure */
	enum dns_result result = read_labels(r, message, ret_name ? ret_name->bytes : NULL, &len);

	if (ret_name)
		ret_name->len = (uint8_t)len;
	return result;
}

static uint8_t fold(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* Lengths are at most 63, below 'A'. */
void dns_name_fold(struct dns_name *name)
{
	for (size_t i = 0; i < name->len; i++)
		name->bytes[i] = fold(name->bytes[i]);
}

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (fold(a->bytes[i]) != fold(b->bytes[i]))
			return false;
	return true;
}

size_t dns_name_labels(const struct dns_name *name)
{
	size_t n = 0;

	for (size_t i = 0; i < name->len && name->bytes[i]; i += 1u + name->bytes[i])
		n++;
	return n;
}

/* Bytes of the well-formed UTF-8 character at @p (Unicode 15, table 3-7), 2 to 4; 0: none, or a C1 control. */
static size_t utf8_len(const uint8_t *p, size_t left)
{
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;

	if (p[0] < 0xc2 || p[0] > 0xf4 || len > left)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static void write_label(struct writer *w, const uint8_t *label, size_t len)
{
	size_t step;

	for (size_t i = 0; i < len; i += step) {
		uint8_t c = label[i];

		step = 1;
		if (c == '.' || c == '\\') {
			writer_char(w, '\\');
			writer_char(w, (char)c);
		} else if (c >= 0x20 && c < 0x7f) {
			writer_char(w, (char)c);
		} else if (c >= 0x80 && utf8_len(label + i, len - i)) {
			step = utf8_len(label + i, len - i);
			writer_bytes(w, label + i, step);
		} else {
			char digits[] = { '\\', (char)('0' + c / 100), (char)('0' + c / 10 % 10), (char)('0' + c % 10) };

			writer_bytes(w, digits, sizeof(digits));
		}
	}
}

size_t dns_name_text(const struct dns_name *name, char ret_text[DNS_NAME_TEXT_SIZE])
{
	struct writer w = { .buf = ret_text, .size = DNS_NAME_TEXT_SIZE - 1 };

	if (name->len == 1)
		writer_char(&w, '.');
	for (size_t i = 0; i < name->len && name->bytes[i]; i += 1u + name->bytes[i]) {
		if (i)
			writer_char(&w, '.');
		write_label(&w, name->bytes + i + 1, name->bytes[i]);
	}
	ret_text[w.len] = 0;
	return w.len;
}
