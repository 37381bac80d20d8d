/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_clear - dialogues in front of TLS: each from the first byte to the last, each side alone, and what leads nowhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "enrich/clear.h"

#define T(text) text, sizeof(text) - 1
#define HELLO "\x16\x03\x01\x00\x05"

struct row {
	const char *name;
	uint8_t protocol;
	const char *client;	/* in front of TLS */
	size_t client_len;
	const char *server;
	size_t server_len;
	const char *target;
};

static const struct row rows[] = {
	{ "smtp", CLEAR_SMTP, T("EHLO me\r\nSTARTTLS\r\n"), T("220 x ESMTP\r\n250-x\r\n250 STARTTLS\r\n220 go\r\n"), "" },
	{ "smtp, refused once", CLEAR_SMTP, T("EHLO me\r\nSTARTTLS\r\nNOOP\r\nstarttls\r\n"),
	  T("220 x ESMTP\r\n250 x\r\n454 later\r\n250 ok\r\n220 go\r\n"), "" },
	{ "imap", CLEAR_IMAP, T("a1 CAPABILITY\r\na2 STARTTLS\r\n"), T("* OK hi\r\n* CAPABILITY x\r\na1 OK\r\na2 OK go\r\n"), "" },
	{ "pop3", CLEAR_POP3, T("CAPA\r\nSTLS\r\n"), T("+OK hi\r\n+OK\r\nSTLS\r\n.\r\n+OK go\r\n"), "" },
	{ "ftp", CLEAR_FTP, T("AUTH TLS\r\n"), T("220 FTP here\r\n234 go\r\n"), "" },
	{ "ldap", CLEAR_LDAP, T("\x30\x1d\x02\x01\x01\x77\x18\x80\x16" "1.3.6.1.4.1.1466.20037"),
	  T("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"), "" },
	{ "xmpp", CLEAR_XMPP, T("<?xml version='1.0'?><stream:stream to='a'><starttls xmlns='x'/>"),
	  T("<?xml?><stream:stream><stream:features/><proceed xmlns='x'/>"), "" },
	{ "postgresql", CLEAR_POSTGRESQL, T("\0\0\0\x08\x04\xd2\x16\x2f"), T("S"), "" },
	{ "postgresql, GSS first", CLEAR_POSTGRESQL, T("\0\0\0\x08\x04\xd2\x16\x30\0\0\0\x08\x04\xd2\x16\x2f"), T("NS"), "" },
	{ "mysql", CLEAR_MYSQL, T("\x20\0\0\1\x85\xae\xff\0\0\0\0\1\x21" "00000000000000000000000"),
	  T("\x0a\0\0\0\x0a" "8.0.1\0abc"), "" },
	{ "connect", CLEAR_HTTP_CONNECT, T("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"),
	  T("HTTP/1.1 200 OK\r\nX: y\r\n\r\n"), "a.example" },
	{ "socks5", CLEAR_SOCKS5, T("\5\1\0\5\1\0\3\x09" "a.example" "\1\xbb"), T("\5\0\5\0\0\1\1\2\3\4\0\x50"), "a.example" },
	{ "socks5, password, IPv4", CLEAR_SOCKS5, T("\5\2\0\2\1\2me\3pwd\5\1\0\1\1\2\3\4\1\xbb"), T("\5\2\1\0\5\0\0\1\1\2\3\4\0\x50"),
	  "" },
	{ "socks5, IPv6", CLEAR_SOCKS5, T("\5\1\0\5\1\0\4" "0123456789abcdef" "\1\xbb"), T("\5\0\5\0\0\1\1\2\3\4\0\x50"), "" },
	{ "socks4", CLEAR_SOCKS4, T("\4\1\1\xbb\1\2\3\4me\0"), T("\0\x5a\0\0\0\0\0\0"), "" },
	{ "socks4a", CLEAR_SOCKS4, T("\4\1\1\xbb\0\0\0\1me\0a.example\0"), T("\0\x5a\0\0\0\0\0\0"), "a.example" },
	{ "proxy 1", CLEAR_UNKNOWN, T("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"), T(""), "" },
	{ "proxy 2", CLEAR_UNKNOWN, T("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" "abcdefghijkl"), T(""), "" },
	{ "proxy 1, postgresql", CLEAR_POSTGRESQL, T("PROXY UNKNOWN\r\n\0\0\0\x08\x04\xd2\x16\x2f"), T("S"), "" },
};

/* In memory that ends where they do. */
static enum clear_result look(struct clear *c, const void *client, size_t client_len, const void *server, size_t server_len)
{
	uint8_t *a = malloc(client_len + !client_len), *b = malloc(server_len + !server_len);
	enum clear_result result;

	if (client_len)
		memcpy(a, client, client_len);
	if (server_len)
		memcpy(b, server, server_len);
	result = clear_look(c, (struct tls_bytes){ a, client_len }, (struct tls_bytes){ b, server_len });
	free(a);
	free(b);
	return result;
}

static size_t with_hello(uint8_t *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	memcpy(to + len, HELLO, 5);
	return len + 5;
}

static void assert_tls(const struct row *row, const struct clear *c, const uint8_t *client, size_t len, bool server)
{
	struct tls_bytes target = clear_target(c, (struct tls_bytes){ client, len });

	if (c->client_at != row->client_len || (server && c->server_at != row->server_len) || c->protocol != row->protocol)
		fail_msg("%s: client %u of %zu, server %u of %zu, protocol %u", row->name, c->client_at, row->client_len, c->server_at,
			 row->server_len, c->protocol);
	if (target.len != strlen(row->target) || (target.len && memcmp(target.at, row->target, target.len)))
		fail_msg("%s: target", row->name);
}

static void all_at_once(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t client[256], server[256];
		size_t client_len = with_hello(client, rows[i].client, rows[i].client_len);
		size_t server_len = with_hello(server, rows[i].server, rows[i].server_len);
		struct clear c = { 0 };

		if (look(&c, client, client_len, server, server_len) != CLEAR_TLS)
			fail_msg("%s: no TLS", rows[i].name);
		assert_tls(&rows[i], &c, client, client_len, rows[i].server_len);
	}
}

static bool greets(uint8_t protocol)
{
	return protocol == CLEAR_SMTP || protocol == CLEAR_IMAP || protocol == CLEAR_POP3 || protocol == CLEAR_FTP ||
	       protocol == CLEAR_MYSQL;
}

/* A byte more each time; who greets comes first: never said too early, never refused. */
static void byte_by_byte(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t client[256];
		size_t client_len = with_hello(client, rows[i].client, rows[i].client_len);
		struct clear c = { 0 };

		for (size_t len = 0; greets(rows[i].protocol) && len <= rows[i].server_len; len++)
			if (look(&c, client, 0, rows[i].server, len) != CLEAR_MORE)
				fail_msg("%s: server alone, %zu", rows[i].name, len);
		for (size_t len = 1; len <= rows[i].client_len + 1; len++)
			if (look(&c, client, len, rows[i].server, greets(rows[i].protocol) ? rows[i].server_len : 0) != CLEAR_MORE)
				fail_msg("%s: %zu bytes are enough", rows[i].name, len);
		if (look(&c, client, rows[i].client_len + 2, rows[i].server, rows[i].server_len) != CLEAR_TLS)
			fail_msg("%s: no TLS", rows[i].name);
		assert_tls(&rows[i], &c, client, client_len, true);
	}
}

static void client_alone(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t client[256];
		size_t client_len = with_hello(client, rows[i].client, rows[i].client_len);
		struct clear c = { 0 };

		if (rows[i].protocol == CLEAR_MYSQL)
			continue;	/* the server's greeting tells it */
		if (look(&c, client, client_len, NULL, 0) != CLEAR_TLS)
			fail_msg("%s: no TLS", rows[i].name);
		assert_tls(&rows[i], &c, client, client_len, false);
		assert_int_equal(c.server_at, 0);
	}
}

static void leads_nowhere(void **state)
{
	static const struct {
		const char *client;
		size_t client_len;
		const char *server;
		size_t server_len;
		uint8_t protocol;
	} none[] = {
		{ T("SSH-2.0-x\r\n"), T(""), CLEAR_SSH },
		{ T(""), T("SSH-2.0-x\r\n"), CLEAR_SSH },
		{ T("\1\2\3\4\5\6\7\x08\x09"), T(""), CLEAR_UNKNOWN },
		{ T(""), T("HELLO I am a server"), CLEAR_UNKNOWN },
		{ T("CONNECT a.example:443 HTTP/1.1\r\n\r\n"), T("HTTP/1.1 403 No\r\n\r\n"), CLEAR_HTTP_CONNECT },
		{ T("CONNECT a.example:25 HTTP/1.1\r\n\r\nEHLO"), T("HTTP/1.1 200 OK\r\n\r\n"), CLEAR_HTTP_CONNECT },
		{ T("\5\1\0\5\2\0\1\1\2\3\4\1\xbb"), T("\5\0"), CLEAR_SOCKS5 },	/* BIND */
		{ T("\5\1\0\5\1\0\1\1\2\3\4\1\xbbplain"), T("\5\0"), CLEAR_SOCKS5 },
		{ T("\0\0\0\x08\x04\xd2\x16\x2f\0\0\0\x20\0\3\0\0"), T("N"), CLEAR_POSTGRESQL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		struct clear c = { 0 };

		if (look(&c, none[i].client, none[i].client_len, none[i].server, none[i].server_len) != CLEAR_NEVER)
			fail_msg("row %zu leads somewhere", i);
		assert_int_equal(c.protocol, none[i].protocol);
	}
}

static void mail_that_goes_on_in_clear_has_an_end(void **state)
{
	static char mail[CLEAR_BYTES_MAX + 200];
	struct clear c = { 0 };
	size_t len = 9;

	memcpy(mail, "EHLO me\r\n", 9);
	while (len + 40 < sizeof(mail)) {
		memcpy(mail + len, "MAIL FROM:<somebody@example.org>\r\n", 34);
		len += 34;
		assert_int_equal(look(&c, mail, len, T("220 x ESMTP\r\n")), len > CLEAR_BYTES_MAX ? CLEAR_NEVER : CLEAR_MORE);
	}
	assert_int_equal(c.protocol, CLEAR_SMTP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_at_once), cmocka_unit_test(byte_by_byte), cmocka_unit_test(client_alone),
		cmocka_unit_test(leads_nowhere), cmocka_unit_test(mail_that_goes_on_in_clear_has_an_end),
	};

	return cmocka_run_group_tests_name("clear", tests, NULL, NULL);
}
