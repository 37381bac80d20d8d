/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tool_flood - frames of every kind out of one interface, each counted: the sender's own books.
 *
 * tool_flood IF GATEWAY_MAC OWN_IP PEER_IP FLOWS RATE SECONDS [FLAGS]
 * RATE frames a second (0: as many as go) of FLOWS flows at a time, of which a quarter is replaced each second: UDP, TCP
 * with SYN, FIN and RST among its segments, ICMP. FLAGS: "a": the a end of the flows (else the b end: both talk about the
 * same flows at the same time); "j": one frame in 16 is none that a router forwards: ARP, another ethertype, cut off,
 * of an impossible version, or IPv6; "f": UDP only, all of 60 bytes, FLOWS flows in turn that stay.
 * Frames that the interface refuses are not sent, and are counted apart. SIGTERM ends it. Prints
 *   sent FRAMES BYTES forwarded FRAMES BYTES refused FRAMES seconds S
 * "forwarded" is the part that a router hands on. Bytes are layer-2 frame bytes without FCS.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

#define BATCH		32
#define FRAME_MAX	1514
#define HEADERS		(14 + 20 + 20)
#define FIXED_BYTES	60
#define TH_FIN		0x01
#define TH_SYN		0x02
#define TH_RST		0x04
#define TH_ACK		0x10

struct sum {
	uint64_t frames, bytes;
};

struct flood {
	struct in_addr own, peer;
	uint8_t mac[12];	/* to, from */
	uint64_t random, turn;
	unsigned int flows;
	bool a_end, junk, fixed;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	stopped = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint32_t draw(struct flood *f, uint32_t below)
{
	f->random ^= f->random << 13;
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return (uint32_t)(f->random >> 32) % below;
}

static void put_16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_ip(const struct flood *f, uint8_t *ip, size_t len, uint8_t proto)
{
	uint32_t sum = 0;

	memcpy(ip, "\x45\0\0\0\0\0\x40\0\x40\0\0\0", 12);
	put_16(ip + 2, (unsigned int)len);
	ip[9] = proto;
	memcpy(ip + 12, &f->own, 4);
	memcpy(ip + 16, &f->peer, 4);
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put_16(ip + 10, ~(sum + (sum >> 16)) & 0xffff);
}

static unsigned int tcp_flags(struct flood *f)
{
	const uint32_t n = draw(f, 64);

	return n == 0 ? TH_SYN : n == 1 ? TH_SYN | TH_ACK : n == 2 ? TH_RST : n < 6 ? TH_FIN | TH_ACK : TH_ACK;
}

/* Of no flow: returns the frame's length. */
static size_t make_junk(struct flood *f, uint8_t *frame)
{
	const size_t len = 60 + draw(f, 400);

	switch (draw(f, 5)) {
	case 0:
		put_16(frame + 12, ETHERTYPE_ARP);
		memcpy(frame + 14, "\0\1\x08\0\6\4\0\x09", 8);	/* an operation that nobody has */
		return 60;
	case 1:
		put_16(frame + 12, 0x88b5);	/* for local experiments */
		return len;
	case 2:
		put_ip(f, frame + 14, len - 14, IPPROTO_UDP);
		return 14 + draw(f, 20);
	case 3:
		put_ip(f, frame + 14, len - 14, IPPROTO_UDP);
		frame[14] = 0x75;
		return len;
	}
	put_16(frame + 12, ETHERTYPE_IPV6);
	memcpy(frame + 14, "\x60\0\0\0\0\0\x11\x40\xfd\1\0\0\0\0\0\0", 16);
	put_16(frame + 18, (unsigned int)len - 54);
	frame[23] = ((const uint8_t *)&f->own)[1];	/* fd01:: behind 10.1.0.0/24, and so on */
	frame[38] = 0xfd;
	frame[39] = ((const uint8_t *)&f->peer)[1];
	frame[53] = (uint8_t)draw(f, 8);
	put_16(frame + 56, 9000);
	put_16(frame + 58, (unsigned int)len - 54);
	return MAX(len, (size_t)62);
}

static size_t make_frame(struct flood *f, uint8_t *frame, uint64_t at_ns, bool *ret_forwarded)
{
	const uint32_t first = f->fixed ? 0 : (uint32_t)(at_ns / (NS_PER_S / 64) * f->flows / 256);
	const uint32_t flow = f->fixed ? (uint32_t)(f->turn++ % f->flows) : first + draw(f, f->flows);
	const unsigned int near = 1024 + flow % 64000, far = 443 + flow / 64000 % 1000;
	uint8_t *ip = frame + 14, *l4 = frame + 34;
	const uint32_t kind = f->fixed ? 0 : flow % 16;
	uint8_t proto = kind < 9 ? IPPROTO_UDP : kind < 15 ? IPPROTO_TCP : IPPROTO_ICMP;
	size_t len = f->fixed ? FIXED_BYTES : HEADERS + draw(f, draw(f, 4) ? 200 : FRAME_MAX - HEADERS);

	memset(frame, 0, FRAME_MAX);
	memcpy(frame, f->mac, 12);
	*ret_forwarded = !f->junk || draw(f, 16);
	if (!*ret_forwarded)
		return make_junk(f, frame);
	put_16(frame + 12, ETHERTYPE_IP);
	put_ip(f, ip, len - 14, proto);
	put_16(l4, f->a_end ? near : far);
	put_16(l4 + 2, f->a_end ? far : near);
	if (proto == IPPROTO_UDP) {
		put_16(l4 + 4, (unsigned int)len - 34);
	} else if (proto == IPPROTO_TCP) {
		put_16(l4 + 6, draw(f, 0xffff));
		l4[12] = 0x50;
		l4[13] = (uint8_t)tcp_flags(f);
		put_16(l4 + 14, 500);
	} else {
		memcpy(l4, f->a_end ? "\x08\0\0\0" : "\0\0\0\0", 4);
	}
	return len;
}

/* msg_len says which ones are through; the rest was refused. */
static void send_all(int fd, struct mmsghdr *msgs, int n, uint64_t *refused)
{
	for (int at = 0; at < n;) {
		const int done = sendmmsg(fd, msgs + at, (unsigned int)(n - at), 0);

		if (done > 0) {
			for (int i = at; i < at + done; i++)
				msgs[i].msg_len = 1;	/* sent */
			at += done;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != ENOBUFS && errno != EAGAIN) {
			fprintf(stderr, "tool_flood: sendmmsg: %s\n", strerror(errno));
			exit(1);
		}
		msgs[at++].msg_len = 0;
		++*refused;
	}
}

static int open_socket(const char *name, uint8_t mac[6])
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name) };
	const int fd = socket(AF_PACKET, SOCK_RAW, 0);
	const int room = 1 << 22;
	socklen_t len = sizeof(at);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) || getsockname(fd, (struct sockaddr *)&at, &len)) {
		fprintf(stderr, "tool_flood: \"%s\": %s\n", name, strerror(errno));
		exit(1);
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	memcpy(mac, at.sll_addr, 6);
	return fd;
}

int main(int argc, char **argv)
{
	static uint8_t frames[BATCH][FRAME_MAX];
	struct mmsghdr msgs[BATCH] = {};
	struct iovec vectors[BATCH];
	bool forwarded[BATCH];
	struct sum sent = {}, handed_on = {};
	struct flood f = {};
	uint64_t start, end, now, rate, refused = 0, made = 0;
	unsigned int to[6];
	int fd;

	if (argc < 8 || sscanf(argv[2], "%x:%x:%x:%x:%x:%x", to, to + 1, to + 2, to + 3, to + 4, to + 5) != 6 ||
	    !inet_aton(argv[3], &f.own) || !inet_aton(argv[4], &f.peer)) {
		fprintf(stderr, "usage: tool_flood IF GATEWAY_MAC OWN_IP PEER_IP FLOWS RATE SECONDS [FLAGS]\n");
		return 2;
	}
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	fd = open_socket(argv[1], f.mac + 6);
	for (int i = 0; i < 6; i++)
		f.mac[i] = (uint8_t)to[i];
	f.flows = MAX((unsigned int)atoi(argv[5]), 1u);
	rate = strtoull(argv[6], NULL, 10);
	f.a_end = argc > 8 && strchr(argv[8], 'a');
	f.junk = argc > 8 && strchr(argv[8], 'j');
	f.fixed = argc > 8 && strchr(argv[8], 'f');
	f.random = 0x9e3779b97f4a7c15ULL ^ (uint64_t)f.own.s_addr;
	now = start = now_ns();
	end = start + (uint64_t)(atof(argv[7]) * 1e9);
	for (; !stopped && now < end; now = now_ns()) {
		if (rate && made * NS_PER_S > (now - start) * rate) {
			usleep(500);
			continue;
		}
		for (int i = 0; i < BATCH; i++) {
			vectors[i] = (struct iovec){ frames[i], make_frame(&f, frames[i], now, &forwarded[i]) };
			msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &vectors[i], .msg_iovlen = 1 };
		}
		made += BATCH;
		send_all(fd, msgs, BATCH, &refused);
		for (int i = 0; i < BATCH; i++) {
			if (!msgs[i].msg_len)
				continue;
			sent.frames++;
			sent.bytes += vectors[i].iov_len;
			if (forwarded[i]) {
				handed_on.frames++;
				handed_on.bytes += vectors[i].iov_len;
			}
		}
	}
	printf("sent %llu %llu forwarded %llu %llu refused %llu seconds %.3f\n", (unsigned long long)sent.frames,
	       (unsigned long long)sent.bytes, (unsigned long long)handed_on.frames, (unsigned long long)handed_on.bytes,
	       (unsigned long long)refused, (double)(now - start) / 1e9);
	return 0;
}
