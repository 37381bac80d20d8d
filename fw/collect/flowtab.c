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

#define WINDOW_BUCKETS	2048u	/* 2 MB of flow table and 512 kB of ledger are mapped at once */
#define HELLO_WAIT_NS	(10 * NS_PER_S)	/* a walk whose segments do not come any more is ended */
#define PAGE_BUCKETS	(4096 / sizeof(struct flow_bucket))

/* flow_slot.end_reason of a twin, with the low bit of the sweep that killed it; never leaves this file */
#define END_TWIN	0x80

struct flowtab {
	struct flowtab_settings settings;
	struct names *names;
	struct hello_entry *hellos;
	struct taken *taken;
	uint32_t buckets;
	uint32_t at;		/* first bucket of the next window */
	bool report_all, end_all;	/* flowtab_report_all(), flowtab_flush() */
	uint32_t live, dead, walks;	/* of the sweep under way */
	struct taken pending[PORTS_MAX];
	struct flowtab_counters counters;
};

/* A piece of the table and of its ledger, mapped while somebody looks at it. */
struct window {
	struct flow_bucket *bucket;
	struct flow_total *total;
	uint32_t first, count;	/* buckets */
};

static int window_map(const struct flowtab *ft, struct window *w, uint32_t first, uint32_t count)
{
	const size_t total_bytes = count * BUCKET_SLOTS * sizeof(struct flow_total);
	const off_t total_at = (off_t)first * BUCKET_SLOTS * (off_t)sizeof(struct flow_total);
	const off_t page = total_at & 4095;
	void *p;

	p = mmap(NULL, count * sizeof(struct flow_bucket), PROT_READ | PROT_WRITE, MAP_SHARED,
		 ft->settings.flows_fd, (off_t)first * (off_t)sizeof(struct flow_bucket));
	if (p == MAP_FAILED)
		return -errno;
	w->bucket = p;
	p = mmap(NULL, total_bytes + (size_t)page, PROT_READ | PROT_WRITE, MAP_SHARED, ft->settings.ledger_fd,
		 total_at - page);
	if (p == MAP_FAILED) {
		int err = -errno;

		munmap(w->bucket, count * sizeof(struct flow_bucket));
		return err;
	}
	w->total = (void *)((char *)p + page);
	w->first = first;
	w->count = count;
	return 0;
}

static void window_unmap(struct window *w)
{
	const uintptr_t total = (uintptr_t)w->total;

	munmap(w->bucket, w->count * sizeof(struct flow_bucket));
	munmap((void *)(total & ~(uintptr_t)4095),
	       w->count * BUCKET_SLOTS * sizeof(struct flow_total) + (total & 4095));
}

/* Calls @look with a bucket that may lie outside of window @w. */
static int with_bucket(struct flowtab *ft, struct window *w, uint32_t number,
		       int (*look)(struct flow_bucket *bucket, void *arg), void *arg)
{
	struct window page;
	int ret;

	if (number - w->first < w->count)
		return look(&w->bucket[number - w->first], arg);
	ret = window_map(ft, &page, number & ~(uint32_t)(PAGE_BUCKETS - 1), MIN(PAGE_BUCKETS, ft->buckets));
	if (ret)
		return ret;
	ret = look(&page.bucket[number - page.first], arg);
	window_unmap(&page);
	return ret;
}

/* The other bucket of a flow that lies in bucket @number. The same rule as key_bucket_delta() of bpf/key.h. */
static uint32_t other_bucket(const struct flowtab *ft, uint32_t number, uint32_t tag)
{
	uint32_t delta = (((tag & TAG_HASH) * 0x5bd1e995u) >> 7) & (ft->buckets - 1);

	return number ^ (delta ? delta : 1);
}

static void take(struct flow_slot *slot, struct flow_report *r)
{
	for (int i = 0; i < 2; i++) {
		uint64_t bytes = __atomic_exchange_n(&slot->bytes[i], 0, __ATOMIC_RELAXED);
		uint64_t count = __atomic_exchange_n(&slot->count[i], 0, __ATOMIC_RELAXED);
		uint64_t overhead = count >> COUNT_FRAMES_BITS;

		r->packets[i] = count & COUNT_FRAMES_MASK;
		r->bytes[i] = bytes;
		/* Bytes and count are two atomics: a packet between them may show in one only, until the next take. */
		r->ip_bytes[i] = bytes > overhead ? bytes - overhead : 0;
	}
}

static void close_books(struct flowtab *ft, const struct flow_slot *slot, const struct flow_report *r)
{
	struct taken *taken = &ft->taken[slot->key.port % PORTS_MAX];

	for (int i = 0; i < 2; i++) {
		struct tally *tally = &taken->dir[slot->flags & FLOW_MIRROR || i == 0 ? DIR_RX : DIR_TX];

		tally->frames += r->packets[i];
		tally->bytes += r->bytes[i];
	}
}

static void report(struct flowtab *ft, struct flow_slot *slot, struct flow_total *total, enum flow_end end,
		   uint64_t now_ns, flowtab_emit emit, void *arg)
{
	static const uint8_t no_mac[6];
	const struct name_entry *sni = names_get(ft->names, slot->sni), *alpn = names_get(ft->names, slot->alpn);
	struct flow_report r = {
		.key = &slot->key,
		.first_ns = slot->first_ns,
		.flags = slot->flags,
		.name_status = slot->name_status,
		.end = (uint8_t)end,
		.mac = memcmp(slot->mac, no_mac, sizeof(no_mac)) ? slot->mac : NULL,
	};

	take(slot, &r);
	close_books(ft, slot, &r);
	for (int i = 0; i < 2; i++) {
		total->packets[i] += r.packets[i];
		total->bytes[i] += r.bytes[i];
	}
	r.total = *total;
	r.last_ns = MAX(slot->last_ns, slot->first_ns);	/* the coarse clock may be a tick behind the precise one */
	if (sni) {
		r.sni = sni->bytes;
		r.sni_len = sni->len;
	}
	if (alpn) {
		r.alpn = alpn->bytes;
		r.alpn_len = alpn->len;
	}
	if (slot->key.proto != IPPROTO_TCP)
		r.name_status = NAME_NOT_TLS;
	slot->reported_s = (uint32_t)(now_ns / NS_PER_S);
	ft->counters.reports++;
	emit(&r, arg);
}

/* What was there before (a process that died in the middle of this) is given back. */
static void set_name(struct flowtab *ft, uint16_t *at, const uint8_t *bytes, uint32_t len)
{
	uint16_t id = names_intern(ft->names, bytes, (uint8_t)len);

	names_unref(ft->names, *at);
	*at = id;
}

/* The walk's result into the slot, its entry back to the pool. Entry first: what breaks off between is found again. */
static void take_names(struct flowtab *ft, struct flow_slot *slot, uint32_t slot_number)
{
	struct hello_entry *entry = slot->hello - 1 < ft->settings.hellos ? &ft->hellos[slot->hello - 1] : NULL;

	if (entry && __atomic_load_n(&entry->owner, __ATOMIC_ACQUIRE) == slot_number + 1) {
		const struct hello *h = &entry->hello;

		if (h->flags & HELLO_SNI)
			set_name(ft, &slot->sni, h->store, MIN(h->sni_len, SNI_MAX));
		if (h->flags & HELLO_ALPN)
			set_name(ft, &slot->alpn, h->store + HELLO_ALPN_AT, MIN(h->alpn_len, ALPN_MAX));
		if (h->flags & HELLO_SNI)
			slot->name_status = slot->sni ? NAME_OK : NAME_TABLE_FULL;
		ft->counters.names_taken++;
		__atomic_store_n(&entry->owner, 0, __ATOMIC_RELEASE);
	}
	__atomic_fetch_and(&slot->flags, ~FLOW_HELLO_WALK, __ATOMIC_RELAXED);
	slot->hello = 0;
}

static int sub_spill(struct flow_bucket *home, void *arg)
{
	(void)arg;
	if (__atomic_load_n(&home->slot[0].spill, __ATOMIC_RELAXED))
		__atomic_fetch_sub(&home->slot[0].spill, 1, __ATOMIC_RELAXED);
	return 0;
}

/* Live to dead; false: the kernel was first (its ports are used again). */
static bool kill(struct flow_slot *slot, uint32_t tag)
{
	return __atomic_compare_exchange_n(&slot->tag, &tag, (tag & TAG_HASH) | TAG_DEAD, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* Zeroes all but tag and spill, which belongs to the bucket, then gives the slot back. */
static void free_slot(struct flowtab *ft, struct window *w, uint32_t number, struct flow_slot *slot,
		      struct flow_total *total)
{
	names_unref(ft->names, slot->sni);
	names_unref(ft->names, slot->alpn);
	if (slot->flags & FLOW_ALT)
		with_bucket(ft, w, other_bucket(ft, number / BUCKET_SLOTS, slot->tag), sub_spill, NULL);
	memset(total, 0, sizeof(*total));
	memset(&slot->key, 0, sizeof(*slot) - offsetof(struct flow_slot, key));
	__atomic_store_n(&slot->tag, TAG_FREE, __ATOMIC_RELEASE);
}

static uint8_t twin_reason(const struct flowtab *ft)
{
	return END_TWIN | (ft->counters.sweeps & 1);
}

struct twin {
	struct flow_slot *slot;		/* this one, whose other one is looked for */
	uint32_t tag;			/* of a live slot of this flow */
	struct flow_report taken;	/* what goes into the twin */
	uint8_t kill;			/* its end_reason; 0: give it what was taken */
	bool done;
};

static int look_for_twin(struct flow_bucket *bucket, void *arg)
{
	struct twin *twin = arg;

	for (int i = 0; i < BUCKET_SLOTS && !twin->done; i++) {
		struct flow_slot *slot = &bucket->slot[i];

		if (slot == twin->slot || __atomic_load_n(&slot->tag, __ATOMIC_ACQUIRE) != twin->tag ||
		    memcmp(&slot->key, &twin->slot->key, sizeof(slot->key)))
			continue;
		if (twin->kill) {
			twin->done = kill(slot, twin->tag);
			if (twin->done)
				slot->end_reason = twin->kill;
			continue;
		}
		for (int side = 0; side < 2; side++) {
			uint64_t overhead = twin->taken.bytes[side] - twin->taken.ip_bytes[side];

			__atomic_fetch_add(&slot->bytes[side], twin->taken.bytes[side], __ATOMIC_RELAXED);
			__atomic_fetch_add(&slot->count[side], twin->taken.packets[side] | overhead << COUNT_FRAMES_BITS,
					   __ATOMIC_RELAXED);
		}
		__atomic_fetch_or(&slot->flags, twin->slot->flags & (FLOW_TCP_FLAGS_A | FLOW_TCP_FLAGS_B), __ATOMIC_RELAXED);
		slot->first_ns = MIN(slot->first_ns, twin->slot->first_ns);
		if (!slot->sni && !slot->alpn && (twin->slot->sni || twin->slot->alpn)) {	/* references and all */
			slot->sni = twin->slot->sni;
			slot->alpn = twin->slot->alpn;
			slot->name_status = twin->slot->name_status;
			twin->slot->sni = twin->slot->alpn = 0;
		}
		twin->done = true;
	}
	return 0;
}

static void find_twin(struct flowtab *ft, struct window *w, uint32_t bucket, struct twin *twin)
{
	with_bucket(ft, w, bucket, look_for_twin, twin);
	if (!twin->done)
		with_bucket(ft, w, other_bucket(ft, bucket, twin->tag), look_for_twin, twin);
}

/* A dead slot, one sweep later: emptied, told, freed. */
static void bury(struct flowtab *ft, struct window *w, uint32_t number, struct flow_slot *slot,
		 struct flow_total *total, uint64_t now_ns, flowtab_emit emit, void *arg)
{
	if (slot->flags & FLOW_HELLO_WALK)
		take_names(ft, slot, number);
	if (slot->end_reason & END_TWIN) {
		struct twin twin = { .slot = slot, .tag = (slot->tag & TAG_HASH) | TAG_LIVE };

		take(slot, &twin.taken);
		find_twin(ft, w, number / BUCKET_SLOTS, &twin);
		ft->counters.twins++;
		if (twin.done) {
			free_slot(ft, w, number, slot, total);
			return;
		}
		/* The other one has ended meanwhile: this one is told by itself. */
		for (int i = 0; i < 2; i++) {
			uint64_t overhead = twin.taken.bytes[i] - twin.taken.ip_bytes[i];

			__atomic_fetch_add(&slot->bytes[i], twin.taken.bytes[i], __ATOMIC_RELAXED);
			__atomic_fetch_add(&slot->count[i], twin.taken.packets[i] | overhead << COUNT_FRAMES_BITS,
					   __ATOMIC_RELAXED);
		}
		slot->end_reason = FLOW_END_DETECTED;
	}
	report(ft, slot, total, slot->end_reason, now_ns, emit, arg);
	ft->counters.ended++;
	free_slot(ft, w, number, slot, total);
}

static uint64_t since(uint64_t then_ns, uint64_t now_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

/* Why this flow is to end now; 0: it goes on. */
static enum flow_end end_of(const struct flowtab *ft, const struct flow_slot *slot, uint64_t now_ns)
{
	const struct flowtab_limits *limits = &ft->settings.limits;
	const uint32_t flags = slot->flags, both = flags & flags >> 8;
	const uint64_t quiet_ns = since(MAX(slot->last_ns, slot->first_ns), now_ns);

	if (ft->end_all)
		return FLOW_END_FORCED;
	if (slot->key.proto != IPPROTO_TCP)
		return quiet_ns >= limits->idle_ns ? FLOW_END_IDLE : 0;
	if (both & TH_FIN || (flags | flags >> 8) & TH_RST)
		return quiet_ns >= limits->fin_ns ? FLOW_END_DETECTED : 0;
	return quiet_ns >= limits->tcp_idle_ns ? FLOW_END_IDLE : 0;
}

static bool wants_report(const struct flowtab *ft, const struct flow_slot *slot, uint64_t now_ns)
{
	const uint64_t last_ns = slot->reported_s ? slot->reported_s * NS_PER_S : slot->first_ns;
	const uint64_t count = slot->count[0] | slot->count[1];

	if (ft->report_all)
		return count & COUNT_FRAMES_MASK;
	return since(last_ns, now_ns) >= ft->settings.limits.active_ns ||
	       (count & COUNT_FRAMES_MASK) >= COUNT_FULL / 2;	/* take it before the kernel has to refuse */
}

static void look_at_live(struct flowtab *ft, struct window *w, uint32_t number, struct flow_slot *slot,
			 struct flow_total *total, uint32_t tag, uint64_t now_ns, flowtab_emit emit, void *arg)
{
	enum flow_end end;

	ft->live++;
	if (slot->flags & FLOW_FRESH) {
		struct twin twin = { .slot = slot, .tag = tag, .kill = twin_reason(ft) };

		__atomic_fetch_and(&slot->flags, ~FLOW_FRESH, __ATOMIC_RELAXED);
		find_twin(ft, w, number / BUCKET_SLOTS, &twin);
	}
	if (slot->flags & FLOW_HELLO_WALK) {
		if (slot->flags & FLOW_HELLO_DONE) {
			take_names(ft, slot, number);
		} else if (since(slot->first_ns, now_ns) > HELLO_WAIT_NS) {
			__atomic_fetch_or(&slot->flags, FLOW_HELLO_DONE, __ATOMIC_RELAXED);
			take_names(ft, slot, number);
			ft->counters.names_given_up++;
		} else {
			ft->walks++;
		}
	}
	end = end_of(ft, slot, now_ns);
	if (end) {
		slot->end_reason = (uint8_t)end;
		if (!kill(slot, tag))
			slot->end_reason = FLOW_END_DETECTED;
		return;
	}
	if (wants_report(ft, slot, now_ns))
		report(ft, slot, total, FLOW_END_ACTIVE, now_ns, emit, arg);
}

/* What stays in the slot for a later report. */
static void count_pending(struct flowtab *ft, const struct flow_slot *slot)
{
	struct taken *pending = &ft->pending[slot->key.port % PORTS_MAX];

	for (int i = 0; i < 2; i++) {
		struct tally *tally = &pending->dir[slot->flags & FLOW_MIRROR || i == 0 ? DIR_RX : DIR_TX];

		tally->frames += __atomic_load_n(&slot->count[i], __ATOMIC_RELAXED) & COUNT_FRAMES_MASK;
		tally->bytes += __atomic_load_n(&slot->bytes[i], __ATOMIC_RELAXED);
	}
}

static void look_at(struct flowtab *ft, struct window *w, uint32_t number, uint64_t now_ns, flowtab_emit emit, void *arg)
{
	const uint32_t in_window = number - w->first * BUCKET_SLOTS;
	struct flow_slot *slot = &w->bucket[in_window / BUCKET_SLOTS].slot[in_window % BUCKET_SLOTS];
	struct flow_total *total = &w->total[in_window];
	const uint32_t tag = __atomic_load_n(&slot->tag, __ATOMIC_ACQUIRE);

	if (tag & TAG_LIVE) {
		look_at_live(ft, w, number, slot, total, tag, now_ns, emit, arg);
		count_pending(ft, slot);
	} else if (tag & TAG_DEAD) {
		ft->dead++;
		if (slot->end_reason && slot->end_reason != twin_reason(ft))	/* a twin: not in the sweep that killed it */
			bury(ft, w, number, slot, total, now_ns, emit, arg);
		else if (!slot->end_reason)
			slot->end_reason = FLOW_END_DETECTED;	/* killed by the kernel: buried in the next sweep */
		count_pending(ft, slot);	/* of a buried one nothing is left */
	}
}

static void sweep_begin(struct flowtab *ft)
{
	ft->at = ft->live = ft->dead = ft->walks = 0;
	memset(ft->pending, 0, sizeof(ft->pending));
}

int flowtab_sweep_window(struct flowtab *ft, uint64_t now_ns, flowtab_emit emit, void *arg)
{
	const uint32_t count = MIN(WINDOW_BUCKETS, ft->buckets - ft->at);
	struct window w;
	int err = window_map(ft, &w, ft->at, count);

	if (err)
		return err;
	for (uint32_t i = 0; i < count * BUCKET_SLOTS; i++)
		look_at(ft, &w, ft->at * BUCKET_SLOTS + i, now_ns, emit, arg);
	window_unmap(&w);
	ft->at += count;
	if (ft->at < ft->buckets)
		return 0;

	ft->counters.sweeps++;
	ft->counters.live = ft->live;
	ft->counters.dead = ft->dead;
	ft->counters.hellos = ft->walks;
	memcpy(ft->counters.pending, ft->pending, sizeof(ft->pending));
	sweep_begin(ft);
	return 1;
}

int flowtab_sweep(struct flowtab *ft, uint64_t now_ns, flowtab_emit emit, void *arg)
{
	int ret;

	do
		ret = flowtab_sweep_window(ft, now_ns, emit, arg);
	while (ret == 0);
	return ret < 0 ? ret : 0;
}

static int whole_sweep(struct flowtab *ft, uint64_t now_ns, flowtab_emit emit, void *arg)
{
	sweep_begin(ft);
	return flowtab_sweep(ft, now_ns, emit, arg);
}

int flowtab_flush(struct flowtab *ft, uint64_t now_ns, flowtab_emit emit, void *arg)
{
	int err;

	ft->end_all = true;
	err = whole_sweep(ft, now_ns, emit, arg);
	if (!err)
		err = whole_sweep(ft, now_ns, emit, arg);
	ft->end_all = false;
	return err;
}

int flowtab_report_all(struct flowtab *ft, uint64_t now_ns, flowtab_emit emit, void *arg)
{
	int err;

	ft->report_all = true;
	err = whole_sweep(ft, now_ns, emit, arg);
	ft->report_all = false;
	return err;
}

uint32_t flowtab_windows(uint32_t slots)
{
	return (slots / BUCKET_SLOTS + WINDOW_BUCKETS - 1) / WINDOW_BUCKETS;
}

int flowtab_hello_done(struct flowtab *ft, uint32_t slot_number)
{
	const uint32_t bucket = slot_number / BUCKET_SLOTS;
	struct flow_slot *slot;
	struct window w;
	int err;

	if (bucket >= ft->buckets)
		return -EINVAL;
	err = window_map(ft, &w, bucket & ~(uint32_t)(PAGE_BUCKETS - 1), MIN(PAGE_BUCKETS, ft->buckets));
	if (err)
		return err;
	slot = &w.bucket[bucket - w.first].slot[slot_number % BUCKET_SLOTS];
	if (__atomic_load_n(&slot->tag, __ATOMIC_ACQUIRE) & TAG_LIVE && slot->flags & FLOW_HELLO_WALK &&
	    slot->flags & FLOW_HELLO_DONE)
		take_names(ft, slot, slot_number);
	window_unmap(&w);
	return 0;
}

/* Names that live flows of an earlier process refer to. */
static int count_references(struct flowtab *ft)
{
	for (uint32_t at = 0; at < ft->buckets; at += WINDOW_BUCKETS) {
		struct window w;
		int err = window_map(ft, &w, at, MIN(WINDOW_BUCKETS, ft->buckets - at));

		if (err)
			return err;
		for (uint32_t i = 0; i < w.count * BUCKET_SLOTS; i++) {
			const struct flow_slot *slot = &w.bucket[i / BUCKET_SLOTS].slot[i % BUCKET_SLOTS];

			if (!(slot->tag & (TAG_LIVE | TAG_DEAD)))
				continue;
			names_ref(ft->names, slot->sni);
			names_ref(ft->names, slot->alpn);
		}
		window_unmap(&w);
	}
	return 0;
}

int flowtab_new(struct flowtab **ret_ft, const struct flowtab_settings *settings)
{
	struct flowtab *ft = calloc(1, sizeof(*ft));
	int err;

	if (!ft)
		return -ENOMEM;
	ft->settings = *settings;
	ft->buckets = settings->slots / BUCKET_SLOTS;
	ft->hellos = mmap(NULL, settings->hellos * sizeof(*ft->hellos), PROT_READ | PROT_WRITE, MAP_SHARED,
			  settings->hellos_fd, 0);
	ft->taken = mmap(NULL, PORTS_MAX * sizeof(*ft->taken), PROT_READ | PROT_WRITE, MAP_SHARED,
			 settings->taken_fd, 0);
	if (ft->hellos == MAP_FAILED || ft->taken == MAP_FAILED) {
		err = -errno;
		goto fail;
	}
	err = names_open(&ft->names, settings->names_fd);
	if (err)
		goto fail;
	err = count_references(ft);
	if (err)
		goto fail;
	*ret_ft = ft;
	return 0;
fail:
	flowtab_free(ft);
	return err;
}

struct flowtab *flowtab_free(struct flowtab *ft)
{
	if (!ft)
		return NULL;
	names_close(ft->names);
	if (ft->hellos && ft->hellos != MAP_FAILED)
		munmap(ft->hellos, ft->settings.hellos * sizeof(*ft->hellos));
	if (ft->taken && ft->taken != MAP_FAILED)
		munmap(ft->taken, PORTS_MAX * sizeof(*ft->taken));
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
