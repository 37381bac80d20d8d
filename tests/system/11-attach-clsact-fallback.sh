#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns gw [lan0 10.0.0.1] ---- veth ---- [c0 10.0.0.2] ns client
#
# Without TCX (before Linux 6.6; here by option) both sides get a clsact filter with our own handle and priority.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/net.sh"
need_root
need_tool

ns_new gw
ns_new client
veth gw lan0 10.0.0.1/24 client c0 10.0.0.2/24
filters() { tc_in gw filter show dev lan0 "$1"; }
qdiscs() { tc_in gw qdisc show dev lan0 | grep -c clsact; }

tool_start gw -c "$OBJECT" lan0 || { tap_result 1 "starts"; finish; }
like "clsact on both sides" "$(tool_state lan0)" ' rx=clsact tx=clsact .* reason=$'
like "ingress filter: own priority, handle and name" "$(filters ingress)" 'pref 57 bpf .*handle 0x57454952 weir\+qdisc direct-action'
like "egress filter: the same" "$(filters egress)" 'pref 57 bpf .*handle 0x57454952 weir\+qdisc direct-action'
in_ns client ping -c 5 -i 0.01 -q 10.0.0.1 >/dev/null
rx=$(tool_frames lan0 rx) tx=$(tool_frames lan0 tx)
in_ns client ping -c 20 -i 0.01 -q 10.0.0.1 >/dev/null
is "20 requests and replies seen" "$(($(tool_frames lan0 rx) - rx)) $(($(tool_frames lan0 tx) - tx))" "20 20"

tool_stop
like "filter stays when the program ends" "$(filters ingress)" 'handle 0x57454952 weir'
tool_start gw -c "$OBJECT" lan0
like "next run takes it over" "$(tool_state lan0)" ' rx=clsact tx=clsact taken=1 '
is "one filter a side, not two" "$(filters ingress | grep -c handle) $(filters egress | grep -c handle)" "1 1"

tc_in gw qdisc del dev lan0 clsact
ms=$(tool_ms_until none none)	# lets the event come; no such port, so 3 s pass
like "a qdisc that someone deletes with our filters comes back" "$(filters ingress)" 'handle 0x57454952 weir'

tool_stop
case $(uname -r) in
[0-5].*|6.[0-5].*) skip "next run with TCX removes the filters" "no TCX before Linux 6.6" ;;
*)
	tool_start gw "$OBJECT" lan0
	like "next run with TCX uses it" "$(tool_state lan0)" ' rx=tcx tx=tcx taken=0 '
	is "and removes filters and qdisc" "$(filters ingress)$(filters egress)$(qdiscs)" 0
	tool_stop
	;;
esac

tool_start gw -c "$OBJECT" lan0
tool detach >/dev/null
is "detach removes filters and the qdisc that we made" "$(filters ingress)$(filters egress)$(qdiscs)" 0
tool_stop

tool_start gw -c "$OBJECT" lan0
tool_stop
tool_start gw -c "$OBJECT" other0
is "a port that is not wanted any more is freed at the next start" "$(filters ingress)$(filters egress)$(qdiscs)" 0
finish
