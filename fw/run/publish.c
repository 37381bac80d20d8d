/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/publish.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/util.h"
#include "export/cbor.h"
#include "export/json.h"

#define RETRY_NS (200 * NS_PER_MS)	/* refused messages become due without an event: looked at so often */

struct publish {
	struct loop *loop;
	const struct conf *conf;
	struct batch *batch;
	struct link link;
	struct loop_fd watch;
	struct loop_timer retry;
	struct link_state state;
	uint32_t connection;	/* that everything was sent for; 0: none */
	uint32_t outstanding;
	uint32_t window;
	bool wants_out;		/* the socket was full */
	bool said_hello, said_birth;	/* to this uplink process */
	char birth[LINK_PAYLOAD_MAX];
	size_t birth_len;
	char record[RECORD_JSON_MAX];
	void (*done)(void *arg);
	void *arg;
};

static uint64_t wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void publish_topic(const struct conf *conf, enum message_class class, char *ret_topic, size_t size)
{
	snprintf(ret_topic, size, "%s/v1/%s/%s/%s", conf->broker.topic_root, conf->gateway.site, conf->gateway.name,
		 batch_class_name(class));
}

static void watch_out(struct publish *p, bool on)
{
	if (p->wants_out == on)
		return;
	p->wants_out = on;
	loop_fd_change(&p->watch, EPOLLIN | (on ? EPOLLOUT : 0));
}

/* False: not now; the socket says when. */
static bool send_or_wait(struct publish *p, const struct link_msg *msg)
{
	int err = link_send(&p->link, msg);

	if (err == -EAGAIN)
		watch_out(p, true);
	else if (err)
		log_error("link to the uplink: %s", strerror(-err));
	return !err;
}

/* What the uplink must have heard before all else; false: the socket is full, and pump() comes here again. */
static bool say_hello(struct publish *p)
{
	char topic[LINK_TOPIC_MAX + 1];
	const struct link_msg hello = { .type = LINK_HELLO };
	const struct link_msg birth = { .type = LINK_BIRTH, .publish = {
		.topic = topic, .payload = p->birth, .payload_len = (uint32_t)p->birth_len } };

	if (!p->birth_len)
		return false;	/* the agent does not know its ports yet: the uplink waits */
	publish_topic(p->conf, MESSAGE_BIRTH, topic, sizeof(topic));
	if (!p->said_hello)
		p->said_hello = send_or_wait(p, &hello);
	if (p->said_hello && !p->said_birth)
		p->said_birth = send_or_wait(p, &birth);
	return p->said_birth;
}

/* The oldest messages that wait, up to the window. */
static void pump(struct publish *p)
{
	const struct batch_message *m;
	char topic[LINK_TOPIC_MAX + 1];

	if (!say_hello(p))
		return;
	while (p->connection && p->outstanding < p->window &&
	       (m = batch_next_unsent(p->batch, loop_now_ns()))) {
		struct link_msg msg = { .type = LINK_PUBLISH, .publish = {
			.id = (uint32_t)m->id,	/* 2^32 messages of one process: it would take years */
			.connection = p->connection,
			.topic = topic,
			.payload = m->payload,
			.payload_len = (uint32_t)m->len,
			.qos = 1,
			.retain = m->retain,
		} };

		publish_topic(p->conf, m->class, topic, sizeof(topic));
		if (!send_or_wait(p, &msg))
			return;
		batch_sent(p->batch, m->id);
		p->outstanding++;
	}
	if (p->done) {
		struct batch_fill fill = batch_fill(p->batch);

		if (!fill.waiting && !fill.in_flight && !batch_collected(p->batch)) {
			void (*done)(void *) = p->done;

			p->done = NULL;
			done(p->arg);
		}
	}
}

static void take_state(struct publish *p, const struct link_state *state)
{
	p->state = *state;
	if (state->connection && state->connection != p->connection) {
		p->connection = state->connection;
		p->outstanding = 0;
		batch_resend_all(p->batch);
	} else if (!state->connection) {
		p->connection = 0;
	}
}

static void verdict(struct publish *p, const struct link_msg *msg)
{
	if (p->outstanding)
		p->outstanding--;
	switch (msg->type) {
	case LINK_ACK:
		batch_ack(p->batch, msg->verdict.id);
		break;
	default:	/* LINK_REFUSED, LINK_TOO_BIG: tried again later, so often, then lost and counted */
		log_debug("broker refused message %u: reason %u", msg->verdict.id, msg->verdict.reason);
		batch_refuse(p->batch, msg->verdict.id, loop_now_ns());
		break;
	}
}

static void link_ready(struct loop_fd *watch, uint32_t events)
{
	struct publish *p = container_of(watch, struct publish, watch);
	struct link_msg msg;
	int err;

	if (events & EPOLLOUT)
		watch_out(p, false);
	while ((err = link_recv(&p->link, &msg)) == 0 || err == -EBADMSG) {
		if (err) {
			log_warn("link: malformed message from the uplink dropped");
			continue;
		}
		switch (msg.type) {
		case LINK_READY:	/* another process: it knows nothing */
			p->said_hello = p->said_birth = false;
			p->connection = 0;
			break;
		case LINK_WINDOW:
			p->window = msg.window.outstanding;
			break;
		case LINK_STATE:
			take_state(p, &msg.state);
			break;
		case LINK_ACK:
		case LINK_REFUSED:
		case LINK_TOO_BIG:
			verdict(p, &msg);
			break;
		case LINK_HELLO:
		case LINK_BIRTH:
		case LINK_PUBLISH:
		case LINK_STOP:
			break;	/* ours: link_recv() does not let them through */
		}
	}
	pump(p);
}

static void retry_due(struct loop_timer *timer)
{
	struct publish *p = container_of(timer, struct publish, retry);

	pump(p);
	loop_timer_arm(p->loop, timer, loop_now_ns() + RETRY_NS);
}

int publish_new(struct publish **ret_publish, struct loop *loop, const struct conf *conf, int link_fd,
		const char *boot_id, uint64_t epoch)
{
	const struct batch_conf batch = {
		.gateway = conf->gateway.name,
		.site = conf->gateway.site,
		.boot_id = boot_id,
		.epoch = epoch,
		.batch_bytes = conf->export.batch_bytes,
		.cbor = conf->export.encoding == CONF_ENCODING_CBOR,
		.unacked_bytes = conf->export.unacked_bytes,
	};
	struct publish *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->loop = loop;
	p->conf = conf;
	p->window = 1;
	p->link.fd = -1;
	err = batch_new(&p->batch, &batch);
	if (!err)
		err = link_open(&p->link, link_fd, LINK_AGENT);
	if (!err) {
		p->link.session = epoch;
		p->watch = (struct loop_fd){ .ready = link_ready, .fd = p->link.fd };
		err = loop_fd_add(loop, &p->watch, EPOLLIN);
	}
	if (err) {
		publish_free(p);
		return err;
	}
	p->retry.due = retry_due;
	loop_timer_arm(loop, &p->retry, loop_now_ns() + RETRY_NS);
	*ret_publish = p;
	return 0;
}

struct publish *publish_free(struct publish *p)
{
	if (!p)
		return NULL;
	loop_timer_stop(&p->retry);
	loop_fd_remove(&p->watch);
	link_close(&p->link);
	batch_free(p->batch);
	free(p);
	return NULL;
}

void publish_record(struct publish *p, const struct record *record)
{
	struct writer w = WRITER(p->record);

	(p->conf->export.encoding == CONF_ENCODING_CBOR ? cbor_record : json_record)(&w, record);
	if (w.full)	/* cannot be: RECORD_JSON_MAX holds every record. Counted as too big if it ever is. */
		w.len = 0;
	batch_add_record(p->batch, w.buf, w.full ? SIZE_MAX / 2 : w.len, wall_us());
}

void publish_message(struct publish *p, enum message_class class, bool retain, const char *json, size_t len)
{
	batch_add_message(p->batch, class, retain, json, len);	/* losses are counted there */
	pump(p);
}

int publish_birth(struct publish *p, const char *json, size_t len)
{
	if (len > sizeof(p->birth))
		return -EMSGSIZE;
	memcpy(p->birth, json, len);
	p->birth_len = len;
	p->said_birth = false;
	pump(p);
	return 0;
}

void publish_close_batch(struct publish *p)
{
	batch_close(p->batch, wall_us());
	pump(p);
}

void publish_synced(struct publish *p, bool synced)
{
	batch_set_clock(p->batch, synced);
}

void publish_finish(struct publish *p, void (*done)(void *arg), void *arg)
{
	p->done = done;
	p->arg = arg;
	publish_close_batch(p);
}

void publish_stop_uplink(struct publish *p)
{
	const struct link_msg msg = { .type = LINK_STOP };

	link_send(&p->link, &msg);	/* full: the supervisor ends it by and by */
}

const struct link_state *publish_state(const struct publish *p)
{
	return &p->state;
}

struct batch_fill publish_fill(const struct publish *p)
{
	return batch_fill(p->batch);
}

const struct batch_counters *publish_counters(const struct publish *p)
{
	return batch_counters(p->batch);
}
