/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tls_make - builds handshake messages for the tests, byte by byte; lengths are filled in by make_close().
 *
 * Every length that was filled in is kept in lengths[], for tests that spoil them one by one.
 */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/tls.h"

#define MAKE_LENGTHS_MAX 64

struct make {
	enum tls_transport transport;
	size_t len;
	size_t message, extensions;	/* where their lengths are */
	size_t lengths;
	struct {
		size_t at, size;
	} length[MAKE_LENGTHS_MAX];
	uint8_t b[70000];
};

static inline void make_bytes(struct make *m, const void *bytes, size_t len)
{
	if (len > sizeof(m->b) - m->len)
		abort();
	if (len)
		memcpy(m->b + m->len, bytes, len);
	m->len += len;
}

static inline void make_uint(struct make *m, size_t size, uint32_t value)
{
	while (size--)
		make_bytes(m, &(uint8_t){ (uint8_t)(value >> 8 * size) }, 1);
}

static inline size_t make_open(struct make *m, size_t size)
{
	if (m->lengths == MAKE_LENGTHS_MAX)
		abort();
	m->length[m->lengths].at = m->len;
	m->length[m->lengths++].size = size;
	make_uint(m, size, 0);
	return m->len;
}

static inline void make_set(struct make *m, size_t at, size_t size, uint32_t value)
{
	size_t len = m->len;

	m->len = at;
	make_uint(m, size, value);
	m->len = len;
}

/* @from: what make_open() of @size bytes returned. */
static inline void make_close(struct make *m, size_t from, size_t size)
{
	make_set(m, from - size, size, (uint32_t)(m->len - from));
}

static inline void make_vector(struct make *m, size_t size, const void *bytes, size_t len)
{
	size_t from = make_open(m, size);

	make_bytes(m, bytes, len);
	make_close(m, from, size);
}

/* The same of 16-bit numbers, ended by -1. */
static inline void make_list(struct make *m, size_t size, const int *values)
{
	size_t from = make_open(m, size);

	for (; *values >= 0; values++)
		make_uint(m, 2, (uint32_t)*values);
	make_close(m, from, size);
}

/* Header, version, random (of @random), empty session id. */
static inline void make_begin(struct make *m, enum tls_transport transport, uint8_t type, uint16_t version,
			      const uint8_t *random)
{
	static const uint8_t zeros[32];

	m->transport = transport;
	m->len = m->lengths = 0;
	make_uint(m, 1, type);
	m->message = make_open(m, 3);
	if (transport == TLS_ON_DATAGRAMS)
		make_uint(m, 2, 1);	/* message_seq */
	if (transport == TLS_ON_DATAGRAMS) {
		make_uint(m, 3, 0);
		make_uint(m, 3, 0);
		m->message = m->len;
	}
	make_uint(m, 2, version);
	make_bytes(m, random ? random : zeros, 32);
}

/* Session id, cookie, @ciphers (ended by -1), no compression; then extensions may follow. */
static inline void make_client(struct make *m, enum tls_transport transport, uint16_t version, const char *session_id,
			       const int *ciphers)
{
	make_begin(m, transport, 1, version, NULL);
	make_vector(m, 1, session_id, strlen(session_id));
	if (transport == TLS_ON_DATAGRAMS)
		make_vector(m, 1, "cookie", 6);
	make_list(m, 2, ciphers);
	make_vector(m, 1, "", 1);
	m->extensions = make_open(m, 2);
}

static inline void make_server(struct make *m, enum tls_transport transport, uint16_t version, const char *session_id,
			       uint16_t cipher, const uint8_t *random)
{
	make_begin(m, transport, 2, version, random);
	make_vector(m, 1, session_id, strlen(session_id));
	make_uint(m, 2, cipher);
	make_uint(m, 1, 0);
	m->extensions = make_open(m, 2);
}

static inline void make_extension(struct make *m, uint16_t type, const void *body, size_t len)
{
	make_uint(m, 2, type);
	make_vector(m, 2, body, len);
}

static inline void make_end_message(struct make *m)
{
	size_t at = m->transport == TLS_ON_DATAGRAMS ? 12 : 4;

	make_set(m, 1, 3, (uint32_t)(m->len - at));
	if (m->transport == TLS_ON_DATAGRAMS)
		make_set(m, 9, 3, (uint32_t)(m->len - at));
}

static inline void make_end(struct make *m)
{
	make_close(m, m->extensions, 2);
	make_end_message(m);
}

/* An extension that holds one list of @inner-byte length. */
static inline void make_list_extension(struct make *m, uint16_t type, size_t inner, const int *values)
{
	size_t from;

	make_uint(m, 2, type);
	from = make_open(m, 2);
	make_list(m, inner, values);
	make_close(m, from, 2);
}

static inline void make_sni(struct make *m, const char *name)
{
	size_t from, list;

	make_uint(m, 2, TLS_EXT_SERVER_NAME);
	from = make_open(m, 2);
	list = make_open(m, 2);
	make_uint(m, 1, 0);
	make_vector(m, 2, name, strlen(name));
	make_close(m, list, 2);
	make_close(m, from, 2);
}

/* @names: each with its length byte in front. */
static inline void make_alpn(struct make *m, const void *names, size_t len)
{
	size_t from;

	make_uint(m, 2, TLS_EXT_ALPN);
	from = make_open(m, 2);
	make_vector(m, 2, names, len);
	make_close(m, from, 2);
}
