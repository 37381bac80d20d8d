/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_clear - any two streams, asked once and while they grow: offsets lie inside, nothing is read beyond an end, and an
 * answer that was given does not depend on how often was asked.
 *
 * Input: a length (2), that many bytes of the client, the rest of the server.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "enrich/clear.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_clear: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

static enum clear_result look(struct clear *c, const uint8_t *client, size_t client_len, const uint8_t *server, size_t server_len)
{
	uint8_t *a = malloc(client_len + !client_len), *b = malloc(server_len + !server_len);
	struct tls_bytes target;
	enum clear_result result;

	CHECK(a && b);
	memcpy(a, client, client_len);
	memcpy(b, server, server_len);
	result = clear_look(c, (struct tls_bytes){ a, client_len }, (struct tls_bytes){ b, server_len });
	CHECK(c->protocol < CLEAR_PROTOCOL_N);
	target = clear_target(c, (struct tls_bytes){ a, client_len });
	CHECK(!target.len || (target.at >= a && target.at + target.len <= a + client_len));
	if (result == CLEAR_TLS) {
		CHECK(c->client_at < client_len && a[c->client_at] == 22);
		CHECK(c->server_at <= server_len);
	}
	free(a);
	free(b);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct clear once = { 0 }, grown = { 0 };
	enum clear_result result, last = CLEAR_MORE;
	size_t client;

	if (len < 2)
		return 0;
	client = MIN((size_t)(data[0] | data[1] << 8), len - 2);
	data += 2;
	len -= 2;
	result = look(&once, data, client, data + client, len - client);
	for (size_t at = 1; at <= client && last == CLEAR_MORE; at += 1 + at / 8)
		last = look(&grown, data, at, data + client, len - client);
	if (last == CLEAR_MORE)
		last = look(&grown, data, client, data + client, len - client);
	if (result == CLEAR_TLS && last == CLEAR_TLS && once.protocol == grown.protocol)
		CHECK(once.client_at == grown.client_at);
	return 0;
}
