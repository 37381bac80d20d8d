/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dns - one DNS message from its bytes: header, question, records.
 *
 * RFC 1035, 2782 (SRV), 6762 (mDNS), 6891 (EDNS), 9460 (HTTPS, SVCB). Pure: dns_match.h knows what waits for an answer,
 * dns_names.h which address has which name. Bytes given stay the caller's, and readers in a record lead into them.
 * dns_parse() walks the whole message once; what was readable before the first fault can be used whatever it returns.
 * LLMNR (RFC 4795) reads as DNS_UNICAST, its C bit as @authoritative. What stands behind the last record is ignored.
 */
#pragma once

#include "enrich/dns_name.h"

#define DNS_RECORDS_MAX	256	/* of a message, questions with them; hostile names: 0.17 ms. 64 kB could have 5957 */

enum dns_kind {
	DNS_UNICAST,
	DNS_MULTICAST,	/* port 5353: the top bit of a class means something else (RFC 6762 18.12, 18.13) */
};

enum dns_section { DNS_QUESTION, DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL, DNS_SECTIONS };

enum { DNS_A = 1, DNS_CNAME = 5, DNS_PTR = 12, DNS_AAAA = 28, DNS_SRV = 33, DNS_OPT_RR = 41, DNS_SVCB = 64, DNS_HTTPS = 65 };
enum { DNS_IN = 1 };			/* class */
enum { DNS_QUERY = 0 };			/* opcode */
enum { DNS_NOERROR = 0, DNS_NXDOMAIN = 3 };	/* rcode */

struct dns_message {
	struct reader bytes;		/* all of it */
	enum dns_kind kind;
	enum dns_result result;		/* the first fault */
	uint16_t id;
	uint8_t opcode;
	bool response, authoritative, truncated, recursion_desired, recursion_available;
	bool unicast_wanted;		/* mDNS: the question's QU bit */
	bool edns;
	uint8_t edns_version;
	uint16_t edns_bytes;		/* largest answer over UDP that the sender takes */
	uint16_t rcode;			/* 12 bits with EDNS. mDNS: to be ignored (RFC 6762 18.11) */
	uint16_t count[DNS_SECTIONS];	/* as the header says */
	uint16_t readable;		/* questions and records before a fault that ends the walk */
	uint16_t qtype, qclass;		/* of the first question; 0, 0 and no name when there is none: see dns_has_question() */
	struct dns_name qname;
};

struct dns_record {
	enum dns_section section;	/* DNS_QUESTION: name, type and class alone */
	enum dns_result result;		/* DNS_RDATA or a fault of a name in it: nothing of its data is set */
	uint16_t type, class;
	bool unique;			/* mDNS: cache-flush, or the question's QU bit */
	uint32_t ttl_s;			/* over 2^31 - 1: 0, RFC 2181 8 */
	uint16_t priority, weight, port;	/* SRV; HTTPS and SVCB: priority 0 is an alias; port 0: not said */
	bool ech;			/* HTTPS, SVCB */
	struct reader address;		/* A: 4 bytes; AAAA: 16 */
	struct reader hints4, hints6;	/* HTTPS, SVCB: 4 and 16 bytes each */
	struct reader alpn;		/* HTTPS, SVCB: checked, dns_alpn_next() */
	struct reader rdata;		/* of any type */
	struct dns_name name;
	struct dns_name target;		/* CNAME, PTR, SRV; HTTPS and SVCB: the root means @name itself, or for an alias nobody */
};

struct dns_walk {
	const struct dns_message *message;
	struct reader at;
	enum dns_section section;
	uint16_t left, done;		/* left of this section */
	enum dns_result result;		/* what ended it */
};

enum dns_result dns_parse(enum dns_kind kind, const uint8_t *bytes, size_t len, struct dns_message *ret_message);

static inline bool dns_has_question(const struct dns_message *m)
{
	return m->qname.len;
}

/* Questions, then records of all three sections. @m stays in use. False: no more, walk.result says why. */
void dns_walk_begin(struct dns_walk *w, const struct dns_message *m);
bool dns_walk_next(struct dns_walk *w, struct dns_record *ret_record);

bool dns_alpn_next(struct reader *alpn, struct reader *ret_id);

enum dns_stream {
	DNS_STREAM_MESSAGE,
	DNS_STREAM_MORE,	/* not whole yet */
	DNS_STREAM_NOT_DNS,	/* a length that no message has: nothing behind it can be trusted */
};

/*
 * The next message of DNS over TCP (RFC 1035 4.2.2): @stream has what of one direction came so far, from the start of
 * a message on, and moves behind a whole message only.
 */
enum dns_stream dns_stream_next(struct reader *stream, struct reader *ret_message);

/* As IANA has them; NULL for others. */
const char *dns_rcode_name(uint16_t rcode);	/* ECS dns.response_code */
const char *dns_type_name(uint16_t type);	/* ECS dns.question.type */
