#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2]: 24000 UDP flows ---- [lan0] ns gw [wan0] ---- [s0 10.2.0.2] ns server
#   ns gw, loopback: mosquitto <- agent (stopped with 48000 live flows), subscriber
#
# A full flow table is more than the queue holds: a stop reports it by and by, and what is not reported stays for the next start.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
gateway plain
broker_start
watch_start
agent_config flows.active_timeout=60s flows.idle_timeout=100s flows.new_flow_limit=no
agent_start; tap_result $? "agent starts"
check "both ports measure" ports_measure
in_ns client python3 -c '
import socket, time
for p in (40000, 40001):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.1.0.2", p))
    for i in range(12000):
        s.sendto(b"x" * 100, ("10.2.0.2", 10000 + i))
        if i % 20 == 0:
            time.sleep(0.002)'
check "48000 live flows" status_is 5 "s['flow_table']['live'] > 47000"
agent_stop
is "SIGTERM: status 0" "$AGENT_STATUS" 0
agent_start; tap_result $? "start again"
agent_stop
is "nothing was lost" "$(seen "[v for v in lost().values() if v['records']]")" "[]"
udp="transport='udp', sip='10.1.0.2'"
is "records + in the table + table_full = sent" "$(seen "[sum(packets(port='lan0', $udp)) + b['in_table']['frames'] + b['classes']['table_full']['frames']
	for b in [[m for m in of('iface') if m['observer']['interface']['name'] == 'lan0'][-1]['weir']['books']['rx']]]")" "[24000]"
finish
