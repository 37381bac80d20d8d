/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/spool_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "export/spool_mutant.h"

#define BAD_BLOCK  4096		/* what an error of the disk makes unreadable */
#define READ_BYTES (64 * 1024)	/* at once */

void spool_segment_name(char ret_name[SPOOL_NAME_MAX], uint8_t class, uint64_t serial)
{
	snprintf(ret_name, SPOOL_NAME_MAX, "%u-%016" PRIx64 ".seg", class, serial);
}

bool spool_segment_parse(const char *name, uint8_t *ret_class, uint64_t *ret_serial)
{
	char again[SPOOL_NAME_MAX];
	unsigned int class;
	uint64_t serial;

	if (sscanf(name, "%1u-%16" SCNx64, &class, &serial) != 2 || class >= SPOOL_CLASSES || !serial || serial > SPOOL_SEQ_MAX)
		return false;
	spool_segment_name(again, (uint8_t)class, serial);
	if (strcmp(name, again))
		return false;
	*ret_class = (uint8_t)class;
	*ret_serial = serial;
	return true;
}

int spool_segment_create(struct spool_segment *seg, const struct spool_io *io, const char *device)
{
	struct spool_segment_head head = {
		.serial = seg->serial, .epoch = seg->epoch, .first_seq = seg->first, .epoch_first = seg->epoch_first,
		.prev_epoch = seg->prev_epoch, .class = seg->class,
	};
	uint8_t buf[SPOOL_SEGMENT_HEAD];
	char name[SPOOL_NAME_MAX];
	int err;

	spool_segment_name(name, seg->class, seg->serial);
	snprintf(head.device, sizeof(head.device), "%s", device);
	spool_segment_head_put(buf, &head);
	seg->io = io;
	seg->fd = io->open(io, name, O_RDWR | O_CREAT | O_EXCL);
	if (seg->fd < 0)
		return seg->fd;
	err = spool_io_write(io, seg->fd, buf, sizeof(buf), 0);
	if (err) {
		spool_segment_close(seg);
		io->unlink(io, name);	/* fails: recovery finds a segment without a record */
		return err;
	}
	seg->bytes = seg->file_bytes = SPOOL_SEGMENT_HEAD;
	return 0;
}

int spool_segment_append(struct spool_segment *seg, const struct spool_record *record, uint8_t *buf)
{
	const uint32_t len = SPOOL_RECORD_HEAD + record->len;
	int err;

	spool_record_put(buf, record);
	if (record->len)
		memcpy(buf + SPOOL_RECORD_HEAD, record->payload, record->len);
	seg->file_bytes = MAX(seg->file_bytes, seg->bytes + len);	/* also when it fails: part of it may be there */
	err = spool_io_write(seg->io, seg->fd, buf, len, seg->bytes);
	if (err)
		return err;
	seg->bytes += len;
	if (!seg->last)
		seg->first_wall_us = record->wall_us;
	seg->last = record->seq;
	return 0;
}

int spool_segment_sync(struct spool_segment *seg)
{
	int err = SPOOL_MUTANT == SPOOL_MUTANT_NO_FSYNC ? 0 : seg->io->fdatasync(seg->io, seg->fd);

	if (!err && !seg->is_named)
		err = SPOOL_MUTANT == SPOOL_MUTANT_NO_DIR_SYNC ? 0 : seg->io->sync_dir(seg->io);
	if (err)
		return err;
	seg->is_named = true;
	seg->durable_bytes = seg->bytes;
	seg->durable_last = seg->last;
	return 0;
}

void spool_segment_close(struct spool_segment *seg)
{
	if (seg->fd >= 0)
		seg->io->close(seg->io, seg->fd);
	seg->fd = -1;
}

/* A sync that failed says nothing of the pages that it was for, and the next one nothing either: they are clean now. */
void spool_segment_poison(struct spool_segment *seg)
{
	spool_segment_close(seg);
	seg->bytes = seg->durable_bytes;
	seg->last = seg->durable_last;
}

/* ---- scan ---- */

int spool_scan_open(struct spool_scan *s, const struct spool_io *io, const char *name, uint64_t offset, uint64_t limit,
		    uint8_t *buf)
{
	const int fd = io->open(io, name, O_RDONLY);
	uint64_t size;
	int err;

	if (fd < 0)
		return fd;
	err = io->size(io, fd, &size);
	if (err) {
		io->close(io, fd);
		return err;
	}
	*s = (struct spool_scan){ .io = io, .fd = fd, .buf = buf, .offset = offset,
				  .limit = MIN(MIN(size, limit), SPOOL_SEGMENT_MAX) };
	return 0;
}

/* As much as fits behind what is there. False: there is no more. */
static bool fill(struct spool_scan *s)
{
	const uint64_t from = s->offset + s->have;
	size_t want;
	ssize_t n;

	if (from >= s->limit)
		return false;
	if (s->at) {
		memmove(s->buf, s->buf + s->at, s->have - s->at);
		s->offset += s->at;
		s->have -= s->at;
		s->at = 0;
	}
	want = (size_t)MIN(MIN(s->limit - from, SPOOL_SCAN_BYTES - s->have), READ_BYTES);
	if (!want)
		return false;
	n = s->io->pread(s->io, s->fd, s->buf + s->have, want, from);
	if (n < 0) {	/* one block of it, or zeros in its place, which are no record; what is behind it may be good */
		s->error = (int)n;
		want = MIN(want, BAD_BLOCK - from % BAD_BLOCK);
		n = s->io->pread(s->io, s->fd, s->buf + s->have, want, from);
		if (n < 0) {
			memset(s->buf + s->have, 0, want);
			n = (ssize_t)want;
		}
	}
	if (!n)
		s->limit = from;
	s->have += (size_t)n;
	return n > 0;
}

/* Past what cannot begin a record, up to the next magic or to the last three bytes. */
static void skip_garbage(struct spool_scan *s)
{
	const uint8_t *from = s->buf + s->at + 1, *end = s->buf + s->have;
	const uint8_t *hit = from < end ? memchr(from, SPOOL_MAGIC[0], (size_t)(end - from)) : NULL;
	const size_t to = hit ? (size_t)(hit - s->buf) : s->have;

	s->bad_bytes += to - s->at;
	s->at = to;
}

bool spool_scan_next(struct spool_scan *s, struct spool_record *ret_record)
{
	s->bad_bytes = 0;
	for (;;) {
		const size_t left = s->have - s->at;
		struct spool_record record;

		switch (left ? spool_record_get(s->buf + s->at, left, &record) : SPOOL_MORE) {
		case SPOOL_RECORD:
			*ret_record = record;
			s->at += SPOOL_RECORD_HEAD + record.len;
			return true;
		case SPOOL_BAD_PAYLOAD:	/* its head is whole, so the length is right */
			s->bad_bytes += SPOOL_RECORD_HEAD + record.len;
			s->at += SPOOL_RECORD_HEAD + record.len;
			break;
		case SPOOL_BAD_HEAD:
			skip_garbage(s);
			break;
		case SPOOL_MORE:
			if (fill(s))
				break;
			if (!left)
				return false;
			skip_garbage(s);	/* cut off at the end of the file */
			break;
		}
	}
}

uint64_t spool_scan_offset(const struct spool_scan *s)
{
	return s->offset + s->at;
}

void spool_scan_close(struct spool_scan *s)
{
	s->io->close(s->io, s->fd);
}
