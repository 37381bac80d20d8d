/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/ifwatch.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdlib.h>

#include "base/loop.h"
#include "base/util.h"

#define SOCKET_BYTES	(256 * 1024)	/* some 150 link messages may wait */
#define MESSAGE_BYTES	65536		/* an interface with many virtual functions */
#define BURST_MAX	1024		/* messages a turn; the rest comes in the next one */

struct ifwatch {
	struct nl_sock *nl;
	struct loop_fd fd;
	struct ifwatch_calls calls;
};

static int hear(struct nl_msg *msg, void *arg)
{
	const struct ifwatch *watch = arg;
	struct nlmsghdr *head = nlmsg_hdr(msg);

	switch (head->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (nlmsg_valid_hdr(head, sizeof(struct ifinfomsg)))
			watch->calls.link((uint32_t)((struct ifinfomsg *)nlmsg_data(head))->ifi_index, watch->calls.arg);
		break;
	case RTM_DELTFILTER:
	case RTM_DELQDISC:
		if (nlmsg_valid_hdr(head, sizeof(struct tcmsg)))
			watch->calls.tc_gone((uint32_t)((struct tcmsg *)nlmsg_data(head))->tcm_ifindex, watch->calls.arg);
		break;
	}
	return NL_OK;
}

static void ready(struct loop_fd *fd, uint32_t events)
{
	struct ifwatch *watch = container_of(fd, struct ifwatch, fd);
	int err = 0;

	for (int i = 0; i < BURST_MAX && err >= 0; i++)
		err = nl_recvmsgs_default(watch->nl);
	/* ENOBUFS is NLE_NOMEM to libnl; whatever else it is, messages may be missing. */
	watch->calls.settled(err < 0 && err != -NLE_AGAIN && err != -NLE_INTR, watch->calls.arg);
}

int ifwatch_open(struct ifwatch **ret_watch, struct loop *loop, const struct ifwatch_calls *calls)
{
	struct ifwatch *watch = calloc(1, sizeof(*watch));
	int err;

	if (!watch)
		return -ENOMEM;
	watch->calls = *calls;
	watch->nl = nl_socket_alloc();
	if (!watch->nl) {
		ifwatch_close(watch);
		return -ENOMEM;
	}
	nl_socket_disable_seq_check(watch->nl);
	nl_socket_modify_cb(watch->nl, NL_CB_VALID, NL_CB_CUSTOM, hear, watch);
	if (nl_connect(watch->nl, NETLINK_ROUTE) < 0 ||
	    nl_socket_add_memberships(watch->nl, RTNLGRP_LINK, RTNLGRP_TC, 0) < 0 ||
	    nl_socket_set_nonblocking(watch->nl) < 0) {
		ifwatch_close(watch);
		return -EIO;
	}
	nl_socket_set_buffer_size(watch->nl, SOCKET_BYTES, 0);	/* refused: more overruns, which are healed */
	nl_socket_set_msg_buf_size(watch->nl, MESSAGE_BYTES);
	watch->fd = (struct loop_fd){ .ready = ready, .fd = nl_socket_get_fd(watch->nl) };
	err = loop_fd_add(loop, &watch->fd, EPOLLIN);
	if (err) {
		ifwatch_close(watch);
		return err;
	}
	*ret_watch = watch;
	return 0;
}

struct ifwatch *ifwatch_close(struct ifwatch *watch)
{
	if (!watch)
		return NULL;
	loop_fd_remove(&watch->fd);
	nl_socket_free(watch->nl);	/* takes NULL */
	free(watch);
	return NULL;
}
