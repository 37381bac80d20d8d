/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tool_dns - DNS messages on standard input, a line each ("dns|mdns|tcp HEX"), a JSON line for each on standard output.
 *
 * tcp: one direction of a stream, "END" after its messages. "tool_dns bench N": each N times, nanoseconds a message.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "enrich/dns_learn.h"
#include "enrich/dns_match.h"

#define MESSAGES_MAX 4096

struct input {
	enum dns_kind kind;
	bool stream;
	size_t len;
	uint8_t *bytes;	/* of exactly that size */
};

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int read_input(struct input *in)
{
	static char line[2 * 1000000];
	char word[8], *hex;

	if (!fgets(line, sizeof(line), stdin) || sscanf(line, "%7s", word) != 1)
		return 0;
	hex = line + strlen(word) + 1;
	in->kind = word[0] == 'm' ? DNS_MULTICAST : DNS_UNICAST;
	in->stream = word[0] == 't';
	in->len = strspn(hex, "0123456789abcdef") / 2;
	in->bytes = malloc(in->len + !in->len);
	for (size_t i = 0; i < in->len; i++) {
		unsigned int byte = 0;

		sscanf(hex + 2 * i, "%2x", &byte);
		in->bytes[i] = (uint8_t)byte;
	}
	return 1;
}

static void put_hex(const char *key, const uint8_t *bytes, size_t len)
{
	printf(", \"%s\": \"", key);
	for (size_t i = 0; i < len; i++)
		printf("%02x", bytes[i]);
	printf("\"");
}

static void put_name(const char *key, const struct dns_name *name)
{
	char text[DNS_NAME_TEXT_SIZE];

	put_hex(key, (const uint8_t *)text, dns_name_text(name, text));
}

static void put_message(enum dns_kind kind, const uint8_t *bytes, size_t len)
{
	struct dns_message m;
	struct dns_record r;
	struct dns_walk walk;
	int n = 0;

	dns_parse(kind, bytes, len, &m);
	printf("{\"result\": \"%s\", \"id\": %u, \"response\": %d, \"opcode\": %u, \"rcode\": %u, \"truncated\": %d, "
	       "\"edns\": %d, \"counts\": [%u, %u, %u, %u], \"records\": [", dns_result_name(m.result), m.id, m.response,
	       m.opcode, m.rcode, m.truncated, m.edns, m.count[0], m.count[1], m.count[2], m.count[3]);
	dns_walk_begin(&walk, &m);
	while (dns_walk_next(&walk, &r)) {
		printf("%s{\"section\": %d, \"type\": %u, \"class\": %u, \"ttl\": %u", n++ ? ", " : "", r.section, r.type,
		       r.class, r.ttl_s);
		put_name("name", &r.name);
		put_name("target", &r.target);
		put_hex("address", r.address.at, r.address.left);
		put_hex("hints4", r.hints4.at, r.hints4.left);
		put_hex("hints6", r.hints6.at, r.hints6.left);
		put_hex("alpn", r.alpn.at, r.alpn.left);
		printf(", \"priority\": %u, \"port\": %u}", r.priority, r.port);
	}
	printf("]}\n");
}

static void put_stream(const struct input *in)
{
	struct reader r = { .at = in->bytes, .left = in->len }, part;

	while (dns_stream_next(&r, &part) == DNS_STREAM_MESSAGE)
		put_message(DNS_UNICAST, part.at, part.left);
	puts("\"END\"");
}

/* Answers under one query's id and name would only be strays: each message is a query first, then what it is. */
static void bench(int rounds)
{
	static struct input in[MESSAGES_MAX];
	struct siphash_key seed = { { 1, 2 } };
	struct dns_match_flow flow = { .client_port = 1, .resolver_port = 53, .proto = 17 };
	uint32_t server[4] = { 0, 0, htonl(0xffff), 1 };
	struct dns_match_transaction done;
	struct dns_names_found found;
	struct dns_match *match;
	struct dns_names *names;
	struct dns_message m;
	size_t count = 0, bytes = 0, records = 0;
	double start, parse, both, learn, look, messages;

	if (dns_match_new(&match, DNS_MATCH_WAITING, seed) || dns_names_new(&names, DNS_NAMES_MEMORY_BYTES, seed))
		exit(1);
	while (count < MESSAGES_MAX && read_input(&in[count]))
		bytes += in[count++].len;
	messages = (double)count * rounds;
	start = cpu_ns();
	for (int n = 0; n < rounds; n++)
		for (size_t i = 0; i < count; i++) {
			dns_parse(in[i].kind, in[i].bytes, in[i].len, &m);
			records += m.readable;
		}
	parse = cpu_ns() - start;
	start = cpu_ns();
	for (int n = 0; n < rounds; n++)
		for (size_t i = 0; i < count; i++) {
			dns_parse(in[i].kind, in[i].bytes, in[i].len, &m);
			m.response = n & 1;
			dns_match_add(match, &flow, &m, (uint64_t)n * 1000000, &done);
		}
	both = cpu_ns() - start;
	start = cpu_ns();
	for (int n = 0; n < rounds; n++)
		for (size_t i = 0; i < count; i++) {
			dns_parse(in[i].kind, in[i].bytes, in[i].len, &m);
			flow.client[3] = (uint32_t)n;
			dns_learn(names, flow.client, &m, (uint64_t)n * 1000000);
		}
	learn = cpu_ns() - start;
	start = cpu_ns();
	for (int n = 0; n < 1000000; n++) {
		flow.client[3] = (uint32_t)n;
		dns_names_lookup(names, flow.client, server, 1000, &found);
	}
	look = cpu_ns() - start;
	printf("%zu messages, %zu bytes and %.1f records each: parse %.0f ns, and match %.0f ns, parse and learn %.0f ns; "
	       "lookup that misses %.0f ns; %zu of %zu entries\n", count, bytes / MAX(count, 1), (double)records / messages,
	       parse / messages, both / messages, learn / messages, look / 1e6, dns_names_used(names), dns_names_room(names));
}

int main(int argc, char **argv)
{
	struct input in;

	if (argc > 2 && !strcmp(argv[1], "bench")) {
		bench(atoi(argv[2]));
		return 0;
	}
	while (read_input(&in)) {
		if (in.stream)
			put_stream(&in);
		else
			put_message(in.kind, in.bytes, in.len);
		free(in.bytes);
	}
	return 0;
}
