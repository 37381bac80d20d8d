/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_dns_name - labels, pointers, lengths, text. Names lie at offset 12 of a message unless said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "enrich/dns_name.h"

/* Reads the name at @at of 12 zeros and @bytes, from memory of exactly that size. */
static enum dns_result read_at(size_t at, const void *bytes, size_t len, struct dns_name *name, size_t *ret_behind)
{
	uint8_t *copy = calloc(1, 12 + len);
	struct reader whole = { .at = copy, .left = 12 + len }, r = whole;
	enum dns_result result, again;

	memcpy(copy + 12, bytes, len);
	reader_bytes(&r, at);
	result = dns_name_read(&r, &whole, name);
	*ret_behind = (size_t)(r.at - whole.at);
	r = whole;
	reader_bytes(&r, at);
	again = dns_name_read(&r, &whole, NULL);
	assert_int_equal(again, result);
	free(copy);
	return result;
}

#define BAD(want, at, bytes) do { \
	struct dns_name name_; \
	size_t behind_; \
	assert_int_equal(read_at(at, bytes, sizeof(bytes) - 1, &name_, &behind_), want); \
	assert_int_equal(name_.len, 0); \
} while (0)

#define GOOD(at, bytes, want, want_behind) do { \
	struct dns_name name_; \
	char text_[DNS_NAME_TEXT_SIZE]; \
	size_t behind_; \
	assert_int_equal(read_at(at, bytes, sizeof(bytes) - 1, &name_, &behind_), DNS_OK); \
	assert_int_equal(dns_name_text(&name_, text_), strlen(want)); \
	assert_string_equal(text_, want); \
	assert_int_equal(behind_, want_behind); \
} while (0)

static void labels(void **state)
{
	GOOD(12, "\3www\7example\3com\0", "www.example.com", 29);
	GOOD(12, "\0", ".", 13);
	GOOD(12, "\1a\0more", "a", 15);
	for (size_t len = 0; len < 17; len++) {
		struct dns_name name;
		size_t behind;

		assert_int_equal(read_at(12, "\3www\7example\3com", len, &name, &behind), DNS_SHORT);
	}
	BAD(DNS_NAME_LABEL, 12, "\100aaa\0");
	BAD(DNS_NAME_LABEL, 12, "\1a\200aaa\0");
	BAD(DNS_NAME_LABEL, 12, "\277");
}

static void pointers(void **state)
{
	GOOD(17, "\3com\0\3www\300\14", "www.com", 23);
	GOOD(17, "\3com\0\300\14", "com", 19);
	GOOD(16, "\1a\0\0\300\14", "a", 18);
	GOOD(19, "\1a\0\1b\300\14\1c\300\17", "c.b.a", 23);
	BAD(DNS_NAME_POINTER, 12, "\300\14");			/* to itself */
	BAD(DNS_NAME_POINTER, 12, "\300\16\1a\0");		/* forward */
	BAD(DNS_NAME_POINTER, 12, "\1a\300\14");		/* its own label again */
	BAD(DNS_NAME_POINTER, 12, "\1a\300\15");
	BAD(DNS_NAME_POINTER, 14, "\300\16\300\14");		/* two that lead to each other */
	BAD(DNS_NAME_POINTER, 16, "\1a\300\20\300\14");		/* back, then forward to where it began */
	BAD(DNS_NAME_POINTER, 16, "\1a\300\14\300\14");		/* a loop behind it */
	BAD(DNS_NAME_POINTER, 12, "\300\13");			/* into the header */
	BAD(DNS_NAME_POINTER, 12, "\300\0");
	BAD(DNS_NAME_POINTER, 12, "\377\377");
	BAD(DNS_SHORT, 12, "\300");
	BAD(DNS_SHORT, 12, "\1a\300");
}

static void hops(void **state)
{
	uint8_t bytes[2 * DNS_HOPS_MAX + 4] = { 1, 'a', 0 };
	struct dns_name name;
	size_t behind;

	for (size_t i = 0; i < DNS_HOPS_MAX; i++) {
		size_t to = i ? 12 + 3 + 2 * (i - 1) : 12;

		bytes[3 + 2 * i] = 0xc0;
		bytes[4 + 2 * i] = (uint8_t)to;
	}
	assert_int_equal(read_at(12 + 3 + 2 * (DNS_HOPS_MAX - 1), bytes, sizeof(bytes), &name, &behind), DNS_OK);
	assert_int_equal(name.len, 3);
	memmove(bytes + 5, bytes + 3, 2 * DNS_HOPS_MAX - 2);
	for (size_t i = 0; i <= DNS_HOPS_MAX; i++) {
		size_t to = i ? 12 + 1 + 2 * (i - 1) : 12;

		bytes[0] = 0;
		bytes[1 + 2 * i] = 0xc0;
		bytes[2 + 2 * i] = (uint8_t)to;
	}
	assert_int_equal(read_at(12 + 1 + 2 * DNS_HOPS_MAX, bytes, sizeof(bytes), &name, &behind), DNS_NAME_HOPS);
}

static void longest(void **state)
{
	uint8_t bytes[260];
	struct dns_name name;
	char text[DNS_NAME_TEXT_SIZE];
	size_t behind;

	memset(bytes, 1, sizeof(bytes));
	bytes[0] = bytes[64] = bytes[128] = 63;
	bytes[192] = 61;
	bytes[254] = 0;
	assert_int_equal(read_at(12, bytes, 255, &name, &behind), DNS_OK);
	assert_int_equal(name.len, 255);
	assert_int_equal(dns_name_labels(&name), 4);
	assert_int_equal(dns_name_text(&name, text), DNS_NAME_TEXT_SIZE - 1);
	assert_memory_equal(text + DNS_NAME_TEXT_SIZE - 5, "\\001", 5);
	bytes[192] = 62;
	bytes[254] = 1;
	bytes[255] = 0;
	assert_int_equal(read_at(12, bytes, 256, &name, &behind), DNS_NAME_LONG);
	memset(bytes, 1, sizeof(bytes));
	bytes[254] = 0;		/* 127 labels of one byte */
	assert_int_equal(read_at(12, bytes, 255, &name, &behind), DNS_OK);
	assert_int_equal(dns_name_labels(&name), 127);
	bytes[254] = 1;
	bytes[256] = 0;
	assert_int_equal(read_at(12, bytes, 257, &name, &behind), DNS_NAME_LONG);
}

static void texts(void **state)
{
	GOOD(12, "\6a.b\\c\"\2d \0", "a\\.b\\\\c\".d ", 23);
	GOOD(12, "\5\0\1\37\177\377\0", "\\000\\001\\031\\127\\255", 19);
	GOOD(12, "\10M\303\274ller\n\0", "M\303\274ller\\010", 22);
	GOOD(12, "\4\360\237\230\200\0", "\360\237\230\200", 18);
	GOOD(12, "\2\302\205\0", "\\194\\133", 16);			/* a C1 control */
	GOOD(12, "\2\300\256\0", "\\192\\174", 16);			/* '.', overlong */
	GOOD(12, "\3\355\240\200\0", "\\237\\160\\128", 17);		/* a surrogate */
	GOOD(12, "\4\364\220\200\200\0", "\\244\\144\\128\\128", 18);	/* behind Unicode */
	GOOD(12, "\1\303\1\274\0", "\\195.\\188", 17);			/* in two labels */
	GOOD(12, "\1\303\0", "\\195", 15);
}

static void equality(void **state)
{
	struct dns_name a = { .len = 5, .bytes = "\3wWw" }, b = { .len = 5, .bytes = "\3WwW" }, c = { .len = 5, .bytes = "\3ww@" };

	assert_true(dns_name_equal(&a, &b));
	assert_false(dns_name_equal(&a, &c));
	dns_name_fold(&a);
	assert_memory_equal(a.bytes, "\3www", 5);
	c.bytes[3] = '[';
	b.bytes[3] = '{';
	assert_false(dns_name_equal(&c, &b));
	b.len = 4;
	assert_false(dns_name_equal(&a, &b));
	for (int i = DNS_OK; i <= DNS_RECORDS; i++)
		assert_non_null(dns_result_name((enum dns_result)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels), cmocka_unit_test(pointers), cmocka_unit_test(hops),
		cmocka_unit_test(longest), cmocka_unit_test(texts), cmocka_unit_test(equality),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
