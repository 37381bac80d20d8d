/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/metrics_text.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "collect/counters.h"
#include "export/record.h"
#include "run/snapshot_spool.h"

#define NAME_BYTES	96
#define LABELS_MAX	4
#define FIRST_BUCKET	10	/* grid number: the first bound is 2^5 us, all below is in it */
#define LAST_BUCKET	47	/* 2^24 us: 16.8 s; all above is in +Inf */

static const char *const dir_names[DIRS] = { "rx", "tx" }, *const side_names[] = { "near", "far" };
static const char *const failure_names[] = {
#define X(name) #name,
	TCP_FAILURES(X)
#undef X
};

enum type { COUNTER, GAUGE, HISTOGRAM };

struct page {
	struct writer *w;
	bool openmetrics;
};

/* ---- lines ---- */

/* "weir_" and @name, where every dot is an underscore. */
static void write_name(struct writer *w, const char *name)
{
	writer_text(w, "weir_");
	for (; *name; name++)
		writer_char(w, *name == '.' ? '_' : *name);
}

static void write_escaped(struct writer *w, const char *text)
{
	for (; *text; text++)
		if (*text == '\\' || *text == '"') {
			writer_char(w, '\\');
			writer_char(w, *text);
		} else {
			writer_text(w, *text == '\n' ? "\\n" : (const char[]){ *text, 0 });
		}
}

/* The two formats differ in what a family of counters is called: OpenMetrics leaves "_total" to the samples. */
static void family(const struct page *p, const char *name, enum type type, const char *help)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };
	const char *suffix = type == COUNTER && !p->openmetrics ? "_total" : "";

	writer_text(p->w, "# HELP ");
	write_name(p->w, name);
	writer_format(p->w, "%s ", suffix);
	write_escaped(p->w, help);
	writer_text(p->w, ".\n# TYPE ");
	write_name(p->w, name);
	writer_format(p->w, "%s %s\n", suffix, types[type]);
}

/* @labels: name, value, ..., NULL. */
static void begin_sample(const struct page *p, const char *name, const char *suffix, const char *const *labels)
{
	write_name(p->w, name);
	writer_text(p->w, suffix);
	for (unsigned int i = 0; labels[i]; i += 2) {
		writer_format(p->w, "%s%s=\"", i ? "," : "{", labels[i]);
		write_escaped(p->w, labels[i + 1]);
		writer_char(p->w, '"');
	}
	writer_text(p->w, labels[0] ? "} " : " ");
}

#define LABELS(...) ((const char *const []){ __VA_ARGS__ __VA_OPT__(,) NULL })

static void counter(const struct page *p, const char *name, uint64_t value, const char *const *labels)
{
	begin_sample(p, name, "_total", labels);
	writer_format(p->w, "%llu\n", (unsigned long long)value);
}

static void gauge(const struct page *p, const char *name, int64_t value, const char *const *labels)
{
	begin_sample(p, name, "", labels);
	writer_format(p->w, "%lld\n", (long long)value);
}

/* ---- of the gateway ---- */

static uint32_t tcps_used(const struct snapshot *s)
{
	uint32_t used = 0;

	for (int i = 0; i < PORTS_MAX; i++)
		used += s->flowtab.tcps[i];
	return used;
}

#define GAUGES(X) \
	X(uptime_seconds, "time since the dataplane process started", s->uptime_ns / NS_PER_S) \
	X(clock_synchronised, "1: the kernel says that the clock is synchronised", s->clock_synced) \
	X(broker_connected, "1: the broker has said that the connection stands", s->link.connected) \
	X(broker_unacknowledged_messages, "messages that the broker has not acknowledged yet", s->fill.waiting + s->fill.in_flight) \
	X(broker_unacknowledged_bytes, "bytes of them", s->fill.bytes) \
	X(spool_on_disk, "1: messages are kept on the disk; 0: in memory only", s->spool.mode != SPOOL_MEMORY && !s->spool.is_disk_off) \
	X(spool_disk_left_alone, "1: the spool's disk failed and is left alone", s->spool.is_disk_off) \
	X(spool_waiting_messages, "messages that are neither acknowledged nor lost", s->spool.waiting) \
	X(spool_oldest_seconds, "age of the oldest of them", snapshot_spool_oldest_s(s)) \
	X(spool_disk_bytes, "bytes of the spool's files", s->spool.disk_bytes) \
	X(spool_worst_case_loss_seconds, "how far back what a power cut takes may reach", \
	  (s->spool.worst_case_loss_ns + NS_PER_S - 1) / NS_PER_S) \
	X(ipfix_up, "1: there is a socket to the IPFIX collector", s->ipfix.up) \
	X(ipfix_waiting_messages, "IPFIX messages that wait for the socket", s->ipfix.messages) \
	X(ipfix_waiting_records, "records in them", s->ipfix.records) \
	X(flow_table_slots, "slots of the flow table", s->slots) \
	X(flow_table_live, "slots with a flow, by the last sweep", s->flowtab.live) \
	X(flow_table_ending, "slots of flows that have ended and are being emptied", s->flowtab.dead) \
	X(hello_walks, "places for TLS ClientHellos under way", s->hellos) \
	X(hello_walks_used, "places that are taken", s->flowtab.hellos) \
	X(name_table_entries, "entries of the table of names", NAMES_MAX) \
	X(name_table_used, "entries that flows refer to", s->names_used) \
	X(tcp_pool_places, "places for the health of TCP connections", s->tcps) \
	X(tcp_pool_used, "places that are taken", tcps_used(s)) \
	X(identity_places, "places for flows that are being looked into", IDENTITY_CONNECTIONS) \
	X(identity_used, "places that are taken", s->identity_under_way)

static void write_gateway(const struct page *p, const struct snapshot *s)
{
	struct figure f[FIGURES_MAX];
	const unsigned int n = snapshot_figures(s, f);
	char name[NAME_BYTES];

	family(p, "build_info", GAUGE, "the version of Weir that runs, and where");
	gauge(p, "build_info", 1, LABELS("version", s->version, "site", s->site, "gateway", s->gateway));
#define X(id, help, value) family(p, #id, GAUGE, help); gauge(p, #id, (int64_t)(value), LABELS());
	GAUGES(X)
#undef X
	family(p, "clock_steps", COUNTER, "times that the time of day was set");
	counter(p, "clock_steps", s->clock_steps, LABELS());
	family(p, "restarts", COUNTER, "times that a process was started again");
	counter(p, "restarts", s->agent_starts - 1, LABELS("process", "agent"));
	counter(p, "restarts", s->uplink_starts - 1, LABELS("process", "uplink"));
	for (unsigned int i = 0; i < n; i++) {
		const bool is_gauge = !strcmp(f[i].name, SNAPSHOT_GAUGE);

		snprintf(name, sizeof(name), "%s%s", strchr(f[i].name, '.') ? "" : "dataplane_", f[i].name);
		family(p, name, is_gauge ? GAUGE : COUNTER, f[i].text);
		(is_gauge ? gauge(p, name, (int64_t)f[i].value, LABELS()) : counter(p, name, f[i].value, LABELS()));
	}
	family(p, "flows_ended", COUNTER, "flows over TCP and UDP that ended, by why they have a name or none (weir.name_status)");
	for (int i = 0; i < NAME_N; i++)
		counter(p, "flows_ended", s->name_status[i], LABELS("name_status", record_name_status_text((uint8_t)i)));
}

#define OF_PROCESS(X) \
	X(process_seccomp, "0: its system calls are not filtered; 2: they are", f->seccomp) \
	X(process_landlock_abi, "ABI of Landlock that confines it; 0: none", f->landlock_refuses ? f->landlock_abi : 0) \
	X(process_no_new_privs, "1: it can get no new rights", f->no_new_privs) \
	X(process_has_capabilities, "1: it has capabilities", f->caps != 0)

static void write_processes(const struct page *p, const struct snapshot *s)
{
#define X(id, help, value) \
	family(p, #id, GAUGE, help); \
	for (int i = 0; i < PROCESS_N; i++) { \
		const struct process_facts *f = &s->process[i]; \
		if (f->pid) \
			gauge(p, #id, (int64_t)(value), LABELS("process", process_names[i])); \
	}
	OF_PROCESS(X)
#undef X
}

/* ---- of each port and direction ---- */

static bool has_residual(const struct snapshot_port *port, int dir)
{
	return port->residual.base != RESIDUAL_BASE_NONE && port->residual.now.hook[dir];
}

static bool has_nic(const struct snapshot_port *port, int dir)
{
	(void)dir;
	return port->residual.base != RESIDUAL_BASE_NONE;
}

static bool always(const struct snapshot_port *port, int dir)
{
	(void)port;
	(void)dir;
	return true;
}

#define NIC(member)		port->residual.now.nic[1].dir[dir].member
#define RESIDUAL(member)	port->residual.dir[dir].member

/* When there is one, name, type, help, value. */
#define OF_DIRECTION(X) \
	X(always, books_seen_frames, COUNTER, "frames at the hook, before anything else", port->books.dir[dir].seen.frames) \
	X(always, books_seen_bytes, COUNTER, "bytes of them", port->books.dir[dir].seen.bytes) \
	X(always, books_flows_frames, COUNTER, "frames of them in flows that were reported", port->taken.dir[dir].frames) \
	X(always, books_flows_bytes, COUNTER, "bytes of them", port->taken.dir[dir].bytes) \
	X(always, books_in_table_frames, GAUGE, "frames of them in the flow table, not reported yet", port->pending.dir[dir].frames) \
	X(always, books_in_table_bytes, GAUGE, "bytes of them", port->pending.dir[dir].bytes) \
	X(always, books_unaccounted_frames, GAUGE, "seen less those in flows, in the table and in classes: what came in during the sweep", \
	  snapshot_unaccounted(port, dir).frames) \
	X(always, books_unaccounted_bytes, GAUGE, "bytes of them", snapshot_unaccounted(port, dir).bytes) \
	X(always, books_joined_frames, COUNTER, "frames beyond one of packets of several segments (GSO, GRO)", \
	  port->books.dir[dir].joined.frames) \
	X(always, books_balanced, GAUGE, "1: the books balance", snapshot_is_balanced(port, dir)) \
	X(has_nic, nic_frames, COUNTER, "frames by the interface's own counter", NIC(frames)) \
	X(has_nic, nic_bytes, COUNTER, "bytes by the interface's own counter", NIC(bytes)) \
	X(has_nic, nic_dropped_frames, COUNTER, "frames dropped, by the interface's own counter", NIC(dropped)) \
	X(has_nic, nic_error_frames, COUNTER, "frames with an error, by the interface's own counter", NIC(errors)) \
	X(has_residual, residual_frames, GAUGE, "frames that the interface has counted more than the books, since a baseline", RESIDUAL(all.frames)) \
	X(has_residual, residual_bytes, GAUGE, "bytes that the interface has counted more than the books, since a baseline", RESIDUAL(all.bytes)) \
	X(has_residual, residual_unexplained_frames, GAUGE, "frames of the residual that no reason explains", RESIDUAL(unexplained.frames)) \
	X(has_residual, residual_unexplained_bytes, GAUGE, "bytes of the residual that no reason explains", RESIDUAL(unexplained.bytes))

static void write_directions(const struct page *p, const struct snapshot *s)
{
#define X(when, id, type, help, value) \
	family(p, #id, type, help); \
	for (unsigned int i = 0; i < s->ports; i++) \
		for (int dir = 0; dir < DIRS; dir++) { \
			const struct snapshot_port *port = &s->port[i]; \
			const char *const *labels = LABELS("interface", port->state.name, "direction", dir_names[dir]); \
			if (!when(port, dir)) \
				continue; \
			if (type == COUNTER) \
				counter(p, #id, (uint64_t)(value), labels); \
			else \
				gauge(p, #id, (int64_t)(value), labels); \
		}
	OF_DIRECTION(X)
#undef X
}

/* Families with one more label. @value sees port, dir and i. */
#define BY_LABEL(when, id, type, help, label, count, names, value) \
	family(p, id, type, help); \
	for (unsigned int n = 0; n < s->ports; n++) \
		for (int dir = 0; dir < DIRS; dir++) \
			for (int i = 0; i < (count); i++) { \
				const struct snapshot_port *port = &s->port[n]; \
				const char *const *labels = LABELS("interface", port->state.name, "direction", dir_names[dir], \
								   label, (names)[i]); \
				if (!when(port, dir)) \
					continue; \
				if (type == COUNTER) \
					counter(p, id, (uint64_t)(value), labels); \
				else \
					gauge(p, id, (int64_t)(value), labels); \
			}

static void write_classes(const struct page *p, const struct snapshot *s)
{
	BY_LABEL(always, "books_class_frames", COUNTER, "frames that are counted and in no flow, by why", "class", BOOK_N, book_class_names,
		 port->books.dir[dir].class[i].frames)
	BY_LABEL(always, "books_class_bytes", COUNTER, "bytes of them", "class", BOOK_N, book_class_names, port->books.dir[dir].class[i].bytes)
	BY_LABEL(always, "books_table_full_frames", COUNTER, "frames of class table_full, by protocol", "protocol", BOOK_PROTOS,
		 book_proto_names, port->books.dir[dir].table_full.proto[i].frames)
	BY_LABEL(always, "books_new_flow_limit_frames", COUNTER, "frames of class new_flow_limit, by protocol", "protocol", BOOK_PROTOS,
		 book_proto_names, port->books.dir[dir].new_limit.proto[i].frames)
	BY_LABEL(has_residual, "residual_reason_frames", GAUGE, "frames of the residual that a reason explains", "reason", RESIDUAL_N,
		 residual_names, port->residual.dir[dir].reason[i].frames)
	BY_LABEL(has_residual, "residual_reason_bytes", GAUGE, "bytes of the residual that a reason explains", "reason", RESIDUAL_N,
		 residual_names, port->residual.dir[dir].reason[i].bytes)
}

/* ---- of each port ---- */

#define OF_PORT(X) \
	X(port_up, GAUGE, "1: the interface is there and up", state->ifindex && state->up) \
	X(names_nameable, COUNTER, "ended flows that may have a name", s->coverage[at].nameable) \
	X(names_named, COUNTER, "ended flows that have one", s->coverage[at].named) \
	X(tcp_measured_connections, GAUGE, "connections whose health is being measured", s->flowtab.tcps[at])

static void write_ports(const struct page *p, const struct snapshot *s)
{
	family(p, "port_info", GAUGE, "what a port is for, and its hooks");
	for (unsigned int i = 0; i < s->ports; i++) {
		const struct port_state *state = &s->port[i].state;

		gauge(p, "port_info", 1, LABELS("interface", state->name, "role", state->role, "rx_hook", attached_names[state->rx],
						"tx_hook", attached_names[state->tx]));
	}
#define X(id, type, help, value) \
	family(p, #id, type, help); \
	for (unsigned int i = 0; i < s->ports; i++) { \
		const struct port_state *state = &s->port[i].state; \
		const unsigned int at = state->port % PORTS_MAX; \
		(void)at; \
		if (type == COUNTER) \
			counter(p, #id, (uint64_t)(value), LABELS("interface", state->name)); \
		else \
			gauge(p, #id, (int64_t)(value), LABELS("interface", state->name)); \
	}
	OF_PORT(X)
#undef X
}

/* Upper bound of a bucket of the grid, as seconds. */
static const char *bound(unsigned int grid, char text[24])
{
	const uint64_t octave = 1ULL << (grid / 2), us = grid & 1 ? 2 * octave : octave + octave / 2;
	int len = snprintf(text, 24, "%llu.%06llu", (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000));

	while (text[len - 1] == '0' && text[len - 2] != '.')
		text[--len] = 0;
	return text;
}

static void write_histogram(const struct page *p, const char *name, const struct histogram *h, uint64_t sum_us, const char *port,
			    const char *side)
{
	uint64_t below = 0;
	char le[24];

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		below += h->count[i];
		if (i + 1 < FIRST_BUCKET || i > LAST_BUCKET)
			continue;
		begin_sample(p, name, "_bucket", LABELS("interface", port, "side", side, "le", bound(i, le)));
		writer_format(p->w, "%llu\n", (unsigned long long)below);
	}
	begin_sample(p, name, "_bucket", LABELS("interface", port, "side", side, "le", "+Inf"));
	writer_format(p->w, "%llu\n", (unsigned long long)below);
	begin_sample(p, name, "_sum", LABELS("interface", port, "side", side));
	writer_format(p->w, "%llu.%06llu\n", (unsigned long long)(sum_us / 1000000), (unsigned long long)(sum_us % 1000000));
	begin_sample(p, name, "_count", LABELS("interface", port, "side", side));
	writer_format(p->w, "%llu\n", (unsigned long long)below);
}

/* All intervals that have ended, and the one under way. */
static struct tcp_total tcp_of(const struct snapshot *s, const struct tcp_totals *tcp, unsigned int i)
{
	const unsigned int port = s->port[i].state.port % PORTS_MAX;
	struct tcp_total t = s->tcp_ended[port];

	tcp_total_merge(&t, tcp_totals_port(tcp, port));
	return t;
}

#define OF_SIDE(X) \
	X(tcp_packets, "packets of measured TCP connections, by the side that sent them", packets) \
	X(tcp_retransmitted_segments, "segments sent again, by the side that sent them: lost beyond the port, or the acknowledgement was", \
	  retransmits) \
	X(tcp_lost_before_segments, "segments lost on the way to the port, by the side that sent them", lost_before)

static void write_tcp(const struct page *p, const struct snapshot *s, const struct tcp_totals *tcp)
{
	family(p, "tcp_failures", COUNTER, "TCP connections that ended before they came about, by how (weir.tcp.failure)");
	for (unsigned int i = 0; i < s->ports; i++) {
		const struct tcp_total t = tcp_of(s, tcp, i);

		for (int f = 0; f < TCP_FAILURE_N; f++)
			counter(p, "tcp_failures", t.failures[f], LABELS("interface", s->port[i].state.name, "failure", failure_names[f]));
	}
#define X(id, help, member) \
	family(p, #id, COUNTER, help); \
	for (unsigned int i = 0; i < s->ports; i++) { \
		const struct tcp_total t = tcp_of(s, tcp, i); \
		for (int side = 0; side < 2; side++) \
			counter(p, #id, t.member[side], LABELS("interface", s->port[i].state.name, "side", side_names[side])); \
	}
	OF_SIDE(X)
#undef X
	family(p, "tcp_rtt_seconds", HISTOGRAM, "round trips of TCP from the port to the near side and back, and to the far side and back");
	for (unsigned int i = 0; i < s->ports; i++) {
		const struct tcp_total t = tcp_of(s, tcp, i);

		for (int side = 0; side < 2; side++)
			write_histogram(p, "tcp_rtt_seconds", &t.rtt[side], t.rtt_sum_us[side], s->port[i].state.name, side_names[side]);
	}
}

void metrics_text(struct writer *w, const struct snapshot *s, const struct tcp_totals *tcp, bool openmetrics)
{
	const struct page p = { w, openmetrics };

	write_gateway(&p, s);
	write_processes(&p, s);
	write_ports(&p, s);
	write_directions(&p, s);
	write_classes(&p, s);
	write_tcp(&p, s, tcp);
	if (openmetrics)
		writer_text(w, "# EOF\n");
}
