/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_conntrack - what comes out of a socket and into the answer; the real socket where the kernel has one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/util.h"
#include "collect/conntrack.h"
#include "collect/conntrack_table.h"
#include "conntrack_make.h"

static struct conntrack *ct;
static int ends[2];
static struct conntrack_connection both;	/* DNAT and masquerade */

static int set_up(void **state)
{
	both = (struct conntrack_connection){ .proto = 6, .view = { make_pair("10.1.0.2", 40003, "10.1.0.1", 8080),
								    make_pair("10.2.0.1", 1024, "10.2.0.2", 8000) } };
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	return conntrack_new(&ct, ends[1]);
}

static int tear_down(void **state)
{
	ct = conntrack_free(ct);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static void say(uint16_t type, const struct conntrack_connection *c)
{
	const struct make m = make_message(type, c);

	assert_int_equal(send(ends[0], m.bytes, m.len, 0), m.len);
}

static bool find(const struct conntrack_pair *p, bool turned, struct conntrack_nat *ret_nat)
{
	return conntrack_find(ct, 6, p->addr[turned], p->port[turned], p->addr[!turned], p->port[!turned], ret_nat);
}

static void assert_side(const struct conntrack_nat_side *side, const struct conntrack_pair *pair, int end, bool translated)
{
	assert_memory_equal(side->addr, pair->addr[end], 16);
	assert_int_equal(side->port, pair->port[end]);
	assert_int_equal(side->is_translated, translated);
}

static void each_side_is_told_of_the_other(void **state)
{
	struct conntrack_nat nat;

	assert_false(find(&both.view[0], false, &nat));
	say(MAKE_NEW, &both);
	assert_int_equal(conntrack_read(ct, 5), 0);
	for (int v = 0; v < 2; v++) {
		assert_true(find(&both.view[v], false, &nat));
		assert_side(&nat.client, &both.view[!v], CONNTRACK_CLIENT, true);
		assert_side(&nat.server, &both.view[!v], CONNTRACK_SERVER, true);
		assert_true(find(&both.view[v], true, &nat));	/* a flow whose beginning was not seen */
		assert_side(&nat.client, &both.view[!v], CONNTRACK_SERVER, true);
		assert_side(&nat.server, &both.view[!v], CONNTRACK_CLIENT, true);
	}
}

static void which_side_is_translated(void **state)
{
	struct conntrack_connection c = both;
	struct conntrack_nat nat;

	memcpy(c.view[1].addr[1], c.view[0].addr[1], 16);
	c.view[1].port[1] = c.view[0].port[1];
	say(MAKE_NEW, &c);
	conntrack_read(ct, 5);
	assert_true(find(&c.view[0], false, &nat));
	assert_side(&nat.client, &c.view[1], CONNTRACK_CLIENT, true);
	assert_side(&nat.server, &c.view[1], CONNTRACK_SERVER, false);
	memcpy(c.view[1].addr[0], c.view[0].addr[0], 16);	/* only its port */
	say(MAKE_NEW, &c);
	conntrack_read(ct, 5);
	assert_true(find(&c.view[1], false, &nat));
	assert_side(&nat.client, &c.view[0], CONNTRACK_CLIENT, true);
	assert_side(&nat.server, &c.view[0], CONNTRACK_SERVER, false);
}

static void gone_after_the_grace(void **state)
{
	struct conntrack_nat nat;

	say(MAKE_NEW, &both);
	say(MAKE_DESTROY, &both);
	conntrack_read(ct, 5);
	conntrack_read(ct, 4 + CONNTRACK_GRACE_NS);
	assert_true(find(&both.view[0], false, &nat));
	assert_int_equal(conntrack_counters(ct).entries, 1);
	conntrack_read(ct, 5 + CONNTRACK_GRACE_NS);
	assert_false(find(&both.view[0], false, &nat));
	assert_int_equal(conntrack_counters(ct).entries, 0);
	assert_int_equal(conntrack_counters(ct).events, 2);
	assert_int_equal(conntrack_counters(ct).malformed, 0);
}

/* A dump has many messages in a datagram; a cut one ends it, and is counted. */
static void many_in_one_datagram(void **state)
{
	static _Alignas(8) uint8_t bytes[64 * MAKE_BYTES];
	struct conntrack_connection c = both;
	size_t len = 0, one = 0;

	for (uint16_t i = 0; i < 50; i++) {
		struct make m;

		c.view[0].port[0] = c.view[1].port[0] = htons(i);
		m = make_message(MAKE_NEW, &c);
		memcpy(bytes + len, m.bytes, m.len);
		len += one = m.len;
	}
	for (size_t cut = len - one + 1; cut < len; cut++)
		conntrack_take(ct, bytes, cut, 1);
	assert_int_equal(conntrack_counters(ct).entries, 49);
	assert_int_equal(conntrack_counters(ct).malformed, one - 1);
	assert_int_equal(conntrack_counters(ct).events, 49 * (one - 1));
	conntrack_take(ct, bytes, len, 1);
	assert_int_equal(conntrack_counters(ct).entries, 50);
	assert_int_equal(conntrack_counters(ct).malformed, one - 1);
	for (size_t i = 0; i < 5; i++)
		conntrack_take(ct, bytes, 0, 1);
	((struct nlmsghdr *)bytes)->nlmsg_len = 15;	/* less than a header: no way to the next one */
	conntrack_take(ct, bytes, len, 1);
	assert_int_equal(conntrack_counters(ct).malformed, one);
}

static void take(uint16_t type, uint16_t flags, const struct conntrack_connection *c)
{
	struct make m = make_message(type, c);

	((struct nlmsghdr *)m.bytes)->nlmsg_flags = flags;
	conntrack_take(ct, m.bytes, m.len, 5);
}

/* The first list makes connections known, later ones bring counts: without ports, nothing is counted twice. */
static void lists_after_the_first(void **state)
{
	const struct nlmsghdr done = { .nlmsg_len = sizeof(done), .nlmsg_type = NLMSG_DONE, .nlmsg_flags = NLM_F_MULTI };
	struct conntrack_connection c = both, ping = { .proto = 1, .view = {
		make_pair("10.0.0.1", 0, "10.9.9.9", 0), make_pair("10.0.0.2", 0, "10.9.9.9", 0) } };
	struct conntrack_sent sent[2];
	struct conntrack_nat nat;

	c.has_counts = c.in_hardware = 1;
	c.counts = (struct conntrack_counts){ { 10, 20 }, { 1000, 2000 } };
	take(MAKE_NEW, NLM_F_MULTI, &ping);
	conntrack_take(ct, (void *)&done, sizeof(done), 5);
	take(MAKE_NEW, NLM_F_MULTI, &ping);
	take(MAKE_NEW, NLM_F_MULTI, &both);	/* heard of in no event, and not in hardware */
	assert_false(find(&both.view[0], false, &nat));
	take(MAKE_NEW, NLM_F_MULTI, &c);
	assert_true(find(&both.view[0], false, &nat));
	assert_true(conntrack_sent(ct, 6, c.view[1].addr[0], c.view[1].port[0], c.view[1].addr[1], c.view[1].port[1], sent));
	assert_int_equal(sent[0].packets, 10);
	assert_int_equal(sent[1].bytes, 2000);
	assert_true(conntrack_sent(ct, 6, c.view[0].addr[1], c.view[0].port[1], c.view[0].addr[0], c.view[0].port[0], sent));
	assert_int_equal(sent[0].packets, 20);
	assert_false(conntrack_sent(ct, 17, c.view[0].addr[0], c.view[0].port[0], c.view[0].addr[1], c.view[0].port[1], sent));
	assert_int_equal(conntrack_counters(ct).events, 1);
	assert_int_equal(conntrack_counters(ct).entries, 2);
	take(MAKE_DESTROY, 0, &ping);	/* one, though it was in both lists */
	conntrack_read(ct, 5 + CONNTRACK_GRACE_NS);
	assert_int_equal(conntrack_counters(ct).entries, 1);
}

static void nothing_blocks(void **state)
{
	static uint8_t large[33000];

	assert_int_equal(conntrack_read(ct, 1), 0);
	assert_int_equal(send(ends[0], large, sizeof(large), 0), sizeof(large));
	assert_int_equal(send(ends[0], large, 0, 0), 0);
	assert_int_equal(send(ends[0], large, 3, 0), 3);
	say(MAKE_NEW, &both);
	assert_int_equal(conntrack_read(ct, 1), 0);
	assert_int_equal(conntrack_counters(ct).malformed, 2);
	assert_int_equal(conntrack_counters(ct).entries, 1);
	conntrack_free(ct);
	assert_int_equal(conntrack_new(&ct, ends[1] + 100), 0);
	assert_int_equal(conntrack_read(ct, 1), -EBADF);
}

static void bounded_work(void **state)
{
	unsigned int sent = 0;
	const struct make m = make_message(MAKE_NEW, &both);
	uint64_t first;

	while (send(ends[0], m.bytes, m.len, MSG_DONTWAIT) == m.len)
		sent++;
	assert_in_range(sent, 5, 100000);
	conntrack_read(ct, 1);
	first = conntrack_counters(ct).events;
	assert_in_range(first, 1, 64);
	for (unsigned int i = 0; i < sent; i++)
		conntrack_read(ct, 1);
	assert_int_equal(conntrack_counters(ct).events, sent);
}

/* The kernel's messages only: root may write to that socket, too. */
static void the_real_socket(void **state)
{
	struct sockaddr_nl to;
	socklen_t len = sizeof(to);
	int other, fd = -1, err = conntrack_open_socket(&fd);
	const struct make m = make_message(MAKE_NEW, &both);

	if (err) {
		assert_int_equal(fd, -1);
		assert_true(err == -EPERM || err == -EPROTONOSUPPORT || err == -EOPNOTSUPP);
		skip();
	}
	conntrack_free(ct);
	assert_int_equal(conntrack_new(&ct, fd), 0);
	assert_int_equal(conntrack_read(ct, 1), 0);
	assert_int_equal(conntrack_counters(ct).malformed, 0);
	other = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&to, &len), 0);
	to.nl_groups = 0;
	assert_int_equal(sendto(other, m.bytes, m.len, 0, (struct sockaddr *)&to, sizeof(to)), m.len);
	assert_int_equal(conntrack_read(ct, 1), 0);
	assert_int_equal(conntrack_counters(ct).malformed, 1);
	assert_int_equal(conntrack_counters(ct).entries, 0);
	close(other);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_side_is_told_of_the_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(which_side_is_translated, set_up, tear_down),
		cmocka_unit_test_setup_teardown(gone_after_the_grace, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_in_one_datagram, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lists_after_the_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_blocks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bounded_work, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_real_socket, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("conntrack", tests, NULL, NULL);
}
