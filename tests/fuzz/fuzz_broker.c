/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bytes of a broker into broker.c and libmosquitto under it, over loopback TCP.
 *
 * Input: a byte of flags (1: MQTT 5, else 3.1.1; 2: a good CONNACK comes first; 4: written byte by byte), a byte of how many messages are published once up (QoS 1, the last of them retained), then what the broker sends.
 *
 * The library asserts on some of it (Debian builds it so), which ends the uplink process: known, supervised, and counted apart here. Its
 * __assert_fail comes to this file, which leaves the library where it stands. Anything else that crashes, hangs, or breaks
 * broker.h's word is a finding.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "mqtt/broker.h"

const char *__asan_default_options(void);
void __assert_fail(const char *what, const char *file, unsigned int line, const char *function);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PUBLISHES_MAX 8
#define TURNS_MAX 4000

static struct {
	struct broker *broker;
	unsigned int ups, downs, acks, in_flight, publishes;
	int mids[PUBLISHES_MAX];
	bool acked[PUBLISHES_MAX];
} got;
static struct loop *loop;
static int listener = -1;
static struct sockaddr_in here;
static sigjmp_buf out;
static bool armed;
static unsigned long runs, asserts;
static int first_fd;	/* what is opened from here on belongs to a run */

const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

void __assert_fail(const char *what, const char *file, unsigned int line, const char *function)
{
	if (armed && !strstr(file, "fuzz_broker") && !strstr(file, "fw/")) {
		asserts++;
		armed = false;
		siglongjmp(out, 1);
	}
	fprintf(stderr, "%s:%u: %s: assertion '%s'\n", file, line, function, what);
	abort();
}

static void wrong(const char *what)
{
	fprintf(stderr, "broker.h is not kept: %s\n", what);
	abort();
}

static void on_up(void *arg, const struct broker_limits *limits)
{
	(void)arg;
	if (got.ups++ || got.downs)
		wrong("up twice, or after down");
	if (!limits->receive_max || !limits->packet_bytes || limits->receive_max > UINT16_MAX)
		wrong("limit out of range");
	for (unsigned int i = 0; i < got.publishes; i++) {
		int mid = 0, err = broker_publish(got.broker, "weir/v1/a/b/flow", "payload", 7, 1, i == got.publishes - 1, &mid);

		if (err && err != -EPIPE && err != -EMSGSIZE && err != -EOPNOTSUPP)
			wrong("broker_publish() returned what it does not promise");
		got.mids[i] = err ? 0 : mid;
		got.in_flight += !err;
	}
}

static void on_ack(void *arg, int mid, int reason)
{
	(void)arg;
	if (!got.ups || got.downs || reason < 0 || reason > 255)
		wrong("ack out of place");
	for (unsigned int i = 0; i < got.publishes; i++)
		if (got.mids[i] == mid && !got.acked[i]) {
			got.acked[i] = true;
			got.acks++;
			return;
		}
	wrong("ack of what is not in flight");
}

static void on_acked(void *arg)
{
	(void)arg;
	if (got.downs)
		wrong("acked after down");
}

static void on_down(void *arg, enum broker_end how, const char *text)
{
	(void)arg;
	if (got.downs++)
		wrong("down twice");
	if (!text[0] || (how == BROKER_LOST && !got.ups) || (how < BROKER_LOST && got.ups))
		wrong("down without a text, or of the wrong kind");
	got.broker = broker_free(got.broker);
	loop_stop(loop, 0);
}

static struct loop_timer limit;

static void turn_over(struct loop_timer *timer)
{
	(void)timer;
	loop_stop(loop, 1);
}

static void report(void)
{
	fprintf(stderr, "fuzz_broker: %lu runs, of which %lu ended in an assertion of libmosquitto\n", runs, asserts);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	socklen_t len = sizeof(here);

	(void)argc, (void)argv;
	log_open("fuzz", LOG_ERROR);
	mosquitto_lib_init();
	atexit(report);
	here = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&here, len) || listen(listener, 4) ||
	    getsockname(listener, (struct sockaddr *)&here, &len))
		abort();
	first_fd = dup(listener);
	close(first_fd);
	if (loop_new(&loop))
		abort();
	limit.due = turn_over;
	return 0;
}

static void turn(unsigned int ms)
{
	if (got.downs)
		return;
	loop_timer_arm(loop, &limit, loop_now_ns() + ms * NS_PER_MS);
	loop_run(loop);
	loop_timer_stop(&limit);
}

static void talk(int peer, bool v5, unsigned int flags, const uint8_t *data, size_t size)
{
	const size_t step = flags & 4 ? 1 : size;

	if (flags & 2) {
		const char good[] = { 0x20, 0x03, 0, 0, 0 };

		send(peer, v5 ? good : "\x20\x02\0", v5 ? 5 : 4, MSG_NOSIGNAL);
		turn(0);
	}
	for (size_t at = 0; at < size && !got.downs; at += step) {
		if (send(peer, data + at, MIN(step, size - at), MSG_NOSIGNAL) < 0)
			break;
		if (step == 1 && at > 64 && at % 16)	/* the first ones each by itself */
			continue;
		turn(0);
	}
	turn(0);
	shutdown(peer, SHUT_WR);
	for (unsigned int i = 0; i < TURNS_MAX && !got.downs; i++)	/* a packet, of 2 bytes at least, a turn */
		turn(i >= TURNS_MAX - 20);
	if (!got.downs)
		wrong("the broker closed, and there is no down");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct broker_events events = { on_up, on_ack, on_acked, on_down, NULL };
	static const struct uplink_conf conf = { .client_id = "gw", .state_topic = "s", .state_online = "on", .state_offline = "off",
		.keepalive_s = 60, .connect_timeout_ms = 60000, .offline_delay_s = 30, .window = 20 };
	int peer;

	if (size < 2 || size > 4096)
		return -1;
	memset(&got, 0, sizeof(got));
	got.publishes = data[1] % (PUBLISHES_MAX + 1);
	runs++;
	{
		struct broker_target target = { .name = "broker", .port = ntohs(here.sin_port), .address = (struct sockaddr *)&here,
			.address_len = sizeof(here), .protocol = data[0] & 1 ? 5 : 4 };

		if (broker_connect(&got.broker, loop, &conf, &target, &events))
			abort();
	}
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));	/* no TIME_WAIT */
	setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	armed = true;
	if (!sigsetjmp(out, 0)) {
		turn(0);
		talk(peer, data[0] & 1, data[0], data + 2, size - 2);
		armed = false;
		close(peer);
		return 0;
	}
	/* In earnest the process is gone. Here what the library holds is left behind, but for its descriptors. */
	loop_timer_stop(&limit);
	loop_free(loop);	/* stops the broker's timer */
	free(got.broker);
	close_range((unsigned int)first_fd, ~0U, 0);
	if (loop_new(&loop))
		abort();
	return 0;
}
