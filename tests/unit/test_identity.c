/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_identity - whole connections, piece by piece: which facts and names come out, in which order, with which caps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "enrich/identity.h"
#include "enrich/quic.h"
#include "enrich/reassemble.h"
#include "quic_make.h"
#include "tls_make.h"

#define LIST(...) (const int[]){ __VA_ARGS__, -1 }
#define S NS_PER_S
#define MS NS_PER_MS
#define FLOW 7
#define CLIENT_SEQ 0xfffffff0u	/* wraps inside the hello */
#define SERVER_SEQ 5000u

static struct identity *id;
static struct identity_facts facts;
static uint8_t names[IDENTITY_NAME_N][256];
static size_t name_len[IDENTITY_NAME_N], again;
static const uint32_t CLIENT[4] = { 0, 0, 0xffff0000, 0x0100000a }, SERVER[4] = { 0, 0, 0xffff0000, 0x077100cb },
		      RESOLVER[4] = { 0, 0, 0xffff0000, 0x3500000a }, OTHER[4] = { 0, 0, 0xffff0000, 0x0200000a };
static struct make m;
static uint8_t hello[4096], answer[4096];
static size_t hello_len, answer_len;
static struct identity_payload base;

static void found(void *arg, uint32_t flow, enum identity_name which, const uint8_t *bytes, size_t len)
{
	assert_true(which < IDENTITY_NAME_N && len && len <= 255);
	memcpy(names[which], bytes, len);
	name_len[which] = len;
}

static void hello_again(void *arg, uint32_t flow)
{
	assert_int_equal(flow, FLOW);
	again++;
}

static void reset(void)
{
	memset(&facts, 0, sizeof(facts));
	memset(name_len, 0, sizeof(name_len));
	again = 0;
	base = (struct identity_payload){
		.flow = FLOW, .proto = IPPROTO_TCP, .from_start = true, .first_seq = CLIENT_SEQ, .time_ns = 100 * S,
		.begun_ns = 100 * S, .addr = { CLIENT, SERVER }, .port = { htons(40000), htons(443) },
	};
}

static int setup(void **state)
{
	const struct identity_settings settings = { .seed = { { 1, 2 } }, .name_found = found, .hello_again = hello_again };

	reset();
	return identity_new(&id, &settings);
}

static int teardown(void **state)
{
	id = identity_free(id);
	return 0;
}

/* From memory of exactly that size. */
static int give(struct identity_payload p, const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len + !len);
	int ret;

	if (len)
		memcpy(copy, bytes, len);
	p.bytes = copy;
	p.len = len;
	ret = identity_payload(id, &p, &facts);
	free(copy);
	return ret;
}

static int client(uint32_t at, const void *bytes, size_t len)
{
	struct identity_payload p = base;

	p.seq = CLIENT_SEQ + at;
	p.ack = SERVER_SEQ;
	return give(p, bytes, len);
}

static int server(uint32_t at, const void *bytes, size_t len)
{
	struct identity_payload p = base;

	p.direction = 1;
	p.seq = SERVER_SEQ + at;
	p.ack = 77;
	return give(p, bytes, len);
}

static int datagram(unsigned int direction, const void *bytes, size_t len)
{
	struct identity_payload p = base;

	p.direction = (uint8_t)direction;
	return give(p, bytes, len);
}

#define assert_name(which, text) do { \
	assert_int_equal(name_len[which], strlen(text)); \
	assert_memory_equal(names[which], text, strlen(text)); \
} while (0)

/* The message in m as TLS records of at most @each bytes. */
static size_t records(uint8_t *to, size_t each)
{
	size_t len = 0;

	for (size_t at = 0; at < m.len; at += each) {
		size_t n = MIN(each, m.len - at);

		to[len++] = 22;
		to[len++] = 3;
		to[len++] = 1;
		to[len++] = (uint8_t)(n >> 8);
		to[len++] = (uint8_t)n;
		memcpy(to + len, m.b + at, n);
		len += n;
	}
	return len;
}

static void make_hello(const char *name, bool ech)
{
	make_client(&m, TLS_ON_TCP, 0x0303, "", LIST(0x1301, 0x1302, 0xc02f));
	if (name)
		make_sni(&m, name);
	make_alpn(&m, "\2h2\10http/1.1", 12);
	make_list_extension(&m, TLS_EXT_VERSIONS, 1, LIST(0x0304, 0x0303));
	if (ech)
		make_extension(&m, TLS_EXT_ECH, "\0\0\1\0\1\0\0\0\0\0", 10);
	make_end(&m);
	hello_len = records(hello, 16384);
}

static void make_answer(bool retry)
{
	static const uint8_t RETRY[32] = {
		0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
		0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
	};

	make_server(&m, TLS_ON_TCP, 0x0303, "", 0x1302, retry ? RETRY : NULL);
	make_extension(&m, TLS_EXT_VERSIONS, "\3\4", 2);
	make_extension(&m, TLS_EXT_KEY_SHARE, retry ? "\0\x17" : "\0\x1d\0\1x", retry ? 2 : 5);
	make_end(&m);
	answer_len = records(answer, 16384);
}

static void ask(const uint32_t *who, const char *name, uint16_t number, uint64_t at_ns);

static void assert_client(void)
{
	assert_int_equal(facts.protocol, IDENTITY_TLS);
	assert_int_equal(facts.status, NAME_OK);
	assert_int_equal(facts.source, IDENTITY_BY_SNI);
	assert_int_equal(facts.tls.offered, 0x0304);
	assert_true(facts.bits & IDENTITY_CLIENT_HELLO);
	assert_name(IDENTITY_SERVER_NAME, "www.example.org");
	assert_name(IDENTITY_DOMAIN, "www.example.org");
	assert_name(IDENTITY_ALPN, "\2h2\10http/1.1");
	assert_int_equal(name_len[IDENTITY_JA4], 36);
	assert_memory_equal(names[IDENTITY_JA4], "t13d0303h2_", 11);
	assert_name(IDENTITY_VERSIONS, "\3\4\3\3");
}

static void assert_server(void)
{
	assert_true(facts.bits & IDENTITY_SERVER_HELLO);
	assert_int_equal(facts.tls.version, 0x0304);
	assert_int_equal(facts.tls.cipher, 0x1302);
	assert_int_equal(facts.tls.group, 0x1d);
}

static void tls_whole(void **state)
{
	make_hello("www.example.org", false);
	assert_int_equal(client(0, hello, hello_len), 0);
	assert_client();
	make_answer(false);
	base.time_ns += 5 * MS;
	assert_int_equal(server(0, answer, answer_len), IDENTITY_DONE);
	assert_server();
	assert_true(facts.bits & IDENTITY_HELLO_TIME);
	assert_int_equal(facts.tls.server_hello_us, 5000);
	assert_false(facts.bits & (IDENTITY_ECH | IDENTITY_RESUMED | IDENTITY_HELLO_RETRY));
	assert_int_equal(identity_under_way(id), 0);
}

/* Copies that were on their way when the flow was done: they begin nothing, and change nothing. */
static void nothing_after_the_end(void **state)
{
	ask(CLIENT, "cdn.example", 1, 100 * S);
	reset();
	base.begun_ns = 101 * S;
	make_hello("www.example.org", false);
	client(0, hello, hello_len);
	make_answer(false);
	assert_int_equal(server(0, answer, answer_len), IDENTITY_DONE);
	assert_int_equal(server((uint32_t)answer_len + 9, "more", 4), IDENTITY_DONE);
	assert_int_equal(client((uint32_t)hello_len, hello, hello_len), IDENTITY_DONE);
	assert_int_equal(again, 0);
	assert_client();
	assert_int_equal(identity_under_way(id), 1);	/* that of the DNS flow */
}

/* One that had to make room begins anew: what is known by a better source stays. */
static void a_name_outlives_its_connection(void **state)
{
	struct identity_facts kept;

	ask(CLIENT, "cdn.example", 1, 100 * S);
	reset();
	base.begun_ns = 101 * S;
	make_hello("www.example.org", false);
	client(0, hello, hello_len);
	kept = facts;
	for (uint32_t flow = 1000; flow <= 1000 + IDENTITY_CONNECTIONS; flow++) {
		memset(&facts, 0, sizeof(facts));
		base.flow = flow;
		client(0, hello, 20);
	}
	facts = kept;
	base.flow = FLOW;
	memset(name_len, 0, sizeof(name_len));
	client((uint32_t)hello_len, "x", 1);
	assert_int_equal(facts.source, IDENTITY_BY_SNI);
	assert_int_equal(name_len[IDENTITY_DOMAIN], 0);
}

static void proxy_target(void **state)
{
	static const char connect_line[] = "CONNECT www.example.org:443 HTTP/1.1\r\nHost: www.example.org:443\r\n\r\n";

	client(0, connect_line, sizeof(connect_line) - 1);
	assert_int_equal(facts.source, IDENTITY_BY_PROXY);
	assert_name(IDENTITY_DOMAIN, "www.example.org");
}

static void tls_every_cut(void **state)
{
	make_hello("www.example.org", false);
	make_answer(false);
	for (size_t cut = 1; cut < hello_len; cut++)
		for (int order = 0; order < 3; order++) {
			reset();
			if (order == 1)
				client((uint32_t)cut, hello + cut, hello_len - cut);
			client(0, hello, cut);
			assert_int_equal(!!(facts.bits & IDENTITY_CLIENT_HELLO), order == 1);
			if (order == 2)
				client((uint32_t)(cut - 1), hello + cut - 1, hello_len - cut + 1);	/* overlaps */
			else if (order == 0)
				client((uint32_t)cut, hello + cut, hello_len - cut);
			assert_client();
			server(0, answer, 1 + cut % (answer_len - 1));
			assert_int_equal(server(1 + (uint32_t)(cut % (answer_len - 1)), answer + 1 + cut % (answer_len - 1),
						answer_len - 1 - cut % (answer_len - 1)), IDENTITY_DONE);
			assert_server();
		}
	assert_int_equal(identity_under_way(id), 0);
}

static void tls_every_byte(void **state)
{
	make_hello("www.example.org", false);
	for (size_t at = 0; at < hello_len; at++) {
		assert_false(facts.bits & IDENTITY_CLIENT_HELLO);
		client((uint32_t)at, hello + at, 1);
		client((uint32_t)at, hello + at, 1);	/* sent again */
	}
	assert_client();
}

static void tls_records_of_any_size(void **state)
{
	for (size_t each = 1; each < 90; each++) {
		reset();
		make_hello("www.example.org", false);
		hello_len = records(hello, each);
		client(0, hello, 30);
		client(30, hello + 30, hello_len - 30);
		assert_client();
		identity_forget(id, FLOW);
	}
}

/* A hello without its last byte is none; the flow then ends. */
static void tls_each_shorter_length(void **state)
{
	make_hello("www.example.org", false);
	for (size_t len = 1; len < hello_len; len++) {
		reset();
		client(0, hello, len);
		assert_false(facts.bits & IDENTITY_CLIENT_HELLO);
		assert_int_equal(name_len[IDENTITY_SERVER_NAME], 0);
		identity_forget(id, FLOW);
	}
	assert_int_equal(identity_under_way(id), 0);
}

static void tls_that_carries_dns(void **state)
{
	base.port[1] = htons(853);
	make_hello("www.example.org", false);
	client(0, hello, hello_len);
	assert_int_equal(facts.carrier, 1);
}

static void tls_no_name(void **state)
{
	make_hello(NULL, false);
	client(0, hello, hello_len);
	assert_int_equal(facts.status, NAME_NO_SNI);
	assert_int_equal(name_len[IDENTITY_DOMAIN], 0);
	assert_int_equal(name_len[IDENTITY_JA4], 36);
}

static void tls_retry(void **state)
{
	size_t second;

	make_hello("www.example.org", false);
	client(0, hello, hello_len);
	second = hello_len;
	make_answer(true);
	memcpy(answer + answer_len, "\x14\3\3\0\1\1", 6);
	assert_int_equal(server(0, answer, answer_len + 6), 0);
	assert_true(facts.bits & IDENTITY_HELLO_RETRY);
	assert_false(facts.bits & IDENTITY_SERVER_HELLO);
	assert_int_equal(facts.tls.group, 0x17);
	assert_int_equal(again, 0);
	base.time_ns += 5 * MS;
	client((uint32_t)second, "\x14\3\3\0\1\1", 6);
	client((uint32_t)second + 6, hello, hello_len);
	assert_int_equal(again, 1);
	assert_client();
	second = answer_len + 6;
	make_answer(false);
	base.time_ns += 5 * MS;
	assert_false(facts.bits & IDENTITY_HELLO_TIME);
	assert_int_equal(server((uint32_t)second, answer, answer_len), IDENTITY_DONE);
	assert_server();
	assert_int_equal(facts.tls.server_hello_us, 10000);	/* from the first ClientHello on */
}

/* No SYN: who says the ClientHello is the client, whoever was heard first. */
static void tls_from_the_middle(void **state)
{
	for (int hears_server = 0; hears_server < 2; hears_server++) {
		reset();
		base.from_start = false;
		base.client = 1;	/* wrong */
		make_hello("www.example.org", false);
		make_answer(false);
		if (hears_server)
			assert_int_equal(server(0, answer, answer_len), 0);
		assert_int_equal(client(0, hello, hello_len), hears_server ? IDENTITY_DONE : 0);
		assert_client();
		if (!hears_server)
			assert_int_equal(server(0, answer, answer_len), IDENTITY_DONE);
		assert_server();
	}
}

static void tls_midstream(void **state)
{
	base.from_start = false;
	assert_int_equal(client(0, "\x17\3\3\0\x30zzzz", 9), 0);
	assert_int_equal(server(0, "\x17\3\3\0\x30zzzz", 9), IDENTITY_DONE);
	assert_int_equal(facts.status, NAME_MIDSTREAM);
}

static void tls_not_a_hello(void **state)
{
	assert_int_equal(client(0, "\x16\3\1\0\4\x02\0\0\0", 9), IDENTITY_DONE);	/* of a server */
	assert_int_equal(facts.status, NAME_NOT_TLS);
	reset();
	assert_int_equal(client(0, "\x16\3\1\0\0", 5), IDENTITY_DONE);	/* empty record */
	assert_int_equal(facts.status, NAME_NOT_TLS);
}

/* ---- DNS ---- */

static size_t make_dns(uint8_t *to, uint16_t number, const char *name, bool response, uint32_t ttl, const uint32_t address[4])
{
	size_t len = 0;
	const char *label = name;

	memset(to, 0, 12);
	to[0] = (uint8_t)(number >> 8);
	to[1] = (uint8_t)number;
	to[2] = response ? 0x81 : 1;
	to[5] = 1;
	to[7] = response;
	for (len = 12; *label; ) {
		size_t n = strcspn(label, ".");

		to[len++] = (uint8_t)n;
		memcpy(to + len, label, n);
		len += n;
		label += n + (label[n] == '.');
	}
	memcpy(to + len, "\0\0\1\0\1", 5);
	len += 5;
	if (!response)
		return len;
	memcpy(to + len, "\xc0\x0c\0\1\0\1", 6);
	to[len + 6] = (uint8_t)(ttl >> 24);
	to[len + 7] = (uint8_t)(ttl >> 16);
	to[len + 8] = (uint8_t)(ttl >> 8);
	to[len + 9] = (uint8_t)ttl;
	to[len + 10] = 0;
	to[len + 11] = 4;
	memcpy(to + len + 12, &address[3], 4);
	return len + 16;
}

static void ask(const uint32_t *who, const char *name, uint16_t number, uint64_t at_ns)
{
	uint8_t message[512];
	size_t len;

	base = (struct identity_payload){
		.flow = 100u + number, .proto = IPPROTO_UDP, .time_ns = at_ns, .begun_ns = at_ns,
		.addr = { who, RESOLVER }, .port = { htons(5000), htons(53) },
	};
	len = make_dns(message, number, name, false, 0, NULL);
	assert_int_equal(datagram(0, message, len), 0);
	base.time_ns += 7 * MS;
	len = make_dns(message, number, name, true, 300, SERVER);
	assert_int_equal(datagram(1, message, len), 0);
}

static void dns_names_later_flows(void **state)
{
	static const struct {
		const uint32_t *client;
		uint64_t later_s;
		enum identity_source source;
	} rows[] = {
		{ CLIENT, 1, IDENTITY_BY_DNS }, { CLIENT, 299, IDENTITY_BY_DNS }, { CLIENT, 301, IDENTITY_BY_DNS_EXPIRED },
		{ CLIENT, 2000, IDENTITY_BY_NONE }, { OTHER, 1, IDENTITY_BY_DNS_OTHER },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		teardown(NULL);
		setup(NULL);
		ask(CLIENT, "Mail.Example.org", 1, 100 * S);
		assert_int_equal(facts.protocol, IDENTITY_DNS);
		assert_int_equal(facts.dns.queries, 1);
		assert_int_equal(facts.dns.answers, 1);
		assert_int_equal(facts.dns.min_us, 7000);
		assert_int_equal(facts.dns.max_us, 7000);
		assert_int_equal(facts.dns.type, 1);
		assert_int_equal(facts.status, NAME_NOT_TLS);
		assert_name(IDENTITY_QUESTION, "mail.example.org");
		reset();
		base.addr[0] = rows[i].client;
		base.begun_ns = base.time_ns = (100 + rows[i].later_s) * S + 7 * MS;
		base.proto = IPPROTO_UDP;
		datagram(0, "abcdefgh", 8);
		assert_int_equal(facts.source, rows[i].source);
		if (rows[i].source)
			assert_name(IDENTITY_DOMAIN, "mail.example.org");
	}
}

static void dns_is_not_believed_unasked(void **state)
{
	uint8_t message[512];

	base.proto = IPPROTO_UDP;
	base.addr[1] = RESOLVER;
	base.port[1] = htons(53);
	datagram(1, message, make_dns(message, 9, "evil.example", true, 300, SERVER));
	assert_int_equal(identity_counters(id)->dns_strays, 1);
	assert_int_equal(facts.dns.answers, 0);
	reset();
	base.proto = IPPROTO_UDP;
	datagram(0, "abcdefgh", 8);
	assert_int_equal(name_len[IDENTITY_DOMAIN], 0);
}

/* The better source wins, whatever comes first. */
static void dns_gives_way_to_sni(void **state)
{
	ask(CLIENT, "cdn.example", 1, 100 * S);
	reset();
	make_hello("www.example.org", false);
	base.time_ns = base.begun_ns = 101 * S;
	client(0, hello, hello_len);
	assert_client();
}

static void ech_by_dns(void **state)
{
	static const struct {
		const char *asked, *sni;
		bool ech;
		enum name_status status;
		const char *domain;
	} rows[] = {
		{ "secret.example", "public.example", true, NAME_ECH, "secret.example" },
		{ "Public.example", "public.example", true, NAME_OK, "public.example" },	/* GREASE */
		{ "secret.example", "public.example", false, NAME_OK, "public.example" },
		{ NULL, "public.example", true, NAME_OK, "public.example" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		teardown(NULL);
		setup(NULL);
		if (rows[i].asked)
			ask(CLIENT, rows[i].asked, 1, 100 * S);
		reset();
		make_hello(rows[i].sni, rows[i].ech);
		base.begun_ns = 101 * S;
		client(0, hello, hello_len);
		assert_int_equal(facts.status, rows[i].status);
		assert_int_equal(!!(facts.bits & IDENTITY_ECH), rows[i].ech);
		assert_name(IDENTITY_SERVER_NAME, rows[i].sni);
		assert_name(IDENTITY_DOMAIN, rows[i].domain);
	}
}

/*
 * A host that asks over IPv4 and connects over IPv6 is two clients here: what it asked for as the other one shows that the
 * address has several names, and then the extension is taken for GREASE.
 */
static void ech_of_a_host_with_two_addresses(void **state)
{
	ask(CLIENT, "www.example", 1, 100 * S);
	ask(OTHER, "public.example", 2, 101 * S);
	reset();
	make_hello("public.example", true);
	base.begun_ns = 102 * S;
	client(0, hello, hello_len);
	assert_int_equal(facts.status, NAME_OK);
	assert_name(IDENTITY_DOMAIN, "public.example");
	reset();
	base.flow = FLOW + 1;
	base.begun_ns = 102 * S;
	base.proto = IPPROTO_UDP;
	datagram(0, "abcdefgh", 8);	/* and a name by DNS alone is less sure */
	assert_int_equal(facts.source, IDENTITY_BY_DNS_SHARED);
	assert_name(IDENTITY_DOMAIN, "www.example");
}

/* Many messages in any pieces; more than a buffer holds. */
static void dns_over_tcp(void **state)
{
	uint8_t message[600], stream[64000];
	size_t len = 0, step = 1;

	for (uint16_t n = 1; n <= 1000; n++) {
		size_t one = make_dns(message, n, "long.name.example.org", false, 0, NULL);

		stream[len++] = 0;
		stream[len++] = (uint8_t)one;
		memcpy(stream + len, message, one);
		len += one;
	}
	base.port[1] = htons(53);
	base.addr[1] = RESOLVER;
	assert_true(len > 2 * REASSEMBLE_BYTES);
	for (size_t at = 0; at < len; at += step, step = step % 700 + 13) {
		step = MIN(step, len - at);
		assert_int_equal(client((uint32_t)at, stream + at, step), 0);
	}
	assert_int_equal(facts.dns.queries, 1000);
	assert_int_equal(facts.protocol, IDENTITY_DNS);
	assert_name(IDENTITY_QUESTION, "long.name.example.org");
}

static void dns_malformed(void **state)
{
	base.proto = IPPROTO_UDP;
	base.port[1] = htons(53);
	for (size_t len = 1; len < 12; len++)	/* and none of them ends it */
		assert_int_equal(0, datagram(0, "\0\1\1\0\0\1\0\0\0\0\0\0", len));
	assert_int_equal(identity_counters(id)->dns_malformed, 11);
	assert_int_equal(facts.dns.queries, 0);
}

/* ---- datagrams ---- */

static void quic_hello(void **state)
{
	static struct quic_bytes d, payload;
	struct quic_initial i = { .version = QUIC_V1, .dcid = "11111111", .scid = "cli" };

	make_client(&m, TLS_ON_QUIC, 0x0303, "", LIST(0x1301));
	make_sni(&m, "quic.example");
	make_alpn(&m, "\2h3", 3);
	make_list_extension(&m, TLS_EXT_VERSIONS, 1, LIST(0x0304));
	make_end(&m);
	quic_put_crypto(&payload, 0, m.b, m.len);
	quic_make_initial(&d, &i, payload.b, payload.len);
	base.proto = IPPROTO_UDP;
	base.client = 1;	/* wrong: what opens tells */
	assert_int_equal(datagram(0, d.b, d.len), 0);
	assert_int_equal(facts.protocol, IDENTITY_QUIC);
	assert_int_equal(facts.status, NAME_OK);
	assert_int_equal(facts.tls.quic_version, 1);
	assert_name(IDENTITY_SERVER_NAME, "quic.example");
	assert_memory_equal(names[IDENTITY_JA4], "q13d", 4);
	payload.len = d.len = 0;
	make_server(&m, TLS_ON_QUIC, 0x0303, "", 0x1301, NULL);
	make_extension(&m, TLS_EXT_VERSIONS, "\3\4", 2);
	make_end(&m);
	quic_put_crypto(&payload, 0, m.b, m.len);
	i = (struct quic_initial){ .version = QUIC_V1, .dcid = "cli", .scid = "srv", .keys_dcid = "11111111", .server = true };
	quic_make_initial(&d, &i, payload.b, payload.len);
	base.time_ns += 7 * MS;
	assert_false(facts.bits & IDENTITY_QUIC_ANSWERED);
	assert_int_equal(datagram(1, d.b, d.len), 0);
	assert_true(facts.bits & IDENTITY_QUIC_ANSWERED);
	assert_int_equal(facts.tls.server_hello_us, 7000);
	assert_int_equal(facts.tls.version, 0x0304);
	assert_int_equal(facts.tls.cipher, 0x1301);
	assert_int_equal(facts.tls.handshake_us[0], 0);
	assert_int_equal(facts.tls.handshake_us[1], 7000);
	d.len = 0;	/* the client's next one ends it */
	i = (struct quic_initial){ .version = QUIC_V1, .type = 2, .dcid = "srv", .scid = "cli" };
	quic_make_initial(&d, &i, payload.b, payload.len);
	base.time_ns += 2 * MS;
	assert_int_equal(datagram(0, d.b, d.len), IDENTITY_DONE);
	assert_int_equal(facts.tls.handshake_us[0], 2000);
	assert_int_equal(facts.tls.handshake_us[1], 7000);
}

static void unknown_datagrams(void **state)
{
	base.proto = IPPROTO_UDP;
	for (int n = 0; n < 3; n++) {
		assert_int_equal(datagram(n & 1, "ntp or so", 9), 0);
		assert_int_equal(facts.status, NAME_NOT_TLS);
	}
	assert_int_equal(datagram(0, "ntp or so", 9), IDENTITY_DONE);
	assert_int_equal(facts.protocol, IDENTITY_UNKNOWN);
}

/* ---- caps ---- */

static void connections_make_room(void **state)
{
	make_hello("www.example.org", false);
	for (uint32_t flow = 0; flow < IDENTITY_CONNECTIONS + 100; flow++) {
		base.flow = flow;
		client(0, hello, 20);
		memset(&facts, 0, sizeof(facts));
	}
	assert_int_equal(identity_under_way(id) <= IDENTITY_CONNECTIONS, 1);
	assert_true(identity_counters(id)->connections_replaced >= 100);
	base.flow = IDENTITY_CONNECTIONS + 99;	/* the newest one goes on */
	client(20, hello + 20, hello_len - 20);
	assert_client();
	for (uint32_t flow = 0; flow < IDENTITY_CONNECTIONS + 100; flow++)
		identity_forget(id, flow);
	assert_int_equal(identity_under_way(id), 0);
}

static void no_more_than_a_buffer(void **state)
{
	static uint8_t big[3000];

	memcpy(big, "\x16\3\1\x40\0\1\0\xff\xff", 9);	/* a hello of 65535 bytes */
	for (uint32_t at = 0; at < 60000; at += sizeof(big)) {
		if (client(at, big, sizeof(big)))
			break;
	}
	assert_int_equal(facts.status, NAME_LIMIT);
	assert_int_equal(identity_under_way(id), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(tls_whole), TEST(nothing_after_the_end), TEST(a_name_outlives_its_connection), TEST(proxy_target), TEST(tls_every_cut), TEST(tls_every_byte), TEST(tls_records_of_any_size),
		TEST(tls_each_shorter_length), TEST(tls_no_name), TEST(tls_that_carries_dns), TEST(tls_retry), TEST(tls_from_the_middle),
		TEST(tls_midstream), TEST(tls_not_a_hello), TEST(dns_names_later_flows), TEST(dns_is_not_believed_unasked),
		TEST(dns_gives_way_to_sni), TEST(ech_by_dns), TEST(ech_of_a_host_with_two_addresses), TEST(dns_over_tcp), TEST(dns_malformed), TEST(quic_hello),
		TEST(unknown_datagrams), TEST(connections_make_room), TEST(no_more_than_a_buffer),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
