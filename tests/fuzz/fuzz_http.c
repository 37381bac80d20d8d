/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_http - any bytes as a request, as a response: what is said of a beginning holds for all of it; nothing of path or
 * query is handed out; the end of a head is where a plain search has it, in pieces too. Input: the bytes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/http.h"

#define CUTS 24 /* beginnings tried beside the shortest ones */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_http: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

/* Where the first empty line behind another one ends; 0: nowhere. */
static size_t plain_head_len(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++) {
		if (bytes[i] != '\n')
			continue;
		if (bytes[i + 1] == '\n')
			return i + 2;
		if (i + 2 < len && bytes[i + 1] == '\r' && bytes[i + 2] == '\n')
			return i + 3;
	}
	return 0;
}

static void check_text(struct tls_bytes s, const uint8_t *from, const uint8_t *to)
{
	CHECK(!s.len || (s.at >= from && s.at < to && s.len <= (size_t)(to - s.at)));
	for (size_t i = 0; i < s.len; i++)
		CHECK(s.at[i] == '\t' || (s.at[i] >= ' ' && s.at[i] != 0x7f));
}

static void check_host(struct tls_bytes s, const uint8_t *from, const uint8_t *to)
{
	check_text(s, from, to);
	CHECK(s.len <= HTTP_HOST_MAX);
	for (size_t i = 0; i < s.len; i++)
		CHECK(s.at[i] > ' ' && s.at[i] < 0x7f && !strchr("/?#@[]\\", s.at[i]));
}

static void check_request(const uint8_t *bytes, size_t len, enum http_result result, const struct http_request *r)
{
	const uint8_t *end = bytes + r->head_len, *line = bytes;

	CHECK(http_method_name(r->method) && (!r->h2_preface || result == HTTP_NOT_HTTP));
	CHECK((result == HTTP_HEAD) == (r->head_len != 0));
	if (result != HTTP_HEAD) {
		CHECK(!r->host.len && !r->target_host.len && !r->user_agent.len && !r->upgrade.len);
		return;
	}
	CHECK(r->head_len <= HTTP_HEAD_MAX && r->head_len == plain_head_len(bytes, len));
	if (*line == '\n' || *line == '\r')
		line = (uint8_t *)memchr(bytes, '\n', len) + 1;
	check_host(r->host, bytes, end);
	check_host(r->target_host, bytes, end);
	line = (uint8_t *)memchr(line, '\n', (size_t)(end - line)) + 1;
	check_text(r->user_agent, line, end);
	check_text(r->upgrade, line, end);
	CHECK((r->method == HTTP_METHOD_CONNECT) == (r->target_host.len && r->target_port));
}

static void check_response(const uint8_t *bytes, size_t len, enum http_result result, const struct http_response *r)
{
	CHECK((result == HTTP_HEAD) == (r->head_len != 0) && r->content_length >= -1);
	if (result == HTTP_HEAD)
		CHECK(r->head_len <= HTTP_HEAD_MAX && r->head_len == plain_head_len(bytes, len) && r->status >= 100 &&
		      r->status <= 599 && (!r->interim || r->status < 200));
}

static uint8_t *exactly(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len + !len);

	CHECK(copy);
	memcpy(copy, data, len);
	return copy;
}

static void beginning(const uint8_t *data, size_t cut, enum http_result request, enum http_result response)
{
	uint8_t *copy = exactly(data, cut);
	struct http_response resp;
	struct http_request req;
	enum http_result result = http_request(copy, cut, &req);

	CHECK(result == HTTP_MORE || result == request);
	check_request(copy, cut, result, &req);
	result = http_response(copy, cut, &resp);
	CHECK(result == HTTP_MORE || result == response);
	check_response(copy, cut, result, &resp);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *copy = exactly(data, len);
	struct http_response resp;
	struct http_request req;
	enum http_result request = http_request(copy, len, &req), response = http_response(copy, len, &resp);
	size_t looked = 0, found = 0;

	check_request(copy, len, request, &req);
	check_response(copy, len, response, &resp);
	CHECK(len < HTTP_HEAD_MAX || (request != HTTP_MORE && response != HTTP_MORE));
	for (size_t cut = 0; cut < len; cut += cut < CUTS ? 1 : 1 + len / CUTS) {
		size_t before = looked;

		beginning(data, cut, request, response);
		if (!found)
			found = http_head_len(copy, cut, &looked);
		CHECK(looked >= before && looked <= cut);
	}
	if (!found)
		found = http_head_len(copy, len, &looked);
	CHECK(found == plain_head_len(copy, len));
	free(copy);
	return 0;
}
