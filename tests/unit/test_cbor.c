/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_cbor - items to the byte, and sizes; that records are those of the JSON is replay/25-schema-cbor's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "export/cbor.h"
#include "export/json.h"
#include "records.h"

static char bytes[RECORD_JSON_MAX];
static struct writer w;

static int set_up(void **state)
{
	(void)state;
	w = (struct writer)WRITER(bytes);
	return 0;
}

static void assert_written(const char *wanted, size_t len)
{
	assert_false(w.full);
	assert_int_equal(w.len, len);
	assert_memory_equal(bytes, wanted, len);
	writer_undo(&w, 0);
}

#define WRITTEN(text) assert_written(text, sizeof(text) - 1)

/* RFC 8949, appendix A. */
static void numbers_are_the_shortest(void **state)
{
	(void)state;
	cbor_u64(&w, 0);
	WRITTEN("\x00");
	cbor_u64(&w, 23);
	WRITTEN("\x17");
	cbor_u64(&w, 24);
	WRITTEN("\x18\x18");
	cbor_u64(&w, 1000);
	WRITTEN("\x19\x03\xe8");
	cbor_u64(&w, 1000000);
	WRITTEN("\x1a\x00\x0f\x42\x40");
	cbor_u64(&w, UINT64_MAX);
	WRITTEN("\x1b\xff\xff\xff\xff\xff\xff\xff\xff");
}

static void texts_are_utf8(void **state)
{
	(void)state;
	cbor_string(&w, "");
	WRITTEN("\x60");
	cbor_string(&w, "IETF");
	WRITTEN("\x64IETF");
	cbor_string(&w, "\"\\");
	WRITTEN("\x62\"\\");
	cbor_string(&w, "\xc3\xbc");
	WRITTEN("\x62\xc3\xbc");
	cbor_text(&w, "a\x00\x1b", 3);	/* nothing to escape */
	WRITTEN("\x63" "a\x00\x1b");
	cbor_text(&w, "a\xff" "b\xe2\x82", 5);	/* not UTF-8, and cut off */
	WRITTEN("\x68" "a\xef\xbf\xbd" "b\xef\xbf\xbd");
}

static void maps_and_arrays_end(void **state)
{
	(void)state;
	cbor_map(&w);
	cbor_string(&w, "a");
	cbor_array(&w);
	cbor_boolean(&w, true);
	cbor_boolean(&w, false);
	cbor_end(&w);
	cbor_end(&w);
	WRITTEN("\xbf\x61" "a\x9f\xf5\xf4\xff\xff");
}

/* An object of which nothing is known is left out; not one whose last number looks like a map's beginning. */
static void empty_objects_are_left_out(void **state)
{
	struct record r = records_minimal();

	(void)state;
	r.duration_ns = 1;
	cbor_record(&w, &r);
	assert_false(w.full);
	assert_null(memmem(bytes, w.len, "\xbf\xff", 2));
	assert_null(memmem(bytes, w.len, "tls", 3));
	writer_undo(&w, 0);
	r.duration_ns = 0xbf;	/* 0x18 0xbf, the last of event */
	cbor_record(&w, &r);
	assert_non_null(memmem(bytes, w.len, "\x68" "duration\x18\xbf\xff", 12));
}

static void every_shorter_buffer_is_full(void **state)
{
	struct record all[] = { records_usual(), records_full(), records_minimal() };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		size_t len;

		cbor_record(&w, &all[i]);
		assert_false(w.full);
		len = w.len;
		for (size_t size = 0; size < len; size++) {
			char *exact = malloc(size + 1);
			struct writer small = { .buf = exact, .size = size };

			cbor_record(&small, &all[i]);
			assert_true(small.full);
			free(exact);
		}
		writer_undo(&w, 0);
	}
}

static void no_record_is_longer_than_in_json(void **state)
{
	struct record all[] = { records_usual(), records_full(), records_minimal() };
	static char json[RECORD_JSON_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct writer j = WRITER(json);

		json_record(&j, &all[i]);
		cbor_record(&w, &all[i]);
		assert_false(j.full || w.full);
		assert_true(w.len < j.len);
		writer_undo(&w, 0);
	}
}

#define CASE(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(numbers_are_the_shortest),
		CASE(texts_are_utf8),
		CASE(maps_and_arrays_end),
		CASE(empty_objects_are_left_out),
		CASE(every_shorter_buffer_is_full),
		CASE(no_record_is_longer_than_in_json),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
