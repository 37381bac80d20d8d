/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report - a flow report of the sweep -> a record that can be encoded: joins it with clock, ports and Community ID, and
 * hides in it what is to be hidden.
 *
 * The seam between collect, enrich and export; used alike by the agent and by weir replay. No logging.
 */
#pragma once

#include "collect/flowtab.h"
#include "collect/conntrack.h"
#include "enrich/clock.h"
#include "enrich/community_id.h"
#include "export/privacy.h"
#include "export/record.h"

struct report_port {
	const char *name;	/* NULL: unknown; so are the others */
	const char *role;
	const char *hook;
	bool in_hardware;	/* a flowtable lets its NIC forward flows: conntrack may have counted more of them */
	bool raw_ip;		/* frames have no Ethernet header */
};

struct reporter {
	struct clock clock;
	struct community_id *community_id;	/* NULL: records have none */
	struct conntrack *conntrack;		/* NULL: records have no NAT */
	struct privacy *privacy;		/* NULL: nothing is hidden */
	struct privacy_scratch scratch;
	struct report_port port[PORTS_MAX];	/* strings are borrowed */
};

/* What the sweep knows. @ret_record borrows from @flow and @r: good while both are, until the next call. */
void report_record(const struct reporter *r, const struct flow_report *flow, struct record *ret_record);

/* When all else is in it: hides what is to be hidden, and makes the Community ID of what the record then shows. */
void report_finish(struct reporter *r, struct record *record);
