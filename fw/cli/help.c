/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir help records: every field of a flow record, from the table that the encoder itself works by. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/writer.h"
#include "cli/cli.h"
#include "export/fields.h"

#define REFERENCE_MAX 16384	/* the table has 4 kB */

int cli_help_records(void)
{
	char text[REFERENCE_MAX];
	struct writer w = WRITER(text);

	fields_reference(&w);
	errno = w.full ? EMSGSIZE : 0;
	if (w.full || fwrite(text, 1, w.len, stdout) != w.len || fflush(stdout)) {
		fprintf(stderr, "weir help: records: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
