/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_dns_match - queries and answers in every order, the limits, and random ones against a plain list. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "dns_make.h"
#include "enrich/dns_match.h"

#define MS NS_PER_MS

static const struct siphash_key SEED = { { 1, 2 } };
static struct dns_match *match;
static struct dns_match_transaction done;
static uint8_t observer;

static int setup(void **state)
{
	memset(&done, 0, sizeof(done));
	return dns_match_new(&match, 4, SEED);
}

static int teardown(void **state)
{
	match = dns_match_free(match);
	return 0;
}

static enum dns_match_result add(uint16_t port, uint16_t id, unsigned int flags, const char *name, unsigned int type,
				 uint64_t now_ns)
{
	static struct dns_make make;
	struct dns_match_flow flow = { .client = { 1, 2, 3, 4 }, .resolver = { 5, 6, 7, 8 }, .client_port = port,
				       .resolver_port = 53, .proto = 17, .observer = observer };
	struct dns_message m;

	make_header(&make, id, flags);
	if (name)
		make_question(&make, name, type);
	assert_int_equal(dns_parse(DNS_UNICAST, make.bytes, make.len, &m), DNS_OK);
	return dns_match_add(match, &flow, &m, now_ns, &done);
}

/* A gateway forwards query and answer: each of its two ports has both. */
static void two_observers(void **state)
{
	for (observer = 0; observer < 2; observer++)
		assert_int_equal(add(1, 7, 0x0100, "a.b", 1, 10 * MS), DNS_MATCH_QUERY);
	for (observer = 0; observer < 2; observer++)
		assert_int_equal(add(1, 7, 0x8180, "a.b", 1, 13 * MS), DNS_MATCH_ANSWER);
	observer = 0;
	assert_int_equal(dns_match_counters(match).strays, 0);
}

static void one(void **state)
{
	struct dns_match_counters c;

	assert_int_equal(add(1, 7, 0x0100, "a.b", 1, 10 * MS), DNS_MATCH_QUERY);
	assert_int_equal(dns_match_waiting(match), 1);
	assert_int_equal(add(1, 7, 0x0100, "A.b", 1, 12 * MS), DNS_MATCH_REPEATED);
	assert_int_equal(add(1, 8, 0x8183, "a.b", 1, 13 * MS), DNS_MATCH_STRAY);
	assert_int_equal(add(2, 7, 0x8183, "a.b", 1, 13 * MS), DNS_MATCH_STRAY);
	assert_int_equal(add(1, 7, 0x8183, "a.c", 1, 13 * MS), DNS_MATCH_STRAY);
	assert_int_equal(add(1, 7, 0x8183, "a.b", 28, 13 * MS), DNS_MATCH_STRAY);
	assert_int_equal(done.flow.client_port, 0);
	assert_int_equal(add(1, 7, 0x8183, "a.B", 1, 15 * MS), DNS_MATCH_ANSWER);
	assert_true(done.answered && done.rcode == 3 && done.repeats == 1 && done.flow.id == 7);
	assert_true(done.first_ns == 10 * MS && done.last_ns == 12 * MS && done.response_ns == 5 * MS);
	assert_int_equal(add(1, 7, 0x8183, "a.b", 1, 16 * MS), DNS_MATCH_STRAY);
	c = dns_match_counters(match);
	assert_true(c.queries == 1 && c.repeats == 1 && c.answered == 1 && c.strays == 5 && !c.expired && !c.replaced);
	assert_int_equal(dns_match_waiting(match), 0);
}

/* Two questions under one id; an answer without a question takes the newer one. */
static void same_id(void **state)
{
	add(1, 7, 0, "a", 1, 1 * MS);
	assert_int_equal(add(1, 7, 0, "a", 28, 2 * MS), DNS_MATCH_QUERY);
	assert_int_equal(add(1, 7, 0x8001, NULL, 0, 5 * MS), DNS_MATCH_ANSWER);
	assert_true(done.first_ns == 2 * MS && done.rcode == 1);
	assert_int_equal(add(1, 7, 0x8000, "a", 1, 6 * MS), DNS_MATCH_ANSWER);
	assert_int_equal(done.first_ns, 1 * MS);
	assert_int_equal(add(1, 7, 0x8001, NULL, 0, 7 * MS), DNS_MATCH_STRAY);
}

static void expiry(void **state)
{
	uint64_t late = DNS_MATCH_TIMEOUT_NS;

	add(1, 1, 0, "a", 1, 0);
	add(1, 2, 0, "b", 1, 5);
	add(1, 2, 0, "b", 1, late);
	assert_false(dns_match_expired(match, late - 1, &done));
	assert_int_equal(add(1, 1, 0x8000, "a", 1, late), DNS_MATCH_STRAY);	/* too late */
	assert_int_equal(add(1, 1, 0, "a", 1, late), DNS_MATCH_QUERY);		/* not a copy any more */
	assert_int_equal(dns_match_waiting(match), 3);
	assert_true(dns_match_expired(match, late, &done));
	assert_true(done.flow.id == 1 && done.first_ns == 0 && !done.answered && !done.response_ns);
	assert_false(dns_match_expired(match, late, &done));
	assert_true(dns_match_expired(match, late + 5, &done));
	assert_true(done.flow.id == 2 && done.repeats == 1 && done.last_ns == late);
	assert_int_equal(add(1, 1, 0x8000, "a", 1, late + 9), DNS_MATCH_ANSWER);
	assert_int_equal(done.response_ns, 9);
	assert_int_equal(dns_match_counters(match).expired, 2);
}

static void time_goes_back(void **state)
{
	add(1, 1, 0, "a", 1, 100 * NS_PER_S);
	assert_false(dns_match_expired(match, 1, &done));
	assert_int_equal(add(1, 1, 0x8000, "a", 1, 99 * NS_PER_S), DNS_MATCH_ANSWER);
	assert_int_equal(done.response_ns, 0);
}

static void bounded(void **state)
{
	struct dns_match *none = (struct dns_match *)&done;

	assert_int_equal(dns_match_new(&none, 0, SEED), -EINVAL);
	assert_int_equal(dns_match_new(&none, (1 << 20) + 1, SEED), -EINVAL);
	assert_ptr_equal(none, &done);
	assert_null(dns_match_free(NULL));
	for (uint16_t id = 0; id < 6; id++)
		assert_int_equal(add(1, id, 0, "a", 1, id), DNS_MATCH_QUERY);
	assert_int_equal(dns_match_waiting(match), 4);
	assert_int_equal(dns_match_counters(match).replaced, 2);
	assert_int_equal(add(1, 1, 0x8000, "a", 1, 9), DNS_MATCH_STRAY);
	for (uint16_t id = 2; id < 6; id++)
		assert_int_equal(add(1, id, 0x8000, "a", 1, 9), DNS_MATCH_ANSWER);
}

/* A list in order of time: what is there, and no more than 32. */
static void random_operations(void **state)
{
	struct waits {
		uint16_t port, id;
		uint64_t first_ns;
		uint32_t repeats;
	} list[32];
	size_t n = 0, i;
	uint64_t now = 0, replaced = 0;

	teardown(NULL);
	assert_int_equal(dns_match_new(&match, ARRAY_SIZE(list), SEED), 0);
	srand(1);
	for (int op = 0; op < 100000; op++) {
		uint16_t port = (uint16_t)(rand() % 8), id = (uint16_t)(rand() % 8);
		bool answer = rand() % 3 == 0;

		now += (uint64_t)rand() % (DNS_MATCH_TIMEOUT_NS / 16);
		for (i = n; i-- > 0;)
			if (list[i].port == port && list[i].id == id && now - list[i].first_ns < DNS_MATCH_TIMEOUT_NS)
				break;
		if (answer) {
			assert_int_equal(add(port, id, 0x8000, "x.y", 1, now), i < n ? DNS_MATCH_ANSWER : DNS_MATCH_STRAY);
			if (i < n) {
				assert_true(done.first_ns == list[i].first_ns && done.repeats == list[i].repeats);
				memmove(list + i, list + i + 1, (--n - i) * sizeof(list[0]));
			}
		} else if (i < n) {
			assert_int_equal(add(port, id, 0, "x.y", 1, now), DNS_MATCH_REPEATED);
			list[i].repeats++;
		} else {
			assert_int_equal(add(port, id, 0, "x.y", 1, now), DNS_MATCH_QUERY);
			if (n == ARRAY_SIZE(list)) {
				replaced++;
				memmove(list, list + 1, --n * sizeof(list[0]));
			}
			list[n++] = (struct waits){ port, id, now, 0 };
		}
		while (rand() % 8 == 0 && dns_match_expired(match, now, &done)) {
			assert_true(n && done.first_ns == list[0].first_ns && now - done.first_ns >= DNS_MATCH_TIMEOUT_NS);
			memmove(list, list + 1, --n * sizeof(list[0]));
		}
		assert_int_equal(dns_match_waiting(match), n);
	}
	assert_true(dns_match_counters(match).replaced == replaced && replaced > 100);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(one), TEST(two_observers), TEST(same_id), TEST(expiry), TEST(time_goes_back), TEST(bounded), TEST(random_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
