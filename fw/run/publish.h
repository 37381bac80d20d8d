/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * publish - the agent's way to the broker: the queue of unacknowledged messages (export/batch) and the agent's end of
 * the link to the uplink process (mqtt/link).
 *
 * Keeps every message until the broker has acknowledged it, sends no more than the uplink's window, sends all again
 * after a reconnect. Topics: <topic_root>/v1/<site>/<gateway>/<class>. Logs link errors (it is near the top).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/loop.h"
#include "export/batch.h"
#include "export/record.h"
#include "mqtt/link.h"

struct publish;

int publish_new(struct publish **ret_publish, struct loop *loop, const struct conf *conf, int link_fd,
		const char *boot_id, uint64_t epoch);
struct publish *publish_free(struct publish *p);	/* takes NULL; returns NULL */

void publish_record(struct publish *p, const struct record *record);
void publish_message(struct publish *p, enum message_class class, bool retain, const char *json, size_t len);
/* Kept, and said again at each connect. Nothing is sent before the first one. -EMSGSIZE: longer than a message. */
int publish_birth(struct publish *p, const char *json, size_t len);
void publish_close_batch(struct publish *p);
void publish_synced(struct publish *p, bool synced);

/* No more comes: closes the batch. @done is called when everything is acknowledged. */
void publish_finish(struct publish *p, void (*done)(void *arg), void *arg);

/* The last word: the uplink says "offline" to the broker and ends. */
void publish_stop_uplink(struct publish *p);

const struct link_state *publish_state(const struct publish *p);
struct batch_fill publish_fill(const struct publish *p);
const struct batch_counters *publish_counters(const struct publish *p);

/* The full topic of a class, for birth, will and the operator. */
void publish_topic(const struct conf *conf, enum message_class class, char *ret_topic, size_t size);
