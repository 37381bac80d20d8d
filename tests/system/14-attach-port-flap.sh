#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns gw [lan0, lan1, ...] ---- veth ---- [c0] ns client
#
# Interfaces that come, go, are made anew, renamed or moved: attached within a second, by events, never by polling.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/net.sh"
need_root
need_tool

ns_new gw
ns_new client
ON='rx=(tcx|clsact) tx=(tcx|clsact)'
FAST='^[0-9]{1,3}$'
index() { tool_state "$1" | sed 's/.* index=\([0-9]*\) .*/\1/'; }
counts() {	# NAME PORT: 20 pings are seen on it
	local rx
	in_ns client ping -c 2 -i 0.01 -q 10.0.0.1 >/dev/null
	rx=$(tool_frames "$2" rx)
	in_ns client ping -c 20 -i 0.01 -q 10.0.0.1 >/dev/null
	is "$1" "$(($(tool_frames "$2" rx) - rx))" 20
}

tool_start gw "$OBJECT" lan0/role=lan 'wan*/role=wan'
like "a port that is not there is named" "$(tool_state lan0)" 'ifindex=0 wanted=1 .*reason=no such interface'

veth gw lan0 10.0.0.1/24 client c0 10.0.0.2/24
ms=$(tool_ms_until lan0 "$ON")
like "appears: attached within a second" "$ms" "$FAST"
note "$ms ms"
first=$(index lan0)
counts "and counts" lan0

ip_in gw link del lan0
like "deleted: said within a second" "$(tool_ms_until lan0 'ifindex=0 .*reason=no such interface')" "$FAST"
is "its pins are gone" "$(ls "$PIN_DIR/links")" ""
veth gw lan0 10.0.0.1/24 client c0 10.0.0.2/24
like "made anew: attached within a second" "$(tool_ms_until lan0 "$ON")" "$FAST"
is "with the same port index" "$(index lan0)" "$first"
counts "and counts" lan0

for i in 1 2 3 4 5 6 7 8 9 10; do
	ip_in gw link del lan0
	veth gw lan0 10.0.0.1/24 client c0 10.0.0.2/24
done
like "ten times in a row" "$(tool_ms_until lan0 "ifindex=$(in_ns gw ip -o link show lan0 | cut -d: -f1) .*$ON")" "$FAST"
counts "counts" lan0

ip_in gw link set lan0 down
like "down: still attached" "$(tool_ms_until lan0 "up=0 .*$ON")" "$FAST"
ip_in gw link set lan0 up
like "up: still attached" "$(tool_ms_until lan0 "up=1 .*$ON")" "$FAST"
counts "and counts" lan0

ip_in gw link set lan0 down
ip_in gw link set lan0 name wan.7
ip_in gw link set wan.7 up
like "renamed to another port's name: moved within a second" "$(tool_ms_until wan.7 "up=1 .*$ON .*role=wan")" "$FAST"
like "the old name has nothing" "$(tool_state lan0)" 'ifindex=0 .* rx=none tx=none .*reason=interface was renamed to wan.7'
counts "and counts under the new name" wan.7
is "pins carry the new name" "$(ls "$PIN_DIR/links" | sed 's/-.*//' | sort -u)" "wan:7"

ip_in gw link set wan.7 down
ip_in gw link set wan.7 name other0
ip_in gw link set other0 up
like "renamed to an unwanted name: off within a second" "$(tool_ms_until wan.7 'ifindex=0 .* rx=none tx=none')" "$FAST"
is "its pins are gone" "$(ls "$PIN_DIR/links")" ""
ip_in gw link set other0 down
ip_in gw link set other0 name lan0
ip_in gw link set lan0 up
like "and back: on within a second" "$(tool_ms_until lan0 "up=1 .*$ON")" "$FAST"
counts "and counts" lan0

ip_in gw link add wan1 type veth peer name p1
ip_in gw link add wan2 type veth peer name p2
tool_ms_until wan2 "$ON" >/dev/null
a=$(in_ns gw ip -o link show wan1 | cut -d: -f1) b=$(in_ns gw ip -o link show wan2 | cut -d: -f1)
ip_in gw link set wan1 name tmp
ip_in gw link set wan2 name wan1
ip_in gw link set tmp name wan2
like "two interfaces swap names" "$(tool_ms_until wan1 "ifindex=$b .*$ON") $(tool_ms_until wan2 "ifindex=$a .*$ON")" '^[0-9]{1,3} [0-9]{1,3}$'

ip_in gw link set lan0 netns "$(ns client)"
like "moved to another namespace: off within a second" "$(tool_ms_until lan0 'ifindex=0 .* rx=none tx=none')" "$FAST"
is "and nothing is left on it there" "$(ls "$PIN_DIR/links" | grep -c lan0)" 0
ip_in client link set lan0 netns "$(ns gw)"
link_up gw lan0 10.0.0.1/24
like "and back: on within a second" "$(tool_ms_until lan0 "up=1 .*$ON")" "$FAST"
counts "and counts" lan0

# More events than the socket holds while the program is stopped: an overrun, then a full dump.
kill -STOP "$TOOL_PID"
ip_in gw link del lan0
for i in $(seq 100); do echo "link add x$i type veth peer name y$i"; done | ip -n "$(ns gw)" -batch -
for i in $(seq 100); do echo "link del x$i"; done | ip -n "$(ns gw)" -batch -
veth gw lan0 10.0.0.1/24 client c0 10.0.0.2/24
kill -CONT "$TOOL_PID"
like "after an overrun: attached within a second" \
	"$(tool_ms_until lan0 "ifindex=$(in_ns gw ip -o link show lan0 | cut -d: -f1) .*$ON")" "$FAST"
like "the overrun is counted" "$(tool counters)" ' overruns=[1-9]'
counts "and counts" lan0

# Names beyond PORTS_MAX are refused, counted and named; the ports that are there do not suffer.
for i in $(seq 64); do echo "link add wan_$i type veth peer name z$i"; done | ip -n "$(ns gw)" -batch -
tool_until '^state wan_55 .*rx=tcx' 3 >/dev/null
sleep 0.5
like "65th name: refused and counted" "$(tool counters)" ' no_index=[1-9][0-9]* .*refused=wan_'
counts "lan0 goes on counting" lan0
tool detach >/dev/null
is "detach leaves no pin" "$(ls "$PIN_DIR/links")" ""
finish
