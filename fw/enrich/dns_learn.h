/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dns_learn - addresses of an answer, under the name that was asked for, into dns_names.
 *
 * A, AAAA and the hints of HTTPS and SVCB (RFC 9460 7.3), at the name asked for or where CNAMEs, aliases and targets
 * lead from it; other names in the answer are not believed. mDNS: each A and AAAA under its
 * own name, for everybody; TTL 0 takes it back (RFC 6762 10.1). Pure, no state. Give it only answers that dns_match
 * found a query for, or mDNS: anybody can send an answer. Known limit: addresses of SRV targets are not learnt.
 */
#pragma once

#include "enrich/dns_names.h"

#define DNS_LEARN_ALIASES_MAX	16	/* of one answer; resolvers follow 8 to 16 */
#define DNS_LEARN_PASSES_MAX	4	/* over the records, for aliases in the wrong order: nobody sends them so, but may */
#define DNS_LEARN_ADDRESSES_MAX	64	/* of one answer: two entries each */

struct dns_learn_result {
	uint32_t learnt;	/* addresses */
	uint32_t beyond;	/* addresses and aliases over the limits: lost, for the caller to count */
};

/* @client: who got the answer, as in struct flow_key; not used with mDNS. */
struct dns_learn_result dns_learn(struct dns_names *names, const uint32_t client[4], const struct dns_message *answer,
				  uint64_t now_ns);
