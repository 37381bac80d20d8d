/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * publish - the agent's way to the broker: batches (export/batch), what is not acknowledged (export/spool) and the agent's
 * end of the link to the uplink process (mqtt/link).
 *
 * Keeps every message until the broker has acknowledged it, sends no more than the uplink's window, sends all again
 * after a reconnect; what is new first, then backlog. What is lost is told in class loss.
 * Topics: <topic_root>/v1/<site>/<gateway>/<class>. Logs errors of the link and of the spool's disk (it is near the top).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/loop.h"
#include "export/batch.h"
#include "export/spool.h"
#include "export/record.h"
#include "mqtt/link.h"

struct publish;

/* Name, then what it counts since publish_new(). */
#define EXPORT_COUNTERS(X) \
	X(records,		"records taken into batches") \
	X(batches,		"flow batches closed") \
	X(messages,		"messages taken in, flow batches and losses included") \
	X(sent,			"messages handed to the uplink, resends included") \
	X(acked,		"messages that the broker acknowledged") \
	X(ack_unknown,		"acknowledgements of messages no longer kept") \
	X(resent,		"messages queued again because the uplink was lost") \
	X(refused,		"PUBACKs with an error code; tried again later") \
	X(lost_batches,		"flow batches lost, for every reason") \
	X(lost_records,		"records in them, where known, and those of record_too_big") \
	X(lost_other,		"messages of other classes lost") \
	X(record_too_big,	"records larger than an empty batch") \
	X(message_too_big,	"messages larger than the link takes")

struct export_counters {
#define X(name, text) uint64_t name;
	EXPORT_COUNTERS(X)
#undef X
};

struct batch_fill {
	uint64_t waiting;	/* messages not handed out, refused ones included */
	uint32_t in_flight;
	size_t bytes;		/* of memory */
};

/* @spool_dir: descriptor of spool.dir, which is taken over; -1 where spool.mode is off. */
int publish_new(struct publish **ret_publish, struct loop *loop, const struct conf *conf, int link_fd, int spool_dir,
		const char *boot_id);
struct publish *publish_free(struct publish *p);	/* takes NULL; returns NULL */

void publish_record(struct publish *p, const struct record *record);
void publish_message(struct publish *p, enum message_class class, const char *json, size_t len);
/* Kept, and said again at each connect. Nothing is sent before the first one. -EMSGSIZE: longer than a message. */
int publish_birth(struct publish *p, const char *json, size_t len);
void publish_close_batch(struct publish *p);
void publish_synced(struct publish *p, bool synced);

/* No more comes: closes the batch. @done is called when all is acknowledged; with a spool: all that is new, or nobody takes it. */
void publish_finish(struct publish *p, void (*done)(void *arg), void *arg);

/* The last word: the uplink says "offline" to the broker and ends. */
void publish_stop_uplink(struct publish *p);

const struct link_state *publish_state(const struct publish *p);
struct batch_fill publish_fill(const struct publish *p);
uint64_t publish_epoch(const struct publish *p);
void publish_counters(const struct publish *p, struct export_counters *ret_counters);
void publish_spool(const struct publish *p, struct spool_state *ret_state, struct spool_counters *ret_counters);

/* The full topic of a class, for birth, will and the operator. */
void publish_topic(const struct conf *conf, enum message_class class, char *ret_topic, size_t size);
