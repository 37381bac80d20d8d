/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * spool_record - what the spool's files hold, byte by byte: heads of segments and records, losses, the cursor.
 *
 * Little-endian. A segment file is a head of SPOOL_SEGMENT_HEAD bytes and records behind each other; a record is a head
 * of SPOOL_RECORD_HEAD bytes and its payload. Each head has a CRC32C of its own, so that a length is believed only
 * where the head is whole, and looking through garbage takes a time in proportion to it. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/spool_done.h"

#define SPOOL_CLASSES		8		/* at most; class 0 is the spool's own: losses */
#define SPOOL_FORMAT		1
#define SPOOL_DEVICE_MAX	132		/* with NUL: site/name */
#define SPOOL_PAYLOAD_MAX	(128 * 1024)
#define SPOOL_RECORD_HEAD	56
#define SPOOL_SEGMENT_HEAD	192
#define SPOOL_SEQ_MAX		(1ULL << 60)	/* a record beyond it is no record: numbers are never worn out */
#define SPOOL_MAGIC		"\xd7WR1"	/* of a record; not UTF-8, so that no payload of text holds it */
#define SPOOL_OPEN		UINT64_MAX	/* loss.to: up to the end of its epoch. loss.records: not known */

struct spool_record {
	uint64_t epoch;
	uint64_t seq;
	uint64_t mono_ns;	/* when it was made: CLOCK_MONOTONIC of that boot */
	uint64_t wall_us;	/* and time of day, as good as @time_quality says */
	uint32_t count;		/* what it stands for: records of a flow batch; else 1 */
	uint32_t len;
	uint8_t class;
	uint8_t flags;		/* the owner's */
	uint8_t time_quality;	/* the owner's */
	const void *payload;
};

enum spool_found {
	SPOOL_RECORD,		/* whole and good */
	SPOOL_MORE,		/* good as far as it goes; it goes beyond @len */
	SPOOL_BAD_HEAD,		/* no record begins here */
	SPOOL_BAD_PAYLOAD,	/* a good head (ret_record is filled, its payload is not) before bytes that are not its own */
};

void spool_record_put(uint8_t head[SPOOL_RECORD_HEAD], const struct spool_record *record);
enum spool_found spool_record_get(const uint8_t *buf, size_t len, struct spool_record *ret_record);

struct spool_segment_head {
	uint64_t serial;	/* counts up over all segments ever made */
	uint64_t epoch;
	uint64_t first_seq;	/* of the segment */
	uint64_t epoch_first;	/* of its epoch in this class */
	uint64_t prev_epoch;	/* to which the numbers before that belong; 0: none */
	uint8_t class;
	char device[SPOOL_DEVICE_MAX];
};

void spool_segment_head_put(uint8_t buf[SPOOL_SEGMENT_HEAD], const struct spool_segment_head *head);
bool spool_segment_head_get(const uint8_t *buf, size_t len, struct spool_segment_head *ret_head);

/* ---- losses: payload of class 0 ---- */

#define SPOOL_REASONS(X) \
	X(FULL,		"full",		"the spool's byte cap: the oldest segment of the lowest class went") \
	X(NO_SPACE,	"no_space",	"the file system was full, or below spool.min_free") \
	X(MEMORY,	"memory",	"the memory queue was full") \
	X(CORRUPT,	"corrupt",	"a segment had bytes that are no records") \
	X(MISSING,	"missing",	"the log should have it, and has not") \
	X(REFUSED,	"refused",	"the broker refused the message too often") \
	X(TOO_BIG,	"too_big",	"longer than a message can be") \
	X(STOP,		"unclean_stop",	"power or process went before it was known to be stored: what of it has not come, does not come") \
	X(UNCLEAN,	"epoch_end",	"the same of all numbers from these on, up to the end of the epoch")

enum spool_reason {
#define X(id, name, text) SPOOL_LOST_##id,
	SPOOL_REASONS(X)
#undef X
	SPOOL_REASON_N,
};

#define SPOOL_LOSS_BYTES (48 + 8 * SPOOL_CLASSES)

struct spool_loss {
	enum spool_reason reason;
	uint8_t class;		/* whose numbers; UNCLEAN: none, see @open_from */
	uint64_t epoch;
	uint64_t from, to;	/* both lost, and all between */
	uint64_t records;	/* sum of their counts; SPOOL_OPEN: not known */
	uint64_t next_epoch;	/* UNCLEAN: which follows @epoch, and begins where that ends */
	uint64_t open_from[SPOOL_CLASSES];	/* UNCLEAN: by class, the first that may be lost */
};

void spool_loss_put(uint8_t buf[SPOOL_LOSS_BYTES], const struct spool_loss *loss);
bool spool_loss_get(const uint8_t *buf, size_t len, struct spool_loss *ret_loss);
const char *spool_reason_name(enum spool_reason reason);	/* NULL: none of ours */

/* ---- the cursor ---- */

struct spool_cursor_class {
	uint64_t next_seq;	/* at least as high as any that was done with */
	uint64_t epoch_first;
	uint64_t durable_last;	/* up to there all was stored, or done with */
	struct spool_done done;
};

struct spool_cursor {
	uint64_t generation;	/* the higher one of two slots is the newer */
	uint64_t epoch;
	uint64_t prev_epoch;
	bool clean;		/* stopped in order: nothing but what stands here was ever numbered */
	char device[SPOOL_DEVICE_MAX];
	struct spool_cursor_class class[SPOOL_CLASSES];
};

#define SPOOL_SLOT_MAX (256 + SPOOL_CLASSES * (40 + 16 * SPOOL_RUNS_MAX))

size_t spool_cursor_put(uint8_t buf[SPOOL_SLOT_MAX], const struct spool_cursor *cursor);	/* bytes written */
bool spool_cursor_get(const uint8_t *buf, size_t len, struct spool_cursor *ret_cursor);
