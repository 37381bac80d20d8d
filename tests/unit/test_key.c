/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_key - which packets share a flow, how the hash spreads, and the way between a flow's two buckets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/key.h"
#include "collect/flowtab.h"

#define SEED	0x0123456789abcdefULL

static struct packet packet_of(unsigned int a, unsigned int b, unsigned int sport, unsigned int dport)
{
	struct packet p = { .proto = 6, .ip_version = 4, .sport = htons((uint16_t)sport), .dport = htons((uint16_t)dport) };

	p.saddr[2] = p.daddr[2] = htonl(0xffff);
	p.saddr[3] = htonl(0x0a000000u + a);
	p.daddr[3] = htonl(0x0a000000u + b);
	return p;
}

static struct packet reverse(const struct packet *p)
{
	struct packet r = *p;

	memcpy(r.saddr, p->daddr, 16);
	memcpy(r.daddr, p->saddr, 16);
	r.sport = p->dport;
	r.dport = p->sport;
	return r;
}

/* Memory before it is full of something else: key_make() has to write every byte. */
static uint32_t make(const struct packet *p, uint16_t port, uint16_t flags, uint32_t dir, struct flow_key *key)
{
	memset(key, 0xa5, sizeof(*key));
	return key_make(p, port, flags, dir, key);
}

static void both_directions_share_a_key(void **state)
{
	struct packet p = packet_of(1, 2, 40000, 443), r = reverse(&p);
	struct flow_key rx, tx;

	assert_int_equal(make(&p, 7, 0, DIR_RX, &rx), 0);
	assert_int_equal(make(&r, 7, 0, DIR_TX, &tx), 1);
	assert_memory_equal(&rx, &tx, sizeof(rx));
	assert_true(key_equal(&rx, &tx));
	assert_memory_equal(rx.a_addr, p.saddr, 16);	/* the near end is a */
	assert_memory_equal(rx.b_addr, p.daddr, 16);
	assert_int_equal(ntohs(rx.a_port), 40000);
	assert_int_equal(ntohs(rx.b_port), 443);
	assert_int_equal(rx.proto, 6);
	assert_int_equal(rx.ip_version, 4);
	assert_int_equal(rx.port, 7);
	assert_int_equal(rx.vlan[0] | rx.vlan[1] | rx.pppoe_session | rx.zero, 0);
}

static void hairpin_makes_two(void **state)
{
	struct packet p = packet_of(1, 2, 40000, 443);
	struct flow_key in, out;

	assert_int_equal(make(&p, 0, 0, DIR_RX, &in), 0);
	assert_int_equal(make(&p, 0, 0, DIR_TX, &out), 1);	/* the same packet leaves where it came in */
	assert_false(key_equal(&in, &out));
	assert_memory_equal(in.a_addr, out.b_addr, 16);
}

static void mirror_orders_the_ends(void **state)
{
	const struct { unsigned int a, b, sport, dport; } rows[] = {
		{ 1, 2, 40000, 443 }, { 2, 1, 443, 40000 }, { 1, 2, 5, 5 }, { 9, 9, 1, 2 }, { 9, 9, 2, 1 }, { 9, 9, 3, 3 },
		{ 0x0100, 0x0001, 1, 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (uint32_t dir = DIR_RX; dir <= DIR_TX; dir++) {
			struct packet p = packet_of(rows[i].a, rows[i].b, rows[i].sport, rows[i].dport), r = reverse(&p);
			struct flow_key there, back;
			uint32_t from = make(&p, 3, PORT_MIRROR, dir, &there), to = make(&r, 3, PORT_MIRROR, dir, &back);
			int same = rows[i].a == rows[i].b && rows[i].sport == rows[i].dport;

			assert_memory_equal(&there, &back, sizeof(there));
			assert_int_equal(from, same ? 0 : !to);
			assert_true(memcmp(there.a_addr, there.b_addr, 16) || there.a_port == there.b_port ||
				    there.a_port < there.b_port);
		}
}

/* The word that differs decides, wherever it is. */
static void mirror_compares_all_words(void **state)
{
	for (int word = 0; word < 4; word++) {
		struct packet p = { .ip_version = 6 }, r;
		struct flow_key there, back;

		p.saddr[word] = 1;
		for (int i = word + 1; i < 4; i++)
			p.daddr[i] = 0xffffffff;
		p.dport = 0xffff;
		r = reverse(&p);
		assert_int_equal(make(&p, 0, PORT_MIRROR, DIR_RX, &there), 1);
		assert_int_equal(make(&r, 0, PORT_MIRROR, DIR_RX, &back), 0);
		assert_memory_equal(&there, &back, sizeof(there));
	}
}

static void every_field_makes_another_flow(void **state)
{
	const struct packet p = packet_of(1, 2, 40000, 443);
	struct packet rows[12];
	struct flow_key key, other;
	size_t n = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		rows[i] = p;
	rows[n++].saddr[3]++;
	rows[n++].daddr[3]++;
	rows[n++].saddr[0]++;
	rows[n++].daddr[1]++;
	rows[n++].sport++;
	rows[n++].dport++;
	rows[n++].proto = 17;
	rows[n++].ip_version = 6;
	rows[n++].vlan[0] = 5;
	rows[n++].vlan[1] = 5;
	rows[n++].pppoe_session = 5;
	make(&p, 0, 0, DIR_RX, &key);
	for (size_t i = 0; i < n; i++) {
		make(&rows[i], 0, 0, DIR_RX, &other);
		assert_false(key_equal(&key, &other));
		assert_int_not_equal(key_hash(&key, SEED), key_hash(&other, SEED));
	}
	make(&p, 1, 0, DIR_RX, &other);
	assert_false(key_equal(&key, &other));
	assert_int_not_equal(key_hash(&key, SEED), key_hash(&other, SEED));
}

static void other_fields_do_not(void **state)
{
	const struct packet p = packet_of(1, 2, 40000, 443);
	struct packet q = p;
	struct flow_key key, other;

	q.tcp_flags = q.bits = 0xff;
	q.tcp_seq = q.tcp_ack = q.frag_id = q.ip_len = q.hdr_len = q.payload_off = q.payload_len = 0xffffffff;
	q.l3_off = 0xffff;
	make(&p, 0, 0, DIR_RX, &key);
	make(&q, 0, PORT_RAW_IP, DIR_RX, &other);
	assert_memory_equal(&key, &other, sizeof(key));
}

/* ---- hash ---- */

#define FLOWS	65536u
#define BINS	1024u

/* Chi-square of @counts over BINS: BINS - 1 in the mean, with a deviation of 45; 6 of those above it. */
static void assert_even(const uint32_t *counts)
{
	const double mean = (double)FLOWS / BINS;
	double chi = 0;

	for (uint32_t i = 0; i < BINS; i++)
		chi += (counts[i] - mean) * (counts[i] - mean) / mean;
	assert_in_range((uintmax_t)chi, 700, 1300);
}

static void hash_row(struct flow_key (*nth)(uint32_t i))
{
	static uint32_t bucket[BINS], tag_low[BINS], tag_high[BINS], home[BUCKET_SLOTS], second[BINS];

	memset(bucket, 0, sizeof(bucket));
	memset(tag_low, 0, sizeof(tag_low));
	memset(tag_high, 0, sizeof(tag_high));
	memset(second, 0, sizeof(second));
	memset(home, 0, sizeof(home));
	for (uint32_t i = 0; i < FLOWS; i++) {
		struct flow_key key = nth(i);
		uint64_t hash = key_hash(&key, SEED);
		uint32_t tag = key_tag(hash), first = (uint32_t)hash >> 3 & (BINS - 1);

		assert_int_equal(tag & ~TAG_HASH, TAG_LIVE);
		bucket[first]++;
		second[first ^ key_bucket_delta(tag, BINS - 1)]++;
		home[hash & (BUCKET_SLOTS - 1)]++;
		tag_low[tag & (BINS - 1)]++;
		tag_high[(tag & TAG_HASH) >> 20]++;
	}
	assert_even(bucket);
	assert_even(second);
	assert_even(tag_low);
	assert_even(tag_high);
	for (uint32_t i = 0; i < BUCKET_SLOTS; i++)
		assert_in_range(home[i], FLOWS / BUCKET_SLOTS - 600, FLOWS / BUCKET_SLOTS + 600);
}

static struct flow_key key_of(const struct packet *p)
{
	struct flow_key key;

	make(p, 0, 0, DIR_RX, &key);
	return key;
}

static struct flow_key by_source_port(uint32_t i)
{
	struct packet p = packet_of(1, 2, i, 443);

	return key_of(&p);
}

static struct flow_key by_destination_port(uint32_t i)
{
	struct packet p = packet_of(1, 2, 40000, i);

	return key_of(&p);
}

static struct flow_key by_source(uint32_t i)
{
	struct packet p = packet_of(i, 2, 40000, 443);

	return key_of(&p);
}

static struct flow_key by_pair(uint32_t i)
{
	struct packet p = packet_of(i & 255, 256 + (i >> 8), 40000, 443);

	return key_of(&p);
}

static struct flow_key by_ipv6_prefix(uint32_t i)
{
	struct packet p = { .ip_version = 6, .proto = 17, .sport = htons(443) };

	p.saddr[0] = htonl(0x20010db8);
	p.saddr[1] = htonl(i << 8);
	p.daddr[0] = htonl(0x20010db8);
	p.daddr[3] = htonl(1);
	return key_of(&p);
}

static struct flow_key by_both_ports(uint32_t i)
{
	struct packet p = packet_of(1, 2, i & 255, i >> 8);

	return key_of(&p);
}

static struct flow_key by_vlan_and_session(uint32_t i)
{
	struct packet p = packet_of(1, 2, 40000, 443);

	p.vlan[0] = i & 63;
	p.vlan[1] = i >> 6 & 63;
	p.pppoe_session = (uint16_t)(i >> 12);
	return key_of(&p);
}

static void hash_spreads(void **state)
{
	hash_row(by_source_port);
	hash_row(by_destination_port);
	hash_row(by_source);
	hash_row(by_pair);
	hash_row(by_ipv6_prefix);
	hash_row(by_both_ports);
	hash_row(by_vlan_and_session);
}

/* Flows that share a bucket with one seed do not with another: nobody can collect them beforehand. */
static void seed_changes_the_hash(void **state)
{
	uint32_t same = 0, together = 0;

	for (uint32_t i = 0; i < FLOWS; i++) {
		struct flow_key key = by_source_port(i);
		uint64_t one = key_hash(&key, SEED), two = key_hash(&key, SEED + 1), none = key_hash(&key, 0);

		assert_int_not_equal(one, two);
		assert_int_not_equal(one, none);
		same += (one >> 3 & (BINS - 1)) == (two >> 3 & (BINS - 1));
		if ((one >> 3 & (BINS - 1)) == 0)
			together += (two >> 3 & (BINS - 1)) == 0;
	}
	assert_in_range(same, 20, 130);		/* 64 by chance */
	assert_in_range(together, 0, 4);	/* 1 in 16 */
}

/* One bit of the key turns about half of the hash. */
static void hash_avalanche(void **state)
{
	const struct flow_key key = by_source_port(4711);
	const uint64_t hash = key_hash(&key, SEED);

	for (unsigned int bit = 0; bit < 48 * 8; bit++) {
		struct flow_key other = key;

		other.w[bit / 64] ^= 1ULL << bit % 64;
		assert_in_range(__builtin_popcountll(hash ^ key_hash(&other, SEED)), 12, 52);
		assert_false(key_equal(&key, &other));
	}
}

/* ---- the two buckets ---- */

static void bucket_delta(void **state)
{
	for (unsigned int bits = 1; bits <= 21; bits++) {
		uint32_t mask = (1u << bits) - 1;

		for (uint32_t i = 0; i < 5000; i++) {
			uint32_t tag = (i * 2654435761u & TAG_HASH) | TAG_LIVE, delta = key_bucket_delta(tag, mask);
			uint32_t first = i * 40503u & mask, second = first ^ delta;

			assert_in_range(delta, 1, mask);
			assert_int_not_equal(first, second);
			assert_int_equal(second ^ key_bucket_delta(tag, mask), first);
			/* A dead slot leads the same way. */
			assert_int_equal(key_bucket_delta((tag & TAG_HASH) | TAG_DEAD, mask), delta);
		}
	}
	assert_int_equal(key_bucket_delta(TAG_LIVE, 8191), 1);
}

/* ---- user space goes the same way: a spilled flow that ends is taken off the count of its first bucket ---- */

#define SLOTS	1024u
#define BUCKETS	(SLOTS / BUCKET_SLOTS)
#define HELLOS	16u

static void *map_file(int *ret_fd, size_t len)
{
	void *map;

	*ret_fd = memfd_create("weir-test", MFD_CLOEXEC);
	assert_true(*ret_fd >= 0);
	assert_int_equal(ftruncate(*ret_fd, (off_t)len), 0);
	map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, *ret_fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	return map;
}

static void ignore(const struct flow_report *report, void *arg)
{
	(*(unsigned int *)arg)++;
}

static void flowtab_goes_the_same_way(void **state)
{
	struct flowtab_settings settings = { .slots = SLOTS, .hellos = HELLOS, .tcps = SLOTS / TCP_SLOTS_EACH };
	struct flow_bucket *flows = map_file(&settings.flows_fd, BUCKETS * sizeof(*flows));
	struct flowtab *ft;
	unsigned int reports = 0;

	map_file(&settings.ledger_fd, SLOTS * sizeof(struct flow_total));
	map_file(&settings.hellos_fd, HELLOS * sizeof(struct hello_entry));
	map_file(&settings.tcp_fd, SLOTS / TCP_SLOTS_EACH * sizeof(struct tcp_health));
	map_file(&settings.names_fd, NAMES_MAX * sizeof(struct name_entry));
	map_file(&settings.taken_fd, TAKEN_ENTRIES * sizeof(struct taken));
	assert_int_equal(flowtab_new(&ft, &settings), 0);
	for (uint32_t i = 0; i < 2000; i++) {
		struct flow_key key = by_source_port(i);
		uint64_t hash = key_hash(&key, SEED);
		uint32_t first = (uint32_t)hash >> 3 & (BUCKETS - 1), tag = key_tag(hash);
		uint32_t second = first ^ key_bucket_delta(tag, BUCKETS - 1);
		struct flow_slot *slot = &flows[second].slot[i % BUCKET_SLOTS];

		flows[first].slot[0].summary = SUMMARY_SPILL;
		slot->key = key;
		slot->flags = FLOW_ALT;
		slot->tag = tag;
		flowtab_flush(ft, 1, ignore, &reports);
		assert_int_equal(slot->tag, TAG_FREE);
		assert_int_equal(flows[first].slot[0].summary / SUMMARY_SPILL, 0);
		assert_int_equal(flows[second].slot[0].summary / SUMMARY_SPILL, 0);
	}
	assert_int_equal(reports, 2000);
	flowtab_free(ft);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_share_a_key),
		cmocka_unit_test(hairpin_makes_two),
		cmocka_unit_test(mirror_orders_the_ends),
		cmocka_unit_test(mirror_compares_all_words),
		cmocka_unit_test(every_field_makes_another_flow),
		cmocka_unit_test(other_fields_do_not),
		cmocka_unit_test(hash_spreads),
		cmocka_unit_test(seed_changes_the_hash),
		cmocka_unit_test(hash_avalanche),
		cmocka_unit_test(bucket_delta),
		cmocka_unit_test(flowtab_goes_the_same_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
