/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hosts - "mqtt.example.org, backup:8883, [2001:db8::1]:8883" -> names and ports, in the order given.
 *
 * An entry is a name or an address, and :PORT where it is not the port of the others; an IPv6 address with a port
 * stands in brackets, and may stand in them without. Pure; no name is looked up.
 */
#pragma once

#include <stdint.h>

#define HOSTS_MAX	8	/* entries */
#define HOSTS_NAME_MAX	180	/* bytes of one */

struct hosts {
	unsigned int count;	/* at least 1 */
	struct {
		char name[HOSTS_NAME_MAX + 1];
		uint16_t port;	/* 0: none was given */
	} host[HOSTS_MAX];
};

/* NULL, or why @text is none; @ret_hosts is then untouched. */
const char *hosts_parse(const char *text, struct hosts *ret_hosts);
