/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rows - what test_rows needs of the real programs: one loaded dataplane, its maps, frames put through a hook by
 * BPF_PROG_TEST_RUN, and what the maps hold afterwards, in a form in which two hooks can be compared.
 *
 * Everything happens in a network namespace of its own: frames come in on its loopback, ifindex 1.
 */
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/util.h"
#include "bpf/hello.h"
#include "bpf/key.h"
#include "bpf/quic_spin.h"
#include "collect/dataplane.h"
#include "packet.h"

#define SLOTS		1024u
#define BUCKETS		(SLOTS / BUCKET_SLOTS)
#define HELLOS		16u
#define CPUS_MAX	256
#define PORT		5	/* of ifindex 1, where a row says nothing else */
#define SEED		0x5eed5eed5eed5eedULL
#define XDP_PASSED	2u
#define TC_PASSED	0xffffffffu	/* TC_ACT_UNSPEC */
#define TC_FRAME_MAX	3400	/* what test_run takes for an skb on every kernel since 6.1 */
#define HEARD_MAX	320	/* copies that are kept */

/* What the maps say, over all CPUs, with times taken out. */
struct snapshot {
	struct flow_bucket flows[BUCKETS];
	struct hello_entry hellos[HELLOS];
	struct books books[PORTS_MAX];
	uint64_t stats[STAT_N];
	unsigned int fragments;
};

struct gso {
	uint32_t size, segs;
};

static struct dataplane *dp;
static struct flow_bucket *flows;
static struct hello_entry *hellos;
static struct tcp_health *tcps;	/* SLOTS / TCP_SLOTS_EACH */
static struct port_conf *ports;
static int prog_fd[PROGRAMS], books_fd, stats_fd, fragments_fd, cpus;
static struct ring_buffer *ring;
static struct event last_event;
static struct copy heard[HEARD_MAX];	/* the first copies since reset() or forget() */
static uint8_t heard_bytes[HEARD_MAX][HELLO_CHUNK];
static unsigned int events, copies, copies_sent, row_number, failed;
static uint64_t bytes_sent;	/* since reset() */
static unsigned int tcp_sent;	/* since reset(): payloads of rows_hello.h */
static bool tcp_copied;
static bool row_good;
static const char *const hook_names[PROGRAMS] = { "xdp rx", "tc rx", "tc tx" };

__attribute__((format(printf, 1, 2)))
static void wrong(const char *format, ...)
{
	va_list args;

	row_good = false;
	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

static void row_end(const char *name)
{
	printf("%sok %u - %s\n", row_good ? "" : "not ", ++row_number, name);
	failed += !row_good;
}

#define EXPECT(what, is, want) do { \
	unsigned long long is_ = (is), want_ = (want); \
	if (is_ != want_) \
		wrong("%s is %llu, not %llu (line %d)", what, is_, want_, __LINE__); \
} while (0)

/* ---- maps ---- */

static void *map_shared(const char *name, size_t len)
{
	void *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, dataplane_map_fd(dp, name), 0);

	return map == MAP_FAILED ? NULL : map;
}

static int hear_event(void *ctx, void *data, size_t len)
{
	const struct event *event = data;
	const struct copy *copy = data;

	if (event->type != EVENT_COPY) {
		events++;
		EXPECT("size of an event", len, sizeof(*event));
		last_event = *event;
		return 0;
	}
	EXPECT("size of a copy's record", len, (size_t)COPY_BYTES_AT + copy->len);
	EXPECT("bytes of a copy: 1 to a chunk", copy->len >= 1 && copy->len <= HELLO_CHUNK, 1);
	if (copies < HEARD_MAX) {
		heard[copies] = *copy;
		memcpy(heard_bytes[copies], (const uint8_t *)data + COPY_BYTES_AT, MIN(copy->len, HELLO_CHUNK));
	}
	copies++;
	copies_sent++;
	return 0;
}

/* What came by the ring since is forgotten; copies_sent goes on. */
static void forget(void)
{
	events = copies = 0;
}

#define LIMIT_BURST 10
static uint64_t rows_new_interval_ns;	/* of the programs opened next; 0: new flows are not limited */

static bool rows_open(const char *object)
{
	const struct dataplane_settings settings = {
		.object_path = object, .slots = SLOTS, .hellos = HELLOS, .seed = SEED, .new_interval_ns = rows_new_interval_ns,
		.new_burst_ns = LIMIT_BURST * rows_new_interval_ns,
	};
	char error[DATAPLANE_ERROR_BYTES] = "";

	if (dataplane_open(&dp, &settings, error)) {
		printf("# %s\n", error);
		return false;
	}
	for (int i = 0; i < PROGRAMS; i++) {
		struct dataplane_program_info info;

		dataplane_program(dp, i, &info);
		prog_fd[i] = info.fd;
		printf("# %s: %u instructions verified\n", info.name, info.verified_insns);
	}
	cpus = libbpf_num_possible_cpus();
	flows = map_shared("flows", SLOTS * sizeof(struct flow_slot));
	hellos = map_shared("hellos", HELLOS * sizeof(*hellos));
	tcps = map_shared("tcp", SLOTS / TCP_SLOTS_EACH * sizeof(*tcps));
	ports = map_shared("ports", PORT_HASH * sizeof(*ports));
	books_fd = dataplane_map_fd(dp, "books");
	stats_fd = dataplane_map_fd(dp, "stats");
	fragments_fd = dataplane_map_fd(dp, "fragments");
	ring = ring_buffer__new(dataplane_map_fd(dp, "events"), hear_event, NULL, NULL);
	return flows && hellos && tcps && ports && ring && cpus > 0 && cpus <= CPUS_MAX;
}

static void clear_fragments(void)
{
	struct frag_key key;

	while (!bpf_map_get_next_key(fragments_fd, NULL, &key))
		bpf_map_delete_elem(fragments_fd, &key);
}

static void clear_books(void)
{
	static struct books no_books[CPUS_MAX];

	for (__u32 port = 0; port < PORTS_MAX; port++)
		bpf_map_update_elem(books_fd, &port, no_books, BPF_ANY);
}

static void clear_stats(void)
{
	static uint64_t no_stats[CPUS_MAX][STAT_N];
	__u32 zero = 0;

	bpf_map_update_elem(stats_fd, &zero, no_stats, BPF_ANY);
}

/* Empty tables; ifindex 1 is port PORT with @flags. */
static void reset(uint16_t flags)
{
	memset(flows, 0, SLOTS * sizeof(struct flow_slot));
	memset(hellos, 0, HELLOS * sizeof(*hellos));
	memset(tcps, 0, SLOTS / TCP_SLOTS_EACH * sizeof(*tcps));
	memset(ports, 0, PORT_HASH * sizeof(*ports));
	ports[1] = (struct port_conf){ .ifindex = 1, .port = PORT, .flags = flags };
	clear_books();
	clear_stats();
	clear_fragments();
	ring_buffer__consume(ring);
	forget();
	copies_sent = 0;
	bytes_sent = 0;
	tcp_sent = 0;
	tcp_copied = true;
}

static void read_books(__u32 port, struct books *ret)
{
	static struct books all[CPUS_MAX];
	uint64_t *sum = (uint64_t *)ret;

	memset(ret, 0, sizeof(*ret));
	if (bpf_map_lookup_elem(books_fd, &port, all))
		wrong("books of port %u: %s", port, strerror(errno));
	for (int cpu = 0; cpu < cpus; cpu++)
		for (size_t i = 0; i < sizeof(*ret) / 8; i++)
			sum[i] += ((uint64_t *)&all[cpu])[i];
	for (int dir = 0; dir < DIRS; dir++) {
		ret->dir[dir].table_full.event_ns = ret->dir[dir].new_limit.event_ns = 0;
		memset(ret->dir[dir].new_due_ns, 0, sizeof(ret->dir[dir].new_due_ns));
	}
}

static uint64_t read_stat(enum stat_id id)
{
	static uint64_t all[CPUS_MAX][STAT_N];
	uint64_t sum = 0;
	__u32 zero = 0;

	bpf_map_lookup_elem(stats_fd, &zero, all);
	for (int cpu = 0; cpu < cpus; cpu++)
		sum += all[cpu][id];
	return sum;
}

/* Takes all that is in the ring. */
static void hear(void)
{
	ring_buffer__consume(ring);
	EXPECT("copy_sent", read_stat(STAT_COPY_SENT), copies_sent);
}

static unsigned int count_fragments(void)
{
	struct frag_key key;
	unsigned int n = 0;

	for (int err = bpf_map_get_next_key(fragments_fd, NULL, &key); !err; n++)
		err = bpf_map_get_next_key(fragments_fd, &key, &key);
	return n;
}

static struct flow_slot *slot_at(uint32_t number)
{
	return &flows[number / BUCKET_SLOTS].slot[number % BUCKET_SLOTS];
}

static void take_snapshot(struct snapshot *s)
{
	memcpy(s->flows, flows, sizeof(s->flows));
	memcpy(s->hellos, hellos, sizeof(s->hellos));
	for (uint32_t i = 0; i < SLOTS; i++) {
		struct flow_slot *slot = &s->flows[i / BUCKET_SLOTS].slot[i % BUCKET_SLOTS];

		slot->first_ns = slot->last_ns = 0;
	}
	for (uint32_t i = 0; i < HELLOS; i++) {	/* behind the names lies what was behind them in the packet buffer */
		struct hello *h = &s->hellos[i].hello;
		uint32_t sni = h->flags & HELLO_SNI ? h->sni_len : 0, alpn = h->flags & HELLO_ALPN ? h->alpn_len : 0;

		h->acc = h->rec_acc = 0;	/* garbage above the field, likewise */
		memset(h->store + sni, 0, HELLO_ALPN_AT - sni);
		memset(h->store + HELLO_ALPN_AT + alpn, 0, HELLO_STORE - HELLO_ALPN_AT - alpn);
	}
	for (__u32 port = 0; port < PORTS_MAX; port++)
		read_books(port, &s->books[port]);
	for (int i = 0; i < STAT_N; i++)
		s->stats[i] = read_stat(i);
	s->fragments = count_fragments();
}

/* ---- a frame through a hook ---- */

/* test_run makes no skb of a frame whose ethertype says IP and that ends inside the IP header. Linux 6.18 */
static bool tc_takes(const uint8_t *b, size_t len)
{
	unsigned int type = len >= 14 ? b[12] << 8 | b[13] : 0;

	return len >= 14 && (type != ETH_P_IP || len >= 34) && (type != ETH_P_IPV6 || len >= 54);
}

static void run_bytes(enum dataplane_program hook, const uint8_t *bytes, size_t len, const struct gso *gso)
{
	static uint8_t out[FRAME_MAX];
	struct __sk_buff skb = { .gso_size = gso ? gso->size : 0, .gso_segs = gso ? gso->segs : 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = bytes, .data_size_in = (__u32)len, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = 1);

	if (hook != PROGRAM_RX_XDP && gso) {
		run.ctx_in = &skb;
		run.ctx_size_in = sizeof(skb);
	}
	bytes_sent += len;
	if (bpf_prog_test_run_opts(prog_fd[hook], &run)) {
		wrong("%s: test_run of %zu bytes: %s", hook_names[hook], len, strerror(errno));
		return;
	}
	if (run.retval != (hook == PROGRAM_RX_XDP ? XDP_PASSED : TC_PASSED))
		wrong("%s: returns %d", hook_names[hook], (int)run.retval);
	if (run.data_size_out != len || memcmp(out, bytes, len))
		wrong("%s: the frame was changed", hook_names[hook]);
}

static void run_frame(enum dataplane_program hook, const struct frame_bytes *f)
{
	run_bytes(hook, f->b, f->len, NULL);
}

/* ---- what is always true ---- */

/* Seen = in flow slots + classes, for each port and direction; spill is what lies in second buckets; keys are clean. */
static void check_sum(void)
{
	static struct books books[PORTS_MAX];
	static uint32_t spill[BUCKETS];
	static struct tally in_slots[PORTS_MAX][DIRS];

	memset(in_slots, 0, sizeof(in_slots));
	memset(spill, 0, sizeof(spill));
	for (uint32_t i = 0; i < SLOTS; i++) {
		const struct flow_slot *slot = slot_at(i);

		EXPECT("summary of a slot", flows[i / BUCKET_SLOTS].slot[0].summary >> SUMMARY_SHIFT(i % BUCKET_SLOTS) & 7,
		       slot->tag ? SUMMARY_PRINT(slot->tag) : 0);
		if (!slot->tag)
			continue;
		EXPECT("tag of a slot", slot->tag & TAG_LIVE ? 1 : slot->tag & TAG_DEAD ? 1 : 0, 1);
		if (slot->flags & FLOW_ALT)
			spill[i / BUCKET_SLOTS ^ key_bucket_delta(slot->tag, BUCKETS - 1)]++;
		for (int side = 0; side < 2; side++) {
			struct tally *t = &in_slots[slot->key.port % PORTS_MAX][slot->flags & FLOW_MIRROR ? DIR_RX : side];

			t->frames += slot->count[side] & COUNT_FRAMES_MASK;
			t->bytes += slot->bytes[side];
		}
	}
	for (uint32_t i = 0; i < BUCKETS; i++)
		if (flows[i].slot[0].summary / SUMMARY_SPILL != spill[i])
			wrong("bucket %u: spill is %u, not %u", i, flows[i].slot[0].summary / SUMMARY_SPILL, spill[i]);
	for (__u32 port = 0; port < PORTS_MAX; port++) {
		read_books(port, &books[port]);
		for (int dir = 0; dir < DIRS; dir++) {
			struct tally sum = in_slots[port][dir], *full = books[port].dir[dir].table_full.proto;

			for (int class = 0; class < BOOK_N; class++) {
				sum.frames += books[port].dir[dir].class[class].frames;
				sum.bytes += books[port].dir[dir].class[class].bytes;
			}
			EXPECT("frames seen", books[port].dir[dir].seen.frames, sum.frames);
			EXPECT("bytes seen", books[port].dir[dir].seen.bytes, sum.bytes);
			EXPECT("table_full by protocol", full[0].frames + full[1].frames + full[2].frames + full[3].frames,
			       books[port].dir[dir].class[BOOK_TABLE_FULL].frames);
			EXPECT("class error", books[port].dir[dir].class[BOOK_ERROR].frames, 0);
		}
	}
}
