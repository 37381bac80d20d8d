/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * link - the messages between the agent and the uplink process, over one SOCK_SEQPACKET socket pair.
 *
 * Knows nothing of brokers or records. Either process may die at any time and be restarted alone, on the old socket
 * pair or a new one; nothing is lost, because only the agent keeps messages and it lets go of one only on a verdict.
 *
 *   agent -> uplink    HELLO BIRTH PUBLISH STOP
 *   uplink -> agent    READY WINDOW STATE ACK REFUSED TOO_BIG
 *
 * Rules:
 *  1. The agent sends HELLO, then BIRTH, when it starts and again at each READY. Before the first BIRTH of a process
 *     the uplink does not connect. BIRTH is kept, and published retained ahead of all else after every connect; a
 *     changed one is published at once.
 *  2. After each connect the uplink sends WINDOW, then STATE with a @connection number that it has not used before
 *     (also not before a restart). The agent, whenever that number is not the one it knows, sends all that has no
 *     verdict yet, oldest first, and never more than WINDOW.outstanding without verdict. STATEs may be merged: look
 *     at the number, not for a "disconnected" in between. READY means: not connected, number forgotten.
 *  3. PUBLISH carries the number it was meant for. The uplink ignores (counts) one with another number, because the
 *     agent will send that message again by rule 2. So: no loss ever, duplicates only over a reconnect.
 *  4. Verdict = ACK, REFUSED or TOO_BIG; each id of a connection gets at most one, in any order. One from an earlier
 *     connection is as good. REFUSED is no acknowledgement: to keep or to drop is the agent's policy.
 *  5. HELLO's session (not 0, another one for each start of the agent) stands in every message. link_recv() drops and
 *     counts those of another session, so a new agent never takes a verdict meant for its predecessor's ids.
 *  6. STOP, or the end of the link: the uplink takes no more, waits a little for what is in flight, publishes state
 *     "offline", disconnects and exits 0.
 *
 * Host byte order: both ends are one binary. Times in ms. Functions return 0 or a negative errno; no logging.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LINK_MESSAGE_MAX	(128 * 1024)	/* with header; memory of each end */
#define LINK_TOPIC_MAX		1024		/* without NUL */
#define LINK_PAYLOAD_MAX	(LINK_MESSAGE_MAX - LINK_TOPIC_MAX - 64)
#define LINK_HOST_MAX		256		/* with NUL */
#define LINK_ERROR_MAX		256		/* with NUL */

enum link_side { LINK_AGENT = 1, LINK_UPLINK = 2 };

enum link_type {
	LINK_HELLO = 1,	/* agent: who I am; answered by WINDOW and STATE */
	LINK_BIRTH,	/* agent: msg.publish, only topic and payload count; empty topic: none wanted */
	LINK_PUBLISH,	/* agent: msg.publish */
	LINK_STOP,	/* agent */
	LINK_READY,	/* uplink: the process has (re)started */
	LINK_WINDOW,	/* uplink: msg.window */
	LINK_STATE,	/* uplink: msg.state; on each change, and each second while counters move */
	LINK_ACK,	/* uplink: msg.verdict: the broker has it */
	LINK_REFUSED,	/* uplink: msg.verdict: the broker will not have it (PUBACK >= 128), see reason */
	LINK_TOO_BIG,	/* uplink: msg.verdict: longer than WINDOW.packet_bytes, never sent */
};

struct link_publish {
	uint32_t id;		/* the agent's own; not 0 */
	uint32_t connection;	/* STATE's, as the agent knows it */
	const char *topic;	/* NUL-terminated */
	const void *payload;
	uint32_t payload_len;
	uint8_t qos;		/* 0: ACK means handed to the socket; 1: the broker's PUBACK */
	uint8_t retain;
};

struct link_window {
	uint32_t outstanding;	/* PUBLISHes without verdict, at most; at least 1 */
	uint32_t packet_bytes;	/* longest MQTT packet the broker takes (link_packet_bytes()); UINT32_MAX: any */
};

struct link_verdict {
	uint32_t id;
	uint32_t reason;	/* MQTT 5 reason code (2.4); 0 to 127 in ACK, 128 to 255 otherwise */
};

struct link_counters {		/* since the uplink process started */
	uint64_t attempts;	/* to connect */
	uint64_t connects;	/* CONNACK 0 */
	uint64_t disconnects;	/* of connections that stood */
	uint64_t refused;	/* CONNACK with an error: password, version, banned ... */
	uint64_t failed;	/* no CONNACK: DNS, TCP, TLS, time, files, garbage */
	uint64_t fallbacks;	/* MQTT 5 given up for 3.1.1 */
	uint64_t publishes;	/* handed to the broker's socket, birth and state included */
	uint64_t acks;
	uint64_t publish_refused;
	uint64_t publish_too_big;
	uint64_t publish_ignored;	/* PUBLISH for another connection (rule 3) */
	uint64_t link_malformed;
	uint64_t link_stale;
};

struct link_state {
	uint32_t connection;		/* 0: not connected */
	uint32_t next_attempt_ms;	/* from now; 0: connected, or trying this moment */
	uint16_t port;
	uint8_t connected;		/* 0 or 1 */
	uint8_t protocol;		/* 5, or 4 for MQTT 3.1.1; of this connection, or of the next attempt */
	uint32_t zero;
	int64_t own_expires_s;		/* the client certificate's end, seconds since 1970; 0: none, or cannot be read */
	int64_t broker_expires_s;	/* the broker's, at the last connect; 0: no TLS, or not seen yet */
	char host[LINK_HOST_MAX];	/* these two: printable ASCII, NUL-terminated */
	char error[LINK_ERROR_MAX];	/* why the last connection or attempt ended; "" after a connect */
	struct link_counters counters;
};

struct link_msg {
	enum link_type type;
	uint64_t session;	/* filled by link_recv(); link_send() takes the link's */
	union {
		struct link_publish publish;	/* received: points into the link, until the next link_recv() */
		struct link_window window;
		struct link_verdict verdict;
		struct link_state state;
	};
};

struct link {
	int fd;			/* watch it: EPOLLIN before link_recv(), EPOLLOUT after link_send() said -EAGAIN */
	enum link_side side;	/* of this end */
	uint64_t session;	/* agent: set before HELLO. uplink: set on HELLO, 0 before */
	uint64_t malformed;	/* received: wrong length, type, side or content */
	uint64_t stale;		/* received: of another session */
	uint8_t *buf;
};

/* Non-blocking, close-on-exec; room for at least one LINK_MESSAGE_MAX each way. */
int link_pair(int ret_fds[2]);

/* Takes over @fd and makes it non-blocking. link_close() takes a link that is not open ({.fd = -1}). */
int link_open(struct link *link, int fd, enum link_side side);
void link_close(struct link *link);

/* Sent whole or not at all. -EAGAIN: later; -EPIPE: other end gone; -EMSGSIZE: topic or payload too long; -EINVAL. */
int link_send(struct link *link, const struct link_msg *msg);

/* One message, stale ones skipped. -EAGAIN: none; -EPIPE: other end gone; -EBADMSG: dropped, counted, go on reading. */
int link_recv(struct link *link, struct link_msg *ret_msg);

/* The bytes of one message (for tests and fuzzers; pure). @ret_msg points into @buf. -EBADMSG. */
int link_decode(const void *buf, size_t len, enum link_side from, struct link_msg *ret_msg);

/* Length of the PUBLISH packet on the wire: what packet_bytes is compared with. @protocol: 4 or 5. */
size_t link_packet_bytes(size_t topic_len, size_t payload_len, int qos, int protocol);
