/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* measure - CPU time, medians, rows of build/bench.json; for the bench programs. */
#pragma once

#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MEASURE_ROUNDS_MAX 1024

/* One thing that is measured in turn with others: a sample a round. */
struct measured {
	double ns[MEASURE_ROUNDS_MAX];
	int rounds;
};

/* What this thread has used of its CPU: what others use meanwhile is not in it. */
static inline double measure_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline void measure_add(struct measured *m, double ns)
{
	if (m->rounds < MEASURE_ROUNDS_MAX)
		m->ns[m->rounds++] = ns;
}

static inline int measure_compare(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return a < b ? -1 : a > b;
}

static inline double measure_median(const struct measured *m)
{
	struct measured sorted = *m;

	qsort(sorted.ns, (size_t)sorted.rounds, sizeof(sorted.ns[0]), measure_compare);
	return sorted.rounds % 2 ? sorted.ns[sorted.rounds / 2] :
	       (sorted.ns[sorted.rounds / 2 - 1] + sorted.ns[sorted.rounds / 2]) / 2;
}

/* Words of the command line, up to its NULL: rows whose name has none of them are not measured. No words: all rows. */
static inline bool measure_wanted(char *const *words, const char *row)
{
	if (!*words)
		return true;
	for (; *words; words++)
		if (strstr(row, *words))
			return true;
	return false;
}

/* The last CPU that may be used: interrupts mostly go to the first. */
static inline void measure_pin_cpu(void)
{
	cpu_set_t allowed, one;
	int cpu = CPU_SETSIZE - 1;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	while (cpu > 0 && !CPU_ISSET(cpu, &allowed))
		cpu--;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* A row for tests/bench/run, on standard output. */
static inline void measure_row(const char *name, unsigned int flows, double weir_ns, const char *base, double base_ns)
{
	printf("{\"name\": \"%s\", \"flows\": %u, \"weir_ns\": %.1f, \"base\": \"%s\", \"base_ns\": %.1f, \"ratio\": %.3f}\n",
	       name, flows, weir_ns, base, base_ns, base_ns > 0 ? weir_ns / base_ns : 0);
	fflush(stdout);
}

/* Memory instead of time: most that there can be, and where its limit stands. */
static inline void measure_memory(const char *name, size_t bytes, const char *limit)
{
	printf("{\"name\": \"%s\", \"bytes\": %zu, \"limit\": \"%s\"}\n", name, bytes, limit);
	fflush(stdout);
}

__attribute__((format(printf, 1, 2)))
static inline void measure_progress(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

__attribute__((format(printf, 1, 2), noreturn))
static inline void measure_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}
