/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tool_forwarder - wires of a known quality between a gateway and two hosts, and what truly crossed them.
 *
 *   client [c0] --up-near--> [lan0] gateway [wan0] --up-far--> [s0] server, and back: down-far, down-near
 *
 * tool_forwarder SEED NETNS_CLIENT NETNS_GATEWAY NETNS_SERVER [LEG:KEY=VALUE,...]...
 *   LEG: up-near, up-far, down-far, down-near. KEY: delay (us), loss, dup, reorder (of a million packets that are not
 *   SYN), late (us that a reordered packet is held longer). What is random follows from SEED.
 * All four are TUN devices; prints "ready" when they are there. On SIGTERM: one JSON line for each TCP connection, as seen at lan0:
 *   "port" of the client; "up", "down": "data" segments, of them "again" (no byte of it is new), "soon" and "late" (fills a gap
 *   within 3 ms, or later; so near to that that it is "unsure"); "lost_before", "lost_behind" lan0, "dup", "reordered";
 *   "rtt" of data to its acknowledgement: "count", "handshake" (of SYN or SYN-ACK), "min", "mean" us, SYN and FIN too; one newest
 *   segment at a time, none while something passes twice or is missing ("up": the far side's).
 * And one for each UDP flow ("udp": port of the client) and each run of ICMP echo ("echo": its identifier), "up" and "down" as
 * above: "count", "min", "mean" of what went that way and its answer; UDP: "handshake" of QUIC, and by changes of its spin bit,
 * where nothing is out of order.
 * The truth is kept in another way than Weir does: every byte of a connection has its bit. Runs with real-time priority, so
 * that what it says of a packet and when that passed are the same.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

#define PACKET_MAX	2048
#define QUEUE_MAX	16384
#define CONNECTIONS	64
#define BYTES_MAX	(8u << 20)	/* of one direction of a connection */
#define REORDER_US	3000
#define UNSURE_US	500	/* so near to that it may be either, as seen elsewhere */

enum leg { UP_NEAR, UP_FAR, DOWN_FAR, DOWN_NEAR, LEGS };
static const char *const leg_names[LEGS] = { "up-near", "up-far", "down-far", "down-near" };

enum device { CLIENT, LAN, WAN, SERVER, DEVICES };
static const char *const device_names[DEVICES] = { "c0", "lan0", "wan0", "s0" };
static const enum device leg_from[LEGS] = { CLIENT, WAN, SERVER, LAN }, leg_to[LEGS] = { LAN, SERVER, WAN, CLIENT };

static struct {
	uint64_t delay, loss, dup, reorder, late;
} quality[LEGS];

struct held {
	uint64_t due_us, number;
	enum leg leg;
	uint32_t len;
	uint8_t bytes[PACKET_MAX];
};

/* What one end sent, as it crossed lan0. */
struct direction {
	bool begun;
	uint32_t isn, next;	/* next: behind the newest byte; numbers are from isn on */
	uint8_t *passed;	/* a bit for each byte */
	uint64_t *gap_us;	/* for each kB: when a gap that begins in it was seen */
	uint64_t data, again, soon, late, unsure, lost_before, lost_behind, dup, reordered;
	uint32_t acked;
	uint32_t timed_end;	/* the segment that is timed ends here, */
	uint64_t timed_us;	/* and passed then; 0: none is */
	uint64_t rtts, rtt_min, rtt_sum, handshake;
};

struct connection {
	uint16_t port;
	struct direction dir[2];	/* up, down */
};

static struct connection *connections[CONNECTIONS];
static struct held *queue[QUEUE_MAX];	/* a heap by due_us, number */
static size_t queued;
static uint64_t random_state, packets;
static int fd[DEVICES];
static volatile sig_atomic_t stopping;

__attribute__((format(printf, 1, 2), noreturn))
static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("tool_forwarder: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	exit(2);
}

static void *get_zero(size_t bytes)
{
	void *p = calloc(1, bytes);

	if (!p)
		die("no memory");
	return p;
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* True @ppm times of a million. */
static bool by_chance(uint64_t ppm)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % 1000000 < ppm;
}

/* ---- truth ---- */

struct segment {
	struct connection *connection;
	int dir;
	uint32_t seq, ack, len;
	uint32_t numbers;	/* len, SYN and FIN */
	bool syn, has_ack;
};

static struct connection *connection_of(uint16_t port)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		if (!connections[i]) {
			connections[i] = get_zero(sizeof(*connections[i]));
			connections[i]->port = port;
			for (int d = 0; d < 2; d++) {
				connections[i]->dir[d].passed = get_zero(BYTES_MAX / 8);
				connections[i]->dir[d].gap_us = get_zero((BYTES_MAX / 1024 + 1) * sizeof(uint64_t));
			}
		}
		if (connections[i]->port == port)
			return connections[i];
	}
	die("more than %d connections", CONNECTIONS);
}

/* ---- truth of QUIC and of echo ---- */

struct times {
	uint64_t count, sum, min, handshake;
};

struct flow {
	uint8_t proto;		/* 0: nobody's */
	uint16_t port;		/* of echo: identifier */
	uint64_t long_us[2], replied_us;	/* first long headers: up, down; first answer to that */
	int value[2];		/* of the spin bit; -1: not seen */
	uint64_t edge_us[2];	/* 0: not changed yet */
	uint64_t asked_us[2][256];	/* echo, by low byte of its number */
	struct times time[2];
};

static struct flow flows[CONNECTIONS];

static struct flow *flow_of(uint8_t proto, uint16_t port)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		if (!flows[i].proto)
			flows[i] = (struct flow){ .proto = proto, .port = port, .value = { -1, -1 } };
		if (flows[i].proto == proto && flows[i].port == port)
			return &flows[i];
	}
	die("more than %d flows", CONNECTIONS);
}

static void count_time(struct times *t, uint64_t us)
{
	t->min = !t->count || us < t->min ? us : t->min;
	t->sum += us;
	t->count++;
}

static void count_quic(struct flow *f, int dir, uint8_t first, uint64_t at_us)
{
	const int value = first >> 5 & 1;

	if (first & 0x80) {
		if (!dir && f->long_us[1] && !f->replied_us) {
			f->replied_us = at_us;
			f->time[1].handshake = at_us - f->long_us[1];
		} else if (dir && f->long_us[0] && !f->long_us[1]) {
			f->time[0].handshake = at_us - f->long_us[0];
		}
		if (!f->long_us[dir])
			f->long_us[dir] = at_us;
		return;
	}
	if (f->value[dir] >= 0 && f->value[dir] != value) {
		if (f->edge_us[dir] && f->edge_us[!dir] > f->edge_us[dir])	/* whole round trips only */
			count_time(&f->time[!dir], at_us - f->edge_us[!dir]);
		f->edge_us[dir] = at_us;
	}
	f->value[dir] = value;
}

/* Echo of IPv4 and IPv6; UDP over IPv4. */
static void crosses_otherwise(const uint8_t *p, uint32_t len, int dir, uint64_t at_us)
{
	const bool is_6 = p[0] >> 4 == 6;
	const uint8_t proto = is_6 ? p[6] : p[9], *l4 = p + (is_6 ? 40 : (p[0] & 15) * 4);
	const bool is_reply = l4[0] == (is_6 ? 129 : 0);
	struct flow *f;
	uint64_t *asked;

	if (len < 48)
		return;
	if (!is_6 && proto == IPPROTO_UDP)
		count_quic(flow_of(proto, (uint16_t)(l4[2 * dir] << 8 | l4[2 * dir + 1])), dir, l4[8], at_us);
	if (proto != (is_6 ? 58 : IPPROTO_ICMP) || !(is_reply || l4[0] == (is_6 ? 128 : 8)))
		return;
	f = flow_of(proto, (uint16_t)(l4[4] << 8 | l4[5]));
	asked = &f->asked_us[dir ^ is_reply][l4[7]];
	if (is_reply && *asked)
		count_time(&f->time[!dir], at_us - *asked);
	*asked = is_reply ? 0 : at_us;
}

/* ---- truth of TCP ---- */

/* False: not TCP over IPv4 without fragments. */
static bool dissect(const uint8_t *p, uint32_t len, bool up, struct segment *ret)
{
	const struct iphdr *ip = (const void *)p;
	const struct tcphdr *tcp = (const void *)(p + ip->ihl * 4);

	if (len < 40 || ip->version != 4 || ip->protocol != IPPROTO_TCP || len < ip->ihl * 4 + sizeof(*tcp))
		return false;
	*ret = (struct segment){
		.connection = connection_of(ntohs(up ? tcp->source : tcp->dest)), .dir = !up, .seq = ntohl(tcp->seq),
		.ack = ntohl(tcp->ack_seq), .len = ntohs(ip->tot_len) - ip->ihl * 4 - tcp->doff * 4, .syn = tcp->syn, .has_ack = tcp->ack,
	};
	ret->numbers = ret->len + tcp->syn + tcp->fin;
	return true;
}

static bool bit(const uint8_t *bits, uint32_t at)
{
	return bits[at / 8] >> at % 8 & 1;
}

/* Is anything missing that is not acknowledged? */
static bool has_hole(const struct direction *d)
{
	for (uint32_t at = d->acked; at < d->next; at++)
		if (!bit(d->passed, at))
			return true;
	return false;
}

/* SYN and FIN are bytes. */
static void count_data(struct direction *d, uint32_t first, uint32_t len, uint64_t at_us)
{
	uint32_t fresh = 0;

	if (first + len > BYTES_MAX)
		die("more than %u bytes in one direction", BYTES_MAX);
	d->data++;
	for (uint32_t at = first; at < first + len; at++) {
		fresh += !bit(d->passed, at);
		d->passed[at / 8] |= (uint8_t)(1 << at % 8);
	}
	if (first > d->next)
		d->gap_us[d->next / 1024] = at_us;
	else if (!fresh)
		d->again++;
	else if (first < d->next) {
		uint32_t gap = first;
		uint64_t after_us;

		while (gap && !bit(d->passed, gap - 1))	/* to where the gap began */
			gap--;
		after_us = at_us - d->gap_us[gap / 1024];
		d->gap_us[(first + len) / 1024] = d->gap_us[gap / 1024];	/* what is left of it is as old */
		*(after_us < REORDER_US ? &d->soon : &d->late) += 1;
		d->unsure += after_us > REORDER_US - UNSURE_US && after_us < REORDER_US + UNSURE_US;
	}
	if (first + len > d->next)
		d->next = first + len;
	if (fresh != len || has_hole(d)) {
		d->timed_us = 0;
	} else if (!d->timed_us && first + len == d->next) {
		d->timed_end = first + len;
		d->timed_us = at_us;
	}
}

static void count_ack(struct direction *d, uint32_t ack, uint64_t at_us)
{
	uint64_t rtt = at_us - d->timed_us;

	d->acked = ack - d->isn;
	if (!d->timed_us || (int32_t)(d->acked - d->timed_end) < 0)
		return;
	d->timed_us = 0;
	d->rtt_min = !d->rtts || rtt < d->rtt_min ? rtt : d->rtt_min;
	d->rtt_sum += rtt;
	if (d->timed_end == 1)
		d->handshake = rtt;
	d->rtts++;
}

static void crosses_lan(const struct held *packet, bool up)
{
	const uint64_t at_us = now_us();
	struct direction *from, *to;
	struct segment s;

	if (!dissect(packet->bytes, packet->len, up, &s)) {
		crosses_otherwise(packet->bytes, packet->len, !up, at_us);
		return;
	}
	from = &s.connection->dir[s.dir];
	to = &s.connection->dir[!s.dir];
	if (s.syn && !from->begun) {
		from->isn = s.seq;
		from->begun = true;
	}
	if (s.numbers && from->begun)
		count_data(from, s.seq - from->isn, s.numbers, at_us);
	if (s.has_ack && to->begun)
		count_ack(to, s.ack, at_us);
}

/* ---- wires ---- */

static bool is_before(const struct held *x, const struct held *y)
{
	return x->due_us != y->due_us ? x->due_us < y->due_us : x->number < y->number;
}

static void hold(const struct held *packet, uint64_t due_us)
{
	struct held *copy = get_zero(sizeof(*copy));
	size_t at = queued++;

	if (queued > QUEUE_MAX)
		die("more than %d packets under way", QUEUE_MAX);
	*copy = *packet;
	copy->due_us = due_us;
	copy->number = packets++;
	for (; at && is_before(copy, queue[(at - 1) / 2]); at = (at - 1) / 2)
		queue[at] = queue[(at - 1) / 2];
	queue[at] = copy;
}

static struct held *take_first(void)
{
	struct held *first = queue[0], *last = queue[--queued];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < queued) {
		if (child + 1 < queued && is_before(queue[child + 1], queue[child]))
			child++;
		if (!is_before(queue[child], last))
			break;
		queue[at] = queue[child];
		at = child;
	}
	queue[at] = last;
	return first;
}

static void arrives(enum leg leg, struct held *packet)
{
	const bool up = leg == UP_NEAR || leg == UP_FAR;
	uint64_t due_us = now_us() + quality[leg].delay;
	static struct direction nobody;
	struct direction *d = &nobody;
	struct segment s = { .syn = true };

	packet->leg = leg;
	if (dissect(packet->bytes, packet->len, up, &s) && s.len)
		d = &s.connection->dir[s.dir];
	if (!s.syn && by_chance(quality[leg].loss)) {
		*(leg == UP_NEAR || leg == DOWN_FAR ? &d->lost_before : &d->lost_behind) += 1;
		return;
	}
	if (!s.syn && by_chance(quality[leg].dup)) {
		d->dup++;
		hold(packet, due_us);
	}
	if (!s.syn && by_chance(quality[leg].reorder)) {
		d->reordered++;
		due_us += quality[leg].late;
	}
	hold(packet, due_us);
}

static void deliver(void)
{
	while (queued && queue[0]->due_us <= now_us()) {
		struct held *packet = take_first();

		/* The gateway forwards within the write, so that this is the moment for what comes by wan0, too. */
		if (packet->leg == UP_NEAR || packet->leg == DOWN_FAR)
			crosses_lan(packet, packet->leg == UP_NEAR);
		if (write(fd[leg_to[packet->leg]], packet->bytes, packet->len) < 0 && errno != EIO)
			die("%s: %s", device_names[leg_to[packet->leg]], strerror(errno));
		free(packet);
	}
}

static void forward(void)
{
	struct pollfd p[LEGS];
	struct held packet;

	for (int leg = 0; leg < LEGS; leg++)
		p[leg] = (struct pollfd){ .fd = fd[leg_from[leg]], .events = POLLIN };
	while (!stopping) {
		uint64_t now = now_us(), wait_us = !queued ? 100000 : queue[0]->due_us > now ? queue[0]->due_us - now : 0;
		struct timespec t = { .tv_sec = (time_t)(wait_us / 1000000), .tv_nsec = (long)(wait_us % 1000000 * 1000) };

		if (ppoll(p, LEGS, &t, NULL) < 0 && errno != EINTR)
			die("poll: %s", strerror(errno));
		for (int leg = 0; leg < LEGS; leg++) {
			ssize_t len = p[leg].revents & POLLIN ? read(p[leg].fd, packet.bytes, sizeof(packet.bytes)) : 0;

			if (len <= 0)
				continue;
			packet.len = (uint32_t)len;
			arrives((enum leg)leg, &packet);
		}
		deliver();
	}
}

/* ---- set up ---- */

static int open_device(const char *netns, const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	char path[64];
	int ns, tun;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET))
		die("%s: %s", path, strerror(errno));
	close(ns);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tun < 0 || ioctl(tun, TUNSETIFF, &request))
		die("TUN device \"%s\": %s", name, strerror(errno));
	return tun;
}

static void set_quality(char *arg)
{
	char *colon = strchr(arg, ':'), *word, *rest;
	int leg = 0;

	if (!colon)
		die("\"%s\" is no LEG:KEY=VALUE,...", arg);
	*colon = 0;
	while (leg < LEGS && strcmp(leg_names[leg], arg))
		leg++;
	if (leg == LEGS)
		die("\"%s\" is no leg: up-near, up-far, down-far, down-near", arg);
	for (word = strtok_r(colon + 1, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		struct { const char *name; uint64_t *value; } keys[] = {
			{ "delay=", &quality[leg].delay }, { "loss=", &quality[leg].loss }, { "dup=", &quality[leg].dup },
			{ "reorder=", &quality[leg].reorder }, { "late=", &quality[leg].late },
		};
		size_t i = 0;

		while (i < ARRAY_SIZE(keys) && strncmp(word, keys[i].name, strlen(keys[i].name)))
			i++;
		if (i == ARRAY_SIZE(keys))
			die("\"%s\" is not delay=, loss=, dup=, reorder= or late=", word);
		*keys[i].value = strtoull(word + strlen(keys[i].name), NULL, 10);
	}
}

static void print_direction(const char *name, const struct direction *d)
{
	printf("\"%s\":{\"data\":%llu,\"again\":%llu,\"soon\":%llu,\"late\":%llu,\"unsure\":%llu,"
	       "\"lost_before\":%llu,\"lost_behind\":%llu,\"dup\":%llu,\"reordered\":%llu,"
	       "\"rtt\":{\"count\":%llu,\"handshake\":%llu,\"min\":%llu,\"mean\":%.1f}}", name, (unsigned long long)d->data,
	       (unsigned long long)d->again, (unsigned long long)d->soon, (unsigned long long)d->late, (unsigned long long)d->unsure,
	       (unsigned long long)d->lost_before, (unsigned long long)d->lost_behind, (unsigned long long)d->dup,
	       (unsigned long long)d->reordered, (unsigned long long)d->rtts, (unsigned long long)d->handshake,
	       (unsigned long long)d->rtt_min,
	       d->rtts ? (double)d->rtt_sum / (double)d->rtts : 0);
}

static void print_time(const char *name, const struct times *t)
{
	printf("\"%s\":{\"count\":%llu,\"min\":%llu,\"mean\":%.1f,\"handshake\":%llu}", name, (unsigned long long)t->count,
	       (unsigned long long)t->min, t->count ? (double)t->sum / (double)t->count : 0, (unsigned long long)t->handshake);
}

static void stop(int signal)
{
	stopping = 1;
}

int main(int argc, char **argv)
{
	const struct sigaction on_term = { .sa_handler = stop };

	if (argc < 5)
		die("usage: tool_forwarder SEED NETNS_CLIENT NETNS_GATEWAY NETNS_SERVER [LEG:KEY=VALUE,...]...");
	random_state = strtoull(argv[1], NULL, 10) * 0x9e3779b97f4a7c15ULL | 1;
	for (int i = 5; i < argc; i++)
		set_quality(argv[i]);
	for (int i = 0; i < DEVICES; i++)
		fd[i] = open_device(argv[i == CLIENT ? 2 : i == SERVER ? 4 : 3], device_names[i]);
	if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 10 }))
		fprintf(stderr, "tool_forwarder: no real-time priority: %s\n", strerror(errno));
	prctl(PR_SET_TIMERSLACK, 1);
	sigaction(SIGTERM, &on_term, NULL);
	puts("ready");
	fflush(stdout);
	forward();
	for (int i = 0; i < CONNECTIONS && connections[i]; i++) {
		printf("{\"port\":%u,", connections[i]->port);
		print_direction("up", &connections[i]->dir[0]);
		putchar(',');
		print_direction("down", &connections[i]->dir[1]);
		puts("}");
	}
	for (int i = 0; i < CONNECTIONS && flows[i].proto; i++) {
		printf("{\"%s\":%u,", flows[i].proto == IPPROTO_UDP ? "udp" : "echo", flows[i].port);
		print_time("up", &flows[i].time[0]);
		putchar(',');
		print_time("down", &flows[i].time[1]);
		puts("}");
	}
	return 0;
}
