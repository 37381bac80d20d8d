/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/build.h"
#include "base/log.h"
#include "export/device_json.h"
#include "export/text.h"
#include "run/agent_private.h"

#define DEVICES_A_TIME 64	/* messages: the rest comes with the next batch */

uint64_t agent_wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct snapshot_port *agent_find_port(struct agent *a, uint16_t port)
{
	for (unsigned int i = 0; i < a->snap.ports; i++)
		if (a->snap.port[i].state.port == port)
			return &a->snap.port[i];
	return NULL;
}

struct snapshot *agent_snapshot(struct agent *a)
{
	struct snapshot *s = &a->snap;

	s->now_us = agent_wall_us();
	s->uptime_ns = loop_now_ns() - a->settings->started_ns;
	s->clock_synced = clock_is_synced();
	s->clock_steps = a->reporter.clock.steps;
	s->flowtab = *flowtab_counters(a->ft);
	s->names_full = flowtab_names_full(a->ft);
	s->names_used = flowtab_names_used(a->ft);
	s->identity = *identify_engine(a->identify);
	s->identify = *identify_counters(a->identify);
	s->devices = *device_feed_counters(a->feed);
	s->devices_malformed = device_feed_malformed(a->feed);
	if (a->reporter.conntrack)
		s->nat = conntrack_counters(a->reporter.conntrack);
	s->identity_under_way = identify_under_way(a->identify);
	s->facts = identify_facts(a->identify);
	s->tcp_not_kept = tcp_totals_not_kept(a->tcp);
	memcpy(s->quic, identify_quic(a->identify), sizeof(s->quic));
	s->link = *publish_state(a->publish);
	s->fill = publish_fill(a->publish);
	publish_counters(a->publish, &s->exported);
	publish_spool(a->publish, &s->spool, &s->spool_counters);
	s->ipfix = ipfix_out_state(a->ipfix);
	s->ipfix_counters = ipfix_out_counters(a->ipfix);
	if (a->control)
		s->control = *control_counters(a->control);
	if (counters_stats(&a->counters, s->stats))
		log_warn("counters of the dataplane cannot be read: %s", strerror(errno));
	return s;
}

void agent_ask_features(struct agent *a, struct snapshot_port *p)
{
	if (!a->nic || !p->state.ifindex || nic_features(a->nic, p->state.name, &p->features))
		p->features = 0;
}

/* A mirror port's books know only what it received; what it sends itself is in there. */
static void as_one(struct nic_counters *nic)
{
	nic->dir[DIR_RX].frames += nic->dir[DIR_TX].frames;
	nic->dir[DIR_RX].bytes += nic->dir[DIR_TX].bytes;
}

/* Books and NIC of one port, read together. False: the interface cannot be asked, it may go at any time. */
static bool read_port(struct agent *a, struct snapshot_port *p, struct residual_reading *ret_reading)
{
	const struct port_state *state = &p->state;
	const bool mirror = state->flags & PORT_MIRROR;
	struct residual_reading reading = {
		.ifindex = state->ifindex,
		.attach_count = state->attach_count,
		.features = p->features,
		.hook = { state->rx != ATTACHED_NONE, state->tx != ATTACHED_NONE && !mirror },
		.foreign_xdp = state->foreign_xdp,
		.hw_flowtable = offload_of(&a->snap.offload, state->name) == OFFLOAD_HARDWARE,
		.raw_ip = state->flags & PORT_RAW_IP,
		.at_us = agent_wall_us(),
	};
	bool is_known = a->nic && state->ifindex && !nic_read(a->nic, state->ifindex, &reading.nic[0]);

	if (counters_books(&a->counters, state->port, &p->books) || counters_taken(&a->counters, state->port, &p->taken))
		log_warn("books of port %s cannot be read: %s", state->name, strerror(errno));
	if (!is_known || nic_read(a->nic, state->ifindex, &reading.nic[1]))
		return false;
	for (int dir = 0; dir < DIRS; dir++) {
		reading.seen[dir] = p->books.dir[dir].seen;
		reading.joined[dir] = p->books.dir[dir].joined;
	}
	for (int i = 0; mirror && i < 2; i++)
		as_one(&reading.nic[i]);
	*ret_reading = reading;
	return true;
}

/* Queues come last: what they drop meanwhile is missing nowhere yet, but what is missing they have dropped. */
void agent_take_books(struct agent *a)
{
	const struct flowtab_counters *t = flowtab_counters(a->ft);
	struct residual_reading reading[PORTS_MAX];
	bool is_known[PORTS_MAX];

	for (unsigned int i = 0; i < a->snap.ports; i++) {
		struct snapshot_port *p = &a->snap.port[i];

		is_known[i] = read_port(a, p, &reading[i]);
		p->pending = t->pending[p->state.port % PORTS_MAX];
		snapshot_close_books(p);
	}
	if (a->nic)
		nic_read_queues(a->nic);	/* refused: as if there were none; then drops are unexplained */
	for (unsigned int i = 0; i < a->snap.ports; i++) {
		struct snapshot_port *p = &a->snap.port[i];

		if (!is_known[i]) {
			residual_none(&p->residual);
			continue;
		}
		reading[i].queue = nic_queue(a->nic, p->state.ifindex);
		if (residual_take(&p->residual, &reading[i]))
			p->said = (struct snapshot_said){ 0 };
	}
}

/* Hands a finished message on. What did not fit its buffer is counted: the limits are chosen so that it never is. */
static void say(struct agent *a, enum message_class class, const struct writer *w)
{
	if (w->full)
		a->snap.messages_too_long++;
	else
		publish_message(a->publish, class, w->buf, w->len);
}

void agent_say_event(struct agent *a, enum event_action action, const char *port, const char *dir, const char *detail)
{
	char json[MESSAGE_JSON_MAX];
	struct writer w = WRITER(json);

	a->snap.now_us = agent_wall_us();
	message_event(&w, &a->snap, action, port, dir, detail);
	say(a, MESSAGE_EVENT, &w);
}

void agent_say_birth(struct agent *a)
{
	struct writer w = WRITER(a->answer);

	a->snap.now_us = agent_wall_us();
	message_birth(&w, &a->snap, a->conf, a->boot_id, publish_epoch(a->publish));
	if (w.full || publish_birth(a->publish, w.buf, w.len)) {
		a->snap.messages_too_long++;
		log_error("birth message is too long: nothing is published before it");
	}
}

/* A clock that is wrong for certain says nothing about days. */
static void say_certificates(struct agent *a)
{
	static const enum event_action actions[CERTIFICATES] = { ACTION_OWN_CERTIFICATE, ACTION_BROKER_CERTIFICATE };
	static const char *const whose[CERTIFICATES] = { "own", "the broker's" };
	const int64_t ends_s[CERTIFICATES] = { a->snap.link.own_expires_s, a->snap.link.broker_expires_s };
	const int64_t now_s = (int64_t)(a->snap.now_us / 1000000);

	for (int i = 0; i < CERTIFICATES && !build_clock_is_wrong(now_s); i++) {
		char text[64];
		struct writer w = WRITER(text);

		if (!certificate_due(&a->snap.certificate[i], ends_s[i], now_s))
			continue;
		writer_format(&w, "%lld days left, until ", (long long)certificate_days_left(ends_s[i], now_s));
		text_time(&w, (uint64_t)ends_s[i] * 1000000);
		writer_char(&w, 0);
		log_warn("%s certificate: %s", whose[i], text);
		agent_say_event(a, actions[i], NULL, NULL, text);
	}
}

void agent_say_health(struct agent *a)
{
	struct writer w = WRITER(a->answer);

	agent_snapshot(a);
	say_certificates(a);
	snapshot_health_json(&w, agent_snapshot(a));
	say(a, MESSAGE_HEALTH, &w);
	for (unsigned int i = 0; i < a->snap.ports; i++) {
		struct snapshot_port *p = &a->snap.port[i];

		writer_undo(&w, 0);
		snapshot_port_json(&w, &a->snap, p);
		say(a, MESSAGE_IFACE, &w);
		p->said.at_us = a->snap.now_us;
		for (int dir = 0; dir < DIRS; dir++) {
			p->said.all[dir] = p->residual.dir[dir].all;
			p->said.unexplained[dir] = p->residual.dir[dir].unexplained;
		}
		agent_ask_features(a, p);
	}
}

void agent_say_devices(struct agent *a)
{
	char json[DEVICE_JSON_MAX];
	struct writer w = WRITER(json);

	a->snap.now_us = agent_wall_us();
	for (int n = 0; n < DEVICES_A_TIME && device_feed_next(a->feed, &a->reporter, &w); n++) {
		struct writer whole = WRITER(a->answer);

		if (!w.full)
			message_device(&whole, &a->snap, w.buf, w.len);
		whole.full |= w.full;
		say(a, MESSAGE_DEVICE, &whole);
		w = (struct writer)WRITER(json);
	}
}

void agent_say_summary(struct agent *a)
{
	struct writer w = WRITER(a->answer);
	const uint64_t now_ns = loop_now_ns();

	a->sum.interval_ns = now_ns - a->summary_since_ns;
	a->snap.now_us = agent_wall_us();
	a->snap.flowtab.live = flowtab_counters(a->ft)->live;
	message_summary(&w, &a->snap, &a->sum, a->tcp);
	if (w.full) {	/* the totals are told all the same */
		a->snap.messages_too_long++;
		writer_undo(&w, 0);
		message_summary(&w, &a->snap, &a->sum, NULL);
	}
	say(a, MESSAGE_SUMMARY, &w);
	snapshot_add_tcp(&a->snap, a->tcp, a->sum.interval_ns, a->conf->flows.active_timeout_ns);
	a->snap.tcp_names_in_other = tcp_totals_names(a->tcp)->in_other;
	a->snap.tcp_devices_in_other = tcp_totals_devices(a->tcp)->in_other;
	tcp_totals_next(a->tcp);
	a->sum = (struct summary){ 0 };
	a->summary_since_ns = now_ns;
}
