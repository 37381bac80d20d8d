/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ports - follows the machine's network interfaces and keeps the wanted ones attached.
 *
 * rtnetlink events are hints only: for each one the interface's present state is asked for, so that late or lost
 * events cannot mislead; an overrun (counted) leads to a full dump. Each wanted name gets a port index that stays with
 * it for as long as the pinned map "port_names" lives. @want decides what is a port, @changed hears of every change;
 * what becomes of a state is the caller's business. Returns 0 or a negative errno. No logging.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "collect/attach.h"

#define PORT_ROLE_BYTES 33
#define PORTS_RETRY_NS (10 * 1000000000ULL)	/* a present port that could not be attached is tried again */

struct loop;
struct ports;

struct port_wish {
	enum attach_hook hook;
	bool mirror;			/* sees both directions as received (SPAN port) */
	char role[PORT_ROLE_BYTES];	/* "lan", "wan", ... handed through */
};

/* Plain data, no pointers: can be written to a socket as it is. */
struct port_state {
	char name[IFNAMSIZ];
	char role[PORT_ROLE_BYTES];
	uint32_t ifindex;	/* 0: not present */
	uint16_t port;		/* index into books and flow keys */
	uint16_t flags;		/* PORT_RAW_IP, PORT_MIRROR */
	uint16_t link_type;	/* ARPHRD_* */
	uint8_t wanted;		/* 0: configuration does not name it any more, or never did in this run */
	uint8_t up;		/* IFF_UP and carrier */
	uint8_t hook;		/* enum attach_hook, asked */
	uint8_t rx, tx;		/* enum attached, got */
	uint8_t taken_over;	/* last attach found an earlier run's programs and swapped them */
	uint8_t mac[6];		/* all zero: link has none */
	uint8_t zero[2];
	uint32_t mtu;
	uint32_t attach_count;	/* in this run */
	uint32_t foreign_xdp;	/* id of someone else's XDP program; 0: none */
	uint32_t foreign_tc;	/* someone else's TCX programs and filters */
	char reason[ATTACH_REASON_BYTES];	/* "": all is as asked */
};

struct ports_counters {
	uint64_t events;	/* link messages heard */
	uint64_t overruns;	/* the kernel dropped messages: socket buffer full */
	uint64_t dumps;		/* full resynchronisations, the first one included */
	uint64_t attached;	/* attach_open() that succeeded */
	uint64_t failed;	/* and that did not */
	uint64_t no_index;	/* wanted interfaces refused: PORTS_MAX names known already */
	uint64_t no_place;	/* wanted interfaces refused: their PORT_PROBES places are taken */
	char refused[IFNAMSIZ];	/* last interface refused so; "": none */
};

struct ports_settings {
	int rx_xdp_fd, rx_tc_fd, tx_tc_fd;	/* programs */
	int ports_fd, port_names_fd;		/* maps */
	const char *pin_dir;			/* NULL: links end with the process. Not copied */
	bool no_tcx;
	bool (*want)(const char *name, struct port_wish *ret_wish, void *arg);
	void (*changed)(const struct port_state *state, void *arg);	/* may be NULL; must not call into ports */
	void *arg;
};

/* Looks at all interfaces before it returns: wanted ones that are there are attached then, or say why not. */
int ports_new(struct ports **ret_ports, struct loop *loop, const struct ports_settings *settings);
struct ports *ports_free(struct ports *ports);	/* leaves pinned programs on; takes NULL; returns NULL */

int ports_expect(struct ports *ports, const char *name);	/* a state for @name though it may not be there yet */
int ports_reload(struct ports *ports);		/* @want may answer otherwise now */
int ports_swap(struct ports *ports, int rx_xdp_fd, int rx_tc_fd, int tx_tc_fd);	/* other programs, no packet missed */
void ports_detach(struct ports *ports);		/* takes everything off; ports stays usable only for ports_free() */

/* States by port index; NULL: index has no name. */
const struct port_state *ports_state(const struct ports *ports, unsigned int port);
const struct ports_counters *ports_counters(const struct ports *ports);
