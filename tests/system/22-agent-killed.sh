#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2]: UDP flows of known length ---- [lan0] ns gw [wan0] ---- [s0 10.2.0.2] ns server
#   ns gw, loopback: mosquitto <- uplink - agent - supervisor (each is killed), subscriber
#
# Each process dies by SIGKILL under load: it comes back alone. Only the agent's death may lose records: those that it
# had taken and the broker had not acknowledged. They stand in the books as taken.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent

gateway plain
broker_start
watch_start
agent_config
agent_start || { tap_result 1 "agent starts"; finish; }
check "both ports measure" ports_measure
udp="port='lan0', transport='udp', sip='10.1.0.2', dport=9000"
new_pid() { local now; now=$(pid_of "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }
lan0_rx() { status_is 5 "[p['weir']['books']['rx'] for p in s['ports'] if p['observer']['interface']['name'] == 'lan0'][0]$1"; }
balanced="all(b['seen'][u] == b['flows'][u] + b['in_table'][u] + sum(c[u] for c in b['classes'].values())
	for p in s['ports'] for b in p['weir']['books'].values() for u in ('frames', 'bytes'))"

# 1. the uplink
load_start 4000 2000 4
agent=$(pid_of agent)
for i in 1 2; do
	uplink=$(pid_of uplink)
	kill -KILL "$uplink"
	check "uplink killed ($i): another one comes" wait_for 3 new_pid uplink "$uplink"
	check "and connects" status_is 5 "s['broker']['connected'] and s['restarts']['uplink'] == $i"
done
is "the agent lives on" "$(pid_of agent)" "$agent"
like "the log says how it ended" "$(cat "$WORK/agent.log")" 'weir-uplink was ended by signal 9 \(Killed\); it is started again'
wait $LOAD
check "nothing is lost: records have what was sent" seen_is 5 "packets($udp) == (4000, 0)"
note "uplink killed twice: sent 4000, in records $(seen "packets($udp)"), batches that came twice: $(seen again)"
is "state was offline, by the will, and is online" "$(seen "[(m['state']) for k, r, m in messages if k == 'state'][-2:]")" "['offline', 'online']"

# 2. the agent
load_start 6000 2000 4
sleep 0.5
uplink=$(pid_of uplink)
kill -KILL "$agent"
check "agent killed: another one comes" wait_for 3 new_pid agent "$agent"
check "and reports" status_is 5 "s['broker']['connected'] and s['restarts']['agent'] == 1"
is "the uplink lives on" "$(pid_of uplink)" "$uplink"
wait $LOAD
check "the books balance and have taken all of it" status_is 6 "$balanced and sum(p['weir']['books']['rx']['flows']['frames'] for p in s['ports']
	if p['observer']['interface']['name'] == 'lan0') == 10000"
sleep 0.5	# what is on its way to the subscriber
got=$(seen "packets($udp)[0]")
note "agent killed: sent 10000, taken out of the table 10000, in records $got: $((10000 - got)) lost with the agent's memory"
check "no record says more than was sent" test "$got" -le 10000
check "what was counted after the kill is there" test "$got" -gt 6000

# 3. all of them
load_start 6000 2000 4
sleep 0.5
supervisor=$AGENT agent=$(pid_of agent) uplink=$(pid_of uplink)
agent_kill
check "all killed: none is left" wait_for 2 bash -c "! kill -0 $agent && ! kill -0 $uplink && ! kill -0 $supervisor"
check "programs and tables stay" test -e "$PIN_DIR/flows" -a -e "$PIN_DIR/meta"
agent_start; tap_result $? "a new start takes over"
check "and both ports measure" ports_measure
wait $LOAD
check "the books balance and have taken all of it" status_is 6 "$balanced and sum(p['weir']['books']['rx']['flows']['frames'] for p in s['ports']
	if p['observer']['interface']['name'] == 'lan0') == 16000"
sleep 0.5
now=$(seen "packets($udp)[0]")
note "all killed: sent 6000, in records $((now - got)): $((6000 - now + got)) lost with the agent's memory"
check "no record says more than was sent" test $((now - got)) -le 6000

# 4. the supervisor alone: its children end in order, and a successor may come at once
got=$now
load_start 6000 2000 4
sleep 0.5
agent=$(pid_of agent) uplink=$(pid_of uplink)
kill -KILL "$AGENT"
wait "$AGENT" 2>/dev/null
AGENT=
agent_start; tap_result $? "supervisor killed: a new start takes over"
# The agent has 5 s for what is not acknowledged, the uplink 3 s more (AGENT_STOP_NS, stop_timeout_ms).
check "the old children have ended" wait_for 10 bash -c "! kill -0 $agent && ! kill -0 $uplink"
wait $LOAD
check "nothing is lost: records have what was sent" seen_is 6 "packets($udp)[0] == $got + 6000"
note "supervisor killed: sent 6000, in records $(($(seen "packets($udp)[0]") - got))"
check "the books balance" status_is 5 "$balanced"
agent_stop
is "end: status 0" "$AGENT_STATUS" 0
finish
