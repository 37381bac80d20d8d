/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * weir replay: every frame of a capture through the real BPF program (BPF_PROG_TEST_RUN), in the capture's own time.
 * A capture is a mirror port: it shows both directions, and nobody says which is which.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <endian.h>
#include <errno.h>
#include <getopt.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "base/writer.h"
#include "cli/capture.h"
#include "cli/cli.h"
#include "collect/counters.h"
#include "collect/dataplane.h"
#include "collect/flowtab.h"
#include "export/cbor.h"
#include "export/json.h"
#include "run/identify.h"
#include "run/object_path.h"
#include "run/report.h"

#define REPLAY_IFINDEX	1	/* BPF_PROG_TEST_RUN's frames come in on loopback */
#define REPLAY_SLOTS	65536
#define REPLAY_HELLOS	16384
#define REPLAY_SWEEP_NS	NS_PER_S	/* of the capture's time */
#define TEST_RUN_MIN	14	/* the kernel takes no shorter frame */
#define TEST_RUN_SKB_MAX 3520	/* as an skb only what fits into a page with its own needs: longer frames are cut */

struct replay_run {
	bool json, cbor;
	bool tc;		/* the TC program instead of the XDP one */
	const char *books_path;
	const char *object;
	uint32_t slots;
	struct dataplane *dp;
	int program_fd;
	struct flowtab *ft;
	struct identify *identify;
	struct ring_buffer *ring;
	struct replay *clock;		/* map "replay" */
	struct port_conf *port;		/* map "ports" */
	struct counters counters;
	struct reporter reporter;
	struct tally runts;		/* frames too short for the kernel: counted here as it would */
	uint64_t records, nameable, named;
	bool write_failed;
};

static const struct flowtab_limits replay_limits = {
	.tcp_idle_ns = 300 * NS_PER_S,
	.idle_ns = 60 * NS_PER_S,
	.syn_ns = 15 * NS_PER_S,
	.fin_ns = 5 * NS_PER_S,
	.active_ns = 60 * NS_PER_S,
};

static void print_record(const struct flow_report *report, void *arg)
{
	struct replay_run *run = arg;
	char line[RECORD_JSON_MAX + 1];
	struct writer w = WRITER(line);
	struct record record;

	report_record(&run->reporter, report, &record);
	identify_record(run->identify, report, &record);
	report_finish(&run->reporter, &record);
	if (run->cbor)
		cbor_record(&w, &record);
	else if (run->json)
		json_record(&w, &record);
	else
		record_text(&w, &record);
	if (!run->cbor)
		writer_char(&w, '\n');
	if (w.full || fwrite(line, 1, w.len, stdout) != w.len)
		run->write_failed = true;
	run->records++;
	if (report->end != FLOW_END_ACTIVE && identify_is_nameable(run->identify, report)) {
		run->nameable++;
		run->named += identify_is_named(run->identify, report);
	}
}

static int hear(void *arg, void *data, size_t size)
{
	const struct event *event = data;
	struct replay_run *run = arg;

	if (size < sizeof(*event))
		return 0;
	if (event->type == EVENT_COPY)
		identify_copy(run->identify, data, size);
	else if (event->type == EVENT_HELLO)
		flowtab_hello_done(run->ft, event->slot);
	return 0;
}

static int fail(const char *what, int err)
{
	fprintf(stderr, "weir replay: %s: %s\n", what, strerror(-err));
	return 1;
}

static void *map_whole(const struct dataplane *dp, const char *name, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, dataplane_map_fd(dp, name), 0);

	return p == MAP_FAILED ? NULL : p;
}

static int run_open(struct replay_run *run)
{
	const struct dataplane_settings settings = {
		.object_path = run->object,
		.slots = run->slots,
		.hellos = REPLAY_HELLOS,
		.replay = true,
		.programs = 1u << (run->tc ? PROGRAM_RX_TC : PROGRAM_RX_XDP),
	};
	struct dataplane_program_info program;
	char error[DATAPLANE_ERROR_BYTES];
	int err;

	if (dataplane_open(&run->dp, &settings, error)) {
		fprintf(stderr, "weir replay: %s\n", error);
		return 1;
	}
	dataplane_program(run->dp, run->tc ? PROGRAM_RX_TC : PROGRAM_RX_XDP, &program);
	run->program_fd = program.fd;
	run->clock = map_whole(run->dp, "replay", sizeof(*run->clock));
	run->port = map_whole(run->dp, "ports", PORT_HASH * sizeof(*run->port));
	if (!run->clock || !run->port)
		return fail("maps of the dataplane", -errno);
	run->port[REPLAY_IFINDEX % PORT_HASH] = (struct port_conf){ .ifindex = REPLAY_IFINDEX, .flags = PORT_MIRROR };
	run->counters = (struct counters){
		.books_fd = dataplane_map_fd(run->dp, "books"),
		.stats_fd = dataplane_map_fd(run->dp, "stats"),
		.taken_fd = dataplane_map_fd(run->dp, "taken"),
	};
	struct flowtab_settings table = {
		.flows_fd = dataplane_map_fd(run->dp, "flows"),
		.ledger_fd = dataplane_map_fd(run->dp, "ledger"),
		.hellos_fd = dataplane_map_fd(run->dp, "hellos"),
		.tcp_fd = dataplane_map_fd(run->dp, "tcp"),
		.names_fd = dataplane_map_fd(run->dp, "names"),
		.taken_fd = dataplane_map_fd(run->dp, "taken"),
		.slots = run->slots,
		.hellos = REPLAY_HELLOS,
		.tcps = dataplane_meta(run->dp)->tcps,
		.limits = replay_limits,
		.freed = identify_freed,
	};

	err = identify_new(&run->identify, run->slots, run->slots);
	table.freed_arg = run->identify;
	if (!err)
		err = flowtab_new(&run->ft, &table);
	if (!err) {
		identify_attach(run->identify, run->ft, print_record, run);
		run->ring = ring_buffer__new(dataplane_map_fd(run->dp, "events"), hear, run, NULL);
		err = run->ring ? 0 : -errno;
	}
	if (!err)
		err = community_id_new(&run->reporter.community_id);
	clock_fixed(&run->reporter.clock);
	return err ? fail("flow table", err) : 0;
}

static void run_close(struct replay_run *run)
{
	ring_buffer__free(run->ring);
	flowtab_free(run->ft);
	identify_free(run->identify);
	community_id_free(run->reporter.community_id);
	if (run->clock)
		munmap(run->clock, sizeof(*run->clock));
	if (run->port)
		munmap(run->port, PORT_HASH * sizeof(*run->port));
	dataplane_close(run->dp);
}

/* As an skb, newer kernels want a whole IP header behind what they take for an IP ethertype: shorter frames are short. */
static uint32_t skb_least(const struct capture_frame *frame)
{
	struct ether_header eth;

	if (frame->len < sizeof(eth))
		return TEST_RUN_MIN;
	memcpy(&eth, frame->bytes, sizeof(eth));
	return sizeof(eth) + (eth.ether_type == htobe16(ETHERTYPE_IP) ? sizeof(struct iphdr) :
			      eth.ether_type == htobe16(ETHERTYPE_IPV6) ? sizeof(struct ip6_hdr) : 0);
}

static int run_frame(struct replay_run *run, const struct capture_frame *frame)
{
	uint8_t padded[sizeof(struct ether_header) + sizeof(struct ip6_hdr)] = { 0 };
	const uint32_t least = run->tc ? skb_least(frame) : TEST_RUN_MIN;
	struct bpf_test_run_opts opts = {
		.sz = sizeof(opts),
		.data_in = frame->bytes,
		.data_size_in = frame->len,
		.repeat = 1,
	};

	if (frame->len < TEST_RUN_MIN || (frame->len < least && !frame->raw_ip)) {
		run->runts.frames++;
		run->runts.bytes += frame->wire_len;
		return 0;
	}
	if (frame->len < least) {	/* an address that looks like an ethertype */
		opts.data_in = memcpy(padded, frame->bytes, frame->len);
		opts.data_size_in = least;
	} else if (run->tc) {
		opts.data_size_in = MIN(frame->len, TEST_RUN_SKB_MAX);
	}
	run->clock->now_ns = frame->time_ns;
	run->clock->frame_bytes = frame->wire_len;
	run->port[REPLAY_IFINDEX % PORT_HASH].flags = PORT_MIRROR | (frame->raw_ip ? PORT_RAW_IP : 0);
	if (bpf_prog_test_run_opts(run->program_fd, &opts))
		return -errno;
	ring_buffer__consume(run->ring);
	return 0;
}

static int run_capture(struct replay_run *run, struct capture *capture, const char *path)
{
	uint64_t now_ns = 0, swept_ns = 0;
	struct capture_frame frame;
	int more, err = 0;

	while ((more = capture_next(capture, &frame)) == 1) {
		now_ns = MAX(now_ns, frame.time_ns);	/* a clock that was set back does not make flows young again */
		frame.time_ns = now_ns;
		if (now_ns - swept_ns >= REPLAY_SWEEP_NS) {
			flowtab_sweep(run->ft, now_ns, print_record, run);
			swept_ns = now_ns;
		}
		err = run_frame(run, &frame);
		if (err)
			return fail("frame", err);
	}
	flowtab_flush(run->ft, now_ns, print_record, run);
	if (more < 0) {
		fprintf(stderr, "weir replay: \"%s\": %s; all frames before it were read\n", path, capture_error(capture));
		return 1;
	}
	return 0;
}

static void print_tally(FILE *out, const char *name, struct tally tally, const char *end)
{
	fprintf(out, "\"%s\":{\"frames\":%llu,\"bytes\":%llu}%s", name, tally.frames, tally.bytes, end);
}

static struct tally tally_sum(struct tally a, struct tally b)
{
	return (struct tally){ a.frames + b.frames, a.bytes + b.bytes };
}

/* Each figure from its own source: seen and classes from the kernel, flows from what was taken out of the table. */
static int close_books(struct replay_run *run)
{
	struct tally seen, flows, classes;
	struct books books;
	struct taken taken;
	FILE *out;
	int err = counters_books(&run->counters, 0, &books);

	if (!err)
		err = counters_taken(&run->counters, 0, &taken);
	if (err)
		return fail("books", err);
	seen = tally_sum(books.dir[DIR_RX].seen, run->runts);
	books.dir[DIR_RX].class[BOOK_SHORT] = tally_sum(books.dir[DIR_RX].class[BOOK_SHORT], run->runts);
	flows = tally_sum(taken.dir[DIR_RX], taken.dir[DIR_TX]);
	classes = counters_classes(&books, DIR_RX);

	fprintf(stderr, "weir replay: %llu frames, %llu records, name coverage %llu of %llu flows that may have a name, "
		"books balanced: %s\n", seen.frames, (unsigned long long)run->records,
		(unsigned long long)run->named, (unsigned long long)run->nameable,
		seen.frames == flows.frames + classes.frames && seen.bytes == flows.bytes + classes.bytes ? "yes" : "NO");
	if (!run->books_path)
		return 0;
	out = fopen(run->books_path, "we");
	if (!out)
		return fail(run->books_path, -errno);
	fputc('{', out);
	print_tally(out, "seen", seen, ",");
	print_tally(out, "flows", flows, ",\"classes\":{");
	for (int i = 0; i < BOOK_N; i++)
		print_tally(out, book_class_names[i], books.dir[DIR_RX].class[i], i == BOOK_N - 1 ? "" : ",");
	fputs("}}\n", out);
	return fclose(out) ? fail(run->books_path, -errno) : 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: weir replay [--json | --cbor] [--books FILE] [--object FILE] [--hook xdp|tc] [--slots N] CAPTURE\n");
	return 2;
}

static int parse_options(struct replay_run *run, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { "cbor", no_argument, NULL, 'c' }, { "books", required_argument, NULL, 'b' },
		{ "object", required_argument, NULL, 'o' }, { "hook", required_argument, NULL, 'k' },
		{ "slots", required_argument, NULL, 's' }, { NULL, 0, NULL, 0 },
	};
	unsigned long slots;
	char *end;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'j':
			run->json = true;
			break;
		case 'c':
			run->cbor = true;
			break;
		case 'b':
			run->books_path = optarg;
			break;
		case 'o':
			run->object = optarg;
			break;
		case 'k':
			if (strcmp(optarg, "xdp") && strcmp(optarg, "tc")) {
				fprintf(stderr, "weir replay: --hook \"%s\"; allowed: xdp, tc\n", optarg);
				return 2;
			}
			run->tc = !strcmp(optarg, "tc");
			break;
		case 's':
			slots = strtoul(optarg, &end, 10);
			if (*end || slots < 1024 || slots > DATAPLANE_SLOTS_MAX || slots & (slots - 1)) {
				fprintf(stderr, "weir replay: --slots \"%s\"; allowed: a power of two from 1024 to %u\n",
					optarg, DATAPLANE_SLOTS_MAX);
				return 2;
			}
			run->slots = (uint32_t)slots;
			break;
		default:
			return usage();
		}
	return optind == argc - 1 ? 0 : usage();
}

int cli_replay(int argc, char **argv)
{
	char path[OBJECT_PATH_MAX], error[512];
	struct replay_run run = { .slots = REPLAY_SLOTS };
	struct capture *capture = NULL;
	int status;

	object_path(path);
	run.object = path;
	status = parse_options(&run, argc, argv);
	if (status)
		return status;
	if (capture_open(&capture, argv[optind], error, sizeof(error))) {
		fprintf(stderr, "weir replay: %s\n", error);
		return 1;
	}
	status = run_open(&run);
	if (!status) {
		int books;

		status = run_capture(&run, capture, argv[optind]);
		books = close_books(&run);
		if (fflush(stdout) || run.write_failed)
			status = fail("standard output", errno ? -errno : -EIO);
		status = status ? status : books;
	}
	run_close(&run);
	capture_close(capture);
	return status;
}
