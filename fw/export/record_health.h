/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* record_health - the part of record.h about how well a connection goes: round trips, losses. Times are microseconds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

struct record_rtt {
	uint32_t count;			/* samples since the last report; 0: absent */
	uint32_t min_us, mean_us;
	uint32_t p50_us, p95_us, p99_us;
	uint8_t first_bucket;		/* of the grid of bpf/abi_tcp.h */
	uint8_t buckets[2 * TCP_RTT_BUCKETS];
};

struct record_tcp_side {		/* since the connection began */
	uint16_t retransmits, lost_before, out_of_order, duplicate_acks, zero_windows;
	uint32_t in_flight;
};

struct record_tcp {
	const char *state;		/* NULL: not TCP; then nothing else is there */
	const char *failure, *reset;	/* NULL: absent */
	bool measured;			/* rtt, source, destination are there */
	bool has_handshake;
	uint32_t handshake_near_us, handshake_far_us;
	struct record_rtt rtt[2];	/* near, far */
	struct record_tcp_side source, destination;
};

struct record_quic {
	const char *spin;		/* NULL: its spin bit was not watched; then there are no samples */
	uint32_t handshake_near_us, handshake_far_us;	/* 0: absent */
	struct record_rtt rtt[2];	/* near, far: of the spin bit */
};
