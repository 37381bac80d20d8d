#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2, fd01::2] ---- [lan0] ns gw [wan0] ---- [s0 10.2.0.2, fd02::2] ns server
#   ns gw, loopback: mosquitto <- agent, subscriber        beside it on lan0: tcpdump
#
# What crosses the gateway arrives at the broker as flow records, with the frames and bytes that a capture counts.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
need tcpdump openssl curl

gateway
for side in "gw lan0" "gw wan0" "client c0" "server s0"; do
	# shellcheck disable=SC2086
	offloads $side off
done
broker_start
watch_start
agent_config flows.active_timeout=1s
agent_start || { tap_result 1 "agent starts"; finish; }
check "both ports measure" ports_measure

spawn server python3 -m http.server -d "$WORK" 8000 >/dev/null 2>&1
at_exit "kill $!"
spawn server python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.2.0.2", 9000))
while True:
    data, peer = s.recvfrom(65536)
    s.sendto(data[:100], peer)'
at_exit "kill $!"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/key.pem" -out "$WORK/cert.pem" -days 2 \
	-subj /CN=gw.test 2>/dev/null
spawn server openssl s_server -accept 4433 -key "$WORK/key.pem" -cert "$WORK/cert.pem" -alpn http/1.1 -www >/dev/null 2>&1
at_exit "kill $!"
head -c 300000 /dev/urandom >"$WORK/file"
chmod 644 "$WORK/file"
for port in 8000 4433; do
	wait_for 5 in_ns server bash -c "exec 3<>/dev/tcp/10.2.0.2/$port" 2>/dev/null || note "no server on port $port"
done

spawn gw tcpdump -i lan0 -s 128 -B 8192 -U -w "$WORK/lan0.pcap" --immediate-mode 2>"$WORK/tcpdump"
DUMP=$!
at_exit "kill $DUMP"
wait_for 5 grep -q 'listening on' "$WORK/tcpdump"

is "curl gets the file" "$(in_ns client curl -s --local-port 40001 http://10.2.0.2:8000/file | cmp - "$WORK/file" && echo same)" same
in_ns client python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.1.0.2", 40002))
s.settimeout(3)
for i in range(50):
    s.sendto(bytes(20 * i), ("10.2.0.2", 9000))
    s.recv(65536)' || note "UDP: no answers"
check "ping" in_ns client ping -c 7 -i 0.02 -s 100 -q 10.2.0.2
check "ping over IPv6" in_ns client ping -c 6 -i 0.02 -s 200 -q fd02::2
in_ns client bash -c 'openssl s_client -connect 10.2.0.2:4433 -servername weir.example.org -alpn h2,http/1.1 </dev/null >/dev/null 2>&1'

count() { seen_is 5 "packets($1) == wire('$WORK/lan0.pcap', $1)[0] and octets($1) == wire('$WORK/lan0.pcap', $1)[1] and sum(packets($1)) > $2"; }
tcp="port='lan0', transport='tcp', sip='10.1.0.2', dip='10.2.0.2', sport=40001, dport=8000"
udp="port='lan0', transport='udp', sip='10.1.0.2', dip='10.2.0.2', sport=40002, dport=9000"
icmp="port='lan0', transport='icmp', sip='10.1.0.2', dip='10.2.0.2'"
icmp6="port='lan0', transport='ipv6-icmp', sip='fd01::2', dip='fd02::2'"
tls="port='lan0', transport='tcp', sip='10.1.0.2', dip='10.2.0.2', dport=4433"
for case in tcp:200 udp:99 icmp:13 icmp6:11 tls:9; do
	name=${case%:*}
	where=${!name}
	check "$name: frames and bytes are those of the capture" count "$where" "${case#*:}"
	note "$(seen "'Weir: frames %s, bytes %s; capture: %s %s' % (packets($where), octets($where), *wire('$WORK/lan0.pcap', $where))")"
done
is "UDP: source is who began, 50 frames each way" "$(seen "packets($udp)")" "(50, 50)"
is "the other port tells the same" "$(seen "packets(${udp/lan0/wan0}), octets(${udp/lan0/wan0})")" "$(seen "packets($udp), octets($udp)")"
kill -TERM $DUMP
wait $DUMP
like "the capture missed nothing" "$(cat "$WORK/tcpdump")" '(^|[^0-9])0 packets dropped by kernel'

is "server name and ALPN of the TLS client" "$(seen_is 5 "set((get(r, 'tls.client.server_name'), *get(r, 'tls.client.alpn')) for r in records($tls) if get(r, 'tls.client.server_name'))")" \
	"{('weir.example.org', 'h2', 'http/1.1')}"
is "and the reason is said" "$(seen "set(r['weir']['name_status'] for r in records($tls, name='weir.example.org'))")" "{'ok'}"
is "plain HTTP has no name, and the reason is said" "$(seen "set((get(r, 'tls.client.server_name'), r['weir']['name_status']) for r in records($tcp))")" "{(None, 'not_tls')}"

for kind in iface health summary birth event; do
	check "$kind comes, with its schema" seen_is 5 "set(m['schema'] for m in of('$kind')) == {'weir.$kind/1'}"
done
is "every message says who it is from" "$(seen "set((m['gateway'], m['site']) for k, r, m in messages if k != 'state')")" "{('gw', 'lab')}"
check "iface: books of both ports balance" seen_is 8 "set(m['observer']['interface']['name'] for m in of('iface')
	if all(b['seen'][u] == b['flows'][u] + b['in_table'][u] + sum(c[u] for c in b['classes'].values())
	       for b in m['weir']['books'].values() for u in ('frames', 'bytes'))) == {'lan0', 'wan0'}"
check "summary: counts reports" seen_is 5 "sum(m['records'] for m in of('summary')) > 8"
check "birth names both ports and their hooks" seen_is 5 "set((p['name'], p['role']) for p in of('birth')[-1]['ports']
	if p['rx_hook'] != 'none' and p['tx_hook'] != 'none') == {('lan0', 'lan'), ('wan0', 'wan')}"
retained() { in_ns gw mosquitto_sub -p $BROKER_PORT -t "weir/v1/lab/gw/$1" -C 1 -W 3 -F '%r %p'; }
check "birth tells what there can be, and after how long silence means something" seen_is 5 "({'tls', 'tcp_health'} <= set(of('birth')[-1]['capabilities'])
	and of('birth')[-1]['intervals_ms'] == {'batch': 200, 'active_timeout': 1000, 'summary': 2000, 'health': 2000, 'offline_delay': 0}
	and of('birth')[-1]['privacy'] == 'full')"
like "birth is retained" "$(retained birth)" '^1 \{"schema":"weir.birth/1",'
is "state is retained" "$(retained state)" '1 {"state":"online"}'
is "no batch is missing" "$(seen 'gaps()')" "[]"

in_ns client ping -c 3 -i 0.01 -q 10.2.0.2 >/dev/null
agent_stop
is "SIGTERM: status 0" "$AGENT_STATUS" 0
is "and state is offline" "$(retained state)" '1 {"state":"offline"}'
check "control socket is gone" test ! -e "$SOCKET"
check "programs stay pinned" test -e "$PIN_DIR/links"
is "nothing is left in the table: all was reported at the stop" "$(seen "[sum(b['in_table']['frames'] for m in of('iface')[-2:] for b in m['weir']['books'].values())]")" "[0]"
is "books: what was taken is what arrived" "$(seen "[sum(packets(port='lan0')), sum(octets(port='lan0'))]")" \
	"$(seen "[sum(b['flows'][u] for b in [m for m in of('iface') if m['observer']['interface']['name'] == 'lan0'][-1]['weir']['books'].values()) for u in ('frames', 'bytes')]")"
finish
