#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0] ---- [lan0] ns gw [wan0] ---- [s0] ns server;  gw, loopback: mosquitto with a password <- the agent's processes
#
# What each process may do, and what it holds: the agent no network, the uplink no map, the supervisor no broker.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent

SECRET=tulip-4711
(umask 077; echo $SECRET >"$WORK/password")
mosquitto_passwd -b -c "$WORK/passwd" gw $SECRET 2>/dev/null
ANONYMOUS=false BROKER_LINES="password_file $WORK/passwd"
gateway plain
broker_start
agent_config broker.username=gw "broker.password_file=$WORK/password"
agent_start || { tap_result 1 "agent starts"; finish; }
check "both ports measure, connected with the password" ports_measure
agent=$(pid_of agent) uplink=$(pid_of uplink)

field() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr '\t' ' '; }
fds() { find "/proc/$1/fd" -type l -printf '%l\n' | sort; }
sockets() {	# PID: protocol of each of its sockets that is no unix socket
	local inode
	for inode in $(fds "$1" | sed -n 's/socket:\[\(.*\)\]/\1/p'); do
		awk -v inode="$inode" '$10 == inode || $13 == inode { print FILENAME }' "/proc/$1"/net/{tcp,tcp6,udp,udp6,raw,raw6,packet,netlink} |
			sed 's/.*\///'
	done
}
for process in agent:65534 uplink:65533; do
	name=${process%:*} id=${process#*:}
	pid=${!name}
	is "$name: user and group" "$(field "$pid" Uid)/$(field "$pid" Gid)" "$id $id $id $id/$id $id $id $id"
	is "$name: no capability, in no set" "$(field "$pid" 'Cap[A-Za-z]*' | sort -u)" 0000000000000000
	is "$name: none to gain" "$(field "$pid" NoNewPrivs)" 1
	is "$name: no supplementary group" "$(field "$pid" Groups | tr -d ' ')" ""
	is "$name: no controlling rights over the BPF programs" "$(fds "$pid" | grep -c bpf-prog)" 0
	is "$name: password not in environment or command line" "$(cat "/proc/$pid/environ" "/proc/$pid/cmdline" | grep -c $SECRET)" 0
done
note "agent:" "$(fds "$agent" | uniq -c)" "uplink:" "$(fds "$uplink" | uniq -c)"
is "uplink: no BPF map" "$(fds "$uplink" | grep -c bpf)" 0
is "uplink: no BPF map in its memory" "$(grep -c anon_inode:bpf "/proc/$uplink/maps")" 0
is "uplink: one network socket, to the broker" "$(sockets "$uplink")" tcp
check "agent: has the maps" test "$(fds "$agent" | grep -c bpf-map)" -ge 8
is "agent: no network socket but connection tracking's events and the NICs' counters" "$(sockets "$agent" | sort | uniq -c | xargs)" "2 netlink"
is "supervisor: no socket to the broker" "$(sockets $AGENT | grep -c tcp)" 0
check "supervisor: netlink, to follow the ports" test "$(sockets $AGENT | grep -c netlink)" -ge 1
is "the control socket is the owner's only" "$(stat -c %a "$SOCKET")" 600
is "the log does not have the password" "$(grep -c $SECRET "$WORK/agent.log")" 0
is "nor has the agent's memory" "$(python3 - "$agent" $SECRET <<-'END'
	import sys
	pid, secret, hits = sys.argv[1], sys.argv[2].encode(), 0
	with open('/proc/%s/mem' % pid, 'rb', 0) as mem:
	    for line in open('/proc/%s/maps' % pid):
	        if ' rw-p ' in line:
	            a, b = (int(x, 16) for x in line.split()[0].split('-'))
	            mem.seek(a)
	            hits += mem.read(b - a).count(secret)
	print(hits)
	END
)" 0
kill -KILL "$agent"
again() { [ -n "$(pid_of agent)" ] && [ "$(pid_of agent)" != "$agent" ] && [ "$(field "$(pid_of agent)" Uid)" = "65534 65534 65534 65534" ]; }
check "an agent that was started again has no rights either" wait_for 3 again
is "none" "$(field "$(pid_of agent)" 'Cap[A-Za-z]*' | sort -u)" 0000000000000000
agent_stop
is "end: status 0" "$AGENT_STATUS" 0
finish
