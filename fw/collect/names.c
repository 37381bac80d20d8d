/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define INDEX_SIZE (2 * NAMES_MAX)	/* open addressing at half load, 64 kB */

struct names {
	struct name_entry *entry;
	uint16_t *index;	/* hash -> entry, linear probing; 0: empty */
	uint32_t fresh;		/* entries from here on were never used */
	uint32_t hand;		/* where the search for an unreferenced entry goes on */
	uint32_t used;
	uint64_t full;
};

static uint32_t name_hash(const uint8_t *bytes, uint8_t len)
{
	uint32_t h = 2166136261u;	/* FNV-1a: short strings, and the table is bounded whatever an attacker finds */

	for (uint8_t i = 0; i < len; i++)
		h = (h ^ bytes[i]) * 16777619u;
	return (h ^ h >> 15) & (INDEX_SIZE - 1);
}

static uint32_t index_home(const struct names *names, uint16_t id)
{
	return name_hash(names->entry[id].bytes, names->entry[id].len);
}

/* Where the name is in the index, or the empty place where it belongs. */
static uint32_t index_find(const struct names *names, const uint8_t *bytes, uint8_t len)
{
	uint32_t at = name_hash(bytes, len);

	for (; names->index[at]; at = (at + 1) & (INDEX_SIZE - 1)) {
		const struct name_entry *entry = &names->entry[names->index[at]];

		if (entry->len == len && !memcmp(entry->bytes, bytes, len))
			break;
	}
	return at;
}

/* Linear probing without tombstones: what was pushed past the hole moves back into it. */
static void index_remove(struct names *names, uint16_t id)
{
	uint32_t hole = index_find(names, names->entry[id].bytes, names->entry[id].len), at = hole;

	for (;;) {
		uint32_t home;

		names->index[hole] = 0;
		do {
			at = (at + 1) & (INDEX_SIZE - 1);
			if (!names->index[at])
				return;
			home = index_home(names, names->index[at]);
		} while (((at - home) & (INDEX_SIZE - 1)) < ((at - hole) & (INDEX_SIZE - 1)));
		names->index[hole] = names->index[at];
		hole = at;
	}
}

int names_open(struct names **ret_names, int map_fd)
{
	struct names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	names->index = calloc(INDEX_SIZE, sizeof(*names->index));
	names->entry = mmap(NULL, NAMES_MAX * sizeof(*names->entry), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (!names->index || names->entry == MAP_FAILED) {
		int err = names->index ? -errno : -ENOMEM;

		if (names->entry == MAP_FAILED)
			names->entry = NULL;
		names_close(names);
		return err;
	}
	names->fresh = names->hand = 1;
	for (uint32_t id = 1; id < NAMES_MAX; id++) {
		struct name_entry *entry = &names->entry[id];

		entry->refs = 0;
		if (!entry->len)
			continue;
		names->index[index_find(names, entry->bytes, entry->len)] = (uint16_t)id;
		names->fresh = id + 1;
	}
	*ret_names = names;
	return 0;
}

struct names *names_close(struct names *names)
{
	if (!names)
		return NULL;
	if (names->entry)
		munmap(names->entry, NAMES_MAX * sizeof(*names->entry));
	free(names->index);
	free(names);
	return NULL;
}

/* An entry to write a new name into: a fresh one, or one that nobody refers to; 0: none. */
static uint16_t entry_take(struct names *names)
{
	if (names->fresh < NAMES_MAX)
		return (uint16_t)names->fresh++;
	if (names->used == NAMES_MAX - 1)
		return 0;
	for (uint32_t i = 0; i < NAMES_MAX; i++) {
		uint32_t id = names->hand++;

		if (names->hand == NAMES_MAX)
			names->hand = 1;
		if (names->entry[id].refs)
			continue;
		if (names->entry[id].len)
			index_remove(names, (uint16_t)id);
		names->entry[id].len = 0;
		return (uint16_t)id;
	}
	return 0;
}

uint16_t names_intern(struct names *names, const uint8_t *bytes, uint8_t len)
{
	uint16_t id;

	if (!len)
		return 0;
	id = names->index[index_find(names, bytes, len)];
	if (!id) {
		id = entry_take(names);
		if (!id) {
			names->full++;
			return 0;
		}
		memcpy(names->entry[id].bytes, bytes, len);
		names->entry[id].len = len;
		names->index[index_find(names, bytes, len)] = id;
	}
	names_ref(names, id);
	return id;
}

void names_ref(struct names *names, uint16_t id)
{
	if (id && id < NAMES_MAX && !names->entry[id].refs++)
		names->used++;
}

void names_unref(struct names *names, uint16_t id)
{
	if (id && id < NAMES_MAX && names->entry[id].refs && !--names->entry[id].refs)
		names->used--;
}

const struct name_entry *names_get(const struct names *names, uint16_t id)
{
	return id && id < NAMES_MAX && names->entry[id].len ? &names->entry[id] : NULL;
}

uint64_t names_full(const struct names *names)
{
	return names->full;
}

uint32_t names_used(const struct names *names)
{
	return names->used;
}
