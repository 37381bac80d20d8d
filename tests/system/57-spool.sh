#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2]: UDP flows of known length ---- [lan0] ns gw [wan0] ---- [s0 10.2.0.2] ns server
#   ns gw, loopback: mosquitto (goes, comes back) <- uplink - agent with a spool (killed) - supervisor (killed), subscriber
#
# The broker goes; the agent is killed with -9 under load, then all processes are; the broker comes back. Every number of
# every class came, or is declared lost. Then the same in mode spill, and a stop in order.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent

gateway plain
broker_start
watch_start
lines="spool.commit_interval=100ms spool.spill_after=1s spool.backlog_after=2s export.batch_bytes=4k"
# shellcheck disable=SC2086
agent_config $lines spool.mode=durable spool.dir="$WORK/spool"
agent_start || { tap_result 1 "agent starts"; finish; }
check "both ports measure" ports_measure
udp="port='lan0', transport='udp', sip='10.1.0.2', dport=9000"
new_pid() { local now; now=$(pid_of "$1"); [ -n "$now" ] && [ "$now" != "$2" ]; }
drained="s['broker']['connected'] and s['spool']['waiting'] < 4"

is "the directory is the agent's own" "$(stat -c '%U %a' "$WORK/spool")" "nobody 700"
load_start 1000 2000 4
wait $LOAD
check "with a broker: records come" seen_is 8 "packets($udp) == (1000, 0)"
is "as new ones" "$(seen "{(k, m['historical']) for k, r, m in messages if k.startswith('flow')}")" "{('flow', False)}"
like "status says so" "$(status)" 'spool +durable; [0-9]+ messages wait, the oldest for [0-9]+ s; .* segments; lost 0 messages; a power cut takes 0\.1 s'

broker_stop
load_start 12000 2000 40
check "the broker goes: messages wait" status_is 10 "s['spool']['waiting'] > 20 and not s['broker']['connected']"
agent=$(pid_of agent)
kill -KILL "$agent"
check "agent killed: another one comes" wait_for 5 new_pid agent "$agent"
check "and has what the first one left" status_is 5 \
	"s['counters']['spool.recovered'] > 20 and s['counters']['spool.unclean_stops'] == 1 and s['spool']['waiting'] > 20"
before=$(status_is 1 "s['spool']['waiting']")
check "more comes to it" status_is 10 "s['spool']['waiting'] > $before + 10"
agent_kill
check "all killed: the lock goes with them" wait_for 5 flock -n "$WORK/spool" true
agent_start -n; tap_result $? "a new start takes over"
check "with all that the two had" status_is 5 "s['counters']['spool.recovered'] > $before + 10"
wait $LOAD
broker_start
check "the broker comes back: all is delivered" status_is 30 "$drained"
check "every number of every class came, or is declared lost" seen_is 10 "len(losses) > 1 and not missing()"
is "nothing was lost but behind the ends of two epochs" "$(seen "sorted(m['reason'] for m in losses)")" "['epoch_end', 'epoch_end']"
is "and there nothing was numbered: each epoch goes on where the one before ended" "$(seen "[m['lost_epoch'] for m in losses
	if max([n for k, e, n in ((b['schema'], b['epoch'], b['seq']) for b in batches) if e == m['lost_epoch']]) >= m['from_seq']['flow']]")" "[]"
check "backlog came as flow_hist, historical" seen_is 5 "len({m['historical'] for k, r, m in messages if k == 'flow_hist'} ^ {True}) == 0"
is "and nothing else did" "$(seen "{m['historical'] for k, r, m in messages if k == 'flow'}")" "{False}"
got=$(seen "packets($udp)[0]")
note "sent 13000, in records $got: $((13000 - got)) were in batches not closed yet, in memory; messages that came twice: $(seen again)"
check "no record says more than was sent" test "$got" -le 13000
epoch=$(status_is 1 "s['spool']['epoch']")
agent_stop
is "SIGTERM: status 0" "$AGENT_STATUS" 0
agent_start; tap_result $? "a start after a stop in order"
is "the epoch goes on" "$(status_is 1 "s['spool']['epoch']")" "$epoch"
agent_stop

# shellcheck disable=SC2086
agent_config $lines spool.mode=spill spool.dir="$WORK/spill"
agent_start; tap_result $? "mode spill"
check "both ports measure" ports_measure
load_start 9000 1500 40
check "with a broker nothing is written" status_is 5 "s['counters']['export.acked'] > 10 and not s['counters']['spool.segments_made']"
kill -STOP "$BROKER"	# it gets messages, and acknowledges none
check "without one it is" status_is 10 "s['counters']['spool.segments_made'] > 0 and s['spool']['waiting'] > 20"
agent=$(pid_of agent)
kill -KILL "$agent"
check "agent killed: another one comes" wait_for 5 new_pid agent "$agent"
kill -CONT "$BROKER"
wait $LOAD
check "all that was written is delivered" status_is 30 "$drained and s['counters']['spool.recovered'] > 0"
check "every number came, or is declared lost" seen_is 10 "len([m for m in losses if m['reason'] == 'epoch_end']) == 3 and not missing()"
agent_stop
is "end: status 0" "$AGENT_STATUS" 0

# A stop without a broker: what waits is there after the next start.
broker_stop
agent_start -n; tap_result $? "a start without a broker"
load_start 1000 2000 4
wait $LOAD
check "messages wait" status_is 5 "s['spool']['waiting'] > 5"
agent_stop
is "stop: status 0" "$AGENT_STATUS" 0
like "the log says where they are" "$(tail -n 5 "$WORK/agent.log")" 'stopped: every record is acknowledged or in the spool'
broker_start
agent_start; tap_result $? "and a start with one"
check "they come" seen_is 10 "not missing() and len([m for m in losses if m['reason'] == 'epoch_end']) == 3"
check "spool drained" status_is 10 "$drained"
agent_stop

# A file system of 4 MB, of which 1 MB is left to others: full within seconds, then by others.
mkdir "$WORK/small"
mount -t tmpfs -o size=4m spool "$WORK/small"
at_exit 'umount "$WORK/small"'
used() { df --output=used -k "$WORK/small" | tail -n 1; }
# shellcheck disable=SC2086
agent_config $lines spool.mode=durable spool.dir="$WORK/small" spool.segment_bytes=64k spool.min_free=1M
agent_start; tap_result $? "a small disk"
check "both ports measure" ports_measure
broker_stop
load_start 100000 2000 400
at_exit "kill $LOAD"
check "it fills: the oldest go" status_is 60 "s['counters']['spool.lost_no_space'] > 20 and s['counters']['spool.segments_dropped'] > 5"
check "a megabyte is left" test "$(used)" -le 3072
is "and no alarm" "$(status_is 1 "not s['spool']['alarm']")" True
# What the spool leaves them they take, until nothing that it could still give would be enough.
taken() { dd if=/dev/zero bs=64k status=none 2>/dev/null >>"$WORK/small/others"; status_is 0 "s['spool']['alarm']" >/dev/null; }
check "others fill it: an alarm" wait_for 60 taken
is "and why" "$(status_is 1 "s['spool']['error']")" "No space left on device"
like "weir status says so" "$(status)" 'ALARM: the disk is left alone, messages are in memory only: No space left on device'
rm "$WORK/small/others"
check "there is room again: the alarm ends" status_is 60 "not s['spool']['alarm'] and s['counters']['spool.segments_made'] > 0"
kill $LOAD
wait $LOAD 2>/dev/null
broker_start
check "the broker comes back: what is left is delivered" status_is 100 "$drained"
check "every number of every class came, or is declared lost" seen_is 10 "not missing()"
check "and what went for want of space is declared so" seen_is 5 "sum(m['to_seq'] - m['from_seq'] + 1 for m in losses if m['reason'] == 'no_space') > 20"
note "declared lost: $(seen "sorted((m['class'], m['from_seq'], m['to_seq'], m.get('records')) for m in losses if m['reason'] != 'epoch_end')[:6]")"
agent_stop
is "end: status 0" "$AGENT_STATUS" 0

agent_config spool.mode=durable spool.dir=/nonexistent/spool
"$WEIR" agent -c "$WORK/weir.conf" >"$WORK/refused.log" 2>&1
is "a directory that cannot be: refused" "$?" 1
like "and the log says why" "$(cat "$WORK/refused.log")" 'spool\.dir "/nonexistent/spool": No such file or directory; allowed: '
finish
