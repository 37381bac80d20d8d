/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* top_say - what weir top shows, as text of a given width and as JSON. Pure. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "export/text.h"
#include "run/top.h"

#define CELL_MAX	(4 * TOP_NAME_MAX + 16)	/* a name of which every byte is written \xNN, and ":65535" */
#define JSON_TAIL	64	/* what comes behind the flows */
#define LINE_MAX_	(TOP_WIDTH_MAX + 1)

static const char *const dir_names[DIRS] = { "rx", "tx" };

/* ---- numbers of at most four characters ---- */

/* 0 to 999, then 1.2k, 12k, 340k, 1.2M, ... */
static void text_count(struct writer *w, uint64_t value)
{
	double scaled = (double)value;
	int unit = 0;

	if (value < 1000) {
		writer_u64(w, value);
		return;
	}
	while (scaled >= 999.5 && unit < 6) {
		scaled /= 1000;
		unit++;
	}
	writer_format(w, scaled < 9.95 ? "%.1f%c" : "%.0f%c", scaled, " kMGTPE"[unit]);
}

/* Milliseconds: 0.12, 1.23, 12.3, 123, 1234, 12k */
static void text_ms(struct writer *w, uint32_t us)
{
	const double ms = us / 1000.0;

	if (!us)
		writer_char(w, '-');
	else if (ms >= 9999.5)
		text_count(w, us / 1000);
	else
		writer_format(w, ms < 9.995 ? "%.2f" : ms < 99.95 ? "%.1f" : "%.0f", ms);
}

/* ---- columns ---- */

static void end_text(struct writer *w, const struct top_row *row, int side, bool with_name, bool with_port)
{
	const bool is_v6 = row->ip_version == 6, has_port = with_port && row->has_ports;

	if (with_name && row->name_len) {
		text_plain(w, row->name, row->name_len);
	} else {
		writer_text(w, is_v6 && has_port ? "[" : "");
		text_ip(w, row->addr[side], row->ip_version);
		writer_text(w, is_v6 && has_port ? "]" : "");
	}
	if (has_port)
		writer_format(w, ":%u", ntohs(row->port[side]));
}

static void cell_port(struct writer *w, const struct top_row *row)
{
	writer_text(w, row->interface[0] ? row->interface : "-");
}

static void cell_client(struct writer *w, const struct top_row *row)
{
	end_text(w, row, 0, false, true);
}

static void cell_client_short(struct writer *w, const struct top_row *row)
{
	end_text(w, row, 0, false, false);
}

static void cell_server(struct writer *w, const struct top_row *row)
{
	end_text(w, row, 1, true, true);
}

static void cell_proto(struct writer *w, const struct top_row *row)
{
	if (row->proto_len == 8 && !memcmp(row->proto, "http/1.1", 8))
		writer_text(w, "h1");	/* as h2 and h3 */
	else if (row->proto_len)
		text_plain(w, row->proto, row->proto_len);
	else
		writer_format(w, "%u", row->transport_number);
}

static void cell_out(struct writer *w, const struct top_row *row)
{
	text_count(w, row->bits[0]);
}

static void cell_back(struct writer *w, const struct top_row *row)
{
	text_count(w, row->bits[1]);
}

static void cell_near(struct writer *w, const struct top_row *row)
{
	text_ms(w, row->rtt_us[0]);
}

static void cell_far(struct writer *w, const struct top_row *row)
{
	text_ms(w, row->rtt_us[1]);
}

static void lost(struct writer *w, const struct top_row *row, int side)
{
	if (!row->measured) {
		writer_char(w, '-');
		return;
	}
	text_count(w, row->retransmits[side]);
	writer_char(w, '/');
	text_count(w, row->lost_before[side]);
}

static void cell_lost_out(struct writer *w, const struct top_row *row)
{
	lost(w, row, 0);
}

static void cell_lost_back(struct writer *w, const struct top_row *row)
{
	lost(w, row, 1);
}

static void cell_state(struct writer *w, const struct top_row *row)
{
	static const struct {
		const char *state, *word;
	} words[] = {
		{ "established", "open" }, { "syn_sent", "syn>" }, { "syn_received", "syn<" }, { "closing", "fin" },
		{ "closed", "done" }, { "reset", "rst" },
	};

	for (size_t i = 0; row->state && i < ARRAY_SIZE(words); i++)
		if (!strcmp(row->state, words[i].state)) {
			writer_text(w, words[i].word);
			return;
		}
	writer_char(w, '-');
}

/* Where the width is not enough, the column of the least @weight goes first; CLIENT and SERVER share what is left over. */
struct column {
	const char *head;
	void (*cell)(struct writer *w, const struct top_row *row);
	uint8_t width, weight;
	bool is_right;
};

enum { CLIENT = 1, SERVER = 2 };

static const struct column columns[] = {
	{ "PORT", cell_port, 5, 3, false },
	{ "CLIENT", cell_client, 12, 8, false },
	{ "SERVER", cell_server, 17, 9, false },
	{ "PROTO", cell_proto, 5, 2, false },
	{ "OUT", cell_out, 4, 7, true },
	{ "BACK", cell_back, 4, 7, true },
	{ "NEAR", cell_near, 4, 6, true },
	{ "FAR", cell_far, 4, 6, true },
	{ "LOST>", cell_lost_out, 5, 5, true },
	{ "LOST<", cell_lost_back, 5, 5, true },
	{ "STATE", cell_state, 5, 1, false },
};

static unsigned int total(const uint8_t width[ARRAY_SIZE(columns)])
{
	unsigned int sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		sum += width[i] ? width[i] + 1u : 0;
	return sum - 1;
}

/* 0: the column is left out. @need: the widest CLIENT, the widest SERVER. */
static void fit(unsigned int line, const unsigned int need[2], uint8_t ret_width[ARRAY_SIZE(columns)])
{
	unsigned int left;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		ret_width[i] = columns[i].width;
	while (total(ret_width) > line) {
		size_t least = SERVER;

		for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
			if (ret_width[i] && columns[i].weight < columns[least].weight)
				least = i;
		if (least == SERVER)
			break;
		ret_width[least] = 0;
	}
	left = total(ret_width) < line ? line - total(ret_width) : 0;
	for (int round = 0; round < 2; round++) {	/* half for each, then all that the other one had no need of */
		const size_t order[] = { CLIENT, SERVER };

		for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
			uint8_t *width = &ret_width[order[i]];
			const unsigned int most = round || i ? left : left / 2;
			const unsigned int more = *width && need[i] > *width ? MIN(need[i] - *width, most) : 0;

			*width = (uint8_t)MIN(*width + more, UINT8_MAX);
			left -= more;
		}
	}
}

/* What is too long loses its beginning where its end tells more (names, addresses), else its end. */
static void put(struct writer *w, const char *text, size_t len, unsigned int width, bool is_right, bool keep_end, bool is_last)
{
	const size_t shown = MIN(len, width);

	for (size_t i = shown; is_right && i < width; i++)
		writer_char(w, ' ');
	if (len > width && keep_end) {
		writer_char(w, '~');
		writer_bytes(w, text + len - width + 1, width - 1);
	} else {
		writer_bytes(w, text, shown);
	}
	for (size_t i = shown; !is_right && !is_last && i < width; i++)
		writer_char(w, ' ');
	writer_char(w, is_last ? '\n' : ' ');
}

static void text_row(struct writer *w, const uint8_t width[ARRAY_SIZE(columns)], const struct top_row *row)
{
	size_t last = 0;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		last = width[i] ? i : last;
	for (size_t i = 0; i <= last; i++) {
		char text[CELL_MAX];
		struct writer cell = WRITER(text);

		if (!width[i])
			continue;
		if (row)
			columns[i].cell(&cell, row);
		else
			writer_text(&cell, columns[i].head);
		if (row && i == CLIENT && cell.len > width[i]) {
			writer_undo(&cell, 0);
			cell_client_short(&cell, row);
		}
		put(w, text, cell.len, width[i], columns[i].is_right, row && (i == CLIENT || i == SERVER), i == last);
	}
}

/* ---- lines of words, broken where one does not fit ---- */

struct lines {
	struct writer *w;
	unsigned int width, at;
};

static void word(struct lines *l, const char *text)
{
	const unsigned int len = (unsigned int)MIN(strlen(text), l->width);

	if (l->at && l->at + 1 + len > l->width) {
		writer_char(l->w, '\n');
		l->at = 0;
	}
	if (l->at) {
		writer_char(l->w, ' ');
		l->at++;
	}
	writer_bytes(l->w, text, len);
	l->at += len;
}

static void words(struct lines *l, const char *text)
{
	while (*text) {
		const size_t len = strcspn(text, " ");
		char one[LINE_MAX_];

		snprintf(one, sizeof(one), "%.*s", (int)MIN(len, sizeof(one) - 1), text);
		word(l, one);
		text += len;
		text += strspn(text, " ");
	}
}

static void end_line(struct lines *l)
{
	writer_char(l->w, '\n');
	l->at = 0;
}

static void text_port(struct lines *l, const struct top_view *v, const struct snapshot_port *p)
{
	const struct top_rate *rate = &v->rate[p->state.port % PORTS_MAX];
	char text[160];

	snprintf(text, sizeof(text), "%-8s", p->state.name);
	word(l, text);
	for (int dir = 0; dir < DIRS; dir++) {
		struct writer w = WRITER(text);

		writer_format(&w, "%s ", dir_names[dir]);
		text_count(&w, rate->bits[dir]);
		writer_text(&w, "bit/s ");
		text_count(&w, rate->frames[dir]);
		writer_text(&w, "frames/s ");
		writer_char(&w, 0);
		words(l, text);
	}
	if (snapshot_is_balanced(p, DIR_RX) && snapshot_is_balanced(p, DIR_TX))
		words(l, "books balance: yes");
	for (int dir = 0; dir < DIRS; dir++) {
		const struct tally rest = snapshot_unaccounted(p, dir);

		if (snapshot_is_balanced(p, dir))
			continue;
		snprintf(text, sizeof(text), "books balance: NO, %s: seen - flows - classes = %lld frames, %lld bytes", dir_names[dir],
			 (long long)rest.frames, (long long)rest.bytes);
		words(l, text);
	}
	end_line(l);
}

static void text_loss(const char *name, uint64_t value, void *arg)
{
	struct lines *l = arg;
	char text[FIGURE_NAME_MAX + 24];

	snprintf(text, sizeof(text), "%s=%llu", name, (unsigned long long)value);
	word(l, text);
}

static void text_head(struct lines *l, const struct top_view *v)
{
	const struct snapshot *s = v->snapshot;
	char text[300], when[40];
	struct writer w = WRITER(when);

	text_time_short(&w, s->now_us);
	writer_char(&w, 0);
	snprintf(text, sizeof(text), "weir top %.100s/%.100s %s UTC, %u of %u flows by %s, over %.1f s", s->site, s->gateway, when, v->n,
		 v->live, top_sort_names[v->sort], (double)v->interval_ns / NS_PER_S);
	words(l, text);
	end_line(l);
	for (unsigned int i = 0; i < s->ports; i++)
		text_port(l, v, &s->port[i]);
	words(l, "lost, since it started:");
	w.len = l->at;
	snapshot_losses(s, text_loss, l);
	if (l->at == w.len)
		word(l, "nothing");
	end_line(l);
}

void top_text(struct writer *w, const struct top_view *v, unsigned int width)
{
	struct lines l = { .w = w, .width = MAX(MIN(width, (unsigned int)TOP_WIDTH_MAX), (unsigned int)TOP_WIDTH_MIN) };
	uint8_t widths[ARRAY_SIZE(columns)];
	unsigned int need[2] = { 0, 0 };

	for (unsigned int i = 0; i < v->n; i++) {
		char text[CELL_MAX];
		struct writer client = WRITER(text), server = WRITER(text);

		cell_client(&client, &v->row[i]);
		cell_server(&server, &v->row[i]);
		need[0] = MAX(need[0], (unsigned int)client.len);
		need[1] = MAX(need[1], (unsigned int)server.len);
	}
	text_head(&l, v);
	fit(l.width, need, widths);
	end_line(&l);
	text_row(w, widths, NULL);
	for (unsigned int i = 0; i < v->n; i++)
		text_row(w, widths, &v->row[i]);
	if (!v->n) {
		words(&l, "(no flow)");
		end_line(&l);
	}
	end_line(&l);
	words(&l, "OUT, BACK: bit/s the client, the server sends. NEAR, FAR: round trip in ms behind the port, beyond the gateway. "
		  "LOST>, LOST<: of what the client, the server sent: sent again / lost before the port.");
	end_line(&l);
}

/* ---- JSON ---- */

static void pair(struct writer *w, const char *name, const char *value, const char *end)
{
	writer_format(w, "\"%s\":", name);
	text_json(w, value, strlen(value));
	writer_text(w, end);
}

static void json_two(struct writer *w, const char *name, const char *first, uint64_t a, const char *second, uint64_t b)
{
	writer_format(w, "\"%s\":{\"%s\":%llu,\"%s\":%llu}", name, first, (unsigned long long)a, second, (unsigned long long)b);
}

static void json_end(struct writer *w, const char *what, const struct top_row *row, int side)
{
	writer_format(w, "\"%s\":{", what);
	if (side && row->name_len) {
		writer_text(w, "\"domain\":");
		text_json(w, row->name, row->name_len);
		writer_char(w, ',');
	}
	writer_text(w, "\"ip\":\"");
	text_ip(w, row->addr[side], row->ip_version);
	writer_char(w, '"');
	if (row->has_ports)
		writer_format(w, ",\"port\":%u", ntohs(row->port[side]));
	writer_format(w, ",\"packets\":%llu,\"bytes\":%llu,\"bits_per_s\":%llu},", (unsigned long long)row->packets[side],
		      (unsigned long long)row->bytes[side], (unsigned long long)row->bits[side]);
}

static void json_tcp(struct writer *w, const struct top_row *row)
{
	static const char *const sides[] = { "near", "far" };

	writer_text(w, ",\"tcp\":{");
	pair(w, "state", row->state, "");
	if (row->failure) {
		writer_char(w, ',');
		pair(w, "failure", row->failure, "");
	}
	if (row->rtt_us[0] || row->rtt_us[1]) {
		writer_text(w, ",\"rtt_us\":{");
		for (int i = 0; i < 2; i++)
			if (row->rtt_us[i])
				writer_format(w, "%s\"%s\":%u", i && row->rtt_us[0] ? "," : "", sides[i], row->rtt_us[i]);
		writer_char(w, '}');
	}
	if (row->measured) {
		writer_char(w, ',');
		json_two(w, "retransmits", "source", row->retransmits[0], "destination", row->retransmits[1]);
		writer_char(w, ',');
		json_two(w, "lost_before", "source", row->lost_before[0], "destination", row->lost_before[1]);
	}
	writer_char(w, '}');
}

static void json_row(struct writer *w, const struct top_row *row)
{
	writer_char(w, '{');
	json_end(w, "source", row, 0);
	json_end(w, "destination", row, 1);
	writer_text(w, "\"network\":{");
	if (row->transport)
		pair(w, "transport", row->transport, ",");
	writer_format(w, "\"iana_number\":\"%u\"},\"observer\":{\"interface\":{", row->transport_number);
	pair(w, "name", row->interface, "}},\"weir\":{\"proto\":");
	text_json(w, row->proto, row->proto_len);
	if (row->state)
		json_tcp(w, row);
	writer_text(w, "}}");
}

static void json_port(struct writer *w, const struct top_view *v, const struct snapshot_port *p)
{
	const struct top_rate *rate = &v->rate[p->state.port % PORTS_MAX];

	writer_char(w, '{');
	pair(w, "name", p->state.name, "");
	for (int dir = 0; dir < DIRS; dir++) {
		const struct tally rest = snapshot_unaccounted(p, dir);

		writer_format(w, ",\"%s\":{\"bits_per_s\":%llu,\"frames_per_s\":%llu,\"books\":{\"balanced\":%s,\"rest\":{\"frames\":%lld,"
			      "\"bytes\":%lld}}}", dir_names[dir], (unsigned long long)rate->bits[dir],
			      (unsigned long long)rate->frames[dir], snapshot_is_balanced(p, dir) ? "true" : "false",
			      (long long)rest.frames, (long long)rest.bytes);
	}
	writer_char(w, '}');
}

static void json_loss(const char *name, uint64_t value, void *arg)
{
	struct writer *w = arg;

	if (w->len && w->buf[w->len - 1] != '{')
		writer_char(w, ',');
	text_json(w, name, strlen(name));
	writer_format(w, ":%llu", (unsigned long long)value);
}

void top_json(struct writer *w, const struct top_view *v)
{
	const struct snapshot *s = v->snapshot;
	unsigned int i = 0;

	writer_char(w, '{');
	pair(w, "schema", "weir.top/1", ",");
	pair(w, "gateway", s->gateway, ",");
	pair(w, "site", s->site, ",\"ts\":\"");
	text_time(w, s->now_us);
	writer_text(w, "\",");
	pair(w, "sort", top_sort_names[v->sort], ",");
	writer_format(w, "\"interval_ms\":%llu,\"flows_live\":%u,\"ports\":[", (unsigned long long)(v->interval_ns / NS_PER_MS), v->live);
	for (unsigned int p = 0; p < s->ports; p++) {
		writer_text(w, p ? "," : "");
		json_port(w, v, &s->port[p]);
	}
	writer_text(w, "],\"lost\":{");
	snapshot_losses(s, json_loss, w);
	writer_text(w, "},\"flows\":[");
	for (; i < v->n; i++) {
		const size_t mark = writer_mark(w);

		writer_text(w, i ? "," : "");
		json_row(w, &v->row[i]);
		if (w->full || w->size - w->len < JSON_TAIL) {
			writer_undo(w, mark);
			break;
		}
	}
	writer_format(w, "],\"flows_without_room\":%u}", v->n - i);
}
