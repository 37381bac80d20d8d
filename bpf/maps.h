/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps - every map of the dataplane: what it holds, who writes, who deletes, memory at full size.
 * The loader sizes "flows", "ledger", "hellos" and "tcp"; the figures below are for 65536 slots and 4096 walks.
 */
#pragma once

#include <stddef.h>

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"
#include "bpf/hello.h"
#include "bpf/parse.h"

/* Biflows by (hash, bucket of 8). Kernel claims and counts; user space takes, marks dead, frees. 8 MB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct flow_bucket);
} flows SEC(".maps");

/* Reported totals by slot number. User space only. 2 MB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct flow_total);
} ledger SEC(".maps");

/* TLS hello walks by pool index. Kernel claims and walks; user space takes the result and frees. 2.8 MB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct hello_entry);
} hellos SEC(".maps");

/* TCP connections by pool index. Kernel claims and measures; user space reads, takes rtt, frees. 2 MB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct tcp_health);
} tcp SEC(".maps");

/* Host names and ALPN lists by index. User space only: here so that they outlive it beside the flows. 4.3 MB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, NAMES_MAX);
	__type(key, __u32);
	__type(value, struct name_entry);
} names SEC(".maps");

/* Ports of a datagram by its fragment id. Kernel writes; least recently used go (a miss is counted). 0.4 MB. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct frag_key);
	__type(value, struct frag_ports);
} fragments SEC(".maps");

/* Measured ports by ifindex. User space writes; 8 kB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PORT_HASH);
	__type(key, __u32);
	__type(value, struct port_conf);
} ports SEC(".maps");

/* Names of ports by port index. User space only; 1 kB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PORTS_MAX);
	__type(key, __u32);
	__type(value, struct port_name);
} port_names SEC(".maps");

/* The books by port index. Kernel counts, nobody resets; 44 kB a CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PORTS_MAX);
	__type(key, __u32);
	__type(value, struct books);
} books SEC(".maps");

/* What was taken out of the flow table, by port index; behind it the step under way. User space only; 2 kB. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TAKEN_ENTRIES);
	__type(key, __u32);
	__type(value, struct taken);
} taken SEC(".maps");

struct stats {
	__u64 count[STAT_N];
};

/* Counters of no port. Kernel counts, nobody resets. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stats);
} stats SEC(".maps");

/* struct event, struct copy. Kernel writes, the agent reads. Full: lost and counted (event_lost, copy_lost). 1 MB. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1024 * 1024);
} events SEC(".maps");

/* Shape and hash seed of the pinned tables. The loader writes it once. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct meta);
} meta SEC(".maps");

/* The capture's clock; read only where cfg_replay is set. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct replay);
} replay SEC(".maps");

/* Where the look at one packet's payload stands (identity.h). */
struct look {
	__u32 slot;
	__u32 from_b;
	__u32 walk;		/* 1 + index into "hellos", which this CPU holds; 0: none */
	__u32 at;		/* next byte of the payload */
	__u32 end;		/* of what can be read of it */
	__u32 from;		/* first byte that the walk has not had */
	__u32 start;		/* a walk may begin with the first byte */
	__u32 copy;		/* user space wants it */
	__u32 told;		/* user space hears of it without an event of its own */
	__u32 zero;
};

/* What one packet needs while it is looked at. Safe where packets do not nest on a CPU (softirq, no PREEMPT_RT). */
struct scratch {
	__u64 tick;		/* jiffies at which the coarse clock said tick_ns */
	__u64 tick_ns;
	__u64 precise_ns;	/* the precise clock, where it was read for the packet at hand; else 0 */
	struct packet pkt;
	struct look look;
	struct copy copy;	/* goes to user space together with buf */
	struct hello_buf buf;
};
_Static_assert(offsetof(struct scratch, buf) == offsetof(struct scratch, copy) + sizeof(struct copy) &&
	       sizeof(struct copy) + offsetof(struct hello_buf, bytes) == COPY_BYTES_AT, "copy and its bytes are one piece");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

/* Set by the loader before the programs are loaded; the verifier then knows them. */
const volatile __u32 cfg_bucket_mask = 8191;
const volatile __u32 cfg_hello_mask = 4095;
const volatile __u32 cfg_tcp_mask = 16383;
const volatile __u64 cfg_seed;
const volatile __u64 cfg_new_interval_ns;	/* between two new flows that are admitted above BUCKET_ADMIT; 0: no limit */
const volatile __u64 cfg_new_burst_ns;		/* so far ahead of that they may come */
const volatile __u32 cfg_replay;
