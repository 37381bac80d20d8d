/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ipfix_elements - the one table of what a flow record is in IPFIX: templates, data records and the reference are made
 * from it. Only ipfix.h includes it.
 *
 * ELEMENT(group, enterprise, number, name, kind, size, type, unit, meaning, value), in the order of the record. @value
 * is an expression over r (struct record); of kind TEXT it is a writing into t (struct writer), and nothing written
 * means unknown. A new fact is a new line here: at its end where it can always be told or is a text, else with a new
 * group.
 */
#pragma once

/*
 * IPFIX has no word for unknown: what a record does not know is in no field of its template. Group, when it is there
 * (for the reference), condition. A group is a bit of the template's id, so an id means the same fields whenever the
 * agent was started, and a collector that kept an old template reads no nonsense: add new groups at the end only.
 */
#define IPFIX_GROUPS(GROUP) \
	GROUP(V4,	"IPv4",					r->ip_version == 4) \
	GROUP(V6,	"IPv6",					r->ip_version != 4) \
	GROUP(PORTS,	"ports are known",			r->has_ports) \
	GROUP(TCP,	"TCP",					r->proto == IPPROTO_TCP) \
	GROUP(MAC_A,	"the source is behind this port",	r->source.has_mac) \
	GROUP(MAC_B,	"the destination is behind this port",	r->destination.has_mac) \
	GROUP(VLAN,	"a VLAN tag",				r->vlan[0]) \
	GROUP(QINQ,	"a second VLAN tag",			r->vlan[1]) \
	GROUP(HEALTH,	"health of the connection is measured",	r->tcp.measured) \
	GROUP(RTT_NEAR,	"round trips of the near side were seen", record_rtt(r, 0)->count) \
	GROUP(RTT_FAR,	"round trips of the far side were seen", record_rtt(r, 1)->count) \
	GROUP(QUIC,	"QUIC, a half of whose handshake was seen", r->quic.handshake_near_us | r->quic.handshake_far_us)

/*
 * Numbers of IANA's registry have enterprise 0; their reverse twins, which count what the destination sent, RFC 5103's.
 * Weir has no number of its own yet: 32473 is the one for examples (RFC 5612). With an assigned one this line changes.
 */
#define IPFIX_IANA	0u
#define IPFIX_REVERSE	29305u
#define IPFIX_WEIR	32473u

/*
 * Times are in milliseconds, not the record's microseconds: nfcapd (1.7.1) knows no elements 154 and 155. Reverse
 * elements stand in front of their twins: it takes a reverse one that it does not know for the forward one, and the
 * last one holds. octetTotalCount and packetTotalCount are left out: it would take them for the deltas.
 */
#define IPFIX_ELEMENTS(ELEMENT) \
	ELEMENT(ALWAYS, IPFIX_IANA, 152, "flowStartMilliseconds", UINT, 8, "dateTimeMilliseconds", "ms", \
		"first packet of the flow, also in later reports; 0: not between 1970 and 9999", \
		milliseconds(r->start_us)) \
	ELEMENT(ALWAYS, IPFIX_IANA, 153, "flowEndMilliseconds", UINT, 8, "dateTimeMilliseconds", "ms", \
		"last packet of the flow so far; 0: not between 1970 and 9999", milliseconds(r->end_us)) \
	ELEMENT(V4, IPFIX_IANA, 8, "sourceIPv4Address", BYTES, 4, "ipv4Address", "", \
		"initiator (RFC 5103)", &r->source.addr[3]) \
	ELEMENT(V4, IPFIX_IANA, 12, "destinationIPv4Address", BYTES, 4, "ipv4Address", "", \
		"responder", &r->destination.addr[3]) \
	ELEMENT(V6, IPFIX_IANA, 27, "sourceIPv6Address", BYTES, 16, "ipv6Address", "", \
		"initiator (RFC 5103)", r->source.addr) \
	ELEMENT(V6, IPFIX_IANA, 28, "destinationIPv6Address", BYTES, 16, "ipv6Address", "", \
		"responder", r->destination.addr) \
	ELEMENT(PORTS, IPFIX_IANA, 7, "sourceTransportPort", BYTES, 2, "unsigned16", "", \
		"port of the initiator", &r->source.port) \
	ELEMENT(PORTS, IPFIX_IANA, 11, "destinationTransportPort", BYTES, 2, "unsigned16", "", \
		"port of the responder", &r->destination.port) \
	ELEMENT(ALWAYS, IPFIX_IANA, 4, "protocolIdentifier", UINT, 1, "unsigned8", "", \
		"IANA protocol number, behind IPv6 extension headers", r->proto) \
	ELEMENT(ALWAYS, IPFIX_REVERSE, 2, "reversePacketDeltaCount", UINT, 8, "unsigned64", "packets", \
		"sent by the responder since the flow's last report", r->destination.packets) \
	ELEMENT(ALWAYS, IPFIX_REVERSE, 1, "reverseOctetDeltaCount", UINT, 8, "unsigned64", "octets", \
		"IP bytes that the responder sent since the last report", r->destination.ip_bytes) \
	ELEMENT(ALWAYS, IPFIX_REVERSE, 352, "reverseLayer2OctetDeltaCount", UINT, 8, "unsigned64", "octets", \
		"the same as frame bytes without FCS", r->destination.bytes) \
	ELEMENT(ALWAYS, IPFIX_IANA, 2, "packetDeltaCount", UINT, 8, "unsigned64", "packets", \
		"sent by the initiator since the flow's last report", r->source.packets) \
	ELEMENT(ALWAYS, IPFIX_IANA, 1, "octetDeltaCount", UINT, 8, "unsigned64", "octets", \
		"IP bytes that the initiator sent since the last report", r->source.ip_bytes) \
	ELEMENT(ALWAYS, IPFIX_IANA, 352, "layer2OctetDeltaCount", UINT, 8, "unsigned64", "octets", \
		"the same as frame bytes without FCS", r->source.bytes) \
	ELEMENT(TCP, IPFIX_REVERSE, 6, "reverseTcpControlBits", UINT, 1, "unsigned16", "", \
		"all flags that the responder sent; 0: it sent nothing", r->destination.tcp_flags) \
	ELEMENT(TCP, IPFIX_IANA, 6, "tcpControlBits", UINT, 1, "unsigned16", "", \
		"all flags that the initiator sent; 0: it sent nothing", r->source.tcp_flags) \
	ELEMENT(ALWAYS, IPFIX_IANA, 136, "flowEndReason", UINT, 1, "unsigned8", "", \
		"why this report was made, RFC 5102 5.11.3; 0: not known", r->end_reason) \
	ELEMENT(ALWAYS, IPFIX_IANA, 239, "biflowDirection", UINT, 1, "unsigned8", "", \
		"1: source is who began, as far as can be told; 0: arbitrary (RFC 5103 6.3)", \
		r->initiator == INITIATOR_UNKNOWN ? 0 : 1) \
	ELEMENT(MAC_A, IPFIX_IANA, 56, "sourceMacAddress", BYTES, 6, "macAddress", "", \
		"layer-2 address of the source", r->source.mac) \
	ELEMENT(MAC_B, IPFIX_IANA, 80, "destinationMacAddress", BYTES, 6, "macAddress", "", \
		"layer-2 address of the destination", r->destination.mac) \
	ELEMENT(VLAN, IPFIX_IANA, 58, "vlanId", UINT, 2, "unsigned16", "", \
		"outer VLAN id", r->vlan[0]) \
	ELEMENT(QINQ, IPFIX_IANA, 245, "dot1qCustomerVlanId", UINT, 2, "unsigned16", "", \
		"inner VLAN id", r->vlan[1]) \
	ELEMENT(HEALTH, IPFIX_WEIR, 12, "handshakeNear", UINT, 4, "unsigned32", "us", \
		"half of the TCP handshake between port and what is behind it; 0: not seen whole", \
		r->tcp.handshake_near_us) \
	ELEMENT(HEALTH, IPFIX_WEIR, 13, "handshakeFar", UINT, 4, "unsigned32", "us", \
		"the half beyond the gateway", r->tcp.handshake_far_us) \
	ELEMENT(HEALTH, IPFIX_WEIR, 14, "retransmits", UINT, 2, "unsigned16", "packets", \
		"data that had passed before, of what the initiator sent, since the flow began", \
		r->tcp.source.retransmits) \
	ELEMENT(HEALTH, IPFIX_WEIR, 15, "destinationRetransmits", UINT, 2, "unsigned16", "packets", \
		"the same, of the responder", r->tcp.destination.retransmits) \
	ELEMENT(HEALTH, IPFIX_WEIR, 16, "lostBefore", UINT, 2, "unsigned16", "packets", \
		"gaps that filled after 3 ms or more, of what the initiator sent, since the flow began", \
		r->tcp.source.lost_before) \
	ELEMENT(HEALTH, IPFIX_WEIR, 17, "destinationLostBefore", UINT, 2, "unsigned16", "packets", \
		"the same, of the responder", r->tcp.destination.lost_before) \
	ELEMENT(HEALTH, IPFIX_WEIR, 18, "outOfOrder", UINT, 2, "unsigned16", "packets", \
		"gaps that filled within 3 ms, of what the initiator sent, since the flow began", \
		r->tcp.source.out_of_order) \
	ELEMENT(HEALTH, IPFIX_WEIR, 19, "destinationOutOfOrder", UINT, 2, "unsigned16", "packets", \
		"the same, of the responder", r->tcp.destination.out_of_order) \
	ELEMENT(QUIC, IPFIX_WEIR, 12, "handshakeNear", UINT, 4, "unsigned32", "us", \
		"half of the QUIC handshake between port and what is behind it; 0: not measured", r->quic.handshake_near_us) \
	ELEMENT(QUIC, IPFIX_WEIR, 13, "handshakeFar", UINT, 4, "unsigned32", "us", \
		"the half beyond the gateway", r->quic.handshake_far_us) \
	ELEMENT(RTT_NEAR, IPFIX_WEIR, 20, "rttNearCount", UINT, 4, "unsigned32", "", \
		"round trips from the port to what is behind the port since the last report: TCP, QUIC's spin bit, ICMP echo", record_rtt(r, 0)->count) \
	ELEMENT(RTT_NEAR, IPFIX_WEIR, 21, "rttNearMinimum", UINT, 4, "unsigned32", "us", \
		"the least of them", record_rtt(r, 0)->min_us) \
	ELEMENT(RTT_NEAR, IPFIX_WEIR, 22, "rttNearMean", UINT, 4, "unsigned32", "us", \
		"their mean", record_rtt(r, 0)->mean_us) \
	ELEMENT(RTT_NEAR, IPFIX_WEIR, 23, "rttNearPercentile95", UINT, 4, "unsigned32", "us", \
		"their 95th percentile, within 23 % or 41 %", record_rtt(r, 0)->p95_us) \
	ELEMENT(RTT_FAR, IPFIX_WEIR, 24, "rttFarCount", UINT, 4, "unsigned32", "", \
		"round trips from the port to what is beyond the gateway since the last report", record_rtt(r, 1)->count) \
	ELEMENT(RTT_FAR, IPFIX_WEIR, 25, "rttFarMinimum", UINT, 4, "unsigned32", "us", \
		"the least of them", record_rtt(r, 1)->min_us) \
	ELEMENT(RTT_FAR, IPFIX_WEIR, 26, "rttFarMean", UINT, 4, "unsigned32", "us", \
		"their mean", record_rtt(r, 1)->mean_us) \
	ELEMENT(RTT_FAR, IPFIX_WEIR, 27, "rttFarPercentile95", UINT, 4, "unsigned32", "us", \
		"their 95th percentile, within 23 % or 41 %", record_rtt(r, 1)->p95_us) \
	ELEMENT(ALWAYS, IPFIX_IANA, 82, "interfaceName", TEXT, 16, "string", "", \
		"port that measured; a forwarded flow is in the records of two", text(t, r->interface)) \
	ELEMENT(ALWAYS, IPFIX_WEIR, 1, "serverName", TEXT, 255, "string", "", \
		"SNI of the TLS or QUIC ClientHello, or DTLS's", text_plain(t, r->sni, r->sni_len)) \
	ELEMENT(ALWAYS, IPFIX_WEIR, 2, "destinationDomain", TEXT, 255, "string", "", \
		"whom the initiator means, by nameSource", text_plain(t, r->domain, r->domain_len)) \
	ELEMENT(ALWAYS, IPFIX_WEIR, 3, "nameSource", TEXT, 16, "string", "", \
		"where destinationDomain comes from: sni, http, proxy, dns", text(t, r->name_source)) \
	ELEMENT(ALWAYS, IPFIX_WEIR, 4, "nameConfidence", TEXT, 16, "string", "", \
		"of destinationDomain: high, medium, low", text(t, r->name_confidence)) \
	ELEMENT(ALWAYS, IPFIX_WEIR, 5, "nameStatus", TEXT, 24, "string", "", \
		"ok, or why there is no serverName", text(t, record_name_status_text(r->name_status))) \
	ELEMENT(ALWAYS, IPFIX_WEIR, 6, "alpnOffered", TEXT, 128, "string", "", \
		"protocols that the ClientHello offers, with commas between; \\0: an empty one", alpn(t, r)) \
	ELEMENT(ALWAYS, IPFIX_WEIR, 7, "alpnSelected", TEXT, 64, "string", "", \
		"protocol that the server selected, where it says so in clear", \
		text_plain(t, r->tls.next_protocol.at, r->tls.next_protocol.len)) \
	ELEMENT(ALWAYS, IPFIX_WEIR, 8, "ja4", TEXT, 40, "string", "", \
		"JA4 fingerprint of the ClientHello", text(t, r->tls.ja4)) \
	ELEMENT(ALWAYS, IPFIX_WEIR, 9, "networkProtocol", TEXT, 24, "string", "", \
		"tls, quic, dtls, http, dns, mdns, smtp, ssh, ...", text(t, record_protocol(r))) \
	ELEMENT(ALWAYS, IPFIX_WEIR, 10, "communityId", TEXT, 32, "string", "", \
		"Community ID v1, seed 0", text(t, r->community_id)) \
	ELEMENT(ALWAYS, IPFIX_WEIR, 11, "portRole", TEXT, 64, "string", "", \
		"role of the port: lan, wan, ...", text(t, r->role)) \
	ELEMENT(ALWAYS, IPFIX_WEIR, 28, "tcpFailure", TEXT, 24, "string", "", \
		"no_answer, refused, reset_in_handshake", text(t, r->tcp.failure))
