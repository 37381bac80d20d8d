/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_oui - any bytes as the vendor table: what is opened has names that end inside and are short, and a look-up finds
 * what a plain search over all entries does. Input: the file; magic, version and CRC are put right.
 */
#include <endian.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "enrich/oui.h"

#define CRC_AT (OUI_HEADER_BYTES - 4)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_oui: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

static uint32_t word(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Lists from the longest prefix on; NULL: none. */
static const char *plain_vendor(const uint8_t *file, const uint8_t mac[6])
{
	uint32_t count[3] = { word(file + 12), word(file + 16), word(file + 20) };
	size_t entries = (size_t)count[0] + count[1] + count[2], end = entries;
	const char *names = (const char *)file + OUI_HEADER_BYTES + 8 * entries;

	if (mac[0] & 3)
		return NULL;
	for (int list = 2; list >= 0; list--) {
		unsigned int bytes = list == 2 ? 4 : 3;

		for (size_t i = end - count[list]; i < end; i++) {
			const uint8_t *e = file + OUI_HEADER_BYTES + 8 * i;

			if (!memcmp(e, mac, bytes) && (!list || e[bytes] == (mac[bytes] & 0xf0)))
				return names + (e[5] << 16 | e[6] << 8 | e[7]);
		}
		end -= count[list];
	}
	return NULL;
}

static void ask(const struct oui *oui, const uint8_t *file, const uint8_t mac[6])
{
	static const uint8_t ZERO[6];
	const char *got = oui_vendor(oui, mac), *want = plain_vendor(file, mac);

	if (!memcmp(mac, ZERO, 6))
		want = NULL;
	CHECK(!got == !want && (!got || !strcmp(got, want)));
	CHECK(!got || (got[0] && strlen(got) <= OUI_NAME_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t LAST[2] = { 0xff, 0x10 };
	struct oui *oui = NULL;
	char path[64];
	uint8_t *file;
	uint32_t crc;
	int fd, r;

	if (len < OUI_HEADER_BYTES)
		return 0;
	file = malloc(len);
	CHECK(file);
	memcpy(file, data, len);
	memcpy(file, OUI_MAGIC "\0\0\0\1", OUI_MAGIC_BYTES + 4);
	crc = htobe32((uint32_t)crc32_z(0, file + OUI_HEADER_BYTES, len - OUI_HEADER_BYTES));
	memcpy(file + CRC_AT, &crc, 4);
	fd = memfd_create("fuzz_oui", 0);
	CHECK(fd >= 0 && write(fd, file, len) == (ssize_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = oui_open(&oui, path);
	CHECK(!oui == (r < 0));
	for (size_t at = OUI_HEADER_BYTES; oui && at + 8 <= len; at += 8) {
		uint8_t mac[6];

		memcpy(mac, file + at, 5);
		mac[5] = LAST[0];
		ask(oui, file, mac);
		mac[4] |= 0xf;
		ask(oui, file, mac);
		mac[3] ^= LAST[1];
		ask(oui, file, mac);
	}
	oui_close(oui);
	close(fd);
	free(file);
	return 0;
}
