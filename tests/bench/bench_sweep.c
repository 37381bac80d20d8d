/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bench_sweep - CPU time per flow of a sweep over a half-full flow table, against reading a kernel hash of as many
 * flows and places by BPF_MAP_LOOKUP_BATCH, which is how others learn what their map holds.
 *
 * bench_sweep [WORD...]. Two rows a size: "sweep" looks at every flow, as each sweep does; "sweep_report" takes the counters of
 * every flow out and hands each on, as after an active timeout. "scale_open", "scale_sweep": a flow in each sixteenth slot, from the
 * default size to the largest: what an agent takes to open it, and a sweep, by slot. Rows
 * as JSON lines on standard output.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"
#include "collect/flowtab.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"

#define HELLOS		64
#define BATCH		16384
#define NOW_NS		(1000 * NS_PER_S)

static uint64_t sum;	/* of what was read, so that reading is not optimized away */

static int make_map(enum bpf_map_type type, uint32_t key, uint32_t value, uint32_t entries, uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);
	int fd = bpf_map_create(type, "bench", key, value, entries, &opts);

	if (fd < 0)
		measure_die("map of %u x %u bytes: %s", entries, value, strerror(errno));
	return fd;
}

static struct flow_key key_of(uint32_t i)
{
	struct flow_key key = { .proto = 6, .ip_version = 4 };

	key.a_addr[2] = key.b_addr[2] = 0xffff0000;
	key.a_addr[3] = i * 2654435761u;
	key.b_addr[3] = 0x0101a8c0;
	return key;
}

/* Flows spread as by a hash. @slots: a power of two. */
static void fill_table(int fd, uint32_t flows, uint32_t slots)
{
	const size_t bytes = slots * sizeof(struct flow_slot);
	struct flow_bucket *bucket = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	uint32_t left = flows;

	if (bucket == MAP_FAILED)
		measure_die("mmap of the flow table: %s", strerror(errno));
	for (uint64_t i = 0, x = 1; left; i++) {
		uint32_t at;

		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		at = (uint32_t)(x >> 33) & (slots - 1);
		struct flow_slot *slot = &bucket[at / BUCKET_SLOTS].slot[at % BUCKET_SLOTS];

		if (slot->tag)
			continue;
		slot->tag = TAG_LIVE | ((uint32_t)x & TAG_HASH);
		slot->key = key_of((uint32_t)i);
		slot->first_ns = slot->last_ns = NOW_NS;
		left--;
	}
	munmap(bucket, bytes);
}

/* Every flow has had packets since the last report. */
static void add_packets(int fd, uint32_t flows)
{
	const size_t bytes = 2 * flows * sizeof(struct flow_slot);
	struct flow_slot *slot = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (slot == MAP_FAILED)
		measure_die("mmap of the flow table: %s", strerror(errno));
	for (uint32_t i = 0; i < 2 * flows; i++) {
		if (!slot[i].tag)
			continue;
		slot[i].bytes[0] = 6400;
		slot[i].count[0] = 100;
	}
	munmap(slot, bytes);
}

static void fill_hash(int fd, uint32_t flows)
{
	static struct flow_key keys[BATCH];
	static struct bench_count counts[BATCH];
	LIBBPF_OPTS(bpf_map_batch_opts, opts);

	for (uint32_t i = 0, n; i < flows; i += n) {
		for (n = 0; n < BATCH && i + n < flows; n++) {
			keys[n] = key_of(i + n);
			counts[n].packets = i;
		}
		if (bpf_map_update_batch(fd, keys, counts, &n, &opts))
			measure_die("filling the kernel hash: %s", strerror(errno));
	}
}

static void add_up(const struct flow_report *report, void *arg)
{
	(void)arg;
	sum += report->packets[0];
}

static double time_batch(int fd, uint32_t flows)
{
	static struct flow_key keys[BATCH];
	static struct bench_count counts[BATCH];
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	double before = measure_cpu_ns();
	uint32_t place, seen = 0, n;
	int err = 0;

	for (bool first = true; !err; first = false) {
		n = BATCH;
		err = bpf_map_lookup_batch(fd, first ? NULL : &place, &place, keys, counts, &n, &opts);
		if (err && errno != ENOENT)
			measure_die("BPF_MAP_LOOKUP_BATCH: %s", strerror(errno));
		for (uint32_t i = 0; i < n; i++)
			sum += counts[i].packets;
		seen += n;
	}
	if (seen != flows)
		measure_die("BPF_MAP_LOOKUP_BATCH gave %u of %u flows", seen, flows);
	return (measure_cpu_ns() - before) / flows;
}

static double time_sweep(struct flowtab *ft, uint32_t flows, bool report)
{
	uint64_t reports = flowtab_counters(ft)->reports;
	double before = measure_cpu_ns(), ns;

	if (report)
		flowtab_report_all(ft);
	flowtab_sweep(ft, NOW_NS, add_up, NULL);
	ns = measure_cpu_ns() - before;
	reports = flowtab_counters(ft)->reports - reports;
	if (flowtab_counters(ft)->live != flows || reports != (report ? flows : 0))
		measure_die("sweep saw %u of %u flows, reported %llu", flowtab_counters(ft)->live, flows,
			    (unsigned long long)reports);
	return ns / flows;
}

static struct flowtab_settings make_table(uint32_t slots)
{
	return (struct flowtab_settings){
		.flows_fd = make_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct flow_bucket), slots / BUCKET_SLOTS, BPF_F_MMAPABLE),
		.ledger_fd = make_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct flow_total), slots, BPF_F_MMAPABLE),
		.hellos_fd = make_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct hello_entry), HELLOS, BPF_F_MMAPABLE),
		.tcp_fd = make_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct tcp_health), slots / TCP_SLOTS_EACH, BPF_F_MMAPABLE),
		.names_fd = make_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct name_entry), NAMES_MAX, BPF_F_MMAPABLE),
		.taken_fd = make_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct taken), TAKEN_ENTRIES, BPF_F_MMAPABLE),
		.slots = slots,
		.hellos = HELLOS,
		.tcps = slots / TCP_SLOTS_EACH,
		.limits = { .tcp_idle_ns = 60 * NS_PER_S, .idle_ns = 60 * NS_PER_S, .syn_ns = 15 * NS_PER_S, .fin_ns = NS_PER_S,
			    .active_ns = 600 * NS_PER_S },
	};
}

static void close_table(const struct flowtab_settings *settings)
{
	close(settings->flows_fd);
	close(settings->ledger_fd);
	close(settings->hellos_fd);
	close(settings->tcp_fd);
	close(settings->names_fd);
	close(settings->taken_fd);
}

static void scale_row(const char *name, uint32_t flows, uint32_t slots, double ns)
{
	printf("{\"name\": \"%s\", \"flows\": %u, \"slots\": %u, \"ms\": %.3f, \"ns_per_slot\": %.3f}\n", name, flows, slots, ns / 1e6,
	       ns / slots);
	fflush(stdout);
}

static void bench_scale(uint32_t slots)
{
	const struct flowtab_settings settings = make_table(slots);
	const uint32_t flows = slots / 16;
	struct measured open = {}, sweep = {};

	measure_progress("scale, %u slots", slots);
	fill_table(settings.flows_fd, flows, slots);
	for (int round = 0; round < 5; round++) {
		const double before = measure_cpu_ns();
		struct flowtab *ft = NULL;

		if (flowtab_new(&ft, &settings))
			measure_die("flow table cannot be opened");
		measure_add(&open, measure_cpu_ns() - before);
		measure_add(&sweep, time_sweep(ft, flows, false) * flows);
		flowtab_free(ft);
	}
	scale_row("scale_open", flows, slots, measure_median(&open));
	scale_row("scale_sweep", flows, slots, measure_median(&sweep));
	close_table(&settings);
}

static void bench_sweep(uint32_t flows, int rounds)
{
	const struct flowtab_settings settings = make_table(2 * flows);
	int hash_fd = make_map(BPF_MAP_TYPE_HASH, sizeof(struct flow_key), sizeof(struct bench_count), 2 * flows, 0);
	struct measured sweep = {}, report = {}, batch = {};
	struct flowtab *ft = NULL;

	measure_progress("sweep, %u flows", flows);
	fill_table(settings.flows_fd, flows, 2 * flows);
	fill_hash(hash_fd, flows);
	if (flowtab_new(&ft, &settings))
		measure_die("flow table cannot be opened");
	time_batch(hash_fd, flows);
	time_sweep(ft, flows, false);
	for (int round = 0; round < rounds; round++) {
		measure_add(&sweep, time_sweep(ft, flows, false));
		measure_add(&batch, time_batch(hash_fd, flows));
		add_packets(settings.flows_fd, flows);
		measure_add(&report, time_sweep(ft, flows, true));
	}
	measure_row("sweep", flows, measure_median(&sweep), "BPF_MAP_LOOKUP_BATCH", measure_median(&batch));
	measure_row("sweep_report", flows, measure_median(&report), "BPF_MAP_LOOKUP_BATCH", measure_median(&batch));
	flowtab_free(ft);
	close(hash_fd);
	close_table(&settings);
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = { 65536, 1048576, 4194304 };

	measure_pin_cpu();
	if (measure_wanted(argv + 1, "sweep_report")) {	/* has the other one's name in it */
		bench_sweep(65536, 15);
		bench_sweep(1048576, 7);
		if (!sum)
			return 1;
	}
	if (measure_wanted(argv + 1, "scale_open") || measure_wanted(argv + 1, "scale_sweep"))
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
			bench_scale(sizes[i]);
	return 0;
}
