/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/flowtab.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"
#include "collect/names.h"
#include "collect/take.h"

#define REPORT_AHEAD_S	60	/* a slice of a sweep takes far less */
#define STALE_MAX	16		/* slots half freed: each agent that is killed leaves one at most */
#define STALE_WAIT_NS	(2 * NS_PER_S)	/* far longer than a program that runs can take to fill the slot */
#define HELLO_WAIT_NS	(10 * NS_PER_S)	/* a walk whose segments do not come any more is ended */

/* flow_slot.end_reason of a twin, with the low bit of the sweep that killed it; never leaves this file */
#define END_TWIN	0x80

/*
 * The table and its ledger stay mapped: they are the kernel's memory, of which ps counts every page as ours. Mapping
 * a piece at a time would show less and costs more than the sweep itself (make bench).
 */
struct flowtab {
	struct flowtab_settings settings;
	struct names *names;
	struct flow_bucket *flows;
	struct flow_total *ledger;
	struct hello_entry *hellos;
	struct tcp_health *tcps;
	struct taken *taken;
	struct take take;
	uint32_t buckets;
	uint32_t at;		/* first bucket of the next step */
	bool report_all, end_all;	/* flowtab_report_all(), flowtab_flush() */
	uint32_t live, dead, walks;	/* of the sweep under way */
	uint32_t places[PORTS_MAX];
	uint32_t stale[STALE_MAX], stales;	/* slots without a tag whose bits in the summary are set, at the start */
	uint64_t stale_since_ns;	/* the first sweep */
	struct taken pending[PORTS_MAX];
	struct flowtab_counters counters;
};

/* What a sweep is about. */
struct sweep {
	uint64_t now_ns;
	flowtab_emit emit;
	void *arg;
};

static struct flow_slot *slot_at(const struct flowtab *ft, uint32_t number)
{
	return &ft->flows[number / BUCKET_SLOTS].slot[number % BUCKET_SLOTS];
}

/* The other bucket of a flow that lies in bucket @number. The same rule as key_bucket_delta() of bpf/key.h. */
static uint32_t other_bucket(const struct flowtab *ft, uint32_t number, uint32_t tag)
{
	uint32_t delta = (((tag & TAG_HASH) * 0x5bd1e995u) >> 7) & (ft->buckets - 1);

	return number ^ (delta ? delta : 1);
}

/* Into the books. */
static void take(struct flowtab *ft, uint32_t number, struct flow_report *r)
{
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t bytes = take_counter(&ft->take, number, i, -1), count = take_counter(&ft->take, number, i + 2, -1);
		uint64_t overhead = count >> COUNT_FRAMES_BITS;

		r->packets[i] = count & COUNT_FRAMES_MASK;
		r->bytes[i] = bytes;
		/* Bytes and count are two atomics: a packet between them may show in one only, until the next take. */
		r->ip_bytes[i] = bytes > overhead ? bytes - overhead : 0;
	}
}

/* Second of @ns as flow_slot.reported_s has it: never 0, good for intervals under 18 hours. */
static uint16_t report_second(uint64_t ns)
{
	return (uint16_t)MAX(ns / NS_PER_S & 0xffff, 1);
}

static void add_totals(struct flow_total *total, const uint64_t packets[2], const uint64_t bytes[2])
{
	for (int i = 0; i < 2; i++) {
		const uint64_t sum = (total->packets[i] | (uint64_t)total->packets_high[i] << 32) + packets[i];

		total->packets[i] = (uint32_t)sum;
		total->packets_high[i] = (uint16_t)(sum >> 32);
		total->bytes[i] += bytes[i];
	}
}

static struct flow_totals totals_of(const struct flow_total *total)
{
	struct flow_totals sum;

	for (int i = 0; i < 2; i++) {
		sum.packets[i] = total->packets[i] | (uint64_t)total->packets_high[i] << 32;
		sum.bytes[i] = total->bytes[i];
	}
	return sum;
}

/* The flow's place in the pool of TCP connections; NULL: it has none. */
static struct tcp_health *tcp_of(const struct flowtab *ft, const struct flow_slot *slot, uint32_t number)
{
	struct tcp_health *h = slot->tcp - 1 < ft->settings.tcps ? &ft->tcps[slot->tcp - 1] : NULL;

	return h && __atomic_load_n(&h->owner, __ATOMIC_ACQUIRE) == number + 1 ? h : NULL;
}

/* Counts that the kernel adds to as bytes: a sample between the copy and the zero is lost, which a histogram can bear. */
static void take_tcp(struct tcp_health *from, struct tcp_health *ret_copy)
{
	*ret_copy = *from;
	memset(from->rtt, 0, sizeof(from->rtt));
	for (int side = 0; side < 2; side++)
		from->side[side].rtt_sum_us = from->rtt_min_us[side] = from->rtt_count[side] = 0;
}

/* All of a report but what is counted. */
static struct flow_report describe(const struct flowtab *ft, uint32_t number)
{
	static const uint8_t no_mac[6];
	const struct flow_slot *slot = slot_at(ft, number);
	const struct flow_total *total = &ft->ledger[number];
	const struct name_entry *sni = names_get(ft->names, total->sni), *alpn = names_get(ft->names, total->alpn);
	struct flow_report r = {
		.slot = number,
		.key = &slot->key,
		.first_ns = slot->first_ns,
		.last_ns = MAX(slot->last_ns, slot->first_ns),	/* the coarse clock may be a tick behind the precise one */
		.flags = slot->flags,
		.name_status = slot->name_status,
		.mac = memcmp(slot->mac, no_mac, sizeof(no_mac)) ? slot->mac : NULL,
	};

	if (sni) {
		r.sni = sni->bytes;
		r.sni_len = sni->len;
	}
	if (alpn) {
		r.alpn = alpn->bytes;
		r.alpn_len = alpn->len;
	}
	if (slot->key.proto != IPPROTO_TCP && (slot->key.proto != IPPROTO_UDP || r.name_status == NAME_NONE_YET))
		r.name_status = NAME_NOT_TLS;
	return r;
}

static void report(struct flowtab *ft, uint32_t number, enum flow_end end, const struct sweep *sweep)
{
	struct flow_slot *slot = slot_at(ft, number);
	struct flow_total *total = &ft->ledger[number];
	struct tcp_health *tcp = tcp_of(ft, slot, number), tcp_copy;
	struct flow_report r = describe(ft, number);

	r.end = (uint8_t)end;
	take(ft, number, &r);
	add_totals(total, r.packets, r.bytes);
	r.total = totals_of(total);
	if (tcp) {
		take_tcp(tcp, &tcp_copy);
		r.tcp = &tcp_copy;
	}
	r.last_ns = MAX(slot->last_ns, r.last_ns);	/* of what was taken meanwhile, too */
	slot->reported_s = report_second(sweep->now_ns);
	ft->counters.reports++;
	sweep->emit(&r, sweep->arg);
}

/* What was there before (a process that died in the middle of this) is given back. */
static void set_name(struct flowtab *ft, uint16_t *at, const uint8_t *bytes, uint32_t len)
{
	uint16_t id = names_intern(ft->names, bytes, (uint8_t)len);

	names_unref(ft->names, *at);
	*at = id;
}

static bool names_it(uint8_t status)
{
	return status == NAME_OK || status == NAME_ECH;
}

/* The kernel's reading of the server_name. What user space has read already stays: it reads to the hello's end. */
static void take_sni(struct flowtab *ft, struct flow_slot *slot, uint16_t *sni, const uint8_t *bytes, uint32_t len)
{
	const struct name_entry *known = names_get(ft->names, *sni);

	if (!known)
		set_name(ft, sni, bytes, len);
	else if (known->len != len || memcmp(known->bytes, bytes, len))
		ft->counters.names_differ++;
	if (!names_it(slot->name_status) || !*sni)
		slot->name_status = *sni ? NAME_OK : NAME_TABLE_FULL;
}

/* The walk's result into the slot, its entry back to the pool. Entry first: what breaks off between is found again. */
static void take_names(struct flowtab *ft, struct flow_slot *slot, uint32_t slot_number)
{
	struct hello_entry *entry = slot->hello - 1 < ft->settings.hellos ? &ft->hellos[slot->hello - 1] : NULL;

	if (entry && __atomic_load_n(&entry->owner, __ATOMIC_ACQUIRE) == slot_number + 1) {
		const struct hello *h = &entry->hello;

		if (h->flags & HELLO_SNI)
			take_sni(ft, slot, &ft->ledger[slot_number].sni, h->store, MIN(h->sni_len, SNI_MAX));
		if (h->flags & HELLO_ALPN && !ft->ledger[slot_number].alpn)
			set_name(ft, &ft->ledger[slot_number].alpn, h->store + HELLO_ALPN_AT, MIN(h->alpn_len, ALPN_MAX));
		ft->counters.names_taken++;
		__atomic_store_n(&entry->owner, 0, __ATOMIC_RELEASE);
	}
	__atomic_fetch_and(&slot->flags, ~FLOW_HELLO_WALK, __ATOMIC_RELAXED);
	slot->hello = 0;
}

/* Live to dead; false: the kernel was first (its ports are used again). */
static bool kill(struct flow_slot *slot, uint32_t tag)
{
	return __atomic_compare_exchange_n(&slot->tag, &tag, (tag & TAG_HASH) | TAG_DEAD, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static void free_tcp(struct tcp_health *tcp)
{
	const uint32_t owner = tcp->owner;

	memset(tcp, 0, offsetof(struct tcp_health, owner));
	memset(&tcp->handshake_us, 0, sizeof(*tcp) - offsetof(struct tcp_health, handshake_us));
	tcp->owner = owner;
	__atomic_store_n(&tcp->owner, 0, __ATOMIC_RELEASE);
}

/* Zeroes all but tag and summary, which belongs to the bucket, then gives the slot back. */
static void free_slot(struct flowtab *ft, uint32_t number, long twin)
{
	const uint32_t bucket = number / BUCKET_SLOTS, at = number % BUCKET_SLOTS;
	struct flow_slot *slot = slot_at(ft, number);
	struct tcp_health *tcp = tcp_of(ft, slot, number);

	if (ft->settings.freed)
		ft->settings.freed(number, twin, ft->settings.freed_arg);
	names_unref(ft->names, ft->ledger[number].sni);
	names_unref(ft->names, ft->ledger[number].alpn);
	if (tcp)
		free_tcp(tcp);
	if (slot->flags & FLOW_ALT) {
		uint32_t *home = &ft->flows[other_bucket(ft, bucket, slot->tag)].slot[0].summary;

		/* First: one too many, after a kill between the two, costs a look; one too few would hide a flow. */
		__atomic_fetch_and(&slot->flags, ~FLOW_ALT, __ATOMIC_RELAXED);
		if (__atomic_load_n(home, __ATOMIC_RELAXED) >= SUMMARY_SPILL)
			__atomic_fetch_sub(home, SUMMARY_SPILL, __ATOMIC_RELAXED);
	}
	memset(&ft->ledger[number], 0, sizeof(ft->ledger[number]));
	slot->key.ip_version = 0;	/* from here on it is not a flow: bury() */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	memset(&slot->key, 0, sizeof(*slot) - offsetof(struct flow_slot, key));
	__atomic_store_n(&slot->tag, TAG_FREE, __ATOMIC_RELAXED);
	__atomic_fetch_and(&ft->flows[bucket].slot[0].summary, ~(7u << SUMMARY_SHIFT(at)), __ATOMIC_RELEASE);
}

static uint8_t twin_reason(const struct flowtab *ft)
{
	return END_TWIN | (ft->counters.sweeps & 1);
}

/* A live slot of the flow in dead or live slot @number: its number; -1: none. */
static long find_twin(const struct flowtab *ft, uint32_t number)
{
	const struct flow_slot *one = slot_at(ft, number);
	const uint32_t tag = (one->tag & TAG_HASH) | TAG_LIVE, here = number / BUCKET_SLOTS;
	const uint32_t buckets[] = { here, other_bucket(ft, here, tag) };

	for (size_t b = 0; b < ARRAY_SIZE(buckets); b++) {
		const struct flow_bucket *bucket = &ft->flows[buckets[b]];
		const uint32_t summary = __atomic_load_n(&bucket->slot[0].summary, __ATOMIC_RELAXED);

		for (uint32_t i = 0; i < BUCKET_SLOTS; i++) {
			const struct flow_slot *slot = &bucket->slot[i];

			if ((summary >> SUMMARY_SHIFT(i) & 7) == SUMMARY_PRINT(tag) && slot != one &&
			    __atomic_load_n(&slot->tag, __ATOMIC_ACQUIRE) == tag &&
			    !memcmp(&slot->key, &one->key, sizeof(slot->key)))
				return (long)buckets[b] * BUCKET_SLOTS + i;
		}
	}
	return -1;
}

/* A dead twin: all that it has goes into the living one, whose number it returns. -1: that one has ended meanwhile. */
static long merge_twin(struct flowtab *ft, uint32_t number)
{
	struct flow_slot *slot = slot_at(ft, number), *other;
	struct flow_total *mine = &ft->ledger[number], *theirs;
	const long found = find_twin(ft, number);

	ft->counters.twins++;
	if (found < 0)
		return -1;
	other = slot_at(ft, (uint32_t)found);
	for (unsigned int i = 0; i < TAKE_COUNTERS; i++)
		take_counter(&ft->take, number, i, found);
	theirs = &ft->ledger[found];
	add_totals(theirs, totals_of(mine).packets, totals_of(mine).bytes);
	__atomic_fetch_or(&other->flags, slot->flags & (FLOW_TCP_FLAGS_A | FLOW_TCP_FLAGS_B), __ATOMIC_RELAXED);
	other->first_ns = MIN(other->first_ns, slot->first_ns);
	if (!theirs->sni && !theirs->alpn && (mine->sni || mine->alpn)) {	/* references and all */
		theirs->sni = mine->sni;
		theirs->alpn = mine->alpn;
		other->name_status = slot->name_status;
		mine->sni = mine->alpn = 0;
	}
	return found;
}

/* A dead slot, one sweep later: emptied, told, freed. */
static void bury(struct flowtab *ft, uint32_t number, const struct sweep *sweep)
{
	struct flow_slot *slot = slot_at(ft, number);
	long twin = -1;

	if (!slot->key.ip_version) {	/* emptied, told, and not quite freed by an agent that was killed */
		free_slot(ft, number, -1);
		return;
	}
	if (slot->flags & FLOW_HELLO_WALK)
		take_names(ft, slot, number);
	if (slot->end_reason & END_TWIN)
		twin = merge_twin(ft, number);
	if (twin < 0) {
		report(ft, number, slot->end_reason & END_TWIN ? FLOW_END_DETECTED : slot->end_reason, sweep);
		ft->counters.ended++;
	}
	free_slot(ft, number, twin);
}

static uint64_t since(uint64_t then_ns, uint64_t now_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

/* Why this flow is to end now; 0: it goes on. */
static enum flow_end end_of(const struct flowtab *ft, const struct flow_slot *slot, uint64_t now_ns)
{
	const struct flowtab_limits *limits = &ft->settings.limits;
	const uint32_t flags = slot->flags, both = flags & flags >> 8, initiator = flags >> (flags & FLOW_INITIATOR_B ? 8 : 0);
	const uint64_t quiet_ns = since(MAX(slot->last_ns, slot->first_ns), now_ns);

	if (ft->end_all)
		return FLOW_END_FORCED;
	if (slot->key.proto != IPPROTO_TCP)
		return quiet_ns >= limits->idle_ns ? FLOW_END_IDLE : 0;
	if (both & TH_FIN || (flags | flags >> 8) & TH_RST)
		return quiet_ns >= limits->fin_ns ? FLOW_END_DETECTED : 0;
	if ((initiator & (TH_SYN | TH_ACK)) == TH_SYN)
		return quiet_ns >= limits->syn_ns ? FLOW_END_IDLE : 0;
	return quiet_ns >= limits->tcp_idle_ns ? FLOW_END_IDLE : 0;
}

/* Since the last report. One that was made after the clock of this sweep was read, by REPORT_AHEAD_S at most, is as if now. */
static uint64_t unreported_ns(const struct flow_slot *slot, uint64_t now_ns)
{
	const uint16_t seconds = (uint16_t)(report_second(now_ns) - slot->reported_s);

	if (!slot->reported_s)
		return since(slot->first_ns, now_ns);
	return (uint16_t)-seconds <= REPORT_AHEAD_S ? 0 : seconds * NS_PER_S;
}

static bool wants_report(const struct flowtab *ft, const struct flow_slot *slot, uint64_t now_ns)
{
	const uint64_t quiet_ns = unreported_ns(slot, now_ns);
	const uint64_t count = slot->count[0] | slot->count[1];

	if (!(count & COUNT_FRAMES_MASK))
		return false;	/* nothing new to tell */
	return ft->report_all || quiet_ns >= ft->settings.limits.active_ns ||
	       (count & COUNT_FRAMES_MASK) >= COUNT_FULL / 2;	/* take it before the kernel has to refuse */
}

static void look_at_live(struct flowtab *ft, uint32_t number, uint32_t tag, const struct sweep *sweep)
{
	struct flow_slot *slot = slot_at(ft, number);
	enum flow_end end;

	ft->live++;
	if (slot->flags & FLOW_FRESH) {
		const long twin = find_twin(ft, number);

		__atomic_fetch_and(&slot->flags, ~FLOW_FRESH, __ATOMIC_RELAXED);
		if (twin >= 0 && kill(slot_at(ft, (uint32_t)twin), tag))
			slot_at(ft, (uint32_t)twin)->end_reason = twin_reason(ft);
	}
	if (slot->flags & FLOW_HELLO_WALK) {
		if (slot->flags & FLOW_HELLO_DONE) {
			take_names(ft, slot, number);
		} else if (since(slot->first_ns, sweep->now_ns) > HELLO_WAIT_NS) {
			__atomic_fetch_or(&slot->flags, FLOW_HELLO_DONE, __ATOMIC_RELAXED);
			take_names(ft, slot, number);
			ft->counters.names_given_up++;
		} else {
			ft->walks++;
		}
	}
	end = end_of(ft, slot, sweep->now_ns);
	if (end) {
		slot->end_reason = (uint8_t)end;
		if (!kill(slot, tag))
			slot->end_reason = FLOW_END_DETECTED;
		return;
	}
	if (wants_report(ft, slot, sweep->now_ns))
		report(ft, number, FLOW_END_ACTIVE, sweep);
}

/* What stays in the slot for a later report. */
static void count_pending(struct flowtab *ft, const struct flow_slot *slot)
{
	struct taken *pending = &ft->pending[slot->key.port % PORTS_MAX];

	ft->places[slot->key.port % PORTS_MAX] += slot->tcp - 1 < ft->settings.tcps;
	for (int i = 0; i < 2; i++) {
		struct tally *tally = &pending->dir[slot->flags & FLOW_MIRROR || i == 0 ? DIR_RX : DIR_TX];

		tally->frames += __atomic_load_n(&slot->count[i], __ATOMIC_RELAXED) & COUNT_FRAMES_MASK;
		tally->bytes += __atomic_load_n(&slot->bytes[i], __ATOMIC_RELAXED) & ~TAKE_TURN;
	}
}

static void look_at(struct flowtab *ft, uint32_t number, const struct sweep *sweep)
{
	struct flow_slot *slot = slot_at(ft, number);
	const uint32_t tag = __atomic_load_n(&slot->tag, __ATOMIC_ACQUIRE);

	if (tag & TAG_LIVE) {
		look_at_live(ft, number, tag, sweep);
		count_pending(ft, slot);
	} else if (tag & TAG_DEAD) {
		ft->dead++;
		if (slot->end_reason && slot->end_reason != twin_reason(ft))	/* a twin: not in the sweep that killed it */
			bury(ft, number, sweep);
		else if (!slot->end_reason)
			slot->end_reason = FLOW_END_DETECTED;	/* killed by the kernel: buried in the next sweep */
		count_pending(ft, slot);	/* of a buried one nothing is left */
	}
}

static uint32_t summary_print(const struct flowtab *ft, uint32_t number)
{
	const uint32_t summary = __atomic_load_n(&ft->flows[number / BUCKET_SLOTS].slot[0].summary, __ATOMIC_RELAXED);

	return summary & 7u << SUMMARY_SHIFT(number % BUCKET_SLOTS);
}

/* Without a tag, but not free: the kernel is about to fill it, or an agent was killed while it gave it back. */
static bool is_stale(const struct flowtab *ft, uint32_t number)
{
	return summary_print(ft, number) && __atomic_load_n(&slot_at(ft, number)->tag, __ATOMIC_ACQUIRE) == TAG_FREE;
}

/* What is so for STALE_WAIT_NS goes back: nobody else can have claimed it meanwhile. */
static void free_stale(struct flowtab *ft, uint64_t now_ns)
{
	if (!ft->stale_since_ns)
		ft->stale_since_ns = now_ns;
	if (!ft->stales || since(ft->stale_since_ns, now_ns) < STALE_WAIT_NS)
		return;
	while (ft->stales) {
		const uint32_t number = ft->stale[--ft->stales];

		if (is_stale(ft, number))
			__atomic_fetch_and(&ft->flows[number / BUCKET_SLOTS].slot[0].summary, ~summary_print(ft, number), __ATOMIC_RELEASE);
	}
}

static void sweep_begin(struct flowtab *ft)
{
	ft->at = ft->live = ft->dead = ft->walks = 0;
	memset(ft->places, 0, sizeof(ft->places));
	memset(ft->pending, 0, sizeof(ft->pending));
}

int flowtab_sweep_step(struct flowtab *ft, uint64_t now_ns, flowtab_emit emit, void *arg)
{
	const struct sweep sweep = { .now_ns = now_ns, .emit = emit, .arg = arg };
	const uint32_t end = MIN(ft->at + FLOWTAB_STEP_SLOTS / BUCKET_SLOTS, ft->buckets);

	for (uint32_t number = ft->at * BUCKET_SLOTS; number < end * BUCKET_SLOTS; number++)
		look_at(ft, number, &sweep);
	ft->at = end;
	if (ft->at < ft->buckets)
		return 0;

	free_stale(ft, now_ns);
	ft->counters.sweeps++;
	ft->counters.live = ft->live;
	ft->counters.dead = ft->dead;
	ft->counters.hellos = ft->walks;
	memcpy(ft->counters.tcps, ft->places, sizeof(ft->places));
	memcpy(ft->counters.pending, ft->pending, sizeof(ft->pending));
	ft->report_all = false;
	sweep_begin(ft);
	return 1;
}

void flowtab_sweep(struct flowtab *ft, uint64_t now_ns, flowtab_emit emit, void *arg)
{
	while (!flowtab_sweep_step(ft, now_ns, emit, arg))
		;
}

void flowtab_flush(struct flowtab *ft, uint64_t now_ns, flowtab_emit emit, void *arg)
{
	ft->end_all = true;
	sweep_begin(ft);
	flowtab_sweep(ft, now_ns, emit, arg);	/* marks all dead, */
	flowtab_sweep(ft, now_ns, emit, arg);	/* and buries them */
	ft->end_all = false;
}

void flowtab_report_all(struct flowtab *ft)
{
	sweep_begin(ft);
	ft->report_all = true;
}

void flowtab_report_slot(struct flowtab *ft, uint32_t slot_number, uint64_t now_ns, flowtab_emit emit, void *arg)
{
	const struct sweep sweep = { .now_ns = now_ns, .emit = emit, .arg = arg };

	if (slot_number < ft->settings.slots && slot_at(ft, slot_number)->tag & (TAG_LIVE | TAG_DEAD))
		report(ft, slot_number, FLOW_END_ACTIVE, &sweep);
}

bool flowtab_peek(const struct flowtab *ft, uint32_t number, struct flow_report *ret_report, struct tcp_health *ret_tcp)
{
	const struct flow_slot *slot = number < ft->settings.slots ? slot_at(ft, number) : NULL;
	const struct tcp_health *tcp;

	if (!slot || !(__atomic_load_n(&slot->tag, __ATOMIC_ACQUIRE) & TAG_LIVE))
		return false;
	*ret_report = describe(ft, number);
	ret_report->end = FLOW_END_ACTIVE;
	ret_report->total = totals_of(&ft->ledger[number]);
	for (int i = 0; i < 2; i++) {
		const uint64_t count = __atomic_load_n(&slot->count[i], __ATOMIC_RELAXED) & ~TAKE_TURN;
		const uint64_t overhead = count >> COUNT_FRAMES_BITS;
		const uint64_t bytes = __atomic_load_n(&slot->bytes[i], __ATOMIC_RELAXED) & ~TAKE_TURN;

		ret_report->packets[i] = count & COUNT_FRAMES_MASK;
		ret_report->bytes[i] = bytes;
		ret_report->ip_bytes[i] = bytes > overhead ? bytes - overhead : 0;
		ret_report->total.packets[i] += ret_report->packets[i];
		ret_report->total.bytes[i] += bytes;
	}
	tcp = tcp_of(ft, slot, number);
	if (tcp) {
		*ret_tcp = *tcp;
		ret_report->tcp = ret_tcp;
	}
	return true;
}

int flowtab_hello_done(struct flowtab *ft, uint32_t slot_number)
{
	struct flow_slot *slot;

	if (slot_number >= ft->settings.slots)
		return -EINVAL;
	slot = slot_at(ft, slot_number);
	if (__atomic_load_n(&slot->tag, __ATOMIC_ACQUIRE) & TAG_LIVE && slot->flags & FLOW_HELLO_WALK &&
	    slot->flags & FLOW_HELLO_DONE)
		take_names(ft, slot, slot_number);
	return 0;
}

bool flowtab_flow(const struct flowtab *ft, uint32_t number, struct flowtab_flow *ret_flow)
{
	const struct flow_slot *slot;

	if (number >= ft->settings.slots)
		return false;
	slot = slot_at(ft, number);
	if (!(__atomic_load_n(&slot->tag, __ATOMIC_ACQUIRE) & (TAG_LIVE | TAG_DEAD)))
		return false;
	*ret_flow = (struct flowtab_flow){
		.key = &slot->key, .first_ns = slot->first_ns, .flags = slot->flags, .name_status = slot->name_status,
	};
	if (slot->flags & FLOW_HELLO_WALK && slot->hello - 1 < ft->settings.hellos) {
		ret_flow->first_seq = ft->hellos[slot->hello - 1].hello.first_seq;
		ret_flow->has_first_seq = slot->flags & FLOW_SYN_SEEN;
	} else if (slot->flags & FLOW_CLIENT_SEQ) {
		ret_flow->first_seq = slot->client_seq;
		ret_flow->has_first_seq = true;
	}
	return true;
}

void flowtab_set_names(struct flowtab *ft, uint32_t number, const uint8_t *sni, uint8_t sni_len, const uint8_t *alpn,
		       uint8_t alpn_len)
{
	struct flow_total *total = &ft->ledger[number];
	const struct name_entry *known = names_get(ft->names, total->sni);

	if (sni_len) {
		if (known && (known->len != sni_len || memcmp(known->bytes, sni, sni_len)))
			ft->counters.names_differ++;
		set_name(ft, &total->sni, sni, sni_len);
	}
	if (alpn_len)
		set_name(ft, &total->alpn, alpn, alpn_len);
}

void flowtab_set_status(struct flowtab *ft, uint32_t number, enum name_status status)
{
	struct flow_slot *slot = slot_at(ft, number);

	if (status == NAME_OK && !ft->ledger[number].sni)
		status = NAME_TABLE_FULL;
	if (status != NAME_NONE_YET && (!names_it(slot->name_status) || names_it(status)))
		slot->name_status = (uint8_t)status;
}

void flowtab_copy_off(struct flowtab *ft, uint32_t number)
{
	struct flow_slot *slot = slot_at(ft, number);

	__atomic_fetch_or(&slot->flags, FLOW_COPY_OFF | FLOW_HELLO_DONE | FLOW_READ, __ATOMIC_RELAXED);
	if (slot->flags & FLOW_HELLO_WALK)
		take_names(ft, slot, number);
}

void flowtab_quic(struct flowtab *ft, uint32_t number)
{
	__atomic_fetch_or(&slot_at(ft, number)->flags, FLOW_QUIC, __ATOMIC_RELAXED);
}

struct names *flowtab_names(struct flowtab *ft)
{
	return ft->names;
}

/* What an earlier process has left: names that live flows refer to, and slots half freed. */
static void look_around(struct flowtab *ft)
{
	for (uint32_t number = 0; number < ft->settings.slots; number++) {
		const struct flow_slot *slot = slot_at(ft, number);

		if (is_stale(ft, number) && ft->stales < STALE_MAX)
			ft->stale[ft->stales++] = number;
		if (!(slot->tag & (TAG_LIVE | TAG_DEAD)))
			continue;
		names_ref(ft->names, ft->ledger[number].sni);
		names_ref(ft->names, ft->ledger[number].alpn);
	}
}

static int map_shared(int fd, size_t bytes, void *ret_map)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	*(void **)ret_map = p;
	return 0;
}

static void unmap(void *map, size_t bytes)
{
	if (map)
		munmap(map, bytes);
}

int flowtab_new(struct flowtab **ret_ft, const struct flowtab_settings *settings)
{
	struct flowtab *ft = calloc(1, sizeof(*ft));
	int err;

	if (!ft)
		return -ENOMEM;
	ft->settings = *settings;
	ft->buckets = settings->slots / BUCKET_SLOTS;
	err = map_shared(settings->flows_fd, ft->buckets * sizeof(*ft->flows), &ft->flows);
	if (!err)
		err = map_shared(settings->ledger_fd, settings->slots * sizeof(*ft->ledger), &ft->ledger);
	if (!err)
		err = map_shared(settings->hellos_fd, settings->hellos * sizeof(*ft->hellos), &ft->hellos);
	if (!err)
		err = map_shared(settings->tcp_fd, settings->tcps * sizeof(*ft->tcps), &ft->tcps);
	if (!err)
		err = map_shared(settings->taken_fd, TAKEN_ENTRIES * sizeof(*ft->taken), &ft->taken);
	if (!err)
		err = names_open(&ft->names, settings->names_fd);
	if (err) {
		flowtab_free(ft);
		return err;
	}
	ft->take = (struct take){ .flows = ft->flows, .taken = ft->taken, .slots = settings->slots };
	take_recover(&ft->take);
	look_around(ft);
	*ret_ft = ft;
	return 0;
}

struct flowtab *flowtab_free(struct flowtab *ft)
{
	if (!ft)
		return NULL;
	names_close(ft->names);
	unmap(ft->flows, ft->buckets * sizeof(*ft->flows));
	unmap(ft->ledger, ft->settings.slots * sizeof(*ft->ledger));
	unmap(ft->hellos, ft->settings.hellos * sizeof(*ft->hellos));
	unmap(ft->tcps, ft->settings.tcps * sizeof(*ft->tcps));
	unmap(ft->taken, TAKEN_ENTRIES * sizeof(*ft->taken));
	free(ft);
	return NULL;
}

const struct flowtab_counters *flowtab_counters(const struct flowtab *ft)
{
	return &ft->counters;
}

uint64_t flowtab_names_full(const struct flowtab *ft)
{
	return names_full(ft->names);
}

uint32_t flowtab_names_used(const struct flowtab *ft)
{
	return names_used(ft->names);
}
