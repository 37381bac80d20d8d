/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/http.h"

#include "enrich/slice.h"

#define H2_PREFACE	  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define VERSION		  " HTTP/d.d" /* d: a digit */
#define STATUS		  "HTTP/1.d ddd"
#define LENGTH_DIGITS_MAX 15 /* of Content-Length: far from overflow */

/* Fields that are looked at. */
#define FIELDS(X) \
	X(HOST, "host") \
	X(UPGRADE, "upgrade") \
	X(USER_AGENT, "user-agent") \
	X(CONTENT_LENGTH, "content-length") \
	X(TRANSFER_ENCODING, "transfer-encoding")

enum field_name {
#define X(name, text) FIELD_##name,
	FIELDS(X)
#undef X
	FIELD_NAMES
};

struct field {
	size_t count;		/* how often it was there */
	struct tls_bytes value; /* the first one; empty when it was folded */
};

struct request_line {
	struct tls_bytes method, target;
	uint8_t version_minor;
	size_t len; /* with its end */
};

const char *http_method_name(enum http_method method)
{
	static const char *const NAMES[] = {
#define X(name, text) [HTTP_METHOD_##name] = text,
		HTTP_METHODS(X)
#undef X
	};

	return NAMES[method];
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
	return slice_lower(c) >= 'a' && slice_lower(c) <= 'z';
}

static bool is_control(uint8_t c)
{
	return c < ' ' || c == 0x7f;
}

static bool is_one_of(uint8_t c, const char *set)
{
	return c && strchr(set, c);
}

/* RFC 9110 5.6.2 */
static bool is_token(struct tls_bytes s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_digit(s.at[i]) && !is_letter(s.at[i]) && !is_one_of(s.at[i], "!#$%&'*+-.^_`|~"))
			return false;
	return s.len;
}

static bool is_host(struct tls_bytes s, const char *marks)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_digit(s.at[i]) && !is_letter(s.at[i]) && !is_one_of(s.at[i], marks))
			return false;
	return s.len && s.len <= HTTP_HOST_MAX;
}

bool http_is_host(struct tls_bytes text)
{
	return is_host(text, "-._~%!$&'()*+,;=");
}

/* host [ ":" [ port ] ], RFC 3986 3.2; @ret_port 0: none. */
static bool read_authority(struct tls_bytes s, struct tls_bytes *ret_host, uint16_t *ret_port)
{
	bool literal = slice_begins(s, "[");
	size_t end = slice_find(s, 0, literal ? ']' : ':');
	struct tls_bytes host = slice_part(s, literal, end - literal);
	struct tls_bytes rest = slice_from(s, end + literal);
	uint32_t port = 0;

	if (literal ? end == s.len || !is_host(host, ":.%-_~") : !http_is_host(host))
		return false;
	if (rest.len && rest.at[0] != ':')
		return false;
	for (size_t i = 1; i < rest.len; i++) {
		if (!is_digit(rest.at[i]))
			return false;
		port = port * 10 + rest.at[i] - '0';
		if (port > UINT16_MAX)
			return false;
	}
	*ret_host = host;
	*ret_port = (uint16_t)port;
	return true;
}

/* The authority of scheme "://" authority ..., without the user's name; false: @target is of another form. */
static bool read_absolute(struct tls_bytes target, struct tls_bytes *ret_authority)
{
	size_t colon = slice_find(target, 0, ':'), end = 0, begin = 0;
	struct tls_bytes rest = slice_from(target, colon);

	if (!is_token(slice_part(target, 0, colon)) || !slice_begins(rest, "://"))
		return false;
	rest = slice_from(rest, 3);
	for (; end < rest.len && !is_one_of(rest.at[end], "/?#"); end++)
		if (rest.at[end] == '@')
			begin = end + 1;
	*ret_authority = slice_part(rest, begin, end - begin);
	return true;
}

/* The line that begins at @at, without LF or CRLF; @at then stands behind it. There is one. */
static struct tls_bytes next_line(struct tls_bytes s, size_t *at)
{
	size_t end = slice_find(s, *at, '\n');
	struct tls_bytes line = slice_part(s, *at, end - *at);

	*at = end + 1;
	if (line.len && line.at[line.len - 1] == '\r')
		line.len--;
	return line;
}

size_t http_head_len(const uint8_t *bytes, size_t len, size_t *looked)
{
	struct tls_bytes s = { bytes, len };
	size_t at = *looked;

	while ((at = slice_find(s, at, '\n')) < len) {
		struct tls_bytes next = slice_part(s, at + 1, 2);

		if (slice_begins(next, "\n"))
			return at + 2;
		if (slice_begins(next, "\r\n"))
			return at + 3;
		if (slice_may_begin(next, "\r\n")) /* the end may be to come */
			break;
		at++;
	}
	*looked = at;
	return 0;
}

/* Lines between the first one and the empty one. */
static bool read_fields(struct tls_bytes head, size_t at, struct field field[FIELD_NAMES])
{
	static const char *const NAMES[] = {
#define X(name, text) [FIELD_##name] = text,
		FIELDS(X)
#undef X
	};
	struct field *last = NULL;
	struct tls_bytes line;

	while (line = next_line(head, &at), line.len) {
		size_t colon = slice_find(line, 0, ':');
		struct tls_bytes name = slice_part(line, 0, colon);

		if (slice_find(line, 0, '\r') < line.len || slice_find(line, 0, 0) < line.len) /* RFC 9110 5.5 */
			return false;
		if (line.at[0] == ' ' || line.at[0] == '\t') { /* behind the first line: RFC 9112 2.2, to be ignored */
			if (last)
				last->value.len = 0;
			continue;
		}
		if (colon == line.len || !is_token(name))
			return false;
		last = NULL;
		for (size_t i = 0; i < FIELD_NAMES; i++) {
			if (!slice_is_nocase(name, NAMES[i]))
				continue;
			if (!field[i].count++) {
				field[i].value = slice_trim(slice_from(line, colon + 1));
				last = &field[i];
			}
		}
	}
	return true;
}

/* A value that can be shown. */
static struct tls_bytes clean(struct tls_bytes s)
{
	for (size_t i = 0; i < s.len; i++)
		if (is_control(s.at[i]) && s.at[i] != '\t')
			return (struct tls_bytes){ 0 };
	return s.len ? s : (struct tls_bytes){ 0 };
}

/* Digits where @pattern has a d, else its bytes; returns how many fit. */
static size_t fits(struct tls_bytes s, const char *pattern)
{
	size_t n = 0;

	while (n < s.len && pattern[n] && (pattern[n] == 'd' ? is_digit(s.at[n]) : s.at[n] == (uint8_t)pattern[n]))
		n++;
	return n;
}

/* RFC 9112 3. HTTP_HEAD: all of the line is there. */
static enum http_result read_request_line(struct tls_bytes s, struct request_line *line)
{
	struct tls_bytes rest, version;
	size_t n = 0, end;

	while (n < s.len && n <= HTTP_METHOD_MAX && ((s.at[n] >= 'A' && s.at[n] <= 'Z') || is_one_of(s.at[n], "-_")))
		n++;
	if (n > HTTP_METHOD_MAX)
		return HTTP_NOT_HTTP;
	if (n == s.len)
		return HTTP_MORE;
	if (!n || s.at[n] != ' ')
		return HTTP_NOT_HTTP;
	for (end = n + 1; end < s.len && s.at[end] != '\n'; end++)
		if (is_control(s.at[end]) && !(s.at[end] == '\r' && slice_may_begin(slice_from(s, end), "\r\n")))
			return HTTP_NOT_HTTP;
	if (end == s.len)
		return HTTP_MORE;
	line->method = slice_part(s, 0, n);
	line->len = 0;
	rest = slice_trim(slice_from(next_line(s, &line->len), n + 1));
	if (rest.len < strlen(VERSION) + 1)
		return HTTP_NOT_HTTP;
	version = slice_from(rest, rest.len - strlen(VERSION));
	if (fits(version, VERSION) < strlen(VERSION)) /* RTSP, SIP and such have lines that are much alike */
		return HTTP_NOT_HTTP;
	if (version.at[6] != '1')
		return HTTP_BAD;
	line->version_minor = version.at[8] - '0';
	line->target = slice_part(rest, 0, rest.len - strlen(VERSION));
	return HTTP_HEAD;
}

static enum http_method find_method(struct tls_bytes s)
{
	for (enum http_method m = HTTP_METHOD_GET; m <= HTTP_METHOD_UNSUBSCRIBE; m++)
		if (s.len == strlen(http_method_name(m)) && slice_begins(s, http_method_name(m)))
			return m;
	return HTTP_METHOD_OTHER;
}

/* RFC 9112 3.2, 3.3; false: a target without which CONNECT has no sense. */
static bool take_hosts(struct http_request *ret, struct tls_bytes target, const struct field *host)
{
	struct tls_bytes authority, target_host;
	uint16_t port;

	if (ret->method == HTTP_METHOD_CONNECT) {
		if (!read_authority(target, &target_host, &port) || !port)
			return false;
		ret->target_host = target_host;
		ret->target_port = port;
	} else if (read_absolute(target, &authority)) {
		read_authority(authority, &ret->host, &port);
		return true;
	}
	if (host->count == 1) /* of two, nobody knows which one counts */
		read_authority(host->value, &ret->host, &port);
	return true;
}

enum http_result http_request(const uint8_t *bytes, size_t len, struct http_request *ret)
{
	struct tls_bytes all = { bytes, MIN(len, HTTP_HEAD_MAX) };
	struct field field[FIELD_NAMES] = { 0 };
	struct request_line line;
	enum http_result result;
	size_t begin = 0, looked = 0, head_len;

	*ret = (struct http_request){ 0 };
	if (slice_begins(all, "\n") || slice_begins(all, "\r\n"))
		begin = all.at[0] == '\r' ? 2 : 1;
	else if (slice_may_begin(all, "\r\n"))	/* or nothing yet */
		return HTTP_MORE;
	if (slice_may_begin(all, H2_PREFACE)) {
		ret->h2_preface = all.len >= strlen(H2_PREFACE);
		return ret->h2_preface ? HTTP_NOT_HTTP : HTTP_MORE;
	}
	result = read_request_line(slice_from(all, begin), &line);
	if (result != HTTP_HEAD)
		return result == HTTP_MORE && len >= HTTP_HEAD_MAX ? HTTP_TOO_LONG : result;
	head_len = http_head_len(all.at, all.len, &looked);
	if (!head_len)
		return len >= HTTP_HEAD_MAX ? HTTP_TOO_LONG : HTTP_MORE;
	ret->method = find_method(line.method);
	ret->version_minor = line.version_minor;
	all.len = head_len;
	if (!read_fields(all, begin + line.len, field) || !take_hosts(ret, line.target, &field[FIELD_HOST]))
		return HTTP_BAD;
	ret->head_len = head_len;
	ret->upgrade = clean(field[FIELD_UPGRADE].value);
	ret->user_agent = clean(field[FIELD_USER_AGENT].value);
	return HTTP_HEAD;
}

/* RFC 9112 6.3: without Transfer-Encoding, and said once. */
static int64_t read_length(const struct field field[FIELD_NAMES])
{
	struct tls_bytes s = field[FIELD_CONTENT_LENGTH].value;
	int64_t length = 0;

	if (field[FIELD_TRANSFER_ENCODING].count || field[FIELD_CONTENT_LENGTH].count != 1)
		return -1;
	if (!s.len || s.len > LENGTH_DIGITS_MAX)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		if (!is_digit(s.at[i]))
			return -1;
		length = length * 10 + s.at[i] - '0';
	}
	return length;
}

enum http_result http_response(const uint8_t *bytes, size_t len, struct http_response *ret)
{
	struct tls_bytes all = { bytes, MIN(len, HTTP_HEAD_MAX) };
	struct field field[FIELD_NAMES] = { 0 };
	size_t n = fits(all, STATUS), at = 0, looked = 0, head_len;
	uint16_t status;

	*ret = (struct http_response){ .content_length = -1 };
	if (n < strlen(STATUS) && n < all.len)
		return n < strlen("HTTP/") ? HTTP_NOT_HTTP : HTTP_BAD;
	if (n == all.len)
		return HTTP_MORE;
	status = (uint16_t)((all.at[9] - '0') * 100 + (all.at[10] - '0') * 10 + all.at[11] - '0');
	if (!is_one_of(all.at[n], " \r\n") || status < 100 || status > 599)
		return HTTP_BAD;
	head_len = http_head_len(all.at, all.len, &looked);
	if (!head_len)
		return len >= HTTP_HEAD_MAX ? HTTP_TOO_LONG : HTTP_MORE;
	all.len = head_len;
	next_line(all, &at); /* its end: the reason, RFC 9112 4, to be ignored */
	if (!read_fields(all, at, field))
		return HTTP_BAD;
	ret->status = status;
	ret->version_minor = all.at[7] - '0';
	ret->interim = status < 200 && status != 101;
	ret->head_len = head_len;
	ret->content_length = read_length(field);
	return HTTP_HEAD;
}
