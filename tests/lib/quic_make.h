/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * quic_make - builds and protects QUIC packets for the tests: Initials, Retries, and others whose payload stays closed.
 *
 * Its own way through libcrypto (HMAC, EVP_aes_128_*), and its own table of versions: nothing here is shared with
 * fw/enrich/quic_crypto. Packets are appended to a datagram, so that they can be coalesced.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUIC_V1 0x00000001u
#define QUIC_V2 0x6b3343cfu

struct quic_bytes {
	size_t len;
	uint8_t b[70000];
};

struct quic_initial {
	uint32_t version;
	bool server;
	uint8_t type;			/* 0 Initial, 1 0-RTT, 2 Handshake: protected with the same keys */
	const char *keys_dcid;		/* NUL-terminated, as all cids here; NULL: @dcid */
	const char *dcid, *scid, *token;
	uint32_t number;
	size_t number_len;		/* 0: 1 */
};

static inline void quic_put(struct quic_bytes *d, const void *bytes, size_t len)
{
	if (len > sizeof(d->b) - d->len)
		abort();
	if (len)
		memcpy(d->b + d->len, bytes, len);
	d->len += len;
}

static inline void quic_put_uint(struct quic_bytes *d, uint64_t value, size_t size)
{
	while (size--)
		quic_put(d, &(uint8_t){ (uint8_t)(value >> 8 * size) }, 1);
}

/* In 1, 2, 4 or 8 bytes, the fewest. */
static inline void quic_put_varint(struct quic_bytes *d, uint64_t value)
{
	size_t size = value < 64 ? 1 : value < 16384 ? 2 : value < 1u << 30 ? 4 : 8;
	uint64_t top = size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3;

	quic_put_uint(d, value | top << (8 * size - 2), size);
}

static inline void quic_put_cid(struct quic_bytes *d, const char *cid)
{
	quic_put_uint(d, strlen(cid), 1);
	quic_put(d, cid, strlen(cid));
}

static inline void quic_put_crypto(struct quic_bytes *d, uint64_t offset, const void *bytes, size_t len)
{
	quic_put_uint(d, 6, 1);
	quic_put_varint(d, offset);
	quic_put_varint(d, len);
	quic_put(d, bytes, len);
}

static inline void quic_put_hex(struct quic_bytes *d, const char *hex)
{
	unsigned int nibble = 0, value = 0;

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		value = value << 4 | (unsigned int)(*hex <= '9' ? *hex - '0' : *hex - 'a' + 10);
		if (nibble++ & 1)
			quic_put_uint(d, value & 0xff, 1);
	}
}

static inline void quic_hmac(const void *key, size_t key_len, const void *bytes, size_t len, uint8_t ret_hash[32])
{
	if (!HMAC(EVP_sha256(), key, (int)key_len, bytes, len, ret_hash, NULL))
		abort();
}

static inline void quic_expand(const uint8_t secret[32], const char *prefix, const char *label, uint8_t *ret_key, size_t len)
{
	char info[64] = { 0, (char)len, (char)(6 + strlen(prefix) + strlen(label)) };
	size_t text = (size_t)snprintf(info + 3, sizeof(info) - 3, "tls13 %s%s", prefix, label);
	uint8_t hash[32];

	info[3 + text + 1] = 1;	/* behind the context, which is empty: the first block */
	quic_hmac(secret, 32, info, 3 + text + 2, hash);
	memcpy(ret_key, hash, len);
}

static inline void quic_make_keys(uint32_t version, bool server, const char *dcid, uint8_t key[16], uint8_t iv[12], uint8_t hp[16])
{
	const char *salt = version == QUIC_V2 ? "\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9" :
			   version >= 0xff00001d && version <= 0xff000020 ?
			   "\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99" :
			   version >> 8 == 0xff0000 && version < 0xff00001d ?
			   "\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02" :
			   "\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a";
	const char *prefix = version == QUIC_V2 ? "quicv2 " : "quic ";
	uint8_t initial[32], secret[32];

	quic_hmac(salt, 20, dcid, strlen(dcid), initial);
	quic_expand(initial, "", server ? "server in" : "client in", secret, 32);
	quic_expand(secret, prefix, "key", key, 16);
	quic_expand(secret, prefix, "iv", iv, 12);
	quic_expand(secret, prefix, "hp", hp, 16);
}

/* @len bytes at @bytes into @ret_out, with the tag behind them. */
static inline void quic_seal(const uint8_t *key, const uint8_t *nonce, const void *aad, size_t aad_len, const void *bytes,
			     size_t len, uint8_t *ret_out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	if (!EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, key, nonce) || !EVP_EncryptUpdate(c, NULL, &n, aad, (int)aad_len) ||
	    (len && !EVP_EncryptUpdate(c, ret_out, &n, bytes, (int)len)) || !EVP_EncryptFinal_ex(c, ret_out + len, &n) ||
	    !EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, ret_out + len))
		abort();
	EVP_CIPHER_CTX_free(c);
}

/* A long packet with @payload in it, protected, behind what @d has. */
static inline void quic_make_initial(struct quic_bytes *d, const struct quic_initial *i, const void *payload, size_t len)
{
	size_t number_len = i->number_len ? i->number_len : 1, begin = d->len, number_at;
	uint8_t key[16], iv[12], hp[16], mask[16], type = (uint8_t)((i->type + (i->version == QUIC_V2)) & 3);
	uint8_t *out = malloc(len + 16);
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	quic_make_keys(i->version, i->server, i->keys_dcid ? i->keys_dcid : i->dcid, key, iv, hp);
	quic_put_uint(d, 0xc0u | (unsigned int)type << 4 | (number_len - 1), 1);
	quic_put_uint(d, i->version, 4);
	quic_put_cid(d, i->dcid);
	quic_put_cid(d, i->scid ? i->scid : "");
	if (!i->type) {
		quic_put_varint(d, i->token ? strlen(i->token) : 0);
		quic_put(d, i->token ? i->token : "", i->token ? strlen(i->token) : 0);
	}
	quic_put_uint(d, 0x4000 | (number_len + len + 16), 2);
	number_at = d->len;
	quic_put_uint(d, i->number, number_len);
	for (size_t b = 0; b < 4; b++)
		iv[11 - b] ^= (uint8_t)(i->number >> 8 * b);
	quic_seal(key, iv, d->b + begin, d->len - begin, payload, len, out);
	quic_put(d, out, len + 16);
	if (d->len >= number_at + 20) {
		if (!EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), NULL, hp, NULL) ||
		    !EVP_EncryptUpdate(c, mask, &n, d->b + number_at + 4, 16))
			abort();
		d->b[begin] ^= mask[0] & 0x0f;
		for (size_t b = 0; b < number_len; b++)
			d->b[number_at + b] ^= mask[1 + b];
	}
	EVP_CIPHER_CTX_free(c);
	free(out);
}

/* Of version 1, in answer to an Initial sent to @original. */
static inline void quic_make_retry(struct quic_bytes *d, const char *original, const char *dcid, const char *scid, const char *token)
{
	struct quic_bytes *pseudo = calloc(1, sizeof(*pseudo));
	size_t begin = d->len;
	uint8_t tag[16];

	quic_put_uint(d, 0xf0, 1);
	quic_put_uint(d, QUIC_V1, 4);
	quic_put_cid(d, dcid);
	quic_put_cid(d, scid);
	quic_put(d, token, strlen(token));
	quic_put_cid(pseudo, original);
	quic_put(pseudo, d->b + begin, d->len - begin);
	quic_seal((const uint8_t *)"\xbe\x0c\x69\x0b\x9f\x66\x57\x5a\x1d\x76\x6b\x54\xe3\x68\xc8\x4e",
		  (const uint8_t *)"\x46\x15\x99\xd3\x5d\x63\x2b\xf2\x23\x98\x25\xbb", pseudo->b, pseudo->len, "", 0, tag);
	quic_put(d, tag, 16);
	free(pseudo);
}
