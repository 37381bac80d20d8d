/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * agent - the process that measures: sweeps the flow table, takes names, makes records and messages, answers weir
 * status. Own uid, no capability; all it has are inherited descriptors.
 *
 * It hears of ports from the supervisor over agent_fds.supervisor_fd and hands messages to the uplink over link_fd.
 * What it has taken and the broker has not acknowledged is in its memory; all else is in the pinned maps, so that its
 * successor goes on. AGENT_STOP, or the end of the supervisor: it reports every flow, waits until the broker has all
 * (at most AGENT_STOP_NS; without a broker connection it leaves the flows in the table), and returns 0. Logs itself.
 */
#pragma once

#include <stdint.h>

#include "base/conf.h"
#include "bpf/abi.h"
#include "collect/offload.h"
#include "collect/ports.h"
#include "run/process.h"

#define AGENT_STOP_NS 5000000000ULL

struct agent_fds {
	int flows, ledger, hellos, tcp, names, taken, books, stats, events;	/* maps */
	int supervisor_fd;	/* SOCK_SEQPACKET: struct agent_order, from the supervisor */
	int link_fd;		/* to the uplink */
	int control_fd;		/* listening control socket */
	int metrics_fd;		/* from the metrics process: metrics_pair(); -1: none */
	int conntrack;		/* conntrack_open_socket(); -1: none */
	int spool_dir;		/* spool.dir; -1: none */
	int lock_fd;		/* pins_lock(): nobody else sweeps these tables while this process lives */
};

struct agent_settings {
	const struct conf *conf;
	struct agent_fds fds;
	struct meta meta;
	const uint8_t *privacy_key;	/* where conf->gateway.privacy needs one */
	uint64_t started_ns;	/* of the supervisor, CLOCK_MONOTONIC */
	uint32_t starts;	/* of the agent, this one included */
};

enum agent_order_type { AGENT_PORT = 1, AGENT_PORTS_COUNTERS, AGENT_UPLINK_STARTS, AGENT_OFFLOAD, AGENT_PROCESSES, AGENT_STOP };

/* Both ends are one program: host order, fixed size. */
struct agent_order {
	uint32_t type;
	uint32_t uplink_starts;
	union {
		struct port_state port;
		struct ports_counters ports_counters;
		struct offload offload;
		struct process_facts process[PROCESS_N];
	};
};

int agent_run(const struct agent_settings *settings);
