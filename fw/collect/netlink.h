/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * netlink - one request of rtnetlink or netfilter and its answer, waited for: the kernel gives it within the call.
 *
 * The socket is used for nothing else; events have another one. @each hears every message of the answer and must not
 * ask on the same socket. Returns 0, the kernel's negative errno, or -EINTR: what was dumped changed meanwhile.
 */
#pragma once

struct nl_msg;
struct nl_sock;
struct nlmsghdr;

typedef void (*netlink_each)(struct nlmsghdr *msg, void *arg);

int netlink_open(struct nl_sock **ret_nl, int protocol);	/* NETLINK_ROUTE, NETLINK_NETFILTER */
struct nl_sock *netlink_close(struct nl_sock *nl);	/* takes NULL; returns NULL */
int netlink_ask(struct nl_sock *nl, struct nl_msg *msg, netlink_each each, void *arg);	/* frees @msg, also a NULL one */
