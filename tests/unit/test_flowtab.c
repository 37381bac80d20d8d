/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The sweep against a memfd for each mmapable map; the test, and threads of it, play the kernel. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/util.h"
#include "bpf/key.h"
#include "collect/flowtab.h"

#define S NS_PER_S
#define T0 (1000 * S)
#define HELLOS 64
#define TCPS 64
#define REPORTS_MAX 65536

struct told {
	struct flow_report r;
	struct flow_key key;
	uint8_t mac[6];
	char sni[SNI_MAX + 1], alpn[ALPN_MAX + 1];
	struct tcp_health tcp;
};

struct table {
	struct flowtab_settings settings;
	struct flow_bucket *bucket;
	struct flow_total *ledger;
	struct hello_entry *hellos;
	struct tcp_health *tcp;
	struct name_entry *names;
	struct taken *taken;
	struct flowtab *ft;
	struct told *told;	/* reports since told_n was set to 0 */
	uint32_t told_n;
	uint32_t buckets;
};

static int map_new(void **ret_map, size_t size)
{
	int fd = memfd_create("map", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	*ret_map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(*ret_map, MAP_FAILED);
	return fd;
}

static void hear(const struct flow_report *r, void *arg)
{
	struct table *t = arg;
	struct told *told = &t->told[t->told_n];

	assert_true(t->told_n < REPORTS_MAX);
	t->told_n++;
	*told = (struct told){ .r = *r, .key = *r->key };
	if (r->mac)
		memcpy(told->mac, r->mac, sizeof(told->mac));
	if (r->tcp)
		told->tcp = *r->tcp;
	if (r->sni)
		memcpy(told->sni, r->sni, r->sni_len);
	if (r->alpn)
		memcpy(told->alpn, r->alpn, r->alpn_len);
}

static struct table *table_new(uint32_t slots)
{
	struct table *t = calloc(1, sizeof(*t));
	struct flowtab_settings *s = &t->settings;

	s->slots = slots;
	s->hellos = HELLOS;
	s->tcps = TCPS;
	s->limits = (struct flowtab_limits){ .tcp_idle_ns = 300 * S, .idle_ns = 60 * S, .syn_ns = 15 * S, .fin_ns = 5 * S, .active_ns = 30 * S };
	s->flows_fd = map_new((void **)&t->bucket, slots * sizeof(struct flow_slot));
	s->ledger_fd = map_new((void **)&t->ledger, slots * sizeof(struct flow_total));
	s->hellos_fd = map_new((void **)&t->hellos, HELLOS * sizeof(struct hello_entry));
	s->tcp_fd = map_new((void **)&t->tcp, TCPS * sizeof(struct tcp_health));
	s->names_fd = map_new((void **)&t->names, NAMES_MAX * sizeof(struct name_entry));
	s->taken_fd = map_new((void **)&t->taken, TAKEN_ENTRIES * sizeof(struct taken));
	t->buckets = slots / BUCKET_SLOTS;
	t->told = calloc(REPORTS_MAX, sizeof(*t->told));
	assert_int_equal(flowtab_new(&t->ft, s), 0);
	return t;
}

static void table_free(struct table *t)
{
	assert_null(flowtab_free(t->ft));
	munmap(t->bucket, t->settings.slots * sizeof(struct flow_slot));
	munmap(t->ledger, t->settings.slots * sizeof(struct flow_total));
	munmap(t->hellos, HELLOS * sizeof(struct hello_entry));
	munmap(t->tcp, TCPS * sizeof(struct tcp_health));
	munmap(t->names, NAMES_MAX * sizeof(struct name_entry));
	munmap(t->taken, TAKEN_ENTRIES * sizeof(struct taken));
	close(t->settings.flows_fd);
	close(t->settings.ledger_fd);
	close(t->settings.hellos_fd);
	close(t->settings.tcp_fd);
	close(t->settings.names_fd);
	close(t->settings.taken_fd);
	free(t->told);
	free(t);
}

static int set_up(void **state)
{
	*state = table_new(1024);
	return 0;
}

static int tear_down(void **state)
{
	table_free(*state);
	return 0;
}

static void restart(struct table *t)
{
	t->ft = flowtab_free(t->ft);
	assert_int_equal(flowtab_new(&t->ft, &t->settings), 0);
}

/* ---- the kernel's part, one step at a time ---- */

static struct flow_key key_of(uint32_t n, uint8_t proto)
{
	struct flow_key key = { .proto = proto, .ip_version = 4, .a_port = htons(1000), .b_port = htons(443) };

	key.a_addr[2] = key.b_addr[2] = htonl(0xffff);
	key.a_addr[3] = htonl(0x0a000000 + n);
	key.b_addr[3] = htonl(0xc6336401);
	return key;
}

static struct flow_slot *slot_at(struct table *t, uint32_t number)
{
	return &t->bucket[number / BUCKET_SLOTS].slot[number % BUCKET_SLOTS];
}

static void count(struct flow_slot *slot, int from_b, uint32_t frames, uint32_t bytes, uint32_t overhead, uint64_t now_ns)
{
	__atomic_fetch_add(&slot->bytes[from_b], bytes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&slot->count[from_b], frames | (uint64_t)overhead << COUNT_FRAMES_BITS, __ATOMIC_RELAXED);
	slot->last_ns = now_ns;
}

/* A flow at slot @number, whatever its key's hash is: a tag is only a tag to user space. */
static struct flow_slot *put(struct table *t, uint32_t number, struct flow_key key, uint32_t tag, uint32_t flags)
{
	struct flow_slot *slot = slot_at(t, number);

	assert_int_equal(slot->tag, TAG_FREE);
	slot->key = key;
	slot->first_ns = slot->last_ns = T0;
	slot->flags = flags | FLOW_FRESH;
	slot_at(t, number / BUCKET_SLOTS * BUCKET_SLOTS)->summary |=
		SUMMARY_PRINT(tag & TAG_HASH) << SUMMARY_SHIFT(number % BUCKET_SLOTS);
	__atomic_store_n(&slot->tag, TAG_LIVE | (tag & TAG_HASH), __ATOMIC_RELEASE);
	return slot;
}

static void walk(struct table *t, struct flow_slot *slot, uint32_t number, uint32_t at, const char *sni, const char *alpn)
{
	struct hello_entry *entry = &t->hellos[at];

	memset(entry, 0, sizeof(*entry));
	entry->owner = number + 1;
	if (sni) {
		entry->hello.flags |= HELLO_SNI;
		entry->hello.sni_len = (uint16_t)strlen(sni);
		memcpy(entry->hello.store, sni, strlen(sni));
	}
	if (alpn) {
		entry->hello.flags |= HELLO_ALPN;
		entry->hello.alpn_len = (uint16_t)strlen(alpn);
		memcpy(entry->hello.store + HELLO_ALPN_AT, alpn, strlen(alpn));
	}
	slot->hello = at + 1;
	slot->name_status = sni ? NAME_OK : NAME_TRUNCATED;
	slot->flags |= FLOW_HELLO_WALK | (sni ? FLOW_HELLO_DONE : 0);
}

static void sweep(struct table *t, uint64_t now_ns)
{
	t->told_n = 0;
	flowtab_sweep(t->ft, now_ns, hear, t);
}

static struct told *only(struct table *t)
{
	assert_int_equal(t->told_n, 1);
	return &t->told[0];
}

static void assert_free(struct table *t, uint32_t number)
{
	static const struct flow_slot empty;
	static const struct flow_total nothing;
	struct flow_slot slot = *slot_at(t, number);

	assert_int_equal(t->bucket[number / BUCKET_SLOTS].slot[0].summary >> SUMMARY_SHIFT(number % BUCKET_SLOTS) & 7, 0);
	slot.summary = 0;	/* the bucket's */
	assert_memory_equal(&slot, &empty, sizeof(slot));
	assert_memory_equal(&t->ledger[number], &nothing, sizeof(nothing));
}

static uint32_t spilled(const struct table *t, uint32_t bucket)
{
	return t->bucket[bucket].slot[0].summary / SUMMARY_SPILL;
}

static void set_spilled(struct table *t, uint32_t bucket, uint32_t n)
{
	uint32_t *summary = &t->bucket[bucket].slot[0].summary;

	*summary = *summary % SUMMARY_SPILL + n * SUMMARY_SPILL;
}

static uint32_t other(const struct table *t, uint32_t bucket, uint32_t tag)
{
	return bucket ^ key_bucket_delta(tag, t->buckets - 1);
}

/* ---- one flow ---- */

/* A handshake that does not come about takes its slot for a short time only, whoever began, answered or not. */
static void syn_without_ack(void **state)
{
	static const struct {
		uint32_t flags;
		uint64_t ends_s;
	} rows[] = {
		{ TCP_SYN, 15 }, { TCP_SYN | (TCP_SYN | TCP_ACK) << 8, 15 }, { FLOW_INITIATOR_B | TCP_SYN << 8, 15 },
		{ FLOW_INITIATOR_B | TCP_SYN << 8 | TCP_SYN | TCP_ACK, 15 }, { TCP_SYN | TCP_ACK | (TCP_SYN | TCP_ACK) << 8, 300 },
		{ (TCP_SYN | TCP_ACK) << 8, 300 },	/* began at the answer: the other way's packets are not seen */
		{ TCP_ACK, 300 }, { 0, 300 },
	};
	struct table *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct flow_slot *slot = put(t, 100, key_of(1, IPPROTO_TCP), 7, rows[i].flags);

		slot->first_ns = T0;
		count(slot, 0, 1, 100, 14, T0);
		sweep(t, T0 + rows[i].ends_s * S - 1);
		assert_int_equal(slot->tag, TAG_LIVE | 7);
		sweep(t, T0 + rows[i].ends_s * S);
		assert_int_equal(slot->tag, TAG_DEAD | 7);
		sweep(t, T0 + rows[i].ends_s * S);
		assert_int_equal(t->told[t->told_n - 1].r.end, FLOW_END_IDLE);
	}
}

/* Nothing new since the last report: an interim one would say nothing. The last one says why it ended. */
static void no_report_of_nothing(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 100, key_of(1, IPPROTO_TCP), 7, FLOW_SYN_SEEN);

	count(slot, 0, 1, 100, 14, T0);
	sweep(t, T0 + 30 * S);
	assert_int_equal(only(t)->r.end, FLOW_END_ACTIVE);
	sweep(t, T0 + 90 * S);
	flowtab_report_all(t->ft);
	flowtab_sweep(t->ft, T0 + 91 * S, hear, t);
	assert_int_equal(t->told_n, 0);
	flowtab_flush(t->ft, T0 + 92 * S, hear, t);
	assert_int_equal(only(t)->r.packets[0], 0);
	assert_int_equal(only(t)->r.total.packets[0], 1);
}

/* Of a TCP connection its health is told with each report: counts go on, samples are taken. Its place goes back with the slot. */
static void health_of_a_connection(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 100, key_of(1, IPPROTO_TCP), 7, FLOW_SYN_SEEN), *stranger;
	struct tcp_health *h = &t->tcp[9];
	static const struct tcp_health free_place;

	stranger = put(t, 101, key_of(2, IPPROTO_TCP), 8, FLOW_SYN_SEEN);
	slot->tcp = stranger->tcp = 10;
	h->owner = 100 + 1;
	h->side[1].retransmits = 3;
	h->rtt[0][4] = 5;
	h->rtt_base[0] = 17;
	count(slot, 0, 3, 300, 42, T0);
	count(stranger, 0, 3, 300, 42, T0);
	sweep(t, T0 + 30 * S);
	assert_int_equal(t->told_n, 2);
	assert_true(t->told[0].r.tcp);
	assert_int_equal(t->told[0].tcp.rtt[0][4], 5);
	assert_int_equal(t->told[0].tcp.side[1].retransmits, 3);
	assert_null(t->told[1].r.tcp);	/* the place is not its */
	assert_int_equal(h->rtt[0][4], 0);
	assert_int_equal(h->rtt_base[0], 17);

	restart(t);
	h->rtt[0][5] = 1;
	t->told_n = 0;
	flowtab_flush(t->ft, T0 + 40 * S, hear, t);
	assert_int_equal(t->told_n, 2);
	assert_int_equal(t->told[0].tcp.rtt[0][4], 0);
	assert_int_equal(t->told[0].tcp.rtt[0][5], 1);
	assert_int_equal(t->told[0].tcp.side[1].retransmits, 3);
	assert_memory_equal(h, &free_place, sizeof(free_place));
	assert_free(t, 100);
}

static void same_report(const struct flow_report *x, const struct flow_report *y)
{
	assert_int_equal(x->slot, y->slot);
	assert_ptr_equal(x->key, y->key);
	assert_int_equal(x->first_ns, y->first_ns);
	assert_int_equal(x->last_ns, y->last_ns);
	assert_memory_equal(x->packets, y->packets, sizeof(x->packets));
	assert_memory_equal(x->bytes, y->bytes, sizeof(x->bytes));
	assert_memory_equal(x->ip_bytes, y->ip_bytes, sizeof(x->ip_bytes));
	assert_memory_equal(&x->total, &y->total, sizeof(x->total));
	assert_int_equal(x->flags, y->flags);
	assert_int_equal(x->name_status, y->name_status);
	assert_int_equal(x->end, y->end);
	assert_ptr_equal(x->mac, y->mac);
	assert_ptr_equal(x->sni, y->sni);
	assert_ptr_equal(x->alpn, y->alpn);
}

/* A look takes nothing: it says what the next report will say, as often as one looks. */
static void peek_is_the_next_report(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 100, key_of(1, IPPROTO_TCP), 7, FLOW_SYN_SEEN);
	struct flow_report peeked = { 0 };
	struct tcp_health health = { 0 };

	slot->tcp = 10;
	t->tcp[9].owner = 100 + 1;
	t->tcp[9].rtt_count[1] = 4;
	count(slot, 0, 3, 300, 42, T0);
	sweep(t, T0 + 30 * S);
	assert_int_equal(t->tcp[9].rtt_count[1], 0);
	t->tcp[9].rtt_count[1] = 6;
	count(slot, 0, 2, 250, 28, T0 + 31 * S);
	count(slot, 1, 1, 60, 14, T0 + 32 * S);
	for (int i = 0; i < 2; i++) {
		assert_true(flowtab_peek(t->ft, 100, &peeked, &health));
		assert_int_equal(t->tcp[9].rtt_count[1], 6);
	}
	assert_int_equal(peeked.total.bytes[0], 550);
	assert_ptr_equal(peeked.tcp, &health);
	assert_false(flowtab_peek(t->ft, 101, &peeked, &health));
	assert_false(flowtab_peek(t->ft, t->settings.slots, &peeked, &health));
	flowtab_report_slot(t->ft, 100, T0 + 33 * S, hear, t);
	t->told_n--;	/* the newest is looked at here */
	same_report(&t->told[t->told_n].r, &peeked);
	assert_memory_equal(&t->told[t->told_n].tcp, &health, sizeof(health));
	assert_int_equal(slot->bytes[0], 0);
	assert_true(flowtab_peek(t->ft, 100, &peeked, &health));
	assert_int_equal(peeked.packets[0], 0);
	assert_int_equal(peeked.total.packets[0], 5);
	slot->tag = (slot->tag & TAG_HASH) | TAG_DEAD;
	assert_false(flowtab_peek(t->ft, 100, &peeked, &health));
}

static void totals_beyond_32_bits(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 100, key_of(1, IPPROTO_TCP), 7, FLOW_SYN_SEEN);

	t->ledger[100].packets[1] = 0xfffffffe;
	t->ledger[100].packets_high[1] = 2;
	count(slot, 1, 3, 300, 42, T0);
	sweep(t, T0 + 30 * S);
	assert_int_equal(only(t)->r.total.packets[1], 0x300000001ULL);
	assert_int_equal(only(t)->r.total.packets[0], 0);
}

static void active_then_idle(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 100, key_of(1, IPPROTO_TCP), 7, FLOW_SYN_SEEN);

	count(slot, 0, 3, 300, 42, T0);
	count(slot, 1, 1, 60, 14, T0 + 1 * S);
	sweep(t, T0 + 29 * S);
	assert_int_equal(t->told_n, 0);		/* too young */
	assert_int_equal(flowtab_counters(t->ft)->live, 1);
	assert_int_equal(flowtab_counters(t->ft)->pending[0].dir[DIR_RX].frames, 3);
	assert_int_equal(flowtab_counters(t->ft)->pending[0].dir[DIR_TX].bytes, 60);

	sweep(t, T0 + 30 * S);
	assert_int_equal(only(t)->r.end, FLOW_END_ACTIVE);
	assert_int_equal(only(t)->r.packets[0], 3);
	assert_int_equal(only(t)->r.bytes[0], 300);
	assert_int_equal(only(t)->r.ip_bytes[0], 258);
	assert_int_equal(only(t)->r.packets[1], 1);
	assert_int_equal(only(t)->r.ip_bytes[1], 46);
	assert_int_equal(only(t)->r.first_ns, T0);
	assert_int_equal(only(t)->r.last_ns, T0 + 1 * S);
	assert_null(only(t)->r.mac);
	assert_null(only(t)->r.sni);
	assert_int_equal(flowtab_counters(t->ft)->pending[0].dir[DIR_RX].frames, 0);
	sweep(t, T0 + 59 * S);
	assert_int_equal(t->told_n, 0);		/* last report is 29 s old */

	count(slot, 0, 2, 200, 28, T0 + 59 * S);
	sweep(t, T0 + 61 * S);
	assert_int_equal(only(t)->r.packets[0], 2);	/* a delta, */
	assert_int_equal(only(t)->r.bytes[0], 200);
	assert_int_equal(only(t)->r.total.packets[0], 5);	/* and a total */
	assert_int_equal(only(t)->r.total.bytes[0], 500);
	assert_int_equal(only(t)->r.total.bytes[1], 60);

	count(slot, 1, 1, 70, 14, T0 + 62 * S);
	sweep(t, T0 + 362 * S);			/* 300 s after its last packet: dead, */
	assert_int_equal(t->told_n, 0);
	assert_int_equal(slot->tag, TAG_DEAD | 7);
	sweep(t, T0 + 363 * S);			/* told, free */
	assert_int_equal(only(t)->r.end, FLOW_END_IDLE);
	assert_int_equal(only(t)->r.packets[0], 0);
	assert_int_equal(only(t)->r.bytes[1], 70);
	assert_int_equal(only(t)->r.total.bytes[1], 130);
	assert_int_equal(only(t)->r.total.packets[0], 5);
	assert_free(t, 100);
	assert_int_equal(t->taken[0].dir[DIR_RX].frames, 5);
	assert_int_equal(t->taken[0].dir[DIR_RX].bytes, 500);
	assert_int_equal(t->taken[0].dir[DIR_TX].bytes, 130);
	assert_int_equal(flowtab_counters(t->ft)->ended, 1);
	assert_int_equal(flowtab_counters(t->ft)->reports, 3);
	sweep(t, T0 + 1000 * S);
	assert_int_equal(t->told_n, 0);
	assert_int_equal(flowtab_counters(t->ft)->live + flowtab_counters(t->ft)->dead, 0);
}

/* The slot has 16 bits for the second of the last report: they wrap after 18 hours, and 0 means that there was none. */
static void report_second_wraps(void **state)
{
	enum { ACTIVE = 30, WRAP = 65536, ROUND = 3 * ACTIVE };
	struct table *t = *state;
	uint32_t gap_max = 0, gap_min = UINT32_MAX;

	for (uint32_t begin = 2 * WRAP - ROUND; begin <= 2 * WRAP + 1; begin++) {	/* each second there is told in one of them */
		struct flow_slot *slot = put(t, 100, key_of(1, IPPROTO_UDP), 7, 0);
		uint32_t last = begin;

		slot->first_ns = begin * S;
		for (uint32_t now = begin; now <= begin + 2 * ROUND; now++) {
			count(slot, 0, 1, 100, 14, now * S);
			sweep(t, now * S + S / 2);
			if (!t->told_n) {
				assert_int_equal(slot->reported_s, last == begin ? 0 : last % WRAP ? last % WRAP : 1);
				continue;
			}
			assert_int_equal(only(t)->r.end, FLOW_END_ACTIVE);
			assert_int_equal(only(t)->r.packets[0], now - last + (last == begin));
			assert_int_equal(slot->reported_s, now % WRAP ? now % WRAP : 1);
			gap_min = MIN(gap_min, now - last);
			gap_max = MAX(gap_max, now - last);
			last = now;
		}
		assert_in_range(last, begin + 2 * ROUND - ACTIVE, begin + 2 * ROUND);
		flowtab_flush(t->ft, (begin + 2 * ROUND) * S, hear, t);
		assert_free(t, 100);
	}
	/* Second 0 is told as 1: a report from there comes a second late, one to there a second early. */
	assert_in_range(gap_min, ACTIVE - 1, ACTIVE);
	assert_in_range(gap_max, ACTIVE, ACTIVE + 1);
}

/* A report between two steps has a later time than the sweep, which read the clock before: that is not 65535 s of quiet. */
static void report_after_the_clock_was_read(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 100, key_of(1, IPPROTO_UDP), 7, 0);

	slot->first_ns = T0;
	count(slot, 0, 1, 100, 14, T0 + 5 * S);
	flowtab_report_slot(t->ft, 100, T0 + 5 * S, hear, t);
	assert_int_equal(flowtab_counters(t->ft)->reports, 1);
	count(slot, 0, 1, 100, 14, T0 + 5 * S);
	sweep(t, T0 + 5 * S - 1000);
	assert_int_equal(t->told_n, 0);
	sweep(t, T0 + 34 * S);
	assert_int_equal(t->told_n, 0);
	sweep(t, T0 + 35 * S);		/* and active_ns later it is due */
	assert_int_equal(only(t)->r.packets[0], 1);
	assert_int_equal(only(t)->r.total.packets[0], 2);
	count(slot, 0, 1, 100, 14, T0 + 50000 * S);	/* nobody swept for 14 hours: due at once, not after the wrap */
	sweep(t, T0 + 50000 * S);
	assert_int_equal(only(t)->r.packets[0], 1);
}

static void udp_ends_sooner(void **state)
{
	struct table *t = *state;

	count(put(t, 9, key_of(1, IPPROTO_UDP), 7, 0), 0, 1, 100, 14, T0);
	t->settings.limits.active_ns = 1000 * S;
	restart(t);
	sweep(t, T0 + 60 * S - 1);
	assert_int_equal(slot_at(t, 9)->tag, TAG_LIVE | 7);
	sweep(t, T0 + 60 * S);
	sweep(t, T0 + 60 * S);
	assert_int_equal(only(t)->r.end, FLOW_END_IDLE);
	assert_int_equal(only(t)->r.name_status, NAME_NOT_TLS);
}

/* Clocks: the coarse one may be behind the precise one, now may be behind both; nothing wraps. */
static void clock_behind(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 9, key_of(1, IPPROTO_UDP), 7, 0);

	count(slot, 0, 1, 100, 14, T0 - 5);
	sweep(t, T0 - 10 * S);
	sweep(t, 0);
	assert_int_equal(slot->tag, TAG_LIVE | 7);
	sweep(t, T0 + 40 * S);
	assert_int_equal(only(t)->r.last_ns, T0);
	assert_int_equal(only(t)->r.first_ns, T0);
}

static void fin_and_rst_linger(void **state)
{
	static const struct {
		uint32_t flags;
		bool ends;
	} rows[] = {
		{ TCP_FIN | TCP_FIN << 8, true }, { TCP_RST, true }, { TCP_RST << 8, true }, { TCP_FIN, false }, { TCP_FIN << 8, false },
		{ TCP_SYN | TCP_SYN << 8, false }, { TCP_FIN | TCP_ACK << 8, false },
	};
	struct table *t = *state;

	for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
		count(put(t, i, key_of(i, IPPROTO_TCP), i, rows[i].flags), 0, 1, 100, 14, T0);
		count(put(t, 64 + i, key_of(i, IPPROTO_UDP), i, rows[i].flags), 0, 1, 100, 14, T0);	/* means nothing there */
	}
	sweep(t, T0 + 5 * S - 1);
	for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(slot_at(t, i)->tag, TAG_LIVE | i);
	count(slot_at(t, 0), 1, 1, 60, 14, T0 + 4 * S);		/* the last ACK: lingers from there */
	sweep(t, T0 + 6 * S);
	for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(slot_at(t, i)->tag, (rows[i].ends && i ? TAG_DEAD : TAG_LIVE) | i);
		assert_int_equal(slot_at(t, 64 + i)->tag, TAG_LIVE | i);
	}
	sweep(t, T0 + 9 * S);
	assert_int_equal(t->told_n, 2);
	assert_int_equal(t->told[0].r.end, FLOW_END_DETECTED);
	sweep(t, T0 + 9 * S);
	assert_int_equal(only(t)->r.packets[1], 1);
}

/* A packet that found the slot alive and counts when it is dead already: it is in the record. */
static void late_count_is_told(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 5, key_of(1, IPPROTO_UDP), 7, 0);

	count(slot, 0, 1, 100, 14, T0);
	sweep(t, T0 + 61 * S);
	assert_int_equal(slot->tag, TAG_DEAD | 7);
	count(slot, 0, 2, 250, 28, T0 + 61 * S);
	sweep(t, T0 + 62 * S);
	assert_int_equal(only(t)->r.packets[0], 3);
	assert_int_equal(only(t)->r.bytes[0], 350);
	assert_int_equal(only(t)->r.last_ns, T0 + 61 * S);
	assert_free(t, 5);
}

static void killed_by_the_kernel(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 5, key_of(1, IPPROTO_TCP), 7, TCP_RST), *next;

	count(slot, 0, 1, 100, 14, T0);
	slot->tag = TAG_DEAD | 7;	/* its ports are used again */
	next = put(t, 6, key_of(1, IPPROTO_TCP), 7, FLOW_SYN_SEEN);
	count(next, 0, 1, 60, 14, T0 + 1 * S);
	sweep(t, T0 + 1 * S);
	assert_int_equal(t->told_n, 0);	/* two steps here too: another CPU may still count */
	count(slot, 1, 1, 80, 14, T0);
	sweep(t, T0 + 2 * S);
	assert_int_equal(only(t)->r.end, FLOW_END_DETECTED);
	assert_int_equal(only(t)->r.bytes[0], 100);
	assert_int_equal(only(t)->r.bytes[1], 80);
	assert_free(t, 5);
	assert_int_equal(next->tag, TAG_LIVE | 7);	/* no twin of the dead one */
	assert_int_equal(flowtab_counters(t->ft)->twins, 0);
}

static void taken_before_it_is_full(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 5, key_of(1, IPPROTO_UDP), 7, 0);

	count(slot, 1, (1u << 26) - 1, 1000, 0, T0);
	sweep(t, T0 + 1 * S);
	assert_int_equal(t->told_n, 0);
	count(slot, 1, 1, 1000, COUNT_OVERHEAD_MAX, T0);
	sweep(t, T0 + 1 * S);
	assert_int_equal(only(t)->r.packets[1], 1u << 26);
	assert_int_equal(slot->count[1] & ~TAKE_TURN, 0);
}

static void books_by_port_and_direction(void **state)
{
	struct table *t = *state;
	struct flow_key key = key_of(1, IPPROTO_UDP);

	key.port = 3;
	for (int mirror = 0; mirror < 2; mirror++) {
		struct flow_slot *slot = put(t, 8 * mirror, key, 1, mirror ? FLOW_MIRROR : 0);

		slot->key.port = (uint16_t)(3 + mirror);
		count(slot, 0, 1, 100, 14, T0);
		count(slot, 1, 2, 300, 28, T0);
	}
	memcpy(slot_at(t, 0)->mac, "\2\0\0\0\0\1", 6);
	flowtab_report_all(t->ft);
	flowtab_sweep(t->ft, T0, hear, t);
	assert_int_equal(t->told_n, 2);
	assert_memory_equal(t->told[0].mac, "\2\0\0\0\0\1", 6);
	assert_null(t->told[1].r.mac);
	assert_int_equal(t->taken[3].dir[DIR_RX].bytes, 100);
	assert_int_equal(t->taken[3].dir[DIR_TX].bytes, 300);
	assert_int_equal(t->taken[3].dir[DIR_TX].frames, 2);
	assert_int_equal(t->taken[4].dir[DIR_RX].bytes, 400);	/* a mirror port receives both */
	assert_int_equal(t->taken[4].dir[DIR_RX].frames, 3);
	assert_int_equal(t->taken[4].dir[DIR_TX].frames, 0);
	assert_int_equal(slot_at(t, 0)->tag, TAG_LIVE | 1);	/* they go on */
	t->told_n = 0;
	flowtab_report_all(t->ft);
	flowtab_sweep(t->ft, T0, hear, t);
	assert_int_equal(t->told_n, 0);				/* nothing new, nothing told */
}

static void flush_empties(void **state)
{
	struct table *t = *state;

	for (uint32_t i = 0; i < 1024; i++)
		if (i % 3) {
			struct flow_slot *slot = put(t, i, key_of(i, i % 2 ? IPPROTO_TCP : IPPROTO_UDP), i, 0);

			count(slot, 0, 1, 100, 14, T0);
			if (i % 3 == 2)
				slot->tag = TAG_DEAD | i;
		}
	put(t, 999, key_of(1, IPPROTO_TCP), 1, 0);	/* a twin above, and one below */
	put(t, 0, key_of(1000, IPPROTO_UDP), 1000, 0);
	flowtab_flush(t->ft, T0 + 1, hear, t);
	for (uint32_t i = 0; i < 1024; i++)
		assert_free(t, i);
	assert_int_equal(t->taken[0].dir[DIR_RX].frames, 682);
	assert_in_range(t->told_n, 682, 684);
	t->told_n = 0;
	flowtab_flush(t->ft, T0 + 1, hear, t);
	assert_int_equal(t->told_n, 0);
	count(put(t, 4, key_of(1, IPPROTO_TCP), 1, 0), 0, 1, 60, 14, T0);
	sweep(t, T0 + 2);			/* and then sweeps are as ever */
	assert_int_equal(slot_at(t, 4)->tag, TAG_LIVE | 1);
}

/* ---- second buckets ---- */

static void spill_goes_down(struct table *t, uint32_t home, uint32_t tag)
{
	const uint32_t away = other(t, home, tag), number = away * BUCKET_SLOTS + 3;
	struct flow_slot *slot = put(t, number, key_of(tag, IPPROTO_UDP), tag, FLOW_ALT);

	set_spilled(t, home, 2);
	set_spilled(t, away, 5);
	count(slot, 0, 1, 100, 14, T0);
	sweep(t, T0 + 61 * S);
	assert_int_equal(spilled(t, home), 2);	/* not before it is free */
	sweep(t, T0 + 62 * S);
	assert_free(t, number);
	assert_int_equal(spilled(t, home), 1);
	assert_int_equal(spilled(t, away), 5);
	set_spilled(t, home, 0);
	set_spilled(t, away, 0);
}

static void spill(void **state)
{
	struct table *t = table_new(262144);	/* 16 steps */
	uint32_t outside = 0;

	for (uint32_t i = 0; i < 12; i++) {
		uint32_t home = i * 2731 % t->buckets, tag = i * 0x1234567 & TAG_HASH;

		outside += home / 2048 != other(t, home, tag) / 2048;
		spill_goes_down(t, home, tag);
	}
	assert_in_range(outside, 3, 12);
	/* A count that was lost stays 0. */
	count(put(t, other(t, 9, 77) * BUCKET_SLOTS, key_of(1, IPPROTO_UDP), 77, FLOW_ALT), 0, 1, 100, 14, T0);
	sweep(t, T0 + 61 * S);
	sweep(t, T0 + 61 * S);
	assert_int_equal(spilled(t, 9), 0);
	table_free(t);
	spill_goes_down(*state, 7, 0x1111);
	spill_goes_down(*state, 127, 0x2222222);
}

/* Freeing slot 0 of a bucket leaves the bucket's spill alone. */
static void spill_survives_slot_0(void **state)
{
	struct table *t = *state;

	count(put(t, 8, key_of(1, IPPROTO_UDP), 1, 0), 0, 1, 100, 14, T0);
	set_spilled(t, 1, 3);
	sweep(t, T0 + 61 * S);
	sweep(t, T0 + 61 * S);
	assert_free(t, 8);
	assert_int_equal(spilled(t, 1), 3);
}

/* ---- twins ---- */

static void twins_at(struct table *t, uint32_t x, uint32_t y, uint32_t tag)
{
	const uint64_t twins = flowtab_counters(t->ft)->twins;
	struct flow_key key = key_of(1, IPPROTO_TCP);
	struct flow_slot *slot[2] = { put(t, x, key, tag, TCP_SYN | TCP_ACK), put(t, y, key, tag, TCP_ACK << 8) };
	struct taken before = t->taken[0];
	int alive, dead;

	slot[1]->first_ns = T0 - 7;
	count(slot[0], 0, 1, 100, 14, T0);
	count(slot[1], 0, 2, 200, 28, T0);
	count(slot[1], 1, 3, 3000, 42, T0);
	sweep(t, T0 + 1 * S);
	assert_int_equal(t->told_n, 0);
	alive = slot[0]->tag == (TAG_LIVE | tag) ? 0 : 1;
	dead = !alive;
	assert_int_equal(slot[alive]->tag, TAG_LIVE | tag);
	assert_int_equal(slot[dead]->tag, TAG_DEAD | tag);	/* still there: another CPU may count in it */
	count(slot[dead], 0, 4, 400, 56, T0);
	sweep(t, T0 + 2 * S);
	assert_int_equal(t->told_n, 0);
	assert_int_equal(flowtab_counters(t->ft)->twins, twins + 1);
	assert_free(t, dead ? y : x);
	assert_int_equal(slot[alive]->count[0] & COUNT_FRAMES_MASK, 7);
	assert_int_equal(slot[alive]->flags & 0xffff, TCP_SYN | TCP_ACK | TCP_ACK << 8);
	sweep(t, T0 + 31 * S);
	assert_int_equal(only(t)->r.packets[0], 7);
	assert_int_equal(only(t)->r.bytes[0], 700);
	assert_int_equal(only(t)->r.ip_bytes[0], 700 - 98);
	assert_int_equal(only(t)->r.bytes[1], 3000);
	assert_int_equal(only(t)->r.ip_bytes[1], 3000 - 42);
	assert_int_equal(only(t)->r.first_ns, T0 - 7);
	assert_int_equal(t->taken[0].dir[DIR_RX].bytes - before.dir[DIR_RX].bytes, 700);
	assert_int_equal(t->taken[0].dir[DIR_TX].frames - before.dir[DIR_TX].frames, 3);
	flowtab_flush(t->ft, T0, hear, t);
	t->taken[0] = before;
}

static void twins_are_merged(void **state)
{
	struct table *t = *state, *big = table_new(65536);

	twins_at(t, 40, 43, 5);		/* one bucket, either order */
	twins_at(t, 47, 41, 5);
	twins_at(t, 40, other(t, 5, 5) * BUCKET_SLOTS + 2, 5);
	twins_at(t, other(t, 5, 5) * BUCKET_SLOTS + 2, 40, 5);
	for (uint32_t tag = 1; tag < 12; tag++) {	/* windows apart */
		twins_at(big, 40, other(big, 5, tag) * BUCKET_SLOTS + 2, tag);
		twins_at(big, other(big, 5, tag) * BUCKET_SLOTS + 2, 40, tag);
	}
	table_free(big);
}

static void same_tag_is_no_twin(void **state)
{
	struct table *t = *state;

	put(t, 40, key_of(1, IPPROTO_TCP), 5, 0);
	put(t, 41, key_of(2, IPPROTO_TCP), 5, 0);	/* another flow */
	put(t, 42, key_of(1, IPPROTO_UDP), 5, 0);
	sweep(t, T0);
	sweep(t, T0);
	assert_int_equal(flowtab_counters(t->ft)->live, 3);
	assert_int_equal(flowtab_counters(t->ft)->twins, 0);
}

static void three_of_one_flow(void **state)
{
	struct table *t = *state;
	uint32_t alive = 0;

	for (uint32_t i = 0; i < 3; i++)
		count(put(t, 40 + i, key_of(1, IPPROTO_UDP), 5, 0), 0, 1, 100 << i, 14, T0);
	for (int i = 0; i < 4; i++)
		sweep(t, T0 + 1 * S);
	for (uint32_t i = 0; i < 3; i++)
		alive += slot_at(t, 40 + i)->tag != TAG_FREE;
	assert_int_equal(alive, 1);
	assert_int_equal(flowtab_counters(t->ft)->twins, 2);
	flowtab_flush(t->ft, T0, hear, t);
	assert_int_equal(only(t)->r.bytes[0], 700);
	assert_int_equal(only(t)->r.packets[0], 3);
}

/* The survivor ends (its ports are used again) before the other one is merged: that one is told by itself. */
static void twin_whose_survivor_ended(void **state)
{
	struct table *t = *state;
	uint64_t bytes = 0, frames = 0;

	count(put(t, 40, key_of(1, IPPROTO_TCP), 5, 0), 0, 1, 100, 14, T0);
	count(put(t, 41, key_of(1, IPPROTO_TCP), 5, 0), 1, 2, 250, 28, T0);
	sweep(t, T0);
	for (uint32_t i = 40; i < 42; i++)
		if (slot_at(t, i)->tag == (TAG_LIVE | 5))
			slot_at(t, i)->tag = TAG_DEAD | 5;
	t->told_n = 0;
	for (int i = 0; i < 3; i++)
		flowtab_sweep(t->ft, T0 + 1 * S, hear, t);
	assert_int_equal(t->told_n, 2);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(t->told[i].r.end, FLOW_END_DETECTED);
		frames += t->told[i].r.packets[0] + t->told[i].r.packets[1];
		bytes += t->told[i].r.bytes[0] + t->told[i].r.bytes[1];
	}
	assert_int_equal(frames, 3);
	assert_int_equal(bytes, 350);
	assert_free(t, 40);
	assert_free(t, 41);
}

/* The packets, and so the hello, went to the one that is given up: its name goes into the other one. */
static void twin_with_the_name(void **state)
{
	struct table *t = *state;

	for (int way = 0; way < 2; way++) {
		uint32_t with = way ? 44 : 40, number[2] = { 40, 44 };

		for (int i = 0; i < 2; i++)
			put(t, number[i], key_of(1, IPPROTO_TCP), 5, 0);
		walk(t, slot_at(t, with), with, 3, "shop.example", "\2h2");
		for (int i = 0; i < 3; i++)
			sweep(t, T0 + 1 * S);
		assert_int_equal(flowtab_counters(t->ft)->live, 1);
		assert_int_equal(flowtab_names_used(t->ft), 2);
		t->told_n = 0;
		flowtab_flush(t->ft, T0 + 2 * S, hear, t);
		assert_string_equal(only(t)->sni, "shop.example");
		assert_string_equal(only(t)->alpn, "\2h2");
		assert_int_equal(only(t)->r.name_status, NAME_OK);
		assert_int_equal(flowtab_names_used(t->ft), 0);
		assert_int_equal(t->hellos[3].owner, 0);
	}
}

static void twin_over_a_restart(void **state)
{
	struct table *t = *state;

	for (int odd = 0; odd < 2; odd++) {
		count(put(t, 40, key_of(1, IPPROTO_UDP), 5, 0), 0, 1, 100, 14, T0);
		count(put(t, 41, key_of(1, IPPROTO_UDP), 5, 0), 0, 2, 250, 28, T0);
		if (odd)
			sweep(t, T0);
		else
			flowtab_sweep(t->ft, T0, hear, t);
		restart(t);
		t->told_n = 0;
		for (int i = 0; i < 3; i++)
			sweep(t, T0);
		flowtab_flush(t->ft, T0, hear, t);
		assert_int_equal(only(t)->r.bytes[0], 350);
		t->told_n = 0;
	}
}

/* ---- names ---- */

static void names_are_taken(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 100, key_of(1, IPPROTO_TCP), 7, 0);

	walk(t, slot, 100, 9, "shop.example", "\2h2\10http/1.1");
	count(slot, 0, 1, 100, 14, T0);
	sweep(t, T0 + 1 * S);
	assert_int_equal(t->hellos[9].owner, 0);
	assert_int_equal(slot->hello, 0);
	assert_int_equal(slot->flags & FLOW_HELLO_WALK, 0);
	assert_int_equal(flowtab_counters(t->ft)->names_taken, 1);
	assert_int_equal(flowtab_names_used(t->ft), 2);
	t->hellos[9].owner = 555;	/* somebody else's now: it is not given back again */
	sweep(t, T0 + 31 * S);
	assert_string_equal(only(t)->sni, "shop.example");
	assert_string_equal(only(t)->alpn, "\2h2\10http/1.1");
	assert_int_equal(only(t)->r.alpn_len, 12);
	assert_int_equal(only(t)->r.name_status, NAME_OK);
	flowtab_flush(t->ft, T0 + 32 * S, hear, t);
	assert_int_equal(t->hellos[9].owner, 555);
	assert_int_equal(flowtab_names_used(t->ft), 0);
}

static void names_by_event(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 1023, key_of(1, IPPROTO_TCP), 7, 0);

	assert_int_equal(flowtab_hello_done(t->ft, 1024), -EINVAL);
	assert_int_equal(flowtab_hello_done(t->ft, 0xffffffff), -EINVAL);
	assert_int_equal(flowtab_hello_done(t->ft, 5), 0);	/* free by now */
	walk(t, slot, 1023, 9, NULL, NULL);
	assert_int_equal(flowtab_hello_done(t->ft, 1023), 0);	/* not done: an old event */
	assert_int_equal(t->hellos[9].owner, 1024);
	walk(t, slot, 1023, 9, "shop.example", NULL);
	assert_int_equal(flowtab_hello_done(t->ft, 1023), 0);
	assert_int_equal(t->hellos[9].owner, 0);
	assert_int_equal(flowtab_hello_done(t->ft, 1023), 0);
	assert_int_equal(flowtab_counters(t->ft)->names_taken, 1);
	assert_int_equal(flowtab_names_used(t->ft), 1);
	slot->flags |= FLOW_HELLO_WALK;				/* dead ones are the sweep's */
	slot->tag = TAG_DEAD | 7;
	assert_int_equal(flowtab_hello_done(t->ft, 1023), 0);
	assert_int_equal(slot->flags & FLOW_HELLO_WALK, FLOW_HELLO_WALK);
}

static void walk_is_given_up(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 100, key_of(1, IPPROTO_TCP), 7, 0);

	walk(t, slot, 100, 9, NULL, "\2h2");	/* ALPN came, SNI did not */
	count(slot, 0, 1, 100, 14, T0);
	sweep(t, T0 + 10 * S);
	assert_int_equal(t->hellos[9].owner, 101);
	assert_int_equal(flowtab_counters(t->ft)->hellos, 1);
	sweep(t, T0 + 10 * S + 1);
	assert_int_equal(t->hellos[9].owner, 0);
	assert_int_equal(slot->flags & (FLOW_HELLO_WALK | FLOW_HELLO_DONE), FLOW_HELLO_DONE);
	assert_int_equal(flowtab_counters(t->ft)->names_given_up, 1);
	assert_int_equal(flowtab_counters(t->ft)->hellos, 0);
	sweep(t, T0 + 31 * S);
	assert_int_equal(only(t)->r.name_status, NAME_TRUNCATED);
	assert_string_equal(only(t)->alpn, "\2h2");
	assert_null(only(t)->r.sni);
}

static void walk_ends_with_its_flow(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 100, key_of(1, IPPROTO_TCP), 7, TCP_RST);

	walk(t, slot, 100, 9, NULL, NULL);
	sweep(t, T0 + 6 * S);
	assert_int_equal(t->hellos[9].owner, 101);
	walk(t, slot, 100, 9, "late.example", NULL);	/* between death and burial */
	sweep(t, T0 + 7 * S);
	assert_int_equal(t->hellos[9].owner, 0);
	assert_string_equal(only(t)->sni, "late.example");
	assert_int_equal(flowtab_names_used(t->ft), 0);
	assert_free(t, 100);
}

static void owner_of_another_flow(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 100, key_of(1, IPPROTO_TCP), 7, 0);

	walk(t, slot, 100, 9, "shop.example", NULL);
	count(slot, 0, 1, 100, 14, T0);
	t->hellos[9].owner = 102;
	sweep(t, T0 + 31 * S);
	assert_int_equal(t->hellos[9].owner, 102);
	assert_null(only(t)->r.sni);
	assert_int_equal(flowtab_counters(t->ft)->names_taken, 0);
	assert_int_equal(slot->flags & FLOW_HELLO_WALK, 0);
}

static void names_full_is_said(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot;

	for (uint32_t i = 1; i < NAMES_MAX; i++) {
		t->names[i].len = (uint8_t)snprintf((char *)t->names[i].bytes, SNI_MAX, "host-%u", i);
	}
	/* Every entry is referred to, by hostile repetition: 1024 slots x 2 are too few, so most stay free. */
	restart(t);
	slot = put(t, 100, key_of(1, IPPROTO_TCP), 7, 0);
	walk(t, slot, 100, 9, "new.example", NULL);
	count(slot, 0, 1, 100, 14, T0);
	sweep(t, T0 + 31 * S);
	assert_string_equal(only(t)->sni, "new.example");	/* one that nobody refers to made place */
	assert_int_equal(flowtab_names_full(t->ft), 0);
}

/* ---- another process goes on ---- */

static void goes_on_after_a_restart(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 100, key_of(1, IPPROTO_TCP), 7, 0);

	walk(t, slot, 100, 9, "shop.example", "\2h2");
	count(slot, 0, 1, 100, 14, T0);
	sweep(t, T0 + 30 * S);
	assert_int_equal(only(t)->r.total.bytes[0], 100);
	restart(t);
	assert_int_equal(flowtab_names_used(t->ft), 2);
	count(slot, 0, 1, 50, 14, T0 + 31 * S);
	sweep(t, T0 + 45 * S);
	assert_int_equal(t->told_n, 0);			/* knows when it was reported */
	t->told_n = 0;
	flowtab_report_all(t->ft);
	flowtab_sweep(t->ft, T0 + 45 * S, hear, t);
	assert_int_equal(only(t)->r.bytes[0], 50);
	assert_int_equal(only(t)->r.total.bytes[0], 150);
	assert_string_equal(only(t)->sni, "shop.example");
	assert_int_equal(t->taken[0].dir[DIR_RX].bytes, 150);
	restart(t);
	sweep(t, T0 + 400 * S);
	restart(t);					/* between death and burial */
	sweep(t, T0 + 401 * S);
	assert_int_equal(only(t)->r.end, FLOW_END_IDLE);
	assert_int_equal(only(t)->r.total.packets[0], 2);
	assert_string_equal(only(t)->alpn, "\2h2");
	assert_int_equal(flowtab_names_used(t->ft), 0);
	assert_free(t, 100);
}

/* It died between the name's entry and the walk's: taken again, and given back once. */
static void died_while_taking_names(void **state)
{
	struct table *t = *state;
	struct flow_slot *slot = put(t, 100, key_of(1, IPPROTO_TCP), 7, 0);

	walk(t, slot, 100, 9, "shop.example", "\2h2");
	sweep(t, T0 + 1 * S);
	walk(t, slot, 100, 9, "shop.example", "\2h2");
	restart(t);
	sweep(t, T0 + 2 * S);
	assert_int_equal(flowtab_names_used(t->ft), 2);
	flowtab_flush(t->ft, T0 + 3 * S, hear, t);
	assert_string_equal(only(t)->sni, "shop.example");
	assert_int_equal(flowtab_names_used(t->ft), 0);
}

static void no_such_map(void **state)
{
	struct table *t = *state;
	struct flowtab_settings s = t->settings;
	struct flowtab *ft = (void *)1;

	s.hellos_fd = -1;
	assert_int_equal(flowtab_new(&ft, &s), -EBADF);
	s = t->settings;
	s.names_fd = -1;
	assert_int_equal(flowtab_new(&ft, &s), -EBADF);
	s = t->settings;
	s.tcp_fd = -1;
	assert_int_equal(flowtab_new(&ft, &s), -EBADF);
	s = t->settings;
	s.flows_fd = -1;
	assert_int_equal(flowtab_new(&ft, &s), -EBADF);
	s = t->settings;
	s.ledger_fd = -1;
	assert_int_equal(flowtab_new(&ft, &s), -EBADF);
	assert_ptr_equal(ft, (void *)1);
	assert_null(flowtab_free(NULL));
}

/* Somebody wrote anything into the maps: no crash, and the sweep ends. */
static void hostile_maps(void **state)
{
	struct table *t = *state;

	srandom(3);
	for (int round = 0; round < 60; round++) {
		uint32_t *words[] = { (uint32_t *)t->bucket, (uint32_t *)t->hellos, (uint32_t *)t->names, (uint32_t *)t->ledger,
				      (uint32_t *)t->tcp };
		size_t sizes[] = { 1024 * sizeof(struct flow_slot), HELLOS * sizeof(struct hello_entry),
				   NAMES_MAX * sizeof(struct name_entry), 1024 * sizeof(struct flow_total),
				   TCPS * sizeof(struct tcp_health) };

		for (size_t m = 0; m < ARRAY_SIZE(words); m++)
			for (size_t i = 0; i < sizes[m] / 4; i++)
				if (random() % (round % 3 + 1) == 0)
					words[m][i] = random() % 8 ? (uint32_t)random() << 1 : ~0u;
		for (uint32_t i = 0; i < 1024; i++) {	/* so that many are looked at as what they are not */
			struct flow_slot *slot = slot_at(t, i);

			slot->tag = (random() % 3 ? TAG_LIVE : TAG_DEAD) | (slot->tag & 0xf);
			slot->hello = random() % 3 ? (uint32_t)random() % (HELLOS + 2) : slot->hello;
			slot->tcp = random() % 3 ? (uint32_t)random() % (TCPS + 2) : slot->tcp;
			if (slot->tcp && slot->tcp <= TCPS && random() % 2)
				t->tcp[slot->tcp - 1].owner = i + 1;
			if (slot->hello && slot->hello <= HELLOS && random() % 2)
				t->hellos[slot->hello - 1].owner = i + 1;
		}
		if (round % 2)
			restart(t);
		for (int i = 0; i < 3; i++)
			sweep(t, (uint64_t)random() * S);
		for (uint32_t i = 0; i < 1024; i += 7)
			flowtab_hello_done(t->ft, i);
		t->told_n = 0;
		flowtab_flush(t->ft, T0, hear, t);
		for (uint32_t i = 0; i < 1024; i++)
			assert_int_equal(slot_at(t, i)->tag & (TAG_LIVE | TAG_DEAD), 0);
	}
}

/* ---- sizes and windows ---- */

static void every_size(void **state)
{
	for (uint32_t slots = 64; slots <= 262144; slots *= 4) {
		struct table *t = table_new(slots);
		uint32_t steps = 0, n = 0, step = MAX(slots / 500, 1);
		int done;

		for (uint32_t i = 0; i < slots; i += step, n++)
			count(put(t, i, key_of(i, IPPROTO_UDP), i * 77, 0), 0, 1, 100, 14, T0);
		count(t->bucket[t->buckets - 1].slot[BUCKET_SLOTS - 1].tag ? slot_at(t, 0) :
		      put(t, slots - 1, key_of(slots, IPPROTO_UDP), 5, 0), 0, 1, 100, 14, T0);
		do {
			done = flowtab_sweep_step(t->ft, T0 + 31 * S, hear, t);
			steps++;
		} while (!done);
		assert_int_equal(done, 1);
		assert_int_equal(steps, slots / FLOWTAB_STEP_SLOTS);
		assert_int_equal(t->taken[0].dir[DIR_RX].frames, n + 1);
		assert_int_equal(t->told_n, flowtab_counters(t->ft)->live);
		for (uint32_t i = 0; i < t->told_n; i++)
			assert_int_equal(t->told[i].r.total.packets[0], t->told[i].r.packets[0]);	/* each its own ledger */
		assert_int_equal(flowtab_sweep_step(t->ft, T0 + 61 * S, hear, t), slots <= FLOWTAB_STEP_SLOTS);
		flowtab_flush(t->ft, T0 + 61 * S, hear, t);	/* in the middle of a sweep */
		for (uint32_t i = 0; i < slots; i += step)
			assert_free(t, i);
		table_free(t);
	}
}

/* ---- the books, with threads that play the kernel ---- */

#define KEYS 4000
#define THREADS 2

struct put_in {
	uint64_t frames[2], bytes[2];
};

struct kernel {
	struct table *t;
	uint64_t *now_ns;
	uint64_t passed;	/* packets done: nothing found before it is held any more */
	uint32_t operations;
	uint32_t seed;
	bool done;
	struct put_in sum, by_key[KEYS];
	uint64_t refused;
};

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static struct flow_slot *kernel_find(struct flow_bucket *bucket, uint32_t home, uint32_t tag, const struct flow_key *key)
{
	for (uint32_t i = 0; i < BUCKET_SLOTS; i++) {
		struct flow_slot *slot = &bucket->slot[(home + i) % BUCKET_SLOTS];

		if (__atomic_load_n(&slot->tag, __ATOMIC_ACQUIRE) == tag && key_equal(&slot->key, key))
			return slot;
	}
	return NULL;
}

/* As flow_find() and flow_claim() of bpf/flowtab.h; NULL: table full. */
static struct flow_slot *kernel_slot(struct table *t, const struct flow_key *key, bool reuse, uint64_t now_ns)
{
	const uint64_t hash = key_hash(key, 42);
	const uint32_t tag = key_tag(hash), home = hash & 7, number = (uint32_t)hash >> 3 & (t->buckets - 1);
	struct flow_bucket *first = &t->bucket[number], *second = &t->bucket[other(t, number, tag)], *to = first;
	struct flow_slot *slot = kernel_find(first, home, tag, key);
	uint32_t used[2] = { 0, 0 }, live = tag;

	if (!slot && __atomic_load_n(&first->slot[0].summary, __ATOMIC_RELAXED) >= SUMMARY_SPILL)
		slot = kernel_find(second, home, tag, key);
	if (slot && !reuse)
		return slot;
	if (slot)
		__atomic_compare_exchange_n(&slot->tag, &live, (tag & TAG_HASH) | TAG_DEAD, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	for (int i = 0; i < BUCKET_SLOTS; i++) {
		used[0] += (first->slot[0].summary >> SUMMARY_SHIFT(i) & 7) != 0;
		used[1] += (second->slot[0].summary >> SUMMARY_SHIFT(i) & 7) != 0;
	}
	if (used[0] >= BUCKET_SPILL && used[1] < used[0]) {
		to = second;
		__atomic_fetch_add(&first->slot[0].summary, SUMMARY_SPILL, __ATOMIC_ACQ_REL);
	}
	for (uint32_t i = 0; i < 2 * BUCKET_SLOTS; i++) {
		const uint32_t at = (home + i) % BUCKET_SLOTS;
		uint32_t summary = __atomic_load_n(&to->slot[0].summary, __ATOMIC_RELAXED);

		slot = &to->slot[at];
		if (summary >> SUMMARY_SHIFT(at) & 7 ||
		    !__atomic_compare_exchange_n(&to->slot[0].summary, &summary,
						 summary | SUMMARY_PRINT(tag) << SUMMARY_SHIFT(at), false,
						 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		slot->key = *key;
		slot->first_ns = slot->last_ns = now_ns;
		slot->flags = FLOW_FRESH | (to == second ? FLOW_ALT : 0);
		__atomic_store_n(&slot->tag, tag, __ATOMIC_RELEASE);
		return slot;
	}
	if (to == second)
		__atomic_fetch_sub(&first->slot[0].summary, SUMMARY_SPILL, __ATOMIC_ACQ_REL);
	return NULL;
}

static void kernel_packet(struct kernel *k)
{
	const uint32_t r = next_random(&k->seed), n = r % 5 ? r / 8 % 64 : r / 8 % KEYS;	/* some busy, many rare */
	const uint64_t now_ns = __atomic_load_n(k->now_ns, __ATOMIC_RELAXED);
	struct flow_key key = key_of(n, n % 2 ? IPPROTO_TCP : IPPROTO_UDP);
	const uint32_t frames = r >> 20 & 1 ? 1 : 45, bytes = 60 + (r >> 12) % 60000, from_b = r >> 30 & 1;
	struct flow_slot *slot = kernel_slot(k->t, &key, r % 97 == 0, now_ns);

	if (slot) {
		if (r % 61 == 0)
			sched_yield();	/* in the middle of a packet */
		count(slot, (int)from_b, frames, bytes, 14 * frames, now_ns);
		__atomic_fetch_or(&slot->flags, r % 53 ? TCP_ACK : TCP_RST, __ATOMIC_RELAXED);
		k->sum.frames[from_b] += frames;
		k->sum.bytes[from_b] += bytes;
		k->by_key[n].frames[from_b] += frames;
		k->by_key[n].bytes[from_b] += bytes;
	} else {
		k->refused++;
	}
	__atomic_fetch_add(&k->passed, 1, __ATOMIC_RELEASE);
}

static void *kernel_run(void *arg)
{
	struct kernel *k = arg;

	for (uint32_t i = 0; i < k->operations; i++)
		kernel_packet(k);
	__atomic_store_n(&k->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static struct put_in heard[KEYS];

static void hear_sums(const struct flow_report *r, void *arg)
{
	uint32_t n = ntohl(r->key->a_addr[3]) - 0x0a000000;

	assert_in_range(n, 0, KEYS - 1);
	for (int i = 0; i < 2; i++) {
		heard[n].frames[i] += r->packets[i];
		heard[n].bytes[i] += r->bytes[i];
	}
	(*(uint64_t *)arg)++;
}

/* The time between two sweeps is longer than a packet takes. Here it is made so: each thread has to finish one. */
static void grace(struct kernel *k)
{
	for (int i = 0; i < THREADS; i++) {
		uint64_t before = __atomic_load_n(&k[i].passed, __ATOMIC_ACQUIRE);

		while (__atomic_load_n(&k[i].passed, __ATOMIC_ACQUIRE) == before && !__atomic_load_n(&k[i].done, __ATOMIC_ACQUIRE))
			sched_yield();
	}
}

static struct put_in in_slots(const struct table *t)
{
	struct put_in sum = { { 0, 0 }, { 0, 0 } };

	for (uint32_t i = 0; i < t->settings.slots; i++)
		for (int side = 0; side < 2; side++) {
			const struct flow_slot *slot = &t->bucket[i / BUCKET_SLOTS].slot[i % BUCKET_SLOTS];

			sum.frames[side] += slot->count[side] & COUNT_FRAMES_MASK;
			sum.bytes[side] += slot->bytes[side] & ~TAKE_TURN;
		}
	return sum;
}

static void books_with_threads(uint32_t slots, uint32_t operations)
{
	static struct kernel k[THREADS];
	struct table *t = table_new(slots);
	uint64_t now_ns = T0, reports = 0, refused = 0;
	pthread_t thread[THREADS];
	struct put_in left;
	bool done = false;

	memset(heard, 0, sizeof(heard));
	memset(k, 0, sizeof(k));
	for (uint32_t i = 0; i < THREADS; i++) {
		k[i].t = t;
		k[i].now_ns = &now_ns;
		k[i].operations = operations;
		k[i].seed = 77 + i;
		pthread_create(&thread[i], NULL, kernel_run, &k[i]);
	}
	for (uint32_t sweeps = 0; !done; sweeps++) {
		done = true;
		for (int i = 0; i < THREADS; i++)
			done &= __atomic_load_n(&k[i].done, __ATOMIC_ACQUIRE);
		__atomic_fetch_add(&now_ns, 2 * S, __ATOMIC_RELAXED);
		grace(k);
		if (sweeps % 40 == 39)
			restart(t);
		if (sweeps % 16 == 15)
			flowtab_report_all(t->ft);
		flowtab_sweep(t->ft, now_ns, hear_sums, &reports);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);

	left = in_slots(t);
	for (int side = 0; side < 2; side++) {
		uint64_t frames = 0, bytes = 0;

		for (int i = 0; i < THREADS; i++) {
			frames += k[i].sum.frames[side];
			bytes += k[i].sum.bytes[side];
			refused += k[i].refused;
		}
		assert_int_equal(frames, t->taken[0].dir[side].frames + left.frames[side]);
		assert_int_equal(bytes, t->taken[0].dir[side].bytes + left.bytes[side]);
	}
	flowtab_flush(t->ft, now_ns, hear_sums, &reports);
	for (uint32_t i = 0; i < slots; i++) {
		assert_free(t, i);
		assert_int_equal(slot_at(t, i)->summary, 0);	/* every second bucket was given back */
	}
	for (uint32_t n = 0; n < KEYS; n++)
		for (int side = 0; side < 2; side++) {
			uint64_t frames = 0, bytes = 0;

			for (int i = 0; i < THREADS; i++) {
				frames += k[i].by_key[n].frames[side];
				bytes += k[i].by_key[n].bytes[side];
			}
			assert_int_equal(frames, heard[n].frames[side]);
			assert_int_equal(bytes, heard[n].bytes[side]);
		}
	assert_int_not_equal(reports, 0);
	if (slots == 1024)
		assert_int_not_equal(refused, 0);	/* the table was full at times */
	table_free(t);
}

static void books_small_table(void **state)
{
	books_with_threads(1024, 150000);
}

static void books_with_steps(void **state)
{
	books_with_threads(65536, 100000);
}

#define row(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		row(no_report_of_nothing), row(syn_without_ack), row(health_of_a_connection), row(peek_is_the_next_report),
		row(totals_beyond_32_bits), row(active_then_idle), row(report_second_wraps), row(report_after_the_clock_was_read),
		row(udp_ends_sooner), row(clock_behind), row(fin_and_rst_linger), row(late_count_is_told),
		row(killed_by_the_kernel), row(taken_before_it_is_full), row(books_by_port_and_direction), row(flush_empties),
		row(spill), row(spill_survives_slot_0),
		row(twins_are_merged), row(same_tag_is_no_twin), row(three_of_one_flow), row(twin_whose_survivor_ended),
		row(twin_with_the_name), row(twin_over_a_restart),
		row(names_are_taken), row(names_by_event), row(walk_is_given_up), row(walk_ends_with_its_flow),
		row(owner_of_another_flow), row(names_full_is_said),
		row(goes_on_after_a_restart), row(died_while_taking_names), row(no_such_map), row(hostile_maps),
		cmocka_unit_test(every_size), cmocka_unit_test(books_small_table), cmocka_unit_test(books_with_steps),
	};

	return cmocka_run_group_tests_name("flowtab", tests, NULL, NULL);
}
