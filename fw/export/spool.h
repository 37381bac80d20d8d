/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * spool - keeps every message until it is acknowledged, over outages, crashes and power cuts, within bounds.
 *
 * Messages have a class (0, losses, is the spool's own; a lower number is worth more) and in it a sequence number. Each
 * goes into the memory queue first. durable: it is written at once, synced in groups (@commit_ns, @commit_bytes), and
 * handed out only then: the log is the truth. spill: it is handed out from memory and written only when it has waited
 * for @spill_after_ns or the queue is three quarters full. A disk that fails three times in a row is left alone for a while
 * (memory only), then tried again.
 *
 * Every message is delivered, or declared lost by a message of class 0 (spool_record.h: struct spool_loss). The key of a
 * message is (epoch, class, seq): seq goes on over restarts, epoch changes when a run did not end in order, and a loss
 * UNCLEAN says where the old one ends. Blocks as long as the disk does; no threads. Times are CLOCK_MONOTONIC ns, passed
 * in. 0 or a negative errno; no logging: spool_state() says what is wrong.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/spool_io.h"
#include "export/spool_record.h"

#define SPOOL_SLOTS	  320	/* 256 of the window and some; 12 kB: messages handed out and not acknowledged, refused ones included */
#define SPOOL_TRIES	  8	/* a message that was refused this often is lost ... */
#define SPOOL_RETRY_NS	  1000000000ULL	/* ... the waits between: 1 s, doubled up to ... */
#define SPOOL_RETRY_MAX_NS 60000000000ULL	/* ... a minute */
#define SPOOL_STRIKES	  3	/* errors of the disk in a row: memory only ... */
#define SPOOL_REST_NS	  10000000000ULL	/* ... for 10 s, doubled up to ... */
#define SPOOL_REST_MAX_NS 600000000000ULL	/* ... ten minutes */
#define SPOOL_SEGMENTS_MAX 16384	/* files, 2 MB of memory; more are not made, nor read */

enum spool_mode { SPOOL_DURABLE, SPOOL_SPILL, SPOOL_MEMORY /* no disk: conf.io is NULL */ };
enum spool_part { SPOOL_LIVE, SPOOL_BACKLOG, SPOOL_PARTS };

struct spool_conf {
	const struct spool_io *io;
	enum spool_mode mode;
	unsigned int classes;		/* 2 to SPOOL_CLASSES */
	const char *device;		/* copied; files of another device are not read */
	uint64_t max_bytes;		/* of disk, all files together; spool_least_bytes() at least */
	uint64_t min_free_bytes;	/* of the file system: left to others */
	uint32_t segment_bytes;		/* a file's, unless one record is longer */
	size_t queue_bytes;		/* of memory */
	uint64_t commit_ns;
	uint32_t commit_bytes;
	uint64_t spill_after_ns;
	uint64_t cursor_ns;		/* how lazily the cursor is written */
	uint64_t backlog_ns;		/* offline for so long: what waits is backlog */
	uint64_t (*random)(void *arg);	/* for epochs; NULL: getrandom(2) */
	void *random_arg;
};

/* Name, then what it counts since spool_open(). */
#define SPOOL_COUNTERS(X) \
	X(messages,		"messages taken in, losses included") \
	X(sent,			"messages handed out, repeats included") \
	X(acked,		"messages acknowledged") \
	X(ack_unknown,		"acknowledgements of messages no longer kept") \
	X(resent,		"messages handed out that wait again because the connection was lost") \
	X(refused,		"refusals; tried again later") \
	X(lost,			"messages lost, of every reason; each is in a loss that is delivered") \
	X(lost_records,		"records in them, where known") \
	X(losses,		"losses declared") \
	X(losses_merged,	"sequence numbers declared lost that were not, because there were too many gaps at once") \
	X(recovered,		"messages found on the disk at the start") \
	X(unclean_stops,	"starts after a run that did not end in order") \
	X(bad_bytes,		"bytes of segments that are no records") \
	X(segments_made,	"segments made") \
	X(segments_deleted,	"segments deleted behind the cursor") \
	X(segments_dropped,	"segments dropped to make room") \
	X(segments_bad,		"segments without one good record, the last of which is kept as bad.seg") \
	X(segments_foreign,	"segments of another device: not read") \
	X(commits,		"syncs of data") \
	X(cursor_writes,	"cursors written") \
	X(disk_errors,		"errors of the disk") \
	X(disk_off,		"times that the disk was left alone after SPOOL_STRIKES of them")

struct spool_counters {
#define X(name, text) uint64_t name;
	SPOOL_COUNTERS(X)
#undef X
};

struct spool_stamp {
	uint64_t mono_ns;
	uint64_t wall_us;
	uint32_t count;		/* of records in the payload; 1 where it is one itself */
	uint8_t flags;
	uint8_t time_quality;
};

struct spool_message {
	uint32_t id;		/* for spool_sent() and what follows; not 0 */
	enum spool_part part;
	uint8_t tries;		/* refused so often */
	bool again;		/* was handed out before, in this run */
	struct spool_record record;	/* its payload is good until the next call */
};

struct spool_state {
	enum spool_mode mode;
	bool is_disk_off;	/* memory only, for now: an alarm */
	bool is_announced;	/* the disk knows of this run; as long as it does not, a crash leaves no trace of it */
	int disk_error;		/* the last one, negative errno; 0: none */
	uint64_t disk_off_since_ns;
	uint64_t epoch;
	uint64_t waiting;	/* messages neither acknowledged nor lost, those in flight included */
	uint64_t oldest_wall_us;	/* of the first one that waits on disk or in memory; 0: none, or not known */
	uint32_t in_flight;
	size_t queue_bytes;	/* memory used */
	uint64_t disk_bytes;
	uint32_t segments;
	uint64_t worst_case_loss_ns;	/* how far back what a power cut takes may reach; without a disk: the oldest in memory */
	uint64_t lost_by_reason[SPOOL_REASON_N];
	uint64_t lost_of[SPOOL_CLASSES];	/* messages, by class, as counters.lost */
	uint64_t lost_records_of[SPOOL_CLASSES];
};

struct spool;

uint64_t spool_least_bytes(const struct spool_conf *conf);

/* Recovers what is there. -EINVAL: sizes that cannot be; -ENOMEM. A disk that fails is no error: see spool_state(). */
int spool_open(struct spool **ret_spool, const struct spool_conf *conf, uint64_t now_ns);
/* In order: all is written and synced. Returns how many messages could not be, and are lost when the process ends. */
uint64_t spool_close(struct spool *s, uint64_t now_ns);
struct spool *spool_free(struct spool *s);	/* without a word to the disk; takes NULL; returns NULL */

/* -EMSGSIZE, -ENOMEM: lost, and declared. */
int spool_append(struct spool *s, uint8_t class, const struct spool_stamp *stamp, const void *payload, uint32_t len,
		 uint64_t now_ns, uint64_t *ret_seq);
/* Records that never were a message (too big for one): declared lost under a number of their own. */
void spool_declare(struct spool *s, uint8_t class, enum spool_reason reason, uint64_t records, uint64_t now_ns);

/* What is due: commits, the cursor, deletions, another try of the disk. @online: somebody takes messages. */
void spool_tick(struct spool *s, uint64_t now_ns, bool online);

/*
 * The next message of a part to hand out; false: none now. Classes in their order, in each by number; a refused one when its
 * time has come. After spool_sent() it is in flight.
 */
/* (None is handed out while SPOOL_SLOTS are in flight or wait after a refusal.) */
bool spool_next(struct spool *s, enum spool_part part, uint64_t now_ns, struct spool_message *ret_message);
int spool_sent(struct spool *s, const struct spool_message *message);	/* -ENOBUFS: SPOOL_SLOTS are in flight */
int spool_ack(struct spool *s, uint32_t id);		/* -ENOENT: not kept (any more), counted */
int spool_refuse(struct spool *s, uint32_t id, uint64_t now_ns);
void spool_give_up(struct spool *s, uint32_t id, enum spool_reason reason);	/* one in flight: lost */
uint32_t spool_bytes(struct spool *s, uint32_t id);	/* payload of one in flight; 0: it is not */
void spool_unsend_all(struct spool *s);			/* connection lost: all in flight waits again */

void spool_state(const struct spool *s, uint64_t now_ns, struct spool_state *ret_state);
const struct spool_counters *spool_counters(const struct spool *s);
uint64_t spool_durable(const struct spool *s, uint8_t class);	/* all numbers up to it are on the disk */
