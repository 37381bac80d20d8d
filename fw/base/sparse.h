/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sparse - values of one size by number, where few of very many numbers have one: memory follows how many there are.
 *
 * Linear hashing over a dense array: the last value moves into the place of one that goes, so that what is not needed any more
 * is whole pages at the end, which go back. No step is longer than a few chains: it never stops to grow.
 * A pointer is good until the next sparse_add() or sparse_remove(). Values are aligned to 4 bytes. Numbers are the caller's
 * own: who could choose them could make chains long. No logging.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SPARSE_EACH_BYTES	12u		/* of memory besides the value itself */
#define SPARSE_SLACK_BYTES	(64u << 10)	/* most that is kept beyond need, twice: of values, and of heads of chains */

struct sparse;

/* At most @max values of @size bytes. Addresses are reserved for all, memory is used by what is there. -EINVAL, -ENOMEM */
int sparse_new(struct sparse **ret_sparse, size_t size, uint32_t max);
struct sparse *sparse_free(struct sparse *s);	/* takes NULL; returns NULL */

void *sparse_find(const struct sparse *s, uint32_t number);	/* NULL: there is none */
void *sparse_add(struct sparse *s, uint32_t number);		/* what is there, or a new one, all zero. NULL: full */
void sparse_remove(struct sparse *s, uint32_t number);		/* none there: nothing */

uint32_t sparse_count(const struct sparse *s);
size_t sparse_bytes(const struct sparse *s);	/* of memory that it may have touched and not given back */
