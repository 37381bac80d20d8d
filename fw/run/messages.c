/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/messages.h"

#include <string.h>

#include "base/util.h"
#include "collect/attach.h"
#include "export/loss_json.h"
#include "export/text.h"

static void pair(struct writer *w, const char *name, const char *value, const char *end)
{
	writer_format(w, "\"%s\":", name);
	text_json(w, value, strlen(value));
	writer_text(w, end);
}

static void begin(struct writer *w, const struct snapshot *s, const char *schema)
{
	writer_char(w, '{');
	pair(w, "schema", schema, ",");
	pair(w, "gateway", s->gateway, ",");
	pair(w, "site", s->site, ",");
	writer_text(w, "\"ts\":\"");
	text_time(w, s->now_us);
	writer_char(w, '"');
}

/* What a reader needs to know of the rest: which facts there can be, and after how long silence means something. */
static void birth_capabilities(struct writer *w, const struct conf *conf)
{
	static const char *const privacies[] = {
		[CONF_PRIVACY_FULL] = "full", [CONF_PRIVACY_NO_NAMES] = "no-names", [CONF_PRIVACY_HASHED] = "hashed",
		[CONF_PRIVACY_PREFIX] = "prefix",
	};
	const struct { const char *name; uint64_t ns; } times[] = {
		{ "batch", conf->export.batch_interval_ns }, { "active_timeout", conf->flows.active_timeout_ns },
		{ "summary", conf->export.summary_interval_ns }, { "health", conf->export.health_interval_ns },
		{ "offline_delay", conf->broker.offline_delay_ns },
	};

	writer_text(w, "\"capabilities\":[\"tls\",\"quic\",\"dns\",\"http\",\"devices\",\"tcp_health\",\"icmp_rtt\",\"nat\",\"books\"");
	writer_text(w, conf->ipfix.endpoint[0] ? ",\"ipfix\"]," : "],");
	pair(w, "privacy", privacies[conf->gateway.privacy], ",\"intervals_ms\":{");
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		writer_format(w, "%s\"%s\":%llu", i ? "," : "", times[i].name, (unsigned long long)(times[i].ns / NS_PER_MS));
	writer_text(w, "},");
}

void message_birth(struct writer *w, const struct snapshot *s, const struct conf *conf, const char *boot_id, uint64_t epoch)
{
	begin(w, s, "weir.birth/1");
	writer_char(w, ',');
	pair(w, "version", s->version, ",");
	pair(w, "boot_id", boot_id, ",");
	pair(w, "flow_encoding", conf->export.encoding == CONF_ENCODING_CBOR ? "cbor" : "json", ",");
	writer_format(w, "\"epoch\":%llu,\"abi\":%u,\"slots\":%u,", (unsigned long long)epoch, ABI_VERSION, s->slots);
	writer_text(w, "\"schemas\":{\"flow\":\"" BATCH_SCHEMA "\",\"iface\":\"weir.iface/1\",\"health\":\"weir.health/1\","
		    "\"summary\":\"weir.summary/1\",\"event\":\"weir.event/1\",\"device\":\"weir.device/1\",\"loss\":\"" LOSS_SCHEMA "\"},");
	birth_capabilities(w, conf);
	writer_text(w, "\"ports\":[");
	for (unsigned int i = 0; i < s->ports; i++) {
		const struct port_state *p = &s->port[i].state;

		writer_text(w, i ? ",{" : "{");
		pair(w, "name", p->name, ",");
		pair(w, "role", p->role, ",");
		pair(w, "rx_hook", attached_names[p->rx], ",");
		pair(w, "tx_hook", attached_names[p->tx], p->reason[0] ? "," : "}");
		if (p->reason[0])
			pair(w, "reason", p->reason, "}");
	}
	writer_text(w, "]}");
}

static const char *port_name(const struct snapshot *s, unsigned int port)
{
	for (unsigned int i = 0; i < s->ports; i++)
		if (s->port[i].state.port == port)
			return s->port[i].state.name;
	return "";
}

/* @is_mac: keys are 6 bytes, else text. */
static void tcp_table(struct writer *w, const struct snapshot *s, const char *what, const char *key, bool is_mac,
		      const struct tcp_table *table)
{
	writer_format(w, ",\"%s\":[", what);
	for (unsigned int i = 0; i < table->n; i++) {
		const struct tcp_entry *e = &table->entry[i];

		writer_text(w, i ? ",{" : "{");
		pair(w, "port", port_name(s, e->port), ",");
		writer_format(w, "\"%s\":", key);
		if (is_mac) {
			writer_char(w, '"');
			text_mac(w, e->key);
			writer_char(w, '"');
		} else {
			text_json(w, e->key, e->key_len);
		}
		writer_char(w, ',');
		tcp_total_json(w, &e->total);
		writer_char(w, '}');
	}
	writer_format(w, "],\"%s_other\":{", what);
	tcp_total_json(w, &table->other);
	writer_char(w, '}');
}

static void summary_tcp(struct writer *w, const struct snapshot *s, struct tcp_totals *tcp)
{
	writer_text(w, ",\"tcp\":{\"ports\":[");
	for (unsigned int i = 0; i < s->ports; i++) {
		writer_text(w, i ? ",{" : "{");
		pair(w, "port", s->port[i].state.name, ",");
		tcp_total_json(w, tcp_totals_port(tcp, s->port[i].state.port));
		writer_char(w, '}');
	}
	writer_char(w, ']');
	tcp_table(w, s, "names", "name", false, tcp_totals_names(tcp));
	tcp_table(w, s, "devices", "mac", true, tcp_totals_devices(tcp));
	writer_char(w, '}');
}

void message_summary(struct writer *w, const struct snapshot *s, const struct summary *sum, struct tcp_totals *tcp)
{
	begin(w, s, "weir.summary/1");
	writer_format(w, ",\"interval_ms\":%llu,\"records\":%llu,\"flows_ended\":%llu,\"packets\":%llu,\"bytes\":%llu,",
		      (unsigned long long)(sum->interval_ns / NS_PER_MS), (unsigned long long)sum->records,
		      (unsigned long long)sum->flows_ended, (unsigned long long)sum->packets,
		      (unsigned long long)sum->bytes);
	writer_format(w, "\"flows_live\":%u,\"flows_nameable\":%llu,\"flows_named\":%llu", s->flowtab.live,
		      (unsigned long long)sum->nameable, (unsigned long long)sum->named);
	if (sum->nameable)
		writer_format(w, ",\"name_coverage\":%.4f", (double)sum->named / (double)sum->nameable);
	if (tcp)
		summary_tcp(w, s, tcp);
	writer_char(w, '}');
}

void message_event(struct writer *w, const struct snapshot *s, enum event_action action, const char *port, const char *dir,
		   const char *detail)
{
	static const char *const names[] = {
#define X(id, name, text) name,
		EVENT_ACTIONS(X)
#undef X
	};

	begin(w, s, "weir.event/1");
	writer_char(w, ',');
	writer_text(w, "\"event\":{");
	pair(w, "action", names[action], "}");
	if (port) {
		writer_text(w, ",\"observer\":{\"interface\":{");
		pair(w, "name", port, "}}");
	}
	if (dir || detail) {
		writer_text(w, ",\"weir\":{");
		if (dir)
			pair(w, "direction", dir, detail ? "," : "}");
		if (detail)
			pair(w, "detail", detail, "}");
	}
	writer_char(w, '}');
}

void message_device(struct writer *w, const struct snapshot *s, const char *device, size_t len)
{
	begin(w, s, "weir.device/1");
	writer_char(w, ',');
	writer_bytes(w, device + 1, len - 1);	/* its brace is ours */
}
