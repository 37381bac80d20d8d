/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "collect/iface.h"	/* <net/if.h> before <linux/if.h> */

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

static struct nl_msg *message(int type, int family, int ifindex, unsigned short arphrd, unsigned int flags)
{
	struct ifinfomsg head = {
		.ifi_family = (unsigned char)family, .ifi_type = arphrd, .ifi_index = ifindex, .ifi_flags = flags,
	};
	struct nl_msg *msg = nlmsg_alloc_simple(type, 0);

	assert_non_null(msg);
	assert_int_equal(nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO), 0);
	return msg;
}

static void add_nested(struct nl_msg *msg, int outer, int inner, const void *value, int len)
{
	struct nlattr *nest = nla_nest_start(msg, outer);

	assert_non_null(nest);
	assert_int_equal(nla_put(msg, inner, len, value), 0);
	nla_nest_end(msg, nest);
}

static void test_nic(void **state)
{
	struct nl_msg *msg = message(RTM_NEWLINK, AF_UNSPEC, 7, ARPHRD_ETHER, IFF_UP);
	const uint8_t mac[6] = { 2, 1, 2, 3, 4, 5 };
	uint32_t id = 99;
	struct iface iface;

	nla_put_string(msg, IFLA_IFNAME, "eth0.7");
	nla_put_u32(msg, IFLA_MTU, 1500);
	nla_put_u8(msg, IFLA_CARRIER, 1);
	nla_put(msg, IFLA_ADDRESS, 6, mac);
	nla_put_string(msg, IFLA_PARENT_DEV_NAME, "0000:00:03.0");
	add_nested(msg, IFLA_XDP, IFLA_XDP_PROG_ID, &id, sizeof(id));
	assert_int_equal(iface_parse(nlmsg_hdr(msg), &iface), 0);
	assert_int_equal(iface.ifindex, 7);
	assert_string_equal(iface.name, "eth0.7");
	assert_string_equal(iface.kind, "");
	assert_int_equal(iface.type, ARPHRD_ETHER);
	assert_int_equal(iface.mtu, 1500);
	assert_int_equal(iface.xdp_prog_id, 99);
	assert_memory_equal(iface.mac, mac, 6);
	assert_true(iface.up);
	assert_true(iface.parent);
	assert_true(iface_physical(&iface));
	assert_false(iface_raw_ip(&iface));
	nlmsg_free(msg);
}

static void test_veth_is_not_physical(void **state)
{
	struct nl_msg *msg = message(RTM_NEWLINK, AF_UNSPEC, 7, ARPHRD_ETHER, IFF_UP);
	struct iface iface;

	nla_put_string(msg, IFLA_IFNAME, "veth0");
	nla_put_u8(msg, IFLA_CARRIER, 0);
	nla_put_string(msg, IFLA_PARENT_DEV_NAME, "x");	/* even if it said so */
	add_nested(msg, IFLA_LINKINFO, IFLA_INFO_KIND, "veth", 5);
	assert_int_equal(iface_parse(nlmsg_hdr(msg), &iface), 0);
	assert_string_equal(iface.kind, "veth");
	assert_false(iface_physical(&iface));
	assert_false(iface.up);	/* no carrier */
	nlmsg_free(msg);
}

static void test_links_without_ethernet(void **state)
{
	static const unsigned short raw[] = { ARPHRD_PPP, ARPHRD_NONE, 519, ARPHRD_TUNNEL, ARPHRD_TUNNEL6, ARPHRD_SIT };
	static const unsigned short framed[] = { ARPHRD_ETHER, ARPHRD_LOOPBACK };

	for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++) {
		const struct iface iface = { .ifindex = 1, .name = "x", .type = raw[i], .parent = true };

		assert_true(iface_raw_ip(&iface));
		assert_false(iface_physical(&iface));
	}
	for (size_t i = 0; i < sizeof(framed) / sizeof(framed[0]); i++) {
		const struct iface iface = { .ifindex = 1, .name = "x", .type = framed[i] };

		assert_false(iface_raw_ip(&iface));
	}
}

static void refused(struct nl_msg *msg)
{
	struct iface iface = { .ifindex = 4711 };

	assert_int_equal(iface_parse(nlmsg_hdr(msg), &iface), -EBADMSG);
	assert_int_equal(iface.ifindex, 4711);
	nlmsg_free(msg);
}

static void test_refused(void **state)
{
	struct nl_msg *msg;

	refused(message(RTM_NEWLINK, AF_UNSPEC, 7, ARPHRD_ETHER, 0));	/* no name */
	msg = message(RTM_NEWADDR, AF_UNSPEC, 7, ARPHRD_ETHER, 0);
	nla_put_string(msg, IFLA_IFNAME, "eth0");
	refused(msg);
	msg = message(RTM_NEWLINK, AF_BRIDGE, 7, ARPHRD_ETHER, 0);	/* a bridge's view of its port */
	nla_put_string(msg, IFLA_IFNAME, "eth0");
	refused(msg);
	msg = message(RTM_NEWLINK, AF_UNSPEC, 0, ARPHRD_ETHER, 0);
	nla_put_string(msg, IFLA_IFNAME, "eth0");
	refused(msg);
	msg = message(RTM_NEWLINK, AF_UNSPEC, 7, ARPHRD_ETHER, 0);
	nla_put_string(msg, IFLA_IFNAME, "a-name-of-more-than-15");
	refused(msg);
	msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);	/* shorter than its fixed part */
	refused(msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nic),
		cmocka_unit_test(test_veth_is_not_physical),
		cmocka_unit_test(test_links_without_ethernet),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
