/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ipfix - records -> IPFIX messages (RFC 7011), each flow one biflow record (RFC 5103).
 *
 * A message is begun in a buffer of the caller's, takes records or templates until one does not fit, and is closed. It
 * holds data records or templates: the sender sends the template of each set in time, by ipfix_next_set(), and stamps
 * time and sequence number when the message leaves, for both belong to the session. No socket, no clock, no log, no
 * state but the message. 0 or a negative errno.
 *
 * Absent: a number or address that is not known is in no field of the template (ipfix_elements.h); a text is empty.
 * Texts that came from outside are printable ASCII, other bytes and the backslash as \xNN; one that is too long is cut
 * and ends in "\...". A record has at most IPFIX_RECORD_MAX bytes. Not in IPFIX: totals, NAT, PPPoE, round
 * trips as histograms, facts of TLS, HTTP and DNS beyond the names. They are in JSON.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/writer.h"
#include "export/ipfix_elements.h"
#include "export/record.h"

#define IPFIX_HEADER		16	/* bytes, RFC 7011 3.1 */
#define IPFIX_SET_HEADER	4	/* 3.3.2 */
#define IPFIX_TEMPLATE_SET	2
#define IPFIX_TEMPLATE_FIRST	256
#define IPFIX_VARIABLE		65535u	/* length of a text in a template, 3.2 and 7 */

enum ipfix_group {
#define GROUP(id, when, condition) IPFIX_GROUP_##id,
	IPFIX_GROUPS(GROUP)
#undef GROUP
	IPFIX_GROUP_N,
	IPFIX_GROUP_ALWAYS = IPFIX_GROUP_N,
};

#define IPFIX_TEMPLATES (1u << IPFIX_GROUP_N)	/* ids are IPFIX_TEMPLATE_FIRST and the bits of the groups */

_Static_assert(IPFIX_TEMPLATE_FIRST + IPFIX_TEMPLATES <= 32768, "ids are 16 bits");

/* Most bytes of one field. A text has its length in front, in 1 byte, or 3 from 255 on (RFC 7011 7). */
#define IPFIX_MOST_UINT(size)	(size)
#define IPFIX_MOST_BYTES(size)	(size)
#define IPFIX_MOST_TEXT(size)	((size) + ((size) < 255 ? 1 : 3))
#define IPFIX_MOST(group, pen, number, name, kind, size, ...) + IPFIX_MOST_##kind(size)

enum { IPFIX_RECORD_MAX = 0 IPFIX_ELEMENTS(IPFIX_MOST) };

/* Of one message: IPv6's least MTU (1280) takes it whole over UDP, so no path has to be known (RFC 7011 10.3.3). */
#define IPFIX_MESSAGE_MAX 1232

_Static_assert(IPFIX_HEADER + IPFIX_SET_HEADER + IPFIX_RECORD_MAX <= IPFIX_MESSAGE_MAX, "a record fits a message");

struct ipfix_message {
	struct writer w;
	size_t set_at;		/* of the open set; 0: none */
	uint16_t set_id;
	uint32_t records;	/* data records */
};

/* @size: at most that many bytes; IPFIX_MESSAGE_MAX take every record and every template. */
void ipfix_begin(struct ipfix_message *m, void *buf, size_t size, uint32_t observation_domain);

/* -ENOSPC: does not fit any more, @m is as it was: close it and begin another. */
int ipfix_add_record(struct ipfix_message *m, const struct record *r);
int ipfix_add_template(struct ipfix_message *m, uint16_t id);	/* -EINVAL: no such id */

/* Length of the whole message; 0: there is nothing in it. Time and sequence number are 0 until ipfix_stamp(). */
size_t ipfix_close(struct ipfix_message *m);

/* @sequence: data records of this session before this message (RFC 7011 3.1). */
void ipfix_stamp(void *message, uint32_t export_s, uint32_t sequence);

/* Id of the next set of a finished message, @at bytes in (start with 0); 0: no more. */
uint16_t ipfix_next_set(const void *message, size_t len, size_t *at);

void ipfix_reference(struct writer *w);	/* the table in Markdown, 7 kB */
