/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * nic - what an interface's driver has counted, what waits or was dropped in front of it, and which offloads it does.
 *
 * Asks rtnetlink (RTM_GETSTATS, the root qdisc) and ethtool; needs no right. Figures are the driver's: whether bytes hold
 * the Ethernet header or the FCS, and whether a packet of several segments counts once, differs; what they are next to
 * the books is for residual.h to say. Counters of hardware may come late (some drivers ask it once a second).
 * Returns 0 or a negative errno: -ENODEV: no such interface; -EOPNOTSUPP: the driver has no features. No logging.
 */
#pragma once

#include <stdint.h>

#include "bpf/abi.h"

struct nic;
struct nlmsghdr;

struct nic_side {
	uint64_t frames;
	uint64_t bytes;
	uint64_t dropped;	/* rx: in frames, and dropped by driver or stack; tx: not in frames */
	uint64_t errors;
};

struct nic_counters {
	struct nic_side dir[DIRS];
	uint64_t missed;	/* rx: the device had no buffer; not in frames */
	uint64_t crc_errors;	/* rx: in errors */
	uint64_t multicast;	/* rx: in frames */
};

/* The root qdisc of an interface, behind the egress hook. "noqueue" is none. */
struct nic_queue {
	uint32_t ifindex;
	uint32_t waiting;	/* frames there now */
	uint64_t dropped;	/* frames; 32 bits in the kernel */
};

#define NIC_QUEUES_MAX 256	/* more interfaces with a qdisc: what these dropped is not known */

/* Features of ethtool that change what a hook sees. Bit, ethtool's name. */
#define NIC_FEATURES(X) \
	X(HW_TC,	"hw-tc-offload") \
	X(LRO,		"rx-lro") \
	X(GRO_HW,	"rx-gro-hw") \
	X(RX_VLAN,	"rx-vlan-hw-parse") \
	X(TX_VLAN,	"tx-vlan-hw-insert") \
	X(L2_FWD,	"l2-fwd-offload")

enum nic_feature {
#define X(id, name) NIC_##id,
	NIC_FEATURES(X)
#undef X
	NIC_FEATURE_N,
};

int nic_open(struct nic **ret_nic);
struct nic *nic_close(struct nic *nic);	/* takes NULL; returns NULL */

int nic_read(struct nic *nic, uint32_t ifindex, struct nic_counters *ret_counters);

/* All interfaces' queues at once: asked for a single one, the kernel would tell everybody who listens to TC. */
int nic_read_queues(struct nic *nic);
struct nic_queue nic_queue(const struct nic *nic, uint32_t ifindex);	/* by the last nic_read_queues(); ifindex 0: none */

int nic_features(struct nic *nic, const char *name, uint32_t *ret_features);	/* 1 << enum nic_feature */

/* Pure: an answer to RTM_GETSTATS, to RTM_GETQDISC. -EBADMSG: it is none, or of no root qdisc; then nothing is written. */
int nic_parse_stats(struct nlmsghdr *msg, struct nic_counters *ret_counters);
int nic_parse_queue(struct nlmsghdr *msg, struct nic_queue *ret_queue);
