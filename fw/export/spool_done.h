/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * spool_done - which sequence numbers of a class are over and done with: acknowledged, or declared lost.
 *
 * All up to @base, and the runs above it, in order and never touching. When there is no room for another run the
 * shortest is forgotten: its messages go out twice, none is lost. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SPOOL_RUNS_MAX 64	/* 1 kB; a window and a few outages make so many */

struct spool_run {
	uint64_t from, to;	/* both in it */
};

struct spool_done {
	uint64_t base;
	uint32_t n;
	struct spool_run run[SPOOL_RUNS_MAX];
};

void spool_done_add(struct spool_done *d, uint64_t from, uint64_t to);
void spool_done_remove(struct spool_done *d, uint64_t from, uint64_t to);
bool spool_done_covers(const struct spool_done *d, uint64_t from, uint64_t to);
uint64_t spool_done_skip(const struct spool_done *d, uint64_t seq);	/* the first from @seq on that is not done */
/* The last before something that is done, of a run that begins at @seq, which is not; at most @to. */
uint64_t spool_done_until(const struct spool_done *d, uint64_t seq, uint64_t to);
