/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/clsact.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <string.h>

#include "base/util.h"
#include "collect/netlink.h"

#define NAME		"weir"
#define NAME_QDISC	"weir+qdisc"
#define TRIES		8	/* some interface's qdisc changed during the dump: asked again */

static const uint32_t parents[CLSACT_SIDES] = {
	[CLSACT_INGRESS] = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
	[CLSACT_EGRESS] = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),
};

static const uint32_t info = TC_H_MAKE(CLSACT_PRIORITY << 16, 0);	/* | protocol, in wire order */

static struct nl_msg *request(int type, int flags, const struct tcmsg *head, const char *kind)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg && nlmsg_append(msg, (void *)head, sizeof(*head), NLMSG_ALIGNTO) >= 0 &&
	    (!kind || nla_put_string(msg, TCA_KIND, kind) >= 0))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

/* ---- looking ---- */

struct looking {
	uint32_t ifindex;
	struct clsact_seen seen;
};

static void see_qdisc(struct nlmsghdr *msg, void *arg)
{
	struct looking *l = arg;
	struct nlattr *attr[TCA_MAX + 1];
	const struct tcmsg *head;

	if (msg->nlmsg_type != RTM_NEWQDISC || nlmsg_parse(msg, sizeof(*head), attr, TCA_MAX, NULL) < 0 || !attr[TCA_KIND])
		return;
	head = nlmsg_data(msg);
	if ((uint32_t)head->tcm_ifindex != l->ifindex || head->tcm_parent != TC_H_CLSACT)
		return;
	l->seen.qdisc = true;
	nla_strlcpy(l->seen.qdisc_kind, attr[TCA_KIND], sizeof(l->seen.qdisc_kind));
}

static bool starts_with(const struct nlattr *attr, const char *text)
{
	return nla_len(attr) >= (int)strlen(text) && !memcmp(nla_data(attr), text, strlen(text));
}

static void see_filter(struct nlmsghdr *msg, void *arg)
{
	struct clsact_seen *seen = &((struct looking *)arg)->seen;
	struct nlattr *attr[TCA_MAX + 1], *option[TCA_BPF_MAX + 1] = {};
	const struct tcmsg *head;
	bool ours;

	if (msg->nlmsg_type != RTM_NEWTFILTER || nlmsg_parse(msg, sizeof(*head), attr, TCA_MAX, NULL) < 0 ||
	    !attr[TCA_KIND])
		return;
	head = nlmsg_data(msg);
	if (!head->tcm_handle)	/* announces a priority, no filter yet */
		return;
	ours = head->tcm_handle == CLSACT_HANDLE && TC_H_MAJ(head->tcm_info) == TC_H_MAJ(info) &&
	       !nla_strcmp(attr[TCA_KIND], "bpf") && attr[TCA_OPTIONS] &&
	       !nla_parse_nested(option, TCA_BPF_MAX, attr[TCA_OPTIONS], NULL) && option[TCA_BPF_NAME] &&
	       starts_with(option[TCA_BPF_NAME], NAME);
	if (!ours) {
		seen->foreign++;
		return;
	}
	seen->ours[head->tcm_parent == parents[CLSACT_EGRESS] ? CLSACT_EGRESS : CLSACT_INGRESS] = true;
	if (starts_with(option[TCA_BPF_NAME], NAME_QDISC))
		seen->qdisc_ours = true;
}

int clsact_look(struct nl_sock *nl, uint32_t ifindex, struct clsact_seen *ret_seen)
{
	struct tcmsg head = { .tcm_ifindex = (int)ifindex };
	struct looking l = { .ifindex = ifindex };
	int err = -EINTR;

	/* All interfaces' qdiscs: asked for one alone, the kernel would tell every listener as if it had changed. */
	for (int i = 0; i < TRIES && err == -EINTR; i++)
		err = netlink_ask(nl, request(RTM_GETQDISC, NLM_F_DUMP, &head, NULL), see_qdisc, &l);
	for (int side = 0; !err && l.seen.qdisc && side < CLSACT_SIDES; side++) {
		head.tcm_parent = parents[side];
		if (side == CLSACT_EGRESS && strcmp(l.seen.qdisc_kind, "clsact"))	/* "ingress" has one side */
			break;
		err = netlink_ask(nl, request(RTM_GETTFILTER, NLM_F_DUMP, &head, NULL), see_filter, &l);
	}
	if (err)
		return err;
	*ret_seen = l.seen;
	return 0;
}

/* ---- changing ---- */

static int qdisc(struct nl_sock *nl, uint32_t ifindex, int type, int flags)
{
	struct tcmsg head = {
		.tcm_ifindex = (int)ifindex,
		.tcm_parent = TC_H_CLSACT,
		.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
	};

	return netlink_ask(nl, request(type, flags, &head, "clsact"), NULL, NULL);
}

static struct tcmsg filter_head(uint32_t ifindex, enum clsact_side side)
{
	return (struct tcmsg){
		.tcm_ifindex = (int)ifindex,
		.tcm_parent = parents[side],
		.tcm_handle = CLSACT_HANDLE,
		.tcm_info = info | htons(ETH_P_ALL),
	};
}

static struct nl_msg *put_request(const struct tcmsg *head, int flags, const char *name, int prog_fd)
{
	struct nl_msg *msg = request(RTM_NEWTFILTER, NLM_F_CREATE | flags, head, "bpf");
	struct nlattr *options = msg ? nla_nest_start(msg, TCA_OPTIONS) : NULL;

	if (options && nla_put_u32(msg, TCA_BPF_FD, (uint32_t)prog_fd) >= 0 && nla_put_string(msg, TCA_BPF_NAME, name) >= 0 &&
	    nla_put_u32(msg, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT) >= 0) {
		nla_nest_end(msg, options);
		return msg;
	}
	nlmsg_free(msg);
	return NULL;
}

int clsact_put(struct nl_sock *nl, uint32_t ifindex, enum clsact_side side, int prog_fd, bool *ret_replaced)
{
	const struct tcmsg head = filter_head(ifindex, side);
	struct clsact_seen seen;
	bool made = false;
	int err;

	err = clsact_look(nl, ifindex, &seen);
	if (err)
		return err;
	if (!seen.qdisc) {
		err = qdisc(nl, ifindex, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
		if (err && err != -EEXIST)
			return err;
		made = !err;
	} else if (side == CLSACT_EGRESS && strcmp(seen.qdisc_kind, "clsact")) {
		return -EEXIST;
	}
	err = netlink_ask(nl, put_request(&head, seen.ours[side] ? 0 : NLM_F_EXCL, made || seen.qdisc_ours ? NAME_QDISC : NAME,
					  prog_fd), NULL, NULL);
	if (err) {
		if (made)
			qdisc(nl, ifindex, RTM_DELQDISC, 0);
		return err;
	}
	*ret_replaced = seen.ours[side];
	return 0;
}

int clsact_remove(struct nl_sock *nl, uint32_t ifindex, enum clsact_side side)
{
	const struct tcmsg head = filter_head(ifindex, side);
	struct clsact_seen seen;
	int err;

	err = clsact_look(nl, ifindex, &seen);
	if (err || !seen.ours[side])
		return err;
	err = netlink_ask(nl, request(RTM_DELTFILTER, 0, &head, "bpf"), NULL, NULL);
	if (err)
		return err;
	/* A filter that someone adds at this very moment would go with the qdisc: the kernel knows no "delete if empty". */
	if (seen.qdisc_ours && !seen.ours[!side] && !seen.foreign)
		return qdisc(nl, ifindex, RTM_DELQDISC, 0);
	return 0;
}
