/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/util.h"
#include "base/writer.h"
#include "export/cbor.h"
#include "export/text.h"

#define HEAD_MAX 2048		/* schema, gateway, site, boot_id, epoch: escaped */
#define ENVELOPE_MAX (HEAD_MAX + 256)

struct entry {
	TAILQ_ENTRY(entry) link;
	struct batch_message message;
	uint64_t not_before_ns;	/* refused: when to try again */
	uint32_t refusals;
	char payload[];
};

TAILQ_HEAD(entry_list, entry);

struct batch {
	size_t unacked_bytes;
	struct entry_list waiting;	/* in the order of handing out */
	struct entry_list in_flight;	/* in the order handed out */
	struct batch_fill fill;
	struct batch_counters counters;
	uint64_t last_id;
	uint64_t last_seq;
	bool synced, cbor;
	uint32_t collected;
	size_t envelope_max;		/* bytes of an envelope without its records, at most */
	struct writer records;		/* what is collected, over one malloc */
	struct writer head;		/* the part of the envelope that never changes, over head_text */
	char head_text[HEAD_MAX];
};

static const char *const CLASS_NAMES[MESSAGE_N] = {
#define X(id, name) name,
	MESSAGE_CLASSES(X)
#undef X
};

static const char *const ENVELOPE_END[] = { "]}", "\xff\xff" };	/* CBOR: two breaks, RFC 8949 3.2.1 */

/* ---- envelope ---- */

static void put_name(struct writer *w, const char *key, const char *text)
{
	writer_text(w, key);
	text_json(w, text, strlen(text));
}

static void put_head(struct writer *w, const struct batch_conf *conf)
{
	put_name(w, "{\"schema\":", BATCH_SCHEMA);
	put_name(w, ",\"gateway\":", conf->gateway);
	put_name(w, ",\"site\":", conf->site);
	put_name(w, ",\"boot_id\":", conf->boot_id);
	writer_text(w, ",\"epoch\":");
	writer_u64(w, conf->epoch);
}

static void put_envelope(struct writer *w, const struct batch *b, uint64_t seq, uint64_t wall_us)
{
	writer_bytes(w, b->head.buf, b->head.len);
	writer_text(w, ",\"seq\":");
	writer_u64(w, seq);
	if (wall_us < TEXT_TIME_END_US) {
		writer_text(w, ",\"ts\":\"");
		text_time(w, wall_us);
		writer_char(w, '"');
	}
	writer_text(w, b->synced ? ",\"clock\":\"synced\"" : ",\"clock\":\"unsynced\"");
	writer_text(w, ",\"historical\":false,\"lost\":{\"batches\":");
	writer_u64(w, b->counters.lost_batches);
	writer_text(w, ",\"records\":");
	writer_u64(w, b->counters.lost_records);
	writer_text(w, "},\"records\":[");
}

static void cbor_name(struct writer *w, const char *key, const char *text)
{
	cbor_string(w, key);
	cbor_string(w, text);
}

static void cbor_head(struct writer *w, const struct batch_conf *conf)
{
	cbor_map(w);
	cbor_name(w, "schema", BATCH_SCHEMA);
	cbor_name(w, "gateway", conf->gateway);
	cbor_name(w, "site", conf->site);
	cbor_name(w, "boot_id", conf->boot_id);
	cbor_string(w, "epoch");
	cbor_u64(w, conf->epoch);
}

static void cbor_envelope(struct writer *w, const struct batch *b, uint64_t seq, uint64_t wall_us)
{
	char time[40];
	struct writer ts = WRITER(time);

	writer_bytes(w, b->head.buf, b->head.len);
	cbor_string(w, "seq");
	cbor_u64(w, seq);
	text_time(&ts, wall_us);
	if (ts.len) {
		cbor_string(w, "ts");
		cbor_text(w, ts.buf, ts.len);
	}
	cbor_name(w, "clock", b->synced ? "synced" : "unsynced");
	cbor_string(w, "historical");
	cbor_boolean(w, false);
	cbor_string(w, "lost");
	cbor_map(w);
	cbor_string(w, "batches");
	cbor_u64(w, b->counters.lost_batches);
	cbor_string(w, "records");
	cbor_u64(w, b->counters.lost_records);
	cbor_end(w);
	cbor_string(w, "records");
	cbor_array(w);
}

static void envelope(struct writer *w, const struct batch *b, uint64_t seq, uint64_t wall_us)
{
	(b->cbor ? cbor_envelope : put_envelope)(w, b, seq, wall_us);
}

/* ---- life ---- */

/* Largest envelope around no record, by writing it with the largest numbers. */
static size_t measure_envelope(struct batch *b)
{
	const struct batch_counters counters = b->counters;
	char text[ENVELOPE_MAX];
	struct writer w = WRITER(text);

	b->counters.lost_batches = b->counters.lost_records = UINT64_MAX;
	envelope(&w, b, UINT64_MAX, TEXT_TIME_END_US - 1);
	writer_text(&w, ENVELOPE_END[b->cbor]);
	b->counters = counters;
	return w.full ? SIZE_MAX : w.len;
}

int batch_new(struct batch **ret_batch, const struct batch_conf *conf)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	TAILQ_INIT(&b->waiting);
	TAILQ_INIT(&b->in_flight);
	b->unacked_bytes = conf->unacked_bytes;
	b->head = (struct writer)WRITER(b->head_text);
	b->cbor = conf->cbor;
	(b->cbor ? cbor_head : put_head)(&b->head, conf);
	b->envelope_max = b->head.full ? SIZE_MAX : measure_envelope(b);
	if (b->envelope_max >= conf->batch_bytes ||
	    conf->unacked_bytes < conf->batch_bytes || conf->unacked_bytes - conf->batch_bytes < sizeof(struct entry)) {
		batch_free(b);
		return -EINVAL;
	}
	b->records.size = conf->batch_bytes - b->envelope_max;
	b->records.buf = malloc(b->records.size);
	if (!b->records.buf) {
		batch_free(b);
		return -ENOMEM;
	}
	*ret_batch = b;
	return 0;
}

static void free_list(struct entry_list *list)
{
	struct entry *e;

	while ((e = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, e, link);
		free(e);
	}
}

struct batch *batch_free(struct batch *b)
{
	if (!b)
		return NULL;
	free_list(&b->waiting);
	free_list(&b->in_flight);
	free(b->records.buf);
	free(b);
	return NULL;
}

void batch_set_clock(struct batch *b, bool synced)
{
	b->synced = synced;
}

/* ---- the queue ---- */

static void count_lost(struct batch *b, bool is_batch, uint32_t records)
{
	b->counters.lost_batches += is_batch;
	b->counters.lost_records += records;
	b->counters.lost_other += !is_batch;
}

static struct entry *find(struct entry_list *list, uint64_t id)
{
	struct entry *e;

	TAILQ_FOREACH(e, list, link) {
		if (e->message.id == id)
			return e;
	}
	return NULL;
}

static size_t entry_bytes(const struct entry *e)
{
	return sizeof(*e) + e->message.len;
}

static void drop_waiting(struct batch *b, struct entry *e)
{
	TAILQ_REMOVE(&b->waiting, e, link);
	b->fill.waiting--;
	b->fill.bytes -= entry_bytes(e);
	free(e);
}

static void drop_in_flight(struct batch *b, struct entry *e)
{
	TAILQ_REMOVE(&b->in_flight, e, link);
	b->fill.in_flight--;
	b->fill.bytes -= entry_bytes(e);
	free(e);
}

/* What is in flight has most likely arrived already: it goes last. */
static void make_room(struct batch *b, size_t bytes)
{
	struct entry *e;

	while (b->fill.bytes + bytes > b->unacked_bytes) {
		e = TAILQ_FIRST(&b->waiting);
		if (e) {
			count_lost(b, e->message.seq, e->message.records);
			drop_waiting(b, e);
			continue;
		}
		e = TAILQ_FIRST(&b->in_flight);
		if (!e)
			return;
		count_lost(b, e->message.seq, e->message.records);
		drop_in_flight(b, e);
	}
}

/* An entry with room for @len bytes of payload, not queued yet; @len must fit into an empty queue. */
static struct entry *entry_new(struct batch *b, size_t len)
{
	struct entry *e;

	make_room(b, sizeof(*e) + len);
	e = malloc(sizeof(*e) + len);
	if (e)
		memset(e, 0, sizeof(*e));
	else
		b->counters.no_memory++;
	return e;
}

static void enqueue(struct batch *b, struct entry *e)
{
	e->message.id = ++b->last_id;
	e->message.payload = e->payload;
	TAILQ_INSERT_TAIL(&b->waiting, e, link);
	b->fill.waiting++;
	b->fill.bytes += entry_bytes(e);
	b->counters.messages++;
}

int batch_add_message(struct batch *b, enum message_class class, bool retain, const void *payload, size_t len)
{
	struct entry *e;

	if (len > b->unacked_bytes - sizeof(*e)) {
		b->counters.message_too_big++;
		count_lost(b, false, 0);
		return -EMSGSIZE;
	}
	e = entry_new(b, len);
	if (!e) {
		count_lost(b, false, 0);
		return -ENOMEM;
	}
	e->message.class = class;
	e->message.retain = retain;
	e->message.len = len;
	if (len)
		memcpy(e->payload, payload, len);
	enqueue(b, e);
	return 0;
}

/* ---- collecting ---- */

int batch_close(struct batch *b, uint64_t wall_us)
{
	uint32_t records = b->collected;
	struct entry *e;
	struct writer w;

	if (!records)
		return 0;
	e = entry_new(b, b->envelope_max + b->records.len);	/* may lose batches: before the envelope says how many */
	b->collected = 0;
	b->last_seq++;
	if (!e) {
		count_lost(b, true, records);
		b->records.len = 0;
		return -ENOMEM;
	}
	w = (struct writer){ .buf = e->payload, .size = b->envelope_max + b->records.len };
	envelope(&w, b, b->last_seq, wall_us);
	writer_bytes(&w, b->records.buf, b->records.len);
	writer_text(&w, ENVELOPE_END[b->cbor]);
	b->records.len = 0;
	e->message.class = MESSAGE_FLOW;
	e->message.seq = b->last_seq;
	e->message.records = records;
	e->message.len = w.len;
	enqueue(b, e);
	b->counters.batches++;
	return 0;
}

int batch_add_record(struct batch *b, const void *record, size_t len, uint64_t wall_us)
{
	int r = 0;

	if (len > b->records.size) {
		b->counters.record_too_big++;
		b->counters.lost_records++;
		return -EMSGSIZE;
	}
	if (b->collected && len >= b->records.size - b->records.len)	/* its comma counts */
		r = batch_close(b, wall_us);	/* no memory: that batch is counted as lost, this record begins the next */
	if (b->collected && !b->cbor)
		writer_char(&b->records, ',');
	writer_bytes(&b->records, record, len);
	b->collected++;
	b->counters.records++;
	return r;
}

uint32_t batch_collected(const struct batch *b)
{
	return b->collected;
}

/* ---- to the uplink and back ---- */

const struct batch_message *batch_next_unsent(const struct batch *b, uint64_t now_ns)
{
	const struct entry *e;

	TAILQ_FOREACH(e, &b->waiting, link) {
		if (e->not_before_ns <= now_ns)
			return &e->message;
	}
	return NULL;
}

int batch_sent(struct batch *b, uint64_t id)
{
	struct entry *e = find(&b->waiting, id);

	if (!e)
		return -ENOENT;
	TAILQ_REMOVE(&b->waiting, e, link);
	TAILQ_INSERT_TAIL(&b->in_flight, e, link);
	b->fill.waiting--;
	b->fill.in_flight++;
	b->counters.sent++;
	return 0;
}

int batch_ack(struct batch *b, uint64_t id)
{
	struct entry *e = find(&b->in_flight, id);

	if (e) {
		drop_in_flight(b, e);
		b->counters.acked++;
		return 0;
	}
	e = find(&b->waiting, id);	/* the answer overtook the news that the uplink was lost: it counts all the same */
	if (!e || !e->message.again) {
		b->counters.ack_unknown++;
		return -ENOENT;
	}
	drop_waiting(b, e);
	b->counters.acked++;
	return 0;
}

int batch_refuse(struct batch *b, uint64_t id, uint64_t now_ns)
{
	struct entry *e = find(&b->in_flight, id);

	if (!e) {
		b->counters.ack_unknown++;
		return -ENOENT;
	}
	b->counters.refused++;
	if (++e->refusals >= BATCH_TRIES) {
		count_lost(b, e->message.seq, e->message.records);
		drop_in_flight(b, e);
		return 0;
	}
	e->message.again = true;
	e->not_before_ns = now_ns + MIN(BATCH_RETRY_NS << (e->refusals - 1), BATCH_RETRY_MAX_NS);
	TAILQ_REMOVE(&b->in_flight, e, link);
	TAILQ_INSERT_TAIL(&b->waiting, e, link);
	b->fill.in_flight--;
	b->fill.waiting++;
	return 0;
}

void batch_resend_all(struct batch *b)
{
	struct entry *e;

	TAILQ_FOREACH(e, &b->in_flight, link)
		e->message.again = true;
	b->counters.resent += b->fill.in_flight;
	b->fill.waiting += b->fill.in_flight;
	b->fill.in_flight = 0;
	TAILQ_CONCAT(&b->in_flight, &b->waiting, link);
	TAILQ_CONCAT(&b->waiting, &b->in_flight, link);
}

struct batch_fill batch_fill(const struct batch *b)
{
	return b->fill;
}

const struct batch_counters *batch_counters(const struct batch *b)
{
	return &b->counters;
}

const char *batch_class_name(enum message_class class)
{
	return (unsigned int)class < MESSAGE_N ? CLASS_NAMES[class] : NULL;
}
