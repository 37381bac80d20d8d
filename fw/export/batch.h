/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * batch - collects encoded records into envelopes of at most conf.batch_bytes, and stamps what is sent.
 *
 * A batch that is full, or closed, is handed to conf.closed; that it is kept until it is acknowledged is the spool's
 * business. Epoch, number and whether it is backlog are known only later: batch_stamp() puts them in front of any message
 * when it is sent. No sockets, no clock: wall clock us are passed in. 0 or a negative errno; no logging.
 *
 * As sent: {"epoch","seq","historical":false|true,"schema":"weir.flow/1","gateway","site","boot_id","ts",
 * "clock":"synced"|"unsynced","lost":{"batches","records"},"records":[...]}. "lost" is what batch_set_lost() said last:
 * since the agent process began, so that losing an envelope loses no count. With conf.cbor the same in CBOR.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/writer.h"

#define BATCH_SCHEMA	"weir.flow/1"
#define BATCH_STAMP_MAX	80	/* bytes that batch_stamp() adds; batch_bytes includes them */

/* Last part of the topic. */
#define MESSAGE_CLASSES(X) \
	X(FLOW,		"flow") \
	X(FLOW_HIST,	"flow_hist") \
	X(IFACE,	"iface") \
	X(SUMMARY,	"summary") \
	X(DEVICE,	"device") \
	X(EVENT,	"event") \
	X(LOSS,		"loss") \
	X(HEALTH,	"health") \
	X(BIRTH,	"birth") \
	X(STATE,	"state")

enum message_class {
#define X(id, name) MESSAGE_##id,
	MESSAGE_CLASSES(X)
#undef X
	MESSAGE_N,
};

struct batch_counters {		/* since batch_new() */
	uint64_t records;	/* taken into batches */
	uint64_t batches;	/* closed */
	uint64_t record_too_big;	/* larger than an empty batch: not taken */
};

struct batch_lost {
	uint64_t batches, records;
};

/* @payload is good during the call. It may say batch_set_lost(), and no more. */
typedef void (*batch_closed)(const char *payload, size_t len, uint32_t records, void *arg);

struct batch_conf {
	const char *gateway;	/* the three texts are copied, escaped; any bytes */
	const char *site;
	const char *boot_id;
	size_t batch_bytes;	/* most bytes of an envelope, its stamp and all included */
	bool cbor;		/* records, and the envelope around them, are CBOR: its names and values are those of the JSON */
	batch_closed closed;
	void *arg;
};

struct batch;

int batch_new(struct batch **ret_batch, const struct batch_conf *conf);	/* -EINVAL: sizes that hold no record */
struct batch *batch_free(struct batch *b);	/* takes NULL; returns NULL */

void batch_set_clock(struct batch *b, bool synced);	/* envelopes from now on; unsynced until said */
void batch_set_lost(struct batch *b, const struct batch_lost *lost);	/* the same */

/* Adds one encoded record; closes the batch first when it does not fit. -EMSGSIZE: too big, counted. */
int batch_add_record(struct batch *b, const void *record, size_t len, uint64_t wall_us);
void batch_close(struct batch *b, uint64_t wall_us);	/* what is collected is handed on; nothing: nothing */
uint32_t batch_collected(const struct batch *b);	/* records waiting for batch_close() */

const struct batch_counters *batch_counters(const struct batch *b);
const char *batch_class_name(enum message_class class);

struct batch_stamp {
	uint64_t epoch, seq;
	bool historical;
};

/* @message: a JSON object, or a CBOR map of indefinite length. Its members come behind the stamp's; anything else: writer.full. */
void batch_stamp(struct writer *w, const struct batch_stamp *stamp, const char *message, size_t len);
