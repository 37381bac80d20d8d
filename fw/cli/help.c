/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir help records, weir help ipfix: every field of a flow record, from the tables that the encoders work by. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/writer.h"
#include "cli/cli.h"
#include "export/fields.h"
#include "export/ipfix.h"

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
