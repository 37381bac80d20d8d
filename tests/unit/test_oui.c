/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_oui - prefixes of three lengths, every cut and every changed field of a file, and what the build made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>
#include <zlib.h>

#include "base/util.h"
#include "enrich/oui.h"

/* 00aaaa Alpha; 00bbbb Beta, in it 00bbbb1 Gamma and 00bbbb200 Alpha; names Alpha 0, Beta 6, Gamma 11 */
#define LISTS \
	"\0\xaa\xaa\0\0\0\0\0" "\0\xbb\xbb\0\0\0\0\6" "\0\xbb\xbb\x10\0\0\0\13" "\0\xbb\xbb\x20\0\0\0\0" "\0\xbb\xbb\x20\x10\0\0\0"
#define NAMES "Alpha\0Beta\0Gamma"	/* and the NUL */
#define BODY  LISTS NAMES

static char path[] = "/tmp/test_oui.XXXXXX";
static uint8_t file[OUI_HEADER_BYTES + sizeof(BODY) + 200];

/* A right header before @len bytes of body; the length of both. */
static size_t make(uint32_t n24, uint32_t n28, uint32_t n36, uint32_t names, const void *body, size_t len)
{
	uint32_t numbers[] = { htobe32(OUI_VERSION), htobe32(n24), htobe32(n28), htobe32(n36), htobe32(names),
			       htobe32((uint32_t)crc32_z(0, body, len)) };

	memcpy(file, OUI_MAGIC, OUI_MAGIC_BYTES);
	memcpy(file + OUI_MAGIC_BYTES, numbers, sizeof(numbers));
	memcpy(file + OUI_HEADER_BYTES, body, len);
	return OUI_HEADER_BYTES + len;
}

static int ask(size_t len, struct oui **ret_oui)
{
	int fd = open(path, O_WRONLY | O_TRUNC), r;

	assert_true(fd >= 0 && write(fd, file, len) == (ssize_t)len);
	close(fd);
	*ret_oui = NULL;
	r = oui_open(ret_oui, path);
	assert_int_equal(!*ret_oui, r < 0);
	return r;
}

static int ask_and_close(size_t len)
{
	struct oui *oui;
	int r = ask(len, &oui);

	oui_close(oui);
	return r;
}

static void assert_vendor(const struct oui *oui, const char *mac, const char *want)
{
	const char *got = oui_vendor(oui, (const uint8_t *)mac);

	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
}

static void the_longest_prefix(void **state)
{
	struct oui *oui;

	assert_int_equal(ask(make(2, 2, 1, sizeof(NAMES), BODY, sizeof(BODY)), &oui), 0);
	assert_vendor(oui, "\0\xaa\xaa\xff\xff\xff", "Alpha");
	assert_vendor(oui, "\0\xbb\xbb\0\0\0", "Beta");
	assert_vendor(oui, "\0\xbb\xbb\x0f\xff\xff", "Beta");
	assert_vendor(oui, "\0\xbb\xbb\x10\0\0", "Gamma");
	assert_vendor(oui, "\0\xbb\xbb\x1f\xff\xff", "Gamma");
	assert_vendor(oui, "\0\xbb\xbb\x20\x1f\xff", "Alpha");
	assert_vendor(oui, "\0\xbb\xbb\x30\0\0", "Beta");
	assert_vendor(oui, "\0\xbb\xba\0\0\0", NULL);
	assert_vendor(oui, "\0\0\0\0\0\0", NULL);
	assert_vendor(oui, "\xfc\xff\xff\xff\xff\xff", NULL);
	assert_vendor(oui, "\2\xaa\xaa\0\0\0", NULL);	/* locally administered */
	assert_vendor(oui, "\1\xaa\xaa\0\0\0", NULL);	/* a group */
	assert_vendor(NULL, "\0\xaa\xaa\0\0\0", NULL);
	assert_null(oui_close(oui));
	assert_null(oui_close(NULL));
}

static void files_that_are_none(void **state)
{
	struct oui *oui = NULL;
	size_t len = make(2, 2, 1, sizeof(NAMES), BODY, sizeof(BODY));

	assert_int_equal(oui_open(&oui, "/nonexistent/oui.bin"), -ENOENT);
	assert_int_equal(oui_open(&oui, "/"), -EBADMSG);
	assert_int_equal(oui_open(&oui, "/dev/zero"), -EBADMSG);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(ask_and_close(cut), -EBADMSG);
	assert_int_equal(ask_and_close(len), 0);
	file[len] = 0;
	assert_int_equal(ask_and_close(len + 1), -EBADMSG);
	for (size_t i = 0; i < len; i++) {
		bool version = i >= OUI_MAGIC_BYTES && i < OUI_MAGIC_BYTES + 4;

		file[i] ^= 0x40;
		assert_int_equal(ask_and_close(len), version ? -ENOTSUP : -EBADMSG);
		file[i] ^= 0x40;
	}
	assert_int_equal(ask_and_close(make(0, 0, 0, 0, "", 0)), 0);
}

/* With a CRC that is right. */
static void wrong_content(void **state)
{
	static const struct {
		size_t at;
		char value;
		int want;
	} rows[] = {
		{ 0, 0, 0 },
		{ 1, '\xbc', -EBADMSG },	/* not in order */
		{ 3, 1, -EBADMSG },		/* bits behind 24, 28, 36 */
		{ 16 + 3, '\x11', -EBADMSG },
		{ 32 + 4, '\x11', -EBADMSG },
		{ 16 + 3, '\x20', -EBADMSG },	/* one twice */
		{ 7, 6, 0 },			/* another name */
		{ 7, 1, -EBADMSG },		/* into the middle of one */
		{ 7, 5, -EBADMSG },		/* its end */
		{ 7, 16, -EBADMSG },
		{ 7, 17, -EBADMSG },		/* beyond the last one */
		{ 5, '\xff', -EBADMSG },
		{ 40, 0, -EBADMSG },		/* an empty name */
		{ 40, '\n', -EBADMSG },
		{ 40, '\x7f', -EBADMSG },
		{ 40, '\xc3', 0 },
		{ 46, 0, -EBADMSG },
		{ 56, 'x', -EBADMSG },		/* the last one does not end */
	};

	assert_int_equal(sizeof(BODY), 57);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char body[sizeof(BODY)];

		memcpy(body, BODY, sizeof(body));
		body[rows[i].at] = rows[i].value;
		assert_int_equal(ask_and_close(make(2, 2, 1, sizeof(NAMES), body, sizeof(body))), rows[i].want);
	}
	assert_int_equal(ask_and_close(make(0x20000002, 2, 1, sizeof(NAMES), BODY, sizeof(BODY))), -EBADMSG);
	assert_int_equal(ask_and_close(make(2, 2, 1, sizeof(NAMES) - 1, BODY, sizeof(BODY))), -EBADMSG);
	assert_int_equal(ask_and_close(make(2, 2, 1, sizeof(NAMES) + 1, BODY, sizeof(BODY))), -EBADMSG);
	assert_int_equal(ask_and_close(make(3, 2, 1, sizeof(NAMES) - 8, BODY, sizeof(BODY))), -EBADMSG);
}

static void the_longest_name(void **state)
{
	char body[8 + OUI_NAME_MAX + 2] = "\0\xaa\xaa";

	memset(body + 8, 'x', OUI_NAME_MAX + 1);
	body[8 + OUI_NAME_MAX] = 0;
	assert_int_equal(ask_and_close(make(1, 0, 0, OUI_NAME_MAX + 1, body, 8 + OUI_NAME_MAX + 1)), 0);
	body[8 + OUI_NAME_MAX] = 'x';
	assert_int_equal(ask_and_close(make(1, 0, 0, OUI_NAME_MAX + 2, body, 8 + OUI_NAME_MAX + 2)), -EBADMSG);
}

static void what_the_build_made(void **state)
{
	struct oui *oui;

	assert_int_equal(oui_open(&oui, "build/oui.bin"), 0);
	assert_vendor(oui, "\0\0\x5e\0\1\1", "ICANN, IANA Department");		/* a virtual router, RFC 5798 7.3 */
	assert_vendor(oui, "\xb8\x27\xeb\1\2\3", "Raspberry Pi Foundation");
	assert_vendor(oui, "\x20\x85\x93\xb1\1\1", "IOG Products LLC");		/* MA-M */
	assert_vendor(oui, "\x70\xb3\xd5\xf2\xf1\1", "TELEPLATFORMS");		/* MA-S */
	assert_vendor(oui, "\0\x50\xc2\x7d\x51\1", "DEUTA-WERKE GmbH");		/* IAB */
	assert_vendor(oui, "\x74\x1a\xe0\x90\0\1", NULL);			/* "Private", in a block of the IEEE's own */
	assert_vendor(oui, "\2\x60\x8c\1\2\3", NULL);				/* an old one with the local bit */
	oui_close(oui);
}

static int begin(void **state)
{
	int fd = mkstemp(path);

	return close(fd);
}

static int end(void **state)
{
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix),
		cmocka_unit_test(files_that_are_none),
		cmocka_unit_test(wrong_content),
		cmocka_unit_test(the_longest_name),
		cmocka_unit_test(what_the_build_made),
	};

	return cmocka_run_group_tests_name("oui", tests, begin, end);
}
