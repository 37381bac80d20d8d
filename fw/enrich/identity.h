/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * identity - who talks to whom, out of copies of the first payload of each connection: what it speaks, which name it
 * asks for, and why there is none.
 *
 * TLS over TCP, also behind STARTTLS and proxies (clear.h), DTLS, QUIC, HTTP/1, DNS; segments in any order. The names
 * of DNS answers name later connections. Numbers go into the caller's struct identity_facts, names through its callback,
 * each as soon as it is known. Knows no maps, slots or records. Memory is taken once; what is under way for longest makes
 * room when it is used up, and a counter says so. Times are nanoseconds of any clock that goes on. One thread, no logging.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/siphash.h"
#include "bpf/abi.h"
#include "enrich/identity_counters.h"

/* What a flow speaks: network.protocol. */
#define IDENTITY_PROTOCOLS(X) \
	X(UNKNOWN,	NULL) \
	X(TLS,		"tls") \
	X(QUIC,		"quic") \
	X(DTLS,		"dtls") \
	X(HTTP,		"http") \
	X(DNS,		"dns") \
	X(MDNS,		"mdns") \
	X(LLMNR,	"llmnr") \
	X(DHCP,		"dhcp") \
	X(DHCP6,	"dhcpv6") \
	X(SMTP,		"smtp") \
	X(IMAP,		"imap") \
	X(POP3,		"pop3") \
	X(FTP,		"ftp") \
	X(LDAP,		"ldap") \
	X(POSTGRESQL,	"postgresql") \
	X(MYSQL,	"mysql") \
	X(XMPP,		"xmpp") \
	X(SOCKS,	"socks") \
	X(SSH,		"ssh")

enum identity_protocol {
#define X(id, text) IDENTITY_##id,
	IDENTITY_PROTOCOLS(X)
#undef X
	IDENTITY_PROTOCOL_N,
};

/* Where destination.domain comes from: weir.name_source, and how sure it is: weir.name_confidence. */
#define IDENTITY_SOURCES(X) \
	X(NONE,		NULL,		NULL) \
	X(SNI,		"sni",		"high")		/* the connection itself says it */ \
	X(HTTP,		"http",		"high")		/* Host */ \
	X(PROXY,	"proxy",	"high")		/* the target that a proxy is asked for */ \
	X(DNS,		"dns",		"high")		/* this client had asked for this name, and got this address */ \
	X(DNS_SHARED,	"dns",		"medium")	/* the same, but the address has other names as well */ \
	X(DNS_EXPIRED,	"dns",		"medium")	/* its TTL was over */ \
	X(DNS_OTHER,	"dns",		"low")		/* another client had asked; or mDNS */

enum identity_source {
#define X(id, text, confidence) IDENTITY_BY_##id,
	IDENTITY_SOURCES(X)
#undef X
	IDENTITY_SOURCE_N,
};

/* identity_facts.bits */
#define IDENTITY_CLIENT_HELLO	0x0001
#define IDENTITY_SERVER_HELLO	0x0002
#define IDENTITY_ECH		0x0004	/* the client sends ECH, or GREASE of it: they look the same */
#define IDENTITY_RESUMES	0x0008	/* the client asks for an earlier session */
#define IDENTITY_RESUMED	0x0010	/* and the server agreed */
#define IDENTITY_EARLY_DATA	0x0020	/* 0-RTT data follows the hello */
#define IDENTITY_HELLO_RETRY	0x0040	/* HelloRetryRequest, or a DTLS cookie */
#define IDENTITY_INNER		0x0080	/* TLS came behind a dialogue in clear: @inner */
#define IDENTITY_FINISHED	0x0200	/* IDENTITY_DONE was said: copies still on their way are not looked at */
#define IDENTITY_HTTP_ANSWER	0x0100	/* http_status and http_first_byte_us are there */
#define IDENTITY_HELLO_TIME	0x0400	/* tls.server_hello_us is there */
#define IDENTITY_QUIC_ANSWERED	0x0800	/* the server has answered the client */

/* Numbers of one flow; all zero when it begins. What is 0 is not known. */
struct identity_facts {
	uint8_t protocol;	/* enum identity_protocol */
	uint8_t inner;		/* what was spoken in front of TLS */
	uint8_t source;		/* enum identity_source, of IDENTITY_DOMAIN */
	uint8_t status;		/* enum name_status */
	uint16_t bits;
	uint16_t carrier;	/* enum dns_carrier, dns_carrier.h: DNS in TLS or QUIC */
	union {
		struct {
			uint16_t version, offered;	/* selected, and the newest offered */
			uint16_t cipher;
			uint16_t group;			/* of the server's key share */
			uint32_t quic_version;
			uint32_t server_hello_us;	/* from the end of the first ClientHello to the ServerHello */
			uint32_t handshake_us[2];	/* QUIC: between port and end [0], [1]: quic_handshake.h */
		} tls;
		struct {
			uint8_t method;			/* 1 + enum http_method; 0: no request was seen */
			uint8_t minor;
			uint16_t status;
			uint32_t first_byte_us;		/* from the end of the request to the answer's first byte */
		} http;
		struct {
			uint16_t type, rcode;		/* of the last question, and of the last answer */
			uint16_t queries, answers;	/* up to 65535 */
			uint16_t repeats;		/* of queries */
			uint16_t zero;
			uint32_t min_us, max_us;	/* response time */
			uint32_t sum_us;		/* saturates */
		} dns;
	};
};
_Static_assert(sizeof(struct identity_facts) == 32, "identity_facts");

/* Texts and lists of one flow. */
enum identity_name {
	IDENTITY_SERVER_NAME,	/* SNI: any bytes */
	IDENTITY_ALPN,		/* offered: RFC 7301 ProtocolNameList entries */
	IDENTITY_NEXT_PROTOCOL,	/* selected, where it is in clear */
	IDENTITY_JA4,
	IDENTITY_VERSIONS,	/* supported_versions, 2 bytes each, in wire order */
	IDENTITY_GROUPS,	/* groups of the client's key shares, 2 bytes each */
	IDENTITY_DOMAIN,	/* whom the client means, by facts.source */
	IDENTITY_QUESTION,	/* DNS: last name asked for, as text */
	IDENTITY_NAME_N,
};

struct identity_payload {
	uint32_t flow;		/* the caller's number of it */
	uint64_t time_ns, begun_ns;	/* of the payload, of the flow */
	uint8_t proto;		/* IANA number */
	uint8_t direction;	/* 0: end [0] sent it */
	uint8_t client;		/* which end is the client, as far as is known */
	uint8_t observer;	/* port index */
	bool from_start;	/* TCP: its SYN was seen; @first_seq is good */
	uint32_t first_seq;	/* of the client's data */
	uint32_t seq, ack;	/* TCP; else the offset in the datagram, and 0 */
	const uint8_t *bytes;
	size_t len;
	const uint32_t *addr[2];	/* 4 words in wire order, IPv4 as ::ffff:a.b.c.d */
	uint16_t port[2];		/* wire order */
};

#define IDENTITY_DONE	0x1	/* identity_payload() returns it: no more payload of this flow is wanted */

/* Memory, taken once; what is not used is not touched. */
#define IDENTITY_CONNECTIONS	4096		/* under way at once, 184 bytes each */
#define IDENTITY_BUFFER_BYTES	(1u << 20)	/* TCP reassembly: 63 directions */
#define IDENTITY_QUIC_MAX	1024		/* QUIC connections, 224 bytes each */
#define IDENTITY_QUIC_CRYPTO_BYTES	(768u << 10)	/* their CRYPTO bytes: 46 directions */
#define IDENTITY_DNS_BYTES	(1u << 20)	/* names learnt: 9300 entries */
#define IDENTITY_DNS_WAITING	2048		/* queries without an answer yet, 112 bytes each */

struct identity;

typedef void (*identity_name_found)(void *arg, uint32_t flow, enum identity_name which, const uint8_t *bytes, size_t len);

struct dns_message;

/* Every mDNS message, for the device table. */
typedef void (*identity_mdns_seen)(void *arg, const struct identity_payload *payload, const struct dns_message *message);

/* The client sends a second hello (RFC 8446 4.1.2): what is known of the first is still there during the call. */
typedef void (*identity_hello_again)(void *arg, uint32_t flow);

struct identity_settings {
	struct siphash_key seed;
	identity_name_found name_found;
	identity_mdns_seen mdns_seen;	/* NULL: nobody asks; so are the others */
	identity_hello_again hello_again;
	void *arg;
};

int identity_new(struct identity **ret_id, const struct identity_settings *settings);	/* -ENOMEM, -ENOTSUP */
struct identity *identity_free(struct identity *id);	/* takes NULL; returns NULL */

/* One piece of payload. @facts: of its flow, kept by the caller. Returns 0 or IDENTITY_DONE. */
int identity_payload(struct identity *id, const struct identity_payload *payload, struct identity_facts *facts);

/* The flow is over: what was under way for it goes. */
void identity_forget(struct identity *id, uint32_t flow);

/* Queries that nobody answered: now and then. */
void identity_expire(struct identity *id, uint64_t now_ns);

/* The name by which @client knows @server; bytes written to @ret_text, 0: none. @ret_source: IDENTITY_BY_DNS and so on. */
size_t identity_domain(struct identity *id, const uint32_t client[4], const uint32_t server[4], uint64_t now_ns,
		       char *ret_text, size_t size, enum identity_source *ret_source);

const struct identity_counters *identity_counters(const struct identity *id);
const uint64_t *identity_quic_counts(const struct identity *id);	/* QUIC_RESULT_COUNT datagrams by result, quic.h */
size_t identity_under_way(const struct identity *id);			/* connections */
size_t identity_memory(void);						/* bytes at most, all pools together */

const char *identity_protocol_name(uint8_t protocol);	/* NULL: unknown */
const char *identity_source_name(uint8_t source);	/* NULL: none */
const char *identity_confidence(uint8_t source);	/* NULL: none */
