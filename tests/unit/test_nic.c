/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_nic - answers as the kernel makes them, written without libnl: every shorter length, wrong types, other sizes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/pkt_sched.h>

#include "collect/nic.h"
#include "conntrack_make.h"

static struct nic_counters got;

static struct nic_queue got_queue;

static struct nlmsghdr *copy_of(const void *bytes, size_t len)
{
	struct nlmsghdr *copy = malloc(len);	/* exactly: the sanitizer sees a byte too many */

	memcpy(copy, bytes, len);
	copy->nlmsg_len = (uint32_t)len;
	return copy;
}

/* What is refused leaves the counters alone. */
static int ask_stats(const void *bytes, size_t len)
{
	struct nlmsghdr *copy = copy_of(bytes, len);
	struct nic_counters before;
	int err;

	memset(&got, 0xaa, sizeof(got));
	before = got;
	err = nic_parse_stats(copy, &got);
	if (err)
		assert_memory_equal(&got, &before, sizeof(got));
	free(copy);
	return err;
}

static int ask_queue(const void *bytes, size_t len)
{
	struct nlmsghdr *copy = copy_of(bytes, len);
	struct nic_queue before;
	int err;

	memset(&got_queue, 0xaa, sizeof(got_queue));
	before = got_queue;
	err = nic_parse_queue(copy, &got_queue);
	if (err)
		assert_memory_equal(&got_queue, &before, sizeof(before));
	free(copy);
	return err;
}

/* 24 counters, each with its own number; @bytes of them. */
static struct make stats(uint32_t bytes)
{
	struct make m = { .len = NLMSG_HDRLEN + sizeof(struct if_stats_msg) };
	struct nlmsghdr head = { .nlmsg_type = RTM_NEWSTATS };
	uint64_t values[32];

	for (uint64_t i = 0; i < 32; i++)
		values[i] = (i + 1) << 32 | (i + 1);
	make_attr(&m, IFLA_STATS_LINK_64, values, bytes);
	head.nlmsg_len = m.len;
	memcpy(m.bytes, &head, sizeof(head));
	return m;
}

static uint64_t nth(uint64_t n)
{
	return n << 32 | n;
}

static void stats_of_an_interface(void **state)
{
	const struct make m = stats(sizeof(struct rtnl_link_stats64));

	assert_int_equal(ask_stats(m.bytes, m.len), 0);
	for (int dir = 0; dir < DIRS; dir++) {	/* rx, tx: frames, bytes, errors, dropped, in pairs */
		assert_int_equal(got.dir[dir].frames, nth(1 + (uint64_t)dir));
		assert_int_equal(got.dir[dir].bytes, nth(3 + (uint64_t)dir));
		assert_int_equal(got.dir[dir].errors, nth(5 + (uint64_t)dir));
		assert_int_equal(got.dir[dir].dropped, nth(7 + (uint64_t)dir));
	}
	assert_int_equal(got.multicast, nth(9));
	assert_int_equal(got.crc_errors, nth(13));
	assert_int_equal(got.missed, nth(16));
}

/* Kernels may know fewer counters at the end, or more: the first 16 must be there. */
static void stats_of_other_kernels(void **state)
{
	for (uint32_t bytes = 0; bytes <= 32 * 8; bytes++) {
		const struct make m = stats(bytes);

		assert_int_equal(ask_stats(m.bytes, m.len), bytes < 16 * 8 ? -EBADMSG : 0);
	}
}

static void every_shorter_length(void **state)
{
	const struct make m = stats(sizeof(struct rtnl_link_stats64));

	for (uint32_t len = NLMSG_HDRLEN; len < m.len; len++)
		assert_int_equal(ask_stats(m.bytes, len), -EBADMSG);
}

static void wrong_type(void **state)
{
	struct make m = stats(sizeof(struct rtnl_link_stats64));
	struct nlattr attr;

	assert_int_equal(ask_queue(m.bytes, m.len), -EBADMSG);
	((struct nlmsghdr *)m.bytes)->nlmsg_type = RTM_NEWLINK;
	assert_int_equal(ask_stats(m.bytes, m.len), -EBADMSG);
	((struct nlmsghdr *)m.bytes)->nlmsg_type = RTM_NEWSTATS;
	memcpy(&attr, m.bytes + 28, sizeof(attr));
	attr.nla_type = IFLA_STATS_LINK_XSTATS;
	memcpy(m.bytes + 28, &attr, sizeof(attr));
	assert_int_equal(ask_stats(m.bytes, m.len), -EBADMSG);
}

struct queue_options {
	uint16_t type, kind, stats2, queue;	/* of the message and of its attributes */
	uint32_t bytes, parent;
	int ifindex;
	const char *name;
};

static struct make queue(struct queue_options o)
{
	struct make m = { .len = NLMSG_HDRLEN + sizeof(struct tcmsg) };
	struct nlmsghdr head = { .nlmsg_type = o.type };
	const struct tcmsg tc = { .tcm_ifindex = o.ifindex, .tcm_parent = o.parent };
	const uint32_t values[8] = { 3, 4500, 77, 5, 6, 9, 9, 9 };	/* qlen, backlog, drops, requeues, overlimits */
	uint32_t nest;

	make_attr(&m, o.kind, o.name, (uint32_t)strlen(o.name) + 1);
	nest = make_open(&m, o.stats2 | NLA_F_NESTED);
	make_attr(&m, TCA_STATS_BASIC, values, 12);
	make_attr(&m, o.queue, values, o.bytes);
	make_close(&m, nest);
	head.nlmsg_len = m.len;
	memcpy(m.bytes, &head, sizeof(head));
	memcpy(m.bytes + NLMSG_HDRLEN, &tc, sizeof(tc));
	return m;
}

static const struct queue_options usual = {
	RTM_NEWQDISC, TCA_KIND, TCA_STATS2, TCA_STATS_QUEUE, sizeof(struct gnet_stats_queue), TC_H_ROOT, 7, "pfifo",
};

static void queue_of_an_interface(void **state)
{
	const struct make m = queue(usual);

	assert_int_equal(ask_queue(m.bytes, m.len), 0);
	assert_int_equal(got_queue.ifindex, 7);
	assert_int_equal(got_queue.waiting, 3);
	assert_int_equal(got_queue.dropped, 77);
	for (uint32_t len = NLMSG_HDRLEN; len < m.len; len++)
		assert_int_equal(ask_queue(m.bytes, len), -EBADMSG);
}

static void queue_wrong(void **state)
{
	struct queue_options o;
	struct make m;

	for (uint32_t bytes = 0; bytes <= 32; bytes++) {
		o = usual;
		o.bytes = bytes;
		m = queue(o);
		assert_int_equal(ask_queue(m.bytes, m.len), bytes < sizeof(struct gnet_stats_queue) ? -EBADMSG : 0);
	}
	for (int i = 0; i < 8; i++) {
		o = usual;
		*(i == 0 ? &o.type : i == 1 ? &o.kind : i == 2 ? &o.stats2 : i == 3 ? &o.queue : &(uint16_t){ 0 }) = 30;
		o.parent = i == 4 ? TC_H_INGRESS : i == 5 ? 0x10001 : TC_H_ROOT;
		o.ifindex = i == 6 ? 0 : 7;
		o.name = i == 7 ? "noqueue" : "pfifo";
		m = queue(o);
		assert_int_equal(ask_queue(m.bytes, m.len), -EBADMSG);
	}
	m = queue(usual);
	assert_int_equal(ask_stats(m.bytes, m.len), -EBADMSG);
}

/* lo is everywhere; what it has counted is what the kernel says in another way, too. */
static void the_kernel_itself(void **state)
{
	struct nic_counters counters = { 0 };
	struct nic *nic;
	uint32_t features = 0xff;

	assert_int_equal(nic_open(&nic), 0);
	assert_int_equal(nic_read(nic, 1, &counters), 0);
	assert_int_equal(counters.dir[DIR_RX].frames, counters.dir[DIR_TX].frames);
	assert_int_equal(nic_read(nic, 0x7fffffff, &counters), -ENODEV);
	assert_int_equal(nic_features(nic, "lo", &features), 0);
	assert_int_equal(features & (1u << NIC_LRO | 1u << NIC_HW_TC), 0);
	assert_int_equal(nic_features(nic, "no such one", &features), -ENODEV);
	assert_int_equal(nic_read_queues(nic), 0);
	assert_int_equal(nic_queue(nic, 1).ifindex, 0);	/* lo has none */
	assert_null(nic_close(nic));
	assert_null(nic_close(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stats_of_an_interface),
		cmocka_unit_test(stats_of_other_kernels),
		cmocka_unit_test(every_shorter_length),
		cmocka_unit_test(wrong_type),
		cmocka_unit_test(queue_of_an_interface),
		cmocka_unit_test(queue_wrong),
		cmocka_unit_test(the_kernel_itself),
	};

	return cmocka_run_group_tests_name("nic", tests, NULL, NULL);
}
