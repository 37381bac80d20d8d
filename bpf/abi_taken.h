/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * abi_taken - the part of abi.h about what user space has taken out of flow slots, and how it does that once; include abi.h.
 *
 * collect/take.h says how the step and the turn make up for a process that is killed between two changes.
 */
#pragma once

#include <linux/types.h>

enum { DIR_RX, DIR_TX, DIRS };

struct tally {
	__u64 frames;
	__u64 bytes;
};

/* Value of map "taken", one a port: what user space has taken out of flow slots so far. */
struct taken {
	struct tally dir[DIRS];
};

/* Top bit of flow_slot.bytes and .count, nobody's number: user space turns it each time that it changes the counter. */
#define TAKE_TURN	(1ULL << 63)

/* Behind the ports in the same map: the step that user space is in. */
struct taken_step {
	__u32 from;		/* 1 + slot number; 0: none */
	__u16 counter;		/* of that slot: bytes[0], bytes[1], count[0], count[1] */
	__u16 zero;
	__u64 was;		/* what that counter was, TAKE_TURN and all */
	__u64 before;		/* the figure of struct taken, or the other slot's counter, before it is added there */
	__u64 to;		/* 1 + number of the other slot, into which it goes; 0: it is taken */
};
_Static_assert(sizeof(struct taken_step) == sizeof(struct taken), "taken_step");
#define TAKEN_STEP	PORTS_MAX	/* its index */
#define TAKEN_ENTRIES	(PORTS_MAX + 1)
