/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* bench - what the BPF objects of this folder and their programs share. */
#pragma once

#include <linux/types.h>

#define BENCH_SADDR_OFF	26	/* of the IPv4 source address behind an Ethernet header */

/*
 * Which flow the next packet belongs to, of mask + 1 (a power of two) from base on. In .bss of the object.
 * In turn: every flow once, to put them into the tables. At random: not the order in which they were put there, as
 * memory that is taken in that order would then be read in that order, too, which no real traffic does.
 */
struct bench {
	__u64 sent;
	__u32 mask;
	__u32 base;
	__u32 at_random;
	__u32 hello_slot;	/* the hello programs: slot number of the one flow, */
	__u32 hello_flags;	/* and FLOW_* that it has before its first payload */
};

/* Value of the kernel hashes: the plainest flow counter. */
struct bench_count {
	__u64 packets;
	__u64 bytes;
	__u64 last_ns;
};

/* What gen.bpf.c has made, in .bss of its object. One CPU at a time. */
struct bench_sent {
	__u64 frames;
	__u64 bytes;
};
