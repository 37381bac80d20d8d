/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quic_packet - the packets of a QUIC datagram, as far as their headers are in clear (RFC 8999, 9000 17, 9369), and the
 * frames of an Initial once it is open (RFC 9000 12.4, 19).
 *
 * Pure: knows no keys and no connections. What it hands out points into the bytes given. Known limit: a datagram may
 * end in bytes that are no packet (zeros, by some stacks); they end the walk as QUIC_PACKET_BAD. No allocation, no
 * logging.
 */
#pragma once

#include "base/reader.h"
#include "enrich/tls.h"

#define QUIC_CID_MAX		20	/* RFC 9000 17.2; other versions may have longer ones (RFC 8999 5.3), which are refused */
#define QUIC_TAG_BYTES		16
#define QUIC_SALT_BYTES		20

enum quic_packet_type {
	QUIC_INITIAL,
	QUIC_ZERO_RTT,
	QUIC_HANDSHAKE,
	QUIC_RETRY_PACKET,
	QUIC_NEGOTIATION,	/* version negotiation */
	QUIC_SHORT_HEADER,
	QUIC_OTHER_VERSION,	/* connection ids are known, the rest is not; 1200 bytes at least */
	QUIC_PACKET_BAD,	/* ends too early, or is no QUIC */
};

/* What differs between versions: RFC 9001 5.2, 5.8; RFC 9369 3.3 */
struct quic_version {
	uint32_t number;
	uint8_t first_type;	/* long packet type of Initials; the others follow (RFC 9369 3.2) */
	const char *key_label, *iv_label, *hp_label;
	uint8_t salt[QUIC_SALT_BYTES], retry_key[16], retry_nonce[12];
};

struct quic_cid {
	uint8_t len;
	uint8_t id[QUIC_CID_MAX];	/* 0 behind @len: cids compare as a whole */
};

struct quic_packet {
	enum quic_packet_type type;
	uint32_t number;			/* of the version; 0 in short headers */
	const struct quic_version *version;	/* NULL: unknown */
	struct quic_cid dcid, scid;
	struct tls_bytes token;		/* Initial, Retry */
	struct tls_bytes all;		/* from the first byte to the last; Retry: its tag included */
	size_t number_at;		/* Initial: where the protected packet number begins in @all */
	struct tls_bytes versions;	/* QUIC_NEGOTIATION: 4 bytes each */
};

enum quic_frame {
	QUIC_FRAME_CRYPTO,	/* @ret_offset, @ret_data */
	QUIC_FRAME_OTHER,	/* PADDING (a run of it), PING, ACK, CONNECTION_CLOSE: skipped */
	QUIC_FRAME_BAD,		/* not allowed in an Initial (RFC 9000 17.2.2), or ends too early */
};

const struct quic_version *quic_version_find(uint32_t number);	/* NULL: not in the table */

/* The packet at the front of @datagram, which must not be empty and moves behind it; QUIC_PACKET_BAD: all of it. */
enum quic_packet_type quic_packet_next(struct reader *datagram, struct quic_packet *ret_packet);

/* The frame at the front of @payload, which must not be empty. */
enum quic_frame quic_frame_next(struct reader *payload, uint64_t *ret_offset, struct tls_bytes *ret_data);

uint64_t quic_varint(struct reader *r);	/* RFC 9000 16 */

/* RFC 9000 A.3: the packet number whose last @bytes bytes are @truncated; @next: the highest one seen so far, plus 1. */
uint64_t quic_packet_number(uint64_t next, uint32_t truncated, size_t bytes);
