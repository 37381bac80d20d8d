/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * servers - which of several brokers to try next, and when. Pure: the caller brings the randomness and the clock.
 *
 * Each has a back-off, and what is known of its MQTT version, of its own. A connection that was good is made again to
 * the same broker (its session and its delayed will are there); after a failure it is the next one's turn, not before
 * that one's own back-off is over, and never at once: a fleet that changes over is spread as well. Nobody goes back to
 * an earlier broker while a later one serves.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hosts.h"
#include "base/util.h"
#include "base/backoff.h"
#include "mqtt/version.h"

struct server {
	const char *host;
	uint16_t port;
	struct backoff backoff;
	struct version version;
	uint64_t ready_ns;	/* not before */
	unsigned int address;	/* which of the name's addresses: the next one after each failure */
};

struct servers {
	unsigned int count, at;
	struct server server[HOSTS_MAX];
};

static inline struct server *servers_now(struct servers *s)
{
	return &s->server[s->at];
}

/* An attempt ended like that, or a connection, which stood for @up_ns. Makes the next server servers_now(), and returns when to try it. */
static inline uint64_t servers_ended(struct servers *s, enum broker_end how, uint64_t up_ns, uint64_t now_ns,
				     const uint32_t random[2])
{
	struct server *one = servers_now(s);
	/* One that stood longer than the next wait may be was a good one; two clients of one name never are. */
	bool good = how == BROKER_LOST && up_ns > backoff_ceiling_ms(&one->backoff) * NS_PER_MS;
	bool other_version = version_ended(&one->version, how);
	struct backoff first;
	uint32_t wait_ms;
	uint64_t at_ns;

	if (good)
		one->backoff.failures = 0;
	wait_ms = backoff_next_ms(&one->backoff, random[0]);
	if (other_version && how == BROKER_VERSION && one->version.protocol == 4)
		wait_ms = 0;	/* it answered, and was clear */
	one->ready_ns = now_ns + wait_ms * NS_PER_MS;
	if (how != BROKER_LOST && how != BROKER_VERSION)
		one->address++;
	if (good || other_version || s->count == 1)
		return one->ready_ns;
	s->at = (s->at + 1) % s->count;
	one = servers_now(s);
	first = one->backoff;
	first.failures = 0;
	at_ns = now_ns + backoff_next_ms(&first, random[1]) * NS_PER_MS;
	return MAX(at_ns, one->ready_ns);
}
