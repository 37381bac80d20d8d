/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dns_match - queries that wait for their answer: response time, code, repeats.
 *
 * A transaction is observation point, client, resolver, both ports, transport, id and question (name without regard to case, RFC 4343,
 * type, class). An answer without a question, as some errors are, matches by the others. Bounded memory, taken once:
 * the oldest query is replaced, and counted. Knows no clock: the caller's times are nanoseconds of any one clock; one
 * that goes back makes times of 0, no wrong ones. Not for mDNS, whose ids are 0 and whose answers are everybody's.
 */
#pragma once

#include "base/siphash.h"
#include "enrich/dns.h"

#define DNS_MATCH_WAITING	4096			/* at once by default, 112 bytes each: 460 kB */
#define DNS_MATCH_TIMEOUT_NS	10000000000ULL		/* after the first copy of a query; resolvers give up in 5 s or less */

struct dns_match;

/* Addresses as in struct flow_key: wire order, IPv4 as ::ffff:a.b.c.d. */
struct dns_match_flow {
	uint32_t client[4], resolver[4];
	uint16_t client_port, resolver_port;
	uint16_t id;		/* dns_match_add() sets it */
	uint8_t proto;		/* 6 or 17 */
	uint8_t observer;	/* where it was seen: what crosses two interfaces is a transaction on each */
};

enum dns_match_result {
	DNS_MATCH_QUERY,	/* waits now */
	DNS_MATCH_REPEATED,	/* a copy of one that waits */
	DNS_MATCH_ANSWER,	/* transaction filled */
	DNS_MATCH_STRAY,	/* an answer that nothing waits for: twice, too late, a query not seen, or made up */
};

struct dns_match_transaction {
	struct dns_match_flow flow;
	uint64_t first_ns, last_ns;	/* first and last copy of the query */
	uint64_t response_ns;		/* from the first copy to the answer; 0 when there is none */
	uint32_t repeats;		/* copies after the first */
	uint16_t rcode;			/* of the answer */
	bool answered;
};

/* waiting + answered + expired + replaced == queries */
struct dns_match_counters {
	uint64_t queries, repeats, answered, strays, expired, replaced;
};

/* 0, -EINVAL: @waiting is 0 or over 2^20; -ENOMEM */
int dns_match_new(struct dns_match **ret_match, size_t waiting, struct siphash_key seed);
struct dns_match *dns_match_free(struct dns_match *match);	/* takes NULL; returns NULL */

/* @flow: of the client's side, whichever side sent @m. @ret_transaction: filled with an answer, else untouched. */
enum dns_match_result dns_match_add(struct dns_match *match, const struct dns_match_flow *flow, const struct dns_message *m,
				    uint64_t now_ns, struct dns_match_transaction *ret_transaction);

/* One query that nobody answered in time, oldest first; false: no more. */
bool dns_match_expired(struct dns_match *match, uint64_t now_ns, struct dns_match_transaction *ret_transaction);

struct dns_match_counters dns_match_counters(const struct dns_match *match);
size_t dns_match_waiting(const struct dns_match *match);
