/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Streams: both directions of a TCP connection from their first bytes on. A segment that comes in order and tells all
 * that is wanted of its side is read where it lies; else the side gets a buffer.
 */
#include <arpa/inet.h>
#include <string.h>

#include "base/util.h"
#include "enrich/http.h"
#include "enrich/identity_private.h"
#include "enrich/slice.h"
#include "enrich/tls_records.h"

#define PORT_DNS	53
#define CONTENT_HANDSHAKE 22	/* RFC 8446 5.1 */
#define CONTENT_CCS	20
#define CCS_RECORD	6
#define HELLO_TYPE_AT	5	/* of the first byte of a stream: the record's header is in front */
#define CLIENT_HELLO	1

struct streams {
	struct tls_bytes of[2];		/* by direction: from the first byte on, without a gap */
};

static bool is_handshake(struct tls_bytes stream)
{
	return stream.len && stream.at[0] == CONTENT_HANDSHAKE && (stream.len < 2 || stream.at[1] == 3);
}

static int end(const struct look *l, enum name_status status)
{
	if (!(l->facts->bits & IDENTITY_CLIENT_HELLO))
		identity_status(l, status);
	return IDENTITY_DONE;
}

/* ---- TLS ---- */

/* What is read of the client is done with: its second hello, if there is one, begins a new stream. */
static void restart(const struct look *l, struct side *side, size_t len)
{
	side->first_seq += side->at + (uint32_t)len;
	side->at = 0;
	side->buffer = reassemble_end(l->id->buffers, side->buffer);
}

/* Behind change_cipher_spec, which a client may send in front of its second hello (RFC 8446 D.4). */
static struct tls_bytes behind_ccs(struct tls_bytes stream)
{
	while (stream.len >= CCS_RECORD && stream.at[0] == CONTENT_CCS)
		stream = slice_from(stream, CCS_RECORD);
	return stream;
}

static void tls_client(const struct look *l, struct side *side, struct tls_bytes all)
{
	const bool again = l->facts->bits & IDENTITY_CLIENT_HELLO;
	const struct tls_bytes stream = again ? behind_ccs(all) : all;
	struct tls_bytes message;
	struct tls_client client;
	enum name_status status = l->p->from_start ? NAME_NOT_TLS : NAME_MIDSTREAM;
	enum tls_result result;
	char ja4[JA4_SIZE];

	switch (tls_records_message(stream.at, stream.len, l->id->scratch, sizeof(l->id->scratch), &message)) {
	case TLS_RECORDS_MORE:
		return;
	case TLS_RECORDS_MESSAGE:
		result = tls_client_hello(TLS_ON_TCP, message.at, message.len, &client);
		if (result == TLS_NOT_HELLO)
			break;
		ja4_text(l->id->ja4, &client, ja4);
		identity_client_hello(l, &client, result, ja4);
		restart(l, side, all.len);	/* a second one may come: RFC 8446 4.1.2 */
		return;
	case TLS_RECORDS_TOO_LONG:
		status = NAME_LIMIT;
		break;
	case TLS_RECORDS_NOT_TLS:
	case TLS_RECORDS_OTHER:
		break;
	}
	side->done = true;
	if (!again)
		identity_status(l, status);
}

/* Bytes of the records of a HelloRetryRequest, and of the change_cipher_spec behind it (RFC 8446 D.4). 0: not all here. */
static size_t retry_len(struct tls_bytes stream)
{
	struct reader r = { .at = stream.at, .left = stream.len };
	size_t done = 0;

	for (int n = 0; r.left >= 5; n++) {
		const uint8_t type = reader_u8(&r);
		size_t len;

		reader_u16(&r);
		len = reader_u16(&r);
		if (n && type != CONTENT_CCS)
			return done;
		if (!reader_bytes(&r, len))
			return 0;
		done = stream.len - r.left;
	}
	return r.left ? 0 : done;
}

static void tls_server(const struct look *l, struct side *side, struct tls_bytes stream)
{
	struct tls_server server;
	struct tls_bytes message;
	enum tls_result result;
	size_t skip;

	switch (tls_records_message(stream.at, stream.len, l->id->scratch, sizeof(l->id->scratch), &message)) {
	case TLS_RECORDS_MORE:
		return;
	case TLS_RECORDS_MESSAGE:
		result = tls_server_hello(TLS_ON_TCP, message.at, message.len, &server);
		if (result == TLS_NOT_HELLO)
			break;
		if (!server.hello_retry || !(l->facts->bits & IDENTITY_HELLO_RETRY))
			identity_server_hello(l, &server, result);
		if (!server.hello_retry)
			break;
		skip = retry_len(stream);
		side->at = (uint16_t)MIN(side->at + skip, REASSEMBLE_BYTES);
		if (skip && stream.len > skip)
			tls_server(l, side, slice_from(stream, skip));	/* ends: each time fewer bytes */
		return;
	case TLS_RECORDS_TOO_LONG:
	case TLS_RECORDS_NOT_TLS:
	case TLS_RECORDS_OTHER:
		break;
	}
	side->done = true;
}

static int look_tls(const struct look *l, const struct streams *s)
{
	struct side *client = &l->c->side[l->c->client], *server = &l->c->side[!l->c->client];

	if (!client->done && s->of[l->c->client].len > client->at)
		tls_client(l, client, slice_from(s->of[l->c->client], client->at));
	if (!server->done && s->of[!l->c->client].len > server->at)
		tls_server(l, server, slice_from(s->of[!l->c->client], server->at));
	if (client->done && !(l->facts->bits & IDENTITY_CLIENT_HELLO))
		return IDENTITY_DONE;	/* no hello: nothing can be told of the rest */
	return server->done && l->facts->bits & IDENTITY_CLIENT_HELLO ? IDENTITY_DONE : 0;
}

/* ---- in clear ---- */

static uint8_t clear_protocol(enum clear_protocol protocol)
{
	static const uint8_t PROTOCOLS[CLEAR_PROTOCOL_N] = {
		[CLEAR_SMTP] = IDENTITY_SMTP, [CLEAR_IMAP] = IDENTITY_IMAP, [CLEAR_POP3] = IDENTITY_POP3,
		[CLEAR_FTP] = IDENTITY_FTP, [CLEAR_LDAP] = IDENTITY_LDAP, [CLEAR_POSTGRESQL] = IDENTITY_POSTGRESQL,
		[CLEAR_MYSQL] = IDENTITY_MYSQL, [CLEAR_XMPP] = IDENTITY_XMPP, [CLEAR_HTTP_CONNECT] = IDENTITY_HTTP,
		[CLEAR_SOCKS4] = IDENTITY_SOCKS, [CLEAR_SOCKS5] = IDENTITY_SOCKS, [CLEAR_SSH] = IDENTITY_SSH,
	};

	return protocol < CLEAR_PROTOCOL_N ? PROTOCOLS[protocol] : IDENTITY_UNKNOWN;
}

static int look_clear(const struct look *l, const struct streams *s)
{
	struct connection *c = l->c;
	const struct tls_bytes client = s->of[c->client];
	enum clear_result result = clear_look(&c->clear, client, s->of[!c->client]);
	const uint8_t protocol = clear_protocol(c->clear.protocol);
	struct tls_bytes target = clear_target(&c->clear, client);

	if (!(l->facts->bits & IDENTITY_CLIENT_HELLO) && protocol)
		l->facts->protocol = protocol;
	identity_set_domain(l, IDENTITY_BY_PROXY, target.at, MIN(target.len, SNI_MAX));
	if (result == CLEAR_NEVER)
		return end(l, l->p->from_start ? NAME_NOT_TLS : NAME_MIDSTREAM);
	if (result == CLEAR_MORE)
		return 0;
	l->facts->inner = protocol;
	l->facts->bits |= IDENTITY_INNER;
	c->side[c->client].at = c->clear.client_at;
	c->side[!c->client].at = c->clear.server_at;
	c->side[c->client].done = c->side[!c->client].done = false;
	c->stage = STAGE_TLS;
	return look_tls(l, s);
}

static int http_request_seen(const struct look *l, const struct http_request *request, const struct streams *s)
{
	struct connection *c = l->c;
	struct identity_facts *f = l->facts;

	l->id->counters.http_requests++;
	f->protocol = IDENTITY_HTTP;
	f->http.method = (uint8_t)(1 + request->method);
	f->http.minor = request->version_minor;
	if (request->method != HTTP_METHOD_CONNECT)	/* whose target clear_target() tells */
		identity_set_domain(l, IDENTITY_BY_HTTP, request->host.at, MIN(request->host.len, SNI_MAX));
	c->request_ns = l->p->time_ns;
	if (request->method == HTTP_METHOD_CONNECT) {
		c->stage = STAGE_CLEAR;
		return look_clear(l, s);
	}
	c->side[c->client].done = true;
	return 0;
}

static int http_response_seen(const struct look *l, struct side *side, struct tls_bytes stream)
{
	struct identity_facts *f = l->facts;
	struct http_response response;

	if (!(f->bits & IDENTITY_HTTP_ANSWER)) {
		f->bits |= IDENTITY_HTTP_ANSWER;
		f->http.first_byte_us = us_between(l->c->request_ns, l->p->time_ns);
	}
	for (;;) {
		switch (http_response(stream.at, stream.len, &response)) {
		case HTTP_MORE:
			return 0;
		case HTTP_HEAD:
			f->http.status = response.status;
			if (!response.interim)
				return IDENTITY_DONE;
			side->at = (uint16_t)(side->at + response.head_len);
			stream = slice_from(stream, response.head_len);
			if (!stream.len)
				return 0;
			continue;
		case HTTP_NOT_HTTP:
			break;
		case HTTP_BAD:
		case HTTP_TOO_LONG:
			l->id->counters.http_bad++;
			break;
		}
		return IDENTITY_DONE;
	}
}

static int look_http(const struct look *l, const struct streams *s)
{
	struct connection *c = l->c;
	struct side *client = &c->side[c->client], *server = &c->side[!c->client];
	struct http_request request;
	int ret = 0;

	identity_status(l, NAME_NOT_TLS);
	if (!client->done) {
		switch (http_request(s->of[c->client].at, s->of[c->client].len, &request)) {
		case HTTP_MORE:
			return 0;
		case HTTP_HEAD:
			ret = http_request_seen(l, &request, s);
			break;
		case HTTP_NOT_HTTP:
			c->stage = STAGE_CLEAR;
			return look_clear(l, s);
		case HTTP_BAD:
		case HTTP_TOO_LONG:
			l->id->counters.http_bad++;
			l->facts->protocol = IDENTITY_HTTP;
			return end(l, NAME_NOT_TLS);
		}
	}
	if (c->stage == STAGE_HTTP && client->done && s->of[!c->client].len > server->at)
		ret = http_response_seen(l, server, slice_from(s->of[!c->client], server->at));
	return ret;
}

static void dns_side(const struct look *l, struct side *side, struct tls_bytes stream)
{
	struct reader r = { .at = stream.at, .left = stream.len }, message;

	for (;;) {
		switch (dns_stream_next(&r, &message)) {
		case DNS_STREAM_MESSAGE:
			identity_dns(l, DNS_UNICAST, message.at, message.left);
			side->at = (uint16_t)(side->at + (stream.len - r.left));
			stream = (struct tls_bytes){ r.at, r.left };
			continue;
		case DNS_STREAM_MORE:
			return;
		case DNS_STREAM_NOT_DNS:
			side->done = true;
			return;
		}
	}
}

/* ---- which of them ---- */

/* Who is the client, where no SYN has told: who says a ClientHello or an HTTP request. False: this side says neither. */
static bool guess_client(const struct look *l, const struct streams *s)
{
	const unsigned int dir = l->p->direction;
	const struct tls_bytes stream = s->of[dir];
	struct http_request request;
	enum http_result result;

	if (is_handshake(stream)) {
		if (stream.len > HELLO_TYPE_AT)
			l->c->client = stream.at[HELLO_TYPE_AT] == CLIENT_HELLO ? dir : !dir;
		l->c->client_sure = stream.len > HELLO_TYPE_AT;
		return true;
	}
	result = http_request(stream.at, stream.len, &request);
	if (result != HTTP_MORE && result != HTTP_HEAD)
		return false;
	l->c->client = (uint8_t)dir;
	l->c->client_sure = result == HTTP_HEAD;
	return true;
}

static bool is_dns_port(const struct look *l)
{
	return l->p->port[0] == htons(PORT_DNS) || l->p->port[1] == htons(PORT_DNS);
}

static int look_first(const struct look *l, const struct streams *s)
{
	struct connection *c = l->c;
	struct http_request request;
	enum http_result result;

	if (is_dns_port(l)) {
		c->stage = STAGE_DNS;
		return 0;
	}
	if (!c->client_sure && !guess_client(l, s)) {
		c->side[l->p->direction].done = true;
		return c->side[!l->p->direction].done ? end(l, NAME_MIDSTREAM) : 0;
	}
	if (is_handshake(s->of[c->client]) || (!s->of[c->client].len && is_handshake(s->of[!c->client]))) {
		c->stage = STAGE_TLS;
	} else if (!s->of[c->client].len) {
		c->stage = STAGE_CLEAR;		/* the server speaks first */
	} else {
		result = http_request(s->of[c->client].at, s->of[c->client].len, &request);
		c->stage = result == HTTP_NOT_HTTP ? STAGE_CLEAR : STAGE_HTTP;
		if (result == HTTP_NOT_HTTP && request.h2_preface) {
			l->facts->protocol = IDENTITY_HTTP;
			return end(l, NAME_NOT_TLS);
		}
	}
	return 0;
}

static int look_stream(const struct look *l, const struct streams *s)
{
	struct connection *c = l->c;

	if (c->stage == STAGE_FIRST) {
		int ret = look_first(l, s);

		if (ret || c->stage == STAGE_FIRST)
			return ret;
	}
	switch ((enum connection_stage)c->stage) {
	case STAGE_TLS:
		return look_tls(l, s);
	case STAGE_HTTP:
		return look_http(l, s);
	case STAGE_CLEAR:
		return look_clear(l, s);
	case STAGE_DNS:
		for (int dir = 0; dir < 2; dir++)
			if (!c->side[dir].done && s->of[dir].len > c->side[dir].at)
				dns_side(l, &c->side[dir], slice_from(s->of[dir], c->side[dir].at));
		return c->side[0].done && c->side[1].done ? IDENTITY_DONE : 0;
	case STAGE_FIRST:
	case STAGE_DATAGRAMS:
		break;
	}
	return IDENTITY_DONE;
}

/* Keeps the segment for later. False: there is no room. */
static bool keep(const struct look *l, struct side *side)
{
	if (!identity_buffer(l, side))
		return false;
	switch (reassemble_add(side->buffer, l->p->seq, l->p->bytes, l->p->len)) {
	case REASSEMBLE_STORED:
	case REASSEMBLE_OLD:
		return true;
	case REASSEMBLE_BEYOND:
	case REASSEMBLE_SCATTERED:
		l->id->counters.beyond++;
		return true;
	}
	return true;
}

/* All of a DNS stream was read: it goes on as a new one, so that its length does not matter. */
static void start_over(const struct look *l, struct side *side, size_t len)
{
	if (l->c->stage != STAGE_DNS || side->at != len)
		return;
	side->first_seq += side->at;
	side->at = 0;
	side->buffer = reassemble_end(l->id->buffers, side->buffer);
}

int identity_tcp(const struct look *l)
{
	struct connection *c = l->c;
	struct side *side = &c->side[l->p->direction & 1], *other = &c->side[!(l->p->direction & 1)];
	const bool begins = !other->known && c->client_sure && l->p->direction == c->client;
	struct streams s = { 0 };
	bool direct;
	int ret;

	if (begins && l->p->ack)
		*other = (struct side){ .first_seq = l->p->ack, .known = true };
	if (!side->known)
		*side = (struct side){ .first_seq = l->p->seq, .known = true };
	if (side->done && c->stage != STAGE_FIRST)
		return 0;
	direct = !side->buffer && l->p->seq == side->first_seq;
	if (!direct && !keep(l, side))
		return end(l, NAME_TABLE_FULL);
	for (int dir = 0; dir < 2; dir++)
		if (c->side[dir].buffer)
			s.of[dir] = (struct tls_bytes){ c->side[dir].buffer->bytes, reassemble_ready(c->side[dir].buffer) };
	if (direct)
		s.of[l->p->direction] = (struct tls_bytes){ l->p->bytes, l->p->len };
	if (!s.of[l->p->direction].len)
		return 0;	/* its beginning is still missing */
	ret = look_stream(l, &s);
	if (ret & IDENTITY_DONE)
		return ret;
	start_over(l, side, s.of[l->p->direction].len);
	if (direct && !side->done && l->p->seq == side->first_seq && !keep(l, side))
		return end(l, NAME_TABLE_FULL);
	if (side->done)
		side->buffer = reassemble_end(l->id->buffers, side->buffer);
	return 0;
}
