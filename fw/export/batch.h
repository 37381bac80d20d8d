/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * batch - collects encoded records into envelopes and keeps every message until the broker has acknowledged it.
 *
 * Records are added up to conf.batch_bytes, then closed into a message; other classes (health, event, ...) come as whole
 * messages. All wait in one queue of at most conf.unacked_bytes: batch_next_unsent(), batch_sent(), and then
 * batch_ack(), or batch_refuse(), or batch_resend_all() after the uplink was lost. Full: the oldest message that is
 * not in flight goes, its loss is counted and stands in the next envelope. No sockets, no clock: times are passed in
 * (wall clock us for what consumers read, CLOCK_MONOTONIC ns for retries). 0 or a negative errno; no logging.
 *
 * Envelope: {"schema":"weir.flow/1","gateway","site","epoch","seq","boot_id","ts","clock":"synced"|"unsynced",
 * "historical":false,"lost":{"batches","records"},"records":[...]}. seq counts flow batches from 1 with no gap but a
 * lost batch; "lost" counts since the epoch began, so that losing an envelope loses no count. In an envelope with
 * sequence number s, all lost batches counted there are below s. With conf.cbor the same in CBOR.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATCH_SCHEMA	"weir.flow/1"
#define BATCH_TRIES	8	/* a message that the broker refused this often is lost ... */
#define BATCH_RETRY_NS	(1ULL * 1000000000)	/* ... the waits between: 1 s, doubled up to ... */
#define BATCH_RETRY_MAX_NS (60ULL * 1000000000)	/* ... a minute: two minutes in all */

/* Last part of the topic. */
#define MESSAGE_CLASSES(X) \
	X(FLOW,		"flow") \
	X(FLOW_HIST,	"flow_hist") \
	X(IFACE,	"iface") \
	X(SUMMARY,	"summary") \
	X(DEVICE,	"device") \
	X(EVENT,	"event") \
	X(HEALTH,	"health") \
	X(BIRTH,	"birth") \
	X(STATE,	"state")

enum message_class {
#define X(id, name) MESSAGE_##id,
	MESSAGE_CLASSES(X)
#undef X
	MESSAGE_N,
};

/* Name, then what it counts since batch_new(). */
#define BATCH_COUNTERS(X) \
	X(records,		"records taken into batches") \
	X(batches,		"flow batches closed") \
	X(messages,		"messages queued, flow batches included") \
	X(sent,			"messages handed to the uplink, resends included") \
	X(acked,		"messages that the broker acknowledged") \
	X(ack_unknown,		"acknowledgements of messages no longer kept") \
	X(resent,		"messages queued again because the uplink was lost") \
	X(refused,		"PUBACKs with an error code; tried again later") \
	X(lost_batches,		"flow batches lost: queue full, refused too often, no memory") \
	X(lost_records,		"records in them, and those of record_too_big") \
	X(lost_other,		"messages of other classes lost") \
	X(record_too_big,	"records larger than an empty batch") \
	X(message_too_big,	"messages larger than the whole queue") \
	X(no_memory,		"messages lost because memory was refused")

struct batch_counters {
#define X(name, text) uint64_t name;
	BATCH_COUNTERS(X)
#undef X
};

struct batch_conf {
	const char *gateway;	/* the three texts are copied, escaped; any bytes */
	const char *site;
	const char *boot_id;
	uint64_t epoch;		/* another one whenever seq begins again: wall clock us at start */
	size_t batch_bytes;	/* most bytes of an envelope, all included */
	bool cbor;		/* records, and the envelope around them, are CBOR: its names and values are those of the JSON */
	size_t unacked_bytes;	/* most bytes kept, payloads and list heads; at least one whole batch */
};

struct batch_message {
	uint64_t id;		/* of every message in its queue: what batch_ack() wants. Counts from 1 */
	uint64_t seq;		/* flow batches: envelope's seq; else 0 */
	enum message_class class;
	bool retain;
	bool again;		/* was handed out before */
	uint32_t records;
	size_t len;
	const char *payload;	/* not ended by NUL */
};

struct batch;

int batch_new(struct batch **ret_batch, const struct batch_conf *conf);	/* -EINVAL: sizes that hold no record */
struct batch *batch_free(struct batch *b);	/* takes NULL; returns NULL */

void batch_set_clock(struct batch *b, bool synced);	/* envelopes from now on; unsynced until said */

/* Adds one encoded record; closes the batch first when it does not fit. -EMSGSIZE: too big, counted. */
int batch_add_record(struct batch *b, const void *record, size_t len, uint64_t wall_us);
int batch_close(struct batch *b, uint64_t wall_us);	/* what is collected becomes a message; nothing: 0 */
uint32_t batch_collected(const struct batch *b);	/* records waiting for batch_close() */

int batch_add_message(struct batch *b, enum message_class class, bool retain, const void *payload, size_t len);

/*
 * The oldest message to hand out, NULL for none; after batch_sent() it is in flight. The pointer is good until the next
 * call that changes @b.
 */
const struct batch_message *batch_next_unsent(const struct batch *b, uint64_t now_ns);
int batch_sent(struct batch *b, uint64_t id);				/* -ENOENT: no such message waits */
int batch_ack(struct batch *b, uint64_t id);				/* -ENOENT: not kept (any more), counted */
int batch_refuse(struct batch *b, uint64_t id, uint64_t now_ns);	/* broker's error; -ENOENT as above */
void batch_resend_all(struct batch *b);		/* uplink lost: all that is in flight waits again, oldest first */

struct batch_fill {
	uint32_t waiting;	/* messages not handed out, refused ones included */
	uint32_t in_flight;
	size_t bytes;		/* kept, as counted against unacked_bytes */
};

struct batch_fill batch_fill(const struct batch *b);
const struct batch_counters *batch_counters(const struct batch *b);
const char *batch_class_name(enum message_class class);
