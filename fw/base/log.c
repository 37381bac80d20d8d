/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *log_tag = "weir";
static enum log_level log_max = LOG_INFO;

void log_open(const char *tag, enum log_level max)
{
	log_tag = tag;
	log_max = max;
}

void log_msg(enum log_level level, const char *format, ...)
{
	char raw[LOG_LINE], line[LOG_LINE * 4 + 64];
	va_list args;
	int len, at;

	if (level > log_max)
		return;
	va_start(args, format);
	len = vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(raw))
		memcpy(raw + sizeof(raw) - 4, "...", 4);

	at = getenv("JOURNAL_STREAM") ? snprintf(line, sizeof(line), "<%d>%s: ", level, log_tag)
				      : snprintf(line, sizeof(line), "%s: %s", log_tag, level == LOG_ERROR ? "error: " :
						 level == LOG_WARN ? "warning: " : "");
	for (const char *p = raw; *p; p++)
		at += (unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e
			? sprintf(line + at, "\\x%02x", (unsigned char)*p) : sprintf(line + at, "%c", *p);
	line[at++] = '\n';
	if (write(STDERR_FILENO, line, at) < 0)
		return;	/* nowhere left to say it */
}
