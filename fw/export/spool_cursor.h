/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * spool_cursor - the file "cursor": two slots, written in turn, so that one of them is always whole.
 *
 * It is a hint: what it does not know of is sent twice. The higher generation counts. After spool_cursor_store_both()
 * both slots say the same, and either may rot.
 */
#pragma once

#include "export/spool_io.h"
#include "export/spool_record.h"

#define SPOOL_CURSOR_NAME  "cursor"
#define SPOOL_CURSOR_SLOT  (16 * 1024)
#define SPOOL_CURSOR_BYTES (2 * SPOOL_CURSOR_SLOT)	/* of disk */
_Static_assert(SPOOL_SLOT_MAX <= SPOOL_CURSOR_SLOT, "a cursor fits its slot");

/* -ENODATA: no slot is whole, or no file. @buf: SPOOL_SLOT_MAX bytes. */
int spool_cursor_load(const struct spool_io *io, struct spool_cursor *ret_cursor, uint8_t *buf);
int spool_cursor_store(const struct spool_io *io, struct spool_cursor *cursor, uint8_t *buf);	/* counts its generation up */
int spool_cursor_store_both(const struct spool_io *io, struct spool_cursor *cursor, uint8_t *buf);
