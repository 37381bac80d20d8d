/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quic_crypto - keys of Initial packets, and what they open (RFC 9001 5, RFC 9369 3.3). Anyone who sees the client's
 * first Destination Connection ID has these keys; no others are here.
 *
 * Pure but for libcrypto, whose objects are fetched once in quic_crypto_new(). Not for two threads at once. 0 or a
 * negative errno; no logging.
 */
#pragma once

#include "enrich/quic_packet.h"

/* Of an Initial; 4 kB in struct quic_crypto. Real ones have 1200 to 1452 bytes: the path's MTU is not known yet. */
#define QUIC_PAYLOAD_MAX 4096

enum quic_side { QUIC_CLIENT, QUIC_SERVER };

struct quic_keys {
	uint8_t key[16], iv[12], hp[16];
};

struct quic_crypto;

int quic_crypto_new(struct quic_crypto **ret_crypto);	/* -ENOTSUP: this libcrypto lacks HKDF or AES-128 */
struct quic_crypto *quic_crypto_free(struct quic_crypto *crypto);	/* takes NULL; returns NULL */

int quic_crypto_keys(struct quic_crypto *crypto, const struct quic_version *version, const struct quic_cid *dcid,
		     enum quic_side side, struct quic_keys *ret_keys);

/*
 * Opens an Initial. @next_number: 1 over the highest packet number seen with these keys; moves on. @ret_payload lives
 * until the next call. -EBADMSG: not with these keys; -EMSGSIZE: too short to be protected, or over QUIC_PAYLOAD_MAX.
 */
int quic_crypto_open(struct quic_crypto *crypto, const struct quic_keys *keys, const struct quic_packet *packet,
		     uint64_t *next_number, struct tls_bytes *ret_payload);

/* RFC 9001 5.8: the Retry answers an Initial sent to @original. -EBADMSG: it does not. */
int quic_crypto_retry(struct quic_crypto *crypto, const struct quic_packet *retry, const struct quic_cid *original);
