/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * spool_private - the spool's state, shared by its files: spool.c (taking in, commits, life), spool_queue.c (memory),
 * spool_room.c (cap), spool_read.c (handing out), spool_recover.c (start). Nobody else includes it.
 *
 * In a lane, what is not done lies on the disk up to some number, and in memory from there on: a node leaves the queue
 * when it is durable, or done.
 */
#pragma once

#include "export/spool.h"
#include "export/spool_cursor.h"
#include "export/spool_losses.h"
#include "export/spool_mutant.h"
#include "export/spool_segment.h"

#define SPOOL_ROOM_BYTES (64 * 1024)	/* of the cap, for losses alone; less where the cap is small */
#define SPOOL_BLOCK	 4096u		/* a file takes whole ones */
#define READ_TRIES	 3		/* of a block that the disk says it cannot read, before it counts as lost */

struct spool_node {
	TAILQ_ENTRY(spool_node) link;
	struct spool_record record;
	uint64_t since_ns;	/* taken in: spool's clock */
	bool is_written;	/* in the lane's active segment, not synced yet */
	uint8_t payload[];
};

TAILQ_HEAD(spool_nodes, spool_node);

struct spool_place {		/* how far one part of a lane was handed out */
	uint64_t at;		/* the next number */
	uint64_t sent_to;	/* the highest one ever handed out in this run */
	uint64_t serial;	/* the segment that was read last, and ... */
	uint64_t offset;	/* ... where the record @offset_seq or a later one begins in it */
	uint64_t offset_seq;
	unsigned int errors;	/* reads that failed here */
};

struct spool_lane {
	uint64_t next_seq;	/* to be given */
	uint64_t epoch_first;
	uint64_t live_from;
	uint64_t durable_last;
	struct spool_done done;
	struct spool_place place[SPOOL_PARTS];
	struct spool_segments segments;	/* oldest first */
	struct spool_segment *active;	/* the last of them, or NULL */
	struct spool_nodes nodes;	/* by number */
};

struct spool_slot {
	uint64_t seq;		/* 0: free */
	uint64_t epoch;
	uint32_t count, len;	/* the record's */
	uint64_t not_before_ns;
	uint8_t class, part, refusals;
	bool is_in_flight;	/* else refused, waits */
};

struct spool {
	struct spool_conf conf;
	char device[SPOOL_DEVICE_MAX];
	uint64_t epoch, prev_epoch;
	struct spool_lane lane[SPOOL_CLASSES];
	struct spool_slot slot[SPOOL_SLOTS];
	struct spool_losses losses;
	struct spool_cursor cursor;	/* as written last */
	struct spool_counters counters;
	uint64_t lost_by_reason[SPOOL_REASON_N], lost_of[SPOOL_CLASSES], lost_records_of[SPOOL_CLASSES];
	uint64_t next_serial;
	uint64_t disk_bytes;		/* segments, in whole blocks, and the cursor */
	uint64_t bad_file_bytes;	/* of the one segment that was put aside */
	uint32_t segments;
	size_t queue_bytes;
	uint32_t dirty_bytes;		/* written, not synced */
	uint64_t dirty_since_ns;	/* 0: nothing is dirty */
	uint64_t cursor_at_ns;		/* written last */
	bool is_cursor_dirty, was_waited_for;
	bool is_disk_off, is_announced;
	int disk_error;
	unsigned int strikes;
	uint64_t off_since_ns, rest_ns, retry_at_ns;
	bool was_online;
	uint64_t offline_since_ns;
	uint8_t turn;			/* the class that is asked first, behind the first two */
	uint8_t *buf;			/* SPOOL_SCAN_BYTES: scans, the record being written, the cursor */
};

static inline bool spool_has_disk(const struct spool *s)
{
	return s->conf.mode != SPOOL_MEMORY && !s->is_disk_off;
}

static inline uint64_t spool_blocks(uint64_t bytes)
{
	return (bytes + SPOOL_BLOCK - 1) / SPOOL_BLOCK * SPOOL_BLOCK;
}

/* spool.c */
void spool_strike(struct spool *s, int err, uint64_t now_ns);	/* one more: perhaps the disk is off after it */
int spool_commit(struct spool *s, uint64_t now_ns);		/* what is written becomes durable */
int spool_store_cursor(struct spool *s, bool is_clean, bool both);
void spool_lose(struct spool *s, const struct spool_loss *loss);	/* to be declared */
/* [from, to] of a class but for what is done: declared, and done. Returns how many. */
uint64_t spool_lose_run(struct spool *s, uint8_t class, uint64_t epoch, uint64_t from, uint64_t to, enum spool_reason reason,
			uint64_t records);
void spool_flush_losses(struct spool *s, uint64_t now_ns);	/* declared ones become messages of class 0 */
void spool_forget_segment(struct spool *s, struct spool_segment *seg);	/* out of the index */
uint64_t spool_new_epoch(struct spool *s);
void spool_announce(struct spool *s, uint64_t now_ns);

/* spool_queue.c */
struct spool_node *spool_queue_add(struct spool *s, uint8_t class, const struct spool_record *record, uint64_t now_ns);
void spool_queue_remove(struct spool *s, struct spool_node *node);
struct spool_node *spool_queue_find(const struct spool *s, uint8_t class, uint64_t seq);	/* it, or the next; NULL */
void spool_queue_make_room(struct spool *s, size_t bytes);	/* the oldest of the lowest class go */
void spool_queue_done(struct spool *s, uint8_t class, uint64_t from, uint64_t to);	/* those go */
uint64_t spool_queue_oldest_ns(const struct spool *s);	/* since when; 0: empty */

/* spool_room.c */
int spool_make_room(struct spool *s, uint8_t class, uint64_t file_bytes, uint64_t bytes, uint64_t now_ns);
int spool_drop_oldest(struct spool *s, uint8_t class, enum spool_reason reason);	/* -ENOSPC: none that may go for @class */

/* spool_read.c */
void spool_done_with(struct spool *s, uint8_t class, uint64_t from, uint64_t to);	/* acknowledged or lost */
struct spool_slot *spool_slot_find(struct spool *s, uint8_t class, uint64_t seq);
void spool_restart_places(struct spool *s);

/* spool_recover.c */
int spool_recover(struct spool *s, uint64_t now_ns);
