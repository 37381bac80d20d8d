/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir help records, ipfix, words: every field of a flow record and every word of other messages, from the tables that are encoded by. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/writer.h"
#include "cli/cli.h"
#include "collect/attach.h"
#include "collect/counters.h"
#include "export/fields.h"
#include "export/ipfix.h"
#include "run/messages.h"
#include "run/snapshot.h"

#define REFERENCE_MAX 32768	/* the larger table has 17 kB */

static int print(const char *what, void (*reference)(struct writer *))
{
	char text[REFERENCE_MAX];
	struct writer w = WRITER(text);

	reference(&w);
	errno = w.full ? EMSGSIZE : 0;
	if (w.full || fwrite(text, 1, w.len, stdout) != w.len || fflush(stdout)) {
		fprintf(stderr, "weir help: %s: %s\n", what, strerror(errno));
		return 1;
	}
	return 0;
}

int cli_help_records(void)
{
	return print("records", fields_reference);
}

int cli_help_ipfix(void)
{
	return print("ipfix", ipfix_reference);
}

/* Words that messages use beside flow records' fields: of which kind, and what each means ("": it says so itself). */
static const struct {
	const char *kind, *word, *meaning;
} words[] = {
#define X(id, name, text) { "class", name, text },
	BOOK_CLASSES(X)
#undef X
#define X(id, name, text) { "residual reason", name, text },
	RESIDUAL_REASONS(X)
#undef X
#define X(id, name, text) { "residual possible", name, text },
	RESIDUAL_POSSIBLE(X)
#undef X
#define X(id, name) { "residual baseline", name, "" },
	RESIDUAL_BASES(X)
#undef X
#define X(id, name, text) { "flow_offload", name, text },
	OFFLOAD_MODES(X)
#undef X
#define X(name) { "tcp failure", #name, "" },
	TCP_FAILURES(X)
#undef X
#define X(id, name, text) { "event", name, text },
	EVENT_ACTIONS(X)
#undef X
#define X(id, name) { "process", name, "" },
	PROCESSES(X)
#undef X
#define X(id, name, text) { "loss reason", name, text },
	SPOOL_REASONS(X)
#undef X
#define X(name) { "map", #name, "" },
	PROCESS_MAPS(X)
#undef X
#define X(id, name) { "device source", name, "" },
	DEVICES_SOURCES(X)
#undef X
};

static void put_word(struct writer *w, const char *kind, const char *word, const char *meaning)
{
	if (word)	/* device source "none" has none */
		writer_format(w, "| %s | `%s` | %s%s\n", kind, word, meaning, meaning[0] ? " |" : "|");
}

static void words_reference(struct writer *w)
{
	struct snapshot *nothing = calloc(1, sizeof(*nothing));	/* for its names; too large for a stack */
	struct figure f[FIGURES_MAX];

	writer_text(w, "| kind | word | meaning |\n|---|---|---|\n");
	for (unsigned int i = 0, n = nothing ? snapshot_figures(nothing, f) : 0; i < n; i++)
		put_word(w, "counter", f[i].name, f[i].text);
	free(nothing);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		put_word(w, words[i].kind, words[i].word, words[i].meaning);
	for (int i = 0; i < BOOK_PROTOS; i++)
		put_word(w, "protocol", book_proto_names[i], "");
	for (int i = 0; i < NAME_N; i++)
		put_word(w, "name_status", record_name_status_text((uint8_t)i), "");
	for (int i = ATTACHED_NONE; i <= ATTACHED_CLSACT; i++)
		put_word(w, "hook", attached_names[i], "");
}

int cli_help_words(void)
{
	return print("words", words_reference);
}
