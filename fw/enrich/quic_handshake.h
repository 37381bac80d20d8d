/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quic_handshake - both halves of the round trip of a QUIC handshake, as TCP's SYN, SYN-ACK and ACK give them: from the client's
 * Initial to the server's first packet, and from the server's first packet that asks for one to the client's next that shows
 * that it has had it.
 *
 * Pure. Knows no packets: quic.h says which step a datagram is. One connection of a flow, the first that the server answers.
 * Where a step came twice, so that nobody knows which of the two was answered (Karn, RFC 6298 3), that half is not measured; a
 * hello or a flight of several datagrams is no repetition: they come within QUIC_FLIGHT_NS.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/util.h"

#define QUIC_FLIGHT_NS	(50 * NS_PER_MS)	/* a repetition comes later: at least 200 ms, RFC 9002 6.2 */

/* Steps, as bits: what a datagram shows. */
#define QUIC_STEP_INITIAL	0x1	/* a client's, that need not have heard of the server */
#define QUIC_STEP_ANSWER	0x2	/* from the server, to that client */
#define QUIC_STEP_FLIGHT	0x4	/* and the client has to answer it: not an acknowledgement alone */
#define QUIC_STEP_REPLY		0x8	/* from the client, which has had an answer: it uses the server's connection id, or its keys */

/* All zero when it begins; 24 bytes. */
struct quic_handshake {
	uint64_t initial_ns, flight_ns;	/* 0: not yet */
	uint16_t connection;
	uint8_t bits;
};

/* One datagram of @connection. Returns the half between port and its sender, which it has ended, in microseconds; 0: none. */
uint32_t quic_handshake_step(struct quic_handshake *h, unsigned int steps, uint16_t connection, uint64_t now_ns);

bool quic_handshake_answered(const struct quic_handshake *h);	/* the server has */
bool quic_handshake_done(const struct quic_handshake *h);	/* nothing more will be measured */
