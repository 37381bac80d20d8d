#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# NAT: both sides' records of a connection show what it is on the other side of the gateway.
#
#   client 10.1.0.2 --- lan0 [gw: nft masquerade, agent] wan0 10.2.0.1 --- server 10.2.0.2
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"

need_agent
need nft
gateway
in_ns gw nft -f - <<-END || skip_all "this kernel has no nft NAT"
	table ip nat {
		chain post {
			type nat hook postrouting priority 100;
			oifname wan0 masquerade
		}
	}
END
broker_start
watch_start
agent_config
agent_start
ports_measure
spawn server /usr/bin/python3 -c '
import socket
s = socket.create_server(("10.2.0.2", 9000))
while True:
    c, _ = s.accept()
    c.sendall(c.recv(10))
    c.close()'
at_exit "kill $!"
wait_for 5 in_ns server bash -c "exec 3<>/dev/tcp/10.2.0.2/9000" 2>/dev/null

in_ns client /usr/bin/python3 -c '
import socket
s = socket.create_connection(("10.2.0.2", 9000), source_address=("10.1.0.2", 45678))
s.sendall(b"hello")
s.recv(10)'
seen_is 10 "records(port='lan0', dport=9000) and records(port='wan0', dport=9000)" >/dev/null || note "nothing is published"
sleep 1
value() { seen "next((get(r, '$2') for r in records(port='$1', dport=9000) if get(r, 'weir.from_start')), None)"; }
is "lan0: the client is itself" "$(value lan0 source.ip)" 10.1.0.2
is "lan0: what the server sees of it" "$(value lan0 source.nat.ip)" 10.2.0.1
is "lan0: the server is the same on both sides" "$(value lan0 destination.nat.ip)" None
is "wan0: the gateway's address" "$(value wan0 source.ip)" 10.2.0.1
is "wan0: the host behind it" "$(value wan0 source.nat.ip)" 10.1.0.2
is "wan0: its port" "$(value wan0 source.nat.port)" 45678
check "events are counted" status_is 5 "s['counters']['nat.events'] >= 2 and s['counters']['nat.malformed'] == 0"
finish
