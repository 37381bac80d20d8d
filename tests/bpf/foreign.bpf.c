/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Somebody else's programs, which Weir must leave alone. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int foreign_xdp(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* Not an own "xdp" section: ip link takes a program by its section. */
SEC("xdp_drop_143")
int foreign_xdp_drop(struct xdp_md *ctx)
{
	return ctx->data_end - ctx->data == 143 ? XDP_DROP : XDP_PASS;
}

SEC("tc")
int foreign_tc(struct __sk_buff *ctx)
{
	return TC_ACT_OK;	/* ends the chain: whoever comes later sees nothing */
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
