/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * privacy - takes names, layer-2 and IP addresses out of what leaves the gateway, or puts pseudonyms in their place.
 *
 *            names    layer-2 addresses                        IP addresses
 *  full      stay     stay                                     stay
 *  no-names  absent   stay                                     stay
 *  hashed    hashed   hashed                                   stay
 *  prefix    hashed   vendor (OUI) stays, the rest permuted    pseudonyms that share prefixes as the addresses do
 *
 * The same key gives the same pseudonyms, on whichever gateway. Only its owner can tell whose they are, but who knows
 * what is behind one can recognise it later, and in prefix mode its neighbours by the prefix that they share (the limit
 * of every such map). Names are those of hosts: interface, role, ALPN ids, versions and JA4 are none. weir.name_status
 * goes on to say whether there was one. Bytes and words are in wire order. No logging. What libcrypto cannot do is left
 * out, or an unspecified address: never what it was to hide. Known limit: hashed leaves a layer-2 address in the IPv6
 * addresses that were made of it (EUI-64); prefix does not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "export/record.h"

#define PRIVACY_KEY_BYTES	32
#define PRIVACY_HASH_BYTES	32	/* a hashed name: half of HMAC-SHA-256 in hexadecimal, no NUL */
#define PRIVACY_NAME_MAX	SNI_MAX
#define PRIVACY_CACHE		1024	/* IP addresses whose pseudonyms are kept, 40 bytes each; a power of two */

/*
 * Everything in struct record that is to be hidden. A new one is a line here: X(member) of struct record, "a.b" for one
 * within a member. A name is a pointer to bytes and has its length, 0 for absent, in member_len. An IP address is 4
 * words as in struct flow_key, of the record's version; one that is absent may be all zero. A layer-2 address is 6
 * bytes, with has_mac beside it: X(whose side). test_privacy refuses a record's text that is neither here nor in its
 * list of what stays.
 */
#define PRIVACY_NAMES(X) \
	X(sni) \
	X(domain) \
	X(dns.question)

#define PRIVACY_ADDRESSES(X) \
	X(source.addr) \
	X(destination.addr) \
	X(source.nat_addr) \
	X(destination.nat_addr)

#define PRIVACY_MACS(X) \
	X(source) \
	X(destination)

enum privacy_mode { PRIVACY_FULL, PRIVACY_NO_NAMES, PRIVACY_HASHED, PRIVACY_PREFIX };

struct privacy;

#define PRIVACY_ONE(member) + 1
enum { PRIVACY_NAMES_N = 0 PRIVACY_NAMES(PRIVACY_ONE) };

struct privacy_scratch {	/* what a record borrows instead of its names */
	char name[PRIVACY_NAMES_N][PRIVACY_HASH_BYTES];
};

/*
 * Each use has a key of its own that is made of @key; full and no-names need none. -EINVAL: it is missing; -ENOTSUP:
 * this libcrypto lacks HMAC, SHA-256 or AES.
 */
int privacy_new(struct privacy **ret_privacy, enum privacy_mode mode, const uint8_t key[PRIVACY_KEY_BYTES]);
struct privacy *privacy_free(struct privacy *p); /* takes NULL; returns NULL */

/*
 * Rewrites in place what the tables above name. network.community_id, a hash that can be undone by trying addresses,
 * becomes absent in prefix mode: make it afterwards, of the addresses that the record then has (run/report.c does).
 */
void privacy_record(struct privacy *p, struct record *record, struct privacy_scratch *scratch);

/*
 * The whole name, case folded (ASCII): a name and its parent have nothing in common afterwards. False: there is to be
 * no name; @ret_name may have been written to. full copies: then a name longer than PRIVACY_NAME_MAX is false, too.
 */
bool privacy_name(struct privacy *p, const void *name, size_t len, char ret_name[PRIVACY_NAME_MAX], size_t *ret_len);

/*
 * In prefix mode: what is no address of an interface stays as it is, and what comes out is of the same class as what
 * went in. Stay: unspecified, loopback, limited broadcast, IPv4 multicast, permanent IPv6 multicast groups, and of
 * link-local addresses the prefix. What a group's address holds of someone's network does not: 233/8 and 234/8
 * (RFC 3180, 6034), transient groups of IPv6 behind flags and scope (RFC 3306, 3956, 4489), the last 24 bits of
 * solicited-node groups (RFC 4291 2.7.1). Private ranges are like all others. The cost: bits on the way to what stays
 * are never flipped. Of IPv4 these are at least the first 3, and more the nearer such a range is (10/8 becomes one of
 * 8/8 to 15/8; 126/8 and 168/8 stay what they are, the bits behind do not); of IPv6 the first 3 of global unicast
 * (2000::/3) and 7 of unique local addresses (fc00::/7). Without it others' pseudonyms would lie in these ranges.
 */
void privacy_address(struct privacy *p, const uint32_t addr[4], uint8_t ip_version, uint32_t ret_addr[4]);

/*
 * False: leave it out. Broadcast stays; a group stays one. hashed: 46 bits of a hash, as a locally administered address
 * (that two of a million devices share one has a probability of 1 %). prefix: one to one; of a locally administered
 * address, which has no OUI and may be made of an IP address, all is permuted but the four lowest bits of its first
 * byte.
 */
bool privacy_mac(struct privacy *p, const uint8_t mac[6], uint8_t ret_mac[6]);
