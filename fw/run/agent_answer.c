/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "run/agent_private.h"

/* The answer is an object in a writer of its own: what comes before it is no JSON. */
static void whole(struct writer *w, void (*say)(struct writer *w, const void *what), const void *what)
{
	struct writer json = { .buf = w->buf + w->len, .size = w->size - w->len };

	say(&json, what);
	w->len += json.len;
	writer_char(w, '\n');
}

static void say_status(struct writer *w, const void *what)
{
	snapshot_json(w, what);
}

static void say_top(struct writer *w, const void *what)
{
	top_json(w, what);
}

/* A number from @least to @most and nothing else. */
static bool number(const char *text, unsigned long least, unsigned long most, unsigned int *ret_number)
{
	char *end;
	unsigned long n;

	if (*text < '0' || *text > '9')
		return false;
	n = strtoul(text, &end, 10);
	if (*end || n < least || n > most)
		return false;
	*ret_number = (unsigned int)n;
	return true;
}

/* @request: "text SORT N WIDTH" or "json SORT N" */
static int answer_top(struct agent *a, const char *request, struct writer *w)
{
	char form[8], sort[12], rows[8], columns[8], rest[2];
	const int words = sscanf(request, "%7s %11s %7s %7s %1s", form, sort, rows, columns, rest);
	const bool is_json = words == 3 && !strcmp(form, "json");
	unsigned int n = 0, width = 0, order = 0;
	struct top_view view;
	int err;

	if (!is_json && !(words == 4 && !strcmp(form, "text"))) {
		writer_format(w, "no request \"top %.64s\"; allowed: top text SORT N WIDTH, top json SORT N", request);
		return -EINVAL;
	}
	while (order < TOP_SORT_N && strcmp(sort, top_sort_names[order]))
		order++;
	if (order == TOP_SORT_N) {
		writer_format(w, "top: no order \"%s\"; allowed:", sort);
		for (int i = 0; i < TOP_SORT_N; i++)
			writer_format(w, "%s %s", i ? "," : "", top_sort_names[i]);
		return -EINVAL;
	}
	if (!number(rows, 1, TOP_ROWS_MAX, &n)) {
		writer_format(w, "top: \"%s\" flows; allowed: 1 to %u", rows, TOP_ROWS_MAX);
		return -EINVAL;
	}
	if (!is_json && !number(columns, TOP_WIDTH_MIN, TOP_WIDTH_MAX, &width)) {
		writer_format(w, "top: \"%s\" columns; allowed: %u to %u", columns, TOP_WIDTH_MIN, TOP_WIDTH_MAX);
		return -EINVAL;
	}
	agent_snapshot(a);
	err = top_ask(a->top, (enum top_sort)order, n, &view);
	if (err == -EAGAIN) {
		writer_text(w, TOP_WAIT);
		return 0;
	}
	if (err) {
		writer_format(w, "top: %s", strerror(-err));
		return err;
	}
	if (is_json)
		whole(w, say_top, &view);
	else
		top_text(w, &view, width);
	return 0;
}

int agent_answer(const char *request, struct writer *w, void *arg)
{
	struct agent *a = arg;

	if (!strcmp(request, "status")) {
		snapshot_text(w, agent_snapshot(a));
	} else if (!strcmp(request, "status json")) {
		whole(w, say_status, agent_snapshot(a));
	} else if (!strncmp(request, "top ", 4)) {
		return answer_top(a, request + 4, w);
	} else {
		writer_format(w, "no request \"%.64s\"; allowed: status, status json, top text SORT N WIDTH, top json SORT N", request);
		return -EINVAL;
	}
	return 0;
}
