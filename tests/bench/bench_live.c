/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bench_live - what the frames of a capture cost on a gateway: the program's own time in the kernel, less that of an empty
 * program, and what the agent then does with copies, sweeps and records (JSON included, MQTT not).
 *
 * bench_live OBJECT EMPTY_OBJECT CAPTURE. The kernel's time is BPF_PROG_TEST_RUN's, a run for each frame, clock reading
 * included in both programs; system calls, which a live path has not, are in neither figure. One JSON line.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"
#include "base/writer.h"
#include "cli/capture.h"
#include "collect/dataplane.h"
#include "collect/flowtab.h"
#include "export/json.h"
#include "measure.h"
#include "run/identify.h"
#include "run/report.h"

#define SLOTS		65536u
#define HELLOS		16384u
#define SWEEP_FRAMES	10000u	/* a sweep goes by time, not by frames: as at 10,000 frames a second */
#define BATCH		16u	/* frames between two looks into the ring, as a busy agent has them */

struct live {
	struct dataplane *dp;
	struct flowtab *ft;
	struct identify *identify;
	struct ring_buffer *ring;
	struct replay *clock;
	struct port_conf *port;
	struct reporter reporter;
	uint64_t records, json_bytes;
};

static void take_report(const struct flow_report *report, void *arg)
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

static int hear(void *arg, void *data, size_t size)
{
	struct live *live = arg;
	const struct event *event = data;

	if (event->type == EVENT_COPY)
		identify_copy(live->identify, data, size);
	else if (event->type == EVENT_HELLO)
		flowtab_hello_done(live->ft, event->slot);
	return 0;
}

static void *map_whole(const struct live *live, const char *name, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, dataplane_map_fd(live->dp, name), 0);

	if (p == MAP_FAILED)
		measure_die("map %s: %s", name, strerror(errno));
	return p;
}

static int open_live(struct live *live, const char *object)
{
	const struct dataplane_settings settings = {
		.object_path = object, .slots = SLOTS, .hellos = HELLOS, .replay = true, .programs = 1u << PROGRAM_RX_XDP,
	};
	struct dataplane_program_info program;
	char error[DATAPLANE_ERROR_BYTES];
	struct flowtab_settings table;

	if (dataplane_open(&live->dp, &settings, error))
		measure_die("%s", error);
	table = (struct flowtab_settings){
		.flows_fd = dataplane_map_fd(live->dp, "flows"), .ledger_fd = dataplane_map_fd(live->dp, "ledger"),
		.hellos_fd = dataplane_map_fd(live->dp, "hellos"), .names_fd = dataplane_map_fd(live->dp, "names"),
		.taken_fd = dataplane_map_fd(live->dp, "taken"), .slots = SLOTS, .hellos = HELLOS,
		.limits = { .tcp_idle_ns = 300 * NS_PER_S, .idle_ns = 60 * NS_PER_S, .fin_ns = 5 * NS_PER_S, .active_ns = 60 * NS_PER_S },
		.freed = identify_freed,
	};
	live->clock = map_whole(live, "replay", sizeof(*live->clock));
	live->port = map_whole(live, "ports", PORT_HASH * sizeof(*live->port));
	live->port[1] = (struct port_conf){ .ifindex = 1, .flags = PORT_MIRROR };
	if (identify_new(&live->identify, SLOTS))
		measure_die("no memory");
	table.freed_arg = live->identify;
	if (flowtab_new(&live->ft, &table) || community_id_new(&live->reporter.community_id))
		measure_die("flow table");
	identify_attach(live->identify, live->ft, take_report, live);
	clock_fixed(&live->reporter.clock);
	live->ring = ring_buffer__new(dataplane_map_fd(live->dp, "events"), hear, live, NULL);
	if (!live->ring)
		measure_die("ring");
	dataplane_program(live->dp, PROGRAM_RX_XDP, &program);
	return program.fd;
}

static uint64_t run(int fd, const struct capture_frame *frame)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->bytes, .data_size_in = frame->len, .repeat = 1);

	if (bpf_prog_test_run_opts(fd, &opts))
		measure_die("test_run of %u bytes: %s", frame->len, strerror(errno));
	return opts.duration;
}

int main(int argc, char **argv)
{
	double kernel_ns = 0, empty_ns = 0, user_ns = 0, start;
	struct live live = { 0 };
	struct bpf_object *empty;
	struct capture *capture;
	struct capture_frame frame;
	uint64_t frames = 0, swept = 0;
	int fd, empty_fd;
	char error[512];

	if (argc != 4)
		measure_die("usage: bench_live OBJECT EMPTY_OBJECT CAPTURE");
	measure_pin_cpu();
	fd = open_live(&live, argv[1]);
	empty = bpf_object__open_file(argv[2], NULL);
	if (!empty || bpf_object__load(empty))
		measure_die("%s does not load", argv[2]);
	empty_fd = bpf_program__fd(bpf_object__find_program_by_name(empty, "foreign_xdp"));
	if (capture_open(&capture, argv[3], error, sizeof(error)))
		measure_die("%s", error);
	while (capture_next(capture, &frame) == 1) {
		if (frame.len < 14 || frame.raw_ip)
			continue;
		live.clock->now_ns = frame.time_ns;
		live.clock->frame_bytes = frame.wire_len;
		empty_ns += (double)run(empty_fd, &frame);
		kernel_ns += (double)run(fd, &frame);
		if (++frames % BATCH)
			continue;
		start = measure_cpu_ns();
		ring_buffer__consume(live.ring);
		if (frames - swept >= SWEEP_FRAMES) {
			flowtab_sweep(live.ft, frame.time_ns, take_report, &live);
			swept = frames;
		}
		user_ns += measure_cpu_ns() - start;
	}
	start = measure_cpu_ns();
	ring_buffer__consume(live.ring);
	flowtab_flush(live.ft, frame.time_ns, take_report, &live);
	user_ns += measure_cpu_ns() - start;
	if (!frames)
		measure_die("no frames in %s", argv[3]);
	printf("{\"name\": \"live\", \"frames\": %llu, \"records\": %llu, \"kernel_ns\": %.1f, \"user_ns\": %.1f}\n",
	       (unsigned long long)frames, (unsigned long long)live.records, (kernel_ns - empty_ns) / (double)frames,
	       user_ns / (double)frames);
	return 0;
}
