/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/clear.h"

#include <string.h>
#include <strings.h>

#include "base/reader.h"
#include "base/util.h"
#include "enrich/http.h"
#include "enrich/slice.h"

#define HANDSHAKE	22		/* ContentType, RFC 8446 5.1 */
#define PROXY2		"\r\n\r\n\0\r\nQUIT\n"
#define PROXY2_BYTES	12
#define LDAP_STARTTLS	"1.3.6.1.4.1.1466.20037"
#define PG_SSL		80877103	/* PostgreSQL: SSLRequest; one less than GSSENCRequest */
#define PG_GSSENC	80877104
#define MYSQL_SSL	0x0800		/* CLIENT_SSL of the capabilities */

static bool has(struct tls_bytes b, const char *text)
{
	return b.len >= strlen(text) && !strncasecmp((const char *)b.at, text, strlen(text));
}

static bool may_have(struct tls_bytes b, const char *text)
{
	return !b.len || !strncasecmp((const char *)b.at, text, MIN(b.len, strlen(text)));
}

static bool is_record(struct tls_bytes b)
{
	return b.len > 1 && b.at[0] == HANDSHAKE && b.at[1] == 3;
}

static bool may_be_record(struct tls_bytes b)
{
	return !b.len || (b.len == 1 && b.at[0] == HANDSHAKE);
}

/* @client: from the end of the agreement on. */
static enum clear_result tls_if_record(struct clear *c, struct tls_bytes client, size_t client_at, size_t server_at)
{
	if (client_at > UINT16_MAX || server_at > UINT16_MAX)
		return CLEAR_NEVER;
	if (may_be_record(slice_from(client, client_at)))
		return CLEAR_MORE;
	if (!is_record(slice_from(client, client_at)))
		return CLEAR_NEVER;
	c->client_at = (uint16_t)client_at;
	c->server_at = (uint16_t)server_at;
	return CLEAR_TLS;
}

/* ---- line by line: SMTP, IMAP, POP3, FTP ---- */

/* Length of the line at the front, its end included; 0: it has no end yet. */
static size_t line_len(struct tls_bytes b)
{
	const uint8_t *end = b.len ? memchr(b.at, '\n', b.len) : NULL;

	return end ? (size_t)(end - b.at) + 1 : 0;
}

/* The word is all that is in the line. */
static bool is_command(struct tls_bytes line, const char *word)
{
	const size_t len = strlen(word);

	return has(line, word) && (line.len == len || line.at[len] == '\r' || line.at[len] == '\n' || line.at[len] == ' ');
}

/* IMAP: a tag comes first. */
static struct tls_bytes behind_tag(struct tls_bytes line)
{
	const uint8_t *blank = line.len ? memchr(line.at, ' ', line.len) : NULL;

	return blank ? slice_from(line, (size_t)(blank - line.at) + 1) : (struct tls_bytes){ 0 };
}

static bool asks_for_tls(const struct clear *c, struct tls_bytes line)
{
	switch (c->protocol) {
	case CLEAR_SMTP:
		return is_command(line, "STARTTLS");
	case CLEAR_IMAP:
		return is_command(behind_tag(line), "STARTTLS");
	case CLEAR_POP3:
		return is_command(line, "STLS");
	case CLEAR_FTP:
		return is_command(line, "AUTH TLS") || is_command(line, "AUTH SSL") || is_command(line, "AUTH TLS-C");
	}
	return false;
}

/* The server's lines end where its first record begins. */
static size_t lines_end(struct tls_bytes server)
{
	size_t at = 0, len;

	while (at < server.len && !is_record(slice_from(server, at)) && (len = line_len(slice_from(server, at))))
		at += len;
	return at;
}

static enum clear_result look_lines(struct clear *c, struct tls_bytes client, struct tls_bytes server)
{
	size_t len;

	for (;;) {
		if (c->asked && c->line == c->asked && c->line < client.len) {
			if (may_be_record(slice_from(client, c->line)))
				return CLEAR_MORE;
			if (is_record(slice_from(client, c->line)))
				return tls_if_record(c, client, c->line, lines_end(server));
			c->asked = 0;	/* it was refused: the dialogue goes on */
		}
		len = line_len(slice_from(client, c->line));
		if (!len || c->line + len > CLEAR_BYTES_MAX)
			break;
		if (asks_for_tls(c, (struct tls_bytes){ client.at + c->line, len }))
			c->asked = (uint16_t)(c->line + len);
		c->line = (uint16_t)(c->line + len);
	}
	return client.len > CLEAR_BYTES_MAX ? CLEAR_NEVER : CLEAR_MORE;
}

/* ---- proxies ---- */

static enum clear_result look_connect(struct clear *c, struct tls_bytes client, struct tls_bytes server)
{
	const struct tls_bytes head = slice_from(client, c->skip);
	struct http_request request;
	struct http_response response;
	size_t server_at = 0;

	switch (http_request(head.at, head.len, &request)) {
	case HTTP_MORE:
		return CLEAR_MORE;
	case HTTP_HEAD:
		break;
	case HTTP_NOT_HTTP:
	case HTTP_BAD:
	case HTTP_TOO_LONG:
		return CLEAR_NEVER;
	}
	if (request.target_host.len) {
		c->target_at = (uint16_t)(request.target_host.at - client.at);
		c->target_len = (uint16_t)request.target_host.len;
	}
	for (response.interim = true; server_at < server.len && response.interim; server_at += response.head_len) {
		struct tls_bytes answer = slice_from(server, server_at);
		enum http_result result = http_response(answer.at, answer.len, &response);

		if (result == HTTP_MORE)
			return CLEAR_MORE;
		if (result != HTTP_HEAD || (!response.interim && response.status / 100 != 2))
			return CLEAR_NEVER;
	}
	return tls_if_record(c, client, c->skip + request.head_len, server_at);
}

/* Bytes of an address in SOCKS 5 (RFC 1928 5), its type in front; 0: not all here. A host name is @ret_name. */
static size_t socks_address(struct tls_bytes b, struct tls_bytes *ret_name)
{
	size_t len = 0;

	*ret_name = (struct tls_bytes){ 0 };
	if (b.len < 2)
		return 0;
	if (b.at[0] == 1)
		len = 1 + 4 + 2;
	else if (b.at[0] == 4)
		len = 1 + 16 + 2;
	else if (b.at[0] == 3)
		len = 1 + 1 + (size_t)b.at[1] + 2;
	if (!len || b.len < len)
		return 0;
	if (b.at[0] == 3)
		*ret_name = (struct tls_bytes){ b.at + 2, b.at[1] };
	return len;
}

static size_t socks_server(struct tls_bytes server, bool auth)
{
	const size_t at = auth ? 4 : 2;
	struct tls_bytes name;
	size_t len = socks_address(slice_from(server, at + 3), &name);

	return len ? at + 3 + len : 0;
}

static enum clear_result look_socks5(struct clear *c, struct tls_bytes client, struct tls_bytes server)
{
	struct tls_bytes rest = slice_from(client, c->skip), name;
	bool auth = false;
	size_t len;

	if (rest.len < 2 || rest.len < 2u + rest.at[1])
		return CLEAR_MORE;
	rest = slice_from(rest, 2u + rest.at[1]);
	if (rest.len && rest.at[0] == 1) {	/* RFC 1929: user name and password, each behind its length */
		if (rest.len < 2 || rest.len < 3u + rest.at[1] || rest.len < 3u + rest.at[1] + rest.at[2 + rest.at[1]])
			return CLEAR_MORE;
		rest = slice_from(rest, 3u + rest.at[1] + rest.at[2 + rest.at[1]]);
		auth = true;
	}
	if (!rest.len)
		return CLEAR_MORE;
	if (rest.at[0] != 5 || (rest.len > 1 && rest.at[1] != 1))	/* CONNECT alone carries TLS */
		return CLEAR_NEVER;
	if (rest.len > 3 && rest.at[3] != 1 && rest.at[3] != 3 && rest.at[3] != 4)
		return CLEAR_NEVER;
	len = socks_address(slice_from(rest, 3), &name);
	if (!len)
		return CLEAR_MORE;
	c->target_at = name.len ? (uint16_t)(name.at - client.at) : 0;
	c->target_len = (uint16_t)name.len;
	return tls_if_record(c, client, (size_t)(rest.at - client.at) + 3 + len, socks_server(server, auth));
}

/* SOCKS 4: port, address, user id and NUL; 4a: address 0.0.0.x, and a host name and NUL behind. */
static enum clear_result look_socks4(struct clear *c, struct tls_bytes client, struct tls_bytes server)
{
	const struct tls_bytes rest = slice_from(client, c->skip);
	const uint8_t *end = rest.len > 8 ? memchr(rest.at + 8, 0, rest.len - 8) : NULL, *name;
	const bool has_name = rest.len >= 8 && !rest.at[4] && !rest.at[5] && !rest.at[6] && rest.at[7];

	if (end && has_name) {
		name = end + 1;
		end = memchr(name, 0, (size_t)(client.at + client.len - name));
		if (end && end - name <= 255) {
			c->target_at = (uint16_t)(name - client.at);
			c->target_len = (uint16_t)(end - name);
		}
	}
	if (!end)
		return client.len > CLEAR_BYTES_MAX ? CLEAR_NEVER : CLEAR_MORE;
	return tls_if_record(c, client, (size_t)(end - client.at) + 1, server.len >= 8 ? 8 : 0);
}

/* ---- binary ones ---- */

static enum clear_result look_postgresql(struct clear *c, struct tls_bytes client, struct tls_bytes server)
{
	size_t at = c->skip, answers = 0;

	for (;;) {	/* each request has 8 bytes, each answer one */
		struct reader r = { .at = client.at + at, .left = client.len - at };
		const uint32_t len = reader_uint(&r, 4), code = reader_uint(&r, 4);

		if (is_record(slice_from(client, at)))
			return tls_if_record(c, client, at, MIN(answers, server.len));
		if (r.bad)
			return CLEAR_MORE;
		if (len != 8 || (code != PG_SSL && code != PG_GSSENC))
			return CLEAR_NEVER;
		at += 8;
		answers++;
		if (at >= client.len)
			return CLEAR_MORE;
	}
}

static enum clear_result look_mysql(struct clear *c, struct tls_bytes client, struct tls_bytes server)
{
	const struct tls_bytes rest = slice_from(client, c->skip);

	if (rest.len < 6)
		return CLEAR_MORE;
	/* SSLRequest: 32 bytes, number 1; little-endian, as all of MySQL */
	if (rest.at[0] != 32 || rest.at[1] || rest.at[2] || rest.at[3] != 1 || !((rest.at[5] << 8) & MYSQL_SSL))
		return CLEAR_NEVER;
	return tls_if_record(c, client, c->skip + 36u,
			     server.len > 4 ? MIN(4u + (server.at[0] | server.at[1] << 8), server.len) : 0);
}

/* Bytes of a BER element with a short length, or one of two bytes (X.690 8.1.3); 0: not all here, or longer. */
static size_t ber_len(struct tls_bytes b)
{
	if (b.len < 2)
		return 0;
	if (b.at[1] < 0x80)
		return 2u + b.at[1];
	if (b.at[1] == 0x81 && b.len > 2)
		return 3u + b.at[2];
	if (b.at[1] == 0x82 && b.len > 3)
		return 4u + (size_t)(b.at[2] << 8 | b.at[3]);
	return 0;
}

static enum clear_result look_ldap(struct clear *c, struct tls_bytes client, struct tls_bytes server)
{
	const struct tls_bytes rest = slice_from(client, c->skip);
	const size_t len = ber_len(rest), answer = ber_len(server);

	if (!len || len > rest.len)
		return rest.len > 8 && len <= 64 ? CLEAR_MORE : rest.len > 64 ? CLEAR_NEVER : CLEAR_MORE;
	if (!memmem(rest.at, len, LDAP_STARTTLS, strlen(LDAP_STARTTLS)))
		return CLEAR_NEVER;
	return tls_if_record(c, client, c->skip + len, answer <= server.len ? answer : 0);
}

/* Where the element ends that has this name; 0: not there. */
static size_t element_end(struct tls_bytes b, const char *name)
{
	const uint8_t *at = b.len ? memmem(b.at, b.len, name, strlen(name)) : NULL, *end;

	if (!at)
		return 0;
	end = memchr(at, '>', (size_t)(b.at + b.len - at));
	return end ? (size_t)(end - b.at) + 1 : 0;
}

static enum clear_result look_xmpp(struct clear *c, struct tls_bytes client, struct tls_bytes server)
{
	const struct tls_bytes part = { client.at, MIN(client.len, CLEAR_BYTES_MAX) };
	const size_t asked = element_end(part, "<starttls");

	if (asked)
		return tls_if_record(c, client, asked, element_end(server, "<proceed"));
	return client.len > CLEAR_BYTES_MAX ? CLEAR_NEVER : CLEAR_MORE;
}

/* ---- which of them ---- */

/* The PROXY header in front, if there is one. False: it is not all here. */
static bool skip_proxy(struct clear *c, struct tls_bytes client)
{
	size_t len;

	if (c->proxied || client.len < 6)
		return true;
	if (has(client, "PROXY ")) {
		len = line_len(client);
		if (!len)
			return client.len > 107;	/* the longest there is, by its specification */
	} else if (!memcmp(client.at, PROXY2, MIN(client.len, PROXY2_BYTES))) {
		len = client.len >= 16 ? 16u + (size_t)(client.at[14] << 8 | client.at[15]) : SIZE_MAX;
		if (len > client.len)
			return client.len > CLEAR_BYTES_MAX;
	} else {
		return true;
	}
	c->proxied = true;
	c->skip = c->line = (uint16_t)MIN(len, UINT16_MAX);
	return true;
}

static uint8_t by_client(struct tls_bytes client)
{
	static const struct {
		const char *begin;
		uint8_t protocol;
	} ROWS[] = {
		{ "CONNECT ", CLEAR_HTTP_CONNECT }, { "SSH-", CLEAR_SSH },
		{ "EHLO ", CLEAR_SMTP }, { "HELO ", CLEAR_SMTP }, { "LHLO ", CLEAR_SMTP },
		{ "STLS", CLEAR_POP3 }, { "CAPA", CLEAR_POP3 }, { "APOP ", CLEAR_POP3 },
		{ "AUTH TLS", CLEAR_FTP }, { "AUTH SSL", CLEAR_FTP }, { "FEAT", CLEAR_FTP },
		{ "<?xml", CLEAR_XMPP }, { "<stream:stream", CLEAR_XMPP },
	};
	static const char *const IMAP[] = { "CAPABILITY", "STARTTLS", "LOGIN", "ID", "NOOP", "AUTHENTICATE" };
	struct reader r = { .at = client.at, .left = client.len };
	const uint32_t word = reader_uint(&r, 4), code = reader_uint(&r, 4);

	for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
		if (has(client, ROWS[i].begin))
			return ROWS[i].protocol;
	if (!r.bad && word == 8 && (code == PG_SSL || code == PG_GSSENC))
		return CLEAR_POSTGRESQL;
	if (client.len >= 3 && client.at[0] == 5 && client.at[1] && client.at[1] < 10)
		return CLEAR_SOCKS5;
	if (client.len >= 8 && client.at[0] == 4 && client.at[1] == 1)
		return CLEAR_SOCKS4;
	if (client.len >= 7 && client.at[0] == 0x30 && ber_len(client) && memchr(client.at, 0x77, MIN(client.len, 12)))
		return CLEAR_LDAP;
	for (size_t i = 0; i < ARRAY_SIZE(IMAP); i++)
		if (line_len(client) && is_command(behind_tag(client), IMAP[i]))
			return CLEAR_IMAP;
	return CLEAR_UNKNOWN;
}

/* "220" is said by SMTP and FTP: the client's first word tells, or the greeting itself. */
static uint8_t by_server(struct tls_bytes client, struct tls_bytes server)
{
	const size_t line = line_len(server);

	if (has(server, "SSH-"))
		return CLEAR_SSH;
	if (has(server, "* OK") || has(server, "* PREAUTH"))
		return CLEAR_IMAP;
	if (has(server, "+OK"))
		return CLEAR_POP3;
	if (has(server, "220 ") || has(server, "220-")) {
		if (has(client, "USER ") || has(client, "AUTH ") || has(client, "OPTS ") || has(client, "SYST") ||
		    (line && memmem(server.at, line, "FTP", 3)))
			return CLEAR_FTP;
		return line && (client.len || memmem(server.at, line, "SMTP", 4)) ? CLEAR_SMTP : CLEAR_UNKNOWN;
	}
	if (server.len > 5 && !server.at[2] && !server.at[3] && server.at[4] == 10)	/* packet 0, protocol 10 */
		return CLEAR_MYSQL;
	return CLEAR_UNKNOWN;
}

/* Nothing that is here can begin one of them. */
static bool is_hopeless(struct tls_bytes client, struct tls_bytes server)
{
	static const char *const GREETINGS[] = { "220", "* OK", "* PREAUTH", "+OK", "SSH-" };
	bool may = !server.len || (server.len < 6 && server.len > 2 && !server.at[2]) || server.len < 3;

	for (size_t i = 0; i < ARRAY_SIZE(GREETINGS); i++)
		may |= may_have(server, GREETINGS[i]);
	if (client.len && (client.at[0] < ' ' || client.at[0] >= 0x7f) && client.len >= 8)
		return true;
	return !may || client.len >= 64;	/* the first command of each of them is shorter */
}

enum clear_result clear_look(struct clear *c, struct tls_bytes client, struct tls_bytes server)
{
	if (!skip_proxy(c, client))
		return CLEAR_MORE;
	if (c->proxied && !c->protocol && c->skip < client.len && is_record(slice_from(client, c->skip)))
		return tls_if_record(c, client, c->skip, 0);
	if (!c->protocol && c->skip < client.len)
		c->protocol = by_client(slice_from(client, c->skip));
	if (!c->protocol)
		c->protocol = by_server(slice_from(client, c->skip), server);
	switch ((enum clear_protocol)c->protocol) {
	case CLEAR_SMTP:
	case CLEAR_IMAP:
	case CLEAR_POP3:
	case CLEAR_FTP:
		return look_lines(c, client, server);
	case CLEAR_LDAP:
		return look_ldap(c, client, server);
	case CLEAR_XMPP:
		return look_xmpp(c, client, server);
	case CLEAR_POSTGRESQL:
		return look_postgresql(c, client, server);
	case CLEAR_MYSQL:
		return look_mysql(c, client, server);
	case CLEAR_HTTP_CONNECT:
		return look_connect(c, client, server);
	case CLEAR_SOCKS4:
		return look_socks4(c, client, server);
	case CLEAR_SOCKS5:
		return look_socks5(c, client, server);
	case CLEAR_SSH:
		return CLEAR_NEVER;
	case CLEAR_UNKNOWN:
	case CLEAR_PROTOCOL_N:
		break;
	}
	return is_hopeless(slice_from(client, c->skip), server) ? CLEAR_NEVER : CLEAR_MORE;
}

struct tls_bytes clear_target(const struct clear *c, struct tls_bytes client)
{
	return c->target_len && c->target_at + c->target_len <= client.len ?
	       (struct tls_bytes){ client.at + c->target_at, c->target_len } : (struct tls_bytes){ 0 };
}
