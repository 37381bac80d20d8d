/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * spool_segment - one file of the spool: made, appended to, synced; and the scan, which reads records out of one and
 * finds the next good one behind bytes that are none.
 *
 * A segment is written by the run that made it, and by no later one. What of it is durable is what its last sync
 * covered. Names: "<class>-<serial, 16 hex digits>.seg". 0 or a negative errno; no logging.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "export/spool_io.h"
#include "export/spool_record.h"

#define SPOOL_NAME_MAX		32
#define SPOOL_SEGMENT_MAX	(16u * 1024 * 1024)	/* no more of a file is ever looked at */
#define SPOOL_SCAN_BYTES	(2 * (SPOOL_RECORD_HEAD + SPOOL_PAYLOAD_MAX))	/* memory of a scan; holds any record */

struct spool_segment {	/* the index: so much memory a file, 144 bytes, and none a record */
	TAILQ_ENTRY(spool_segment) link;
	struct spool_io const *io;
	uint64_t serial;
	uint64_t epoch, epoch_first, prev_epoch;
	uint64_t first, last;		/* numbers in it; last 0: none */
	uint64_t first_wall_us;		/* when that was made; 0: not known */
	uint64_t durable_last;		/* 0: none */
	uint32_t bytes;			/* up to the end of its last record */
	uint32_t durable_bytes;
	uint32_t file_bytes;		/* as the cap counts it */
	int fd;				/* being written; -1: not (any more) */
	uint8_t class;
	bool is_named;			/* its name is durable */
	bool is_foreign;		/* of another device: not read, first to go */
};

TAILQ_HEAD(spool_segments, spool_segment);

void spool_segment_name(char ret_name[SPOOL_NAME_MAX], uint8_t class, uint64_t serial);
bool spool_segment_parse(const char *name, uint8_t *ret_class, uint64_t *ret_serial);

/* Makes the file and its head. @seg has class, serial, epochs and first; on an error no file is left, if the disk lets. */
int spool_segment_create(struct spool_segment *seg, const struct spool_io *io, const char *device);
/* @buf: room for head and payload. On an error the segment takes no more: spool_segment_poison(). */
int spool_segment_append(struct spool_segment *seg, const struct spool_record *record, uint8_t *buf);
int spool_segment_sync(struct spool_segment *seg);	/* data, and its name */
void spool_segment_close(struct spool_segment *seg);
void spool_segment_poison(struct spool_segment *seg);	/* closes it; only what is durable counts from now on */
static inline bool spool_segment_is_dirty(const struct spool_segment *seg)
{
	return seg->fd >= 0 && seg->bytes > seg->durable_bytes;
}

struct spool_scan {
	const struct spool_io *io;
	int fd;
	uint8_t *buf;			/* SPOOL_SCAN_BYTES, the caller's */
	size_t have, at;		/* bytes in it; where the next record is looked for */
	uint64_t offset;		/* of buf[0] in the file */
	uint64_t limit;			/* the file ends here */
	uint64_t bad_bytes;		/* passed over since the last good record */
	int error;			/* of the disk, the last one */
};

/* From @offset up to @limit or the end of the file. The scan need not be closed when this fails. */
int spool_scan_open(struct spool_scan *scan, const struct spool_io *io, const char *name, uint64_t offset, uint64_t limit,
		    uint8_t *buf);
bool spool_scan_next(struct spool_scan *scan, struct spool_record *ret_record);	/* good until the next call */
uint64_t spool_scan_offset(const struct spool_scan *scan);	/* behind the record */
void spool_scan_close(struct spool_scan *scan);
