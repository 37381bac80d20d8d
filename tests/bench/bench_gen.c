/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bench_gen - the fastest sender there is without a NIC: live frames of BPF_PROG_TEST_RUN, redirected out of an interface.
 *
 * bench_gen OBJECT IF FLOWS RATE SECONDS [DST_MAC | dns]. UDP frames of 60 bytes of FLOWS flows in turn; RATE a second in bursts,
 * 0: as fast as it goes. The receiver's softirq runs in this process: what it costs shows in cpu_ns, CPU time of this thread.
 * DST_MAC: who is meant; default nobody, so that the receiver's stack drops each frame behind the hooks. SIGTERM ends it.
 * dns: each frame is a DNS query for the root's address, of which the agent keeps facts; else its payload is of no known kind.
 * One JSON line: frames made, their bytes, CPU ns, seconds.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"
#include "collect/rodata.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"

#define FRAME_BYTES	60
#define BURST		2048	/* of a call; a batch fits the ring of a veth (256) */
#define BATCH		64

#define DST_PORT_AT	36
#define PAYLOAD_AT	42

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	stopped = 1;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int load(const char *path, uint32_t ifindex, uint32_t flows, volatile struct bench_sent **ret_sent)
{
	const struct rodata_value values[] = {
		{ "gen_ifindex", &ifindex, sizeof(ifindex) }, { "gen_flows", &flows, sizeof(flows) },
	};
	struct bpf_object *obj = bpf_object__open(path);
	const char *missing = "";
	struct bpf_program *program;
	struct bpf_map *map;

	if (!obj)
		measure_die("cannot open \"%s\": %s", path, strerror(errno));
	if (rodata_set(obj, values, ARRAY_SIZE(values), &missing))
		measure_die("object has no constant \"%s\"", missing);
	if (bpf_object__load(obj))
		measure_die("cannot load \"%s\": %s", path, strerror(errno));
	bpf_object__for_each_map(map, obj)
		if (strstr(bpf_map__name(map), ".bss")) {
			*ret_sent = mmap(NULL, sizeof(**ret_sent), PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);
			if (*ret_sent == MAP_FAILED)
				measure_die("mmap of the counters: %s", strerror(errno));
		}
	program = bpf_object__find_program_by_name(obj, "bench_gen");
	if (!*ret_sent || !program)
		measure_die("\"%s\" is not gen.bpf.o", path);
	return bpf_program__fd(program);
}

int main(int argc, char **argv)
{
	uint8_t frame[FRAME_BYTES] = "\x02\0\0\0\x77\x01\x02\0\0\0\x77\x02\x08\0\x45\0\0\x2e\0\0\x40\0\x40\x11\0\0"
				     "\x0a\0\0\0\x0a\x02\0\x4d\x9c\x40\x13\x88\0\x1a\0";
	static const uint8_t query[] = "\0\1\1\0\0\1\0\0\0\0\0\0" "\0\0\1\0\1";
	volatile struct bench_sent *sent = NULL;
	struct xdp_md ctx = { .data_end = FRAME_BYTES };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = FRAME_BYTES, .repeat = BURST,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));
	unsigned int mac[6];
	double start, before, rate, seconds, t;
	int fd;

	if (argc < 6)
		measure_die("usage: bench_gen OBJECT IF FLOWS RATE SECONDS [DST_MAC | dns]");
	if (argc > 6 && sscanf(argv[6], "%x:%x:%x:%x:%x:%x", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) == 6)
		for (int i = 0; i < 6; i++)
			frame[i] = (uint8_t)mac[i];
	if (argc > 6 && !strcmp(argv[6], "dns")) {
		frame[DST_PORT_AT] = 0;
		frame[DST_PORT_AT + 1] = 53;
		memcpy(frame + PAYLOAD_AT, query, sizeof(query));
	}
	ctx.ingress_ifindex = if_nametoindex(argv[2]);
	if (!ctx.ingress_ifindex)
		measure_die("no interface \"%s\"", argv[2]);
	rate = atof(argv[4]);
	seconds = atof(argv[5]);
	signal(SIGTERM, stop);
	fd = load(argv[1], ctx.ingress_ifindex, (uint32_t)atoi(argv[3]), &sent);
	start = t = now_s();
	before = measure_cpu_ns();
	for (; !stopped && t - start < seconds; t = now_s()) {
		if (rate > 0 && (double)sent->frames > (t - start) * rate) {
			usleep(500);
			continue;
		}
		if (bpf_prog_test_run_opts(fd, &opts) && errno != EINTR)
			measure_die("test run: %s", strerror(errno));
	}
	printf("{\"frames\": %llu, \"bytes\": %llu, \"cpu_ns\": %.0f, \"seconds\": %.3f}\n", (unsigned long long)sent->frames,
	       (unsigned long long)sent->bytes, measure_cpu_ns() - before, t - start);
	return 0;
}
