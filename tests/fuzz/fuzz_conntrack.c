/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_conntrack - any bytes as a datagram of ctnetlink, at the end of a page behind which nothing is (libnl is not built
 * with a sanitizer): each message alone, then all in a small table: the last connection that began is found from both sides.
 */
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "collect/conntrack_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ROOM 32768
#define ENTRIES 16u

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_conntrack: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

/* The last @len bytes (and up to 3 of padding) before memory that cannot be read. */
static void *at_the_edge(const uint8_t *data, size_t len)
{
	static uint8_t *room;
	uint8_t *at;

	if (!room) {
		room = mmap(NULL, ROOM + 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(room != MAP_FAILED && !mprotect(room + ROOM, 65536, PROT_NONE));
	}
	at = room + ROOM - (len + 3) / 4 * 4;
	memcpy(at, data, len);
	return at;
}

static bool is_same(const struct conntrack_pair *a, const struct conntrack_pair *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void check_found(const struct conntrack_table *table, const struct conntrack_connection *c)
{
	const bool has_ports = c->view[0].port[0] || c->view[0].port[1];

	for (int v = 0; v < 2; v++) {
		const struct conntrack_pair *here = &c->view[v], *there = &c->view[!v];
		struct conntrack_pair other;
		bool found = conntrack_table_find(table, c->proto, here, &other);

		if (!found) {	/* without ports another may look alike */
			CHECK(!has_ports || is_same(here, there));
			continue;
		}
		CHECK(!has_ports || ((c->in_hardware || !is_same(here, there)) && is_same(&other, there)));
	}
}

/* Ends that turn round, as no NAT does, look like themselves from the other side. */
static bool is_odd(const struct conntrack_connection *c)
{
	return !memcmp(c->view[0].addr[0], c->view[1].addr[1], 16) && !memcmp(c->view[0].addr[1], c->view[1].addr[0], 16);
}

/* In a later list. What a NIC forwards is found with its counts from both sides, where nothing looks alike. */
static void check_counts(struct conntrack_table *table, const struct conntrack_connection *c)
{
	struct conntrack_counts counts;

	conntrack_table_refresh(table, c);
	if (!c->in_hardware || !c->has_counts || !(c->view[0].port[0] || c->view[0].port[1]) || is_odd(c))
		return;
	for (int v = 0; v < 2; v++) {
		const struct conntrack_pair *p = &c->view[v];

		if (!memcmp(p->addr[0], p->addr[1], 16) && p->port[0] == p->port[1])
			continue;	/* to itself: there is no other way round */
		CHECK(conntrack_table_counts(table, c->proto, p, &counts));
		CHECK(!memcmp(&counts, &c->counts, sizeof(counts)));
	}
}

/* Twice: what ended begins again. */
static void feed(struct conntrack_table *table, struct nlmsghdr *head, int left, uint64_t now_ns)
{
	struct conntrack_connection c;
	uint64_t events = 0;

	for (; nlmsg_ok(head, left); head = nlmsg_next(head, &left))
		switch (conntrack_message_read(head, &c)) {
		case CONNTRACK_MESSAGE_NEW:
			CHECK(!c.zero[0] && !c.zero[4] && c.has_counts <= 1 && c.in_hardware <= 1);
			events++;
			conntrack_table_add(table, &c);
			if (!is_odd(&c))
				check_found(table, &c);
			check_counts(table, &c);
			break;
		case CONNTRACK_MESSAGE_DESTROY:
			conntrack_table_end(table, &c, now_ns);
			break;
		case CONNTRACK_MESSAGE_OTHER:
		case CONNTRACK_MESSAGE_MALFORMED:
			break;
		}
	CHECK(conntrack_table_entries(table) <= ENTRIES);
	CHECK(now_ns || conntrack_table_entries(table) + conntrack_table_replaced(table) <= events);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct conntrack_table *table;
	size_t entries;
	void *bytes;

	if (len > ROOM)
		return 0;
	CHECK(!conntrack_table_new(&table, ENTRIES, (struct siphash_key){ { 1, 2 } }));
	bytes = at_the_edge(data, len);
	feed(table, bytes, (int)len, 0);
	entries = conntrack_table_entries(table);
	conntrack_table_expire(table, CONNTRACK_GRACE_NS);
	CHECK(conntrack_table_entries(table) <= entries);
	feed(table, bytes, (int)len, 1);
	conntrack_table_free(table);
	return 0;
}
