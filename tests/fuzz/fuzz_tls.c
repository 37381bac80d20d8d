/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_tls - any bytes as a hello: facts lie inside the message, what is behind it changes nothing, and what the parser
 * accepts the kernel's walk (bpf/hello.h) reads the same. Input: a byte of options, then the message.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "enrich/ja4.h"
#include "enrich/tls.h"
#include "hello_make.h"

#define OPT_SERVER	0x4	/* the two bits below: transport */

#define WALKED_MAX	16384	/* bytes of a message that the walk is given as well */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_tls: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

static struct ja4 *ja4;

struct message {
	const uint8_t *bytes;
	size_t len;
};

static void check_inside(const struct message *m, struct tls_bytes part)
{
	CHECK(!part.len || (part.at >= m->bytes && part.len <= m->len && part.at <= m->bytes + m->len - part.len));
}

static void check_extensions(const struct tls_extensions *x, enum tls_result result)
{
	CHECK(x->count <= TLS_EXTENSIONS_MAX && (!x->overflow || x->count == TLS_EXTENSIONS_MAX));
	CHECK(x->whole || result != TLS_OK);
}

static void check_alpn(struct tls_bytes alpn)
{
	struct tls_bytes name;
	size_t at = 0;

	while (tls_alpn_next(alpn, &at, &name))
		;
	CHECK(at == alpn.len);
}

static void check_client(const struct message *m, const struct tls_client *c, enum tls_result result)
{
	const struct tls_bytes lists[] = { c->ciphers, c->versions, c->groups, c->signatures };
	char text[JA4_SIZE];
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		check_inside(m, lists[i]);
		CHECK(lists[i].len % 2 == 0);
	}
	check_inside(m, c->session_id);
	check_inside(m, c->cookie);
	check_inside(m, c->sni);
	check_inside(m, c->alpn);
	check_alpn(c->alpn);
	check_extensions(&c->extensions, result);
	CHECK(c->session_id.len <= TLS_SESSION_ID_MAX && c->key_shares <= TLS_KEY_SHARES_MAX);
	CHECK(!tls_is_grease(tls_client_version(c)) || tls_client_version(c) == c->legacy_version);
	CHECK(result != TLS_OK || (c->ciphers.len && c->extensions.whole));

	r = ja4_text(ja4, c, text);
	CHECK((r == -ENODATA) == !c->extensions.whole);
	CHECK(r == 0 || r == -ENODATA || r == -E2BIG);
	CHECK(strlen(text) == (r ? 0 : JA4_SIZE - 1));
	if (!r)
		CHECK(text[10] == '_' && text[23] == '_' && strspn(text + 24, "0123456789abcdef") == 12);
}

static void check_server(const struct message *m, const struct tls_server *s, enum tls_result result)
{
	check_inside(m, s->session_id);
	check_inside(m, s->alpn);
	check_extensions(&s->extensions, result);
	CHECK(s->session_id.len <= TLS_SESSION_ID_MAX && s->alpn.len <= 255);
	tls_is_resumed(NULL, s);
}

/* The kernel's walk over the same message, in records. It looks at the first entry of the server_name list only. */
static void check_walk(const struct message *m, const struct tls_client *c)
{
	static struct bytes whole, wire;
	static struct hello h;
	static struct hello_buf buf;

	if (m->len > WALKED_MAX)
		return;
	whole.len = 0;
	put(&whole, m->bytes, m->len);
	hello_records(&wire, &whole, WALKED_MAX);
	memset(&h, 0, sizeof(h));
	hello_begin(&h, 1);
	hello_feed(&h, &buf, 1, wire.b, (uint32_t)wire.len);
	if (h.status == HELLO_LIMIT)
		return;
	CHECK(h.status == HELLO_COMPLETE);
	if (h.flags & HELLO_SNI)
		CHECK(h.sni_len == c->sni.len && !memcmp(h.store, c->sni.at, h.sni_len));
	CHECK(!(h.flags & HELLO_ALPN) == !c->alpn.len);
	if (h.flags & HELLO_ALPN)
		CHECK(h.alpn_len <= c->alpn.len && !memcmp(h.store + HELLO_ALPN_AT, c->alpn.at, h.alpn_len));
	if (c->alpn.len && c->alpn.len <= ALPN_MAX)
		CHECK(h.alpn_len == c->alpn.len);
}

/* In memory of exactly @len bytes. */
static uint8_t *copy_of(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len + !len);

	CHECK(copy);
	if (len)
		memcpy(copy, data, len);
	return copy;
}

static enum tls_result parse(enum tls_transport t, bool is_server, const struct message *m, struct tls_client *c,
			     struct tls_server *s)
{
	memset(c, 0x55, sizeof(*c));
	memset(s, 0x55, sizeof(*s));
	return is_server ? tls_server_hello(t, m->bytes, m->len, s) : tls_client_hello(t, m->bytes, m->len, c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum tls_transport transport;
	struct tls_client c, again_c;
	struct tls_server s, again_s;
	struct message m, exact;
	enum tls_result result, again;
	size_t message_len;
	bool is_server;

	if (!ja4)
		CHECK(!ja4_new(&ja4));
	if (len < 1)
		return 0;
	transport = (enum tls_transport)((data[0] & 3) % 3);
	is_server = data[0] & OPT_SERVER;
	m = (struct message){ copy_of(data + 1, len - 1), len - 1 };
	message_len = tls_message_len(transport, m.bytes, m.len);
	result = parse(transport, is_server, &m, &c, &s);
	CHECK((result != TLS_OK && result != TLS_DUPLICATE && result != TLS_BAD_LENGTH) || (message_len && message_len <= m.len));
	if (is_server)
		check_server(&m, &s, result);
	else
		check_client(&m, &c, result);
	if (message_len && message_len <= m.len) {	/* the message alone; and less of it */
		exact = (struct message){ copy_of(m.bytes, message_len), message_len };
		again = parse(transport, is_server, &exact, &again_c, &again_s);
		CHECK(again == result);
		if (!is_server)
			CHECK(again_c.sni.len == c.sni.len && again_c.extensions.count == c.extensions.count);
		if (result == TLS_OK && transport == TLS_ON_TCP && !is_server)
			check_walk(&exact, &again_c);
		if (result != TLS_NOT_HELLO && result != TLS_FRAGMENT) {
			exact.len--;
			CHECK(parse(transport, is_server, &exact, &again_c, &again_s) == TLS_SHORT);
		}
		free((void *)exact.bytes);
	}
	free((void *)m.bytes);
	return 0;
}
