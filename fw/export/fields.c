/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/fields.h"

#include <string.h>

#include "base/util.h"

enum row_kind { ROW_OPEN, ROW_FIELD, ROW_CLOSE };

struct row {
	enum row_kind kind;
	const char *name;
	struct field field;
};

#define ROW_O(object)	{ ROW_OPEN, #object, { 0 } },
#define ROW_C()		{ ROW_CLOSE, "", { 0 } },
#define ROW_F(name, type, unit, absent, meaning, condition, writing) { ROW_FIELD, #name, { type, unit, absent, meaning } },

static const struct row ROWS[] = { RECORD_FIELDS(ROW_O, ROW_F, ROW_C) };

void fields_each(void (*each)(const char *path, const struct field *field, void *arg), void *arg)
{
	char path[FIELD_PATH_MAX];
	struct writer w = WRITER(path);
	size_t mark[FIELD_DEPTH], depth = 0, at;

	for (const struct row *row = ROWS; row < ROWS + ARRAY_SIZE(ROWS); row++) {
		switch (row->kind) {
		case ROW_OPEN:
			mark[depth++] = writer_mark(&w);
			writer_text(&w, row->name);
			writer_char(&w, '.');
			break;
		case ROW_FIELD:
			at = writer_mark(&w);
			writer_bytes(&w, row->name, strlen(row->name) + 1);
			each(path, &row->field, arg);
			writer_undo(&w, at);
			break;
		case ROW_CLOSE:
			writer_undo(&w, mark[--depth]);
			break;
		}
	}
}

static void put_row(const char *path, const struct field *field, void *arg)
{
	const char *columns[] = { field->type, field->unit, field->absent, field->meaning };
	struct writer *w = arg;

	writer_text(w, "| `");
	writer_text(w, path);
	writer_text(w, "` |");
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		writer_char(w, ' ');
		writer_text(w, columns[i]);
		writer_text(w, columns[i][0] ? " |" : "|");
	}
	writer_char(w, '\n');
}

void fields_reference(struct writer *w)
{
	writer_text(w, "| field | type | unit | absent when | meaning |\n|---|---|---|---|---|\n");
	fields_each(put_row, w);
}
