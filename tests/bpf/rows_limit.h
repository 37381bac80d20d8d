/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* rows_limit - rows of test_rows about a flood of new flows: who is still admitted when the table is more than half full. */
#pragma once

#include <sched.h>

#include "rows.h"

static void limit_frame(int hook, uint32_t i, uint8_t proto)
{
	static struct frame_bytes f;

	PACKET_MAKE(&f, .ip = 4, .a = (uint8_t)i, .b = (uint8_t)(i >> 8), .proto = proto, .sport = (uint16_t)(1 + (i >> 16)), .dport = 443,
		    .flags = SYN, .payload_len = proto == 17 ? 30 : 0);
	run_frame(hook, &f);
}

static unsigned int slots_used(void)
{
	unsigned int used = 0;

	for (uint32_t i = 0; i < SLOTS; i++)
		used += !!slot_at(i)->tag;
	return used;
}

static void test_new_limit(int hook)
{
	const uint32_t flood = 8 * SLOTS;
	const int dir = hook == PROGRAM_TX_TC ? DIR_TX : DIR_RX;
	unsigned int used, before;
	struct books books;
	cpu_set_t all, one;

	row_good = true;
	CPU_ZERO(&one);	/* each CPU admits a burst of its own */
	CPU_SET(sched_getcpu(), &one);
	sched_getaffinity(0, sizeof(all), &all);
	sched_setaffinity(0, sizeof(one), &one);
	reset(0);
	for (uint32_t i = 0; i < flood; i++)
		limit_frame(hook, i, 6);
	used = slots_used();
	EXPECT("the flood gets its half of every bucket", used >= BUCKET_ADMIT * BUCKETS, 1);
	EXPECT("and as many more as come at once", used <= BUCKET_ADMIT * BUCKETS + LIMIT_BURST + 1, 1);
	read_books(PORT, &books);
	EXPECT("new_flow_limit", books.dir[dir].class[BOOK_NEW_LIMIT].frames, flood - used);
	EXPECT("new_flow_limit: tcp", books.dir[dir].new_limit.proto[0].frames, flood - used);
	EXPECT("table_full", books.dir[dir].class[BOOK_TABLE_FULL].frames, 0);
	check_sum();
	ring_buffer__consume(ring);
	EXPECT("an event says so", last_event.type, EVENT_NEW_LIMIT);
	EXPECT("event protocol", last_event.proto, 6);

	before = used;
	for (uint32_t i = 0; i < LIMIT_BURST; i++)
		limit_frame(hook, i, 17);
	EXPECT("new flows of another protocol are admitted", slots_used(), before + LIMIT_BURST);
	for (uint32_t i = 0; i < flood; i++)
		limit_frame(hook, i, 6);
	for (uint32_t i = 0; i < SLOTS; i++)
		if (slot_at(i)->tag && slot_at(i)->key.proto == 6)
			EXPECT("who has a slot is found", slot_at(i)->count[dir] & COUNT_FRAMES_MASK, 2);
	check_sum();
	sched_setaffinity(0, sizeof(all), &all);
	row_end(hook == PROGRAM_TX_TC ? "flood of new flows: tc tx" : "flood of new flows: xdp rx");
}
