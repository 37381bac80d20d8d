/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "export/cbor.h"
#include "export/text.h"

#define HEAD_MAX 2048		/* schema, gateway, site, boot_id: escaped */
#define ENVELOPE_MAX (HEAD_MAX + 256)

struct batch {
	struct batch_counters counters;
	struct batch_lost lost;
	bool synced, cbor;
	uint32_t collected;
	size_t envelope_max;		/* bytes of an envelope without its records, at most */
	struct writer records;		/* what is collected, over one malloc */
	struct writer whole;		/* the envelope, over another */
	struct writer head;		/* the part of the envelope that never changes, over head_text */
	char head_text[HEAD_MAX];
	batch_closed closed;
	void *arg;
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
}

static void put_envelope(struct writer *w, const struct batch *b, uint64_t wall_us)
{
	writer_bytes(w, b->head.buf, b->head.len);
	if (wall_us < TEXT_TIME_END_US) {
		writer_text(w, ",\"ts\":\"");
		text_time(w, wall_us);
		writer_char(w, '"');
	}
	writer_text(w, b->synced ? ",\"clock\":\"synced\"" : ",\"clock\":\"unsynced\"");
	writer_text(w, ",\"lost\":{\"batches\":");
	writer_u64(w, b->lost.batches);
	writer_text(w, ",\"records\":");
	writer_u64(w, b->lost.records);
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
}

static void cbor_envelope(struct writer *w, const struct batch *b, uint64_t wall_us)
{
	char time[40];
	struct writer ts = WRITER(time);

	writer_bytes(w, b->head.buf, b->head.len);
	text_time(&ts, wall_us);
	if (ts.len) {
		cbor_string(w, "ts");
		cbor_text(w, ts.buf, ts.len);
	}
	cbor_name(w, "clock", b->synced ? "synced" : "unsynced");
	cbor_string(w, "lost");
	cbor_map(w);
	cbor_string(w, "batches");
	cbor_u64(w, b->lost.batches);
	cbor_string(w, "records");
	cbor_u64(w, b->lost.records);
	cbor_end(w);
	cbor_string(w, "records");
	cbor_array(w);
}

static void envelope(struct writer *w, const struct batch *b, uint64_t wall_us)
{
	(b->cbor ? cbor_envelope : put_envelope)(w, b, wall_us);
}

/* ---- life ---- */

/* Largest envelope around no record, by writing it with the largest numbers. */
static size_t measure_envelope(struct batch *b)
{
	char text[ENVELOPE_MAX];
	struct writer w = WRITER(text);

	b->lost = (struct batch_lost){ UINT64_MAX, UINT64_MAX };
	envelope(&w, b, TEXT_TIME_END_US - 1);
	writer_text(&w, ENVELOPE_END[b->cbor]);
	b->lost = (struct batch_lost){ 0 };
	return w.full ? SIZE_MAX : w.len + BATCH_STAMP_MAX;
}

int batch_new(struct batch **ret_batch, const struct batch_conf *conf)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->closed = conf->closed;
	b->arg = conf->arg;
	b->head = (struct writer)WRITER(b->head_text);
	b->cbor = conf->cbor;
	(b->cbor ? cbor_head : put_head)(&b->head, conf);
	b->envelope_max = b->head.full ? SIZE_MAX : measure_envelope(b);
	if (b->envelope_max >= conf->batch_bytes) {
		batch_free(b);
		return -EINVAL;
	}
	b->records.size = conf->batch_bytes - b->envelope_max;
	b->records.buf = malloc(b->records.size);
	b->whole.size = conf->batch_bytes;
	b->whole.buf = malloc(b->whole.size);
	if (!b->records.buf || !b->whole.buf) {
		batch_free(b);
		return -ENOMEM;
	}
	*ret_batch = b;
	return 0;
}

struct batch *batch_free(struct batch *b)
{
	if (!b)
		return NULL;
	free(b->records.buf);
	free(b->whole.buf);
	free(b);
	return NULL;
}

void batch_set_clock(struct batch *b, bool synced)
{
	b->synced = synced;
}

void batch_set_lost(struct batch *b, const struct batch_lost *lost)
{
	b->lost = *lost;
}

/* ---- collecting ---- */

void batch_close(struct batch *b, uint64_t wall_us)
{
	const uint32_t records = b->collected;

	if (!records)
		return;
	b->whole.len = 0;
	envelope(&b->whole, b, wall_us);
	writer_bytes(&b->whole, b->records.buf, b->records.len);
	writer_text(&b->whole, ENVELOPE_END[b->cbor]);
	b->records.len = 0;
	b->collected = 0;
	b->counters.batches++;
	b->closed(b->whole.buf, b->whole.len, records, b->arg);
}

int batch_add_record(struct batch *b, const void *record, size_t len, uint64_t wall_us)
{
	if (len > b->records.size) {
		b->counters.record_too_big++;
		return -EMSGSIZE;
	}
	if (b->collected && len >= b->records.size - b->records.len)	/* its comma counts */
		batch_close(b, wall_us);
	if (b->collected && !b->cbor)
		writer_char(&b->records, ',');
	writer_bytes(&b->records, record, len);
	b->collected++;
	b->counters.records++;
	return 0;
}

uint32_t batch_collected(const struct batch *b)
{
	return b->collected;
}

const struct batch_counters *batch_counters(const struct batch *b)
{
	return &b->counters;
}

const char *batch_class_name(enum message_class class)
{
	return (unsigned int)class < MESSAGE_N ? CLASS_NAMES[class] : NULL;
}

static void json_stamp(struct writer *w, const struct batch_stamp *stamp)
{
	writer_text(w, "{\"epoch\":");
	writer_u64(w, stamp->epoch);
	writer_text(w, ",\"seq\":");
	writer_u64(w, stamp->seq);
	writer_text(w, stamp->historical ? ",\"historical\":true" : ",\"historical\":false");
}

static void cbor_stamp(struct writer *w, const struct batch_stamp *stamp)
{
	cbor_map(w);
	cbor_string(w, "epoch");
	cbor_u64(w, stamp->epoch);
	cbor_string(w, "seq");
	cbor_u64(w, stamp->seq);
	cbor_string(w, "historical");
	cbor_boolean(w, stamp->historical);
}

void batch_stamp(struct writer *w, const struct batch_stamp *stamp, const char *message, size_t len)
{
	if (len >= 2 && message[0] == '{') {
		json_stamp(w, stamp);
		if (len > 2)
			writer_char(w, ',');
	} else if (len >= 2 && (uint8_t)message[0] == CBOR_MAP) {
		cbor_stamp(w, stamp);
	} else {
		w->full = true;
		return;
	}
	writer_bytes(w, message + 1, len - 1);
}
