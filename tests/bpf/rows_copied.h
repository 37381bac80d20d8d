/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rows_copied - what user space has to have got of one packet's payload: struct copied says what, check_copied() holds
 * the copies that were heard against it. Where a packet is cut into chunks is the kernel's business: what must be right
 * is that they follow one another, each within HELLO_CHUNK, and that together they are the payload.
 */
#pragma once

#include "rows.h"

static const uint8_t no_mac[6];	/* raw IP */

struct copied {
	const uint8_t *bytes;
	uint32_t len;		/* that lie in the frame */
	uint32_t left;		/* of the payload, by the IP header */
	uint32_t seq, ack;
	uint32_t slot;
	uint8_t from_b, proto;
	uint16_t vlan;
	const uint8_t *mac;	/* NULL: that of every frame of packet_make() */
};

static uint32_t slot_number(const struct flow_slot *slot)
{
	uint32_t number = 0;

	while (number < SLOTS && slot_at(number) != slot)
		number++;
	return number;
}

static struct flow_slot *only_slot(void)
{
	static struct flow_slot none;
	struct flow_slot *found = NULL;

	for (uint32_t i = 0; i < SLOTS; i++)
		if (slot_at(i)->tag & TAG_LIVE) {
			if (found)
				wrong("more than one flow");
			found = slot_at(i);
		}
	if (!found)
		wrong("no flow");
	return found ? found : &none;
}

static void check_copy(const struct copy *copy, const uint8_t *bytes, const struct copied *want, uint32_t at)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 0xaa };

	EXPECT("slot of a copy", copy->event.slot, want->slot);
	EXPECT("port of a copy", copy->event.port, PORT);
	EXPECT("side of a copy", copy->event.dir, want->from_b);
	EXPECT("protocol of a copy", copy->event.proto, want->proto);
	EXPECT("time of a copy is there", copy->event.time_ns != 0, 1);
	EXPECT("seq of a copy", copy->seq, want->seq + at);
	EXPECT("ack of a copy", copy->ack, want->ack);
	EXPECT("left of a copy", copy->left, MIN(want->left - at, 0xffff));
	EXPECT("VLAN of a copy", copy->vlan, want->vlan);
	EXPECT("MAC of a copy is the source's", !memcmp(copy->mac, want->mac ? want->mac : mac, 6), 1);
	EXPECT("bytes of a copy lie in the frame", at + copy->len <= want->len, 1);
	if (at + copy->len <= want->len && memcmp(bytes, want->bytes + at, copy->len))
		wrong("bytes of a copy differ from byte %u on", at);
}

/* The copies from number @at on are those of @want; returns the number of the first one behind them. */
static unsigned int check_copied(unsigned int at, const struct copied *want)
{
	uint32_t done = 0;

	for (; done < want->len && at < copies && at < HEARD_MAX && row_good; at++) {
		check_copy(&heard[at], heard_bytes[at], want, done);
		done += heard[at].len;
	}
	EXPECT("bytes copied", done, want->len);
	return at;
}
