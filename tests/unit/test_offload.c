/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_offload - flowtables as nf_tables tells them, written without libnl: every shorter length, attributes away, limits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "collect/netlink.h"
#include "collect/offload.h"
#include "conntrack_make.h"

#define NEW_FLOWTABLE (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWFLOWTABLE)
#define DEVICE_PREFIX 2	/* NFTA_DEVICE_PREFIX, Linux 6.17 */

static struct offload got;

/* In memory of exactly @len bytes, whose header says so. What is refused leaves the list alone. */
static int ask(const struct make *m, size_t len)
{
	const struct offload before = got;
	struct nlmsghdr *copy = malloc(len);
	int err;

	memcpy(copy, m->bytes, len);
	copy->nlmsg_len = (uint32_t)len;
	err = offload_parse(copy, &got);
	if (err)
		assert_memory_equal(&got, &before, sizeof(got));
	free(copy);
	return err;
}

struct options {
	uint8_t family;
	uint32_t flags;
	uint16_t type, table, name, hook;	/* of the message and of its attributes */
	const char *table_name, *ft_name;
	unsigned int devices;		/* lan0, lan1, ... */
	const char *prefix;		/* one more device; NULL: none */
};

static const struct options usual = {
	NFPROTO_INET, 0, NEW_FLOWTABLE, NFTA_FLOWTABLE_TABLE, NFTA_FLOWTABLE_NAME, NFTA_FLOWTABLE_HOOK, "filter", "ft", 2, NULL,
};

static struct make flowtable(struct options o)
{
	struct make m = { .len = NLMSG_HDRLEN + sizeof(struct nfgenmsg) };
	struct nlmsghdr head = { .nlmsg_type = o.type };
	const struct nfgenmsg family = { .nfgen_family = o.family };
	const uint32_t flags = htonl(o.flags), number = htonl(1);
	uint32_t hook, devices;
	char name[16];

	make_attr(&m, o.table, o.table_name, (uint32_t)strlen(o.table_name) + 1);
	make_attr(&m, o.name, o.ft_name, (uint32_t)strlen(o.ft_name) + 1);
	make_attr(&m, NFTA_FLOWTABLE_USE, &number, 4);
	make_attr(&m, NFTA_FLOWTABLE_FLAGS, &flags, 4);
	hook = make_open(&m, o.hook | NLA_F_NESTED);
	make_attr(&m, NFTA_FLOWTABLE_HOOK_NUM, &number, 4);
	make_attr(&m, NFTA_FLOWTABLE_HOOK_PRIORITY, &number, 4);
	devices = make_open(&m, NFTA_FLOWTABLE_HOOK_DEVS | NLA_F_NESTED);
	for (unsigned int i = 0; i < o.devices; i++) {
		snprintf(name, sizeof(name), "lan%u", i);
		make_attr(&m, NFTA_DEVICE_NAME, name, (uint32_t)strlen(name) + 1);
	}
	if (o.prefix)
		make_attr(&m, DEVICE_PREFIX, o.prefix, (uint32_t)strlen(o.prefix) + 1);
	make_close(&m, devices);
	make_close(&m, hook);
	head.nlmsg_len = m.len;
	memcpy(m.bytes, &head, sizeof(head));
	memcpy(m.bytes + NLMSG_HDRLEN, &family, sizeof(family));
	return m;
}

static void add(struct options o)
{
	const struct make m = flowtable(o);

	assert_int_equal(ask(&m, m.len), 0);
}

static int empty(void **state)
{
	memset(&got, 0, sizeof(got));
	return 0;
}

static void in_software(void **state)
{
	assert_int_equal(offload_most(&got), OFFLOAD_NONE);
	assert_int_equal(offload_of(&got, "lan0"), OFFLOAD_NONE);
	add(usual);
	assert_int_equal(got.tables, 1);
	assert_string_equal(got.table[0].name, "inet filter ft");
	assert_int_equal(got.table[0].hardware, 0);
	assert_int_equal(got.table[0].counter, 0);
	assert_int_equal(got.table[0].devices, 2);
	assert_string_equal(got.table[0].device[1], "lan1");
	assert_int_equal(offload_of(&got, "lan1"), OFFLOAD_SOFTWARE);
	assert_int_equal(offload_of(&got, "lan10"), OFFLOAD_NONE);
	assert_int_equal(offload_of(&got, "wan0"), OFFLOAD_NONE);
	assert_int_equal(offload_most(&got), OFFLOAD_SOFTWARE);
}

static void in_hardware(void **state)
{
	struct options o = usual;

	add(o);
	o.flags = NFT_FLOWTABLE_HW_OFFLOAD | NFT_FLOWTABLE_COUNTER;
	o.family = NFPROTO_IPV6;
	o.devices = 1;
	add(o);
	assert_string_equal(got.table[1].name, "ip6 filter ft");
	assert_int_equal(got.table[1].hardware, 1);
	assert_int_equal(got.table[1].counter, 1);
	assert_int_equal(offload_of(&got, "lan0"), OFFLOAD_HARDWARE);	/* in both: the most counts */
	assert_int_equal(offload_of(&got, "lan1"), OFFLOAD_SOFTWARE);
	assert_int_equal(offload_most(&got), OFFLOAD_HARDWARE);
	got.err = -EPERM;
	assert_int_equal(offload_of(&got, "lan0"), OFFLOAD_UNKNOWN);
	assert_int_equal(offload_most(&got), OFFLOAD_UNKNOWN);
}

static void counted_in_software(void **state)
{
	struct options o = usual;

	o.flags = NFT_FLOWTABLE_COUNTER;
	add(o);
	assert_int_equal(got.table[0].hardware, 0);
	assert_int_equal(got.table[0].counter, 1);
}

static void names_by_prefix(void **state)
{
	struct options o = usual;

	o.prefix = "wan";
	add(o);
	assert_string_equal(got.table[0].device[2], "wan*");
	assert_int_equal(offload_of(&got, "wan7"), OFFLOAD_SOFTWARE);
	assert_int_equal(offload_of(&got, "wa"), OFFLOAD_NONE);
}

/* What has no place may be any port, and the worst is said. */
static void over_the_limits(void **state)
{
	struct options o = usual;

	o.devices = OFFLOAD_DEVICES;
	add(o);
	assert_int_equal(got.table[0].more_devices, 0);
	assert_int_equal(offload_of(&got, "wan0"), OFFLOAD_NONE);
	o.devices = OFFLOAD_DEVICES + 3;
	add(o);
	assert_int_equal(got.table[1].devices, OFFLOAD_DEVICES);
	assert_int_equal(got.table[1].more_devices, 3);
	assert_int_equal(offload_of(&got, "wan0"), OFFLOAD_SOFTWARE);
	o.flags = NFT_FLOWTABLE_HW_OFFLOAD;
	add(o);
	assert_int_equal(got.tables, OFFLOAD_TABLES);
	assert_int_equal(got.more_tables, 1);
	assert_int_equal(offload_of(&got, "wan0"), OFFLOAD_HARDWARE);
}

static void long_names(void **state)
{
	char name[NFT_NAME_MAXLEN];
	struct options o = usual;

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = 0;
	o.table_name = o.ft_name = name;
	o.devices = 0;
	add(o);
	assert_int_equal(strlen(got.table[0].name), OFFLOAD_NAME_BYTES - 1);
}

static void every_shorter_length(void **state)
{
	const struct make m = flowtable(usual);

	for (uint32_t len = NLMSG_HDRLEN; len < m.len; len++)
		assert_int_equal(ask(&m, len), -EBADMSG);
	assert_int_equal(got.tables, 0);
	assert_int_equal(ask(&m, m.len), 0);
}

static void what_must_be_there(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct options o = usual;
		struct make m;

		*(i == 0 ? &o.type : i == 1 ? &o.table : i == 2 ? &o.name : &o.hook) = 30;
		m = flowtable(o);
		assert_int_equal(ask(&m, m.len), -EBADMSG);
	}
}

static void wrong_sizes(void **state)
{
	struct make m = flowtable(usual);
	struct nlattr attr;

	for (uint32_t at = 20; at < m.len; at += NLA_ALIGN(attr.nla_len)) {	/* each of the outer ones, longer than the message */
		struct make bad = m;

		memcpy(&attr, m.bytes + at, sizeof(attr));
		bad.bytes[at] = 0xff;
		bad.bytes[at + 1] = 0xff;
		assert_int_equal(ask(&bad, bad.len), -EBADMSG);
		bad.bytes[at] = bad.bytes[at + 1] = 0;
		assert_int_equal(ask(&bad, bad.len), -EBADMSG);
	}
	m.bytes[20 + 4 + 6] = 'x';	/* a name that has no end */
	assert_int_equal(ask(&m, m.len), -EBADMSG);
}

/* Of a namespace without flowtables, or without the right to ask. */
static void the_kernel_itself(void **state)
{
	struct nl_sock *nl;
	struct offload offload;

	if (offload_open(&nl))
		skip();
	offload_read(nl, &offload);
	assert_true(offload.err == 0 || offload.err == -EPERM);
	if (!offload.err)
		assert_int_equal(offload.more_tables, 0);
	netlink_close(nl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(in_software, empty),
		cmocka_unit_test_setup(in_hardware, empty),
		cmocka_unit_test_setup(counted_in_software, empty),
		cmocka_unit_test_setup(names_by_prefix, empty),
		cmocka_unit_test_setup(over_the_limits, empty),
		cmocka_unit_test_setup(long_names, empty),
		cmocka_unit_test_setup(every_shorter_length, empty),
		cmocka_unit_test_setup(what_must_be_there, empty),
		cmocka_unit_test_setup(wrong_sizes, empty),
		cmocka_unit_test(the_kernel_itself),
	};

	return cmocka_run_group_tests_name("offload", tests, NULL, NULL);
}
