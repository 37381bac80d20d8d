/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * broker - one connection to an MQTT broker, from the name lookup to its end: libmosquitto 2.0.11 under our loop.
 *
 * Used by uplink alone. Knows nothing of links, windows or retries: a connection ends once, for a reason with a text,
 * and is never revived (the library would send its own queue again, without order or bound).
 *
 * Callbacks come from the loop, never from inside another call of this header. up() and acked() may publish, ack() may
 * not; down(), after which nothing more comes, may free. Nothing blocks: names have been looked up before (resolve.h).
 * Returns 0 or a negative errno; logs the library's talk at debug.
 *
 * MQTT 5: the session is kept for conf->offline_delay_s and resumed, because the will is delayed by as much, and a clean
 * start would make the broker publish it. Nothing else needs the session: this client subscribes to nothing, and what
 * was not acknowledged is the agent's to send again, under new packet identifiers. Topic aliases are not used: the
 * library does not map them, one that outlives its connection is a protocol error, and a topic of ours is a hundredth
 * of its batch.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "mqtt/uplink.h"

struct broker;

enum broker_end {
	BROKER_FILES,		/* a CA, certificate or key file is missing or unusable: nothing was sent */
	BROKER_FAILED,		/* no CONNACK: lookup, TCP, TLS, time-out, garbage */
	BROKER_CLOSED_EARLY,	/* the peer took the connection, and closed it or sent garbage before CONNACK: maybe it has no MQTT 5 */
	BROKER_VERSION,		/* CONNACK 132, or 1 in 3.1.1: not this MQTT version */
	BROKER_REFUSED,		/* CONNACK with any other error */
	BROKER_LOST,		/* after CONNACK */
};

struct broker_limits {		/* out of CONNACK; the protocol's defaults in 3.1.1 */
	uint32_t receive_max;	/* QoS 1 in flight; 1 to 65535 */
	uint32_t packet_bytes;	/* UINT32_MAX: any */
};

struct broker_events {
	void (*up)(void *arg, const struct broker_limits *limits);
	void (*ack)(void *arg, int mid, int reason);	/* MQTT 5 reason code; always 0 in 3.1.1 */
	void (*acked)(void *arg);			/* after one or more ack(): room to publish */
	void (*down)(void *arg, enum broker_end how, const char *text);
	void *arg;
};

struct broker_target {
	const char *name;	/* what its certificate has to be for; borrowed during the call */
	uint16_t port;
	const struct sockaddr *address;	/* of that name and port */
	socklen_t address_len;
	int protocol;		/* 4 or 5 */
};

/* @loop, @conf, @events must outlive it. A failure of any kind but -ENOMEM arrives by down(). */
int broker_connect(struct broker **ret_broker, struct loop *loop, const struct uplink_conf *conf,
		   const struct broker_target *target, const struct broker_events *events);
struct broker *broker_free(struct broker *broker);	/* takes NULL; returns NULL; closes without DISCONNECT */

/* After up(), with less than UPLINK_WINDOW_MAX in flight. ack() of a QoS 0 means written. -EMSGSIZE: too long for this broker; -EINVAL: not a topic to publish
 * to, not UTF-8; -EOPNOTSUPP: this broker has no such QoS or no retain; -EPIPE: broken, down() follows, and whether
 * this one went out is unknown. */
int broker_publish(struct broker *broker, const char *topic, const void *payload, size_t len, int qos, bool retain,
		   int *ret_mid);

void broker_disconnect(struct broker *broker);	/* clean: no will, no session left; down() follows */

int64_t broker_certificate_expires_s(const struct broker *broker);	/* the broker's; 0: no TLS, or not seen yet */
