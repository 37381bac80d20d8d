/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/hosts.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char name_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%[]";

static bool port_parse(const char *text, size_t len, uint16_t *ret_port)
{
	unsigned int port = 0;

	if (!len || len > 5)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		port = port * 10 + (unsigned int)(text[i] - '0');
	}
	if (!port || port > UINT16_MAX)
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

static const char *host_parse(const char *text, size_t len, struct hosts *hosts)
{
	const char *name = text, *port = NULL, *colon = memchr(text, ':', len);
	size_t name_len = len, port_len = 0;
	char *to = hosts->host[hosts->count].name;

	for (size_t i = 0; i < len; i++)
		if (!strchr(name_chars, text[i]) || !text[i])
			return "not a host name or address";
	if (text[0] == '[') {
		const char *end = memchr(text, ']', len);

		if (!end || (end + 1 < text + len && end[1] != ':'))
			return "has a bracket that is not closed, or more than :PORT behind it";
		name = text + 1;
		name_len = (size_t)(end - name);
		if (!memchr(name, ':', name_len))
			return "has brackets around what is no IPv6 address";
		port = end + 1 < text + len ? end + 2 : NULL;
	} else if (colon && !memchr(colon + 1, ':', (size_t)(text + len - colon - 1))) {
		name_len = (size_t)(colon - text);	/* one colon: two or more are of an IPv6 address */
		port = colon + 1;
	}
	if (!name_len)
		return "has an empty entry";
	if (name_len > HOSTS_NAME_MAX)
		return "too long";
	if (port)
		port_len = (size_t)(text + len - port);
	if (port && !port_parse(port, port_len, &hosts->host[hosts->count].port))
		return "has a port that is not 1 to 65535";
	memcpy(to, name, name_len);
	to[name_len] = 0;
	if (strpbrk(to, "[]"))
		return "not a host name or address";
	hosts->count++;
	return NULL;
}

const char *hosts_parse(const char *text, struct hosts *ret_hosts)
{
	struct hosts hosts = { 0 };

	for (;;) {
		size_t len = strcspn(text, ","), head = strspn(text, " \t"), tail = len;
		const char *wrong;

		if (hosts.count == HOSTS_MAX)
			return "has too many entries; at most 8";
		_Static_assert(HOSTS_MAX == 8, "the text says 8");
		while (tail > head && (text[tail - 1] == ' ' || text[tail - 1] == '\t'))
			tail--;
		wrong = head >= len ? "has an empty entry" : host_parse(text + head, tail - head, &hosts);
		if (wrong)
			return wrong;
		if (!text[len])
			break;
		text += len + 1;
	}
	*ret_hosts = hosts;
	return NULL;
}
