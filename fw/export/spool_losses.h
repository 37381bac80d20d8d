/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * spool_losses - losses that are known and not stored yet: a small table in which neighbours become one.
 *
 * Full: the two entries of one class that lie nearest become one, and @merged counts what was declared too much. Pure.
 */
#pragma once

#include "export/spool_record.h"

#define SPOOL_LOSSES_MAX 64	/* 7 kB */

struct spool_losses {
	uint32_t n;
	uint64_t merged;
	struct spool_loss loss[SPOOL_LOSSES_MAX];
};

void spool_losses_add(struct spool_losses *l, const struct spool_loss *loss);
bool spool_losses_take(struct spool_losses *l, struct spool_loss *ret_loss);	/* the oldest; false: none */
