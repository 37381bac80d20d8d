/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* conntrack_make - messages of ctnetlink (and any attributes) in the kernel's format, written without libnl; and the addresses that tests use. */
#pragma once

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "collect/conntrack_message.h"

#define MAKE_BYTES 1024
#define MAKE_NEW (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW)
#define MAKE_DESTROY (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE)

struct make {
	_Alignas(8) uint8_t bytes[MAKE_BYTES];
	uint32_t len;
};

static inline uint32_t make_open(struct make *m, uint16_t type)
{
	const struct nlattr attr = { .nla_type = type };
	const uint32_t at = m->len;

	memcpy(m->bytes + at, &attr, sizeof(attr));
	m->len += sizeof(attr);
	return at;
}

static inline void make_close(struct make *m, uint32_t at)
{
	const uint16_t len = (uint16_t)(m->len - at);

	memcpy(m->bytes + at, &len, sizeof(len));
	m->len = NLA_ALIGN(m->len);
}

static inline void make_attr(struct make *m, uint16_t type, const void *bytes, uint32_t len)
{
	const uint32_t at = make_open(m, type);

	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
	make_close(m, at);
}

/* @from, @to: ends of @pair that this direction goes from and to. */
static inline void make_tuple(struct make *m, uint16_t type, const struct conntrack_pair *pair, int from, uint8_t proto)
{
	const bool v4 = !pair->addr[0][0] && pair->addr[0][2] == htonl(0xffff);
	const uint32_t tuple = make_open(m, type | NLA_F_NESTED);
	uint32_t nest = make_open(m, CTA_TUPLE_IP | NLA_F_NESTED);

	make_attr(m, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, &pair->addr[from][v4 ? 3 : 0], v4 ? 4 : 16);
	make_attr(m, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, &pair->addr[!from][v4 ? 3 : 0], v4 ? 4 : 16);
	make_close(m, nest);
	nest = make_open(m, CTA_TUPLE_PROTO | NLA_F_NESTED);
	make_attr(m, CTA_PROTO_NUM, &proto, 1);
	if (pair->port[0] || pair->port[1]) {
		make_attr(m, CTA_PROTO_SRC_PORT, &pair->port[from], 2);
		make_attr(m, CTA_PROTO_DST_PORT, &pair->port[!from], 2);
	}
	make_close(m, nest);
	make_close(m, tuple);
}

static inline void make_counters(struct make *m, uint16_t type, const struct conntrack_counts *counts, int from)
{
	const uint64_t packets = htobe64(counts->packets[from]), bytes = htobe64(counts->bytes[from]);
	const uint32_t nest = make_open(m, type | NLA_F_NESTED);

	make_attr(m, CTA_COUNTERS_PACKETS, &packets, 8);
	make_attr(m, CTA_COUNTERS_BYTES, &bytes, 8);
	make_close(m, nest);
}

static inline struct make make_message(uint16_t type, const struct conntrack_connection *c)
{
	struct make m = { .len = NLMSG_HDRLEN + sizeof(struct nfgenmsg) };
	struct nlmsghdr head = { .nlmsg_type = type };

	make_tuple(&m, CTA_TUPLE_ORIG, &c->view[0], CONNTRACK_CLIENT, c->proto);
	make_tuple(&m, CTA_TUPLE_REPLY, &c->view[1], CONNTRACK_SERVER, c->proto);
	if (c->in_hardware)
		make_attr(&m, CTA_STATUS, &(uint32_t){ htonl(IPS_HW_OFFLOAD | IPS_CONFIRMED) }, 4);
	if (c->has_counts) {
		make_counters(&m, CTA_COUNTERS_ORIG, &c->counts, CONNTRACK_CLIENT);
		make_counters(&m, CTA_COUNTERS_REPLY, &c->counts, CONNTRACK_SERVER);
	}
	head.nlmsg_len = m.len;
	memcpy(m.bytes, &head, sizeof(head));
	return m;
}

static inline void make_addr(uint32_t ret_addr[4], const char *text)
{
	memset(ret_addr, 0, 16);
	if (inet_pton(AF_INET, text, &ret_addr[3]) == 1)
		ret_addr[2] = htonl(0xffff);
	else
		inet_pton(AF_INET6, text, ret_addr);
}

static inline struct conntrack_pair make_pair(const char *client, uint16_t client_port, const char *server,
					      uint16_t server_port)
{
	struct conntrack_pair pair = { .port = { htons(client_port), htons(server_port) } };

	make_addr(pair.addr[CONNTRACK_CLIENT], client);
	make_addr(pair.addr[CONNTRACK_SERVER], server);
	return pair;
}
