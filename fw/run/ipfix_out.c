/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/ipfix_out.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "base/backoff.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "base/random.h"
#include "base/util.h"
#include "export/ipfix.h"

#define BACKOFF_MIN_MS	500
#define BACKOFF_MAX_MS	30000
#define STEADY_NS	(10 * NS_PER_S)	/* what stood for so long is tried again soon */
#define CONNECT_NS	(10 * NS_PER_S)	/* a TCP handshake may take so long */
#define UNACKED_MS	30000		/* TCP: a connection whose bytes nobody confirms for so long has ended */
#define SEND_BUFFER	(256 * 1024)	/* TCP: what the kernel may keep, and lose with the connection */
#define ON_WAY		1024		/* TCP: messages remembered until confirmed; SEND_BUFFER holds less */
#define BURST		64		/* UDP: so many datagrams, which a collector's socket has room for, ... */
#define BURST_NS	(5 * NS_PER_MS)	/* ... and the next ones so much later: 12800 a second */
#define SLOTS		(IPFIX_QUEUE + 1)	/* one more: the message that is open */
#define READS		16		/* a turn: what a collector says is read and thrown away */

enum state { DOWN, CONNECTING, UP };

struct slot {
	size_t len;
	uint32_t records;
};

struct ipfix_out {
	struct loop *loop;
	const struct conf *conf;
	struct endpoint collector;
	struct loop_fd watch;
	struct loop_timer timer;	/* DOWN: the next attempt; CONNECTING: its end; UP: the next burst of UDP */
	struct backoff backoff;
	enum state state;
	int error, said;		/* why it is not up; the last one that was logged */

	char *bytes;			/* SLOTS messages, and one of templates */
	struct slot slot[SLOTS];
	uint32_t first, closed;		/* ring of those that wait */
	struct ipfix_message open;	/* in the slot behind them */

	/* Of this socket: */
	uint64_t up_ns;
	uint32_t sequence;
	size_t sent;			/* bytes of the message that is on its way */
	uint32_t burst;			/* messages since the timer was armed */
	struct slot on_way[ON_WAY];	/* the last ones that it took: ring */
	uint32_t taken;			/* messages so far */
	size_t templates_len;		/* a message of templates goes first; 0: none */
	uint8_t announced[IPFIX_TEMPLATES / 8], in_message[IPFIX_TEMPLATES / 8];
	uint64_t announced_ns;		/* the oldest of them */

	struct ipfix_out_counters counters;
};

static uint32_t wall_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint32_t)now.tv_sec;	/* of 32 bits, RFC 7011 3.1 */
}

/* ---- the queue ---- */

static char *slot_bytes(const struct ipfix_out *o, uint32_t slot)
{
	return o->bytes + (size_t)IPFIX_MESSAGE_MAX * slot;
}

static uint32_t open_slot(const struct ipfix_out *o)
{
	return (o->first + o->closed) % SLOTS;
}

static void open_begin(struct ipfix_out *o)
{
	ipfix_begin(&o->open, slot_bytes(o, open_slot(o)), IPFIX_MESSAGE_MAX, o->conf->ipfix.observation_domain);
}

static void pop(struct ipfix_out *o)
{
	o->first = (o->first + 1) % SLOTS;
	o->closed--;
}

static void lose(struct ipfix_out *o, uint32_t slot)
{
	o->counters.lost_messages++;
	o->counters.lost_records += o->slot[slot].records;
}

/* The oldest goes; one of which a part is out stays, for the stream needs the rest, and the next one goes. */
static void make_room(struct ipfix_out *o)
{
	const uint32_t first = o->first, next = (first + 1) % SLOTS;

	if (o->sent && !o->templates_len) {
		lose(o, next);
		memcpy(slot_bytes(o, next), slot_bytes(o, first), o->slot[first].len);
		o->slot[next] = o->slot[first];
	} else {
		lose(o, first);
	}
	pop(o);
}

/* The open message joins the queue. */
static void open_close(struct ipfix_out *o)
{
	const size_t len = ipfix_close(&o->open);

	if (!len)
		return;
	o->slot[open_slot(o)] = (struct slot){ .len = len, .records = o->open.records };
	o->closed++;
	if (o->closed > IPFIX_QUEUE)
		make_room(o);
	open_begin(o);
}

/* ---- the socket ---- */

static void watch_out(struct ipfix_out *o, bool on)
{
	loop_fd_change(&o->watch, EPOLLIN | (on ? EPOLLOUT : 0));
}

static void wait_again(struct ipfix_out *o)
{
	o->state = DOWN;
	loop_timer_arm(o->loop, &o->timer, loop_now_ns() + backoff_next_ms(&o->backoff, random_u32()) * NS_PER_MS);
}

/* What the collector's host has not confirmed of this connection: the last ones that the socket took. */
static void lose_unacked(struct ipfix_out *o)
{
	int unacked = 0;

	if (ioctl(o->watch.fd, SIOCOUTQ, &unacked))
		return;
	unacked -= (int)o->sent;	/* of a message that stays in the queue */
	for (uint32_t i = 1; unacked > 0 && i <= MIN(o->taken, ON_WAY); i++) {
		const struct slot *m = &o->on_way[(o->taken - i) % ON_WAY];

		unacked -= (int)m->len;
		o->counters.lost_unacked += m->records;
	}
}

static void disconnect(struct ipfix_out *o, int err)
{
	const bool is_tcp = o->collector.is_tcp, was_up = o->state == UP;

	if (was_up && is_tcp)
		lose_unacked(o);
	if (was_up && loop_now_ns() - o->up_ns >= STEADY_NS)
		o->backoff.failures = o->said = 0;
	if (err != o->said || (was_up && is_tcp))
		log_warn("IPFIX collector %s: %s", o->conf->ipfix.endpoint, strerror(-err));
	loop_fd_remove(&o->watch);
	if (o->watch.fd >= 0)
		close(o->watch.fd);
	o->watch.fd = -1;
	o->error = o->said = err;
	o->sent = o->templates_len = 0;
	o->counters.failed++;
	o->counters.refused += !is_tcp && err == -ECONNREFUSED;
	wait_again(o);
}

/* ---- sending ---- */

static bool bit(const uint8_t *bits, unsigned int n)
{
	return bits[n / 8] & 1u << n % 8;
}

/* The templates that the oldest message needs and this socket has not had: as many as one message takes. */
static void make_templates(struct ipfix_out *o)
{
	const char *message = slot_bytes(o, o->first);
	struct ipfix_message m;
	size_t at = 0;
	uint16_t id;

	if (!o->collector.is_tcp && loop_now_ns() >= o->announced_ns + o->conf->ipfix.template_interval_ns)
		memset(o->announced, 0, sizeof(o->announced));
	memset(o->in_message, 0, sizeof(o->in_message));
	ipfix_begin(&m, slot_bytes(o, SLOTS), IPFIX_MESSAGE_MAX, o->conf->ipfix.observation_domain);
	while ((id = ipfix_next_set(message, o->slot[o->first].len, &at))) {
		const unsigned int n = id - IPFIX_TEMPLATE_FIRST;

		if (bit(o->announced, n) || bit(o->in_message, n))
			continue;
		if (ipfix_add_template(&m, id))
			break;	/* the rest in another message */
		o->in_message[n / 8] |= (uint8_t)(1u << n % 8);
	}
	o->templates_len = ipfix_close(&m);
}

static void taken(struct ipfix_out *o, size_t len, uint32_t records)
{
	o->on_way[o->taken++ % ON_WAY] = (struct slot){ .len = len, .records = records };
	o->burst++;
}

static void templates_sent(struct ipfix_out *o)
{
	bool is_first = true;

	for (size_t i = 0; i < sizeof(o->announced); i++) {
		is_first &= !o->announced[i];
		o->announced[i] |= o->in_message[i];
	}
	if (is_first)
		o->announced_ns = loop_now_ns();
	taken(o, o->templates_len, 0);
	o->templates_len = 0;
	o->counters.sent_templates++;
}

static void message_sent(struct ipfix_out *o)
{
	const struct slot *slot = &o->slot[o->first];

	o->sequence += slot->records;
	o->counters.sent_messages++;
	o->counters.sent_records += slot->records;
	taken(o, slot->len, slot->records);
	pop(o);
}

/* 0: the whole message is out. -EAGAIN: a part of it, or nothing. */
static int transmit(struct ipfix_out *o, void *message, size_t len)
{
	ssize_t n;

	if (!o->sent)
		ipfix_stamp(message, wall_s(), o->sequence);
	n = send(o->watch.fd, (char *)message + o->sent, len - o->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	o->sent += (size_t)n;
	if (o->sent < len)
		return -EAGAIN;
	o->sent = 0;
	return 0;
}

/* The next message. False: not now. */
static bool send_next(struct ipfix_out *o)
{
	int err;

	if (!o->sent && !o->templates_len)
		make_templates(o);
	err = o->templates_len ? transmit(o, slot_bytes(o, SLOTS), o->templates_len) :
				 transmit(o, slot_bytes(o, o->first), o->slot[o->first].len);
	if (!err) {
		if (o->templates_len)
			templates_sent(o);
		else
			message_sent(o);
		return true;
	}
	if (err == -EAGAIN || err == -EINTR) {
		o->counters.socket_full++;
		watch_out(o, true);
	} else {
		disconnect(o, err);
	}
	return false;
}

static void pump(struct ipfix_out *o)
{
	const bool is_tcp = o->collector.is_tcp;

	while (o->state == UP && o->closed && (is_tcp || o->burst < BURST) && send_next(o))
		;
	if (o->state == UP && !is_tcp && o->burst && !o->timer.loop)
		loop_timer_arm(o->loop, &o->timer, loop_now_ns() + BURST_NS);
}

/* ---- connecting ---- */

static void up(struct ipfix_out *o)
{
	loop_timer_stop(&o->timer);
	o->state = UP;
	o->up_ns = loop_now_ns();
	o->error = 0;
	o->sequence = o->taken = o->burst = 0;
	memset(o->announced, 0, sizeof(o->announced));
	o->counters.connects++;
	if (o->collector.is_tcp || !o->said)	/* of UDP it says little, and nothing again and again */
		log_info("IPFIX collector %s: %s", o->conf->ipfix.endpoint,
			 o->collector.is_tcp ? "connected" : "socket is open");
	watch_out(o, false);
	pump(o);
}

static int socket_error(int fd)
{
	socklen_t len = sizeof(int);
	int error = 0;

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) ? -errno : -error;
}

/* A collector says nothing, but that it goes. */
static void listen_to(struct ipfix_out *o)
{
	char unread[2048];
	int err = socket_error(o->watch.fd);
	ssize_t n = 1;

	for (int i = 0; !err && i < READS && n > 0; i++) {
		n = recv(o->watch.fd, unread, sizeof(unread), MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			err = -errno;
		if (n == 0 && o->collector.is_tcp)
			err = -ECONNRESET;	/* it has closed its end, and does not read any more */
	}
	if (err)
		disconnect(o, err);
}

static void ready(struct loop_fd *watch, uint32_t events)
{
	struct ipfix_out *o = container_of(watch, struct ipfix_out, watch);

	if (o->state == CONNECTING) {
		const int err = socket_error(watch->fd);

		if (err)
			disconnect(o, err);
		else if (events & EPOLLOUT)
			up(o);
		return;
	}
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		listen_to(o);
	if (o->state == UP && events & EPOLLOUT) {
		watch_out(o, false);
		pump(o);
	}
}

static int open_socket(const struct endpoint *e)
{
	const int unacked_ms = UNACKED_MS, buffer = SEND_BUFFER;
	const int type = e->is_tcp ? SOCK_STREAM : SOCK_DGRAM;
	const int fd = socket(e->any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (e->is_tcp) {	/* a kernel that takes neither: the same with its own limits */
		setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacked_ms, sizeof(unacked_ms));
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	}
	return fd;
}

static void attempt(struct ipfix_out *o)
{
	const int fd = open_socket(&o->collector);
	int err = fd < 0 ? fd : 0;

	o->watch.fd = fd;
	o->state = CONNECTING;
	if (!err && connect(fd, &o->collector.any, o->collector.len) && errno != EINPROGRESS)
		err = -errno;
	if (!err)
		err = loop_fd_add(o->loop, &o->watch, EPOLLIN | EPOLLOUT);
	if (err)
		disconnect(o, err);
	else
		loop_timer_arm(o->loop, &o->timer, loop_now_ns() + CONNECT_NS);
}

static void timer_due(struct loop_timer *timer)
{
	struct ipfix_out *o = container_of(timer, struct ipfix_out, timer);

	switch (o->state) {
	case DOWN:
		attempt(o);
		break;
	case CONNECTING:
		disconnect(o, -ETIMEDOUT);
		break;
	case UP:
		o->burst = 0;
		pump(o);
		break;
	}
}

/* ---- its callers ---- */

int ipfix_out_new(struct ipfix_out **ret_out, struct loop *loop, const struct conf *conf)
{
	struct ipfix_out *o;

	if (!*conf->ipfix.endpoint) {
		*ret_out = NULL;
		return 0;
	}
	o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->loop = loop;
	o->conf = conf;
	o->watch = (struct loop_fd){ .ready = ready, .fd = -1 };
	o->timer.due = timer_due;
	o->backoff = (struct backoff){ .min_ms = BACKOFF_MIN_MS, .max_ms = BACKOFF_MAX_MS, .phase = random_u32() };
	o->bytes = calloc(SLOTS + 1, IPFIX_MESSAGE_MAX);
	if (!o->bytes || endpoint_parse(conf->ipfix.endpoint, &o->collector)) {
		const int err = o->bytes ? -EINVAL : -ENOMEM;

		ipfix_out_free(o);
		return err;
	}
	open_begin(o);
	attempt(o);
	*ret_out = o;
	return 0;
}

struct ipfix_out *ipfix_out_free(struct ipfix_out *o)
{
	if (!o)
		return NULL;
	loop_timer_stop(&o->timer);
	loop_fd_remove(&o->watch);
	if (o->watch.fd >= 0)
		close(o->watch.fd);
	free(o->bytes);
	free(o);
	return NULL;
}

void ipfix_out_record(struct ipfix_out *o, const struct record *record)
{
	if (!o)
		return;
	o->counters.records++;
	if (!ipfix_add_record(&o->open, record))
		return;
	open_close(o);
	ipfix_add_record(&o->open, record);	/* fits: an empty message holds every record */
	pump(o);
}

void ipfix_out_flush(struct ipfix_out *o)
{
	if (!o)
		return;
	open_close(o);
	pump(o);
}

uint64_t ipfix_out_finish(struct ipfix_out *o)
{
	uint64_t lost;

	if (!o)
		return 0;
	lost = o->counters.lost_records;
	open_close(o);
	while (o->state == UP && o->closed && send_next(o))	/* without pauses, for there is no time */
		;
	for (; o->closed; pop(o))
		lose(o, o->first);
	return o->counters.lost_records - lost;
}

struct ipfix_out_state ipfix_out_state(const struct ipfix_out *o)
{
	struct ipfix_out_state state = { 0 };

	if (!o)
		return state;
	state = (struct ipfix_out_state){
		.endpoint = o->conf->ipfix.endpoint,
		.up = o->state == UP,
		.error = o->error,
		.messages = o->closed + (o->open.records > 0),
		.records = o->open.records,
	};
	for (uint32_t i = 0; i < o->closed; i++)
		state.records += o->slot[(o->first + i) % SLOTS].records;
	return state;
}

struct ipfix_out_counters ipfix_out_counters(const struct ipfix_out *o)
{
	return o ? o->counters : (struct ipfix_out_counters){ 0 };
}
