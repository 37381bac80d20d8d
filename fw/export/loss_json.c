/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/loss_json.h"

#include <string.h>

#include "export/text.h"

static void name(struct writer *w, const char *key, const char *text)
{
	writer_text(w, key);
	text_json(w, text, strlen(text));
}

static void number(struct writer *w, const char *key, uint64_t value)
{
	writer_text(w, key);
	writer_u64(w, value);
}

void loss_json(struct writer *w, const struct spool_loss *l, const struct loss_context *c)
{
	bool is_first = true;

	name(w, "{\"schema\":", LOSS_SCHEMA);
	name(w, ",\"gateway\":", c->gateway);
	name(w, ",\"site\":", c->site);
	if (c->wall_us && c->wall_us < TEXT_TIME_END_US) {
		writer_text(w, ",\"ts\":\"");
		text_time(w, c->wall_us);
		writer_char(w, '"');
	}
	name(w, ",\"reason\":", spool_reason_name(l->reason));
	number(w, ",\"lost_epoch\":", l->epoch);
	if (l->reason == SPOOL_LOST_UNCLEAN) {
		number(w, ",\"next_epoch\":", l->next_epoch);
		writer_text(w, ",\"from_seq\":{");
		for (int i = 0; i < SPOOL_CLASSES; i++) {
			if (!c->class_name[i])
				continue;
			name(w, is_first ? "" : ",", c->class_name[i]);
			number(w, ":", l->open_from[i]);
			is_first = false;
		}
		writer_text(w, "}}");
		return;
	}
	if (c->class_name[l->class])
		name(w, ",\"class\":", c->class_name[l->class]);
	number(w, ",\"from_seq\":", l->from);
	number(w, ",\"to_seq\":", l->to);
	if (l->records != SPOOL_OPEN)
		number(w, ",\"records\":", l->records);
	writer_char(w, '}');
}
