/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_identify - whose facts are kept, for how long and in how much room; the table is a memfd for each map, as in test_flowtab. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/util.h"
#include "collect/names.h"
#include "run/identify.h"

#define S NS_PER_S
#define T0 (1000 * S)
#define SLOTS 1024
#define POOL 64
#define DATAGRAMS 4	/* of nothing known, until a UDP flow is not looked at any more */

struct table {
	struct flowtab_settings settings;
	struct flow_bucket *bucket;
	struct flow_total *ledger;
	struct flowtab *ft;
	struct identify *id;
	uint32_t facts_max;
	uint32_t reports;
	struct record last;	/* of the last report; texts are copied */
	char domain[64];
};

static int map_new(size_t size, void *ret_map)
{
	int fd = memfd_create("map", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	if (ret_map) {
		*(void **)ret_map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		assert_ptr_not_equal(*(void **)ret_map, MAP_FAILED);
	}
	return fd;
}

static void hear(const struct flow_report *report, void *arg)
{
	struct table *t = arg;

	t->reports++;
	t->last = (struct record){ 0 };
	identify_record(t->id, report, &t->last);
	snprintf(t->domain, sizeof(t->domain), "%.*s", (int)t->last.domain_len, (const char *)t->last.domain);
}

static void open_both(struct table *t)
{
	assert_int_equal(identify_new(&t->id, SLOTS, t->facts_max), 0);
	t->settings.freed = identify_freed;
	t->settings.freed_arg = t->id;
	assert_int_equal(flowtab_new(&t->ft, &t->settings), 0);
	identify_attach(t->id, t->ft, hear, t);
}

static void close_both(struct table *t)
{
	t->ft = flowtab_free(t->ft);
	assert_null(identify_free(t->id));
}

static struct table *start(uint32_t facts_max)
{
	struct table *t = calloc(1, sizeof(*t));
	struct flowtab_settings *s = &t->settings;

	s->slots = SLOTS;
	s->hellos = s->tcps = POOL;
	s->limits = (struct flowtab_limits){ .tcp_idle_ns = 60 * S, .idle_ns = 60 * S, .syn_ns = 15 * S, .fin_ns = 5 * S, .active_ns = 30 * S };
	s->flows_fd = map_new(SLOTS * sizeof(struct flow_slot), &t->bucket);
	s->ledger_fd = map_new(SLOTS * sizeof(struct flow_total), &t->ledger);
	s->hellos_fd = map_new(POOL * sizeof(struct hello_entry), NULL);
	s->tcp_fd = map_new(POOL * sizeof(struct tcp_health), NULL);
	s->names_fd = map_new(NAMES_MAX * sizeof(struct name_entry), NULL);
	s->taken_fd = map_new(TAKEN_ENTRIES * sizeof(struct taken), NULL);
	t->facts_max = facts_max;
	open_both(t);
	return t;
}

static void stop(struct table *t)
{
	const int fds[] = { t->settings.flows_fd, t->settings.ledger_fd, t->settings.hellos_fd, t->settings.tcp_fd,
			    t->settings.names_fd, t->settings.taken_fd };

	close_both(t);
	munmap(t->bucket, SLOTS * sizeof(struct flow_slot));
	munmap(t->ledger, SLOTS * sizeof(struct flow_total));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	free(t);
}

static struct flow_slot *slot_at(struct table *t, uint32_t number)
{
	return &t->bucket[number / BUCKET_SLOTS].slot[number % BUCKET_SLOTS];
}

/* As the kernel does, at a SYN of a: flow @n, whose tag is @n, too. */
static struct flow_slot *put(struct table *t, uint32_t number, uint32_t n, uint8_t proto, uint16_t port)
{
	struct flow_slot *slot = slot_at(t, number);

	assert_int_equal(slot->tag, TAG_FREE);
	slot->key = (struct flow_key){ .proto = proto, .ip_version = 4, .a_port = htons(1000), .b_port = htons(port) };
	slot->key.a_addr[2] = slot->key.b_addr[2] = htonl(0xffff);
	slot->key.a_addr[3] = htonl(0x0a000000 + n);
	slot->key.b_addr[3] = htonl(0xc6336401);
	slot->first_ns = slot->last_ns = T0;
	slot->flags = FLOW_FRESH | FLOW_SYN_SEEN | FLOW_CLIENT_SEQ;
	slot->client_seq = 1;
	slot->count[0] = 1;
	slot_at(t, number / BUCKET_SLOTS * BUCKET_SLOTS)->summary |= SUMMARY_PRINT(n) << SUMMARY_SHIFT(number % BUCKET_SLOTS);
	slot->tag = TAG_LIVE | n;
	return slot;
}

static void copy(struct table *t, uint32_t number, int from_b, uint32_t seq, const char *text)
{
	char data[COPY_BYTES_AT + 512] = { 0 };
	struct copy c = { .event = { .time_ns = T0 + 1, .slot = number, .type = EVENT_COPY, .dir = (uint8_t)from_b,
				     .proto = slot_at(t, number)->key.proto }, .seq = seq, .len = (uint16_t)strlen(text) };

	memcpy(data, &c, sizeof(c));
	memcpy(data + COPY_BYTES_AT, text, c.len);
	identify_copy(t->id, data, COPY_BYTES_AT + c.len);
}

static void request(struct table *t, uint32_t number, const char *host)
{
	char text[128];

	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
	copy(t, number, 0, 1, text);
}

static const struct record *told(struct table *t, uint32_t number)
{
	t->reports = 0;
	flowtab_report_slot(t->ft, number, T0 + 1, hear, t);
	assert_int_equal(t->reports, 1);
	return &t->last;
}

static void end_all(struct table *t)
{
	flowtab_flush(t->ft, T0 + 2, hear, t);
}

static uint32_t names(struct table *t)
{
	return names_used(flowtab_names(t->ft));
}

static void with_the_slot(void **state)
{
	struct table *t = start(SLOTS);

	put(t, 9, 1, IPPROTO_TCP, 80);
	request(t, 9, "one.test");
	assert_int_equal(identify_facts(t->id), 1);
	copy(t, 9, 1, 1, "HTTP/1.1 200 OK\r\n\r\n");
	assert_string_equal(told(t, 9)->protocol, "http");
	assert_int_equal(t->last.http.status, 200);
	assert_string_equal(t->domain, "one.test");
	assert_int_equal(names(t), 1);
	end_all(t);
	assert_string_equal(t->domain, "one.test");	/* its last record has them as well */
	assert_int_equal(identify_facts(t->id), 0);
	assert_int_equal(names(t), 0);
	put(t, 9, 2, IPPROTO_TCP, 80);	/* another one, in the same slot */
	assert_null(told(t, 9)->protocol);
	assert_string_equal(t->domain, "");
	request(t, 9, "two.test");
	told(t, 9);
	assert_string_equal(t->domain, "two.test");
	assert_int_equal(t->last.http.status, 0);
	stop(t);
}

/* What only says that there is nothing to know takes no memory, and is not looked into again. */
static void nothing_to_keep(void **state)
{
	struct table *t = start(SLOTS);
	struct flow_slot *slot = put(t, 9, 1, IPPROTO_UDP, 9000);

	for (int i = 1; i <= DATAGRAMS; i++) {
		assert_false(slot->flags & FLOW_READ);
		copy(t, 9, 0, 0, "nothing known");
		assert_int_equal(identify_facts(t->id), 0);
		assert_int_equal(slot->name_status, NAME_NOT_TLS);
	}
	assert_true(slot->flags & FLOW_READ);
	assert_true(slot->flags & FLOW_COPY_OFF);
	assert_int_equal(identify_under_way(t->id), 0);
	copy(t, 9, 0, 0, "still on its way");
	assert_int_equal(identify_engine(t->id)->payloads, DATAGRAMS);
	assert_int_equal(identify_under_way(t->id), 0);
	assert_int_equal(identify_counters(t->id)->facts_full, 0);
	stop(t);
}

static void no_room(void **state)
{
	struct table *t = start(2);
	uint32_t used;

	for (uint32_t i = 1; i <= 3; i++)
		put(t, i, i, IPPROTO_TCP, 80);
	request(t, 1, "one.test");
	request(t, 2, "two.test");
	used = names(t);
	request(t, 3, "three.test");
	assert_int_equal(identify_facts(t->id), 2);
	assert_int_equal(identify_counters(t->id)->facts_full, 1);
	assert_int_equal(names(t), used);
	assert_null(told(t, 3)->protocol);
	assert_string_equal(t->domain, "");
	told(t, 2);
	assert_string_equal(t->domain, "two.test");
	put(t, 4, 4, IPPROTO_UDP, 9000);	/* has nothing to keep: nothing is lost */
	copy(t, 4, 0, 0, "nothing known");
	assert_int_equal(identify_counters(t->id)->facts_full, 1);
	end_all(t);
	put(t, 3, 5, IPPROTO_TCP, 80);
	request(t, 3, "three.test");
	told(t, 3);
	assert_string_equal(t->domain, "three.test");
	assert_int_equal(identify_counters(t->id)->facts_full, 1);
	stop(t);
}

/* @known of the two slots of flow 1 has been read; the sweep frees slot 9, as the older one's FRESH has been looked at. */
static void twin(void **state)
{
	for (int known = 0; known < 2; known++) {
		struct table *t = start(2);

		put(t, 20, 7, IPPROTO_TCP, 80);
		request(t, 20, "other.test");	/* all places are taken */
		put(t, 9, 1, IPPROTO_TCP, 80)->flags &= ~FLOW_FRESH;
		put(t, 10, 1, IPPROTO_TCP, 80);
		request(t, known ? 10 : 9, "one.test");
		assert_int_equal(identify_facts(t->id), 2);
		for (int i = 0; i < 4 && slot_at(t, 9)->tag; i++)
			flowtab_sweep(t->ft, T0 + 3, hear, t);
		assert_int_equal(slot_at(t, 9)->tag, TAG_FREE);
		assert_int_equal(flowtab_counters(t->ft)->twins, 1);
		assert_int_equal(identify_facts(t->id), 2);
		told(t, 10);
		assert_string_equal(t->domain, "one.test");
		assert_int_equal(names(t), 2);
		end_all(t);
		assert_int_equal(identify_facts(t->id), 0);
		assert_int_equal(names(t), 0);
		stop(t);
	}
}

static void twin_without_facts(void **state)
{
	struct table *t = start(SLOTS);

	put(t, 9, 1, IPPROTO_UDP, 9000)->flags &= ~FLOW_FRESH;
	put(t, 10, 1, IPPROTO_UDP, 9000);
	for (int i = 0; i < DATAGRAMS; i++)
		copy(t, 9, 0, 0, "nothing known");
	for (int i = 0; i < 4 && slot_at(t, 9)->tag; i++)
		flowtab_sweep(t->ft, T0 + 3, hear, t);
	assert_int_equal(slot_at(t, 9)->tag, TAG_FREE);
	assert_true(slot_at(t, 10)->flags & FLOW_READ);
	assert_int_equal(slot_at(t, 10)->name_status, NAME_NOT_TLS);
	assert_int_equal(identify_facts(t->id), 0);
	stop(t);
}

/* server_name and name_status are in the maps; that all was read, too. The rest was the predecessor's. */
static void over_a_restart(void **state)
{
	struct table *t = start(SLOTS);

	put(t, 9, 1, IPPROTO_TCP, 443);
	flowtab_set_names(t->ft, 9, (const uint8_t *)"one.test", 8, NULL, 0);
	flowtab_set_status(t->ft, 9, NAME_OK);
	flowtab_copy_off(t->ft, 9);
	close_both(t);
	open_both(t);
	assert_int_equal(identify_facts(t->id), 0);
	told(t, 9);
	assert_string_equal(t->domain, "one.test");
	copy(t, 9, 0, 700, "still on its way");
	assert_int_equal(identify_engine(t->id)->payloads, 0);
	assert_int_equal(slot_at(t, 9)->name_status, NAME_OK);
	stop(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_the_slot), cmocka_unit_test(nothing_to_keep), cmocka_unit_test(no_room), cmocka_unit_test(twin),
		cmocka_unit_test(twin_without_facts), cmocka_unit_test(over_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
