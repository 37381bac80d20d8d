/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fields - the one table of a record's fields: json.c encodes by it, and the reference is printed from it.
 *
 * OPEN(object), FIELD(name, type, unit, absent when, meaning, condition, writing), CLOSE(): the last two columns are
 * expressions over r (struct record), w (struct writer) and json.c's value functions, in the order of the output.
 * An object none of whose fields is there is left out as a whole. Names are ECS; Weir's own facts are under "weir".
 */
#pragma once

#include "base/writer.h"
#include "export/fields_said.h"
#include "export/fields_tcp.h"

#define FIELDS_SIDE(OPEN, FIELD, CLOSE, side, who) \
	FIELD(ip, "ip", "", "never", "address of the " who, true, ip(w, r->side.addr, r->ip_version)) \
	FIELD(port, "long", "", "the protocol has none, or no packet showed it", "port of the " who, \
	      r->has_ports, u64(w, ntohs(r->side.port))) \
	FIELD(mac, "keyword", "", "not behind this port, or frames have none", "layer-2 address, RFC 7042 form", \
	      r->side.has_mac, mac(w, r->side.mac)) \
	OPEN(nat) \
	FIELD(ip, "ip", "", "not translated, or conntrack does not tell", "its address on the other side of the gateway", \
	      r->side.has_nat, ip(w, r->side.nat_addr, r->ip_version)) \
	FIELD(port, "long", "", "not translated, or conntrack does not tell", "its port there", \
	      r->side.has_nat && r->side.nat_port, u64(w, ntohs(r->side.nat_port))) \
	CLOSE() \
	FIELD(packets, "long", "frames", "never", "sent by the " who " since the flow's last report", \
	      true, u64(w, r->side.packets)) \
	FIELD(bytes, "long", "bytes", "never", "layer-2 frame bytes without FCS, since the last report", \
	      true, u64(w, r->side.bytes))

#define FIELDS_TOTALS(OPEN, FIELD, CLOSE, side, who) \
	OPEN(side) \
	FIELD(packets, "long", "frames", "never", "sent by the " who " so far", true, u64(w, r->side.total_packets)) \
	FIELD(bytes, "long", "bytes", "never", "layer-2 frame bytes so far", true, u64(w, r->side.total_bytes)) \
	CLOSE()

#define RECORD_FIELDS(OPEN, FIELD, CLOSE) \
	OPEN(event) \
	FIELD(start, "date", "us", "the time is not between 1970 and 9999", "first packet of the flow, UTC", \
	      r->start_us < TEXT_TIME_END_US, date(w, r->start_us)) \
	FIELD(end, "date", "us", "the time is not between 1970 and 9999", "last packet of the flow so far, UTC", \
	      r->end_us < TEXT_TIME_END_US, date(w, r->end_us)) \
	FIELD(duration, "long", "ns", "never", "last packet - first packet", true, u64(w, r->duration_ns)) \
	FIELD(reason, "keyword", "", "not known", "why this report was made, as a text; see weir.end_reason", \
	      record_end_reason_text(r->end_reason), quoted(w, record_end_reason_text(r->end_reason))) \
	CLOSE() \
	OPEN(source) \
	FIELDS_SIDE(OPEN, FIELD, CLOSE, source, "initiator (RFC 5103)") \
	CLOSE() \
	OPEN(destination) \
	FIELD(domain, "keyword", "", "no name is known", "whom the initiator means; see weir.name_source", \
	      r->domain_len, text_json(w, r->domain, r->domain_len)) \
	FIELDS_SIDE(OPEN, FIELD, CLOSE, destination, "responder") \
	CLOSE() \
	OPEN(network) \
	FIELD(type, "keyword", "", "never", "ipv4 or ipv6", true, quoted(w, r->ip_version == 4 ? "ipv4" : "ipv6")) \
	FIELD(transport, "keyword", "", "a rare protocol: see iana_number", "IANA keyword in lower case: tcp, udp, ...", \
	      record_proto_name(r->proto), quoted(w, record_proto_name(r->proto))) \
	FIELD(iana_number, "keyword", "", "never", "IANA protocol number, behind IPv6 extension headers", \
	      true, number_text(w, r->proto)) \
	FIELD(protocol, "keyword", "", "not recognised", "tls, quic, dtls, http, dns, mdns, smtp, ssh, ...", \
	      record_protocol(r), quoted(w, record_protocol(r))) \
	FIELD(community_id, "keyword", "", "ICMP (types are not kept), or ports unknown", "Community ID v1, seed 0", \
	      r->community_id[0], string(w, r->community_id)) \
	FIELD(packets, "long", "frames", "never", "source.packets + destination.packets", \
	      true, u64(w, r->source.packets + r->destination.packets)) \
	FIELD(bytes, "long", "bytes", "never", "source.bytes + destination.bytes", \
	      true, u64(w, r->source.bytes + r->destination.bytes)) \
	OPEN(vlan) \
	FIELD(id, "keyword", "", "no tag, or a priority tag", "outer VLAN id", r->vlan[0], number_text(w, r->vlan[0])) \
	CLOSE() \
	OPEN(inner) OPEN(vlan) \
	FIELD(id, "keyword", "", "no second tag", "inner VLAN id", r->vlan[1], number_text(w, r->vlan[1])) \
	CLOSE() CLOSE() \
	CLOSE() \
	OPEN(observer) OPEN(interface) \
	FIELD(name, "keyword", "", "not known", "port that measured; a forwarded flow is in the records of two", \
	      r->interface && r->interface[0], string(w, r->interface)) \
	CLOSE() CLOSE() \
	FIELDS_SAID(OPEN, FIELD, CLOSE) \
	OPEN(weir) \
	FIELD(role, "keyword", "", "not configured", "role of the port: lan, wan, ...", \
	      r->role && r->role[0], string(w, r->role)) \
	FIELD(hook, "keyword", "", "not known", "where the port measures: xdp, tcx, clsact, ...", \
	      r->hook && r->hook[0], string(w, r->hook)) \
	FIELD(initiator, "keyword", "", "not known", "how source was chosen: syn, or first_packet (a guess)", \
	      record_initiator_text(r->initiator), quoted(w, record_initiator_text(r->initiator))) \
	FIELD(from_start, "boolean", "", "not TCP", "the connection's first packet was measured: totals are whole", \
	      r->proto == IPPROTO_TCP, boolean(w, r->from_start)) \
	FIELD(fragments, "boolean", "", "never", "some of its packets were IP fragments", true, boolean(w, r->fragments)) \
	FIELD(end_reason, "long", "", "not known", "IPFIX flowEndReason, RFC 5102 5.11.3", \
	      record_end_reason_text(r->end_reason), u64(w, r->end_reason)) \
	FIELD(name_status, "keyword", "", "not known", "ok, or why there is no server_name", \
	      record_name_status_text(r->name_status), quoted(w, record_name_status_text(r->name_status))) \
	FIELD(name_source, "keyword", "", "no destination.domain", "where it comes from: sni, http, proxy, dns", \
	      r->name_source, quoted(w, r->name_source)) \
	FIELD(name_confidence, "keyword", "", "no destination.domain", \
	      "high: said by the connection, or asked for by this client; medium: address with several names, or TTL over; " \
	      "low: asked for by others", r->name_confidence, quoted(w, r->name_confidence)) \
	FIELD(server_name_hex, "keyword", "", "server_name is UTF-8", "its bytes, where U+FFFD stands for some", \
	      r->sni_len && !text_is_utf8(r->sni, r->sni_len), hex(w, r->sni, r->sni_len)) \
	FIELD(alpn_hex, "keyword[]", "", "all of alpn is UTF-8", "bytes of every entry, in the same order", \
	      !alpn_is_utf8(r), alpn(w, r, hex)) \
	FIELDS_SAID_MORE(OPEN, FIELD, CLOSE) \
	OPEN(ip_bytes) \
	FIELD(source, "long", "bytes", "never", "IP bytes (RFC 5102 octetDeltaCount), since the last report", \
	      true, u64(w, r->source.ip_bytes)) \
	FIELD(destination, "long", "bytes", "never", "the same, sent by the responder", \
	      true, u64(w, r->destination.ip_bytes)) \
	CLOSE() \
	FIELD(bytes_source, "keyword", "", "no flowtable lets this port's NIC forward flows: all is measured at the hook", \
	      "of totals: hook, or conntrack (IP bytes and link headers), where it counted more than reached the hook", \
	      record_bytes_source_text(r->bytes_source), quoted(w, record_bytes_source_text(r->bytes_source))) \
	OPEN(totals) \
	FIELDS_TOTALS(OPEN, FIELD, CLOSE, source, "initiator") \
	FIELDS_TOTALS(OPEN, FIELD, CLOSE, destination, "responder") \
	CLOSE() \
	OPEN(tcp) OPEN(flags) \
	FIELD(source, "keyword", "", "not TCP, or it sent nothing", "all flags it sent, CEUAPRSF: ...AP.SF", \
	      has_flags(r, &r->source), flags(w, r->source.tcp_flags)) \
	FIELD(destination, "keyword", "", "not TCP, or it sent nothing", "all flags it sent", \
	      has_flags(r, &r->destination), flags(w, r->destination.tcp_flags)) \
	CLOSE() \
	FIELDS_TCP(OPEN, FIELD, CLOSE) \
	CLOSE() \
	OPEN(icmp) \
	FIELDS_ICMP(OPEN, FIELD, CLOSE) \
	CLOSE() \
	OPEN(pppoe) \
	FIELD(session, "long", "", "no PPPoE", "PPPoE session id, RFC 2516 4", r->pppoe_session, u64(w, r->pppoe_session)) \
	CLOSE() \
	CLOSE()

#define FIELD_DEPTH 4	/* objects in objects */
#define FIELD_PATH_MAX 64

struct field {
	const char *type;	/* ECS field type */
	const char *unit;	/* "": none */
	const char *absent;	/* when the field is not there */
	const char *meaning;
};

/* Every field once, in the order of the output; @path: "network.vlan.id". */
void fields_each(void (*each)(const char *path, const struct field *field, void *arg), void *arg);
void fields_reference(struct writer *w);	/* the table in Markdown, 17 kB */
