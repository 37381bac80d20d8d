/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* snapshot_process - the part of a snapshot about the processes and their rights: a table, and "processes" of health. Pure. */
#pragma once

#include "run/snapshot.h"

void snapshot_process_text(struct writer *w, const struct snapshot *s);
void snapshot_process_json(struct writer *w, const struct snapshot *s);	/* a comma at its end */
uint64_t snapshot_process_refused(const struct snapshot *s);
