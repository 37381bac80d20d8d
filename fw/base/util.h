/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* util - the few macros that every module uses. */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define NS_PER_S	1000000000ULL
#define NS_PER_MS	1000000ULL
#define NS_PER_US	1000ULL

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)	((a) < (b) ? (a) : (b))
#define MAX(a, b)	((a) > (b) ? (a) : (b))

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

/* Closed, freed at the end of the scope. */
#define _cleanup_close_ __attribute__((cleanup(util_close)))
#define _cleanup_free_ __attribute__((cleanup(util_free)))

static inline void util_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void util_free(void *p)
{
	free(*(void **)p);
}
