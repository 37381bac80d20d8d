/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/cryptopan.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES   16
#define AES_KEY_BYTES 16
#define BLOCKS	      (8 * CRYPTOPAN_MAX)

struct cryptopan {
	EVP_CIPHER_CTX *aes;
	uint8_t pad[BLOCK_BYTES];
	uint8_t blocks[BLOCKS][BLOCK_BYTES]; /* one for each bit, all encrypted at once: they do not need each other */
};

static bool encrypt(struct cryptopan *c, const uint8_t *in, uint8_t *out, size_t blocks)
{
	int n;

	return EVP_EncryptUpdate(c->aes, out, &n, in, (int)(blocks * BLOCK_BYTES)) > 0 &&
	       n == (int)(blocks * BLOCK_BYTES);
}

static bool start(struct cryptopan *c, const uint8_t *key)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);
	bool good;

	c->aes = EVP_CIPHER_CTX_new();
	good = cipher && c->aes && EVP_EncryptInit_ex2(c->aes, cipher, key, NULL, NULL) > 0 &&
	       EVP_CIPHER_CTX_set_padding(c->aes, 0) > 0 && encrypt(c, key + AES_KEY_BYTES, c->pad, 1);
	EVP_CIPHER_free(cipher);
	return good;
}

int cryptopan_new(struct cryptopan **ret_cryptopan, const uint8_t key[CRYPTOPAN_KEY_BYTES])
{
	struct cryptopan *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	if (!start(c, key)) {
		cryptopan_free(c);
		return -ENOTSUP;
	}
	*ret_cryptopan = c;
	return 0;
}

struct cryptopan *cryptopan_free(struct cryptopan *c)
{
	if (!c)
		return NULL;
	EVP_CIPHER_CTX_free(c->aes);
	OPENSSL_cleanse(c, sizeof(*c));
	free(c);
	return NULL;
}

int cryptopan_flips(struct cryptopan *c, const uint8_t *addr, size_t len, uint8_t *ret_flips)
{
	uint8_t block[BLOCK_BYTES];
	const size_t bits = 8 * len;

	if (len > CRYPTOPAN_MAX)
		return -EINVAL;
	memcpy(block, c->pad, sizeof(block));
	for (size_t i = 0; i < bits; i++) { /* the first i bits of the address, then the pad's */
		const uint8_t bit = (uint8_t)(0x80 >> i % 8);

		memcpy(c->blocks[i], block, sizeof(block));
		block[i / 8] = (uint8_t)((block[i / 8] & ~bit) | (addr[i / 8] & bit));
	}
	if (!encrypt(c, c->blocks[0], c->blocks[0], bits))
		return -EIO;
	memset(ret_flips, 0, len);
	for (size_t i = 0; i < bits; i++)
		ret_flips[i / 8] |= (uint8_t)((c->blocks[i][0] & 0x80) >> i % 8);
	return 0;
}
