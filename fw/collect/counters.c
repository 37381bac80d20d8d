/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/counters.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

const char *const book_class_names[BOOK_N] = {
#define X(id, name, text) name,
	BOOK_CLASSES(X)
#undef X
};

const char *const book_class_texts[BOOK_N] = {
#define X(id, name, text) text,
	BOOK_CLASSES(X)
#undef X
};

const char *const stat_names[STAT_N] = {
#define X(id, name, text) name,
	STATS(X)
#undef X
};

const char *const stat_texts[STAT_N] = {
#define X(id, name, text) text,
	STATS(X)
#undef X
};

const char *const book_proto_names[BOOK_PROTOS] = { "tcp", "udp", "icmp", "other" };

/* Adds up the @words 64-bit words of a per-CPU value. The kernel rounds each CPU's share up to 8 bytes: none to round. */
static int sum_cpus(int fd, uint32_t key, uint64_t *ret_sum, size_t words)
{
	const int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ uint64_t *all = NULL;

	if (cpus < 0)
		return cpus;
	all = calloc((size_t)cpus, words * sizeof(*all));
	if (!all)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &key, all))
		return -errno;
	memset(ret_sum, 0, words * sizeof(*ret_sum));
	for (size_t cpu = 0; cpu < (size_t)cpus; cpu++)
		for (size_t i = 0; i < words; i++)
			ret_sum[i] += all[cpu * words + i];
	return 0;
}

int counters_books(const struct counters *c, uint32_t port, struct books *ret_books)
{
	return sum_cpus(c->books_fd, port, (uint64_t *)ret_books, sizeof(*ret_books) / sizeof(uint64_t));
}

int counters_taken(const struct counters *c, uint32_t port, struct taken *ret_taken)
{
	return bpf_map_lookup_elem(c->taken_fd, &port, ret_taken) ? -errno : 0;
}

int counters_stats(const struct counters *c, uint64_t ret_stats[STAT_N])
{
	return sum_cpus(c->stats_fd, 0, ret_stats, STAT_N);
}

struct tally counters_classes(const struct books *books, int dir)
{
	struct tally sum = { 0, 0 };

	for (int i = 0; i < BOOK_N; i++) {
		sum.frames += books->dir[dir].class[i].frames;
		sum.bytes += books->dir[dir].class[i].bytes;
	}
	return sum;
}
