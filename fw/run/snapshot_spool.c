/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/snapshot_spool.h"

#include <string.h>

#include "base/util.h"

static const char *const mode_names[] = {
	[SPOOL_DURABLE] = "durable", [SPOOL_SPILL] = "spill", [SPOOL_MEMORY] = "off",
};

uint64_t snapshot_spool_oldest_s(const struct snapshot *s)
{
	const uint64_t at_us = s->spool.oldest_wall_us;

	return at_us && at_us < s->now_us ? (s->now_us - at_us) / 1000000 : 0;
}

static double worst_s(const struct snapshot *s)
{
	return (double)s->spool.worst_case_loss_ns / (double)NS_PER_S;
}

void snapshot_spool_text(struct writer *w, const struct snapshot *s)
{
	const struct spool_state *p = &s->spool;

	writer_format(w, "spool   %s; %llu messages wait, the oldest for %llu s; %zu bytes in memory", mode_names[p->mode],
		      (unsigned long long)p->waiting, (unsigned long long)snapshot_spool_oldest_s(s), p->queue_bytes);
	if (p->mode != SPOOL_MEMORY)
		writer_format(w, ", %llu in %u segments", (unsigned long long)p->disk_bytes, p->segments);
	writer_format(w, "; lost %llu messages; a power cut takes %.1f s at most\n", (unsigned long long)s->spool_counters.lost, worst_s(s));
	if (p->is_disk_off)
		writer_format(w, "        ALARM: the disk is left alone, messages are in memory only: %s\n", strerror(-p->disk_error));
}

void snapshot_spool_json(struct writer *w, const struct snapshot *s)
{
	const struct spool_state *p = &s->spool;

	writer_format(w, "\"spool\":{\"mode\":\"%s\",\"memory_only\":%s,", mode_names[p->mode],
		      p->mode == SPOOL_MEMORY || p->is_disk_off ? "true" : "false");
	if (p->disk_error)
		writer_format(w, "\"error\":\"%s\",", strerror(-p->disk_error));
	writer_format(w, "\"alarm\":%s,\"epoch\":%llu,\"waiting\":%llu,\"oldest_s\":%llu,\"memory_bytes\":%zu,\"disk_bytes\":%llu,"
		      "\"segments\":%u,\"lost\":%llu,\"worst_case_loss_s\":%llu}", p->is_disk_off ? "true" : "false",
		      (unsigned long long)p->epoch, (unsigned long long)p->waiting, (unsigned long long)snapshot_spool_oldest_s(s), p->queue_bytes,
		      (unsigned long long)p->disk_bytes, p->segments, (unsigned long long)s->spool_counters.lost,
		      (unsigned long long)((p->worst_case_loss_ns + NS_PER_S - 1) / NS_PER_S));
}
