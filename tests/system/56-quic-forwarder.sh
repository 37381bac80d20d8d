#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2, fd01::2] -- 10 ms -- [lan0] ns gw [wan0] -- 30 ms -- [s0 10.2.0.2, fd02::2] ns server
#                                tool_forwarder           tool_forwarder
#   ns gw, loopback: mosquitto <- agent, subscriber
#
# Round trips of QUIC and of ICMP echo over wires of a known quality: what Weir says of each flow on lan0 must be what crossed
# it, within 1 %: both halves of the handshake, and what the spin bit tells, near and far. Nothing is told by a bit that stands
# still or is random.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
need ping
[ -e /dev/net/tun ] || skip_all "no /dev/net/tun"
for tool in tool_forwarder tool_spin; do
	[ -x "$B/tests/lib/$tool" ] || skip_all "$tool is not built: make tests"
done

FORWARDER= PEER=
at_exit 'kill $FORWARDER $PEER'

for side in gw client server; do
	ns_new $side
	in_ns $side sysctl -qw net.ipv6.conf.{all,default}.{accept_dad,accept_ra,router_solicitations}=0
done
in_ns gw sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
broker_start
agent_config

wires_up() {	# LEG...
	rm -f "$WORK/truth"
	"$B/tests/lib/tool_forwarder" 7 "$(ns client)" "$(ns gw)" "$(ns server)" "$@" >"$WORK/truth" 2>"$WORK/forwarder.err" &
	FORWARDER=$!
	wait_for 5 grep -qs ready "$WORK/truth" || { note "$(cat "$WORK/forwarder.err")"; return 1; }
	ip_in client addr add 10.1.0.2 peer 10.1.0.1 dev c0; ip_in client addr add fd01::2 dev c0
	ip_in server addr add 10.2.0.2 peer 10.2.0.1 dev s0; ip_in server addr add fd02::2 dev s0
	ip_in gw addr add 10.1.0.1 peer 10.1.0.2 dev lan0; ip_in gw addr add fd01::1 dev lan0
	ip_in gw addr add 10.2.0.1 peer 10.2.0.2 dev wan0; ip_in gw addr add fd02::1 dev wan0
	ip_in client link set c0 up; ip_in server link set s0 up; ip_in gw link set lan0 up; ip_in gw link set wan0 up
	ip_in client route add default dev c0; ip_in client -6 route add default dev c0
	ip_in server route add default dev s0; ip_in server -6 route add default dev s0
	ip_in gw -6 route add fd01::2 dev lan0; ip_in gw -6 route add fd02::2 dev wan0
	watch_start
	agent_start || return 1
	ports_measure || { note "$(status)"; return 1; }
}

wires_down() {
	sleep 0.3
	kill -TERM $FORWARDER
	wait $FORWARDER
	FORWARDER=
	agent_stop
	kill $WATCH; wait $WATCH 2>/dev/null; WATCH=
}

# NAME CHECK COMMAND...: all of it over the wires in $LEGS, then CHECK of the comparison
scenario() {
	local name=$1 check=$2
	shift 2
	wires_up "${LEGS[@]}" || return 1
	"$@" || note "$name: traffic did not come through"
	wires_down
	python3 - "$WORK/truth" "$WORK/seen" "$check" >"$WORK/result" <<-'END'
		import json, sys
		sys.path.insert(0, 'tests/lib')
		from agent_seen import Seen, get
		truth_file, seen_file, check = sys.argv[1:]
		truth = [json.loads(l) for l in open(truth_file) if l.startswith('{')]
		seen = Seen(seen_file)
		wrong, notes = [], []
		SIDES = ('up', 'far', 60000), ('down', 'near', 20000)      # and what the wires alone take

		def same(what, is_, want, few=0.01):
		    notes.append('%s %.0f of %.0f' % (what, is_ or 0, want))
		    if not is_ or not want or abs(is_ / want - 1) > few:
		        wrong.append('%s is %s us, truth is %.0f' % (what, is_, want))

		def samples(records, path):    # least, mean and number over all reports
		    rtt = [get(r, path) for r in records if get(r, path + '.count')]
		    n = sum(x['count'] for x in rtt)
		    return (min(x['min'] for x in rtt), sum(x['mean'] * x['count'] for x in rtt) / n, n) if n else (None, None, 0)

		def of_port(port):
		    rs = [r for r in seen.records(port='lan0', transport='udp') if r['source']['port'] == port]
		    return sorted(rs, key=lambda r: r['event']['end'])

		def quic(spin, least_few=0.01, mean_few=0.01):    # more: what crossed is out of order, the wires are the truth
		    udp = [t for t in truth if 'udp' in t]
		    if not udp:
		        wrong.append('nothing crossed')
		    for t in udp:
		        records = of_port(t['udp'])
		        if not records or get(records[-1], 'weir.quic.spin') not in spin.split('|'):
		            wrong.append('spin is %s, not %s' % (records and get(records[-1], 'weir.quic.spin'), spin))
		            continue
		        for way, side, wires in SIDES:
		            same('handshake ' + side, get(records[-1], 'weir.quic.handshake_us.' + side), t[way]['handshake'])
		            least, mean, n = samples(records, 'weir.quic.rtt_us.' + side)
		            if spin != 'spinning':
		                if n:
		                    wrong.append('%d samples %s' % (n, side))
		                continue
		            same('least ' + side, least, wires if mean_few > 0.01 else t[way]['min'], least_few)
		            same('mean ' + side, mean, wires if mean_few > 0.01 else t[way]['mean'], mean_few)
		            notes.append('samples %d of %d' % (n, t[way]['count']))
		            if n < 10 or (mean_few <= 0.01 and n < t[way]['count'] - 6):
		                wrong.append('%d samples %s, truth has %d' % (n, side, t[way]['count']))

		def totals(kind):    # what summaries say of lan0
		    return sum(p.get(kind, 0) for m in seen.of('summary') for p in m['tcp']['ports'] if p['port'] == 'lan0')

		def echo(proto):
		    echoes = [t for t in truth if 'echo' in t]
		    records = seen.records(port='lan0', transport=proto)
		    if not echoes:
		        wrong.append('nothing crossed')
		        return
		    for way, side, wires in SIDES:
		        mine = [t[way] for t in echoes if t[way]['count']]
		        least, mean, n = samples(records, 'weir.icmp.rtt_us.' + side)
		        same('least ' + side, least, min(t['min'] for t in mine))
		        same('mean ' + side, mean, sum(t['mean'] * t['count'] for t in mine) / sum(t['count'] for t in mine))
		        # requests before the first reply are not timed: the flow has no place in the pool yet
		        if not 0 <= sum(t['count'] for t in mine) - n <= 1:
		            wrong.append('%d samples %s, truth has %d' % (n, side, sum(t['count'] for t in mine)))
		        if least and not wires <= least <= wires * 1.05:
		            wrong.append('%s is %d us, the wires take %d' % (side, least, wires))

		exec(check)
		print('\n'.join(wrong))
		print('# ' + '; '.join(notes))
		sys.exit(bool(wrong))
	END
	local result=$?
	note "$name: $(sed -n 's/^# //p' "$WORK/result")"
	[ $result = 0 ] || note "$(cat "$WORK/result")"
	return $result
}

# SERVER'S-HABIT CLIENT'S-HABIT MILLISECONDS EVERY_US
talk() {
	local status
	spawn server "$B/tests/lib/tool_spin" server 10.2.0.2 4433 "$4" "$1" >"$WORK/peer"
	PEER=$!
	wait_for 5 grep -q ready "$WORK/peer" && in_ns client "$B/tests/lib/tool_spin" client 10.2.0.2 4433 "$4" "$2" "$3"
	status=$?
	kill $PEER
	wait $PEER 2>/dev/null
	PEER=
	return $status
}

# A real client and server, and 2 MB.
download() {
	local status
	spawn server env PATH="$PATH:/usr/sbin" gtlsserver -q -d "$WORK/www" 10.2.0.2 4433 "$WORK/key.pem" "$WORK/cert.pem" >"$WORK/peer" 2>&1
	PEER=$!
	wait_for 5 listens server 4433 &&
		in_ns client timeout 20 gtlsclient -q --exit-on-all-streams-close 10.2.0.2 4433 https://quic.weir.test/big >"$WORK/client.out" 2>&1
	status=$?
	kill $PEER
	wait $PEER 2>/dev/null
	PEER=
	return $status
}

listens() { [ -n "$(in_ns "$1" ss -Hlun "sport = :$2")" ]; }

# Both ways, a request when the last one has its reply.
pings() {	# 4|6 CLIENT'S SERVER'S
	in_ns server ping -"$1" -q -i 0.15 -c 20 -W 2 "$2" >"$WORK/ping.near" &
	local near=$!
	in_ns client ping -"$1" -q -i 0.15 -c 20 -W 2 "$3" >"$WORK/ping.far"
	wait $near
	grep -q '20 received' "$WORK/ping.near" && grep -q '20 received' "$WORK/ping.far"
}

LEGS=(up-near:delay=10000 up-far:delay=30000 down-far:delay=30000 down-near:delay=10000)
scenario "both sides spin" 'quic("spinning")' talk spins spins 4000 500
tap_result $? "handshake and spin bit: round trips of both sides within 1 %"
scenario "and the summary" 'if totals("quic_connections") < 1 or totals("rtt_near_count") < 11 or totals("rtt_far_count") < 11: wrong.append("totals: %d connections, %d and %d samples" % (totals("quic_connections"), totals("rtt_near_count"), totals("rtt_far_count")))' talk spins spins 2000 500
tap_result $? "they are in the summary of the port"
scenario "a constant bit" 'quic("constant")' talk constant spins 4500 500
tap_result $? "a bit that stands still: the handshake alone, and why"
scenario "a random bit" 'quic("erratic")' talk random random 2000 500
tap_result $? "a random bit: the handshake alone, and why"
if PATH=$PATH:/usr/sbin command -v gtlsserver >/dev/null && command -v gtlsclient openssl >/dev/null; then
	mkdir "$WORK/www"
	head -c 2000000 /dev/zero >"$WORK/www/big"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$WORK/key.pem" -out "$WORK/cert.pem" -days 2 \
		-subj /CN=quic.weir.test 2>/dev/null
	scenario "ngtcp2" 'quic("watching|constant")' download
	tap_result $? "ngtcp2, which does not spin: both halves of the handshake within 1 %"
else
	skip "ngtcp2: both halves of the handshake" "no ngtcp2 client and server, or no openssl"
fi
scenario "ICMP" 'echo("icmp")' pings 4 10.1.0.2 10.2.0.2
tap_result $? "ICMP echo: round trips of both sides within 1 %"
scenario "ICMPv6" 'echo("ipv6-icmp")' pings 6 fd01::2 fd02::2
tap_result $? "ICMPv6 echo: round trips of both sides within 1 %"
LEGS=(up-near:delay=10000,reorder=50000,late=2000 up-far:delay=30000,loss=5000 down-far:delay=30000,reorder=50000,late=2000
      down-near:delay=10000,loss=5000)
scenario "lost and out of order" 'quic("spinning", 0.03, 0.1)' talk spins spins 6000 500
tap_result $? "lost and out of order: the least within 3 % of what the wires take, the mean within 10 %"
finish
