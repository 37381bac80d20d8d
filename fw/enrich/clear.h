/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * clear - what is said in clear in front of TLS: where in both streams TLS begins, if it does.
 *
 * STARTTLS of SMTP (RFC 3207), IMAP (RFC 9051 6.2.1), POP3 (RFC 2595 4), FTP (RFC 4217 4), LDAP (RFC 4511 4.14), XMPP
 * (RFC 6120 5), PostgreSQL (SSLRequest) and MySQL; HTTP CONNECT (RFC 9110 9.3.6), SOCKS 4, 4a and 5 (RFC 1928, 1929); the
 * PROXY header of version 1 and 2 in front of any of them, or of TLS itself. Pure. The caller has both streams in order
 * from their first byte on and asks again whenever one has grown; a stream that was never seen is empty. That TLS was
 * agreed on shows by the client's first record. Work for a call: CLEAR_BYTES_MAX. No allocation, no logging.
 */
#pragma once

#include "enrich/tls.h"

#define CLEAR_BYTES_MAX	8192	/* of the client: real dialogues have up to 1 kB (SOCKS, SASL in front: 3 kB) */

enum clear_protocol {
	CLEAR_UNKNOWN,
	CLEAR_SMTP,
	CLEAR_IMAP,
	CLEAR_POP3,
	CLEAR_FTP,
	CLEAR_LDAP,
	CLEAR_XMPP,
	CLEAR_POSTGRESQL,
	CLEAR_MYSQL,
	CLEAR_HTTP_CONNECT,
	CLEAR_SOCKS4,
	CLEAR_SOCKS5,
	CLEAR_SSH,
	CLEAR_PROTOCOL_N,
};

enum clear_result {
	CLEAR_MORE,
	CLEAR_TLS,	/* clear.client_at and server_at tell where */
	CLEAR_NEVER,	/* cannot lead to TLS; clear.protocol may be known all the same */
};

/* All zero when it begins. */
struct clear {
	uint8_t protocol;	/* enum clear_protocol */
	bool proxied;		/* a PROXY header came first */
	uint16_t skip;		/* its bytes */
	uint16_t line;		/* client: where the line begins that is looked at next */
	uint16_t asked;		/* client: end of the line that asks for TLS; 0: none did */
	uint16_t client_at;	/* first byte of TLS */
	uint16_t server_at;	/* the same; 0 where the server was not heard */
	uint16_t target_at, target_len;
};

enum clear_result clear_look(struct clear *c, struct tls_bytes client, struct tls_bytes server);

/* The host that a proxy was asked for, in @client; empty: none, or an address. */
struct tls_bytes clear_target(const struct clear *c, struct tls_bytes client);
