/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/conntrack_message.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <string.h>

#define EXACTLY(bytes) { .minlen = (bytes), .maxlen = (bytes) }

/* A tuple: what packets of one direction look like. Index 0: source, 1: destination. */
struct tuple {
	struct conntrack_pair pair;
	uint8_t proto;
	bool is_ipv4;
};

static const struct nla_policy message_policy[CTA_MAX + 1] = {
	[CTA_TUPLE_ORIG] = { .type = NLA_NESTED },
	[CTA_TUPLE_REPLY] = { .type = NLA_NESTED },
	[CTA_STATUS] = EXACTLY(4),
	[CTA_COUNTERS_ORIG] = { .type = NLA_NESTED },
	[CTA_COUNTERS_REPLY] = { .type = NLA_NESTED },
};
static const struct nla_policy counters_policy[CTA_COUNTERS_MAX + 1] = {
	[CTA_COUNTERS_PACKETS] = EXACTLY(8),
	[CTA_COUNTERS_BYTES] = EXACTLY(8),
};
static const struct nla_policy tuple_policy[CTA_TUPLE_MAX + 1] = {
	[CTA_TUPLE_IP] = { .type = NLA_NESTED },
	[CTA_TUPLE_PROTO] = { .type = NLA_NESTED },
};
static const struct nla_policy ip_policy[CTA_IP_MAX + 1] = {
	[CTA_IP_V4_SRC] = EXACTLY(4),
	[CTA_IP_V4_DST] = EXACTLY(4),
	[CTA_IP_V6_SRC] = EXACTLY(16),
	[CTA_IP_V6_DST] = EXACTLY(16),
};
static const struct nla_policy proto_policy[CTA_PROTO_MAX + 1] = {
	[CTA_PROTO_NUM] = EXACTLY(1),
	[CTA_PROTO_SRC_PORT] = EXACTLY(2),
	[CTA_PROTO_DST_PORT] = EXACTLY(2),
};

/* Those whose ports a flow key has (bpf/parse_l4.h). GRE keys come as ports, too: not here. */
static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE || proto == IPPROTO_SCTP;
}

static bool read_ip(struct nlattr *nest, struct tuple *t)
{
	struct nlattr *attr[CTA_IP_MAX + 1];

	if (!nest || nla_parse_nested(attr, CTA_IP_MAX, nest, ip_policy) < 0)
		return false;
	t->is_ipv4 = attr[CTA_IP_V4_SRC] && attr[CTA_IP_V4_DST];
	if (t->is_ipv4) {
		for (int i = 0; i < 2; i++) {
			t->pair.addr[i][2] = htonl(0xffff);
			memcpy(&t->pair.addr[i][3], nla_data(attr[i ? CTA_IP_V4_DST : CTA_IP_V4_SRC]), 4);
		}
		return true;
	}
	if (!attr[CTA_IP_V6_SRC] || !attr[CTA_IP_V6_DST])
		return false;
	memcpy(t->pair.addr[0], nla_data(attr[CTA_IP_V6_SRC]), 16);
	memcpy(t->pair.addr[1], nla_data(attr[CTA_IP_V6_DST]), 16);
	return true;
}

static bool read_proto(struct nlattr *nest, struct tuple *t)
{
	struct nlattr *attr[CTA_PROTO_MAX + 1];

	if (!nest || nla_parse_nested(attr, CTA_PROTO_MAX, nest, proto_policy) < 0 || !attr[CTA_PROTO_NUM])
		return false;
	t->proto = nla_get_u8(attr[CTA_PROTO_NUM]);
	if (!has_ports(t->proto))
		return true;
	if (!attr[CTA_PROTO_SRC_PORT] || !attr[CTA_PROTO_DST_PORT])
		return false;
	t->pair.port[0] = nla_get_u16(attr[CTA_PROTO_SRC_PORT]);
	t->pair.port[1] = nla_get_u16(attr[CTA_PROTO_DST_PORT]);
	return true;
}

static bool read_tuple(struct nlattr *nest, struct tuple *ret_tuple)
{
	struct nlattr *attr[CTA_TUPLE_MAX + 1];

	*ret_tuple = (struct tuple){ 0 };
	return nest && nla_parse_nested(attr, CTA_TUPLE_MAX, nest, tuple_policy) >= 0 &&
	       read_ip(attr[CTA_TUPLE_IP], ret_tuple) && read_proto(attr[CTA_TUPLE_PROTO], ret_tuple);
}

static bool read_counters(struct nlattr *nest, struct conntrack_counts *counts, int from)
{
	struct nlattr *attr[CTA_COUNTERS_MAX + 1];

	if (nla_parse_nested(attr, CTA_COUNTERS_MAX, nest, counters_policy) < 0 || !attr[CTA_COUNTERS_PACKETS] ||
	    !attr[CTA_COUNTERS_BYTES])
		return false;
	counts->packets[from] = be64toh(nla_get_u64(attr[CTA_COUNTERS_PACKETS]));
	counts->bytes[from] = be64toh(nla_get_u64(attr[CTA_COUNTERS_BYTES]));
	return true;
}

/* What a message may have or not. */
static bool read_more(struct nlattr *const *attr, struct conntrack_connection *connection)
{
	if (attr[CTA_STATUS])
		connection->in_hardware = !!(ntohl(nla_get_u32(attr[CTA_STATUS])) & IPS_HW_OFFLOAD);
	if (!attr[CTA_COUNTERS_ORIG] || !attr[CTA_COUNTERS_REPLY])
		return true;
	connection->has_counts = 1;
	return read_counters(attr[CTA_COUNTERS_ORIG], &connection->counts, CONNTRACK_CLIENT) &&
	       read_counters(attr[CTA_COUNTERS_REPLY], &connection->counts, CONNTRACK_SERVER);
}

enum conntrack_message_kind conntrack_message_read(struct nlmsghdr *head, struct conntrack_connection *ret_connection)
{
	const int type = NFNL_MSG_TYPE(head->nlmsg_type);
	struct conntrack_connection connection;
	struct nlattr *attr[CTA_MAX + 1];
	struct tuple original, reply;

	if (NFNL_SUBSYS_ID(head->nlmsg_type) != NFNL_SUBSYS_CTNETLINK ||
	    (type != IPCTNL_MSG_CT_NEW && type != IPCTNL_MSG_CT_DELETE))
		return CONNTRACK_MESSAGE_OTHER;
	if (nlmsg_parse(head, sizeof(struct nfgenmsg), attr, CTA_MAX, message_policy) < 0 ||
	    !read_tuple(attr[CTA_TUPLE_ORIG], &original) || !read_tuple(attr[CTA_TUPLE_REPLY], &reply) ||
	    original.proto != reply.proto || original.is_ipv4 != reply.is_ipv4)
		return CONNTRACK_MESSAGE_MALFORMED;
	connection = (struct conntrack_connection){ .view[0] = original.pair, .proto = original.proto };
	for (int i = 0; i < 2; i++) {	/* answers come from the server */
		memcpy(connection.view[1].addr[i], reply.pair.addr[!i], sizeof(reply.pair.addr[0]));
		connection.view[1].port[i] = reply.pair.port[!i];
	}
	if (!read_more(attr, &connection))
		return CONNTRACK_MESSAGE_MALFORMED;
	*ret_connection = connection;
	return type == IPCTNL_MSG_CT_NEW ? CONNTRACK_MESSAGE_NEW : CONNTRACK_MESSAGE_DESTROY;
}
