/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tool_cut - the connection between a real uplink process and a real broker, broken at every byte of it.
 *
 *   agent (here) == link == uplink_run() in a child == TCP == proxy (here) == TCP == mosquitto == subscriber (here)
 *
 * tool_cut port=BROKER [protocol=5|3.1.1] [ca=FILE] [payload=BYTES] [cases=N] [seed=N] [actions=rst,fin,...] [offline_delay_s=N]
 *
 * One clean connection first, which tells how many bytes pass each way until CONNECT, birth, state and MESSAGES messages are
 * acknowledged. Then one connection for each case {action, direction, byte}, in random order (cases=N: so many of them),
 * with MESSAGES new messages each; what was not acknowledged comes again in the next. At the end clean connections until
 * the agent has a verdict for everything, and the subscriber's messages are held against what was produced.
 *
 *   rst, fin   both sides are closed behind that byte     delay    nothing passes behind it for a while
 *   kill       the uplink gets SIGKILL there              corrupt  one bit, or all, of it are flipped
 *   dup, swap  the MQTT packet that begins there is sent twice, or behind the one that follows (not with TLS)
 *   inject     what no broker should say is said in front of it (not with TLS; down only)
 *
 * Without TLS nothing protects an MQTT message on its way but TCP's checksum, which a proxy renews: corrupt may then
 * alter a message, or lose it, and the line that closes says how many. With TLS it may not. A case line for each
 * difference; closes with figures, status 1 for any loss that is not of that kind. A child that dies by a signal is
 * started again, and counted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/util.h"
#include "mqtt/link.h"
#include "mqtt/uplink.h"

#define MESSAGES	2
#define KEPT		400000
#define BUF		65536
#define STALL_MS	60	/* a case in which nothing moves any more is over */
#define DELAY_MS	3
#define TOPIC		"weir/v1/lab/edge1/flow"

enum { UP, DOWN, DIRS };
enum action { CLEAN, RST, FIN, DELAY, KILL, CORRUPT, DUP, SWAP, INJECT, ACTIONS };
static const char *const action_names[] = { "clean", "rst", "fin", "delay", "kill", "corrupt", "dup", "swap", "inject" };

/* What a hostile broker may say between two packets: none of it acknowledges anything. */
static const struct { const char *bytes; size_t len; } hostile[] = {
	{ "\x20\x05\x00\x00\x02\x7f\x00", 7 },		/* CONNACK with a property that there is not: the library asserts */
	{ "\x40\x06\xff\xfe\x00\x02\x7f\x00", 8 },	/* PUBACK for what is not in flight, with one */
	{ "\xe0\x04\x00\x02\x7f\x00", 6 },		/* DISCONNECT with one */
	{ "\x20\x03\x00\x00\x00", 5 },			/* CONNACK once more */
	{ "\xf0\x02\x18\x00", 4 },				/* AUTH */
	{ "\x30\xff\xff\xff\xff\x7f", 6 },			/* a length of five bytes */
	{ "\x90\x04\x00\x01\x00\x00", 6 },			/* SUBACK, UNSUBACK, PUBREC, PUBREL of nothing */
	{ "\xb0\x04\x00\x01\x00\x00", 6 },
	{ "\x50\x02\xff\xfe", 4 },
	{ "\x62\x02\x00\x01", 4 },
	{ "\x00\x00", 2 }, { "\x10\x00", 2 }, { "\xc0\x00", 2 }, { "\x36\x05\x00\x01t\x00\x01", 7 },
};

struct test {
	enum action action;
	int dir;
	unsigned int at;
	uint8_t flip;
};

struct pipe {
	int from, to;
	size_t passed, have, starts[64];
	unsigned int frames;
	uint8_t buf[BUF], held[BUF];
	size_t held_len;
	uint64_t hold_until_ns;
};

static struct uplink_conf conf = {
	.host = "127.0.0.1", .client_id = "edge1", .state_topic = "weir/v1/lab/edge1/state", .state_online = "online",
	.state_offline = "offline", .backoff_min_ms = 1, .backoff_max_ms = 1, .keepalive_s = 60, .connect_timeout_ms = 5000,
	.protocol = UPLINK_V5,
};
static unsigned int broker_port, payload = 40, wanted = UINT32_MAX;
static unsigned long seed = 1;
static bool wanted_action[ACTIONS];

/* the agent */
static int fds[2];
static struct link agent = { .fd = -1 };
static pid_t child;
static uint32_t connection, window = 1, outstanding, produced, first_open = 1, verdicts;
static struct { bool sent, done; unsigned int test; } kept[KEPT];
static atomic_uchar received[KEPT];
static atomic_uint altered, arrived;
static unsigned int deaths[65], restarts, refused;

/* the proxy */
static int listener = -1;
static struct pipe pipes[DIRS] = { { .from = -1 }, { .from = -1 } };
static struct test now;
static unsigned int now_number;
static bool fired;
static uint64_t moved_ns;

static void die(const char *what)
{
	printf("FATAL %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- subscriber: a thread of the library's ---- */

static size_t fill(char *buf, uint32_t number)
{
	size_t at = (size_t)sprintf(buf, "%u ", number);

	for (; at < payload; at++)
		buf[at] = (char)('a' + (number * 7 + at) % 26);
	return at;
}

static void on_message(struct mosquitto *m, void *arg, const struct mosquitto_message *msg)
{
	static char want[BUF];
	uint32_t number = msg->payload && msg->payloadlen ? (uint32_t)strtoul(msg->payload, NULL, 10) : 0;

	(void)m, (void)arg;
	arrived++;
	if (number && number < KEPT && fill(want, number) == (size_t)msg->payloadlen &&
	    !memcmp(want, msg->payload, (size_t)msg->payloadlen))
		received[number] = received[number] < 255 ? received[number] + 1 : 255;
	else
		altered++;
}

static atomic_bool subscribed;

static void on_subscribe(struct mosquitto *m, void *arg, int mid, int n, const int *qos)
{
	(void)m, (void)arg, (void)mid, (void)n, (void)qos;
	subscribed = true;
}

static struct mosquitto *subscribe(void)
{
	struct mosquitto *m = mosquitto_new("subscriber", true, NULL);

	mosquitto_message_callback_set(m, on_message);
	mosquitto_subscribe_callback_set(m, on_subscribe);
	if (conf.ca_file)
		mosquitto_tls_set(m, conf.ca_file, NULL, NULL, NULL, NULL);
	if (mosquitto_connect(m, "127.0.0.1", (int)broker_port, 60) || mosquitto_loop_start(m) ||
	    mosquitto_subscribe(m, NULL, TOPIC, 1))
		die("subscriber");
	for (int i = 0; i < 5000 && !subscribed; i++)
		usleep(1000);
	if (!subscribed)
		die("subscriber is not there");
	return m;
}

/* ---- agent ---- */

static void start_child(void)
{
	fflush(stdout);
	child = fork();
	if (!child) {
		log_open("uplink", getenv("DEBUG") ? LOG_DEBUG : LOG_ERROR);
		if (!getenv("DEBUG") && !freopen("/dev/null", "w", stderr))	/* the assertions of the library */
			_exit(9);
		close(fds[0]);
		close(listener);
		_exit(uplink_run(&conf, fds[1]) ? 1 : 0);
	}
}

static void send_or_die(const struct link_msg *msg)
{
	for (int i = 0; i < 5000; i++) {
		int err = link_send(&agent, msg);

		if (!err)
			return;
		if (err != -EAGAIN)
			break;
		usleep(1000);
	}
	die("link_send");
}

static void introduce(void)
{
	send_or_die(&(struct link_msg){ .type = LINK_HELLO });
	send_or_die(&(struct link_msg){ .type = LINK_BIRTH, .publish = { .topic = "weir/v1/lab/edge1/birth", .payload = "born",
		.payload_len = 4 } });
}

static void send_more(void)
{
	static char buf[BUF];

	while (first_open <= produced && kept[first_open].done)
		first_open++;
	for (uint32_t n = first_open; connection && n <= produced && outstanding < window; n++) {
		struct link_msg msg = { .type = LINK_PUBLISH, .publish = { .id = n, .connection = connection, .topic = TOPIC,
			.payload = buf, .qos = 1 } };

		if (kept[n].sent || kept[n].done)
			continue;
		msg.publish.payload_len = (uint32_t)fill(buf, n);
		if (link_send(&agent, &msg))
			return;
		kept[n].sent = true;
		outstanding++;
	}
}

static void take(const struct link_msg *msg)
{
	const uint32_t id = msg->verdict.id;

	switch (msg->type) {
	case LINK_READY:
		connection = 0;
		introduce();
		break;
	case LINK_WINDOW:
		window = msg->window.outstanding;
		break;
	case LINK_STATE:
		if (msg->state.connection != connection) {
			outstanding = 0;
			for (uint32_t n = first_open; n <= produced; n++)
				kept[n].sent = false;
		}
		connection = msg->state.connection;
		break;
	case LINK_ACK:
		if (id > produced)
			die("verdict for what was never sent");
		if (kept[id].sent && outstanding)
			outstanding--;
		verdicts += !kept[id].done;
		kept[id].done = true;
		break;
	case LINK_REFUSED:	/* of a corrupted packet: kept, and sent again in the next connection */
	case LINK_TOO_BIG:
		refused++;
		break;
	case LINK_HELLO: case LINK_BIRTH: case LINK_PUBLISH: case LINK_STOP:
		break;
	}
}

static void serve_agent(void)
{
	struct link_msg msg;
	int err, status;

	while (!(err = link_recv(&agent, &msg)) || err == -EBADMSG)
		if (!err)
			take(&msg);
	if (waitpid(child, &status, WNOHANG) == child) {
		if (!WIFSIGNALED(status))
			die("the uplink gave up");
		deaths[WTERMSIG(status) & 63]++;
		restarts++;
		connection = 0;
		start_child();
	}
	send_more();
}

static void produce(unsigned int n)
{
	for (; n-- && produced + 1 < KEPT;)
		kept[++produced].test = now_number;
}

/* ---- proxy ---- */

static void hang_up(bool reset)
{
	for (int d = 0; d < DIRS; d++) {
		if (pipes[d].from < 0)
			continue;
		if (reset)
			setsockopt(pipes[d].from, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
		close(pipes[d].from);
		pipes[d].from = pipes[d].to = -1;
	}
}

static bool pass(struct pipe *p, const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(p->to, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd room = { .fd = p->to, .events = POLLOUT };

			if (poll(&room, 1, 1000) == 1)
				continue;
		}
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	moved_ns = loop_now_ns();
	return true;
}

/* Length of the MQTT packet at the front, 0: not there yet. */
static size_t frame(const struct pipe *p)
{
	size_t len = 0, at = 1;

	do {
		if (at >= p->have || at > 4)
			return at > 4 ? p->have : 0;
		len |= (size_t)(p->buf[at] & 127) << 7 * (at - 1);
	} while (p->buf[at++] & 128);
	return at + len <= p->have ? at + len : 0;
}

static bool pass_frames(struct pipe *p, bool mine)
{
	size_t len;

	while ((len = frame(p))) {
		bool this_one = mine && !fired && p->passed == now.at;

		if (p->frames < ARRAY_SIZE(p->starts))
			p->starts[p->frames++] = p->passed;
		fired |= this_one;
		if (this_one && now.action == INJECT && !pass(p, (const uint8_t *)hostile[now.flip].bytes, hostile[now.flip].len))
			return false;
		if (this_one && now.action == SWAP) {
			memcpy(p->held, p->buf, len);
			p->held_len = len;
			p->hold_until_ns = loop_now_ns() + DELAY_MS * NS_PER_MS;
		} else {
			if (!pass(p, p->buf, len) || (this_one && now.action == DUP && !pass(p, p->buf, len)) ||
			    (p->held_len && !pass(p, p->held, p->held_len)))
				return false;
			p->held_len = 0;
		}
		p->passed += len;
		p->have -= len;
		memmove(p->buf, p->buf + len, p->have);
	}
	return true;
}

/* What @p has, on its way. False: the connection is over. */
static bool forward(struct pipe *p, bool mine)
{
	size_t len = p->have;

	if (now.action >= DUP || (now.action == CLEAN && !conf.tls))
		return pass_frames(p, mine);
	if (p->hold_until_ns > loop_now_ns())
		return true;
	if (mine && !fired && p->passed + p->have > now.at) {
		len = now.at - p->passed;
		if (!pass(p, p->buf, len))
			return false;
		fired = true;
		switch (now.action) {
		case RST:
		case FIN:
			return false;
		case KILL:
			kill(child, SIGKILL);
			break;
		case DELAY:
			p->hold_until_ns = loop_now_ns() + DELAY_MS * NS_PER_MS;
			break;
		default:
			p->buf[len] ^= now.flip;
			break;
		}
		p->passed += len;
		p->have -= len;
		memmove(p->buf, p->buf + len, p->have);
		return now.action == DELAY ? true : forward(p, false);
	}
	if (!pass(p, p->buf, len))
		return false;
	p->passed += len;
	p->have = 0;
	return true;
}

static void accept_one(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)broker_port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC), broker;

	if (client < 0)
		return;
	hang_up(true);
	broker = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(broker, (struct sockaddr *)&to, sizeof(to)))
		die("mosquitto is gone");
	for (int d = 0; d < DIRS; d++) {
		struct pipe *p = &pipes[d];

		p->from = d == UP ? client : broker;
		p->to = d == UP ? broker : client;
		p->passed = p->have = p->held_len = p->frames = 0;
		p->hold_until_ns = 0;
		fcntl(p->from, F_SETFL, O_NONBLOCK);
		setsockopt(p->from, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	}
	moved_ns = loop_now_ns();
}

static bool held(const struct pipe *p)
{
	return p->hold_until_ns > loop_now_ns();
}

/* False: a side has closed, or the case has done its work. */
static bool serve_pipe(int d)
{
	struct pipe *p = &pipes[d];
	const bool mine = now.action != CLEAN && now.dir == d;
	ssize_t n;

	if (held(p) && !p->held_len)
		return true;
	if (p->held_len && !held(p)) {
		if (!pass(p, p->held, p->held_len))
			return false;
		p->held_len = 0;
	}
	if (p->have == BUF)
		return false;	/* a packet of a corrupted length */
	n = recv(p->from, p->buf + p->have, BUF - p->have, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		return false;
	p->have += n > 0 ? (size_t)n : 0;
	return !p->have || forward(p, mine);
}

static bool all_done(void)
{
	return verdicts == produced;
}

/* One turn of everything. True: the connection of this case has ended. */
static bool turn(void)
{
	const bool open = pipes[UP].from >= 0;
	struct pollfd polled[] = { { .fd = agent.fd, .events = POLLIN }, { .fd = open ? -1 : listener, .events = POLLIN },
		{ .fd = open && !held(&pipes[UP]) ? pipes[UP].from : -1, .events = POLLIN },
		{ .fd = open && !held(&pipes[DOWN]) ? pipes[DOWN].from : -1, .events = POLLIN } };

	poll(polled, 4, held(&pipes[UP]) || held(&pipes[DOWN]) ? 1 : 10);
	serve_agent();
	if (!open) {
		accept_one();
		return false;
	}
	if (!serve_pipe(UP) || !serve_pipe(DOWN)) {
		hang_up(now.action == RST);
		return true;
	}
	return false;
}

/* @until_done: clean, until every message has its verdict. */
static void run_case(const struct test *test, bool until_done)
{
	const uint64_t begin_ns = loop_now_ns();

	now = *test;
	fired = false;
	now_number++;
	produce(MESSAGES);
	for (;;) {
		bool ended = turn();
		uint64_t now_ns = loop_now_ns();

		if (until_done ? all_done() : ended || (all_done() && (fired || pipes[UP].from >= 0) && !held(&pipes[UP]) && !held(&pipes[DOWN])))
			break;
		if (!until_done && pipes[UP].from >= 0 && now_ns - moved_ns > STALL_MS * NS_PER_MS)
			break;
		if (now_ns - begin_ns > 60 * NS_PER_S) {
			printf("STUCK case %u: %s %s byte %u; %u of %u have verdicts\n", now_number, action_names[now.action],
			       now.dir ? "down" : "up", now.at, verdicts, produced);
			exit(1);
		}
	}
}

/* ---- all of it ---- */

static unsigned int list_cases(struct test **ret_tests, const size_t lengths[DIRS])
{
	const unsigned int strings = ARRAY_SIZE(hostile);
	struct test *tests = calloc((ACTIONS + strings) * (lengths[UP] + lengths[DOWN]), sizeof(*tests));
	unsigned int count = 0;

	for (unsigned int a = RST; a < INJECT; a++)
		for (int d = 0; wanted_action[a] && d < DIRS; d++) {
			const bool frames = a >= DUP;
			const size_t end = frames ? pipes[d].frames : lengths[d];

			for (size_t i = 0; i < end && !(frames && conf.tls); i++)
				tests[count++] = (struct test){ .action = (enum action)a, .dir = d,
					.at = (unsigned int)(frames ? pipes[d].starts[i] : i),
					.flip = (uint8_t)(i % 2 ? 0xff : 1 << rand() % 8) };
		}
	for (unsigned int i = 0; wanted_action[INJECT] && !conf.tls && i < pipes[DOWN].frames * strings; i++)
		tests[count++] = (struct test){ .action = INJECT, .dir = DOWN, .at = (unsigned int)pipes[DOWN].starts[i / strings],
			.flip = (uint8_t)(i % strings) };
	for (unsigned int i = count; i > 1; i--) {
		unsigned int j = (unsigned int)rand() % i;
		struct test swap = tests[j];

		tests[j] = tests[i - 1];
		tests[i - 1] = swap;
	}
	*ret_tests = tests;
	return count;
}

static bool option(char *arg)
{
	char *value = strchr(arg, '='), *word;

	if (!value)
		return false;
	*value++ = 0;
	if (!strcmp(arg, "port"))
		broker_port = (unsigned int)atoi(value);
	else if (!strcmp(arg, "protocol"))
		conf.protocol = !strcmp(value, "5") ? UPLINK_V5 : UPLINK_V311;
	else if (!strcmp(arg, "ca"))
		conf.tls = (conf.ca_file = value) != NULL;
	else if (!strcmp(arg, "payload"))
		payload = MIN((unsigned int)atoi(value), BUF / 4);
	else if (!strcmp(arg, "cases"))
		wanted = (unsigned int)atoi(value);
	else if (!strcmp(arg, "seed"))
		seed = strtoul(value, NULL, 10);
	else if (!strcmp(arg, "offline_delay_s"))
		conf.offline_delay_s = (uint32_t)atoi(value);
	else if (strcmp(arg, "actions"))
		return false;
	else
		while ((word = strsep(&value, ",")))
			for (int a = 0; a < ACTIONS; a++)
				if (!strcmp(word, action_names[a]))
					wanted_action[a] = true;
	return true;
}

static int judge(unsigned int cases, unsigned int of, const size_t lengths[DIRS], uint64_t took_ns)
{
	unsigned int lost = 0, twice = 0;
	const bool may_alter = wanted_action[CORRUPT] && !conf.tls;

	for (int ms = 0; ms < 10000; ms += 5) {	/* the subscriber may be behind */
		lost = twice = 0;
		for (uint32_t n = 1; n <= produced; n++) {
			lost += !received[n];
			twice += received[n] > 1;
		}
		if (!lost || may_alter)
			break;
		usleep(5000);
	}
	for (uint32_t n = 1; n <= produced && !may_alter; n++)
		if (!received[n])
			printf("LOST message %u of case %u\n", n, kept[n].test);
	printf("%u of %u cases in %.1f s, %zu bytes up and %zu down: produced %u, acknowledged %u, lost %u, altered %u, "
	       "more than once %u; uplink died %u times (%u by abort, %u by SIGKILL), refused %u\n",
	       cases, of, (double)took_ns / NS_PER_S, lengths[UP], lengths[DOWN], produced, verdicts, lost, altered, twice,
	       restarts, deaths[SIGABRT], deaths[SIGKILL], refused);
	if (deaths[SIGSEGV] || deaths[SIGBUS])
		printf("uplink died of signal 11 or 7\n");
	return (may_alter ? 0 : lost || altered) || deaths[SIGSEGV] || deaths[SIGBUS] || verdicts != produced;
}

int main(int argc, char **argv)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(any);
	struct mosquitto *subscriber;
	struct test *tests;
	size_t lengths[DIRS];
	unsigned int count, cases;
	uint64_t begin_ns;
	int status;

	for (int i = 1; i < argc; i++)
		if (!option(argv[i])) {
			fprintf(stderr, "tool_cut: unknown option '%s'\n", argv[i]);
			return 2;
		}
	srand((unsigned int)seed);
	signal(SIGPIPE, SIG_IGN);
	mosquitto_lib_init();
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(listener, (struct sockaddr *)&any, len) || listen(listener, 16) ||
	    getsockname(listener, (struct sockaddr *)&any, &len))
		die("listen");
	conf.port = ntohs(any.sin_port);
	if (link_pair(fds) || link_open(&agent, fds[0], LINK_AGENT))
		die("link");
	agent.session = 1;
	start_child();
	subscriber = subscribe();
	run_case(&(struct test){ CLEAN, 0, 0, 0 }, true);
	for (int d = 0; d < DIRS; d++)
		lengths[d] = pipes[d].passed;
	count = list_cases(&tests, lengths);
	cases = MIN(count, wanted);
	hang_up(true);
	begin_ns = loop_now_ns();
	for (unsigned int i = 0; i < cases; i++) {
		run_case(&tests[i], false);
		hang_up(i % 2);
	}
	run_case(&(struct test){ CLEAN, 0, 0, 0 }, true);
	status = judge(cases, count, lengths, loop_now_ns() - begin_ns);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	mosquitto_disconnect(subscriber);
	mosquitto_loop_stop(subscriber, true);
	mosquitto_destroy(subscriber);
	return status;
}
