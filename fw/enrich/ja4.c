/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/ja4.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/util.h"
#include "base/writer.h"

#define HASH_BYTES	6	/* twelve characters */
#define HASHED_MAX	((TLS_EXTENSIONS_MAX + JA4_LIST_MAX) * 5)	/* the longer of the two texts: "xxxx," each */
#define COUNT_MAX	99

struct ja4 {
	EVP_MD *sha256;
	EVP_MD_CTX *context;
};

int ja4_new(struct ja4 **ret_ja4)
{
	struct ja4 *ja4 = calloc(1, sizeof(*ja4));

	if (!ja4)
		return -ENOMEM;
	ja4->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);	/* once: a fetch costs more than ten digests */
	ja4->context = EVP_MD_CTX_new();
	if (!ja4->sha256 || !ja4->context) {
		int r = ja4->sha256 ? -ENOMEM : -ENOTSUP;

		ja4_free(ja4);
		return r;
	}
	*ret_ja4 = ja4;
	return 0;
}

struct ja4 *ja4_free(struct ja4 *ja4)
{
	if (!ja4)
		return NULL;
	EVP_MD_CTX_free(ja4->context);
	EVP_MD_free(ja4->sha256);
	free(ja4);
	return NULL;
}

static const char *version_text(uint16_t version)
{
	switch (version) {
	case 0x0304: return "13";
	case 0x0303: return "12";
	case 0x0302: return "11";
	case 0x0301: return "10";
	case 0x0300: return "s3";
	case 0x0002: return "s2";
	case 0xfeff: return "d1";
	case 0xfefd: return "d2";
	case 0xfefc: return "d3";
	}
	return "00";
}

static bool is_alphanumeric(uint8_t c)	/* not isalnum(): no locale */
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* First and last character of the first name; of its hex digits where either is not alphanumeric. */
static void put_alpn(struct writer *w, const struct tls_client *client)
{
	static const char digits[] = "0123456789abcdef";
	struct tls_bytes name = { 0 };
	uint8_t first, last;
	size_t at = 0;

	if (!tls_alpn_next(client->alpn, &at, &name) || !name.len) {
		writer_text(w, "00");
		return;
	}
	first = name.at[0];
	last = name.at[name.len - 1];
	if (!is_alphanumeric(first) || !is_alphanumeric(last)) {
		first = (uint8_t)digits[first >> 4];
		last = (uint8_t)digits[last & 15];
	}
	writer_char(w, (char)first);
	writer_char(w, (char)last);
}

static void put_count(struct writer *w, size_t count)
{
	count = MIN(count, COUNT_MAX);
	writer_char(w, (char)('0' + count / 10));
	writer_char(w, (char)('0' + count % 10));
}

/* Shell's sort: a hello of nothing but descending ciphers must not cost the square of them. */
static void sort(uint16_t *list, size_t count)
{
	static const size_t gaps[] = { 57, 23, 10, 4, 1 };

	for (size_t g = 0; g < ARRAY_SIZE(gaps); g++) {
		for (size_t i = gaps[g]; i < count; i++) {
			uint16_t value = list[i];
			size_t at = i;

			for (; at >= gaps[g] && list[at - gaps[g]] > value; at -= gaps[g])
				list[at] = list[at - gaps[g]];
			list[at] = value;
		}
	}
}

static void put_list(struct writer *w, const uint16_t *list, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		const char text[5] = { ',', digits[list[i] >> 12], digits[list[i] >> 8 & 15],
				       digits[list[i] >> 4 & 15], digits[list[i] & 15] };

		writer_bytes(w, text + !i, sizeof(text) - !i);
	}
}

/* @list without GREASE; how many, at most JA4_LIST_MAX as the caller has checked. */
static size_t take_list(uint16_t *ret_list, struct tls_bytes list)
{
	size_t count = 0;

	for (size_t i = 0; i < tls_count(list); i++)
		if (!tls_is_grease(tls_at(list, i)))
			ret_list[count++] = tls_at(list, i);
	return count;
}

/* "_" and twelve characters of SHA-256; zeros where there is nothing to hash. */
static int put_hash(struct ja4 *ja4, struct writer *w, const struct writer *hashed)
{
	uint8_t digest[EVP_MAX_MD_SIZE] = { 0 };

	if (hashed->full)	/* never: HASHED_MAX */
		return -E2BIG;
	if (hashed->len && (EVP_DigestInit_ex(ja4->context, ja4->sha256, NULL) != 1 ||
			    EVP_DigestUpdate(ja4->context, hashed->buf, hashed->len) != 1 ||
			    EVP_DigestFinal_ex(ja4->context, digest, NULL) != 1))
		return -EIO;
	writer_char(w, '_');
	writer_hex(w, digest, HASH_BYTES, 0);
	return 0;
}

int ja4_text(struct ja4 *ja4, const struct tls_client *client, char ret_text[JA4_SIZE])
{
	static const char transports[] = { [TLS_ON_TCP] = 't', [TLS_ON_QUIC] = 'q', [TLS_ON_DATAGRAMS] = 'd' };
	const struct tls_extensions *x = &client->extensions;
	uint16_t ciphers[JA4_LIST_MAX], signatures[JA4_LIST_MAX], types[TLS_EXTENSIONS_MAX];
	size_t n_ciphers, n_signatures, n_types = 0, n_extensions = 0;
	char hashed[HASHED_MAX];
	struct writer w = { .buf = ret_text, .size = JA4_SIZE }, h = WRITER(hashed);
	int r;

	ret_text[0] = '\0';
	if (!x->whole)
		return -ENODATA;
	if (x->overflow || tls_count(client->ciphers) > JA4_LIST_MAX || tls_count(client->signatures) > JA4_LIST_MAX)
		return -E2BIG;
	n_ciphers = take_list(ciphers, client->ciphers);
	n_signatures = take_list(signatures, client->signatures);
	for (size_t i = 0; i < x->count; i++) {
		if (tls_is_grease(x->type[i]))
			continue;
		n_extensions++;
		if (x->type[i] != TLS_EXT_SERVER_NAME && x->type[i] != TLS_EXT_ALPN)
			types[n_types++] = x->type[i];
	}
	sort(ciphers, n_ciphers);
	sort(types, n_types);

	writer_char(&w, transports[client->transport]);
	writer_bytes(&w, version_text(tls_client_version(client)), 2);
	writer_char(&w, x->seen & 1ULL << TLS_EXT_SERVER_NAME ? 'd' : 'i');
	put_count(&w, n_ciphers);
	put_count(&w, n_extensions);
	put_alpn(&w, client);

	put_list(&h, ciphers, n_ciphers);
	r = put_hash(ja4, &w, &h);
	writer_undo(&h, 0);
	put_list(&h, types, n_types);
	if (n_types && n_signatures) {
		writer_char(&h, '_');
		put_list(&h, signatures, n_signatures);
	}
	if (!r)
		r = put_hash(ja4, &w, &h);
	writer_char(&w, '\0');
	if (r)
		ret_text[0] = '\0';
	return r;
}
