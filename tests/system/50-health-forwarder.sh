#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2] -- 10 ms -- [lan0] ns gw [wan0] -- 30 ms -- [s0 10.2.0.2] ns server: TCP both ways
#                              tool_forwarder           tool_forwarder
#   ns gw, loopback: mosquitto <- agent, subscriber
#
# Wires of a known quality, all four legs through one program that keeps its own books of every byte: what Weir says of each
# connection on lan0 must be what crossed it. Round trips: handshake, least and mean within 1 %; what was sent again, or filled a gap: exact.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
[ -e /dev/net/tun ] || skip_all "no /dev/net/tun"
[ -x "$B/tests/lib/tool_forwarder" ] || skip_all "tool_forwarder is not built: make tests"

FORWARDER= PEER=
at_exit 'kill $FORWARDER $PEER'

for side in gw client server; do
	ns_new $side
	in_ns $side sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv4.tcp_congestion_control=reno
done
in_ns gw sysctl -qw net.ipv4.ip_forward=1
broker_start
agent_config

# Up and down in turn, small and big: connections one after the other.
talk() {	# CONNECTIONS BYTES
	rm -f "$WORK/peer"	# "ready" of the one before
	spawn server python3 -c '
import socket, sys
n, size = int(sys.argv[1]), int(sys.argv[2])
s = socket.create_server(("10.2.0.2", 9000))
print("ready", flush=True)
for _ in range(n):
    c, _ = s.accept()
    f = c.makefile("rwb")
    for _ in range(3):
        for _ in range(4):
            f.write(f.read(40)); f.flush()
        f.read(size); f.write(b"d" * size); f.flush()
    f.read(1)' "$@" >"$WORK/peer"
	PEER=$!
	wait_for 10 grep -qs ready "$WORK/peer" || return 1
	in_ns client timeout 60 python3 -c '
import socket, sys
n, size = int(sys.argv[1]), int(sys.argv[2])
for _ in range(n):
    f = socket.create_connection(("10.2.0.2", 9000)).makefile("rwb")
    for _ in range(3):
        for _ in range(4):
            f.write(b"u" * 40); f.flush(); assert len(f.read(40)) == 40
        f.write(b"u" * size); f.flush(); assert len(f.read(size)) == size' "$@" || { kill $PEER; wait $PEER; return 1; }
	wait "$PEER"
}

# NAME TIMESTAMPS CONNECTIONS BYTES LEG...: all of it, then the comparison's lines.
scenario() {
	local name=$1 stamps=$2 n=$3 bytes=$4 side quick=0
	shift 4
	for side in client server; do
		in_ns $side sysctl -qw net.ipv4.tcp_timestamps="$stamps"
	done
	[[ $name == *before* ]] && quick=1	# Weir and the truth time other segments there: one held-back ACK would weigh on one mean alone
	rm -f "$WORK/truth"
	"$B/tests/lib/tool_forwarder" 7 "$(ns client)" "$(ns gw)" "$(ns server)" "$@" >"$WORK/truth" 2>"$WORK/forwarder.err" &
	FORWARDER=$!
	wait_for 10 grep -qs ready "$WORK/truth" || { note "$(cat "$WORK/forwarder.err")"; return 1; }
	ip_in client addr add 10.1.0.2 peer 10.1.0.1 dev c0; ip_in client link set c0 up; ip_in client route add default dev c0 quickack $quick
	ip_in server addr add 10.2.0.2 peer 10.2.0.1 dev s0; ip_in server link set s0 up; ip_in server route add default dev s0 quickack $quick
	ip_in gw addr add 10.1.0.1 peer 10.1.0.2 dev lan0; ip_in gw link set lan0 up
	ip_in gw addr add 10.2.0.1 peer 10.2.0.2 dev wan0; ip_in gw link set wan0 up
	watch_start
	agent_start || return 1
	ports_measure || { note "$(status)"; return 1; }
	talk "$n" "$bytes" || note "$name: traffic did not come through"
	sleep 0.3
	kill -TERM $FORWARDER
	wait $FORWARDER
	agent_stop
	kill $WATCH; wait $WATCH 2>/dev/null; WATCH=
	note "$name: $(grep -c port "$WORK/truth") connections"
	python3 - "$WORK/truth" "$WORK/seen" "$name" "$n" >"$WORK/result" <<-'END'
		import json, sys
		sys.path.insert(0, 'tests/lib')
		from agent_seen import Seen, get
		truth_file, seen_file, name, n = sys.argv[1:]
		truth = [json.loads(l) for l in open(truth_file) if l.startswith('{"port"')]
		truth = [t for t in truth if t['up']['rtt'].get('handshake')]    # without: the last scenario's FIN, once more
		records = {}
		for r in Seen(seen_file).records(port='lan0', transport='tcp', dport=9000):
		    records.setdefault(r['source']['port'], []).append(r)
		few = 0.02 if 'before' in name else 0.01    # behind a gap it times a segment less now and then
		wrong, sums = [], dict(again=0, late=0, soon=0, lost_before=0, lost_behind=0, data=0)
		worst = 0
		for t in truth:
		    mine = sorted(records.get(t['port'], []), key=lambda r: r['event']['end'])
		    if not mine or 'retransmits' not in get(mine[-1], 'weir.tcp'):
		        wrong.append('port %d has no record with health' % t['port'])
		        continue
		    last = mine[-1]['weir']['tcp']
		    for way, side, far in (('up', 'source', 'far'), ('down', 'destination', 'near')):
		        d = t[way]
		        for k in sums:
		            sums[k] += d[k]
		        late, soon = last['lost_before'][side], last['out_of_order'][side]
		        for what, is_, want, unsure in (('retransmits', last['retransmits'][side], d['again'], 0),
		                                        ('late and out of order', late + soon, d['late'] + d['soon'], 0),
		                                        ('lost_before', late, d['late'], d['unsure'])):
		            if abs(is_ - want) > unsure:
		                wrong.append('port %d %s: %s is %d, truth is %d' % (t['port'], way, what, is_, want))
		        rtt = [r['weir']['tcp']['rtt_us'][far] for r in mine if get(r, 'weir.tcp.rtt_us.%s.count' % far)]
		        if not rtt:
		            wrong.append('port %d: no round trip %s' % (t['port'], far))
		            continue
		        least = min(x['min'] for x in rtt)
		        mean = sum(x['mean'] * x['count'] for x in rtt) / sum(x['count'] for x in rtt)
		        hs = last['handshake_us'][far]
		        count = sum(x['count'] for x in rtt)
		        if abs(count - d['rtt']['count']) > (0.1 * count if few > 0.01 else 0):
		            wrong.append('port %d %s: %d samples, truth has %d' % (t['port'], far, count, d['rtt']['count']))
		        for what, is_, want in (('least', least, d['rtt']['min']), ('mean', mean, d['rtt']['mean']), ('handshake', hs, d['rtt']['handshake'])):
		            worst = max(worst, abs(is_ / want - 1))
		            if abs(is_ / want - 1) > few:
		                wrong.append('port %d %s: %s round trip is %d us, truth is %d' % (t['port'], far, what, is_, want))
		if len(truth) != int(n):
		    wrong.append('%d connections, not %s' % (len(truth), n))
		print('\n'.join(wrong))
		print('#', sums, 'round trips off by %.2f %% at most' % (100 * worst))
		sys.exit(bool(wrong))
	END
	local result=$?
	note "$name: $(grep '^#' "$WORK/result")"
	[ $result = 0 ] || note "$(cat "$WORK/result")"
	return $result
}

near="delay=10000" far="delay=30000"
scenario "clean, timestamps" 1 3 60000 up-near:$near up-far:$far down-far:$far down-near:$near
tap_result $? "round trips of both sides, with timestamps: within 1 %"
scenario "clean, no timestamps" 0 3 60000 up-near:$near up-far:$far down-far:$far down-near:$near
tap_result $? "round trips of both sides, without timestamps: within 1 %"
scenario "lossy behind the port" 1 3 150000 up-near:$near up-far:$far,loss=10000 down-far:$far down-near:$near,loss=10000
tap_result $? "lost behind the port: retransmits, exact"
scenario "lossy before the port" 1 3 150000 up-near:$near,loss=10000 up-far:$far down-far:$far,loss=10000 down-near:$near
tap_result $? "lost before the port: gaps that fill late, exact"
scenario "reordered before the port" 1 3 150000 up-near:$near,reorder=10000,late=1500 up-far:$far down-far:$far,reorder=10000,late=1500 down-near:$near
tap_result $? "out of order before the port: exact"
scenario "lossy before and behind the port" 0 3 100000 up-near:$near,loss=3000,dup=5000,reorder=5000,late=1500 up-far:$far,loss=3000,dup=5000 \
	down-far:$far,loss=3000,dup=5000,reorder=5000,late=1500 down-near:$near,loss=3000
tap_result $? "lost, doubled and reordered on both sides: exact"
finish
