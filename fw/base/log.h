/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * log - one line a message on standard error, "<n>" priority prefix for journald where that is where it goes.
 *
 * Library code does not log: whoever drops an error logs it, once. Control characters and bytes over 0x7e in a
 * message are written as \xNN, so that nothing from outside can forge a line or move a cursor. A line longer than
 * LOG_LINE bytes is cut and ends in "...".
 */
#pragma once

#define LOG_LINE 1024

enum log_level { LOG_ERROR = 3, LOG_WARN = 4, LOG_INFO = 6, LOG_DEBUG = 7 };	/* syslog's numbers, RFC 5424 6.2.1 */

void log_open(const char *tag, enum log_level max);	/* @tag: name of the process in each line; not copied */
void log_msg(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)	log_msg(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)	log_msg(LOG_WARN, __VA_ARGS__)
#define log_info(...)	log_msg(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_msg(LOG_DEBUG, __VA_ARGS__)
