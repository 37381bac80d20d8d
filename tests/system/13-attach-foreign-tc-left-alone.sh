#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns gw [lan0 10.0.0.1, TC filters of someone else] ---- veth ---- [c0 10.0.0.2] ns client
#
# Foreign filters, qdiscs and TCX programs stay as they are, during our time and after it.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/net.sh"
need_root
need_tool
FOREIGN=$B/tests/bpf/foreign.bpf.o
[ -e "$FOREIGN" ] || skip_all "$FOREIGN is not built: make tests"

ns_new gw
ns_new client
veth gw lan0 10.0.0.1/24 client c0 10.0.0.2/24
lladdr() { ip_in "$1" -o link show "$2" | sed 's/.*ether \([^ ]*\).*/\1/'; }
# No neighbour is asked for again meanwhile: frames are those that a case sends.
ip_in gw neigh replace 10.0.0.2 lladdr "$(lladdr client c0)" dev lan0 nud permanent
ip_in client neigh replace 10.0.0.1 lladdr "$(lladdr gw lan0)" dev c0 nud permanent
theirs() { tc_in gw filter show dev lan0 "$1" | grep -c foreign; }
ours() { tc_in gw filter show dev lan0 "$1" | grep -c 'handle 0x57454952'; }
qdisc() { tc_in gw qdisc show dev lan0 | grep -Eo 'clsact|ingress'; }
add_theirs() { tc_in gw filter add dev lan0 "$1" prio "$2" bpf da obj "$FOREIGN" sec tc; }
counts_20() {
	local rx tx
	in_ns client ping -c 2 -i 0.01 -q 10.0.0.1 >/dev/null
	rx=$(tool_frames lan0 rx) tx=$(tool_frames lan0 tx)
	in_ns client ping -c 20 -i 0.01 -q 10.0.0.1 >/dev/null
	is "$1" "$(($(tool_frames lan0 rx) - rx)) $(($(tool_frames lan0 tx) - tx))" "20 20"
}

tc_in gw qdisc add dev lan0 clsact
add_theirs ingress 100
add_theirs egress 100
before="$(tc_in gw filter show dev lan0 ingress)$(tc_in gw filter show dev lan0 egress)"
for option in "" -c; do
	hook=$([ "$option" ] && echo "clsact" || echo "auto")
	tool_start gw $option "$OBJECT" lan0
	like "$hook: attached beside theirs" "$(tool_state lan0)" ' rx=(tcx|clsact) tx=(tcx|clsact) .* tc=2 .*reason=$'
	is "$hook: theirs are there" "$(theirs ingress) $(theirs egress)" "1 1"
	counts_20 "$hook: ours count though theirs end the chain"
	tool detach >/dev/null
	is "$hook: after detach all is as it was" \
		"$(tc_in gw filter show dev lan0 ingress)$(tc_in gw filter show dev lan0 egress)" "$before"
	is "$hook: and the qdisc stays" "$(qdisc)" clsact
	tool_stop
done
tc_in gw qdisc del dev lan0 clsact

tool_start gw -c "$OBJECT" lan0
add_theirs ingress 100
tool detach >/dev/null
is "a qdisc that we made stays when someone uses it" "$(qdisc) $(theirs ingress) $(ours ingress) $(ours egress)" "clsact 1 0 0"
tool_stop
tc_in gw qdisc del dev lan0 clsact

tc_in gw qdisc add dev lan0 ingress
tool_start gw -c "$OBJECT" lan0
state=$(tool_state lan0)
like "an \"ingress\" qdisc in the way: egress stays off" "$state" ' rx=clsact tx=none '
like "and says why" "$state" 'reason=clsact egress refused: another qdisc or filter is in its place and left alone'
tool detach >/dev/null
is "the qdisc stays" "$(qdisc)" ingress
tool_stop
tc_in gw qdisc del dev lan0 ingress

tc_in gw qdisc add dev lan0 clsact
tc_in gw filter add dev lan0 ingress prio 57 handle 0x57454952 bpf da obj "$FOREIGN" sec tc
tool_start gw -c "$OBJECT" lan0
like "our very handle taken: left alone, and said" "$(tool_state lan0)" ' rx=none .*reason=clsact ingress refused: another'
tool detach >/dev/null
is "it stays" "$(theirs ingress)" 1
tool_stop
tc_in gw qdisc del dev lan0 clsact

case $(uname -r) in
[0-5].*|6.[0-5].*) skip "foreign TCX programs" "no TCX before Linux 6.6"; finish ;;
esac
# Another instance with its own pins stands for someone else's TCX programs.
other=$PIN_DIR-other
at_exit 'rm -rf "$other"/links "$other"'
in_ns gw "$TOOL" -p "$other" -x "$OBJECT" lan0 </dev/null >/dev/null
tool_start gw "$OBJECT" lan0
like "beside foreign TCX programs" "$(tool_state lan0)" ' rx=tcx tx=tcx .* tc=2 .*reason=$'
counts_20 "ours count"
tool detach >/dev/null
tool_stop
in_ns gw "$TOOL" -p "$other" -x "$OBJECT" lan0 </dev/null >"$WORK/other"
like "theirs are still there" "$(cat "$WORK/other")" 'state lan0 .* taken=1 .* tc=0 '
finish
