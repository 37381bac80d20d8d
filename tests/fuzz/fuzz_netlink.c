/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_netlink - any bytes as a datagram of rtnetlink or nf_tables, at the end of a page behind which nothing is (libnl is not
 * built with a sanitizer): what each reader makes of it is ended, within its limits, and untouched where it is refused.
 */
#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "collect/iface.h"
#include "collect/nic.h"
#include "collect/offload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define ROOM 32768

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_netlink: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

/* The last @len bytes (and up to 3 of padding) before memory that cannot be read. */
static void *at_the_edge(const uint8_t *data, size_t len)
{
	static uint8_t *room;
	uint8_t *at;

	if (!room) {
		room = mmap(NULL, ROOM + 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(room != MAP_FAILED && !mprotect(room + ROOM, 65536, PROT_NONE));
	}
	at = room + ROOM - (len + 3) / 4 * 4;
	memcpy(at, data, len);
	return at;
}

static void check_counters(struct nlmsghdr *head)
{
	struct nic_counters counters, before;
	struct nic_queue queue, queue_before;
	int stats, qdisc;

	memset(&before, 0xa5, sizeof(before));
	memset(&queue_before, 0xa5, sizeof(queue_before));
	counters = before;
	queue = queue_before;
	stats = nic_parse_stats(head, &counters);
	qdisc = nic_parse_queue(head, &queue);
	CHECK(!stats || !memcmp(&counters, &before, sizeof(before)));
	CHECK(qdisc ? !memcmp(&queue, &queue_before, sizeof(queue)) : queue.ifindex > 0 && queue.dropped <= UINT32_MAX);
	CHECK(stats || qdisc);
}

static void check_iface(struct nlmsghdr *head)
{
	struct iface iface;

	memset(&iface, 0xa5, sizeof(iface));
	if (iface_parse(head, &iface))
		return;
	CHECK(iface.ifindex > 0 && iface.ifindex <= INT32_MAX);
	CHECK(strnlen(iface.name, sizeof(iface.name)) < sizeof(iface.name));
	CHECK(strnlen(iface.kind, sizeof(iface.kind)) < sizeof(iface.kind));
}

static void check_offload(struct nlmsghdr *head, struct offload *all)
{
	const struct offload before = *all;
	const struct offload_table *last;

	if (offload_parse(head, all)) {
		CHECK(!memcmp(all, &before, sizeof(before)));
		return;
	}
	CHECK(all->tables <= OFFLOAD_TABLES && all->tables + all->more_tables == before.tables + before.more_tables + 1);
	CHECK(offload_most(all) >= offload_most(&before) && offload_most(all) <= OFFLOAD_HARDWARE);
	last = &all->table[all->tables - 1];
	CHECK(last->devices <= OFFLOAD_DEVICES && strnlen(last->name, sizeof(last->name)) < sizeof(last->name));
	for (uint16_t i = 0; i < last->devices; i++) {
		CHECK(strnlen(last->device[i], IFNAMSIZ) < IFNAMSIZ);
		CHECK(offload_of(all, last->device[i]) >= (last->hardware ? OFFLOAD_HARDWARE : OFFLOAD_SOFTWARE));
	}
	CHECK(offload_of(all, "no such one") <= offload_most(all));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct offload all = { 0 };
	struct nlmsghdr *head;
	int left = (int)len;

	if (len > ROOM)
		return 0;
	for (head = at_the_edge(data, len); nlmsg_ok(head, left); head = nlmsg_next(head, &left)) {
		check_counters(head);
		check_iface(head);
		check_offload(head, &all);
	}
	return 0;
}
