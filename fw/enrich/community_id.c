/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/community_id.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/writer.h"

#define SHA1_BYTES 20
#define HASHED_MAX 40	/* seed 2, two addresses 32, protocol 1, zero 1, two ports 4 */

struct community_id {
	EVP_MD *sha1;
	EVP_MD_CTX *context;
};

int community_id_new(struct community_id **ret_id)
{
	struct community_id *id = calloc(1, sizeof(*id));

	if (!id)
		return -ENOMEM;
	id->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);	/* once: a fetch costs more than ten digests */
	id->context = EVP_MD_CTX_new();
	if (!id->sha1 || !id->context) {
		int r = id->sha1 ? -ENOMEM : -ENOTSUP;

		community_id_free(id);
		return r;
	}
	*ret_id = id;
	return 0;
}

struct community_id *community_id_free(struct community_id *id)
{
	if (!id)
		return NULL;
	EVP_MD_CTX_free(id->context);
	EVP_MD_free(id->sha1);
	free(id);
	return NULL;
}

static bool protocol_has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

/* The smaller end goes first: by address, then by port, as numbers; wire order makes memcmp() compare numbers. */
static bool is_swapped(const struct community_id_flow *f)
{
	int order = memcmp(f->a_addr, f->b_addr, sizeof(f->a_addr));

	if (!order)
		order = memcmp(&f->a_port, &f->b_port, sizeof(f->a_port));
	return order > 0;
}

static void put_hashed(struct writer *w, const struct community_id_flow *f)
{
	bool swapped = is_swapped(f);
	size_t skip = f->ip_version == 4 ? 12 : 0;
	const uint8_t kind[2] = { f->proto, 0 };

	writer_bytes(w, "\0\0", 2);	/* seed */
	writer_bytes(w, (const char *)(swapped ? f->b_addr : f->a_addr) + skip, 16 - skip);
	writer_bytes(w, (const char *)(swapped ? f->a_addr : f->b_addr) + skip, 16 - skip);
	writer_bytes(w, kind, sizeof(kind));
	if (!protocol_has_ports(f->proto))
		return;
	writer_bytes(w, swapped ? &f->b_port : &f->a_port, 2);
	writer_bytes(w, swapped ? &f->a_port : &f->b_port, 2);
}

int community_id_text(struct community_id *id, const struct community_id_flow *flow, char ret_text[COMMUNITY_ID_SIZE])
{
	char hashed[HASHED_MAX];
	struct writer w = WRITER(hashed);
	uint8_t digest[EVP_MAX_MD_SIZE];

	ret_text[0] = '\0';
	if (flow->proto == IPPROTO_ICMP || flow->proto == IPPROTO_ICMPV6)
		return -ENODATA;
	if (protocol_has_ports(flow->proto) && !flow->has_ports)
		return -ENODATA;
	put_hashed(&w, flow);
	if (EVP_DigestInit_ex(id->context, id->sha1, NULL) != 1 || EVP_DigestUpdate(id->context, hashed, w.len) != 1 ||
	    EVP_DigestFinal_ex(id->context, digest, NULL) != 1)
		return -EIO;
	memcpy(ret_text, "1:", 2);
	EVP_EncodeBlock((unsigned char *)ret_text + 2, digest, SHA1_BYTES);	/* 28 characters and NUL */
	return 0;
}
