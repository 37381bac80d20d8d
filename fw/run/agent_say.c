/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "export/device_json.h"
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
	memcpy(s->quic, identify_quic(a->identify), sizeof(s->quic));
	s->link = *publish_state(a->publish);
	s->fill = publish_fill(a->publish);
	s->batch = *publish_counters(a->publish);
	if (a->control)
		s->control = *control_counters(a->control);
	if (counters_stats(&a->counters, s->stats))
		log_warn("counters of the dataplane cannot be read: %s", strerror(errno));
	return s;
}

void agent_take_books(struct agent *a)
{
	const struct flowtab_counters *t = flowtab_counters(a->ft);

	for (unsigned int i = 0; i < a->snap.ports; i++) {
		struct snapshot_port *p = &a->snap.port[i];

		if (counters_books(&a->counters, p->state.port, &p->books) ||
		    counters_taken(&a->counters, p->state.port, &p->taken))
			log_warn("books of port %s cannot be read: %s", p->state.name, strerror(errno));
		p->pending = t->pending[p->state.port % PORTS_MAX];
		snapshot_close_books(p);
	}
}

/* Hands a finished message on. What did not fit its buffer is counted: the limits are chosen so that it never is. */
static void say(struct agent *a, enum message_class class, const struct writer *w)
{
	if (w->full)
		a->snap.messages_too_long++;
	else
		publish_message(a->publish, class, false, w->buf, w->len);
}

void agent_say_event(struct agent *a, const char *kind, const char *port, const char *dir, const char *detail)
{
	char json[MESSAGE_JSON_MAX];
	struct writer w = WRITER(json);

	a->snap.now_us = agent_wall_us();
	message_event(&w, &a->snap, kind, port, dir, detail);
	say(a, MESSAGE_EVENT, &w);
}

void agent_say_birth(struct agent *a)
{
	struct writer w = WRITER(a->answer);

	a->snap.now_us = agent_wall_us();
	message_birth(&w, &a->snap, a->boot_id, a->epoch);
	if (w.full || publish_birth(a->publish, w.buf, w.len)) {
		a->snap.messages_too_long++;
		log_error("birth message is too long: nothing is published before it");
	}
}

void agent_say_health(struct agent *a)
{
	struct writer w = WRITER(a->answer);

	snapshot_health_json(&w, agent_snapshot(a));
	say(a, MESSAGE_HEALTH, &w);
	for (unsigned int i = 0; i < a->snap.ports; i++) {
		writer_undo(&w, 0);
		snapshot_port_json(&w, &a->snap, &a->snap.port[i]);
		say(a, MESSAGE_IFACE, &w);
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
