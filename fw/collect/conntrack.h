/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * conntrack - what NAT makes of a connection, as the kernel's connection tracking tells it over netlink; and what it has
 * counted of those that a NIC forwards.
 *
 * Two halves. conntrack_open_socket() needs CAP_NET_ADMIN: it joins the events "new" and "destroy" and asks once for
 * all that is there now. The rest needs no right: whoever inherits the descriptor may read it, but not ask or join
 * (the kernel looks at who asks). Events "update" are not joined: they are most of the messages (5 of 7 of a TCP
 * connection) and never change the addresses. Counts come with the connection's end, and each time that conntrack_ask() lists
 * all of them (needs CAP_NET_ADMIN again; the answer goes to whoever reads the socket). Only this network namespace; zones are not told apart. What an overrun
 * lost is not asked for again: until the next start such a connection has no NAT, or keeps one too long.
 *
 * Addresses and ports are in wire order, IPv4 as ::ffff:a.b.c.d. 0 or a negative errno. No logging.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONNTRACK_SOCKET_BYTES (2 * 1024 * 1024)	/* some 3000 events may wait */

struct conntrack;

struct conntrack_counters {
	uint64_t events;	/* connections that began, ended or were in the dump, with NAT or without */
	uint64_t entries;	/* connections in the table now */
	uint64_t replaced;	/* gone before their time: the table was full, or their ports are in use again */
	uint64_t overruns;	/* times that the socket was full and events were lost */
	uint64_t malformed;	/* messages that made no sense, or came from a process */
};

struct conntrack_nat_side {
	uint32_t addr[4];	/* on the other side of the gateway */
	uint16_t port;		/* 0 where the protocol has none */
	bool is_translated;	/* false: is the same there */
};

struct conntrack_nat {
	struct conntrack_nat_side client, server;
};

/* -EPROTONOSUPPORT, -EOPNOTSUPP: the kernel has no netlink for this, or no connection tracking in it; -EPERM. */
int conntrack_open_socket(int *ret_fd);
int conntrack_ask(int fd);	/* for all connections once more; refused while the last list is not read to its end */

int conntrack_new(struct conntrack **ret_ct, int fd);	/* @fd stays the caller's */
struct conntrack *conntrack_free(struct conntrack *ct);	/* takes NULL; returns NULL */

/* Takes in what waits, bounded: the rest at the next call. Never blocks. An error: the socket is of no more use. */
int conntrack_read(struct conntrack *ct, uint64_t now_ns);

/* What conntrack_read() does with each datagram. @bytes is aligned to 4. */
void conntrack_take(struct conntrack *ct, void *bytes, size_t len, uint64_t now_ns);

/* Client and server as one side of the gateway sees them, either one first. False: not translated, or not known. */
bool conntrack_find(const struct conntrack *ct, uint8_t proto, const uint32_t client[4], uint16_t client_port,
		    const uint32_t server[4], uint16_t server_port, struct conntrack_nat *ret_nat);

/* Of such a one, what each has sent since it began, IP bytes. False: not known to be forwarded by a NIC, or not counted. */
struct conntrack_sent {
	uint64_t packets, bytes;
};

bool conntrack_sent(const struct conntrack *ct, uint8_t proto, const uint32_t client[4], uint16_t client_port,
		    const uint32_t server[4], uint16_t server_port, struct conntrack_sent ret_sent[2]);

struct conntrack_counters conntrack_counters(const struct conntrack *ct);
