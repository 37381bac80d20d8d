/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quic_pool - the memory of quic.c, and of nobody else: connections, which a flow has a list of, and what all flows share.
 *
 * Connections are taken from one block, and given back by quic_end(), or when a newer one of the flow needs the room.
 */
#pragma once

#include "enrich/quic.h"
#include "enrich/quic_crypto.h"
#include "enrich/reassemble.h"

/* One side's Initials. */
struct quic_half {
	struct quic_keys keys;
	uint32_t keys_version;		/* 0: none yet. It may change: RFC 9368 */
	uint64_t next_number;
	struct reassemble *crypto;	/* NULL: nothing of the message yet */
	uint32_t base;			/* where the message begins among the CRYPTO bytes */
	uint8_t messages;
};

struct quic_connection {
	struct quic_connection *older;	/* in a flow, or the next free one */
	uint16_t number;
	uint8_t client_direction;
	bool server_seen, retried;
	struct quic_cid original;	/* the client's first DCID, or the one a Retry gave it: keys come from it */
	struct quic_cid client, server;	/* their own cids; @server is known when @server_seen */
	struct quic_half half[2];		/* by enum quic_side */
};

struct quic_pool {
	struct quic_crypto *crypto;
	struct ja4 *ja4;
	struct reassemble_pool *buffers;
	struct reassemble *lent[QUIC_MESSAGES_MAX];	/* what the facts point into */
	size_t lent_count;
	uint64_t counts[QUIC_RESULT_COUNT];
	struct quic_connection *free;
	size_t size, fresh, used;	/* @fresh: the first one never used */
	struct quic_connection all[];
};

/* The flow's newest connection, all zero but for its number; NULL: none is free. */
struct quic_connection *quic_pool_begin(struct quic_pool *pool, struct quic *q);
void quic_pool_drop(struct quic_pool *pool, struct quic *q, struct quic_connection *c);	/* @c is one of @q */
void quic_pool_take_back(struct quic_pool *pool);	/* what the last facts pointed into */
