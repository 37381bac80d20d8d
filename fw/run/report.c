/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/report.h"

#include "run/report_tcp.h"

#include <netinet/in.h>
#include <string.h>

#define ETHERNET_BYTES	14
#define TAG_BYTES	4
#define PPPOE_BYTES	8	/* PPPoE and PPP, RFC 2516 4 */

static void fill_side(struct record_side *side, const struct flow_report *flow, int b)
{
	const struct flow_key *key = flow->key;

	memcpy(side->addr, b ? key->b_addr : key->a_addr, sizeof(side->addr));
	side->port = b ? key->b_port : key->a_port;
	side->tcp_flags = (uint8_t)(flow->flags >> (b ? 8 : 0));
	side->packets = flow->packets[b];
	side->bytes = flow->bytes[b];
	side->ip_bytes = flow->ip_bytes[b];
	side->total_packets = flow->total.packets[b];
	side->total_bytes = flow->total.bytes[b];
	if (flow->mac && b == !!(flow->flags & FLOW_MAC_B)) {
		memcpy(side->mac, flow->mac, sizeof(side->mac));
		side->has_mac = true;
	}
}

/* Of the addresses that the record has: who has the id alone could find those of the packets by trying them all. */
static void fill_community_id(const struct reporter *r, struct record *record)
{
	struct community_id_flow flow = {
		.a_port = record->source.port,
		.b_port = record->destination.port,
		.has_ports = record->has_ports,
		.ip_version = record->ip_version,
		.proto = record->proto,
	};

	memcpy(flow.a_addr, record->source.addr, sizeof(flow.a_addr));
	memcpy(flow.b_addr, record->destination.addr, sizeof(flow.b_addr));
	if (r->community_id)
		community_id_text(r->community_id, &flow, record->community_id);	/* none: stays "" */
}

static void fill_nat_side(struct record_side *side, const struct conntrack_nat_side *nat)
{
	side->has_nat = nat->is_translated;
	memcpy(side->nat_addr, nat->addr, sizeof(side->nat_addr));
	side->nat_port = nat->port;
}

static void fill_nat(const struct reporter *r, struct record *record)
{
	struct conntrack_nat nat;

	if (!r->conntrack || !conntrack_find(r->conntrack, record->proto, record->source.addr, record->source.port,
					     record->destination.addr, record->destination.port, &nat))
		return;
	fill_nat_side(&record->source, &nat.client);
	fill_nat_side(&record->destination, &nat.server);
}

/* Headers in front of IP, as the flow's frames have them. */
static uint64_t link_bytes(const struct report_port *port, const struct record *record)
{
	const unsigned int tags = !!record->vlan[0] + !!record->vlan[1];

	if (port->raw_ip)
		return 0;
	return ETHERNET_BYTES + tags * TAG_BYTES + (record->pppoe_session ? PPPOE_BYTES : 0);
}

/*
 * Frames that the NIC forwarded reached no hook: where conntrack has counted more, the totals are its. It counts IP bytes;
 * as frame bytes they have the link headers, but no padding.
 */
static void complete_totals(const struct reporter *r, const struct report_port *port, struct record *record)
{
	struct record_side *side[2] = { &record->source, &record->destination };
	struct conntrack_sent sent[2];

	if (!port->in_hardware || !r->conntrack)
		return;
	record->bytes_source = BYTES_SOURCE_HOOK;
	if (!conntrack_sent(r->conntrack, record->proto, record->source.addr, record->source.port, record->destination.addr,
			    record->destination.port, sent))
		return;
	for (int i = 0; i < 2; i++) {
		const uint64_t bytes = sent[i].bytes + sent[i].packets * link_bytes(port, record);

		if (sent[i].packets <= side[i]->total_packets || bytes <= side[i]->total_bytes)
			continue;
		side[i]->total_packets = sent[i].packets;
		side[i]->total_bytes = bytes;
		record->bytes_source = BYTES_SOURCE_CONNTRACK;
	}
}

void report_record(const struct reporter *r, const struct flow_report *flow, struct record *ret_record)
{
	const struct flow_key *key = flow->key;
	const struct report_port *port = &r->port[key->port % PORTS_MAX];
	const int initiator = !!(flow->flags & FLOW_INITIATOR_B);
	struct record *record = ret_record;

	*record = (struct record){
		.start_us = clock_wall_us(&r->clock, flow->first_ns),
		.end_us = clock_wall_us(&r->clock, flow->last_ns),
		.duration_ns = flow->last_ns - flow->first_ns,
		.ip_version = key->ip_version,
		.proto = key->proto,
		.has_ports = key->a_port || key->b_port,
		.fragments = flow->flags & FLOW_FRAGMENTS,
		.from_start = flow->flags & FLOW_SYN_SEEN,
		.end_reason = flow->end,
		.initiator = flow->flags & FLOW_SYN_SEEN ? INITIATOR_SYN : INITIATOR_FIRST_PACKET,
		.name_status = flow->name_status,
		.vlan = { key->vlan[0], key->vlan[1] },
		.pppoe_session = key->pppoe_session,
		.interface = port->name,
		.role = port->role,
		.hook = port->hook,
		.sni = flow->sni,
		.sni_len = flow->sni_len,
		.alpn = flow->alpn,
		.alpn_len = flow->alpn_len,
	};
	fill_side(&record->source, flow, initiator);
	fill_side(&record->destination, flow, !initiator);
	report_tcp(flow, &record->tcp);
	report_icmp(flow, record->icmp);
	report_quic(flow, &record->quic);
	fill_nat(r, record);
	complete_totals(r, port, record);
}

void report_finish(struct reporter *r, struct record *record)
{
	if (r->privacy)
		privacy_record(r->privacy, record, &r->scratch);
	fill_community_id(r, record);
}
