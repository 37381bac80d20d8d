/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * residual - the books of a port against its NIC's own counters: NIC - seen since a baseline, by direction, and why.
 *
 * A baseline is both counters at one moment: taken when the hook of a port came on, its interface was made anew, or a
 * counter went back (a driver that was reset, 32 bits that wrapped). Reading takes time, so the NIC is read before and
 * after the books; as long as the difference may be what it was at the last reading, it is said to be that: frames that
 * come meanwhile make no residual. Reasons are named only where a counter or a feature of the interface shows them, in
 * the order of the table; each takes at most what those before it have left, and what is left at last is unexplained.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "collect/nic.h"

/* Name, what it says. Those from FOREIGN_XDP on have no counter: they take all that is left. */
#define RESIDUAL_REASONS(X) \
	X(JOINED,	"joined",	"packets of several segments (GSO, GRO), which the NIC counts as one") \
	X(LINK_HEADER,	"link_header",	"the NIC counts bytes without the Ethernet header") \
	X(FCS,		"fcs",		"the NIC counts 4 bytes more a frame: FCS, or a VLAN tag of every frame") \
	X(VLAN_TAG,	"vlan_tag",	"VLAN tags that the NIC takes out or puts in, and only one side counts") \
	X(DRIVER_DROP,	"driver_drop",	"dropped by driver or stack before the hook (rx), by the driver behind it (tx)") \
	X(QUEUE,	"queue",	"tx: dropped by the queueing discipline behind the hook, or waiting there") \
	X(FOREIGN_XDP,	"foreign_xdp",	"someone else's XDP program, in front of the hook, dropped or sent them on") \
	X(HW_OFFLOAD,	"hw_offload",	"forwarded by the NIC: hw-tc-offload, l2-fwd-offload or an offloaded flowtable") \
	X(LRO,		"lro",		"rx: joined by the NIC in a way that does not tell of how many")

enum residual_reason {
#define X(id, name, text) RESIDUAL_##id,
	RESIDUAL_REASONS(X)
#undef X
	RESIDUAL_N,
};

extern const char *const residual_names[RESIDUAL_N];
extern const char *const residual_texts[RESIDUAL_N];

/* Why the baseline is where it is. */
#define RESIDUAL_BASES(X) \
	X(NONE,		"none")		/* no hook, or no reading yet */ \
	X(ATTACHED,	"attached")	/* a hook came on, or this agent process began to look */ \
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
	struct nic_counters nic[2];	/* just before and just after the books */
	struct tally seen[DIRS], joined[DIRS];
};

struct residual_part {
	int64_t frames, bytes;
};

struct residual_dir {
	struct residual_part all;	/* NIC - seen since the baseline */
	struct residual_part reason[RESIDUAL_N];
	struct residual_part unexplained;	/* all - reasons */
	uint64_t moving;		/* frames that the NIC counted during the reading: @all may be off by them */
	int style;			/* bytes a frame that the NIC counts more; found once, kept */
};

struct residual {
	enum residual_base base;
	uint32_t baselines;		/* taken so far */
	struct residual_reading begin;	/* the baseline: what both had counted before it */
	struct residual_reading now;	/* the last reading */
	struct residual_dir dir[DIRS];
};

/* True: a baseline was taken (also when a port is left without one: base NONE). */
bool residual_take(struct residual *r, const struct residual_reading *reading);
void residual_none(struct residual *r);		/* port without interface: forgets all but the count of baselines */

bool residual_shows(const struct residual_dir *d);	/* anything but 0 */
