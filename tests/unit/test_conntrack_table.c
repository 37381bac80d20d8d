/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_conntrack_table - both sides of a connection, either way round; ends, grace, use of ports again; a full table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "collect/conntrack_table.h"
#include "conntrack_make.h"

#define ENTRIES 100u
#define TCP 6
#define ICMP 1

static struct conntrack_table *table;

static int set_up(void **state)
{
	return conntrack_table_new(&table, ENTRIES, (struct siphash_key){ { 3, 4 } });
}

static int tear_down(void **state)
{
	table = conntrack_table_free(table);
	return 0;
}

static struct conntrack_connection connection(uint8_t proto, struct conntrack_pair before, struct conntrack_pair after)
{
	return (struct conntrack_connection){ .view = { before, after }, .proto = proto };
}

/* Host @host of the LAN, from @port, goes out as 198.51.100.1:@wan_port. */
static struct conntrack_connection masquerade(unsigned int host, unsigned int port, unsigned int wan_port)
{
	struct conntrack_connection c = connection(TCP, make_pair("10.0.0.0", (uint16_t)port, "203.0.113.7", 443),
						   make_pair("198.51.100.1", (uint16_t)wan_port, "203.0.113.7", 443));

	c.view[0].addr[CONNTRACK_CLIENT][3] = htonl(0x0a000000 | host);
	return c;
}

static void add(struct conntrack_connection c)
{
	conntrack_table_add(table, &c);
}

static void end(struct conntrack_connection c, uint64_t now_ns)
{
	conntrack_table_end(table, &c, now_ns);
}

static struct conntrack_pair back(struct conntrack_pair p)
{
	struct conntrack_pair b = { .port = { p.port[1], p.port[0] } };

	memcpy(b.addr[0], p.addr[1], 16);
	memcpy(b.addr[1], p.addr[0], 16);
	return b;
}

/* Whether @view of @c, asked either way round, leads to its other one. */
static bool leads(struct conntrack_connection c, int view)
{
	struct conntrack_pair other = { 0 }, other_back = { 0 }, asked = back(c.view[view]), wanted = back(c.view[!view]);
	bool found = conntrack_table_find(table, c.proto, &c.view[view], &other);

	assert_int_equal(conntrack_table_find(table, c.proto, &asked, &other_back), found);
	if (!found)
		return false;
	return !memcmp(&other, &c.view[!view], sizeof(other)) && !memcmp(&other_back, &wanted, sizeof(wanted));
}

#define assert_known(c)							\
	do {								\
		assert_true(leads(c, 0));				\
		assert_true(leads(c, 1));				\
	} while (0)
#define assert_unknown(c)						\
	do {								\
		assert_false(leads(c, 0));				\
		assert_false(leads(c, 1));				\
	} while (0)

static void both_sides_either_way(void **state)
{
	const struct conntrack_connection all[] = {
		masquerade(20, 51514, 51514), masquerade(21, 51514, 1024),
		connection(TCP, make_pair("192.0.2.9", 777, "198.51.100.1", 80), make_pair("192.0.2.9", 777, "10.0.0.5", 8080)),
		connection(17, make_pair("10.0.0.20", 53, "10.0.0.1", 53), make_pair("198.51.100.1", 53, "9.9.9.9", 53)),
		connection(17, make_pair("fd00::2", 5, "2001:db8::1", 6), make_pair("2001:db8::9", 5, "2001:db8::1", 6)),
		connection(ICMP, make_pair("10.0.0.20", 0, "203.0.113.7", 0), make_pair("198.51.100.1", 0, "203.0.113.7", 0)),
	};
	struct conntrack_connection udp = all[0];

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		add(all[i]);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		assert_known(all[i]);
	assert_int_equal(conntrack_table_entries(table), ARRAY_SIZE(all));
	udp.proto = 17;
	assert_unknown(udp);
	udp = all[0];
	udp.view[0].port[0] ^= 1;
	udp.view[1].port[1] ^= 1;
	assert_unknown(udp);
	udp = all[0];
	udp.view[0].addr[1][3] ^= 1;
	udp.view[1].addr[0][0] ^= 1;
	assert_unknown(udp);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		add(all[i]);	/* a dump says them once more */
	assert_int_equal(conntrack_table_entries(table), ARRAY_SIZE(all));
	assert_int_equal(conntrack_table_replaced(table), 0);
}

static void only_what_is_translated(void **state)
{
	struct conntrack_connection c = masquerade(20, 1, 1);

	c.view[1] = c.view[0];
	add(c);
	assert_int_equal(conntrack_table_entries(table), 0);
	assert_unknown(c);
	c.proto = ICMP;
	c.view[0].port[0] = c.view[0].port[1] = 0;
	c.view[1] = c.view[0];
	add(c);
	assert_int_equal(conntrack_table_entries(table), 0);
}

static void an_end_has_a_grace(void **state)
{
	const struct conntrack_connection c = masquerade(20, 1, 1), later = masquerade(21, 2, 2), runs = masquerade(22, 3, 3);

	add(c);
	add(later);
	add(runs);
	end(c, 1000);
	end(later, 1001);
	end(c, 5000);		/* said twice: the first holds */
	end(masquerade(23, 4, 4), 1000);	/* never heard of */
	assert_known(c);
	conntrack_table_expire(table, 0);	/* a clock that goes back */
	conntrack_table_expire(table, 1000 + CONNTRACK_GRACE_NS - 1);
	assert_known(c);
	conntrack_table_expire(table, 1000 + CONNTRACK_GRACE_NS);
	assert_unknown(c);
	assert_known(later);
	conntrack_table_expire(table, UINT64_MAX);
	assert_unknown(later);
	assert_known(runs);
	assert_int_equal(conntrack_table_entries(table), 1);
	assert_int_equal(conntrack_table_replaced(table), 0);
}

static void the_same_once_more(void **state)
{
	const struct conntrack_connection c = masquerade(20, 1, 1);

	add(c);
	end(c, 1000);
	add(c);
	conntrack_table_expire(table, 1000 + CONNTRACK_GRACE_NS);
	assert_known(c);
	end(c, 2000 + CONNTRACK_GRACE_NS);
	conntrack_table_expire(table, 2000 + 2 * CONNTRACK_GRACE_NS);
	assert_unknown(c);
}

/* Whatever of it was lost on the way: an address and port pair belongs to one connection at a time. */
static void ports_in_use_again(void **state)
{
	const struct conntrack_connection c = masquerade(20, 1, 1000), lan = masquerade(20, 1, 1001),
					  wan = masquerade(30, 5, 1001);
	struct conntrack_connection plain = lan;

	add(c);
	end(c, 7);
	add(lan);	/* the same client and port, as another port outside */
	assert_false(leads(c, 1));
	assert_known(lan);
	assert_int_equal(conntrack_table_replaced(table), 1);
	add(wan);	/* another client gets that port */
	assert_false(leads(lan, 0));
	assert_known(wan);
	assert_int_equal(conntrack_table_replaced(table), 2);
	add(lan);
	assert_false(leads(wan, 0));
	plain.view[0] = plain.view[1] = back(lan.view[1]);
	add(plain);	/* not translated */
	assert_unknown(lan);
	assert_int_equal(conntrack_table_entries(table), 0);
	assert_int_equal(conntrack_table_replaced(table), 4);
	end(c, 8);
}

static struct conntrack_connection ping(unsigned int host)
{
	struct conntrack_connection c = masquerade(host, 0, 0);

	c.proto = ICMP;
	c.view[0].port[1] = c.view[1].port[1] = 0;
	return c;
}

/* Two that ping the same host look the same from outside: nothing is better than a guess. */
static void without_ports(void **state)
{
	add(ping(20));
	add(ping(20));		/* another id */
	end(ping(20), 0);
	conntrack_table_expire(table, CONNTRACK_GRACE_NS);
	assert_known(ping(20));
	add(ping(21));
	for (unsigned int i = 20; i < 22; i++) {
		assert_true(leads(ping(i), 0));
		assert_false(leads(ping(i), 1));
	}
	end(ping(20), 0);
	conntrack_table_expire(table, CONNTRACK_GRACE_NS);
	assert_unknown(ping(20));
	assert_known(ping(21));
	for (unsigned int i = 0; i < 200; i++)	/* all in one bucket, more than are looked at */
		add(ping(30 + i));
	for (unsigned int i = 100; i < 200; i++) {
		assert_true(leads(ping(30 + i), 0));
		assert_false(leads(ping(30 + i), 1));
		end(ping(30 + i), 1);
	}
	assert_int_equal(conntrack_table_replaced(table), 101);
	conntrack_table_expire(table, CONNTRACK_GRACE_NS + 1);
	assert_int_equal(conntrack_table_entries(table), 0);
}

static void full_the_oldest_goes(void **state)
{
	for (unsigned int i = 0; i < ENTRIES; i++)
		add(masquerade(i, 1, i));
	assert_int_equal(conntrack_table_replaced(table), 0);
	add(masquerade(0, 1, 0));	/* heard of again: the newest */
	add(masquerade(ENTRIES, 1, ENTRIES));
	assert_int_equal(conntrack_table_entries(table), ENTRIES);
	assert_int_equal(conntrack_table_replaced(table), 1);
	assert_known(masquerade(0, 1, 0));
	assert_unknown(masquerade(1, 1, 1));
	end(masquerade(50, 1, 50), 9);	/* ended ones go first */
	end(masquerade(40, 1, 40), 10);
	add(masquerade(ENTRIES + 1, 1, ENTRIES + 1));
	assert_unknown(masquerade(50, 1, 50));
	add(masquerade(ENTRIES + 2, 1, ENTRIES + 2));
	assert_unknown(masquerade(40, 1, 40));
	assert_known(masquerade(2, 1, 2));
	add(masquerade(ENTRIES + 3, 1, ENTRIES + 3));
	assert_unknown(masquerade(2, 1, 2));
	for (unsigned int i = 0; i < 5000; i++) {
		add(masquerade(1000 + i, i, i));
		if (i % 3)
			end(masquerade(1000 + i, i, i), i);
	}
	assert_int_equal(conntrack_table_entries(table), ENTRIES);
	assert_int_equal(conntrack_table_replaced(table), 5004);
	conntrack_table_expire(table, 5000 + CONNTRACK_GRACE_NS);
	assert_in_range(conntrack_table_entries(table), 1, ENTRIES);
	for (unsigned int i = 0; i < 5000; i++)
		end(masquerade(1000 + i, i, i), i);
	conntrack_table_expire(table, 5000 + CONNTRACK_GRACE_NS);
	assert_int_equal(conntrack_table_entries(table), 0);
}

static void sizes(void **state)
{
	struct conntrack_table *t = NULL;
	const struct siphash_key seed = { { 1, 2 } };

	assert_int_equal(conntrack_table_new(&t, 0, seed), -EINVAL);
	assert_int_equal(conntrack_table_new(&t, (1u << 20) + 1, seed), -EINVAL);
	assert_null(t);
	assert_int_equal(conntrack_table_new(&t, 1, seed), 0);
	conntrack_table_free(table);
	table = t;
	add(masquerade(1, 1, 1));
	add(masquerade(2, 2, 2));
	assert_unknown(masquerade(1, 1, 1));
	assert_known(masquerade(2, 2, 2));
	assert_null(conntrack_table_free(NULL));
}

static struct conntrack_connection counted(struct conntrack_connection c, uint64_t packets, bool in_hardware)
{
	c.has_counts = 1;
	c.in_hardware = in_hardware;
	c.counts = (struct conntrack_counts){ { packets, packets + 1 }, { packets * 100, packets * 1000 } };
	return c;
}

static void refresh(struct conntrack_connection c)
{
	conntrack_table_refresh(table, &c);
}

/* @packets 0: nothing is told. */
static void assert_counts(struct conntrack_connection c, uint64_t packets)
{
	struct conntrack_counts counts = { 0 };

	for (int v = 0; v < 2; v++) {
		const struct conntrack_pair turned = back(c.view[v]);

		assert_int_equal(conntrack_table_counts(table, c.proto, &c.view[v], &counts), !!packets);
		if (!packets)
			continue;
		assert_int_equal(counts.packets[0], packets);
		assert_int_equal(counts.packets[1], packets + 1);
		assert_int_equal(counts.bytes[1], packets * 1000);
		assert_true(conntrack_table_counts(table, c.proto, &turned, &counts));
		assert_int_equal(counts.packets[0], packets + 1);
		assert_int_equal(counts.bytes[1], packets * 100);
	}
}

static void counts_of_what_a_nic_forwards(void **state)
{
	const struct conntrack_connection c = masquerade(1, 1000, 2000);

	add(c);
	assert_counts(c, 0);
	refresh(counted(c, 7, false));	/* by software: the hooks see it all */
	assert_counts(c, 0);
	refresh(counted(c, 8, true));
	assert_counts(c, 8);
	refresh(counted(c, 9, false));	/* not any more: it has */
	assert_counts(c, 9);
	refresh(c);			/* no counts in this message */
	assert_counts(c, 9);
	end(counted(c, 12, false), 5);
	assert_counts(c, 12);		/* the record comes later */
	assert_int_equal(conntrack_table_entries(table), 1);
	add(c);				/* the same ports, another connection */
	assert_counts(c, 0);
	conntrack_table_expire(table, 5 + CONNTRACK_GRACE_NS);
	assert_int_equal(conntrack_table_entries(table), 1);
}

static void without_nat_only_what_a_nic_forwards(void **state)
{
	struct conntrack_connection c = masquerade(1, 1000, 2000), other;

	c.view[1] = c.view[0];
	add(c);
	refresh(counted(c, 3, false));
	assert_int_equal(conntrack_table_entries(table), 0);
	refresh(counted(c, 4, true));
	assert_int_equal(conntrack_table_entries(table), 1);
	assert_counts(c, 4);
	other = c;
	other.view[0].port[0] = other.view[1].port[0] = 1;
	assert_counts(other, 0);
	end(counted(c, 5, false), 5);
	conntrack_table_expire(table, 5 + CONNTRACK_GRACE_NS);
	assert_counts(c, 0);
	assert_int_equal(conntrack_table_entries(table), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_sides_either_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_what_is_translated, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_end_has_a_grace, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_same_once_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ports_in_use_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_ports, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_the_oldest_goes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sizes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(counts_of_what_a_nic_forwards, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_nat_only_what_a_nic_forwards, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("conntrack_table", tests, NULL, NULL);
}
