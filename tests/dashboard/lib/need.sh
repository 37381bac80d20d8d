# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# need.sh - what the dashboard's tests ask for, or why they cannot run. Source it, then:
#   need node | modules | page | chromium | mosquitto | root...
#   run_js FILE       node's own test runner, as TAP
B=$(realpath -m "${B:-build}")
cd "$(dirname "${BASH_SOURCE[0]}")/../../.." || exit 1
export B

skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

build() {	# ARGUMENT: a lack is a skip, anything else a failure
	local why status
	why=$(tools/dashboard/build "$1" 2>&1)
	status=$?
	[ $status != 77 ] || skip_all "${why##*$'\n'}"
	[ $status = 0 ] || { echo "$why"; echo "not ok 1 - tools/dashboard/build $1"; echo "1..1"; exit 1; }
}

need() {
	local what
	for what; do
		case $what in
		modules) build --modules ;;
		page) build "$B/dashboard" ;;
		root) [ "$(id -u)" = 0 ] || skip_all "needs root" ;;
		*) command -v "$what" >/dev/null || skip_all "$what is not installed" ;;
		esac
	done
}

run_js() {
	[ "$(node -p 'process.versions.node.split(".")[0]')" -ge "${NODE_LEAST:-18}" ] || skip_all "node $(node --version) is too old: ${NODE_LEAST:-18} at least"
	exec node --test-reporter=tap "tests/dashboard/$1"
}
