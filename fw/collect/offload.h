/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * offload - nftables' flowtables: which ports' flows skip the forwarding path, in software or in the NIC.
 *
 * Frames of a flow that a flowtable forwards in software still cross both hooks: its own hook is behind XDP and TC ingress,
 * and it sends through TC egress. Those that the NIC forwards (flag "offload") reach no hook. Asks nf_tables, which wants
 * CAP_NET_ADMIN and makes the kernel load that module where it is one; this network namespace only. Without state and
 * logging; 0 or a negative errno.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define OFFLOAD_TABLES		2	/* more are counted, not listed */
#define OFFLOAD_DEVICES		16	/* of one flowtable */
#define OFFLOAD_NAME_BYTES	80	/* "inet fw4 ft": family, table, flowtable; longer ones are cut */

struct nl_sock;
struct nlmsghdr;

/* Plain data, no pointers, no padding: can be written to a socket as it is, and compared as bytes. */
struct offload_table {
	char name[OFFLOAD_NAME_BYTES];
	uint8_t hardware;	/* the NICs forward its flows */
	uint8_t counter;	/* its flows are counted in conntrack */
	uint16_t devices;	/* listed below */
	uint32_t more_devices;	/* not listed */
	char device[OFFLOAD_DEVICES][IFNAMSIZ];	/* "eth*": all whose names begin so */
};
_Static_assert(sizeof(struct offload_table) == OFFLOAD_NAME_BYTES + 8 + OFFLOAD_DEVICES * IFNAMSIZ, "no padding");

struct offload {
	int32_t err;		/* negative errno: what is here is not known; 0 also where the kernel has no nf_tables */
	uint32_t tables;	/* listed below */
	uint32_t more_tables;	/* not listed */
	uint8_t more_hardware;	/* one of those is in hardware */
	uint8_t acct;		/* conntrack counts packets and bytes: net.netfilter.nf_conntrack_acct */
	uint8_t zero[2];
	struct offload_table table[OFFLOAD_TABLES];
};
_Static_assert(sizeof(struct offload) == 16 + OFFLOAD_TABLES * sizeof(struct offload_table), "no padding");

/* Name, what it says. */
#define OFFLOAD_MODES(X) \
	X(NONE,		"none",		"no flowtable has it") \
	X(SOFTWARE,	"software",	"flows skip the forwarding path; every frame is seen") \
	X(HARDWARE,	"hardware",	"flows that the NIC forwards are not seen") \
	X(UNKNOWN,	"unknown",	"nf_tables does not answer")

enum offload_mode {
#define X(id, name, text) OFFLOAD_##id,
	OFFLOAD_MODES(X)
#undef X
	OFFLOAD_MODE_N,
};

extern const char *const offload_mode_names[OFFLOAD_MODE_N];

int offload_open(struct nl_sock **ret_nl);	/* closed by netlink_close() */
void offload_read(struct nl_sock *nl, struct offload *ret_offload);	/* an error is in it */

/* Pure: adds what an answer to NFT_MSG_GETFLOWTABLE says. -EBADMSG: it is none; then nothing is added. */
int offload_parse(struct nlmsghdr *msg, struct offload *offload);

enum offload_mode offload_of(const struct offload *offload, const char *device);	/* the most that a flowtable does to it */
enum offload_mode offload_most(const struct offload *offload);			/* to any port */
