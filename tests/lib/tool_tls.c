/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tool_tls - hellos on standard input, a line each ("tcp|quic|dtls HEX"), their facts as JSON lines on standard output.
 *
 * "tool_tls bench N" reads them first, then parses each N times: nanoseconds a hello, beside the facts alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "base/writer.h"
#include "enrich/ja4.h"
#include "enrich/tls.h"
#include "enrich/tls_names.h"

#define LINE_MAX_BYTES	(2 * 70000)
#define HELLOS_MAX	4096

struct hello {
	enum tls_transport transport;
	size_t len;
	uint8_t *bytes;	/* of exactly that size */
};

static struct ja4 *ja4;

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static void put_bytes(struct writer *w, const char *key, struct tls_bytes bytes)
{
	writer_format(w, ", \"%s\": \"", key);
	writer_hex(w, bytes.at, bytes.len, 0);
	writer_text(w, "\"");
}

static void put_list(struct writer *w, const char *key, struct tls_bytes list)
{
	writer_format(w, ", \"%s\": [", key);
	for (size_t i = 0; i < tls_count(list); i++)
		writer_format(w, "%s\"0x%04x\"", i ? ", " : "", tls_at(list, i));
	writer_text(w, "]");
}

static void put_array(struct writer *w, const char *key, const uint16_t *list, size_t count)
{
	writer_format(w, ", \"%s\": [", key);
	for (size_t i = 0; i < count; i++)
		writer_format(w, "%s\"0x%04x\"", i ? ", " : "", list[i]);
	writer_text(w, "]");
}

static void put_alpn(struct writer *w, struct tls_bytes alpn)
{
	struct tls_bytes name;
	size_t at = 0;

	writer_text(w, ", \"alpn\": [");
	for (int n = 0; tls_alpn_next(alpn, &at, &name); n++) {
		writer_text(w, n ? ", \"" : "\"");
		writer_hex(w, name.at, name.len, 0);
		writer_text(w, "\"");
	}
	writer_text(w, "]");
}

static void put_client(struct writer *w, const struct hello *h)
{
	struct tls_client c;
	enum tls_result result = tls_client_hello(h->transport, h->bytes, h->len, &c);
	uint16_t version = tls_client_version(&c);
	char text[JA4_SIZE];
	int r = ja4_text(ja4, &c, text);

	writer_format(w, "{\"msg\": \"client_hello\", \"result\": \"%s\", \"legacy_version\": \"0x%04x\", \"ja4\": \"%s\", "
		      "\"ja4_error\": %d, \"ech\": %s, \"resumes\": %s, \"early_data\": %s, \"version_name\": \"%s\"",
		      tls_result_name(result), c.legacy_version, text, r, c.extensions.ech ? "true" : "false",
		      tls_client_resumes(&c) ? "true" : "false", c.early_data ? "true" : "false",
		      or_empty(tls_version_name(version)));
	put_bytes(w, "sni", c.sni);
	put_alpn(w, c.alpn);
	put_list(w, "ciphers", c.ciphers);
	put_list(w, "supported_versions", c.versions);
	put_list(w, "groups", c.groups);
	put_list(w, "sig_algs", c.signatures);
	put_array(w, "key_share_groups", c.key_share, c.key_shares);
	put_array(w, "extensions", c.extensions.type, c.extensions.count);
	writer_text(w, "}");
}

static void put_server(struct writer *w, const struct hello *h)
{
	struct tls_server s;
	enum tls_result result = tls_server_hello(h->transport, h->bytes, h->len, &s);

	writer_format(w, "{\"msg\": \"%s\", \"result\": \"%s\", \"legacy_version\": \"0x%04x\", \"version\": \"0x%04x\", "
		      "\"cipher\": \"0x%04x\", \"key_share\": \"0x%04x\", \"psk\": %s, \"version_name\": \"%s\", "
		      "\"cipher_name\": \"%s\", \"group_name\": \"%s\"",
		      s.hello_retry ? "hello_retry_request" : "server_hello", tls_result_name(result), s.legacy_version,
		      s.version, s.cipher, s.key_share, s.psk ? "true" : "false", or_empty(tls_version_name(s.version)),
		      or_empty(tls_cipher_name(s.cipher)), or_empty(tls_group_name(s.key_share)));
	put_bytes(w, "alpn_selected", s.alpn);
	put_array(w, "extensions", s.extensions.type, s.extensions.count);
	writer_text(w, "}");
}

static void put_hello(const struct hello *h)
{
	static char buffer[1 << 20];
	struct writer w = WRITER(buffer);

	if (h->len && h->bytes[0] == 2)
		put_server(&w, h);
	else
		put_client(&w, h);
	fwrite(w.buf, 1, w.len, stdout);
	putchar('\n');
}

static int read_hello(struct hello *h)
{
	static char line[LINE_MAX_BYTES + 16];
	char word[8], *hex;

	if (!fgets(line, sizeof(line), stdin))
		return 0;
	if (sscanf(line, "%7s", word) != 1)
		return 0;
	hex = line + strlen(word) + 1;
	h->transport = word[0] == 'q' ? TLS_ON_QUIC : word[0] == 'd' ? TLS_ON_DATAGRAMS : TLS_ON_TCP;
	h->len = strspn(hex, "0123456789abcdef") / 2;
	h->bytes = malloc(h->len + !h->len);
	for (size_t i = 0; i < h->len; i++) {
		unsigned int byte = 0;

		sscanf(hex + 2 * i, "%2x", &byte);
		h->bytes[i] = (uint8_t)byte;
	}
	return 1;
}

static void bench(int rounds)
{
	static struct hello hellos[HELLOS_MAX];
	struct tls_client c;
	char text[JA4_SIZE];
	size_t count = 0, clients = 0, bytes = 0;
	double start, facts, both, worst = 0;

	while (count < HELLOS_MAX && read_hello(&hellos[count]))
		if (hellos[count].len && hellos[count].bytes[0] == 1)
			bytes += hellos[count++].len;
	clients = count * (size_t)rounds;
	start = cpu_ns();
	for (int n = 0; n < rounds; n++)
		for (size_t i = 0; i < count; i++)
			tls_client_hello(hellos[i].transport, hellos[i].bytes, hellos[i].len, &c);
	facts = cpu_ns() - start;
	start = cpu_ns();
	for (int n = 0; n < rounds; n++)
		for (size_t i = 0; i < count; i++) {
			tls_client_hello(hellos[i].transport, hellos[i].bytes, hellos[i].len, &c);
			ja4_text(ja4, &c, text);
		}
	both = cpu_ns() - start;
	for (size_t i = 0; i < count; i++) {
		double one;

		start = cpu_ns();
		for (int n = 0; n < rounds; n++) {
			tls_client_hello(hellos[i].transport, hellos[i].bytes, hellos[i].len, &c);
			ja4_text(ja4, &c, text);
		}
		one = cpu_ns() - start;
		worst = MAX(worst, one / rounds);
	}
	printf("%zu hellos, %zu bytes each: facts %.0f ns, facts and JA4 %.0f ns, the dearest %.0f ns\n", count,
	       bytes / MAX(count, 1), facts / (double)clients, both / (double)clients, worst);
}

int main(int argc, char **argv)
{
	struct hello h;

	if (ja4_new(&ja4))
		return 1;
	if (argc > 2 && !strcmp(argv[1], "bench")) {
		bench(atoi(argv[2]));
		return 0;
	}
	while (read_hello(&h)) {
		put_hello(&h);
		free(h.bytes);
	}
	ja4_free(ja4);
	return 0;
}
