#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2]: 5000 UDP flows ---- [lan0] ns gw [wan0] ---- [s0 10.2.0.2] ns server
#   ns gw, loopback: mosquitto <- agent with a flow table of 1024 slots, subscriber
#
# More flows than places: what finds none is counted as table_full, by port, direction and protocol; who has a place keeps it.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent

gateway plain
broker_start
watch_start
agent_config flows.slots=1024 flows.idle_timeout=60s flows.new_flow_limit=no
agent_start || { tap_result 1 "agent starts"; finish; }
check "both ports measure" ports_measure
flows() {
	in_ns client python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.1.0.2", 40000))
for i in range(5000):
    s.sendto(b"x" * 100, ("10.2.0.2", 10000 + i))
    if i % 20 == 0:
        time.sleep(0.005)'
}
# No answers: an ICMP error would be a flow more.
in_ns server sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=0 2>/dev/null
ip_in server addr del 10.2.0.2/24 dev s0
in_ns server sysctl -qw net.ipv4.ip_forward=0
flows
udp="transport='udp', sip='10.1.0.2', sport=40000"
rx="[p['weir']['books']['rx'] for p in s['ports'] if p['observer']['interface']['name'] == 'lan0'][0]"
balanced="all(b['seen'][u] == b['flows'][u] + b['in_table'][u] + sum(c[u] for c in b['classes'].values())
	for p in s['ports'] for b in p['weir']['books'].values() for u in ('frames', 'bytes'))"
check "every frame is seen" status_is 5 "${rx}['seen']['frames'] == 5000"
check "most found no slot" status_is 5 "${rx}['classes']['table_full']['frames'] > 3900"
check "the table is full" status_is 5 "s['flow_table']['live'] >= 1000"
check "the books balance: seen = reported + in the table + classes" status_is 5 "$balanced"
is "table_full by protocol: all of it UDP" "$(status_is 1 "${rx}['table_full']['udp'] == ${rx}['classes']['table_full']")" True
note "lan0: $(status_is 1 "'seen %d, table_full %d, live %d' % (${rx}['seen']['frames'], ${rx}['classes']['table_full']['frames'], s['flow_table']['live'])")"
check "an event says so" seen_is 5 "[e for e in of('event') if e['event']['action'] == 'table_full' and e['observer']['interface']['name'] == 'lan0' and get(e, 'weir.direction') == 'rx']"
like "status says so" "$(status)" 'table_full: no free slot'
check "flows with a place are reported" seen_is 5 "len(set(get(r, 'destination.port') for r in records(port='lan0', $udp))) > 300"
first=$(seen "sorted(set((get(r, 'destination.port'), r['event']['start']) for r in records(port='lan0', $udp)))")

flows
check "again: the same flows have two frames" seen_is 6 "sum(packets(port='lan0', $udp)) == 2 * len(records(port='lan0', $udp)) / len(records(port='lan0', $udp)) * $(python3 -c "print(len($first))")"
is "no flow was evicted for another one, none began anew" \
	"$(seen "sorted(set((get(r, 'destination.port'), r['event']['start']) for r in records(port='lan0', $udp))) == $first")" True
is "none ended" "$(seen "set(r['weir']['end_reason'] for r in records(port='lan0', $udp))")" "{2}"
check "the books balance" status_is 5 "$balanced and ${rx}['seen']['frames'] == 10000"
agent_stop
is "end: status 0" "$AGENT_STATUS" 0
is "at the end: records + table_full = seen" "$(seen "[(sum(packets(port='lan0')) + b['classes']['table_full']['frames'], b['seen']['frames'])
	for b in [[m for m in of('iface') if m['observer']['interface']['name'] == 'lan0'][-1]['weir']['books']['rx']]]")" "[(10000, 10000)]"
finish
