/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dns_name - domain names: out of a message, compressed or not, and into text.
 *
 * A name is kept as its labels, each behind its length, the root's empty one at the end (RFC 1035 3.1): no byte is
 * special there, and two names are compared as bytes. Pure. Every name has at most 255 bytes (2.3.4); a pointer leads
 * strictly backwards from where the name, or the part of it that is being read, began (4.1.4), and never into the
 * header: that no loop can pass. Text is UTF-8 without control bytes, whatever the message had.
 */
#pragma once

#include <stdbool.h>

#include "base/reader.h"

#define DNS_HEADER_BYTES	12
#define DNS_NAME_BYTES		255
#define DNS_NAME_TEXT_SIZE	1004	/* 250 bytes in 4 labels, each byte escaped; 3 dots; NUL */
#define DNS_HOPS_MAX		32	/* pointers of one name: each needs a label or is needless; seen so far: 7 */

#define DNS_RESULTS(X) \
	X(OK, "ok") \
	X(SHORT, "short")	/* ends inside of its header, of a name, a question or a record */ \
	X(NAME_LABEL, "name_label")	/* label type 01 or 10: RFC 6891 5 leaves none in use */ \
	X(NAME_LONG, "name_long") \
	X(NAME_POINTER, "name_pointer")	/* not backwards, or into the header */ \
	X(NAME_HOPS, "name_hops") \
	X(RDATA, "rdata")	/* length or content do not fit the type; the record is bounded, the next one is read */ \
	X(OPT, "opt")		/* more than one, or not at the root: RFC 6891 6.1.1 */ \
	X(RECORDS, "records")	/* more than DNS_RECORDS_MAX: those are read */

enum dns_result {
#define X(name, text) DNS_##name,
	DNS_RESULTS(X)
#undef X
};

struct dns_name {
	uint8_t len;	/* 0: no name; 1: the root */
	uint8_t bytes[DNS_NAME_BYTES];
};

/*
 * The name at @r, which then stands behind it; pointers lead into @message. @ret_name: empty after a failure; NULL to
 * step over it, checked all the same.
 */
enum dns_result dns_name_read(struct reader *r, const struct reader *message, struct dns_name *ret_name);

void dns_name_fold(struct dns_name *name);	/* ASCII letters to lower case: RFC 4343 */
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);	/* without regard to ASCII case */
size_t dns_name_labels(const struct dns_name *name);	/* without the root */

/*
 * Presentation form (RFC 1035 5.1) without the last dot, "." for the root, "" for none: \. and \\ inside of a label,
 * \DDD for control bytes and what is no UTF-8. Blanks and UTF-8 stay: RFC 6763 4.1 has them in names of services.
 * Returns its length.
 */
size_t dns_name_text(const struct dns_name *name, char ret_text[DNS_NAME_TEXT_SIZE]);

const char *dns_result_name(enum dns_result result);
