/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/offload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "collect/netlink.h"

#define DEVICE_PREFIX	2	/* NFTA_DEVICE_PREFIX, Linux 6.17: newer than the headers */
#define TRIES		8	/* flowtables changed during a dump: asked again */
#define ACCT_PATH	"/proc/sys/net/netfilter/nf_conntrack_acct"

const char *const offload_mode_names[OFFLOAD_MODE_N] = {
#define X(id, name, text) name,
	OFFLOAD_MODES(X)
#undef X
};

/* ---- one message ---- */

static const struct nla_policy table_policy[NFTA_FLOWTABLE_MAX + 1] = {
	[NFTA_FLOWTABLE_TABLE]	= { .type = NLA_STRING, .maxlen = NFT_NAME_MAXLEN },
	[NFTA_FLOWTABLE_NAME]	= { .type = NLA_STRING, .maxlen = NFT_NAME_MAXLEN },
	[NFTA_FLOWTABLE_HOOK]	= { .type = NLA_NESTED },
	[NFTA_FLOWTABLE_FLAGS]	= { .type = NLA_U32 },
};

static const struct nla_policy hook_policy[NFTA_FLOWTABLE_HOOK_MAX + 1] = {
	[NFTA_FLOWTABLE_HOOK_DEVS] = { .type = NLA_NESTED },
};

static const char *family_name(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET:	return "inet";
	case NFPROTO_IPV4:	return "ip";
	case NFPROTO_IPV6:	return "ip6";
	default:		return "?";
	}
}

static void add_device(struct offload_table *table, struct nlattr *attr)
{
	const char *mark = nla_type(attr) == DEVICE_PREFIX ? "*" : "";

	if (nla_type(attr) != NFTA_DEVICE_NAME && nla_type(attr) != DEVICE_PREFIX)
		return;
	if (table->devices == OFFLOAD_DEVICES)
		table->more_devices++;
	else
		snprintf(table->device[table->devices++], IFNAMSIZ, "%.*s%s", nla_len(attr), (const char *)nla_data(attr), mark);
}

int offload_parse(struct nlmsghdr *msg, struct offload *offload)
{
	struct nlattr *attr[NFTA_FLOWTABLE_MAX + 1], *hook[NFTA_FLOWTABLE_HOOK_MAX + 1], *device;
	struct offload_table table = { 0 };
	uint32_t flags;
	int left;

	if (msg->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWFLOWTABLE) ||
	    nlmsg_parse(msg, sizeof(struct nfgenmsg), attr, NFTA_FLOWTABLE_MAX, table_policy) < 0 ||
	    !attr[NFTA_FLOWTABLE_TABLE] || !attr[NFTA_FLOWTABLE_NAME] || !attr[NFTA_FLOWTABLE_HOOK] ||
	    nla_parse_nested(hook, NFTA_FLOWTABLE_HOOK_MAX, attr[NFTA_FLOWTABLE_HOOK], hook_policy) < 0)
		return -EBADMSG;
	snprintf(table.name, sizeof(table.name), "%s %s %s",
		 family_name(((struct nfgenmsg *)nlmsg_data(msg))->nfgen_family),
		 nla_get_string(attr[NFTA_FLOWTABLE_TABLE]), nla_get_string(attr[NFTA_FLOWTABLE_NAME]));
	flags = attr[NFTA_FLOWTABLE_FLAGS] ? ntohl(nla_get_u32(attr[NFTA_FLOWTABLE_FLAGS])) : 0;
	table.hardware = !!(flags & NFT_FLOWTABLE_HW_OFFLOAD);
	table.counter = !!(flags & NFT_FLOWTABLE_COUNTER);
	if (hook[NFTA_FLOWTABLE_HOOK_DEVS])
		nla_for_each_nested(device, hook[NFTA_FLOWTABLE_HOOK_DEVS], left)
			add_device(&table, device);
	if (offload->tables < OFFLOAD_TABLES) {
		offload->table[offload->tables++] = table;
		return 0;
	}
	offload->more_tables++;
	offload->more_hardware |= table.hardware;
	return 0;
}

/* ---- the kernel ---- */

int offload_open(struct nl_sock **ret_nl)
{
	return netlink_open(ret_nl, NETLINK_NETFILTER);
}

static void hear(struct nlmsghdr *msg, void *arg)
{
	struct offload *offload = arg;

	if (offload_parse(msg, offload))
		offload->err = -EBADMSG;
}

static int ask(struct nl_sock *nl, struct offload *offload)
{
	struct nfgenmsg family = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 };
	struct nl_msg *msg = nlmsg_alloc_simple(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETFLOWTABLE, NLM_F_DUMP);

	if (!msg || nlmsg_append(msg, &family, sizeof(family), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return netlink_ask(nl, msg, hear, offload);
}

static bool read_acct(void)
{
	char text[2] = "";
	_cleanup_close_ int fd = open(ACCT_PATH, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, text, 1) == 1 && text[0] == '1';
}

void offload_read(struct nl_sock *nl, struct offload *ret_offload)
{
	int err = -EINTR;

	for (int i = 0; i < TRIES && err == -EINTR; i++) {
		*ret_offload = (struct offload){ 0 };
		err = ask(nl, ret_offload);
	}
	if (err && err != -EINVAL && err != -EOPNOTSUPP)	/* those two: the kernel has no nf_tables */
		ret_offload->err = err;
	ret_offload->acct = read_acct();
}

/* ---- what it means ---- */

static bool has_device(const struct offload_table *table, const char *device)
{
	for (uint16_t i = 0; i < table->devices; i++) {
		const size_t len = strlen(table->device[i]);

		if (!strcmp(table->device[i], device))
			return true;
		if (len && table->device[i][len - 1] == '*' && !strncmp(table->device[i], device, len - 1))
			return true;
	}
	return table->more_devices;	/* it may be one of them */
}

/* @device NULL: any. */
static enum offload_mode most(const struct offload *offload, const char *device)
{
	enum offload_mode mode = offload->more_hardware ? OFFLOAD_HARDWARE : offload->more_tables ? OFFLOAD_SOFTWARE : OFFLOAD_NONE;

	if (offload->err)
		return OFFLOAD_UNKNOWN;
	for (uint32_t i = 0; i < offload->tables; i++)
		if (!device || has_device(&offload->table[i], device))
			mode = MAX(mode, offload->table[i].hardware ? OFFLOAD_HARDWARE : OFFLOAD_SOFTWARE);
	return mode;
}

enum offload_mode offload_of(const struct offload *offload, const char *device)
{
	return most(offload, device);
}

enum offload_mode offload_most(const struct offload *offload)
{
	return most(offload, NULL);
}
