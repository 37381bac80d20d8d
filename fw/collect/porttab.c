/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/porttab.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAP_BYTES (PORT_HASH * sizeof(union place))

union place {
	struct port_conf conf;
	uint64_t word;
};

struct porttab {
	union place *places;	/* the map itself */
	int names_fd;		/* not ours */
};

_Static_assert(sizeof(union place) == 8 && sizeof(struct port_name) == IFNAMSIZ, "porttab");

int porttab_open(struct porttab **ret_tab, int ports_fd, int port_names_fd)
{
	struct porttab *tab = calloc(1, sizeof(*tab));
	void *places;

	if (!tab)
		return -ENOMEM;
	places = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ports_fd, 0);
	if (places == MAP_FAILED) {
		int err = -errno;

		free(tab);
		return err;
	}
	madvise(places, MAP_BYTES, MADV_DONTFORK);	/* a child that is started again has no use for it */
	tab->places = places;
	tab->names_fd = port_names_fd;
	*ret_tab = tab;
	return 0;
}

struct porttab *porttab_close(struct porttab *tab)
{
	if (!tab)
		return NULL;
	munmap(tab->places, MAP_BYTES);
	free(tab);
	return NULL;
}

/* Among the places of @ifindex, the one that holds @wanted: itself, or 0 for a free one. */
static union place *find(struct porttab *tab, uint32_t ifindex, uint32_t wanted)
{
	for (uint32_t i = 0; i < PORT_PROBES; i++) {
		union place *place = &tab->places[(ifindex + i) % PORT_HASH];

		if (place->conf.ifindex == wanted)
			return place;
	}
	return NULL;
}

int porttab_set(struct porttab *tab, uint32_t ifindex, uint16_t port, uint16_t flags)
{
	const union place entry = { .conf = { .ifindex = ifindex, .port = port, .flags = flags } };
	union place *place = find(tab, ifindex, ifindex);

	if (!place)
		place = find(tab, ifindex, 0);
	if (!place)
		return -ENOSPC;
	__atomic_store_n(&place->word, entry.word, __ATOMIC_RELEASE);
	return 0;
}

void porttab_clear(struct porttab *tab, uint32_t ifindex)
{
	union place *place = ifindex ? find(tab, ifindex, ifindex) : NULL;

	if (place)
		__atomic_store_n(&place->word, 0, __ATOMIC_RELEASE);
}

void porttab_keep(struct porttab *tab, bool (*keep)(uint32_t ifindex, void *arg), void *arg)
{
	for (size_t i = 0; i < PORT_HASH; i++)
		if (tab->places[i].conf.ifindex && !keep(tab->places[i].conf.ifindex, arg))
			__atomic_store_n(&tab->places[i].word, 0, __ATOMIC_RELEASE);
}

int porttab_name(struct porttab *tab, unsigned int port, char ret_name[IFNAMSIZ])
{
	struct port_name name;
	__u32 key = port;

	if (bpf_map_lookup_elem(tab->names_fd, &key, &name))
		return -errno;
	name.name[sizeof(name.name) - 1] = 0;
	memcpy(ret_name, name.name, sizeof(name.name));
	return 0;
}

int porttab_set_name(struct porttab *tab, unsigned int port, const char *name)
{
	struct port_name entry = {};
	__u32 key = port;
	size_t len = strlen(name);

	if (len >= sizeof(entry.name))
		return -ENAMETOOLONG;
	memcpy(entry.name, name, len);
	return bpf_map_update_elem(tab->names_fd, &key, &entry, BPF_ANY) ? -errno : 0;
}
