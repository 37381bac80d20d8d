/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <string.h>
#include <cmocka.h>

#include "conntrack_make.h"
#include "run/report.h"

static struct flow_key key;
static struct flow_report flow;
static struct reporter reporter;
static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

static int set_up(void **state)
{
	key = (struct flow_key){ .a_port = htons(51514), .b_port = htons(443), .proto = 6, .ip_version = 4, .port = 5,
				 .vlan = { 200, 100 }, .pppoe_session = 9 };
	key.a_addr[2] = key.b_addr[2] = htonl(0xffff);
	inet_pton(AF_INET, "192.168.1.20", &key.a_addr[3]);
	inet_pton(AF_INET, "203.0.113.7", &key.b_addr[3]);
	flow = (struct flow_report){
		.key = &key, .first_ns = 7000001999ULL, .last_ns = 9000000000ULL, .packets = { 3, 4 }, .bytes = { 300, 400 },
		.ip_bytes = { 258, 344 }, .total = { .packets = { 13, 14 }, .bytes = { 1300, 1400 } },
		.flags = 0x02 | 0x12 << 8 | FLOW_SYN_SEEN, .name_status = NAME_OK, .end = FLOW_END_DETECTED, .mac = mac,
		.sni = (const uint8_t *)"shop.example", .sni_len = 12, .alpn = (const uint8_t *)"\2h2", .alpn_len = 3,
	};
	reporter = (struct reporter){ .port[5] = { .name = "lan0", .role = "lan", .hook = "xdp" } };
	clock_fixed(&reporter.clock);
	assert_int_equal(community_id_new(&reporter.community_id), 0);
	return 0;
}

static int tear_down(void **state)
{
	reporter.community_id = community_id_free(reporter.community_id);
	return 0;
}

static void a_began(void **state)
{
	struct record r;

	report_record(&reporter, &flow, &r);
	report_finish(&reporter, &r);
	assert_int_equal(r.start_us, 7000001);
	assert_int_equal(r.end_us, 9000000);
	assert_int_equal(r.duration_ns, 1999998001);
	assert_memory_equal(r.source.addr, key.a_addr, 16);
	assert_memory_equal(r.destination.addr, key.b_addr, 16);
	assert_int_equal(r.source.port, htons(51514));
	assert_int_equal(r.source.packets, 3);
	assert_int_equal(r.source.bytes, 300);
	assert_int_equal(r.source.ip_bytes, 258);
	assert_int_equal(r.source.total_packets, 13);
	assert_int_equal(r.source.total_bytes, 1300);
	assert_int_equal(r.source.tcp_flags, 0x02);
	assert_int_equal(r.destination.packets, 4);
	assert_int_equal(r.destination.tcp_flags, 0x12);
	assert_true(r.source.has_mac);
	assert_false(r.destination.has_mac);
	assert_memory_equal(r.source.mac, mac, 6);
	assert_true(r.has_ports && r.from_start && !r.fragments);
	assert_int_equal(r.initiator, INITIATOR_SYN);
	assert_int_equal(r.end_reason, END_FLOW_END);
	assert_int_equal(r.name_status, NAME_OK);
	assert_int_equal(r.ip_version, 4);
	assert_int_equal(r.proto, 6);
	assert_int_equal(r.vlan[0], 200);
	assert_int_equal(r.vlan[1], 100);
	assert_int_equal(r.pppoe_session, 9);
	assert_string_equal(r.interface, "lan0");
	assert_string_equal(r.role, "lan");
	assert_string_equal(r.hook, "xdp");
	assert_memory_equal(r.sni, "shop.example", 12);
	assert_int_equal(r.sni_len, 12);
	assert_int_equal(r.alpn_len, 3);
	assert_memory_equal(r.community_id, "1:", 2);
}

/* Everything of a and b changes sides together; the layer-2 address stays with its end. */
static void b_began(void **state)
{
	struct record r, a;

	report_record(&reporter, &flow, &a);
	report_finish(&reporter, &a);
	flow.flags = (flow.flags & ~FLOW_SYN_SEEN) | FLOW_INITIATOR_B | FLOW_FRAGMENTS;
	report_record(&reporter, &flow, &r);
	report_finish(&reporter, &r);
	assert_memory_equal(r.source.addr, key.b_addr, 16);
	assert_memory_equal(r.destination.addr, key.a_addr, 16);
	assert_int_equal(r.source.port, htons(443));
	assert_int_equal(r.source.packets, 4);
	assert_int_equal(r.source.bytes, 400);
	assert_int_equal(r.source.ip_bytes, 344);
	assert_int_equal(r.source.total_bytes, 1400);
	assert_int_equal(r.source.tcp_flags, 0x12);
	assert_int_equal(r.destination.total_packets, 13);
	assert_false(r.source.has_mac);
	assert_true(r.destination.has_mac);
	assert_int_equal(r.initiator, INITIATOR_FIRST_PACKET);
	assert_true(!r.from_start && r.fragments);
	assert_string_equal(r.community_id, a.community_id);	/* which end is which does not matter to it */

	flow.flags |= FLOW_MAC_B;
	report_record(&reporter, &flow, &r);
	report_finish(&reporter, &r);
	assert_true(r.source.has_mac && !r.destination.has_mac);
}

static void what_is_unknown_is_absent(void **state)
{
	struct record r;

	key.a_port = key.b_port = 0;
	key.proto = 1;
	key.port = 6;
	flow.mac = flow.sni = flow.alpn = NULL;
	flow.sni_len = flow.alpn_len = 0;
	reporter.community_id = community_id_free(reporter.community_id);
	report_record(&reporter, &flow, &r);
	report_finish(&reporter, &r);
	assert_false(r.has_ports || r.source.has_mac || r.destination.has_mac);
	assert_null(r.interface);
	assert_null(r.role);
	assert_null(r.hook);
	assert_null(r.sni);
	assert_string_equal(r.community_id, "");
	key.port = 0xffff;	/* hostile map: some port, no crash */
	report_record(&reporter, &flow, &r);
	report_finish(&reporter, &r);
	key.b_port = htons(1);	/* one is enough */
	report_record(&reporter, &flow, &r);
	report_finish(&reporter, &r);
	assert_true(r.has_ports);
}

static void times_are_of_the_wall(void **state)
{
	struct record r;

	clock_learn(&reporter.clock, 0, 1795341600ULL * 1000000000ULL, 0);
	report_record(&reporter, &flow, &r);
	report_finish(&reporter, &r);
	assert_int_equal(r.start_us, 1795341607000001ULL);
	assert_int_equal(r.end_us, 1795341609000000ULL);
}

/* Hidden before anything is made of it: the Community ID is that of the addresses that the record shows. */
static void what_is_hidden_is_in_no_field(void **state)
{
	static const uint8_t secret[PRIVACY_KEY_BYTES] = { 1 };
	const struct flow_key seen = key;
	struct record r, open;
	uint8_t hidden_mac[6];

	report_record(&reporter, &flow, &open);
	report_finish(&reporter, &open);
	assert_int_equal(privacy_new(&reporter.privacy, PRIVACY_PREFIX, secret), 0);
	report_record(&reporter, &flow, &r);
	report_finish(&reporter, &r);
	assert_memory_equal(&key, &seen, sizeof(key));	/* the sweep's own is not touched */
	assert_memory_not_equal(r.source.addr, open.source.addr, 16);
	assert_memory_not_equal(r.destination.addr, open.destination.addr, 16);
	assert_true(privacy_mac(reporter.privacy, mac, hidden_mac));
	assert_memory_equal(r.source.mac, hidden_mac, 6);
	assert_memory_not_equal(r.source.mac, mac, 6);
	assert_false(r.destination.has_mac);
	assert_int_equal(r.sni_len, PRIVACY_HASH_BYTES);
	assert_ptr_equal(r.sni, reporter.scratch.name[0]);
	assert_memory_equal(flow.sni, "shop.example", 12);
	assert_string_not_equal(r.community_id, open.community_id);
	assert_int_equal(r.source.port, open.source.port);
	assert_int_equal(r.source.bytes, open.source.bytes);

	privacy_free(reporter.privacy);
	reporter.privacy = NULL;
	memcpy(key.a_addr, r.source.addr, 16);	/* a flow of those addresses has the same id */
	memcpy(key.b_addr, r.destination.addr, 16);
	report_record(&reporter, &flow, &open);
	report_finish(&reporter, &open);
	assert_string_equal(r.community_id, open.community_id);
}

/* Conntrack knows the flow, client first, as so many packets of 100 bytes from the client and 1000 from the server. */
static void conntrack_counts_of(uint64_t client, uint64_t server, bool in_hardware)
{
	static const struct nlmsghdr done = { .nlmsg_len = sizeof(done), .nlmsg_type = NLMSG_DONE };
	struct conntrack_connection c = { .proto = 6, .has_counts = 1, .in_hardware = in_hardware,
					  .counts = { { client, server }, { client * 100, server * 1000 } } };
	struct make m;

	c.view[0] = c.view[1] = make_pair("192.168.1.20", 51514, "203.0.113.7", 443);
	m = make_message(MAKE_NEW, &c);
	((struct nlmsghdr *)m.bytes)->nlmsg_flags = NLM_F_MULTI;
	conntrack_take(reporter.conntrack, (void *)&done, sizeof(done), 0);
	conntrack_take(reporter.conntrack, m.bytes, m.len, 0);
}

static void totals_of_what_the_nic_forwarded(void **state)
{
	struct record r;

	assert_int_equal(conntrack_new(&reporter.conntrack, -1), 0);
	conntrack_counts_of(1000, 14, true);
	report_record(&reporter, &flow, &r);
	assert_int_equal(r.bytes_source, BYTES_SOURCE_NOT_SAID);	/* the port's flows are all in software */
	assert_int_equal(r.source.total_packets, 13);

	reporter.port[5].in_hardware = true;
	report_record(&reporter, &flow, &r);
	assert_int_equal(r.bytes_source, BYTES_SOURCE_CONNTRACK);
	assert_int_equal(r.source.total_packets, 1000);
	assert_int_equal(r.source.total_bytes, 1000 * (100 + 14 + 2 * 4 + 8));	/* two tags and PPPoE */
	assert_int_equal(r.source.packets, 3);				/* the hook's, always */
	assert_int_equal(r.source.bytes, 300);
	assert_int_equal(r.destination.total_packets, 14);		/* not more than was measured */
	assert_int_equal(r.destination.total_bytes, 1400);

	flow.flags = (flow.flags & ~FLOW_SYN_SEEN) | FLOW_INITIATOR_B;	/* the ends change sides, and the counts with them */
	report_record(&reporter, &flow, &r);
	assert_int_equal(r.destination.total_packets, 1000);
	assert_int_equal(r.source.total_packets, 14);

	key.vlan[0] = key.vlan[1] = key.pppoe_session = 0;
	reporter.port[5].raw_ip = true;
	report_record(&reporter, &flow, &r);
	assert_int_equal(r.destination.total_bytes, 1000 * 100);
	conntrack_free(reporter.conntrack);
	reporter.conntrack = NULL;
}

static void totals_of_the_hook(void **state)
{
	struct record r;

	reporter.port[5].in_hardware = true;
	report_record(&reporter, &flow, &r);
	assert_int_equal(r.bytes_source, BYTES_SOURCE_NOT_SAID);	/* no conntrack to ask */
	assert_int_equal(conntrack_new(&reporter.conntrack, -1), 0);
	report_record(&reporter, &flow, &r);
	assert_int_equal(r.bytes_source, BYTES_SOURCE_HOOK);		/* it knows nothing of it */
	conntrack_counts_of(1000, 1000, false);
	report_record(&reporter, &flow, &r);
	assert_int_equal(r.bytes_source, BYTES_SOURCE_HOOK);		/* more, but not forwarded by the NIC */
	assert_int_equal(r.source.total_packets, 13);
	conntrack_counts_of(13, 14, true);
	report_record(&reporter, &flow, &r);
	assert_int_equal(r.bytes_source, BYTES_SOURCE_HOOK);		/* as many */
	assert_int_equal(r.source.total_bytes, 1300);
	conntrack_free(reporter.conntrack);
	reporter.conntrack = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_began, set_up, tear_down),
		cmocka_unit_test_setup_teardown(b_began, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_unknown_is_absent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(times_are_of_the_wall, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_hidden_is_in_no_field, set_up, tear_down),
		cmocka_unit_test_setup_teardown(totals_of_what_the_nic_forwarded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(totals_of_the_hook, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
