/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * identify - the seam between the flow table and enrich/identity: payload copies of the ring buffer in, facts by slot
 * kept, names and name_status into the table, all of it into records.
 *
 * Facts live in this process's memory, IDENTIFY_FACTS_BYTES for each flow that has any: a successor has server_name, ALPN and
 * name_status (they are in pinned maps), not the rest. Used alike by the agent and by weir replay. No logging.
 */
#pragma once

#include "collect/flowtab.h"
#include "enrich/identity.h"
#include "export/record.h"

#define IDENTIFY_COUNTERS(X) \
	X(copies,		"payload copies taken from the ring") \
	X(malformed,		"copies that make no sense") \
	X(stale,		"copies of flows that had ended") \
	X(facts_full,		"copies that told what was not kept: as many flows as flows.facts have facts") \
	X(names_low,		"names of DNS questions and answers left out: three quarters of the name table are used")

struct identify_counters {
#define X(name, text) uint64_t name;
	IDENTIFY_COUNTERS(X)
#undef X
};

struct identify;

#define IDENTIFY_FACTS_BYTES	56u

int identify_new(struct identify **ret_id, uint32_t slots, uint32_t facts_max);	/* @facts_max: flows that have any, at most */
struct identify *identify_free(struct identify *id);	/* takes NULL, returns NULL; after flowtab_free() */

/* For flowtab_settings.freed; the argument is the struct identify. */
void identify_freed(uint32_t slot, long twin, void *arg);
/* Once, after flowtab_new(). @emit: a flow whose client sends a second hello is reported before that. */
void identify_attach(struct identify *id, struct flowtab *ft, flowtab_emit emit, void *arg);

/* What tells of devices goes there; NULL: nowhere. */
struct device_feed;
void identify_feed(struct identify *id, struct device_feed *feed);

/* A record of the ring of at least sizeof(struct event), type EVENT_COPY */
void identify_copy(struct identify *id, const void *data, size_t size);

/* Adds to @record what is known of the flow. Borrowed: good until the next call of any kind. */
void identify_record(struct identify *id, const struct flow_report *report, struct record *record);
/* Halves of the QUIC handshake of the flow in @slot, between port and its ends a and b; 0: not measured. */
void identify_quic_us(const struct identify *id, uint32_t slot, uint32_t ret_us[2]);

/* Whom the flow's initiator means; len 0: not known. Borrowed as above. */
struct record_name identify_name(const struct identify *id, const struct flow_report *report);

void identify_expire(struct identify *id, uint64_t now_ns);

/* The flow has a name, whatever says it; and it may have one: it speaks TLS, QUIC, DTLS or HTTP, or broke off before. */
bool identify_is_named(const struct identify *id, const struct flow_report *report);
bool identify_is_nameable(const struct identify *id, const struct flow_report *report);

const struct identity_counters *identify_engine(const struct identify *id);
const struct identify_counters *identify_counters(const struct identify *id);
const uint64_t *identify_quic(const struct identify *id);	/* by enum quic_result */
size_t identify_under_way(const struct identify *id);
uint32_t identify_facts(const struct identify *id);		/* flows that have any */
