/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dtls - hellos out of the datagrams of a DTLS flow: 1.0 (RFC 4347), 1.2 (RFC 6347) and 1.3 (RFC 9147).
 *
 * Records of epoch 0 are walked, fragments of a hello joined in any order, encrypted records stepped over. The hello
 * that comes again with a cookie is told like the first; the caller keeps the last one. What is no DTLS (STUN, RTP in
 * front of it) ends nothing. Pure but for the caller's pool, of which a hello in one fragment takes nothing. Limit: a
 * hello over DTLS_MESSAGE_MAX is not joined. No logging.
 */
#pragma once

#include "enrich/ja4.h"
#include "enrich/reassemble.h"

#define DTLS_MESSAGE_MAX	(REASSEMBLE_BYTES - 12)
#define DTLS_RECORDS_MAX	16	/* of a datagram: real ones have up to 6 */
#define DTLS_MESSAGES_MAX	16	/* of a record */

enum dtls_result {
	DTLS_NOT_DTLS,
	DTLS_SKIPPED,	/* DTLS, and nothing of a hello in it */
	DTLS_MORE,	/* a hello is not whole yet */
	DTLS_BAD,	/* lengths that contradict each other */
	DTLS_FULL,	/* no buffer, or a hello too long to be joined */
	DTLS_HELLO,	/* facts: client, server or both */
};

/* A flow's part, all zero when it begins. */
struct dtls {
	struct reassemble *buffer[2];	/* by direction; NULL: no fragment waits */
	uint32_t message[2];		/* of it: type, message_seq */
	uint32_t length[2];
};

struct dtls_facts {
	enum tls_result tls;		/* of the last hello */
	bool has_client, has_server;
	bool hello_retry;		/* HelloVerifyRequest: the server wants a cookie */
	struct tls_client client;	/* these point into @bytes or into the pool: good until dtls_done() */
	struct tls_server server;
	char ja4[JA4_SIZE];		/* "": no fingerprint */
};

/* @direction: 0 or 1, the flow's own. */
enum dtls_result dtls_datagram(struct reassemble_pool *pool, struct ja4 *ja4, struct dtls *d, unsigned int direction,
			       const uint8_t *bytes, size_t len, struct dtls_facts *ret_facts);

/* The facts were looked at: buffers of whole hellos go back. */
void dtls_done(struct reassemble_pool *pool, struct dtls *d);
void dtls_end(struct reassemble_pool *pool, struct dtls *d);	/* all zero again */
