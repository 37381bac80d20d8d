#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns gw [lan0 10.0.0.1] ---- veth ---- [c0 10.0.0.2] ns client
#
# hook = auto on a veth takes TCX on both sides, and both sides count what crosses.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/net.sh"
need_root
need_tool

ns_new gw
ns_new client
veth gw lan0 10.0.0.1/24 client c0 10.0.0.2/24
tool_start gw "$OBJECT" lan0/role=lan || { tap_result 1 "starts"; finish; }

case $(uname -r) in
[0-5].*|6.[0-5].*) hook=clsact ;;
*) hook=tcx ;;
esac
state=$(tool_state lan0)
like "auto on veth is $hook, both sides" "$state" " rx=$hook tx=$hook "
like "nothing to complain about" "$state" ' role=lan reason=$'
is "no XDP program is on it" "$(ip_in gw -d link show lan0 | grep -c xdp)" 0

check "traffic passes" in_ns client ping -c 5 -i 0.05 -q 10.0.0.1
before_rx=$(tool_frames lan0 rx) before_tx=$(tool_frames lan0 tx)
in_ns client ping -c 20 -i 0.01 -q 10.0.0.1 >/dev/null
is "20 requests seen" "$(($(tool_frames lan0 rx) - before_rx))" 20
is "20 replies seen" "$(($(tool_frames lan0 tx) - before_tx))" 20

tool detach >/dev/null
before_rx=$(tool_frames lan0 rx)
check "traffic passes after detach" in_ns client ping -c 5 -i 0.01 -q 10.0.0.1
is "nothing is seen after detach" "$(tool_frames lan0 rx)" "$before_rx"
finish
