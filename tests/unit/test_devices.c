/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_devices - what is kept and what is refused, who makes room, addresses that move and age, names by source. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "base/util.h"
#include "enrich/devices.h"

#define DAY_S 86400ULL

struct ip {
	uint32_t w[4];
};

struct mac {
	uint8_t b[6];
};

static const struct siphash_key SEED = { { 3, 4 } };
static struct devices *d;

static struct ip v4(uint32_t a)
{
	return (struct ip){ { 0, 0, htonl(0xffff), htonl(a) } };
}

static struct ip v6(uint32_t first, uint32_t last)
{
	return (struct ip){ { htonl(first), 0, 0, htonl(last) } };
}

static struct mac mac(uint16_t n)
{
	return (struct mac){ { 0, 0x16, 0x3e, 0, (uint8_t)(n >> 8), (uint8_t)n } };
}

static struct devices_at at(uint64_t s)
{
	return (struct devices_at){ .port = 1, .vlan = 10, .now_ns = s * NS_PER_S };
}

static bool see(uint16_t who, struct ip ip, uint64_t s)
{
	struct devices_at when = at(s);

	return devices_seen_address(d, &when, mac(who).b, ip.w, DEVICES_ARP);
}

static bool claim(uint16_t who, struct ip ip, uint64_t s)
{
	struct devices_at when = at(s);

	return devices_seen_claim(d, &when, mac(who).b, ip.w, DEVICES_MDNS);
}

static bool call(uint16_t who, const char *name, enum devices_source source, uint64_t s)
{
	struct devices_at when = at(s);

	return devices_seen_name(d, &when, mac(who).b, name, strlen(name), source);
}

static const struct device *of(uint16_t who)
{
	return devices_find_mac(d, mac(who).b, 1, 10);
}

/* Who has it, by the MAC's last byte; 0: nobody. */
static unsigned int owner(struct ip ip, uint64_t s)
{
	const struct device *device = devices_find(d, ip.w, 1, 10, s * NS_PER_S);

	return device ? device->mac[5] : 0;
}

static unsigned int told(void)
{
	unsigned int n = 0;

	while (devices_changed(d))
		n++;
	return n;
}

static int begin(void **state)
{
	return devices_new(&d, 3, SEED);
}

static int end(void **state)
{
	d = devices_free(d);
	return 0;
}

static void sizes(void **state)
{
	struct devices *none = NULL;

	assert_int_equal(devices_new(&none, 0, SEED), -EINVAL);
	assert_int_equal(devices_new(&none, DEVICES_LIMIT + 1, SEED), -EINVAL);
	assert_null(none);
	assert_int_equal(devices_new(&none, DEVICES_LIMIT, SEED), 0);
	assert_null(devices_free(none));
	assert_null(devices_free(NULL));
}

static void what_is_kept_of_a_device(void **state)
{
	const struct device *device;

	assert_true(see(1, v4(0xc0000201), 5));
	assert_true(see(1, v6(0xfe800000, 1), 7));
	assert_true(see(1, v4(0xc0000201), 9));
	device = of(1);
	assert_memory_equal(device->mac, mac(1).b, 6);
	assert_true(device->port == 1 && device->vlan == 10 && !device->local);
	assert_true(device->first_ns == 5 * NS_PER_S && device->last_ns == 9 * NS_PER_S);
	assert_int_equal(device->addresses, 2);
	assert_memory_equal(device->address[0].address, v4(0xc0000201).w, 16);
	assert_true(device->address[0].first_ns == 5 * NS_PER_S && device->address[0].last_ns == 9 * NS_PER_S);
	assert_int_equal(device->address[0].source, DEVICES_ARP);
	assert_string_equal(devices_source_name(DEVICES_ARP), "arp");
	assert_null(devices_source_name(DEVICES_NONE));
	assert_true(device->address[1].last_ns == 7 * NS_PER_S);
	assert_int_equal(devices_counters(d)->learnt, 1);
	assert_int_equal(devices_counters(d)->addresses, 2);
	/* an older word does not turn the time back */
	assert_true(see(1, v4(0xc0000201), 1));
	assert_true(device->last_ns == 9 * NS_PER_S && device->address[0].last_ns == 9 * NS_PER_S);
}

static void refused(void **state)
{
	static const uint8_t MACS[][6] = {
		{ 0 }, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, { 1, 0, 0x5e, 0, 0, 1 }, { 0x33, 0x33, 0, 0, 0, 1 },
	};
	const struct ip ips[] = {
		v4(0), v4(0x7f000001), v4(0x00000001), v4(0xe00000fb), v4(0xf0000001), v4(0xffffffff), v6(0, 0), v6(0, 1),
		v6(0xff020000, 1),
	};
	struct devices_at when = at(1);

	for (size_t i = 0; i < ARRAY_SIZE(MACS); i++) {
		assert_false(devices_seen_address(d, &when, MACS[i], v4(0xc0000201).w, DEVICES_ARP));
		assert_false(devices_seen(d, &when, MACS[i]));
		assert_false(devices_seen_name(d, &when, MACS[i], "x", 1, DEVICES_DHCP4));
		assert_false(devices_seen_class(d, &when, MACS[i], "x", 1, NULL, 0));
	}
	assert_int_equal(devices_counters(d)->refused_mac, 4 * ARRAY_SIZE(MACS));
	for (size_t i = 0; i < ARRAY_SIZE(ips); i++)
		assert_false(see(1, ips[i], 1));
	assert_int_equal(devices_counters(d)->refused_address, ARRAY_SIZE(ips));
	assert_int_equal(devices_counters(d)->learnt, 0);
	/* at the edges of what is refused; a virtual router's MAC is a MAC */
	assert_true(see(1, v4(0x01000000), 1) && see(1, v4(0x7e000001), 1) && see(1, v4(0x80000001), 1));
	assert_true(see(1, v4(0xdfffffff), 1) && see(1, v6(0xfe800000, 1), 1) && see(1, v6(0x20010db8, 0), 1));
	assert_true(devices_seen(d, &when, (const uint8_t[]){ 0, 0, 0x5e, 0, 1, 7 }));
	assert_true(devices_seen(d, &when, (const uint8_t[]){ 2, 0, 0, 0, 0, 1 }));
	assert_true(devices_find_mac(d, (const uint8_t[]){ 2, 0, 0, 0, 0, 1 }, 1, 10)->local);
}

static void a_port_and_a_vlan_are_worlds_of_their_own(void **state)
{
	struct devices_at here = { 1, 10, NS_PER_S }, port = { 2, 10, 2 * NS_PER_S }, vlan = { 1, 11, 3 * NS_PER_S };
	struct ip ip = v4(0xc0000201);

	assert_true(devices_seen_address(d, &here, mac(1).b, ip.w, DEVICES_ARP));
	assert_true(devices_seen_address(d, &port, mac(1).b, ip.w, DEVICES_ARP));
	assert_true(devices_seen_address(d, &vlan, mac(2).b, ip.w, DEVICES_ARP));
	assert_int_equal(devices_counters(d)->learnt, 3);
	assert_int_equal(devices_counters(d)->moved, 0);
	assert_int_equal(devices_find(d, ip.w, 1, 10, 0)->vlan, 10);
	assert_int_equal(devices_find(d, ip.w, 2, DEVICES_ANY, 0)->port, 2);
	assert_int_equal(devices_find(d, ip.w, DEVICES_ANY, 11, 0)->mac[5], 2);
	assert_int_equal(devices_find(d, ip.w, DEVICES_ANY, DEVICES_ANY, 0)->vlan, 11);	/* heard last */
	assert_int_equal(devices_find(d, ip.w, 1, DEVICES_ANY, 0)->vlan, 11);
	assert_null(devices_find(d, ip.w, 2, 11, 0));
	assert_null(devices_find_mac(d, mac(2).b, 1, 10));
}

static void an_address_moves(void **state)
{
	see(1, v4(0xc0000201), 1);
	see(1, v4(0xc0000202), 1);
	see(2, v4(0xc0000203), 1);
	told();
	assert_true(see(2, v4(0xc0000201), 2));
	assert_int_equal(owner(v4(0xc0000201), 2), 2);
	assert_int_equal(owner(v4(0xc0000202), 2), 1);
	assert_int_equal(of(1)->addresses, 1);
	assert_int_equal(of(2)->addresses, 2);
	assert_int_equal(devices_counters(d)->moved, 1);
	assert_int_equal(told(), 2);
}

static void a_claim_moves_nothing(void **state)
{
	see(1, v4(0xc0000201), 1);
	assert_false(claim(2, v4(0xc0000201), 2));
	assert_int_equal(owner(v4(0xc0000201), 2), 1);
	assert_int_equal(devices_counters(d)->not_moved, 1);
	assert_true(claim(1, v4(0xc0000201), 3));
	assert_true(of(1)->address[0].last_ns == 3 * NS_PER_S);
	assert_true(claim(2, v4(0xc0000202), 3));
	/* who has not been heard for so long does not have it any more */
	assert_false(claim(2, v4(0xc0000201), 3 + DAY_S - 1));
	assert_true(claim(2, v4(0xc0000201), 3 + DAY_S));
	assert_int_equal(devices_counters(d)->moved, 0);
	assert_int_equal(devices_counters(d)->addresses_aged, 2);	/* and the claimer's own */
}

static void the_oldest_address_makes_room(void **state)
{
	for (uint32_t i = 0; i < DEVICES_ADDRESSES_MAX; i++)
		see(1, v6(0x20010db8, i), 10 + i);
	see(1, v6(0x20010db8, 0), 30);
	assert_int_equal(devices_counters(d)->addresses_replaced, 0);
	see(1, v6(0x20010db8, 99), 31);
	assert_int_equal(devices_counters(d)->addresses_replaced, 1);
	assert_int_equal(of(1)->addresses, DEVICES_ADDRESSES_MAX);
	assert_int_equal(owner(v6(0x20010db8, 1), 31), 0);
	for (uint32_t i = 0; i < DEVICES_ADDRESSES_MAX; i++)
		assert_int_equal(owner(v6(0x20010db8, i == 1 ? 99 : i), 31), 1);
}

/* RFC 8981: an address a day, the device stays one. */
static void privacy_addresses_age_out(void **state)
{
	for (uint32_t day = 0; day < 20; day++) {
		see(1, v6(0x20010db8, day), day * DAY_S);
		see(1, v6(0xfe800000, 1), day * DAY_S + DAY_S / 2);
	}
	assert_int_equal(devices_counters(d)->learnt, 1);
	assert_int_equal(devices_counters(d)->addresses_aged, 19);
	assert_int_equal(of(1)->addresses, 2);
	assert_int_equal(owner(v6(0x20010db8, 19), 20 * DAY_S - 1), 1);
	assert_int_equal(owner(v6(0x20010db8, 19), 20 * DAY_S), 0);
	told();
	devices_age(d, 20 * DAY_S * NS_PER_S - 1);
	assert_int_equal(told(), 0);
	devices_age(d, 20 * DAY_S * NS_PER_S);
	assert_int_equal(told(), 1);
	assert_int_equal(of(1)->addresses, 1);
	assert_int_equal(devices_counters(d)->addresses_aged, 20);
}

static void the_device_unheard_for_longest_makes_room(void **state)
{
	for (uint16_t i = 1; i <= 3; i++)
		see(i, v4(0xc0000200u + i), i);
	see(1, v4(0xc0000201), 4);
	devices_changed(d);
	told();
	see(2, v4(0xc0000222), 4);
	see(4, v4(0xc0000204), 5);	/* 3 goes, it was told */
	assert_null(of(3));
	assert_int_equal(owner(v4(0xc0000203), 5), 0);
	assert_int_equal(devices_counters(d)->replaced, 1);
	assert_int_equal(devices_counters(d)->untold, 0);
	see(5, v4(0xc0000205), 6);	/* 1, told too */
	see(6, v4(0xc0000206), 7);	/* 2: its last address was not told */
	assert_int_equal(devices_counters(d)->untold, 1);
	assert_int_equal(devices_counters(d)->learnt - devices_counters(d)->replaced, 3);
	assert_int_equal(told(), 3);
}

static void changes_are_told_once(void **state)
{
	struct devices_at when = at(2);

	see(1, v4(0xc0000201), 1);
	assert_ptr_equal(devices_changed(d), of(1));
	assert_null(devices_changed(d));
	see(1, v4(0xc0000201), 2);	/* heard again */
	assert_int_equal(told(), 0);
	see(1, v4(0xc0000202), 2);
	assert_int_equal(told(), 1);
	call(1, "a", DEVICES_DHCP4, 2);
	assert_int_equal(told(), 1);
	call(1, "a", DEVICES_DHCP4, 3);
	assert_int_equal(told(), 0);
	assert_true(devices_seen_class(d, &when, mac(1).b, "v", 1, "\1\3", 2));
	assert_int_equal(told(), 1);
	assert_true(devices_seen_class(d, &when, mac(1).b, "v", 1, NULL, 0));
	assert_int_equal(told(), 0);
	assert_true(devices_seen_class(d, &when, mac(1).b, NULL, 0, "\1\4", 2));
	assert_int_equal(told(), 1);
	assert_int_equal(of(1)->class_len, 1);
	assert_memory_equal(of(1)->parameters, "\1\4", 2);
	assert_false(devices_released(d, &when, mac(2).b, v4(0xc0000202).w));
	assert_false(devices_released(d, &when, mac(1).b, v4(0xc0000203).w));
	assert_true(devices_released(d, &when, mac(1).b, v4(0xc0000202).w));
	assert_int_equal(devices_counters(d)->addresses_released, 1);
	assert_int_equal(told(), 1);
	assert_true(devices_seen(d, &when, mac(2).b));
	assert_int_equal(told(), 1);
}

static void names_by_source(void **state)
{
	assert_true(call(1, "by-mdns", DEVICES_MDNS, 1));
	assert_true(call(1, "by-dhcp6", DEVICES_DHCP6, 2));
	assert_false(call(1, "by-mdns", DEVICES_MDNS, 3));
	assert_true(call(1, "by-dhcp4", DEVICES_DHCP4, 3));
	assert_false(call(1, "by-dhcp6", DEVICES_DHCP6, 4));
	assert_int_equal(devices_counters(d)->names_outweighed, 2);
	assert_int_equal(of(1)->name_len, 8);
	assert_memory_equal(of(1)->name, "by-dhcp4", 8);
	assert_int_equal(of(1)->name_source, DEVICES_DHCP4);
	assert_true(call(1, "x", DEVICES_DHCP4, 5));
	assert_int_equal(of(1)->name_len, 1);
	assert_int_equal(devices_counters(d)->names, 4);
	/* nobody has said so for a week */
	assert_false(call(1, "by-mdns", DEVICES_MDNS, 5 + 7 * DAY_S - 1));
	assert_true(call(1, "by-mdns", DEVICES_MDNS, 5 + 7 * DAY_S));
}

static void lengths_of_texts(void **state)
{
	char text[300];
	struct devices_at when = at(1);

	memset(text, 'x', sizeof(text));
	assert_false(devices_seen_name(d, &when, mac(1).b, text, 0, DEVICES_DHCP4));
	assert_false(devices_seen_name(d, &when, mac(1).b, text, DEVICES_NAME_MAX + 1, DEVICES_DHCP4));
	assert_int_equal(devices_counters(d)->refused_name, 2);
	assert_true(devices_seen_name(d, &when, mac(1).b, text, DEVICES_NAME_MAX, DEVICES_DHCP4));
	assert_int_equal(of(1)->name_len, DEVICES_NAME_MAX);
	assert_true(devices_seen_class(d, &when, mac(1).b, text, 300, text, 300));
	assert_int_equal(of(1)->class_len, DEVICES_CLASS_MAX);
	assert_int_equal(of(1)->parameters_len, DEVICES_PARAMETERS_MAX);
	assert_memory_equal(of(1)->address, (struct device_address[DEVICES_ADDRESSES_MAX]){ 0 }, sizeof(of(1)->address));
}

static void each_comes_in_order(void **state)
{
	uint32_t cursor = 0;

	see(1, v4(0xc0000201), 1);
	see(2, v4(0xc0000202), 2);
	see(3, v4(0xc0000203), 3);
	see(2, v4(0xc0000202), 4);
	assert_int_equal(devices_each(d, &cursor)->mac[5], 1);
	assert_int_equal(devices_each(d, &cursor)->mac[5], 3);
	assert_int_equal(devices_each(d, &cursor)->mac[5], 2);
	assert_null(devices_each(d, &cursor));
	assert_null(devices_each(d, &cursor));
}

/* More than a word of bits; every one is told. */
static void many(void **state)
{
	devices_free(d);
	assert_int_equal(devices_new(&d, 1000, SEED), 0);
	for (uint16_t i = 0; i < 3000; i++)
		assert_true(see(i, v4(0xc0000000u + i), i));
	assert_int_equal(devices_counters(d)->replaced, 2000);
	assert_int_equal(devices_counters(d)->untold, 2000);
	for (uint16_t i = 0; i < 3000; i++) {
		const struct device *device = devices_find(d, v4(0xc0000000u + i).w, 1, 10, 0);

		assert_true(i < 2000 ? !device : device == of(i));
	}
	assert_int_equal(told(), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test_setup_teardown(what_is_kept_of_a_device, begin, end),
		cmocka_unit_test_setup_teardown(refused, begin, end),
		cmocka_unit_test_setup_teardown(a_port_and_a_vlan_are_worlds_of_their_own, begin, end),
		cmocka_unit_test_setup_teardown(an_address_moves, begin, end),
		cmocka_unit_test_setup_teardown(a_claim_moves_nothing, begin, end),
		cmocka_unit_test_setup_teardown(the_oldest_address_makes_room, begin, end),
		cmocka_unit_test_setup_teardown(privacy_addresses_age_out, begin, end),
		cmocka_unit_test_setup_teardown(the_device_unheard_for_longest_makes_room, begin, end),
		cmocka_unit_test_setup_teardown(changes_are_told_once, begin, end),
		cmocka_unit_test_setup_teardown(names_by_source, begin, end),
		cmocka_unit_test_setup_teardown(lengths_of_texts, begin, end),
		cmocka_unit_test_setup_teardown(each_comes_in_order, begin, end),
		cmocka_unit_test_setup_teardown(many, begin, end),
	};

	return cmocka_run_group_tests_name("devices", tests, NULL, NULL);
}
