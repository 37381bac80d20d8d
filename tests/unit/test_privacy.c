/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * test_privacy - expected pseudonyms come from another program: HMAC of Python's library, AES of its package
 * cryptography, and the rule of each bit written as the paper and the header have it, bit by bit. Key 40 41 ... 5f.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "export/fields.h"
#include "export/json.h"
#include "export/privacy.h"
#include "export/text.h"
#include "json_check.h"
#include "records.h"

#define MODES 4

static uint8_t key[PRIVACY_KEY_BYTES];
static struct privacy *privacy[MODES]; /* one for each mode */
static struct privacy *hashed, *prefix;

static int set_up(void **state)
{
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(0x40 + i);
	for (int mode = 0; mode < MODES; mode++)
		if (privacy_new(&privacy[mode], (enum privacy_mode)mode, mode < PRIVACY_HASHED ? NULL : key))
			return -1;
	hashed = privacy[PRIVACY_HASHED];
	prefix = privacy[PRIVACY_PREFIX];
	srandom(1);
	return 0;
}

static int tear_down(void **state)
{
	for (int mode = 0; mode < MODES; mode++)
		privacy[mode] = privacy_free(privacy[mode]);
	return 0;
}

/* ---- names ---- */

static void assert_hash(const void *name, size_t len, const char *want)
{
	for (int mode = PRIVACY_HASHED; mode <= PRIVACY_PREFIX; mode++) {
		char hash[PRIVACY_NAME_MAX];
		size_t hash_len = 0;

		assert_true(privacy_name(privacy[mode], name, len, hash, &hash_len));
		assert_int_equal(hash_len, PRIVACY_HASH_BYTES);
		assert_memory_equal(hash, want, PRIVACY_HASH_BYTES);
	}
}

static void names_are_hashed(void **state)
{
	char same[255];

	assert_hash("example.org", 11, "b1f5fbeabfb2ea253f6b67bbb42d3fe4");
	assert_hash("eXAMPLE.ORG", 11, "b1f5fbeabfb2ea253f6b67bbb42d3fe4");
	assert_hash("x", 1, "c9ceef70145f2daccabe18227fee7fbe");
	assert_hash("ex\xe9mple\0\xff", 9, "a30eb4a5325ebb1423620e3e88e0e4fa");
	memset(same, 'a', sizeof(same));
	assert_hash(same, 64, "d56e50bb50342f245984bbf96a1803b3"); /* as much as is folded at once, one more, most */
	memset(same, 'B', sizeof(same));
	assert_hash(same, 65, "f533106d4d74d67a7b3ee5b9277a5462");
	memset(same, 'c', sizeof(same));
	assert_hash(same, 255, "ef44dce25a206ff6c4a4841268c53a85");
	assert_hash("example.org", 11, "b1f5fbeabfb2ea253f6b67bbb42d3fe4"); /* nothing is left over */
}

static void only_letters_are_folded(void **state)
{
	char one[PRIVACY_NAME_MAX], other[PRIVACY_NAME_MAX];
	size_t len;

	for (int byte = 0; byte < 256; byte++) {
		const char a = (char)byte, b = (char)(byte ^ 0x20);
		const bool letters = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');

		assert_true(privacy_name(hashed, &a, 1, one, &len));
		assert_true(privacy_name(hashed, &b, 1, other, &len));
		assert_int_equal(!memcmp(one, other, PRIVACY_HASH_BYTES), letters);
	}
}

static void names_of_the_other_modes(void **state)
{
	char long_name[PRIVACY_NAME_MAX + 1], out[PRIVACY_NAME_MAX];
	size_t len = 77;

	memset(long_name, 'n', sizeof(long_name));
	memset(out, 'o', sizeof(out));
	assert_false(privacy_name(privacy[PRIVACY_NO_NAMES], "example.org", 11, out, &len));
	assert_int_equal(out[0], 'o');
	assert_true(privacy_name(privacy[PRIVACY_FULL], "Example.org", 11, out, &len));
	assert_int_equal(len, 11);
	assert_memory_equal(out, "Example.orgo", 12);
	assert_true(privacy_name(privacy[PRIVACY_FULL], long_name, PRIVACY_NAME_MAX, out, &len));
	assert_int_equal(len, PRIVACY_NAME_MAX);
	assert_false(privacy_name(privacy[PRIVACY_FULL], long_name, PRIVACY_NAME_MAX + 1, out, &len));
	for (int mode = 0; mode < MODES; mode++)
		assert_false(privacy_name(privacy[mode], "", 0, out, &len));
}

/* ---- layer-2 addresses ---- */

static const struct {
	uint8_t mac[6], hash[6], permuted[6];
} MACS[] = {
	{{0x00, 0x1b, 0x21, 0x3c, 0x4d, 0x5e},
	 {0x56, 0x30, 0x0a, 0x4f, 0xd0, 0xaf},
	 {0x00, 0x1b, 0x21, 0x7b, 0xc7, 0x5e}},
	{{0x00, 0x1b, 0x21, 0x3c, 0x4d, 0x5f},
	 {0x16, 0xeb, 0x9c, 0x78, 0x51, 0xca},
	 {0x00, 0x1b, 0x21, 0xbf, 0x14, 0x87}},
	{{0x02, 0x42, 0xac, 0x11, 0x00, 0x02},
	 {0x9e, 0x01, 0xf8, 0xf7, 0x67, 0x2a},
	 {0x92, 0xf6, 0x03, 0xb5, 0x85, 0x78}},
	{{0xda, 0xa1, 0x19, 0x00, 0x00, 0x01},
	 {0x36, 0x33, 0x50, 0x07, 0xcb, 0x1c},
	 {0x5a, 0xc1, 0x88, 0x91, 0xe1, 0xb9}},
	{{0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb},
	 {0x4b, 0x8d, 0xb7, 0xb2, 0x8a, 0x4b},
	 {0x01, 0x00, 0x5e, 0xf8, 0x57, 0x47}},
	{{0x33, 0x33, 0xff, 0x12, 0x34, 0x56},
	 {0x53, 0x79, 0x1d, 0x80, 0xb9, 0xdc},
	 {0x33, 0x33, 0xff, 0x94, 0x9d, 0x38}},
	{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	 {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	 {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
	{{0x00, 0x00, 0x00, 0x00, 0x00, 0x00},
	 {0xea, 0x6c, 0xef, 0x84, 0x0d, 0xe4},
	 {0x00, 0x00, 0x00, 0xd5, 0xab, 0xae}},
};

static void layer_2_addresses(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(MACS); i++)
		for (int mode = 0; mode < MODES; mode++) {
			const uint8_t *want = mode == PRIVACY_HASHED   ? MACS[i].hash
					      : mode == PRIVACY_PREFIX ? MACS[i].permuted
								       : MACS[i].mac;
			uint8_t mac[6];

			assert_true(privacy_mac(privacy[mode], MACS[i].mac, mac));
			assert_memory_equal(mac, want, 6);
			memcpy(mac, MACS[i].mac, 6);
			assert_true(privacy_mac(privacy[mode], mac, mac)); /* in place */
			assert_memory_equal(mac, want, 6);
		}
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Prefix mode is one to one, and neighbours are none afterwards: 2^18 in a row, of each kind. */
static void permuted_layer_2_addresses(void **state)
{
	static const uint8_t kinds[][3] = { { 0x00, 0x1b, 0x21 }, { 0x01, 0x00, 0x5e }, { 0x02, 0x42, 0xac } };
	static uint64_t to[1 << 18];

	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		unsigned int near = 0;

		for (uint32_t i = 0; i < ARRAY_SIZE(to); i++) {
			uint8_t mac[6] = { kinds[kind][0], kinds[kind][1], kinds[kind][2],
					   (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };

			assert_true(privacy_mac(prefix, mac, mac));
			if (kind < 2)
				assert_memory_equal(mac, kinds[kind], 3);
			assert_int_equal(mac[0] & 0x0f, kinds[kind][0] & 0x0f);
			to[i] = 0;
			for (int j = 0; j < 6; j++)
				to[i] = to[i] << 8 | mac[j];
			near += i && (to[i] ^ to[i - 1]) < 1 << 8;
		}
		assert_true(near < 50);	/* 4 by chance, of 24 bits */
		qsort(to, ARRAY_SIZE(to), sizeof(to[0]), by_value);
		for (uint32_t i = 1; i < ARRAY_SIZE(to); i++)
			assert_true(to[i] != to[i - 1]);
	}
}

/* Of a locally administered address each bit counts: all of them are spread. */
static void locally_administered_layer_2_addresses(void **state)
{
	uint8_t mac[6] = {0x02, 0x42, 0xac, 0x11, 0, 2}, before[6], after[6];

	assert_true(privacy_mac(prefix, mac, before));
	for (int i = 0; i < 48; i++) {
		if (i >= 4 && i < 8)
			continue; /* the nibble that stays */
		mac[i / 8] ^= (uint8_t)(0x80 >> i % 8);
		assert_true(privacy_mac(prefix, mac, after));
		assert_int_equal(after[0] & 0x0f, 0x02);
		assert_memory_not_equal(before + 1, after + 1, 5);
		mac[i / 8] ^= (uint8_t)(0x80 >> i % 8);
	}
}

/* ---- IP addresses ---- */

static const struct {
	const char *from, *to;
} ADDRESSES[] = {
	{"192.168.1.20", "207.87.225.11"},
	{"192.168.1.21", "207.87.225.10"},
	{"10.0.0.1", "9.144.24.241"},
	{"203.0.113.7", "192.114.65.7"},
	{"8.8.8.8", "10.103.247.7"},
	{"1.1.1.1", "1.127.30.224"},
	{"126.1.2.3", "126.241.26.236"},
	{"168.254.1.1", "168.62.25.17"},
	{"169.254.7.9", "169.254.31.8"},
	{"169.253.7.9", "169.252.30.240"},
	{"127.0.0.1", "127.0.0.1"},
	{"0.0.0.0", "0.0.0.0"},
	{"0.0.0.1", "0.0.0.1"},
	{"224.0.0.251", "224.0.0.251"},
	{"233.252.0.1", "233.3.231.0"},
	{"234.1.2.3", "234.254.3.28"},
	{"239.255.255.250", "239.255.255.250"},
	{"255.255.255.255", "255.255.255.255"},
	{"255.255.255.254", "255.255.255.254"},
	{"2001:db8::20", "3e61:1246:3e60:5c:4:163:f260:ff9f"},
	{"2001:db8:0:1::7", "3e61:1246:3e60:5d:1f84:2e3:ce60:96"},
	{"fd00:1:2:3::4", "fd1e:70e:be01:81fc:1c78:38c:747f:e73"},
	{"fe80::21b:21ff:fe3c:4d5e", "fe80::e617:23ff:1c8:bedd"},
	{"fe80:1::1", "fe80:1:ff9d:ff80:7f8:1ec0:3e60:9e1"},
	{"ff02::fb", "ff02::fb"},
	{"ff02::1:ff3c:4d5e", "ff02::1:ffb7:7d3f"},
	{"ff02::1:fe3c:4d5e", "ff02::1:fe3c:4d5e"},
	{"ff12::beac", "ff12:0:3f9d:fffc:1c1b:fe00:779f:c2ac"},
	{"ff32:40:2001:db8::1", "ff32:780:2012:f670:47f:e1bf:b400:6b6"},
	{"ffb5::1", "ffb5:ff00:7e7e:140:1b78:1cec:359f:eb1"},
	{"::", "::"},
	{"::1", "::1"},
	{"::2", "::3"},
	{"64:ff9b::808:808", "65:ffc:81f3:fedf:fb1b:fd0f:b9ef:807"},
};

static uint8_t version_of(const char *text)
{
	return strchr(text, ':') ? 6 : 4;
}

static void ip_addresses(void **state)
{
	for (int twice = 0; twice < 2; twice++) /* the second time out of the cache */
		for (size_t i = 0; i < ARRAY_SIZE(ADDRESSES); i++)
			for (int mode = 0; mode < MODES; mode++) {
				const char *want = mode == PRIVACY_PREFIX ? ADDRESSES[i].to : ADDRESSES[i].from;
				const uint8_t version = version_of(want);
				char text[TEXT_IP_MAX + 1] = "";
				struct writer w = {.buf = text, .size = TEXT_IP_MAX};
				uint32_t addr[4], head[4];

				records_address(addr, ADDRESSES[i].from);
				memcpy(head, addr, sizeof(head));
				privacy_address(privacy[mode], addr, version, addr);
				text_ip(&w, addr, version);
				assert_string_equal(text, want);
				if (version == 4)
					assert_memory_equal(addr, head, 12);
			}
}

static unsigned int shared(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int n = 0;

	while (n < bits && !((a[n / 8] ^ b[n / 8]) & 0x80 >> n % 8))
		n++;
	return n;
}

enum class { UNSPECIFIED, LOOPBACK, BROADCAST, LINK_LOCAL, MULTICAST, OTHER };

static enum class class_of(const uint8_t *a, size_t len) {
	static const uint8_t zeros[16], ones[4] = {255, 255, 255, 255}, one[16] = {[15] = 1};

	if (!memcmp(a, zeros, len)) return UNSPECIFIED;
	if (len == 4) return a[0] == 127 ? LOOPBACK
	: !memcmp(a, ones, 4)		 ? BROADCAST
	: a[0] == 169 && a[1] == 254	 ? LINK_LOCAL
	: a[0] >= 224 && a[0] < 240	 ? MULTICAST
					 : OTHER;
	return !memcmp(a, one, 16)				       ? LOOPBACK
	       : a[0] == 0xfe && !memcmp(a, "\xfe\x80\0\0\0\0\0\0", 8) ? LINK_LOCAL
	       : a[0] == 0xff					       ? MULTICAST
								       : OTHER;
}

/*
 * From each address of the table and from random ones, for each n: another one that shares exactly n bits and is random
 * behind them. Their pseudonyms share exactly n bits, and each is of the class that its address is of.
 */
static void prefixes_are_shared_exactly(void **state)
{
	unsigned int pairs = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ADDRESSES) + 40; i++) {
		const uint8_t version = i < ARRAY_SIZE(ADDRESSES) ? version_of(ADDRESSES[i].from) : i % 2 ? 4 : 6;
		const size_t at = version == 4 ? 12 : 0, len = 16 - at;
		uint8_t a[16], b[16], to_a[16], to_b[16];

		records_address((uint32_t *)a, i < ARRAY_SIZE(ADDRESSES) ? ADDRESSES[i].from : "0.0.0.0");
		for (size_t j = at; i >= ARRAY_SIZE(ADDRESSES) && j < 16; j++)
			a[j] = (uint8_t)random();
		for (unsigned int n = 0; n < 8 * len; n++)
			for (int tries = 0; tries < 8; tries++, pairs++) {
				memcpy(b, a, 16);
				b[at + n / 8] ^= (uint8_t)(0x80 >> n % 8);
				for (unsigned int bit = n + 1; tries && bit < 8 * len; bit++)
					b[at + bit / 8] ^= (uint8_t)((random() & 1) << (7 - bit % 8));
				privacy_address(prefix, (uint32_t *)a, version, (uint32_t *)to_a);
				privacy_address(prefix, (uint32_t *)b, version, (uint32_t *)to_b);
				assert_int_equal(shared(to_a + at, to_b + at, (unsigned int)(8 * len)), n);
				assert_int_equal(class_of(to_b + at, len), class_of(b + at, len));
			}
	}
	print_message("# %u pairs\n", pairs);
}

/* Random pairs, as the others but without a plan: any two addresses share after as many bits as before. */
static void random_pairs(void **state)
{
	uint8_t addr[2][16] = {{0}}, to[2][16];

	for (int i = 0; i < 40000; i++) {
		const size_t at = i % 2 ? 12 : 0;

		for (int k = 0; k < 2; k++) {
			memcpy(addr[k], "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
			for (size_t j = at; j < 16; j++)
				addr[k][j] = (uint8_t)random();
			privacy_address(prefix, (uint32_t *)addr[k], at ? 4 : 6, (uint32_t *)to[k]);
			assert_int_equal(class_of(to[k] + at, 16 - at), class_of(addr[k] + at, 16 - at));
		}
		assert_int_equal(shared(to[0], to[1], 128), shared(addr[0], addr[1], 128));
	}
}

/* As many addresses as find no room, twice, and each by an object that has seen no other. */
static void the_cache_changes_nothing(void **state)
{
	uint32_t addr[4] = {0, 0, htonl(0xffff)}, first[3 * PRIVACY_CACHE], to[4];

	for (uint32_t i = 0; i < ARRAY_SIZE(first); i++) {
		addr[3] = htonl(0x0a000000 + i * 7919);
		privacy_address(prefix, addr, 4, to);
		first[i] = to[3];
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(first); i++) {
		struct privacy *fresh = NULL;

		addr[3] = htonl(0x0a000000 + i * 7919);
		privacy_address(prefix, addr, 4, to);
		assert_int_equal(to[3], first[i]);
		if (i % 64)
			continue;
		assert_int_equal(privacy_new(&fresh, PRIVACY_PREFIX, key), 0);
		privacy_address(fresh, addr, 4, to);
		assert_int_equal(to[3], first[i]);
		privacy_free(fresh);
	}
	privacy_address(prefix, addr, 4, to);
	privacy_address(prefix, addr, 6, to); /* the same words of the other version are another address */
	assert_int_not_equal(to[2], htonl(0xffff));
}

/* ---- keys ---- */

static void every_bit_of_the_key_counts(void **state)
{
	static const uint8_t mac[6] = {0x00, 0x1b, 0x21, 0x3c, 0x4d, 0x5e};
	struct {
		char name[PRIVACY_NAME_MAX];
		uint8_t mac[6];
		uint32_t addr[4];
	} before = {.name = ""}, after = {.name = ""};
	size_t len;

	for (int mode = PRIVACY_HASHED; mode <= PRIVACY_PREFIX; mode++) {
		privacy_name(privacy[mode], "example.org", 11, before.name, &len);
		privacy_mac(privacy[mode], mac, before.mac);
		records_address(before.addr, "2001:db8::20");
		privacy_address(privacy[mode], before.addr, 6, before.addr);
		for (size_t i = 0; i < 8 * sizeof(key); i++) {
			struct privacy *other;

			key[i / 8] ^= (uint8_t)(1 << i % 8);
			assert_int_equal(privacy_new(&other, (enum privacy_mode)mode, key), 0);
			key[i / 8] ^= (uint8_t)(1 << i % 8);
			assert_true(privacy_name(other, "example.org", 11, after.name, &len));
			assert_true(privacy_mac(other, mac, after.mac));
			records_address(after.addr, "2001:db8::20");
			privacy_address(other, after.addr, 6, after.addr);
			assert_memory_not_equal(before.name, after.name, PRIVACY_HASH_BYTES);
			assert_memory_not_equal(before.mac, after.mac, 6);
			if (mode == PRIVACY_PREFIX)
				assert_memory_not_equal(before.addr, after.addr, 16);
			privacy_free(other);
		}
	}
}

static void a_key_is_needed(void **state)
{
	struct privacy *p = (struct privacy *)key;

	assert_int_equal(privacy_new(&p, PRIVACY_HASHED, NULL), -EINVAL);
	assert_int_equal(privacy_new(&p, PRIVACY_PREFIX, NULL), -EINVAL);
	assert_ptr_equal(p, key);
	assert_null(privacy_free(NULL));
}

/* ---- records ---- */

static char text[RECORD_JSON_MAX + 1];

/* As it would leave the gateway. */
static const char *encode(struct record r, enum privacy_mode mode)
{
	struct writer w = {.buf = text, .size = sizeof(text) - 1};
	struct privacy_scratch scratch;

	privacy_record(privacy[mode], &r, &scratch);
	json_record(&w, &r);
	assert_false(w.full);
	text[w.len] = '\0';
	assert_true(json_check(text, w.len, NULL, NULL));
	return text;
}

static const char *hostile_name(unsigned int i, uint8_t *ret_name, uint16_t *ret_len)
{
	*ret_len = (uint16_t)(1 + i % SNI_MAX);
	for (unsigned int j = 0; j < *ret_len; j++)
		ret_name[j] = i < SNI_MAX	? (uint8_t)random()
			      : i < 2 * SNI_MAX ? (uint8_t) "\"\\/\n\r\t\x7f{}[],:"[j % 14]
						: (uint8_t)(i + j);
	return (const char *)ret_name;
}

/* Whatever the name, the text is byte for byte that of the same record without one. */
static void no_names_leaves_no_byte_of_a_name(void **state)
{
	char without[RECORD_JSON_MAX + 1];
	struct record r = records_full();
	uint8_t name[SNI_MAX];

	r.sni = NULL;
	r.sni_len = r.domain_len = r.dns.question_len = 0;
	strcpy(without, encode(r, PRIVACY_FULL));
	for (unsigned int i = 0; i < 3 * SNI_MAX; i++) {
		r.sni = r.domain = r.dns.question = (const uint8_t *)hostile_name(i, name, &r.sni_len);
		r.domain_len = r.dns.question_len = r.sni_len;
		assert_string_not_equal(encode(r, PRIVACY_FULL), without);
		assert_string_equal(encode(r, PRIVACY_NO_NAMES), without);
	}
	r = records_usual();
	assert_null(strstr(encode(r, PRIVACY_NO_NAMES), "example"));
	assert_non_null(strstr(text, "\"alpn\":[\"h2\",\"http/1.1\"]"));
	assert_non_null(strstr(text, "\"name_status\":\"ok\""));
	assert_non_null(strstr(text, "\"protocol\":\"tls\""));
	assert_non_null(strstr(text, "\"ip\":\"192.168.1.20\",\"port\":51514,\"mac\":\"02-00-5E-00-53-AF\""));
}

/* Whatever the name, what is left of it is 32 digits; the rest is that of the record with another one. */
static void hashed_leaves_but_a_hash(void **state)
{
	for (int mode = PRIVACY_HASHED; mode <= PRIVACY_PREFIX; mode++)
		for (unsigned int i = 0; i < 3 * SNI_MAX; i++) {
			struct record r = records_full();
			char hash[PRIVACY_NAME_MAX], expected[RECORD_JSON_MAX + 1];
			uint8_t name[SNI_MAX];
			size_t len;
			char *at;

			r.sni = (const uint8_t *)"x";
			r.sni_len = 1;
			strcpy(expected, encode(r, (enum privacy_mode)mode));
			at = strstr(expected, "\"server_name\":\"c9ceef70145f2daccabe18227fee7fbe\"");
			assert_non_null(at);
			r.sni = (const uint8_t *)hostile_name(i, name, &r.sni_len);
			assert_true(privacy_name(privacy[mode], name, r.sni_len, hash, &len));
			memcpy(at + strlen("\"server_name\":\""), hash, PRIVACY_HASH_BYTES);
			assert_string_equal(encode(r, (enum privacy_mode)mode), expected);
		}
}

static void records_of_each_mode(void **state)
{
	struct record r = records_usual(), before = r;
	struct privacy_scratch scratch;

	privacy_record(privacy[PRIVACY_FULL], &r, &scratch);
	assert_memory_equal(&r, &before, sizeof(r));
	assert_null(strstr(encode(r, PRIVACY_HASHED), "example.org"));
	assert_non_null(strstr(text, "\"server_name\":\"b1f5fbeabfb2ea253f6b67bbb42d3fe4\""));
	assert_non_null(strstr(text, "\"source\":{\"ip\":\"192.168.1.20\",\"port\":51514,\"mac\":\""));
	assert_null(strstr(text, "02-00-5E-00-53-AF"));
	assert_non_null(strstr(text, "\"community_id\":\"1:LQU9qZlK+B5F3KDmev6m5PMibrg=\""));
	assert_null(strstr(encode(r, PRIVACY_PREFIX), "example.org"));
	assert_non_null(strstr(text, "\"server_name\":\"b1f5fbeabfb2ea253f6b67bbb42d3fe4\""));
	assert_non_null(strstr(text, "\"source\":{\"ip\":\"207.87.225.11\",\"port\":51514,\"mac\":\""));
	assert_non_null(strstr(text, "\"destination\":{\"ip\":\"192.114.65.7\",\"port\":443,\"packets\":14"));
	assert_null(strstr(text, "192.168.1.20"));
	assert_null(strstr(text, "203.0.113.7"));
	assert_null(strstr(text, "5E-00-53-AF"));
	assert_null(strstr(text, "community_id"));
}

static void absent_stays_absent(void **state)
{
	struct record r = records_minimal();
	char full[RECORD_JSON_MAX + 1];

	strcpy(full, encode(r, PRIVACY_FULL));
	assert_string_equal(encode(r, PRIVACY_NO_NAMES), full);
	assert_string_equal(encode(r, PRIVACY_HASHED), full);
	encode(r, PRIVACY_PREFIX);
	assert_null(strstr(text, "\"mac\""));
	assert_null(strstr(text, "server_name"));
}

/* ---- no field is forgotten ---- */

/* Fields of text that say nothing of a name, an IP address or a layer-2 address. */
static const char *const STAYS[] = {
	"event.reason",
	"network.type",
	"network.transport",
	"network.iana_number",
	"network.protocol",
	"network.vlan.id",
	"network.inner.vlan.id",
	"observer.interface.name",
	"tls.version",
	"tls.version_protocol",
	"tls.cipher",
	"tls.curve",
	"tls.resumed",
	"tls.next_protocol",
	"tls.client.alpn",
	"tls.client.ja4",
	"http.request.method",
	"http.response.status_code",
	"http.version",
	"dns.question.type",
	"dns.response_code",
	"weir.name_source",
	"weir.name_confidence",
	"weir.tls.version_offered",
	"weir.tls.client_versions",
	"weir.tls.client_groups",
	"weir.tls.inner_protocol",
	"weir.tls.dns_carrier",
	"weir.quic.version",
	"weir.quic.spin",
	"weir.quic.rtt_us.near.buckets",
	"weir.quic.rtt_us.far.buckets",
	"weir.role",
	"weir.hook",
	"weir.bytes_source",
	"weir.initiator",
	"weir.name_status",
	"weir.alpn_hex",
	"weir.tcp.flags.source",
	"weir.tcp.flags.destination",
	"weir.tcp.state",
	"weir.tcp.failure",
	"weir.tcp.reset",
	"weir.tcp.rtt_us.near.buckets",
	"weir.tcp.rtt_us.far.buckets",
	"weir.icmp.rtt_us.near.buckets",
	"weir.icmp.rtt_us.far.buckets",
};

/* The end of the value at @at. */
static const char *skip_value(const char *at)
{
	int depth = 0;

	for (bool quoted = false;; at++) {
		if (quoted)
			at += *at == '\\';
		if (*at == '"')
			quoted = !quoted;
		if (quoted)
			continue;
		if (*at == '{' || *at == '[')
			depth++;
		if (*at == '}' || *at == ']')
			depth--;
		if (depth < 0 || !*at || (!depth && (at[1] == ',' || at[1] == '}' || at[1] == ']' || !at[1])))
			return at + (depth >= 0);
	}
}

/* The value of "a.b.c" in the object at @at, with its quotes; "" where there is none. */
static void find_value(const char *at, const char *path, char *ret_value, size_t size)
{
	const size_t len = strcspn(path, ".");

	*ret_value = '\0';
	while (*at == '{' || *at == ',') {
		const char *name = at + 2, *value = strchr(name, '"') + 2;

		at = skip_value(value);
		if ((size_t)(value - 2 - name) != len || memcmp(name, path, len))
			continue;
		if (path[len])
			find_value(value, path + len + 1, ret_value, size);
		else
			snprintf(ret_value, size, "%.*s", (int)(at - value), value);
		return;
	}
}

static void check_field(const char *path, const struct field *field, void *arg)
{
	char full[4096], hidden[4096];
	unsigned int *checked = arg;
	bool stays = false;

	if (!strcmp(field->type, "long") || !strcmp(field->type, "boolean") || !strcmp(field->type, "date"))
		return;
	find_value(encode(records_full(), PRIVACY_FULL), path, full, sizeof(full));
	find_value(encode(records_full(), PRIVACY_PREFIX), path, hidden, sizeof(hidden));
	if (!full[0])
		fail_msg("%s: not in records_full()", path);
	for (size_t i = 0; i < ARRAY_SIZE(STAYS); i++)
		stays |= !strcmp(STAYS[i], path);
	if (stays && strcmp(full, hidden))
		fail_msg("%s: is changed, %s to %s, and in STAYS", path, full, hidden);
	if (!stays && !strcmp(full, hidden))
		fail_msg(
			"%s: %s leaves in mode prefix. Names and addresses belong into the tables of export/privacy.h, "
			"anything else into STAYS",
			path, full);
	++*checked;
}

static void every_field_is_hidden_or_known_to_stay(void **state)
{
	unsigned int checked = 0;

	fields_each(check_field, &checked);
	assert_true(checked > ARRAY_SIZE(STAYS));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_hashed),
		cmocka_unit_test(only_letters_are_folded),
		cmocka_unit_test(names_of_the_other_modes),
		cmocka_unit_test(layer_2_addresses),
		cmocka_unit_test(permuted_layer_2_addresses),
		cmocka_unit_test(locally_administered_layer_2_addresses),
		cmocka_unit_test(ip_addresses),
		cmocka_unit_test(prefixes_are_shared_exactly),
		cmocka_unit_test(random_pairs),
		cmocka_unit_test(the_cache_changes_nothing),
		cmocka_unit_test(every_bit_of_the_key_counts),
		cmocka_unit_test(a_key_is_needed),
		cmocka_unit_test(no_names_leaves_no_byte_of_a_name),
		cmocka_unit_test(hashed_leaves_but_a_hash),
		cmocka_unit_test(records_of_each_mode),
		cmocka_unit_test(absent_stays_absent),
		cmocka_unit_test(every_field_is_hidden_or_known_to_stay),
	};

	return cmocka_run_group_tests_name("privacy", tests, set_up, tear_down);
}
