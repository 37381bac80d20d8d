/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/take.h"

#include <stdbool.h>
#include <stddef.h>

static struct flow_slot *slot_at(const struct take *t, uint32_t number)
{
	return &t->flows[number / BUCKET_SLOTS].slot[number % BUCKET_SLOTS];
}

static __u64 *counter_of(struct flow_slot *slot, unsigned int n)
{
	return n < 2 ? &slot->bytes[n] : &slot->count[n - 2];
}

/* Where a counter of @slot is booked. */
static __u64 *book_of(const struct take *t, const struct flow_slot *slot, unsigned int n)
{
	struct tally *tally = &t->taken[slot->key.port % PORTS_MAX].dir[slot->flags & FLOW_MIRROR || n % 2 == 0 ? DIR_RX : DIR_TX];

	return n < 2 ? &tally->bytes : &tally->frames;
}

static struct taken_step *step_of(const struct take *t)
{
	return (struct taken_step *)&t->taken[TAKEN_STEP];
}

static bool turned(const __u64 *counter, uint64_t was)
{
	return ((__atomic_load_n(counter, __ATOMIC_RELAXED) ^ was) & TAKE_TURN) != 0;
}

/* The second half of a step whose counter is emptied. May be done again. */
static void step_end(const struct take *t, struct taken_step *step, const struct flow_slot *slot)
{
	const uint64_t figure = step->was & ~TAKE_TURN;

	if (step->to) {
		__u64 *to = counter_of(slot_at(t, (uint32_t)step->to - 1), step->counter);
		__u64 old = __atomic_load_n(to, __ATOMIC_RELAXED);

		while (((old ^ step->before) & TAKE_TURN) == 0 &&
		       !__atomic_compare_exchange_n(to, &old, (old + figure) ^ TAKE_TURN, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			;
	} else {
		*book_of(t, slot, step->counter) = step->before + (step->counter < 2 ? figure : figure & COUNT_FRAMES_MASK);
	}
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	step->from = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

uint64_t take_counter(const struct take *t, uint32_t from, unsigned int n, long to)
{
	struct flow_slot *slot = slot_at(t, from);
	__u64 *counter = counter_of(slot, n), was = __atomic_load_n(counter, __ATOMIC_RELAXED);
	struct taken_step *step = step_of(t);

	if (!(was & ~TAKE_TURN))
		return 0;
	step->counter = (uint16_t)n;
	step->to = (uint64_t)(to + 1);
	step->before = to < 0 ? *book_of(t, slot, n) : __atomic_load_n(counter_of(slot_at(t, (uint32_t)to), n), __ATOMIC_RELAXED);
	step->was = was;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	step->from = from + 1;
	do {
		step->was = was;
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	} while (!__atomic_compare_exchange_n(counter, &was, ~was & TAKE_TURN, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	step_end(t, step, slot);
	return was & ~TAKE_TURN;
}

void take_recover(const struct take *t)
{
	struct taken_step *step = step_of(t);
	struct flow_slot *slot;

	if (!step->from)
		return;
	slot = step->from <= t->slots && step->to <= t->slots && step->counter < TAKE_COUNTERS ?
	       slot_at(t, step->from - 1) : NULL;
	if (slot && turned(counter_of(slot, step->counter), step->was))
		step_end(t, step, slot);
	step->from = 0;
}
