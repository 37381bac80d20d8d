/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/spool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/util.h"
#include "export/spool_private.h"

#define EPOCH_BITS   53	/* JSON's numbers are exact up to there */
#define LOSSES_WAIT  64	/* of them in memory without a disk: the rest stays in the table, where neighbours become one */

/* ---- losses ---- */

void spool_lose(struct spool *s, const struct spool_loss *loss)
{
	const uint64_t merged = s->losses.merged;

	if (loss->reason != SPOOL_LOST_UNCLEAN) {
		s->counters.lost += loss->to - loss->from + 1;
		s->lost_by_reason[loss->reason] += loss->to - loss->from + 1;
		s->lost_of[loss->class] += loss->to - loss->from + 1;
		if (loss->records != SPOOL_OPEN) {
			s->counters.lost_records += loss->records;
			s->lost_records_of[loss->class] += loss->records;
		}
	}
	s->counters.losses++;
	spool_losses_add(&s->losses, loss);
	s->counters.losses_merged += s->losses.merged - merged;
}

uint64_t spool_lose_run(struct spool *s, uint8_t class, uint64_t epoch, uint64_t from, uint64_t to, enum spool_reason reason,
			uint64_t records)
{
	const struct spool_done *done = &s->lane[class].done;
	uint64_t n = 0;

	for (uint64_t seq = spool_done_skip(done, from); seq <= to; seq = spool_done_skip(done, seq)) {
		struct spool_loss loss = { .reason = reason, .class = class, .epoch = epoch, .from = seq,
					   .to = spool_done_until(done, seq, to), .records = records };

		if (loss.from != from || loss.to != to)
			loss.records = SPOOL_OPEN;
		spool_lose(s, &loss);
		spool_done_with(s, class, loss.from, loss.to);
		n += loss.to - loss.from + 1;
	}
	return n;
}

/* ---- the disk, when it fails ---- */

static void poison(struct spool *s, struct spool_lane *lane)
{
	struct spool_segment *seg = lane->active;
	char name[SPOOL_NAME_MAX];
	struct spool_node *n;

	if (!seg)
		return;
	lane->active = NULL;
	spool_segment_poison(seg);
	TAILQ_FOREACH(n, &lane->nodes, link)
		n->is_written = false;
	if (seg->durable_last)
		return;
	spool_segment_name(name, seg->class, seg->serial);
	if (!s->conf.io->unlink(s->conf.io, name))
		spool_forget_segment(s, seg);	/* else it counts, and goes with the next deletion */
}

void spool_strike(struct spool *s, int err, uint64_t now_ns)
{
	s->disk_error = err;
	s->counters.disk_errors++;
	if (++s->strikes < SPOOL_STRIKES || s->is_disk_off)
		return;
	s->is_disk_off = true;
	s->counters.disk_off++;
	s->off_since_ns = s->off_since_ns ? s->off_since_ns : now_ns;
	s->rest_ns = s->rest_ns ? MIN(2 * s->rest_ns, SPOOL_REST_MAX_NS) : SPOOL_REST_NS;
	s->retry_at_ns = now_ns + s->rest_ns;
	for (unsigned int i = 0; i < s->conf.classes; i++)
		poison(s, &s->lane[i]);
	s->dirty_bytes = 0;
	s->dirty_since_ns = 0;
}

static void disk_is_well(struct spool *s)
{
	s->strikes = 0;
	s->rest_ns = s->off_since_ns = 0;
}

/* ---- segments ---- */

void spool_forget_segment(struct spool *s, struct spool_segment *seg)
{
	struct spool_lane *lane = &s->lane[seg->class];

	s->disk_bytes -= spool_blocks(seg->file_bytes);
	s->segments--;
	if (lane->active == seg)
		lane->active = NULL;
	spool_segment_close(seg);
	TAILQ_REMOVE(&lane->segments, seg, link);
	free(seg);
}

static int begin_segment(struct spool *s, uint8_t class, uint64_t first)
{
	struct spool_lane *lane = &s->lane[class];
	struct spool_segment *seg = calloc(1, sizeof(*seg));
	int err;

	if (!seg)
		return -ENOMEM;
	*seg = (struct spool_segment){ .serial = s->next_serial, .epoch = s->epoch, .epoch_first = lane->epoch_first,
				       .prev_epoch = s->prev_epoch, .first = first, .class = class, .fd = -1 };
	s->next_serial++;
	err = spool_segment_create(seg, s->conf.io, s->device);
	if (err) {
		free(seg);
		return err;
	}
	TAILQ_INSERT_TAIL(&lane->segments, seg, link);
	lane->active = seg;
	s->disk_bytes += spool_blocks(seg->file_bytes);
	s->segments++;
	s->counters.segments_made++;
	return 0;
}

/* Nodes that the active segment now holds for good. */
static void settle(struct spool *s, struct spool_lane *lane)
{
	struct spool_node *n;

	while ((n = TAILQ_FIRST(&lane->nodes)) && n->is_written && n->record.seq <= lane->active->durable_last)
		spool_queue_remove(s, n);
	lane->durable_last = MAX(lane->durable_last, lane->active->durable_last);
}

static int sync_lane(struct spool *s, struct spool_lane *lane)
{
	const int err = spool_segment_sync(lane->active);

	s->counters.commits++;
	if (err)
		poison(s, lane);
	else
		settle(s, lane);
	return err;
}

/* One node into its lane's active segment, which is begun, or ended, where need be. */
static int store(struct spool *s, struct spool_node *n, uint64_t now_ns)
{
	const uint8_t class = n->record.class;
	struct spool_lane *lane = &s->lane[class];
	const uint32_t len = SPOOL_RECORD_HEAD + n->record.len;
	struct spool_segment *seg = lane->active;
	uint64_t before;
	int err;

	if (seg && seg->last && seg->bytes + len > s->conf.segment_bytes) {
		err = sync_lane(s, lane);
		if (err)
			return err;
		spool_segment_close(seg);
		lane->active = NULL;
	}
	do {
		seg = lane->active;
		err = spool_make_room(s, class, seg ? seg->file_bytes : 0, (seg ? seg->bytes : SPOOL_SEGMENT_HEAD) + len, now_ns);
	} while (err == -EAGAIN);
	if (err == -ENOSPC)
		s->strikes = SPOOL_STRIKES - 1;	/* nothing of ours is in the way: no use trying at once */
	if (!err && !lane->active)
		err = begin_segment(s, class, n->record.seq);
	if (err)
		return err;
	seg = lane->active;
	before = spool_blocks(seg->file_bytes);
	err = spool_segment_append(seg, &n->record, s->buf);
	s->disk_bytes += spool_blocks(seg->file_bytes) - before;
	if (err) {
		poison(s, lane);
		if (err != -ENOSPC || !spool_drop_oldest(s, class, SPOOL_LOST_NO_SPACE))
			return err;
		for (unsigned int i = 1; i < class; i++)
			if (!TAILQ_EMPTY(&s->lane[i].segments))
				return -ENOBUFS;	/* as spool_make_room() has it */
		s->strikes = SPOOL_STRIKES - 1;
		return err;
	}
	n->is_written = true;
	s->dirty_bytes += len;
	if (!s->dirty_since_ns)
		s->dirty_since_ns = now_ns;
	return 0;
}

static struct spool_node *unwritten(struct spool *s)
{
	for (unsigned int i = 0; i < s->conf.classes; i++) {
		struct spool_node *n;

		TAILQ_FOREACH_REVERSE(n, &s->lane[i].nodes, spool_nodes, link)
			if (n->is_written)
				break;
		n = n ? TAILQ_NEXT(n, link) : TAILQ_FIRST(&s->lane[i].nodes);
		if (n)
			return n;
	}
	return NULL;
}

/* All that is in memory only into segments; what the cap has no room for is lost. Ends early when the disk is off. */
static void write_out(struct spool *s, uint64_t now_ns)
{
	struct spool_node *n;

	while (spool_has_disk(s) && (n = unwritten(s))) {
		const struct spool_record r = n->record;
		const int err = store(s, n, now_ns);

		if (err == -EDQUOT || err == -ENOBUFS)
			spool_lose_run(s, r.class, r.epoch, r.seq, r.seq, err == -EDQUOT ? SPOOL_LOST_FULL : SPOOL_LOST_NO_SPACE, r.count);
		else if (err)
			spool_strike(s, err, now_ns);
	}
}

/*
 * What memory alone has had until now goes to the disk. The cursor first: what was acknowledged from memory is a hole in
 * the log, and recovery is to know that it is none.
 */
static void spill(struct spool *s, uint64_t now_ns)
{
	const int err = s->is_cursor_dirty && s->is_announced && spool_has_disk(s) ? spool_store_cursor(s, false, false) : 0;

	if (err)
		spool_strike(s, err, now_ns);
	write_out(s, now_ns);
	spool_commit(s, now_ns);
}

int spool_commit(struct spool *s, uint64_t now_ns)
{
	while (spool_has_disk(s)) {
		unsigned int synced = 0;
		int failed = 0;

		for (unsigned int i = 0; i < s->conf.classes; i++) {
			struct spool_lane *lane = &s->lane[i];
			int err;

			if (!lane->active || !spool_segment_is_dirty(lane->active))
				continue;
			err = sync_lane(s, lane);
			if (err)
				failed = err;
			else
				synced++;
		}
		if (!failed) {
			s->dirty_bytes = 0;
			s->dirty_since_ns = 0;
			if (synced)
				disk_is_well(s);
			return 0;
		}
		spool_strike(s, failed, now_ns);
		write_out(s, now_ns);	/* what is still in memory goes into new segments */
	}
	return s->conf.mode == SPOOL_MEMORY ? 0 : s->disk_error;
}

/* ---- cursor ---- */

/* What is lost is over and done with only when its loss is on the disk: until then recovery is to find the hole. */
static void not_done(struct spool_cursor *c, const struct spool_loss *loss)
{
	if (loss->reason != SPOOL_LOST_UNCLEAN)
		spool_done_remove(&c->class[loss->class].done, loss->from, loss->to);
}

/* Before this run is announced the cursor stays that of the run before, but for what is done with. */
int spool_store_cursor(struct spool *s, bool is_clean, bool both)
{
	struct spool_cursor *c = &s->cursor;
	const struct spool_node *n;
	int err;

	if (s->is_announced) {
		c->epoch = s->epoch;
		c->prev_epoch = s->prev_epoch;
		c->clean = is_clean;
		memcpy(c->device, s->device, sizeof(c->device));
	} else if (!c->epoch) {
		return 0;	/* there was none, and it is not time for one */
	}
	for (unsigned int i = 0; i < SPOOL_CLASSES; i++) {
		if (s->is_announced) {
			c->class[i].next_seq = s->lane[i].next_seq;
			c->class[i].epoch_first = s->lane[i].epoch_first;
		}
		c->class[i].durable_last = s->lane[i].durable_last;
		c->class[i].done = s->lane[i].done;
	}
	for (uint32_t i = 0; i < s->losses.n; i++)
		not_done(c, &s->losses.loss[i]);
	TAILQ_FOREACH(n, &s->lane[0].nodes, link) {
		struct spool_loss loss;

		if (spool_loss_get(n->payload, n->record.len, &loss))
			not_done(c, &loss);
	}
	err = both ? spool_cursor_store_both(s->conf.io, c, s->buf) : spool_cursor_store(s->conf.io, c, s->buf);
	s->counters.cursor_writes++;
	if (!err)
		s->is_cursor_dirty = false;
	return err;
}

/* Over and done with, and not being written: nothing in it is waited for any more. */
static bool is_deletable(const struct spool *s, const struct spool_segment *seg)
{
	const struct spool_lane *lane = &s->lane[seg->class];

	return seg != lane->active && !seg->is_foreign && (!seg->last || spool_done_covers(&lane->done, seg->first, seg->last));
}

static unsigned int delete_done(struct spool *s, bool only_count)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < s->conf.classes; i++) {
		struct spool_segment *seg = TAILQ_FIRST(&s->lane[i].segments), *next;

		for (; seg; seg = next) {
			char name[SPOOL_NAME_MAX];
			int err;

			next = TAILQ_NEXT(seg, link);
			if (!is_deletable(s, seg))
				continue;
			n++;
			if (only_count)
				continue;
			spool_segment_name(name, seg->class, seg->serial);
			err = s->conf.io->unlink(s->conf.io, name);
			if (err && err != -ENOENT)
				continue;	/* tried again by and by */
			spool_forget_segment(s, seg);
			s->counters.segments_deleted++;
		}
	}
	return n;
}

/* Does the disk hold anything that is waited for? */
static bool is_waited_for(const struct spool *s)
{
	for (unsigned int i = 0; i < s->conf.classes; i++) {
		const struct spool_segment *seg;

		TAILQ_FOREACH(seg, &s->lane[i].segments, link)
			if (seg->last && !spool_done_covers(&s->lane[i].done, seg->first, seg->last))
				return true;
	}
	return false;
}

/*
 * The cursor, when it is time or segments wait for it; then those go. In mode spill a broker that answers leaves nothing on the
 * disk, and then the cursor is not written either: it would be all that wears it.
 */
static void tidy(struct spool *s, uint64_t now_ns)
{
	const bool waits = s->conf.mode == SPOOL_DURABLE || is_waited_for(s);
	unsigned int deletable;
	int err;

	if (SPOOL_MUTANT == SPOOL_MUTANT_DELETE_FIRST)
		delete_done(s, false);
	deletable = delete_done(s, true);
	if (!deletable && !(s->is_cursor_dirty && now_ns - s->cursor_at_ns >= s->conf.cursor_ns && (waits || s->was_waited_for)))
		return;
	s->cursor_at_ns = now_ns;
	s->was_waited_for = waits;
	err = spool_store_cursor(s, false, deletable);
	if (err)
		spool_strike(s, err, now_ns);
	else if (deletable)
		delete_done(s, false);
}

/* ---- taking in ---- */

static int add(struct spool *s, const struct spool_record *record, uint64_t now_ns)
{
	const size_t bytes = sizeof(struct spool_node) + record->len;
	const size_t mark = s->conf.mode == SPOOL_SPILL ? s->conf.queue_bytes / 4 * 3 : s->conf.queue_bytes;
	struct spool_node *n;

	if (s->queue_bytes + bytes > mark && spool_has_disk(s))
		spill(s, now_ns);
	if (record->class)
		spool_queue_make_room(s, bytes);
	n = record->class && s->queue_bytes + bytes > s->conf.queue_bytes ? NULL :
	    spool_queue_add(s, record->class, record, now_ns);
	if (!n)
		return -ENOMEM;
	s->counters.messages++;
	if (s->conf.mode == SPOOL_DURABLE) {
		write_out(s, now_ns);
		if (s->dirty_bytes >= s->conf.commit_bytes)
			spool_commit(s, now_ns);
	}
	return 0;
}

void spool_flush_losses(struct spool *s, uint64_t now_ns)
{
	struct spool_loss loss;

	while (s->losses.n) {
		uint8_t payload[SPOOL_LOSS_BYTES];
		struct spool_record r = { .epoch = s->epoch, .seq = s->lane[0].next_seq, .count = 1, .mono_ns = now_ns,
					  .len = sizeof(payload), .payload = payload };
		unsigned int waiting = 0;
		struct spool_node *n;

		TAILQ_FOREACH(n, &s->lane[0].nodes, link)
			waiting++;
		if (!spool_has_disk(s) && waiting >= LOSSES_WAIT)
			return;
		spool_losses_take(&s->losses, &loss);
		spool_loss_put(payload, &loss);
		s->lane[0].next_seq++;
		if (add(s, &r, now_ns)) {	/* no memory: again later, under another number */
			spool_losses_add(&s->losses, &loss);
			spool_lose_run(s, 0, r.epoch, r.seq, r.seq, SPOOL_LOST_MEMORY, 1);
			return;
		}
	}
}

int spool_append(struct spool *s, uint8_t class, const struct spool_stamp *stamp, const void *payload, uint32_t len,
		 uint64_t now_ns, uint64_t *ret_seq)
{
	struct spool_record r = { .epoch = s->epoch, .count = stamp->count, .len = len, .class = class, .flags = stamp->flags,
				  .mono_ns = stamp->mono_ns, .wall_us = stamp->wall_us, .time_quality = stamp->time_quality,
				  .payload = payload };
	int err;

	if (!class || class >= s->conf.classes)
		return -EINVAL;
	r.seq = s->lane[class].next_seq++;
	err = len > SPOOL_PAYLOAD_MAX || sizeof(struct spool_node) + len > s->conf.queue_bytes ? -EMSGSIZE : add(s, &r, now_ns);
	if (err)
		spool_lose_run(s, class, r.epoch, r.seq, r.seq, err == -EMSGSIZE ? SPOOL_LOST_TOO_BIG : SPOOL_LOST_MEMORY, r.count);
	else if (ret_seq)
		*ret_seq = r.seq;
	return err;
}

void spool_declare(struct spool *s, uint8_t class, enum spool_reason reason, uint64_t records, uint64_t now_ns)
{
	const uint64_t seq = s->lane[class].next_seq++;

	spool_lose_run(s, class, s->epoch, seq, seq, reason, records);
}

/* ---- in the course of time ---- */

static void follow_connection(struct spool *s, uint64_t now_ns, bool online)
{
	if (online == s->was_online)
		return;
	s->was_online = online;
	if (!online) {
		s->offline_since_ns = now_ns;
		return;
	}
	if (now_ns - s->offline_since_ns < s->conf.backlog_ns)
		return;
	for (unsigned int i = 0; i < s->conf.classes; i++)
		s->lane[i].live_from = s->lane[i].next_seq;
	spool_restart_places(s);
}

/*
 * What the disk is to know before all else: losses, which end the epochs of earlier runs, and behind them the cursor with
 * this run's. Also the way back to a disk that was left alone.
 */
void spool_announce(struct spool *s, uint64_t now_ns)
{
	const bool was_announced = s->is_announced;
	int err;

	s->is_disk_off = false;
	if (s->strikes)
		s->strikes = SPOOL_STRIKES - 1;
	spool_flush_losses(s, now_ns);
	spill(s, now_ns);
	if (!spool_has_disk(s))
		return;
	s->is_announced = true;
	err = spool_store_cursor(s, false, true);
	s->is_announced = !err || was_announced;
	if (!err) {
		disk_is_well(s);
		return;
	}
	s->strikes = SPOOL_STRIKES - 1;
	spool_strike(s, err, now_ns);
}

void spool_tick(struct spool *s, uint64_t now_ns, bool online)
{
	const uint64_t oldest_ns = s->conf.mode == SPOOL_SPILL ? spool_queue_oldest_ns(s) : 0;

	follow_connection(s, now_ns, online);
	spool_flush_losses(s, now_ns);
	if (s->conf.mode == SPOOL_MEMORY)
		return;
	if (s->is_disk_off && now_ns >= s->retry_at_ns)
		spool_announce(s, now_ns);
	if (spool_has_disk(s) && oldest_ns && now_ns - oldest_ns >= s->conf.spill_after_ns) {
		spill(s, now_ns);
	} else if (s->dirty_since_ns && now_ns - s->dirty_since_ns >= s->conf.commit_ns) {
		spool_commit(s, now_ns);
	}
	if (spool_has_disk(s))
		tidy(s, now_ns);
	spool_flush_losses(s, now_ns);
}

/* ---- life ---- */

static uint64_t default_random(void *arg)
{
	return random_u64();
}

uint64_t spool_new_epoch(struct spool *s)
{
	uint64_t (*random)(void *) = s->conf.random ? s->conf.random : default_random;
	uint64_t epoch;

	do
		epoch = random(s->conf.random_arg) & ((1ULL << EPOCH_BITS) - 1);
	while (!epoch || epoch == s->epoch);
	return epoch;
}

uint64_t spool_least_bytes(const struct spool_conf *conf)
{
	return SPOOL_CURSOR_BYTES + (conf->classes + 2) * spool_blocks(conf->segment_bytes);
}

int spool_open(struct spool **ret_spool, const struct spool_conf *conf, uint64_t now_ns)
{
	struct spool *s;
	int err;

	if (conf->classes < 2 || conf->classes > SPOOL_CLASSES || conf->queue_bytes < 4 * sizeof(struct spool_node))
		return -EINVAL;
	if (conf->mode != SPOOL_MEMORY && (!conf->io || conf->segment_bytes < SPOOL_BLOCK || conf->segment_bytes > SPOOL_SEGMENT_MAX / 2 ||
					   conf->max_bytes < spool_least_bytes(conf)))
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->conf = *conf;
	snprintf(s->device, sizeof(s->device), "%s", conf->device);
	for (unsigned int i = 0; i < SPOOL_CLASSES; i++) {
		s->lane[i].next_seq = s->lane[i].live_from = s->lane[i].epoch_first = 1;
		TAILQ_INIT(&s->lane[i].segments);
		TAILQ_INIT(&s->lane[i].nodes);
	}
	s->offline_since_ns = now_ns;
	s->next_serial = 1;
	s->buf = malloc(SPOOL_SCAN_BYTES);
	err = s->buf ? 0 : -ENOMEM;
	if (!err && conf->mode != SPOOL_MEMORY)
		err = spool_recover(s, now_ns);
	if (!err && !s->epoch)
		s->epoch = spool_new_epoch(s);
	if (err) {
		spool_free(s);
		return err;
	}
	for (unsigned int i = 0; i < SPOOL_CLASSES; i++)
		s->lane[i].live_from = s->lane[i].next_seq;
	spool_restart_places(s);
	*ret_spool = s;
	return 0;
}

uint64_t spool_close(struct spool *s, uint64_t now_ns)
{
	uint64_t left = 0;

	if (s->conf.mode != SPOOL_MEMORY && !s->is_disk_off) {
		spool_flush_losses(s, now_ns);
		spill(s, now_ns);
		spool_flush_losses(s, now_ns);	/* of what had no room */
		spill(s, now_ns);
	}
	for (unsigned int i = 0; i < s->conf.classes; i++) {
		const struct spool_node *n;

		TAILQ_FOREACH(n, &s->lane[i].nodes, link)
			left++;
	}
	if (spool_has_disk(s) && !left && !s->losses.n)
		spool_store_cursor(s, true, true);	/* fails: the next start sees an unclean stop */
	return left;
}

struct spool *spool_free(struct spool *s)
{
	if (!s)
		return NULL;
	for (unsigned int i = 0; i < SPOOL_CLASSES; i++) {
		struct spool_segment *seg;
		struct spool_node *n;

		while ((n = TAILQ_FIRST(&s->lane[i].nodes)))
			spool_queue_remove(s, n);
		while ((seg = TAILQ_FIRST(&s->lane[i].segments)))
			spool_forget_segment(s, seg);
	}
	free(s->buf);
	free(s);
	return NULL;
}

/* ---- what it says of itself ---- */

static uint64_t worst_case_ns(const struct spool *s, uint64_t now_ns)
{
	const uint64_t oldest_ns = spool_queue_oldest_ns(s);

	if (!spool_has_disk(s))
		return oldest_ns ? now_ns - oldest_ns : 0;
	return s->conf.commit_ns + (s->conf.mode == SPOOL_SPILL ? s->conf.spill_after_ns : 0);
}

static uint64_t oldest_of(const struct spool_lane *lane)
{
	const struct spool_segment *seg;
	const struct spool_node *n = TAILQ_FIRST(&lane->nodes);

	TAILQ_FOREACH(seg, &lane->segments, link)
		if (seg->last && !spool_done_covers(&lane->done, seg->first, seg->last))
			return seg->first_wall_us;
	return n ? n->record.wall_us : 0;
}

void spool_state(const struct spool *s, uint64_t now_ns, struct spool_state *ret)
{
	*ret = (struct spool_state){
		.mode = s->conf.mode, .is_disk_off = s->is_disk_off, .is_announced = s->is_announced, .disk_error = s->disk_error,
		.disk_off_since_ns = s->off_since_ns, .epoch = s->epoch, .queue_bytes = s->queue_bytes,
		.disk_bytes = s->disk_bytes, .segments = s->segments, .worst_case_loss_ns = worst_case_ns(s, now_ns),
	};
	memcpy(ret->lost_by_reason, s->lost_by_reason, sizeof(ret->lost_by_reason));
	memcpy(ret->lost_of, s->lost_of, sizeof(ret->lost_of));
	memcpy(ret->lost_records_of, s->lost_records_of, sizeof(ret->lost_records_of));
	for (unsigned int i = 0; i < s->conf.classes; i++) {
		const struct spool_lane *lane = &s->lane[i];
		const uint64_t oldest = oldest_of(lane);

		ret->waiting += lane->next_seq - 1 - lane->done.base;
		for (uint32_t r = 0; r < lane->done.n; r++)
			ret->waiting -= lane->done.run[r].to - lane->done.run[r].from + 1;
		if (oldest && (!ret->oldest_wall_us || oldest < ret->oldest_wall_us))
			ret->oldest_wall_us = oldest;
	}
	for (unsigned int i = 0; i < SPOOL_SLOTS; i++)
		ret->in_flight += s->slot[i].seq && s->slot[i].is_in_flight;
}

const struct spool_counters *spool_counters(const struct spool *s)
{
	return &s->counters;
}

uint64_t spool_durable(const struct spool *s, uint8_t class)
{
	return s->lane[class].durable_last;
}
