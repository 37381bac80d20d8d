/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The byte cap, the floor of free space, and what goes when they are reached. */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "export/spool_private.h"

static struct spool_segment *foreign_one(struct spool *s)
{
	for (unsigned int i = 0; i < s->conf.classes; i++) {
		struct spool_segment *seg = TAILQ_FIRST(&s->lane[i].segments);

		if (seg && seg->is_foreign)
			return seg;
	}
	return NULL;
}

/* The oldest of the lowest class, which is none above @class: what is worth more makes no room for what is worth less. */
static struct spool_segment *victim(struct spool *s, uint8_t class)
{
	struct spool_segment *seg = foreign_one(s);

	for (int i = (int)s->conf.classes - 1; !seg && i >= class; i--)
		seg = TAILQ_FIRST(&s->lane[i].segments);
	return seg;
}

/* What was in it and not done: a loss for each run, with the sum of its records. What memory still has is not lost. */
static void lose_contents(struct spool *s, const struct spool_segment *seg, const char *name, enum spool_reason reason)
{
	struct spool_lane *lane = &s->lane[seg->class];
	const struct spool_node *n = TAILQ_FIRST(&lane->nodes);
	const uint64_t last = n ? MIN(seg->last, n->record.seq - 1) : seg->last;
	struct spool_loss run = { .reason = reason, .class = seg->class, .epoch = seg->epoch };
	struct spool_record r;
	struct spool_scan scan;

	if (!last || last < seg->first)
		return;
	if (spool_scan_open(&scan, s->conf.io, name, SPOOL_SEGMENT_HEAD, seg->bytes, s->buf))
		goto rest;
	while (spool_scan_next(&scan, &r)) {
		if (r.class != seg->class || r.seq < seg->first || r.seq > last || spool_done_covers(&lane->done, r.seq, r.seq))
			continue;
		if (run.from && r.seq != run.to + 1) {
			spool_lose(s, &run);
			run.from = 0;
		}
		if (!run.from) {
			run.from = r.seq;
			run.records = 0;
		}
		run.to = r.seq;
		run.records += r.count;
		spool_done_with(s, seg->class, r.seq, r.seq);
	}
	spool_scan_close(&scan);
	if (run.from)
		spool_lose(s, &run);
rest:	/* what could not be read */
	spool_lose_run(s, seg->class, seg->epoch, seg->first, last, reason, SPOOL_OPEN);
}

/*
 * The file goes first, and its loss is told after that: a cut between the two leaves a gap, which recovery declares. For
 * that the cursor is to know what of it was acknowledged. The contents are counted before, while they can be read.
 */
static int drop(struct spool *s, struct spool_segment *seg, enum spool_reason reason)
{
	struct spool_lane *lane = &s->lane[seg->class];
	char name[SPOOL_NAME_MAX];
	struct spool_node *n;
	int err = spool_store_cursor(s, false, true);

	if (err)
		return err;
	spool_segment_name(name, seg->class, seg->serial);
	if (seg == lane->active) {
		spool_segment_poison(seg);
		lane->active = NULL;
		TAILQ_FOREACH(n, &lane->nodes, link)
			n->is_written = false;
	}
	if (!seg->is_foreign)
		lose_contents(s, seg, name, reason);
	err = s->conf.io->unlink(s->conf.io, name);
	if (!err || err == -ENOENT)
		err = s->conf.io->sync_dir(s->conf.io);
	spool_forget_segment(s, seg);
	s->counters.segments_dropped++;
	return err;
}

static uint64_t cap_of(const struct spool *s, uint8_t class)
{
	const uint64_t room = MIN(SPOOL_ROOM_BYTES, s->conf.max_bytes / 8);

	return class ? s->conf.max_bytes - room : s->conf.max_bytes;
}

/*
 * Room for a file of @class that grows from @file_bytes to @bytes. -EDQUOT: the cap holds nothing that may go for it;
 * -ENOBUFS: the file system is full, and what we have there is worth more; -ENOSPC: it is full of what others have there.
 */
int spool_make_room(struct spool *s, uint8_t class, uint64_t file_bytes, uint64_t bytes, uint64_t now_ns)
{
	const uint64_t more = spool_blocks(bytes) - spool_blocks(file_bytes);

	for (;;) {
		const bool is_over = s->disk_bytes + more > cap_of(s, class) || (!file_bytes && s->segments >= SPOOL_SEGMENTS_MAX);
		struct spool_segment *seg;
		uint64_t free_bytes;
		bool is_low = false;
		int err;

		if (!is_over && more) {
			err = s->conf.io->free_bytes(s->conf.io, &free_bytes);
			if (err)
				return err;
			is_low = free_bytes < s->conf.min_free_bytes + more;
			if (is_low && free_bytes + s->disk_bytes - SPOOL_CURSOR_BYTES < s->conf.min_free_bytes + more)
				return -ENOSPC;	/* not if all of ours went: then it may as well stay */
		}
		if (!is_over && !is_low)
			return 0;
		seg = victim(s, class);
		if (!seg)
			return is_over ? -EDQUOT : -ENOBUFS;
		err = drop(s, seg, is_over ? SPOOL_LOST_FULL : SPOOL_LOST_NO_SPACE);
		if (err)
			return err;
		if (file_bytes && !s->lane[class].active)
			return -EAGAIN;	/* the file itself went: its lane begins another one */
	}
}

int spool_drop_oldest(struct spool *s, uint8_t class, enum spool_reason reason)
{
	struct spool_segment *seg = victim(s, class);

	return seg ? drop(s, seg, reason) : -ENOSPC;
}
