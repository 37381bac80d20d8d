/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/top.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/sparse.h"
#include "base/util.h"

#define SLICE		16384u	/* slots looked at in one turn of the loop, 2 ms and less */
#define PAUSE		9	/* times as long as a slice took: at least so long until the next one */
#define ORDER_BYTES	63	/* of a name, that it is ordered by */

const char *const top_sort_names[TOP_SORT_N] = {
#define X(id, text) text,
	TOP_SORTS(X)
#undef X
};

/* What the last look saw in a slot. */
struct before {
	uint64_t bytes[2];	/* by a and b of the flow key */
	uint32_t rtt_us[2];
} __attribute__((packed, aligned(4)));	/* as a sparse has it */
_Static_assert(sizeof(struct before) + SPARSE_EACH_BYTES == 36, "top.h says so");

/* What orders a flow; the rest is fetched for those that stay. */
struct item {
	uint64_t value, bits_sum;
	uint64_t first_ns;
	uint32_t slot;
	uint64_t bits[2];	/* by a and b */
	uint32_t rtt_us[2];
	uint8_t name_len;
	uint8_t name[ORDER_BYTES];
};

struct shown {
	unsigned int n;
	bool is_there;
	struct top_row row[TOP_ROWS_MAX];
};

/* All that there is only while somebody asks. */
struct looks {
	struct sparse *before;	/* by slot, of live flows */
	uint64_t *visited_ns;	/* by slice: when it was looked at last; 0: never */
	struct item item[TOP_SORT_N][TOP_ROWS_MAX + 1];
	struct shown shown[TOP_SORT_N];
};

struct top {
	struct top_sources from;
	struct loop_timer timer;
	uint64_t asked_ns[TOP_SORT_N];	/* 0: never */
	struct looks *looks;	/* NULL: nobody asks */
	struct highest highest[TOP_SORT_N];
	bool in_look[TOP_SORT_N];	/* orders of the look under way */
	uint32_t slices, slice;
	uint32_t live;
	struct tally seen[PORTS_MAX][DIRS];
	uint64_t seen_ns;	/* 0: not yet */
	struct top_view done;	/* of the last whole look: rates, interval, live */
};

/* ---- a look ---- */

static int by_value(const void *x, const void *y)
{
	const struct item *a = x, *b = y;

	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	if (a->name_len || b->name_len) {
		const int order = memcmp(b->name, a->name, MIN(a->name_len, b->name_len));	/* a before b: higher */

		if (order || a->name_len != b->name_len)
			return order ? order : (int)b->name_len - (int)a->name_len;
	}
	if (a->bits_sum != b->bits_sum)
		return a->bits_sum < b->bits_sum ? -1 : 1;
	return a->slot == b->slot ? 0 : a->slot < b->slot ? 1 : -1;
}

static uint32_t loss_of(const struct tcp_health *h)
{
	uint32_t all = 0;

	for (int i = 0; h && i < 2; i++)
		all += h->side[i].retransmits + h->side[i].lost_before;
	return all;
}

static void offer(struct top *top, enum top_sort sort, const struct flow_report *r, struct item *item)
{
	struct record_name name;

	item->name_len = 0;
	switch (sort) {
	case TOP_RATE:
		item->value = item->bits_sum;
		break;
	case TOP_BYTES:
		item->value = r->total.bytes[0] + r->total.bytes[1];
		break;
	case TOP_RTT:
		item->value = (uint64_t)item->rtt_us[0] + item->rtt_us[1];
		break;
	case TOP_LOSS:
		item->value = loss_of(r->tcp);
		break;
	case TOP_NAME:
		name = identify_name(top->from.identify, r);
		item->value = name.len > 0;
		item->name_len = (uint8_t)MIN(name.len, ORDER_BYTES);
		if (name.len)
			memcpy(item->name, name.at, item->name_len);
		break;
	case TOP_SORT_N:
		return;
	}
	highest_offer(&top->highest[sort], item);
}

static void look_at(struct top *top, uint32_t slot, uint64_t then_ns, uint64_t now_ns)
{
	struct item item = { .slot = slot };
	struct before *before;
	struct flow_report r;
	struct tcp_health h;
	uint32_t quic_us[2];

	if (!flowtab_peek(top->from.ft, slot, &r, &h))
		return;
	before = sparse_add(top->looks->before, slot);
	if (!before)
		return;	/* cannot be: there is a place for each slot */
	top->live++;
	item.first_ns = r.first_ns;
	identify_quic_us(top->from.identify, slot, quic_us);
	for (int i = 0; i < 2; i++) {
		const uint64_t bytes = r.total.bytes[i];
		/* a flow that was there before the first look, of which it is not known since when it has sent how much */
		const uint64_t since = then_ns && bytes >= before->bytes[i] ? bytes - before->bytes[i] : 0;

		item.bits[i] = then_ns ? (uint64_t)((double)since * 8 * (double)NS_PER_S / (double)(now_ns - then_ns)) : 0;
		item.bits_sum += item.bits[i];
		before->bytes[i] = bytes;
		if (r.tcp && r.tcp->rtt_count[i])
			before->rtt_us[i] = r.tcp->side[i].rtt_sum_us / r.tcp->rtt_count[i];
		item.rtt_us[i] = before->rtt_us[i] ? before->rtt_us[i] : quic_us[i];
	}
	for (int sort = 0; then_ns && sort < TOP_SORT_N; sort++)
		if (top->in_look[sort])
			offer(top, (enum top_sort)sort, &r, &item);
}

/* ---- what came of it ---- */

static uint8_t copy(uint8_t *to, size_t size, const void *from, size_t len)
{
	len = MIN(len, size);
	if (len)
		memcpy(to, from, len);
	return (uint8_t)len;
}

static void fill_proto(struct top_row *row, const struct record *r)
{
	const char *protocol = record_protocol(r) ? record_protocol(r) : row->transport;
	const uint8_t *name = r->tls.next_protocol.at;
	size_t at = 0, len = r->tls.next_protocol.len;

	if (!len && !record_alpn_next(r, &at, &name, &len)) {
		name = (const uint8_t *)protocol;
		len = protocol ? strlen(protocol) : 0;
	}
	row->proto_len = copy(row->proto, sizeof(row->proto), name, len);
}

static void fill_row(struct top_row *row, const struct record *r, const struct flow_report *report, const struct item *item)
{
	const int initiator = !!(report->flags & FLOW_INITIATOR_B), near = report->flags & FLOW_MIRROR ? initiator : 0;
	const struct record_side *side[] = { &r->source, &r->destination };
	const struct record_tcp_side *tcp[] = { &r->tcp.source, &r->tcp.destination };
	const bool has_domain = r->domain_len;

	*row = (struct top_row){
		.has_ports = r->has_ports, .ip_version = r->ip_version, .transport = record_proto_name(r->proto),
		.transport_number = r->proto, .measured = r->tcp.measured, .state = r->tcp.state, .failure = r->tcp.failure,
		.rtt_us = { item->rtt_us[near], item->rtt_us[!near] },
	};
	if (r->interface)
		strncpy(row->interface, r->interface, sizeof(row->interface) - 1);
	for (int i = 0; i < 2; i++) {
		memcpy(row->addr[i], side[i]->addr, sizeof(row->addr[i]));
		row->port[i] = side[i]->port;
		row->bytes[i] = side[i]->total_bytes;
		row->packets[i] = side[i]->total_packets;
		row->bits[i] = item->bits[initiator ^ i];
		row->retransmits[i] = tcp[i]->retransmits;
		row->lost_before[i] = tcp[i]->lost_before;
	}
	row->name_len = copy(row->name, sizeof(row->name), has_domain ? r->domain : r->sni, has_domain ? r->domain_len : r->sni_len);
	fill_proto(row, r);
}

/* Flows that ended since the look passed them by are left out. */
static void show(struct top *top, enum top_sort sort)
{
	struct highest *h = &top->highest[sort];
	struct shown *shown = &top->looks->shown[sort];

	highest_sort(h);
	shown->n = 0;
	shown->is_there = true;
	for (unsigned int i = 0; i < h->n; i++) {
		const struct item *item = &top->looks->item[sort][i];
		struct flow_report r;
		struct tcp_health health;
		struct record record;

		if (!flowtab_peek(top->from.ft, item->slot, &r, &health) || r.first_ns != item->first_ns)
			continue;
		report_record(top->from.reporter, &r, &record);
		identify_record(top->from.identify, &r, &record);
		report_finish(top->from.reporter, &record);
		fill_row(&shown->row[shown->n++], &record, &r, item);
	}
}

static void measure_ports(struct top *top, uint64_t now_ns)
{
	const uint64_t then_ns = top->seen_ns;

	for (unsigned int i = 0; i < top->from.snapshot->ports; i++) {
		const uint16_t port = top->from.snapshot->port[i].state.port % PORTS_MAX;
		struct top_rate *rate = &top->done.rate[port];
		struct books books;

		if (counters_books(top->from.counters, port, &books))
			continue;	/* the sweep says so */
		for (int dir = 0; dir < DIRS; dir++) {
			const struct tally *seen = &books.dir[dir].seen, *before = &top->seen[port][dir];
			const double per_s = then_ns && now_ns > then_ns ? (double)NS_PER_S / (double)(now_ns - then_ns) : 0;

			rate->bits[dir] = (uint64_t)((double)(seen->bytes - before->bytes) * 8 * per_s);
			rate->frames[dir] = (uint64_t)((double)(seen->frames - before->frames) * per_s);
			top->seen[port][dir] = *seen;
		}
	}
	top->seen_ns = now_ns;
	top->done.interval_ns = then_ns ? now_ns - then_ns : 0;
}

static bool is_asked(const struct top *top, int sort, uint64_t now_ns)
{
	return top->asked_ns[sort] && now_ns - top->asked_ns[sort] < TOP_IDLE_NS;
}

static void begin_look(struct top *top, uint64_t now_ns)
{
	top->slice = top->live = 0;
	for (int sort = 0; sort < TOP_SORT_N; sort++) {
		top->in_look[sort] = is_asked(top, sort, now_ns);
		top->highest[sort] = (struct highest){
			.items = top->looks->item[sort], .size = sizeof(struct item), .max = TOP_ROWS_MAX, .compare = by_value,
		};
		top->looks->shown[sort].is_there &= top->in_look[sort];
	}
}

static void end_look(struct top *top, bool is_first, uint64_t now_ns)
{
	measure_ports(top, now_ns);
	top->done.live = top->live;
	for (int sort = 0; sort < TOP_SORT_N && !is_first; sort++)
		if (top->in_look[sort])
			show(top, (enum top_sort)sort);
}

/* ---- while somebody asks ---- */

static void forget(struct top *top)
{
	if (!top->looks)
		return;
	loop_timer_stop(&top->timer);
	sparse_free(top->looks->before);
	free(top->looks->visited_ns);
	free(top->looks);
	top->looks = NULL;
	top->seen_ns = 0;
}

static void slice_due(struct loop_timer *timer)
{
	struct top *top = container_of(timer, struct top, timer);
	const uint64_t now_ns = loop_now_ns(), then_ns = top->looks->visited_ns[top->slice];
	const uint32_t end = MIN((top->slice + 1) * SLICE, top->from.slots);
	bool is_wanted = false;
	uint64_t took_ns;

	for (uint32_t slot = top->slice * SLICE; slot < end; slot++)
		look_at(top, slot, then_ns, now_ns);
	top->looks->visited_ns[top->slice] = now_ns;
	if (++top->slice == top->slices) {
		end_look(top, !then_ns, now_ns);
		for (int sort = 0; sort < TOP_SORT_N; sort++)
			is_wanted |= is_asked(top, sort, now_ns);
		if (!is_wanted) {
			forget(top);
			return;
		}
		begin_look(top, now_ns);
	}
	took_ns = loop_now_ns() - now_ns;
	loop_timer_arm(top->from.loop, timer, now_ns + MAX(TOP_LOOK_NS / top->slices, (PAUSE + 1) * took_ns));
}

static int start(struct top *top)
{
	struct looks *looks = calloc(1, sizeof(*looks));
	int err;

	if (!looks)
		return -ENOMEM;
	top->looks = looks;
	looks->visited_ns = calloc(top->slices, sizeof(*looks->visited_ns));
	err = looks->visited_ns ? sparse_new(&looks->before, sizeof(struct before), top->from.slots) : -ENOMEM;
	if (err) {
		forget(top);
		return err;
	}
	begin_look(top, loop_now_ns());
	top->timer.due = slice_due;
	err = loop_timer_arm(top->from.loop, &top->timer, loop_now_ns());
	if (err)
		forget(top);
	return err;
}

int top_ask(struct top *top, enum top_sort sort, unsigned int n, struct top_view *ret_view)
{
	int err;

	top->asked_ns[sort] = loop_now_ns();
	if (!top->looks) {
		err = start(top);
		return err ? err : -EAGAIN;
	}
	if (!top->looks->shown[sort].is_there)
		return -EAGAIN;
	*ret_view = top->done;
	ret_view->snapshot = top->from.snapshot;
	ret_view->sort = sort;
	ret_view->row = top->looks->shown[sort].row;
	ret_view->n = MIN(n, top->looks->shown[sort].n);
	return 0;
}

void top_freed(struct top *top, uint32_t slot)
{
	if (top->looks)
		sparse_remove(top->looks->before, slot);
}

int top_new(struct top **ret_top, const struct top_sources *sources)
{
	struct top *top = calloc(1, sizeof(*top));

	if (!top)
		return -ENOMEM;
	top->from = *sources;
	top->slices = (sources->slots + SLICE - 1) / SLICE;
	*ret_top = top;
	return 0;
}

struct top *top_free(struct top *top)
{
	if (top)
		forget(top);
	free(top);
	return NULL;
}
