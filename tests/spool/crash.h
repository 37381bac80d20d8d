/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * crash - runs a spool over a simulated disk, cuts the power at one of its operations, and holds what comes out afterwards
 * against what went in.
 *
 * A run is a script made from a seed: messages of two classes, a connection that comes and goes, acknowledgements in any
 * order, refusals, stops in order. After the cut the disk is what sim_cut() left; the spool starts on it, perhaps is cut again
 * on the way, and in the end everything it has is taken from it. Then:
 *
 *  1. each message that was taken in was received, or is in a declared loss
 *  2. what was received is what went in, byte for byte, under its number
 *  3. nothing is declared lost that was received, unless its acknowledgement may have been lost with the power
 *  4. durable: what the spool had called durable is lost by a declared reason only, never by the stop; and what the stop is
 *     said to have taken was never seen. spill: the stop took no more than the queue holds
 *  5. a loss names no number that was never given, and counts its records right
 *  6. with room enough and a good disk nothing is lost but by the stop
 *  7. the disk never holds more than the cap
 *  8. the spool comes to rest: nothing waits in the end, and a start after that finds nothing
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>

#include "export/spool.h"
#include "tests/spool/sim_disk.h"

#define CRASH_ITEMS   1200
#define CRASH_LOSSES  500
#define CRASH_WINDOW  8
#define CRASH_PAYLOAD 1500
#define CRASH_MS      1000000ULL

enum { CRASH_LOSS, CRASH_EVENT, CRASH_FLOW, CRASH_CLASSES };

struct crash_item {
	uint64_t epoch, seq;
	uint64_t acked_epoch;	/* the spool's own when it was acknowledged */
	uint32_t id, len;
	uint8_t class, session;
	bool durable, received, is_shaky;
	bool is_unseen;		/* of a run that the disk never knew of */	/* shaky: of a run that was in memory only at some time */
};

struct crash_flight {
	uint32_t id;
	int item;		/* -1: a loss */
	struct spool_loss loss;
	uint64_t told_epoch;	/* in which it was declared */
};

struct crash_oracle {
	struct crash_item item[CRASH_ITEMS];
	int items;
	struct spool_loss loss[CRASH_LOSSES];
	uint64_t told_epoch[CRASH_LOSSES];
	int losses;
	uint8_t session;
	struct crash_flight flight[CRASH_WINDOW];
	int flights;
};

struct crash_case {
	enum spool_mode mode;
	bool is_tight;		/* the cap is reached */
	bool is_rotten;		/* bytes of what is left are changed */
	enum sim_fault fault;
	uint64_t fault_at, fault_n;
	uint64_t fs_bytes;
	uint64_t seed;
	int steps;
};

struct crash_world {
	struct crash_case c;
	struct sim disk;
	struct crash_oracle o;
	struct spool *spool;
	struct spool_conf conf;
	uint64_t now_ns, random, epochs;
	bool online;
	int cuts;
	char why[400];		/* "" as long as all is well */
};

static inline bool crash_fail(struct crash_world *w, const char *format, ...)
{
	va_list args;

	if (w->why[0])
		return false;
	va_start(args, format);
	vsnprintf(w->why, sizeof(w->why), format, args);
	va_end(args);
	return false;
}

static inline uint64_t crash_random(struct crash_world *w, uint64_t below)
{
	return sim_random(&w->random) % below;
}

static inline uint64_t crash_epoch(void *arg)
{
	struct crash_world *w = arg;

	return sim_random(&w->epochs);
}

static inline void crash_fill(uint8_t *buf, uint32_t id, uint32_t len)
{
	uint64_t state = id;

	for (uint32_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(i % 8 ? state >> i % 8 * 8 : sim_random(&state));
	memcpy(buf, &id, sizeof(id));
}

static inline bool crash_open(struct crash_world *w)
{
	const int err = spool_open(&w->spool, &w->conf, w->now_ns);

	w->o.session++;
	w->o.flights = 0;
	w->online = false;
	return !err || crash_fail(w, "spool_open: %d", err);
}

static inline void crash_begin(struct crash_world *w, const struct crash_case *c)
{
	memset(w, 0, sizeof(*w));
	w->c = *c;
	w->random = c->seed;
	w->epochs = c->seed ^ 0x5eed;
	w->now_ns = 1000 * CRASH_MS;
	sim_begin(&w->disk);
	w->disk.fault = c->fault;
	w->disk.fault_at = c->fault_at;
	w->disk.fault_until = c->fault_at + c->fault_n - 1;
	w->disk.fs_bytes = c->fs_bytes;
	w->conf = (struct spool_conf){
		.io = &w->disk.io, .mode = c->mode, .classes = CRASH_CLASSES, .device = "lab/gw", .segment_bytes = 4096,
		.max_bytes = c->is_tight ? 32768 + 7 * 4096 : 1 << 20, .min_free_bytes = c->fs_bytes ? 4096 : 0,
		.queue_bytes = 12000, .commit_ns = 200 * CRASH_MS, .commit_bytes = 3000, .spill_after_ns = 700 * CRASH_MS,
		.cursor_ns = 400 * CRASH_MS, .backlog_ns = 500 * CRASH_MS, .random = crash_epoch, .random_arg = w,
	};
}

static inline void crash_end(struct crash_world *w)
{
	w->spool = spool_free(w->spool);
	sim_end(&w->disk);
}

/* ---- what is known while it runs ---- */

static inline int crash_find(const struct crash_oracle *o, uint8_t class, uint64_t epoch, uint64_t seq)
{
	for (int i = 0; i < o->items; i++)
		if (o->item[i].seq == seq && o->item[i].class == class && o->item[i].epoch == epoch)
			return i;
	return -1;
}

static inline void crash_note_durable(struct crash_world *w)
{
	struct spool_state state;

	if (!w->spool)
		return;
	spool_state(w->spool, w->now_ns, &state);
	for (int i = w->o.items - 1; i >= 0 && w->o.item[i].session == w->o.session; i--) {
		struct crash_item *item = &w->o.item[i];

		item->durable |= item->seq <= spool_durable(w->spool, item->class);
		item->is_unseen = !state.is_announced;
		item->is_shaky |= state.is_disk_off || state.disk_off_since_ns || spool_counters(w->spool)->disk_off;
	}
}

static inline void crash_append(struct crash_world *w)
{
	struct spool_state state;
	uint8_t payload[CRASH_PAYLOAD];
	struct crash_item item = { .class = crash_random(w, 4) ? CRASH_FLOW : CRASH_EVENT, .session = w->o.session,
				   .id = (uint32_t)w->o.items + 1 };
	const struct spool_stamp stamp = { .mono_ns = w->now_ns, .wall_us = w->now_ns / 1000, .count = item.id % 7 };
	const int before = w->o.items;

	if (w->o.items == CRASH_ITEMS) {
		crash_fail(w, "too many items");
		return;
	}
	item.len = 4 + (uint32_t)crash_random(w, crash_random(w, 3) ? 200 : CRASH_PAYLOAD - 4);
	crash_fill(payload, item.id, item.len);
	spool_state(w->spool, w->now_ns, &state);
	item.epoch = state.epoch;
	w->o.items++;
	w->o.item[before] = item;
	if (spool_append(w->spool, item.class, &stamp, payload, item.len, w->now_ns, &w->o.item[before].seq))
		w->o.items = before;	/* its loss is told under a number that we were not given: see number 5 */
}

static inline bool crash_check_message(struct crash_world *w, const struct spool_message *m, int *ret_item)
{
	uint8_t want[CRASH_PAYLOAD];
	const struct spool_record *r = &m->record;
	const struct crash_item *item;
	const int i = crash_find(&w->o, r->class, r->epoch, r->seq);

	if (i < 0)
		return crash_fail(w, "2: class %u epoch %llx seq %llu was never taken in", r->class, (unsigned long long)r->epoch,
				  (unsigned long long)r->seq);
	item = &w->o.item[i];
	crash_fill(want, item->id, item->len);
	if (r->len != item->len || memcmp(r->payload, want, item->len) || r->count != item->id % 7)
		return crash_fail(w, "2: class %u seq %llu is not what went in", r->class, (unsigned long long)r->seq);
	*ret_item = i;
	return true;
}

static inline void crash_take_loss(struct crash_world *w, const struct crash_flight *f)
{
	if (w->o.losses == CRASH_LOSSES) {
		crash_fail(w, "too many losses");
		return;
	}
	w->o.told_epoch[w->o.losses] = f->told_epoch;
	w->o.loss[w->o.losses++] = f->loss;
}

/* The broker has it; the answer is another matter. */
static inline void crash_receive(struct crash_world *w, const struct crash_flight *f)
{
	if (f->item >= 0)
		w->o.item[f->item].received = true;
	else
		crash_take_loss(w, f);
}

static inline void crash_answer(struct crash_world *w, int i, bool is_refused)
{
	const struct crash_flight f = w->o.flight[i];
	struct spool_state state;

	w->o.flight[i] = w->o.flight[--w->o.flights];
	if (is_refused) {
		spool_refuse(w->spool, f.id, w->now_ns);
		return;
	}
	crash_receive(w, &f);
	spool_state(w->spool, w->now_ns, &state);
	if (!spool_ack(w->spool, f.id) && f.item >= 0)	/* else: it was in flight when it had to go, and is declared */
		w->o.item[f.item].acked_epoch = state.epoch;
}

static inline void crash_hang_up(struct crash_world *w)
{
	for (int i = 0; i < w->o.flights; i++)
		if (crash_random(w, 2))
			crash_receive(w, &w->o.flight[i]);
	w->o.flights = 0;
}

static inline bool crash_hand_out(struct crash_world *w)
{
	while (w->o.flights < CRASH_WINDOW) {
		struct spool_message m;
		struct crash_flight f = { .item = -1 };

		if (!spool_next(w->spool, SPOOL_LIVE, w->now_ns, &m) && !spool_next(w->spool, SPOOL_BACKLOG, w->now_ns, &m))
			return true;
		f.id = m.id;
		f.told_epoch = m.record.epoch;
		if (!m.record.class) {
			if (!spool_loss_get(m.record.payload, m.record.len, &f.loss))
				return crash_fail(w, "2: a loss that is none");
		} else if (!crash_check_message(w, &m, &f.item)) {
			return false;
		}
		if (spool_sent(w->spool, &m))
			return true;
		w->o.flight[w->o.flights++] = f;
	}
	return true;
}

/* ---- the script ---- */

static inline void crash_step(struct crash_world *w)
{
	const uint64_t what = crash_random(w, 100);

	if (what < 55) {
		crash_append(w);
	} else if (what < 62) {
		w->online = !w->online;
		crash_hang_up(w);
		spool_unsend_all(w->spool);
	} else if (what < 64) {
		crash_hang_up(w);
		spool_close(w->spool, w->now_ns);
		crash_note_durable(w);
		if (w->disk.is_dead)
			return;
		w->spool = spool_free(w->spool);
		crash_open(w);
	} else if (w->online) {
		crash_hand_out(w);
		for (int n = (int)crash_random(w, CRASH_WINDOW); n && w->o.flights && !w->why[0]; n--)
			crash_answer(w, (int)crash_random(w, (uint64_t)w->o.flights), !crash_random(w, 12));
	}
	if (!w->disk.is_dead && w->spool) {
		w->now_ns += crash_random(w, 150) * CRASH_MS;
		spool_tick(w->spool, w->now_ns, w->online);
	}
}

/* Up to the cut, or the end. */
static inline void crash_run(struct crash_world *w, uint64_t cut_at)
{
	w->disk.cut_at = cut_at;
	crash_open(w);
	for (int i = 0; i < w->c.steps && !w->disk.is_dead && !w->why[0]; i++) {
		crash_step(w);
		crash_note_durable(w);
	}
	crash_hang_up(w);
}

/* The other side of a cut: what is on its way may have arrived; what is durable is known up to there. */
static inline void crash_power(struct crash_world *to, const struct crash_world *from, enum sim_left left, int dir_left,
			       uint64_t seed)
{
	*to = *from;
	to->spool = NULL;
	to->cuts++;
	to->random = seed;
	to->epochs = from->epochs ^ seed << 1;
	sim_cut(&to->disk, &from->disk, left, dir_left, seed);
	to->disk.most_bytes = from->disk.most_bytes;
	to->conf.io = &to->disk.io;
	to->conf.random_arg = to;
	to->now_ns = 500 * CRASH_MS;	/* the clock of a boot begins anew */
}

static inline void crash_rot(struct crash_world *w)
{
	for (int n = 1 + (int)crash_random(w, 3); n; n--) {
		struct sim_file *f = &w->disk.file[crash_random(w, SIM_FILES / 8)];
		uint64_t at;

		if (!f->is_used || !f->seen_len)
			continue;
		at = crash_random(w, f->seen_len);
		f->seen[at] ^= (uint8_t)(1 + crash_random(w, 255));
		if (at < f->medium_len)
			f->medium[at] = f->seen[at];
	}
}

/* A start, and all that it has, taken. False: the power went once more. */
static inline bool crash_drain(struct crash_world *w)
{
	struct spool_state state;

	if (!crash_open(w))
		return false;
	for (int i = 0; i < 3000 && !w->disk.is_dead && !w->why[0]; i++) {
		spool_tick(w->spool, w->now_ns, true);
		w->now_ns += 300 * CRASH_MS;
		crash_hand_out(w);
		while (w->o.flights && !w->why[0])
			crash_answer(w, (int)crash_random(w, (uint64_t)w->o.flights), false);
		crash_note_durable(w);
		spool_state(w->spool, w->now_ns, &state);
		if (!state.waiting && i > 3)
			break;
		if (state.is_disk_off)
			w->now_ns += SPOOL_REST_MAX_NS;
	}
	if (w->disk.is_dead) {
		crash_hang_up(w);
		return false;
	}
	if (!w->why[0] && state.waiting)
		crash_fail(w, "8: %llu messages wait for ever", (unsigned long long)state.waiting);
	if (spool_close(w->spool, w->now_ns) && !w->disk.is_dead)
		crash_fail(w, "8: not all was stored at the stop");
	w->spool = spool_free(w->spool);
	return !w->disk.is_dead;
}

/* ---- the judgement ---- */

static inline bool crash_is_declared(const struct spool_loss *l, const struct crash_item *item)
{
	if (l->epoch != item->epoch)
		return false;
	if (l->reason == SPOOL_LOST_UNCLEAN)
		return item->seq >= l->open_from[item->class];
	return l->class == item->class && item->seq >= l->from && item->seq <= l->to;
}

static inline bool crash_judge_item(struct crash_world *w, const struct crash_item *item, uint64_t *stop_bytes)
{
	const bool is_wild = w->c.fault || w->c.is_rotten;
	bool is_lost = false, by_stop = false;

	for (int i = 0; i < w->o.losses; i++) {
		const struct spool_loss *l = &w->o.loss[i];

		if (!crash_is_declared(l, item))
			continue;
		if (l->reason == SPOOL_LOST_UNCLEAN || l->reason == SPOOL_LOST_STOP) {
			by_stop = true;
			continue;
		}
		is_lost = true;
		if (item->acked_epoch && !is_wild && ((l->reason == SPOOL_LOST_MISSING && w->cuts < 2) || item->acked_epoch == w->o.told_epoch[i]))
			return crash_fail(w, "3: class %u seq %llu acknowledged and declared lost (%s)", item->class,
					  (unsigned long long)item->seq, spool_reason_name(l->reason));
		if (!w->c.is_tight && !w->c.fs_bytes && !is_wild && l->reason != SPOOL_LOST_REFUSED && item->durable)
			return crash_fail(w, "6: class %u seq %llu lost (%s) for no reason", item->class, (unsigned long long)item->seq,
					  spool_reason_name(l->reason));
	}
	if (!item->received && !is_lost && !by_stop && !item->is_unseen)
		return crash_fail(w, "1: class %u epoch %llx seq %llu of run %u is nowhere", item->class,
				  (unsigned long long)item->epoch, (unsigned long long)item->seq, item->session);
	if (item->received || is_lost) {
		if (by_stop && w->c.mode == SPOOL_DURABLE && !item->is_shaky && !is_wild && item->received)
			return crash_fail(w, "4: class %u seq %llu was seen, and is said to be gone by the stop", item->class,
					  (unsigned long long)item->seq);
		return true;
	}
	if (item->durable && !w->c.is_rotten)
		return crash_fail(w, "4: class %u seq %llu was durable, and is gone by the stop", item->class,
				  (unsigned long long)item->seq);
	*stop_bytes += item->len;
	return true;
}

static inline bool crash_judge(struct crash_world *w)
{
	uint64_t stop_bytes = 0;

	for (int i = 0; i < w->o.items && !w->why[0]; i++)
		crash_judge_item(w, &w->o.item[i], &stop_bytes);
	if (stop_bytes > 2 * w->conf.queue_bytes)	/* at most two cuts a case */
		crash_fail(w, "4: the stop took %llu bytes", (unsigned long long)stop_bytes);
	for (int i = 0; i < w->o.losses && !w->why[0]; i++) {
		const struct spool_loss *l = &w->o.loss[i];
		uint64_t records = 0;

		for (int k = 0; k < w->o.items; k++)
			if (l->reason != SPOOL_LOST_UNCLEAN && crash_is_declared(l, &w->o.item[k]))
				records += w->o.item[k].id % 7;
		if (l->reason != SPOOL_LOST_UNCLEAN && l->reason != SPOOL_LOST_MEMORY && l->class && l->records != SPOOL_OPEN && records != l->records)
			crash_fail(w, "5: loss of class %u %llu..%llu (%s) says %llu records, not %llu", l->class, (unsigned long long)l->from,
				   (unsigned long long)l->to, spool_reason_name(l->reason), (unsigned long long)l->records, (unsigned long long)records);
		for (uint64_t seq = l->from; l->reason != SPOOL_LOST_UNCLEAN && l->class && seq <= l->to && !w->why[0]; seq++)
			if (crash_find(&w->o, l->class, l->epoch, seq) < 0 && l->reason != SPOOL_LOST_MEMORY && l->reason != SPOOL_LOST_TOO_BIG)
				crash_fail(w, "5: loss of class %u epoch %llx seq %llu (%s), which was never given", l->class,
					   (unsigned long long)l->epoch, (unsigned long long)seq, spool_reason_name(l->reason));
	}
	if (w->disk.most_bytes > w->conf.max_bytes)
		crash_fail(w, "7: %llu bytes on the disk, %llu allowed", (unsigned long long)w->disk.most_bytes,
			   (unsigned long long)w->conf.max_bytes);
	return !w->why[0];
}

/* After a drain: a start finds an empty spool of the same epoch. */
static inline void crash_check_rest(struct crash_world *w)
{
	struct spool_state state;
	struct spool_message m;

	if (!crash_open(w))
		return;
	spool_tick(w->spool, w->now_ns, true);
	spool_state(w->spool, w->now_ns, &state);
	if (!w->c.fault && (state.waiting || spool_next(w->spool, SPOOL_LIVE, w->now_ns, &m) || spool_next(w->spool, SPOOL_BACKLOG, w->now_ns, &m)))
		crash_fail(w, "8: %llu messages after the end", (unsigned long long)state.waiting);
	if (spool_counters(w->spool)->unclean_stops && !w->c.fault)
		crash_fail(w, "8: an unclean stop after one in order");
}
