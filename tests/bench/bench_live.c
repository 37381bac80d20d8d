/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bench_live - what a frame of a capture costs where frames come by themselves: in the BPF program, and in user space.
 *
 * bench_live OBJECT CAPTURE. The kernel's part is the duration that BPF_PROG_TEST_RUN tells of one run, over that of a
 * program without instructions beside it: the clock is read twice a run, so that one frame's figure is coarse (that
 * program's own is printed), their sum is not; and caches are colder than in life, with a system call between frames.
 * User space's part is CPU time of what the agent does: events, sweeps, records, their JSON. Not in it: the driver,
 * waking the agent, MQTT. Time is the capture's. Medians of rounds; one JSON line, ns a frame.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"
#include "base/writer.h"
#include "cli/capture.h"
#include "collect/dataplane.h"
#include "collect/flowtab.h"
#include "export/json.h"
#include "run/identify.h"
#include "run/report.h"
#include "tests/bench/measure.h"

#define ROUNDS	  6 /* in the first one memory is touched that was never used; it has little weight in a median */
#define LOOPBACK  1 /* ifindex that BPF_PROG_TEST_RUN gives a packet */
#define SLOTS	  65536
#define HELLOS	  16384
#define FRAME_MIN 14 /* the kernel takes no shorter one */
#define SWEEP_NS  NS_PER_S
#define IDLE_NS	  (300 * NS_PER_S)
#define TICK_NS	  (COPY_TICK_MS * NS_PER_MS)
#define BATCH	  512 /* frames, if the tick does not come before: the ring holds their copies */

struct frame {
	uint64_t time_ns;
	uint32_t len, wire_len;
	size_t at; /* in bytes */
};

struct live {
	struct dataplane *dp;
	struct flowtab *ft;
	struct identify *identify;
	struct ring_buffer *ring;
	struct replay *clock;
	struct reporter reporter;
	int program_fd, empty_fd;
	struct frame *frames;
	size_t count;
	uint8_t *bytes;
	size_t bytes_len;
	uint64_t round_ns; /* of the capture, and some rest */
	double bracket_ns; /* of reading the CPU clock twice */
	uint64_t records, copies, json_bytes;
};

/* Nanoseconds of one round. */
struct round {
	double kernel, empty, consume, sweep;
};

/* ---- what the agent does with events, and with reports ---- */

static int take_event(void *arg, void *data, size_t size)
{
	const struct event *event = data;
	struct live *live = arg;

	if (event->type == EVENT_COPY) {
		identify_copy(live->identify, data, size);
		live->copies++;
	} else if (event->type == EVENT_HELLO) {
		flowtab_hello_done(live->ft, event->slot);
	}
	return 0;
}

static void emit(const struct flow_report *report, void *arg)
{
	struct live *live = arg;
	char line[RECORD_JSON_MAX];
	struct writer w = WRITER(line);
	struct record record;

	report_record(&live->reporter, report, &record);
	identify_record(live->identify, report, &record);
	report_finish(&live->reporter, &record);
	json_record(&w, &record);
	live->records++;
	live->json_bytes += w.len;
}

/* ---- set up ---- */

static void read_frames(struct live *live, const char *path)
{
	uint64_t first_ns = UINT64_MAX, last_ns = 0;
	size_t frames_room = 0, bytes_room = 0;
	struct capture_frame frame;
	struct capture *capture;
	char error[512];

	if (capture_open(&capture, path, error, sizeof(error)))
		measure_die("%s", error);
	while (capture_next(capture, &frame) == 1) {
		if (frame.len < FRAME_MIN || frame.raw_ip)
			continue;
		if (live->count == frames_room) {
			frames_room = 2 * frames_room + 1024;
			live->frames = reallocarray(live->frames, frames_room, sizeof(*live->frames));
		}
		while (live->bytes_len + frame.len > bytes_room) {
			bytes_room = 2 * bytes_room + (1u << 20);
			live->bytes = realloc(live->bytes, bytes_room);
		}
		if (!live->frames || !live->bytes)
			measure_die("out of memory");
		memcpy(live->bytes + live->bytes_len, frame.bytes, frame.len);
		live->frames[live->count++] = (struct frame){frame.time_ns, frame.len, frame.wire_len, live->bytes_len};
		live->bytes_len += frame.len;
		first_ns = MIN(first_ns, frame.time_ns);
		last_ns = MAX(last_ns, frame.time_ns);
	}
	capture_close(capture);
	if (!live->count)
		measure_die("\"%s\" has no frames", path);
	live->round_ns = last_ns - first_ns + IDLE_NS;
}

static void *map_whole(const struct live *live, const char *name, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, dataplane_map_fd(live->dp, name), 0);

	if (p == MAP_FAILED)
		measure_die("mmap of \"%s\": %s", name, strerror(errno));
	return p;
}

static int load_empty(void)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_XDP_HAS_FRAGS);
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "bench_pass", "GPL", pass, ARRAY_SIZE(pass), &opts);

	if (fd < 0)
		measure_die("program without instructions: %s", strerror(errno));
	return fd;
}

static void open_flowtab(struct live *live)
{
	const struct flowtab_settings settings = {
		.flows_fd = dataplane_map_fd(live->dp, "flows"),
		.ledger_fd = dataplane_map_fd(live->dp, "ledger"),
		.hellos_fd = dataplane_map_fd(live->dp, "hellos"),
		.tcp_fd = dataplane_map_fd(live->dp, "tcp"),
		.names_fd = dataplane_map_fd(live->dp, "names"),
		.taken_fd = dataplane_map_fd(live->dp, "taken"),
		.slots = SLOTS,
		.hellos = HELLOS,
		.tcps = SLOTS / TCP_SLOTS_EACH,
		.limits = {.tcp_idle_ns = 300 * NS_PER_S,
			   .idle_ns = 60 * NS_PER_S, .syn_ns = 15 * NS_PER_S,
			   .fin_ns = 5 * NS_PER_S,
			   .active_ns = 60 * NS_PER_S},
	};

	if (flowtab_new(&live->ft, &settings) || community_id_new(&live->reporter.community_id))
		measure_die("flow table cannot be opened");
	identify_attach(live->identify, live->ft, emit, live);
	clock_fixed(&live->reporter.clock);
}

static void open_live(struct live *live, const char *object)
{
	const struct dataplane_settings settings = {
		.object_path = object,
		.slots = SLOTS,
		.hellos = HELLOS,
		.replay = true,
		.programs = 1u << PROGRAM_RX_XDP,
	};
	struct dataplane_program_info program;
	char error[DATAPLANE_ERROR_BYTES];
	struct port_conf *ports;

	if (dataplane_open(&live->dp, &settings, error))
		measure_die("%s", error);
	dataplane_program(live->dp, PROGRAM_RX_XDP, &program);
	live->program_fd = program.fd;
	live->empty_fd = load_empty();
	live->clock = map_whole(live, "replay", sizeof(*live->clock));
	ports = map_whole(live, "ports", PORT_HASH * sizeof(*ports));
	ports[LOOPBACK % PORT_HASH] = (struct port_conf){.ifindex = LOOPBACK, .flags = PORT_MIRROR};
	live->ring = ring_buffer__new(dataplane_map_fd(live->dp, "events"), take_event, live, NULL);
	if (!live->ring)
		measure_die("ring buffer: %s", strerror(errno));
	if (identify_new(&live->identify, SLOTS, SLOTS))
		measure_die("out of memory");
	open_flowtab(live);
}

/* ---- measure ---- */

static double run_program(int fd, const struct live *live, const struct frame *frame)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = live->bytes + frame->at, .data_size_in = frame->len,
		    .repeat = 1);

	if (bpf_prog_test_run_opts(fd, &opts) || opts.retval != XDP_PASS)
		measure_die("frame of %u bytes: %s, verdict %u", frame->len, strerror(errno), opts.retval);
	return opts.duration;
}

static double since(const struct live *live, double before)
{
	return measure_cpu_ns() - before - live->bracket_ns;
}

static double consume_timed(struct live *live)
{
	double before = measure_cpu_ns();

	ring_buffer__consume(live->ring);
	return since(live, before);
}

/* @shift_ns: of all times, so that no round goes back in time. */
static struct round run_all(struct live *live, uint64_t shift_ns)
{
	struct round ns = {};
	uint64_t now_ns = 0, swept_ns = 0, heard_ns = 0;
	double before;

	live->records = live->copies = live->json_bytes = 0;
	for (size_t i = 0; i < live->count; i++) {
		const struct frame *frame = &live->frames[i];

		now_ns = MAX(now_ns, frame->time_ns + shift_ns);
		if (now_ns - swept_ns >= SWEEP_NS) {
			ns.consume += consume_timed(live);
			before = measure_cpu_ns();
			flowtab_sweep(live->ft, now_ns, emit, live);
			ns.sweep += since(live, before);
			swept_ns = now_ns;
		}
		live->clock->now_ns = now_ns;
		live->clock->frame_bytes = frame->wire_len;
		ns.empty += run_program(live->empty_fd, live, frame);
		ns.kernel += run_program(live->program_fd, live, frame);
		if (now_ns - heard_ns >= TICK_NS || i % BATCH == BATCH - 1) {
			ns.consume += consume_timed(live);
			heard_ns = now_ns;
		}
	}
	ns.consume += consume_timed(live);
	before = measure_cpu_ns();
	flowtab_flush(live->ft, now_ns, emit, live);
	ns.sweep += since(live, before);
	return ns;
}

static double bracket(void)
{
	struct measured m = {};

	for (int i = 0; i < MEASURE_ROUNDS_MAX; i++) {
		double before = measure_cpu_ns();

		measure_add(&m, measure_cpu_ns() - before);
	}
	return measure_median(&m);
}

int main(int argc, char **argv)
{
	struct measured kernel = {}, empty = {}, events = {}, sweep = {};
	struct live live = {};

	if (argc != 3)
		measure_die("usage: bench_live OBJECT CAPTURE");
	read_frames(&live, argv[2]);
	open_live(&live, argv[1]);
	measure_pin_cpu();
	live.bracket_ns = bracket();
	for (int round = 0; round < ROUNDS; round++) {
		const struct round ns = run_all(&live, (uint64_t)round * live.round_ns);
		const double frames = (double)live.count;

		measure_add(&kernel, (ns.kernel - ns.empty) / frames);
		measure_add(&empty, ns.empty / frames);
		measure_add(&events, ns.consume / frames);
		measure_add(&sweep, ns.sweep / frames);
	}
	if (!live.records || flowtab_counters(live.ft)->live)
		measure_die("%llu records, %u flows left in the table", (unsigned long long)live.records,
			    flowtab_counters(live.ft)->live);
	printf("{\"frames\": %zu, \"kernel_ns\": %.1f, \"empty_ns\": %.1f, \"consume_ns\": %.1f, \"sweep_ns\": %.1f, "
	       "\"records\": %llu, \"copies\": %llu, \"json_bytes\": %llu}\n",
	       live.count, measure_median(&kernel), measure_median(&empty), measure_median(&events),
	       measure_median(&sweep), (unsigned long long)live.records, (unsigned long long)live.copies,
	       (unsigned long long)live.json_bytes);
	return 0;
}
