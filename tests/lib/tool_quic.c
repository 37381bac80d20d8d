/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tool_quic - UDP payloads on standard input, a line each ("FLOW DIRECTION HEX"), a JSON line for each on standard
 * output: its result, and the facts of a hello.
 *
 * "tool_quic bench N" reads them first, then runs the client's datagrams that give a hello, and those before it of the
 * same flow, N times: nanoseconds a datagram.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "base/writer.h"
#include "enrich/quic.h"

#define FLOWS_MAX	4096
#define DATAGRAMS_MAX	8192

struct datagram {
	unsigned int flow, direction;
	size_t len;
	uint8_t *bytes;	/* of exactly that size */
};

static struct quic_pool *pool;
static struct quic flows[FLOWS_MAX];

static bool read_datagram(struct datagram *d)
{
	static char line[2 * 65536 + 64];
	int hex_at = 0;

	if (!fgets(line, sizeof(line), stdin) || sscanf(line, "%u %u %n", &d->flow, &d->direction, &hex_at) < 2 || !hex_at)
		return false;
	if (d->flow >= FLOWS_MAX || d->direction > 1)
		return false;
	d->len = strspn(line + hex_at, "0123456789abcdef") / 2;
	d->bytes = malloc(d->len + !d->len);
	for (size_t i = 0; i < d->len; i++) {
		unsigned int byte = 0;

		sscanf(line + hex_at + 2 * i, "%2x", &byte);
		d->bytes[i] = (uint8_t)byte;
	}
	return true;
}

static void put_hex(struct writer *w, const char *key, struct tls_bytes bytes)
{
	writer_format(w, ", \"%s\": \"", key);
	writer_hex(w, bytes.at, bytes.len, 0);
	writer_text(w, "\"");
}

static void put_client(struct writer *w, const struct quic_facts *f)
{
	struct tls_bytes name;
	size_t at = 0;

	put_hex(w, "sni", f->client.sni);
	writer_format(w, ", \"ja4\": \"%s\", \"alpn\": [", f->ja4);
	for (int n = 0; tls_alpn_next(f->client.alpn, &at, &name); n++) {
		writer_text(w, n ? ", \"" : "\"");
		writer_hex(w, name.at, name.len, 0);
		writer_text(w, "\"");
	}
	writer_text(w, "]");
}

static void put_facts(const struct datagram *d, enum quic_result result, const struct quic_facts *f)
{
	static char buffer[1 << 20];
	struct writer w = WRITER(buffer);

	writer_format(&w, "{\"result\": \"%s\", \"status\": \"%s\", \"version\": \"0x%08x\", \"connection\": %u",
		      quic_result_name(result), quic_name_status(&flows[d->flow]), f->version, f->connection);
	if (f->has_client)
		put_client(&w, f);
	if (f->has_server)
		writer_format(&w, ", \"cipher\": \"0x%04x\", \"tls_version\": \"0x%04x\", \"hello_retry\": %s", f->server.cipher,
			      f->server.version, f->server.hello_retry ? "true" : "false");
	writer_format(&w, ", \"tls\": \"%s\"}\n", tls_result_name(f->tls));
	fwrite(w.buf, 1, w.len, stdout);
}

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void bench(int rounds)
{
	static struct datagram all[DATAGRAMS_MAX], hellos[DATAGRAMS_MAX];
	static bool done[FLOWS_MAX];
	struct quic_facts facts;
	size_t count = 0, n = 0, servers = 0;
	double start, ns;

	while (count < DATAGRAMS_MAX && read_datagram(&all[count]))
		count++;
	for (size_t i = 0; i < count; i++) {	/* what a flow sends until its hello is whole */
		enum quic_result result;

		if (done[all[i].flow])
			continue;
		result = quic_datagram(pool, &flows[all[i].flow], all[i].direction, all[i].bytes, all[i].len, &facts);
		done[all[i].flow] = result == QUIC_HELLO;
		if (result == QUIC_HELLO || result == QUIC_MORE)
			hellos[n++] = all[i];
	}
	for (size_t i = 0; i < FLOWS_MAX; i++)
		quic_end(pool, &flows[i]);
	start = cpu_ns();
	for (int r = 0; r < rounds; r++) {
		for (size_t i = 0; i < n; i++)
			servers += quic_datagram(pool, &flows[hellos[i].flow], hellos[i].direction, hellos[i].bytes, hellos[i].len,
						 &facts) == QUIC_HELLO;
		for (size_t i = 0; i < n; i++)
			quic_end(pool, &flows[hellos[i].flow]);
	}
	ns = cpu_ns() - start;
	printf("%zu Initial datagrams with %zu hellos: %.0f ns a datagram, %.0f ns a hello\n", n, servers / (size_t)MAX(rounds, 1),
	       ns / (double)n / rounds, ns / (double)MAX(servers, 1));
}

int main(int argc, char **argv)
{
	const struct quic_limits limits = { .connections = 1024, .crypto_bytes = 32 << 20 };
	struct quic_facts facts;
	struct datagram d;

	if (quic_pool_new(&pool, &limits))
		return 1;
	if (argc > 2 && !strcmp(argv[1], "bench")) {
		bench(atoi(argv[2]));
		return 0;
	}
	while (read_datagram(&d)) {
		put_facts(&d, quic_datagram(pool, &flows[d.flow], d.direction, d.bytes, d.len, &facts), &facts);
		free(d.bytes);
	}
	quic_pool_free(pool);
	return 0;
}
