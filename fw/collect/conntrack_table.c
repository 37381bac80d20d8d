/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/conntrack_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_LIMIT	(1u << 20)
#define CHAIN_MAX	64		/* nodes of a bucket looked at: all that ping one host look alike from outside */
#define RUNNING		UINT64_MAX

/*
 * An entry hangs in two buckets, one a view, as node 2 * entry + view; 0: none. The first view's buckets are even, the
 * second one's odd, so that many that look alike from outside are in nobody's way inside, where each is its own.
 */
struct node {
	uint32_t next, before, bucket;
};

struct entry {
	struct conntrack_connection connection;
	struct node node[2];
	uint32_t older, newer;		/* in its list; a free one: @newer is the next free */
	uint32_t connections;		/* without ports: that look the same; else 1 */
	uint64_t ended_ns;		/* or RUNNING */
};

struct list {
	uint32_t oldest, newest;
};

struct conntrack_table {
	struct siphash_key seed;
	struct list running, ended;	/* by when they were added, by when they ended */
	uint64_t replaced;
	uint32_t max, used, mask;
	uint32_t free, fresh;		/* @fresh: the first one never used */
	uint32_t *buckets;
	struct entry entries[];
};

/* A walk over what looks like @pair, either way round. */
struct walk {
	struct conntrack_pair pair, back;
	uint32_t bucket;	/* of the first view; the other one's is the next */
	uint32_t node, steps;
	uint8_t view, proto;
	bool is_back;		/* of the node found */
};

int conntrack_table_new(struct conntrack_table **ret_table, size_t entries, struct siphash_key seed)
{
	struct conntrack_table *table;
	uint32_t buckets = 1;

	_Static_assert(sizeof(struct entry) == 160, "the header says so");
	if (!entries || entries > ENTRIES_LIMIT)
		return -EINVAL;
	while (buckets < 2 * entries)	/* at least 2 */
		buckets *= 2;
	table = malloc(sizeof(*table) + (entries + 1) * sizeof(table->entries[0]));
	if (!table)
		return -ENOMEM;
	*table = (struct conntrack_table){ .seed = seed, .max = (uint32_t)entries, .mask = buckets - 1, .fresh = 1 };
	table->buckets = calloc(buckets, sizeof(table->buckets[0]));
	if (!table->buckets) {
		conntrack_table_free(table);
		return -ENOMEM;
	}
	*ret_table = table;
	return 0;
}

struct conntrack_table *conntrack_table_free(struct conntrack_table *table)
{
	if (table)
		free(table->buckets);
	free(table);
	return NULL;
}

size_t conntrack_table_entries(const struct conntrack_table *table)
{
	return table->used;
}

uint64_t conntrack_table_replaced(const struct conntrack_table *table)
{
	return table->replaced;
}

/* ---- what looks alike ---- */

static struct conntrack_pair turned(const struct conntrack_pair *pair)
{
	struct conntrack_pair back = { .port = { pair->port[1], pair->port[0] } };

	memcpy(back.addr[0], pair->addr[1], sizeof(back.addr[0]));
	memcpy(back.addr[1], pair->addr[0], sizeof(back.addr[1]));
	return back;
}

static bool is_same(const struct conntrack_pair *a, const struct conntrack_pair *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static struct node *node_at(struct conntrack_table *table, uint32_t node)
{
	return &table->entries[node / 2].node[node % 2];
}

static struct walk walk_begin(const struct conntrack_table *table, uint8_t proto, const struct conntrack_pair *pair)
{
	struct walk walk = { .pair = *pair, .back = turned(pair), .proto = proto };
	struct {
		struct conntrack_pair pair;
		uint32_t proto;
	} key = { .proto = proto };

	_Static_assert(sizeof(key) == 40, "no padding: it is hashed as bytes");
	key.pair = memcmp(&walk.pair, &walk.back, sizeof(walk.pair)) < 0 ? walk.pair : walk.back;
	walk.bucket = (uint32_t)siphash(table->seed, &key, sizeof(key)) & table->mask & ~1u;
	walk.node = table->buckets[walk.bucket];
	return walk;
}

/* The next node that looks like it, of the first view and then of the second, newest first; 0: no more. */
static uint32_t walk_next(const struct conntrack_table *table, struct walk *walk)
{
	for (;;) {
		const uint32_t node = walk->node;
		const struct entry *e = &table->entries[node / 2];
		const struct conntrack_pair *view = &e->connection.view[node % 2];

		if (!node || walk->steps == CHAIN_MAX) {
			if (walk->view)
				return 0;
			walk->view = 1;
			walk->node = table->buckets[walk->bucket + 1];
			walk->steps = 0;
			continue;
		}
		walk->steps++;
		walk->node = e->node[node % 2].next;
		walk->is_back = !is_same(view, &walk->pair);
		if (e->connection.proto == walk->proto && (!walk->is_back || is_same(view, &walk->back)))
			return node;
	}
}

static bool has_ports(const struct conntrack_connection *c)
{
	return c->view[0].port[0] || c->view[0].port[1];
}

/* The entry of just this connection; 0: none. */
static uint32_t find_entry(const struct conntrack_table *table, const struct conntrack_connection *c)
{
	struct walk walk = walk_begin(table, c->proto, &c->view[0]);
	uint32_t node;

	while ((node = walk_next(table, &walk)) && !walk.view) {
		const struct conntrack_connection *at = &table->entries[node / 2].connection;

		if (!walk.is_back && is_same(&at->view[1], &c->view[1]))
			return node / 2;
	}
	return 0;
}

/* ---- lists and buckets ---- */

static struct list *list_of(struct conntrack_table *table, const struct entry *e)
{
	return e->ended_ns == RUNNING ? &table->running : &table->ended;
}

static void list_take(struct conntrack_table *table, uint32_t index)
{
	struct entry *e = &table->entries[index];
	struct list *list = list_of(table, e);

	*(e->older ? &table->entries[e->older].newer : &list->oldest) = e->newer;
	*(e->newer ? &table->entries[e->newer].older : &list->newest) = e->older;
}

static void list_append(struct conntrack_table *table, uint32_t index, uint64_t ended_ns)
{
	struct entry *e = &table->entries[index];
	struct list *list;

	e->ended_ns = ended_ns;
	list = list_of(table, e);
	e->older = list->newest;
	e->newer = 0;
	*(e->older ? &table->entries[e->older].newer : &list->oldest) = index;
	list->newest = index;
}

static void hang(struct conntrack_table *table, uint32_t node, uint32_t bucket)
{
	struct node *n = node_at(table, node);

	*n = (struct node){ .next = table->buckets[bucket], .bucket = bucket };
	if (n->next)
		node_at(table, n->next)->before = node;
	table->buckets[bucket] = node;
}

static void unhang(struct conntrack_table *table, uint32_t node)
{
	const struct node *n = node_at(table, node);

	if (n->next)
		node_at(table, n->next)->before = n->before;
	*(n->before ? &node_at(table, n->before)->next : &table->buckets[n->bucket]) = n->next;
}

static void drop(struct conntrack_table *table, uint32_t index)
{
	unhang(table, 2 * index);
	unhang(table, 2 * index + 1);
	list_take(table, index);
	table->entries[index].newer = table->free;
	table->free = index;
	table->used--;
}

static uint32_t take_free(struct conntrack_table *table)
{
	uint32_t index;

	if (!table->free && table->fresh <= table->max)
		return table->fresh++;
	if (!table->free) {
		table->replaced++;
		drop(table, table->ended.oldest ? table->ended.oldest : table->running.oldest);
	}
	index = table->free;
	table->free = table->entries[index].newer;
	return index;
}

/* ---- connections ---- */

/* What looks like one of its views has ended, whether that was heard or not. */
static void drop_alike(struct conntrack_table *table, const struct conntrack_connection *c)
{
	for (int v = 0; v < 2; v++)
		for (;;) {
			struct walk walk = walk_begin(table, c->proto, &c->view[v]);
			const uint32_t node = walk_next(table, &walk);

			if (!node)
				break;
			table->replaced++;
			drop(table, node / 2);
		}
}

static void take_counts(struct entry *e, const struct conntrack_connection *c)
{
	e->connection.in_hardware |= c->in_hardware;	/* once is enough: at the end it is not any more */
	if (!c->has_counts)
		return;
	e->connection.has_counts = 1;
	e->connection.counts = c->counts;
}

void conntrack_table_add(struct conntrack_table *table, const struct conntrack_connection *connection)
{
	uint32_t index = find_entry(table, connection);
	struct entry *e = &table->entries[index];

	if (index) {
		e->connections = has_ports(connection) || e->ended_ns != RUNNING ? 1 : e->connections + 1;
		e->connection = *connection;
		list_take(table, index);
		list_append(table, index, RUNNING);
		return;
	}
	if (has_ports(connection))
		drop_alike(table, connection);
	if (is_same(&connection->view[0], &connection->view[1]) && !connection->in_hardware)
		return;
	index = take_free(table);
	e = &table->entries[index];
	*e = (struct entry){ .connection = *connection, .connections = 1 };
	list_append(table, index, RUNNING);
	for (uint32_t v = 0; v < 2; v++)
		hang(table, 2 * index + v, walk_begin(table, connection->proto, &connection->view[v]).bucket + v);
	table->used++;
}

void conntrack_table_refresh(struct conntrack_table *table, const struct conntrack_connection *connection)
{
	const uint32_t index = find_entry(table, connection);

	if (index)
		take_counts(&table->entries[index], connection);
	else if (connection->in_hardware)
		conntrack_table_add(table, connection);
}

void conntrack_table_end(struct conntrack_table *table, const struct conntrack_connection *connection, uint64_t now_ns)
{
	const uint32_t index = find_entry(table, connection);
	struct entry *e = &table->entries[index];

	if (!index || e->ended_ns != RUNNING)
		return;
	take_counts(e, connection);
	if (e->connections > 1) {
		e->connections--;
		return;
	}
	list_take(table, index);
	list_append(table, index, now_ns);
}

void conntrack_table_expire(struct conntrack_table *table, uint64_t now_ns)
{
	uint32_t index;

	while ((index = table->ended.oldest)) {
		const uint64_t ended_ns = table->entries[index].ended_ns;

		if (now_ns < ended_ns || now_ns - ended_ns < CONNTRACK_GRACE_NS)
			break;
		drop(table, index);
	}
}

bool conntrack_table_find(const struct conntrack_table *table, uint8_t proto, const struct conntrack_pair *pair,
			  struct conntrack_pair *ret_other)
{
	struct walk walk = walk_begin(table, proto, pair);
	struct conntrack_pair found;
	bool is_found = false;
	uint32_t node;

	while ((node = walk_next(table, &walk))) {
		const struct conntrack_pair *view = &table->entries[node / 2].connection.view[!(node % 2)];
		const struct conntrack_pair other = walk.is_back ? turned(view) : *view;

		if (is_found && !is_same(&found, &other))
			return false;
		found = other;
		is_found = true;
	}
	if (is_found)
		*ret_other = found;
	return is_found;
}

bool conntrack_table_counts(const struct conntrack_table *table, uint8_t proto, const struct conntrack_pair *pair,
			    struct conntrack_counts *ret_counts)
{
	struct walk walk = walk_begin(table, proto, pair);
	uint32_t node, found = 0;
	bool is_back = false;

	while ((node = walk_next(table, &walk))) {
		if (found && found / 2 != node / 2)
			return false;
		if (!found)
			is_back = walk.is_back;
		found = node;
	}
	if (!found || !table->entries[found / 2].connection.in_hardware || !table->entries[found / 2].connection.has_counts)
		return false;
	*ret_counts = table->entries[found / 2].connection.counts;
	if (is_back)
		*ret_counts = (struct conntrack_counts){ { ret_counts->packets[1], ret_counts->packets[0] },
							 { ret_counts->bytes[1], ret_counts->bytes[0] } };
	return true;
}
