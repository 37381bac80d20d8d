# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# tap.sh - TAP 13 for the shell tests. Source it first.
#
#   check NAME COMMAND...   ok when the command's status is 0; its output is shown when it is not
#   is NAME GOT WANTED      equal texts
#   like NAME TEXT REGEX    extended regular expression
#   note TEXT...            a line for the reader
#   skip NAME WHY           one case that cannot run here
#   skip_all WHY            the whole file cannot: ends it
#   at_exit COMMAND         runs at the end, however it comes; last in, first out
#   finish                  prints the plan; status 1 where something failed
# A script that ends without finish() has failed: the plan is missing.

B=${B:-build}
TAP_N=0 TAP_FAILED=0 TAP_EXIT=()
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$TOP" || exit 1

tap_cleanup() {
	local status=$? i
	trap - EXIT
	for ((i = ${#TAP_EXIT[@]} - 1; i >= 0; i--)); do
		eval "${TAP_EXIT[i]}" >/dev/null 2>&1
	done
	exit "$status"
}
trap tap_cleanup EXIT
trap 'exit 130' INT TERM HUP

at_exit() { TAP_EXIT+=("$1"); }
note() { printf '%s\n' "$*" | sed 's/^/# /'; }

tap_result() {	# STATUS NAME
	TAP_N=$((TAP_N + 1))
	if [ "$1" = 0 ]; then
		echo "ok $TAP_N - $2"
	else
		TAP_FAILED=$((TAP_FAILED + 1))
		echo "not ok $TAP_N - $2"
	fi
}

check() {
	local name=$1 output status
	shift
	output=$("$@" 2>&1)
	status=$?
	tap_result "$status" "$name"
	[ "$status" = 0 ] || note "status $status: $*" "$output"
}

is() {
	[ "$2" = "$3" ]
	tap_result $? "$1"
	[ "$2" = "$3" ] || note "got:    $2"$'\n'"wanted: $3"
}

like() {
	[[ $2 =~ $3 ]]
	local status=$?
	tap_result "$status" "$1"
	[ "$status" = 0 ] || note "got:    $2"$'\n'"wanted: /$3/"
}

skip() {
	TAP_N=$((TAP_N + 1))
	echo "ok $TAP_N - $1 # SKIP $2"
}

skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

finish() {
	echo "1..$TAP_N"
	[ "$TAP_FAILED" = 0 ]
	exit
}
