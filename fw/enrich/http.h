/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * http - the head of an HTTP/1.x request or response at the front of one direction of a TCP stream (RFC 9110, 9112).
 *
 * Pure, and without state: asked again whenever there is more of the stream. Of a target nothing but its host is handed
 * out: no path, no query, no user name. Knows no bodies, no second request behind the first, and of HTTP/2 the preface
 * alone. Slices lead into the bytes given. Tolerated as RFC 9112 has it: LF for CRLF and one empty line in front (2.2),
 * blanks in a target (3), folded lines (5.2). A method of other bytes than A-Z, - and _ is not known as one, though the
 * RFC has more tokens: no client uses them, and much that is not HTTP is told sooner.
 */
#pragma once

#include "enrich/tls.h"

#define HTTP_HEAD_MAX	8192 /* bytes looked at, as common servers take at most */
#define HTTP_HOST_MAX	255  /* bytes of a name: RFC 1035 2.3.4 */
#define HTTP_METHOD_MAX 20   /* bytes; the longest registered at IANA has 17 */

enum http_result {
	HTTP_MORE, /* not whole yet, HTTP so far */
	HTTP_HEAD, /* all of it */
	HTTP_NOT_HTTP,
	HTTP_BAD,      /* HTTP, but a version, status, target or field that nobody could use */
	HTTP_TOO_LONG, /* no end in HTTP_HEAD_MAX bytes */
};

/* RFC 9110, 5789; WebDAV: RFC 4918, 3253, 5323; UPnP Device Architecture 2.0 */
#define HTTP_METHODS(X) \
	X(OTHER, "other") \
	X(GET, "GET") \
	X(HEAD, "HEAD") \
	X(POST, "POST") \
	X(PUT, "PUT") \
	X(DELETE, "DELETE") \
	X(CONNECT, "CONNECT") \
	X(OPTIONS, "OPTIONS") \
	X(TRACE, "TRACE") \
	X(PATCH, "PATCH") \
	X(PROPFIND, "PROPFIND") \
	X(PROPPATCH, "PROPPATCH") \
	X(MKCOL, "MKCOL") \
	X(COPY, "COPY") \
	X(MOVE, "MOVE") \
	X(LOCK, "LOCK") \
	X(UNLOCK, "UNLOCK") \
	X(REPORT, "REPORT") \
	X(SEARCH, "SEARCH") \
	X(M_SEARCH, "M-SEARCH") \
	X(NOTIFY, "NOTIFY") \
	X(SUBSCRIBE, "SUBSCRIBE") \
	X(UNSUBSCRIBE, "UNSUBSCRIBE")

enum http_method {
#define X(name, text) HTTP_METHOD_##name,
	HTTP_METHODS(X)
#undef X
};

struct http_request {
	enum http_method method;
	uint8_t version_minor;
	bool h2_preface;	      /* with HTTP_NOT_HTTP: it is HTTP/2 (RFC 9113 3.4) */
	uint16_t target_port;	      /* CONNECT */
	size_t head_len;	      /* bytes, the empty line included */
	struct tls_bytes target_host; /* CONNECT: whom the proxy is to reach; IPv6 without brackets */
	struct tls_bytes host; /* of an absolute target, else of Host: without port and brackets; as it was written */
	struct tls_bytes upgrade;    /* protocols offered: "websocket", "h2c" */
	struct tls_bytes user_agent; /* without control bytes; may be no UTF-8 */
};

struct http_response {
	uint16_t status; /* 100 to 599 */
	uint8_t version_minor;
	bool interim; /* 1xx: another head follows. Not 101: another protocol does */
	size_t head_len;
	int64_t content_length; /* bytes; -1: not said, or in a way that does not count (RFC 9112 6.3) */
};

/* @ret: all zero but for what could be told. What was not HTTP_MORE once stays so, however much is added. */
enum http_result http_request(const uint8_t *bytes, size_t len, struct http_request *ret);
enum http_result http_response(const uint8_t *bytes, size_t len, struct http_response *ret);

/*
 * Bytes of the head, once its end is there; else 0. For whoever does not want to look at a byte twice: @looked, 0 to
 * begin with, is how far there is no end.
 */
size_t http_head_len(const uint8_t *bytes, size_t len, size_t *looked);

/* 1 to HTTP_HOST_MAX bytes that RFC 3986 3.2.2 has in a name or an IPv4 address. */
bool http_is_host(struct tls_bytes text);

const char *http_method_name(enum http_method method);
