/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quic - hellos out of the datagrams of a QUIC flow: version 1, 2 and the last drafts (RFC 9000, 9001, 9369).
 *
 * Pure but for libcrypto and the pool, whose memory is taken once. Feed it both directions of a UDP flow, or the one
 * there is, until there is a QUIC_HELLO (and, if wanted, a QUIC_SERVER_HELLO); then quic_end(). CRYPTO frames are joined
 * over packets and datagrams in any order. Connections on one flow, told apart by their ids and keys, do not mix; the
 * last QUIC_CONNECTIONS_MAX are known. A connection whose first Initials were not seen has no keys, so no name. Nothing
 * is opened beyond Initials. Every datagram has one result, which the pool counts. Not for two threads at once; no logging.
 */
#pragma once

#include "enrich/ja4.h"
#include "enrich/quic_handshake.h"
#include "enrich/quic_packet.h"

/* Work for a datagram: what is over a limit is not read, and the result says so. */
#define QUIC_PACKETS_MAX	8	/* real ones have up to 4 */
#define QUIC_FRAMES_MAX		256	/* a run of PADDING is one; Chromium sends up to 60 */
#define QUIC_DERIVATIONS_MAX	3	/* sets of keys; about 4 microseconds each */

#define QUIC_CONNECTIONS_MAX	2	/* of a flow at one time; the oldest one makes room */
#define QUIC_FAILURES_MAX	16	/* of a flow: then nothing but its known connections is tried any more */
#define QUIC_MESSAGES_MAX	2	/* of a direction: there may be a HelloRetryRequest between */

/* In order of weight: of a datagram's packets the last one in this list is its result. */
#define QUIC_RESULTS(X) \
	X(QUIC_NOT_QUIC, "not_quic", "datagrams without a packet of QUIC") \
	X(QUIC_SKIPPED, "skipped", "datagrams with 0-RTT, Handshake and short headers only") \
	X(QUIC_UNKNOWN_VERSION, "unknown_version", "datagrams of a version of QUIC that is not known") \
	X(QUIC_NO_KEYS, "no_keys", "datagrams of connections that began unseen") \
	X(QUIC_DECRYPT_FAILED, "decrypt_failed", "datagrams damaged, forged, or begun unseen as well") \
	X(QUIC_BAD_FRAMES, "bad_frames", "datagrams whose frames break their own lengths") \
	X(QUIC_LIMIT, "limit", "datagrams beyond a limit: too many, too long, or too scattered") \
	X(QUIC_FULL, "full", "datagrams for which no connection or no buffer was free") \
	X(QUIC_VERSIONS, "version_negotiation", "datagrams with a version negotiation") \
	X(QUIC_RETRY, "retry", "datagrams with a Retry") \
	X(QUIC_OPENED, "opened", "datagrams with an Initial that has nothing for a hello") \
	X(QUIC_MORE, "more", "datagrams after which the hello is not whole yet") \
	X(QUIC_BAD_HELLO, "bad_hello", "datagrams with a whole hello that is none") \
	X(QUIC_SERVER_HELLO, "server_hello", "datagrams that ended a ServerHello: facts of the server") \
	X(QUIC_HELLO, "hello", "datagrams that ended a ClientHello: facts of the client, and JA4")

enum quic_result {
#define X(id, name, text) id,
	QUIC_RESULTS(X)
#undef X
	QUIC_RESULT_COUNT,
};

struct quic_pool;
struct quic_connection;

/* A flow's part, all zero when it begins; 16 bytes. */
struct quic {
	struct quic_connection *newest;
	uint32_t seen;		/* bit N: result N */
	uint16_t connections;	/* so far, up to 65535 */
	uint8_t failures;
	bool named;
};

struct quic_limits {
	size_t connections;	/* 224 bytes each */
	size_t crypto_bytes;	/* 16.5 kB for each direction of a connection whose hello is not whole yet; touched when used */
};

struct quic_facts {
	uint32_t version;	/* of the last long header; 0: none */
	uint16_t connection;	/* of the flow, from 1; 0: none */
	uint8_t steps;		/* QUIC_STEP_* of that connection's handshake */
	struct quic_cid dcid, scid;
	enum tls_result tls;	/* of the hello: a fault, though its facts are there */
	bool has_client, has_server;
	struct tls_client client;	/* these point into the pool: valid until its next quic_datagram() */
	struct tls_server server;
	char ja4[JA4_SIZE];	/* "": no fingerprint */
};

int quic_pool_new(struct quic_pool **ret_pool, const struct quic_limits *limits);	/* -EINVAL, -ENOMEM, -ENOTSUP */
struct quic_pool *quic_pool_free(struct quic_pool *pool);	/* takes NULL; returns NULL */
size_t quic_pool_used(const struct quic_pool *pool);		/* connections */
const uint64_t *quic_pool_counts(const struct quic_pool *pool);	/* QUIC_RESULT_COUNT of them: datagrams by result */

/* @direction: 0 or 1, the flow's own; which is the client's shows by what opens. */
enum quic_result quic_datagram(struct quic_pool *pool, struct quic *q, unsigned int direction, const uint8_t *bytes,
			       size_t len, struct quic_facts *ret_facts);

void quic_end(struct quic_pool *pool, struct quic *q);	/* all zero again */

const char *quic_result_name(enum quic_result result);

/* weir.name_status of the flow so far: "ok", or why there is no name. */
const char *quic_name_status(const struct quic *q);
