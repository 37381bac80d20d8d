/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * snapshot - all that is known of the box at one moment, as text for people and as JSON for machines.
 *
 * The agent fills one and hands it to a writer: weir status, its --json, and the MQTT classes health and iface say the
 * same figures. Pure: everything is in the struct, strings are borrowed. What a figure means stands in the tables of
 * abi.h, batch.h and below; a loss that has no counter here is a defect.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/writer.h"
#include "bpf/abi.h"
#include "collect/conntrack.h"
#include "collect/flowtab.h"
#include "collect/offload.h"
#include "collect/residual.h"
#include "collect/ports.h"
#include "enrich/devices.h"
#include "enrich/quic.h"
#include "mqtt/link.h"
#include "run/certificates.h"
#include "run/identify.h"
#include "run/ipfix_out.h"
#include "run/process.h"
#include "run/publish.h"
#include "run/tcp_totals.h"
#include "status/control.h"

#define SNAPSHOT_TEXT_MAX (256 * 1024)	/* 64 ports with all their counters fit */

struct snapshot_port {
	struct port_state state;
	struct books books;	/* these three: when the last sweep ended */
	struct taken taken;	/* out of flow slots, reported */
	struct taken pending;	/* in flow slots, by the last sweep */
	struct tally seen_before[DIRS];	/* of the books when that sweep began */
	uint32_t off[DIRS];	/* sweeps in a row whose rest is not explained by the frames that came meanwhile */
	struct residual residual;	/* against the NIC's counters, at the same moment */
	struct snapshot_said {		/* in the last iface message: an interval's is the difference */
		uint64_t at_us;		/* since 1970; 0: none since the baseline */
		struct residual_part all[DIRS], unexplained[DIRS];
	} said;
	uint32_t features;	/* of the interface, 1 << enum nic_feature */
};

/* Of ended flows: those that may have a name, and those that have one. */
struct name_coverage {
	uint64_t nameable, named;
};

struct snapshot {
	const char *version, *gateway, *site;
	uint64_t now_us;		/* since 1970 */
	uint64_t uptime_ns;		/* of the dataplane process */
	bool clock_synced;
	uint32_t clock_steps;
	uint32_t agent_starts, uplink_starts;
	struct process_facts process[PROCESS_N];	/* as the supervisor said last */
	uint32_t slots, hellos, tcps;
	uint32_t facts, facts_max;	/* flows that have any */
	struct flowtab_counters flowtab;
	uint64_t names_full;
	uint32_t names_used;
	uint64_t stats[STAT_N];
	struct link_state link;
	struct certificate_watch certificate[CERTIFICATES];
	struct batch_fill fill;
	struct export_counters exported;
	struct spool_state spool;
	struct spool_counters spool_counters;
	struct ipfix_out_state ipfix;
	struct ipfix_out_counters ipfix_counters;
	struct ports_counters ports_counters;
	struct control_counters control;
	uint64_t metrics_pages;		/* written for the metrics process */
	uint64_t sweeps_held;		/* slices put off because the broker is slower than the sweep */
	uint64_t messages_too_long;	/* dropped: longer than their buffer */
	uint64_t name_status[NAME_N];	/* ended flows over TCP and UDP, by weir.name_status */
	struct name_coverage coverage[PORTS_MAX];	/* by port index */
	struct identity_counters identity;
	struct identify_counters identify;
	uint64_t quic[QUIC_RESULT_COUNT];
	uint64_t identity_under_way;
	struct conntrack_counters nat;
	struct devices_counters devices;
	uint64_t devices_malformed;
	/*
	 * By port index, of whole intervals of class summary: a window of at least flows.active_timeout, in which every flow is
	 * reported once, and what came since it ended. interval_ns 0: there is none yet.
	 */
	struct tcp_window {
		uint64_t interval_ns;
		struct tcp_total port[PORTS_MAX];
	} tcp_before, tcp_now;
	struct tcp_total tcp_ended[PORTS_MAX];	/* by port index, of all intervals that have ended since the agent began */
	uint64_t tcp_names_in_other, tcp_devices_in_other, tcp_not_kept;
	struct offload offload;		/* flowtables */
	uint64_t completed;		/* records with totals from conntrack */
	unsigned int ports;
	struct snapshot_port port[PORTS_MAX];
};

/* seen - taken - pending - classes: 0 when no frame moved during the sweep; else what moved meanwhile. */
struct tally snapshot_unaccounted(const struct snapshot_port *port, int dir);

/* An interval of @interval_ns has ended: its totals go into the windows, of at least @least_ns. */
void snapshot_add_tcp(struct snapshot *s, const struct tcp_totals *totals, uint64_t interval_ns, uint64_t least_ns);

/* Once a sweep, when @books, @taken and @pending are those of its end. */
void snapshot_close_books(struct snapshot_port *port);
/* The rest is not below 0 and not more than came during the sweep, or was so only once: a flow may move between slots meanwhile. */
bool snapshot_is_balanced(const struct snapshot_port *port, int dir);

/* Counters that are one number each: printed as they stand, in text and JSON. */
struct figure {
	const char *name;
	uint64_t value;
	const char *text;	/* what is counted */
};

#define FIGURES_MAX 256
#define SNAPSHOT_GAUGE "nat.entries"	/* the one of them that may go down */
#define FIGURE_NAME_MAX 48

unsigned int snapshot_figures(const struct snapshot *s, struct figure ret_figures[FIGURES_MAX]);
/* Those of them that tell of a loss and are not 0 (losses.c), and, beyond figures, the books' classes that do. */
typedef void (*snapshot_loss)(const char *name, uint64_t value, void *arg);
void snapshot_losses(const struct snapshot *s, snapshot_loss tell, void *arg);

void snapshot_text(struct writer *w, const struct snapshot *s);		/* weir status */
void snapshot_json(struct writer *w, const struct snapshot *s);		/* weir status --json: health, and every port's iface */
void snapshot_health_json(struct writer *w, const struct snapshot *s);	/* health */
void snapshot_port_json(struct writer *w, const struct snapshot *s, const struct snapshot_port *port);	/* iface */
