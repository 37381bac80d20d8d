/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/snapshot.h"

#include <stdio.h>
#include <string.h>

#include "base/build.h"
#include "base/util.h"
#include "collect/attach.h"
#include "collect/counters.h"
#include "export/record.h"
#include "export/text.h"
#include "run/snapshot_nic.h"
#include "run/snapshot_process.h"
#include "run/snapshot_spool.h"

static const char *const dir_names[DIRS] = { "rx", "tx" };

unsigned int snapshot_figures(const struct snapshot *s, struct figure ret_figures[FIGURES_MAX])
{
	struct figure *f = ret_figures;
	const struct flowtab_counters *t = &s->flowtab;
	const struct link_counters *l = &s->link.counters;
	const struct ports_counters *p = &s->ports_counters;
	const struct control_counters *c = &s->control;
	const struct figure fixed[] = {
		{ "sweep.sweeps", t->sweeps, "sweeps of the whole flow table" },
		{ "sweep.reports", t->reports, "reports made, one record each" },
		{ "sweep.ended", t->ended, "flows that ended" },
		{ "sweep.twins", t->twins, "slots that two CPUs had made of one flow, merged" },
		{ "sweep.names_taken", t->names_taken, "hello walks whose result was taken" },
		{ "sweep.names_given_up", t->names_given_up, "hello walks ended because the rest did not come" },
		{ "names.full", s->names_full, "names not kept: the table of names is full" },
		{ "identity.mismatch", t->names_differ, "server names that the kernel's walk and the agent read differently" },
		{ "nat.events", s->nat.events, "connections heard of from connection tracking" },
		{ SNAPSHOT_GAUGE, s->nat.entries, "translated connections in the table now" },
		{ "nat.replaced", s->nat.replaced, "translated connections gone before their time: table full, or ports used again" },
		{ "nat.overruns", s->nat.overruns, "times that connection tracking's events found the socket full" },
		{ "nat.malformed", s->nat.malformed, "messages of connection tracking that made no sense" },
		{ "offload.completed", s->completed, "records whose totals are connection tracking's" },
		{ "devices.malformed", s->devices_malformed, "messages of ARP, neighbour discovery and DHCP with a fault" },
#define X(name, text) { "devices." #name, s->devices.name, text },
		DEVICES_COUNTERS(X)
#undef X
#define X(name, text) { "identity." #name, s->identify.name, text },
		IDENTIFY_COUNTERS(X)
#undef X
#define X(name, text) { "identity." #name, s->identity.name, text },
		IDENTITY_COUNTERS(X)
#undef X
#define X(id, name, text) { "quic." name, s->quic[id], text },
		QUIC_RESULTS(X)
#undef X
		{ "ports.events", p->events, "netlink messages about interfaces" },
		{ "ports.overruns", p->overruns, "times that netlink messages were lost; a full look follows" },
		{ "ports.dumps", p->dumps, "full looks at all interfaces" },
		{ "ports.attached", p->attached, "programs attached" },
		{ "ports.failed", p->failed, "attempts to attach that failed; tried again" },
		{ "ports.no_index", p->no_index, "wanted interfaces refused: 64 names are known already" },
		{ "ports.no_place", p->no_place, "wanted interfaces refused: their places in the table are taken" },
		{ "control.requests", c->requests, "questions on the control socket" },
		{ "control.bad", c->bad, "questions that are none" },
		{ "control.refused", c->refused, "clients of the control socket beyond 8 at once" },
		{ "control.timeouts", c->timeouts, "clients of the control socket that said nothing for 5 s" },
		{ "metrics.pages", s->metrics_pages, "metrics pages written" },
		{ "processes.syscalls_refused", snapshot_process_refused(s),
		  "processes ended because they asked for a system call that is on no list" },
		{ "broker.attempts", l->attempts, "attempts to connect to the broker" },
		{ "broker.connects", l->connects, "connections to the broker" },
		{ "broker.disconnects", l->disconnects, "ends of connections that stood" },
		{ "broker.refused", l->refused, "connections refused by the broker: password, version, banned" },
		{ "broker.failed", l->failed, "attempts without an answer: name, TCP, TLS, time, files, garbage" },
		{ "broker.fallbacks", l->fallbacks, "times that MQTT 5 was given up for 3.1.1" },
		{ "broker.publishes", l->publishes, "messages handed to the broker's socket" },
		{ "broker.acks", l->acks, "messages that the broker acknowledged" },
		{ "broker.publish_refused", l->publish_refused, "messages refused by the broker; tried again" },
		{ "broker.publish_too_big", l->publish_too_big, "messages longer than this broker takes; not sent" },
		{ "broker.publish_ignored", l->publish_ignored, "messages meant for an earlier connection; the agent sends them again" },
		{ "broker.link_malformed", l->link_malformed, "messages of the agent that made no sense" },
		{ "broker.link_stale", l->link_stale, "messages of an earlier agent" },
		{ "tcp.names_in_other", s->tcp_names_in_other, "names of a summary that did not fit and are told as other" },
		{ "tcp.devices_in_other", s->tcp_devices_in_other, "devices of a summary that did not fit and are told as other" },
		{ "tcp.losses_not_kept", s->tcp_not_kept, "reports of connections whose losses were not added up: flows.facts is reached" },
		{ "agent.sweeps_held", s->sweeps_held, "slices of the sweep put off: the broker is slower than the sweep" },
		{ "agent.messages_too_long", s->messages_too_long, "messages of the agent's own that did not fit their buffer" },
#define X(name, text) { "export." #name, s->exported.name, text },
		EXPORT_COUNTERS(X)
#undef X
#define X(name, text) { "spool." #name, s->spool_counters.name, text },
		SPOOL_COUNTERS(X)
#undef X
#define X(id, name, text) { "spool.lost_" name, s->spool.lost_by_reason[SPOOL_LOST_##id], text },
		SPOOL_REASONS(X)
#undef X
#define X(name, text) { "ipfix." #name, s->ipfix_counters.name, text },
		IPFIX_OUT_COUNTERS(X)
#undef X
	};
	unsigned int n = 0;

	_Static_assert(ARRAY_SIZE(fixed) + STAT_N < FIGURES_MAX, "FIGURES_MAX");
	for (int i = 0; i < STAT_N; i++)
		f[n++] = (struct figure){ stat_names[i], s->stats[i], stat_texts[i] };
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		f[n++] = fixed[i];
	return n;
}

struct tally snapshot_unaccounted(const struct snapshot_port *port, int dir)
{
	const struct tally classes = counters_classes(&port->books, dir);
	const struct tally *seen = &port->books.dir[dir].seen, *taken = &port->taken.dir[dir],
			   *pending = &port->pending.dir[dir];

	return (struct tally){
		.frames = seen->frames - taken->frames - pending->frames - classes.frames,
		.bytes = seen->bytes - taken->bytes - pending->bytes - classes.bytes,
	};
}

void snapshot_close_books(struct snapshot_port *port)
{
	for (int dir = 0; dir < DIRS; dir++) {
		const struct tally rest = snapshot_unaccounted(port, dir), *seen = &port->books.dir[dir].seen;
		const struct tally *before = &port->seen_before[dir];

		/* below 0 is far above any sum */
		if (rest.frames <= seen->frames - before->frames && rest.bytes <= seen->bytes - before->bytes)
			port->off[dir] = 0;
		else
			port->off[dir]++;
		port->seen_before[dir] = *seen;
	}
}

bool snapshot_is_balanced(const struct snapshot_port *port, int dir)
{
	return port->off[dir] < 2;
}

void snapshot_add_tcp(struct snapshot *s, const struct tcp_totals *totals, uint64_t interval_ns, uint64_t least_ns)
{
	if (s->tcp_now.interval_ns >= least_ns) {
		s->tcp_before = s->tcp_now;
		s->tcp_now = (struct tcp_window){ 0 };
	}
	s->tcp_now.interval_ns += interval_ns;
	for (unsigned int i = 0; i < PORTS_MAX; i++) {
		tcp_total_merge(&s->tcp_now.port[i], tcp_totals_port(totals, i));
		tcp_total_merge(&s->tcp_ended[i], tcp_totals_port(totals, i));
	}
}

static uint32_t tcps_used(const struct snapshot *s)
{
	uint32_t used = 0;

	for (int i = 0; i < PORTS_MAX; i++)
		used += s->flowtab.tcps[i];
	return used;
}

/* ---- text ---- */

static const char *const certificate_names[CERTIFICATES] = { "own", "broker" };

static int64_t certificate_end_s(const struct snapshot *s, int which)
{
	return which == CERTIFICATE_OWN ? s->link.own_expires_s : s->link.broker_expires_s;
}

static void text_certificates(struct writer *w, const struct snapshot *s)
{
	const char *before = "certs   ";

	for (int i = 0; i < CERTIFICATES; i++) {
		const int64_t end_s = certificate_end_s(s, i), now_s = (int64_t)(s->now_us / 1000000);

		if (!end_s)
			continue;
		writer_format(w, "%s%s: %lld days left%s", before, certificate_names[i],
			      (long long)certificate_days_left(end_s, now_s), end_s < now_s ? ", EXPIRED" : "");
		before = ", ";
	}
	if (*before == ',')
		writer_char(w, '\n');
}

static void text_head(struct writer *w, const struct snapshot *s)
{
	const uint64_t up_s = s->uptime_ns / NS_PER_S;
	const struct link_state *l = &s->link;

	writer_format(w, "weir %s  site %s  gateway %s  up %llud %02llu:%02llu:%02llu", s->version, s->site, s->gateway,
		      (unsigned long long)up_s / 86400, (unsigned long long)up_s / 3600 % 24,
		      (unsigned long long)up_s / 60 % 60, (unsigned long long)up_s % 60);
	if (s->agent_starts > 1 || s->uplink_starts > 1)
		writer_format(w, "  restarts: agent %u, uplink %u", s->agent_starts - 1, s->uplink_starts - 1);
	writer_format(w, "\nclock   %s%s, %u steps\n", s->clock_synced ? "synchronised" : "NOT synchronised",
		      build_clock_is_wrong((int64_t)(s->now_us / 1000000)) ? ", WRONG: before this program was built" : "",
		      s->clock_steps);
	writer_format(w, "broker  %s:%u  ", l->host, l->port);
	if (l->connected)
		writer_format(w, "connected, MQTT %s", l->protocol == 5 ? "5" : "3.1.1");
	else
		writer_format(w, "NOT connected: %s; next try in %u ms", l->error[0] ? l->error : "no attempt yet",
			      l->next_attempt_ms);
	writer_format(w, "; unacknowledged %llu messages, %zu bytes\n", (unsigned long long)s->fill.waiting + s->fill.in_flight, s->fill.bytes);
	text_certificates(w, s);
	snapshot_spool_text(w, s);
	if (s->ipfix.endpoint) {
		writer_format(w, "ipfix   %s  ", s->ipfix.endpoint);
		if (s->ipfix.up)
			writer_text(w, "up");
		else
			writer_format(w, "NOT up: %s", s->ipfix.error ? strerror(-s->ipfix.error) : "no attempt has ended yet");
		writer_format(w, "; waiting %u messages, %u records\n", s->ipfix.messages, s->ipfix.records);
	}
	writer_format(w, "flows   %u live and %u ending of %u slots; %u of %u hello walks; %u of %u names; %u of %u facts\n",
		      s->flowtab.live, s->flowtab.dead, s->slots, s->flowtab.hellos, s->hellos, s->names_used, NAMES_MAX, s->facts,
		      s->facts_max);
	writer_format(w, "tcp     health of %u connections in a pool of %u\n\n", tcps_used(s), s->tcps);
}

static struct tcp_total tcp_of(const struct snapshot *s, unsigned int port)
{
	struct tcp_total t = s->tcp_before.port[port % PORTS_MAX];

	tcp_total_merge(&t, &s->tcp_now.port[port % PORTS_MAX]);
	return t;
}

static void text_tcp(struct writer *w, const struct snapshot *s)
{
	const uint64_t interval_ns = s->tcp_before.interval_ns + s->tcp_now.interval_ns;

	if (!interval_ns) {
		writer_text(w, "\nTCP HEALTH: the first summary interval is still under way\n");
		return;
	}
	writer_format(w, "\nTCP HEALTH in reports of the last %.0f s; near: behind the port, far: beyond the gateway\n",
		      (double)interval_ns / NS_PER_S);
	tcp_total_text_head(w);
	for (unsigned int i = 0; i < s->ports; i++) {
		const struct tcp_total t = tcp_of(s, s->port[i].state.port);

		tcp_total_text(w, s->port[i].state.name, &t, s->flowtab.tcps[s->port[i].state.port % PORTS_MAX]);
	}
	writer_text(w, "By who sent it. Retransmits: lost beyond the port, or the acknowledgement was. Lost before: on the way to it.\n");
}

/* A row for each class that has frames, one for the names of all the others. */
static void text_classes(struct writer *w, const struct snapshot_port *p, int dir)
{
	const struct tally *class = p->books.dir[dir].class;
	const char *between = "";

	for (int c = 0; c < BOOK_N; c++)
		if (class[c].frames)
			writer_format(w, "%-20s %14llu %18llu   %s: %s\n", "", class[c].frames, class[c].bytes,
				      book_class_names[c], book_class_texts[c]);
	writer_format(w, "%-20s %14u %18u   ", "", 0, 0);
	for (int c = 0; c < BOOK_N; c++)
		if (!class[c].frames) {
			writer_format(w, "%s%s", between, book_class_names[c]);
			between = ", ";
		}
	writer_char(w, '\n');
}

static void text_ports(struct writer *w, const struct snapshot *s)
{
	writer_format(w, "%-15s %-8s %-8s %-12s %-12s %8s  %s\n", "PORT", "ROLE", "LINK", "RX HOOK", "TX HOOK", "IFINDEX",
		      "NOTE");
	for (unsigned int i = 0; i < s->ports; i++) {
		const struct port_state *p = &s->port[i].state;

		writer_format(w, "%-15s %-8s %-8s %-12s %-12s %8u  %s%s\n", p->name, p->role,
			      !p->ifindex ? "absent" : p->up ? "up" : "down", attached_names[p->rx],
			      attached_names[p->tx], p->ifindex, p->flags & PORT_MIRROR ? "mirror; " : "", p->reason);
	}
	if (!s->ports)
		writer_text(w, "(no port: the configuration names none that exists)\n");
}

static void text_books(struct writer *w, const struct snapshot *s)
{
	writer_format(w, "\n%-15s %-4s %14s %18s   %s\n", "BOOKS", "DIR", "FRAMES", "BYTES", "WHERE THEY ARE");
	for (unsigned int i = 0; i < s->ports; i++)
		for (int dir = 0; dir < DIRS; dir++) {
			const struct snapshot_port *p = &s->port[i];
			const struct tally moving = snapshot_unaccounted(p, dir);
			const struct {
				const char *name;
				const struct tally *t;
			} rows[] = {
				{ "seen", &p->books.dir[dir].seen }, { "reported in flows", &p->taken.dir[dir] },
				{ "in the flow table", &p->pending.dir[dir] },
			};

			for (size_t r = 0; r < ARRAY_SIZE(rows); r++)
				writer_format(w, "%-15s %-4s %14llu %18llu   %s\n", r ? "" : p->state.name,
					      r ? "" : dir_names[dir], rows[r].t->frames, rows[r].t->bytes, rows[r].name);
			text_classes(w, p, dir);
			writer_format(w, "%-20s %14lld %18lld   %s\n", "", (long long)moving.frames,
				      (long long)moving.bytes, moving.frames || moving.bytes
				      ? "came in during the sweep" : "unaccounted: the books balance");
			snapshot_nic_text(w, p, dir);
		}
	snapshot_nic_legend(w, s);
}

static void text_counters(struct writer *w, const struct snapshot *s)
{
	struct figure f[FIGURES_MAX];
	const unsigned int n = snapshot_figures(s, f);

	writer_text(w, "\nCOUNTERS\n");
	for (unsigned int i = 0; i < n; i++) {
		writer_format(w, "%-26s %14llu", f[i].name, (unsigned long long)f[i].value);
		writer_text(w, i % 2 || i == n - 1 ? "\n" : "    ");
	}
	writer_format(w, "\n%-15s %14s %14s %9s   of ended flows that speak TLS, QUIC, DTLS or HTTP\n", "NAMES", "MAY HAVE ONE",
		      "HAVE ONE", "COVERAGE");
	for (unsigned int i = 0; i < s->ports; i++) {
		const struct name_coverage *c = &s->coverage[s->port[i].state.port % PORTS_MAX];

		writer_format(w, "%-15s %14llu %14llu ", s->port[i].state.name, (unsigned long long)c->nameable,
			      (unsigned long long)c->named);
		if (c->nameable)
			writer_format(w, "%7.2f %%\n", 100.0 * (double)c->named / (double)c->nameable);
		else
			writer_format(w, "%9s\n", "-");
	}
	writer_text(w, "name_status of all ended TCP and UDP flows:");
	for (int i = 0; i < NAME_N; i++)
		if (s->name_status[i])
			writer_format(w, "  %s %llu", record_name_status_text((uint8_t)i),
				      (unsigned long long)s->name_status[i]);
	writer_char(w, '\n');
}

void snapshot_text(struct writer *w, const struct snapshot *s)
{
	text_head(w, s);
	text_ports(w, s);
	snapshot_process_text(w, s);
	text_tcp(w, s);
	snapshot_nic_text_offload(w, s);
	text_books(w, s);
	text_counters(w, s);
}

/* ---- JSON ---- */

static void json_text(struct writer *w, const char *name, const char *value)
{
	writer_format(w, "\"%s\":", name);
	text_json(w, value, __builtin_strlen(value));
	writer_char(w, ',');
}

static void json_tally(struct writer *w, const char *name, const struct tally *t, const char *end)
{
	writer_format(w, "\"%s\":{\"frames\":%llu,\"bytes\":%llu}%s", name, t->frames, t->bytes, end);
}

static void json_envelope(struct writer *w, const struct snapshot *s, const char *schema)
{
	writer_char(w, '{');
	json_text(w, "schema", schema);
	json_text(w, "gateway", s->gateway);
	json_text(w, "site", s->site);
	writer_text(w, "\"ts\":\"");
	text_time(w, s->now_us);
	writer_text(w, "\",");
}

static void json_refused(struct writer *w, const char *name, const struct refused *refused, const char *end)
{
	writer_format(w, "\"%s\":{", name);
	for (int i = 0; i < BOOK_PROTOS; i++)
		json_tally(w, book_proto_names[i], &refused->proto[i], i == BOOK_PROTOS - 1 ? end : ",");
}

static void json_books(struct writer *w, const struct snapshot_port *p, int dir)
{
	const struct books *b = &p->books;

	writer_format(w, "\"%s\":{", dir_names[dir]);
	json_tally(w, "seen", &b->dir[dir].seen, ",");
	json_tally(w, "flows", &p->taken.dir[dir], ",");
	json_tally(w, "in_table", &p->pending.dir[dir], ",");
	writer_text(w, "\"classes\":{");
	for (int c = 0; c < BOOK_N; c++)
		json_tally(w, book_class_names[c], &b->dir[dir].class[c], c == BOOK_N - 1 ? "}," : ",");
	json_refused(w, "table_full", &b->dir[dir].table_full, "},");
	json_refused(w, "new_flow_limit", &b->dir[dir].new_limit, "}}");
}

void snapshot_port_json(struct writer *w, const struct snapshot *s, const struct snapshot_port *port)
{
	const struct port_state *p = &port->state;

	json_envelope(w, s, "weir.iface/1");
	writer_text(w, "\"observer\":{\"interface\":{\"name\":");
	text_json(w, p->name, __builtin_strlen(p->name));
	writer_text(w, "}},\"weir\":{");
	json_text(w, "role", p->role);
	json_text(w, "rx_hook", attached_names[p->rx]);
	json_text(w, "tx_hook", attached_names[p->tx]);
	if (p->reason[0])
		json_text(w, "reason", p->reason);
	json_text(w, "flow_offload", offload_mode_names[offload_of(&s->offload, p->name)]);
	writer_format(w, "\"ifindex\":%u,\"up\":%s,\"books\":{", p->ifindex, p->up ? "true" : "false");
	json_books(w, port, DIR_RX);
	writer_char(w, ',');
	json_books(w, port, DIR_TX);
	writer_text(w, "},");
	snapshot_nic_json(w, port);
	writer_format(w, "\"names\":{\"nameable\":%llu,\"named\":%llu}}}",
		      (unsigned long long)s->coverage[p->port % PORTS_MAX].nameable,
		      (unsigned long long)s->coverage[p->port % PORTS_MAX].named);
}

static void json_certificates(struct writer *w, const struct snapshot *s)
{
	for (int i = 0; i < CERTIFICATES; i++) {
		const int64_t end_s = certificate_end_s(s, i);

		if (!end_s)
			continue;
		writer_format(w, "\"%s_certificate\":{\"not_after\":\"", certificate_names[i]);
		text_time(w, (uint64_t)end_s * 1000000);
		writer_format(w, "\",\"days_left\":%lld},", (long long)certificate_days_left(end_s, (int64_t)(s->now_us / 1000000)));
	}
}

/* Its last brace is left to the caller. */
static void json_health(struct writer *w, const struct snapshot *s)
{
	struct figure f[FIGURES_MAX];
	const unsigned int n = snapshot_figures(s, f);

	json_envelope(w, s, "weir.health/1");
	json_text(w, "version", s->version);
	writer_format(w, "\"uptime_s\":%llu,\"clock\":\"%s\",\"clock_steps\":%u,\"restarts\":{\"agent\":%u,\"uplink\":%u},",
		      (unsigned long long)(s->uptime_ns / NS_PER_S), s->clock_synced ? "synced" : "unsynced",
		      s->clock_steps, s->agent_starts - 1, s->uplink_starts - 1);
	snapshot_process_json(w, s);
	writer_text(w, "\"broker\":{");
	json_text(w, "host", s->link.host);
	if (s->link.error[0])
		json_text(w, "error", s->link.error);
	json_certificates(w, s);
	writer_format(w, "\"port\":%u,\"connected\":%s,\"unacked_messages\":%llu,\"unacked_bytes\":%zu},", s->link.port,
		      s->link.connected ? "true" : "false", (unsigned long long)s->fill.waiting + s->fill.in_flight, s->fill.bytes);
	snapshot_spool_json(w, s);
	writer_char(w, ',');
	if (s->ipfix.endpoint) {
		writer_text(w, "\"ipfix\":{");
		json_text(w, "endpoint", s->ipfix.endpoint);
		if (s->ipfix.error)
			json_text(w, "error", strerror(-s->ipfix.error));
		writer_format(w, "\"up\":%s,\"waiting_messages\":%u,\"waiting_records\":%u},", s->ipfix.up ? "true" : "false",
			      s->ipfix.messages, s->ipfix.records);
	}
	writer_format(w, "\"flow_table\":{\"slots\":%u,\"live\":%u,\"ending\":%u},", s->slots, s->flowtab.live,
		      s->flowtab.dead);
	writer_format(w, "\"hello_walks\":{\"size\":%u,\"used\":%u},\"names\":{\"size\":%u,\"used\":%u},", s->hellos,
		      s->flowtab.hellos, NAMES_MAX, s->names_used);
	writer_format(w, "\"tcp_pool\":{\"size\":%u,\"used\":%u},", s->tcps, tcps_used(s));
	writer_format(w, "\"facts\":{\"size\":%u,\"used\":%u},", s->facts_max, s->facts);
	writer_format(w, "\"identity\":{\"size\":%u,\"used\":%llu},", IDENTITY_CONNECTIONS,
		      (unsigned long long)s->identity_under_way);
	snapshot_nic_json_offload(w, &s->offload);
	writer_text(w, "\"name_status\":{");
	for (int i = 0; i < NAME_N; i++)
		writer_format(w, "%s\"%s\":%llu", i ? "," : "", record_name_status_text((uint8_t)i),
			      (unsigned long long)s->name_status[i]);
	writer_text(w, "},\"counters\":{");
	for (unsigned int i = 0; i < n; i++)
		writer_format(w, "%s\"%s\":%llu", i ? "," : "", f[i].name, (unsigned long long)f[i].value);
	writer_char(w, '}');
}

void snapshot_health_json(struct writer *w, const struct snapshot *s)
{
	json_health(w, s);
	writer_char(w, '}');
}

void snapshot_json(struct writer *w, const struct snapshot *s)
{
	json_health(w, s);
	writer_text(w, ",\"ports\":[");
	for (unsigned int i = 0; i < s->ports; i++) {
		if (i)
			writer_char(w, ',');
		snapshot_port_json(w, s, &s->port[i]);
	}
	writer_format(w, "],\"tcp\":{\"interval_ms\":%llu,\"ports\":[",
		      (unsigned long long)((s->tcp_before.interval_ns + s->tcp_now.interval_ns) / NS_PER_MS));
	for (unsigned int i = 0; i < s->ports; i++) {
		const struct tcp_total t = tcp_of(s, s->port[i].state.port);

		writer_text(w, i ? ",{" : "{");
		json_text(w, "port", s->port[i].state.name);
		writer_format(w, "\"measured\":%u,", s->flowtab.tcps[s->port[i].state.port % PORTS_MAX]);
		tcp_total_json(w, &t);
		writer_char(w, '}');
	}
	writer_text(w, "]}}");
}
