/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/agent.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/util.h"
#include "collect/counters.h"
#include "collect/flowtab.h"
#include "run/messages.h"
#include "run/publish.h"
#include "run/report.h"
#include "run/snapshot.h"
#include "status/control.h"

#define CLOCK_EVERY_NS	(60 * NS_PER_S)
#define HURRY		4	/* times as many sweeps ... */
#define HURRY_NS	(10 * NS_PER_S)	/* ... for so long after the flow table was full */
#define FIRST_REPORT_NS	(2 * NS_PER_S)

struct agent {
	const struct agent_settings *settings;
	const struct conf *conf;
	struct loop *loop;
	struct flowtab *ft;
	struct publish *publish;
	struct control *control;
	struct ring_buffer *ring;
	struct reporter reporter;
	struct counters counters;
	struct loop_fd supervisor, events;
	struct loop_timer sweep, batch, health, summary, clock, stop_limit;
	uint64_t hurry_until_ns;	/* the table was full: sweep more often */
	uint64_t step_ns;	/* between two steps of a sweep */
	uint64_t summary_since_ns;
	struct summary sum;
	struct snapshot snap;
	char boot_id[40];
	uint64_t epoch;
	char answer[SNAPSHOT_TEXT_MAX];
	bool born;		/* birth was said: all ports are known */
	bool stopping;
};

/* ---- what the agent says ---- */

static uint64_t wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct snapshot_port *find_port(struct agent *a, uint16_t port)
{
	for (unsigned int i = 0; i < a->snap.ports; i++)
		if (a->snap.port[i].state.port == port)
			return &a->snap.port[i];
	return NULL;
}

/* Brings a->snap to this moment. */
static struct snapshot *snapshot_take(struct agent *a)
{
	struct snapshot *s = &a->snap;

	s->now_us = wall_us();
	s->uptime_ns = loop_now_ns() - a->settings->started_ns;
	s->clock_synced = clock_is_synced();
	s->clock_steps = a->reporter.clock.steps;
	s->flowtab = *flowtab_counters(a->ft);
	s->names_full = flowtab_names_full(a->ft);
	s->names_used = flowtab_names_used(a->ft);
	s->link = *publish_state(a->publish);
	s->fill = publish_fill(a->publish);
	s->batch = *publish_counters(a->publish);
	if (a->control)
		s->control = *control_counters(a->control);
	if (counters_stats(&a->counters, s->stats))
		log_warn("counters of the dataplane cannot be read: %s", strerror(errno));
	return s;
}

/* At the end of a sweep, so that what was seen, taken and left in the table belong together. */
static void take_books(struct agent *a)
{
	const struct flowtab_counters *t = flowtab_counters(a->ft);

	for (unsigned int i = 0; i < a->snap.ports; i++) {
		struct snapshot_port *p = &a->snap.port[i];

		if (counters_books(&a->counters, p->state.port, &p->books) ||
		    counters_taken(&a->counters, p->state.port, &p->taken))
			log_warn("books of port %s cannot be read: %s", p->state.name, strerror(errno));
		p->pending = t->pending[p->state.port % PORTS_MAX];
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

static void say_event(struct agent *a, const char *kind, const char *port, const char *dir, const char *detail)
{
	char json[MESSAGE_JSON_MAX];
	struct writer w = WRITER(json);

	a->snap.now_us = wall_us();
	message_event(&w, &a->snap, kind, port, dir, detail);
	say(a, MESSAGE_EVENT, &w);
}

static void say_birth(struct agent *a)
{
	struct writer w = WRITER(a->answer);

	a->snap.now_us = wall_us();
	message_birth(&w, &a->snap, a->boot_id, a->epoch);
	if (w.full || publish_birth(a->publish, w.buf, w.len)) {
		a->snap.messages_too_long++;
		log_error("birth message is too long: nothing is published before it");
	}
}

static void say_health(struct agent *a)
{
	struct writer w = WRITER(a->answer);

	snapshot_health_json(&w, snapshot_take(a));
	say(a, MESSAGE_HEALTH, &w);
	for (unsigned int i = 0; i < a->snap.ports; i++) {
		writer_undo(&w, 0);
		snapshot_port_json(&w, &a->snap, &a->snap.port[i]);
		say(a, MESSAGE_IFACE, &w);
	}
}

static void say_summary(struct agent *a)
{
	char json[MESSAGE_JSON_MAX];
	struct writer w = WRITER(json);
	const uint64_t now_ns = loop_now_ns();

	a->sum.interval_ns = now_ns - a->summary_since_ns;
	a->snap.now_us = wall_us();
	a->snap.flowtab.live = flowtab_counters(a->ft)->live;
	message_summary(&w, &a->snap, &a->sum);
	say(a, MESSAGE_SUMMARY, &w);
	a->sum = (struct summary){ 0 };
	a->summary_since_ns = now_ns;
}

static void take_report(const struct flow_report *report, void *arg)
{
	struct agent *a = arg;
	struct record record;

	report_record(&a->reporter, report, &record);
	publish_record(a->publish, &record);
	a->sum.records++;
	for (int i = 0; i < 2; i++) {
		a->sum.packets += report->packets[i];
		a->sum.bytes += report->bytes[i];
	}
	if (report->end == FLOW_END_ACTIVE)
		return;
	a->sum.flows_ended++;
	if (report->key->proto != IPPROTO_TCP)
		return;
	a->snap.name_status[report->name_status % NAME_N]++;
	a->sum.tcp_ended += report->name_status != NAME_NOT_TLS;
	a->sum.tcp_named += report->name_status == NAME_OK;
}

/* ---- what the agent hears ---- */

/* What birth says of a port is the same. */
static bool port_same(const struct port_state *x, const struct port_state *y)
{
	return x->rx == y->rx && x->tx == y->tx && !strcmp(x->name, y->name) && !strcmp(x->role, y->role) &&
	       !strcmp(x->reason, y->reason);
}

static void set_port(struct agent *a, const struct port_state *state)
{
	struct snapshot_port *p = find_port(a, state->port);
	struct report_port *name;
	struct port_state before;
	bool is_on = state->rx != ATTACHED_NONE;

	if (state->port >= PORTS_MAX)
		return;
	if (!p)
		p = &a->snap.port[a->snap.ports++];
	before = p->state;
	p->state = *state;
	p->state.name[sizeof(p->state.name) - 1] = p->state.role[sizeof(p->state.role) - 1] = 0;
	p->state.reason[sizeof(p->state.reason) - 1] = 0;
	name = &a->reporter.port[state->port];
	name->name = p->state.name;
	name->role = p->state.role[0] ? p->state.role : NULL;
	name->hook = is_on ? attached_names[state->rx] : NULL;
	if (is_on != (before.rx != ATTACHED_NONE) && !(is_on && state->taken_over))
		say_event(a, is_on ? "port_attached" : "port_detached", p->state.name, NULL,
			  p->state.reason[0] ? p->state.reason : NULL);
	if (a->born && !port_same(&before, &p->state))
		say_birth(a);
}

static void stopped(void *arg)
{
	struct agent *a = arg;

	log_info("stopped: every record is acknowledged");
	publish_stop_uplink(a->publish);
	loop_stop(a->loop, 0);
}

static void stop_due(struct loop_timer *timer)
{
	struct agent *a = container_of(timer, struct agent, stop_limit);
	struct batch_fill fill = publish_fill(a->publish);

	log_warn("stopped with %u messages (%zu bytes) that the broker has not acknowledged: they are lost",
		 fill.waiting + fill.in_flight, fill.bytes);
	publish_stop_uplink(a->publish);
	loop_stop(a->loop, 0);
}

static void stop(struct agent *a)
{
	if (a->stopping)
		return;
	a->stopping = true;
	loop_timer_stop(&a->sweep);
	loop_timer_stop(&a->batch);
	loop_timer_stop(&a->health);
	loop_timer_stop(&a->summary);
	loop_timer_arm(a->loop, &a->stop_limit, loop_now_ns() + AGENT_STOP_NS);
	if (publish_state(a->publish)->connected) {
		flowtab_report_all(a->ft, loop_now_ns(), take_report, a);
		take_books(a);
		publish_close_batch(a->publish);
		say_summary(a);
		say_health(a);
	} else {
		log_info("no broker: flows stay in the pinned table for the next start");
	}
	publish_finish(a->publish, stopped, a);
}

static void supervisor_ready(struct loop_fd *watch, uint32_t events)
{
	struct agent *a = container_of(watch, struct agent, supervisor);
	struct agent_order order;
	ssize_t n;

	(void)events;
	while ((n = recv(watch->fd, &order, sizeof(order), MSG_DONTWAIT)) == sizeof(order))
		switch ((enum agent_order_type)order.type) {
		case AGENT_PORT:
			set_port(a, &order.port);
			break;
		case AGENT_PORTS_COUNTERS:
			a->snap.ports_counters = order.ports_counters;
			if (!a->born) {	/* the first ones come behind the ports */
				a->born = true;
				say_birth(a);
			}
			break;
		case AGENT_UPLINK_STARTS:
			a->snap.uplink_starts = order.uplink_starts;
			break;
		case AGENT_STOP:
			stop(a);
			break;
		}
	if (n == 0) {	/* the supervisor has gone */
		loop_fd_remove(watch);
		a->control = control_free(a->control);	/* its address is for a successor */
		stop(a);
	}
}

static int take_event(void *arg, void *data, size_t size)
{
	struct agent *a = arg;
	const struct event *event = data;
	const struct snapshot_port *p;
	int err;

	if (size < sizeof(*event))
		return 0;
	switch ((enum event_type)event->type) {
	case EVENT_HELLO:
		err = flowtab_hello_done(a->ft, event->slot);
		if (err)
			log_error("name of slot %u: %s", event->slot, strerror(-err));
		break;
	case EVENT_TABLE_FULL:
		p = find_port(a, event->port);
		a->hurry_until_ns = loop_now_ns() + HURRY_NS;
		log_warn("flow table is full: frames on port %s are counted without a flow", p ? p->state.name : "?");
		say_event(a, "table_full", p ? p->state.name : NULL, event->dir == DIR_TX ? "tx" : "rx", NULL);
		break;
	}
	return 0;
}

static void events_ready(struct loop_fd *watch, uint32_t events)
{
	struct agent *a = container_of(watch, struct agent, events);

	(void)events;
	ring_buffer__consume(a->ring);
}

static int answer(const char *request, struct writer *w, void *arg)
{
	struct agent *a = arg;

	if (!strcmp(request, "status")) {
		snapshot_text(w, snapshot_take(a));
	} else if (!strcmp(request, "status json")) {
		struct writer json = { .buf = w->buf + w->len, .size = w->size - w->len };

		snapshot_json(&json, snapshot_take(a));
		w->len += json.len;
		writer_char(w, '\n');
	} else {
		writer_format(w, "no request \"%.64s\"; allowed: status, status json", request);
		return -EINVAL;
	}
	return 0;
}

/* ---- what the agent does again and again ---- */

static void sweep_due(struct loop_timer *timer)
{
	struct agent *a = container_of(timer, struct agent, sweep);
	const uint64_t now_ns = loop_now_ns();
	const bool hurry = now_ns < a->hurry_until_ns;

	if (flowtab_sweep_step(a->ft, now_ns, take_report, a))
		take_books(a);
	loop_timer_arm(a->loop, timer, MAX(timer->at_ns + (hurry ? a->step_ns / HURRY : a->step_ns), now_ns));
}

static void batch_due(struct loop_timer *timer)
{
	struct agent *a = container_of(timer, struct agent, batch);

	publish_synced(a->publish, clock_is_synced());
	publish_close_batch(a->publish);
	loop_timer_arm(a->loop, timer, loop_now_ns() + a->conf->export.batch_interval_ns);
}

static void health_due(struct loop_timer *timer)
{
	struct agent *a = container_of(timer, struct agent, health);

	say_health(a);
	loop_timer_arm(a->loop, timer, loop_now_ns() + a->conf->export.health_interval_ns);
}

static void summary_due(struct loop_timer *timer)
{
	struct agent *a = container_of(timer, struct agent, summary);

	say_summary(a);
	loop_timer_arm(a->loop, timer, loop_now_ns() + a->conf->export.summary_interval_ns);
}

static void clock_due(struct loop_timer *timer)
{
	struct agent *a = container_of(timer, struct agent, clock);
	const uint32_t steps = a->reporter.clock.steps;

	clock_measure(&a->reporter.clock);
	if (a->reporter.clock.steps != steps) {
		log_warn("time of day was set: %+lld ms", (long long)(a->reporter.clock.last_step_ns / 1000000));
		say_event(a, "clock_step", NULL, NULL, NULL);
	}
	loop_timer_arm(a->loop, timer, loop_now_ns() + CLOCK_EVERY_NS);
}

/* ---- its life ---- */

static void read_boot_id(char *ret_id, size_t size)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f || !fgets(ret_id, (int)size, f))
		snprintf(ret_id, size, "unknown");
	ret_id[strcspn(ret_id, "\n")] = 0;
	if (f)
		fclose(f);
}

static int open_table(struct agent *a)
{
	const struct agent_fds *fds = &a->settings->fds;
	const struct flowtab_settings table = {
		.flows_fd = fds->flows, .ledger_fd = fds->ledger, .hellos_fd = fds->hellos, .names_fd = fds->names,
		.taken_fd = fds->taken,
		.slots = a->settings->meta.slots, .hellos = a->settings->meta.hellos,
		.limits = {
			.tcp_idle_ns = a->conf->flows.tcp_idle_timeout_ns,
			.idle_ns = a->conf->flows.idle_timeout_ns,
			.fin_ns = a->conf->flows.fin_timeout_ns,
			.active_ns = a->conf->flows.active_timeout_ns,
		},
	};
	const uint32_t steps = flowtab_steps(table.slots);

	a->counters = (struct counters){ .books_fd = fds->books, .stats_fd = fds->stats, .taken_fd = fds->taken };
	a->step_ns = a->conf->flows.sweep_interval_ns / steps;
	return flowtab_new(&a->ft, &table);
}

static int watch(struct agent *a, struct loop_fd *w, int fd, void (*ready)(struct loop_fd *, uint32_t))
{
	*w = (struct loop_fd){ .ready = ready, .fd = fd };
	return loop_fd_add(a->loop, w, EPOLLIN);
}

static int open_all(struct agent *a)
{
	const struct agent_fds *fds = &a->settings->fds;
	int err = loop_new(&a->loop);

	if (!err)
		err = open_table(a);
	if (!err)
		err = clock_measure(&a->reporter.clock);
	if (!err && community_id_new(&a->reporter.community_id))
		log_warn("this libcrypto has no SHA-1: records have no network.community_id");
	if (!err)
		err = publish_new(&a->publish, a->loop, a->conf, fds->link_fd, a->boot_id, a->epoch);
	if (!err)
		err = control_new(&a->control, a->loop, fds->control_fd, SNAPSHOT_TEXT_MAX, answer, a);
	if (err)
		return err;
	a->ring = ring_buffer__new(fds->events, take_event, a, NULL);
	if (!a->ring)
		return -errno;
	err = watch(a, &a->events, ring_buffer__epoll_fd(a->ring), events_ready);
	return err ? err : watch(a, &a->supervisor, fds->supervisor_fd, supervisor_ready);
}

static void arm_all(struct agent *a)
{
	const uint64_t now_ns = loop_now_ns();
	const struct {
		struct loop_timer *timer;
		void (*due)(struct loop_timer *);
		uint64_t in_ns;
	} timers[] = {
		{ &a->sweep, sweep_due, a->step_ns },
		{ &a->batch, batch_due, a->conf->export.batch_interval_ns },
		{ &a->health, health_due, FIRST_REPORT_NS },
		{ &a->summary, summary_due, a->conf->export.summary_interval_ns },
		{ &a->clock, clock_due, CLOCK_EVERY_NS },
	};

	a->summary_since_ns = now_ns;
	a->stop_limit.due = stop_due;
	for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
		timers[i].timer->due = timers[i].due;
		loop_timer_arm(a->loop, timers[i].timer, now_ns + timers[i].in_ns);
	}
}

int agent_run(const struct agent_settings *settings)
{
	struct agent *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->settings = settings;
	a->conf = settings->conf;
	a->epoch = wall_us();
	read_boot_id(a->boot_id, sizeof(a->boot_id));
	a->snap.version = WEIR_VERSION;
	a->snap.gateway = a->conf->gateway.name;
	a->snap.site = a->conf->gateway.site;
	a->snap.slots = settings->meta.slots;
	a->snap.hellos = settings->meta.hellos;
	a->snap.agent_starts = settings->starts;
	a->snap.uplink_starts = 1;
	err = open_all(a);
	if (!err) {
		arm_all(a);
		err = loop_run(a->loop);
	}
	ring_buffer__free(a->ring);
	control_free(a->control);
	publish_free(a->publish);
	flowtab_free(a->ft);
	community_id_free(a->reporter.community_id);
	loop_free(a->loop);
	free(a);
	return err;
}
