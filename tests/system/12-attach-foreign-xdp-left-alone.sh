#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns gw [lan0 10.0.0.1, XDP program of someone else] ---- veth ---- [c0 10.0.0.2] ns client
#
# A foreign XDP program is never replaced: auto uses TC, hook = xdp stays off and says why.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/net.sh"
need_root
need_tool
FOREIGN=$B/tests/bpf/foreign.bpf.o
[ -e "$FOREIGN" ] || skip_all "$FOREIGN is not built: make tests"

ns_new gw
ns_new client
veth gw lan0 10.0.0.1/24 client c0 10.0.0.2/24
xdp_id() { ip_in gw -d link show lan0 | sed -n 's/.*prog\/xdp id \([0-9]*\).*/\1/p'; }

for mode in xdpdrv xdpgeneric; do
	check "$mode: foreign program attached" ip_in gw link set dev lan0 $mode obj "$FOREIGN" sec xdp
	id=$(xdp_id)
	tool_start gw "$OBJECT" lan0
	like "$mode: auto uses TC" "$(tool_state lan0)" " rx=(tcx|clsact) tx=(tcx|clsact) .* xdp=$id "
	tool 'rules lan0/hook=xdp' >/dev/null
	state=$(tool_state lan0)
	like "$mode: hook = xdp stays off, egress is on" "$state" ' rx=none tx=(tcx|clsact) '
	like "$mode: and says why" "$state" "reason=XDP program $id of someone else is on it and left alone"
	tool 'rules lan0/hook=xdp-generic' >/dev/null
	like "$mode: so does hook = xdp-generic" "$(tool_state lan0)" " rx=none .*reason=XDP program $id of someone else"
	is "$mode: foreign program is still there" "$(xdp_id)" "$id"
	tool 'rules lan0/hook=xdp' >/dev/null
	ip_in gw link set dev lan0 $mode off
	like "$mode: gone, hook = xdp gets its place" "$(tool_ms_until lan0 ' rx=xdp tx=')" '^[0-9]{1,3}$'
	tool detach >/dev/null
	is "$mode: detach takes ours off" "$(xdp_id)" ""
	tool_stop
done

tool_start gw "$OBJECT" lan0/hook=xdp
like "hook = xdp: native" "$(tool_state lan0)" ' hook=xdp rx=xdp tx=(tcx|clsact) .* reason=$'
check "nobody replaces ours by accident" bash -c "! ip -n $(ns gw) link set dev lan0 xdpdrv obj $FOREIGN sec xdp"
in_ns client ping -c 5 -i 0.01 -q 10.0.0.1 >/dev/null
rx=$(tool_frames lan0 rx)
in_ns client ping -c 20 -i 0.01 -q 10.0.0.1 >/dev/null
is "XDP counts, once" "$(($(tool_frames lan0 rx) - rx))" 20
tool 'rules lan0/hook=xdp-generic' >/dev/null
like "hook = xdp-generic: moved" "$(tool_state lan0)" ' rx=xdp-generic '
like "as the kernel says" "$(ip_in gw link show lan0)" 'xdpgeneric'
tool 'rules lan0/hook=tc' >/dev/null
like "hook = tc: moved" "$(tool_state lan0)" ' rx=(tcx|clsact) '
is "XDP is free again" "$(xdp_id)" ""
rx=$(tool_frames lan0 rx)
in_ns client ping -c 20 -i 0.01 -q 10.0.0.1 >/dev/null
is "TC counts, once" "$(($(tool_frames lan0 rx) - rx))" 20
tool detach >/dev/null
finish
