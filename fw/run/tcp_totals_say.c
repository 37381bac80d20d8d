/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdio.h>

#include "base/util.h"
#include "run/tcp_totals.h"

static const char *const sides[] = { "near", "far" };
static const char *const failures[] = {
#define X(name) #name,
	TCP_FAILURES(X)
#undef X
};

static const struct {
	const char *name;
	unsigned int permille;
} quantiles[] = { { "p50", 500 }, { "p95", 950 }, { "p99", 990 } };

/* From the first bucket that is not empty to the last one. */
static void json_rtt(struct writer *w, const char *side, const struct histogram *h)
{
	const uint64_t samples = histogram_samples(h);
	unsigned int first = 0, end = HISTOGRAM_BUCKETS;

	if (!samples)
		return;
	while (!h->count[first])
		first++;
	while (!h->count[end - 1])
		end--;
	writer_format(w, ",\"rtt_%s_count\":%llu", side, (unsigned long long)samples);
	for (size_t i = 0; i < ARRAY_SIZE(quantiles); i++)
		writer_format(w, ",\"rtt_%s_%s_us\":%u", side, quantiles[i].name, histogram_quantile(h, quantiles[i].permille));
	writer_format(w, ",\"rtt_%s_first_bucket\":%u,\"rtt_%s_buckets\":[", side, first, side);
	for (unsigned int i = first; i < end; i++)
		writer_format(w, "%s%llu", i > first ? "," : "", (unsigned long long)h->count[i]);
	writer_char(w, ']');
}

void tcp_total_json(struct writer *w, const struct tcp_total *t)
{
	writer_format(w, "\"connections\":%llu,\"quic_connections\":%llu", (unsigned long long)t->connections,
		      (unsigned long long)t->quic_connections);
	for (int i = 0; i < TCP_FAILURE_N; i++)
		writer_format(w, ",\"%s\":%llu", failures[i], (unsigned long long)t->failures[i]);
	for (int i = 0; i < 2; i++)
		writer_format(w, ",\"packets_%s\":%llu,\"retransmits_%s\":%llu,\"lost_before_%s\":%llu",
			      sides[i], (unsigned long long)t->packets[i], sides[i],
			      (unsigned long long)t->retransmits[i], sides[i], (unsigned long long)t->lost_before[i]);
	for (int i = 0; i < 2; i++)
		json_rtt(w, sides[i], &t->rtt[i]);
}

static void text_rtt(struct writer *w, const struct histogram *h, unsigned int permille)
{
	const uint32_t us = histogram_quantile(h, permille);

	if (!us)
		writer_format(w, " %8s", "-");
	else
		writer_format(w, us < 10000 ? " %8.2f" : us < 100000 ? " %8.1f" : " %8.0f", us / 1000.0);
}

static void text_lost(struct writer *w, uint64_t count, uint64_t packets)
{
	char text[40];

	if (packets)
		snprintf(text, sizeof(text), "%llu (%.2f %%)", (unsigned long long)count,
			 100.0 * (double)count / (double)packets);
	else
		snprintf(text, sizeof(text), "%llu", (unsigned long long)count);
	writer_format(w, " %16s", text);
}

void tcp_total_text_head(struct writer *w)
{
	writer_format(w, "%-11s %-4s %8s %8s %8s %16s %16s   %s\n", "PORT", "SIDE", "RTT p50", "p95", "p99 ms", "RETRANSMITS",
		      "LOST BEFORE", "CONNECTIONS");
}

void tcp_total_text(struct writer *w, const char *port, const struct tcp_total *t, uint32_t measured)
{
	for (int i = 0; i < 2; i++) {
		writer_format(w, "%-11s %-4s", i ? "" : port, sides[i]);
		for (size_t q = 0; q < ARRAY_SIZE(quantiles); q++)
			text_rtt(w, &t->rtt[i], quantiles[q].permille);
		text_lost(w, t->retransmits[i], t->packets[i]);
		text_lost(w, t->lost_before[i], t->packets[i]);
		writer_text(w, "   ");
		if (!i)
			writer_format(w, "%u measured now", measured);
		for (int f = 0; i && f < TCP_FAILURE_N; f++)
			writer_format(w, "%s%s %llu", f ? ", " : "", failures[f], (unsigned long long)t->failures[f]);
		writer_char(w, '\n');
	}
}
