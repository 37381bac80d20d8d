/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Handing out: in order within a part of a class, from the disk or from memory; what becomes of it. */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "export/spool_private.h"

/* An id is the class and the low bits of the number. */
#define ID_BITS 28
#define ID_MASK ((1u << ID_BITS) - 1)

static uint32_t id_of(uint8_t class, uint64_t seq)
{
	return (uint32_t)(class + 1) << ID_BITS | ((uint32_t)seq & ID_MASK);
}

/* The number that was meant: one on its way, or, of an earlier connection, the highest that ends so. 0: none. */
static uint64_t seq_of(const struct spool *s, uint32_t id, uint8_t *ret_class)
{
	const uint32_t class = (id >> ID_BITS) - 1;
	uint64_t last, back;

	if (class >= s->conf.classes)
		return 0;
	for (unsigned int i = 0; i < SPOOL_SLOTS; i++) {
		if (s->slot[i].seq && s->slot[i].class == class && (s->slot[i].seq & ID_MASK) == (id & ID_MASK)) {
			*ret_class = (uint8_t)class;
			return s->slot[i].seq;
		}
	}
	last = s->lane[class].next_seq - 1;
	back = (last - id) & ID_MASK;
	*ret_class = (uint8_t)class;
	return back < last ? last - back : 0;
}

struct spool_slot *spool_slot_find(struct spool *s, uint8_t class, uint64_t seq)
{
	for (unsigned int i = 0; i < SPOOL_SLOTS; i++)
		if (s->slot[i].seq == seq && s->slot[i].class == class)
			return &s->slot[i];
	return NULL;
}

void spool_done_with(struct spool *s, uint8_t class, uint64_t from, uint64_t to)
{
	for (unsigned int i = 0; i < SPOOL_SLOTS; i++)
		if (s->slot[i].seq && s->slot[i].class == class && s->slot[i].seq >= from && s->slot[i].seq <= to)
			s->slot[i].seq = 0;
	spool_done_add(&s->lane[class].done, from, to);
	spool_queue_done(s, class, from, to);
	s->is_cursor_dirty = true;
}

void spool_restart_places(struct spool *s)
{
	for (unsigned int i = 0; i < s->conf.classes; i++) {
		struct spool_lane *lane = &s->lane[i];

		lane->place[SPOOL_LIVE].at = lane->live_from;
		lane->place[SPOOL_BACKLOG].at = 1;
		for (int part = 0; part < SPOOL_PARTS; part++)
			lane->place[part].serial = 0;
	}
}

/* ---- the disk ---- */

static struct spool_segment *segment_with(struct spool_lane *lane, uint64_t seq)
{
	struct spool_segment *seg;

	TAILQ_FOREACH(seg, &lane->segments, link)
		if (!seg->is_foreign && seg->durable_last >= seq)
			return seg;
	return NULL;
}

/* The first good record from @seq on in @seg. 0: none there; 1: it; negative errno: cannot be read now. */
static int read_segment(struct spool *s, struct spool_segment *seg, struct spool_place *place, uint64_t seq,
			struct spool_record *ret_record)
{
	const bool is_here = place->serial == seg->serial && place->offset_seq <= seq;
	struct spool_scan scan;
	char name[SPOOL_NAME_MAX];
	int found = 0, err;

	spool_segment_name(name, seg->class, seg->serial);
	err = spool_scan_open(&scan, s->conf.io, name, is_here ? place->offset : SPOOL_SEGMENT_HEAD, seg->durable_bytes, s->buf);
	if (err)
		return err == -ENOENT || ++place->errors > READ_TRIES ? 0 : err;
	while (!found && spool_scan_next(&scan, ret_record))
		found = ret_record->class == seg->class && ret_record->epoch == seg->epoch && ret_record->seq >= seq &&
			ret_record->seq <= seg->durable_last;
	s->counters.bad_bytes += scan.bad_bytes;
	if (scan.error && ++place->errors <= READ_TRIES) {
		found = scan.error;
	} else if (found) {
		place->serial = seg->serial;
		place->offset = spool_scan_offset(&scan);
		place->offset_seq = ret_record->seq + 1;
		place->errors = 0;
	}
	spool_scan_close(&scan);
	return found;
}

/* What is between two numbers and should be there, is not: the loss names the epoch of the segment that it fell out of. */
static void lose_hole(struct spool *s, uint8_t class, uint64_t from, uint64_t to)
{
	struct spool_segment *seg = segment_with(&s->lane[class], from);

	if (seg && seg->first <= from)
		spool_lose_run(s, class, seg->epoch, from, MIN(to, seg->durable_last), SPOOL_LOST_CORRUPT, SPOOL_OPEN);
	spool_lose_run(s, class, seg ? seg->epoch : s->epoch, from, to, SPOOL_LOST_MISSING, SPOOL_OPEN);
}

/* ---- the next one ---- */

/* Memory has what may still get lost: in durable mode it is not shown before it cannot. */
static bool is_shown(const struct spool *s)
{
	return s->conf.mode != SPOOL_DURABLE || s->is_disk_off;
}

static bool take_node(struct spool *s, const struct spool_node *n, struct spool_message *ret)
{
	if (!is_shown(s))
		return false;
	ret->record = n->record;
	return true;
}

/* Exactly the message @seq, or the first behind it that there is; false: none now. What it passes over is lost, and told. */
static bool find_message(struct spool *s, uint8_t class, struct spool_place *place, uint64_t seq, uint64_t end,
			 struct spool_message *ret)
{
	struct spool_lane *lane = &s->lane[class];

	while ((seq = spool_done_skip(&lane->done, seq)) < end) {
		const struct spool_node *n = spool_queue_find(s, class, seq);
		const uint64_t memory = n ? n->record.seq : lane->next_seq;
		struct spool_segment *seg;
		int r;

		if (memory == seq)
			return take_node(s, n, ret);
		if (s->conf.mode == SPOOL_MEMORY)
			seg = NULL;
		else
			seg = segment_with(lane, seq);
		if (!seg) {
			lose_hole(s, class, seq, MIN(memory, end) - 1);
			continue;
		}
		r = read_segment(s, seg, place, seq, &ret->record);
		if (r < 0)
			return false;
		if (!r) {
			lose_hole(s, class, seq, MIN(MIN(memory, end) - 1, seg->durable_last));
			continue;
		}
		if (ret->record.seq == seq)
			return true;
		lose_hole(s, class, seq, MIN(MIN(memory, end), ret->record.seq) - 1);
	}
	return false;
}

static bool next_refused(struct spool *s, enum spool_part part, uint64_t now_ns, struct spool_message *ret)
{
	for (unsigned int i = 0; i < SPOOL_SLOTS; i++) {
		struct spool_slot *slot = &s->slot[i];
		struct spool_place place = { 0 };
		const uint64_t seq = slot->seq;

		if (!seq || slot->is_in_flight || slot->part != part || slot->not_before_ns > now_ns)
			continue;
		ret->tries = slot->refusals;
		if (find_message(s, slot->class, &place, seq, seq + 1, ret))
			return true;
	}
	return false;
}

static bool next_of(struct spool *s, uint8_t class, enum spool_part part, struct spool_message *ret)
{
	struct spool_lane *lane = &s->lane[class];
	struct spool_place *place = &lane->place[part];
	const uint64_t end = part == SPOOL_BACKLOG ? lane->live_from : lane->next_seq;

	ret->tries = 0;
	while (place->at < end) {
		place->at = spool_done_skip(&lane->done, place->at);
		if (place->at >= end)
			return false;
		if (spool_slot_find(s, class, place->at)) {
			place->at++;
			continue;
		}
		if (!find_message(s, class, place, place->at, end, ret))
			return false;
		place->at = ret->record.seq;
		if (!spool_slot_find(s, class, place->at))
			return true;
	}
	return false;
}

/* Losses and the class behind them first; the others in turn, so that none waits for ever behind a busy one. */
bool spool_next(struct spool *s, enum spool_part part, uint64_t now_ns, struct spool_message *ret)
{
	const unsigned int fixed = MIN(2u, s->conf.classes), rest = s->conf.classes - fixed;
	bool is_found = next_refused(s, part, now_ns, ret), has_slot = false;

	for (unsigned int i = 0; i < SPOOL_SLOTS && !has_slot; i++)
		has_slot = !s->slot[i].seq;
	if (!is_found && !has_slot)
		return false;
	for (unsigned int i = 0; i < s->conf.classes && !is_found; i++) {
		const unsigned int class = i < fixed ? i : fixed + (i - fixed + s->turn) % rest;

		is_found = next_of(s, (uint8_t)class, part, ret);
	}
	if (!is_found)
		return false;
	ret->part = part;
	ret->id = id_of(ret->record.class, ret->record.seq);
	ret->again = ret->tries || ret->record.seq <= s->lane[ret->record.class].place[part].sent_to;
	return true;
}

int spool_sent(struct spool *s, const struct spool_message *m)
{
	const uint8_t class = m->record.class;
	struct spool_slot *slot = spool_slot_find(s, class, m->record.seq);
	struct spool_place *place = &s->lane[class].place[m->part];
	const unsigned int fixed = MIN(2u, s->conf.classes);

	for (unsigned int i = 0; i < SPOOL_SLOTS && !slot; i++)
		if (!s->slot[i].seq)
			slot = &s->slot[i];
	if (!slot)
		return -ENOBUFS;
	*slot = (struct spool_slot){ .seq = m->record.seq, .class = class, .part = (uint8_t)m->part, .refusals = m->tries,
				     .is_in_flight = true, .count = m->record.count, .len = m->record.len, .epoch = m->record.epoch };
	if (!m->tries)
		place->at = m->record.seq + 1;
	place->sent_to = MAX(place->sent_to, m->record.seq);
	if (class >= fixed && s->conf.classes > fixed)
		s->turn = (uint8_t)((class - fixed + 1) % (s->conf.classes - fixed));
	s->counters.sent++;
	if (SPOOL_MUTANT == SPOOL_MUTANT_CURSOR_FIRST)
		spool_done_add(&s->lane[class].done, m->record.seq, m->record.seq);
	return 0;
}

/* An answer may overtake the news that the connection was lost: it counts, where the message was ever handed out. */
int spool_ack(struct spool *s, uint32_t id)
{
	uint8_t class = 0;
	const uint64_t seq = seq_of(s, id, &class);
	const struct spool_lane *lane = &s->lane[class];

	if (!seq || spool_done_covers(&lane->done, seq, seq) ||
	    (seq > lane->place[SPOOL_LIVE].sent_to && seq > lane->place[SPOOL_BACKLOG].sent_to)) {
		s->counters.ack_unknown++;
		return -ENOENT;
	}
	spool_done_with(s, class, seq, seq);
	s->counters.acked++;
	return 0;
}

int spool_refuse(struct spool *s, uint32_t id, uint64_t now_ns)
{
	uint8_t class = 0;
	const uint64_t seq = seq_of(s, id, &class);
	struct spool_slot *slot = seq ? spool_slot_find(s, class, seq) : NULL;

	if (!slot || !slot->is_in_flight) {
		s->counters.ack_unknown++;
		return -ENOENT;
	}
	s->counters.refused++;
	if (++slot->refusals < SPOOL_TRIES) {
		slot->is_in_flight = false;
		slot->not_before_ns = now_ns + MIN(SPOOL_RETRY_NS << (slot->refusals - 1), SPOOL_RETRY_MAX_NS);
		return 0;
	}
	spool_lose_run(s, class, slot->epoch, seq, seq, SPOOL_LOST_REFUSED, slot->count);
	return 0;
}

static struct spool_slot *slot_of(struct spool *s, uint32_t id)
{
	uint8_t class = 0;
	const uint64_t seq = seq_of(s, id, &class);

	return seq ? spool_slot_find(s, class, seq) : NULL;
}

void spool_give_up(struct spool *s, uint32_t id, enum spool_reason reason)
{
	const struct spool_slot *slot = slot_of(s, id);

	if (slot)
		spool_lose_run(s, slot->class, slot->epoch, slot->seq, slot->seq, reason, slot->count);
}

uint32_t spool_bytes(struct spool *s, uint32_t id)
{
	const struct spool_slot *slot = slot_of(s, id);

	return slot ? slot->len : 0;
}

void spool_unsend_all(struct spool *s)
{
	for (unsigned int i = 0; i < SPOOL_SLOTS; i++) {
		struct spool_slot *slot = &s->slot[i];

		if (!slot->seq || !slot->is_in_flight)
			continue;
		s->counters.resent++;
		slot->is_in_flight = false;
		if (!slot->refusals)
			slot->seq = 0;
	}
	spool_restart_places(s);
}
