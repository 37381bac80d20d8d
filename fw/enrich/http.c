/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/http.h"

#include <string.h>
#include <strings.h>

#include "base/reader.h"
#include "base/util.h"

#define PREFACE		"PRI * HTTP/2.0\r\n"
#define VERSION		"HTTP/1."
#define STATUS_LINE	12	/* "HTTP/1.1 200" */

static const char *const METHODS[] = {
	NULL,
#define X(id, text) text,
	HTTP_METHODS(X)
#undef X
};

const char *http_method_name(unsigned int method)
{
	return method < ARRAY_SIZE(METHODS) ? METHODS[method] : NULL;
}

static bool begins(struct tls_bytes text, const char *with)
{
	return text.len >= strlen(with) && !memcmp(text.at, with, strlen(with));
}

/* All of it, or all of @with, agrees. */
static bool may_begin(const uint8_t *bytes, size_t len, const char *with)
{
	return !memcmp(bytes, with, MIN(len, strlen(with)));
}

/* The method and the blank behind it; 0: none; *@ret_may: what is here can become one. */
static enum http_method method_of(const uint8_t *bytes, size_t len, size_t *ret_len, bool *ret_may)
{
	*ret_may = false;
	for (unsigned int i = 1; i < HTTP_METHOD_N; i++) {
		const size_t n = strlen(METHODS[i]);

		if (len > n && !memcmp(bytes, METHODS[i], n) && bytes[n] == ' ') {
			*ret_len = n + 1;
			return (enum http_method)i;
		}
		*ret_may |= len <= n && may_begin(bytes, len, METHODS[i]);
	}
	return HTTP_NO_METHOD;
}

/* The next line, its end left out. False: it has none yet. */
static bool next_line(struct reader *r, struct tls_bytes *ret_line)
{
	const uint8_t *end = r->left ? memchr(r->at, '\n', r->left) : NULL;
	size_t len;

	if (!end)
		return false;
	len = (size_t)(end - r->at);
	*ret_line = (struct tls_bytes){ reader_bytes(r, len + 1), len };
	if (len && ret_line->at[len - 1] == '\r')
		ret_line->len--;
	return true;
}

static struct tls_bytes trim(struct tls_bytes text)
{
	while (text.len && (text.at[0] == ' ' || text.at[0] == '\t')) {
		text.at++;
		text.len--;
	}
	while (text.len && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
		text.len--;
	return text;
}

/* uri-host of "host:port" (RFC 9110 7.2): without the port, without the brackets of an IPv6 literal. */
static struct tls_bytes host_of(struct tls_bytes text)
{
	const uint8_t *end;

	if (text.len && text.at[0] == '[') {
		end = memchr(text.at, ']', text.len);
		text = end ? (struct tls_bytes){ text.at + 1, (size_t)(end - text.at) - 1 } : (struct tls_bytes){ 0 };
	} else if (text.len) {
		end = memchr(text.at, ':', text.len);
		text.len = end ? (size_t)(end - text.at) : text.len;
	}
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] <= ' ' || text.at[i] >= 0x7f)
			return (struct tls_bytes){ 0 };
	return text.len <= HTTP_HOST_MAX ? text : (struct tls_bytes){ 0 };
}

/* Host of a request target in absolute form (RFC 9112 3.2.2), or in authority form for CONNECT (3.2.3). */
static struct tls_bytes target_host(struct tls_bytes target, bool connect)
{
	size_t skip = 0, len = 0;

	if (!connect) {
		skip = begins(target, "http://") ? 7 : begins(target, "https://") ? 8 : 0;
		if (!skip)
			return (struct tls_bytes){ 0 };
	}
	while (skip + len < target.len && target.at[skip + len] != '/' && target.at[skip + len] != '?')
		len++;
	return host_of((struct tls_bytes){ target.at + skip, len });
}

/* request-line: method SP target SP version. False: it is none. */
static bool request_line(struct tls_bytes line, size_t method_len, struct http_request *request)
{
	const size_t version_len = strlen(VERSION) + 1;
	struct tls_bytes target;

	if (line.len < method_len + 1 + 1 + version_len)
		return false;
	target = (struct tls_bytes){ line.at + method_len, line.len - method_len - version_len - 1 };
	if (target.at[target.len] != ' ' || memcmp(target.at + target.len + 1, VERSION, strlen(VERSION)))
		return false;
	request->minor = (uint8_t)(line.at[line.len - 1] - '0');
	if (request->minor > 9)
		return false;
	request->host = target_host(target, request->method == HTTP_CONNECT);
	return true;
}

/* field-line (RFC 9112 5); one that begins with a blank goes on from the line before (5.2), and is stepped over. */
static bool field_line(struct tls_bytes line, struct http_request *request)
{
	const uint8_t *colon = memchr(line.at, ':', line.len);
	struct tls_bytes value;

	if (line.at[0] == ' ' || line.at[0] == '\t')
		return true;
	if (!colon || colon == line.at)
		return false;
	value = trim((struct tls_bytes){ colon + 1, line.len - (size_t)(colon + 1 - line.at) });
	if (colon - line.at == 4 && !strncasecmp((const char *)line.at, "host", 4) && !request->host.len)
		request->host = host_of(value);
	else if (colon - line.at == 7 && !strncasecmp((const char *)line.at, "upgrade", 7))
		request->upgrade = value;
	return true;
}

enum http_result http_request(const uint8_t *bytes, size_t len, struct http_request *ret_request)
{
	struct reader r = { .at = bytes, .left = MIN(len, HTTP_HEAD_MAX) };
	struct tls_bytes line;
	size_t method_len = 0;
	bool may;

	*ret_request = (struct http_request){ .method = method_of(bytes, len, &method_len, &may) };
	if (!ret_request->method) {
		if (len >= strlen(PREFACE) && may_begin(bytes, len, PREFACE))
			ret_request->h2_preface = true;
		else if (may || may_begin(bytes, len, PREFACE))
			return HTTP_MORE;
		return HTTP_NOT_HTTP;
	}
	if (!next_line(&r, &line))
		return len >= HTTP_HEAD_MAX ? HTTP_TOO_LONG : HTTP_MORE;
	if (!request_line(line, method_len, ret_request))
		return HTTP_NOT_HTTP;
	while (next_line(&r, &line)) {
		if (!line.len) {
			ret_request->head_len = (size_t)(r.at - bytes);
			return HTTP_WHOLE;
		}
		if (!field_line(line, ret_request))
			return HTTP_BAD;
	}
	return len >= HTTP_HEAD_MAX ? HTTP_TOO_LONG : HTTP_MORE;
}

enum http_result http_response(const uint8_t *bytes, size_t len, struct http_response *ret_response)
{
	struct reader r = { .at = bytes, .left = MIN(len, HTTP_HEAD_MAX) };
	struct tls_bytes line;
	unsigned int status = 0;

	*ret_response = (struct http_response){ 0 };
	if (!may_begin(bytes, len, VERSION))
		return HTTP_NOT_HTTP;
	if (len < STATUS_LINE)
		return HTTP_MORE;
	for (size_t i = 9; i < STATUS_LINE; i++) {
		if (bytes[i] < '0' || bytes[i] > '9')
			return HTTP_NOT_HTTP;
		status = status * 10 + bytes[i] - '0';
	}
	if (bytes[7] < '0' || bytes[7] > '9' || bytes[8] != ' ' || status < 100 || status > 599)
		return HTTP_NOT_HTTP;
	*ret_response = (struct http_response){ .status = (uint16_t)status, .minor = (uint8_t)(bytes[7] - '0'),
						.interim = status < 200 && status != 101 };
	while (next_line(&r, &line))
		if (!line.len) {
			ret_response->head_len = (size_t)(r.at - bytes);
			return HTTP_WHOLE;
		}
	return len >= HTTP_HEAD_MAX ? HTTP_TOO_LONG : HTTP_MORE;
}
