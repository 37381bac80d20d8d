/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_top_say - what weir top shows: cells, every width, names from outside, books that do not balance, JSON without room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "json_check.h"
#include "records.h"
#include "run/top.h"

static char text[256 * 1024];
static struct snapshot snapshot;
static struct top_row rows[TOP_ROWS_MAX];

static struct top_row usual(void)
{
	struct top_row r = {
		.interface = "lan0", .port = { htons(51514), htons(443) }, .has_ports = true, .ip_version = 4,
		.proto = "http/1.1", .proto_len = 8, .name = "www.example.org", .name_len = 15,
		.transport = "tcp", .transport_number = 6, .bits = { 999, 1234567 }, .bytes = { 5, 6 }, .packets = { 1, 2 },
		.rtt_us = { 120, 20600 }, .measured = true, .retransmits = { 3, 0 }, .lost_before = { 12345, 1 },
		.state = "established",
	};

	records_address(r.addr[0], "192.168.1.20");
	records_address(r.addr[1], "203.0.113.7");
	return r;
}

static struct top_view view_of(unsigned int n)
{
	snapshot.site = "lab";
	snapshot.gateway = "gw";
	snapshot.now_us = 1795341600123456ULL;
	snapshot.ports = 1;
	strcpy(snapshot.port[0].state.name, "lan0");
	return (struct top_view){
		.snapshot = &snapshot, .interval_ns = NS_PER_S, .live = 7, .sort = TOP_RATE, .row = rows, .n = n,
		.rate = { { .bits = { 1000, 2500000 }, .frames = { 1, 999 } } },
	};
}

static const char *shown(struct top_view v, unsigned int width)
{
	struct writer w = WRITER(text);

	top_text(&w, &v, width);
	assert_false(w.full);
	writer_char(&w, 0);
	return text;
}

static void eighty(void **state)
{
	rows[0] = usual();
	assert_string_equal(shown(view_of(1), 80),
		"weir top lab/gw 2026-11-22 10:00:00.123 UTC, 1 of 7 flows by rate, over 1.0 s\n"
		"lan0     rx 1.0kbit/s 1frames/s tx 2.5Mbit/s 999frames/s books balance: yes\n"
		"lost, since it started: nothing\n"
		"\n"
		"PORT  CLIENT       SERVER            PROTO  OUT BACK NEAR  FAR LOST> LOST< STATE\n"
		"lan0  192.168.1.20 ~.example.org:443 h1     999 1.2M 0.12 20.6 3/12k   0/1 open\n"
		"\n"
		"OUT, BACK: bit/s the client, the server sends. NEAR, FAR: round trip in ms\n"
		"behind the port, beyond the gateway. LOST>, LOST<: of what the client, the\n"
		"server sent: sent again / lost before the port.\n");
}

static void wide(void **state)
{
	const char *line;

	rows[0] = usual();
	records_address(rows[0].addr[0], "2001:db8::20");
	rows[0].ip_version = 6;
	rows[0].name_len = 0;
	records_address(rows[0].addr[1], "2001:db8::443");
	rows[0].measured = false;
	rows[0].rtt_us[0] = 12000000;
	rows[0].rtt_us[1] = 0;
	rows[0].state = NULL;
	rows[0].proto_len = 0;
	line = strstr(shown(view_of(1), 132), "\nlan0  [");
	assert_non_null(line);
	assert_memory_equal(line, "\nlan0  [2001:db8::20]:51514 [2001:db8::443]:443 6      999 1.2M  12k    -     -     - -\n", 86);
}

/* No line is longer than asked for, at any width, and each row says whom. */
static void widths(void **state)
{
	static const char long_name[] = "a\x1b[2Jname\xff.with.much.in.it.example.org";

	for (unsigned int i = 0; i < 3; i++)
		rows[i] = usual();
	memcpy(rows[1].name, long_name, sizeof(long_name) - 1);
	rows[1].name_len = sizeof(long_name) - 1;
	memset(rows[2].name, 'x', TOP_NAME_MAX);
	rows[2].name_len = TOP_NAME_MAX;
	snapshot.names_full = 123456789;
	snapshot.port[0].books.dir[DIR_RX].class[BOOK_TABLE_FULL].frames = 4;
	for (unsigned int width = TOP_WIDTH_MIN; width <= TOP_WIDTH_MAX; width++) {
		const char *at = shown(view_of(3), width);

		assert_non_null(strstr(at, "names.full=123456789"));
		assert_true(width < 22 || strstr(at, "lan0.rx.table_full=4"));
		assert_true(strstr(at, "e.org:443") && strstr(at, "xx:443"));
		for (size_t len; *at; at += len + 1) {
			len = strcspn(at, "\n");
			assert_true(len <= width);
			for (size_t i = 0; i < len; i++)
				assert_true(at[i] >= ' ' && at[i] <= '~');
		}
	}
	memset(&snapshot, 0, sizeof(snapshot));
}

/* Off twice in a row: it says NO and what is missing; once may be a flow that moved between two slots. */
static void books(void **state)
{
	struct snapshot_port *p = &snapshot.port[0];

	rows[0] = usual();
	view_of(1);
	p->books.dir[DIR_RX].seen = (struct tally){ 100, 10000 };
	snapshot_close_books(p);	/* the first sweep: all of it may have come meanwhile */
	assert_true(snapshot_is_balanced(p, DIR_RX));
	p->books.dir[DIR_RX].seen = (struct tally){ 105, 10500 };
	p->taken.dir[DIR_RX] = (struct tally){ 93, 9300 };
	snapshot_close_books(p);	/* 5 came, 12 are missing */
	assert_true(snapshot_is_balanced(p, DIR_RX));
	p->books.dir[DIR_RX].seen = (struct tally){ 106, 10600 };
	snapshot_close_books(p);
	assert_false(snapshot_is_balanced(p, DIR_RX));
	assert_true(snapshot_is_balanced(p, DIR_TX));
	assert_non_null(strstr(shown(view_of(1), 200),
			       "books balance: NO, rx: seen - flows - classes = 13 frames, 1300 bytes\n"));
	p->taken.dir[DIR_RX] = (struct tally){ 105, 10500 };
	snapshot_close_books(p);	/* none came, 1 is missing */
	assert_false(snapshot_is_balanced(p, DIR_RX));
	p->taken.dir[DIR_RX] = (struct tally){ 106, 10600 };
	snapshot_close_books(p);
	assert_true(snapshot_is_balanced(p, DIR_RX));
	p->taken.dir[DIR_RX].bytes++;	/* more than was seen */
	snapshot_close_books(p);
	snapshot_close_books(p);
	assert_false(snapshot_is_balanced(p, DIR_RX));
	memset(&snapshot, 0, sizeof(snapshot));
}

static unsigned int count(const char *in, const char *what)
{
	unsigned int n = 0;

	for (const char *at = in; (at = strstr(at, what)); at++)
		n++;
	return n;
}

/* However little room: it is JSON, and says how many flows are not in it. */
static void json(void **state)
{
	for (unsigned int i = 0; i < TOP_ROWS_MAX; i++) {
		rows[i] = usual();
		rows[i].failure = i % 2 ? "refused" : NULL;
		rows[i].rtt_us[i % 2] = 0;
		memset(rows[i].name, i % 3 ? 0xff : 'n', TOP_NAME_MAX);
		rows[i].name_len = TOP_NAME_MAX;
	}
	snapshot.names_full = 3;
	snapshot.messages_too_long = 4;
	for (size_t size = 2000; size <= sizeof(text); size += size < 20000 ? 1 : 9973) {
		struct writer w = { .buf = text, .size = size };
		const struct top_view v = view_of(TOP_ROWS_MAX);
		char rest[40];

		top_json(&w, &v);
		assert_false(w.full);
		assert_true(json_check(text, w.len, NULL, NULL));
		text[MIN(w.len, sizeof(text) - 1)] = 0;
		assert_non_null(strstr(text, "\"lost\":{\"names.full\":3,\"agent.messages_too_long\":4}"));
		snprintf(rest, sizeof(rest), "],\"flows_without_room\":%u}", TOP_ROWS_MAX - count(text, "\"source\":{\"ip\""));
		assert_non_null(strstr(text, rest));
	}
	assert_int_equal(count(text, "\"source\":{\"ip\""), TOP_ROWS_MAX);
	memset(&snapshot, 0, sizeof(snapshot));
}

/* A name that is no counter any more would hide nothing; one that is new is a loss until it is said to be none. */
static const char *const lost[] = {
	"unknown_port", "copy_lost", "copy_limit", "hello_pool_full", "hello_busy", "tcp_pool_full", "fragment_orphan",
	"sweep.names_given_up", "names.full", "identity.mismatch", "nat.replaced", "nat.overruns", "nat.malformed",
	"devices.malformed", "devices.replaced", "devices.untold", "devices.addresses_replaced", "devices.refused_name",
	"identity.malformed", "identity.stale", "identity.facts_full", "identity.names_low", "identity.connections_replaced", "identity.buffers_full",
	"identity.beyond", "identity.bad_hellos", "identity.bad_datagrams", "identity.http_bad", "identity.dns_malformed",
	"identity.dns_strays", "identity.dns_beyond", "quic.unknown_version", "quic.no_keys", "quic.decrypt_failed",
	"quic.bad_frames", "quic.limit", "quic.full", "quic.bad_hello", "ports.overruns", "ports.failed", "ports.no_index",
	"ports.no_place", "control.bad", "control.refused", "control.timeouts", "processes.syscalls_refused", "tcp.names_in_other", "tcp.devices_in_other", "tcp.losses_not_kept",
	"agent.messages_too_long", "export.lost_batches", "export.lost_records", "export.lost_other", "export.record_too_big",
	"export.message_too_big", "ipfix.refused", "ipfix.lost_messages", "ipfix.lost_records",
	"ipfix.lost_unacked",
};

static void tell(const char *name, uint64_t value, void *arg)
{
	unsigned int *n = arg;

	if (*n >= ARRAY_SIZE(lost) || strcmp(name, lost[*n]))
		print_error("%s is told as lost\n", name);
	assert_true(*n < ARRAY_SIZE(lost));
	assert_string_equal(name, lost[(*n)++]);
}

static void losses(void **state)
{
	unsigned int n = 0;

	snapshot_losses(&snapshot, tell, &n);
	assert_int_equal(n, 0);
	memset(&snapshot, 1, sizeof(snapshot));
	snapshot.ports = 0;
	snapshot_losses(&snapshot, tell, &n);
	assert_int_equal(n, ARRAY_SIZE(lost));
	memset(&snapshot, 0, sizeof(snapshot));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eighty), cmocka_unit_test(wide), cmocka_unit_test(widths), cmocka_unit_test(books),
		cmocka_unit_test(json), cmocka_unit_test(losses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
