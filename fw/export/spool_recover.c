/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The start: what the last run left, whatever that is. Nothing here ends the start; what cannot be read is declared lost.
 *
 * Every class' log is walked in order. A hole in the numbers that neither the cursor nor a stored loss explains is a loss.
 * Bytes that are no record are passed over, in the last segment as in others: what is good behind them is not thrown away, and
 * behind the last good record the segment ends. After a run that did not end in order a new epoch begins, because numbers
 * of the old one may have been seen outside (memory only, spill) that the log does not have.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "export/spool_private.h"

#define BAD_NAME "bad.seg"

struct recovery {
	struct spool *s;
	struct spool_cursor cursor;
	bool has_cursor;
	bool full;			/* more files than the index takes */
	uint64_t last_epoch;		/* of the segment made last */
	uint64_t newest, last_serial;
	struct spool_done accounted[SPOOL_CLASSES];	/* done, or in a loss that is stored */
	uint64_t declared_to[SPOOL_CLASSES];
};

static void take_name(const char *name, void *arg)
{
	struct recovery *r = arg;
	struct spool_segment *seg, *after;
	struct spool_segments *list;
	uint64_t serial;
	uint8_t class;

	if (!spool_segment_parse(name, &class, &serial) || class >= r->s->conf.classes)
		return;
	r->last_serial = MAX(r->last_serial, serial);
	seg = r->s->segments < SPOOL_SEGMENTS_MAX ? calloc(1, sizeof(*seg)) : NULL;
	if (!seg) {
		r->full = true;
		return;
	}
	*seg = (struct spool_segment){ .io = r->s->conf.io, .serial = serial, .class = class, .fd = -1, .is_named = true };
	list = &r->s->lane[class].segments;
	TAILQ_FOREACH_REVERSE(after, list, spool_segments, link)
		if (after->serial < serial)
			break;
	if (after)
		TAILQ_INSERT_AFTER(list, after, seg, link);
	else
		TAILQ_INSERT_HEAD(list, seg, link);
	r->s->segments++;
}

/* Up to what was once known to be durable something has happened to the log; the rest may never have been there. */
static void lose_gap(struct recovery *r, uint8_t class, uint64_t epoch, uint64_t from, uint64_t to, bool is_corrupt)
{
	const struct spool_done *known = &r->accounted[class];
	const uint64_t durable = r->has_cursor ? r->cursor.clean ? to : r->cursor.class[class].durable_last : 0;

	for (uint64_t seq = spool_done_skip(known, from); seq <= to; seq = spool_done_skip(known, seq)) {
		const uint64_t end = spool_done_until(known, seq, seq <= durable ? MIN(durable, to) : to);

		spool_lose(r->s, &(struct spool_loss){
			.reason = seq > durable ? SPOOL_LOST_STOP : is_corrupt ? SPOOL_LOST_CORRUPT : SPOOL_LOST_MISSING,
			.class = class, .epoch = epoch, .from = seq, .to = end, .records = SPOOL_OPEN });
		spool_done_add(&r->accounted[class], seq, end);
	}
}

#define HOLES_MAX 64		/* of one segment, kept until the next one is known; 2 kB */

struct hole {
	uint64_t epoch, from, to;
	bool is_bad;
};

struct walk {			/* through one class */
	uint64_t expected;	/* the next number; 0: not known, nothing was seen yet */
	uint64_t epoch;		/* of what was seen last */
	bool is_bad;		/* bytes that are no record were seen since */
	uint32_t holes;
	struct hole hole[HOLES_MAX];
};

static void lose_holes(struct recovery *r, uint8_t class, struct walk *w)
{
	for (uint32_t i = 0; i < w->holes; i++)
		lose_gap(r, class, w->hole[i].epoch, w->hole[i].from, w->hole[i].to, w->hole[i].is_bad);
	w->holes = 0;
}

static void add_hole(struct recovery *r, uint8_t class, struct walk *w, uint64_t epoch, uint64_t from, uint64_t to)
{
	if (w->holes == HOLES_MAX)
		lose_holes(r, class, w);
	w->hole[w->holes++] = (struct hole){ .epoch = epoch, .from = from, .to = to, .is_bad = w->is_bad };
}

/*
 * @seg begins at @first: what earlier ones have from there on is what a failed sync left of a segment that was given up. All of
 * it is here once more.
 */
static void cut_earlier(struct recovery *r, struct walk *w, struct spool_segment *seg, uint64_t first)
{
	struct spool_segment *p = seg;

	while ((p = TAILQ_PREV(p, spool_segments, link)) && p->last >= first)
		p->last = p->durable_last = first > p->first ? first - 1 : 0;
	for (uint32_t i = 0; i < w->holes; i++)
		w->hole[i].to = MIN(w->hole[i].to, first - 1);	/* empty: then from is above to */
	lose_holes(r, seg->class, w);
	w->expected = MIN(w->expected, first);
}

/* A hole before what begins at @seq, in @seg: up to where its epoch begins it is the epoch's before. */
static void close_gap(struct recovery *r, struct walk *w, const struct spool_segment *seg, uint64_t seq)
{
	uint64_t from = w->expected;

	if (from && from < seq && seg->epoch_first > from && w->epoch != seg->epoch) {
		const uint64_t to = MIN(seq, seg->epoch_first) - 1;

		add_hole(r, seg->class, w, w->epoch ? w->epoch : seg->prev_epoch, from, to);
		from = to + 1;
	}
	if (from && from < seq)
		add_hole(r, seg->class, w, seg->epoch, from, seq - 1);
}

static void take_loss(struct recovery *r, const struct spool_record *record)
{
	struct spool_loss loss;

	if (!spool_loss_get(record->payload, record->len, &loss) || loss.reason == SPOOL_LOST_UNCLEAN)
		return;
	spool_done_add(&r->accounted[loss.class], loss.from, loss.to);
	r->declared_to[loss.class] = MAX(r->declared_to[loss.class], loss.to);
}

/* Reads all of a segment. Its head may be gone: the records say the same, but for what lies before the first one. */
static void walk_segment(struct recovery *r, struct walk *w, struct spool_segment *seg)
{
	struct spool *s = r->s;
	struct spool_segment_head head;
	struct spool_record record;
	char name[SPOOL_NAME_MAX];
	struct spool_scan scan;
	uint64_t size;
	bool has_head;
	ssize_t n;

	spool_segment_name(name, seg->class, seg->serial);
	if (spool_scan_open(&scan, s->conf.io, name, SPOOL_SEGMENT_HEAD, UINT64_MAX, s->buf)) {
		w->is_bad = true;
		return;
	}
	if (!s->conf.io->size(s->conf.io, scan.fd, &size))
		seg->file_bytes = (uint32_t)MIN(size, UINT32_MAX / 2);
	n = s->conf.io->pread(s->conf.io, scan.fd, s->buf, SPOOL_SEGMENT_HEAD, 0);
	has_head = n == SPOOL_SEGMENT_HEAD && spool_segment_head_get(s->buf, SPOOL_SEGMENT_HEAD, &head) &&
		   head.class == seg->class && head.serial == seg->serial;
	if (has_head) {
		seg->is_foreign = strcmp(head.device, s->device);
		seg->epoch = head.epoch;
		seg->epoch_first = head.epoch_first;
		seg->prev_epoch = head.prev_epoch;
	} else {
		w->is_bad = true;
	}
	while (!seg->is_foreign && spool_scan_next(&scan, &record)) {
		if (scan.bad_bytes) {
			w->is_bad = true;
			s->counters.bad_bytes += scan.bad_bytes;
		}
		if (!seg->epoch)
			seg->epoch = record.epoch;
		if (record.class != seg->class || record.epoch != seg->epoch || (seg->last && record.seq <= seg->last)) {
			w->is_bad = true;
			continue;
		}
		if (!seg->first) {
			seg->first = record.seq;
			seg->first_wall_us = record.wall_us;
			cut_earlier(r, w, seg, record.seq);
		}
		close_gap(r, w, seg, record.seq);
		if (record.seq >= w->expected) {
			w->expected = record.seq + 1;
			w->epoch = seg->epoch;
			w->is_bad = false;
			s->counters.recovered += !spool_done_covers(&r->accounted[seg->class], record.seq, record.seq);
		}
		seg->last = record.seq;
		seg->bytes = (uint32_t)spool_scan_offset(&scan);
		if (!seg->class)
			take_loss(r, &record);
	}
	if (scan.bad_bytes || scan.error)
		w->is_bad = true;
	seg->durable_last = seg->last;
	seg->durable_bytes = seg->bytes;
	spool_scan_close(&scan);
}

/* Not one good record: kept aside if it has bytes, one of them, for whoever wants to know why. */
static void put_aside(struct recovery *r, struct spool_segment *seg)
{
	struct spool *s = r->s;
	char name[SPOOL_NAME_MAX];

	spool_segment_name(name, seg->class, seg->serial);
	if (seg->file_bytes > SPOOL_SEGMENT_HEAD && !s->conf.io->rename(s->conf.io, name, BAD_NAME)) {
		s->counters.segments_bad++;
		s->disk_bytes += spool_blocks(seg->file_bytes) - s->bad_file_bytes;
		s->bad_file_bytes = spool_blocks(seg->file_bytes);
	} else {
		s->conf.io->unlink(s->conf.io, name);
	}
	spool_forget_segment(s, seg);
}

/* One that an earlier start has put aside counts, too. */
static void count_bad(struct spool *s)
{
	const int fd = s->conf.io->open(s->conf.io, BAD_NAME, O_RDONLY);
	uint64_t bytes;

	if (fd < 0)
		return;
	if (!s->conf.io->size(s->conf.io, fd, &bytes))
		s->disk_bytes += s->bad_file_bytes = spool_blocks(MIN(bytes, UINT32_MAX / 2));
	s->conf.io->close(s->conf.io, fd);
}

static void walk_class(struct recovery *r, uint8_t class)
{
	struct spool *s = r->s;
	struct spool_lane *lane = &s->lane[class];
	struct spool_segment *seg, *next;
	struct walk w = { .expected = r->has_cursor ? lane->done.base + 1 : 0 };
	uint64_t last = 0;

	for (seg = TAILQ_FIRST(&lane->segments); seg; seg = next) {
		next = TAILQ_NEXT(seg, link);
		walk_segment(r, &w, seg);
		s->disk_bytes += spool_blocks(seg->file_bytes);
		s->counters.segments_foreign += seg->is_foreign;
		if (!seg->is_foreign && seg->epoch && seg->serial > r->newest) {
			r->newest = seg->serial;
			r->last_epoch = seg->epoch;
		}
		if (!seg->last && !seg->is_foreign) {
			put_aside(r, seg);
			continue;
		}
		if (!seg->is_foreign && !last && !r->has_cursor)
			spool_done_add(&lane->done, 1, seg->first - 1);
		last = MAX(last, seg->last);
	}
	lose_holes(r, class, &w);
	if (r->has_cursor)
		last = MAX(last, r->cursor.class[class].durable_last);
	lane->durable_last = last;
	lane->next_seq = MAX(last + 1, MAX(r->declared_to[class] + 1, spool_done_skip(&lane->done, 1)));
	if (lane->done.n)
		lane->next_seq = MAX(lane->next_seq, lane->done.run[lane->done.n - 1].to + 1);
	if (r->has_cursor)
		lane->epoch_first = r->cursor.class[class].epoch_first;
	if (r->has_cursor && r->cursor.clean)
		lane->next_seq = MAX(lane->next_seq, r->cursor.class[class].next_seq);
	if (w.expected)		/* behind what the log has, and before what was certainly given: also lost */
		lose_gap(r, class, r->has_cursor ? r->cursor.epoch : w.epoch, w.expected, lane->next_seq - 1, w.is_bad);
}

/* All of it is accounted for now: what is no record on the disk is done with. */
static void take_accounts(struct recovery *r, uint8_t class)
{
	const struct spool_done *a = &r->accounted[class];
	struct spool_done *d = &r->s->lane[class].done;

	spool_done_add(d, 1, a->base);
	for (uint32_t i = 0; i < a->n; i++)
		spool_done_add(d, a->run[i].from, a->run[i].to);
}

static void close_epoch(struct recovery *r, uint64_t epoch)
{
	struct spool_loss loss = { .reason = SPOOL_LOST_UNCLEAN, .epoch = epoch, .to = SPOOL_OPEN, .records = SPOOL_OPEN,
				   .next_epoch = r->s->epoch };

	if (!epoch)
		return;
	for (unsigned int i = 0; i < SPOOL_CLASSES; i++)
		loss.open_from[i] = r->s->lane[i].next_seq;
	spool_lose(r->s, &loss);
}

/* The cursor's epoch and that of the newest segment: two, when the disk failed before the cursor had the newer one. */
static void begin_epoch(struct recovery *r)
{
	struct spool *s = r->s;
	const uint64_t cursor_epoch = r->has_cursor ? r->cursor.epoch : 0;

	s->epoch = s->prev_epoch = r->last_epoch ? r->last_epoch : cursor_epoch;
	s->epoch = spool_new_epoch(s);
	for (unsigned int i = 0; i < SPOOL_CLASSES; i++)
		s->lane[i].epoch_first = s->lane[i].next_seq;
	close_epoch(r, cursor_epoch);
	if (r->last_epoch != cursor_epoch)
		close_epoch(r, r->last_epoch);
	s->counters.unclean_stops += s->prev_epoch != 0;
}

int spool_recover(struct spool *s, uint64_t now_ns)
{
	struct recovery *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->s = s;
	s->disk_bytes = SPOOL_CURSOR_BYTES;
	count_bad(s);
	err = s->conf.io->list(s->conf.io, take_name, r);
	s->next_serial = r->last_serial + 1;
	if (!err && !spool_cursor_load(s->conf.io, &r->cursor, s->buf) && !strcmp(r->cursor.device, s->device)) {
		r->has_cursor = true;
		s->cursor = r->cursor;
		for (unsigned int i = 0; i < SPOOL_CLASSES; i++)
			s->lane[i].done = r->accounted[i] = r->cursor.class[i].done;
	}
	for (unsigned int i = 0; i < s->conf.classes; i++)
		walk_class(r, (uint8_t)i);
	for (unsigned int i = 0; i < s->conf.classes; i++)
		take_accounts(r, (uint8_t)i);
	if (r->has_cursor && r->cursor.clean && (!r->last_epoch || r->last_epoch == r->cursor.epoch)) {
		s->epoch = r->cursor.epoch;
		s->prev_epoch = r->cursor.prev_epoch;
	} else {
		begin_epoch(r);
	}
	if (err) {
		s->strikes = SPOOL_STRIKES - 1;
		spool_strike(s, err, now_ns);
	} else {
		spool_announce(s, now_ns);
	}
	if (!s->is_announced && s->epoch == r->cursor.epoch)
		s->epoch = spool_new_epoch(s);	/* the disk says that this one has ended in order: it is not to go on unseen */
	free(r);
	return 0;
}
