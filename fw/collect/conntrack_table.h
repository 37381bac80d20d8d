/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * conntrack_table - connections that NAT changes or a NIC forwards, found by how either side of the gateway sees them.
 *
 * Bounded, memory taken once; who has been in it longest gives way, ended ones first. An ended connection stays for
 * CONNTRACK_GRACE_NS, because the record of a flow comes later than its end. Of two connections that look the same on
 * one side only the later one is kept, as the kernel has at most one at a time; without ports (ICMP, GRE) both are, and
 * what they do not agree on is not told. Knows no clock (the caller's nanoseconds), no socket. No logging.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"
#include "collect/conntrack_message.h"

#define CONNTRACK_ENTRIES	16384u		/* of 160 bytes, and 8 of the index: 2.8 MB */
#define CONNTRACK_GRACE_NS	120000000000ULL

struct conntrack_table;

/* 0, -EINVAL: @entries is 0 or over 2^20; -ENOMEM */
int conntrack_table_new(struct conntrack_table **ret_table, size_t entries, struct siphash_key seed);
struct conntrack_table *conntrack_table_free(struct conntrack_table *table);	/* takes NULL; returns NULL */

/* It began, or was there already. One without NAT is not kept, but ends what had its addresses and ports. */
void conntrack_table_add(struct conntrack_table *table, const struct conntrack_connection *connection);
/* It is in a later list of all: its counts now. What a NIC forwards is kept from then on, also without NAT. */
void conntrack_table_refresh(struct conntrack_table *table, const struct conntrack_connection *connection);
void conntrack_table_end(struct conntrack_table *table, const struct conntrack_connection *connection, uint64_t now_ns);
void conntrack_table_expire(struct conntrack_table *table, uint64_t now_ns);	/* drops those that ended long enough ago */

/* How the other side sees @pair, in the same order of its ends; @pair itself may be either way round. */
bool conntrack_table_find(const struct conntrack_table *table, uint8_t proto, const struct conntrack_pair *pair,
			  struct conntrack_pair *ret_other);

/*
 * What was counted so far of a connection that a NIC forwards or has forwarded, in the order of @pair's ends; by the last
 * list, or its end. False: none, not counted, or several look alike.
 */
bool conntrack_table_counts(const struct conntrack_table *table, uint8_t proto, const struct conntrack_pair *pair,
			    struct conntrack_counts *ret_counts);

size_t conntrack_table_entries(const struct conntrack_table *table);
uint64_t conntrack_table_replaced(const struct conntrack_table *table);	/* gone before their time */
