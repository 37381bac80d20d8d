/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/residual.h"

#include <stdlib.h>

#include "base/util.h"

#define ETHERNET_BYTES	14
#define FCS_BYTES	4
#define TAG_BYTES	4
#define PADDING_MOST	46	/* a frame of nothing but its header becomes one of 60 bytes */

const char *const residual_names[RESIDUAL_N] = {
#define X(id, name, text) name,
	RESIDUAL_REASONS(X)
#undef X
};

const char *const residual_texts[RESIDUAL_N] = {
#define X(id, name, text) text,
	RESIDUAL_REASONS(X)
#undef X
};

const char *const residual_possible_names[RESIDUAL_POSSIBLE_N] = {
#define X(id, name, text) name,
	RESIDUAL_POSSIBLE(X)
#undef X
};

const char *const residual_possible_texts[RESIDUAL_POSSIBLE_N] = {
#define X(id, name, text) text,
	RESIDUAL_POSSIBLE(X)
#undef X
};

const char *const residual_base_names[RESIDUAL_BASE_N] = {
#define X(id, name) name,
	RESIDUAL_BASES(X)
#undef X
};

/* What a difference may be: the NIC's two readings make it one of a range. */
struct range {
	int64_t low, high;
};

static int64_t clamp(int64_t value, struct range r)
{
	return value < r.low ? r.low : value > r.high ? r.high : value;
}

static int64_t middle(struct range r)
{
	return r.low + (r.high - r.low) / 2;
}

static struct range plus(struct range r, int64_t more)
{
	return (struct range){ r.low + more, r.high + more };
}

/* ---- baseline ---- */

static bool nic_went_back(const struct nic_counters *before, const struct nic_counters *after)
{
	for (int dir = 0; dir < DIRS; dir++)
		if (after->dir[dir].frames < before->dir[dir].frames || after->dir[dir].bytes < before->dir[dir].bytes ||
		    after->dir[dir].dropped < before->dir[dir].dropped)
			return true;
	return false;
}

static bool went_back(const struct residual_reading *before, const struct residual_reading *after)
{
	for (int dir = 0; dir < DIRS; dir++)
		if (after->seen[dir].frames < before->seen[dir].frames || after->seen[dir].bytes < before->seen[dir].bytes)
			return true;
	if (after->queue.dropped < before->queue.dropped)	/* another qdisc, or its 32 bits wrapped */
		return true;
	return nic_went_back(&before->nic[1], &after->nic[0]) || nic_went_back(&after->nic[0], &after->nic[1]);
}

static enum residual_base base_of(const struct residual *r, const struct residual_reading *reading)
{
	const struct residual_reading *before = &r->now;

	if (r->base == RESIDUAL_BASE_NONE)
		return r->baselines ? RESIDUAL_BASE_ATTACHED : RESIDUAL_BASE_BEGAN;
	if (before->ifindex != reading->ifindex)
		return RESIDUAL_BASE_INTERFACE;
	if (before->attach_count != reading->attach_count || before->hook[DIR_RX] != reading->hook[DIR_RX] ||
	    before->hook[DIR_TX] != reading->hook[DIR_TX])
		return RESIDUAL_BASE_ATTACHED;
	return went_back(before, reading) ? RESIDUAL_BASE_WENT_BACK : RESIDUAL_BASE_NONE;
}

/* ---- one direction ---- */

struct side {
	const struct residual *r;
	struct residual_dir *d;
	int dir;
	struct residual_part left;	/* not explained yet */
};

static uint64_t joined_since(const struct residual *r, int dir, bool bytes)
{
	const struct tally *now = &r->now.joined[dir], *begin = &r->begin.joined[dir];

	return bytes ? now->bytes - begin->bytes : now->frames - begin->frames;
}

static struct range since(const struct residual *r, int dir, bool bytes)
{
	const struct residual_reading *b = &r->begin, *n = &r->now;
	const struct tally *s = &n->seen[dir], *was = &b->seen[dir];
	const uint64_t seen = bytes ? s->bytes - was->bytes : s->frames - was->frames;
	uint64_t begin[2], now[2];

	for (int i = 0; i < 2; i++) {
		begin[i] = bytes ? b->nic[i].dir[dir].bytes : b->nic[i].dir[dir].frames;
		now[i] = bytes ? n->nic[i].dir[dir].bytes : n->nic[i].dir[dir].frames;
	}
	return (struct range){ (int64_t)(now[0] - begin[1] - seen), (int64_t)(now[1] - begin[0] - seen) };
}

static void take(struct side *s, enum residual_reason why, int64_t frames, int64_t bytes)
{
	struct residual_part *part = &s->d->reason[why];

	part->frames += frames;
	part->bytes += bytes;
	s->left.frames -= frames;
	s->left.bytes -= bytes;
}

/* As many frames of what is left, and their share of its bytes. */
static void take_frames(struct side *s, enum residual_reason why, int64_t frames)
{
	if (frames)
		take(s, why, frames, (int64_t)((__int128)s->left.bytes * frames / s->left.frames));
}

/*
 * Did the NIC count packets or segments? Whichever is nearer. On the received side it may be between, where packets that
 * came joined already were joined once more by GRO: that is not measured, so it is left, and possible.
 */
static int64_t joined_frames(const struct residual *r, int dir, struct range frames)
{
	const int64_t joined = (int64_t)joined_since(r, dir, false);

	return -middle(frames) * 2 > joined ? joined : 0;
}

static bool fits(int style, uint64_t nic_frames, struct range bytes)
{
	const int64_t all = style * (int64_t)nic_frames;

	return all >= bytes.low && all <= bytes.high;
}

/* Which number of bytes a frame do all frames differ by? Only while their number agrees, and only what fits exactly. */
static void find_style(struct side *s, uint64_t nic_frames, struct range bytes)
{
	static const int styles[] = { 0, -ETHERNET_BYTES, FCS_BYTES };

	if (s->left.frames || !nic_frames || fits(s->d->style, nic_frames, bytes))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(styles); i++)
		if (fits(styles[i], nic_frames, bytes) && (styles[i] >= 0 || !s->r->now.raw_ip))
			s->d->style = styles[i];
}

static int64_t queued(const struct nic_queue *queue)
{
	return (int64_t)queue->dropped + queue->waiting;
}

/* Sent: seen and not counted. Of what was received and dropped no counter says on which side of the hook. */
static void take_drops(struct side *s)
{
	const struct nic_counters *begin = &s->r->begin.nic[0], *now = &s->r->now.nic[1];
	const int64_t dropped = (int64_t)(now->dir[DIR_TX].dropped - begin->dir[DIR_TX].dropped),
		      queue = queued(&s->r->now.queue) - queued(&s->r->begin.queue);

	if (s->dir == DIR_RX)
		return;
	if (dropped > 0 && s->left.frames < 0)
		take_frames(s, RESIDUAL_DRIVER_DROP, MAX(s->left.frames, -dropped));
	if (queue > 0 ? s->left.frames < 0 : s->left.frames > 0)	/* fewer than at the baseline: they have been sent */
		take_frames(s, RESIDUAL_QUEUE, queue > 0 ? MAX(s->left.frames, -queue) : MIN(s->left.frames, -queue));
}

static uint32_t possible_received(const struct side *s)
{
	const struct residual *r = s->r;
	const bool dropped = r->now.nic[1].dir[DIR_RX].dropped > r->begin.nic[0].dir[DIR_RX].dropped;
	const bool more = s->left.frames > 0;

	return (uint32_t)(more && r->foreign_xdp) << RESIDUAL_POSSIBLE_FOREIGN_XDP |
	       (uint32_t)(more && r->features & (1u << NIC_LRO | 1u << NIC_GRO_HW)) << RESIDUAL_POSSIBLE_LRO |
	       (uint32_t)(s->left.frames && joined_since(r, DIR_RX, false)) << RESIDUAL_POSSIBLE_RX_JOINED |
	       (uint32_t)(more && dropped) << RESIDUAL_POSSIBLE_RX_DROP;
}

/* What may be behind what is left. */
static uint32_t possible(const struct side *s, uint64_t nic_frames)
{
	const struct residual *r = s->r;
	const uint32_t tag = 1u << (s->dir == DIR_RX ? NIC_RX_VLAN : NIC_TX_VLAN);
	const bool hw = r->hw_flowtable || r->features & (1u << NIC_HW_TC | 1u << NIC_L2_FWD);
	const bool more = s->left.frames > 0, bytes_only = !s->left.frames && s->left.bytes;
	const bool tags = s->left.bytes % TAG_BYTES == 0 && llabs(s->left.bytes) <= TAG_BYTES * (int64_t)nic_frames;
	const bool pads = s->left.bytes > 0 && s->left.bytes <= PADDING_MOST * (int64_t)nic_frames;

	return (uint32_t)(more && hw) << RESIDUAL_POSSIBLE_HW_OFFLOAD |
	       (uint32_t)(more && s->dir == DIR_TX) << RESIDUAL_POSSIBLE_BYPASS |
	       (uint32_t)(s->left.frames < 0 && s->dir == DIR_TX && r->now.queue.ifindex) << RESIDUAL_POSSIBLE_IN_QUEUE |
	       (uint32_t)(bytes_only && r->features & tag && tags) << RESIDUAL_POSSIBLE_VLAN_TAG |
	       (uint32_t)(bytes_only && s->dir == DIR_TX && pads) << RESIDUAL_POSSIBLE_PADDING |
	       (s->dir == DIR_RX ? possible_received(s) : 0);
}

static void compare(const struct residual *r, struct residual_dir *d, int dir)
{
	const struct residual_part was = { d->all.frames, d->all.bytes };
	const struct residual_part joined_was = d->reason[RESIDUAL_JOINED];
	const int64_t style_was = d->reason[RESIDUAL_LINK_HEADER].bytes + d->reason[RESIDUAL_FCS].bytes;
	const struct nic_side *begin = &r->begin.nic[1].dir[dir], *now = &r->now.nic[0].dir[dir];
	struct range frames = since(r, dir, false), bytes = since(r, dir, true);
	const uint64_t nic_frames = now->frames > begin->frames ? now->frames - begin->frames : 0;
	const int64_t joined = joined_frames(r, dir, frames);
	const int64_t joined_bytes = joined ? (int64_t)joined_since(r, dir, true) : 0;
	struct side s = { .r = r, .d = d, .dir = dir };
	int64_t style;

	*d = (struct residual_dir){ .style = d->style, .moving = (uint64_t)(frames.high - frames.low) };
	s.left.frames = clamp(was.frames - joined_was.frames, plus(frames, joined));
	bytes = plus(bytes, joined_bytes);
	find_style(&s, nic_frames, bytes);
	style = d->style * (int64_t)nic_frames;
	s.left.bytes = clamp(was.bytes - joined_was.bytes - style_was, plus(bytes, -style));
	d->all = (struct residual_part){ s.left.frames - joined, s.left.bytes - joined_bytes + style };
	d->reason[RESIDUAL_JOINED] = (struct residual_part){ -joined, -joined_bytes };
	d->reason[d->style < 0 ? RESIDUAL_LINK_HEADER : RESIDUAL_FCS].bytes = style;
	take_drops(&s);
	d->unexplained = s.left;
	d->possible = possible(&s, nic_frames);
}

/* ---- the whole ---- */

bool residual_take(struct residual *r, const struct residual_reading *reading)
{
	const enum residual_base base = base_of(r, reading);

	if (!reading->hook[DIR_RX] && !reading->hook[DIR_TX]) {
		residual_none(r);
		return true;
	}
	r->now = *reading;
	r->features |= reading->features;
	r->foreign_xdp |= reading->foreign_xdp;
	r->hw_flowtable |= reading->hw_flowtable;
	if (base != RESIDUAL_BASE_NONE) {
		r->features = reading->features;
		r->foreign_xdp = reading->foreign_xdp;
		r->hw_flowtable = reading->hw_flowtable;
		r->base = base;
		r->baselines++;
		r->begin = *reading;
		for (int dir = 0; dir < DIRS; dir++)
			r->dir[dir] = (struct residual_dir){ 0 };
		return true;
	}
	for (int dir = 0; dir < DIRS; dir++)
		if (reading->hook[dir])
			compare(r, &r->dir[dir], dir);
	return false;
}

void residual_none(struct residual *r)
{
	*r = (struct residual){ .baselines = r->baselines };
}

bool residual_shows(const struct residual_dir *d)
{
	return d->all.frames || d->all.bytes;
}
