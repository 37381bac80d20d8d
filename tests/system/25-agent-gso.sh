#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2] == offloads ==> [lan0] ns gw [wan0] == offloads ==> [s0] ns bridge [b0] -- no offloads -- [x0 10.2.0.2] ns server
#
# With offloads a gateway sees packets of up to 64 kB where the wire carries segments. Weir counts segments: what a
# receiver behind a link without offloads gets, one frame at a time.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
need tcpdump

gateway
ns_new far
ip_in far link add x0 mtu 1500 type veth peer name b0 mtu 1500 netns "$(ns server)"
# The server becomes the bridge; its address moves behind it. b0 cuts what s0 takes in whole.
ip_in server addr flush dev s0
ip_in server link add br0 type bridge
ip_in server link set s0 master br0
ip_in server link set b0 master br0
for link in b0 br0; do ip_in server link set $link up; done
ip_in far addr add 10.2.0.2/24 dev x0
ip_in far link set x0 up
ip_in far route add default via 10.2.0.1
offloads server b0 off
offloads far x0 off
in_ns far ethtool -K x0 tx off >/dev/null 2>&1
broker_start
watch_start
agent_config
agent_start || { tap_result 1 "agent starts"; finish; }
check "both ports measure" ports_measure
check "traffic passes" wait_for 5 in_ns client ping -c 1 -W 1 -q 10.2.0.2

spawn far tcpdump -i x0 -s 64 -B 65536 -U -w "$WORK/x0.pcap" --immediate-mode tcp port 5001 2>"$WORK/tcpdump"
DUMP=$!
at_exit "kill $DUMP"
wait_for 5 grep -q 'listening on' "$WORK/tcpdump"
spawn far python3 -c '
import socket
s = socket.create_server(("10.2.0.2", 5001))
c = s.accept()[0]
while c.recv(1 << 20):
    pass
c.sendall(bytes(3000000))'
SERVER=$!
at_exit "kill $SERVER"
wait_for 5 in_ns far grep -q ':1389 .* 0A ' /proc/net/tcp
is "20 MB go, 3 MB come back" "$(in_ns client python3 -c '
import socket
s = socket.create_connection(("10.2.0.2", 5001))
s.sendall(bytes(20000000))
s.shutdown(socket.SHUT_WR)
n = 0
while True:
    d = s.recv(1 << 20)
    if not d:
        break
    n += len(d)
print(n)')" 3000000
wait $SERVER
tcp="transport='tcp', sip='10.1.0.2', dip='10.2.0.2', dport=5001"
same() { seen_is 8 "packets($1) == wire('$WORK/x0.pcap', $tcp)[0] and octets($1) == wire('$WORK/x0.pcap', $tcp)[1] and packets($1)[0] > 13000"; }
check "wan0: frames and bytes are those that the receiver got" same "port='wan0', $tcp"
check "lan0: the same" same "port='lan0', $tcp"
for port in lan0 wan0; do
	note "$port: Weir $(seen "'frames %s, bytes %s' % (packets(port='$port', $tcp), octets(port='$port', $tcp))"); receiver $(seen "'%s %s' % wire('$WORK/x0.pcap', $tcp)")"
done
note "packets as the kernel's own counters saw them (whole): lan0 received, sent: $(frames_of gw lan0)"
check "and they came as bigger packets" test "$(frames_of gw lan0 | cut -d' ' -f1)" -lt 10000
kill -TERM $DUMP
wait $DUMP
like "the capture missed nothing" "$(cat "$WORK/tcpdump")" '(^|[^0-9])0 packets dropped by kernel'
agent_stop
is "end: status 0" "$AGENT_STATUS" 0
finish
