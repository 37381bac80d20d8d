/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/quic_handshake.h"

#define ANSWERED	0x01
#define REPLIED		0x02
#define REPEATED	0x04	/* what is waited for an answer to now */

static uint32_t half_us(const struct quic_handshake *h, uint64_t from_ns, uint64_t now_ns)
{
	if (!from_ns || h->bits & REPEATED || now_ns < from_ns)
		return 0;
	return (uint32_t)MIN(MAX((now_ns - from_ns) / 1000, 1u), UINT32_MAX);
}

/* @first_ns: when it came first. */
static void note(struct quic_handshake *h, uint64_t *first_ns, uint64_t now_ns)
{
	if (!*first_ns)
		*first_ns = now_ns;
	else if (now_ns - *first_ns > QUIC_FLIGHT_NS)
		h->bits |= REPEATED;
}

uint32_t quic_handshake_step(struct quic_handshake *h, unsigned int steps, uint16_t connection, uint64_t now_ns)
{
	uint32_t us = 0;

	if (!steps || (connection != h->connection && (!(steps & QUIC_STEP_INITIAL) || h->bits & ANSWERED)))
		return 0;
	if (connection != h->connection)
		*h = (struct quic_handshake){ .connection = connection };
	if (steps & QUIC_STEP_INITIAL && !(h->bits & ANSWERED))
		note(h, &h->initial_ns, now_ns);
	if (steps & QUIC_STEP_ANSWER && !(h->bits & ANSWERED)) {
		us = half_us(h, h->initial_ns, now_ns);
		h->bits = ANSWERED;
	}
	if (steps & QUIC_STEP_FLIGHT)
		note(h, &h->flight_ns, now_ns);
	if (steps & QUIC_STEP_REPLY && !(h->bits & REPLIED)) {
		us = half_us(h, h->flight_ns, now_ns);
		h->bits |= REPLIED;
	}
	return us;
}

bool quic_handshake_answered(const struct quic_handshake *h)
{
	return h->bits & ANSWERED;
}

bool quic_handshake_done(const struct quic_handshake *h)
{
	return h->bits & REPLIED;
}
