/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clsact - our own TC filter on an interface, for kernels without TCX: never a flush, never anyone else's filter.
 *
 * The filter is cls_bpf, direct action, with CLSACT_HANDLE and CLSACT_PRIORITY, named "weir". Where we had to make the
 * clsact qdisc ourselves it is named "weir+qdisc": so a later run knows, too, that the qdisc is ours to remove, and
 * the mark vanishes together with what it marks. Returns 0 or a negative errno. No logging.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CLSACT_HANDLE	0x57454952u	/* "WEIR" */
#define CLSACT_PRIORITY	57		/* ahead of what tc hands out by itself (49152 down) */

enum clsact_side { CLSACT_INGRESS, CLSACT_EGRESS, CLSACT_SIDES };

struct nl_sock;

/* What is on an interface. */
struct clsact_seen {
	bool qdisc;			/* something sits at the ingress hook: clsact, or its ancestor "ingress" */
	char qdisc_kind[16];
	bool qdisc_ours;		/* one of our filters says that we made it */
	bool ours[CLSACT_SIDES];	/* our filter is there */
	uint32_t foreign;		/* other filters, both sides */
};

int clsact_look(struct nl_sock *nl, uint32_t ifindex, struct clsact_seen *ret_seen);

/* Adds our filter, or replaces its program in one step. -EEXIST: another qdisc or filter is in its place. */
int clsact_put(struct nl_sock *nl, uint32_t ifindex, enum clsact_side side, int prog_fd, bool *ret_replaced);

/* 0 also where nothing of ours is there. The qdisc goes with the last filter, if we made it and it is empty. */
int clsact_remove(struct nl_sock *nl, uint32_t ifindex, enum clsact_side side);
