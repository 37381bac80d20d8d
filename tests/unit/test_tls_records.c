/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_tls_records - a message in one record and in many, every cut of the stream, what is no handshake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "enrich/tls_records.h"

#define ROOM 64

static uint8_t message[60], stream[600];
static struct tls_bytes got;

/* @message in records of @each bytes; returns the length. */
static size_t make(size_t each)
{
	size_t len = 0;

	memcpy(message, "\1\0\0\70", 4);	/* 56 follow */
	for (size_t i = 4; i < sizeof(message); i++)
		message[i] = (uint8_t)i;
	for (size_t at = 0; at < sizeof(message); at += each) {
		size_t n = MIN(each, sizeof(message) - at);

		memcpy(stream + len, "\26\3\1\0", 4);
		stream[len + 4] = (uint8_t)n;
		memcpy(stream + len + 5, message + at, n);
		len += 5 + n;
	}
	return len;
}

/* In memory of exactly @len bytes. */
static enum tls_records_result ask(const uint8_t *bytes, size_t len, size_t size)
{
	static uint8_t *copy, *room;

	free(copy);
	free(room);
	copy = malloc(len + !len);
	room = malloc(size + !size);
	if (len)
		memcpy(copy, bytes, len);
	got = (struct tls_bytes){ 0 };
	return tls_records_message(copy, len, room, size, &got);
}

static void every_record_size_and_cut(void **state)
{
	for (size_t each = 1; each <= sizeof(message); each++) {
		size_t len = make(each);

		for (size_t cut = 0; cut < len; cut++)
			assert_int_equal(ask(stream, cut, ROOM), TLS_RECORDS_MORE);
		memset(stream + len, 0xff, 10);	/* not looked at */
		assert_int_equal(ask(stream, len + 10, ROOM), TLS_RECORDS_MESSAGE);
		assert_int_equal(got.len, sizeof(message));
		assert_memory_equal(got.at, message, sizeof(message));
	}
}

static void in_one_record_needs_no_room(void **state)
{
	size_t len = make(sizeof(message));

	assert_int_equal(ask(stream, len, 0), TLS_RECORDS_MESSAGE);
	len = make(30);
	assert_int_equal(ask(stream, len, sizeof(message)), TLS_RECORDS_MESSAGE);
	assert_int_equal(ask(stream, len, sizeof(message) - 1), TLS_RECORDS_TOO_LONG);
	assert_int_equal(ask(stream, len, 3), TLS_RECORDS_TOO_LONG);
	assert_int_equal(ask(stream, len, 0), TLS_RECORDS_TOO_LONG);
}

/* A ServerHello whose record holds more messages. */
static void another_message_behind(void **state)
{
	make(sizeof(message));
	memcpy(stream + 65, "\13\0\0\1x", 5);
	stream[4] = 65;
	assert_int_equal(ask(stream, 70, 0), TLS_RECORDS_MESSAGE);
	assert_int_equal(got.len, sizeof(message));
}

/* The second half of a message may look like a message of its own. */
static void a_half_that_looks_whole(void **state)
{
	static const uint8_t bytes[] = "\26\3\1\0\5\1\0\0\5x\26\3\1\0\4\2\0\0";	/* and the NUL */

	assert_int_equal(ask(bytes, sizeof(bytes), ROOM), TLS_RECORDS_MESSAGE);
	assert_int_equal(got.len, 9);
	assert_memory_equal(got.at, "\1\0\0\5x\2\0\0", 9);
}

static void wrong_headers(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		enum tls_records_result want;
	} rows[] = {
		{ "", 0, TLS_RECORDS_MORE },
		{ "\26", 1, TLS_RECORDS_MORE },
		{ "\26\3\1\0", 4, TLS_RECORDS_MORE },
		{ "\26\3\1\100\0", 5, TLS_RECORDS_MORE },
		{ "\26\3\1\100\1", 5, TLS_RECORDS_NOT_TLS },	/* 16385 */
		{ "\26\3\1\0\0", 5, TLS_RECORDS_NOT_TLS },
		{ "\26\2", 2, TLS_RECORDS_NOT_TLS },
		{ "\26\4\1\0\1", 5, TLS_RECORDS_NOT_TLS },
		{ "\25\3\3\0\2\2\50", 7, TLS_RECORDS_OTHER },
		{ "\24", 1, TLS_RECORDS_OTHER },
		{ "\27\3\3", 3, TLS_RECORDS_OTHER },
		{ "\30\3", 2, TLS_RECORDS_OTHER },
		{ "\31", 1, TLS_RECORDS_NOT_TLS },
		{ "\23", 1, TLS_RECORDS_NOT_TLS },
		{ "GET /", 5, TLS_RECORDS_NOT_TLS },
		{ "\26\3\1\0\2\1\0\25\3\1", 10, TLS_RECORDS_OTHER },	/* in the middle of a message */
		{ "\26\3\1\0\2\1\0xyz", 10, TLS_RECORDS_NOT_TLS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(ask((const uint8_t *)rows[i].bytes, rows[i].len, ROOM), rows[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record_size_and_cut),
		cmocka_unit_test(in_one_record_needs_no_room),
		cmocka_unit_test(another_message_behind),
		cmocka_unit_test(a_half_that_looks_whole),
		cmocka_unit_test(wrong_headers),
	};

	return cmocka_run_group_tests_name("tls_records", tests, NULL, NULL);
}
