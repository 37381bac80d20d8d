/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * take - empties a counter of a flow slot into the books, or into another slot: once, whenever this process dies.
 *
 * Emptying and adding are two changes, between which SIGKILL may come. So the step is written down first (struct
 * taken_step); emptying turns the counter's TAKE_TURN, so that a successor sees whether that was done; and the figure from
 * before makes adding to the books repeatable, the other slot's TAKE_TURN adding to that. Nothing but the compiler has to keep
 * the order: what a killed process has stored is stored. The kernel may add all the time. One process at a time.
 */
#pragma once

#include <stdint.h>

#include "bpf/abi.h"

#define TAKE_COUNTERS 4		/* of a slot: bytes of a, of b, count of a, of b */

struct take {
	struct flow_bucket *flows;
	struct taken *taken;	/* TAKEN_ENTRIES */
	uint32_t slots;
};

/* Counter @n of slot @from into that of slot @to, or, with -1, into the books. Returns what it was, TAKE_TURN apart. */
uint64_t take_counter(const struct take *t, uint32_t from, unsigned int n, long to);

/* Ends what a process that was killed had begun. Before anything else is done with the maps. */
void take_recover(const struct take *t);
