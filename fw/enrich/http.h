/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * http - heads of HTTP/1 requests and responses at the front of one direction of a stream (RFC 9110, 9112).
 *
 * Pure, and without state: asked again whenever there is more of the stream. Tells method, host, status and where the
 * head ends; nothing of path, query, body or any other field is handed out. Slices point into the bytes given. Lines
 * may end in LF alone (RFC 9112 2.2). HTTP/2 with prior knowledge is told by its preface. No allocation, no logging.
 */
#pragma once

#include "enrich/tls.h"

#define HTTP_HEAD_MAX	8192	/* bytes of a head that are looked at; servers allow 8 kB, too */
#define HTTP_HOST_MAX	255

/* RFC 9110 9.3, and what is common beside it: WebDAV, UPnP. */
#define HTTP_METHODS(X) \
	X(GET, "GET") X(HEAD, "HEAD") X(POST, "POST") X(PUT, "PUT") X(DELETE, "DELETE") X(CONNECT, "CONNECT") \
	X(OPTIONS, "OPTIONS") X(TRACE, "TRACE") X(PATCH, "PATCH") X(PROPFIND, "PROPFIND") X(PROPPATCH, "PROPPATCH") \
	X(MKCOL, "MKCOL") X(COPY, "COPY") X(MOVE, "MOVE") X(LOCK, "LOCK") X(UNLOCK, "UNLOCK") X(REPORT, "REPORT") \
	X(SEARCH, "SEARCH") X(M_SEARCH, "M-SEARCH") X(NOTIFY, "NOTIFY") X(SUBSCRIBE, "SUBSCRIBE") \
	X(UNSUBSCRIBE, "UNSUBSCRIBE")

enum http_method {
	HTTP_NO_METHOD,
#define X(id, text) HTTP_##id,
	HTTP_METHODS(X)
#undef X
	HTTP_METHOD_N,
};

enum http_result {
	HTTP_MORE,	/* so far it can be a head */
	HTTP_WHOLE,
	HTTP_NOT_HTTP,
	HTTP_BAD,	/* begins like a head; then a line is none. What was read before it is there */
	HTTP_TOO_LONG,	/* no end within HTTP_HEAD_MAX. What was read is there */
};

struct http_request {
	enum http_method method;
	uint8_t minor;		/* of HTTP/1.x */
	bool h2_preface;	/* HTTP_NOT_HTTP: but HTTP/2 (RFC 9113 3.4) */
	struct tls_bytes host;	/* without port and brackets; absent where it is no visible ASCII, or longer than HTTP_HOST_MAX */
	struct tls_bytes upgrade;
	size_t head_len;	/* empty line included */
};

struct http_response {
	uint16_t status;	/* 100 to 599 */
	uint8_t minor;
	bool interim;		/* 1xx but 101: another head follows */
	size_t head_len;
};

/* Everything in @ret is set after any result but HTTP_MORE. */
enum http_result http_request(const uint8_t *bytes, size_t len, struct http_request *ret_request);
enum http_result http_response(const uint8_t *bytes, size_t len, struct http_response *ret_response);

const char *http_method_name(unsigned int method);	/* NULL: none */
