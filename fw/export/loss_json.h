/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loss_json - a loss of the spool as the message that consumers read. Pure.
 *
 * {"schema":"weir.loss/1","gateway","site","ts","reason","class","lost_epoch","from_seq","to_seq","records"}: of that class and
 * epoch these numbers, both ends included, will not come (again); records: in them, absent where not known. reason
 * "epoch_end": {"reason","lost_epoch","next_epoch","from_seq":{CLASS:NUMBER,...}}: of lost_epoch nothing comes from these
 * numbers on that has not come by then; next_epoch goes on with them.
 */
#pragma once

#include "base/writer.h"
#include "export/spool_record.h"

#define LOSS_SCHEMA   "weir.loss/1"
#define LOSS_JSON_MAX 4096

struct loss_context {
	const char *gateway, *site;
	uint64_t wall_us;	/* when it was declared; 0: not known */
	const char *class_name[SPOOL_CLASSES];	/* NULL: no such class */
};

void loss_json(struct writer *w, const struct spool_loss *loss, const struct loss_context *context);
