/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_quic - whole flows: hellos cut and shuffled over datagrams, Retry, versions, several connections, every limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/util.h"
#include "enrich/quic.h"
#include "enrich/quic_crypto.h"
#include "enrich/reassemble.h"
#include "quic_make.h"
#include "tls_make.h"

#define LIST(...) (const int[]){ __VA_ARGS__, -1 }

#define ONE "11111111"	/* first DCIDs of clients */
#define TWO "22222222"
#define THREE "33333333"

static const struct quic_limits LIMITS = { .connections = 4, .crypto_bytes = 4 * sizeof(struct reassemble) };
static struct quic_pool *pool;
static struct quic q;
static struct quic_facts facts;
static struct quic_bytes d, payload;
static struct make m;

static void make_hello(const char *name)
{
	make_client(&m, TLS_ON_QUIC, 0x0303, "", LIST(0x1301, 0x1302));
	if (name)
		make_sni(&m, name);
	make_alpn(&m, "\2h3", 3);
	make_list_extension(&m, TLS_EXT_VERSIONS, 1, LIST(0x0304));
	make_end(&m);
}

static void make_answer(bool retry)
{
	static const uint8_t RETRY[32] = {
		0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
		0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
	};

	make_server(&m, TLS_ON_QUIC, 0x0303, "", 0x1301, retry ? RETRY : NULL);
	make_extension(&m, TLS_EXT_VERSIONS, "\3\4", 2);
	make_end(&m);
}

/* What d has, from memory of exactly that size, in @direction. */
static enum quic_result feed(unsigned int direction)
{
	uint8_t *copy = malloc(d.len + !d.len);
	enum quic_result result;

	memcpy(copy, d.b, d.len);
	result = quic_datagram(pool, &q, direction, copy, d.len, &facts);
	free(copy);
	return result;
}

static enum quic_result feed_payload(unsigned int direction, const struct quic_initial *i)
{
	d.len = 0;
	quic_make_initial(&d, i, payload.b, payload.len);
	return feed(direction);
}

/* Bytes @from to @to of the message in @m, in a CRYPTO frame behind @base. */
static void put_part(size_t base, size_t from, size_t to)
{
	quic_put_crypto(&payload, base + from, m.b + from, to - from);
}

static enum quic_result feed_part(unsigned int direction, const struct quic_initial *i, size_t base, size_t from, size_t to)
{
	payload.len = 0;
	quic_put(&payload, "\0\0\0\0", 4);	/* long enough for a sample, whatever follows */
	put_part(base, from, to);
	return feed_payload(direction, i);
}

static enum quic_result feed_hello(const char *dcid, const char *name)
{
	make_hello(name);
	return feed_part(0, &(struct quic_initial){ .version = QUIC_V1, .dcid = dcid, .scid = "cli" }, 0, 0, m.len);
}

static void assert_name(const char *want)
{
	assert_true(facts.has_client);
	assert_int_equal(facts.tls, TLS_OK);
	assert_int_equal(facts.client.sni.len, strlen(want));
	assert_memory_equal(facts.client.sni.at, want, strlen(want));
	assert_int_equal(strlen(facts.ja4), JA4_SIZE - 1);
	assert_memory_equal(facts.ja4, "q13d", 4);
}

static int begin(void **state)
{
	q = (struct quic){ 0 };
	return quic_pool_new(&pool, &LIMITS);
}

static int end(void **state)
{
	quic_end(pool, &q);
	if (quic_pool_used(pool) || q.newest || q.seen)
		return -1;
	pool = quic_pool_free(pool);
	quic_pool_free(NULL);
	return 0;
}

static void hello_and_answer(void **state)
{
	static const uint32_t VERSIONS[] = { QUIC_V1, QUIC_V2, 0xff00001b, 0xff00001c, 0xff00001d, 0xff000020, 0xff000021, 0xff000022 };

	for (size_t v = 0; v < ARRAY_SIZE(VERSIONS); v++) {
		struct quic_initial client = { .version = VERSIONS[v], .dcid = ONE, .scid = "cli" };
		struct quic_initial server = { .version = VERSIONS[v], .server = true, .keys_dcid = ONE, .dcid = "cli", .scid = "srv" };

		make_hello("www.example.org");
		assert_int_equal(feed_part(1, &client, 0, 0, m.len), QUIC_HELLO);
		assert_name("www.example.org");
		assert_int_equal(facts.version, VERSIONS[v]);
		assert_int_equal(facts.connection, 1);
		assert_int_equal(facts.steps, QUIC_STEP_INITIAL);
		assert_int_equal(feed(1), QUIC_OPENED);	/* the same again */
		assert_int_equal(facts.steps, QUIC_STEP_INITIAL);
		make_answer(false);
		payload.len = 0;
		quic_put(&payload, "\2\0\0\0\0", 5);	/* an acknowledgement at once */
		assert_int_equal(feed_payload(0, &server), QUIC_OPENED);
		assert_int_equal(facts.steps, QUIC_STEP_ANSWER);
		assert_int_equal(facts.connection, 1);
		server.number = 1;
		assert_int_equal(feed_part(0, &server, 0, 0, m.len), QUIC_SERVER_HELLO);
		assert_int_equal(facts.steps, QUIC_STEP_ANSWER | QUIC_STEP_FLIGHT);
		assert_int_equal(facts.server.cipher, 0x1301);
		assert_int_equal(facts.server.version, 0x0304);
		assert_int_equal(facts.connection, 1);
		client.keys_dcid = ONE;		/* the client goes on with the server's cid, and the same keys */
		client.dcid = "srv";
		payload.len = 0;
		quic_put(&payload, "\2\0\0\0\0", 5);
		assert_int_equal(feed_payload(1, &client), QUIC_OPENED);
		assert_int_equal(facts.steps, QUIC_STEP_REPLY);
		assert_string_equal(quic_name_status(&q), "ok");
		client.dcid = TWO;		/* neither of the connection's cids: its keys are not tried */
		assert_int_equal(feed_payload(1, &client), QUIC_DECRYPT_FAILED);
		assert_int_equal(facts.steps, 0);
		quic_end(pool, &q);
	}
}

/* What stays closed shows by its ids how far the handshake is. */
static void steps_of_closed_packets(void **state)
{
	static const struct {
		unsigned int direction;
		uint8_t type;		/* 1 0-RTT, 2 Handshake; 3: a short header to dcid */
		const char *dcid, *scid;
		bool server_seen;
		uint8_t steps;
	} rows[] = {
		{ 0, 2, "srv", "cli", false, QUIC_STEP_REPLY },	/* its keys are of the server's hello */
		{ 0, 2, "srv", "elc", false, 0 },
		{ 1, 2, "cli", "srv", false, QUIC_STEP_ANSWER | QUIC_STEP_FLIGHT },
		{ 1, 2, "elc", "srv", false, 0 },
		{ 0, 1, ONE, "cli", false, 0 },
		{ 0, 1, "srv", "cli", true, 0 },
		{ 0, 3, "srv", "", true, QUIC_STEP_REPLY },
		{ 0, 3, "srx", "", true, 0 },
		{ 0, 3, "sr", "", true, 0 },
		{ 0, 3, "srv", "", false, 0 },
		{ 1, 3, "srv", "", true, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct quic_initial p = { .version = QUIC_V1, .type = rows[i].type, .dcid = rows[i].dcid, .scid = rows[i].scid };

		assert_int_equal(feed_hello(ONE, "closed.example"), QUIC_HELLO);
		make_answer(false);
		if (rows[i].server_seen)
			assert_int_equal(feed_part(1, &(struct quic_initial){ .version = QUIC_V1, .server = true, .keys_dcid = ONE, .dcid = "cli",
									       .scid = "srv" }, 0, 0, m.len), QUIC_SERVER_HELLO);
		d.len = payload.len = 0;
		if (rows[i].type == 3) {
			quic_put(&d, "\x40", 1);
			quic_put(&d, rows[i].dcid, strlen(rows[i].dcid));
			if (strlen(rows[i].dcid) > 2)
				quic_put(&d, "0123456789", 10);
		} else {
			quic_put(&payload, "0123456789012345678901234567890", 31);
			quic_make_initial(&d, &p, payload.b, payload.len);
		}
		assert_int_equal(feed(rows[i].direction), QUIC_SKIPPED);
		if (facts.steps != rows[i].steps)
			print_error("row %zu\n", i);
		assert_int_equal(facts.steps, rows[i].steps);
		assert_int_equal(facts.connection, rows[i].steps ? 1 : 0);
		quic_end(pool, &q);
	}
}

static void every_shorter_length(void **state)
{
	size_t whole;

	assert_int_equal(feed_hello(ONE, "a.example"), QUIC_HELLO);
	quic_end(pool, &q);
	whole = d.len;
	for (d.len = 0; d.len < whole; d.len++) {
		assert_int_equal(feed(0), QUIC_NOT_QUIC);
		assert_false(facts.has_client);
	}
	assert_string_equal(quic_name_status(&q), "not_quic");
	assert_int_equal(quic_pool_counts(pool)[QUIC_NOT_QUIC], whole);
	assert_int_equal(feed(0), QUIC_HELLO);
}

static void every_bit_flipped(void **state)
{
	size_t header = 1 + 4 + 9 + 4 + 1 + 2;

	feed_hello(ONE, "a.example");
	for (size_t bit = 0; bit < 8 * d.len; bit++) {
		enum quic_result result;

		quic_end(pool, &q);
		d.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		result = feed(0);
		assert_false(facts.has_client);
		if (bit >= 8 * header)
			assert_int_equal(result, QUIC_DECRYPT_FAILED);
		else
			assert_true(result <= QUIC_DECRYPT_FAILED || result == QUIC_VERSIONS);
		if (result == QUIC_DECRYPT_FAILED)
			assert_string_equal(quic_name_status(&q), "decrypt_failed");
		d.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	quic_end(pool, &q);
	assert_int_equal(feed(0), QUIC_HELLO);
}

/* Three overlapping parts, a datagram each, in every order. */
static void out_of_order(void **state)
{
	static const int ORDERS[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

	for (size_t o = 0; o < ARRAY_SIZE(ORDERS); o++) {
		make_hello("shuffled.example");
		for (size_t i = 0; i < 3; i++) {
			struct quic_initial client = { .version = QUIC_V1, .dcid = ONE, .scid = "", .number = (uint32_t)(i + 1) };
			size_t from = (size_t)ORDERS[o][i] * 30, to = ORDERS[o][i] == 2 ? m.len : from + 37;

			assert_int_equal(feed_part(0, &client, 0, from, to), i == 2 ? QUIC_HELLO : QUIC_MORE);
			assert_string_equal(quic_name_status(&q), i == 2 ? "ok" : "lost_segment");
		}
		assert_name("shuffled.example");
		quic_end(pool, &q);
	}
}

/* As Chromium does: single bytes from behind, with PING, PADDING and ACK between. */
static void chopped_in_one_packet(void **state)
{
	make_hello("chopped.example");
	payload.len = 0;
	for (size_t at = 0; at < m.len; at += 2) {
		size_t n = m.len / 2 * 2 - at;

		put_part(0, n, MIN(n + 2, m.len));
		quic_put(&payload, at % 3 ? "\1\0\0" : "\0\2\7\0\0\0", at % 3 ? 3 : 6);
	}
	put_part(0, 0, 2);
	assert_int_equal(feed_payload(0, &(struct quic_initial){ .version = QUIC_V1, .dcid = ONE }), QUIC_HELLO);
	assert_name("chopped.example");
}

static void coalesced(void **state)
{
	struct quic_initial client = { .version = QUIC_V1, .dcid = ONE, .scid = "c" };

	make_hello("coalesced.example");
	for (int order = 0; order < 2; order++) {
		d.len = payload.len = 0;
		put_part(0, 0, m.len);
		client.type = order ? 1 : 0;
		quic_make_initial(&d, &client, payload.b, payload.len);
		client.type = order ? 0 : 2;
		quic_make_initial(&d, &client, payload.b, payload.len);
		quic_put(&d, order ? "\0\0\0" : "\x40xyz", 3);
		assert_int_equal(feed(0), QUIC_HELLO);
		quic_end(pool, &q);
	}
	client.type = 0;	/* RFC 9000 12.2: what has another DCID than the first is not read */
	client.dcid = TWO;
	d.len = 0;
	quic_make_initial(&d, &(struct quic_initial){ .version = QUIC_V1, .type = 2, .dcid = ONE }, payload.b, payload.len);
	quic_make_initial(&d, &client, payload.b, payload.len);
	assert_int_equal(feed(0), QUIC_SKIPPED);
	assert_string_equal(quic_name_status(&q), "midstream");
}

static void retry(void **state)
{
	struct quic_initial client = { .version = QUIC_V1, .dcid = ONE, .scid = "cli" };
	struct quic_initial server = { .version = QUIC_V1, .server = true, .keys_dcid = "new", .dcid = "cli", .scid = "srv" };

	for (int seen = 0; seen < 2; seen++) {
		make_hello("retry.example");
		client.dcid = ONE;
		client.token = NULL;
		assert_int_equal(feed_part(0, &client, 0, 0, 40), QUIC_MORE);
		d.len = 0;
		quic_make_retry(&d, seen ? ONE : TWO, "cli", "new", "token");
		assert_int_equal(feed(1), seen ? QUIC_RETRY : QUIC_DECRYPT_FAILED);
		assert_int_equal(facts.steps, seen ? QUIC_STEP_ANSWER | QUIC_STEP_FLIGHT : 0);
		client.dcid = "new";
		client.token = "token";
		assert_int_equal(feed_part(0, &client, 0, 40, m.len), seen ? QUIC_HELLO : QUIC_MORE);
		assert_int_equal(facts.steps, seen ? QUIC_STEP_REPLY : QUIC_STEP_INITIAL);
		if (!seen)	/* then only a hello from its start is one */
			assert_int_equal(feed_part(0, &client, 0, 0, 40), QUIC_HELLO);
		assert_name("retry.example");
		assert_int_equal(facts.connection, seen ? 1 : 2);
		make_answer(false);
		assert_int_equal(feed_part(1, &server, 0, 0, m.len), QUIC_SERVER_HELLO);
		assert_int_equal(quic_pool_used(pool), seen ? 1 : 2);
		d.len = 0;
		quic_make_retry(&d, "new", "cli", "newer", "token");	/* only one is heeded, and none after an Initial */
		assert_int_equal(feed(1), seen ? QUIC_NO_KEYS : QUIC_DECRYPT_FAILED);
		quic_end(pool, &q);
	}
}

/* Halves of two hellos, in turn, on one flow: each gets its own name. A third one pushes the oldest out. */
static void connections_do_not_mix(void **state)
{
	struct quic_initial one = { .version = QUIC_V1, .dcid = ONE, .scid = "" }, two = { .version = QUIC_V2, .dcid = TWO, .scid = "" };
	struct quic_initial three = { .version = QUIC_V1, .dcid = THREE, .scid = "" };

	make_hello("one.example");
	assert_int_equal(feed_part(0, &one, 0, 0, 60), QUIC_MORE);
	make_hello("two.example");
	assert_int_equal(feed_part(0, &two, 0, 60, m.len), QUIC_MORE);
	make_hello("one.example");
	assert_int_equal(feed_part(0, &one, 0, 60, m.len), QUIC_HELLO);
	assert_name("one.example");
	assert_int_equal(facts.connection, 1);
	make_hello("two.example");
	assert_int_equal(feed_part(0, &two, 0, 0, 60), QUIC_HELLO);
	assert_name("two.example");
	assert_int_equal(facts.connection, 2);
	make_hello("three.example");
	assert_int_equal(feed_part(0, &three, 0, 0, m.len), QUIC_HELLO);
	assert_int_equal(facts.connection, 3);
	assert_int_equal(quic_pool_used(pool), QUIC_CONNECTIONS_MAX);

	make_answer(false);	/* of the second, to the same empty cid */
	assert_int_equal(feed_part(1, &(struct quic_initial){ .version = QUIC_V2, .server = true, .keys_dcid = TWO, .dcid = "" },
				   0, 0, m.len), QUIC_SERVER_HELLO);
	assert_int_equal(facts.connection, 2);
}

/* RFC 8446 4.1.4: the second hello follows behind the first. */
static void hello_retry_request(void **state)
{
	struct quic_initial client = { .version = QUIC_V1, .dcid = ONE, .scid = "cli" };
	struct quic_initial server = { .version = QUIC_V1, .server = true, .keys_dcid = ONE, .dcid = "cli", .scid = "srv" };
	size_t first, asked;

	assert_int_equal(feed_hello(ONE, "first.example"), QUIC_HELLO);
	first = m.len;
	make_answer(true);
	assert_int_equal(feed_part(1, &server, 0, 0, m.len), QUIC_SERVER_HELLO);
	assert_true(facts.server.hello_retry);
	asked = m.len;
	make_hello("second.example");
	client.keys_dcid = ONE;
	client.dcid = "srv";
	assert_int_equal(feed_part(0, &client, first, 0, 50), QUIC_MORE);
	assert_int_equal(feed_part(0, &client, first, 50, m.len), QUIC_HELLO);
	assert_name("second.example");
	assert_int_equal(feed_part(0, &client, first + m.len, 0, m.len), QUIC_OPENED);	/* no third */
	make_answer(false);
	assert_int_equal(feed_part(1, &server, asked, 0, m.len), QUIC_SERVER_HELLO);
	assert_false(facts.server.hello_retry);
}

static void versions(void **state)
{
	struct quic_initial client = { .version = QUIC_V1, .dcid = ONE, .scid = "cli" };
	struct quic_initial server = { .version = QUIC_V2, .server = true, .keys_dcid = ONE, .dcid = "cli", .scid = "srv" };

	d.len = 0;
	quic_put_hex(&d, "c01a2a3a4a 08 3131313131313131 03 636c69 00");
	memset(d.b + d.len, 0, 1200);
	d.len = 1200;
	assert_int_equal(feed(0), QUIC_UNKNOWN_VERSION);
	assert_int_equal(facts.version, 0x1a2a3a4a);
	assert_string_equal(quic_name_status(&q), "unknown_version");

	make_hello("versions.example");		/* RFC 9368: the server answers in another version; the client follows */
	assert_int_equal(feed_part(0, &client, 0, 0, 40), QUIC_MORE);
	payload.len = 0;
	quic_put(&payload, "\2\0\0\0\0", 5);
	assert_int_equal(feed_payload(1, &server), QUIC_OPENED);
	client.version = QUIC_V2;
	assert_int_equal(feed_part(0, &client, 0, 40, m.len), QUIC_HELLO);
	assert_name("versions.example");
	quic_end(pool, &q);

	client.version = QUIC_V1;		/* RFC 9000 6.2: it does not, the client begins again */
	assert_int_equal(feed_part(0, &client, 0, 0, 40), QUIC_MORE);
	d.len = 0;
	quic_put_hex(&d, "80 00000000 03 636c69 08 3131313131313131 6b3343cf 00000001");
	assert_int_equal(feed(1), QUIC_VERSIONS);
	assert_int_equal(quic_pool_used(pool), 1);	/* lists what the client uses: nothing happens */
	d.len -= 4;
	assert_int_equal(feed(1), QUIC_VERSIONS);
	assert_int_equal(quic_pool_used(pool), 0);
	make_hello("again.example");
	client.version = QUIC_V2;
	assert_int_equal(feed_part(0, &client, 0, 40, m.len), QUIC_MORE);
	assert_int_equal(feed_part(0, &client, 0, 0, 40), QUIC_HELLO);
	assert_name("again.example");
}

/* Where the beginning was not seen. */
static void midstream(void **state)
{
	struct quic_initial server = { .version = QUIC_V1, .server = true, .keys_dcid = ONE, .dcid = "cli", .scid = "srv" };

	make_answer(false);
	assert_int_equal(feed_part(1, &server, 0, 0, m.len), QUIC_NO_KEYS);
	assert_string_equal(quic_name_status(&q), "midstream");
	d.len = 0;
	quic_make_retry(&d, ONE, "cli", "new", "token");
	assert_int_equal(feed(1), QUIC_NO_KEYS);
	server.dcid = "clientclient";
	assert_int_equal(feed_part(1, &server, 0, 0, m.len), QUIC_DECRYPT_FAILED);
}

static void no_name(void **state)
{
	assert_string_equal(quic_name_status(&q), "midstream");
	assert_int_equal(feed_hello(ONE, NULL), QUIC_HELLO);
	assert_int_equal(facts.client.sni.len, 0);
	assert_string_equal(quic_name_status(&q), "no_sni");
	quic_end(pool, &q);

	make_answer(false);	/* a ServerHello from the client */
	assert_int_equal(feed_part(0, &(struct quic_initial){ .version = QUIC_V1, .dcid = ONE }, 0, 0, m.len), QUIC_BAD_HELLO);
	assert_string_equal(quic_name_status(&q), "bad_hello");
	quic_end(pool, &q);

	payload.len = 0;
	quic_put(&payload, "\x08\0\0\0\0", 5);	/* STREAM */
	assert_int_equal(feed_payload(0, &(struct quic_initial){ .version = QUIC_V1, .dcid = ONE }), QUIC_BAD_FRAMES);
	assert_string_equal(quic_name_status(&q), "bad_hello");
}

static void limits(void **state)
{
	struct quic_initial client = { .version = QUIC_V1, .dcid = ONE };
	static const uint8_t zeros[3000];

	for (int over = 0; over < 2; over++) {	/* frames */
		make_hello("x.example");
		payload.len = 0;
		for (int i = 1; i < QUIC_FRAMES_MAX + over; i++)
			quic_put(&payload, "\1", 1);
		put_part(0, 0, m.len);
		assert_int_equal(feed_payload(0, &client), over ? QUIC_LIMIT : QUIC_HELLO);
		quic_end(pool, &q);
	}
	for (int over = 0; over < 2; over++) {	/* packets */
		client.type = 2;
		d.len = 0;
		for (int i = 1; i < QUIC_PACKETS_MAX + over; i++)
			quic_make_initial(&d, &client, "\1\1\1\1", 4);
		client.type = 0;
		quic_make_initial(&d, &client, payload.b + QUIC_FRAMES_MAX, payload.len - QUIC_FRAMES_MAX);
		assert_int_equal(feed(0), over ? QUIC_LIMIT : QUIC_HELLO);
		quic_end(pool, &q);
	}
	payload.len = 0;			/* a payload too long */
	quic_put(&payload, zeros, 3000);
	quic_put(&payload, zeros, 1200);
	assert_int_equal(feed_payload(0, &client), QUIC_LIMIT);
	assert_string_equal(quic_name_status(&q), "truncated");
	payload.len = 0;			/* CRYPTO behind what is kept, or anywhere */
	quic_put_crypto(&payload, REASSEMBLE_BYTES - 1, "xy", 2);
	assert_int_equal(feed_payload(0, &client), QUIC_LIMIT);
	payload.len = 0;
	quic_put_crypto(&payload, (1ULL << 62) - 1, "xy", 2);
	assert_int_equal(feed_payload(0, &client), QUIC_LIMIT);
	payload.len = 0;			/* a message that will not fit */
	quic_put_crypto(&payload, 0, "\1\0\x40\0", 4);
	assert_int_equal(feed_payload(0, &client), QUIC_LIMIT);
	quic_end(pool, &q);

	payload.len = 0;			/* too many pieces: what is missing makes them fewer again */
	make_hello("a-name-that-is-long-enough-for-all-the-pieces-that-there-are-to-be.example");
	for (size_t i = 1; i <= REASSEMBLE_RANGES + 1; i++)
		put_part(0, 3 * i, 3 * i + 1);
	assert_int_equal(feed_payload(0, &client), QUIC_LIMIT);
	assert_int_equal(feed_part(0, &client, 0, 0, m.len), QUIC_HELLO);
}

/* Garbage costs a set of keys a time, but not for ever; what is known goes on. */
static void failures(void **state)
{
	make_hello("known.example");
	assert_int_equal(feed_part(0, &(struct quic_initial){ .version = QUIC_V1, .dcid = ONE, .scid = "c" }, 0, 0, 40), QUIC_MORE);
	for (int i = 0; i <= QUIC_FAILURES_MAX; i++)
		assert_int_equal(feed_part(0, &(struct quic_initial){ .version = QUIC_V1, .keys_dcid = ONE, .dcid = TWO, .scid = "x" },
					   0, 0, m.len), i == QUIC_FAILURES_MAX ? QUIC_LIMIT : QUIC_DECRYPT_FAILED);
	assert_int_equal(quic_pool_counts(pool)[QUIC_DECRYPT_FAILED], QUIC_FAILURES_MAX);
	assert_int_equal(feed_part(0, &(struct quic_initial){ .version = QUIC_V1, .dcid = ONE, .scid = "c" }, 0, 40, m.len), QUIC_HELLO);
}

static void full(void **state)
{
	struct quic flows[6] = { 0 };
	enum quic_result result = QUIC_MORE;

	make_hello("full.example");
	for (size_t i = 0; i < ARRAY_SIZE(flows); i++) {
		struct quic keep = q;

		q = flows[i];
		result = feed_part(0, &(struct quic_initial){ .version = QUIC_V1, .dcid = ONE }, 0, 0, 40);
		assert_int_equal(result, i < LIMITS.connections ? QUIC_MORE : QUIC_FULL);
		if (result == QUIC_FULL)
			assert_string_equal(quic_name_status(&q), "table_full");
		flows[i] = q;
		q = keep;
	}
	quic_end(pool, &flows[0]);
	assert_int_equal(feed_part(0, &(struct quic_initial){ .version = QUIC_V1, .dcid = ONE }, 0, 0, m.len), QUIC_HELLO);
	for (size_t i = 0; i < ARRAY_SIZE(flows); i++)
		quic_end(pool, &flows[i]);
}

static void result_names(void **state)
{
	for (int r = 0; r < QUIC_RESULT_COUNT; r++)
		assert_string_not_equal(quic_result_name((enum quic_result)r), "unknown");
	assert_string_equal(quic_result_name(QUIC_DECRYPT_FAILED), "decrypt_failed");
	assert_string_equal(quic_result_name(QUIC_RESULT_COUNT), "unknown");
}

static void bad_limits(void **state)
{
	struct quic_pool *none = NULL;

	assert_int_equal(quic_pool_new(&none, &(struct quic_limits){ 0, 1 << 20 }), -22);
	assert_int_equal(quic_pool_new(&none, &(struct quic_limits){ 1, 10 }), -22);
	assert_int_equal(quic_pool_new(&none, &(struct quic_limits){ SIZE_MAX, 1 << 20 }), -22);
	assert_null(none);
}

#define FLOW_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW_TEST(hello_and_answer), FLOW_TEST(every_shorter_length), FLOW_TEST(every_bit_flipped), FLOW_TEST(out_of_order),
		FLOW_TEST(chopped_in_one_packet), FLOW_TEST(coalesced), FLOW_TEST(steps_of_closed_packets), FLOW_TEST(retry), FLOW_TEST(connections_do_not_mix),
		FLOW_TEST(hello_retry_request), FLOW_TEST(versions), FLOW_TEST(midstream), FLOW_TEST(no_name), FLOW_TEST(limits),
		FLOW_TEST(failures), FLOW_TEST(full), cmocka_unit_test(result_names), cmocka_unit_test(bad_limits),
	};

	return cmocka_run_group_tests_name("quic", tests, NULL, NULL);
}
