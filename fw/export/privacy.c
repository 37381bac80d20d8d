/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/privacy.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "base/util.h"
#include "export/cryptopan.h"

#define DIGEST_BYTES 32 /* SHA-256 */
#define BLOCK_BYTES  16 /* AES */
#define FOLD_BYTES   64 /* of a name at once */
#define ROUNDS	     10 /* of the Feistel network, as many as FF1 has (NIST SP 800-38G) */
#define MAC_BYTES    6
#define IPV4_AT	     12 /* bytes before the IPv4 address in ::ffff:a.b.c.d */

struct cached {
	uint32_t addr[4], pseudonym[4];
	uint8_t ip_version; /* 0: nothing here */
};

struct privacy {
	enum privacy_mode mode;
	EVP_MAC_CTX *names, *macs; /* keyed HMACs; NULL where the mode has no use for them, as all below */
	EVP_CIPHER_CTX *permute;   /* AES: round function of MAC addresses */
	struct cryptopan *cryptopan;
	struct siphash_key spread; /* of the cache, so that nobody outside can make addresses collide in it */
	struct cached cache[PRIVACY_CACHE];
};

/* ---- keys ---- */

static EVP_MAC_CTX *hmac_new(const uint8_t *key, size_t len)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac);
	if (context && EVP_MAC_init(context, key, len, params) <= 0) {
		EVP_MAC_CTX_free(context);
		return NULL;
	}
	return context;
}

static bool hmac_end(EVP_MAC_CTX *context, uint8_t ret_digest[DIGEST_BYTES])
{
	size_t len;

	return EVP_MAC_final(context, ret_digest, &len, DIGEST_BYTES) > 0 && len == DIGEST_BYTES;
}

/* HKDF-Expand (RFC 5869 2.3) to one digest: the key is random already. No two uses share a key. */
static bool derive(EVP_MAC_CTX *root, const char *label, uint8_t ret_key[DIGEST_BYTES])
{
	return EVP_MAC_init(root, NULL, 0, NULL) > 0 &&
	       EVP_MAC_update(root, (const uint8_t *)label, strlen(label)) > 0 &&
	       EVP_MAC_update(root, (const uint8_t *)"\1", 1) > 0 && hmac_end(root, ret_key);
}

static EVP_CIPHER_CTX *aes_new(const uint8_t *key)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);
	EVP_CIPHER_CTX *context = cipher ? EVP_CIPHER_CTX_new() : NULL;

	if (context && (EVP_EncryptInit_ex2(context, cipher, key, NULL, NULL) <= 0 ||
			EVP_CIPHER_CTX_set_padding(context, 0) <= 0)) {
		EVP_CIPHER_CTX_free(context);
		context = NULL;
	}
	EVP_CIPHER_free(cipher);
	return context;
}

static EVP_MAC_CTX *derive_hmac(EVP_MAC_CTX *root, const char *label)
{
	uint8_t key[DIGEST_BYTES];
	EVP_MAC_CTX *context = derive(root, label, key) ? hmac_new(key, sizeof(key)) : NULL;

	OPENSSL_cleanse(key, sizeof(key));
	return context;
}

static bool open_hashed(struct privacy *p, EVP_MAC_CTX *root)
{
	p->names = derive_hmac(root, "weir privacy: names");
	p->macs = derive_hmac(root, "weir privacy: layer-2 addresses, hashed");
	return p->names && p->macs;
}

static bool open_prefix(struct privacy *p, EVP_MAC_CTX *root)
{
	uint8_t key[DIGEST_BYTES];
	bool good;

	_Static_assert(CRYPTOPAN_KEY_BYTES == DIGEST_BYTES && sizeof(p->spread) <= DIGEST_BYTES, "a digest is a key");
	p->names = derive_hmac(root, "weir privacy: names");
	if (derive(root, "weir privacy: layer-2 addresses, permuted", key))
		p->permute = aes_new(key);
	good = derive(root, "weir privacy: IP addresses", key) && !cryptopan_new(&p->cryptopan, key) &&
	       derive(root, "weir privacy: places in the cache", key);
	memcpy(&p->spread, key, sizeof(p->spread));
	OPENSSL_cleanse(key, sizeof(key));
	return good && p->names && p->permute;
}

int privacy_new(struct privacy **ret_privacy, enum privacy_mode mode, const uint8_t key[PRIVACY_KEY_BYTES])
{
	const bool needs_key = mode == PRIVACY_HASHED || mode == PRIVACY_PREFIX;
	struct privacy *p;
	bool good = true;

	if (needs_key && !key)
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->mode = mode;
	if (needs_key) {
		EVP_MAC_CTX *root = hmac_new(key, PRIVACY_KEY_BYTES);

		good = root && (mode == PRIVACY_HASHED ? open_hashed(p, root) : open_prefix(p, root));
		EVP_MAC_CTX_free(root);
	}
	if (!good) {
		privacy_free(p);
		return -ENOTSUP;
	}
	*ret_privacy = p;
	return 0;
}

struct privacy *privacy_free(struct privacy *p)
{
	if (!p)
		return NULL;
	EVP_MAC_CTX_free(p->names);
	EVP_MAC_CTX_free(p->macs);
	EVP_CIPHER_CTX_free(p->permute);
	cryptopan_free(p->cryptopan);
	OPENSSL_cleanse(p, sizeof(*p));
	free(p);
	return NULL;
}

/* ---- names ---- */

static bool hash_name(struct privacy *p, const uint8_t *name, size_t len, char ret_hash[PRIVACY_HASH_BYTES])
{
	uint8_t digest[DIGEST_BYTES], folded[FOLD_BYTES];
	struct writer w = {.buf = ret_hash, .size = PRIVACY_HASH_BYTES};

	if (EVP_MAC_init(p->names, NULL, 0, NULL) <= 0)
		return false;
	for (size_t n; len; name += n, len -= n) {
		n = MIN(len, sizeof(folded));
		for (size_t i = 0; i < n; i++)
			folded[i] = name[i] >= 'A' && name[i] <= 'Z' ? (uint8_t)(name[i] | 0x20) : name[i];
		if (EVP_MAC_update(p->names, folded, n) <= 0)
			return false;
	}
	if (!hmac_end(p->names, digest))
		return false;
	writer_hex(&w, digest, PRIVACY_HASH_BYTES / 2, 0);
	return true;
}

bool privacy_name(struct privacy *p, const void *name, size_t len, char ret_name[PRIVACY_NAME_MAX], size_t *ret_len)
{
	if (!len)
		return false;
	switch (p->mode) {
	case PRIVACY_FULL:
		if (len > PRIVACY_NAME_MAX)
			return false;
		memcpy(ret_name, name, len);
		*ret_len = len;
		return true;
	case PRIVACY_NO_NAMES:
		return false;
	case PRIVACY_HASHED:
	case PRIVACY_PREFIX:
		*ret_len = PRIVACY_HASH_BYTES;
		return hash_name(p, name, len, ret_name);
	}
	return false;
}

/* ---- IP addresses ---- */

/* Whose first @len bits are these keeps its first @stay bits; the longest that matches holds. */
struct range {
	uint8_t addr[16];
	uint8_t len, stay;
};

static const struct range RANGES4[] = {
	{{0, 0, 0, 0}, 32, 32},		/* unspecified: DHCP */
	{{127}, 8, 32},			/* loopback, RFC 1122 3.2.1.3 */
	{{169, 254}, 16, 16},		/* link-local, RFC 3927 */
	{{224}, 4, 32},			/* multicast, RFC 5771 */
	{{233}, 8, 8},			/* groups with an AS number, RFC 3180 */
	{{234}, 8, 8},			/* groups with a unicast prefix, RFC 6034 */
	{{255, 255, 255, 255}, 32, 32}, /* limited broadcast */
};

static const struct range RANGES6[] = {
	{{0}, 127, 128},			     /* unspecified, loopback: RFC 4291 2.5.2, 2.5.3 */
	{{0xfe, 0x80}, 64, 64},			     /* link-local, 2.5.6 */
	{{0xff}, 8, 16},			     /* multicast: flags and scope, 2.7 */
	{{0xff, 0x00}, 12, 128},		     /* of a permanent group all */
	{{0xff, 0x02, [11] = 0x01, 0xff}, 104, 104}, /* but solicited-node, 2.7.1 */
};

/* How many leading bits @a and @b share, at most @bits. */
static unsigned int shared_bits(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	for (unsigned int i = 0; 8 * i < bits; i++)
		if (a[i] != b[i])
			return MIN(8 * i + (unsigned int)__builtin_clz((unsigned int)(a[i] ^ b[i])) - 24, bits);
	return bits;
}

/*
 * How many of the first bits are not flipped. Besides those of its range: all on which it goes the way to any range,
 * and the one where it leaves it. If one were flipped there, another address would come to lie in the range. Whether a
 * bit is among them depends on the bits before it alone, so that prefixes are still shared exactly (cryptopan.h).
 */
static unsigned int staying_bits(const uint8_t *addr, const struct range *ranges, size_t n, unsigned int bits)
{
	unsigned int way = 0, longest = 0, stay = 0;

	for (size_t i = 0; i < n; i++) {
		const unsigned int shared = shared_bits(addr, ranges[i].addr, ranges[i].len);

		if (shared < ranges[i].len) {
			way = MAX(way, shared + 1);
		} else if (ranges[i].len >= longest) {
			longest = ranges[i].len;
			stay = ranges[i].stay;
		}
	}
	return MIN(MAX(way, stay), bits);
}

static bool make_pseudonym(struct privacy *p, uint8_t *addr, size_t len)
{
	const unsigned int bits = 8 * (unsigned int)len;
	const unsigned int stay = len == 4 ? staying_bits(addr, RANGES4, ARRAY_SIZE(RANGES4), bits)
					   : staying_bits(addr, RANGES6, ARRAY_SIZE(RANGES6), bits);
	uint8_t flips[CRYPTOPAN_MAX];

	if (stay == bits)
		return true;
	if (cryptopan_flips(p->cryptopan, addr, len, flips))
		return false;
	flips[stay / 8] &= (uint8_t)(0xff >> stay % 8);
	for (size_t i = stay / 8; i < len; i++)
		addr[i] ^= flips[i];
	return true;
}

void privacy_address(struct privacy *p, const uint32_t addr[4], uint8_t ip_version, uint32_t ret_addr[4])
{
	const size_t at = ip_version == 4 ? IPV4_AT : 0;
	struct cached *c;
	uint32_t out[4];

	memcpy(out, addr, sizeof(out));
	if (p->mode == PRIVACY_PREFIX) {
		c = &p->cache[siphash(p->spread, addr, sizeof(out)) % PRIVACY_CACHE];
		if (c->ip_version == ip_version && !memcmp(c->addr, addr, sizeof(c->addr))) {
			memcpy(out, c->pseudonym, sizeof(out));
		} else if (make_pseudonym(p, (uint8_t *)out + at, sizeof(out) - at)) {
			c->ip_version = ip_version;
			memcpy(c->addr, addr, sizeof(c->addr));
			memcpy(c->pseudonym, out, sizeof(c->pseudonym));
		} else {
			memset((uint8_t *)out + at, 0, sizeof(out) - at);
		}
	}
	memcpy(ret_addr, out, sizeof(out));
}

/* ---- layer-2 addresses ---- */

static bool hash_mac(struct privacy *p, const uint8_t *mac, uint8_t *ret_mac)
{
	uint8_t digest[DIGEST_BYTES];

	if (EVP_MAC_init(p->macs, NULL, 0, NULL) <= 0 || EVP_MAC_update(p->macs, mac, MAC_BYTES) <= 0 ||
	    !hmac_end(p->macs, digest))
		return false;
	digest[0] = (uint8_t)((digest[0] & 0xfc) | 0x02 | (mac[0] & 0x01));
	memcpy(ret_mac, digest, MAC_BYTES);
	return true;
}

/* First word of AES over all that a round depends on. */
static bool round_word(struct privacy *p, uint64_t stays, uint32_t half, unsigned int half_bits, unsigned int round,
		       uint32_t *ret_word)
{
	const uint64_t kind = (uint64_t)half_bits << 40 | (uint64_t)round << 32 | half;
	uint8_t block[BLOCK_BYTES];
	int n;

	for (unsigned int i = 0; i < 8; i++) {
		block[i] = (uint8_t)(stays >> (56 - 8 * i));
		block[8 + i] = (uint8_t)(kind >> (56 - 8 * i));
	}
	if (EVP_EncryptUpdate(p->permute, block, &n, block, sizeof(block)) <= 0)
		return false;
	*ret_word = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 | block[3];
	return true;
}

/* Permutes the 2 x @half_bits lowest bits of @value (a Feistel network), otherwise for each value of what @stays. */
static bool permute(struct privacy *p, uint64_t stays, unsigned int half_bits, uint64_t *value)
{
	const uint32_t mask = (1u << half_bits) - 1;
	uint32_t left = (uint32_t)(*value >> half_bits) & mask, right = (uint32_t)*value & mask, word;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (!round_word(p, stays, right, half_bits, i, &word))
			return false;
		word = left ^ (word & mask);
		left = right;
		right = word;
	}
	*value = (uint64_t)left << half_bits | right;
	return true;
}

static bool permute_mac(struct privacy *p, const uint8_t *mac, uint8_t *ret_mac)
{
	uint64_t all = 0, stays, value;
	bool good;

	for (unsigned int i = 0; i < MAC_BYTES; i++)
		all = all << 8 | mac[i];
	if ((mac[0] & 0x03) ==
	    0x02) { /* locally administered, of one interface: only the nibble with these bits stays */
		stays = all & 0x0f0000000000;
		value = (all >> 44 & 0xf) << 40 | (all & 0xffffffffff);
		good = permute(p, stays, 22, &value);
		all = stays | (value >> 40 & 0xf) << 44 | (value & 0xffffffffff);
	} else {
		stays = all & 0xffffff000000;
		value = all & 0xffffff;
		good = permute(p, stays, 12, &value);
		all = stays | value;
	}
	for (unsigned int i = 0; good && i < MAC_BYTES; i++)
		ret_mac[i] = (uint8_t)(all >> (40 - 8 * i));
	return good;
}

bool privacy_mac(struct privacy *p, const uint8_t mac[6], uint8_t ret_mac[6])
{
	static const uint8_t nobody[3] = {0xff, 0xff, 0xff}; /* an OUI of broadcast alone */

	switch (memcmp(mac, nobody, sizeof(nobody)) ? p->mode : PRIVACY_FULL) {
	case PRIVACY_FULL:
	case PRIVACY_NO_NAMES:
		memmove(ret_mac, mac, MAC_BYTES);
		return true;
	case PRIVACY_HASHED:
		return hash_mac(p, mac, ret_mac);
	case PRIVACY_PREFIX:
		return permute_mac(p, mac, ret_mac);
	}
	return false;
}

/* ---- records ---- */

void privacy_record(struct privacy *p, struct record *record, struct privacy_scratch *scratch)
{
	const bool hashes = p->mode == PRIVACY_HASHED || p->mode == PRIVACY_PREFIX;
	unsigned int n = 0;

	if (p->mode == PRIVACY_FULL)
		return;
#define NAME(member)                                                                                                   \
	if (hashes && record->member##_len &&                                                                          \
	    hash_name(p, (const uint8_t *)record->member, record->member##_len, scratch->name[n])) {                   \
		record->member = (const void *)scratch->name[n];                                                       \
		record->member##_len = PRIVACY_HASH_BYTES;                                                             \
	} else {                                                                                                       \
		record->member = NULL;                                                                                 \
		record->member##_len = 0;                                                                              \
	}                                                                                                              \
	n++;
#define ADDRESS(member) privacy_address(p, record->member, record->ip_version, record->member);
#define MAC(side)	record->side.has_mac = record->side.has_mac && privacy_mac(p, record->side.mac, record->side.mac);
	PRIVACY_NAMES(NAME)
	PRIVACY_ADDRESSES(ADDRESS)
	PRIVACY_MACS(MAC)
#undef NAME
#undef ADDRESS
#undef MAC
	if (p->mode == PRIVACY_PREFIX)
		record->community_id[0] = '\0';
}
