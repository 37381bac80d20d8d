/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/spool_record.h"

#include <endian.h>
#include <string.h>

#include "base/crc32c.h"
#include "export/spool_mutant.h"

#define SEGMENT_MAGIC	0x31474553u	/* "SEG1" */
#define CURSOR_MAGIC	0x31525543u	/* "CUR1" */

static void put16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static void put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static bool crc_is(const uint8_t *buf, size_t len, uint32_t want)
{
	return crc32c(0, buf, len) == want || SPOOL_MUTANT == SPOOL_MUTANT_NO_CRC;
}

/* ---- records: magic, class, flags, time quality, 0, len, count, epoch, seq, mono, wall, CRC of payload, CRC of head ---- */

void spool_record_put(uint8_t h[SPOOL_RECORD_HEAD], const struct spool_record *r)
{
	memcpy(h, SPOOL_MAGIC, 4);
	h[4] = r->class;
	h[5] = r->flags;
	h[6] = r->time_quality;
	h[7] = 0;
	put32(h + 8, r->len);
	put32(h + 12, r->count);
	put64(h + 16, r->epoch);
	put64(h + 24, r->seq);
	put64(h + 32, r->mono_ns);
	put64(h + 40, r->wall_us);
	put32(h + 48, crc32c(0, r->payload, r->len));
	put32(h + 52, crc32c(0, h, 52));
}

enum spool_found spool_record_get(const uint8_t *h, size_t len, struct spool_record *ret_record)
{
	struct spool_record r;

	if (memcmp(h, SPOOL_MAGIC, len < 4 ? len : 4))
		return SPOOL_BAD_HEAD;
	if (len < SPOOL_RECORD_HEAD)
		return SPOOL_MORE;
	r = (struct spool_record){
		.class = h[4], .flags = h[5], .time_quality = h[6],
		.len = get32(h + 8), .count = get32(h + 12), .epoch = get64(h + 16), .seq = get64(h + 24),
		.mono_ns = get64(h + 32), .wall_us = get64(h + 40), .payload = h + SPOOL_RECORD_HEAD,
	};
	if (!crc_is(h, 52, get32(h + 52)) || r.len > SPOOL_PAYLOAD_MAX || r.class >= SPOOL_CLASSES || !r.seq ||
	    r.seq > SPOOL_SEQ_MAX)
		return SPOOL_BAD_HEAD;
	if (r.len > len - SPOOL_RECORD_HEAD)
		return SPOOL_MORE;
	*ret_record = r;
	return crc_is(r.payload, r.len, get32(h + 48)) ? SPOOL_RECORD : SPOOL_BAD_PAYLOAD;
}

/* ---- segment head: magic, format, class, 0, serial, epoch, first, epoch first, epoch before, device, CRC ---- */

void spool_segment_head_put(uint8_t b[SPOOL_SEGMENT_HEAD], const struct spool_segment_head *h)
{
	memset(b, 0, SPOOL_SEGMENT_HEAD);
	put32(b, SEGMENT_MAGIC);
	put16(b + 4, SPOOL_FORMAT);
	b[6] = h->class;
	put64(b + 8, h->serial);
	put64(b + 16, h->epoch);
	put64(b + 24, h->first_seq);
	put64(b + 32, h->epoch_first);
	put64(b + 40, h->prev_epoch);
	memcpy(b + 48, h->device, strnlen(h->device, SPOOL_DEVICE_MAX - 1));
	put32(b + SPOOL_SEGMENT_HEAD - 4, crc32c(0, b, SPOOL_SEGMENT_HEAD - 4));
}

bool spool_segment_head_get(const uint8_t *b, size_t len, struct spool_segment_head *ret_head)
{
	if (len < SPOOL_SEGMENT_HEAD || get32(b) != SEGMENT_MAGIC || get16(b + 4) != SPOOL_FORMAT ||
	    !crc_is(b, SPOOL_SEGMENT_HEAD - 4, get32(b + SPOOL_SEGMENT_HEAD - 4)))
		return false;
	*ret_head = (struct spool_segment_head){
		.class = b[6], .serial = get64(b + 8), .epoch = get64(b + 16), .first_seq = get64(b + 24),
		.epoch_first = get64(b + 32), .prev_epoch = get64(b + 40),
	};
	memcpy(ret_head->device, b + 48, SPOOL_DEVICE_MAX - 1);
	return true;
}

/* ---- losses ---- */

static const char *const REASONS[SPOOL_REASON_N] = {
#define X(id, name, text) name,
	SPOOL_REASONS(X)
#undef X
};

const char *spool_reason_name(enum spool_reason reason)
{
	return (unsigned int)reason < SPOOL_REASON_N ? REASONS[reason] : NULL;
}

void spool_loss_put(uint8_t b[SPOOL_LOSS_BYTES], const struct spool_loss *l)
{
	memset(b, 0, SPOOL_LOSS_BYTES);
	b[0] = (uint8_t)l->reason;
	b[1] = l->class;
	put64(b + 8, l->epoch);
	put64(b + 16, l->from);
	put64(b + 24, l->to);
	put64(b + 32, l->records);
	put64(b + 40, l->next_epoch);
	for (int i = 0; i < SPOOL_CLASSES; i++)
		put64(b + 48 + 8 * i, l->open_from[i]);
}

bool spool_loss_get(const uint8_t *b, size_t len, struct spool_loss *ret_loss)
{
	if (len != SPOOL_LOSS_BYTES || b[0] >= SPOOL_REASON_N || b[1] >= SPOOL_CLASSES)
		return false;
	*ret_loss = (struct spool_loss){
		.reason = (enum spool_reason)b[0], .class = b[1], .epoch = get64(b + 8), .from = get64(b + 16),
		.to = get64(b + 24), .records = get64(b + 32), .next_epoch = get64(b + 40),
	};
	for (int i = 0; i < SPOOL_CLASSES; i++)
		ret_loss->open_from[i] = get64(b + 48 + 8 * i);
	return ret_loss->reason == SPOOL_LOST_UNCLEAN || (ret_loss->from && ret_loss->from <= ret_loss->to &&
							  ret_loss->to <= SPOOL_SEQ_MAX);
}

/* ---- cursor: magic, length, format, clean, 0, generation, epoch, epoch before, device, classes, CRC ---- */

#define CURSOR_FIXED 176	/* up to the classes */

size_t spool_cursor_put(uint8_t b[SPOOL_SLOT_MAX], const struct spool_cursor *c)
{
	size_t len = CURSOR_FIXED;

	memset(b, 0, CURSOR_FIXED);
	put32(b, CURSOR_MAGIC);
	put16(b + 8, SPOOL_FORMAT);
	b[10] = c->clean;
	put64(b + 16, c->generation);
	put64(b + 24, c->epoch);
	put64(b + 32, c->prev_epoch);
	memcpy(b + 40, c->device, strnlen(c->device, SPOOL_DEVICE_MAX - 1));
	for (int i = 0; i < SPOOL_CLASSES; i++) {
		const struct spool_cursor_class *k = &c->class[i];

		put64(b + len, k->next_seq);
		put64(b + len + 8, k->epoch_first);
		put64(b + len + 16, k->durable_last);
		put64(b + len + 24, k->done.base);
		put64(b + len + 32, k->done.n);
		len += 40;
		for (uint32_t r = 0; r < k->done.n; r++, len += 16) {
			put64(b + len, k->done.run[r].from);
			put64(b + len + 8, k->done.run[r].to);
		}
	}
	put32(b + 4, (uint32_t)len + 4);
	put32(b + len, crc32c(0, b, len));
	return len + 4;
}

bool spool_cursor_get(const uint8_t *b, size_t size, struct spool_cursor *ret_cursor)
{
	struct spool_cursor c = { 0 };
	size_t at = CURSOR_FIXED, len;

	if (size < CURSOR_FIXED || get32(b) != CURSOR_MAGIC || get16(b + 8) != SPOOL_FORMAT)
		return false;
	len = get32(b + 4);
	if (len < CURSOR_FIXED + 4 || len > size || !crc_is(b, len - 4, get32(b + len - 4)))
		return false;
	len -= 4;
	c.clean = b[10];
	c.generation = get64(b + 16);
	c.epoch = get64(b + 24);
	c.prev_epoch = get64(b + 32);
	memcpy(c.device, b + 40, SPOOL_DEVICE_MAX - 1);
	for (int i = 0; i < SPOOL_CLASSES; i++) {
		struct spool_cursor_class *k = &c.class[i];
		uint64_t runs;

		if (len - at < 40)
			return false;
		k->next_seq = get64(b + at);
		k->epoch_first = get64(b + at + 8);
		k->durable_last = get64(b + at + 16);
		k->done.base = get64(b + at + 24);
		runs = get64(b + at + 32);
		at += 40;
		if (runs > SPOOL_RUNS_MAX || len - at < 16 * runs || k->done.base > SPOOL_SEQ_MAX || !k->next_seq ||
		    k->next_seq > SPOOL_SEQ_MAX || k->durable_last > SPOOL_SEQ_MAX)
			return false;
		for (; runs; runs--, at += 16) {
			const uint64_t from = get64(b + at), to = get64(b + at + 8);

			if (from > to || to > SPOOL_SEQ_MAX)
				return false;
			spool_done_add(&k->done, from, to);	/* makes order of what has none */
		}
	}
	*ret_cursor = c;
	return true;
}
