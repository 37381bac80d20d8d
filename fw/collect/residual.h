/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * residual - the books of a port against its NIC's own counters: NIC - seen since a baseline, by direction, and why.
 *
 * A baseline is both counters at one moment: taken when the agent began to look, the hook of a port came on, its interface
 * was made anew, or a counter went back (a driver that was reset, 32 bits that wrapped). Reading takes time, so the NIC is
 * read before and after the books; as long as the difference may be what it was at the last reading, it is said to be that:
 * frames that come meanwhile make no residual. Only what is measured is a reason, and it takes at most what those before it
 * in the table have left; all that is left then is unexplained. What may be behind that, by the interface's features and
 * counters that say something else, too, is named as possible, and subtracted from nothing. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "collect/nic.h"

/* Measured: each is a counter, or a number of bytes a frame that all frames agree on. Name, what it says. */
#define RESIDUAL_REASONS(X) \
	X(JOINED,	"joined",	"packets of several segments (GSO, GRO), which the NIC counts as one") \
	X(LINK_HEADER,	"link_header",	"the NIC counts bytes without the Ethernet header") \
	X(FCS,		"fcs",		"the NIC counts 4 bytes more a frame: FCS, or a VLAN tag of every frame") \
	X(DRIVER_DROP,	"driver_drop",	"tx: dropped by the driver, behind the hook") \
	X(QUEUE,	"queue",	"tx: dropped by the queueing discipline behind the hook, or waiting there")

enum residual_reason {
#define X(id, name, text) RESIDUAL_##id,
	RESIDUAL_REASONS(X)
#undef X
	RESIDUAL_N,
};

/* Possible: this is there and makes such differences, but nothing counts how much of it. */
#define RESIDUAL_POSSIBLE(X) \
	X(FOREIGN_XDP,	"foreign_xdp",	"rx: someone else's XDP program, in front of the hook, dropped or sent them on") \
	X(HW_OFFLOAD,	"hw_offload",	"forwarded by the NIC: hw-tc-offload, l2-fwd-offload or an offloaded flowtable") \
	X(LRO,		"lro",		"rx: joined by the NIC in a way that does not tell of how many") \
	X(RX_JOINED,	"joined",	"rx: packets that came joined and were joined once more by GRO") \
	X(RX_DROP,	"rx_dropped",	"rx: the interface has dropped some; its counter has those behind the hook, too") \
	X(BYPASS,	"bypass",	"tx: past the hook by AF_XDP, XDP_TX, XDP_REDIRECT or PACKET_QDISC_BYPASS") \
	X(IN_QUEUE,	"in_queue",	"tx: in the queue when the NIC was asked, and sent when the queue was") \
	X(VLAN_TAG,	"vlan_tag",	"VLAN tags that the NIC takes out or puts in, and only one side counts") \
	X(PADDING,	"padding",	"tx: the NIC counts what it pads short frames with")

enum residual_possible {
#define X(id, name, text) RESIDUAL_POSSIBLE_##id,
	RESIDUAL_POSSIBLE(X)
#undef X
	RESIDUAL_POSSIBLE_N,
};

extern const char *const residual_names[RESIDUAL_N];
extern const char *const residual_texts[RESIDUAL_N];
extern const char *const residual_possible_names[RESIDUAL_POSSIBLE_N];
extern const char *const residual_possible_texts[RESIDUAL_POSSIBLE_N];

/* Why the baseline is where it is. */
#define RESIDUAL_BASES(X) \
	X(NONE,		"none")		/* no hook, or no reading yet */ \
	X(BEGAN,	"began")	/* this agent process began to look at it */ \
	X(ATTACHED,	"attached")	/* a hook came on, or the interface can be asked again */ \
	X(INTERFACE,	"interface")	/* another interface of that name */ \
	X(WENT_BACK,	"went_back")	/* a counter did */

enum residual_base {
#define X(id, name) RESIDUAL_BASE_##id,
	RESIDUAL_BASES(X)
#undef X
	RESIDUAL_BASE_N,
};

extern const char *const residual_base_names[RESIDUAL_BASE_N];

struct residual_reading {
	uint32_t ifindex;
	uint32_t attach_count;		/* another one: the hooks came on since */
	uint32_t features;		/* 1 << enum nic_feature */
	bool hook[DIRS];		/* is on; without it the direction has no residual */
	bool foreign_xdp;
	bool hw_flowtable;
	bool raw_ip;			/* frames have no link header */
	uint64_t at_us;			/* since 1970: when; for the reader, nothing is computed with it */
	struct nic_counters nic[2];	/* just before and just after the books */
	struct nic_queue queue;		/* after both */
	struct tally seen[DIRS], joined[DIRS];
};

struct residual_part {
	int64_t frames, bytes;
};

struct residual_dir {
	struct residual_part all;	/* NIC - seen since the baseline */
	struct residual_part reason[RESIDUAL_N];
	struct residual_part unexplained;	/* all - reasons */
	uint32_t possible;		/* what may be behind @unexplained: 1 << enum residual_possible */
	uint64_t moving;		/* frames that the NIC counted during the reading: @all may be off by them */
	int style;			/* bytes a frame that the NIC counts more, all of them: 0, -14 or 4 */
};

struct residual {
	enum residual_base base;
	uint32_t baselines;		/* taken so far */
	struct residual_reading begin;	/* the baseline: what both had counted before it */
	struct residual_reading now;	/* the last reading */
	uint32_t features;		/* these three: at any reading since the baseline, as what they did stays */
	bool foreign_xdp, hw_flowtable;
	struct residual_dir dir[DIRS];
};

/* True: a baseline was taken (also when a port is left without one: base NONE). */
bool residual_take(struct residual *r, const struct residual_reading *reading);
void residual_none(struct residual *r);		/* port without interface: forgets all but the count of baselines */

bool residual_shows(const struct residual_dir *d);	/* anything but 0 */
