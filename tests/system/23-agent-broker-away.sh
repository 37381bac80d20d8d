#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2]: UDP flows of known length ---- [lan0] ns gw [wan0] ---- [s0 10.2.0.2] ns server
#   ns gw, loopback: mosquitto (absent, goes, comes back) <- agent, subscriber with a persistent session
#
# What is measured while the broker is away arrives later. When the memory for it is full the oldest batches go, and the
# next envelope says how many.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent

gateway plain
broker_start
watch_start
broker_stop
agent_config
agent_start -n || { tap_result 1 "agent starts"; finish; }
check "broker absent at the start: the agent measures" ports_measure
udp="port='lan0', transport='udp', sip='10.1.0.2', dport=9000"
like "and status says why nothing is sent" "$(status)" 'broker  127\.0\.0\.1:1883  NOT connected: .*[Rr]efused'
load_start 2000 2000 4
wait $LOAD
check "reports wait" status_is 5 "s['broker']['unacked_messages'] > 2 and not s['broker']['connected']"
broker_start
check "the broker comes: they arrive" seen_is 8 "packets($udp) == (2000, 0)"

load_start 9000 1500 4
sleep 0.3
# It stops reading first, so that it dies with messages that it got and never acknowledged.
kill -STOP "$BROKER"
check "messages are in flight" status_is 5 "s['counters']['export.sent'] - s['counters']['export.acked'] >= 2"
kill -KILL "$BROKER"
wait "$BROKER" 2>/dev/null
check "the broker goes: status says so" status_is 3 "not s['broker']['connected'] and s['broker']['error']"
before=$(seen "len(batches)")
sleep 3.5
broker_start
check "it is back: connected again" status_is 5 "s['broker']['connected']"
wait $LOAD
check "what was measured meanwhile arrives" seen_is 8 "packets($udp) == (11000, 0)"
is "no batch is missing" "$(seen 'gaps()')" "[]"
note "batches before $before, at the end $(seen "len(batches)"); that came twice: $(seen again)"
is "nothing was lost" "$(seen "[v for v in lost().values()]")" "[{'batches': 0, 'records': 0}]"
agent_stop
is "SIGTERM: status 0" "$AGENT_STATUS" 0

# Little memory: 128 kB hold two seconds or so of the reports of 40 flows.
agent_config export.unacked_bytes=128k export.batch_bytes=8k
old=$(seen "of('birth')[-1]['epoch']")
agent_start; tap_result $? "start with little memory"
epoch=$(seen_is 5 "of('birth')[-1]['epoch'] != $old and of('birth')[-1]['epoch']")
load_start 20000 400 40
at_exit "kill $LOAD"
check "some arrives first" seen_is 5 "[b for b in batches if b['epoch'] == $epoch and len(b['records']) > 4]"
broker_stop
check "the memory fills: the oldest go" status_is 8 "s['counters']['export.lost_batches'] > 4"
broker_start
kill $LOAD
wait $LOAD 2>/dev/null
check "the broker is back" status_is 5 "s['broker']['connected'] and s['broker']['unacked_messages'] < 3"
mine="[b for b in batches if b['epoch'] == $epoch]"
check "lost in the last envelope is what is missing" seen_is 5 \
	"gaps() and lost()[$epoch]['batches'] == len([1 for e, n in gaps() if e == $epoch])"
check "and the records in it those that status counts" status_is 5 "s['counters']['export.lost_records'] == $(seen "lost()[$epoch]['records']")"
note "lost: $(seen "lost()[$epoch]"), missing: $(seen "[n for e, n in gaps() if e == $epoch]")"
is "in each envelope, what is lost so far was before it" "$(seen "[b['seq'] for b in $mine
	if b['lost']['batches'] > len([1 for e, n in gaps() if e == $epoch and n < b['seq']])]")" "[]"
agent_stop
is "end: status 0" "$AGENT_STATUS" 0
is "records taken = records here + records lost, at the end" \
	"$(seen "[m for m in of('health')][-1]['counters']['export.records'] - [m for m in of('health')][-1]['counters']['export.lost_records']")" \
	"$(seen "sum(len(b['records']) for b in $mine)")"
finish
