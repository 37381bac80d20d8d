#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0] ---- [lan0] ns gw [wan0] ---- [s0] ns server;  gw, loopback: mosquitto <- the agent
#
# The books against the interfaces' own counters: no residual over thousands of frames, also where packets have several
# segments (GSO), which veth counts as one; and frames that pass the egress hook by are a residual, exactly.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
gateway
broker_start
agent_config "port lan0.hook=tc" "port wan0.hook=tc"
agent_start || { tap_result 1 "agent starts"; finish; }
check "both ports measure" ports_measure
load_start 5000 5000 8
wait $LOAD
dirs='[(p, d) for p in s["ports"] for d in ("rx", "tx")]'
none="all(p['weir']['residual'][d]['unexplained'] == {'frames': 0, 'bytes': 0} for p, d in $dirs)"
check "5000 frames: the NICs' counters agree" status_is 5 "s['ports'][0]['weir']['books']['rx']['seen']['frames'] >= 5000 and all(
	p['weir']['residual'][d]['frames'] == 0 and p['weir']['residual'][d]['bytes'] == 0 for p, d in $dirs)"
spawn server python3 -c '
import socket
c = socket.create_server(("10.2.0.2", 5001)).accept()[0]
while c.recv(1 << 20):
    pass'
SERVER=$!
at_exit "kill $SERVER"
wait_for 5 in_ns server grep -q ':1389 .* 0A ' /proc/net/tcp
in_ns client python3 -c '
import socket
socket.create_connection(("10.2.0.2", 5001)).sendall(bytes(5000000))'
wait $SERVER
check "packets of several segments: reason joined" status_is 5 "$none and any('joined' in p['weir']['residual'][d]['reasons'] for p, d in $dirs)"
in_ns gw python3 -c '
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.setsockopt(263, 20, 1)
s.bind(("wan0", 0))
for _ in range(7):
    s.send(bytes(12) + b"\x88\xb5" + bytes(86))'
check "7 frames past the egress hook: unexplained, exactly" status_is 5 "[p['weir']['residual']['tx']['unexplained'] for p in s['ports']
	if p['observer']['interface']['name'] == 'wan0'] == [{'frames': 7, 'bytes': 700}]"
check "and what may be behind it is said" status_is 5 "[p['weir']['residual']['tx']['possible'] for p in s['ports']
	if p['observer']['interface']['name'] == 'wan0'] == [['bypass']]"
note "$(status | grep 'NIC - seen')"
agent_stop
is "end: status 0" "$AGENT_STATUS" 0
finish
