/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * matrix - every case of the crash matrix: kinds of runs, seeds, cuts at each operation, and what each cut may leave.
 *
 * MATRIX_QUICK of the cuts make the quick form. A case that fails says how to run it alone: kind, seed, cut, variant.
 */
#pragma once

#include "tests/spool/crash.h"

struct matrix_kind {
	const char *name;
	struct crash_case c;
	unsigned int seeds;	/* full form */
};

static const struct matrix_kind matrix_kinds[] = {
	{ "durable", { .mode = SPOOL_DURABLE, .steps = 60 }, 10 },
	{ "spill", { .mode = SPOOL_SPILL, .steps = 60 }, 10 },
	{ "durable, cap reached", { .mode = SPOOL_DURABLE, .is_tight = true, .steps = 220 }, 4 },
	{ "spill, cap reached", { .mode = SPOOL_SPILL, .is_tight = true, .steps = 220 }, 4 },
	{ "durable, file system full", { .mode = SPOOL_DURABLE, .fs_bytes = 60000, .steps = 160 }, 4 },
	{ "spill, file system full", { .mode = SPOOL_SPILL, .fs_bytes = 60000, .steps = 160 }, 4 },
	{ "durable, EIO", { .mode = SPOOL_DURABLE, .fault = SIM_EIO, .steps = 60 }, 16 },
	{ "durable, ENOSPC", { .mode = SPOOL_DURABLE, .fault = SIM_ENOSPC, .steps = 60 }, 16 },
	{ "durable, EROFS", { .mode = SPOOL_DURABLE, .fault = SIM_EROFS, .steps = 60 }, 16 },
	{ "durable, short writes", { .mode = SPOOL_DURABLE, .fault = SIM_SHORT, .steps = 60 }, 16 },
	{ "durable, a sync fails and the next ones lie", { .mode = SPOOL_DURABLE, .fault = SIM_SYNC_LIES, .steps = 60 }, 16 },
	{ "spill, EIO", { .mode = SPOOL_SPILL, .fault = SIM_EIO, .steps = 60 }, 16 },
	{ "spill, a sync fails and the next ones lie", { .mode = SPOOL_SPILL, .fault = SIM_SYNC_LIES, .steps = 60 }, 16 },
	{ "durable, cap reached, a sync fails and the next ones lie",
	  { .mode = SPOOL_DURABLE, .is_tight = true, .fault = SIM_SYNC_LIES, .steps = 160 }, 6 },
	{ "durable, cap reached, EIO", { .mode = SPOOL_DURABLE, .is_tight = true, .fault = SIM_EIO, .steps = 160 }, 6 },
	{ "durable, bytes rotten", { .mode = SPOOL_DURABLE, .is_rotten = true, .steps = 60 }, 8 },
	{ "spill, bytes rotten", { .mode = SPOOL_SPILL, .is_rotten = true, .steps = 60 }, 8 },
};
#define MATRIX_KINDS (sizeof(matrix_kinds) / sizeof(matrix_kinds[0]))

struct matrix_counts {
	uint64_t cases, cuts, double_cuts, faults, items, losses, failures;
	char first[600];	/* the first failure */
};

static inline void matrix_note(struct matrix_counts *n, const struct crash_world *w, const char *name, uint64_t seed, uint64_t cut,
			       uint64_t variant)
{
	n->cases++;
	n->items += (uint64_t)w->o.items;
	n->losses += (uint64_t)w->o.losses;
	if (!w->why[0])
		return;
	if (!n->failures++)
		snprintf(n->first, sizeof(n->first), "%s, seed %llu, cut %llu, variant %llu: %s", name, (unsigned long long)seed,
			 (unsigned long long)cut, (unsigned long long)variant, w->why);
}

/* What the cut left, in one of its variants; one case in three is cut again while it starts and hands out. */
static inline void matrix_variant(struct matrix_counts *n, const struct crash_world *from, const char *name, uint64_t seed,
				  uint64_t cut, uint64_t variant)
{
	const uint64_t pick = variant * 2654435761u + cut;
	struct crash_world *w = malloc(sizeof(*w)), *again = NULL;

	crash_power(w, from, (enum sim_left)(variant % SIM_LEFT_N), (int)(variant / SIM_LEFT_N % 3), seed * 1000003 + cut * 131 + variant);
	if (w->c.is_rotten)
		crash_rot(w);
	w->disk.cut_at = pick % 3 ? 0 : 1 + pick / 3 % 60;
	if (!crash_drain(w) && w->disk.is_dead && !w->why[0]) {
		n->double_cuts++;
		w->spool = spool_free(w->spool);
		again = malloc(sizeof(*again));
		crash_power(again, w, (enum sim_left)(pick % SIM_LEFT_N), (int)(pick / SIM_LEFT_N % 3), pick);
		crash_drain(again);
	}
	if (crash_judge(again ? again : w) && pick % 5 == 0)
		crash_check_rest(again ? again : w);
	matrix_note(n, again ? again : w, name, seed, cut, variant);
	if (again)
		crash_end(again);
	free(again);
	crash_end(w);
	free(w);
}

static inline void matrix_seed(struct matrix_counts *n, const struct matrix_kind *kind, uint64_t seed, unsigned int stride,
			       unsigned int variants, uint64_t only_cut, uint64_t only_variant)
{
	static const uint64_t lasts[] = { 1, 1, 2, 3, 6, 20, 100000 };
	struct crash_world *w = malloc(sizeof(*w));
	struct crash_case c = kind->c;
	uint64_t ops;

	c.seed = seed;
	if (c.fault) {
		c.fault_at = 5 + seed * 37 % 150;
		c.fault_n = lasts[seed % (sizeof(lasts) / sizeof(lasts[0]))];
	}
	crash_begin(w, &c);
	crash_run(w, 0);
	ops = w->disk.ops;
	n->faults += w->disk.faults;
	crash_end(w);
	for (uint64_t cut = only_cut ? only_cut : 1 + seed % stride; cut <= ops + 1; cut += stride) {
		crash_begin(w, &c);
		crash_run(w, cut);
		n->cuts++;
		w->spool = spool_free(w->spool);
		for (unsigned int v = 0; v < variants && !w->why[0]; v++) {
			const uint64_t variant = only_cut ? only_variant : (cut + v * (3 * SIM_LEFT_N / variants)) % (3 * SIM_LEFT_N);

			matrix_variant(n, w, kind->name, seed, cut, variant);
			if (only_cut)
				break;
		}
		if (w->why[0])
			matrix_note(n, w, kind->name, seed, cut, 0);
		crash_end(w);
		if (only_cut)
			break;
	}
	free(w);
}

static inline void matrix_kind_run(struct matrix_counts *n, const struct matrix_kind *kind, bool is_quick)
{
	const unsigned int seeds = is_quick ? 2 + (kind->c.fault ? 4 : 0) : kind->seeds;

	for (uint64_t seed = 1; seed <= seeds; seed++)
		matrix_seed(n, kind, seed, is_quick ? 7 : 1, is_quick ? 3 : 9, 0, 0);
}
