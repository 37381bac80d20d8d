/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/snapshot_nic.h"

#include <string.h>

#include "export/text.h"

static const char *const dir_names[DIRS] = { "rx", "tx" };

static bool is_known(const struct snapshot_port *port, int dir)
{
	return port->residual.base != RESIDUAL_BASE_NONE && port->residual.now.hook[dir];
}

static bool is_there(const struct residual_part *p)
{
	return p->frames || p->bytes;
}

/* ---- text ---- */

/* Its spaces are ours; all else may be anything. */
static void text_words(struct writer *w, const char *text)
{
	for (; *text; text++)
		if (*text == ' ')
			writer_char(w, ' ');
		else
			text_plain(w, text, 1);
}

static void text_part(struct writer *w, const char *between, const char *name, const struct residual_part *p)
{
	writer_format(w, "%s%s %lld", between, name, (long long)p->frames);
	if (!p->frames || (p->bytes < 0) != (p->frames < 0))
		writer_format(w, " (%lld bytes)", (long long)p->bytes);
}

static void text_possible(struct writer *w, uint32_t possible)
{
	const char *between = " (possible: ";

	for (int i = 0; i < RESIDUAL_POSSIBLE_N; i++)
		if (possible >> i & 1) {
			writer_format(w, "%s%s", between, residual_possible_names[i]);
			between = ", ";
		}
	if (possible)
		writer_char(w, ')');
}

void snapshot_nic_text(struct writer *w, const struct snapshot_port *port, int dir)
{
	const struct residual_dir *d = &port->residual.dir[dir];
	const char *between = "";

	if (!is_known(port, dir))
		return;
	writer_format(w, "%-20s %14lld %18lld   NIC - seen since ", "", (long long)d->all.frames, (long long)d->all.bytes);
	text_time(w, port->residual.begin.at_us);
	writer_text(w, ": ");
	if (!residual_shows(d))
		writer_text(w, "its counters agree");
	for (int i = 0; i < RESIDUAL_N; i++)
		if (is_there(&d->reason[i])) {
			text_part(w, between, residual_names[i], &d->reason[i]);
			between = ", ";
		}
	if (is_there(&d->unexplained)) {
		text_part(w, between, "UNEXPLAINED", &d->unexplained);
		text_possible(w, d->possible);
	}
	if (d->moving)
		writer_format(w, "; %llu moved meanwhile", (unsigned long long)d->moving);
	writer_char(w, '\n');
}

static void legend_row(struct writer *w, const char *name, const char *text, bool is_shown)
{
	if (is_shown)
		writer_format(w, "%-13s %s\n", name, text);
}

void snapshot_nic_legend(struct writer *w, const struct snapshot *s)
{
	bool reason[RESIDUAL_N] = { false };
	uint32_t possible = 0;

	for (unsigned int i = 0; i < s->ports; i++)
		for (int dir = 0; dir < DIRS; dir++) {
			const struct residual_dir *d = &s->port[i].residual.dir[dir];

			if (!is_known(&s->port[i], dir))
				continue;
			for (int r = 0; r < RESIDUAL_N; r++)
				reason[r] |= is_there(&d->reason[r]);
			if (is_there(&d->unexplained))
				possible |= d->possible;
		}
	for (int r = 0; r < RESIDUAL_N; r++)
		legend_row(w, residual_names[r], residual_texts[r], reason[r]);
	for (int p = 0; p < RESIDUAL_POSSIBLE_N; p++)
		legend_row(w, residual_possible_names[p], residual_possible_texts[p], possible >> p & 1);
}

/* A line for each flowtable, and what it means for what is measured. */
void snapshot_nic_text_offload(struct writer *w, const struct snapshot *s)
{
	const struct offload *o = &s->offload;

	for (uint32_t i = 0; i < o->tables; i++) {
		const struct offload_table *t = &o->table[i];

		writer_format(w, "offload flowtable ");
		text_words(w, t->name);
		writer_format(w, ", %s:", t->hardware ? "in hardware" : "in software: every frame is seen");
		for (uint16_t d = 0; d < t->devices; d++) {
			writer_char(w, ' ');
			text_plain(w, t->device[d], strlen(t->device[d]));
		}
		if (t->more_devices)
			writer_format(w, " and %u more", t->more_devices);
		writer_char(w, '\n');
	}
	if (o->more_tables)
		writer_format(w, "offload %u more flowtables%s\n", o->more_tables, o->more_hardware ? ", in hardware" : "");
	if (offload_most(o) == OFFLOAD_HARDWARE)
		writer_text(w, "WARNING flows that the NIC forwards are not seen: their frames are in no record and no books\n");
	if (o->err)
		writer_format(w, "WARNING whether flows are offloaded is not known: %s\n", strerror(-o->err));
}

/* ---- JSON ---- */

static void json_time(struct writer *w, const char *name, uint64_t us)
{
	writer_format(w, "\"%s\":\"", name);
	text_time(w, us);
	writer_text(w, "\",");
}

static void json_part(struct writer *w, const char *name, const struct residual_part *p, const char *end)
{
	writer_format(w, "\"%s\":{\"frames\":%lld,\"bytes\":%lld}%s", name, (long long)p->frames, (long long)p->bytes, end);
}

void snapshot_nic_json_offload(struct writer *w, const struct offload *o)
{
	writer_format(w, "\"flow_offload\":{\"mode\":\"%s\",\"conntrack_acct\":%s,\"more\":%u,\"flowtables\":[",
		      offload_mode_names[offload_most(o)], o->acct ? "true" : "false", o->more_tables);
	for (uint32_t i = 0; i < o->tables; i++) {
		const struct offload_table *t = &o->table[i];

		writer_text(w, i ? ",{\"name\":" : "{\"name\":");
		text_json(w, t->name, strlen(t->name));
		writer_format(w, ",\"hardware\":%s,\"counter\":%s,\"more\":%u,\"interfaces\":[", t->hardware ? "true" : "false",
			      t->counter ? "true" : "false", t->more_devices);
		for (uint16_t d = 0; d < t->devices; d++) {
			writer_text(w, d ? "," : "");
			text_json(w, t->device[d], strlen(t->device[d]));
		}
		writer_text(w, "]}");
	}
	writer_text(w, "]},");
}

static void json_nic(struct writer *w, const struct residual *r)
{
	const struct nic_counters *nic = &r->now.nic[1];

	writer_text(w, "\"nic\":{");
	for (int dir = 0; dir < DIRS; dir++) {
		const struct nic_side *now = &nic->dir[dir], *begin = &r->begin.nic[1].dir[dir];

		writer_format(w, "\"%s\":{\"frames\":%llu,\"bytes\":%llu,\"dropped\":%llu,\"errors\":%llu,", dir_names[dir],
			      (unsigned long long)now->frames, (unsigned long long)now->bytes,
			      (unsigned long long)now->dropped, (unsigned long long)now->errors);
		writer_format(w, "\"before_baseline\":{\"frames\":%llu,\"bytes\":%llu}},",
			      (unsigned long long)begin->frames, (unsigned long long)begin->bytes);
	}
	writer_format(w, "\"missed\":%llu,\"crc_errors\":%llu,\"multicast\":%llu,\"queue_dropped\":%llu,\"queue_waiting\":%u},",
		      (unsigned long long)nic->missed, (unsigned long long)nic->crc_errors,
		      (unsigned long long)nic->multicast, (unsigned long long)r->now.queue.dropped, r->now.queue.waiting);
}

static void json_interval(struct writer *w, const struct snapshot_port *port, int dir)
{
	const struct residual_dir *d = &port->residual.dir[dir];
	const struct residual_part *all = &port->said.all[dir], *unexplained = &port->said.unexplained[dir],
		interval = { d->all.frames - all->frames, d->all.bytes - all->bytes },
		rest = { d->unexplained.frames - unexplained->frames, d->unexplained.bytes - unexplained->bytes };

	writer_text(w, "\"interval\":{");
	json_time(w, "since", port->said.at_us ? port->said.at_us : port->residual.begin.at_us);
	writer_format(w, "\"frames\":%lld,\"bytes\":%lld,", (long long)interval.frames, (long long)interval.bytes);
	json_part(w, "unexplained", &rest, "},");
}

static void json_residual(struct writer *w, const struct snapshot_port *port, int dir)
{
	const struct residual_dir *d = &port->residual.dir[dir];
	const char *between = "";

	writer_format(w, "\"%s\":{\"frames\":%lld,\"bytes\":%lld,\"moving\":%llu,", dir_names[dir], (long long)d->all.frames,
		      (long long)d->all.bytes, (unsigned long long)d->moving);
	json_interval(w, port, dir);
	writer_text(w, "\"reasons\":{");
	for (int i = 0; i < RESIDUAL_N; i++)
		if (is_there(&d->reason[i])) {
			writer_text(w, between);
			json_part(w, residual_names[i], &d->reason[i], "");
			between = ",";
		}
	writer_text(w, "},");
	json_part(w, "unexplained", &d->unexplained, ",\"possible\":[");
	between = "";
	for (int i = 0; i < RESIDUAL_POSSIBLE_N && is_there(&d->unexplained); i++)
		if (d->possible >> i & 1) {
			writer_format(w, "%s\"%s\"", between, residual_possible_names[i]);
			between = ",";
		}
	writer_text(w, "]}");
}

void snapshot_nic_json(struct writer *w, const struct snapshot_port *port)
{
	const struct residual *r = &port->residual;

	if (r->base == RESIDUAL_BASE_NONE)
		return;
	json_nic(w, r);
	writer_text(w, "\"residual\":{");
	json_time(w, "since", r->begin.at_us);
	writer_format(w, "\"baseline\":\"%s\",\"baselines\":%u", residual_base_names[r->base], r->baselines);
	for (int dir = 0; dir < DIRS; dir++)
		if (is_known(port, dir)) {
			writer_char(w, ',');
			json_residual(w, port, dir);
		}
	writer_text(w, "},");
}
