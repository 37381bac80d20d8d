#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2] ---- [lan0] ns gw [wan0] ---- [s0 10.2.0.2] ns server;  gw, loopback: mosquitto <- agent
#
# weir detach: not under a running agent; afterwards nothing of ours is left, and it can be said twice.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent

ours() { find "$PIN_DIR/links" -type f 2>/dev/null | wc -l; }
programs() {	# ids of those that the links run
	find "$PIN_DIR/links" -type f -exec bpftool link show pinned {} \; | sed -n 's/.* prog \([0-9]*\).*/\1/p' | sort -u
}
alive() { local id n=0; for id in $PROGRAMS; do bpftool prog show id "$id" >/dev/null 2>&1 && n=$((n + 1)); done; echo "$n"; }
detach() { OUTPUT=$(in_ns gw "$WEIR" detach -c "$WORK/weir.conf" 2>&1); }

need bpftool
gateway plain
broker_start
agent_config
agent_start || { tap_result 1 "agent starts"; finish; }
check "both ports measure" ports_measure
is "four links are on" "$(ours)" 4
detach
is "agent runs: status 1" $? 1
like "agent runs: it says so" "$OUTPUT" 'an agent runs .*stop it first'
is "and nothing was taken off" "$(ours)" 4
agent_stop
is "after a stop they stay" "$(ours)" 4
check "and so do the tables" test -e "$PIN_DIR/flows"
PROGRAMS=$(programs)
is "they run two programs, rx and tx" "$(alive)" 2
detach
is "detach: status 0" $? 0
is "no link is left" "$(ours)" 0
for _ in {1..50}; do [ "$(alive)" = 0 ] && break; sleep 0.1; done	# they go after a grace period
is "and the kernel has let go of the programs" "$(alive)" 0
check "no table is left" test ! -e "$PIN_DIR/flows"
detach
is "again: status 0" $? 0
in_ns gw "$WEIR" detach extra >/dev/null 2>&1
is "usage: status 2" $? 2
agent_start; tap_result $? "a start afterwards begins anew"
agent_stop
is "end: status 0" "$AGENT_STATUS" 0
finish
