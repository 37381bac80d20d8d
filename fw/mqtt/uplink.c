/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "mqtt/uplink.h"

#include <errno.h>
#include <mosquitto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/random.h"
#include "base/util.h"
#include "mqtt/broker.h"
#include "mqtt/link.h"
#include "mqtt/outbox.h"
#include "mqtt/resolve.h"
#include "mqtt/servers.h"
#include "mqtt/broker_tls.h"

#define READ_TURN	64	/* link messages taken a turn of the loop */
#define TICK_NS		NS_PER_S
#define CERTIFICATE_NS	(3600 * NS_PER_S)	/* how often the client certificate is looked at */

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

	struct hosts hosts;
	struct servers servers;
	struct resolve *resolve;	/* NULL: no lookup under way */
	struct broker *broker;		/* NULL: waiting for a name or for the next attempt */
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

	struct loop_timer retry, lookup_by, tick, stop_by;
	int64_t own_expires_s, broker_expires_s;
	uint64_t certificate_at_ns;	/* when to look at the client certificate */
	char error[LINK_ERROR_MAX];
	struct link_counters counters, told;
};

/* ---- towards the agent ---- */

static void begin_stop(struct uplink *u, const char *why);

static void fill_state(void *arg, struct link_state *state)
{
	struct uplink *u = arg;
	const struct server *server = servers_now(&u->servers);
	uint64_t now_ns = loop_now_ns();

	*state = (struct link_state){ .connection = u->connection, .connected = u->connection != 0,
		.port = server->port, .protocol = (uint8_t)server->version.protocol,
		.own_expires_s = u->own_expires_s, .broker_expires_s = u->broker_expires_s };
	if (u->retry.loop && u->retry.at_ns > now_ns)
		state->next_attempt_ms = (uint32_t)((u->retry.at_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
	snprintf(state->host, sizeof(state->host), "%s", server->host);
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

	if (link_packet_bytes(strlen(topic), len, qos, servers_now(&u->servers)->version.protocol) <= u->limits.packet_bytes)
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

/* Of one attempt or connection, whose broker is gone: what comes next, and when. */
static void attempt_ended(struct uplink *u, enum broker_end how, uint64_t up_ns, const char *text)
{
	const struct server *before = servers_now(&u->servers);
	const int protocol = before->version.protocol;
	uint64_t at_ns;

	if (strcmp(u->error, text) && !u->stopping)
		log_warn("%s", text);
	snprintf(u->error, sizeof(u->error), "%s", text);
	u->box.state_due = true;
	if (u->stopping) {
		loop_stop(u->loop, 0);
		return;
	}
	at_ns = servers_ended(&u->servers, how, up_ns, loop_now_ns(), (uint32_t[]){ random_u32(), random_u32() });
	if (before->version.protocol != protocol) {
		log_info("trying MQTT %s", before->version.protocol == 5 ? "5" : "3.1.1");
		u->counters.fallbacks += before->version.protocol == 4;
	}
	loop_timer_arm(u->loop, &u->retry, at_ns);
	tell_agent(u);
}

static void looked_up(void *arg, int err, const struct addrinfo *list)
{
	struct uplink *u = arg;
	const struct server *server = servers_now(&u->servers);
	struct broker_target target = { .name = server->host, .port = server->port, .protocol = server->version.protocol };
	const struct addrinfo *a = list;
	char text[LINK_ERROR_MAX];
	unsigned int count = 0;

	loop_timer_stop(&u->lookup_by);
	for (; !err && a; a = a->ai_next)
		count++;
	if (!count) {
		snprintf(text, sizeof(text), "cannot look up host '%s': %s", server->host, err ? gai_strerror(err) : "no address");
		u->resolve = resolve_free(u->resolve);
		u->counters.failed++;
		attempt_ended(u, BROKER_FAILED, 0, text);
		return;
	}
	a = list;
	for (count = server->address % count; count; count--)
		a = a->ai_next;
	target.address = a->ai_addr;
	target.address_len = a->ai_addrlen;
	err = broker_connect(&u->broker, u->loop, &u->conf, &target, &u->events);
	u->resolve = resolve_free(u->resolve);
	if (err) {
		snprintf(text, sizeof(text), "cannot begin to connect: %s", strerror(-err));
		u->counters.failed++;
		attempt_ended(u, BROKER_FAILED, 0, text);
	}
}

static void lookup_by_due(struct loop_timer *timer)
{
	struct uplink *u = container_of(timer, struct uplink, lookup_by);
	char text[LINK_ERROR_MAX];

	u->resolve = resolve_free(u->resolve);
	snprintf(text, sizeof(text), "cannot look up host '%s': no answer within %u ms", servers_now(&u->servers)->host,
		 u->conf.connect_timeout_ms);
	u->counters.failed++;
	attempt_ended(u, BROKER_FAILED, 0, text);
}

static void retry_due(struct loop_timer *timer)
{
	struct uplink *u = container_of(timer, struct uplink, retry);
	const struct server *server = servers_now(&u->servers);
	char text[LINK_ERROR_MAX];
	int err;

	u->counters.attempts++;
	u->box.state_due = true;
	tell_agent(u);
	if (u->stopping)
		return;
	err = resolve_start(&u->resolve, u->loop, server->host, server->port, looked_up, u);
	if (!err) {
		loop_timer_arm(u->loop, &u->lookup_by, loop_now_ns() + u->conf.connect_timeout_ms * NS_PER_MS);
		return;
	}
	snprintf(text, sizeof(text), "cannot look up host '%s': %s", server->host,
		 err == -EAGAIN ? "earlier lookups have not ended yet" : strerror(-err));
	u->counters.failed++;
	attempt_ended(u, BROKER_FAILED, 0, text);
}

static void broker_up(void *arg, const struct broker_limits *limits)
{
	struct uplink *u = arg;
	struct server *server = servers_now(&u->servers);

	log_info("connected to %s:%d, MQTT %s%s", server->host, server->port, server->version.protocol == 5 ? "5" : "3.1.1",
		 u->conf.tls ? ", TLS" : "");
	u->counters.connects++;
	u->up = server->version.proven = true;
	u->up_ns = loop_now_ns();
	u->broker_expires_s = broker_certificate_expires_s(u->broker);
	server->version.early_closes = 0;
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
	const uint64_t up_ns = u->up ? loop_now_ns() - u->up_ns : 0;
	char copy[LINK_ERROR_MAX];

	snprintf(copy, sizeof(copy), "%s", text);	/* it dies with the broker */
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
	u->broker = broker_free(u->broker);
	u->up = false;
	u->connection = 0;
	u->in_flight = 0;
	u->birth_due = u->online_due = false;
	attempt_ended(u, how, up_ns, copy);
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
		loop_timer_arm(u->loop, &u->retry, loop_now_ns() +
			       ((uint64_t)u->conf.first_wait_ms * random_u32() >> 32) * NS_PER_MS);
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
	loop_timer_stop(&u->lookup_by);
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

/* It may have been renewed, or not. */
static void look_at_certificate(struct uplink *u)
{
	const int64_t expires_s = broker_tls_expires_s(u->conf.cert_file);
	struct stat key;

	if (!u->own_expires_s && !stat(u->conf.key_file, &key) && key.st_mode & (S_IRWXG | S_IRWXO))
		log_warn("'%s' may be read by others (mode %04o): it should be its owner's alone", u->conf.key_file,
			 (unsigned int)(key.st_mode & 07777));
	u->own_expires_s = expires_s;
	u->box.state_due = true;
}

static void tick_due(struct loop_timer *timer)
{
	struct uplink *u = container_of(timer, struct uplink, tick);
	const uint64_t now_ns = loop_now_ns();

	if (u->conf.tls && u->conf.cert_file && now_ns >= u->certificate_at_ns) {
		u->certificate_at_ns = now_ns + CERTIFICATE_NS;
		look_at_certificate(u);
	}
	u->counters.link_malformed = u->link.malformed;
	u->counters.link_stale = u->link.stale;
	if (memcmp(&u->counters, &u->told, sizeof(u->told)))
		u->box.state_due = true;
	loop_timer_arm(u->loop, timer, now_ns + TICK_NS);
	tell_agent(u);
}

static int take_conf(struct uplink *u, const struct uplink_conf *conf)
{
	struct uplink_conf *c = &u->conf;
	const uint32_t phase = random_u32();

	*c = *conf;
	c->keepalive_s = c->keepalive_s ? c->keepalive_s : 60;
	c->window = c->window ? c->window : 20;
	c->backoff_min_ms = c->backoff_min_ms ? c->backoff_min_ms : 1000;
	c->backoff_max_ms = c->backoff_max_ms ? c->backoff_max_ms : 60000;
	c->connect_timeout_ms = c->connect_timeout_ms ? c->connect_timeout_ms : 20000;
	c->stop_timeout_ms = c->stop_timeout_ms ? c->stop_timeout_ms : 3000;
	if (!c->host || hosts_parse(c->host, &u->hosts) || !c->port || !c->client_id || !c->client_id[0] || c->keepalive_s < 5 ||
	    c->window > UPLINK_WINDOW_MAX || c->backoff_max_ms < c->backoff_min_ms || (c->password && !c->username) ||
	    (c->tls && (!c->ca_file || !c->ca_file[0])) || !c->cert_file != !c->key_file ||
	    (c->state_topic && (!c->state_online || !c->state_offline)))
		return -EINVAL;
	u->limits = (struct link_window){ .outstanding = c->window, .packet_bytes = UINT32_MAX };
	u->servers.count = u->hosts.count;
	for (unsigned int i = 0; i < u->hosts.count; i++)
		u->servers.server[i] = (struct server){
			.host = u->hosts.host[i].name,
			.port = u->hosts.host[i].port ? u->hosts.host[i].port : c->port,
			.backoff = { .min_ms = c->backoff_min_ms, .max_ms = c->backoff_max_ms, .phase = phase },
			.version = { .protocol = c->protocol == UPLINK_V311 ? 4 : 5, .fixed = c->protocol != UPLINK_AUTO },
		};
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
	/* An abort() must not leave the password on a disk; a core that goes to a pipe heeds only the second. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	prctl(PR_SET_DUMPABLE, 0);

	u->events = (struct broker_events){ broker_up, broker_ack, broker_acked, broker_down, u };
	u->retry.due = retry_due;
	u->lookup_by.due = lookup_by_due;
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
	u->resolve = resolve_free(u->resolve);
	link_close(&u->link);
	loop_free(u->loop);
	mosquitto_lib_cleanup();
	free(u->birth_topic);
	free(u->birth);
	free(u);
	return err;
}
