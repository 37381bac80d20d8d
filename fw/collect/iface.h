/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * iface - what rtnetlink says of one network interface, or of all.
 *
 * Answers are the kernel's at the time of the call. Returns 0 or a negative errno: -ENODEV: no such interface;
 * -EINTR: interfaces keep changing while they are listed. No logging.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nl_sock;
struct nlmsghdr;

struct iface {
	uint32_t ifindex;
	char name[IFNAMSIZ];
	char kind[16];		/* "veth", "bridge", ...; "" for NICs */
	uint16_t type;		/* ARPHRD_* */
	bool up;		/* IFF_UP and carrier */
	bool parent;		/* stands on a device of a bus: PCI, USB, virtio, platform */
	uint8_t mac[6];		/* all zero: none, or not 6 bytes */
	uint32_t mtu;
	uint32_t xdp_prog_id;	/* 0: none */
};

int iface_parse(struct nlmsghdr *msg, struct iface *ret_iface);	/* pure; -EBADMSG: not a link message */
int iface_get(struct nl_sock *nl, uint32_t ifindex, struct iface *ret_iface);
int iface_list(struct nl_sock *nl, struct iface **ret_list, size_t *ret_count);	/* all; the caller frees */

bool iface_raw_ip(const struct iface *iface);		/* frames start with the IP header */
bool iface_physical(const struct iface *iface);	/* a NIC; wireless ones do not count. Looks into /sys */
