/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_dns_names - sources, times, replacement, and random operations against a plain list. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "enrich/dns_names.h"

#define S	NS_PER_S
#define TTL	DNS_NAMES_TTL_MIN_S

static const struct siphash_key SEED = { { 3, 4 } };
static struct dns_names *names;
static struct dns_names_found found;

static int setup(void **state)
{
	return dns_names_new(&names, DNS_NAMES_MEMORY_MIN, SEED);
}

static int teardown(void **state)
{
	names = dns_names_free(names);
	return 0;
}

/* One label of @len bytes, or labels of 9 where it is more than 63, that begins with the number. */
static struct dns_name name_of(unsigned int number, size_t len)
{
	struct dns_name name = { .len = (uint8_t)(len + 2) };

	memset(name.bytes, 'x', sizeof(name.bytes));
	for (size_t at = 0; at <= len; at += 10)
		name.bytes[at] = len < 64 && at ? 'x' : (uint8_t)MIN(len < 64 ? len : 9, len - at);
	name.bytes[len + 1] = 0;
	memcpy(name.bytes + 1, &number, sizeof(number));
	return name;
}

static bool put(unsigned int client, unsigned int server, unsigned int name, uint32_t ttl_s, uint64_t now_ns)
{
	uint32_t c[4] = { client }, s[4] = { 0, server };
	struct dns_name n = name_of(name, 20);

	return dns_names_put(names, client ? c : NULL, s, &n, ttl_s, now_ns);
}

/* Source times 1000, and the name's number. */
static unsigned int lookup(unsigned int client, unsigned int server, uint64_t now_ns)
{
	uint32_t c[4] = { client }, s[4] = { 0, server };
	enum dns_names_source source = dns_names_lookup(names, c, s, now_ns, &found);
	unsigned int number;

	if (source == DNS_NAMES_NONE)
		return 0;
	memcpy(&number, found.name.bytes + 1, sizeof(number));
	return 1000 * source + number;
}

static void sources(void **state)
{
	assert_int_equal(lookup(1, 9, 0), 0);
	put(0, 9, 5, 100, 0);
	put(1, 9, 5, 100, 0);
	assert_int_equal(lookup(1, 9, 1), 1000 * DNS_NAMES_OWN + 5);
	assert_int_equal(lookup(2, 9, 1), 1000 * DNS_NAMES_OTHER + 5);
	assert_int_equal(lookup(1, 8, 1), 0);
	put(0, 9, 6, 200, 2);
	put(2, 9, 6, 200, 2);
	assert_int_equal(lookup(1, 9, 3), 1000 * DNS_NAMES_OWN + 5);
	assert_true(found.shared);	/* another client knows it as 6 */
	put(1, 7, 5, 100, 2);
	put(0, 7, 5, 100, 2);
	assert_int_equal(lookup(1, 7, 3), 1000 * DNS_NAMES_OWN + 5);
	assert_false(found.shared);
	dns_names_forget(names, (const uint32_t[4]){ 1 }, (const uint32_t[4]){ 0, 7 });
	dns_names_forget(names, NULL, (const uint32_t[4]){ 0, 7 });
	assert_int_equal(lookup(2, 9, 3), 1000 * DNS_NAMES_OWN + 6);
	assert_int_equal(lookup(3, 9, 3), 1000 * DNS_NAMES_OTHER + 6);
	assert_true(found.shared);
	assert_int_equal(lookup(1, 9, 100 * S - 1), 1000 * DNS_NAMES_OWN + 5);
	assert_int_equal(lookup(1, 9, 100 * S), 1000 * DNS_NAMES_OWN_EXPIRED + 5);
	assert_int_equal(lookup(3, 9, 200 * S + 2), 1000 * DNS_NAMES_OTHER_EXPIRED + 6);
	assert_int_equal(lookup(1, 9, (100 + DNS_NAMES_GRACE_S) * S - 1), 1000 * DNS_NAMES_OWN_EXPIRED + 5);
	assert_int_equal(lookup(1, 9, (100 + DNS_NAMES_GRACE_S) * S), 1000 * DNS_NAMES_OTHER_EXPIRED + 6);
	assert_int_equal(lookup(1, 9, (200 + DNS_NAMES_GRACE_S) * S + 2), 0);
	assert_int_equal(dns_names_counters(names).expired, 2);
	assert_int_equal(dns_names_used(names), 1);
}

static void ttl_is_clamped(void **state)
{
	put(1, 1, 1, 0, 0);
	assert_int_equal(lookup(1, 1, TTL * S - 1) / 1000, DNS_NAMES_OWN);
	assert_int_equal(lookup(1, 1, TTL * S) / 1000, DNS_NAMES_OWN_EXPIRED);
	put(1, 2, 1, 0x7fffffff, 0);
	assert_int_equal(lookup(1, 2, DNS_NAMES_TTL_MAX_S * S - 1) / 1000, DNS_NAMES_OWN);
	assert_int_equal(lookup(1, 2, DNS_NAMES_TTL_MAX_S * S) / 1000, DNS_NAMES_OWN_EXPIRED);
}

/* The same name again never lasts shorter; another one lasts as long as it says. */
static void renewal(void **state)
{
	put(1, 1, 1, 1000, 0);
	put(1, 1, 1, 100, 0);
	assert_int_equal(lookup(1, 1, 999 * S), 1000 * DNS_NAMES_OWN + 1);
	put(1, 1, 2, 100, 0);
	assert_int_equal(lookup(1, 1, 99 * S), 1000 * DNS_NAMES_OWN + 2);
	assert_true(found.shared);
	assert_int_equal(lookup(1, 1, 100 * S), 1000 * DNS_NAMES_OWN_EXPIRED + 2);
	put(1, 1, 3, 100, 100 * S);	/* its predecessor was over */
	assert_int_equal(lookup(1, 1, 101 * S), 1000 * DNS_NAMES_OWN + 3);
	assert_false(found.shared);
	assert_int_equal(dns_names_used(names), 1);
}

static void forgotten(void **state)
{
	uint32_t client[4] = { 1 }, server[4] = { 0, 1 };

	put(0, 1, 1, 100, 0);
	put(1, 1, 1, 100, 0);
	dns_names_forget(names, client, server);
	assert_int_equal(lookup(1, 1, 0), 1000 * DNS_NAMES_OTHER + 1);
	dns_names_forget(names, NULL, server);
	dns_names_forget(names, NULL, server);
	assert_int_equal(lookup(1, 1, 0), 0);
	assert_int_equal(dns_names_used(names), 0);
}

/* The one used longest ago goes. */
static void bounded(void **state)
{
	struct dns_names *none = (struct dns_names *)&found;
	unsigned int room = (unsigned int)dns_names_room(names);

	assert_int_equal(dns_names_new(&none, DNS_NAMES_MEMORY_MIN - 1, SEED), -EINVAL);
	assert_int_equal(dns_names_new(&none, (1u << 30) + 1, SEED), -EINVAL);
	assert_ptr_equal(none, &found);
	assert_null(dns_names_free(NULL));
	assert_true(room > 100);
	for (unsigned int i = 0; i < room; i++)
		assert_true(put(1, i, 7, 100, 0));
	assert_int_equal(dns_names_counters(names).evicted, 0);
	lookup(1, 0, 0);
	put(1, 1, 7, 100, 0);
	put(1, room, 7, 100, 0);
	assert_int_equal(dns_names_used(names), room);
	assert_int_equal(dns_names_counters(names).evicted, 1);
	assert_int_equal(lookup(1, 0, 0) / 1000, DNS_NAMES_OWN);
	assert_int_equal(lookup(1, 1, 0) / 1000, DNS_NAMES_OWN);
	assert_int_equal(lookup(1, 2, 0), 0);
	assert_int_equal(lookup(1, 3, 0) / 1000, DNS_NAMES_OWN);
}

/* Names of all lengths and a lot of them: what is found is what was put last; room is found for each. */
static void names_of_all_lengths(void **state)
{
	static size_t last[64];
	uint64_t refused = 0;

	srand(3);
	for (int op = 0; op < 20000; op++) {
		unsigned int server = (unsigned int)rand() % 64;
		size_t len = (size_t[]){ 4, 20, 27, 63, 253, 100 + (size_t)rand() % 100 }[rand() % 6];
		uint32_t c[4] = { 1 }, s[4] = { 0, server };
		struct dns_name n = name_of(server, len);

		if (dns_names_put(names, c, s, &n, 100, 0))
			last[server] = len;
		else
			refused++;
		server = (unsigned int)rand() % 64;
		s[1] = server;
		if (dns_names_lookup(names, c, s, 0, &found) == DNS_NAMES_OWN) {
			n = name_of(server, last[server]);
			assert_int_equal(found.name.len, n.len);
			assert_memory_equal(found.name.bytes, n.bytes, n.len);
		}
	}
	assert_int_equal(refused, 0);
	assert_true(dns_names_counters(names).evicted > 100);
}

/* Old entries with one name between them give nothing back: then the new name is refused, and the old one gone too. */
static void refused(void **state)
{
	unsigned int room = (unsigned int)dns_names_room(names), many = (room - 1) / 10;
	uint32_t c[4] = { 1 }, s[4] = { 0, 1000 };
	struct dns_name n;

	for (unsigned int i = 0; i <= DNS_NAMES_EVICT_MAX; i++)
		put(1, i, 7, 100, 0);
	for (unsigned int i = 0; i < many; i++) {
		s[1] = 1000 + i;
		n = name_of(i, 253);
		assert_true(dns_names_put(names, c, s, &n, 100, 0));
	}
	assert_int_equal(dns_names_counters(names).evicted, 0);
	n = name_of(many, 253);
	assert_false(dns_names_put(names, c, s, &n, 100, 0));
	assert_int_equal(dns_names_counters(names).refused, 1);
	assert_int_equal(dns_names_counters(names).evicted, DNS_NAMES_EVICT_MAX);
	assert_int_equal(dns_names_lookup(names, c, s, 0, &found), DNS_NAMES_NONE);
	assert_int_equal(lookup(1, DNS_NAMES_EVICT_MAX, 0) / 1000, DNS_NAMES_OWN);
	assert_int_equal(dns_names_used(names), many);
}

struct known {
	unsigned int client, server, name;
	uint64_t expires_ns, used;
};

static struct known *find(struct known *list, size_t n, unsigned int client, unsigned int server)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].client == client && list[i].server == server)
			return &list[i];
	return NULL;
}

/* What lookup is to say; what is dead goes, what is found is used. */
static unsigned int look(struct known *list, size_t *n, unsigned int client, unsigned int server, uint64_t now, uint64_t tick)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct known *k = find(list, *n, i ? 0 : client, server);

		if (!k)
			continue;
		if (now < k->expires_ns + DNS_NAMES_GRACE_S * S) {
			k->used = tick;
			return 1000 * (1 + 2 * i + (now >= k->expires_ns)) + k->name;
		}
		*k = list[--*n];
	}
	return 0;
}

static void random_operations(void **state)
{
	size_t room = dns_names_room(names), n = 0, found_any[5] = { 0 };
	struct known *list = calloc(room + 1, sizeof(*list));
	uint64_t now = 0;

	srand(2);
	for (uint64_t tick = 1; tick <= 100000; tick++) {
		unsigned int client = (unsigned int)rand() % 5, server = (unsigned int)rand() % 50, name = (unsigned int)rand() % 30;
		uint32_t ttl = (uint32_t)rand() % 200;
		struct known *k;

		now += (uint64_t)rand() % (4 * S);
		if (rand() % 2) {
			unsigned int want = look(list, &n, client + 1, server, now, tick);

			assert_int_equal(lookup(client + 1, server, now), want);
			found_any[want / 1000]++;
		} else {
			uint64_t expires = now + MAX(ttl, TTL) * S;

			assert_true(put(client, server, name, ttl, now));
			k = find(list, n, client, server);
			if (!k && n == room) {
				k = list;
				for (size_t i = 1; i < n; i++)
					k = list[i].used < k->used ? &list[i] : k;
			} else if (!k) {
				k = &list[n++];
			} else if (k->name == name && now < k->expires_ns) {
				expires = MAX(expires, k->expires_ns);
			}
			*k = (struct known){ client, server, name, expires, tick };
		}
		assert_int_equal(dns_names_used(names), n);
	}
	for (size_t i = 0; i < ARRAY_SIZE(found_any); i++)
		assert_true(found_any[i] > 50);
	assert_true(dns_names_counters(names).evicted > 1000);
	free(list);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(sources), TEST(ttl_is_clamped), TEST(renewal), TEST(forgotten), TEST(bounded),
		TEST(names_of_all_lengths), TEST(refused), TEST(random_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
