/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_dns - any bytes as a message, and as a stream of messages: facts lie inside, bounds hold, names read as another,
 * simpler reader has them, text is valid and short; then match and learn are given it. Input: a byte of options (1: mDNS,
 * 2: stream), then the message.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/dns_learn.h"
#include "enrich/dns_match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_dns: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

static const uint8_t *begin;
static size_t size;

static void check_inside(struct reader r)
{
	CHECK(!r.left || (r.at >= begin && r.left <= size && r.at <= begin + size - r.left));
}

/* The name at @at by plain recursion; its length, or -1. */
static int plain_name(size_t at, size_t before, int hops, uint8_t *out, int n)
{
	for (;;) {
		size_t c;

		if (at >= size)
			return -1;
		c = begin[at];
		if (c >= 0xc0) {
			size_t to;

			if (at + 1 >= size)
				return -1;
			to = (c - 0xc0) * 256 + begin[at + 1];
			if (to < 12 || to >= before || hops == DNS_HOPS_MAX)
				return -1;
			return plain_name(to, to, hops + 1, out, n);
		}
		if (c >= 64 || at + 1 + c > size || n + 1 + (int)c > 255 - (c != 0))
			return -1;
		memcpy(out + n, begin + at, c + 1);
		n += 1 + (int)c;
		if (!c)
			return n;
		at += c + 1;
	}
}

static void check_name(const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_SIZE];
	size_t n = dns_name_text(name, text);
	struct dns_name folded = *name;

	CHECK(n < DNS_NAME_TEXT_SIZE && strlen(text) == n && (n == 0) == (name->len == 0));
	for (size_t i = 0; i < n; i++)
		CHECK((uint8_t)text[i] >= 0x20 && text[i] != 0x7f);
	dns_name_fold(&folded);
	CHECK(dns_name_equal(&folded, name));
	CHECK(name->len <= 255 && (!name->len || name->bytes[name->len - 1] == 0));
}

static void check_record(const struct dns_record *r)
{
	struct reader alpn = r->alpn, id;

	check_name(&r->name);
	check_name(&r->target);
	CHECK(r->name.len);
	check_inside(r->rdata);
	check_inside(r->address);
	check_inside(r->hints4);
	check_inside(r->hints6);
	check_inside(r->alpn);
	CHECK(!r->address.left || r->address.left == 4 || r->address.left == 16);
	CHECK(r->hints4.left % 4 == 0 && r->hints6.left % 16 == 0);
	while (alpn.left)
		CHECK(dns_alpn_next(&alpn, &id) && id.left);
	CHECK(r->result == DNS_OK || (!r->target.len && !r->address.left && !r->alpn.left));
	CHECK(r->ttl_s <= INT32_MAX || r->type == DNS_OPT_RR);
}

static void use(const struct dns_message *m)
{
	const struct siphash_key seed = { { 1, 2 } };
	struct dns_match_flow flow = { .client_port = 1 };
	struct dns_match_transaction done;
	struct dns_learn_result learnt;
	struct dns_match *match;
	struct dns_names *names;
	struct dns_message other = *m;

	CHECK(!dns_match_new(&match, 2, seed) && !dns_names_new(&names, DNS_NAMES_MEMORY_MIN, seed));
	other.response = false;
	CHECK(dns_match_add(match, &flow, &other, 5, &done) == DNS_MATCH_QUERY);
	CHECK(dns_match_add(match, &flow, &other, 5, &done) == DNS_MATCH_REPEATED);
	other.response = true;
	CHECK(dns_match_add(match, &flow, &other, 9, &done) == DNS_MATCH_ANSWER && done.response_ns == 4);
	learnt = dns_learn(names, flow.client, m, 0);
	CHECK(learnt.learnt <= DNS_LEARN_ADDRESSES_MAX && dns_names_used(names) <= 2 * learnt.learnt);
	CHECK(m->response || !learnt.learnt);
	dns_match_free(match);
	dns_names_free(names);
}

static void message(enum dns_kind kind, const uint8_t *bytes, size_t len)
{
	enum dns_result rdata = DNS_OK, result;
	struct dns_message m;
	struct dns_record r;
	struct dns_walk walk;
	unsigned int n = 0;

	begin = bytes;
	size = len;
	result = dns_parse(kind, bytes, len, &m);
	CHECK(result == m.result && dns_result_name(result) && m.rcode < 4096);
	CHECK(result == DNS_OK || len < 12 || m.count[0] + m.count[1] + m.count[2] + m.count[3]);
	dns_walk_begin(&walk, &m);
	for (;;) {
		size_t at = walk.at.at ? (size_t)(walk.at.at - begin) : 0;
		uint8_t plain[256];
		int want;

		if (!dns_walk_next(&walk, &r))
			break;
		want = plain_name(at, at, 0, plain, 0);
		CHECK(want == r.name.len && !memcmp(plain, r.name.bytes, r.name.len));
		check_record(&r);
		if (rdata == DNS_OK)
			rdata = r.result;
		CHECK(n++ || r.section != DNS_QUESTION || (dns_name_equal(&r.name, &m.qname) && r.type == m.qtype));
	}
	CHECK(n == m.readable && n <= DNS_RECORDS_MAX);
	CHECK(walk.result != DNS_RDATA && (result != DNS_OK || (walk.result == DNS_OK && rdata == DNS_OK)));
	CHECK(result != DNS_OK || n == 0u + m.count[0] + m.count[1] + m.count[2] + m.count[3]);
	use(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct reader stream, part;
	uint8_t *copy, options;

	if (!len)
		return 0;
	options = data[0];
	copy = malloc(len - 1 + (len == 1));
	CHECK(copy);
	memcpy(copy, data + 1, len - 1);
	stream = (struct reader){ .at = copy, .left = len - 1 };
	if (options & 2)
		while (dns_stream_next(&stream, &part) == DNS_STREAM_MESSAGE)
			message(DNS_UNICAST, part.at, part.left);
	else
		message(options & 1 ? DNS_MULTICAST : DNS_UNICAST, copy, len - 1);
	free(copy);
	return 0;
}
