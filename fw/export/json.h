/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * json - one flow record as one JSON object on one line, ECS names, by the table in fields.h.
 *
 * Valid JSON and valid UTF-8 whatever the record holds. No newline, no spaces, no allocation. What does not fit sets
 * writer.full: take the record back with writer_mark() and writer_undo(). RECORD_JSON_MAX bytes always suffice while
 * the interface, role and hook together are at most 128 bytes. batch.c comes next.
 */
#pragma once

#include "base/writer.h"
#include "export/record.h"

#define RECORD_JSON_MAX 16384	/* usual: 1.0 to 1.6 kB; most: all names full of control characters */

void json_record(struct writer *w, const struct record *r);
