/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_hello_bpf - the hello walk in the kernel and on the host give the same state after each segment.
 *
 * hello.bpf.c runs through BPF_PROG_TEST_RUN; its state lies in memory that this test shares. Hellos are cut,
 * re-recorded, spoiled, repeated and lost by a fixed random sequence, so that a failure is the same the next time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tests/bpf/hello_test.h"
#include "tests/lib/hello_make.h"

#define FLOWS	1500	/* of each kind */
#define ISN	0xffffff00u

static char load_log[1 << 16];
static int prog_fd, failed, row;
static struct hello *kernel;
static struct hello host;
static struct hello_buf buf;
static struct bytes msg, wire;
static uint8_t frame[sizeof(struct hello_test) + sizeof(wire.b)];
static unsigned long segments, complete;

/* xorshift32 */
static uint32_t rnd(uint32_t below)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % below;
}

static void report(int ok, const char *what)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++row, what);
	failed += !ok;
}

static void make_random_hello(void)
{
	static const char *const names[] = { "a.example", "www.example.org", "a-rather-long-name.of.some.example.org" };
	static const char list[] = "\2h2\10http/1.1\10http/1.0\6spdy/3\4mqtt";
	static const size_t list_len[] = { 3, 12, 21, 28, 33 };
	char many[300];

	hello_msg_begin(&msg);
	for (int n = rnd(18); n > 0; n--) {
		switch (rnd(9)) {
		case 0:
			put_sni(&msg, names[rnd(3)], 9);
			break;
		case 1:
			put_alpn(&msg, list, list_len[rnd(5)]);
			break;
		case 2:
			put_ext(&msg, rnd(60), rnd(1400), rnd(30) ? 0x11 : 0);
			break;
		case 3:
			memset(many, 1 + rnd(60), sizeof(many));
			rnd(2) ? put_alpn(&msg, many, rnd(300)) : put_sni(&msg, many, rnd(300));
			break;
		default:
			put_ext(&msg, rnd(60), rnd(24), rnd(256));
		}
	}
	if (rnd(2))
		put_sni(&msg, names[2], strlen(names[2]));
	hello_msg_end(&msg);
	hello_records(&wire, &msg, rnd(3) ? 16384 : 1 + rnd(900));
}

/* One segment into both; 0 when they agree on everything but garbage behind the names. */
static int both(int begin, uint32_t from, uint32_t len)
{
	struct hello_test t = { begin, ISN, ISN + from, len };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(t) + len, .repeat = 1);

	memcpy(frame, &t, sizeof(t));
	memcpy(frame + sizeof(t), wire.b + from, len);
	if (bpf_prog_test_run_opts(prog_fd, &run) || run.retval != 2 /* XDP_PASS */) {
		printf("# run: %s, verdict %u\n", strerror(errno), run.retval);
		return -1;
	}
	if (begin)
		hello_begin(&host, ISN);
	hello_feed(&host, &buf, ISN + from, wire.b + from, len);
	segments++;
	if (memcmp(&host, kernel, offsetof(struct hello, store)))
		return -1;
	if ((host.flags & HELLO_SNI) && memcmp(host.store, kernel->store, host.sni_len))
		return -1;
	if (!(host.flags & HELLO_ALPN))
		return 0;
	return memcmp(host.store + HELLO_ALPN_AT, kernel->store + HELLO_ALPN_AT, host.alpn_len);
}

/* The whole of wire in pieces; @unruly: with repeats, overlaps and losses. */
static int flow(uint32_t max, int unruly)
{
	int begin = 1;

	for (uint32_t at = 0, n; at < wire.len; at += n, begin = 0) {
		uint32_t back = unruly && at && !rnd(4) ? rnd(at + 1) : 0;

		n = 1 + rnd(max);
		if (n > wire.len - at)
			n = wire.len - at;
		if (unruly && !begin && !rnd(12))
			continue;
		if (both(begin, at - back, n + back)) {
			printf("# differ at byte %u of %zu (%u bytes): host %u/%x kernel %u/%x\n", at, wire.len, n,
			       host.status, host.flags, kernel->status, kernel->flags);
			return -1;
		}
	}
	complete += host.status == HELLO_COMPLETE;
	return 0;
}

static void test_random(const char *what, uint32_t max, int unruly, int spoilt)
{
	int bad = 0;

	segments = complete = 0;
	for (int i = 0; i < FLOWS && !bad; i++) {
		make_random_hello();
		for (int n = spoilt ? 1 + rnd(3) : 0; n > 0; n--)
			wire.b[rnd(wire.len)] = rnd(2) ? rnd(256) : rnd(4);
		bad = flow(max, unruly);
	}
	printf("# %s: %lu segments, %lu of %d flows complete\n", what, segments, complete, FLOWS);
	report(!bad && complete > FLOWS / 10, what);
}

static void test_every_cut(void)
{
	int bad = 0;

	hello_msg_begin(&msg);
	put_sni(&msg, "www.example.org", 15);
	put_ext(&msg, 43, 9, 3);
	put_alpn(&msg, "\2h2\10http/1.1", 12);
	hello_msg_end(&msg);
	hello_records(&wire, &msg, 70);
	for (size_t cut = 1; cut < wire.len && !bad; cut++)
		bad = both(1, 0, cut) || both(0, cut, wire.len - cut) || kernel->status != HELLO_COMPLETE;
	report(!bad, "two segments, cut at every byte");
}

static void test_many_chunks(void)
{
	int bad = 0;

	for (uint32_t pad = 0; pad < 300 && !bad; pad++) {
		hello_msg_begin(&msg);
		put_ext(&msg, 51, 12000 + 7 * pad, 0);
		put_alpn(&msg, "\2h2", 3);
		put_sni(&msg, "www.example.org", 15);
		hello_msg_end(&msg);
		hello_records(&wire, &msg, 4000);
		bad = both(1, 0, wire.len) || kernel->status != HELLO_COMPLETE || kernel->sni_len != 15;
	}
	report(!bad, "one segment of seven chunks");
}

/* ns of the whole program for one segment of @len bytes, the copy included; for the eye, never a verdict. */
static void print_cost(const char *what, uint32_t seq, uint32_t len)
{
	struct hello_test t = { 1, ISN, seq, len };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(t) + len, .repeat = 100000);

	memcpy(frame, &t, sizeof(t));
	memcpy(frame + sizeof(t), wire.b, len);
	if (!bpf_prog_test_run_opts(prog_fd, &run))
		printf("# %s, %u bytes: %u ns, with the program around it\n", what, len, run.duration);
}

static void print_costs(void)
{
	hello_msg_begin(&msg);
	put_sni(&msg, "www.example.org", 15);
	for (int i = 0; i < 8; i++)
		put_ext(&msg, 30 + i, 35, 1);
	put_alpn(&msg, "\2h2\10http/1.1", 12);
	hello_msg_end(&msg);
	hello_records(&wire, &msg, 16384);
	print_cost("behind a gap: not copied, not walked", ISN + 1, wire.len);
	print_cost("hello of 10 extensions", ISN, wire.len);
	print_cost("first byte of it", ISN, 1);
	wire.b[0] = 0x17;
	print_cost("not TLS", ISN, wire.len);
}

static struct bpf_object *load(void)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_buf = load_log, .kernel_log_size = sizeof(load_log),
		    .kernel_log_level = 4);
	struct bpf_object *obj;
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);

	if (n < 0)
		return NULL;
	path[n] = 0;
	strcpy(strrchr(path, '/'), "/hello.bpf.o");	/* built beside this program */
	obj = bpf_object__open_file(path, &opts);
	if (!obj) {
		printf("# %s: %s\n", path, strerror(errno));
		return NULL;
	}
	if (bpf_object__load(obj)) {
		size_t len = strlen(load_log);

		printf("# verifier: ...%s\n", load_log + (len > 3000 ? len - 3000 : 0));
		bpf_object__close(obj);
		return NULL;
	}
	return obj;
}

int main(void)
{
	struct bpf_object *obj;
	const char *insns;

	if (geteuid() != 0) {
		printf("1..0 # SKIP loading BPF programs needs root\n");
		return 0;
	}
	printf("1..8\n");
	obj = load();
	report(obj != NULL, "the verifier accepts the walk");
	if (!obj)
		return 1;
	insns = strstr(load_log, "processed ");
	printf("# %.*s\n", insns ? (int)strcspn(insns, "\n") : 0, insns ? insns : "");
	prog_fd = bpf_program__fd(bpf_object__find_program_by_name(obj, "hello_test"));
	kernel = mmap(NULL, sizeof(*kernel), PROT_READ | PROT_WRITE, MAP_SHARED,
		      bpf_object__find_map_fd_by_name(obj, "state"), 0);
	report(kernel != MAP_FAILED, "its state can be mapped");
	if (kernel == MAP_FAILED)
		return 1;

	test_every_cut();
	test_many_chunks();
	test_random("whole hellos", 40000, 0, 0);
	test_random("hellos in small pieces", 60, 0, 0);
	test_random("repeats, overlaps and losses", 700, 1, 0);
	test_random("spoilt hellos", 500, 0, 1);
	print_costs();
	bpf_object__close(obj);
	return failed != 0;
}
