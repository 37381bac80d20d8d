#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns gw [lan0, tun0]
#
# What cannot be done is said in one sentence that quotes what was given.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/net.sh"
need_root
need_tool
need setpriv unshare clang

ns_new gw
fails() {	# NAME REGEX ARGS...
	local name=$1 wanted=$2
	shift 2
	in_ns gw timeout 30 "$@" </dev/null >"$WORK/said" 2>&1
	is "$name: status 1" $? 1
	like "$name: says so" "$(grep '^error' "$WORK/said")" "$wanted"
	is "$name: in one line" "$(wc -l <"$WORK/said")" 1
}
at="$TOOL -x -p $PIN_DIR"

fails "no object file" 'cannot open BPF object "/nonexistent/weir.bpf.o": No such file' $at /nonexistent/weir.bpf.o lan0
fails "a directory" 'is not a BPF object: ' $at /tmp lan0
echo "hello" >"$WORK/text.o"
fails "not ELF" '"[^"]*/text.o" is not a BPF object: no ELF file' $at "$WORK/text.o" lan0
: >"$WORK/empty.o"
fails "empty file" '"[^"]*/empty.o" is not a BPF object: no ELF file' $at "$WORK/empty.o" lan0
head -c 3000 "$OBJECT" >"$WORK/cut.o"
fails "cut object" '"[^"]*/cut.o" is not a BPF object that can be used: ' $at "$WORK/cut.o" lan0
fails "an ELF file of another kind" 'is not a BPF object that can be used: ' $at "$TOOL" lan0
printf '#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nSEC("xdp") int other(void *c) { return XDP_PASS; }\n' >"$WORK/other.c"
clang -O2 -g -target bpf -I"/usr/include/$(uname -m)-linux-gnu" -c -o "$WORK/other.o" "$WORK/other.c"
fails "another BPF object" 'has no program "weir_rx_xdp": not a Weir object, or of another version' $at "$WORK/other.o" lan0
llvm-objcopy --remove-section=.BTF --remove-section=.BTF.ext "$OBJECT" "$WORK/nobtf.o" 2>/dev/null ||
	llvm-objcopy-14 --remove-section=.BTF --remove-section=.BTF.ext "$OBJECT" "$WORK/nobtf.o"
fails "no BTF in it" '"[^"]*/nobtf.o" (has no BTF|is not a BPF object that can be used: .*BTF)' $at "$WORK/nobtf.o" lan0
# The real object with one program that reads beyond the packet.
sed 's/int weir_tx_tc(struct __sk_buff \*ctx)/&\n{ return *(volatile __u8 *)(long)ctx->data; }\nint unused_tx_tc(struct __sk_buff *ctx)/' \
	bpf/weir.bpf.c >"$WORK/bad.bpf.c"
if clang -O2 -g -target bpf -mcpu=v3 -I. -I"/usr/include/$(uname -m)-linux-gnu" -c -o "$WORK/bad.o" "$WORK/bad.bpf.c" 2>"$WORK/cc"; then
	fails "verifier refuses" "the kernel's verifier refuses weir_tx_tc of \"[^\"]*/bad.o\": .*invalid access to packet" \
		$at "$WORK/bad.o" lan0
else
	skip "verifier refuses" "cannot build the bad object: $(head -n 1 "$WORK/cc")"
fi
fails "slots are no power of two" '1000 flow slots: must be a power of two from 64 to 16777216' $at -s 1000 "$OBJECT" lan0
fails "pin directory not on a bpffs" 'pin directory "/tmp/weir-[^"]*" is not on a bpffs' \
	"$TOOL" -x -p "$WORK" "$OBJECT" lan0
is "and nothing was made there" "$(ls -d "$WORK"/links 2>/dev/null)" ""
chmod 755 "$WORK"; cp "$OBJECT" "$WORK/weir.bpf.o"; cp "$TOOL" "$WORK/tool_ports"
fails "no rights" 'no right to load BPF programs: CAP_BPF and CAP_NET_ADMIN' \
	setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all "$WORK/tool_ports" -x "$WORK/weir.bpf.o" lan0
fails "root of a user namespace only" 'no right to load BPF programs: .*outside of a user namespace' \
	unshare -Ur "$WORK/tool_ports" -x "$WORK/weir.bpf.o" lan0
is "no try left a pin behind" "$(find "$PIN_DIR" -type f 2>/dev/null | wc -l)" 0

in_ns gw $at -s 1024 "$OBJECT" lan0 </dev/null >"$WORK/said" 2>&1
is "maps are made" $? 0
fails "other table size than the pinned one" \
	"maps pinned in $PIN_DIR have 1024 flow slots, asked for are 2048: set it back, or stop weir and remove $PIN_DIR " \
	$at -s 2048 "$OBJECT" lan0
fails "other share of TCP health than the pinned one" \
	"maps pinned in $PIN_DIR have health of 256 connections, asked for are 512: set flows.tcp_share back, or stop weir and remove $PIN_DIR " \
	$at -s 1024 -q 2 "$OBJECT" lan0
in_ns gw $at -s 1024 "$OBJECT" lan0 </dev/null >"$WORK/said" 2>&1
like "the old size goes on" "$(cat "$WORK/said")" 'dataplane reused=1'
rm -f "$PIN_DIR/meta"
in_ns gw $at -s 2048 "$OBJECT" lan0 </dev/null >"$WORK/said" 2>&1
like "the rest of a start that broke off is cleared" "$(cat "$WORK/said")" 'dataplane reused=0'

tool_start gw -s 2048 "$OBJECT" tun0/hook=xdp 'tun1' lan0/hook=xdp
like "no such port" "$(tool_state lan0)" 'ifindex=0 wanted=1 .*reason=no such interface'
if ip_in gw tuntap add dev tun0 mode tun 2>/dev/null && ip_in gw tuntap add dev tun1 mode tun; then
	tool_ms_until tun1 'tx=(tcx|clsact)' >/dev/null
	state=$(tool_state tun0)
	like "hook = xdp on raw IP: off, and says why" "$state" \
		' rx=none tx=(tcx|clsact) .* flags=1 .*reason=hook = xdp is impossible: frames have no Ethernet header'
	like "auto on raw IP: TC" "$(tool_state tun1)" ' rx=(tcx|clsact) tx=(tcx|clsact) .* flags=1 .*reason=$'
else
	skip "hook = xdp on raw IP" "no tun device here"
fi
ip_in gw link add lan0 type bridge
like "hook = xdp on a bridge: off, and says why" \
	"$(tool_until '^state lan0 .*reason=..*driver' 2 | tail -n 1)" ' rx=none tx=(tcx|clsact) .*reason=its driver has no native XDP'
tool detach >/dev/null
finish
