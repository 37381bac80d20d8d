/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * outbox - what the uplink still owes its agent: verdicts, and the newest READY, WINDOW and STATE.
 *
 * Bounded however long the agent does not read: a verdict takes one of UPLINK_WINDOW_MAX places and the owner takes no
 * PUBLISH without a place for its verdict; of the others only the newest is kept, and STATE is filled when it is sent.
 */
#pragma once

#include <stdbool.h>

#include "mqtt/link.h"
#include "mqtt/uplink.h"

struct outbox {
	bool ready_due, window_due, state_due;
	unsigned int at, count;		/* verdicts not yet sent */
	struct { enum link_type type; struct link_verdict verdict; } verdicts[UPLINK_WINDOW_MAX];

	const struct link_window *window;
	void (*fill_state)(void *arg, struct link_state *state);
	void *arg;
};

void outbox_verdict(struct outbox *box, enum link_type type, uint32_t id, int reason);

/* 0: all sent; -EAGAIN: again at EPOLLOUT; other negative errnos of link_send(): the link is gone. */
int outbox_flush(struct outbox *box, struct link *link);
