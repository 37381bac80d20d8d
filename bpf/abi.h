/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * abi - the one header that the BPF programs and the user side share: what lies in the maps.
 *
 * Fixed-width types and __be types only; no bool, enum or long members; padding is named and zero; every size is
 * asserted. __be members are in wire order, all else in host order. Times are CLOCK_MONOTONIC nanoseconds (in replay:
 * the capture's own time since 1970). "Bytes" are layer-2 frame bytes without FCS, as the NIC counts them.
 *
 * A change of any layout or meaning here raises ABI_VERSION: pinned maps of another version are never reused.
 */
#pragma once

#include <linux/types.h>
#include "bpf/abi_taken.h"
#include "bpf/abi_books.h"
#include "bpf/abi_tcp.h"

#define ABI_VERSION 4

/* ---- ports ---------------------------------------------------------------------------------------------------- */

#define PORTS_MAX	64	/* ports measured at once; 64 x 2 directions of books per CPU = 44 kB a CPU */
#define PORT_HASH	1024	/* places of the ifindex table, 8 kB */
#define PORT_PROBES	8	/* an ifindex lies in one of this many places from ifindex % PORT_HASH on */

#define PORT_RAW_IP	0x1	/* frames start with the IP header: ppp, tun, wireguard */
#define PORT_MIRROR	0x2	/* sees both directions as received (SPAN port, replay): ends are ordered by address */

/* Value of map "ports": which port an ifindex is. Written by user space; ifindex is written last and cleared first. */
struct port_conf {
	__u32 ifindex;		/* 0: free */
	__u16 port;		/* index into books and flow keys, < PORTS_MAX; stays with the name when it is recreated */
	__u16 flags;		/* PORT_* */
};
_Static_assert(sizeof(struct port_conf) == 8, "port_conf");

/* Value of map "port_names", index = port_conf.port: the name keeps its index when the interface is made anew. */
struct port_name {
	char name[16];		/* IFNAMSIZ, NUL-terminated; empty: free */
};

/* ---- flow table ----------------------------------------------------------------------------------------------- */

/*
 * One biflow (RFC 5103) on one port. "a" is the near end: the one behind the port (source of what is received,
 * destination of what is sent). On a PORT_MIRROR port a is the lower of the two ends.
 */
struct flow_key {
	union {
		struct {
			__be32 a_addr[4];	/* IPv4 as ::ffff:a.b.c.d */
			__be32 b_addr[4];
			__be16 a_port;		/* 0 where the protocol has none or the packet does not show it */
			__be16 b_port;
			__u8 proto;		/* IANA protocol number, behind IPv6 extension headers */
			__u8 ip_version;	/* 4, 6 */
			__u16 port;		/* port_conf.port */
			__u16 vlan[2];		/* VLAN ids, outermost first; 0: none, or a priority tag */
			__u16 pppoe_session;	/* 0: none */
			__u16 zero;
		};
		__u64 w[6];
	};
};
_Static_assert(sizeof(struct flow_key) == 48, "flow_key");

/* flow_slot.tag */
#define TAG_FREE	0u
#define TAG_LIVE	0x80000000u	/* with TAG_HASH: a flow */
#define TAG_DEAD	0x40000000u	/* with TAG_HASH: matches no packet any more; to be emptied once more, then free */
#define TAG_HASH	0x3fffffffu	/* of the hash's upper half: leads to the flow's other bucket */

/* flow_slot.flags; every change is an atomic or/and */
#define FLOW_TCP_FLAGS_A	0x000000ffu	/* OR of the TCP flags that a sent */
#define FLOW_TCP_FLAGS_B	0x0000ff00u	/* and b */
#define FLOW_INITIATOR_B	0x00010000u	/* b began the flow (else a) */
#define FLOW_SYN_SEEN		0x00020000u	/* the first packet had SYN: measured from the start */
#define FLOW_ALT		0x00040000u	/* lies in the flow's second bucket */
#define FLOW_FRESH		0x00080000u	/* claimed since the last sweep: may have a twin */
#define FLOW_PAYLOAD_A		0x00100000u	/* first payload byte of a was looked at */
#define FLOW_PAYLOAD_B		0x00200000u
#define FLOW_HELLO_WALK		0x00400000u	/* flow_slot.hello is a walk: under way, or its result is not taken yet */
#define FLOW_HELLO_DONE		0x00800000u	/* no payload is looked at any more: name_status says why */
#define FLOW_HELLO_B		0x01000000u	/* b sends the hello (else a) */
#define FLOW_CLIENT_SEQ		0x02000000u	/* flow_slot.client_seq is there */
#define FLOW_MAC_B		0x04000000u	/* mac belongs to b (mirror ports) */
#define FLOW_FRAGMENTS		0x08000000u	/* some of its packets were fragments */
#define FLOW_MIRROR		0x10000000u	/* on a PORT_MIRROR port: both sides' frames were received */
#define FLOW_COPY_OFF		0x20000000u	/* no payload is copied to user space any more */
#define FLOW_READ		0x40000000u	/* user space: it has read what it wants, copies still on their way are not looked at */
#define FLOW_QUIC		0x80000000u	/* its spin bit is watched: set by user space, cleared by the kernel where it says nothing */

/*
 * flow_slot.count: frames in the low 28 bits, layer-2 overhead bytes (frame bytes - IP bytes) in the 35 above: one atomic for both.
 * A frame's overhead beyond COUNT_OVERHEAD_MAX (trailers) counts as IP bytes, so that the sum cannot wrap.
 */
#define COUNT_FRAMES_BITS	28
#define COUNT_FRAMES_MASK	((1ULL << COUNT_FRAMES_BITS) - 1)
#define COUNT_OVERHEAD_MAX	255
#define COUNT_FULL		(1ULL << (COUNT_FRAMES_BITS - 1))	/* no more is added from here on: counter_full */

/*
 * Value of map "flows" is a bucket of 8 of these. The kernel adds to bytes and count with atomics; user space takes
 * them with atomic exchanges. Index [0] is what a sent, [1] what b sent.
 */
struct flow_slot {
	__u32 tag;
	__u32 summary;		/* of slot 0 only: of its bucket, see SUMMARY_* */
	struct flow_key key;
	__u64 first_ns;
	/* second cache line */
	__u64 bytes[2];
	__u64 count[2];
	__u64 last_ns;
	__u32 flags;		/* FLOW_* */
	union {
		__u32 hello;		/* FLOW_HELLO_WALK: 1 + index into map "hellos" */
		__u32 client_seq;	/* before, with FLOW_CLIENT_SEQ: first TCP sequence number of the initiator's data */
	};
	__u32 tcp;		/* 1 + index into map "tcp"; 0: none */
	__u8 name_status;	/* enum name_status */
	__u8 end_reason;	/* user space: why it was marked dead (IPFIX flowEndReason); 0: not yet */
	__u8 mac[6];		/* layer-2 peer on this port; zero: unknown */
	__u16 reported_s;	/* user space: second (of first_ns's clock) of the last report, low 16 bits */
	__u8 copies[2];		/* payload copies of a and of b so far, lost ones too; wraps where there is no limit */
};
_Static_assert(sizeof(struct flow_slot) == 128, "flow_slot");

#define BUCKET_SLOTS 8
struct flow_bucket {
	struct flow_slot slot[BUCKET_SLOTS];
};
_Static_assert(sizeof(struct flow_bucket) == 1024, "flow_bucket");

/*
 * What is in a bucket, in one word, so that a new flow need not look at eight slots: for each slot 3 bits of its tag,
 * never 0 while it is taken; above them, how many flows of this bucket lie in their second one. Changed by atomics
 * only: who sets a slot's bits owns the slot. The kernel then fills it and sets its tag; user space frees it by setting
 * the tag to TAG_FREE and then clearing the bits.
 */
#define SUMMARY_PRINT(tag)	((((tag) >> 27) & 7) | !(((tag) >> 27) & 7))	/* 1 to 7 */
#define SUMMARY_SHIFT(at)	(3 * (at))
#define SUMMARY_SPILL		(1u << 24)
#define SUMMARY_SPILL_MAX	255u

/*
 * In a bucket this full, a new flow is admitted only at a bounded rate, by CPU, port, direction and protocol: a flood of
 * new flows gets no more than that of the upper half of the table. Others, and each protocol, keep theirs.
 */
#define BUCKET_ADMIT 5
#define BUCKET_SPILL 6	/* a bucket this full sends new flows to the emptier of the two */

/* Value of map "ledger", one a slot: what user space has reported of the flow so far, and named. Kept across its restarts. */
struct flow_total {
	__u64 bytes[2];		/* [0] sent by a, [1] by b */
	__u32 packets[2];	/* low 32 bits, */
	__u16 packets_high[2];	/* and 16 more */
	__u16 sni;		/* indices into map "names"; 0: none */
	__u16 alpn;
};
_Static_assert(sizeof(struct flow_total) == 32, "flow_total");

/* ---- fragments ------------------------------------------------------------------------------------------------ */

/* Map "fragments" (LRU): a first fragment leaves its ports here for the later ones. RFC 791, RFC 8200 4.5 */
struct frag_key {
	__be32 saddr[4];
	__be32 daddr[4];
	__be32 id;
	__u16 port;
	__u8 proto;
	__u8 zero;
};
_Static_assert(sizeof(struct frag_key) == 40, "frag_key");

struct frag_ports {
	__be16 sport;
	__be16 dport;
};

/* ---- names ---------------------------------------------------------------------------------------------------- */

/* Why a flow has a name, or why it has none: weir.name_status. */
#define NAME_STATUSES(X) \
	X(NONE_YET,	"none_yet",	"no payload seen so far") \
	X(OK,		"ok",		"server_name is known") \
	X(NO_SNI,	"no_sni",	"whole ClientHello seen; it has no server_name") \
	X(NOT_TLS,	"not_tls",	"not TLS over TCP") \
	X(MIDSTREAM,	"midstream",	"measured from the middle; no hello was seen") \
	X(OUT_OF_ORDER,	"out_of_order",	"a hello segment was missing when the next ones came") \
	X(TRUNCATED,	"truncated",	"flow or capture ended inside the hello") \
	X(BAD_HELLO,	"bad_hello",	"ClientHello breaks its own lengths (RFC 8446 4.1.2)") \
	X(LIMIT,	"limit",	"hello needs more steps than a packet may cost") \
	X(TABLE_FULL,	"table_full",	"no free walk, name entry or reassembly buffer") \
	X(ECH,		"ech",		"server_name is the outer one of an Encrypted ClientHello: DNS told another name") \
	X(LOST_SEGMENT,	"lost_segment",	"a part of the hello never came by, or its copy found the ring full") \
	X(DECRYPT_FAILED, "decrypt_failed", "QUIC Initial that its connection id does not open") \
	X(UNKNOWN_VERSION, "unknown_version", "QUIC of a version that is not known here")

enum name_status {
#define X(id, name, text) NAME_##id,
	NAME_STATUSES(X)
#undef X
	NAME_N,
};

#define SNI_MAX		255	/* longest host name, RFC 1035 2.3.4 */
#define ALPN_MAX	255	/* bytes of the ALPN list kept (RFC 7301 ProtocolNameList, its length bytes included) */
#define HELLO_SLACK	32	/* the walk copies in blocks of this size */
#define HELLO_ALPN_AT	(SNI_MAX + 1 + HELLO_SLACK)
#define HELLO_STORE	(HELLO_ALPN_AT + ALPN_MAX + 1 + HELLO_SLACK)

/* hello.status */
enum hello_status {
	HELLO_MORE,		/* wants the next segment */
	HELLO_COMPLETE,		/* SNI and ALPN are both there, or the ClientHello has ended */
	HELLO_NOT_HELLO,	/* not a TLS handshake record, or another handshake message */
	HELLO_BAD,		/* lengths contradict each other */
	HELLO_LIMIT,		/* HELLO_STEPS used up in one segment */
};

#define HELLO_GAP	0x1	/* a segment beyond the expected one came: something is missing */
#define HELLO_SNI	0x2	/* sni_len bytes of store are the server_name */
#define HELLO_ALPN	0x4	/* alpn_len bytes of store + HELLO_ALPN_AT are the list */
#define HELLO_SNI_CUT	0x8	/* longer than SNI_MAX: not kept */
#define HELLO_ALPN_CUT	0x10	/* longer than ALPN_MAX: only its first entries were kept */

/*
 * State of one ClientHello walk (hello.h). All of it lives in map memory between segments and between steps.
 * Results: status, flags, and by the flags sni_len, alpn_len and their bytes in store; the rest is the walk's own.
 */
struct hello {
	__u32 next_seq;		/* TCP sequence number expected next */
	__u8 status;		/* enum hello_status */
	__u8 flags;		/* HELLO_* */
	__u8 phase;		/* the field that is read next (hello.h) */
	__u8 rec_have;		/* bytes of a cut record header in rec_acc */
	__u32 rec_left;		/* bytes left in the TLS record at the end of the last chunk */
	__u32 left;		/* bytes of the ClientHello behind the next field */
	__u32 body;		/* bytes of the extension from the next field on, or behind the name being copied */
	__u32 skip;		/* bytes to skip before the next field */
	__u32 need;		/* size of the next field */
	__u32 slow;		/* bytes of a cut field in acc; 1 while a name is copied */
	__u32 copy;		/* bytes of the name still to be copied */
	__u32 copy_to;		/* where to in store */
	__u32 off;		/* of the chunk at hand: next byte, */
	__u32 len;		/* its end, */
	__u32 rec_end;		/* the end of the TLS record, */
	__u32 lim;		/* the nearer of these two */
	__u64 acc;
	__u64 rec_acc;
	__u16 sni_len;
	__u16 alpn_len;
	__u32 first_seq;	/* TCP sequence number of the hello's first byte */
	__u8 store[HELLO_STORE];
};
_Static_assert(sizeof(struct hello) == 80 + HELLO_STORE, "hello");
_Static_assert(HELLO_STORE % 8 == 0 && HELLO_ALPN_AT % 8 == 0, "hello.store");

/* Value of map "hellos": a bounded pool; owner is claimed by compare-and-swap and cleared by user space. */
struct hello_entry {
	__u32 owner;		/* 1 + slot number of the flow; 0: free */
	__u32 busy;		/* 1 while a CPU walks */
	struct hello hello;
};

/* Value of map "names", written by user space only: host names and ALPN lists, each once. Entry 0 is never used. */
#define NAMES_MAX 16384	/* 4.3 MB */
struct name_entry {
	__u32 refs;		/* flow slots that point here */
	__u8 len;
	__u8 bytes[SNI_MAX];
	__u32 zero;
};
_Static_assert(sizeof(struct name_entry) == 264, "name_entry");

/* ---- events --------------------------------------------------------------------------------------------------- */

enum event_type {
	EVENT_TABLE_FULL = 1,	/* at most one a CPU, port and second */
	EVENT_HELLO,		/* a walk ended: the name can be taken now instead of at the next sweep */
	EVENT_COPY,		/* struct copy */
	EVENT_NEW_LIMIT,	/* as EVENT_TABLE_FULL */
};

#define EVENT_INTERVAL_NS 1000000000ULL	/* EVENT_TABLE_FULL, EVENT_NEW_LIMIT: not more often */

/* Record of ring buffer "events". */
struct event {
	__u64 time_ns;
	__u32 slot;		/* EVENT_HELLO, EVENT_COPY: slot number in "flows" */
	__u16 port;
	__u8 type;
	__u8 dir;		/* EVENT_TABLE_FULL: DIR_*; EVENT_COPY: 1 when b sent it */
	__u8 proto;
	__u8 zero[7];
};
_Static_assert(sizeof(struct event) == 24, "event");

#define COPY_NO_SLOT	0xffffffffu	/* event.slot of ARP, which is no flow */
/* A side of a flow, 2 kB each at most; the packet that begins below it is copied whole. The first packet beyond it ends the
 * copies of both sides. DNS, mDNS, LLMNR, DHCP, neighbour discovery: no limit. */
#define COPIES_MAX	24

/*
 * Payload for user space, which reads from it what the kernel does not: the first bytes of both sides of a connection,
 * until user space sets FLOW_COPY_OFF; every message of DNS, mDNS, LLMNR, DHCP, ARP and neighbour discovery. event.time_ns
 * is precise but for ARP, and TLS hellos of connections whose health is not measured. @len bytes follow at COPY_BYTES_AT; between them and this lies nothing of meaning.
 */
struct copy {
	struct event event;
	__u32 seq;		/* TCP: sequence number of the first byte; else its offset in the datagram */
	__u16 len;
	__u16 left;		/* payload bytes of the packet from this one on: more than @len, the rest follows or is lost */
	__u8 mac[6];		/* layer-2 source; zero: frames have none */
	__u16 vlan;		/* outer VLAN id; 0: none */
	__u32 ack;		/* TCP: what the sender expects of the other side; else 0 */
	__u32 zero;
};
_Static_assert(sizeof(struct copy) == 48, "copy");
#define COPY_TICK_MS	20	/* user space looks into the ring at least so often */
#define COPY_WAKE_BYTES	(256 * 1024)	/* of the ring: it is woken */
#define COPY_BYTES_AT	64	/* 16 bytes are the walk's own */

/* ---- what holds for the whole dataplane ----------------------------------------------------------------------- */

/* Value 0 of map "meta": written once, before the programs are loaded; checked before pinned maps are used again. */
struct meta {
	__u32 abi_version;
	__u32 slots;		/* of the flow table; a power of two */
	__u32 hellos;		/* of the walk pool; a power of two */
	__u32 tcps;		/* of the pool of TCP connections; a power of two */
	__u64 seed;		/* of the flow hash: random, so that nobody outside can aim at a bucket */
	__u64 created_ns;
};
_Static_assert(sizeof(struct meta) == 32, "meta");

/* Value 0 of map "replay" (weir replay only): the capture's own clock and frame length, set before each packet. */
struct replay {
	__u64 now_ns;
	__u32 frame_bytes;	/* length on the wire; the capture may hold less */
	__u32 zero;
};
_Static_assert(sizeof(struct replay) == 16, "replay");
