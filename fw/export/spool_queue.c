/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "export/spool_private.h"

static size_t node_bytes(const struct spool_node *n)
{
	return sizeof(*n) + n->record.len;
}

struct spool_node *spool_queue_add(struct spool *s, uint8_t class, const struct spool_record *record, uint64_t now_ns)
{
	struct spool_node *n = malloc(sizeof(*n) + record->len);

	if (!n)
		return NULL;
	*n = (struct spool_node){ .record = *record, .since_ns = now_ns };
	if (record->len)
		memcpy(n->payload, record->payload, record->len);
	n->record.payload = n->payload;
	TAILQ_INSERT_TAIL(&s->lane[class].nodes, n, link);
	s->queue_bytes += node_bytes(n);
	return n;
}

void spool_queue_remove(struct spool *s, struct spool_node *n)
{
	TAILQ_REMOVE(&s->lane[n->record.class].nodes, n, link);
	s->queue_bytes -= node_bytes(n);
	free(n);
}

struct spool_node *spool_queue_find(const struct spool *s, uint8_t class, uint64_t seq)
{
	struct spool_node *n;

	TAILQ_FOREACH(n, &s->lane[class].nodes, link)
		if (n->record.seq >= seq)
			return n;
	return NULL;
}

/* What is in flight has most likely arrived already: it goes last. */
static struct spool_node *victim(struct spool *s, uint8_t class)
{
	struct spool_node *n;

	TAILQ_FOREACH(n, &s->lane[class].nodes, link)
		if (!spool_slot_find(s, class, n->record.seq))
			return n;
	return TAILQ_FIRST(&s->lane[class].nodes);
}

/* Losses never go: there are few of them, see spool_flush_losses(). */
void spool_queue_make_room(struct spool *s, size_t bytes)
{
	for (uint8_t class = (uint8_t)s->conf.classes - 1; class > 0; class--) {
		struct spool_node *n;

		while (s->queue_bytes + bytes > s->conf.queue_bytes && (n = victim(s, class))) {
			const struct spool_record r = n->record;

			spool_lose_run(s, class, r.epoch, r.seq, r.seq, SPOOL_LOST_MEMORY, r.count);
		}
	}
}

void spool_queue_done(struct spool *s, uint8_t class, uint64_t from, uint64_t to)
{
	struct spool_node *n = spool_queue_find(s, class, from), *next;

	for (; n && n->record.seq <= to; n = next) {
		next = TAILQ_NEXT(n, link);
		spool_queue_remove(s, n);
	}
}

uint64_t spool_queue_oldest_ns(const struct spool *s)
{
	uint64_t oldest = 0;

	for (unsigned int i = 0; i < s->conf.classes; i++) {
		const struct spool_node *n = TAILQ_FIRST(&s->lane[i].nodes);

		if (n && (!oldest || n->since_ns < oldest))
			oldest = n->since_ns;
	}
	return oldest;
}
