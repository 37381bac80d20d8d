/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/quic.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "enrich/quic_pool.h"

#define FIRST_CID_MIN 8	/* RFC 9000 7.2: of the cid that a client chooses for the server */

/* One datagram on its way. */
struct walk {
	struct quic_pool *pool;
	struct quic *q;
	unsigned int direction;
	struct quic_facts *facts;
	int frames_left, derivations_left;
};

static bool same_cid(const struct quic_cid *a, const struct quic_cid *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static enum quic_side side_of(const struct walk *w, const struct quic_connection *c)
{
	return w->direction == c->client_direction ? QUIC_CLIENT : QUIC_SERVER;
}

/* Initials of @p's ids may belong to @c; whether they do the keys tell. */
static bool may_own(const struct quic_connection *c, enum quic_side side, const struct quic_packet *p)
{
	if (side == QUIC_SERVER)
		return same_cid(&p->dcid, &c->client);
	if (same_cid(&p->dcid, &c->original))
		return true;
	return c->server_seen ? same_cid(&p->dcid, &c->server) : same_cid(&p->scid, &c->client);
}

/* Keys of @version for @side, from @dcid; those @h has, where they are it. */
static int find_keys(struct walk *w, const struct quic_half *h, const struct quic_packet *p, const struct quic_cid *dcid,
		     enum quic_side side, struct quic_keys *ret_keys)
{
	if (h && h->keys_version == p->number) {
		*ret_keys = h->keys;
		return 0;
	}
	if (!w->derivations_left)
		return -E2BIG;
	w->derivations_left--;
	return quic_crypto_keys(w->pool->crypto, p->version, dcid, side, ret_keys);
}

/* 0, -EBADMSG, -EMSGSIZE, -E2BIG or -EIO. @h is changed only by what opens. */
static int open_with(struct walk *w, struct quic_half *h, const struct quic_packet *p, const struct quic_cid *dcid,
		     enum quic_side side, struct tls_bytes *ret_payload)
{
	struct quic_keys keys;
	int r = find_keys(w, h, p, dcid, side, &keys);

	if (!r)
		r = quic_crypto_open(w->pool->crypto, &keys, p, &h->next_number, ret_payload);
	if (!r) {
		h->keys = keys;
		h->keys_version = p->number;
	}
	return r;
}

static void note_hello(struct walk *w, enum quic_side side, struct quic_half *h, struct tls_bytes message)
{
	struct quic_facts *f = w->facts;

	if (side == QUIC_CLIENT) {
		f->tls = tls_client_hello(TLS_ON_QUIC, message.at, message.len, &f->client);
		f->has_client = true;
		ja4_text(w->pool->ja4, &f->client, f->ja4);
		w->q->named |= f->client.sni.len;
		h->messages++;
	} else {
		f->tls = tls_server_hello(TLS_ON_QUIC, message.at, message.len, &f->server);
		f->has_server = true;
		h->messages = f->server.hello_retry ? (uint8_t)(h->messages + 1) : QUIC_MESSAGES_MAX;
	}
}

/* The message that begins at h->base, if it is there. */
static enum quic_result take_message(struct walk *w, enum quic_side side, struct quic_half *h)
{
	size_t ready = reassemble_ready(h->crypto);
	size_t whole = tls_message_len(TLS_ON_QUIC, h->crypto->bytes, ready);
	bool is_hello = !ready || h->crypto->bytes[0] == (side == QUIC_CLIENT ? 1 : 2);	/* RFC 8446 4 */

	if (is_hello && (!whole || whole > ready))
		return whole > REASSEMBLE_BYTES ? QUIC_LIMIT : QUIC_MORE;
	if (!is_hello || w->pool->lent_count == ARRAY_SIZE(w->pool->lent)) {
		h->crypto = reassemble_end(w->pool->buffers, h->crypto);
		h->messages = QUIC_MESSAGES_MAX;
		return is_hello ? QUIC_LIMIT : QUIC_BAD_HELLO;
	}
	note_hello(w, side, h, (struct tls_bytes){ h->crypto->bytes, whole });
	w->pool->lent[w->pool->lent_count++] = h->crypto;
	h->crypto = NULL;
	h->base += (uint32_t)whole;
	if (w->facts->tls == TLS_BAD_VERSION)
		return QUIC_BAD_HELLO;
	return side == QUIC_CLIENT ? QUIC_HELLO : QUIC_SERVER_HELLO;
}

static enum quic_result add_crypto(struct walk *w, struct quic_half *h, uint64_t offset, struct tls_bytes data)
{
	if (h->messages >= QUIC_MESSAGES_MAX || !data.len || offset + data.len <= h->base)
		return QUIC_OPENED;
	if (offset > INT32_MAX / 2)
		return QUIC_LIMIT;
	if (!h->crypto)
		h->crypto = reassemble_begin(w->pool->buffers, h->base);
	if (!h->crypto)
		return QUIC_FULL;
	switch (reassemble_add(h->crypto, (uint32_t)offset, data.at, data.len)) {
	case REASSEMBLE_STORED:
	case REASSEMBLE_OLD:
		return QUIC_OPENED;
	case REASSEMBLE_BEYOND:
	case REASSEMBLE_SCATTERED:
		break;
	}
	return QUIC_LIMIT;
}

/* All frames are read, whatever becomes of one of them. What hinders outweighs what was got, but for a whole hello. */
static enum quic_result read_frames(struct walk *w, enum quic_side side, struct quic_half *h, struct tls_bytes payload)
{
	struct reader r = { .at = payload.at, .left = payload.len };
	enum quic_result trouble = QUIC_OPENED, result;
	enum quic_frame frame = QUIC_FRAME_OTHER;

	while (r.left && frame != QUIC_FRAME_BAD) {
		struct tls_bytes data;
		uint64_t offset;

		if (!w->frames_left) {
			trouble = QUIC_LIMIT;
			break;
		}
		w->frames_left--;
		frame = quic_frame_next(&r, &offset, &data);
		if (frame == QUIC_FRAME_OTHER)
			continue;
		result = frame == QUIC_FRAME_BAD ? QUIC_BAD_FRAMES : add_crypto(w, h, offset, data);
		if (result != QUIC_OPENED)
			trouble = result;
	}
	if (!h->crypto)
		return trouble;
	result = take_message(w, side, h);
	return result == QUIC_MORE && trouble != QUIC_OPENED ? trouble : result;
}

static void note_step(struct walk *w, const struct quic_connection *c, unsigned int steps)
{
	w->facts->connection = c->number;
	w->facts->steps |= (uint8_t)steps;
}

static enum quic_result read_opened(struct walk *w, struct quic_connection *c, const struct quic_packet *p,
				    struct tls_bytes payload)
{
	enum quic_side side = side_of(w, c);
	enum quic_result result;

	if (side == QUIC_SERVER) {
		c->server = p->scid;
		c->server_seen = true;
	}
	result = read_frames(w, side, &c->half[side], payload);
	if (side == QUIC_SERVER)
		note_step(w, c, result == QUIC_OPENED ? QUIC_STEP_ANSWER : QUIC_STEP_ANSWER | QUIC_STEP_FLIGHT);
	else if (c->retried || (c->server_seen && same_cid(&p->dcid, &c->server)))	/* RFC 9000 7.2 */
		note_step(w, c, QUIC_STEP_REPLY);
	else
		note_step(w, c, QUIC_STEP_INITIAL);
	return result;
}

/* Handshake and short headers stay closed; what they show of the connection's handshake their ids tell. */
static void look_closed(struct walk *w, const struct quic_packet *p)
{
	for (const struct quic_connection *c = w->q->newest; c; c = c->older) {
		const bool is_client = side_of(w, c) == QUIC_CLIENT;

		if (p->type == QUIC_HANDSHAKE && is_client && same_cid(&p->scid, &c->client)) {
			note_step(w, c, QUIC_STEP_REPLY);
		} else if (p->type == QUIC_HANDSHAKE && !is_client && same_cid(&p->dcid, &c->client)) {
			note_step(w, c, QUIC_STEP_ANSWER | QUIC_STEP_FLIGHT);
		} else if (p->type == QUIC_SHORT_HEADER && is_client && c->server_seen && p->all.len > c->server.len &&
			   !memcmp(p->all.at + 1, c->server.id, c->server.len)) {
			note_step(w, c, QUIC_STEP_REPLY);	/* only who has the server's flight has these keys */
		} else {
			continue;
		}
		return;
	}
}

static enum quic_result failure(const struct quic_packet *p, int r)
{
	if (r == -E2BIG || (r == -EMSGSIZE && p->all.len > QUIC_PAYLOAD_MAX))
		return QUIC_LIMIT;
	return QUIC_DECRYPT_FAILED;
}

/*
 * An Initial of no connection that is known: it opens with keys of its own DCID when it is a client's first, or its first
 * after a Retry that was not seen. The latter counts as a connection of its own: its hello is said again from the start
 * (RFC 9000 17.2.5.3), and so nothing can mix.
 */
static enum quic_result read_first(struct walk *w, const struct quic_packet *p)
{
	struct quic_connection *c;
	struct quic_half half = { 0 };
	struct tls_bytes payload;
	int r;

	if (w->q->failures >= QUIC_FAILURES_MAX)
		return QUIC_LIMIT;
	r = open_with(w, &half, p, &p->dcid, QUIC_CLIENT, &payload);
	if (r) {
		w->q->failures++;
		return r == -EBADMSG && p->dcid.len < FIRST_CID_MIN ? QUIC_NO_KEYS : failure(p, r);
	}
	c = quic_pool_begin(w->pool, w->q);
	if (!c)
		return QUIC_FULL;
	c->client_direction = (uint8_t)w->direction;
	c->client = p->scid;
	c->original = p->dcid;
	c->half[QUIC_CLIENT] = half;
	return read_opened(w, c, p, payload);
}

static enum quic_result read_initial(struct walk *w, const struct quic_packet *p)
{
	enum quic_result result = QUIC_NOT_QUIC;

	for (struct quic_connection *c = w->q->newest; c; c = c->older) {
		enum quic_side side = side_of(w, c);
		struct tls_bytes payload;
		int r;

		if (!may_own(c, side, p))
			continue;
		r = open_with(w, &c->half[side], p, &c->original, side, &payload);
		if (!r)
			return read_opened(w, c, p, payload);
		if (side == QUIC_SERVER || same_cid(&p->dcid, &c->original))
			result = failure(p, r);	/* its own keys have failed: no others are worth trying */
	}
	return result == QUIC_NOT_QUIC ? read_first(w, p) : result;
}

static enum quic_result read_retry(struct walk *w, const struct quic_packet *p)
{
	for (struct quic_connection *c = w->q->newest; c; c = c->older) {
		if (side_of(w, c) == QUIC_CLIENT || c->server_seen || c->retried || !same_cid(&p->dcid, &c->client))
			continue;
		if (!p->token.len || quic_crypto_retry(w->pool->crypto, p, &c->original))
			return QUIC_DECRYPT_FAILED;
		c->original = p->scid;	/* what there is of the hello stays: the client says the same again */
		c->retried = true;
		c->half[QUIC_CLIENT].keys_version = c->half[QUIC_SERVER].keys_version = 0;
		note_step(w, c, QUIC_STEP_ANSWER | QUIC_STEP_FLIGHT);
		return QUIC_RETRY;
	}
	return QUIC_NO_KEYS;
}

static bool lists_version(struct tls_bytes versions, uint32_t version)
{
	struct reader r = { .at = versions.at, .left = versions.len };

	while (r.left)
		if (reader_uint(&r, 4) == version)
			return true;
	return false;
}

/* RFC 9000 6.2: the connection is over, and begins again. One that lists the version in use is not to be heeded. */
static enum quic_result read_negotiation(struct walk *w, const struct quic_packet *p)
{
	for (struct quic_connection *c = w->q->newest; c; c = c->older) {
		if (side_of(w, c) == QUIC_CLIENT || c->server_seen || !same_cid(&p->dcid, &c->client) ||
		    !same_cid(&p->scid, &c->original) || lists_version(p->versions, c->half[QUIC_CLIENT].keys_version))
			continue;
		quic_pool_drop(w->pool, w->q, c);
		break;
	}
	return QUIC_VERSIONS;
}

static enum quic_result read_packet(struct walk *w, const struct quic_packet *p)
{
	switch (p->type) {
	case QUIC_INITIAL:
		return read_initial(w, p);
	case QUIC_RETRY_PACKET:
		return read_retry(w, p);
	case QUIC_NEGOTIATION:
		return read_negotiation(w, p);
	case QUIC_OTHER_VERSION:
		return QUIC_UNKNOWN_VERSION;
	case QUIC_HANDSHAKE:
	case QUIC_SHORT_HEADER:
		look_closed(w, p);
		return QUIC_SKIPPED;
	case QUIC_ZERO_RTT:
		return QUIC_SKIPPED;
	case QUIC_PACKET_BAD:
		break;
	}
	return QUIC_NOT_QUIC;
}

enum quic_result quic_datagram(struct quic_pool *pool, struct quic *q, unsigned int direction, const uint8_t *bytes,
			       size_t len, struct quic_facts *ret_facts)
{
	struct walk w = { .pool = pool, .q = q, .direction = direction, .facts = ret_facts,
			  .frames_left = QUIC_FRAMES_MAX, .derivations_left = QUIC_DERIVATIONS_MAX };
	struct reader datagram = { .at = bytes, .left = len };
	enum quic_result result = QUIC_NOT_QUIC, of_packet;
	struct quic_packet p;

	*ret_facts = (struct quic_facts){ 0 };
	quic_pool_take_back(pool);
	for (int n = 0; datagram.left; n++) {
		if (n == QUIC_PACKETS_MAX) {
			result = MAX(result, QUIC_LIMIT);
			break;
		}
		if (quic_packet_next(&datagram, &p) == QUIC_PACKET_BAD)
			break;
		if (p.type != QUIC_SHORT_HEADER) {
			if (n && !same_cid(&p.dcid, &ret_facts->dcid))
				continue;	/* RFC 9000 12.2: not of this connection */
			ret_facts->version = p.number;
			ret_facts->dcid = p.dcid;
			ret_facts->scid = p.scid;
		}
		of_packet = read_packet(&w, &p);
		result = MAX(result, of_packet);
	}
	q->seen |= 1u << result;
	pool->counts[result]++;
	return result;
}

const char *quic_result_name(enum quic_result result)
{
	static const char *const NAMES[] = {
#define X(name, text, help) [name] = text,
		QUIC_RESULTS(X)
#undef X
	};

	return (size_t)result < ARRAY_SIZE(NAMES) ? NAMES[result] : "unknown";
}

const char *quic_name_status(const struct quic *q)
{
	static const struct {
		enum quic_result result;
		const char *status;
	} ROWS[] = {	/* the first one seen counts */
		{ QUIC_HELLO, "no_sni" },
		{ QUIC_BAD_HELLO, "bad_hello" },
		{ QUIC_FULL, "table_full" },
		{ QUIC_LIMIT, "truncated" },
		{ QUIC_MORE, "lost_segment" },
		{ QUIC_BAD_FRAMES, "bad_hello" },
		{ QUIC_UNKNOWN_VERSION, "unknown_version" },
		{ QUIC_DECRYPT_FAILED, "decrypt_failed" },
		{ QUIC_OPENED, "lost_segment" },
		{ QUIC_RETRY, "lost_segment" },
		{ QUIC_SERVER_HELLO, "midstream" },
		{ QUIC_NO_KEYS, "midstream" },
		{ QUIC_VERSIONS, "midstream" },
		{ QUIC_SKIPPED, "midstream" },
		{ QUIC_NOT_QUIC, "not_quic" },
	};

	if (q->named)
		return "ok";
	for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
		if (q->seen & 1u << ROWS[i].result)
			return ROWS[i].status;
	return "midstream";
}
