/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/quic_crypto.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "base/writer.h"

#define SECRET_BYTES	32	/* SHA-256 */
#define SAMPLE_BYTES	16
#define LABEL_MAX	32	/* HkdfLabel: 2 + 1 + "tls13 " + "quicv2 key" + 1 */

/* One context for each use: the digest and the cipher stay in it, the keys change. */
struct quic_crypto {
	EVP_KDF_CTX *extract, *expand;
	EVP_CIPHER_CTX *mask, *open;
	uint8_t payload[QUIC_PAYLOAD_MAX];
};

static EVP_KDF_CTX *hkdf(int mode)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;

	EVP_KDF_free(kdf);
	if (context && EVP_KDF_CTX_set_params(context, params) <= 0) {
		EVP_KDF_CTX_free(context);
		return NULL;
	}
	return context;
}

static EVP_CIPHER_CTX *cipher(const char *name, int (*init)(EVP_CIPHER_CTX *, const EVP_CIPHER *, const unsigned char *,
							    const unsigned char *, const OSSL_PARAM *))
{
	EVP_CIPHER *cipher_ = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *context = cipher_ ? EVP_CIPHER_CTX_new() : NULL;

	if (context && init(context, cipher_, NULL, NULL, NULL) <= 0) {
		EVP_CIPHER_CTX_free(context);
		context = NULL;
	}
	EVP_CIPHER_free(cipher_);
	return context;
}

int quic_crypto_new(struct quic_crypto **ret_crypto)
{
	struct quic_crypto *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->extract = hkdf(EVP_KDF_HKDF_MODE_EXTRACT_ONLY);
	c->expand = hkdf(EVP_KDF_HKDF_MODE_EXPAND_ONLY);
	c->mask = cipher("AES-128-ECB", EVP_EncryptInit_ex2);
	c->open = cipher("AES-128-GCM", EVP_DecryptInit_ex2);
	if (!c->extract || !c->expand || !c->mask || !c->open) {
		quic_crypto_free(c);
		return -ENOTSUP;
	}
	EVP_CIPHER_CTX_set_padding(c->mask, 0);
	*ret_crypto = c;
	return 0;
}

struct quic_crypto *quic_crypto_free(struct quic_crypto *crypto)
{
	if (!crypto)
		return NULL;
	EVP_KDF_CTX_free(crypto->extract);
	EVP_KDF_CTX_free(crypto->expand);
	EVP_CIPHER_CTX_free(crypto->mask);
	EVP_CIPHER_CTX_free(crypto->open);
	free(crypto);
	return NULL;
}

/* libcrypto wants its parameters without const; it does not write to them. */
static OSSL_PARAM octets(const char *name, const void *bytes, size_t len)
{
	return OSSL_PARAM_construct_octet_string(name, (void *)bytes, len);
}

static bool extract(struct quic_crypto *c, const uint8_t *salt, const struct quic_cid *dcid, uint8_t *ret_secret)
{
	OSSL_PARAM params[] = { octets(OSSL_KDF_PARAM_SALT, salt, QUIC_SALT_BYTES),
				octets(OSSL_KDF_PARAM_KEY, dcid->id, dcid->len), OSSL_PARAM_construct_end() };

	return EVP_KDF_derive(c->extract, ret_secret, SECRET_BYTES, params) > 0;
}

/* HKDF-Expand-Label with no context, RFC 8446 7.1 */
static bool expand(struct quic_crypto *c, const uint8_t *secret, const char *label, uint8_t *ret_bytes, size_t len)
{
	uint8_t info[LABEL_MAX];
	struct writer w = WRITER(info);
	OSSL_PARAM params[3];

	writer_bytes(&w, (uint8_t[]){ 0, (uint8_t)len, (uint8_t)(6 + strlen(label)) }, 3);
	writer_text(&w, "tls13 ");
	writer_text(&w, label);
	writer_bytes(&w, "", 1);
	params[0] = octets(OSSL_KDF_PARAM_KEY, secret, SECRET_BYTES);
	params[1] = octets(OSSL_KDF_PARAM_INFO, info, w.len);
	params[2] = OSSL_PARAM_construct_end();
	return !w.full && EVP_KDF_derive(c->expand, ret_bytes, len, params) > 0;
}

int quic_crypto_keys(struct quic_crypto *crypto, const struct quic_version *version, const struct quic_cid *dcid,
		     enum quic_side side, struct quic_keys *ret_keys)
{
	uint8_t initial[SECRET_BYTES], secret[SECRET_BYTES];
	struct quic_keys keys;

	if (!extract(crypto, version->salt, dcid, initial) ||
	    !expand(crypto, initial, side == QUIC_CLIENT ? "client in" : "server in", secret, sizeof(secret)) ||
	    !expand(crypto, secret, version->key_label, keys.key, sizeof(keys.key)) ||
	    !expand(crypto, secret, version->iv_label, keys.iv, sizeof(keys.iv)) ||
	    !expand(crypto, secret, version->hp_label, keys.hp, sizeof(keys.hp)))
		return -EIO;
	*ret_keys = keys;
	return 0;
}

/* RFC 9001 5.4: the first byte and the packet number, which are covered. */
static bool unmask(struct quic_crypto *c, const struct quic_keys *keys, const uint8_t *at, uint8_t first,
		   uint8_t *ret_first, uint8_t ret_number[4])
{
	uint8_t mask[SAMPLE_BYTES];
	int n;

	if (EVP_EncryptInit_ex2(c->mask, NULL, keys->hp, NULL, NULL) <= 0 ||
	    EVP_EncryptUpdate(c->mask, mask, &n, at + 4, SAMPLE_BYTES) <= 0)
		return false;
	*ret_first = first ^ (mask[0] & 0x0f);
	for (int i = 0; i < 4; i++)
		ret_number[i] = at[i] ^ mask[1 + i];
	return true;
}

static bool authenticated(EVP_CIPHER_CTX *context, const uint8_t *tag)
{
	uint8_t none[QUIC_TAG_BYTES];
	int n;

	return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, QUIC_TAG_BYTES, (void *)tag) > 0 &&
	       EVP_DecryptFinal_ex(context, none, &n) > 0;
}

static bool covered(EVP_CIPHER_CTX *context, const uint8_t *bytes, size_t len)
{
	int n;

	return !len || EVP_DecryptUpdate(context, NULL, &n, bytes, (int)len) > 0;
}

int quic_crypto_open(struct quic_crypto *crypto, const struct quic_keys *keys, const struct quic_packet *packet,
		     uint64_t *next_number, struct tls_bytes *ret_payload)
{
	const uint8_t *all = packet->all.at, *at = all + packet->number_at;
	size_t left = packet->all.len - packet->number_at, number_len, len;
	uint8_t first, number[4], nonce[12];
	uint64_t full;
	uint32_t truncated = 0;
	int n = 0;

	if (left < 4 + SAMPLE_BYTES || left > QUIC_PAYLOAD_MAX)
		return -EMSGSIZE;
	if (!unmask(crypto, keys, at, *all, &first, number))
		return -EIO;
	number_len = (first & 3) + 1u;
	for (size_t i = 0; i < number_len; i++)
		truncated = truncated << 8 | number[i];
	full = quic_packet_number(*next_number, truncated, number_len);
	memcpy(nonce, keys->iv, sizeof(nonce));
	for (size_t i = 0; i < 8; i++)
		nonce[11 - i] ^= (uint8_t)(full >> 8 * i);
	len = left - number_len - QUIC_TAG_BYTES;
	if (EVP_DecryptInit_ex2(crypto->open, NULL, keys->key, nonce, NULL) <= 0 ||
	    !covered(crypto->open, &first, 1) || !covered(crypto->open, all + 1, packet->number_at - 1) ||
	    !covered(crypto->open, number, number_len) ||
	    EVP_DecryptUpdate(crypto->open, crypto->payload, &n, at + number_len, (int)len) <= 0)
		return -EIO;
	if (!authenticated(crypto->open, at + number_len + len))
		return -EBADMSG;
	*next_number = MAX(*next_number, full + 1);
	*ret_payload = (struct tls_bytes){ crypto->payload, len };
	return 0;
}

int quic_crypto_retry(struct quic_crypto *crypto, const struct quic_packet *retry, const struct quic_cid *original)
{
	size_t len = retry->all.len - QUIC_TAG_BYTES;

	if (EVP_DecryptInit_ex2(crypto->open, NULL, retry->version->retry_key, retry->version->retry_nonce, NULL) <= 0 ||
	    !covered(crypto->open, &original->len, 1) || !covered(crypto->open, original->id, original->len) ||
	    !covered(crypto->open, retry->all.at, len))
		return -EIO;
	return authenticated(crypto->open, retry->all.at + len) ? 0 : -EBADMSG;
}
