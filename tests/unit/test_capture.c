/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files are made in a memfd and opened as /proc/self/fd/N. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <pcap/dlt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#include "base/util.h"
#include "cli/capture.h"

struct file {
	uint8_t bytes[400000];
	size_t len;
};

static struct file file;
static char error[512];

static void add(const void *bytes, size_t len)
{
	assert_true(file.len + len <= sizeof(file.bytes));
	memcpy(file.bytes + file.len, bytes, len);
	file.len += len;
}

static void begin(uint32_t link)
{
	const uint32_t head[] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 262144, link };

	file.len = 0;
	add(head, sizeof(head));
}

static void frame(uint32_t sec, uint32_t us, const void *bytes, uint32_t len, uint32_t wire)
{
	const uint32_t head[] = { sec, us, len, wire };

	add(head, sizeof(head));
	add(bytes, len);
}

static int open_file(struct capture **ret)
{
	int fd = memfd_create("capture", 0), err;
	char path[40];

	assert_int_equal(write(fd, file.bytes, file.len), file.len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	error[0] = 0;
	err = capture_open(ret, path, error, sizeof(error));
	if (err)
		assert_non_null(strstr(error, path));	/* quotes what was given */
	close(fd);
	return err;
}

/* The one frame of @bytes on @link, as it comes out. */
static void check(uint32_t link, const char *bytes, uint32_t len, bool raw_ip, const char *want, uint32_t want_len)
{
	struct capture *c;
	struct capture_frame f;

	begin(link);
	frame(1, 2, bytes, len, len + 5);
	assert_int_equal(open_file(&c), 0);
	assert_int_equal(capture_next(c, &f), 1);
	assert_int_equal(f.len, want_len);
	assert_memory_equal(f.bytes, want, want_len);
	assert_int_equal(f.wire_len, len + 5);	/* the file's, whatever became of the header */
	assert_int_equal(f.raw_ip, raw_ip);
	assert_int_equal(f.time_ns, 1000002000);
	assert_int_equal(capture_next(c, &f), 0);
	assert_int_equal(capture_next(c, &f), 0);
	assert_null(capture_close(c));
}

#define ROW(link, from, raw_ip, to) check(link, from, sizeof(from) - 1, raw_ip, to, sizeof(to) - 1)
#define Z6 "\0\0\0\0\0\0"
#define ETH(type) Z6 Z6 type

static void links(void **state)
{
	ROW(DLT_EN10MB, "any bytes", false, "any bytes");
	ROW(DLT_EN10MB, "", false, "");
	ROW(12, "E...", true, "E...");		/* LINKTYPE numbers, not this system's DLT */
	ROW(101, "E...", true, "E...");
	ROW(228, "E...", true, "E...");
	ROW(229, "`...", true, "`...");

	ROW(0, "\2\0\0\0E...", false, ETH("\x08\0") "E...");
	ROW(0, "\0\0\0\2E...", false, ETH("\x08\0") "E...");
	ROW(0, "\x18\0\0\0`...", false, ETH("\x86\xdd") "`...");
	ROW(0, "\0\0\0\x1c`...", false, ETH("\x86\xdd") "`...");
	ROW(0, "\x1e\0\0\0`...", false, ETH("\x86\xdd") "`...");
	ROW(0, "\n\0\0\0`...", false, ETH("\x86\xdd") "`...");
	ROW(0, "\7\0\0\0....", false, ETH("\xff\xff") "....");
	ROW(0, "\2\0\0\0", false, ETH("\x08\0"));
	ROW(0, "\2\0\0", false, ETH("\xff\xff"));
	ROW(0, "", false, ETH("\xff\xff"));
	ROW(108, "\0\0\0\2E...", false, ETH("\x08\0") "E...");
	ROW(108, "\2\0\0\0E...", false, ETH("\xff\xff") "E...");	/* always big endian */

	ROW(9, "\0\x21" "E...", false, ETH("\x08\0") "E...");
	ROW(9, "\xff\3\0\x57`...", false, ETH("\x86\xdd") "`...");
	ROW(9, "\2\x81mpls", false, ETH("\x88\x47") "mpls");
	ROW(9, "\xc0\x21lcp", false, ETH("\xff\xff") "lcp");
	ROW(9, "\0", false, ETH("\xff\xff"));
	ROW(9, "\xff\3\0", false, ETH("\xff\xff"));
	ROW(50, "\xff\3\0\x21" "E...", false, ETH("\x08\0") "E...");

	ROW(113, "\0\0\0\1\0\6ABCDEF\0\0\x08\0E...", false, Z6 "ABCDEF\x08\0E...");
	ROW(113, "\0\0\0\1\0\5ABCDEF\0\0\x08\0E...", false, ETH("\x08\0") "E...");	/* no such address */
	ROW(113, "\0\0\0\1\0\6ABCDEF\0\0\x08", false, ETH("\xff\xff"));
	ROW(276, "\x86\xdd\0\0\0\0\0\2\0\1\4\6ABCDEF\0\0`...", false, Z6 "ABCDEF\x86\xdd`...");
	ROW(276, "\x86\xdd\0\0\0\0\0\2\0\1\4\6ABCDEF\0", false, ETH("\xff\xff"));
}

static void other_links_are_refused(void **state)
{
	static const uint32_t refused[] = { 2, 6, 105, 127, 147, 192, 65535 };
	struct capture *c = (void *)1;
	char number[32];

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		begin(refused[i]);
		assert_int_equal(open_file(&c), -EPROTONOSUPPORT);
		snprintf(number, sizeof(number), "link type %u ", refused[i]);
		assert_non_null(strstr(error, number));
		assert_non_null(strstr(error, "allowed: Ethernet"));
		assert_ptr_equal(c, (void *)1);
	}
}

static void no_capture(void **state)
{
	struct capture *c = (void *)1;

	file.len = 0;
	assert_int_equal(open_file(&c), -EINVAL);
	add("this is no capture, only a text", 31);
	assert_int_equal(open_file(&c), -EINVAL);
	assert_non_null(strstr(error, "allowed: pcap, pcapng, also gzipped"));
	assert_int_equal(capture_open(&c, "/no/such/file", error, sizeof(error)), -ENOENT);
	assert_string_equal(error, "\"/no/such/file\": No such file or directory");
	assert_int_equal(capture_open(&c, "/", error, sizeof(error)), -EINVAL);
	assert_int_equal(capture_open(&c, "/no/such/file", error, 8), -ENOENT);	/* cut, not overrun */
	assert_int_equal(strlen(error), 7);
	assert_ptr_equal(c, (void *)1);
	assert_null(capture_close(NULL));
}

static void long_frames_are_cut(void **state)
{
	static const uint32_t links_[] = { DLT_EN10MB, 113, 9, 101 };
	static uint8_t big[150000];

	memset(big, 7, sizeof(big));
	for (size_t i = 0; i < ARRAY_SIZE(links_); i++)
		for (uint32_t len = CAPTURE_FRAME_MAX - 1; len < sizeof(big); len += len > CAPTURE_FRAME_MAX ? 70000 : 1) {
			struct capture *c;
			struct capture_frame f;

			begin(links_[i]);
			frame(1, 0, big, len, len);
			frame(1, 0, "next", 4, 4);
			assert_int_equal(open_file(&c), 0);
			assert_int_equal(capture_next(c, &f), 1);
			assert_in_range(f.len, CAPTURE_FRAME_MAX - 20, CAPTURE_FRAME_MAX + 14);
			assert_int_equal(f.wire_len, len);
			assert_int_equal(f.bytes[f.len - 1], 7);
			assert_int_equal(capture_next(c, &f), 1);
			assert_int_equal(f.wire_len, 4);
			capture_close(c);
		}
}

/* Cut at every byte: all whole frames come, then 0 at a frame's edge, an error with a line elsewhere. */
static void cut_anywhere(void **state)
{
	size_t edge[4], whole;

	begin(DLT_EN10MB);
	for (int i = 0; i < 4; i++) {
		edge[i] = file.len;
		frame((uint32_t)i, 0, "0123456789", 10, 10);
	}
	whole = file.len;
	for (size_t len = 0; len <= whole; len++) {
		struct capture *c;
		struct capture_frame f;
		int frames = 0, more;

		file.len = len;
		if (len < 24) {
			assert_int_equal(open_file(&c), -EINVAL);
			continue;
		}
		assert_int_equal(open_file(&c), 0);
		while ((more = capture_next(c, &f)) == 1)
			frames++;
		assert_int_equal(frames, (len - 24) / 26);
		if ((len - 24) % 26) {
			assert_int_equal(more, -EIO);
			assert_int_not_equal(strlen(capture_error(c)), 0);
		} else {
			assert_int_equal(more, 0);
		}
		capture_close(c);
	}
	assert_int_equal(edge[1] - edge[0], 26);
}

static void gzip_file(void)
{
	static uint8_t packed[sizeof(file.bytes)];
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = file.bytes;
	z.avail_in = (unsigned int)file.len;
	z.next_out = packed;
	z.avail_out = sizeof(packed);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	file.len = 0;
	add(packed, z.total_out);
	deflateEnd(&z);
}

/* The same for gzip: a cut one never looks like a whole one. */
static void gzip_cut_anywhere(void **state)
{
	size_t whole;

	begin(DLT_EN10MB);
	for (uint32_t i = 0; i < 20; i++)
		frame(i, i * 77777 % 1000000, &i, 4, 4 + i);
	gzip_file();
	whole = file.len;
	for (size_t len = 18; len <= whole; len++) {
		struct capture *c;
		struct capture_frame f;
		int frames = 0, more, err;

		file.len = len;
		err = open_file(&c);
		if (err) {
			assert_true(len < whole);
			assert_non_null(strstr(error, "gzip data is cut"));
			continue;
		}
		while ((more = capture_next(c, &f)) == 1) {
			assert_int_equal(f.wire_len, 4 + frames);
			frames++;
		}
		assert_in_range(frames, 0, 20);
		if (len == whole) {
			assert_int_equal(more, 0);
			assert_int_equal(frames, 20);
		} else {
			assert_int_equal(more, -EIO);
			assert_string_equal(capture_error(c), "gzip data is cut");
		}
		capture_close(c);
	}
	file.bytes[file.len - 6] ^= 1;	/* its checksum */
	{
		struct capture *c;

		assert_int_equal(open_file(&c), -EINVAL);
		assert_non_null(strstr(error, "gzip data is damaged"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links),
		cmocka_unit_test(other_links_are_refused),
		cmocka_unit_test(no_capture),
		cmocka_unit_test(long_frames_are_cut),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(gzip_cut_anywhere),
	};

	return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
