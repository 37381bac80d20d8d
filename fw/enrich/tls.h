/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tls - ClientHello and ServerHello of TLS (RFC 8446, 5246), QUIC (RFC 9001) and DTLS (RFC 9147, 6347) into facts.
 *
 * Pure: takes one whole handshake message, its header included; knows no records, segments, datagrams or keys. Bytes
 * behind the message are not read. Joining its pieces is the caller's business: of DTLS too, whose joined message has
 * the header of a single fragment. ja4.h and tls_names.h make texts of the facts.
 *
 * Facts point into the message: they live as long as it does. Lists keep the wire's order and byte order, GREASE
 * (RFC 8701) included: read them with tls_at(). A parser returns the first fault it saw; @ret_facts is filled all the
 * same, with what could be told: a list that is broken is absent, the rest is read on. Of HelloVerifyRequest, and of a
 * HelloRetryRequest before draft-ietf-tls-tls13-22, nothing is told. No allocation, no logging.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 128 bytes of facts. Real hellos have up to 20; more are parsed, but not listed: @overflow. */
#define TLS_EXTENSIONS_MAX	64
#define TLS_KEY_SHARES_MAX	16	/* 32 bytes of facts; real hellos have up to 3 */
#define TLS_SESSION_ID_MAX	32	/* RFC 8446 4.1.2 */

enum tls_transport { TLS_ON_TCP, TLS_ON_QUIC, TLS_ON_DATAGRAMS };

enum tls_result {
	TLS_OK,
	TLS_SHORT,		/* the message ends behind the bytes given */
	TLS_NOT_HELLO,		/* not the message asked for */
	TLS_FRAGMENT,		/* DTLS: a part of a message only */
	TLS_BAD_VERSION,	/* legacy_version is neither SSL 3.0, TLS, nor DTLS where that is wanted */
	TLS_BAD_LENGTH,		/* a field does not fill, or not fit into, what holds it; or is empty against the RFC */
	TLS_DUPLICATE,		/* an extension, or a host_name, twice */
};

/* Extensions that facts are made of. IANA "TLS ExtensionType Values" */
enum {
	TLS_EXT_SERVER_NAME = 0,
	TLS_EXT_GROUPS = 10,
	TLS_EXT_SIGNATURES = 13,
	TLS_EXT_ALPN = 16,
	TLS_EXT_TICKET = 35,
	TLS_EXT_KEY_SHARE_DRAFT = 40,	/* of draft-ietf-tls-tls13-22 and before */
	TLS_EXT_PSK = 41,
	TLS_EXT_EARLY_DATA = 42,
	TLS_EXT_VERSIONS = 43,
	TLS_EXT_KEY_SHARE = 51,
	TLS_EXT_ECH = 0xfe0d,	/* RFC 9849; GREASE of it looks the same */
};

struct tls_bytes {
	const uint8_t *at;
	size_t len;	/* bytes; 0: absent */
};

/* What both hellos have. */
struct tls_extensions {
	uint64_t seen;		/* bit N: extension N, under 64 */
	uint16_t type[TLS_EXTENSIONS_MAX];
	uint8_t count;		/* of @type */
	bool overflow;		/* there are more: duplicates of types over 63 may be missed */
	bool whole;		/* all of the message was walked, whatever was wrong inside an extension */
	bool ech;
};

struct tls_client {
	enum tls_transport transport;
	uint16_t legacy_version;
	struct tls_bytes session_id;
	struct tls_bytes cookie;	/* DTLS */
	struct tls_bytes ciphers;	/* two bytes each, as in all lists here but @alpn */
	struct tls_bytes versions;	/* supported_versions */
	struct tls_bytes groups;
	struct tls_bytes signatures;
	struct tls_bytes sni;		/* the first host_name, any bytes */
	struct tls_bytes alpn;		/* ProtocolNameList: a length byte, a name, ... (RFC 7301 3.1) */
	uint16_t key_share[TLS_KEY_SHARES_MAX];
	uint8_t key_shares;
	bool key_share_overflow;
	bool ticket;			/* not empty: RFC 5077 resumption is asked for */
	bool psk;			/* RFC 8446 resumption is asked for (or an external key) */
	bool early_data;		/* 0-RTT is on its way */
	struct tls_extensions extensions;
};

struct tls_server {
	enum tls_transport transport;
	uint16_t legacy_version;
	uint16_t version;		/* selected: supported_versions where it is there */
	uint16_t cipher;
	uint16_t key_share;		/* group; 0: absent */
	struct tls_bytes session_id;
	struct tls_bytes alpn;		/* the name selected; TLS 1.3 encrypts it */
	bool hello_retry;		/* HelloRetryRequest, RFC 8446 4.1.4 */
	bool psk;			/* accepted */
	struct tls_extensions extensions;
};

/* Bytes of the message that begins here, header included; 0: @len is too few to tell. */
size_t tls_message_len(enum tls_transport transport, const uint8_t *bytes, size_t len);

enum tls_result tls_client_hello(enum tls_transport transport, const uint8_t *bytes, size_t len,
				 struct tls_client *ret_facts);
enum tls_result tls_server_hello(enum tls_transport transport, const uint8_t *bytes, size_t len,
				 struct tls_server *ret_facts);

/* Newest version offered, GREASE left out. */
uint16_t tls_client_version(const struct tls_client *client);

/* The client asks for a session it had before. A session id of TLS 1.3 says nothing (RFC 8446 D.4). */
bool tls_client_resumes(const struct tls_client *client);

/* The server agreed. @client NULL, hello not seen: told for TLS 1.3 only, else false. */
bool tls_is_resumed(const struct tls_client *client, const struct tls_server *server);

const char *tls_result_name(enum tls_result result);

/* RFC 8701 2: 0x0a0a, 0x1a1a, ... 0xfafa */
static inline bool tls_is_grease(uint16_t value)
{
	return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

static inline size_t tls_count(struct tls_bytes list)
{
	return list.len / 2;
}

static inline uint16_t tls_at(struct tls_bytes list, size_t i)	/* @i under tls_count() */
{
	return (uint16_t)(list.at[2 * i] << 8 | list.at[2 * i + 1]);
}

/* The next name of an ALPN list, @at bytes in (start with 0). False at the end. */
static inline bool tls_alpn_next(struct tls_bytes alpn, size_t *at, struct tls_bytes *ret_name)
{
	if (*at >= alpn.len || alpn.at[*at] > alpn.len - *at - 1)
		return false;
	*ret_name = (struct tls_bytes){ alpn.at + *at + 1, alpn.at[*at] };
	*at += 1 + ret_name->len;
	return true;
}
