#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0] ---- [lan0] ns gw [wan0] ---- [s0] ns server;  gw, loopback: mosquitto <- the agent's processes
#
# Somebody who runs code in the agent, the uplink or the metrics page gets no further: each way out is tried from inside (tool_escape), with the
# rights that the process has, with its user only, and as root, where they work, so that a refusal is the work of what refuses.
# Then what `weir status` says of the real processes, against /proc; and one that asks for what is on no list.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
need bpftool unshare
ESCAPE=$B/tests/lib/tool_escape
[ -x "$ESCAPE" ] || skip_all "$ESCAPE is not built: make tests"

escape() {	# ROLE HOW
	local dir=$WORK/escape
	rm -rf "$dir"
	mkdir -p "$dir/open" "$dir/own"
	chmod 755 "$dir"
	touch "$dir/file"
	chmod 777 "$dir/open" "$dir/own"
	chmod 666 "$dir/file"
	unshare -m "$ESCAPE" "$1" "$2" "$dir" >"$WORK/$1.$2" 2>"$WORK/$1.$2.err" || note "$(cat "$WORK/$1.$2.err")"
}
result() { sed -n "s/^$3 //p" "$WORK/$1.$2"; }
those() { grep -v '^landlock' "$WORK/$1.$2" | grep -E " $3\$" | cut -d' ' -f1 | sort | xargs; }

for role in agent uplink metrics; do
	for how in root user confined; do escape $role $how; done
	is "$role, as root: all of it can be done but to write to a map that is only read" "$(those $role root '([^d]|d[^i]).*')" \
		"abort_itself map_write_read_only"
	check "$role, another user alone does not do it" test "$(those $role user did | wc -w)" -ge 20
done
is "agent: what it can do is what it is there for" "$(those agent confined did)" "map_lookup read_cpus write_own"
is "metrics: it can do nothing of it" "$(those metrics confined did)" ""
is "uplink: what it can do is what it is there for" "$(those uplink confined did)" "connect_broker read_resolv udp_socket"
for role in agent uplink metrics; do
	for what in prog_load:bpf map_create:bpf map_update:bpf ptrace_attach:ptrace mount_tmpfs:mount become_root:setuid packet_socket:socket \
		exec_here:execve fork_one:clone kill_supervisor:kill own_sigsys:rt_sigaction socket_program:setsockopt; do
		like "$role: ${what%:*} ends it, and is named" "$(result $role confined "${what%:*}")" "^SIGSYS ${what#*:}[0-9]*$"
	done
	[ $role != metrics ] || NO_CONNECT=1	# it has not even the system call
	is "$role: may fail as its libraries do" "$(result $role confined abort_itself)" "signal 6"
	if [ "$(result $role confined landlock)" != "0 0" ]; then
		for what in open_write create_outside read_outside list_root connect_other tcp_bind; do
			like "$role, Landlock: $what" "$(result $role confined $what)" "^(EACCES${NO_CONNECT:+|SIGSYS connect})\$"
		done
	fi
done
is "agent with a folder: without another one" "$(result agent confined create_outside)" EACCES
is "uplink: writes nowhere" "$(result uplink confined write_own)" EACCES

gateway plain
broker_start
agent_config
agent_start || { tap_result 1 "agent starts"; finish; }
check "both ports measure" ports_measure

field() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr '\t' ' '; }
maps_of() {	# PID w|r: names of the maps of which it has a descriptor, to write or only to read
	local fdinfo id
	for fdinfo in /proc/"$1"/fdinfo/*; do
		id=$(sed -n 's/^map_id:[[:space:]]*//p' "$fdinfo")
		[ -n "$id" ] || continue
		case $2$(sed -n 's/^flags:.*\(.\)$/\1/p' "$fdinfo") in
		r0 | w1 | w2) bpftool map show id "$id" | sed -n '1s/.* name \([^ ]*\).*/\1/p' ;;
		esac
	done | sort -u | xargs
}
told() { status_is 5 "[p for p in s['processes'] if p['name'] == '$1'][0]$2"; }
status_is 10 "all(p['seccomp'] == 'filter' for p in s['processes'] if p['name'] != 'dataplane') and len(s['processes']) == 3" >/dev/null
for name in agent uplink; do
	pid=$(pid_of $name)
	is "$name: /proc has a filter" "$(field "$pid" Seccomp)" 2
	is "$name: status says its pid" "$(told $name "['pid']")" "$pid"
	is "$name: user and group" "$(told $name "['uid']") $(told $name "['gid']")" "$(field "$pid" Uid | cut -d' ' -f2) $(field "$pid" Gid | cut -d' ' -f2)"
	is "$name: capabilities" "$(told $name "['capabilities']") $(told $name "['bounding']")" "$(field "$pid" CapEff) $(field "$pid" CapBnd)"
	is "$name: none to gain" "$(told $name "['no_new_privs']")" True
	is "$name: maps that it can write" "$(status_is 5 "' '.join(sorted([p for p in s['processes'] if p['name'] == '$name'][0]['maps_written'])) or '-'")" \
		"$(m=$(maps_of "$pid" w); echo "${m:--}")"
	is "$name: maps that it can read" "$(status_is 5 "' '.join(sorted([p for p in s['processes'] if p['name'] == '$name'][0]['maps_read'])) or '-'")" \
		"$(m=$(maps_of "$pid" r); echo "${m:--}")"
	[ "$(result agent confined landlock)" = "0 0" ] ||
		is "$name: Landlock" "$(told $name "['landlock_abi']")" "$(result agent confined landlock | cut -d' ' -f1)"
	like "$name: the same for people" "$(status)" "$name +$pid +[0-9]+:[0-9]+ +0000000000000000 never +filter"
done
is "books and stats are only read" "$(maps_of "$(pid_of agent)" r)" "books stats"
check "dataplane: has rights, and status says so" told dataplane "['capabilities'] != '0' * 16"

uplink=$(pid_of uplink)
kill -SYS "$uplink"
again() { [ -n "$(pid_of uplink)" ] && [ "$(pid_of uplink)" != "$uplink" ]; }
check "one that is ended for a system call is started again" wait_for 5 again
check "it is counted" status_is 10 "s['counters']['processes.syscalls_refused'] == 1 and s['broker']['connected']"
is "where" "$(told uplink "['syscalls_refused']")" 1
check "the log names the process" grep -q 'weir-uplink asked for system call' "$WORK/agent.log"
is "its successor has no map in its memory" "$(grep -c anon_inode:bpf "/proc/$(pid_of uplink)/maps")" 0
is "nor descriptor" "$(maps_of "$(pid_of uplink)" w)$(maps_of "$(pid_of uplink)" r)" ""
is "nothing was refused in normal life" "$(grep -c 'asked for system call' "$WORK/agent.log")" 1
agent_stop
is "end: status 0" "$AGENT_STATUS" 0
finish
