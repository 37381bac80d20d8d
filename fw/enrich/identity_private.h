/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * identity_private - what the files of identity share: identity.c (flows under way, names), identity_tls.c (facts of
 * hellos), identity_tcp.c (streams), identity_udp.c (datagrams), identity_dns.c. Nobody else includes it.
 */
#pragma once

#include "enrich/clear.h"
#include "enrich/dns_match.h"
#include "enrich/dns_names.h"
#include "enrich/dtls.h"
#include "enrich/identity.h"
#include "enrich/ja4.h"
#include "enrich/quic.h"
#include "enrich/reassemble.h"

enum connection_stage {
	STAGE_FIRST,	/* nothing is known of what it speaks */
	STAGE_CLEAR,	/* a dialogue that may lead to TLS */
	STAGE_TLS,
	STAGE_HTTP,
	STAGE_DNS,	/* over TCP */
	STAGE_DATAGRAMS,
};

/* One direction of a TCP connection. */
struct side {
	struct reassemble *buffer;	/* NULL: none was needed so far */
	uint32_t first_seq;
	uint16_t at;			/* bytes of the stream that are done with */
	bool known;			/* first_seq is good */
	bool done;
};

struct connection {
	uint32_t flow;
	uint32_t hash_next;		/* 1 + index; 0: none */
	uint32_t older, newer;		/* by last use */
	uint64_t request_ns;		/* HTTP: when the request was whole; TLS: the ClientHello, the first one */
	struct side side[2];		/* by direction */
	struct quic quic;
	struct quic_handshake handshake;	/* of QUIC */
	struct dtls dtls;
	struct clear clear;
	uint8_t stage;			/* enum connection_stage */
	uint8_t client;			/* direction */
	bool client_sure;		/* a SYN or a hello has told */
	bool has_server_name;
	uint8_t datagrams;
	uint8_t session_id_len;
	uint8_t session_id[TLS_SESSION_ID_MAX];
	bool psk, ticket;
};

struct identity {
	struct identity_settings settings;
	struct identity_counters counters;
	struct ja4 *ja4;
	struct reassemble_pool *buffers;
	struct quic_pool *quic;
	struct dns_match *match;
	struct dns_names *names;
	uint32_t *bucket;		/* 1 + index; 0: empty */
	struct connection *all;		/* [0] is never used: 0 stands for none */
	uint32_t fresh;			/* from here on never used, and not touched */
	uint32_t free, oldest, newest, under_way;
	uint8_t scratch[REASSEMBLE_BYTES];	/* a hello out of several records */
};

/* What one payload is looked at with. */
struct look {
	struct identity *id;
	struct connection *c;
	const struct identity_payload *p;
	struct identity_facts *facts;
};

static inline uint32_t us_between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (uint32_t)MIN((to_ns - from_ns) / 1000, UINT32_MAX) : 0;
}

void identity_found(const struct look *l, enum identity_name which, const void *bytes, size_t len);
void identity_status(const struct look *l, enum name_status status);
void identity_set_domain(const struct look *l, enum identity_source source, const void *bytes, size_t len);

/* A buffer for @side, one of @l's connection; NULL: none, and counted. May take it from the oldest connection. */
struct reassemble *identity_buffer(const struct look *l, struct side *side);

/* Facts of a hello, @ja4 "" where it has none. */
void identity_client_hello(const struct look *l, const struct tls_client *client, enum tls_result result, const char *ja4);
void identity_server_hello(const struct look *l, const struct tls_server *server, enum tls_result result);

int identity_tcp(const struct look *l);		/* 0 or IDENTITY_DONE */
int identity_udp(const struct look *l);
/* One DNS message. False: it is none. */
bool identity_dns(const struct look *l, enum dns_kind kind, const uint8_t *bytes, size_t len);
