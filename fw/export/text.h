/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * text - how single values look in a record: times, addresses, and names that came from outside.
 *
 * Pure; no locale, no time zone. Everything goes through the writer: what does not fit sets writer.full.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/writer.h"

#define TEXT_TIME_END_US 253402300800000000ULL	/* 10000-01-01: RFC 3339 years have four digits */
#define TEXT_IP_MAX 46				/* INET6_ADDRSTRLEN */

/* UTC. "2026-11-22T10:00:00.123456Z" (RFC 3339). Nothing is written for @us >= TEXT_TIME_END_US. */
void text_time(struct writer *w, uint64_t us);
void text_time_short(struct writer *w, uint64_t us);	/* "2026-11-22 10:00:00.123" */

void text_ip(struct writer *w, const uint32_t addr[4], uint8_t ip_version);	/* wire order; IPv4 as ::ffff:a.b.c.d */
void text_mac(struct writer *w, const uint8_t mac[6]);		/* "02-00-5E-00-53-01", as ECS has it (RFC 7042 2.1) */
void text_tcp_flags(struct writer *w, uint8_t flags);		/* CEUAPRSF, "." for one that is not set: "...AP.SF" */

/*
 * A JSON string with its quotes, from any bytes: valid UTF-8 for every input, and no character of it can move a
 * cursor, ring a bell or turn the writing direction (those are written \uXXXX, which changes nothing for a parser).
 * What is not UTF-8 becomes U+FFFD, one for each maximal subpart (Unicode 15, 3.9), as Wireshark shows it. That loses
 * bytes: where text_is_utf8() says no, a record carries them in hexadecimal beside it.
 */
void text_json(struct writer *w, const void *bytes, size_t len);
void text_utf8(struct writer *w, const void *bytes, size_t len);	/* the same bare: no quotes, nothing escaped */
bool text_is_utf8(const void *bytes, size_t len);

/* Printable ASCII without spaces, anything else and the backslash as \xNN: two names never look the same. */
void text_plain(struct writer *w, const void *bytes, size_t len);
