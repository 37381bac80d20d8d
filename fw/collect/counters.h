/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * counters - reads the books and the counters of no port out of the per-CPU maps, summed over the CPUs.
 *
 * Nothing is ever reset, so a reading can be repeated. 0 or a negative errno; no logging.
 */
#pragma once

#include <stdint.h>

#include "bpf/abi.h"

struct counters {
	int books_fd, stats_fd, taken_fd;	/* maps; borrowed */
};

extern const char *const book_class_names[BOOK_N];	/* "arp", ... */
extern const char *const book_class_texts[BOOK_N];
extern const char *const stat_names[STAT_N];
extern const char *const stat_texts[STAT_N];
extern const char *const book_proto_names[BOOK_PROTOS];	/* refused.proto */

int counters_books(const struct counters *c, uint32_t port, struct books *ret_books);
int counters_taken(const struct counters *c, uint32_t port, struct taken *ret_taken);
int counters_stats(const struct counters *c, uint64_t ret_stats[STAT_N]);

/* Sum of the classes of one direction. */
struct tally counters_classes(const struct books *books, int dir);
