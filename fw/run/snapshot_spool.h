/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* snapshot_spool - the snapshot's part about the spool: text for weir status, JSON for class health. Pure. */
#pragma once

#include "base/writer.h"
#include "run/snapshot.h"

/* Age of the oldest message that waits. Where the time of day was set back meanwhile: 0. */
uint64_t snapshot_spool_oldest_s(const struct snapshot *s);
void snapshot_spool_text(struct writer *w, const struct snapshot *s);
void snapshot_spool_json(struct writer *w, const struct snapshot *s);	/* "spool":{...} */
