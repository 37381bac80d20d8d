/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_devices_learn - messages from their bytes into the table: who is believed, and about whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "dhcp_make.h"
#include "enrich/devices_learn.h"

#define LL(n)	"\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0" n

static const uint8_t A[6] = { 0, 0x16, 0x3e, 0, 0, 1 }, B[6] = { 0, 0x16, 0x3e, 0, 0, 2 };
static struct devices_at now = { 1, 0, 1000 * NS_PER_S };
static struct devices *d;

static int begin(void **state)
{
	const struct siphash_key seed = { { 5, 6 } };

	now.now_ns = 1000 * NS_PER_S;
	return devices_new(&d, 8, seed);
}

static int end(void **state)
{
	d = devices_free(d);
	return 0;
}

static const uint32_t *v4(uint32_t a)
{
	static uint32_t ip[4];

	ip[0] = ip[1] = 0;
	ip[2] = htonl(0xffff);
	ip[3] = htonl(a);
	return ip;
}

static const uint32_t *v6(const char bytes[16])
{
	static uint32_t ip[4];

	memcpy(ip, bytes, 16);
	return ip;
}

static bool has(const uint8_t mac[6], const uint32_t ip[4])
{
	const struct device *device = devices_find(d, ip, 1, 0, now.now_ns);

	return device && !memcmp(device->mac, mac, 6);
}

static void assert_name(const uint8_t mac[6], const char *want)
{
	const struct device *device = devices_find_mac(d, mac, 1, 0);

	assert_non_null(device);
	assert_int_equal(device->name_len, strlen(want));
	assert_memory_equal(device->name, want, device->name_len);
}

static bool arp(uint8_t operation, const uint8_t mac[6], const char *sender, const char *target)
{
	uint8_t b[ARP_BYTES] = { 0, 1, 8, 0, 6, 4, 0, operation };
	struct arp facts;

	memcpy(b + 8, mac, 6);
	memcpy(b + 14, sender, 4);
	memcpy(b + 24, target, 4);
	assert_int_equal(arp_parse(b, sizeof(b), &facts), ARP_OK);
	return devices_learn_arp(d, &now, &facts);
}

static void arp_teaches_the_sender(void **state)
{
	assert_true(arp(1, A, "\300\0\2\1", "\300\0\2\2"));
	assert_true(has(A, v4(0xc0000201)));
	assert_null(devices_find(d, v4(0xc0000202), 1, 0, now.now_ns));
	/* a probe of another's address: the device is seen, the address stays where it is */
	assert_true(arp(1, B, "\0\0\0\0", "\300\0\2\1"));
	assert_true(has(A, v4(0xc0000201)));
	assert_int_equal(devices_find_mac(d, B, 1, 0)->addresses, 0);
	/* its announcement moves it */
	assert_true(arp(1, B, "\300\0\2\1", "\300\0\2\1"));
	assert_true(has(B, v4(0xc0000201)));
	assert_int_equal(devices_counters(d)->moved, 1);
	assert_false(arp(2, (const uint8_t[6]){ 0 }, "\300\0\2\1", "\300\0\2\1"));
}

static bool ndp(const char *bytes, size_t len, const char source[16], const uint8_t *frame_mac)
{
	static const uint32_t NOBODY[4];
	uint32_t from[4], to[4] = { htonl(0xff020000), 0, htonl(1), htonl(0xff000009) };
	struct ndp facts;

	memcpy(from, source ? source : (const char *)NOBODY, 16);
	if (bytes[0] == '\210')
		to[0] = htonl(0xfe800000);
	assert_int_equal(ndp_parse((const uint8_t *)bytes, len, from, to, 255, &facts), NDP_OK);
	return devices_learn_ndp(d, &now, frame_mac, &facts);
}

#define NDP(text, source, mac) ndp(text, sizeof(text) - 1, source, mac)
#define NS(target)	"\207\0\0\0\0\0\0\0" target
#define NA(flags, target) "\210\0\0\0" flags "\0\0\0" target
#define SLLA_A	"\1\1\0\x16\x3e\0\0\1"
#define TLLA_B	"\2\1\0\x16\x3e\0\0\2"

static void ndp_teaches_source_or_target(void **state)
{
	assert_true(NDP(NS(LL("\7")) SLLA_A, LL("\1"), B));	/* the option, not the frame */
	assert_true(has(A, v6(LL("\1"))));
	assert_null(devices_find(d, v6(LL("\7")), 1, 0, now.now_ns));
	assert_true(NDP(NS(LL("\7")), LL("\2"), B));
	assert_true(has(B, v6(LL("\2"))));
	assert_false(NDP(NS(LL("\7")), LL("\3"), NULL));
	assert_true(NDP(NA("\140", LL("\4")) TLLA_B, LL("\2"), A));
	assert_true(has(B, v6(LL("\4"))));
	assert_true(NDP("\205\0\0\0\0\0\0\0" SLLA_A, LL("\5"), NULL));
	assert_true(has(A, v6(LL("\5"))));
	assert_true(NDP("\206\0\0\0\100\0\0\36\0\0\0\0\0\0\0\0" SLLA_A, LL("\6"), NULL));
	assert_true(has(A, v6(LL("\6"))));
	assert_true(NDP("\205\0\0\0\0\0\0\0", NULL, B));	/* no address yet */
	assert_int_equal(devices_find_mac(d, B, 1, 0)->addresses, 2);
	assert_int_equal(devices_find_mac(d, A, 1, 0)->address[0].source, DEVICES_NDP);
}

static void duplicate_address_detection(void **state)
{
	assert_true(NDP(NS(LL("\7")), NULL, A));
	assert_true(has(A, v6(LL("\7"))));
	assert_false(NDP(NS(LL("\7")), NULL, B));	/* a duplicate */
	assert_true(has(A, v6(LL("\7"))));
	assert_int_equal(devices_counters(d)->not_moved, 1);
	assert_false(NDP(NA("\100", LL("\7")) TLLA_B, LL("\2"), NULL));	/* without override */
	assert_true(has(A, v6(LL("\7"))));
	assert_true(NDP(NA("\40", LL("\7")) TLLA_B, LL("\2"), NULL));
	assert_true(has(B, v6(LL("\7"))));
}

static const uint8_t C7[6] = { 2, 0, 0, 0, 0, 7 };

static bool dhcp4(uint8_t op, uint32_t ciaddr, uint32_t yiaddr, const char *options, size_t len)
{
	uint8_t bytes[DHCP_MAKE_MAX];
	struct dhcp4 m;

	dhcp4_parse(bytes, dhcp_make(bytes, op, 7, ciaddr, yiaddr, options, len), &m);
	return devices_learn_dhcp4(d, &now, &m);
}

#define DHCP4(op, ciaddr, yiaddr, text) dhcp4(op, ciaddr, yiaddr, text, sizeof(text) - 1)

static void dhcp4_exchange(void **state)
{
	const struct device *device;

	assert_true(DHCP4(1, 0, 0, DHCP_REAL_REQUEST));
	device = devices_find_mac(d, C7, 1, 0);
	assert_name(C7, "laptop");
	assert_int_equal(device->name_source, DEVICES_DHCP4);
	assert_memory_equal(device->vendor_class, "udhcp test", device->class_len);
	assert_int_equal(device->class_len, 10);
	assert_memory_equal(device->parameters, "\1\3\6\14\17\34\52", 7);
	assert_int_equal(device->parameters_len, 7);
	assert_int_equal(device->addresses, 0);	/* requested is not given */
	assert_true(device->local);
	assert_false(DHCP4(2, 0, 0xc0000237, "\65\1\2\377"));	/* nor is what is offered */
	assert_false(DHCP4(2, 0, 0xc0000237, "\65\1\6\377"));
	assert_true(DHCP4(2, 0, 0xc0000237, DHCP_REAL_ACK));
	assert_true(has(C7, v4(0xc0000237)));
	assert_int_equal(device->address[0].source, DEVICES_DHCP4);
	assert_name(C7, "laptop");	/* what the server calls it is not taken */
	assert_true(DHCP4(1, 0xc0000237, 0, "\65\1\7\377"));	/* released */
	assert_int_equal(device->addresses, 0);
	assert_int_equal(devices_counters(d)->addresses_released, 1);
	assert_true(DHCP4(1, 0xc0000238, 0, "\65\1\3\377"));	/* renews */
	assert_true(has(C7, v4(0xc0000238)));
	assert_true(DHCP4(1, 0xc0000239, 0, "\65\1\1\377"));	/* a discover says nothing of what it has */
	assert_false(has(C7, v4(0xc0000239)));
	assert_true(DHCP4(2, 0xc000023a, 0, "\65\1\5\377"));	/* of an INFORM */
	assert_true(has(C7, v4(0xc000023a)));
}

static void dhcp4_names(void **state)
{
	assert_true(DHCP4(1, 0, 0, "\65\1\1\121\4\0\0\0x\377"));
	assert_name(C7, "x");
	assert_true(DHCP4(1, 0, 0, "\65\1\1\121\12\4\0\0\3big\1y\0\377"));
	assert_name(C7, "big.y");
	assert_true(DHCP4(1, 0, 0, "\65\1\1\121\7\4\0\0\3a\nb\377"));
	assert_name(C7, "a\\010b");
	assert_true(DHCP4(1, 0, 0, "\65\1\1\121\5\4\0\0\300\14\377"));
	assert_name(C7, "a\\010b");
	assert_int_equal(devices_counters(d)->refused_name, 1);
	assert_true(DHCP4(1, 0, 0, "\65\1\1\121\4\0\0\0x\14\2ab\377"));
	assert_name(C7, "ab");
	assert_true(DHCP4(1, 0, 0, "\65\1\1\14\1z\14"));	/* cut: what was readable */
	assert_name(C7, "z");
}

static void dhcp4_of_others(void **state)
{
	uint8_t bytes[DHCP_MAKE_MAX];
	struct dhcp4 m;
	size_t len = dhcp_make(bytes, 1, 7, 0, 0, DHCP_REAL_REQUEST, sizeof(DHCP_REAL_REQUEST) - 1);

	bytes[27] = 1;
	dhcp4_parse(bytes, len, &m);
	assert_false(devices_learn_dhcp4(d, &now, &m));
	assert_int_equal(devices_counters(d)->relayed, 1);
	dhcp4_parse(bytes, 100, &m);
	assert_false(devices_learn_dhcp4(d, &now, &m));
	assert_false(DHCP4(1, 0xc0000201, 0, "\14\1a\377"));	/* BOOTP */
	assert_int_equal(devices_counters(d)->learnt, 0);
}

#define DUID	"\0\1\0\12\0\3\0\1\2\0\0\0\0\7"
#define IA(last, valid)	"\0\4\0\40\0\0\0\1\0\5\0\30" LL(last) "\0\0\0\0\0\0\0" valid

static bool dhcp6(const char *bytes, size_t len, const uint8_t *mac)
{
	struct dhcp6 m;

	dhcp6_parse((const uint8_t *)bytes, len, &m);
	return devices_learn_dhcp6(d, &now, mac, &m);
}

#define DHCP6(text, mac) dhcp6(text, sizeof(text) - 1, mac)

static void dhcp6_exchange(void **state)
{
	assert_true(DHCP6("\3abc" DUID "\0\47\0\10\1\6laptop" "\0\20\0\16\0\0\1\67\0\10MSFT 5.0" IA("\1", "\1"), A));
	assert_name(A, "laptop");
	assert_int_equal(devices_find_mac(d, A, 1, 0)->name_source, DEVICES_DHCP6);
	assert_memory_equal(devices_find_mac(d, A, 1, 0)->vendor_class, "MSFT 5.0", 8);
	assert_int_equal(devices_find_mac(d, A, 1, 0)->addresses, 0);
	assert_false(DHCP6("\2abc" DUID IA("\1", "\1"), A));	/* advertised */
	assert_true(DHCP6("\7abc" DUID IA("\1", "\1") "\0\47\0\7\1\5other", A));
	assert_true(has(A, v6(LL("\1"))));
	assert_name(A, "laptop");
	assert_true(DHCP6("\7abc" DUID IA("\1", "\0"), A));	/* no longer valid */
	assert_false(has(A, v6(LL("\1"))));
	assert_true(DHCP6("\5abc" DUID IA("\2", "\0"), A));	/* a client that renews has it */
	assert_true(has(A, v6(LL("\2"))));
	assert_true(DHCP6("\10abc" DUID IA("\2", "\0"), A));
	assert_false(has(A, v6(LL("\2"))));
	assert_false(DHCP6("\7abc" DUID "\0\4\0\46\0\0\0\1\0\5\0\30" LL("\3") "\0\0\0\1\0\0\0\1\0\15\0\2\0\2", A));
	assert_null(devices_find_mac(d, C7, 1, 0));
	assert_true(DHCP6("\7abc" DUID IA("\4", "\1"), NULL));	/* by its DUID */
	assert_true(has(C7, v6(LL("\4"))));
	assert_false(DHCP6("\7abc" IA("\5", "\1"), NULL));
	assert_false(DHCP6("\14\0" DUID IA("\5", "\1"), A));
	assert_int_equal(devices_counters(d)->relayed, 1);
	assert_false(DHCP6("\7a", A));
	assert_false(DHCP6("\1abc", (const uint8_t[6]){ 1 }));
}

/* A response with two records; @flush: the class's upper byte. Lengths of names as they are. */
static bool mdns(const char *name, uint32_t address, const char *name2, uint32_t address2, char flush, char ttl,
		 const uint8_t *mac, const uint32_t *source)
{
	uint8_t bytes[600] = { 0, 0, 0x84, 0, 0, 0, 0, 2 };
	const char *names[] = { name, name2 };
	uint32_t addresses[] = { htonl(address), htonl(address2) };
	struct dns_message m;
	size_t len = 12;

	for (int i = 0; i < 2; i++) {
		memcpy(bytes + len, names[i], strlen(names[i]) + 1);
		len += strlen(names[i]) + 1;
		memcpy(bytes + len, "\0\1?\1\0\0\0?\0\4", 10);
		bytes[len + 2] = (uint8_t)flush;
		bytes[len + 7] = (uint8_t)ttl;
		memcpy(bytes + len + 10, &addresses[i], 4);
		len += 14;
	}
	assert_int_equal(dns_parse(DNS_MULTICAST, bytes, len, &m), DNS_OK);
	return devices_learn_mdns(d, &now, mac, source, &m);
}

#define PRINTER "\7Printer\5local"
#define TV "\2tv\5LOCAL"

static void mdns_names_its_sender(void **state)
{
	assert_true(mdns(PRINTER, 0xc0000209, PRINTER, 0xc000020a, '\x80', 120, A, v4(0xc0000209)));
	assert_name(A, "Printer");
	assert_true(has(A, v4(0xc0000209)) && has(A, v4(0xc000020a)));
	assert_int_equal(devices_find_mac(d, A, 1, 0)->name_source, DEVICES_MDNS);
	/* from its other address, without a MAC */
	assert_true(mdns(TV, 0xc0000209, TV, 0xc000020b, '\x80', 120, NULL, v4(0xc000020a)));
	assert_name(A, "tv");
	assert_false(mdns(TV, 0xc0000209, TV, 0xc000020b, '\x80', 120, NULL, v4(0xc00002ee)));
	/* of the second name, only that one's addresses */
	assert_true(mdns(PRINTER, 0xc0000301, TV, 0xc0000302, '\x80', 120, B, v4(0xc0000302)));
	assert_name(B, "tv");
	assert_int_equal(devices_find_mac(d, B, 1, 0)->addresses, 1);
}

static void mdns_of_others_is_not_believed(void **state)
{
	/* a reflector: its own address is not among them */
	assert_false(mdns(PRINTER, 0xc0000209, PRINTER, 0xc000020a, '\x80', 120, B, v4(0xc0000201)));
	assert_int_equal(devices_counters(d)->refused_owner, 1);
	assert_int_equal(devices_counters(d)->learnt, 0);
	/* shared records, and those taken back */
	assert_false(mdns(PRINTER, 0xc0000201, PRINTER, 0xc0000201, 0, 120, B, v4(0xc0000201)));
	assert_false(mdns(PRINTER, 0xc0000201, PRINTER, 0xc0000201, '\x80', 0, B, v4(0xc0000201)));
	assert_int_equal(devices_counters(d)->refused_owner, 1);
	/* its own name with another's address: that stays */
	arp(1, A, "\300\0\2\11", "\300\0\2\1");
	assert_true(mdns(PRINTER, 0xc0000209, PRINTER, 0xc0000201, '\x80', 120, B, v4(0xc0000201)));
	assert_true(has(A, v4(0xc0000209)) && has(B, v4(0xc0000201)));
	/* not under .local */
	assert_false(mdns("\2tv\4home", 0xc0000201, PRINTER, 0xc0000201, '\x80', 120, B, v4(0xc0000201)));
	assert_false(mdns("\5local", 0xc0000201, PRINTER, 0xc0000201, '\x80', 120, B, v4(0xc0000201)));
	assert_int_equal(devices_counters(d)->refused_name, 2);
	assert_name(B, "Printer");
}

static void mdns_that_is_no_answer(void **state)
{
	static const uint8_t BYTES[] = "\0\0\4\0\0\0\0\1\0\0\0\0\2tv\5local\0\0\1\x80\1\0\0\0x\0\4\300\0\2\1";
	uint8_t bytes[sizeof(BYTES)];
	struct dns_message m;

	memcpy(bytes, BYTES, sizeof(bytes));
	for (int response = 0; response < 2; response++) {
		bytes[2] = response ? 0x84 : 4;
		assert_int_equal(dns_parse(DNS_MULTICAST, bytes, sizeof(bytes) - 1, &m), DNS_OK);
		assert_int_equal(devices_learn_mdns(d, &now, A, v4(0xc0000201), &m), response);
	}
	assert_int_equal(dns_parse(DNS_UNICAST, bytes, sizeof(bytes) - 1, &m), DNS_OK);
	assert_false(devices_learn_mdns(d, &now, A, v4(0xc0000201), &m));
	bytes[2] = 0xa4;	/* another opcode */
	assert_int_equal(dns_parse(DNS_MULTICAST, bytes, sizeof(bytes) - 1, &m), DNS_OK);
	assert_false(devices_learn_mdns(d, &now, A, v4(0xc0000201), &m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(arp_teaches_the_sender, begin, end),
		cmocka_unit_test_setup_teardown(ndp_teaches_source_or_target, begin, end),
		cmocka_unit_test_setup_teardown(duplicate_address_detection, begin, end),
		cmocka_unit_test_setup_teardown(dhcp4_exchange, begin, end),
		cmocka_unit_test_setup_teardown(dhcp4_names, begin, end),
		cmocka_unit_test_setup_teardown(dhcp4_of_others, begin, end),
		cmocka_unit_test_setup_teardown(dhcp6_exchange, begin, end),
		cmocka_unit_test_setup_teardown(mdns_names_its_sender, begin, end),
		cmocka_unit_test_setup_teardown(mdns_of_others_is_not_believed, begin, end),
		cmocka_unit_test_setup_teardown(mdns_that_is_no_answer, begin, end),
	};

	return cmocka_run_group_tests_name("devices_learn", tests, NULL, NULL);
}
