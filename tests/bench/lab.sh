# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# lab.sh - for the rows of make bench that need the whole agent between namespaces. Source it first.
#
#   wanted NAME                 one of the words of the command line (WORDS) is in it, or there are none
#   row JSON                    a row for tests/bench/run, on what standard output was; all else goes to standard error
#   generate OUT IF FLOWS RATE SECONDS [DST_MAC | dns]    bench_gen in ns client, in the background; GENERATOR is its process
#   counter NS IF FIELD         of /proc/net/dev: rx_frames, rx_dropped, tx_frames, tx_dropped
#   cpu_ns PID...               CPU time of all their threads so far, by schedstat
#   lab_up [LINE...]            gateway plain, broker, weir.conf with those lines
exec 3>&1 1>&2
WORDS=("$@")
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
GEN=$B/tests/bench/bench_gen

wanted() {
	local word
	[ ${#WORDS[@]} != 0 ] || return 0
	for word in "${WORDS[@]}"; do
		[[ $1 != *$word* ]] || return 0
	done
	return 1
}

row() { echo "$1" >&3; }
say() { echo "$*" >&2; }
die() { echo "bench: $*" >&2; exit 1; }

generate() {
	local out=$1
	shift
	spawn client "$GEN" "$B/tests/bench/gen.bpf.o" "$@" >"$out" 3>&-
	GENERATOR=$!
}

counter() {
	local field
	case $3 in
	rx_frames) field=3 ;;
	rx_dropped) field=5 ;;
	tx_frames) field=11 ;;
	tx_dropped) field=13 ;;
	esac
	in_ns "$1" awk -v port="$2:" -v field=$field '$1 == port { print $field }' /proc/net/dev
}

cpu_ns() {
	local pid
	for pid; do
		cat "/proc/$pid/task/"*/schedstat 2>/dev/null
	done | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

lab_up() {
	need_agent
	[ -x "$GEN" ] || die "$GEN is not built: make tests"
	gateway plain
	broker_start
	agent_config flows.new_flow_limit=no "$@"
}
