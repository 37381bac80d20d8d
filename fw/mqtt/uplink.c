/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "mqtt/uplink.h"

#include <errno.h>
#include <mosquitto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/util.h"
#include "mqtt/backoff.h"
#include "mqtt/broker.h"
#include "mqtt/link.h"
#include "mqtt/outbox.h"
#include "mqtt/version.h"

#define READ_TURN	64	/* link messages taken a turn of the loop */
#define TICK_NS		NS_PER_S

/* MQTT 5 reason codes (2.4) of the verdicts that are given here and not by the broker */
#define REASON_TOPIC	0x90	/* topic name invalid */
#define REASON_TOO_BIG	0x95	/* packet too large */
#define REASON_NOT_SUPPORTED 0x9a

struct slot {		/* one PUBLISH in flight */
	int mid;
	uint32_t id;	/* the agent's; 0: birth, state, or of an agent that is gone */
};

struct uplink {
	struct uplink_conf conf;	/* with the defaults filled in */
	struct loop *loop;

	struct link link;
	struct loop_fd link_watch;
	bool link_gone, link_full;
	struct outbox box;		/* its verdicts and what is in flight are never more than the window */

	struct broker *broker;		/* NULL: waiting for the next attempt */
	struct broker_events events;
	bool up;
	uint64_t up_ns;
	uint32_t connection, last_connection;	/* link.h, rule 2 */
	struct link_window limits;
	struct slot slots[UPLINK_WINDOW_MAX];
	unsigned int in_flight;

	bool have_birth, birth_due, online_due;
	char *birth_topic, *birth;
	uint32_t birth_len;
	bool stopping, offline_due, goodbye;

	struct backoff backoff;
	struct loop_timer retry, tick, stop_by;
	struct version version;
	char error[LINK_ERROR_MAX];
	struct link_counters counters, told;
};

static uint32_t random_u32(void)
{
	uint32_t value;

	while (getrandom(&value, sizeof(value), 0) != sizeof(value))
		;
	return value;
}

/* ---- towards the agent ---- */

static void begin_stop(struct uplink *u, const char *why);

static void fill_state(void *arg, struct link_state *state)
{
	struct uplink *u = arg;
	uint64_t now_ns = loop_now_ns();

	*state = (struct link_state){ .connection = u->connection, .connected = u->connection != 0,
		.port = u->conf.port, .protocol = (uint8_t)u->version.protocol };
	if (u->retry.loop && u->retry.at_ns > now_ns)
		state->next_attempt_ms = (uint32_t)((u->retry.at_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
	snprintf(state->host, sizeof(state->host), "%s", u->conf.host);
	snprintf(state->error, sizeof(state->error), "%s", u->error);
	u->counters.link_malformed = u->link.malformed;
	u->counters.link_stale = u->link.stale;
	state->counters = u->told = u->counters;
}

static bool may_read(const struct uplink *u)
{
	return !u->stopping && (!u->connection || u->in_flight + u->box.count < u->limits.outstanding);
}

static void watch_link(struct uplink *u)
{
	if (u->link_watch.loop)
		loop_fd_change(&u->link_watch, (may_read(u) ? EPOLLIN : 0) | (u->link_full ? EPOLLOUT : 0));
}

static void end_link(struct uplink *u)
{
	u->link_gone = true;
	loop_fd_remove(&u->link_watch);
	begin_stop(u, "the link has ended");
}

static void tell_agent(struct uplink *u)
{
	int err = u->link_gone ? 0 : outbox_flush(&u->box, &u->link);

	u->link_full = err == -EAGAIN;
	if (err && err != -EAGAIN)
		end_link(u);
	watch_link(u);
}

/* ---- towards the broker ---- */

/* 0: in flight; -EPIPE: connection broken; else the library refused it here and now. */
static int send_publish(struct uplink *u, uint32_t id, const char *topic, const void *payload, size_t len, int qos,
			bool retain)
{
	int mid, err = -EMSGSIZE;

	if (link_packet_bytes(strlen(topic), len, qos, u->version.protocol) <= u->limits.packet_bytes)
		err = broker_publish(u->broker, topic, payload, len, qos, retain, &mid);
	if (err == -EMSGSIZE)
		u->counters.publish_too_big++;
	else if (err && err != -EPIPE)
		u->counters.publish_refused++;
	if (err)
		return err;
	u->counters.publishes++;
	u->slots[u->in_flight++] = (struct slot){ .mid = mid, .id = id };
	return 0;
}

static void send_own(struct uplink *u, bool *due, const char *what, const char *topic, const char *payload, size_t len)
{
	int err = send_publish(u, 0, topic, payload, len, 1, true);

	if (err == -EPIPE)
		return;
	*due = false;
	if (err) {
		snprintf(u->error, sizeof(u->error), "cannot publish %s on '%s': %s", what, topic, strerror(-err));
		log_warn("%s", u->error);
		u->box.state_due = true;
	}
}

/* Send what this process itself owes the broker, in order, as the window allows. */
static void pump(struct uplink *u)
{
	if (!u->up)
		return;
	if (u->birth_due && u->in_flight < u->limits.outstanding)
		send_own(u, &u->birth_due, "birth", u->birth_topic, u->birth, u->birth_len);
	if (u->online_due && !u->birth_due && u->in_flight < u->limits.outstanding)
		send_own(u, &u->online_due, "state", u->conf.state_topic, u->conf.state_online,
			 strlen(u->conf.state_online));
	if (!u->connection && !u->birth_due && !u->online_due) {
		u->connection = ++u->last_connection ? u->last_connection : ++u->last_connection;
		u->box.window_due = u->box.state_due = true;
	}
	if (u->offline_due && u->in_flight < u->limits.outstanding)
		send_own(u, &u->offline_due, "state", u->conf.state_topic, u->conf.state_offline,
			 strlen(u->conf.state_offline));
	if (u->stopping && !u->offline_due && !u->in_flight && !u->goodbye) {
		u->goodbye = true;
		broker_disconnect(u->broker);
	}
}

static void retry_due(struct loop_timer *timer)
{
	struct uplink *u = container_of(timer, struct uplink, retry);
	int err;

	u->counters.attempts++;
	u->box.state_due = true;
	tell_agent(u);	/* before: a name lookup blocks */
	if (u->stopping)
		return;
	err = broker_connect(&u->broker, u->loop, &u->conf, u->version.protocol, &u->events);
	if (err) {
		u->counters.failed++;
		snprintf(u->error, sizeof(u->error), "cannot begin to connect: %s", strerror(-err));
		loop_timer_arm(u->loop, timer, loop_now_ns() + backoff_next_ms(&u->backoff, random_u32()) * NS_PER_MS);
	}
}

static void broker_up(void *arg, const struct broker_limits *limits)
{
	struct uplink *u = arg;

	log_info("connected to %s:%d, MQTT %s%s", u->conf.host, u->conf.port, u->version.protocol == 5 ? "5" : "3.1.1",
		 u->conf.tls ? ", TLS" : "");
	u->counters.connects++;
	u->up = u->version.proven = true;
	u->up_ns = loop_now_ns();
	u->version.early_closes = 0;
	u->error[0] = 0;
	u->limits.outstanding = MIN(u->conf.window, limits->receive_max);
	u->limits.packet_bytes = limits->packet_bytes;
	u->birth_due = u->have_birth && u->birth_topic[0];
	u->online_due = u->conf.state_topic != NULL;
	pump(u);
	tell_agent(u);
}

static void broker_ack(void *arg, int mid, int reason)
{
	struct uplink *u = arg;
	bool refused = reason >= 128;

	for (unsigned int i = 0; i < u->in_flight; i++) {
		if (u->slots[i].mid != mid)
			continue;
		if (refused)
			u->counters.publish_refused++;
		else
			u->counters.acks++;
		if (refused && !u->slots[i].id) {
			snprintf(u->error, sizeof(u->error), "broker refused birth or state: %s",
				 mosquitto_reason_string(reason));
			log_warn("%s", u->error);
			u->box.state_due = true;
		}
		if (u->slots[i].id)
			outbox_verdict(&u->box, refused ? LINK_REFUSED : LINK_ACK, u->slots[i].id, reason);
		u->slots[i] = u->slots[--u->in_flight];
		return;
	}
}

static void broker_acked(void *arg)
{
	struct uplink *u = arg;

	pump(u);
	tell_agent(u);
}

static void broker_down(void *arg, enum broker_end how, const char *text)
{
	struct uplink *u = arg;
	uint32_t wait_ms;

	if (strcmp(u->error, text) && !u->stopping)
		log_warn("%s", text);
	snprintf(u->error, sizeof(u->error), "%s", text);	/* now: @text dies with the broker */
	switch (how) {
	case BROKER_FILES:
	case BROKER_FAILED:
	case BROKER_CLOSED_EARLY:
		u->counters.failed++;
		break;
	case BROKER_VERSION:
	case BROKER_REFUSED:
		u->counters.refused++;
		break;
	case BROKER_LOST:
		u->counters.disconnects++;
		break;
	}
	/* One that stood longer than the next wait may be was a good one; two clients of one name never are. */
	if (u->up && loop_now_ns() - u->up_ns > backoff_ceiling_ms(&u->backoff) * NS_PER_MS)
		u->backoff.failures = 0;
	u->broker = broker_free(u->broker);
	u->up = false;
	u->connection = 0;
	u->in_flight = 0;
	u->birth_due = u->online_due = false;
	u->box.state_due = true;
	if (u->stopping) {
		loop_stop(u->loop, 0);
		return;
	}
	wait_ms = backoff_next_ms(&u->backoff, random_u32());
	if (version_ended(&u->version, how)) {
		log_info("trying MQTT %s", u->version.protocol == 5 ? "5" : "3.1.1");
		u->counters.fallbacks += u->version.protocol == 4;
		if (how == BROKER_VERSION && u->version.protocol == 4)
			wait_ms = 0;	/* the broker answered and was clear */
	}
	loop_timer_arm(u->loop, &u->retry, loop_now_ns() + wait_ms * NS_PER_MS);
	tell_agent(u);
}

/* ---- from the agent ---- */

static void got_hello(struct uplink *u, uint64_t session)
{
	if (u->link.session != session) {	/* a new agent, with ids of its own */
		u->link.session = session;
		u->box.count = 0;
		for (unsigned int i = 0; i < u->in_flight; i++)
			u->slots[i].id = 0;
	}
	u->box.window_due = u->box.state_due = true;
}

static void got_birth(struct uplink *u, const struct link_publish *p)
{
	bool first = !u->have_birth;
	char *topic, *payload;

	if (!first && !strcmp(p->topic, u->birth_topic) && p->payload_len == u->birth_len &&
	    !memcmp(p->payload, u->birth, u->birth_len))
		return;
	topic = strdup(p->topic);
	payload = malloc(p->payload_len + 1);
	if (!topic || !payload) {
		log_error("no memory for a birth message of %u bytes", p->payload_len);
		free(topic);
		free(payload);
		return;
	}
	memcpy(payload, p->payload, p->payload_len);
	free(u->birth_topic);
	free(u->birth);
	u->birth_topic = topic;
	u->birth = payload;
	u->birth_len = p->payload_len;
	u->have_birth = true;
	u->birth_due = u->up && topic[0];
	pump(u);
	if (first)
		loop_timer_arm(u->loop, &u->retry, loop_now_ns());
}

static void got_publish(struct uplink *u, const struct link_publish *p)
{
	int err;

	if (!u->connection || p->connection != u->connection) {
		u->counters.publish_ignored++;
		return;
	}
	err = send_publish(u, p->id, p->topic, p->payload, p->payload_len, p->qos, p->retain);
	if (err == -EMSGSIZE)
		outbox_verdict(&u->box, LINK_TOO_BIG, p->id, REASON_TOO_BIG);
	else if (err && err != -EPIPE)
		outbox_verdict(&u->box, LINK_REFUSED, p->id, err == -EINVAL ? REASON_TOPIC : REASON_NOT_SUPPORTED);
}

static void link_ready(struct loop_fd *watch, uint32_t events)
{
	struct uplink *u = container_of(watch, struct uplink, link_watch);
	struct link_msg msg;
	int err = 0;

	for (unsigned int i = 0; i < READ_TURN && may_read(u); i++) {
		err = link_recv(&u->link, &msg);
		if (err == -EBADMSG)
			continue;
		if (err)
			break;
		switch (msg.type) {
		case LINK_HELLO:
			got_hello(u, msg.session);
			break;
		case LINK_BIRTH:
			got_birth(u, &msg.publish);
			break;
		case LINK_PUBLISH:
			got_publish(u, &msg.publish);
			break;
		case LINK_STOP:
			begin_stop(u, "told to stop");
			break;
		case LINK_READY: case LINK_WINDOW: case LINK_STATE: case LINK_ACK: case LINK_REFUSED: case LINK_TOO_BIG:
			break;	/* ours, refused by link_recv() */
		}
	}
	if ((err && err != -EAGAIN && err != -EBADMSG) || (events & (EPOLLHUP | EPOLLERR) && !may_read(u)))
		end_link(u);
	tell_agent(u);
}

/* ---- the process ---- */

static void begin_stop(struct uplink *u, const char *why)
{
	if (u->stopping)
		return;
	log_info("stopping: %s", why);
	u->stopping = true;
	loop_timer_stop(&u->retry);
	if (!u->up) {
		loop_stop(u->loop, 0);
		return;
	}
	u->birth_due = u->online_due = false;
	u->offline_due = u->conf.state_topic != NULL;
	loop_timer_arm(u->loop, &u->stop_by, loop_now_ns() + u->conf.stop_timeout_ms * NS_PER_MS);
	pump(u);
}

static void stop_by_due(struct loop_timer *timer)
{
	struct uplink *u = container_of(timer, struct uplink, stop_by);

	log_warn("stopped with %u messages without the broker's answer", u->in_flight);
	loop_stop(u->loop, 0);
}

static void tick_due(struct loop_timer *timer)
{
	struct uplink *u = container_of(timer, struct uplink, tick);

	u->counters.link_malformed = u->link.malformed;
	u->counters.link_stale = u->link.stale;
	if (memcmp(&u->counters, &u->told, sizeof(u->told)))
		u->box.state_due = true;
	loop_timer_arm(u->loop, timer, loop_now_ns() + TICK_NS);
	tell_agent(u);
}

static int take_conf(struct uplink *u, const struct uplink_conf *conf)
{
	struct uplink_conf *c = &u->conf;

	*c = *conf;
	c->keepalive_s = c->keepalive_s ? c->keepalive_s : 60;
	c->window = c->window ? c->window : 20;
	c->backoff_min_ms = c->backoff_min_ms ? c->backoff_min_ms : 1000;
	c->backoff_max_ms = c->backoff_max_ms ? c->backoff_max_ms : 60000;
	c->connect_timeout_ms = c->connect_timeout_ms ? c->connect_timeout_ms : 20000;
	c->stop_timeout_ms = c->stop_timeout_ms ? c->stop_timeout_ms : 3000;
	if (!c->host || !c->host[0] || !c->port || !c->client_id || !c->client_id[0] || c->keepalive_s < 5 ||
	    c->window > UPLINK_WINDOW_MAX || c->backoff_max_ms < c->backoff_min_ms || (c->password && !c->username) ||
	    (c->tls && (!c->ca_file || !c->ca_file[0])) || !c->cert_file != !c->key_file ||
	    (c->state_topic && (!c->state_online || !c->state_offline)))
		return -EINVAL;
	u->backoff = (struct backoff){ .min_ms = c->backoff_min_ms, .max_ms = c->backoff_max_ms };
	u->limits = (struct link_window){ .outstanding = c->window, .packet_bytes = UINT32_MAX };
	u->version.protocol = c->protocol == UPLINK_V311 ? 4 : 5;
	u->version.fixed = c->protocol != UPLINK_AUTO;
	return 0;
}

int uplink_run(const struct uplink_conf *conf, int link_fd)
{
	struct uplink *u = calloc(1, sizeof(*u));
	int err;

	if (!u)
		return -ENOMEM;
	u->link.fd = -1;
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });	/* an abort() must not leave the password on a disk */

	u->events = (struct broker_events){ broker_up, broker_ack, broker_acked, broker_down, u };
	u->retry.due = retry_due;
	u->tick.due = tick_due;
	u->stop_by.due = stop_by_due;
	u->last_connection = random_u32();
	u->box = (struct outbox){ .ready_due = true, .window = &u->limits, .fill_state = fill_state, .arg = u };
	mosquitto_lib_init();
	err = take_conf(u, conf);
	if (!err)
		err = loop_new(&u->loop);
	if (!err)
		err = link_open(&u->link, link_fd, LINK_UPLINK);
	if (!err) {
		u->link_watch = (struct loop_fd){ .ready = link_ready, .fd = link_fd };
		err = loop_fd_add(u->loop, &u->link_watch, EPOLLIN);
	}
	if (!err) {
		loop_timer_arm(u->loop, &u->tick, loop_now_ns() + TICK_NS);
		tell_agent(u);
		err = u->stopping ? 0 : loop_run(u->loop);
		tell_agent(u);	/* the last verdicts */
	}
	u->broker = broker_free(u->broker);
	link_close(&u->link);
	loop_free(u->loop);
	mosquitto_lib_cleanup();
	free(u->birth_topic);
	free(u->birth);
	free(u);
	return err;
}
