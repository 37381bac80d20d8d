/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The exporter against sockets of the test's own on 127.0.0.1: what arrives is read by a walk of its own. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/util.h"
#include "export/ipfix.h"
#include "records.h"
#include "run/ipfix_out.h"

#define WAIT_NS	(10 * NS_PER_S)
#define STREAM	(16 * 1024 * 1024)

struct bench {
	struct loop *loop;
	struct conf conf;
	struct ipfix_out *out;
	struct loop_timer tick;
	bool (*until)(struct bench *);
	uint64_t end_ns, wait_ns;
	bool reached;

	int fd;				/* the collector's socket: UDP, or a connection of TCP */
	int listener;
	uint32_t pushed;
	uint8_t *stream;		/* of TCP: what was read of it */
	size_t len, walked;

	/* What arrived since collector_begin(): */
	uint32_t datagrams, templates, records;
	uint32_t first_index, last_index;	/* of the records: source.packets */
	uint16_t first_set;
};

static struct bench bench;

static void tick(struct loop_timer *timer)
{
	struct bench *b = container_of(timer, struct bench, tick);

	b->reached = b->until(b);
	if (b->reached || loop_now_ns() > b->end_ns)
		loop_stop(b->loop, 0);
	else
		loop_timer_arm(b->loop, timer, loop_now_ns() + NS_PER_MS);
}

static void run_until(bool (*until)(struct bench *))
{
	bench.until = until;
	bench.end_ns = loop_now_ns() + WAIT_NS;
	loop_timer_arm(bench.loop, &bench.tick, 0);
	assert_int_equal(loop_run(bench.loop), 0);
	assert_true(bench.reached);
}

static uint32_t be(const uint8_t *p, int size)
{
	uint32_t value = 0;

	while (size--)
		value = value << 8 | *p++;
	return value;
}

/* One message: the sequence number is the count of all records before it, and a set has records of 164 bytes or templates. */
static void walk(struct bench *b, const uint8_t *m, size_t len)
{
	size_t at = 16;

	assert_in_range(len, 24, IPFIX_MESSAGE_MAX);
	assert_int_equal(be(m, 2), 10);
	assert_int_equal(be(m + 2, 2), len);
	assert_int_equal(be(m + 8, 4), b->records);
	assert_int_equal(be(m + 12, 4), 77);
	while (at < len) {
		const uint32_t id = be(m + at, 2), set = be(m + at + 2, 2);

		assert_in_range(set, 8, len - at);
		if (!b->first_set)
			b->first_set = (uint16_t)id;
		if (id == IPFIX_TEMPLATE_SET)
			b->templates++;
		for (size_t i = 4; id != IPFIX_TEMPLATE_SET && i < set; i += 164) {
			const uint32_t index = be(m + at + i + 53 + 4, 4);	/* packetDeltaCount */

			assert_int_equal(id, 0x11d);
			if (!b->records)
				b->first_index = index;
			else
				assert_true(index > b->last_index);
			b->last_index = index;
			b->records++;
		}
		at += set;
	}
	assert_int_equal(at, len);
}

static void collector_begin(struct bench *b)
{
	b->datagrams = b->templates = b->records = b->first_index = b->last_index = b->first_set = 0;
	b->len = b->walked = 0;
}

/* All that is there. */
static void collector_read(struct bench *b)
{
	uint8_t datagram[2048];
	ssize_t n;

	while (!b->stream && (n = recv(b->fd, datagram, sizeof(datagram), MSG_DONTWAIT)) > 0) {
		b->datagrams++;
		walk(b, datagram, (size_t)n);
	}
	if (!b->stream)
		return;
	while (b->len < STREAM && (n = recv(b->fd, b->stream + b->len, STREAM - b->len, MSG_DONTWAIT)) > 0)
		b->len += (size_t)n;
	while (b->len - b->walked >= 4 && b->len - b->walked >= be(b->stream + b->walked + 2, 2)) {
		const size_t len = be(b->stream + b->walked + 2, 2);

		walk(b, b->stream + b->walked, len);
		b->walked += len;
	}
}

static void push(struct bench *b, uint32_t records)
{
	for (uint32_t i = 0; i < records; i++) {
		struct record r = records_usual();	/* 164 bytes, 7 of them in a message */

		r.source.packets = b->pushed++;
		ipfix_out_record(b->out, &r);
	}
}

/* No record is anywhere but in one of the counters. */
static void assert_balance(struct bench *b)
{
	const struct ipfix_out_counters c = ipfix_out_counters(b->out);

	assert_int_equal(c.records, b->pushed);
	assert_int_equal(c.records, c.sent_records + c.lost_records + ipfix_out_state(b->out).records);
}

static int bind_to(int type, uint16_t port, struct sockaddr_in *ret_at)
{
	const int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0), on = 1, small = 65536;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	assert_true(fd >= 0);
	if (type == SOCK_STREAM) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	}
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(type == SOCK_STREAM ? listen(fd, 4) : 0, 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*ret_at = at;
	return fd;
}

static void start(const char *scheme, uint16_t port)
{
	snprintf(bench.conf.ipfix.endpoint, sizeof(bench.conf.ipfix.endpoint), "%s://127.0.0.1:%u", scheme, port);
	bench.conf.ipfix.observation_domain = 77;
	bench.conf.ipfix.template_interval_ns = NS_PER_S * 3600;
	assert_int_equal(ipfix_out_new(&bench.out, bench.loop, &bench.conf), 0);
	assert_non_null(bench.out);
}

static int set_up(void **state)
{
	bench = (struct bench){ .fd = -1, .listener = -1, .tick.due = tick };
	return loop_new(&bench.loop);
}

static int tear_down(void **state)
{
	ipfix_out_free(bench.out);
	loop_timer_stop(&bench.tick);
	loop_free(bench.loop);
	close(bench.fd);
	close(bench.listener);
	free(bench.stream);
	return 0;
}

static bool is_up(struct bench *b)
{
	return ipfix_out_state(b->out).up;
}

static bool time_is_over(struct bench *b)
{
	return loop_now_ns() >= b->wait_ns;
}

static void wait_ms(uint32_t ms)
{
	bench.wait_ns = loop_now_ns() + ms * NS_PER_MS;
	run_until(time_is_over);
}

static bool all_read(struct bench *b)
{
	collector_read(b);
	return b->records == b->pushed;
}

static void off_is_nothing(void **state)
{
	struct record r = records_usual();

	assert_int_equal(ipfix_out_new(&bench.out, bench.loop, &bench.conf), 0);
	assert_null(bench.out);
	ipfix_out_record(NULL, &r);
	ipfix_out_flush(NULL);
	assert_int_equal(ipfix_out_finish(NULL), 0);
	assert_null(ipfix_out_state(NULL).endpoint);
	assert_int_equal(ipfix_out_counters(NULL).records, 0);
}

static void udp_templates_and_sequence(void **state)
{
	struct sockaddr_in at;

	bench.fd = bind_to(SOCK_DGRAM, 0, &at);
	start("udp", ntohs(at.sin_port));
	run_until(is_up);
	push(&bench, 3);
	assert_int_equal(ipfix_out_state(bench.out).records, 3);
	ipfix_out_flush(bench.out);
	run_until(all_read);
	assert_int_equal(bench.datagrams, 2);
	assert_int_equal(bench.first_set, IPFIX_TEMPLATE_SET);
	push(&bench, 9);	/* one message of 7, one of 2 */
	ipfix_out_flush(bench.out);
	ipfix_out_flush(bench.out);	/* nothing is there to send */
	run_until(all_read);
	assert_int_equal(bench.datagrams, 4);
	assert_int_equal(bench.templates, 1);
	bench.conf.ipfix.template_interval_ns = 100 * NS_PER_MS;
	wait_ms(100);
	push(&bench, 1);
	ipfix_out_flush(bench.out);
	run_until(all_read);
	assert_int_equal(bench.templates, 2);
	assert_int_equal(ipfix_out_counters(bench.out).sent_messages, 4);
	assert_int_equal(ipfix_out_counters(bench.out).sent_templates, 2);
	assert_int_equal(ipfix_out_finish(bench.out), 0);
	assert_balance(&bench);
}

static void udp_in_bursts(void **state)
{
	struct sockaddr_in at;

	bench.fd = bind_to(SOCK_DGRAM, 0, &at);
	start("udp", ntohs(at.sin_port));
	run_until(is_up);
	push(&bench, 7 * 200);
	ipfix_out_flush(bench.out);
	assert_int_equal(ipfix_out_counters(bench.out).sent_templates, 1);
	assert_int_equal(ipfix_out_counters(bench.out).sent_messages, 63);
	collector_read(&bench);		/* its socket has no room for a second one */
	run_until(all_read);
	assert_int_equal(bench.datagrams, 201);
	push(&bench, 7 * 70);	/* more than a burst; the socket has room for them */
	assert_int_equal(ipfix_out_finish(bench.out), 0);	/* no pauses: it is the end */
	run_until(all_read);
	assert_balance(&bench);
}

static bool was_refused(struct bench *b)
{
	const struct ipfix_out_state s = ipfix_out_state(b->out);

	ipfix_out_flush(b->out);
	return ipfix_out_counters(b->out).refused && !s.up && s.error == -ECONNREFUSED;
}

static bool last_read(struct bench *b)
{
	collector_read(b);
	return b->records && b->last_index == b->pushed - 1;
}

static void udp_nobody_listens(void **state)
{
	struct sockaddr_in at, again;

	close(bind_to(SOCK_DGRAM, 0, &at));	/* a port of nobody */
	start("udp", ntohs(at.sin_port));
	push(&bench, 20);
	run_until(was_refused);
	assert_balance(&bench);
	bench.fd = bind_to(SOCK_DGRAM, ntohs(at.sin_port), &again);
	run_until(last_read);
	assert_int_equal(bench.first_set, IPFIX_TEMPLATE_SET);	/* a new session */
	assert_balance(&bench);
	assert_int_equal(ipfix_out_counters(bench.out).lost_records, 0);
}

static bool accepted(struct bench *b)
{
	b->fd = accept4(b->listener, NULL, NULL, SOCK_NONBLOCK);
	return b->fd >= 0;
}

static void tcp_start(void)
{
	struct sockaddr_in at;

	bench.stream = malloc(STREAM);
	bench.listener = bind_to(SOCK_STREAM, 0, &at);
	start("tcp", ntohs(at.sin_port));
	run_until(accepted);
	run_until(is_up);
}

static bool is_stuck(struct bench *b)
{
	push(b, 70);
	ipfix_out_flush(b->out);
	return ipfix_out_counters(b->out).lost_records > 1000;
}

/* A collector that reads nothing: the queue stays bounded, the oldest go, and the stream is whole when it reads again. */
static void tcp_collector_that_stalls(void **state)
{
	struct ipfix_out_counters c;

	tcp_start();
	run_until(is_stuck);
	assert_balance(&bench);
	assert_int_equal(ipfix_out_state(bench.out).messages, IPFIX_QUEUE);
	assert_true(ipfix_out_counters(bench.out).socket_full > 0);
	run_until(last_read);
	c = ipfix_out_counters(bench.out);
	assert_int_equal(bench.walked, bench.len);
	assert_int_equal(bench.templates, 1);
	assert_int_equal(bench.first_set, IPFIX_TEMPLATE_SET);
	assert_int_equal(bench.first_index, 0);	/* what was out already */
	assert_int_equal(bench.records, c.sent_records);
	assert_int_equal(bench.records, bench.pushed - c.lost_records);
	assert_int_equal(c.failed, 0);
	assert_int_equal(c.lost_unacked, 0);
	assert_balance(&bench);
}

static bool is_full(struct bench *b)
{
	push(b, 70);
	return ipfix_out_counters(b->out).socket_full > 0;
}

static bool is_down(struct bench *b)
{
	return ipfix_out_counters(b->out).failed > 0;
}

/* What the collector's host had not confirmed is counted: the stream is cut at another byte for each @shift. */
static struct ipfix_out_counters die(uint32_t shift)
{
	struct ipfix_out_counters c;
	struct bench arrived = { .fd = -1 };	/* at the collector's host */

	tcp_start();
	push(&bench, shift);
	ipfix_out_flush(bench.out);
	run_until(is_full);
	wait_ms(100);		/* what is to be confirmed is */
	arrived.stream = bench.stream;
	arrived.len = (size_t)recv(bench.fd, bench.stream, STREAM, MSG_PEEK);	/* left there: it dies with it */
	collector_read(&arrived);
	ipfix_out_flush(bench.out);
	close(bench.fd);
	run_until(is_down);
	c = ipfix_out_counters(bench.out);
	assert_true(arrived.records > 0);
	assert_true(c.sent_records > arrived.records);
	assert_int_equal(c.lost_unacked, c.sent_records - arrived.records);
	assert_int_equal(c.lost_records, 0);
	assert_int_equal(ipfix_out_state(bench.out).error, -ECONNRESET);
	assert_balance(&bench);
	return c;
}

static void tcp_unacknowledged(void **state)
{
	for (uint32_t shift = 1; shift < 7; shift++) {
		die(shift);
		bench.fd = -1;
		tear_down(state);
		set_up(state);
	}
}

/* The next one gets templates and whole messages. */
static void tcp_collector_that_dies(void **state)
{
	const struct ipfix_out_counters c = die(0);

	collector_begin(&bench);
	run_until(accepted);
	run_until(last_read);
	assert_int_equal(bench.first_set, IPFIX_TEMPLATE_SET);
	assert_int_equal(bench.templates, 1);
	assert_int_equal(bench.first_index, c.sent_records);	/* the message that was cut, from its beginning */
	assert_int_equal(ipfix_out_counters(bench.out).connects, 2);
	assert_balance(&bench);
}

static void tcp_nobody_there(void **state)
{
	struct sockaddr_in at;

	close(bind_to(SOCK_STREAM, 0, &at));
	start("tcp", ntohs(at.sin_port));
	push(&bench, 100);
	run_until(is_down);
	assert_int_equal(ipfix_out_state(bench.out).error, -ECONNREFUSED);
	assert_false(ipfix_out_state(bench.out).up);
	assert_balance(&bench);
	assert_int_equal(ipfix_out_finish(bench.out), 100);
	assert_int_equal(ipfix_out_counters(bench.out).lost_records, 100);
	assert_int_equal(ipfix_out_counters(bench.out).lost_messages, 15);
	assert_balance(&bench);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(off_is_nothing), TEST(udp_templates_and_sequence), TEST(udp_in_bursts), TEST(udp_nobody_listens),
		TEST(tcp_collector_that_stalls), TEST(tcp_unacknowledged), TEST(tcp_collector_that_dies), TEST(tcp_nobody_there),
	};

	return cmocka_run_group_tests_name("ipfix_out", tests, NULL, NULL);
}
