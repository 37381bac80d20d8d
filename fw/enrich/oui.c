/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/oui.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/reader.h"
#include "base/util.h"
#include "enrich/address.h"

#define PREFIX_BYTES 5

enum { LIST_24, LIST_28, LIST_36, LISTS };

struct entry {
	uint8_t prefix[PREFIX_BYTES];
	uint8_t name[3];
};
_Static_assert(sizeof(struct entry) == OUI_ENTRY_BYTES, "entries lie in the file so");

/* What a MAC keeps in each list, first bytes first. */
static const uint8_t MASK[LISTS][PREFIX_BYTES] = {
	[LIST_24] = {0xff, 0xff, 0xff},
	[LIST_28] = {0xff, 0xff, 0xff, 0xf0},
	[LIST_36] = {0xff, 0xff, 0xff, 0xff, 0xf0},
};

struct oui {
	void *map;
	size_t size;
	const struct entry *list[LISTS];
	uint32_t count[LISTS];
	const char *names;
	uint32_t names_bytes;
};

static uint32_t name_at(const struct entry *e)
{
	return (uint32_t)e->name[0] << 16 | (uint32_t)e->name[1] << 8 | e->name[2];
}

static bool is_masked(const struct entry *e, const uint8_t mask[PREFIX_BYTES])
{
	for (unsigned int i = 0; i < PREFIX_BYTES; i++)
		if (e->prefix[i] & ~mask[i])
			return false;
	return true;
}

/* Every name ends, is not empty, not too long and has no control bytes. */
static bool names_are_good(const struct oui *oui)
{
	size_t len = 0;

	for (size_t i = 0; i < oui->names_bytes; i++) {
		uint8_t c = (uint8_t)oui->names[i];

		if (!c && !len)
			return false;
		if (c && (c < 0x20 || c == 0x7f || len == OUI_NAME_MAX))
			return false;
		len = c ? len + 1 : 0;
	}
	return !len;
}

/* In ascending order, none twice, each at the beginning of a name. */
static bool list_is_good(const struct oui *oui, unsigned int which)
{
	const struct entry *list = oui->list[which];

	for (uint32_t i = 0; i < oui->count[which]; i++) {
		uint32_t at = name_at(&list[i]);

		if (!is_masked(&list[i], MASK[which]) || at >= oui->names_bytes || (at && oui->names[at - 1]))
			return false;
		if (i && memcmp(list[i - 1].prefix, list[i].prefix, PREFIX_BYTES) >= 0)
			return false;
	}
	return true;
}

static int check(struct oui *oui)
{
	struct reader r = {.at = oui->map, .left = oui->size};
	const uint8_t *magic = reader_bytes(&r, OUI_MAGIC_BYTES);
	uint32_t version = reader_uint(&r, 4), crc;

	if (r.bad || memcmp(magic, OUI_MAGIC, OUI_MAGIC_BYTES))
		return -EBADMSG;
	if (version != OUI_VERSION)
		return -ENOTSUP;
	for (unsigned int i = 0; i < LISTS; i++)
		oui->count[i] = reader_uint(&r, 4);
	oui->names_bytes = reader_uint(&r, 4);
	crc = reader_uint(&r, 4);
	if (r.bad || crc != crc32_z(0, r.at, r.left))
		return -EBADMSG;
	for (unsigned int i = 0; i < LISTS; i++)
		oui->list[i] = (const struct entry *)reader_bytes(&r, (size_t)oui->count[i] * sizeof(struct entry));
	if (r.left != oui->names_bytes)
		return -EBADMSG;
	oui->names = (const char *)reader_bytes(&r, oui->names_bytes);
	if (r.bad || !names_are_good(oui))
		return -EBADMSG;
	for (unsigned int i = 0; i < LISTS; i++)
		if (!list_is_good(oui, i))
			return -EBADMSG;
	return 0;
}

int oui_open(struct oui **ret_oui, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct oui *oui;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < OUI_HEADER_BYTES || st.st_size > OUI_FILE_MAX)
		return -EBADMSG;
	oui = malloc(sizeof(*oui));
	if (!oui)
		return -ENOMEM;
	*oui = (struct oui){.size = (size_t)st.st_size};
	oui->map = mmap(NULL, oui->size, PROT_READ, MAP_PRIVATE, fd, 0);
	r = oui->map == MAP_FAILED ? -errno : check(oui);
	if (r < 0) {
		oui_close(oui);
		return r;
	}
	madvise(oui->map, oui->size, MADV_DONTNEED); /* the check has read all of it, look-ups need a few pages */
	*ret_oui = oui;
	return 0;
}

struct oui *oui_close(struct oui *oui)
{
	if (!oui)
		return NULL;
	if (oui->map != MAP_FAILED)
		munmap(oui->map, oui->size);
	free(oui);
	return NULL;
}

static const char *look_up(const struct oui *oui, unsigned int which, const uint8_t mac[6])
{
	const struct entry *list = oui->list[which];
	uint32_t from = 0, to = oui->count[which];
	uint8_t prefix[PREFIX_BYTES];

	for (unsigned int i = 0; i < PREFIX_BYTES; i++)
		prefix[i] = mac[i] & MASK[which][i];
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		int order = memcmp(prefix, list[middle].prefix, PREFIX_BYTES);

		if (!order)
			return oui->names + name_at(&list[middle]);
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return NULL;
}

const char *oui_vendor(const struct oui *oui, const uint8_t mac[6])
{
	const char *name = NULL;

	if (!oui || mac_is_local(mac) || !mac_is_host(mac))
		return NULL;
	for (unsigned int which = LISTS; which-- > 0 && !name;)
		name = look_up(oui, which, mac);
	return name;
}
