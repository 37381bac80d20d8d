/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bench_rx - ns per packet of Weir's whole rx path and of kernel hashes, over the same prelude alone.
 *
 * bench_rx OBJECT [WORD...]. In each round the variants run one after the other, in alternating order; a figure is the median of
 * its rounds. All tables have room for twice the flows. Rows as JSON lines on standard output, progress on error.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"
#include "bpf/abi.h"
#include "collect/porttab.h"
#include "collect/rodata.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/lib/hello_make.h"

#define HELLOS		64
#define LOOPBACK	1	/* ifindex that BPF_PROG_TEST_RUN gives a packet */
#define DELETE_BATCH	16384
#define HELLO_RUNS	1500	/* as many copies as the ring holds */
#define HELLO_BYTES	517	/* of a hello as browsers sent them for years */

enum variant { EMPTY, WEIR, HASH, LRU, EMPTY_HELLO, WEIR_HELLO, VARIANTS };
static const char *const program_names[VARIANTS] = {
	"bench_empty", "bench_weir", "bench_hash", "bench_lru", "bench_empty_hello", "bench_weir_hello",
};

/* Everything for one number of flows: the object is loaded anew for each. */
struct setup {
	struct bpf_object *obj;
	int fd[VARIANTS];
	uint32_t slots;
	struct flow_bucket *flows;
	volatile struct bench *bench;
};

static struct bytes frame;

/* ---- set up ---- */

static int map_fd(const struct setup *s, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(s->obj, name);

	if (fd < 0)
		measure_die("object has no map \"%s\"", name);
	return fd;
}

static void map_size(const struct setup *s, const char *name, uint32_t entries)
{
	struct bpf_map *map = bpf_object__find_map_by_name(s->obj, name);

	if (!map || bpf_map__set_max_entries(map, entries))
		measure_die("map \"%s\" cannot be sized", name);
}

static void *map_memory(const struct setup *s, const char *name, size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd(s, name), 0);

	if (p == MAP_FAILED)
		measure_die("mmap of \"%s\": %s", name, strerror(errno));
	return p;
}

static void set_constants(const struct setup *s, uint32_t places)
{
	uint32_t bucket_mask = s->slots / BUCKET_SLOTS - 1, hello_mask = HELLOS - 1, tcp_mask = places - 1, replay = 0;
	uint64_t seed = 0x5eed5eed5eed5eedULL;
	const struct rodata_value values[] = {
		{ "cfg_bucket_mask", &bucket_mask, sizeof(bucket_mask) },
		{ "cfg_hello_mask", &hello_mask, sizeof(hello_mask) },
		{ "cfg_tcp_mask", &tcp_mask, sizeof(tcp_mask) },
		{ "cfg_seed", &seed, sizeof(seed) },
		{ "cfg_replay", &replay, sizeof(replay) },
	};
	const char *missing = "";

	if (rodata_set(s->obj, values, ARRAY_SIZE(values), &missing))
		measure_die("object has no constant \"%s\"", missing);
}

/* @places: of the pool of TCP health. */
static struct setup set_up(const char *object, uint32_t slots, uint32_t places, uint32_t hash, uint32_t lru)
{
	struct setup s = { .slots = slots, .obj = bpf_object__open(object) };
	struct bpf_program *program;
	struct porttab *porttab;
	struct bpf_map *data;

	if (!s.obj)
		measure_die("cannot open \"%s\": %s", object, strerror(errno));
	map_size(&s, "flows", slots / BUCKET_SLOTS);
	map_size(&s, "hellos", HELLOS);
	map_size(&s, "tcp", places);
	map_size(&s, "ledger", 8);
	map_size(&s, "kernel_hash", hash);
	map_size(&s, "kernel_lru", lru);
	set_constants(&s, places);
	bpf_object__for_each_program(program, s.obj)
		bpf_program__set_autoload(program, !strncmp(bpf_program__name(program), "bench_", 6));
	if (bpf_object__load(s.obj))
		measure_die("cannot load \"%s\": %s", object, strerror(errno));
	for (int i = 0; i < VARIANTS; i++) {
		program = bpf_object__find_program_by_name(s.obj, program_names[i]);
		if (!program)
			measure_die("object has no program \"%s\"", program_names[i]);
		s.fd[i] = bpf_program__fd(program);
	}
	bpf_object__for_each_map(data, s.obj)	/* named after the object, too */
		if (strstr(bpf_map__name(data), ".bss"))
			s.bench = map_memory(&s, bpf_map__name(data), sizeof(*s.bench));
	if (!s.bench)
		measure_die("object has no struct bench");
	s.flows = map_memory(&s, "flows", slots * sizeof(struct flow_slot));
	if (porttab_open(&porttab, map_fd(&s, "ports"), map_fd(&s, "port_names")) ||
	    porttab_set(porttab, LOOPBACK, 0, 0))
		measure_die("cannot write the port table");
	porttab_close(porttab);
	return s;
}

static void tear_down(struct setup *s)
{
	munmap((void *)s->bench, sizeof(*s->bench));
	munmap(s->flows, s->slots * sizeof(struct flow_slot));
	bpf_object__close(s->obj);
}

static void make_tcp(unsigned int flags, const void *payload, size_t len)
{
	frame.len = 0;
	put(&frame, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0\x45\0", 16);
	put16(&frame, 40 + len);
	put(&frame, "\0\0\x40\0\x40\x06\0\0\x0a\0\0\0\xc0\xa8\x01\x01", 16);
	put16(&frame, 40000);
	put16(&frame, 443);
	put(&frame, "\0\0\x10\0\0\0\x20\0\x50", 9);
	put8(&frame, flags);
	put(&frame, "\x01\xf4\0\0\0\0", 6);
	put(&frame, payload, len);
	if (frame.len < 64)
		put_fill(&frame, 64 - frame.len, 0);
}

/* ---- measure ---- */

static double run(struct setup *s, enum variant variant, uint32_t packets)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.b, .data_size_in = (__u32)frame.len, .repeat = (int)packets);
	double before = measure_cpu_ns();

	if (bpf_prog_test_run_opts(s->fd[variant], &opts) || opts.retval != 2 /* XDP_PASS */)
		measure_die("%s: %s, verdict %u", program_names[variant], strerror(errno), opts.retval);
	return (measure_cpu_ns() - before) / packets;
}

static void choose(struct setup *s, uint32_t flows, uint32_t base)
{
	s->bench->sent = 0;
	s->bench->at_random = 0;
	s->bench->mask = flows - 1;
	s->bench->base = base;
}

static uint32_t flows_in_weir(const struct setup *s)
{
	uint32_t live = 0;

	for (uint32_t i = 0; i < s->slots; i++)
		live += !!(s->flows[i / BUCKET_SLOTS].slot[i % BUCKET_SLOTS].tag & TAG_LIVE);
	return live;
}

/* Empties the map. */
static uint32_t drain(const struct setup *s, const char *name)
{
	static struct flow_key keys[DELETE_BATCH];
	static struct bench_count counts[DELETE_BATCH];
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	int fd = map_fd(s, name), err;
	uint32_t place, all = 0, n;

	for (bool first = true; ; first = false) {
		n = DELETE_BATCH;
		err = bpf_map_lookup_and_delete_batch(fd, first ? NULL : &place, &place, keys, counts, &n, &opts);
		if (err && errno != ENOENT)
			measure_die("emptying \"%s\": %s", name, strerror(errno));
		all += n;
		if (err)
			return all;
	}
}

static void take_turns(struct setup *s, struct measured m[VARIANTS], const enum variant *of, int count, int round,
		       uint32_t packets, void (*before)(struct setup *s, enum variant variant))
{
	for (int i = 0; i < count; i++) {
		enum variant v = of[round % 2 ? count - 1 - i : i];

		if (before)
			before(s, v);
		measure_add(&m[v], run(s, v, packets));
	}
}

static double over(const struct measured m[VARIANTS], enum variant variant, enum variant empty)
{
	return measure_median(&m[variant]) - measure_median(&m[empty]);
}

/* ---- rows ---- */

/*
 * Every flow has its place in the pool of TCP health, which is half full. @share: flows.tcp_share; 1: so is the table, as the
 * kernel's; 4, for links where a quarter of the flows is TCP: an eighth of the table.
 */
static void bench_established(const char *object, const char *row, uint32_t share, uint32_t flows, uint32_t packets, int rounds)
{
	static const enum variant of[] = { EMPTY, WEIR, HASH };
	const uint32_t room = 2 * (flows < 1024 ? 1024 : flows);
	struct measured m[VARIANTS] = {};
	struct setup s = set_up(object, share * room, room, room, 1);

	measure_progress("%s, %u flows", row, flows);
	make_tcp(0x10, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
		choose(&s, flows, 0);
		run(&s, of[i], flows);
	}
	if (flows_in_weir(&s) != flows)
		measure_die("%u of %u flows are in the table", flows_in_weir(&s), flows);
	s.bench->at_random = 1;
	for (int round = 0; round < rounds; round++)
		take_turns(&s, m, of, ARRAY_SIZE(of), round, packets, NULL);
	if (flows_in_weir(&s) != flows || drain(&s, "kernel_hash") != flows)
		measure_die("flows came or went while established ones were measured");
	measure_row(row, flows, over(m, WEIR, EMPTY), "kernel HASH", over(m, HASH, EMPTY));
	tear_down(&s);
}

/* Slot by slot, as the sweep does it, and as the kernel's map is emptied: one memset of all would leave none of it in the caches. */
static void free_slots(struct setup *s)
{
	for (uint32_t i = 0; i < s->slots; i++) {
		struct flow_slot *slot = &s->flows[i / BUCKET_SLOTS].slot[i % BUCKET_SLOTS];

		if (slot->tag || slot->summary)
			memset(slot, 0, sizeof(*slot));
	}
}

static void empty_tables(struct setup *s, enum variant variant)
{
	if (variant == WEIR)
		free_slots(s);
	if (variant == HASH)
		drain(s, "kernel_hash");
	s->bench->sent = 0;
}

/* From an empty table to one that is half full. */
static void bench_new_flow(const char *object, uint32_t flows, int rounds)
{
	static const enum variant of[] = { EMPTY, WEIR, HASH };
	struct measured m[VARIANTS] = {};
	struct setup s = set_up(object, 2 * flows, flows / 2, 2 * flows, 1);

	measure_progress("rx_new_flow, %u flows", flows);
	make_tcp(0x02, NULL, 0);
	choose(&s, flows, 0);
	for (int round = 0; round <= rounds; round++) {
		take_turns(&s, m, of, ARRAY_SIZE(of), round, flows, empty_tables);
		if (round == 0)	/* touches memory for the first time */
			memset(m, 0, sizeof(m));
	}
	if (flows_in_weir(&s) != flows || drain(&s, "kernel_hash") != flows)
		measure_die("not every new flow found a place");
	measure_row("rx_new_flow", flows, over(m, WEIR, EMPTY), "kernel HASH", over(m, HASH, EMPTY));
	tear_down(&s);
}

/* Flows never seen before at a table without a free place: Weir refuses and counts, the kernel's LRU throws one out. */
static void bench_table_full(const char *object, uint32_t slots, int rounds)
{
	static const enum variant of[] = { EMPTY, WEIR, LRU };
	struct measured m[VARIANTS] = {};
	struct setup s = set_up(object, slots, slots / TCP_SLOTS_EACH, 1, slots);
	uint32_t live;

	measure_progress("rx_table_full, %u flows", slots);
	make_tcp(0x02, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
		choose(&s, 32 * slots, 0);
		run(&s, of[i], 32 * slots);
	}
	choose(&s, 128 * slots, 128 * slots);
	live = flows_in_weir(&s);
	for (int round = 0; round < rounds; round++)
		take_turns(&s, m, of, ARRAY_SIZE(of), round, 200000, NULL);
	if (live < slots / 1000 * 999)
		measure_die("table is not full: %u flows in %u slots", live, slots);
	measure_row("rx_table_full", slots, over(m, WEIR, EMPTY), "kernel LRU_HASH", over(m, LRU, EMPTY));
	tear_down(&s);
}

static int ignore_event(void *ctx, void *data, size_t size)
{
	return 0;
}

/* HELLO_BYTES of a ClientHello in one TLS record, as browsers sent it for years. */
static void make_hello(struct bytes *wire)
{
	static struct bytes hello;

	hello_msg_begin(&hello);
	put_ext(&hello, 0x2a2a, 0, 0);
	put_ext(&hello, 23, 0, 0);
	put_ext(&hello, 0xff01, 1, 0);
	put_ext(&hello, 10, 10, 1);
	put_ext(&hello, 11, 2, 1);
	put_ext(&hello, 35, 0, 0);
	put_sni(&hello, "www.example-telemetry.com", 25);
	put_ext(&hello, 5, 5, 1);
	put_ext(&hello, 13, 18, 4);
	put_ext(&hello, 51, 43, 5);
	put_alpn(&hello, "\2h2\10http/1.1", 12);
	put_ext(&hello, 21, HELLO_BYTES - 5 - hello.len - 4, 0);
	hello_msg_end(&hello);
	hello_records(wire, &hello, 16384);
	if (wire->len != HELLO_BYTES)
		measure_die("hello of %zu bytes", wire->len);
}

static struct flow_slot *only_flow(struct setup *s)
{
	for (uint32_t i = 0; i < s->slots; i++) {
		struct flow_slot *slot = &s->flows[i / BUCKET_SLOTS].slot[i % BUCKET_SLOTS];

		if (!(slot->tag & TAG_LIVE))
			continue;
		s->bench->hello_slot = i;
		return slot;
	}
	measure_die("no flow is in the table");
}

/*
 * A ClientHello in one segment, against a segment of the same size of a connection of which nothing more is wanted.
 * @flags FLOW_COPY_OFF: user space gets no copy of it, only an event. Nobody waits for the ring: waking is not in it.
 */
static void bench_hello(const char *object, const char *row, uint32_t flags, int rounds)
{
	static const enum variant of[] = { EMPTY, WEIR }, of_hello[] = { EMPTY_HELLO, WEIR_HELLO };
	struct setup s = set_up(object, 2048, 512, 1, 1);
	struct ring_buffer *ring = ring_buffer__new(map_fd(&s, "events"), ignore_event, NULL, NULL);
	static uint8_t data[HELLO_BYTES];
	struct measured m[VARIANTS] = {};
	struct bytes wire = {};
	struct flow_slot *slot;

	measure_progress("%s, %u bytes", row, HELLO_BYTES);
	if (!ring)
		measure_die("ring buffer: %s", strerror(errno));
	make_hello(&wire);
	choose(&s, 1, 1);
	make_tcp(0x02, NULL, 0);
	run(&s, WEIR, 1);
	slot = only_flow(&s);
	s.bench->hello_flags = FLOW_SYN_SEEN | flags;
	memset(data, 0x17, sizeof(data));
	for (int round = 0; round < rounds; round++) {
		for (int part = 0; part < 61; part++) {
			make_tcp(0x18, wire.b, wire.len);
			frame.b[41] = 1;	/* the sequence number behind the SYN's */
			take_turns(&s, m, of_hello, ARRAY_SIZE(of_hello), part, HELLO_RUNS, NULL);
			ring_buffer__consume(ring);
		}
		/* The last part ran Weir last. Who is sent a copy may be left the name, too. */
		if (!(slot->flags & FLOW_HELLO_DONE) || slot->copies[0] != !(flags & FLOW_COPY_OFF) ||
		    (flags & FLOW_COPY_OFF && slot->name_status != NAME_OK))
			measure_die("the hello was not dealt with: name status %u, %u copies", slot->name_status, slot->copies[0]);
		slot->flags |= FLOW_COPY_OFF;
		make_tcp(0x18, data, sizeof(data));
		take_turns(&s, m, of, ARRAY_SIZE(of), round, 100000, NULL);
	}
	measure_row(row, 1, over(m, WEIR_HELLO, EMPTY_HELLO), "established packet", over(m, WEIR, EMPTY));
	ring_buffer__free(ring);
	tear_down(&s);
}

static int print(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

int main(int argc, char **argv)
{
	char **words = argv + 2;

	if (argc < 2)
		measure_die("usage: bench_rx OBJECT [WORD...]");
	libbpf_set_print(print);
	measure_pin_cpu();
	if (measure_wanted(words, "rx_established")) {
		bench_established(argv[1], "rx_established", 1, 1, 400000, 15);
		bench_established(argv[1], "rx_established", 1, 1024, 400000, 15);
		bench_established(argv[1], "rx_established", 1, 65536, 400000, 15);
		bench_established(argv[1], "rx_established", 1, 1048576, 1048576, 11);
	}
	if (measure_wanted(words, "rx_share_quarter"))
		bench_established(argv[1], "rx_share_quarter", TCP_SLOTS_EACH, 1048576, 1048576, 11);
	if (measure_wanted(words, "rx_new_flow")) {
		bench_new_flow(argv[1], 65536, 15);
		bench_new_flow(argv[1], 1048576, 7);
	}
	if (measure_wanted(words, "rx_table_full"))
		bench_table_full(argv[1], 65536, 11);
	if (measure_wanted(words, "hello"))
		bench_hello(argv[1], "hello", 0, 11);
	if (measure_wanted(words, "hello_no_copy"))
		bench_hello(argv[1], "hello_no_copy", FLOW_COPY_OFF, 11);
	return 0;
}
