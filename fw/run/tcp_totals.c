/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/tcp_totals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/sparse.h"
#include "base/util.h"

#define NEAR 0
#define FAR 1

/* What was counted of the flow in a slot already. */
struct before {
	union {	/* near, far */
		struct {
			uint16_t retransmits[2], lost_before[2];
		};
		bool handshake[2];	/* QUIC */
	};
	uint32_t interval;	/* in which it was counted as a connection; 0: none yet */
};
_Static_assert(sizeof(struct before) + SPARSE_EACH_BYTES == TCP_TOTALS_EACH_BYTES, "option flows.facts says so");

struct tcp_totals {
	uint64_t since_ns;
	uint32_t interval;
	struct sparse *before;	/* by slot */
	uint64_t not_kept;
	struct tcp_total port[PORTS_MAX];
	struct tcp_table names, devices;
};

int tcp_totals_new(struct tcp_totals **ret_totals, uint32_t flows_max, uint64_t now_ns)
{
	struct tcp_totals *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	err = sparse_new(&t->before, sizeof(struct before), flows_max);
	if (err) {
		tcp_totals_free(t);
		return err;
	}
	t->since_ns = now_ns;
	t->interval = 1;
	*ret_totals = t;
	return 0;
}

struct tcp_totals *tcp_totals_free(struct tcp_totals *t)
{
	if (t)
		sparse_free(t->before);
	free(t);
	return NULL;
}

void tcp_totals_freed(struct tcp_totals *t, uint32_t slot)
{
	sparse_remove(t->before, slot);
}

uint64_t tcp_totals_not_kept(const struct tcp_totals *t)
{
	return t->not_kept;
}

/* What this one report adds. */
static uint16_t since(uint16_t *before, uint16_t now)
{
	const uint16_t was = *before;

	*before = now;
	return now > was ? now - was : 0;
}

static void add_rtt(struct histogram *h, const struct record_rtt *rtt)
{
	histogram_add(h, rtt->buckets, sizeof(rtt->buckets), rtt->first_bucket, rtt->count);
}

static void add_health(struct tcp_totals *t, const struct flow_report *report, const struct record *r, struct tcp_total *ret_one)
{
	const int initiator = !!(report->flags & FLOW_INITIATOR_B), near = report->flags & FLOW_MIRROR ? initiator : 0;
	const bool source_is_far = near != initiator;
	struct before *found = sparse_add(t->before, report->slot), all_told = { 0 }, *before = found ? found : &all_told;
	const struct record_tcp_side *side[] = { &r->tcp.source, &r->tcp.destination };
	const struct record_side *sent[] = { &r->source, &r->destination };
	const bool is_unknown = !found || (!before->interval && report->first_ns < t->since_ns);

	t->not_kept += !found;
	ret_one->connections = before->interval != t->interval;
	before->interval = t->interval;
	for (int i = NEAR; i <= FAR; i++) {
		const int at = source_is_far ? !i : i;
		const uint16_t retransmits = since(&before->retransmits[i], side[at]->retransmits);
		const uint16_t lost_before = since(&before->lost_before[i], side[at]->lost_before);

		ret_one->packets[i] = sent[at]->packets;
		ret_one->retransmits[i] = is_unknown ? 0 : retransmits;
		ret_one->lost_before[i] = is_unknown ? 0 : lost_before;
		add_rtt(&ret_one->rtt[i], &r->tcp.rtt[i]);
		ret_one->rtt_sum_us[i] = (uint64_t)r->tcp.rtt[i].mean_us * r->tcp.rtt[i].count;
	}
}

/* The handshake's halves are told in every record, but happened once. */
static void add_quic(struct tcp_totals *t, const struct flow_report *report, const struct record_quic *quic, struct tcp_total *ret_one)
{
	const uint32_t handshake_us[] = { quic->handshake_near_us, quic->handshake_far_us };
	struct before *before;
	bool any = false;

	if (!handshake_us[NEAR] && !handshake_us[FAR] && !quic->rtt[NEAR].count && !quic->rtt[FAR].count)
		return;
	before = sparse_add(t->before, report->slot);
	t->not_kept += !before;
	for (int i = NEAR; i <= FAR; i++) {
		if (before && handshake_us[i] && !before->handshake[i]) {
			histogram_add_us(&ret_one->rtt[i], handshake_us[i]);
			before->handshake[i] = any = true;
		}
		add_rtt(&ret_one->rtt[i], &quic->rtt[i]);
		any |= quic->rtt[i].count > 0;
	}
	if (!any || !before)
		return;
	ret_one->quic_connections = before->interval != t->interval;
	before->interval = t->interval;
}

static void add_failure(const struct record *r, struct tcp_total *ret_one)
{
	static const char *const names[] = {
#define X(name) #name,
		TCP_FAILURES(X)
#undef X
	};

	for (int i = 0; i < TCP_FAILURE_N; i++)
		ret_one->failures[i] = !strcmp(r->tcp.failure, names[i]);
}

void tcp_total_merge(struct tcp_total *to, const struct tcp_total *from)
{
	to->connections += from->connections;
	to->quic_connections += from->quic_connections;
	for (int i = 0; i < TCP_FAILURE_N; i++)
		to->failures[i] += from->failures[i];
	for (int i = NEAR; i <= FAR; i++) {
		to->packets[i] += from->packets[i];
		to->retransmits[i] += from->retransmits[i];
		to->lost_before[i] += from->lost_before[i];
		histogram_merge(&to->rtt[i], &from->rtt[i]);
		to->rtt_sum_us[i] += from->rtt_sum_us[i];
	}
}

bool tcp_total_is_empty(const struct tcp_total *t)
{
	uint64_t any = t->connections | t->quic_connections;

	for (int i = 0; i < TCP_FAILURE_N; i++)
		any |= t->failures[i];
	for (int i = NEAR; i <= FAR; i++)
		any |= histogram_samples(&t->rtt[i]);
	return !any;
}

/* FNV-1a: only spares comparisons. Whoever makes two keys collide gains nothing. */
static uint32_t hash_of(uint16_t port, const uint8_t *key, uint8_t len)
{
	uint32_t hash = 2166136261u ^ port;

	for (uint8_t i = 0; i < len; i++)
		hash = (hash ^ key[i]) * 16777619u;
	return hash;
}

static void to_other(struct tcp_table *table, unsigned int at)
{
	tcp_total_merge(&table->other, &table->entry[at].total);
	table->in_other++;
}

static void table_add(struct tcp_table *table, uint16_t port, const uint8_t *key, size_t key_len, uint64_t bytes,
		      const struct tcp_total *one)
{
	const uint8_t len = (uint8_t)MIN(key_len, (size_t)TCP_TOTALS_KEY);
	const uint32_t hash = hash_of(port, key, len);
	struct tcp_entry *e;
	unsigned int at = 0;

	for (; at < table->n; at++) {
		e = &table->entry[at];
		if (table->hash[at] == hash && e->port == port && e->key_len == len && !memcmp(e->key, key, len))
			break;
	}
	if (at == table->n && at == TCP_TOTALS_KEPT) {	/* the lightest makes room */
		at = 0;
		for (unsigned int i = 1; i < TCP_TOTALS_KEPT; i++)
			if (table->bytes[i] < table->bytes[at])
				at = i;
		to_other(table, at);
		table->entry[at].key_len = 0;
		table->entry[at].total = (struct tcp_total){ 0 };
		table->bytes[at] = 0;
	} else if (at == table->n) {
		table->n++;
		table->bytes[at] = 0;
		table->entry[at].total = (struct tcp_total){ 0 };
	}
	e = &table->entry[at];
	table->hash[at] = hash;
	table->bytes[at] += bytes;
	e->port = port;
	e->key_len = len;
	memcpy(e->key, key, len);
	tcp_total_merge(&e->total, one);
}

void tcp_totals_add(struct tcp_totals *t, const struct flow_report *report, const struct record *r)
{
	const bool near_is_source = report->flags & FLOW_MIRROR || !(report->flags & FLOW_INITIATOR_B);
	const struct record_side *near = near_is_source ? &r->source : &r->destination;
	const uint16_t port = report->key->port % PORTS_MAX;
	struct tcp_total one = { 0 };

	if (r->tcp.measured)
		add_health(t, report, r, &one);
	else if (!r->tcp.state)
		add_quic(t, report, &r->quic, &one);
	if (r->tcp.failure && report->end != FLOW_END_ACTIVE)
		add_failure(r, &one);
	if (!r->tcp.measured && tcp_total_is_empty(&one))
		return;
	tcp_total_merge(&t->port[port], &one);
	if (r->domain_len || r->sni_len)
		table_add(&t->names, port, r->domain_len ? r->domain : r->sni, r->domain_len ? r->domain_len : r->sni_len,
			  r->source.bytes + r->destination.bytes, &one);
	if (near->has_mac)
		table_add(&t->devices, port, near->mac, sizeof(near->mac), r->source.bytes + r->destination.bytes, &one);
}

const struct tcp_total *tcp_totals_port(const struct tcp_totals *t, unsigned int port)
{
	return &t->port[port % PORTS_MAX];
}

static void swap(struct tcp_table *table, unsigned int x, unsigned int y)
{
	const struct tcp_entry entry = table->entry[x];
	const uint64_t bytes = table->bytes[x];
	const uint32_t hash = table->hash[x];

	table->entry[x] = table->entry[y];
	table->bytes[x] = table->bytes[y];
	table->hash[x] = table->hash[y];
	table->entry[y] = entry;
	table->bytes[y] = bytes;
	table->hash[y] = hash;
}

static const struct tcp_table *choose(struct tcp_table *table)
{
	for (unsigned int i = 0; i < MIN(table->n, (unsigned int)TCP_TOTALS_SHOWN); i++)
		for (unsigned int j = i + 1; j < table->n; j++)
			if (table->bytes[j] > table->bytes[i])
				swap(table, i, j);
	while (table->n > TCP_TOTALS_SHOWN)
		to_other(table, --table->n);
	return table;
}

const struct tcp_table *tcp_totals_names(struct tcp_totals *t)
{
	return choose(&t->names);
}

const struct tcp_table *tcp_totals_devices(struct tcp_totals *t)
{
	return choose(&t->devices);
}

void tcp_totals_next(struct tcp_totals *t)
{
	t->interval = t->interval + 1 ? t->interval + 1 : 1;
	memset(t->port, 0, sizeof(t->port));
	t->names.n = t->devices.n = 0;
	t->names.other = t->devices.other = (struct tcp_total){ 0 };
}
