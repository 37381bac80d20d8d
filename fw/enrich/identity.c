/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/identity.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "enrich/identity_private.h"

#define BUCKETS		(2 * IDENTITY_CONNECTIONS)
#define STEAL_LOOKS	64	/* connections asked for a buffer, from the oldest on */

/* ---- flows under way: a hash, and a list from the oldest use to the newest ---- */

static uint32_t *bucket_of(struct identity *id, uint32_t flow)
{
	return &id->bucket[(flow * 0x9e3779b1u >> 8) & (BUCKETS - 1)];
}

static struct connection *find(struct identity *id, uint32_t flow)
{
	uint32_t at = *bucket_of(id, flow);

	while (at && id->all[at].flow != flow)
		at = id->all[at].hash_next;
	return at ? &id->all[at] : NULL;
}

static void list_remove(struct identity *id, struct connection *c)
{
	*(c->older ? &id->all[c->older].newer : &id->oldest) = c->newer;
	*(c->newer ? &id->all[c->newer].older : &id->newest) = c->older;
}

static void list_add(struct identity *id, struct connection *c)
{
	const uint32_t at = (uint32_t)(c - id->all);

	c->older = id->newest;
	c->newer = 0;
	*(id->newest ? &id->all[id->newest].newer : &id->oldest) = at;
	id->newest = at;
}

static void drop_buffers(struct identity *id, struct connection *c)
{
	for (int i = 0; i < 2; i++)
		c->side[i].buffer = reassemble_end(id->buffers, c->side[i].buffer);
}

static void drop(struct identity *id, struct connection *c)
{
	uint32_t *link = bucket_of(id, c->flow);

	while (&id->all[*link] != c)
		link = &id->all[*link].hash_next;
	*link = c->hash_next;
	list_remove(id, c);
	drop_buffers(id, c);
	quic_end(id->quic, &c->quic);
	dtls_end(id->buffers, &c->dtls);
	c->hash_next = id->free;
	id->free = (uint32_t)(c - id->all);
	id->under_way--;
}

static struct connection *begin(struct identity *id, uint32_t flow)
{
	uint32_t *bucket = bucket_of(id, flow);
	struct connection *c;

	if (!id->free && id->fresh <= IDENTITY_CONNECTIONS) {
		c = &id->all[id->fresh++];
	} else {
		if (!id->free) {
			id->counters.connections_replaced++;
			drop(id, &id->all[id->oldest]);
		}
		c = &id->all[id->free];
		id->free = c->hash_next;
	}
	*c = (struct connection){ .flow = flow, .hash_next = *bucket };
	*bucket = (uint32_t)(c - id->all);
	list_add(id, c);
	id->under_way++;
	id->counters.connections++;
	return c;
}

struct reassemble *identity_buffer(const struct look *l, struct side *side)
{
	struct identity *id = l->id;
	uint32_t at = id->oldest;

	if (side->buffer)
		return side->buffer;
	side->buffer = reassemble_begin(id->buffers, side->first_seq);
	for (int i = 0; !side->buffer && at && i < STEAL_LOOKS; i++) {
		struct connection *c = &id->all[at];

		at = c->newer;
		if (c == l->c || (!c->side[0].buffer && !c->side[1].buffer && !c->dtls.buffer[0] && !c->dtls.buffer[1]))
			continue;
		id->counters.connections_replaced++;
		drop(id, c);
		side->buffer = reassemble_begin(id->buffers, side->first_seq);
	}
	if (!side->buffer)
		id->counters.buffers_full++;
	return side->buffer;
}

/* ---- names ---- */

void identity_found(const struct look *l, enum identity_name which, const void *bytes, size_t len)
{
	if (len)
		l->id->settings.name_found(l->id->settings.arg, l->p->flow, which, bytes, len);
}

void identity_status(const struct look *l, enum name_status status)
{
	l->facts->status = (uint8_t)status;
}

/* Of two sources the better one stays; a later one of the same kind replaces the earlier. */
void identity_set_domain(const struct look *l, enum identity_source source, const void *bytes, size_t len)
{
	if (!len || (l->facts->source && l->facts->source < source))
		return;
	l->facts->source = (uint8_t)source;
	identity_found(l, IDENTITY_DOMAIN, bytes, len);
}

size_t identity_domain(struct identity *id, const uint32_t client[4], const uint32_t server[4], uint64_t now_ns,
		       char *ret_text, size_t size, enum identity_source *ret_source)
{
	static const enum identity_source SOURCES[] = {
		[DNS_NAMES_NONE] = IDENTITY_BY_NONE,
		[DNS_NAMES_OWN] = IDENTITY_BY_DNS,
		[DNS_NAMES_OWN_EXPIRED] = IDENTITY_BY_DNS_EXPIRED,
		[DNS_NAMES_OTHER] = IDENTITY_BY_DNS_OTHER,
		[DNS_NAMES_OTHER_EXPIRED] = IDENTITY_BY_DNS_OTHER,
	};
	struct dns_names_found found;
	enum dns_names_source source = dns_names_lookup(id->names, client, server, now_ns, &found);
	char text[DNS_NAME_TEXT_SIZE];
	size_t len;

	*ret_source = SOURCES[source];
	if (source == DNS_NAMES_NONE)
		return 0;
	if (source == DNS_NAMES_OWN && found.shared)
		*ret_source = IDENTITY_BY_DNS_SHARED;
	len = dns_name_text(&found.name, text);
	if (len > size)
		return 0;
	memcpy(ret_text, text, len);
	return len;
}

/* A flow's first payload: what its client has been told of the server's address. */
static void name_by_dns(const struct look *l)
{
	const unsigned int client = l->c->client;
	char text[SNI_MAX];
	enum identity_source source;
	size_t len = identity_domain(l->id, l->p->addr[client], l->p->addr[!client], l->p->begun_ns, text, sizeof(text),
				     &source);

	identity_set_domain(l, source, text, len);
}

/* ---- the module ---- */

int identity_payload(struct identity *id, const struct identity_payload *payload, struct identity_facts *facts)
{
	struct look l = { .id = id, .c = find(id, payload->flow), .p = payload, .facts = facts };
	int ret;

	id->counters.payloads++;
	if (facts->bits & IDENTITY_FINISHED)
		return IDENTITY_DONE;
	if (!l.c) {
		l.c = begin(id, payload->flow);
		l.c->client = payload->client & 1;
		l.c->client_sure = payload->from_start;
		if (payload->from_start)
			l.c->side[l.c->client] = (struct side){ .first_seq = payload->first_seq, .known = true };
		name_by_dns(&l);
	} else {
		list_remove(id, l.c);
		list_add(id, l.c);
	}
	ret = payload->proto == IPPROTO_TCP ? identity_tcp(&l) : payload->proto == IPPROTO_UDP ? identity_udp(&l) :
								   IDENTITY_DONE;
	if (ret & IDENTITY_DONE) {
		facts->bits |= IDENTITY_FINISHED;
		drop(id, l.c);
	}
	return ret;
}

void identity_forget(struct identity *id, uint32_t flow)
{
	struct connection *c = find(id, flow);

	if (c)
		drop(id, c);
}

void identity_expire(struct identity *id, uint64_t now_ns)
{
	struct dns_match_transaction t;

	while (dns_match_expired(id->match, now_ns, &t))
		id->counters.dns_unanswered++;
}

int identity_new(struct identity **ret_id, const struct identity_settings *settings)
{
	const struct quic_limits quic = { .connections = IDENTITY_QUIC_MAX, .crypto_bytes = IDENTITY_QUIC_CRYPTO_BYTES };
	struct identity *id = calloc(1, sizeof(*id));
	int err;

	if (!id)
		return -ENOMEM;
	id->settings = *settings;
	id->bucket = calloc(BUCKETS, sizeof(*id->bucket));
	id->all = calloc(IDENTITY_CONNECTIONS + 1, sizeof(*id->all));
	err = id->bucket && id->all ? ja4_new(&id->ja4) : -ENOMEM;
	if (!err)
		err = reassemble_pool_new(&id->buffers, IDENTITY_BUFFER_BYTES);
	if (!err)
		err = quic_pool_new(&id->quic, &quic);
	if (!err)
		err = dns_match_new(&id->match, IDENTITY_DNS_WAITING, settings->seed);
	if (!err)
		err = dns_names_new(&id->names, IDENTITY_DNS_BYTES, settings->seed);
	if (err) {
		identity_free(id);
		return err;
	}
	id->fresh = 1;
	*ret_id = id;
	return 0;
}

struct identity *identity_free(struct identity *id)
{
	if (!id)
		return NULL;
	dns_names_free(id->names);
	dns_match_free(id->match);
	quic_pool_free(id->quic);
	reassemble_pool_free(id->buffers);
	ja4_free(id->ja4);
	free(id->all);
	free(id->bucket);
	free(id);
	return NULL;
}

const struct identity_counters *identity_counters(const struct identity *id)
{
	return &id->counters;
}

const uint64_t *identity_quic_counts(const struct identity *id)
{
	return quic_pool_counts(id->quic);
}

size_t identity_under_way(const struct identity *id)
{
	return id->under_way;
}

size_t identity_memory(void)
{
	return sizeof(struct identity) + BUCKETS * sizeof(uint32_t) +
	       (IDENTITY_CONNECTIONS + 1) * sizeof(struct connection) + IDENTITY_BUFFER_BYTES +
	       IDENTITY_QUIC_MAX * 224 + IDENTITY_QUIC_CRYPTO_BYTES + IDENTITY_DNS_BYTES + IDENTITY_DNS_WAITING * 112;
}

static const char *const PROTOCOLS[] = {
#define X(id, text) text,
	IDENTITY_PROTOCOLS(X)
#undef X
};

static const struct {
	const char *name, *confidence;
} SOURCE_TEXTS[] = {
#define X(id, text, confidence) { text, confidence },
	IDENTITY_SOURCES(X)
#undef X
};

const char *identity_protocol_name(uint8_t protocol)
{
	return protocol < ARRAY_SIZE(PROTOCOLS) ? PROTOCOLS[protocol] : NULL;
}

const char *identity_source_name(uint8_t source)
{
	return source < ARRAY_SIZE(SOURCE_TEXTS) ? SOURCE_TEXTS[source].name : NULL;
}

const char *identity_confidence(uint8_t source)
{
	return source < ARRAY_SIZE(SOURCE_TEXTS) ? SOURCE_TEXTS[source].confidence : NULL;
}
