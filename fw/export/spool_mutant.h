/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * spool_mutant - the spool, deliberately broken in one way: tests/spool builds each of these and wants the crash matrix
 * to find it. 0, as everywhere else, is the spool as it should be; the compiler then drops every trace of this.
 */
#pragma once

#define SPOOL_MUTANT_NO_FSYNC		1	/* data is never synced, and said to be durable */
#define SPOOL_MUTANT_CURSOR_FIRST	2	/* the cursor passes a message when it is handed out */
#define SPOOL_MUTANT_NO_CRC		3	/* checksums are not looked at */
#define SPOOL_MUTANT_DELETE_FIRST	4	/* a segment goes before the cursor that is past it is durable */
#define SPOOL_MUTANT_NO_DIR_SYNC	5	/* names of new segments are not synced */

#ifndef SPOOL_MUTANT
#define SPOOL_MUTANT 0
#endif
