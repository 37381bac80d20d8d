/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/iface.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "collect/netlink.h"

#define TRIES 8	/* interfaces changed during a dump: asked again */

static struct nla_policy iface_policy[IFLA_MAX + 1] = {
	[IFLA_IFNAME]	= { .type = NLA_STRING, .maxlen = IFNAMSIZ },
	[IFLA_MTU]	= { .type = NLA_U32 },
	[IFLA_CARRIER]	= { .type = NLA_U8 },
	[IFLA_LINKINFO]	= { .type = NLA_NESTED },
	[IFLA_XDP]	= { .type = NLA_NESTED },
};

int iface_parse(struct nlmsghdr *msg, struct iface *ret_iface)
{
	struct nlattr *attr[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1], *xdp[IFLA_XDP_MAX + 1];
	struct iface is = {};
	struct ifinfomsg *head;

	if (msg->nlmsg_type != RTM_NEWLINK && msg->nlmsg_type != RTM_DELLINK)
		return -EBADMSG;
	if (nlmsg_parse(msg, sizeof(*head), attr, IFLA_MAX, iface_policy) < 0 || !attr[IFLA_IFNAME])
		return -EBADMSG;
	head = nlmsg_data(msg);
	if (head->ifi_family != AF_UNSPEC || head->ifi_index <= 0)	/* AF_BRIDGE: a bridge's view of its port */
		return -EBADMSG;
	is.ifindex = (uint32_t)head->ifi_index;
	is.type = head->ifi_type;
	is.up = head->ifi_flags & IFF_UP && (!attr[IFLA_CARRIER] || nla_get_u8(attr[IFLA_CARRIER]));
	is.parent = attr[IFLA_PARENT_DEV_NAME];
	nla_strlcpy(is.name, attr[IFLA_IFNAME], sizeof(is.name));
	if (attr[IFLA_MTU])
		is.mtu = nla_get_u32(attr[IFLA_MTU]);
	if (attr[IFLA_ADDRESS] && nla_len(attr[IFLA_ADDRESS]) == sizeof(is.mac))
		memcpy(is.mac, nla_data(attr[IFLA_ADDRESS]), sizeof(is.mac));
	if (attr[IFLA_LINKINFO] && !nla_parse_nested(info, IFLA_INFO_MAX, attr[IFLA_LINKINFO], NULL) &&
	    info[IFLA_INFO_KIND])
		nla_strlcpy(is.kind, info[IFLA_INFO_KIND], sizeof(is.kind));
	if (attr[IFLA_XDP] && !nla_parse_nested(xdp, IFLA_XDP_MAX, attr[IFLA_XDP], NULL)) {
		/* Several modes at once (one of them offloaded): any of them is enough to know that XDP is taken. */
		static const int ids[] = { IFLA_XDP_PROG_ID, IFLA_XDP_DRV_PROG_ID, IFLA_XDP_SKB_PROG_ID, IFLA_XDP_HW_PROG_ID };

		for (size_t i = 0; !is.xdp_prog_id && i < ARRAY_SIZE(ids); i++)
			if (xdp[ids[i]] && nla_len(xdp[ids[i]]) >= 4)
				is.xdp_prog_id = nla_get_u32(xdp[ids[i]]);
	}
	*ret_iface = is;
	return 0;
}

struct listed {
	struct iface *list;
	size_t count, room;
	int err;
};

static void hear_iface(struct nlmsghdr *msg, void *arg)
{
	struct listed *l = arg;
	struct iface iface;

	if (l->err || iface_parse(msg, &iface))
		return;
	if (l->count == l->room) {
		size_t room = l->room ? l->room * 2 : 64;
		struct iface *list = realloc(l->list, room * sizeof(*list));

		if (!list) {
			l->err = -ENOMEM;
			return;
		}
		l->list = list;
		l->room = room;
	}
	l->list[l->count++] = iface;
}

static int ask(struct nl_sock *nl, uint32_t ifindex, int flags, struct listed *l)
{
	struct ifinfomsg head = { .ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, flags);
	int err;

	if (!msg || nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO) < 0 ||
	    nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	err = netlink_ask(nl, msg, hear_iface, l);
	return err ? err : l->err;
}

int iface_get(struct nl_sock *nl, uint32_t ifindex, struct iface *ret_iface)
{
	struct listed l = {};
	int err = ask(nl, ifindex, 0, &l);

	if (!err && !l.count)
		err = -ENODEV;
	if (!err)
		*ret_iface = l.list[0];
	free(l.list);
	return err;
}

int iface_list(struct nl_sock *nl, struct iface **ret_list, size_t *ret_count)
{
	struct listed l = {};
	int err;

	for (int i = 0; i < TRIES; i++) {
		l.count = 0;
		err = ask(nl, 0, NLM_F_DUMP, &l);
		if (err != -EINTR)
			break;
	}
	if (err) {
		free(l.list);
		return err;
	}
	*ret_list = l.list;
	*ret_count = l.count;
	return 0;
}

bool iface_raw_ip(const struct iface *iface)
{
	switch (iface->type) {
	case ARPHRD_PPP:
	case ARPHRD_NONE:
	case ARPHRD_RAWIP:
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
	case ARPHRD_IP6GRE:
		return true;
	default:
		return false;
	}
}

bool iface_physical(const struct iface *iface)
{
	char path[64];

	/* The name stands for an interface of the namespace that /sys was mounted in. In another one this may look at
	 * the wrong interface: then a wireless NIC is taken for a wired one, its driver refuses XDP, and TC is used. */
	snprintf(path, sizeof(path), "/sys/class/net/%s/phy80211", iface->name);
	return iface->parent && !iface->kind[0] && !iface_raw_ip(iface) && iface->type == ARPHRD_ETHER && access(path, F_OK);
}
