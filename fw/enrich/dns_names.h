/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dns_names - which name a client had asked for when it got the address it talks to now.
 *
 * A cache: client and server address to name, and server address to name for everybody; dns_learn.h fills it. Bounded
 * memory, taken once; what was used longest ago is replaced, and counted. Pure; times are the caller's, nanoseconds of
 * any one clock. Known limit: of several names of one address the one that was learnt last is given, and @shared said.
 */
#pragma once

#include "base/siphash.h"
#include "enrich/dns.h"

#define DNS_NAMES_MEMORY_BYTES	(2u << 20)	/* default: 18700 entries, two for an address of a client */
#define DNS_NAMES_MEMORY_MIN	(16u << 10)
#define DNS_NAMES_TTL_MIN_S	60	/* browsers and stub resolvers keep addresses for a minute, whatever the TTL */
#define DNS_NAMES_TTL_MAX_S	86400
#define DNS_NAMES_GRACE_S	600	/* known that long after its TTL, as expired: programs do not ask again at once */
#define DNS_NAMES_EVICT_MAX	64	/* entries thrown out for one new one: a name of 255 bytes needs 10 pieces */

struct dns_names;

/* Best first: lookup returns the first that there is. */
enum dns_names_source {
	DNS_NAMES_NONE,
	DNS_NAMES_OWN,		/* this client asked */
	DNS_NAMES_OWN_EXPIRED,	/* and its TTL is over, by less than DNS_NAMES_GRACE_S */
	DNS_NAMES_OTHER,	/* another client asked, or mDNS */
	DNS_NAMES_OTHER_EXPIRED,
};

struct dns_names_found {
	struct dns_name name;	/* lower case */
	bool shared;		/* the address has several names: this client or another one had asked for another one */
};

struct dns_names_counters {
	uint64_t learnt;	/* entries new or changed or confirmed */
	uint64_t evicted;	/* for others, before DNS_NAMES_GRACE_S was over or after */
	uint64_t expired;	/* found dead */
	uint64_t refused;	/* no room even after DNS_NAMES_EVICT_MAX */
};

/* 0, -EINVAL: less than DNS_NAMES_MEMORY_MIN or over 1 GB; -ENOMEM. Never more than @memory_bytes; touched when used. */
int dns_names_new(struct dns_names **ret_names, size_t memory_bytes, struct siphash_key seed);
struct dns_names *dns_names_free(struct dns_names *names);	/* takes NULL; returns NULL */

/*
 * One association. Addresses as in struct flow_key: wire order, IPv4 as ::ffff:a.b.c.d. @client: NULL for everybody.
 * @ttl_s is clamped. Names are folded by the caller (dns_name_fold()). False: refused, and the pair
 * has no name then.
 */
bool dns_names_put(struct dns_names *names, const uint32_t client[4], const uint32_t server[4], const struct dns_name *name,
		   uint32_t ttl_s, uint64_t now_ns);
void dns_names_forget(struct dns_names *names, const uint32_t client[4], const uint32_t server[4]);

enum dns_names_source dns_names_lookup(struct dns_names *names, const uint32_t client[4], const uint32_t server[4],
				       uint64_t now_ns, struct dns_names_found *ret_found);

struct dns_names_counters dns_names_counters(const struct dns_names *names);
size_t dns_names_used(const struct dns_names *names);	/* entries */
size_t dns_names_room(const struct dns_names *names);	/* entries at most */
