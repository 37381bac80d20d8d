/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_tls - both hellos on all transports: every length shorter, each length wrong, each extension's faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/util.h"
#include "enrich/tls.h"
#include "enrich/tls_names.h"
#include "tls_make.h"

#define NAME	"www.example.org"
#define ALPN	"\2h2\10http/1.1"
#define SESSION	"0123456789abcdef0123456789abcdef"

#define CIPHERS_KNOWN	238	/* rows of the tables in tls_names.c */
#define GROUPS_KNOWN	57

static struct make m;
static struct tls_client client;
static struct tls_server server;

static const uint8_t RETRY[32] = {
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

/* In memory of exactly @len bytes: the sanitizer sees one too many. */
static enum tls_result parse(const uint8_t *bytes, size_t len)
{
	static uint8_t *copy;	/* the facts point into it until the next */

	free(copy);
	copy = malloc(len + !len);
	if (len)
		memcpy(copy, bytes, len);
	if (m.b[0] == 2)
		return tls_server_hello(m.transport, copy, len, &server);
	return tls_client_hello(m.transport, copy, len, &client);
}

static void assert_bytes(struct tls_bytes got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	if (got.len)
		assert_memory_equal(got.at, want, got.len);
}

static void assert_list(struct tls_bytes got, const int *want)
{
	size_t n = 0;

	for (; want[n] >= 0; n++) {
		assert_true(n < tls_count(got));
		assert_int_equal(tls_at(got, n), want[n]);
	}
	assert_int_equal(tls_count(got), n);
}

#define LIST(...) (const int[]){ __VA_ARGS__, -1 }
#define NOTHING (const int[]){ -1 }

/* All that is read, GREASE in every list. */
static void make_full(enum tls_transport transport)
{
	bool dtls = transport == TLS_ON_DATAGRAMS;

	make_client(&m, transport, dtls ? 0xfefd : 0x0303, SESSION, LIST(0x3a3a, 0x1301, 0x1302, 0xc02f));
	make_extension(&m, 0x4a4a, "", 0);
	make_sni(&m, NAME);
	make_list_extension(&m, TLS_EXT_GROUPS, 2, LIST(0x5a5a, 0x11ec, 29));
	make_list_extension(&m, TLS_EXT_SIGNATURES, 2, LIST(0xcaca, 0x0403, 0x0804));
	make_alpn(&m, ALPN, sizeof(ALPN) - 1);
	make_list_extension(&m, TLS_EXT_VERSIONS, 1, dtls ? LIST(0xfefc, 0xfefd) : LIST(0x6a6a, 0x0304, 0x0303));
	make_extension(&m, TLS_EXT_KEY_SHARE, "\0\13\x5a\x5a\0\1\0\0\35\0\2zz", 13);
	make_extension(&m, TLS_EXT_EARLY_DATA, "", 0);
	make_extension(&m, TLS_EXT_ECH, "\0\0\1\0\1\7\0\0\0\1x", 11);
	make_extension(&m, TLS_EXT_PSK, "\0\7\0\1i\0\0\0\0\0\2\1b", 13);
	make_end(&m);
}

static void client_facts(void **state)
{
	for (int t = TLS_ON_TCP; t <= TLS_ON_DATAGRAMS; t++) {
		make_full((enum tls_transport)t);
		assert_int_equal(parse(m.b, m.len), TLS_OK);
		assert_int_equal(client.legacy_version, t == TLS_ON_DATAGRAMS ? 0xfefd : 0x0303);
		assert_int_equal(tls_client_version(&client), t == TLS_ON_DATAGRAMS ? 0xfefc : 0x0304);
		assert_bytes(client.session_id, SESSION);
		assert_bytes(client.cookie, t == TLS_ON_DATAGRAMS ? "cookie" : "");
		assert_bytes(client.sni, NAME);
		assert_bytes(client.alpn, ALPN);
		assert_list(client.ciphers, LIST(0x3a3a, 0x1301, 0x1302, 0xc02f));
		assert_list(client.groups, LIST(0x5a5a, 0x11ec, 29));
		assert_list(client.signatures, LIST(0xcaca, 0x0403, 0x0804));
		assert_int_equal(client.key_shares, 2);
		assert_int_equal(client.key_share[0], 0x5a5a);
		assert_int_equal(client.key_share[1], 29);
		assert_true(client.early_data && client.psk && client.extensions.ech && client.extensions.whole);
		assert_false(client.ticket || client.extensions.overflow || client.key_share_overflow);
		assert_int_equal(client.extensions.count, 10);
		assert_int_equal(client.extensions.type[0], 0x4a4a);
		assert_int_equal(client.extensions.type[9], TLS_EXT_PSK);
		assert_int_equal(tls_message_len(m.transport, m.b, m.len), m.len);
	}
}

static void make_full_server(enum tls_transport transport)
{
	bool dtls = transport == TLS_ON_DATAGRAMS;

	make_server(&m, transport, dtls ? 0xfefd : 0x0303, SESSION, 0x1301, NULL);
	make_extension(&m, TLS_EXT_VERSIONS, dtls ? "\xfe\xfc" : "\3\4", 2);
	make_extension(&m, TLS_EXT_KEY_SHARE, "\0\35\0\2zz", 6);
	make_extension(&m, TLS_EXT_PSK, "\0\0", 2);
	make_alpn(&m, "\2h2", 3);
	make_end(&m);
}

static void server_facts(void **state)
{
	for (int t = TLS_ON_TCP; t <= TLS_ON_DATAGRAMS; t++) {
		make_full_server((enum tls_transport)t);
		assert_int_equal(parse(m.b, m.len), TLS_OK);
		assert_int_equal(server.version, t == TLS_ON_DATAGRAMS ? 0xfefc : 0x0304);
		assert_int_equal(server.legacy_version, t == TLS_ON_DATAGRAMS ? 0xfefd : 0x0303);
		assert_int_equal(server.cipher, 0x1301);
		assert_int_equal(server.key_share, 29);
		assert_bytes(server.alpn, "h2");
		assert_true(server.psk && !server.hello_retry && tls_is_resumed(NULL, &server));
	}
}

static void server_without_extensions(void **state)
{
	make_begin(&m, TLS_ON_TCP, 2, 0x0301, NULL);
	make_bytes(&m, "\0\0\57\0", 4);
	make_end_message(&m);
	assert_int_equal(parse(m.b, m.len), TLS_OK);
	assert_int_equal(server.version, 0x0301);
	assert_int_equal(server.cipher, 0x002f);
	assert_true(server.extensions.whole);
}

static void hello_retry_names_a_group_only(void **state)
{
	make_server(&m, TLS_ON_TCP, 0x0303, "", 0x1302, RETRY);
	make_extension(&m, TLS_EXT_VERSIONS, "\3\4", 2);
	make_extension(&m, TLS_EXT_KEY_SHARE, "\0\30", 2);
	make_end(&m);
	assert_int_equal(parse(m.b, m.len), TLS_OK);
	assert_true(server.hello_retry);
	assert_int_equal(server.key_share, 24);
	assert_false(tls_is_resumed(NULL, &server));
	server.psk = true;	/* nothing is agreed yet, whatever it says */
	assert_false(tls_is_resumed(NULL, &server));
	m.b[6] ^= 1;	/* another random: a ServerHello, whose key is missing */
	assert_int_equal(parse(m.b, m.len), TLS_BAD_LENGTH);
	assert_false(server.hello_retry);
	assert_int_equal(server.key_share, 0);
}

/* The bytes end too early, then the message itself does. */
static void every_shorter_length(void **state)
{
	for (int kind = 0; kind < 6; kind++) {
		enum tls_transport t = (enum tls_transport)(kind % 3);
		size_t whole, head = t == TLS_ON_DATAGRAMS ? 12 : 4, bare;

		if (kind < 3)
			make_full(t);
		else
			make_full_server(t);
		whole = m.len;
		bare = m.extensions - 2;
		for (size_t len = 0; len < whole; len++)
			assert_int_equal(parse(m.b, len), TLS_SHORT);
		for (m.len = head; m.len < whole; m.len++) {
			enum tls_result want = m.len == bare ? TLS_OK : TLS_BAD_LENGTH;

			make_end_message(&m);
			assert_int_equal(parse(m.b, m.len), want);
		}
	}
}

/* Each length in the message one more and one less. */
static void every_length_wrong(void **state)
{
	for (int kind = 0; kind < 6; kind++) {
		if (kind < 3)
			make_full((enum tls_transport)(kind % 3));
		else
			make_full_server((enum tls_transport)(kind % 3));
		for (size_t i = 1; i < m.lengths; i++) {	/* but the header's: above */
			for (int add = -1; add <= 1; add += 2) {
				uint8_t *low = m.b + m.length[i].at + m.length[i].size - 1;

				*low = (uint8_t)(*low + add);
				assert_int_not_equal(parse(m.b, m.len), TLS_OK);
				*low = (uint8_t)(*low - add);
			}
		}
		assert_int_equal(parse(m.b, m.len), TLS_OK);
	}
}

static void bytes_behind_the_message_do_not_matter(void **state)
{
	make_full(TLS_ON_TCP);
	m.b[m.len] = 0xff;
	assert_int_equal(parse(m.b, m.len + 1), TLS_OK);
	assert_int_equal(tls_message_len(TLS_ON_TCP, m.b, m.len + 1), m.len);
	assert_int_equal(tls_message_len(TLS_ON_TCP, m.b, 3), 0);
	assert_int_equal(tls_message_len(TLS_ON_TCP, m.b, 4), m.len);
}

/* One wrong value in the fields before the extensions. */
static void wrong_heads(void **state)
{
	make_full(TLS_ON_TCP);
	m.b[0] = 11;
	assert_int_equal(parse(m.b, m.len), TLS_NOT_HELLO);
	m.b[0] = 1;
	m.b[4] = 2;
	assert_int_equal(parse(m.b, m.len), TLS_BAD_VERSION);
	make_full(TLS_ON_DATAGRAMS);
	m.b[12] = 3;
	assert_int_equal(parse(m.b, m.len), TLS_BAD_VERSION);
	make_full(TLS_ON_DATAGRAMS);
	m.b[8] = 1;	/* fragment_offset */
	assert_int_equal(parse(m.b, m.len), TLS_FRAGMENT);
	m.b[8] = 0;
	m.b[11]--;	/* fragment_length */
	assert_int_equal(parse(m.b, m.len), TLS_FRAGMENT);

	make_client(&m, TLS_ON_TCP, 0x0303, SESSION "x", LIST(0x1301));	/* 33 bytes of session id */
	make_end(&m);
	assert_int_equal(parse(m.b, m.len), TLS_BAD_LENGTH);
	assert_int_equal(client.session_id.len, 0);
	assert_list(client.ciphers, LIST(0x1301));

	make_client(&m, TLS_ON_TCP, 0x0303, "", NOTHING);
	make_end(&m);
	assert_int_equal(parse(m.b, m.len), TLS_BAD_LENGTH);
	assert_true(client.extensions.whole);

	make_begin(&m, TLS_ON_TCP, 1, 0x0303, NULL);
	make_vector(&m, 1, "", 0);
	make_vector(&m, 2, "\x13\1\x13", 3);
	make_vector(&m, 1, "", 1);
	make_end_message(&m);
	assert_int_equal(parse(m.b, m.len), TLS_BAD_LENGTH);
	assert_int_equal(client.ciphers.len, 0);
	assert_true(client.extensions.whole);
}

/* Bodies of extensions: what is wrong in one leaves the others alone. */
static const struct {
	const char *name;
	uint8_t msg;
	uint16_t type;
	const char *body;
	size_t len;
	enum tls_result want;
} BODIES[] = {
	{ "server_name: nothing", 1, TLS_EXT_SERVER_NAME, "", 0, TLS_BAD_LENGTH },
	{ "server_name: empty list", 1, TLS_EXT_SERVER_NAME, "\0\0", 2, TLS_BAD_LENGTH },
	{ "server_name: empty name", 1, TLS_EXT_SERVER_NAME, "\0\3\0\0\0", 5, TLS_BAD_LENGTH },
	{ "server_name: name beyond list", 1, TLS_EXT_SERVER_NAME, "\0\4\0\0\2x", 6, TLS_BAD_LENGTH },
	{ "server_name: list cut in a length", 1, TLS_EXT_SERVER_NAME, "\0\2\0\0", 4, TLS_BAD_LENGTH },
	{ "server_name: two host_names", 1, TLS_EXT_SERVER_NAME, "\0\10\0\0\1x\0\0\1y", 10, TLS_DUPLICATE },
	{ "server_name: another type only", 1, TLS_EXT_SERVER_NAME, "\0\4\7\0\1x", 6, TLS_OK },
	{ "server_name: another type first", 1, TLS_EXT_SERVER_NAME, "\0\10\7\0\1x\0\0\1y", 10, TLS_OK },
	{ "groups: empty", 1, TLS_EXT_GROUPS, "\0\0", 2, TLS_BAD_LENGTH },
	{ "groups: odd", 1, TLS_EXT_GROUPS, "\0\3\0\35\0", 5, TLS_BAD_LENGTH },
	{ "groups: one", 1, TLS_EXT_GROUPS, "\0\2\0\35", 4, TLS_OK },
	{ "groups: a byte behind", 1, TLS_EXT_GROUPS, "\0\2\0\35\0", 5, TLS_BAD_LENGTH },
	{ "signatures: empty", 1, TLS_EXT_SIGNATURES, "\0\0", 2, TLS_BAD_LENGTH },
	{ "signatures: odd", 1, TLS_EXT_SIGNATURES, "\0\1\4", 3, TLS_BAD_LENGTH },
	{ "alpn: empty list", 1, TLS_EXT_ALPN, "\0\0", 2, TLS_BAD_LENGTH },
	{ "alpn: empty name", 1, TLS_EXT_ALPN, "\0\1\0", 3, TLS_BAD_LENGTH },
	{ "alpn: name beyond list", 1, TLS_EXT_ALPN, "\0\3\3h2", 5, TLS_BAD_LENGTH },
	{ "alpn: one", 1, TLS_EXT_ALPN, "\0\3\2h2", 5, TLS_OK },
	{ "ticket: empty", 1, TLS_EXT_TICKET, "", 0, TLS_OK },
	{ "psk: no binders", 1, TLS_EXT_PSK, "\0\7\0\1i\0\0\0\0", 9, TLS_BAD_LENGTH },
	{ "psk: no identities", 1, TLS_EXT_PSK, "\0\0\0\2\1b", 6, TLS_BAD_LENGTH },
	{ "psk: empty binders", 1, TLS_EXT_PSK, "\0\7\0\1i\0\0\0\0\0\0", 11, TLS_BAD_LENGTH },
	{ "psk: a byte behind", 1, TLS_EXT_PSK, "\0\7\0\1i\0\0\0\0\0\2\1bx", 14, TLS_BAD_LENGTH },
	{ "early_data: a byte", 1, TLS_EXT_EARLY_DATA, "x", 1, TLS_BAD_LENGTH },
	{ "versions: empty", 1, TLS_EXT_VERSIONS, "\0", 1, TLS_BAD_LENGTH },
	{ "versions: odd", 1, TLS_EXT_VERSIONS, "\3\3\4\3", 4, TLS_BAD_LENGTH },
	{ "key_share: no share", 1, TLS_EXT_KEY_SHARE, "\0\0", 2, TLS_OK },
	{ "key_share: empty key", 1, TLS_EXT_KEY_SHARE, "\0\4\0\35\0\0", 6, TLS_BAD_LENGTH },
	{ "key_share: key beyond list", 1, TLS_EXT_KEY_SHARE, "\0\5\0\35\0\2x", 7, TLS_BAD_LENGTH },
	{ "key_share of a draft", 1, TLS_EXT_KEY_SHARE_DRAFT, "\0\5\0\35\0\1x", 7, TLS_OK },
	{ "unknown: anything", 1, 0x7777, "\xff\xff", 2, TLS_OK },
	{ "versions: three bytes", 2, TLS_EXT_VERSIONS, "\3\4\3", 3, TLS_BAD_LENGTH },
	{ "versions: one byte", 2, TLS_EXT_VERSIONS, "\3", 1, TLS_BAD_LENGTH },
	{ "key_share: a byte behind", 2, TLS_EXT_KEY_SHARE, "\0\35\0\1xy", 6, TLS_BAD_LENGTH },
	{ "key_share: empty key", 2, TLS_EXT_KEY_SHARE, "\0\35\0\0", 4, TLS_BAD_LENGTH },
	{ "alpn: two names", 2, TLS_EXT_ALPN, "\0\4\1x\1y", 6, TLS_BAD_LENGTH },
	{ "alpn: empty name", 2, TLS_EXT_ALPN, "\0\1\0", 3, TLS_BAD_LENGTH },
	{ "alpn: empty list", 2, TLS_EXT_ALPN, "\0\0", 2, TLS_BAD_LENGTH },
	{ "psk: one byte", 2, TLS_EXT_PSK, "\0", 1, TLS_BAD_LENGTH },
	{ "psk: three bytes", 2, TLS_EXT_PSK, "\0\0\0", 3, TLS_BAD_LENGTH },
	{ "server_name: the server's is empty", 2, TLS_EXT_SERVER_NAME, "", 0, TLS_OK },
};

static void extension_bodies(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(BODIES); i++) {
		struct tls_extensions *x = BODIES[i].msg == 1 ? &client.extensions : &server.extensions;

		if (BODIES[i].msg == 1)
			make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(0x1301));
		else
			make_server(&m, TLS_ON_TCP, 0x0303, "", 0x1301, NULL);
		make_extension(&m, BODIES[i].type, BODIES[i].body, BODIES[i].len);
		make_extension(&m, TLS_EXT_ECH, "", 0);
		make_end(&m);
		if (parse(m.b, m.len) != BODIES[i].want)
			fail_msg("%s: %s", BODIES[i].name, tls_result_name(parse(m.b, m.len)));
		assert_true(x->whole && x->ech);
		assert_int_equal(x->count, 2);
	}
}

static void first_name_holds(void **state)
{
	make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(0x1301));
	make_extension(&m, TLS_EXT_SERVER_NAME, "\0\10\7\0\1x\0\0\1y", 10);
	make_sni(&m, NAME);
	make_end(&m);
	assert_int_equal(parse(m.b, m.len), TLS_DUPLICATE);
	assert_bytes(client.sni, "y");
	assert_int_equal(client.extensions.count, 2);
}

static void duplicates_of_any_type(void **state)
{
	static const uint16_t types[] = { 0, 63, 64, 0xff01, 0x4a4a };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(0x1301));
		make_extension(&m, types[i], "\0\4\7\0\1x", 6);
		make_extension(&m, 17, "", 0);
		make_extension(&m, types[i], "\0\4\7\0\1x", 6);
		make_end(&m);
		assert_int_equal(parse(m.b, m.len), TLS_DUPLICATE);
		assert_int_equal(client.extensions.count, 3);
	}
}

static void limits(void **state)
{
	for (int more = 0; more < 2; more++) {
		make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(0x1301));
		for (unsigned int i = 0; i < TLS_EXTENSIONS_MAX - 1 + (unsigned int)more; i++) {
			make_extension(&m, (uint16_t)(1000 + i), "", 0);
			m.lengths = 0;
		}
		make_sni(&m, NAME);
		make_end(&m);
		assert_int_equal(parse(m.b, m.len), TLS_OK);
		assert_int_equal(client.extensions.count, TLS_EXTENSIONS_MAX);
		assert_int_equal(client.extensions.overflow, more);
		assert_bytes(client.sni, NAME);	/* parsed all the same */
	}
	for (int more = 0; more < 2; more++) {
		size_t from, list;

		make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(0x1301));
		make_uint(&m, 2, TLS_EXT_KEY_SHARE);
		from = make_open(&m, 2);
		list = make_open(&m, 2);
		for (int i = 0; i < TLS_KEY_SHARES_MAX + more; i++)
			make_bytes(&m, "\0\35\0\1x", 5);
		make_close(&m, list, 2);
		make_close(&m, from, 2);
		make_end(&m);
		assert_int_equal(parse(m.b, m.len), TLS_OK);
		assert_int_equal(client.key_shares, TLS_KEY_SHARES_MAX);
		assert_int_equal(client.key_share_overflow, more);
	}
}

/* As large as the lengths allow: 65535 bytes of extensions, of ciphers. */
static void largest(void **state)
{
	static uint8_t zeros[65535];

	make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(0x1301));
	make_extension(&m, 21, zeros, 65535 - 4);
	make_end(&m);
	assert_int_equal(parse(m.b, m.len), TLS_OK);

	make_begin(&m, TLS_ON_TCP, 1, 0x0303, NULL);
	make_vector(&m, 1, "", 0);
	make_vector(&m, 2, zeros, 65534);
	make_vector(&m, 1, "", 1);
	make_end_message(&m);
	assert_int_equal(parse(m.b, m.len), TLS_OK);
	assert_int_equal(tls_count(client.ciphers), 32767);
}

static void newest_version(void **state)
{
	static const struct {
		enum tls_transport transport;
		uint16_t legacy, want;
		int offered[5];
	} rows[] = {
		{ TLS_ON_TCP, 0x0301, 0x0301, { -1 } },
		{ TLS_ON_TCP, 0x0303, 0x0304, { 0x0303, 0xfafa, 0x0304, 0x0302, -1 } },
		{ TLS_ON_TCP, 0x0303, 0x0303, { 0xfafa, -1 } },
		{ TLS_ON_TCP, 0x0303, 0x7e01, { 0x0304, 0x7e01, -1 } },
		{ TLS_ON_DATAGRAMS, 0xfeff, 0xfeff, { -1 } },
		{ TLS_ON_DATAGRAMS, 0xfefd, 0xfefc, { 0xfefd, 0x0a0a, 0xfefc, 0xfeff, -1 } },
		{ TLS_ON_DATAGRAMS, 0xfefd, 0xfefd, { 0x0304, 0xfefd, 0x0303, -1 } },	/* a number of TLS is none of DTLS */
		{ TLS_ON_DATAGRAMS, 0xfefd, 0x0304, { 0x0303, 0x0304, -1 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make_client(&m, rows[i].transport, rows[i].legacy, "", LIST(0x1301));
		if (rows[i].offered[0] >= 0)
			make_list_extension(&m, TLS_EXT_VERSIONS, 1, rows[i].offered);
		make_end(&m);
		assert_int_equal(parse(m.b, m.len), TLS_OK);
		assert_int_equal(tls_client_version(&client), rows[i].want);
	}
}

static void resumption_before_1_3(void **state)
{
	static uint8_t kept[4096];
	static const struct {
		const char *offered, *answered;
		bool resumed;
	} rows[] = { { "abcd", "abcd", true }, { "abcd", "abce", false }, { "abcd", "", false }, { "", "", false },
		     { "abcd", "abc", false } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make_client(&m, TLS_ON_TCP, 0x0303, rows[i].offered, LIST(0x002f));
		make_end(&m);
		memcpy(kept, m.b, m.len);
		assert_int_equal(tls_client_hello(TLS_ON_TCP, kept, m.len, &client), TLS_OK);
		assert_int_equal(tls_client_resumes(&client), rows[i].offered[0] != '\0');
		make_server(&m, TLS_ON_TCP, 0x0303, rows[i].answered, 0x002f, NULL);
		make_end(&m);
		assert_int_equal(parse(m.b, m.len), TLS_OK);
		assert_int_equal(tls_is_resumed(&client, &server), rows[i].resumed);
		assert_false(tls_is_resumed(NULL, &server));
	}
	make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(0x002f));
	make_extension(&m, TLS_EXT_TICKET, "t", 1);
	make_end(&m);
	assert_int_equal(parse(m.b, m.len), TLS_OK);
	assert_true(client.ticket && tls_client_resumes(&client));
}

/* TLS 1.3 echoes a session id that means nothing (RFC 8446 D.4). */
static void resumption_in_1_3(void **state)
{
	static uint8_t kept[4096];

	make_client(&m, TLS_ON_TCP, 0x0303, SESSION, LIST(0x1301));
	make_list_extension(&m, TLS_EXT_VERSIONS, 1, LIST(0x0304));
	make_end(&m);
	memcpy(kept, m.b, m.len);
	assert_int_equal(tls_client_hello(TLS_ON_TCP, kept, m.len, &client), TLS_OK);
	assert_false(tls_client_resumes(&client));
	make_server(&m, TLS_ON_TCP, 0x0303, SESSION, 0x1301, NULL);
	make_extension(&m, TLS_EXT_VERSIONS, "\3\4", 2);
	make_end(&m);
	assert_int_equal(parse(m.b, m.len), TLS_OK);
	assert_false(tls_is_resumed(&client, &server));
}

static void names(void **state)
{
	char hex[TLS_HEX_SIZE];

	assert_string_equal(tls_version_name(0x0304), "1.3");
	assert_string_equal(tls_version_name(0xfefd), "1.2");
	assert_string_equal(tls_version_name(0x0300), "3.0");
	assert_null(tls_version_name(0x7f12));
	assert_null(tls_version_name(0xfefe));	/* there is no DTLS 1.1 */
	assert_string_equal(tls_version_protocol(0x0301), "tls");
	assert_string_equal(tls_version_protocol(0x0300), "ssl");
	assert_string_equal(tls_version_protocol(0xfefc), "dtls");
	assert_null(tls_version_protocol(0x1a1a));
	assert_string_equal(tls_cipher_name(0x1301), "TLS_AES_128_GCM_SHA256");
	assert_string_equal(tls_cipher_name(0xc02f), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
	assert_string_equal(tls_cipher_name(0x00ff), "TLS_EMPTY_RENEGOTIATION_INFO_SCSV");
	assert_null(tls_cipher_name(0x3a3a));
	assert_null(tls_cipher_name(0xffff));
	assert_string_equal(tls_group_name(29), "x25519");
	assert_string_equal(tls_group_name(0x11ec), "X25519MLKEM768");
	assert_null(tls_group_name(0));
	assert_string_equal(tls_name_hex(0xc0a0, hex), "0xc0a0");
}

/* Only in a sorted table is every row found. */
static void name_tables_are_sorted(void **state)
{
	int ciphers = 0, groups = 0;

	for (unsigned int v = 0; v < 65536; v++) {
		ciphers += tls_cipher_name((uint16_t)v) != NULL;
		groups += tls_group_name((uint16_t)v) != NULL;
		if (tls_is_grease((uint16_t)v))
			assert_true(!tls_cipher_name((uint16_t)v) && !tls_group_name((uint16_t)v));
	}
	assert_int_equal(ciphers, CIPHERS_KNOWN);
	assert_int_equal(groups, GROUPS_KNOWN);
}

static void result_names(void **state)
{
	for (int r = TLS_OK; r <= TLS_DUPLICATE; r++)
		assert_string_not_equal(tls_result_name((enum tls_result)r), "unknown");
	assert_string_equal(tls_result_name((enum tls_result)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_facts),
		cmocka_unit_test(server_facts),
		cmocka_unit_test(server_without_extensions),
		cmocka_unit_test(hello_retry_names_a_group_only),
		cmocka_unit_test(every_shorter_length),
		cmocka_unit_test(every_length_wrong),
		cmocka_unit_test(bytes_behind_the_message_do_not_matter),
		cmocka_unit_test(wrong_heads),
		cmocka_unit_test(extension_bodies),
		cmocka_unit_test(first_name_holds),
		cmocka_unit_test(duplicates_of_any_type),
		cmocka_unit_test(limits),
		cmocka_unit_test(largest),
		cmocka_unit_test(newest_version),
		cmocka_unit_test(resumption_before_1_3),
		cmocka_unit_test(resumption_in_1_3),
		cmocka_unit_test(names),
		cmocka_unit_test(name_tables_are_sorted),
		cmocka_unit_test(result_names),
	};

	return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}
