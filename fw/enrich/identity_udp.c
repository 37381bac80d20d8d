/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Datagrams: QUIC, DTLS, and the services that are known by their port. */
#include <arpa/inet.h>
#include <string.h>

#include "base/util.h"
#include "enrich/identity_private.h"

#define DATAGRAMS_UNKNOWN	4	/* that are none of these: the flow is none of these */
#define QUIC_LONG_HEADER	0x80
#define STUN_BYTES		20	/* RFC 8489 5 */
#define STUN_COOKIE		0x2112a442

static enum name_status status_by_text(const char *text)
{
	static const char *const NAMES[] = {
#define X(id, name, meaning) name,
		NAME_STATUSES(X)
#undef X
	};

	for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
		if (!strcmp(text, NAMES[i]))
			return (enum name_status)i;
	return NAME_NOT_TLS;	/* "not_quic" */
}

/* True: all of it is measured that will be. */
static bool look_handshake(const struct look *l, const struct quic_facts *facts)
{
	struct quic_handshake *h = &l->c->handshake;
	const uint32_t us = quic_handshake_step(h, facts->steps, facts->connection, l->p->time_ns);

	if (us)
		l->facts->tls.handshake_us[l->p->direction & 1] = us;
	if (quic_handshake_answered(h))
		l->facts->bits |= IDENTITY_QUIC_ANSWERED;
	return quic_handshake_done(h);
}

static int look_quic(const struct look *l)
{
	struct connection *c = l->c;
	struct quic_facts facts;
	enum quic_result result = quic_datagram(l->id->quic, &c->quic, l->p->direction, l->p->bytes, l->p->len, &facts);
	bool is_measured;

	if (result == QUIC_NOT_QUIC)
		return 0;
	if (facts.has_client && !(l->facts->bits & IDENTITY_CLIENT_HELLO)) {
		c->client = l->p->direction & 1;
		identity_client_hello(l, &facts.client, facts.tls, facts.ja4);
	}
	if (facts.has_server)
		identity_server_hello(l, &facts.server, facts.tls);
	if (!(l->facts->bits & IDENTITY_CLIENT_HELLO)) {
		l->facts->protocol = IDENTITY_QUIC;
		identity_status(l, status_by_text(quic_name_status(&c->quic)));
	}
	if (facts.version)
		l->facts->tls.quic_version = facts.version;
	c->datagrams = 0;
	is_measured = look_handshake(l, &facts);
	return is_measured && (l->facts->bits & (IDENTITY_CLIENT_HELLO | IDENTITY_SERVER_HELLO)) ==
	       (IDENTITY_CLIENT_HELLO | IDENTITY_SERVER_HELLO) ? IDENTITY_DONE : 0;
}

static int look_dtls(const struct look *l)
{
	struct dtls_facts facts;
	enum dtls_result result = dtls_datagram(l->id->buffers, l->id->ja4, &l->c->dtls, l->p->direction, l->p->bytes,
						l->p->len, &facts);

	if (result == DTLS_NOT_DTLS)
		return 0;
	if (result == DTLS_BAD)
		l->id->counters.bad_datagrams++;
	if (result == DTLS_FULL)
		l->id->counters.buffers_full++;
	l->c->datagrams = 0;
	l->facts->protocol = IDENTITY_DTLS;
	if (facts.has_client) {
		l->c->client = l->p->direction & 1;
		identity_client_hello(l, &facts.client, facts.tls, facts.ja4);
	} else if (!(l->facts->bits & IDENTITY_CLIENT_HELLO)) {
		identity_status(l, NAME_MIDSTREAM);
	}
	if (facts.has_server)
		identity_server_hello(l, &facts.server, facts.tls);
	if (facts.hello_retry)
		l->facts->bits |= IDENTITY_HELLO_RETRY;
	dtls_done(l->id->buffers, &l->c->dtls);
	return l->facts->bits & IDENTITY_SERVER_HELLO ? IDENTITY_DONE : 0;
}

/* WebRTC: a DTLS handshake comes behind these. */
static bool is_stun(const struct identity_payload *p)
{
	struct reader r = { .at = p->bytes, .left = p->len };
	const uint32_t type = reader_u16(&r);

	reader_u16(&r);
	return p->len >= STUN_BYTES && type < 0x4000 && reader_uint(&r, 4) == STUN_COOKIE;
}

static bool has_port(const struct look *l, uint16_t port)
{
	return l->p->port[0] == htons(port) || l->p->port[1] == htons(port);
}

static void look_service(const struct look *l, enum identity_protocol protocol)
{
	l->facts->protocol = (uint8_t)protocol;
	identity_status(l, NAME_NOT_TLS);
}

/* A service that names others, by its port: every message is looked at. False: another port. */
static bool look_naming(const struct look *l)
{
	if (has_port(l, 53) || has_port(l, 5355))
		identity_dns(l, DNS_UNICAST, l->p->bytes, l->p->len);
	else if (has_port(l, 5353))
		identity_dns(l, DNS_MULTICAST, l->p->bytes, l->p->len);
	else if (has_port(l, 67) || has_port(l, 68))
		look_service(l, IDENTITY_DHCP);
	else if (has_port(l, 546) || has_port(l, 547))
		look_service(l, IDENTITY_DHCP6);
	else
		return false;
	return true;
}

int identity_udp(const struct look *l)
{
	struct connection *c = l->c;
	const uint8_t first = l->p->len ? l->p->bytes[0] : 0;
	int ret = 0;

	if (!l->p->len || l->p->seq)
		return 0;	/* the rest of a datagram that is longer than any hello's */
	if (look_naming(l))
		return 0;	/* never done: whoever sends garbage does not silence the service */
	c->stage = STAGE_DATAGRAMS;
	if (is_stun(l->p))
		return 0;
	c->datagrams++;
	if (first & QUIC_LONG_HEADER || c->quic.newest)
		ret = look_quic(l);
	else if (first >= 20 && first <= 26)
		ret = look_dtls(l);
	if (ret & IDENTITY_DONE)
		return ret;
	if (!l->facts->status)
		identity_status(l, NAME_NOT_TLS);
	return c->datagrams < DATAGRAMS_UNKNOWN ? 0 : IDENTITY_DONE;
}
