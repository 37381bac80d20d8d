/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_device_feed - payload copies in, messages of class device out; what is hidden in them, and faults that are counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/util.h"
#include "export/device_json.h"
#include "run/device_feed.h"

static struct device_feed *feed;
static struct reporter reporter;
static char text[DEVICE_JSON_MAX + 1];
static const uint8_t MAC[6] = { 0x00, 0x1b, 0x21, 0xaa, 0xbb, 0xcc }, SECRET[PRIVACY_KEY_BYTES] = { 7 };
static const struct flow_key DHCP = { .proto = IPPROTO_UDP, .a_port = 0x4400, .b_port = 0x4300 };	/* 68, 67 */

static int setup(void **state)
{
	clock_fixed(&reporter.clock);
	reporter.port[3].name = "lan0";
	return device_feed_new(&feed, "/nowhere/oui.bin");
}

static int teardown(void **state)
{
	reporter.privacy = privacy_free(reporter.privacy);
	feed = device_feed_free(feed);
	return 0;
}

static struct copy copy_of(size_t len)
{
	struct copy copy = { .event = { .time_ns = 1795341600ULL * NS_PER_S, .port = 3 }, .len = (uint16_t)len, .vlan = 9 };

	memcpy(copy.mac, MAC, sizeof(copy.mac));
	return copy;
}

/* A reply of the device: 10.1.0.2 is its. */
static size_t make_arp(uint8_t b[28])
{
	const uint8_t head[8] = { 0, 1, 8, 0, 6, 4, 0, 2 };

	memset(b, 0, 28);
	memcpy(b, head, sizeof(head));
	memcpy(b + 8, MAC, 6);
	memcpy(b + 14, "\x0a\1\0\2", 4);
	return 28;
}

static size_t make_dhcp(uint8_t b[300])
{
	static const uint8_t options[] = { 99, 130, 83, 99, 53, 1, 3, 12, 7, 'p', 'r', 'i', 'n', 't', 'e', 'r', 60, 4, 'x', 'r', 'x', '1', 255 };

	memset(b, 0, 300);
	b[0] = 1;
	b[1] = 1;
	b[2] = 6;
	memcpy(b + 28, MAC, 6);
	memcpy(b + 236, options, sizeof(options));
	return 236 + sizeof(options);
}

static void tell(const uint8_t *bytes, size_t len, const struct flow_key *key)
{
	const struct copy copy = copy_of(len);

	device_feed_copy(feed, &copy, bytes, key);
}

static void whole_device(void)
{
	uint8_t b[300];
	size_t len = make_arp(b);

	tell(b, len, NULL);
	len = make_dhcp(b);
	tell(b, len, &DHCP);
}

static bool next(void)
{
	struct writer w = { .buf = text, .size = sizeof(text) - 1 };

	memset(text, 0, sizeof(text));
	if (!device_feed_next(feed, &reporter, &w))
		return false;
	assert_false(w.full);
	return true;
}

static void is_told_once(void **state)
{
	whole_device();
	assert_true(next());
	for (size_t i = 0; i < 6; i++)
		assert_non_null(strstr(text, (const char *[]){ "00-1B-21-AA-BB-CC", "10.1.0.2", "printer", "\"lan0\"", "xrx1", "dhcp4" }[i]));
	assert_false(next());
	whole_device();		/* heard again: no news */
	assert_false(next());
	assert_false(device_feed_has_vendors(feed));
}

static void hidden_in_each_mode(void **state)
{
	static const struct {
		enum privacy_mode mode;
		bool mac, address;	/* stay */
	} rows[] = { { PRIVACY_NO_NAMES, true, true }, { PRIVACY_HASHED, false, true }, { PRIVACY_PREFIX, false, false } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		teardown(NULL);
		setup(NULL);
		assert_int_equal(privacy_new(&reporter.privacy, rows[i].mode, SECRET), 0);
		whole_device();
		assert_true(next());
		assert_null(strstr(text, "printer"));
		assert_null(strstr(text, "xrx1"));
		assert_int_equal(!!strstr(text, "AA-BB-CC"), rows[i].mac);
		assert_int_equal(!!strstr(text, "10.1.0.2"), rows[i].address);
		assert_int_equal(!!strstr(text, "\"name_source\""), rows[i].mode != PRIVACY_NO_NAMES);
	}
}

static void faults_are_counted(void **state)
{
	uint8_t b[300];
	size_t len = make_arp(b);

	tell(b, len - 1, NULL);
	assert_int_equal(device_feed_malformed(feed), 1);
	b[1] = 6;	/* not Ethernet */
	tell(b, len, NULL);
	assert_int_equal(device_feed_malformed(feed), 2);
	len = make_dhcp(b);
	tell(b, 239, &DHCP);
	assert_int_equal(device_feed_malformed(feed), 3);
	tell(b, len - 1, &DHCP);	/* no end: what was readable counts */
	assert_int_equal(device_feed_malformed(feed), 4);
	tell(b, 8, &(struct flow_key){ .proto = IPPROTO_ICMPV6, .ip_version = 6 });
	assert_int_equal(device_feed_malformed(feed), 5);
	tell(b, len, &(struct flow_key){ .proto = IPPROTO_UDP, .a_port = htons(546), .b_port = htons(547) });
	assert_int_equal(device_feed_malformed(feed), 6);
	tell(b, len, &(struct flow_key){ .proto = IPPROTO_UDP, .a_port = htons(5000), .b_port = htons(443) });
	assert_int_equal(device_feed_malformed(feed), 6);	/* of no device */
	assert_true(next());
	assert_false(next());
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { TEST(is_told_once), TEST(hidden_in_each_mode), TEST(faults_are_counted) };

	return cmocka_run_group_tests_name("device_feed", tests, NULL, NULL);
}
