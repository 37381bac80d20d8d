#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0] ---- [lan0] ns gw [wan0] ---- [s0] ns server: takes datagrams, says nothing;  gw, loopback: mosquitto <- agent
#
# Frames that are dropped behind the egress hook are a reason, with their number; those that someone drops in front of the
# ingress hook are unexplained, with the possible reason, as no counter says how many they are.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
FOREIGN=$B/tests/bpf/foreign.bpf.o
[ -e "$FOREIGN" ] || skip_all "$FOREIGN is not built: make tests"
gateway plain
broker_start
spawn server python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.2.0.2", 9000))
while True:
    s.recv(100)'
at_exit "kill $!"
ip_in gw link set dev lan0 xdpdrv obj "$FOREIGN" sec xdp_drop_143 || skip_all "veth has no native XDP here"
ip_in gw link set wan0 mtu 3000
agent_config "port lan0.hook=tc" "port wan0.hook=tc" export.health_interval=1h
agent_start || { tap_result 1 "agent starts"; finish; }
check "both ports measure" ports_measure
check "a baseline is there" status_is 5 "all('residual' in p['weir'] for p in s['ports'])"

residual() { echo "next(p['weir'] for p in s['ports'] if p['observer']['interface']['name'] == '$1')['residual']['$2']"; }
datagrams() { load_start "$1" 1000 4; wait $LOAD; }
big() {	# N frames of 2000 bytes to wan0: more than s0 takes
	in_ns gw python3 -c '
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("wan0", 0))
for _ in range(int(sys.argv[1])):
    try:
        s.send(bytes(12) + b"\x88\xb5" + bytes(1986))
    except OSError:	# it says that it was dropped
        pass' "$1"
}

datagrams 100
check "nothing is dropped: no residual" status_is 5 "$(residual wan0 tx)['frames'] == $(residual lan0 rx)['frames'] == 0"
big 5
check "5 dropped by the driver: the reason, exactly" status_is 5 "(lambda r: (r['frames'], r['bytes']) == (-5, -10000) and
	r['reasons'] == {'driver_drop': {'frames': -5, 'bytes': -10000}} and r['unexplained'] == {'frames': 0, 'bytes': 0})($(residual wan0 tx))"
tc_in gw qdisc add dev wan0 root bfifo limit 1
datagrams 40
check "40 dropped by the queue: the reason, exactly" status_is 5 "(lambda r: (r['frames'], r['bytes']) == (-45, -10000 - 40 * 142) and
	r['reasons']['queue']['frames'] == -40 and r['unexplained'] == {'frames': 0, 'bytes': 0})($(residual wan0 tx))"
tc_in gw qdisc del dev wan0 root
check "the queue's counter went back: a new baseline" status_is 5 "(lambda p: p['residual']['baseline'] == 'went_back' and
	p['residual']['tx']['frames'] == 0)(next(p['weir'] for p in s['ports'] if p['observer']['interface']['name'] == 'wan0'))"
tc_in gw qdisc add dev wan0 root tbf rate 8kbit burst 200 limit 710
datagrams 40
check "some wait, some are dropped: no frame is unexplained" status_is 5 "(lambda p: p['residual']['tx']['unexplained']['frames'] == 0 and
	p['residual']['tx']['frames'] <= -30 and p['residual']['tx']['frames'] == -(p['nic']['queue_dropped'] + p['nic']['queue_waiting'])
	)(next(p['weir'] for p in s['ports'] if p['observer']['interface']['name'] == 'wan0'))"

in_ns client python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(25):
    s.sendto(bytes(101), ("10.2.0.2", 9000))'
check "25 dropped in front of the hook: unexplained, exactly" status_is 5 "$(residual lan0 rx)['unexplained'] == {'frames': 25, 'bytes': 25 * 143}"
check "the program that did it is possible" status_is 5 "'foreign_xdp' in $(residual lan0 rx)['possible'] and all(r['frames'] == 0 for r in $(residual lan0 rx)['reasons'].values())"
like "weir status says it" "$(status | grep UNEXPLAINED)" "UNEXPLAINED 25 \(possible: foreign_xdp"
note "$(status | grep 'NIC - seen')"
agent_stop
is "end: status 0" "$AGENT_STATUS" 0
finish
