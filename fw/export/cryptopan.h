/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cryptopan - Crypto-PAn, prefix-preserving pseudonyms of addresses: Xu, Fan, Ammar, Moon, "Prefix-Preserving IP
 * Address Anonymization", ICNP 2002, with AES-128 of libcrypto.
 *
 * Whether bit i is flipped depends on the key and on the i bits before it, and on nothing else: two addresses that
 * share exactly n leading bits share exactly n afterwards, and no two become one. Gives the bits to flip and not the
 * result, so that a caller may leave some as they are: the property holds as long as that, too, is decided by the bits
 * before. Knows no classes of addresses; privacy.c does. Known limit, of every such map: whoever learns which pseudonym
 * one address has, learns those of the prefixes it shares with others. Bytes are in wire order. 0 or a negative errno.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CRYPTOPAN_KEY_BYTES 32 /* the AES key, then the block whose cipher text is the pad */
#define CRYPTOPAN_MAX	    16 /* bytes of an address */

struct cryptopan;

int cryptopan_new(struct cryptopan **ret_cryptopan, const uint8_t key[CRYPTOPAN_KEY_BYTES]);
struct cryptopan *cryptopan_free(struct cryptopan *c); /* takes NULL; returns NULL */

/* The pseudonym of @addr is @addr xor @ret_flips. @len: 4 or 16 bytes, at most CRYPTOPAN_MAX. Costs 8 x @len blocks. */
int cryptopan_flips(struct cryptopan *c, const uint8_t *addr, size_t len, uint8_t *ret_flips);
