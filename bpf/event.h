/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * event - ring-buffer records. They only hasten user space: what they tell also stands in the maps, so a full ring
 * loses no fact, and is counted (event_lost).
 */
#pragma once

#include "bpf/count.h"

static __always_inline void event_send(const struct event *event)
{
	if (bpf_ringbuf_output(&events, (void *)event, sizeof(*event), 0))
		count_stat(STAT_EVENT_LOST);
}

static __always_inline void event_hello(__u16 port, __u32 slot_number, __u64 now_ns)
{
	struct event event = { .time_ns = now_ns, .type = EVENT_HELLO, .port = port, .slot = slot_number };

	event_send(&event);
}

/* Counts a frame that found no slot by protocol, and says so at most once an interval on each CPU. */
static __always_inline void count_refused(struct refused *refused, enum event_type type, const struct frame *frame, __u8 proto)
{
	struct event event = { .type = type, .port = frame->port, .dir = frame->dir, .proto = proto };

	tally_add(&refused->proto[book_proto_of(proto) & (BOOK_PROTOS - 1)], frame->segments, frame->bytes);
	event.time_ns = frame->now_ns;
	if (event.time_ns - refused->event_ns < EVENT_INTERVAL_NS)
		return;
	refused->event_ns = event.time_ns;
	event_send(&event);
}
