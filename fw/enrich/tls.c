/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/tls.h"

#include <string.h>

#include "base/reader.h"

#define CLIENT_HELLO	1
#define SERVER_HELLO	2

#define RANDOM_BYTES	32

/* SHA-256 of "HelloRetryRequest", RFC 8446 4.1.3; DTLS 1.3 has the same */
static const uint8_t RETRY_RANDOM[RANDOM_BYTES] = {
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

/* What both walks carry: the first fault stays. */
struct walk {
	struct tls_extensions *extensions;
	struct tls_client *client;	/* one of the two */
	struct tls_server *server;
	enum tls_result fault;
};

static void blame(struct walk *w, enum tls_result fault)
{
	if (w->fault == TLS_OK)
		w->fault = fault;
}

static struct tls_bytes rest(const struct reader *r)
{
	return (struct tls_bytes){ .at = r->at, .len = r->left };
}

/* The only vector in @body, with a length of @size bytes before it: not empty, of whole elements. */
static struct tls_bytes only_vector(struct walk *w, struct reader *body, size_t size, size_t element)
{
	struct reader list = reader_vector(body, size);

	if (list.bad || body->left || !list.left || list.left % element) {
		blame(w, TLS_BAD_LENGTH);
		return (struct tls_bytes){ 0 };
	}
	return rest(&list);
}

/* RFC 6066 3. Other types of name than host_name are skipped; they are taken to have the same shape. */
static void server_name(struct walk *w, struct reader *body)
{
	struct tls_bytes list = only_vector(w, body, 2, 1);
	struct reader names = { .at = list.at, .left = list.len };

	while (names.left) {
		uint8_t type = reader_u8(&names);
		struct reader name = reader_vector(&names, 2);

		if (name.bad || !name.left) {
			blame(w, TLS_BAD_LENGTH);
			return;
		}
		if (type)
			continue;
		if (w->client->sni.len)
			blame(w, TLS_DUPLICATE);
		else
			w->client->sni = rest(&name);
	}
}

/* RFC 7301 3.1. A list whose names do not fill it is absent. */
static void alpn_offer(struct walk *w, struct reader *body)
{
	struct tls_bytes list = only_vector(w, body, 2, 1), name;
	size_t at = 0;

	while (tls_alpn_next(list, &at, &name))
		if (!name.len)
			blame(w, TLS_BAD_LENGTH);
	if (at == list.len)
		w->client->alpn = list;
	else
		blame(w, TLS_BAD_LENGTH);
}

/* Exactly one name. */
static void alpn_choice(struct walk *w, struct reader *body)
{
	struct tls_bytes list = only_vector(w, body, 2, 1), name = { 0 };
	size_t at = 0;

	if (!tls_alpn_next(list, &at, &name) || at != list.len || !name.len)
		blame(w, TLS_BAD_LENGTH);
	w->server->alpn = name;
}

/* RFC 8446 4.2.8: no share is allowed, the client then wants to be told the group. */
static void key_shares(struct walk *w, struct reader *body)
{
	struct reader shares = reader_vector(body, 2);

	if (shares.bad || body->left)
		blame(w, TLS_BAD_LENGTH);
	while (shares.left) {
		uint16_t group = reader_u16(&shares);
		struct reader key = reader_vector(&shares, 2);

		if (key.bad || !key.left) {
			blame(w, TLS_BAD_LENGTH);
			return;
		}
		if (w->client->key_shares < TLS_KEY_SHARES_MAX)
			w->client->key_share[w->client->key_shares++] = group;
		else
			w->client->key_share_overflow = true;
	}
}

static void key_choice(struct walk *w, struct reader *body)
{
	uint16_t group = reader_u16(body);

	if (!w->server->hello_retry) {	/* a retry names the group only */
		struct reader key = reader_vector(body, 2);

		if (!key.left)
			blame(w, TLS_BAD_LENGTH);
	}
	if (body->bad || body->left)
		blame(w, TLS_BAD_LENGTH);
	else
		w->server->key_share = group;
}

/* RFC 8446 4.2.11: identities, binders. */
static void psk_offer(struct walk *w, struct reader *body)
{
	struct reader identities = reader_vector(body, 2), binders = reader_vector(body, 2);

	if (body->bad || body->left || !identities.left || !binders.left)
		blame(w, TLS_BAD_LENGTH);
	else
		w->client->psk = true;
}

static void client_extension(struct walk *w, uint16_t type, struct reader body)
{
	struct tls_client *c = w->client;

	switch (type) {
	case TLS_EXT_SERVER_NAME:
		server_name(w, &body);
		break;
	case TLS_EXT_GROUPS:
		c->groups = only_vector(w, &body, 2, 2);
		break;
	case TLS_EXT_SIGNATURES:
		c->signatures = only_vector(w, &body, 2, 2);
		break;
	case TLS_EXT_ALPN:
		alpn_offer(w, &body);
		break;
	case TLS_EXT_TICKET:
		c->ticket = body.left;
		break;
	case TLS_EXT_PSK:
		psk_offer(w, &body);
		break;
	case TLS_EXT_EARLY_DATA:
		if (body.left)
			blame(w, TLS_BAD_LENGTH);
		c->early_data = true;
		break;
	case TLS_EXT_VERSIONS:
		c->versions = only_vector(w, &body, 1, 2);
		break;
	case TLS_EXT_KEY_SHARE:
	case TLS_EXT_KEY_SHARE_DRAFT:
		key_shares(w, &body);
		break;
	}
}

static void server_extension(struct walk *w, uint16_t type, struct reader body)
{
	struct tls_server *s = w->server;
	uint16_t version;

	switch (type) {
	case TLS_EXT_ALPN:
		alpn_choice(w, &body);
		break;
	case TLS_EXT_PSK:
		reader_u16(&body);
		if (body.bad || body.left)
			blame(w, TLS_BAD_LENGTH);
		s->psk = true;
		break;
	case TLS_EXT_VERSIONS:
		version = reader_u16(&body);
		if (body.bad || body.left)
			blame(w, TLS_BAD_LENGTH);
		else
			s->version = version;
		break;
	case TLS_EXT_KEY_SHARE:
	case TLS_EXT_KEY_SHARE_DRAFT:
		key_choice(w, &body);
		break;
	}
}

/* True when it is there for the first time. */
static bool note_type(struct tls_extensions *x, uint16_t type)
{
	if (type < 64) {
		if (x->seen & 1ULL << type)
			return false;
		x->seen |= 1ULL << type;
	} else if (!x->overflow) {	/* else a hello of 4000 extensions would be compared 64 times each */
		for (unsigned int i = 0; i < x->count; i++)
			if (x->type[i] == type)
				return false;
	}
	x->ech |= type == TLS_EXT_ECH;
	return true;
}

/* A repeated extension is listed, as it is part of the fingerprint, but says nothing: the first one holds. */
static void extensions(struct walk *w, struct reader *message)
{
	struct tls_extensions *x = w->extensions;
	struct reader all;

	if (message->bad || !message->left) {	/* none: TLS 1.2 and before */
		x->whole = !message->bad;
		return;
	}
	all = reader_vector(message, 2);
	x->whole = !all.bad && !message->left;
	while (all.left) {
		uint16_t type = reader_u16(&all);
		struct reader body = reader_vector(&all, 2);
		bool first;

		if (body.bad) {
			x->whole = false;
			break;
		}
		first = note_type(x, type);
		if (x->count < TLS_EXTENSIONS_MAX)
			x->type[x->count++] = type;
		else
			x->overflow = true;
		if (!first)
			blame(w, TLS_DUPLICATE);
		else if (w->client)
			client_extension(w, type, body);
		else
			server_extension(w, type, body);
	}
	if (!x->whole)
		blame(w, TLS_BAD_LENGTH);
}

size_t tls_message_len(enum tls_transport transport, const uint8_t *bytes, size_t len)
{
	struct reader r = { .at = bytes, .left = len };
	size_t body;

	reader_u8(&r);
	body = reader_u24(&r);
	if (r.bad)
		return 0;
	return body + (transport == TLS_ON_DATAGRAMS ? 12 : 4);
}

/* The header; @ret_body is what it covers. RFC 8446 4, RFC 9147 5.2 */
static enum tls_result open_message(enum tls_transport transport, const uint8_t *bytes, size_t len, uint8_t want,
				    struct reader *ret_body)
{
	struct reader r = { .at = bytes, .left = len }, body;
	uint8_t type = reader_u8(&r);
	uint32_t body_len = reader_u24(&r), from = 0, here = body_len;

	if (r.bad)
		return TLS_SHORT;
	if (type != want)
		return TLS_NOT_HELLO;
	if (transport == TLS_ON_DATAGRAMS) {
		reader_u16(&r);	/* message_seq */
		from = reader_u24(&r);
		here = reader_u24(&r);
	}
	if (r.bad)
		return TLS_SHORT;
	if (from || here != body_len)
		return TLS_FRAGMENT;
	body = reader_part(&r, body_len);
	if (body.bad)
		return TLS_SHORT;
	*ret_body = body;
	return TLS_OK;
}

/* SSL 3.0 and TLS are 3.x, DTLS is ones' complements of 1.x. */
static bool is_version(enum tls_transport transport, uint16_t version)
{
	return version >> 8 == (transport == TLS_ON_DATAGRAMS ? 0xfe : 3);
}

/* legacy_session_id; more than its 32 bytes: absent. */
static struct tls_bytes session_id(struct walk *w, struct reader *body)
{
	struct reader id = reader_vector(body, 1);

	if (id.left > TLS_SESSION_ID_MAX) {
		blame(w, TLS_BAD_LENGTH);
		return (struct tls_bytes){ 0 };
	}
	return rest(&id);
}

enum tls_result tls_client_hello(enum tls_transport transport, const uint8_t *bytes, size_t len,
				 struct tls_client *ret_facts)
{
	struct tls_client *c = ret_facts;
	struct walk w = { .extensions = &c->extensions, .client = c };
	struct reader body, ciphers, compressions;

	*c = (struct tls_client){ .transport = transport };
	w.fault = open_message(transport, bytes, len, CLIENT_HELLO, &body);
	if (w.fault != TLS_OK)
		return w.fault;
	c->legacy_version = reader_u16(&body);
	if (!body.bad && !is_version(transport, c->legacy_version))
		return TLS_BAD_VERSION;
	reader_bytes(&body, RANDOM_BYTES);
	c->session_id = session_id(&w, &body);
	if (transport == TLS_ON_DATAGRAMS) {
		struct reader cookie = reader_vector(&body, 1);

		c->cookie = rest(&cookie);
	}
	ciphers = reader_vector(&body, 2);
	if (!ciphers.left || ciphers.left % 2)
		blame(&w, TLS_BAD_LENGTH);
	else
		c->ciphers = rest(&ciphers);
	compressions = reader_vector(&body, 1);
	if (!compressions.left)
		blame(&w, TLS_BAD_LENGTH);
	extensions(&w, &body);
	return w.fault;
}

enum tls_result tls_server_hello(enum tls_transport transport, const uint8_t *bytes, size_t len,
				 struct tls_server *ret_facts)
{
	struct tls_server *s = ret_facts;
	struct walk w = { .extensions = &s->extensions, .server = s };
	struct reader body;
	const uint8_t *random;

	*s = (struct tls_server){ .transport = transport };
	w.fault = open_message(transport, bytes, len, SERVER_HELLO, &body);
	if (w.fault != TLS_OK)
		return w.fault;
	s->legacy_version = s->version = reader_u16(&body);
	if (!body.bad && !is_version(transport, s->legacy_version))
		return TLS_BAD_VERSION;
	random = reader_bytes(&body, RANDOM_BYTES);
	s->hello_retry = random && !memcmp(random, RETRY_RANDOM, RANDOM_BYTES);
	s->session_id = session_id(&w, &body);
	s->cipher = reader_u16(&body);
	reader_u8(&body);	/* legacy_compression_method */
	if (body.bad)
		blame(&w, TLS_BAD_LENGTH);
	extensions(&w, &body);
	return w.fault;
}

/* DTLS counts down: of two versions of it the smaller number is the newer. */
static bool is_newer(enum tls_transport transport, uint16_t version, uint16_t than)
{
	if (transport == TLS_ON_DATAGRAMS && (version >> 8 == 0xfe || than >> 8 == 0xfe))
		return version >> 8 == 0xfe && (than >> 8 != 0xfe || version < than);
	return version > than;
}

uint16_t tls_client_version(const struct tls_client *client)
{
	uint16_t newest = 0;

	for (size_t i = 0; i < tls_count(client->versions); i++) {
		uint16_t version = tls_at(client->versions, i);

		if (!tls_is_grease(version) && (!newest || is_newer(client->transport, version, newest)))
			newest = version;
	}
	return newest ? newest : client->legacy_version;
}

bool tls_client_resumes(const struct tls_client *client)
{
	if (client->psk || client->ticket)
		return true;
	return client->session_id.len && !client->versions.len;
}

bool tls_is_resumed(const struct tls_client *client, const struct tls_server *server)
{
	if (server->hello_retry)
		return false;
	if (server->extensions.seen & 1ULL << TLS_EXT_VERSIONS)	/* TLS 1.3: the session id is an echo */
		return server->psk;
	return client && client->session_id.len && client->session_id.len == server->session_id.len &&
	       !memcmp(client->session_id.at, server->session_id.at, server->session_id.len);
}

const char *tls_result_name(enum tls_result result)
{
	switch (result) {
	case TLS_OK: return "ok";
	case TLS_SHORT: return "short";
	case TLS_NOT_HELLO: return "not_hello";
	case TLS_FRAGMENT: return "fragment";
	case TLS_BAD_VERSION: return "bad_version";
	case TLS_BAD_LENGTH: return "bad_length";
	case TLS_DUPLICATE: return "duplicate";
	}
	return "unknown";
}
