/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/nic.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/util.h"
#include "collect/netlink.h"

#define FEATURES_MAX	256	/* bits that the kernel may have; Linux 6.12 has 64 */
#define TRIES		8	/* a qdisc changed during a dump: asked again */
#define STATS_LEAST	offsetof(struct rtnl_link_stats64, tx_aborted_errors)

struct nic {
	struct nl_sock *nl;
	int bits;			/* features that this kernel knows; 0: not asked yet */
	int bit[NIC_FEATURE_N];		/* their places; -1: unknown to it */
	size_t queues;
	struct nic_queue queue[NIC_QUEUES_MAX];
};

static const char *const feature_names[NIC_FEATURE_N] = {
#define X(id, name) name,
	NIC_FEATURES(X)
#undef X
};

int nic_open(struct nic **ret_nic)
{
	struct nic *nic = calloc(1, sizeof(*nic));
	int err;

	if (!nic)
		return -ENOMEM;
	err = netlink_open(&nic->nl, NETLINK_ROUTE);
	if (err) {
		free(nic);
		return err;
	}
	*ret_nic = nic;
	return 0;
}

struct nic *nic_close(struct nic *nic)
{
	if (nic)
		netlink_close(nic->nl);
	free(nic);
	return NULL;
}

/* ---- rtnetlink ---- */

int nic_parse_stats(struct nlmsghdr *msg, struct nic_counters *ret_counters)
{
	struct nlattr *attr[IFLA_STATS_MAX + 1];
	struct rtnl_link_stats64 s = { 0 };

	if (msg->nlmsg_type != RTM_NEWSTATS ||
	    nlmsg_parse(msg, sizeof(struct if_stats_msg), attr, IFLA_STATS_MAX, NULL) < 0 || !attr[IFLA_STATS_LINK_64] ||
	    nla_len(attr[IFLA_STATS_LINK_64]) < (int)STATS_LEAST)
		return -EBADMSG;
	memcpy(&s, nla_data(attr[IFLA_STATS_LINK_64]), MIN((size_t)nla_len(attr[IFLA_STATS_LINK_64]), sizeof(s)));
	*ret_counters = (struct nic_counters){
		.dir[DIR_RX] = { s.rx_packets, s.rx_bytes, s.rx_dropped, s.rx_errors },
		.dir[DIR_TX] = { s.tx_packets, s.tx_bytes, s.tx_dropped, s.tx_errors },
		.missed = s.rx_missed_errors,
		.crc_errors = s.rx_crc_errors,
		.multicast = s.multicast,
	};
	return 0;
}

static const struct nla_policy queue_policy[TCA_MAX + 1] = {
	[TCA_KIND]	= { .type = NLA_STRING },
	[TCA_STATS2]	= { .type = NLA_NESTED },
};

int nic_parse_queue(struct nlmsghdr *msg, struct nic_queue *ret_queue)
{
	struct nlattr *attr[TCA_MAX + 1], *stats[TCA_STATS_MAX + 1];
	struct gnet_stats_queue queue;
	struct tcmsg head;

	if (msg->nlmsg_type != RTM_NEWQDISC || nlmsg_parse(msg, sizeof(head), attr, TCA_MAX, queue_policy) < 0)
		return -EBADMSG;
	memcpy(&head, nlmsg_data(msg), sizeof(head));
	if (head.tcm_parent != TC_H_ROOT || head.tcm_ifindex <= 0 || !attr[TCA_KIND] || !attr[TCA_STATS2] ||
	    !strcmp(nla_get_string(attr[TCA_KIND]), "noqueue") ||
	    nla_parse_nested(stats, TCA_STATS_MAX, attr[TCA_STATS2], NULL) < 0 || !stats[TCA_STATS_QUEUE] ||
	    nla_len(stats[TCA_STATS_QUEUE]) < (int)sizeof(queue))
		return -EBADMSG;
	memcpy(&queue, nla_data(stats[TCA_STATS_QUEUE]), sizeof(queue));
	*ret_queue = (struct nic_queue){ (uint32_t)head.tcm_ifindex, queue.qlen, queue.drops };
	return 0;
}

struct heard {
	struct nic_counters counters;
	int err;
};

static void hear_stats(struct nlmsghdr *msg, void *arg)
{
	struct heard *heard = arg;

	heard->err = nic_parse_stats(msg, &heard->counters);
}

static int ask(struct nic *nic, int type, int flags, const void *head, size_t len, netlink_each each, void *arg)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg || nlmsg_append(msg, (void *)head, len, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return netlink_ask(nic->nl, msg, each, arg);
}

int nic_read(struct nic *nic, uint32_t ifindex, struct nic_counters *ret_counters)
{
	const struct if_stats_msg stats = {
		.family = AF_UNSPEC, .ifindex = ifindex, .filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64),
	};
	struct heard heard = { .err = -EBADMSG };
	int err = ask(nic, RTM_GETSTATS, 0, &stats, sizeof(stats), hear_stats, &heard);

	if (!err)
		err = heard.err;
	if (!err)
		*ret_counters = heard.counters;
	return err;
}

static void hear_queue(struct nlmsghdr *msg, void *arg)
{
	struct nic *nic = arg;

	if (nic->queues < NIC_QUEUES_MAX && !nic_parse_queue(msg, &nic->queue[nic->queues]))
		nic->queues++;
}

int nic_read_queues(struct nic *nic)
{
	const struct tcmsg head = { .tcm_family = AF_UNSPEC };
	int err = -EINTR;

	for (int i = 0; i < TRIES && err == -EINTR; i++) {
		nic->queues = 0;
		err = ask(nic, RTM_GETQDISC, NLM_F_DUMP, &head, sizeof(head), hear_queue, nic);
	}
	if (err)
		nic->queues = 0;
	return err;
}

struct nic_queue nic_queue(const struct nic *nic, uint32_t ifindex)
{
	for (size_t i = 0; i < nic->queues; i++)
		if (nic->queue[i].ifindex == ifindex)
			return nic->queue[i];
	return (struct nic_queue){ 0 };
}

/* ---- ethtool ---- */

static int ethtool(struct nic *nic, const char *name, void *command)
{
	struct ifreq request = { .ifr_data = command };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return ioctl(nl_socket_get_fd(nic->nl), SIOCETHTOOL, &request) ? -errno : 0;	/* any socket will do */
}

/* The names of the bits are the kernel's, the same for every interface. */
static int learn_bits(struct nic *nic, const char *name)
{
	union {
		struct ethtool_sset_info info;
		uint32_t room[5];	/* with one count behind it */
	} set = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES } };
	_cleanup_free_ struct ethtool_gstrings *strings = NULL;
	int err = ethtool(nic, name, &set);
	uint32_t count;

	if (err)
		return err;
	count = set.info.data[0];
	if (!set.info.sset_mask || !count || count > FEATURES_MAX)
		return -EOPNOTSUPP;
	strings = calloc(1, sizeof(*strings) + (size_t)count * ETH_GSTRING_LEN);
	if (!strings)
		return -ENOMEM;
	*strings = (struct ethtool_gstrings){ .cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES, .len = count };
	err = ethtool(nic, name, strings);
	if (err)
		return err;
	for (int f = 0; f < NIC_FEATURE_N; f++) {
		nic->bit[f] = -1;
		for (uint32_t i = 0; i < MIN(strings->len, count); i++)
			if (!strncmp((const char *)strings->data + i * ETH_GSTRING_LEN, feature_names[f], ETH_GSTRING_LEN))
				nic->bit[f] = (int)i;
	}
	nic->bits = (int)count;
	return 0;
}

int nic_features(struct nic *nic, const char *name, uint32_t *ret_features)
{
	union {
		struct ethtool_gfeatures head;
		uint8_t room[sizeof(struct ethtool_gfeatures) + FEATURES_MAX / 32 * sizeof(struct ethtool_get_features_block)];
	} f = { .head = { .cmd = ETHTOOL_GFEATURES, .size = FEATURES_MAX / 32 } };
	uint32_t features = 0;
	int err = nic->bits ? 0 : learn_bits(nic, name);

	if (!err)
		err = ethtool(nic, name, &f);
	if (err)
		return err;
	for (int i = 0; i < NIC_FEATURE_N; i++)
		if (nic->bit[i] >= 0 && f.head.features[nic->bit[i] / 32].active >> nic->bit[i] % 32 & 1)
			features |= 1u << i;
	*ret_features = features;
	return 0;
}
