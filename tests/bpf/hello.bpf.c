/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hello.bpf - the hello walk alone, behind an XDP program that BPF_PROG_TEST_RUN feeds: a struct hello_test, then the
 * payload of one segment. The state lies in map "state", which the test maps into its memory.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "bpf/hello.h"
#include "tests/bpf/hello_test.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct hello);
} state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hello_buf);
} bufs SEC(".maps");

/* False when the chunk could not be copied. The barrier keeps 1..HELLO_CHUNK visible to every verifier. */
static __always_inline int copy_chunk(struct xdp_md *ctx, struct hello_buf *buf, __u32 at, __u32 left)
{
	__u32 n = left < HELLO_CHUNK ? left : HELLO_CHUNK;

	buf->len = n;
	n -= 1;
	asm volatile("" : "+r"(n));
	n &= HELLO_CHUNK - 1;
	n += 1;
	return bpf_xdp_load_bytes(ctx, at, buf->bytes, n) == 0;
}

SEC("xdp.frags")
int hello_test(struct xdp_md *ctx)
{
	struct hello_test t;
	struct hello_buf *buf;
	struct hello *h;
	__u32 zero = 0, at;

	if (bpf_xdp_load_bytes(ctx, 0, &t, sizeof(t)))
		return XDP_ABORTED;
	h = bpf_map_lookup_elem(&state, &zero);
	buf = bpf_map_lookup_elem(&bufs, &zero);
	if (!h || !buf)
		return XDP_ABORTED;
	if (t.begin)
		hello_begin(h, t.first_seq);

	at = hello_accept(h, t.seq, t.len);
	for (int i = 0; i < HELLO_TEST_CHUNKS && at < t.len && h->status == HELLO_MORE; i++) {
		if (!copy_chunk(ctx, buf, sizeof(t) + at, t.len - at))
			return XDP_ABORTED;
		hello_walk(h, buf);
		at += HELLO_CHUNK;
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
