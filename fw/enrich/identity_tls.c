/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Facts of hellos, whatever carried them: what identity.h makes of what tls.h says. */
#include <arpa/inet.h>
#include <string.h>

#include "base/util.h"
#include "enrich/dns_carrier.h"
#include "enrich/identity_private.h"

static uint8_t protocol_of(enum tls_transport transport)
{
	switch (transport) {
	case TLS_ON_TCP:
		return IDENTITY_TLS;
	case TLS_ON_QUIC:
		return IDENTITY_QUIC;
	case TLS_ON_DATAGRAMS:
		return IDENTITY_DTLS;
	}
	return IDENTITY_UNKNOWN;
}

/* TLS in a dialogue that was looked into before: its own facts make room. */
static void begin_tls(const struct look *l, enum tls_transport transport)
{
	struct identity_facts *f = l->facts;

	if (f->bits & (IDENTITY_CLIENT_HELLO | IDENTITY_SERVER_HELLO))
		return;
	if (f->protocol != IDENTITY_TLS && f->protocol != IDENTITY_QUIC && f->protocol != IDENTITY_DTLS)
		memset(&f->tls, 0, sizeof(f->tls));
	f->protocol = protocol_of(transport);
}

static void key_share_groups(const struct look *l, const struct tls_client *client)
{
	uint8_t groups[2 * TLS_KEY_SHARES_MAX];
	size_t len = 0;

	for (size_t i = 0; i < client->key_shares && i < TLS_KEY_SHARES_MAX; i++) {
		groups[len++] = (uint8_t)(client->key_share[i] >> 8);
		groups[len++] = (uint8_t)client->key_share[i];
	}
	identity_found(l, IDENTITY_GROUPS, groups, len);
}

/*
 * The outer name of ECH hides the one that is meant; a browser sends the same extension as GREASE, with the name that is
 * meant in clear. What tells: this client had asked for another name, and got this address for that one alone.
 */
static bool is_hidden(const struct look *l, const struct tls_client *client)
{
	char domain[SNI_MAX];
	enum identity_source source;
	size_t len;

	if (!client->extensions.ech || !client->sni.len)
		return false;
	len = identity_domain(l->id, l->p->addr[l->c->client], l->p->addr[!l->c->client], l->p->begun_ns, domain,
			      sizeof(domain), &source);
	return source == IDENTITY_BY_DNS && (len != client->sni.len || strncasecmp(domain, (const char *)client->sni.at, len));
}

static enum name_status status_of(const struct look *l, const struct tls_client *client, enum tls_result result)
{
	if (client->sni.len)
		return is_hidden(l, client) ? NAME_ECH : NAME_OK;
	return result == TLS_OK || result == TLS_DUPLICATE || client->extensions.whole ? NAME_NO_SNI : NAME_BAD_HELLO;
}

void identity_client_hello(const struct look *l, const struct tls_client *client, enum tls_result result, const char *ja4)
{
	struct connection *c = l->c;
	struct identity_facts *f = l->facts;

	l->id->counters.client_hellos++;
	if (f->bits & IDENTITY_CLIENT_HELLO && client->transport == TLS_ON_TCP && l->id->settings.hello_again)
		l->id->settings.hello_again(l->id->settings.arg, l->p->flow);
	if (result != TLS_OK)
		l->id->counters.bad_hellos++;
	begin_tls(l, client->transport);
	f->bits |= IDENTITY_CLIENT_HELLO | (client->extensions.ech ? IDENTITY_ECH : 0) |
		   (client->early_data ? IDENTITY_EARLY_DATA : 0) | (tls_client_resumes(client) ? IDENTITY_RESUMES : 0);
	f->tls.offered = tls_client_version(client);
	c->request_ns = c->request_ns ? c->request_ns : l->p->time_ns;
	c->psk = client->psk;
	c->ticket = client->ticket;
	c->session_id_len = (uint8_t)MIN(client->session_id.len, sizeof(c->session_id));
	if (c->session_id_len)
		memcpy(c->session_id, client->session_id.at, c->session_id_len);
	identity_status(l, status_of(l, client, result));
	identity_found(l, IDENTITY_SERVER_NAME, client->sni.at, MIN(client->sni.len, SNI_MAX));
	if (f->status != NAME_ECH)
		identity_set_domain(l, IDENTITY_BY_SNI, client->sni.at, MIN(client->sni.len, SNI_MAX));
	f->carrier = (uint16_t)dns_carrier_of(client->transport == TLS_ON_QUIC, ntohs(l->p->port[!c->client]), client->sni,
					      client->alpn);
	identity_found(l, IDENTITY_ALPN, client->alpn.at, MIN(client->alpn.len, ALPN_MAX));
	identity_found(l, IDENTITY_VERSIONS, client->versions.at, MIN(client->versions.len, 64));
	identity_found(l, IDENTITY_JA4, ja4, strlen(ja4));
	key_share_groups(l, client);
}

void identity_server_hello(const struct look *l, const struct tls_server *server, enum tls_result result)
{
	const struct connection *c = l->c;
	const struct tls_client client = {
		.transport = server->transport,
		.session_id = { c->session_id, c->session_id_len },
		.psk = c->psk,
		.ticket = c->ticket,
	};
	struct identity_facts *f = l->facts;

	l->id->counters.server_hellos++;
	if (result != TLS_OK)
		l->id->counters.bad_hellos++;
	begin_tls(l, server->transport);
	f->tls.version = server->version;
	f->tls.cipher = server->cipher;
	if (server->key_share)
		f->tls.group = server->key_share;
	if (server->hello_retry) {
		f->bits |= IDENTITY_HELLO_RETRY;
		return;
	}
	f->bits |= IDENTITY_SERVER_HELLO;
	if (f->bits & IDENTITY_CLIENT_HELLO && c->request_ns) {
		f->bits |= IDENTITY_HELLO_TIME;
		f->tls.server_hello_us = us_between(c->request_ns, l->p->time_ns);
	}
	if (tls_is_resumed(f->bits & IDENTITY_CLIENT_HELLO ? &client : NULL, server))
		f->bits |= IDENTITY_RESUMED;
	identity_found(l, IDENTITY_NEXT_PROTOCOL, server->alpn.at, MIN(server->alpn.len, 255));
}
