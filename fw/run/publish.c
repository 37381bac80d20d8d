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
#include "export/loss_json.h"
#include "run/backlog.h"

#define TICK_NS (100 * NS_PER_MS)	/* what becomes due without an event: commits, refused messages, backlog */

/* The spool's classes, worth most first: what has to go is taken from the end. */
static const enum message_class CLASSES[] = {
	MESSAGE_LOSS, MESSAGE_EVENT, MESSAGE_FLOW, MESSAGE_DEVICE, MESSAGE_SUMMARY, MESSAGE_IFACE, MESSAGE_HEALTH,
};
_Static_assert(ARRAY_SIZE(CLASSES) <= SPOOL_CLASSES, "the spool has room for each");
#define FLOW 2

struct publish {
	struct loop *loop;
	const struct conf *conf;
	struct batch *batch;
	struct spool *spool;
	struct spool_dir dir;
	struct backlog backlog;
	struct link link;
	struct loop_fd watch;
	struct loop_timer tick;
	struct link_state state;
	uint32_t connection;	/* that everything was sent for; 0: none */
	uint32_t outstanding;
	uint32_t window;
	bool wants_out;		/* the socket was full */
	bool said_hello, said_birth;	/* to this uplink process */
	char birth[LINK_PAYLOAD_MAX];
	size_t birth_len;
	char record[RECORD_JSON_MAX];
	char message[LINK_PAYLOAD_MAX];	/* as it is sent */
	uint64_t too_long;		/* messages longer than that */
	bool is_synced;
	bool was_full;			/* the window, when nothing more was sent last */
	bool was_off;			/* the disk: said so in the log */
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

/* New messages first, then as much backlog as may go. */
static bool next_message(struct publish *p, uint64_t now_ns, struct spool_message *ret)
{
	return spool_next(p->spool, SPOOL_LIVE, now_ns, ret) ||
	       (backlog_may(&p->backlog, now_ns) && spool_next(p->spool, SPOOL_BACKLOG, now_ns, ret));
}

static void put_loss(struct publish *p, struct writer *w, const struct spool_record *r)
{
	struct loss_context context = { .gateway = p->conf->gateway.name, .site = p->conf->gateway.site, .wall_us = r->wall_us };
	struct spool_loss loss;

	for (size_t i = 0; i < ARRAY_SIZE(CLASSES); i++)
		context.class_name[i] = batch_class_name(CLASSES[i]);
	if (spool_loss_get(r->payload, r->len, &loss))
		loss_json(w, &loss, &context);
	else
		writer_text(w, "{}");	/* of a later version of this program */
}

/* What goes over the link: the message, with what is known only now in front. */
static void put_message(struct publish *p, const struct spool_message *m, struct writer *w)
{
	const struct batch_stamp stamp = { .epoch = m->record.epoch, .seq = m->record.seq, .historical = m->part == SPOOL_BACKLOG };
	char text[LOSS_JSON_MAX];
	struct writer loss = WRITER(text);

	if (m->record.class) {
		batch_stamp(w, &stamp, m->record.payload, m->record.len);
		return;
	}
	put_loss(p, &loss, &m->record);
	batch_stamp(w, &stamp, loss.buf, loss.len);
}

static bool is_finished(struct publish *p)
{
	struct spool_message m;
	struct spool_state state;
	struct batch_fill fill = publish_fill(p);

	if (batch_collected(p->batch))
		return false;
	spool_state(p->spool, loop_now_ns(), &state);
	if (state.mode == SPOOL_MEMORY || state.is_disk_off)
		return !fill.waiting && !fill.in_flight;
	/* The rest is safe on the disk: only what is new is waited for, where somebody takes it. */
	return !p->connection || (!fill.in_flight && !state.queue_bytes && !spool_next(p->spool, SPOOL_LIVE, loop_now_ns(), &m));
}

/* The oldest messages that wait, up to the window. */
static void pump(struct publish *p)
{
	const uint64_t now_ns = loop_now_ns();
	char topic[LINK_TOPIC_MAX + 1];
	struct spool_message m;

	if (!say_hello(p))
		return;
	while (p->connection && p->outstanding < p->window && next_message(p, now_ns, &m)) {
		struct writer w = WRITER(p->message);
		struct link_msg msg = { .type = LINK_PUBLISH, .publish = {
			.id = m.id, .connection = p->connection, .topic = topic, .payload = w.buf, .qos = 1 } };

		put_message(p, &m, &w);
		msg.publish.payload_len = (uint32_t)w.len;
		publish_topic(p->conf, m.record.class == FLOW && m.part == SPOOL_BACKLOG ? MESSAGE_FLOW_HIST : CLASSES[m.record.class],
			      topic, sizeof(topic));
		if (!w.full && !send_or_wait(p, &msg))
			return;
		spool_sent(p->spool, &m);
		if (w.full) {	/* too long, or nothing of ours: it will not get any better */
			spool_give_up(p->spool, m.id, SPOOL_LOST_TOO_BIG);
			continue;
		}
		p->outstanding++;
		if (m.part == SPOOL_LIVE)
			backlog_live(&p->backlog, p->was_full, now_ns);
		else
			backlog_sent(&p->backlog, w.len);
	}
	p->was_full = p->outstanding >= p->window;
	if (p->done && is_finished(p)) {
		void (*done)(void *) = p->done;

		p->done = NULL;
		done(p->arg);
	}
}

static void take_state(struct publish *p, const struct link_state *state)
{
	p->state = *state;
	if (state->connection && state->connection != p->connection) {
		p->connection = state->connection;
		p->outstanding = 0;
		spool_unsend_all(p->spool);
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
		backlog_acked(&p->backlog, spool_bytes(p->spool, msg->verdict.id), loop_now_ns());
		spool_ack(p->spool, msg->verdict.id);
		break;
	default:	/* LINK_REFUSED, LINK_TOO_BIG: tried again later, so often, then lost and counted */
		log_debug("broker refused message %u: reason %u", msg->verdict.id, msg->verdict.reason);
		spool_refuse(p->spool, msg->verdict.id, loop_now_ns());
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

/* An alarm is said once, and once more when it is over. */
static void watch_disk(struct publish *p)
{
	struct spool_state state;

	spool_state(p->spool, loop_now_ns(), &state);
	if (state.is_disk_off == p->was_off)
		return;
	p->was_off = state.is_disk_off;
	if (p->was_off)
		log_error("spool.dir \"%s\": %s: messages are kept in memory only; the disk is tried again", p->conf->spool.dir,
			  strerror(-state.disk_error));
	else
		log_info("spool.dir \"%s\" is in use again", p->conf->spool.dir);
}

static void tick_due(struct loop_timer *timer)
{
	struct publish *p = container_of(timer, struct publish, tick);

	spool_tick(p->spool, loop_now_ns(), p->connection);
	watch_disk(p);
	pump(p);
	loop_timer_arm(p->loop, timer, loop_now_ns() + TICK_NS);
}

static void batch_is_closed(const char *payload, size_t len, uint32_t records, void *arg);

static int open_spool(struct publish *p, int dir_fd)
{
	const struct conf *c = p->conf;
	char device[SPOOL_DEVICE_MAX];
	struct spool_conf conf = {
		.mode = c->spool.mode == CONF_SPOOL_DURABLE ? SPOOL_DURABLE : c->spool.mode == CONF_SPOOL_SPILL ? SPOOL_SPILL : SPOOL_MEMORY,
		.classes = ARRAY_SIZE(CLASSES),
		.device = device,
		.max_bytes = c->spool.max_bytes,
		.min_free_bytes = c->spool.min_free,
		.segment_bytes = (uint32_t)c->spool.segment_bytes,
		.queue_bytes = c->export.unacked_bytes,
		.commit_ns = c->spool.commit_interval_ns,
		.commit_bytes = 256 * 1024,
		.spill_after_ns = c->spool.spill_after_ns,
		.cursor_ns = 5 * NS_PER_S,
		.backlog_ns = c->spool.backlog_after_ns,
	};
	const struct spool_counters *n;
	int err;

	snprintf(device, sizeof(device), "%s/%s", c->gateway.site, c->gateway.name);
	if (conf.mode != SPOOL_MEMORY) {
		err = spool_dir_adopt(&p->dir, dir_fd);
		if (err)
			return err;
		conf.io = &p->dir.io;
	}
	err = spool_open(&p->spool, &conf, loop_now_ns());
	if (err)
		return err;
	n = spool_counters(p->spool);
	if (n->recovered || n->unclean_stops || n->segments_foreign)
		log_info("spool: %llu messages of earlier runs%s; segments of another gateway, not read: %llu", (unsigned long long)n->recovered,
			 n->unclean_stops ? ", the last of which did not end in order" : "", (unsigned long long)n->segments_foreign);
	watch_disk(p);
	return 0;
}

int publish_new(struct publish **ret_publish, struct loop *loop, const struct conf *conf, int link_fd, int spool_dir,
		const char *boot_id)
{
	struct publish *p = calloc(1, sizeof(*p));
	const struct batch_conf batch = {
		.gateway = conf->gateway.name,
		.site = conf->gateway.site,
		.boot_id = boot_id,
		.batch_bytes = conf->export.batch_bytes,
		.cbor = conf->export.encoding == CONF_ENCODING_CBOR,
		.closed = batch_is_closed,
		.arg = p,
	};
	int err;

	if (!p)
		return -ENOMEM;
	p->loop = loop;
	p->conf = conf;
	p->window = 1;
	p->link.fd = p->dir.fd = -1;
	p->backlog.share = conf->spool.backlog_share;
	err = open_spool(p, spool_dir);
	if (!err)
		err = batch_new(&p->batch, &batch);
	if (!err)
		err = link_open(&p->link, link_fd, LINK_AGENT);
	if (!err) {
		p->link.session = loop_now_ns();	/* another one at each start of the agent */
		p->watch = (struct loop_fd){ .ready = link_ready, .fd = p->link.fd };
		err = loop_fd_add(loop, &p->watch, EPOLLIN);
	}
	if (err) {
		publish_free(p);
		return err;
	}
	p->tick.due = tick_due;
	loop_timer_arm(loop, &p->tick, loop_now_ns() + TICK_NS);
	*ret_publish = p;
	return 0;
}

struct publish *publish_free(struct publish *p)
{
	uint64_t left;

	if (!p)
		return NULL;
	loop_timer_stop(&p->tick);
	loop_fd_remove(&p->watch);
	link_close(&p->link);
	left = p->spool ? spool_close(p->spool, loop_now_ns()) : 0;
	if (left && p->conf->spool.mode != CONF_SPOOL_OFF)
		log_warn("spool: %llu messages could not be written: they are lost", (unsigned long long)left);
	spool_free(p->spool);
	spool_dir_close(&p->dir);
	batch_free(p->batch);
	free(p);
	return NULL;
}

static struct spool_stamp stamp_of(const struct publish *p, uint32_t count)
{
	return (struct spool_stamp){ .mono_ns = loop_now_ns(), .wall_us = wall_us(), .count = count, .time_quality = p->is_synced };
}

/* What is lost so far stands in every envelope. */
static void tell_lost(struct publish *p)
{
	struct spool_state state;

	spool_state(p->spool, loop_now_ns(), &state);
	batch_set_lost(p->batch, &(struct batch_lost){ state.lost_of[FLOW], state.lost_records_of[FLOW] });
}

static void batch_is_closed(const char *payload, size_t len, uint32_t records, void *arg)
{
	struct publish *p = arg;
	const struct spool_stamp stamp = stamp_of(p, records);

	spool_append(p->spool, FLOW, &stamp, payload, (uint32_t)len, loop_now_ns(), NULL);	/* losses are counted there */
	tell_lost(p);
}

void publish_record(struct publish *p, const struct record *record)
{
	struct writer w = WRITER(p->record);

	(p->conf->export.encoding == CONF_ENCODING_CBOR ? cbor_record : json_record)(&w, record);
	if (w.full)	/* cannot be: RECORD_JSON_MAX holds every record. Counted as too big if it ever is. */
		w.len = 0;
	if (batch_add_record(p->batch, w.buf, w.full ? SIZE_MAX / 2 : w.len, wall_us()))
		spool_declare(p->spool, FLOW, SPOOL_LOST_TOO_BIG, 1, loop_now_ns());
}

void publish_message(struct publish *p, enum message_class class, const char *json, size_t len)
{
	const struct spool_stamp stamp = stamp_of(p, 1);
	uint8_t i = 1;

	while (i < ARRAY_SIZE(CLASSES) && CLASSES[i] != class)
		i++;
	if (i == ARRAY_SIZE(CLASSES))
		return;	/* birth and state have ways of their own */
	if (len > LINK_PAYLOAD_MAX - BATCH_STAMP_MAX) {
		p->too_long++;
		spool_declare(p->spool, i, SPOOL_LOST_TOO_BIG, 1, loop_now_ns());
	} else {
		spool_append(p->spool, i, &stamp, json, (uint32_t)len, loop_now_ns(), NULL);	/* losses are counted there */
	}
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
	tell_lost(p);
	batch_close(p->batch, wall_us());
	pump(p);
}

void publish_synced(struct publish *p, bool synced)
{
	p->is_synced = synced;
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
	struct spool_state state;

	spool_state(p->spool, loop_now_ns(), &state);
	return (struct batch_fill){ .waiting = state.waiting - state.in_flight, .in_flight = state.in_flight, .bytes = state.queue_bytes };
}

uint64_t publish_epoch(const struct publish *p)
{
	struct spool_state state;

	spool_state(p->spool, loop_now_ns(), &state);
	return state.epoch;
}

void publish_counters(const struct publish *p, struct export_counters *ret)
{
	const struct batch_counters *b = batch_counters(p->batch);
	const struct spool_counters *n = spool_counters(p->spool);
	struct spool_state state;

	spool_state(p->spool, loop_now_ns(), &state);
	*ret = (struct export_counters){
		.records = b->records, .batches = b->batches, .messages = n->messages, .sent = n->sent, .acked = n->acked,
		.ack_unknown = n->ack_unknown, .resent = n->resent, .refused = n->refused, .lost_batches = state.lost_of[FLOW],
		.lost_records = state.lost_records_of[FLOW], .lost_other = n->lost - state.lost_of[FLOW], .record_too_big = b->record_too_big,
		.message_too_big = p->too_long,
	};
}

void publish_spool(const struct publish *p, struct spool_state *ret_state, struct spool_counters *ret_counters)
{
	spool_state(p->spool, loop_now_ns(), ret_state);
	*ret_counters = *spool_counters(p->spool);
}
