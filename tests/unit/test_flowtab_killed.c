/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A process that sweeps dies after each single instruction in turn, and another one goes on with the same maps. However
 * far the first one came: what was counted is taken once, and no slot is lost. The first one is stepped through by ptrace;
 * at each change of the maps a successor begins with a copy of them, as after SIGKILL there.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/util.h"
#include "collect/flowtab.h"

#define S	NS_PER_S
#define T0	(1000 * S)
#define SLOTS	16u
#define POOL	64u

/* The maps of the process that dies, and those of a world in which it died just now. */
struct world {
	struct flowtab_settings settings;
	struct flow_bucket *buckets;
	struct flow_total *ledger;
	struct hello_entry *hellos;
	struct tcp_health *tcps;
	struct name_entry *names;
	struct taken *taken;
};
static struct world dying, after;

#define BUCKETS_BYTES	(SLOTS * sizeof(struct flow_slot))
#define LEDGER_BYTES	(SLOTS * sizeof(struct flow_total))
#define TAKEN_BYTES	(TAKEN_ENTRIES * sizeof(struct taken))

static int map_new(void *ret_map, size_t size)
{
	int fd = memfd_create("map", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	*(void **)ret_map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(*(void **)ret_map, MAP_FAILED);
	return fd;
}

static void world_new(struct world *w)
{
	w->settings = (struct flowtab_settings){
		.slots = SLOTS, .hellos = POOL, .tcps = POOL,
		.limits = { .tcp_idle_ns = 60 * S, .idle_ns = 60 * S, .fin_ns = 5 * S, .active_ns = 30 * S },
		.flows_fd = map_new(&w->buckets, BUCKETS_BYTES),
		.ledger_fd = map_new(&w->ledger, LEDGER_BYTES),
		.hellos_fd = map_new(&w->hellos, POOL * sizeof(struct hello_entry)),
		.tcp_fd = map_new(&w->tcps, POOL * sizeof(struct tcp_health)),
		.names_fd = map_new(&w->names, NAMES_MAX * sizeof(struct name_entry)),
		.taken_fd = map_new(&w->taken, TAKEN_BYTES),
	};
}

static int set_up(void **state)
{
	world_new(&dying);
	world_new(&after);
	return 0;
}

/* True: something has changed since the last time. */
static bool copy_world(void)
{
	static uint8_t last[BUCKETS_BYTES + LEDGER_BYTES + TAKEN_BYTES];
	uint8_t now[sizeof(last)];

	memcpy(now, dying.buckets, BUCKETS_BYTES);
	memcpy(now + BUCKETS_BYTES, dying.ledger, LEDGER_BYTES);
	memcpy(now + BUCKETS_BYTES + LEDGER_BYTES, dying.taken, TAKEN_BYTES);
	if (!memcmp(last, now, sizeof(last)))
		return false;
	memcpy(last, now, sizeof(last));
	memcpy(after.buckets, now, BUCKETS_BYTES);
	memcpy(after.ledger, now + BUCKETS_BYTES, LEDGER_BYTES);
	memcpy(after.taken, now + BUCKETS_BYTES + LEDGER_BYTES, TAKEN_BYTES);
	return true;
}

static void count(struct flow_slot *slot, int side, uint64_t frames, uint64_t bytes)
{
	__atomic_fetch_add(&slot->bytes[side], bytes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&slot->count[side], frames | 14 * frames << COUNT_FRAMES_BITS, __ATOMIC_RELAXED);
}

static struct flow_slot *slot_at(struct world *w, uint32_t number)
{
	return &w->buckets[number / BUCKET_SLOTS].slot[number % BUCKET_SLOTS];
}

static void put(uint32_t number, uint32_t flow, uint32_t flags)
{
	struct flow_slot *slot = slot_at(&dying, number);

	slot->key = (struct flow_key){ .proto = 17, .ip_version = 4, .a_addr = { 0, 0, 0xffff0000, flow } };
	slot->first_ns = slot->last_ns = T0;
	slot->flags = flags;
	count(slot, 0, 3, 300);
	count(slot, 1, 2, 150);
	slot->tag = TAG_LIVE | flow;
	dying.buckets[number / BUCKET_SLOTS].slot[0].summary |= SUMMARY_PRINT(slot->tag) << SUMMARY_SHIFT(number % BUCKET_SLOTS);
}

static void ignore(const struct flow_report *report, void *arg)
{
}

/* Which slots there are, and how often the one that dies sweeps. */
struct scene {
	bool twin;		/* the second slot is of the same flow */
	uint64_t now_ns;
	int sweeps;
};

/* The successor, in the world as it was when the other one died. */
static void check_successor(const struct scene *s, const uint32_t slots[2], long steps)
{
	uint64_t sum[4] = { 3 + 3, 600, 2 + 2, 300 };
	uint32_t used = 0;
	struct flowtab *ft;

	for (int i = 0; i < 2; i++)	/* the kernel goes on, into whatever is still live */
		if (slot_at(&after, slots[i])->tag & TAG_LIVE) {
			count(slot_at(&after, slots[i]), 0, 1, 100);
			sum[0]++;
			sum[1] += 100;
		}
	assert_int_equal(flowtab_new(&ft, &after.settings), 0);
	for (int i = 0; i < 4; i++)
		flowtab_sweep(ft, s->now_ns + (uint64_t)(200 + i) * S, ignore, NULL);
	flowtab_free(ft);
	if (after.taken[0].dir[0].frames != sum[0] || after.taken[0].dir[0].bytes != sum[1] ||
	    after.taken[0].dir[1].frames != sum[2] || after.taken[0].dir[1].bytes != sum[3])
		fail_msg("killed after %ld instructions: taken %llu %llu, %llu %llu; counted %llu %llu, %llu %llu", steps,
			 (unsigned long long)after.taken[0].dir[0].frames, (unsigned long long)after.taken[0].dir[0].bytes,
			 (unsigned long long)after.taken[0].dir[1].frames, (unsigned long long)after.taken[0].dir[1].bytes,
			 (unsigned long long)sum[0], (unsigned long long)sum[1], (unsigned long long)sum[2], (unsigned long long)sum[3]);
	for (uint32_t i = 0; i < SLOTS; i++)
		used += slot_at(&after, i)->tag != TAG_FREE;
	if (used || after.buckets[0].slot[0].summary << 8 || after.buckets[1].slot[0].summary << 8)
		fail_msg("killed after %ld instructions: %u slots in use, summaries %x %x", steps, used,
			 after.buckets[0].slot[0].summary, after.buckets[1].slot[0].summary);
}

static void scene(const struct scene *s)
{
	const uint32_t slots[2] = { 3, s->twin ? 5 : 12 };
	long steps = 0, worlds = 0;
	struct flowtab *ft;
	int status;
	pid_t pid;

	memset(dying.buckets, 0, BUCKETS_BYTES);
	memset(dying.ledger, 0, LEDGER_BYTES);
	memset(dying.taken, 0, TAKEN_BYTES);
	put(slots[0], 7, s->twin ? FLOW_FRESH : 0);
	put(slots[1], s->twin ? 7 : 8, 0);
	assert_int_equal(flowtab_new(&ft, &dying.settings), 0);
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		for (int i = 0; i < s->sweeps; i++)
			flowtab_sweep(ft, s->now_ns, ignore, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (; WIFSTOPPED(status); steps++) {
		if (copy_world()) {
			check_successor(s, slots, steps);
			worlds++;
		}
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	flowtab_free(ft);
	print_message("%ld instructions, %ld of them with another outcome\n", steps, worlds);
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status) && worlds > 20);
}

static void while_reporting(void **state)
{
	scene(&(struct scene){ .now_ns = T0 + 31 * S, .sweeps = 1 });
}

static void while_burying(void **state)
{
	scene(&(struct scene){ .now_ns = T0 + 61 * S, .sweeps = 2 });
}

static void while_merging_twins(void **state)
{
	scene(&(struct scene){ .twin = true, .now_ns = T0 + 1 * S, .sweeps = 3 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(while_reporting),
		cmocka_unit_test(while_burying),
		cmocka_unit_test(while_merging_twins),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
