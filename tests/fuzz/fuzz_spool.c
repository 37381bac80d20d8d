/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A spool starts on a directory that somebody else has filled, takes messages in, hands everything out, and stops.
 *
 * Input: instructions, a byte each, with what they need behind them: another file, raw bytes, or a head of a segment, a
 * record, a loss or a cursor slot, whose checksums are right and whose fields are the input's. Whatever there is: the start
 * works, what is handed out is in order, in the end nothing waits, and the steps to get there are bounded.
 */
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "base/util.h"
#include "export/spool.h"
#include "export/spool_cursor.h"
#include "export/spool_segment.h"
#include "tests/spool/sim_disk.h"

#define STEPS_MAX 20000	/* more than 64 kB of input can hold messages and losses */

static struct sim disk;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t number(struct reader *r)
{
	const uint64_t n = reader_u8(r);

	return n < 200 ? n : n < 220 ? n << 20 | reader_u16(r) : n < 240 ? SPOOL_SEQ_MAX - reader_u8(r) : UINT64_MAX - reader_u8(r);
}

static void append(int fd, const void *bytes, size_t len)
{
	uint64_t at;

	if (!disk.io.size(&disk.io, fd, &at) && at + len < 1 << 20)
		disk.io.pwrite(&disk.io, fd, bytes, len, at);
}

static int other_file(struct reader *r, int fd)
{
	const uint8_t what = reader_u8(r);
	char name[SPOOL_NAME_MAX];

	if (what % 8 < 6)
		spool_segment_name(name, what % 4, 1 + what / 8);
	else
		snprintf(name, sizeof(name), "%s", what % 8 == 6 ? "cursor" : "bad.seg");
	disk.io.close(&disk.io, fd);
	return disk.io.open(&disk.io, name, O_RDWR | O_CREAT);
}

static void put_record(struct reader *r, int fd, bool is_loss)
{
	static uint8_t buf[SPOOL_RECORD_HEAD + 256];
	struct spool_record record = { .class = is_loss ? 0 : reader_u8(r) % 5, .epoch = number(r), .seq = number(r), .count = reader_u8(r) };
	struct spool_loss loss;

	if (is_loss) {
		loss = (struct spool_loss){ .reason = (enum spool_reason)(reader_u8(r) % (SPOOL_REASON_N + 1)), .class = reader_u8(r) % 9,
					    .epoch = number(r), .from = number(r), .to = number(r), .records = number(r) };
		spool_loss_put(buf + SPOOL_RECORD_HEAD, &loss);
		record.len = SPOOL_LOSS_BYTES;
	} else {
		record.len = reader_u8(r);
	}
	record.payload = buf + SPOOL_RECORD_HEAD;
	spool_record_put(buf, &record);
	append(fd, buf, SPOOL_RECORD_HEAD + record.len - (reader_u8(r) > 250));
}

static void put_head(struct reader *r, int fd)
{
	struct spool_segment_head head = { .class = reader_u8(r) % 4, .serial = number(r), .epoch = number(r), .first_seq = number(r),
					   .epoch_first = number(r), .prev_epoch = number(r), .device = "d" };
	uint8_t buf[SPOOL_SEGMENT_HEAD];

	head.device[0] += reader_u8(r) > 240;
	spool_segment_head_put(buf, &head);
	append(fd, buf, sizeof(buf));
}

static void put_cursor(struct reader *r, int fd)
{
	static uint8_t buf[SPOOL_SLOT_MAX];
	static struct spool_cursor c;
	uint64_t slot = reader_u8(r) % 2;

	c = (struct spool_cursor){ .generation = number(r), .epoch = number(r), .prev_epoch = number(r), .clean = reader_u8(r) & 1, .device = "d" };
	for (int i = 0; i < SPOOL_CLASSES; i++) {
		c.class[i] = (struct spool_cursor_class){ .next_seq = i < 4 ? number(r) : 1, .epoch_first = i < 4 ? number(r) : 1,
							  .durable_last = i < 4 ? number(r) : 0, .done.base = i < 4 ? number(r) : 0 };
		if (i < 4 && reader_u8(r) & 1)
			c.class[i].done.run[c.class[i].done.n++] = (struct spool_run){ number(r), number(r) };
	}
	disk.io.pwrite(&disk.io, fd, buf, spool_cursor_put(buf, &c), slot * SPOOL_CURSOR_SLOT);
}

static void fill(struct reader *r)
{
	int fd = disk.io.open(&disk.io, "cursor", O_RDWR | O_CREAT);

	for (int files = 0; r->left && files < 100; ) {
		const uint8_t op = reader_u8(r) % 16;

		if (op < 2) {
			fd = other_file(r, fd);
			files++;
		} else if (op < 4) {
			const size_t want = reader_u8(r), len = MIN(want, r->left);
			const uint8_t *bytes = reader_bytes(r, len);

			if (bytes)
				append(fd, bytes, len);
		} else if (op < 10) {
			put_record(r, fd, false);
		} else if (op < 12) {
			put_record(r, fd, true);
		} else if (op < 14) {
			put_head(r, fd);
		} else {
			put_cursor(r, fd);
		}
	}
	disk.io.close(&disk.io, fd);
}

static uint64_t fixed_random(void *arg)
{
	return ++*(uint64_t *)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = { .at = data, .left = MIN(size, 65536) };
	uint64_t random = 1 << 30;
	struct spool_conf conf = { .io = &disk.io, .mode = reader_u8(&r) & 1 ? SPOOL_SPILL : SPOOL_DURABLE, .classes = 4, .device = "d",
				   .max_bytes = 4 << 20, .segment_bytes = 8192, .queue_bytes = 65536, .commit_ns = 1, .commit_bytes = 4000,
				   .spill_after_ns = NS_PER_S, .random = fixed_random, .random_arg = &random };
	const struct spool_stamp stamp = { .count = 1 };
	struct spool_state st;
	struct spool_message m;
	uint64_t now = NS_PER_S, last[4][SPOOL_PARTS] = { { 0 } }, steps = 0;
	struct spool *s;

	sim_begin(&disk);
	fill(&r);
	if (spool_open(&s, &conf, now))
		abort();
	for (uint8_t class = 1; class < 4; class++)
		spool_append(s, class, &stamp, "{}", 2, now, NULL);
	do {
		spool_tick(s, now += NS_PER_S, true);
		for (int part = 0; part < SPOOL_PARTS; part++) {
			while (spool_next(s, (enum spool_part)part, now, &m)) {
				if (m.record.seq <= last[m.record.class][part] || spool_sent(s, &m) || spool_ack(s, m.id))
					abort();
				last[m.record.class][part] = m.record.seq;
				if (++steps > STEPS_MAX)
					abort();
			}
		}
		spool_state(s, now, &st);
	} while (st.waiting && ++steps < STEPS_MAX);
	if (st.waiting || st.is_disk_off || spool_close(s, now))
		abort();
	spool_free(s);
	sim_end(&disk);
	return 0;
}
