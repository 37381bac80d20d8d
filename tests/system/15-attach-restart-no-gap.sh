#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns gw [lan0 10.0.0.1] ---- veth ---- [c0 10.0.0.2] ns client: ping flood
#
# The program is killed, restarted and given another object while packets flow: not one is missed, none counted twice.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/net.sh"
need_root
need_tool

ns_new gw
ns_new client
veth gw lan0 10.0.0.1/24 client c0 10.0.0.2/24
# Fixed neighbours: no ARP among what is counted.
ip_in gw neigh replace 10.0.0.2 lladdr "$(in_ns client ip -o link show c0 | sed 's/.*ether \([^ ]*\).*/\1/')" dev lan0 nud permanent
ip_in client neigh replace 10.0.0.1 lladdr "$(in_ns gw ip -o link show lan0 | sed 's/.*ether \([^ ]*\).*/\1/')" dev c0 nud permanent
sent() { in_ns "$1" cat "/proc/net/dev" | sed -n "s/^ *$2: *//p" | awk -v f="$3" '{ print $f }'; }

run() {	# NAME RX-HOOK OPTIONS-AND-RULE...
	local name=$1 hook=$2 flood rx0 tx0 nic_rx0 nic_tx0 pings i
	shift 2
	tool_start gw "$@" || { tap_result 1 "$name: starts"; return; }
	like "$name: attached" "$(tool_state lan0)" " rx=$hook "
	rx0=$(tool_frames lan0 rx) tx0=$(tool_frames lan0 tx)
	nic_rx0=$(sent gw lan0 2) nic_tx0=$(sent gw lan0 10)
	nsenter --net="/run/netns/$(ns client)" nice -n 19 ping -f -q -w 60 10.0.0.1 >"$WORK/ping" &
	flood=$!	# of ping itself: nsenter and nice become it
	for i in 1 2 3; do
		kill -KILL "$TOOL_PID"
		tool_stop 2>/dev/null
		sleep 0.05
		tool_start gw "$@" || break
		like "$name: restart $i takes over" "$(tool_state lan0)" " rx=$hook .* taken=1 .*reason=\$"
	done
	like "$name: other programs swapped in" "$(tool "swap $OBJECT")" 'swapped 0'
	sleep 0.1
	check "$name: packets flowed all the time" kill -0 $flood
	kill -INT $flood
	wait $flood
	pings=$(sed -n 's/^\([0-9]*\) packets transmitted.*/\1/p' "$WORK/ping")
	note "$name: $pings packets"
	is "$name: every packet that the port received is counted, once" \
		"$(($(tool_frames lan0 rx) - rx0))" "$(($(sent gw lan0 2) - nic_rx0))"
	is "$name: every packet that the port sent is counted, once" \
		"$(($(tool_frames lan0 tx) - tx0))" "$(($(sent gw lan0 10) - nic_tx0))"
	is "$name: and they were as many as ping sent" "$(($(sent gw lan0 2) - nic_rx0))" "$pings"
	tool detach >/dev/null
	tool_stop
}

case $(uname -r) in
[0-5].*|6.[0-5].*) skip "tcx" "no TCX before Linux 6.6" ;;
*) run tcx tcx "$OBJECT" lan0 ;;
esac
run clsact clsact -c "$OBJECT" lan0
run xdp xdp "$OBJECT" lan0/hook=xdp
finish
