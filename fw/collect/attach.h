/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * attach - puts the programs on one port's two sides, takes over what an earlier run left there, takes them off.
 *
 * rx: native XDP, TCX or clsact; tx: TCX or clsact; ahead of other programs, so that all frames are seen. XDP and TCX
 * are bpf_links, pinned in <pin_dir>/links as "<port>-xdp", "<port>-rx", "<port>-tx"; a pinned link is taken over by an
 * atomic program update. clsact filters carry our own handle and priority and are replaced in place. A foreign program
 * is never replaced, nor is a foreign qdisc or filter touched. Knows nothing of port tables or events (that is ports).
 * Returns 0 or a negative errno; the attachment's reason text says what is not as asked. No logging.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define ATTACH_REASON_BYTES 192

/* What is asked for (weir.conf: hook = ...). */
enum attach_hook {
	ATTACH_AUTO,		/* native XDP on a physical NIC whose driver has it, otherwise TC */
	ATTACH_XDP,		/* native XDP or nothing */
	ATTACH_XDP_GENERIC,	/* generic XDP or nothing; never chosen by itself */
	ATTACH_TC,		/* TCX, or clsact before Linux 6.6 */
};

/* What it became. */
enum attached {
	ATTACHED_NONE,
	ATTACHED_XDP,
	ATTACHED_XDP_GENERIC,
	ATTACHED_TCX,
	ATTACHED_CLSACT,
};

/* Our bpf_links on an interface: XDP, TCX ingress, TCX egress. */
enum attach_link { ATTACH_LINK_XDP, ATTACH_LINK_RX, ATTACH_LINK_TX, ATTACH_LINKS };

struct nl_sock;

struct attach_settings {
	struct nl_sock *nl;	/* rtnetlink socket for requests (clsact) */
	int rx_xdp_fd, rx_tc_fd, tx_tc_fd;	/* programs */
	const char *pin_dir;	/* NULL: links end with the process */
	bool no_tcx;		/* as if the kernel had none */
};

struct attach_port {
	char name[IFNAMSIZ];
	uint32_t ifindex;
	enum attach_hook hook;
	bool physical;		/* a NIC, neither virtual nor wireless */
	bool raw_ip;		/* no Ethernet header: XDP cannot be */
};

struct attachment {
	enum attached rx, tx;
	int link_fd[ATTACH_LINKS];	/* -1: none */
	uint32_t foreign_xdp;		/* id of someone else's XDP program; 0: none */
	uint32_t foreign_tc;		/* someone else's TCX programs and filters, both sides */
	bool taken_over;		/* both sides were there before and only got other programs */
	char reason[ATTACH_REASON_BYTES];	/* "": all is as asked */
};

#define ATTACHMENT_NONE { .link_fd = { -1, -1, -1 } }

extern const char *const attached_names[];	/* "none", "xdp", "xdp-generic", "tcx", "clsact" */
extern const char *const attach_hook_names[];	/* "auto", "xdp", "xdp-generic", "tc" */
int attach_hook_parse(const char *text, enum attach_hook *ret_hook);	/* -EINVAL: none of the above */

/*
 * Brings @at to what @port asks for: also where it is attached already (new programs: swapped without a gap).
 * Both sides that can be attached are, also when this returns the error of the other one.
 */
int attach_open(struct attachment *at, const struct attach_settings *settings, const struct attach_port *port);

/* Takes our programs off @port, pins removed. A clsact qdisc goes only if we made it and nobody else uses it. */
void attach_remove(struct attachment *at, const struct attach_settings *settings, const struct attach_port *port);

/* Forgets without detaching: pinned links and filters stay for the next run. */
void attach_leave(struct attachment *at);

/* The interface was renamed: its pins follow. */
int attach_rename(const struct attach_settings *settings, const char *old_name, const char *new_name);

/* Removes the pins (and so the links) of ports that @keep does not name. */
int attach_prune(const struct attach_settings *settings, bool (*keep)(const char *name, void *arg), void *arg);
