/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_http - heads of requests and responses: each cut of them, each field wrong once, what is no HTTP and how soon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "enrich/http.h"

#define ROW(text) text, sizeof(text) - 1

static struct http_request req;
static struct http_response resp;
static uint8_t *copy;

static const uint8_t *exactly(const void *bytes, size_t len)
{
	free(copy);
	copy = malloc(len + !len);
	if (len)
		memcpy(copy, bytes, len);
	return copy;
}

static enum http_result ask(const void *bytes, size_t len)
{
	return http_request(exactly(bytes, len), len, &req);
}

static enum http_result ask_text(const char *text)
{
	return ask(text, strlen(text));
}

static enum http_result answer(const void *bytes, size_t len)
{
	return http_response(exactly(bytes, len), len, &resp);
}

static void is_text(struct tls_bytes got, const char *want)
{
	if (got.len != strlen(want) || (got.len && memcmp(got.at, want, got.len)))
		fail_msg("\"%.*s\" is not \"%s\"", (int)got.len, (const char *)got.at, want);
}

#define WHOLE "POST /secret?key=1 HTTP/1.1\r\nHost: Example.com:8080\r\nuser-agent: \t curl/8 (x) \r\n" \
	      "UPGRADE: websocket\r\nX: y\r\n\r\n"

static void a_request_and_every_cut(void **state)
{
	for (size_t cut = 0; cut < sizeof(WHOLE) - 1; cut++) {
		assert_int_equal(ask(WHOLE, cut), HTTP_MORE);
		assert_false(req.host.len || req.head_len || req.user_agent.len || req.upgrade.len || req.method);
	}
	for (size_t more = 0; more < 2; more++) {	/* the NUL behind it: not looked at */
		assert_int_equal(ask(WHOLE, sizeof(WHOLE) - 1 + more), HTTP_HEAD);
		assert_int_equal(req.head_len, sizeof(WHOLE) - 1);
		assert_int_equal(req.method, HTTP_METHOD_POST);
		assert_int_equal(req.version_minor, 1);
		is_text(req.host, "Example.com");
		is_text(req.user_agent, "curl/8 (x)");
		is_text(req.upgrade, "websocket");
		assert_int_equal(req.target_host.len, 0);
		assert_int_equal(req.target_port, 0);
		assert_false(req.h2_preface);
	}
}

static void every_method_has_its_name(void **state)
{
	for (int m = HTTP_METHOD_GET; m <= HTTP_METHOD_UNSUBSCRIBE; m++) {
		char text[64];

		snprintf(text, sizeof(text), "%s a:1 HTTP/1.0\r\n\r\n", http_method_name(m));
		assert_int_equal(ask_text(text), HTTP_HEAD);
		assert_int_equal(req.method, m);
		assert_int_equal(req.version_minor, 0);
	}
	assert_int_equal(ask_text("RPC_IN_DATA / HTTP/1.1\r\n\r\n"), HTTP_HEAD);
	assert_int_equal(req.method, HTTP_METHOD_OTHER);
	assert_int_equal(ask_text("GETS / HTTP/1.1\r\n\r\n"), HTTP_HEAD);
	assert_int_equal(req.method, HTTP_METHOD_OTHER);
	assert_string_equal(http_method_name(HTTP_METHOD_OTHER), "other");
	assert_string_equal(http_method_name(HTTP_METHOD_M_SEARCH), "M-SEARCH");
}

static void requests(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		enum http_result want;
	} rows[] = {
		/* what the RFC tolerates */
		{ ROW("GET / HTTP/1.1\n\n"), HTTP_HEAD },
		{ ROW("GET / HTTP/1.1\n\r\n"), HTTP_HEAD },
		{ ROW("GET / HTTP/1.1\r\n\n"), HTTP_HEAD },
		{ ROW("\r\nGET / HTTP/1.1\r\n\r\n"), HTTP_HEAD },
		{ ROW("\nGET / HTTP/1.1\n\n"), HTTP_HEAD },
		{ ROW("\r\n\r\nGET / HTTP/1.1\r\n\r\n"), HTTP_NOT_HTTP },
		{ ROW("GET /a b HTTP/1.1\r\n\r\n"), HTTP_HEAD },
		{ ROW("GET /\xc3\xa9 HTTP/1.1\r\n\r\n"), HTTP_HEAD },
		{ ROW("GET / HTTP/1.9\r\n\r\n"), HTTP_HEAD },
		{ ROW("OPTIONS * HTTP/1.1\r\n\r\n"), HTTP_HEAD },
		{ ROW("GET / HTTP/1.1\r\nA: 1\r\n\t2\r\n\r\n"), HTTP_HEAD },
		{ ROW("GET / HTTP/1.1\r\n before: fields\r\nA: 1\r\n\r\n"), HTTP_HEAD },
		{ ROW("GET / HTTP/1.1\r\nA:\r\n\r\n"), HTTP_HEAD },
		{ ROW("GET / HTTP/1.1\r\nA: \1\r\n\r\n"), HTTP_HEAD },
		/* HTTP, but broken */
		{ ROW("GET / HTTP/2.0\r\n"), HTTP_BAD },
		{ ROW("GET / HTTP/0.9\r\n"), HTTP_BAD },
		{ ROW("GET / HTTP/1.1\r\nA\r\n\r\n"), HTTP_BAD },
		{ ROW("GET / HTTP/1.1\r\n: a\r\n\r\n"), HTTP_BAD },
		{ ROW("GET / HTTP/1.1\r\nA : a\r\n\r\n"), HTTP_BAD },
		{ ROW("GET / HTTP/1.1\r\nA(: a\r\n\r\n"), HTTP_BAD },
		{ ROW("GET / HTTP/1.1\r\nA: a\rb\r\n\r\n"), HTTP_BAD },
		{ ROW("GET / HTTP/1.1\r\nA: a\0b\r\n\r\n"), HTTP_BAD },
		{ ROW("GET / HTTP/1.1\r\n \0\r\n\r\n"), HTTP_BAD },
		{ ROW("CONNECT a HTTP/1.1\r\n\r\n"), HTTP_BAD },
		{ ROW("CONNECT a: HTTP/1.1\r\n\r\n"), HTTP_BAD },
		{ ROW("CONNECT a:0 HTTP/1.1\r\n\r\n"), HTTP_BAD },
		{ ROW("CONNECT a:65536 HTTP/1.1\r\n\r\n"), HTTP_BAD },
		{ ROW("CONNECT a:1x HTTP/1.1\r\n\r\n"), HTTP_BAD },
		{ ROW("CONNECT /:1 HTTP/1.1\r\n\r\n"), HTTP_BAD },
		{ ROW("CONNECT [::1:1 HTTP/1.1\r\n\r\n"), HTTP_BAD },
		{ ROW("CONNECT [::1]1 HTTP/1.1\r\n\r\n"), HTTP_BAD },
		{ ROW("CONNECT []:1 HTTP/1.1\r\n\r\n"), HTTP_BAD },
		{ ROW("CONNECT u@a:1 HTTP/1.1\r\n\r\n"), HTTP_BAD },
		/* other things, as soon as that is certain */
		{ ROW(""), HTTP_MORE },
		{ ROW("\r"), HTTP_MORE },
		{ ROW("\rG"), HTTP_NOT_HTTP },
		{ ROW("\26\3\1"), HTTP_NOT_HTTP },
		{ ROW("\0"), HTTP_NOT_HTTP },
		{ ROW("\xff"), HTTP_NOT_HTTP },
		{ ROW(" GET"), HTTP_NOT_HTTP },
		{ ROW("g"), HTTP_NOT_HTTP },
		{ ROW("SSH-2"), HTTP_NOT_HTTP },
		{ ROW("GE1"), HTTP_NOT_HTTP },
		{ ROW("GET\r"), HTTP_NOT_HTTP },
		{ ROW("GET\t"), HTTP_NOT_HTTP },
		{ ROW("GET /\1"), HTTP_NOT_HTTP },
		{ ROW("GET /\rx"), HTTP_NOT_HTTP },
		{ ROW("GET /\r"), HTTP_MORE },
		{ ROW("GET \n"), HTTP_NOT_HTTP },
		{ ROW("GET HTTP/1.1\r\n"), HTTP_NOT_HTTP },
		{ ROW("GET  HTTP/1.1\r\n"), HTTP_NOT_HTTP },
		{ ROW("GET /\r\n"), HTTP_NOT_HTTP },
		{ ROW("GET / HTTP/1.\r\n"), HTTP_NOT_HTTP },
		{ ROW("GET / HTTP/1.11\r\n"), HTTP_NOT_HTTP },
		{ ROW("GET / HTTP/x.1\r\n"), HTTP_NOT_HTTP },
		{ ROW("GET / http/1.1\r\n"), HTTP_NOT_HTTP },
		{ ROW("GET /HTTP/1.1\r\n"), HTTP_NOT_HTTP },
		{ ROW("EHLO a.example\r\n"), HTTP_NOT_HTTP },
		{ ROW("OPTIONS rtsp://a/ RTSP/1.0\r\n"), HTTP_NOT_HTTP },
		{ ROW("REGISTER sip:a SIP/2.0\r\n"), HTTP_NOT_HTTP },
		{ ROW("ABCDEFGHIJKLMNOPQRST"), HTTP_MORE },
		{ ROW("ABCDEFGHIJKLMNOPQRST /"), HTTP_MORE },
		{ ROW("ABCDEFGHIJKLMNOPQRSTU"), HTTP_NOT_HTTP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (ask(rows[i].text, rows[i].len) != rows[i].want)
			fail_msg("row %zu: %s: %d", i, rows[i].text, ask(rows[i].text, rows[i].len));
}

static void the_host_and_where_it_is_from(void **state)
{
	static const struct {
		const char *target, *fields, *want;
	} rows[] = {
		{ "/", "Host: a.example", "a.example" },
		{ "/", "hOST:a.example:", "a.example" },
		{ "/", "Host: a.example:65535", "a.example" },
		{ "/", "Host: 192.0.2.1:80", "192.0.2.1" },
		{ "/", "Host: [2001:db8::1]:80", "2001:db8::1" },
		{ "/", "Host: [fe80::1%25eth0]", "fe80::1%25eth0" },
		{ "/", "Host: xn--bcher-kva.example", "xn--bcher-kva.example" },
		{ "/", "A: b\r\n c\r\nHost: a", "a" },
		{ "/", "Host:", "" },
		{ "/", "Hosts: a", "" },
		{ "/", "Host: a.example:65536", "" },
		{ "/", "Host: a.example:8o", "" },
		{ "/", "Host: :80", "" },
		{ "/", "Host: ::1", "" },
		{ "/", "Host: [::1", "" },
		{ "/", "Host: [::1]x", "" },
		{ "/", "Host: [a/b]", "" },
		{ "/", "Host: a b", "" },
		{ "/", "Host: a/b", "" },
		{ "/", "Host: me@a", "" },
		{ "/", "Host: b\xc3\xbc", "" },
		{ "/", "Host: a\x7f", "" },
		{ "/", "Host: a\r\nHost: b", "" },
		{ "/", "Host: a\r\n b", "" },
		{ "/", "Host: a\r\nX: b\r\n c", "a" },
		{ "/", "Host: a\r\nHost: b\r\n c", "" },
		{ "http://t.example/x?y", "Host: a", "t.example" },
		{ "http://t.example:80", "Host: a", "t.example" },
		{ "HTTPS://u:p@w@t.example?q", "Host: a", "t.example" },
		{ "ws://[::1]:1#f", "Host: a", "::1" },
		{ "http:///x", "Host: a", "" },
		{ "http://a b/", "Host: a", "" },
		{ "http:/t.example/", "Host: a", "a" },
		{ "/x://t.example/", "Host: a", "a" },
		{ "*", "Host: a", "a" },
	};
	char text[400], longest[HTTP_HOST_MAX + 2] = "";

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n%s\r\n\r\n", rows[i].target, rows[i].fields);
		assert_int_equal(ask_text(text), HTTP_HEAD);
		is_text(req.host, rows[i].want);
	}
	memset(longest, 'x', HTTP_HOST_MAX);
	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: %s:1\r\n\r\n", longest);
	assert_int_equal(ask_text(text), HTTP_HEAD);
	is_text(req.host, longest);
	longest[HTTP_HOST_MAX] = 'x';
	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: %s:1\r\n\r\n", longest);
	assert_int_equal(ask_text(text), HTTP_HEAD);
	is_text(req.host, "");
}

static void whom_a_proxy_is_to_reach(void **state)
{
	assert_int_equal(ask_text("CONNECT t.example:443 HTTP/1.1\r\nHost: h.example:443\r\n\r\n"), HTTP_HEAD);
	assert_int_equal(req.method, HTTP_METHOD_CONNECT);
	is_text(req.target_host, "t.example");
	assert_int_equal(req.target_port, 443);
	is_text(req.host, "h.example");
	assert_int_equal(ask_text("CONNECT [2001:db8::1]:65535 HTTP/1.0\r\n\r\n"), HTTP_HEAD);
	is_text(req.target_host, "2001:db8::1");
	assert_int_equal(req.target_port, 65535);
	is_text(req.host, "");
	assert_int_equal(ask_text("CONNECT t.example: HTTP/1.0\r\n\r\n"), HTTP_BAD);
	is_text(req.target_host, "");
}

static void values_that_can_be_shown(void **state)
{
	assert_int_equal(ask_text("GET / HTTP/1.1\r\nUser-Agent: a\tb\xc3\xbc\r\nUpgrade: h2c, x\r\n\r\n"), HTTP_HEAD);
	is_text(req.user_agent, "a\tb\xc3\xbc");
	is_text(req.upgrade, "h2c, x");
	assert_int_equal(ask_text("GET / HTTP/1.1\r\nUser-Agent: a\x1b[0m\r\nUpgrade: \x7f\r\n\r\n"), HTTP_HEAD);
	is_text(req.user_agent, "");
	is_text(req.upgrade, "");
	assert_int_equal(ask_text("GET / HTTP/1.1\r\nUser-Agent: a\r\n b\r\nUpgrade: 1\r\nUpgrade: 2\r\n\r\n"), HTTP_HEAD);
	is_text(req.user_agent, "");
	is_text(req.upgrade, "1");
}

static void http2_with_prior_knowledge(void **state)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

	for (size_t cut = 0; cut < 24; cut++) {
		assert_int_equal(ask(preface, cut), HTTP_MORE);
		assert_false(req.h2_preface);
	}
	assert_int_equal(ask(preface, 25), HTTP_NOT_HTTP);
	assert_true(req.h2_preface);
	assert_int_equal(ask_text("PRI * HTTP/2.0\r\n\r\nSN"), HTTP_BAD);
	assert_false(req.h2_preface);
	assert_int_equal(ask_text("PRI * HTTP/1.1\r\n\r\n"), HTTP_HEAD);
}

static void the_longest_head(void **state)
{
	char *text = malloc(HTTP_HEAD_MAX + 1);
	int n = sprintf(text, "GET / HTTP/1.1\r\nA: ");

	memset(text + n, 'a', HTTP_HEAD_MAX + 1 - n);
	memcpy(text + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(ask(text, HTTP_HEAD_MAX - 1), HTTP_MORE);
	assert_int_equal(ask(text, HTTP_HEAD_MAX), HTTP_HEAD);
	assert_int_equal(req.head_len, HTTP_HEAD_MAX);
	memcpy(text + HTTP_HEAD_MAX - 4, "a\r\n\r\n", 5);
	assert_int_equal(ask(text, HTTP_HEAD_MAX - 1), HTTP_MORE);
	assert_int_equal(ask(text, HTTP_HEAD_MAX), HTTP_TOO_LONG);
	assert_int_equal(ask(text, HTTP_HEAD_MAX + 1), HTTP_TOO_LONG);
	memset(text + 5, 'a', HTTP_HEAD_MAX - 4);
	assert_int_equal(ask(text, HTTP_HEAD_MAX - 1), HTTP_MORE);
	assert_int_equal(ask(text, HTTP_HEAD_MAX), HTTP_TOO_LONG);
	memcpy(text, "HTTP/1.1 200 ", 13);
	assert_int_equal(answer(text, HTTP_HEAD_MAX - 1), HTTP_MORE);
	assert_int_equal(answer(text, HTTP_HEAD_MAX), HTTP_TOO_LONG);
	free(text);
}

static void a_response_and_every_cut(void **state)
{
	static const char whole[] = "HTTP/1.0 200 Connection established\r\nContent-Length: 12\r\n\r\n";

	for (size_t cut = 0; cut < sizeof(whole) - 1; cut++)
		assert_int_equal(answer(whole, cut), HTTP_MORE);
	for (size_t more = 0; more < 2; more++) {
		assert_int_equal(answer(whole, sizeof(whole) - 1 + more), HTTP_HEAD);
		assert_int_equal(resp.head_len, sizeof(whole) - 1);
		assert_int_equal(resp.status, 200);
		assert_int_equal(resp.version_minor, 0);
		assert_int_equal(resp.content_length, 12);
		assert_false(resp.interim);
	}
}

static void responses(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		enum http_result want;
		bool interim;
		int64_t length;
	} rows[] = {
		{ ROW("HTTP/1.1 200\r\n\r\n"), HTTP_HEAD, false, -1 },
		{ ROW("HTTP/1.1 200\n\n"), HTTP_HEAD, false, -1 },
		{ ROW("HTTP/1.1 100 \r\n\r\n"), HTTP_HEAD, true, -1 },
		{ ROW("HTTP/1.1 101 \r\n\r\n"), HTTP_HEAD, false, -1 },
		{ ROW("HTTP/1.1 103 \r\n\r\n"), HTTP_HEAD, true, -1 },
		{ ROW("HTTP/1.1 199 \r\n\r\n"), HTTP_HEAD, true, -1 },
		{ ROW("HTTP/1.1 599 \r\n\r\n"), HTTP_HEAD, false, -1 },
		{ ROW("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"), HTTP_HEAD, false, 0 },
		{ ROW("HTTP/1.1 200 \r\nContent-Length: 999999999999999\r\n\r\n"), HTTP_HEAD, false, 999999999999999 },
		{ ROW("HTTP/1.1 200 \r\nContent-Length: 1000000000000000\r\n\r\n"), HTTP_HEAD, false, -1 },
		{ ROW("HTTP/1.1 200 \r\nContent-Length:\r\n\r\n"), HTTP_HEAD, false, -1 },
		{ ROW("HTTP/1.1 200 \r\nContent-Length: -1\r\n\r\n"), HTTP_HEAD, false, -1 },
		{ ROW("HTTP/1.1 200 \r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"), HTTP_HEAD, false, -1 },
		{ ROW("HTTP/1.1 200 \r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), HTTP_HEAD, false, -1 },
		{ ROW("HTTP/1.1 099 "), HTTP_BAD, false, -1 },
		{ ROW("HTTP/1.1 600 "), HTTP_BAD, false, -1 },
		{ ROW("HTTP/1.1 2000"), HTTP_BAD, false, -1 },
		{ ROW("HTTP/1.1 20x"), HTTP_BAD, false, -1 },
		{ ROW("HTTP/1.1  200"), HTTP_BAD, false, -1 },
		{ ROW("HTTP/1.x"), HTTP_BAD, false, -1 },
		{ ROW("HTTP/2"), HTTP_BAD, false, -1 },
		{ ROW("HTTP/1.1 200 \r\nA\r\n\r\n"), HTTP_BAD, false, -1 },
		{ ROW("HTTPS"), HTTP_NOT_HTTP, false, -1 },
		{ ROW("ICY 200 OK"), HTTP_NOT_HTTP, false, -1 },
		{ ROW("\26\3\3"), HTTP_NOT_HTTP, false, -1 },
		{ ROW("\r\nHTTP/1.1 200"), HTTP_NOT_HTTP, false, -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (answer(rows[i].text, rows[i].len) != rows[i].want)
			fail_msg("row %zu: %s: %d", i, rows[i].text, answer(rows[i].text, rows[i].len));
		assert_int_equal(resp.interim, rows[i].interim);
		assert_int_equal(resp.content_length, rows[i].length);
	}
}

/* Byte by byte, looking at none twice: the place is where looking at all of it finds it. */
static void the_end_of_a_head_in_pieces(void **state)
{
	static const char *const rows[] = { "a\r\n\r\n", "a\n\n", "a\r\n\n", "a\n\r\n", "a\r\nb\r\n\r\n", "\n\n\n", "\r\r\n\r\r\n\r\n" };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t all = 0, pieces = 0, len = 0;
		size_t want = http_head_len(exactly(rows[i], strlen(rows[i])), strlen(rows[i]), &all);

		assert_true(want);
		while (len < want) {
			assert_true(pieces <= len);
			len++;
			assert_int_equal(http_head_len(exactly(rows[i], len), len, &pieces), len == want ? want : 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_and_every_cut),
		cmocka_unit_test(every_method_has_its_name),
		cmocka_unit_test(requests),
		cmocka_unit_test(the_host_and_where_it_is_from),
		cmocka_unit_test(whom_a_proxy_is_to_reach),
		cmocka_unit_test(values_that_can_be_shown),
		cmocka_unit_test(http2_with_prior_knowledge),
		cmocka_unit_test(the_longest_head),
		cmocka_unit_test(a_response_and_every_cut),
		cmocka_unit_test(responses),
		cmocka_unit_test(the_end_of_a_head_in_pieces),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
