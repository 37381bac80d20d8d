/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* records - flow records for tests: records_usual(), records_full() with every field, records_minimal(). */
#pragma once

#include <arpa/inet.h>
#include <string.h>

#include "export/record.h"

static inline void records_address(__be32 addr[4], const char *text)
{
	memset(addr, 0, 16);
	if (strchr(text, ':')) {
		inet_pton(AF_INET6, text, addr);
	} else {
		addr[2] = htonl(0xffff);
		inet_pton(AF_INET, text, &addr[3]);
	}
}

/* A closed HTTPS connection, as the agent meets most of them. */
static inline struct record records_usual(void)
{
	static const uint8_t alpn[] = "\x02h2\x08http/1.1";
	struct record r = {
		.start_us = 1795341600123456ULL,	/* 2026-11-22 10:00:00.123456 */
		.end_us = 1795341605135801ULL,
		.duration_ns = 5012345678ULL,
		.source = { .port = htons(51514), .mac = { 2, 0, 0x5e, 0, 0x53, 0xaf }, .has_mac = true, .tcp_flags = 0x1b,
			    .packets = 12, .bytes = 3411, .ip_bytes = 3243, .total_packets = 112, .total_bytes = 13411 },
		.destination = { .port = htons(443), .tcp_flags = 0x1b, .packets = 14, .bytes = 9120, .ip_bytes = 8924,
				 .total_packets = 114, .total_bytes = 19120 },
		.ip_version = 4,
		.proto = 6,
		.has_ports = true,
		.from_start = true,
		.end_reason = END_FLOW_END,
		.initiator = INITIATOR_SYN,
		.name_status = NAME_OK,
		.community_id = "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
		.interface = "lan0",
		.role = "lan",
		.hook = "tcx",
		.sni = (const uint8_t *)"example.org",
		.sni_len = 11,
		.alpn = alpn,
		.alpn_len = sizeof(alpn) - 1,
	};

	records_address(r.source.addr, "192.168.1.20");
	records_address(r.destination.addr, "203.0.113.7");
	return r;
}

/* Every field of the table is there: tags, PPPoE, both layer-2 addresses, names that are not UTF-8. */
static inline struct record records_full(void)
{
	struct record r = records_usual();

	records_address(r.source.addr, "2001:db8::20");
	records_address(r.destination.addr, "2001:db8:0:1::7");
	r.ip_version = 6;
	r.icmp[0] = (struct record_rtt){ 1, 25, 25, 28, 28, 28, 8, { 0, 1 } };
	r.icmp[1] = (struct record_rtt){ 2, 30, 35, 39, 39, 39, 8, { 0, 0, 2 } };
	r.quic = (struct record_quic){
		.spin = "spinning", .handshake_near_us = 420, .handshake_far_us = 19000,
		.rtt = { { 3, 400, 410, 443, 443, 443, 16, { 0, 3 } }, { 1, 18000, 18000, 20066, 20066, 20066, 24, { 0, 0, 0, 0, 1 } } },
	};
	r.tcp = (struct record_tcp){
		.state = "reset", .failure = "reset_in_handshake", .reset = "source", .measured = true, .has_handshake = true,
		.handshake_near_us = 310, .handshake_far_us = 18220,
		.rtt = { { 9, 250, 400, 313, 886, 886, 14, { 1, 0, 5, 3 } }, { 1, 20000, 20000, 20066, 20066, 20066, 24, { 0, 0, 0, 0, 1 } } },
		.source = { 1, 2, 3, 4, 5, 6 }, .destination = { 7, 8, 9, 10, 11, 12 },
	};
	r.destination.has_mac = true;
	memcpy(r.destination.mac, "\x02\x00\x5e\x00\x53\x01", 6);
	r.vlan[0] = 10;
	r.vlan[1] = 200;
	r.pppoe_session = 7;
	r.fragments = true;
	r.bytes_source = BYTES_SOURCE_CONNTRACK;
	r.sni = (const uint8_t *)"ex\xe9mple";
	r.sni_len = 7;
	r.alpn = (const uint8_t *)"\x02\xba\xad\x02h2";
	r.alpn_len = 6;
	r.source.has_nat = r.destination.has_nat = true;
	r.source.nat_port = r.destination.nat_port = htons(40001);
	records_address(r.source.nat_addr, "2001:db8::99");
	records_address(r.destination.nat_addr, "2001:db8:0:1::99");
	r.protocol = "tls";
	r.domain = (const uint8_t *)"example.org";
	r.domain_len = 11;
	r.name_source = "sni";
	r.name_confidence = "high";
	r.tls = (struct record_tls){
		.protocol = "tls", .version = "1.2", .version_offered = "1.3", .cipher = "TLS_AES_128_GCM_SHA256",
		.group = "x25519", .quic_version = "1", .dns_carrier = "doh", .inner = "smtp",
		.ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1", .client_hello = true, .server_hello = true,
		.has_hello_time = true, .server_hello_us = 4321,
		.versions = 2, .version_list = { 0x1a1a, 0x0304 }, .groups = 1, .group_list = { 0x001d },
		.next_protocol = { (const uint8_t *)"h2", 2 },
	};
	r.http = (struct record_http){ .method = "GET", .version = "1.1", .status = 200, .has_first_byte = true,
				       .first_byte_us = 1234 };
	r.dns = (struct record_dns){ .seen = true, .type = "A", .rcode = "NOERROR", .queries = 2, .answers = 1, .has_time = true,
				     .question = (const uint8_t *)"example.org", .question_len = 11, .min_us = 1, .mean_us = 2, .max_us = 3 };
	return r;
}

/* As little as a record can hold: one packet of a protocol without ports on a port without name, role or MAC. */
static inline struct record records_minimal(void)
{
	struct record r = { .ip_version = 4, .proto = 253, .name_status = NAME_N, .start_us = UINT64_MAX, .end_us = UINT64_MAX };

	records_address(r.source.addr, "10.0.0.1");
	records_address(r.destination.addr, "10.0.0.2");
	r.source.packets = r.source.total_packets = 1;
	r.source.bytes = r.source.total_bytes = 60;
	r.source.ip_bytes = 46;
	return r;
}
