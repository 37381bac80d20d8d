/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loader - does this kernel take the BPF object, and does the object count there?
 *
 * loader OBJECT [INTERFACE=HOOK]... loads through the dataplane, prints what each program cost the verifier, sends
 * frames through all three programs by BPF_PROG_TEST_RUN and checks flows, names and books. Then attaches to the
 * interfaces (they must be up and may be left with a packet) and checks that real frames arrive. Speaks TAP.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/util.h"
#include "collect/attach.h"
#include "collect/counters.h"
#include "collect/dataplane.h"
#include "collect/flowtab.h"
#include "collect/netlink.h"
#include "collect/porttab.h"
#include "tests/lib/hello_make.h"

#define SLOTS		1024
#define HELLOS		64
#define LOOPBACK	1	/* ifindex that BPF_PROG_TEST_RUN gives a packet */
#define ARRIVE_MS	3000

static struct dataplane *dp;
static struct dataplane_program_info program[PROGRAMS];
static struct porttab *porttab;
static struct flowtab *flowtab;
static struct counters counters;
static int row, failed;

__attribute__((format(printf, 2, 3)))
static void check(bool ok, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("%sok %d - ", ok ? "" : "not ", ++row);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
	failed += !ok;
}

/* ---- frames ---- */

static struct bytes frame;

static void put_ethernet(unsigned int type)
{
	frame.len = 0;
	put(&frame, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02", 12);
	put16(&frame, type);
}

/* 10.0.0.1 -> 10.0.0.2, or back. */
static void make_tcp(bool back, unsigned int sport, unsigned int dport, uint32_t seq, unsigned int flags,
		     const void *payload, size_t len)
{
	put_ethernet(0x0800);
	put(&frame, "\x45\0", 2);
	put16(&frame, 40 + len);
	put(&frame, "\0\0\x40\0\x40\x06\0\0\x0a\0\0", 11);
	put8(&frame, back ? 2 : 1);
	put(&frame, "\x0a\0\0", 3);
	put8(&frame, back ? 1 : 2);
	put16(&frame, sport);
	put16(&frame, dport);
	put16(&frame, seq >> 16);
	put16(&frame, seq & 0xffff);
	put(&frame, "\0\0\0\0\x50", 5);
	put8(&frame, flags);
	put(&frame, "\x01\0\0\0\0\0", 6);
	put(&frame, payload, len);
}

static void make_udp6_behind_options(unsigned int sport)
{
	put_ethernet(0x86dd);
	put(&frame, "\x60\0\0\0\0\x10\0\x40", 8);	/* 16 bytes, hop-by-hop */
	put_fill(&frame, 16, 0x20);
	put_fill(&frame, 16, 0x21);
	put(&frame, "\x11\0\x01\x04\0\0\0\0", 8);
	put16(&frame, sport);
	put(&frame, "\0\x35\0\x08\0\0", 6);
}

static void run(enum dataplane_program which, unsigned int passes, const char *what)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.b, .data_size_in = (__u32)frame.len, .repeat = 1);
	int err = bpf_prog_test_run_opts(program[which].fd, &opts);

	if (err || opts.retval != passes)
		check(false, "%s: %s is let through (%s, verdict %u)", program[which].name, what, strerror(-err), opts.retval);
}

/* ---- what was counted ---- */

struct expected_flow {
	uint16_t client_port;
	uint64_t packets[2];
	uint8_t name_status;
	bool seen;
};

/* Chromium-like: 1.9 kB in two segments. */
static struct bytes hello, wire;

static void make_hello(void)
{
	hello_msg_begin(&hello);
	put_ext(&hello, 51, 1216, 0x51);
	put_ext(&hello, 65037, 250, 0x11);
	put_alpn(&hello, "\2h2\10http/1.1", 12);
	put_sni(&hello, "www.example.org", 15);
	hello_msg_end(&hello);
	hello_records(&wire, &hello, 16384);
}

static void compare_flow(const struct flow_report *r, void *arg)
{
	for (struct expected_flow *e = arg; e->client_port; e++) {
		bool names = r->sni_len == 15 && !memcmp(r->sni, "www.example.org", 15) && r->alpn_len == 12;

		if (ntohs(r->key->a_port) != e->client_port)
			continue;
		check(r->packets[0] == e->packets[0] && r->packets[1] == e->packets[1],
		      "flow from port %u: %llu and %llu packets", e->client_port, (unsigned long long)r->packets[0],
		      (unsigned long long)r->packets[1]);
		check(r->name_status == e->name_status && (e->name_status != NAME_OK || names),
		      "flow from port %u: name status %u, \"%.*s\"", e->client_port, r->name_status, r->sni_len, r->sni);
		e->seen = true;
		return;
	}
	check(false, "a flow that nobody sent: port %u", ntohs(r->key->a_port));
}

static void check_books(uint64_t rx, uint64_t tx)
{
	struct books books;
	struct taken taken;

	if (counters_books(&counters, 0, &books) || counters_taken(&counters, 0, &taken)) {
		check(false, "the books can be read");
		return;
	}
	check(books.dir[DIR_RX].seen.frames == rx && books.dir[DIR_TX].seen.frames == tx,
	      "books: %llu frames received, %llu sent", (unsigned long long)books.dir[DIR_RX].seen.frames,
	      (unsigned long long)books.dir[DIR_TX].seen.frames);
	for (int d = 0; d < DIRS; d++) {
		struct tally classes = counters_classes(&books, d), flows = taken.dir[d], seen = books.dir[d].seen;

		check(seen.frames == classes.frames + flows.frames && seen.bytes == classes.bytes + flows.bytes,
		      "books balance, %s: %llu bytes = %llu in flows + %llu in classes", d == DIR_RX ? "rx" : "tx",
		      (unsigned long long)seen.bytes, (unsigned long long)flows.bytes, (unsigned long long)classes.bytes);
	}
}

/* The same connection through both rx hooks; its answers through tx. */
static void test_frames(void)
{
	static const struct { enum dataplane_program rx; unsigned int passes, port; } hooks[] = {
		{ PROGRAM_RX_XDP, 2 /* XDP_PASS */, 40001 },
		{ PROGRAM_RX_TC, (unsigned int)-1 /* TC_ACT_UNSPEC */, 40002 },
	};
	struct expected_flow expected[] = {
		{ 40001, { 3, 1 }, NAME_OK, false },
		{ 40002, { 3, 1 }, NAME_OK, false },
		{ 40003, { 2, 0 }, NAME_NOT_TLS, false },
		{ 0 },
	};
	const size_t cut = 1400;

	make_hello();
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		make_tcp(false, hooks[i].port, 443, 1000, 0x02, NULL, 0);
		run(hooks[i].rx, hooks[i].passes, "SYN");
		make_tcp(true, 443, hooks[i].port, 5000, 0x12, NULL, 0);
		run(PROGRAM_TX_TC, (unsigned int)-1, "SYN with ACK");
		make_tcp(false, hooks[i].port, 443, 1001, 0x10, wire.b, cut);
		run(hooks[i].rx, hooks[i].passes, "hello");
		make_tcp(false, hooks[i].port, 443, (uint32_t)(1001 + cut), 0x18, wire.b + cut, wire.len - cut);
		run(hooks[i].rx, hooks[i].passes, "rest of the hello");
		make_udp6_behind_options(40003);
		run(hooks[i].rx, hooks[i].passes, "IPv6");
		put_ethernet(0x0806);
		put_fill(&frame, 46, 0);
		run(hooks[i].rx, hooks[i].passes, "ARP");
		make_tcp(false, hooks[i].port, 443, 0, 0x10, NULL, 0);
		frame.b[14] = 0x44;
		run(hooks[i].rx, hooks[i].passes, "impossible IPv4 header length");
	}
	flowtab_flush(flowtab, 0, compare_flow, expected);
	for (struct expected_flow *e = expected; e->client_port; e++)
		if (!e->seen)
			check(false, "flow from port %u is in the table", e->client_port);
	check_books(2 * 6, 2);
}

/* ---- on interfaces ---- */

static uint64_t seen_on(uint32_t port, int dir)
{
	struct books books;

	return counters_books(&counters, port, &books) ? 0 : books.dir[dir].seen.frames;
}

/* Loopback: to itself. Elsewhere: to a neighbour, whose ARP or its answer is received. */
static void send_something(const char *name)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, strcmp(name, "lo") ? "10.0.2.2" : "127.0.0.1", &to.sin_addr);
	if (fd < 0 || sendto(fd, "weir", 4, 0, (struct sockaddr *)&to, sizeof(to)) != 4)
		check(false, "%s: a packet can be sent: %s", name, strerror(errno));
}

static void test_interface(const struct attach_settings *settings, char *arg, uint16_t port_index)
{
	struct attachment at = ATTACHMENT_NONE;
	struct attach_port port = {};
	char *hook = strchr(arg, '=');
	uint64_t rx, tx;
	int err;

	if (!hook || attach_hook_parse(hook + 1, &port.hook)) {
		check(false, "\"%s\" is INTERFACE=HOOK", arg);
		return;
	}
	*hook = 0;
	snprintf(port.name, sizeof(port.name), "%s", arg);
	port.ifindex = if_nametoindex(arg);
	port.physical = strcmp(arg, "lo");
	porttab_set(porttab, port.ifindex, port_index, 0);
	rx = seen_on(port_index, DIR_RX);
	tx = seen_on(port_index, DIR_TX);
	err = attach_open(&at, settings, &port);
	check(!err && at.rx && at.tx, "%s: attached, rx %s, tx %s%s%s", arg, attached_names[at.rx], attached_names[at.tx],
	      at.reason[0] ? ": " : "", at.reason);
	send_something(arg);
	for (int ms = 0; ms < ARRIVE_MS && (seen_on(port_index, DIR_RX) == rx || seen_on(port_index, DIR_TX) == tx); ms += 20)
		nanosleep(&(struct timespec){ .tv_nsec = 20 * 1000000 }, NULL);
	rx = seen_on(port_index, DIR_RX) - rx;
	tx = seen_on(port_index, DIR_TX) - tx;
	check(rx && tx, "%s: %llu frames received, %llu sent", arg, (unsigned long long)rx, (unsigned long long)tx);
	attach_remove(&at, settings, &port);
}

static void test_interfaces(int count, char **args)
{
	struct attach_settings settings = {
		.rx_xdp_fd = program[PROGRAM_RX_XDP].fd,
		.rx_tc_fd = program[PROGRAM_RX_TC].fd,
		.tx_tc_fd = program[PROGRAM_TX_TC].fd,
	};

	if (netlink_open(&settings.nl, NETLINK_ROUTE)) {
		check(false, "rtnetlink socket");
		return;
	}
	for (int i = 0; i < count; i++)
		test_interface(&settings, args[i], (uint16_t)(i + 1));
	netlink_close(settings.nl);
}

static int open_all(const char *object)
{
	const struct dataplane_settings settings = { .object_path = object, .slots = SLOTS, .hellos = HELLOS };
	struct flowtab_settings table = { .slots = SLOTS, .hellos = HELLOS };
	char error[DATAPLANE_ERROR_BYTES];

	if (dataplane_open(&dp, &settings, error)) {
		check(false, "object is loaded: %s", error);
		return -1;
	}
	for (int i = 0; i < PROGRAMS; i++) {
		dataplane_program(dp, i, &program[i]);
		check(true, "%s: %u insns", program[i].name, program[i].verified_insns);
	}
	table.flows_fd = dataplane_map_fd(dp, "flows");
	table.ledger_fd = dataplane_map_fd(dp, "ledger");
	table.hellos_fd = dataplane_map_fd(dp, "hellos");
	table.tcp_fd = dataplane_map_fd(dp, "tcp");
	table.tcps = dataplane_meta(dp)->tcps;
	table.names_fd = dataplane_map_fd(dp, "names");
	table.taken_fd = counters.taken_fd = dataplane_map_fd(dp, "taken");
	counters.books_fd = dataplane_map_fd(dp, "books");
	counters.stats_fd = dataplane_map_fd(dp, "stats");
	if (porttab_open(&porttab, dataplane_map_fd(dp, "ports"), dataplane_map_fd(dp, "port_names")) ||
	    porttab_set(porttab, LOOPBACK, 0, 0) || flowtab_new(&flowtab, &table)) {
		check(false, "port and flow tables open");
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: loader OBJECT [INTERFACE=HOOK]...\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!open_all(argv[1])) {
		test_frames();
		if (argc > 2)
			test_interfaces(argc - 2, argv + 2);
	}
	printf("1..%d\n", row);
	flowtab_free(flowtab);
	porttab_close(porttab);
	dataplane_close(dp);
	return !!failed;
}
