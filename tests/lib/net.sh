# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# net.sh - namespaces, links and tool_ports for the system tests. Source it after tap.sh.
#
#   need_root, need COMMAND...       skip the file where it cannot run
#   ns_new NAME                      a namespace "weir-NAME-<pid>" with lo up, gone at the end
#   in_ns NAME COMMAND...            network of the namespace only: /sys/fs/bpf stays the same one
#   veth NS1 IF1 ADDR1 NS2 IF2 ADDR2 a pair, up, no IPv6 (so that no frame comes by itself); ADDR "-": none
#   tool_start NS ARGS...            tool_ports in NS, with PIN_DIR
#   tool COMMAND                     asks it; prints the answer
#   tool_until REGEX SECONDS         waits for a line of its output; prints it
#   tool_state PORT                  last state line of the port
#   tool_stop                        ends it; what is pinned stays on
#   tool_frames PORT rx|tx           frames seen, of the books
# Nothing here ever touches the interfaces of the namespace it was started in.

PIN_DIR=/sys/fs/bpf/weir-test-$$
WORK=$(mktemp -d /tmp/weir-test.XXXXXX)
OBJECT=${OBJECT:-$B/weir.bpf.o}
TOOL=$B/tests/lib/tool_ports
TOOL_PID=
at_exit 'rm -rf "$WORK"'

need() {
	local command
	for command; do
		command -v "$command" >/dev/null || skip_all "$command is not installed"
	done
}

need_root() {
	[ "$(id -u)" = 0 ] || skip_all "needs root: network namespaces and BPF"
	need ip tc nsenter ping
	ip netns add "weir-probe-$$" 2>/dev/null || skip_all "cannot make network namespaces"
	ip netns del "weir-probe-$$"
}

need_tool() {
	[ -x "$TOOL" ] || skip_all "$TOOL is not built: make tests"
	[ -e "$OBJECT" ] || skip_all "$OBJECT is not built: make"
	at_exit 'rm -rf "$PIN_DIR"/links "$PIN_DIR"'
}

ns_new() {
	ip netns add "weir-$1-$$" || exit 1
	at_exit "ip netns del weir-$1-$$"
	ip -n "weir-$1-$$" link set lo up
}

ns() { echo "weir-$1-$$"; }
in_ns() { local name; name=$(ns "$1"); shift; nsenter --net="/run/netns/$name" "$@"; }
ip_in() { local name; name=$(ns "$1"); shift; ip -n "$name" "$@"; }
tc_in() { local name; name=$(ns "$1"); shift; tc -n "$name" "$@"; }

link_up() {	# NS IF ADDR
	in_ns "$1" sysctl -qw "net.ipv6.conf.$2.disable_ipv6=1" 2>/dev/null
	[ "$3" = - ] || ip_in "$1" addr add "$3" dev "$2"
	ip_in "$1" link set "$2" up
}

veth() {
	ip_in "$1" link add "$2" type veth peer name "$5" netns "$(ns "$4")" || exit 1
	link_up "$1" "$2" "$3"
	link_up "$4" "$5" "$6"
}

tool_start() {
	local name=$1
	shift
	rm -f "$WORK/in"
	mkfifo "$WORK/in"
	: >"$WORK/out"
	nsenter --net="/run/netns/$(ns "$name")" "$TOOL" -p "$PIN_DIR" "$@" <"$WORK/in" >"$WORK/out" 2>"$WORK/err" &
	TOOL_PID=$!
	exec 9>"$WORK/in"
	[ ${#TAP_EXIT[@]} = 0 ] || [[ " ${TAP_EXIT[*]} " == *" tool_stop "* ]] || at_exit tool_stop
	tool_until '^(ready|error .*)$' 10 >/dev/null || { note "tool_ports did not start" "$(cat "$WORK/out" "$WORK/err")"; return 1; }
}

tool() {
	local before now i
	before=$(wc -l <"$WORK/out")
	echo "$*" >&9
	for ((i = 0; i < 500; i++)); do
		now=$(tail -n "+$((before + 1))" "$WORK/out")
		if [[ $'\n'$now$'\n' == *$'\n.\n'* ]]; then
			grep -v '^\.$' <<<"$now"
			return 0
		fi
		sleep 0.01
	done
	note "tool_ports does not answer: $*" >&2
	return 1
}

tool_until() {
	local end=$((SECONDS + $2 + 1))
	while [ $SECONDS -le $end ]; do
		grep -E "$1" "$WORK/out" && return 0
		kill -0 "$TOOL_PID" 2>/dev/null || { sleep 0.05; grep -E "$1" "$WORK/out"; return; }
		sleep 0.01
	done
	return 1
}

tool_state() { tool states | grep "^state $1 " | tail -n 1; }

# Milliseconds until the port's state matches REGEX, or "never" after 3 s.
tool_ms_until() {	# PORT REGEX
	local start now
	start=$(date +%s%N)
	while :; do
		now=$((($(date +%s%N) - start) / 1000000))
		grep -E "^state $1 " "$WORK/out" | tail -n 1 | grep -Eq "$2" && { echo $now; return 0; }
		[ $now -lt 3000 ] || { echo never; return 1; }
		sleep 0.005
	done
}

tool_stop() {
	[ -n "$TOOL_PID" ] || return 0
	exec 9>&-
	wait "$TOOL_PID"
	TOOL_PID=
}

tool_frames() { tool "books $1" | sed -n "s/.* $2_frames=\([0-9]*\).*/\1/p"; }	# PORT rx|tx
