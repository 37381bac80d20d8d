/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/agent.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/resident.h"
#include "base/util.h"
#include "collect/flowtab.h"
#include "run/agent_private.h"
#include "run/object_path.h"
#include "run/phase.h"
#include "run/privacy_conf.h"

#define CLOCK_EVERY_NS	(60 * NS_PER_S)
#define SWEEP_STEPS	256u	/* 16384 slots: what a sweep does in one turn of the loop */
#define HELD_NS		(5 * NS_PER_MS)	/* until a sweep that had no room is tried again */
#define GRACE_NS	(50 * NS_PER_MS)	/* no packet is under way in a slot that was marked dead so long ago */
#define HURRY		4	/* times as many sweeps ... */
#define HURRY_NS	(10 * NS_PER_S)	/* ... for so long after the flow table was full */
#define FIRST_REPORT_NS	(2 * NS_PER_S)

/* An ended flow: has it a name, or may it have had one? */
static void count_name(struct agent *a, const struct flow_report *report)
{
	struct name_coverage *port = &a->snap.coverage[report->key->port % PORTS_MAX];

	if (report->key->proto != IPPROTO_TCP && report->key->proto != IPPROTO_UDP)
		return;
	a->snap.name_status[report->name_status % NAME_N]++;
	if (!identify_is_nameable(a->identify, report))
		return;
	port->nameable++;
	a->sum.nameable++;
	if (identify_is_named(a->identify, report)) {
		port->named++;
		a->sum.named++;
	}
}

static void take_report(const struct flow_report *report, void *arg)
{
	struct agent *a = arg;
	struct record record;

	report_record(&a->reporter, report, &record);
	identify_record(a->identify, report, &record);
	report_finish(&a->reporter, &record);
	publish_record(a->publish, &record);
	ipfix_out_record(a->ipfix, &record);
	tcp_totals_add(a->tcp, report, &record);
	a->snap.completed += record.bytes_source == BYTES_SOURCE_CONNTRACK;
	a->sum.records++;
	for (int i = 0; i < 2; i++) {
		a->sum.packets += report->packets[i];
		a->sum.bytes += report->bytes[i];
	}
	if (report->end == FLOW_END_ACTIVE)
		return;
	a->sum.flows_ended++;
	count_name(a, report);
}

static void slot_freed(uint32_t slot, long twin, void *arg)
{
	struct agent *a = arg;

	identify_freed(slot, twin, a->identify);
	tcp_totals_freed(a->tcp, slot);
	top_freed(a->top, slot);
}

/* ---- what the agent hears ---- */

/* What birth says of a port is the same. */
static bool port_same(const struct port_state *x, const struct port_state *y)
{
	return x->rx == y->rx && x->tx == y->tx && !strcmp(x->name, y->name) && !strcmp(x->role, y->role) &&
	       !strcmp(x->reason, y->reason);
}

static void set_report_port(struct agent *a, const struct port_state *state)
{
	a->reporter.port[state->port % PORTS_MAX] = (struct report_port){
		.name = state->name,
		.role = state->role[0] ? state->role : NULL,
		.hook = state->rx != ATTACHED_NONE ? attached_names[state->rx] : NULL,
		.in_hardware = offload_of(&a->snap.offload, state->name) == OFFLOAD_HARDWARE,
		.raw_ip = state->flags & PORT_RAW_IP,
	};
}

static void set_port(struct agent *a, const struct port_state *state)
{
	struct snapshot_port *p = agent_find_port(a, state->port);
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
	agent_ask_features(a, p);
	set_report_port(a, &p->state);
	if (is_on != (before.rx != ATTACHED_NONE) && !(is_on && state->taken_over))
		agent_say_event(a, is_on ? ACTION_PORT_ATTACHED : ACTION_PORT_DETACHED, p->state.name, NULL,
			  p->state.reason[0] ? p->state.reason : NULL);
	if (a->born && !port_same(&before, &p->state))
		agent_say_birth(a);
}

static void end(struct agent *a)
{
	const uint64_t lost = ipfix_out_finish(a->ipfix);

	if (lost)
		log_warn("stopped with %llu records that the IPFIX collector did not take: they are lost to it",
			 (unsigned long long)lost);
	publish_stop_uplink(a->publish);
	loop_stop(a->loop, 0);
}

static void stopped(void *arg)
{
	const struct agent *a = arg;

	log_info("stopped: every record is %s", publish_fill(a->publish).waiting ? "acknowledged or in the spool" : "acknowledged");
	end(arg);
}

static void stop_due(struct loop_timer *timer)
{
	struct agent *a = container_of(timer, struct agent, stop_limit);
	struct batch_fill fill = publish_fill(a->publish);

	log_warn("stopped with %llu messages that the broker has not acknowledged: they are %s; flows that were "
		 "not reported stay in the pinned table", (unsigned long long)fill.waiting + fill.in_flight,
		 a->conf->spool.mode == CONF_SPOOL_OFF ? "lost" : "kept in the spool");
	end(a);
}

/*
 * Steps of the sweep, while there is room for what they report, which is a window of batches: what a broker does not take in
 * time stays in the table and not in memory, or in a queue that has to drop it. Without a broker the queue's own rule holds, oldest first: the table would
 * fill up instead. 1: the sweep is done; 0: all steps were made; -EAGAIN: no room now.
 */
static int sweep_steps(struct agent *a, uint32_t steps)
{
	const struct conf *conf = a->conf;
	const size_t room = MIN(conf->export.unacked_bytes / 2, conf->broker.window * conf->export.batch_bytes);
	const uint64_t now_ns = loop_now_ns();

	ring_buffer__consume(a->ring);	/* what was copied of a flow comes before its end */
	for (uint32_t i = 0; i < steps; i++) {
		if (publish_state(a->publish)->connected &&
		    publish_fill(a->publish).bytes >= room) {
			a->snap.sweeps_held++;
			return -EAGAIN;
		}
		if (flowtab_sweep_step(a->ft, now_ns, take_report, a))
			return 1;
	}
	return 0;
}

/* The last sweep, as fast as the broker takes it. */
static void drain_due(struct loop_timer *timer)
{
	struct agent *a = container_of(timer, struct agent, sweep);

	if (sweep_steps(a, SWEEP_STEPS) != 1) {
		loop_timer_arm(a->loop, timer, loop_now_ns() + HELD_NS);
		return;
	}
	agent_take_books(a);
	publish_close_batch(a->publish);
	agent_say_summary(a);
	agent_say_health(a);
	publish_finish(a->publish, stopped, a);
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
		flowtab_report_all(a->ft);
		a->sweep.due = drain_due;
		loop_timer_arm(a->loop, &a->sweep, loop_now_ns() + GRACE_NS);
	} else {
		log_info("no broker: flows stay in the pinned table for the next start");
		publish_finish(a->publish, stopped, a);
	}
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
				agent_say_birth(a);
			}
			break;
		case AGENT_UPLINK_STARTS:
			a->snap.uplink_starts = order.uplink_starts;
			break;
		case AGENT_OFFLOAD:
			a->snap.offload = order.offload;
			for (unsigned int i = 0; i < a->snap.ports; i++)
				set_report_port(a, &a->snap.port[i].state);
			break;
		case AGENT_PROCESSES:
			memcpy(a->snap.process, order.process, sizeof(order.process));
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
	case EVENT_COPY:
		identify_copy(a->identify, data, size);
		break;
	case EVENT_TABLE_FULL:
		p = agent_find_port(a, event->port);
		a->hurry_until_ns = loop_now_ns() + HURRY_NS;
		log_warn("flow table is full: frames on port %s are counted without a flow", p ? p->state.name : "?");
		agent_say_event(a, ACTION_TABLE_FULL, p ? p->state.name : NULL, event->dir == DIR_TX ? "tx" : "rx", NULL);
		break;
	case EVENT_NEW_LIMIT:
		p = agent_find_port(a, event->port);
		a->hurry_until_ns = loop_now_ns() + HURRY_NS;
		log_warn("more new flows than are admitted: frames on port %s are counted without a flow", p ? p->state.name : "?");
		agent_say_event(a, ACTION_NEW_FLOW_LIMIT, p ? p->state.name : NULL, event->dir == DIR_TX ? "tx" : "rx", NULL);
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

static void nat_ready(struct loop_fd *watch, uint32_t events)
{
	struct agent *a = container_of(watch, struct agent, nat);
	int err = conntrack_read(a->reporter.conntrack, loop_now_ns());

	(void)events;
	if (!err)
		return;
	log_warn("no NAT in records any more: connection tracking: %s", strerror(-err));
	loop_fd_remove(watch);
}

/* ---- what the agent does again and again ---- */

static void sweep_due(struct loop_timer *timer)
{
	struct agent *a = container_of(timer, struct agent, sweep);
	const uint64_t now_ns = loop_now_ns();
	uint64_t next_ns = timer->at_ns + (now_ns < a->hurry_until_ns ? a->slice_ns / HURRY : a->slice_ns);
	const int ret = sweep_steps(a, SWEEP_STEPS);

	if (ret == 1)
		agent_take_books(a);
	else if (ret < 0)
		next_ns = now_ns + HELD_NS;
	loop_timer_arm(a->loop, timer, MAX(next_ns, now_ns));
}

static void ring_due(struct loop_timer *timer)
{
	struct agent *a = container_of(timer, struct agent, ring_look);

	ring_buffer__consume(a->ring);
	loop_timer_arm(a->loop, timer, loop_now_ns() + COPY_TICK_MS * NS_PER_MS);
}

static uint64_t in_phase_ns(const struct agent *a, uint64_t interval_ns)
{
	const uint64_t now_ns = loop_now_ns();

	return now_ns + phase_next_ns(a->conf->gateway.site, a->conf->gateway.name, interval_ns, now_ns);
}

static void batch_due(struct loop_timer *timer)
{
	struct agent *a = container_of(timer, struct agent, batch);

	publish_synced(a->publish, clock_is_synced());
	agent_say_devices(a);
	publish_close_batch(a->publish);
	ipfix_out_flush(a->ipfix);
	loop_timer_arm(a->loop, timer, in_phase_ns(a, a->conf->export.batch_interval_ns));
}

static void health_due(struct loop_timer *timer)
{
	struct agent *a = container_of(timer, struct agent, health);

	agent_say_health(a);
	loop_timer_arm(a->loop, timer, in_phase_ns(a, a->conf->export.health_interval_ns));
}

static void summary_due(struct loop_timer *timer)
{
	struct agent *a = container_of(timer, struct agent, summary);

	identify_expire(a->identify, loop_now_ns());
	device_feed_age(a->feed, loop_now_ns());
	agent_say_summary(a);
	malloc_trim(0);	/* after an outage of the broker the allocator would keep all of export.unacked_bytes */
	loop_timer_arm(a->loop, timer, in_phase_ns(a, a->conf->export.summary_interval_ns));
}

static void clock_due(struct loop_timer *timer)
{
	struct agent *a = container_of(timer, struct agent, clock);
	const uint32_t steps = a->reporter.clock.steps;

	clock_measure(&a->reporter.clock);
	if (a->reporter.clock.steps != steps) {
		log_warn("time of day was set: %+lld ms", (long long)(a->reporter.clock.last_step_ns / 1000000));
		agent_say_event(a, ACTION_CLOCK_STEP, NULL, NULL, NULL);
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
	struct flowtab_settings table = {
		.flows_fd = fds->flows, .ledger_fd = fds->ledger, .hellos_fd = fds->hellos, .tcp_fd = fds->tcp, .names_fd = fds->names,
		.taken_fd = fds->taken,
		.slots = a->settings->meta.slots, .hellos = a->settings->meta.hellos, .tcps = a->settings->meta.tcps,
		.limits = {
			.tcp_idle_ns = a->conf->flows.tcp_idle_timeout_ns,
			.idle_ns = a->conf->flows.idle_timeout_ns,
			.syn_ns = a->conf->flows.syn_timeout_ns,
			.fin_ns = a->conf->flows.fin_timeout_ns,
			.active_ns = a->conf->flows.active_timeout_ns,
		},
	};
	const uint32_t slice = SWEEP_STEPS * FLOWTAB_STEP_SLOTS, slices = (table.slots + slice - 1) / slice;
	char oui[OBJECT_PATH_MAX];
	int err;

	a->counters = (struct counters){ .books_fd = fds->books, .stats_fd = fds->stats, .taken_fd = fds->taken };
	a->slice_ns = a->conf->flows.sweep_interval_ns / slices;
	object_beside(a->conf->run.bpf_object, "oui.bin", oui);
	err = identify_new(&a->identify, table.slots, a->conf->flows.facts);
	if (!err)
		err = device_feed_new(&a->feed, oui);
	if (!err)
		err = tcp_totals_new(&a->tcp, MIN(a->conf->flows.facts, table.tcps), loop_now_ns());
	if (err)
		return err;
	identify_feed(a->identify, a->feed);
	if (!device_feed_has_vendors(a->feed))
		log_info("no table of vendors in %s: devices have none", oui);
	table.freed = slot_freed;
	table.freed_arg = a;
	err = flowtab_new(&a->ft, &table);
	if (err)
		return err;
	identify_attach(a->identify, a->ft, take_report, a);
	return top_new(&a->top, &(struct top_sources){
		.loop = a->loop, .ft = a->ft, .identify = a->identify, .reporter = &a->reporter, .counters = &a->counters,
		.snapshot = &a->snap, .slots = table.slots,
	});
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
	if (!err)
		err = privacy_conf_open(&a->reporter.privacy, a->conf, a->settings->privacy_key);
	if (!err && community_id_new(&a->reporter.community_id))
		log_warn("this libcrypto has no SHA-1: records have no network.community_id");
	if (!err)
		err = publish_new(&a->publish, a->loop, a->conf, fds->link_fd, fds->spool_dir, a->boot_id);
	if (!err && nic_open(&a->nic))
		log_warn("no rtnetlink socket: the books are not held against the NICs' counters");
	if (!err)
		err = ipfix_out_new(&a->ipfix, a->loop, a->conf);
	if (!err)
		err = control_new(&a->control, a->loop, fds->control_fd, SNAPSHOT_TEXT_MAX, agent_answer, a);
	if (err)
		return err;
	err = agent_open_metrics(a, fds->metrics_fd);
	if (err)
		return err;
	a->ring = ring_buffer__new(fds->events, take_event, a, NULL);
	if (!a->ring)
		return -errno;
	if (fds->conntrack >= 0) {
		err = conntrack_new(&a->reporter.conntrack, fds->conntrack);
		if (!err)
			err = watch(a, &a->nat, fds->conntrack, nat_ready);
		if (err)
			return err;
	}
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
		{ &a->ring_look, ring_due, COPY_TICK_MS * NS_PER_MS },
		{ &a->sweep, sweep_due, a->slice_ns },
		{ &a->batch, batch_due, in_phase_ns(a, a->conf->export.batch_interval_ns) - now_ns },
		{ &a->health, health_due, FIRST_REPORT_NS },
		{ &a->summary, summary_due, in_phase_ns(a, a->conf->export.summary_interval_ns) - now_ns },
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
	resident_no_huge_pages();
	a->settings = settings;
	a->conf = settings->conf;
	read_boot_id(a->boot_id, sizeof(a->boot_id));
	a->snap.version = WEIR_VERSION;
	a->snap.gateway = a->conf->gateway.name;
	a->snap.site = a->conf->gateway.site;
	a->snap.slots = settings->meta.slots;
	a->snap.hellos = settings->meta.hellos;
	a->snap.tcps = settings->meta.tcps;
	a->snap.facts_max = MIN(a->conf->flows.facts, settings->meta.slots);
	a->snap.agent_starts = settings->starts;
	a->snap.uplink_starts = 1;
	err = open_all(a);
	if (!err) {
		arm_all(a);
		resident_forget_start();
		err = loop_run(a->loop);
	}
	ring_buffer__free(a->ring);
	control_free(a->control);
	publish_free(a->publish);
	ipfix_out_free(a->ipfix);
	top_free(a->top);
	flowtab_free(a->ft);
	identify_free(a->identify);
	device_feed_free(a->feed);
	tcp_totals_free(a->tcp);
	nic_close(a->nic);
	community_id_free(a->reporter.community_id);
	conntrack_free(a->reporter.conntrack);
	privacy_free(a->reporter.privacy);
	loop_free(a->loop);
	free(a);
	return err;
}
