/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * key - struct packet -> flow key, which end sent it, hash. Pure.
 *
 * On a port, a is the end behind the port: the source of what comes in and the destination of what goes out. So both
 * directions of a connection share a key, and a packet that leaves by the port it came in by (hairpin) is a flow of
 * its own. On a mirror port, which sees both directions come in, a is the lower of the two ends.
 */
#pragma once

#include "bpf/abi.h"
#include "bpf/parse.h"

/* 1 when the packet's source is above its destination: compares the ends in memory order, which is any fixed order. */
static __always_inline int key_source_is_upper(const struct packet *pkt)
{
	for (int i = 0; i < 4; i++)
		if (pkt->saddr[i] != pkt->daddr[i])
			return pkt->saddr[i] > pkt->daddr[i];
	return pkt->sport > pkt->dport;
}

/*
 * Members of a key as the words that it is hashed and compared by. Stored one by one they would have to reach the cache
 * before they can be read as one: 2 x 5 ns.
 */
static __always_inline __u64 key_word(__u16 first, __u16 second, __u16 third, __u16 fourth)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return first | (__u64)second << 16 | (__u64)third << 32 | (__u64)fourth << 48;
#else
	return fourth | (__u64)third << 16 | (__u64)second << 32 | (__u64)first << 48;
#endif
}

static __always_inline __u16 key_half(__u8 first, __u8 second)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return first | second << 8;
#else
	return second | first << 8;
#endif
}

/* Fills @key; returns who sent the packet: 0 the a end, 1 the b end. */
static __always_inline __u32 key_make(const struct packet *pkt, __u16 port, __u16 port_flags, __u32 dir,
				      struct flow_key *key)
{
	__u32 from_b = port_flags & PORT_MIRROR ? key_source_is_upper(pkt) : dir == DIR_TX;

	if (from_b) {
		__builtin_memcpy(key->a_addr, pkt->daddr, 16);
		__builtin_memcpy(key->b_addr, pkt->saddr, 16);
		key->w[4] = key_word(pkt->dport, pkt->sport, key_half(pkt->proto, pkt->ip_version), port);
	} else {
		__builtin_memcpy(key->a_addr, pkt->saddr, 16);
		__builtin_memcpy(key->b_addr, pkt->daddr, 16);
		key->w[4] = key_word(pkt->sport, pkt->dport, key_half(pkt->proto, pkt->ip_version), port);
	}
	key->w[5] = key_word(pkt->vlan[0], pkt->vlan[1], pkt->pppoe_session, 0);
	return from_b;
}

static __always_inline int key_equal(const struct flow_key *x, const struct flow_key *y)
{
	return !((x->w[0] ^ y->w[0]) | (x->w[1] ^ y->w[1]) | (x->w[2] ^ y->w[2]) | (x->w[3] ^ y->w[3]) |
		 (x->w[4] ^ y->w[4]) | (x->w[5] ^ y->w[5]));
}

/*
 * Seeded multiply-mix, about 4 ns. Two accumulators so that the multiplications overlap. Not a PRF: the seed only
 * keeps an outsider, who sees no hash, from aiming at a bucket.
 */
static __always_inline __u64 key_hash(const struct flow_key *key, __u64 seed)
{
	__u64 h = (key->w[0] ^ seed) * 0xff51afd7ed558ccdULL;
	__u64 g = (key->w[1] + seed) * 0xc2b2ae3d27d4eb4fULL;

	h ^= h >> 32;
	g ^= g >> 32;
	h = (h ^ key->w[2]) * 0x9fb21c651e98df25ULL;
	g = (g + key->w[3]) * 0xd6e8feb86659fd93ULL;
	h ^= h >> 32;
	g ^= g >> 29;
	h = (h ^ key->w[4]) * 0x9e3779b97f4a7c15ULL;
	g = (g ^ key->w[5]) * 0x165667b19e3779f9ULL;
	h ^= (g << 32 | g >> 32);
	h ^= h >> 29;
	h *= 0xc4ceb9fe1a85ec53ULL;
	return h ^ (h >> 32);
}

static __always_inline __u32 key_tag(__u64 hash)
{
	return ((__u32)(hash >> 32) & TAG_HASH) | TAG_LIVE;
}

/* Distance, by XOR, between the two buckets of a flow: from either one, the tag alone leads to the other. */
static __always_inline __u32 key_bucket_delta(__u32 tag, __u32 bucket_mask)
{
	__u32 delta = (((tag & TAG_HASH) * 0x5bd1e995u) >> 7) & bucket_mask;

	return delta ? delta : 1;
}
