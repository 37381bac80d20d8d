/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tool_spin - as much of a QUIC client or server as an observer sees: a handshake whose Initials open, then short headers at a
 * steady pace, whose spin bit goes by RFC 9000 17.4, or stands still, or is random. What is in them is nothing.
 *
 * tool_spin server ADDRESS PORT EVERY_US spins|constant|random          until SIGTERM; prints "ready"
 * tool_spin client ADDRESS PORT EVERY_US spins|constant|random MILLISECONDS
 *
 * Runs with real-time priority: what it takes to answer is a part of every round trip.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "enrich/tls.h"
#include "quic_make.h"
#include "tls_make.h"

#define LIST(...) (const int[]){ __VA_ARGS__, -1 }
#define CLIENT_CID "client01"
#define SERVER_CID "server01"
#define SHORT_BYTES 200
#define INITIAL_BYTES 1200	/* RFC 9000 14.1 */
#define SPIN_BIT 0x20
#define GIVE_UP_US 2000000	/* without an answer */

enum habit { SPINS, CONSTANT, RANDOM, HABITS };
static const char *const habit_names[HABITS] = { "spins", "constant", "random" };

static int fd;
static bool is_server;
static enum habit habit;
static char first_dcid[9];
static bool value;
static uint32_t number, highest;

__attribute__((format(printf, 1, 2), noreturn))
static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("tool_spin: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	exit(2);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void put_datagram(const void *bytes, size_t len)
{
	if (send(fd, bytes, len, 0) < 0 && errno != ECONNREFUSED && errno != ENOBUFS && errno != EAGAIN)
		die("send: %s", strerror(errno));
}

/* @type: 0 an Initial with @message in it, 2 a Handshake packet. */
static void put_long(struct quic_bytes *d, uint8_t type, const struct make *message)
{
	static struct quic_bytes payload;
	struct quic_initial p = {
		.version = QUIC_V1, .server = is_server, .type = type, .keys_dcid = first_dcid, .scid = is_server ? SERVER_CID : CLIENT_CID,
		.dcid = is_server ? CLIENT_CID : type ? SERVER_CID : first_dcid,
	};

	payload.len = 0;
	if (message)
		quic_put_crypto(&payload, 0, message->b, message->len);
	while (payload.len < (type ? 100 : INITIAL_BYTES - 100))
		quic_put_uint(&payload, 0, 1);
	quic_make_initial(d, &p, payload.b, payload.len);
}

static void put_hello(void)
{
	static struct quic_bytes d;
	static struct make m;

	d.len = 0;
	if (is_server) {
		make_server(&m, TLS_ON_QUIC, 0x0303, "", 0x1301, NULL);
		make_extension(&m, TLS_EXT_VERSIONS, "\3\4", 2);
	} else {
		make_client(&m, TLS_ON_QUIC, 0x0303, "", LIST(0x1301));
		make_sni(&m, "spin.weir.test");
		make_list_extension(&m, TLS_EXT_VERSIONS, 1, LIST(0x0304));
	}
	make_end(&m);
	put_long(&d, 0, &m);
	if (is_server)
		put_long(&d, 2, NULL);
	put_datagram(d.b, d.len);
}

static void put_finished(void)
{
	static struct quic_bytes d;

	d.len = 0;
	put_long(&d, 2, NULL);
	put_datagram(d.b, d.len);
}

static void put_short(void)
{
	uint8_t p[SHORT_BYTES] = { 0x40 }, random;

	if (habit == RANDOM)
		value = getrandom(&random, 1, 0) == 1 && random & 1;
	number++;
	p[0] |= value ? SPIN_BIT : 0;
	memcpy(p + 1, is_server ? CLIENT_CID : SERVER_CID, 8);
	memcpy(p + 9, &number, sizeof(number));
	put_datagram(p, sizeof(p));
}

/* Of a short header the value counts when its number is the highest so far. */
static void heed(const uint8_t *p, size_t len)
{
	uint32_t n;

	if (len != SHORT_BYTES)
		return;
	memcpy(&n, p + 9, sizeof(n));
	if (n <= highest)
		return;
	highest = n;
	if (habit == SPINS)
		value = !(p[0] & SPIN_BIT) ^ is_server;
}

/* The next datagram until @until_us; 0: none. */
static size_t wait_for(uint8_t *p, size_t size, uint64_t until_us, struct sockaddr_in *ret_from)
{
	const uint64_t now = now_us(), left = until_us > now ? until_us - now : 0;
	const struct timespec t = { .tv_sec = (time_t)(left / 1000000), .tv_nsec = (long)(left % 1000000 * 1000) };
	struct pollfd poll = { .fd = fd, .events = POLLIN };
	socklen_t from_len = sizeof(*ret_from);
	ssize_t len;

	if (ppoll(&poll, 1, &t, NULL) <= 0)
		return 0;
	len = recvfrom(fd, p, size, MSG_DONTWAIT, (struct sockaddr *)ret_from, &from_len);
	return len > 0 ? (size_t)len : 0;
}

/* Until the client's Handshake packet: RFC 9000 8.1 lets a server send no more than its flight before that. */
static bool hear_finished(void)
{
	const uint64_t until_us = now_us() + GIVE_UP_US;
	struct sockaddr_in from;
	uint8_t p[2048];

	while (now_us() < until_us)
		if (wait_for(p, sizeof(p), until_us, &from) && (p[0] & 0xf0) == 0xe0)
			return true;
	return false;
}

/* Short headers at their pace, until @until_us or as long as the other one does. */
static void talk(uint64_t every_us, uint64_t until_us)
{
	uint64_t next_us = now_us(), heard_us = next_us;
	struct sockaddr_in from;
	uint8_t p[2048];

	while (now_us() < until_us && now_us() - heard_us < GIVE_UP_US) {
		const size_t len = wait_for(p, sizeof(p), next_us, &from);

		if (len) {
			heard_us = now_us();
			if (!(p[0] & 0x80))
				heed(p, len);
		}
		if (now_us() >= next_us) {
			put_short();
			next_us = MAX(next_us + every_us, now_us());
		}
	}
}

/* One client after the other. */
static void serve(uint64_t every_us)
{
	struct sockaddr_in from = { .sin_family = AF_UNSPEC };
	uint8_t p[2048];

	for (;;) {
		const size_t len = wait_for(p, sizeof(p), UINT64_MAX / 2, &from);

		if (len < INITIAL_BYTES - 100 || (p[0] & 0xf0) != 0xc0 || p[5] != sizeof(first_dcid) - 1)
			continue;
		memcpy(first_dcid, p + 6, sizeof(first_dcid) - 1);
		if (connect(fd, (struct sockaddr *)&from, sizeof(from)))
			die("connect: %s", strerror(errno));
		number = highest = 0;
		value = false;
		put_hello();
		if (hear_finished())
			talk(every_us, UINT64_MAX);
		from.sin_family = AF_UNSPEC;
		connect(fd, (struct sockaddr *)&from, sizeof(from));
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET }, from;
	uint64_t every_us;
	uint8_t p[2048];

	if (argc < 6 || (strcmp(argv[1], "server") && strcmp(argv[1], "client")) || (argv[1][0] == 'c') != (argc == 7))
		die("usage: tool_spin server ADDRESS PORT EVERY_US HABIT, or client ADDRESS PORT EVERY_US HABIT MILLISECONDS");
	is_server = argv[1][0] == 's';
	if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
		die("\"%s\" is no IPv4 address", argv[2]);
	address.sin_port = htons((uint16_t)atoi(argv[3]));
	every_us = strtoull(argv[4], NULL, 10);
	while (habit < HABITS && strcmp(argv[5], habit_names[habit]))
		habit++;
	if (habit == HABITS)
		die("\"%s\" is not spins, constant or random", argv[5]);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || (is_server ? bind : connect)(fd, (struct sockaddr *)&address, sizeof(address)))
		die("%s:%s: %s", argv[2], argv[3], strerror(errno));
	if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 9 }))
		fprintf(stderr, "tool_spin: no real-time priority: %s\n", strerror(errno));
	prctl(PR_SET_TIMERSLACK, 1);
	if (is_server) {
		puts("ready");
		fflush(stdout);
		serve(every_us);
	}
	snprintf(first_dcid, sizeof(first_dcid), "%08x", (unsigned int)now_us());
	put_hello();
	if (!wait_for(p, sizeof(p), now_us() + GIVE_UP_US, &from))
		die("no answer");
	put_finished();
	talk(every_us, now_us() + strtoull(argv[6], NULL, 10) * 1000);
	return 0;
}
