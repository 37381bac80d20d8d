/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * record - one flow report, ready to encode, and its one-line form for people.
 *
 * Whoever joins the sweep with ports, names and the clock fills it; json.c (machines) and record_text() (people) write
 * it. Pure data: every pointer is borrowed and needs to live only as long as the call that encodes. Unknown is said
 * by the has_ flags, NULL, length 0 or the enums' UNKNOWN, and is then left out, never written as 0. Source is the
 * initiator (RFC 5103). Addresses and ports are in wire order, times are microseconds since 1970.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/writer.h"
#include "bpf/abi.h"
#include "export/record_health.h"

#define COMMUNITY_ID_TEXT 31	/* "1:", 28 characters of base64, NUL */
#define RECORD_TEXT_MAX 2560	/* record_text() fits with an interface of 15 bytes: all of SNI and ALPN as \xNN */

/* IPFIX flowEndReason, RFC 5102 5.11.3; 0: not said. Number, then ECS event.reason. */
#define END_REASONS(X) \
	X(IDLE_TIMEOUT,	1, "idle timeout") \
	X(ACTIVE,	2, "active timeout") \
	X(FLOW_END,	3, "end of flow detected") \
	X(FORCED,	4, "forced end") \
	X(RESOURCES,	5, "lack of resources")

enum end_reason {
#define X(id, number, text) END_##id = number,
	END_REASONS(X)
#undef X
	END_REASON_N,
};

/* How source and destination were told apart: weir.initiator. */
#define INITIATORS(X) \
	X(UNKNOWN,	NULL) \
	X(FIRST_PACKET,	"first_packet")	/* it sent the first packet that was seen */ \
	X(SYN,		"syn")		/* it sent the SYN */

enum initiator {
#define X(id, text) INITIATOR_##id,
	INITIATORS(X)
#undef X
	INITIATOR_N,
};

/* Where weir.totals come from: weir.bytes_source. */
#define BYTES_SOURCES(X) \
	X(NOT_SAID,	NULL)		/* the hook: no flow of this port can go past it */ \
	X(HOOK,		"hook")		/* the hook, though the NIC may forward: conntrack knows of no more */ \
	X(CONNTRACK,	"conntrack")	/* one side's at least: it counted what the NIC forwarded */

enum bytes_source {
#define X(id, text) BYTES_SOURCE_##id,
	BYTES_SOURCES(X)
#undef X
	BYTES_SOURCE_N,
};

struct record_side {
	__be32 addr[4];		/* as in struct flow_key: IPv4 as ::ffff:a.b.c.d */
	__be16 port;		/* where record.has_ports */
	__u8 mac[6];		/* where has_mac */
	bool has_mac;
	bool has_nat;		/* nat_addr, nat_port: what it is on the other side of the gateway */
	__u8 tcp_flags;		/* OR over the flow's life; TCP only */
	__be32 nat_addr[4];
	__be16 nat_port;	/* 0: the protocol has none */
	uint64_t packets;	/* sent by this side since the last report */
	uint64_t bytes;		/* layer-2 frame bytes */
	uint64_t ip_bytes;
	uint64_t total_packets;	/* since the flow began, this report included */
	uint64_t total_bytes;
};

#define RECORD_LIST_MAX 32	/* versions, groups: two bytes each in the hello */

/* A text of any bytes, borrowed. */
struct record_name {
	const uint8_t *at;
	uint16_t len;		/* 0: absent */
};

/* What hellos say. Texts are NULL where the hello was not seen. Numbers without a name are written as "0x1301". */
struct record_tls {
	const char *protocol;		/* ECS tls.version_protocol */
	const char *version;		/* selected */
	const char *version_offered;	/* the newest */
	const char *cipher;
	const char *group;		/* of the server's key share */
	const char *quic_version;
	const char *dns_carrier;	/* "dot", "doh", "doq" */
	const char *inner;		/* protocol that was spoken in clear before */
	char ja4[40];			/* "": absent */
	bool client_hello, server_hello;	/* seen: the facts below are told */
	bool ech, resumption_offered, resumed, early_data, hello_retry;
	bool has_hello_time;
	uint32_t server_hello_us;
	uint8_t versions, groups;	/* entries */
	uint16_t version_list[RECORD_LIST_MAX], group_list[RECORD_LIST_MAX];
	struct record_name next_protocol;
};

struct record_http {
	const char *method;		/* NULL: no request was seen; then nothing else is there */
	const char *version;
	uint16_t status;		/* 0: absent */
	bool has_first_byte;
	uint32_t first_byte_us;
};

struct record_dns {
	bool seen;
	const char *type, *rcode;	/* IANA's names; NULL: absent */
	const uint8_t *question;	/* text, question_len bytes; 0: absent */
	uint16_t question_len;
	uint32_t queries, repeats, answers;
	uint32_t min_us, max_us, mean_us;	/* response time, where answers > 0 and it was measured */
	bool has_time;
};

struct record {
	uint64_t start_us;	/* of the flow */
	uint64_t end_us;	/* its last packet so far */
	uint64_t duration_ns;
	struct record_side source;
	struct record_side destination;
	uint8_t ip_version;	/* 4, 6 */
	uint8_t proto;		/* IANA protocol number */
	bool has_ports;		/* false: the protocol has none, or no packet showed them (later fragments) */
	bool fragments;		/* some of its packets were fragments */
	bool from_start;	/* TCP: its first packet was seen: the totals are whole */
	uint8_t end_reason;	/* enum end_reason; 0: absent */
	uint8_t initiator;	/* enum initiator */
	uint8_t name_status;	/* enum name_status; NAME_N: absent */
	uint8_t bytes_source;	/* enum bytes_source */
	uint16_t vlan[2];	/* outermost first; 0: none */
	uint16_t pppoe_session;	/* 0: none */
	char community_id[COMMUNITY_ID_TEXT];	/* "": absent */
	const char *interface;	/* NULL: absent; so are role and hook */
	const char *role;
	const char *hook;
	const uint8_t *sni;	/* any bytes, not ended by NUL */
	uint16_t sni_len;	/* 0: absent */
	uint16_t alpn_len;	/* 0: absent */
	const char *protocol;	/* ECS network.protocol; NULL: not known, or tls where a hello tells */
	const uint8_t *domain;	/* of the destination, domain_len bytes; 0: absent */
	uint16_t domain_len;
	const char *name_source, *name_confidence;	/* of @domain; NULL: absent */
	struct record_tls tls;
	struct record_tcp tcp;
	struct record_rtt icmp[2];	/* of echo: near, far */
	struct record_quic quic;
	struct record_http http;
	struct record_dns dns;
	const uint8_t *alpn;	/* entries of an RFC 7301 ProtocolNameList: length byte, then that many bytes */
};

/* What the flow's round trips are from: TCP, QUIC's spin bit or ICMP echo. @far: beyond the gateway, else behind the port. */
const struct record_rtt *record_rtt(const struct record *r, int far);

/* The next entry of the list at @r->alpn, @at bytes in (start with 0). False at the end and where an entry is cut. */
bool record_alpn_next(const struct record *r, size_t *at, const uint8_t **ret_name, size_t *ret_len);

bool record_is_tls(const struct record *r);		/* a ClientHello was seen */
const char *record_protocol(const struct record *r);	/* NULL: not known */
const char *record_proto_name(uint8_t proto);		/* IANA keyword in lower case; NULL: no common one */
const char *record_end_reason_text(uint8_t reason);	/* NULL: not said */
const char *record_bytes_source_text(uint8_t source);	/* NULL: not said */
const char *record_initiator_text(uint8_t initiator);	/* NULL: unknown */
const char *record_name_status_text(uint8_t status);	/* NULL: unknown */

/*
 * "2026-11-22 10:00:00.123 lan0 tcp 192.168.1.20:51514 > 203.0.113.7:443 12/14 pkts 3411/9120 B example.org h2 ok", no
 * newline; pairs are source/destination; "-" stands for what is unknown. Names can hold nothing but printable ASCII.
 */
void record_text(struct writer *w, const struct record *r);
