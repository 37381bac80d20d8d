#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2, fd01::2] ---- [lan0] ns gw [wan0] ---- [s0 10.2.0.2, fd02::2] ns server
#   ns gw, loopback: mosquitto <- agent, subscriber        [mgmt0 10.3.0.1] ---- [k0 10.3.0.2] ns collector: nfcapd; tcpdump
#
# The records that go to an IPFIX collector, over UDP and TCP, are those that go to the broker: as nfcapd stores them, and,
# field by field, as tshark dissects them, names and health of TCP too. A TCP collector that stalls and dies holds nothing
# up; the next one can read all.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
need nfcapd nfdump tshark tcpdump openssl

gateway
ns_new collector
veth gw mgmt0 10.3.0.1/24 collector k0 10.3.0.2/24
for side in "gw mgmt0" "collector k0"; do
	# shellcheck disable=SC2086
	offloads $side off
done
broker_start
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/key.pem" -out "$WORK/cert.pem" -days 2 \
	-subj /CN=gw.test 2>/dev/null
spawn server openssl s_server -accept 4433 -key "$WORK/key.pem" -cert "$WORK/cert.pem" -alpn h2 -www >/dev/null 2>&1
at_exit "kill $!"
spawn server python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.2.0.2", 9000))
while True:
    data, peer = s.recvfrom(65536)
    s.sendto(data[:10], peer)'
at_exit "kill $!"
spawn server python3 -c '
import socket
s = socket.create_server(("10.2.0.2", 9001))
while True:
    c, _ = s.accept()
    while data := c.recv(65536):
        c.sendall(data)
    c.close()'
at_exit "kill $!"
for port in 4433 9001; do
	wait_for 5 in_ns server bash -c "exec 3<>/dev/tcp/10.2.0.2/$port" 2>/dev/null || note "no server" "$port"
done

watch() {	# from here on; nothing of before
	[ -z "$WATCH" ] || { kill "$WATCH"; wait "$WATCH"; }
	watch_start
}
dump_start() {	# FILE: what reaches the collector's port
	spawn collector tcpdump -i k0 -B 8192 -U -w "$1" --immediate-mode 'port 4739' 2>"$WORK/tcpdump"
	DUMP=$!
	at_exit "kill $DUMP"
	wait_for 5 grep -q 'listening on' "$WORK/tcpdump"
}
dump_stop() { kill -TERM $DUMP; wait $DUMP; }
# TLS of two versions with names, UDP, pings over both: flows with and without ports, flags, names, answers. TCP with a
# server that cannot answer for half a second: data crosses the ports again. TCP to a port of nobody.
talk() {
	local version
	for version in tls1_2 tls1_3; do
		in_ns client openssl s_client -connect 10.2.0.2:4433 -servername $version.example.org -alpn h2,http/1.1 -$version \
			</dev/null >/dev/null 2>&1
	done
	in_ns client python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.1.0.2", 40002))
s.settimeout(3)
for i in range(20):
    s.sendto(bytes(50 * i), ("10.2.0.2", 9000))
    s.recv(65536)'
	in_ns client python3 -c '
import socket, subprocess, sys, time
def answers(verb):
    subprocess.run(["ip", "-n", sys.argv[1], "route", verb, "blackhole", "10.1.0.2/32"], check=True)
s = socket.create_connection(("10.2.0.2", 9001), 5)
for i in range(5):
    s.sendall(bytes(100))
    s.recv(65536)
answers("add")
s.sendall(bytes(200))
time.sleep(0.5)
answers("del")
s.recv(65536)
s.close()
socket.socket().connect_ex(("10.2.0.2", 9002))' "$(ns server)" || note "TCP does not go on"
	in_ns client ping -c 3 -i 0.02 -q 10.2.0.2 >/dev/null
	in_ns client ping -c 2 -i 0.02 -q fd02::2 >/dev/null
}
compare() { is "$1" "$(seen "ipfix.differ($2, $3)")" ""; }	# NAME EXPRESSION EXPRESSION
RIGHT="^\{'bad_sequence': 0, 'no_template': 0, 'malformed': 0, "
counter() { status_is 1 "[s['counters']['ipfix.$1']]" | tr -d '[]'; }

# ---- UDP: nfcapd and tshark ----

mkdir "$WORK/nf"
spawn collector nfcapd -b 10.3.0.2 -p 4739 -w "$WORK/nf" -t 3600 >"$WORK/nfcapd.log" 2>&1
NFCAPD=$!
at_exit "kill $NFCAPD"
wait_for 5 in_ns collector grep -q ':1283 ' /proc/net/udp || note "nfcapd does not listen" "$(cat "$WORK/nfcapd.log")"	# 4739
dump_start "$WORK/udp.pcap"
watch
agent_config ipfix.endpoint=udp://10.3.0.2:4739 ipfix.observation_domain=4711 ipfix.template_interval=1s
agent_start || { tap_result 1 "agent starts"; finish; }
check "both ports measure" ports_measure
like "status: the collector" "$(status | grep '^ipfix ')" '^ipfix   udp://10\.3\.0\.2:4739  up; waiting [0-9]+ messages, [0-9]+ records$'
talk
check "both names are published" seen_is 10 "(set(get(r, 'tls.client.server_name') for r in records(port='wan0', dport=4433)) >=
	{'tls1_2.example.org', 'tls1_3.example.org'})"
talk	# ends while the agent does: what is in the table at the stop is sent, too
check "no record waits anywhere: records = sent" status_is 5 "(s['counters']['ipfix.records'] == s['counters']['ipfix.sent_records'] > 10
	and s['ipfix']['waiting_records'] == 0 and s['ipfix']['up'])"
is "none is lost" "$(counter lost_records)" 0
agent_stop
is "SIGTERM: status 0" "$AGENT_STATUS" 0
check "the log says that nothing is lost" test "$(grep -c 'are lost' "$WORK/agent.log")" = 0
sleep 0.5	# what is on the wire
kill -TERM $NFCAPD
wait $NFCAPD
dump_stop
NF=$(ls "$WORK"/nf/nfcapd.2*)

compare "UDP, nfcapd: addresses, ports, times, packets and bytes of both directions are those published" \
	"ipfix.nfdump('$NF')" "ipfix.only(ipfix.published(records()), ipfix.NFDUMP)"
compare "UDP, tshark: every field of every record is, names, round trips and losses too" "ipfix.tshark('$WORK/udp.pcap')" "ipfix.published(records())"
check "there are answers in it, and names" seen "[r for r in map(dict, ipfix.tshark('$WORK/udp.pcap')) if r['packets'][1] > 5 and
	r.get('server_name') == 'tls1_2.example.org' and r.get('next_protocol') == 'h2' and r.get('alpn') == 'h2,http/1.1']"
check "and health: handshakes, round trips of both sides, data sent again, a refusal" seen "(lambda rows: all(any(f(r) for r in rows) for f in (
	lambda r: r.get('handshake_near') and r.get('handshake_far') and r.get('rtt_near') and r.get('rtt_far'),
	lambda r: r.get('dport') == 9001 and r['retransmits'][0] > 0 and r['rtt_near'][0] > 0 < r['rtt_far'][0],
	lambda r: r.get('dport') == 9002 and r['failure'] == 'refused',
	lambda r: r['proto'] != 6 and 'retransmits' not in r)))([dict(r) for r in ipfix.tshark('$WORK/udp.pcap')])"
messages() { seen "ipfix.messages('$WORK/$1')"; }
like "tshark: sequence numbers, templates, form and domain are in order; templates are sent again" "$(messages udp.pcap)" \
	"$RIGHT'templates': ([2-9]|[0-9][0-9]+), 'domains': \['4711'\]\}"
like "nfcapd: all of them, and no fault" "$(cat "$WORK/nfcapd.log")" \
	"Flows: $(seen 'len(records())'), Packets: [0-9]+, Bytes: [0-9]+, Sequence Errors: 0, Bad Packets: 0"

# ---- UDP: nobody listens ----

watch
agent_start || note "agent does not start"
ports_measure
talk
check "UDP without a collector: refused, and said so" status_is 10 "(s['counters']['ipfix.refused'] >= 1 and
	not s['ipfix']['up'] and s['ipfix']['error'] == 'Connection refused')"
check "no record but those counted is gone" status_is 5 "(s['counters']['ipfix.records'] ==
	s['counters']['ipfix.sent_records'] + s['counters']['ipfix.lost_records'] + s['ipfix']['waiting_records'] > 0)"
agent_stop

# ---- TCP ----

collector_start() {	# [stall]: takes connections, stores their bytes; stall: reads none
	spawn collector python3 -c '
import socket, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if len(sys.argv) > 2:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
s.bind(("10.3.0.2", 4739))
s.listen()
c, _ = s.accept()
with open(sys.argv[1], "ab", 0) as f:
    while len(sys.argv) > 2:
        time.sleep(1)
    while data := c.recv(65536):
        f.write(data)' "$WORK/stream" "$@"
	COLLECTOR=$!
	at_exit "kill -KILL $COLLECTOR"
}
collector_end() { kill -KILL $COLLECTOR; wait $COLLECTOR; } 2>/dev/null

: >"$WORK/stream"
dump_start "$WORK/tcp.pcap"
collector_start
watch
agent_config ipfix.endpoint=tcp://10.3.0.2:4739 gateway.privacy=prefix "gateway.privacy_key_file=$WORK/state/privacy.key"
agent_start || note "agent does not start"
ports_measure
check "TCP: connected" status_is 10 "s['ipfix']['up']"
agent=$(pid_of agent)
is "the agent has one network socket more than without a collector" "$(for inode in $(find "/proc/$agent/fd" -type l -printf '%l\n' |
	sed -n 's/socket:\[\(.*\)\]/\1/p'); do
		awk -v inode="$inode" '$10 == inode || $13 == inode { print FILENAME }' "/proc/$agent"/net/{tcp,tcp6,udp,udp6,raw,raw6,packet}
	done | sed 's/.*\///')" tcp
is "and no right more" "$(sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$agent/status")" 0000000000000000
talk
check "its records are published" seen_is 10 "len(records(port='wan0', dport=4433)) >= 2 and records(port='wan0', dport=9000)"
check "and sent" status_is 5 "s['counters']['ipfix.records'] == s['counters']['ipfix.sent_records'] > 10"
agent_stop
wait_for 5 gone $COLLECTOR || note "the connection is not closed"
dump_stop
compare "TCP, tshark: every field of every record is as published" "ipfix.tshark('$WORK/tcp.pcap')" "ipfix.published(records())"
like "and sequence numbers, templates and form are in order" "$(messages tcp.pcap)" "$RIGHT'templates': [1-9]"
is "what the collector stored is whole messages" "$(python3 -c '
import sys
data, at = open(sys.argv[1], "rb").read(), 0
while at < len(data) and data[at:at + 2] == b"\0\x0a":
    at += int.from_bytes(data[at + 2:at + 4], "big")
print(at == len(data) > 1000)' "$WORK/stream")" True
told() {	# whether the client's address and a name are in what the collector stored
	python3 -c 'import sys; data = open(sys.argv[1], "rb").read(); print(b"\x0a\1\0\2" in data, b"example.org" in data)' "$WORK/stream"
}
is "gateway.privacy holds here, too: no name, no address of the client" "$(told)" "False False"

# ---- TCP: stalls, dies, comes back ----

watch
collector_start stall
agent_config ipfix.endpoint=tcp://10.3.0.2:4739
agent_start || note "agent does not start"
ports_measure
load_start 1000000 2000 400
at_exit "kill $LOAD"
check "a collector that does not read: the socket is full" status_is 20 "(s['counters']['ipfix.socket_full'] > 0 and
	s['ipfix']['waiting_messages'] > 1)"
before=$(seen "len(records())")
check "and records are published all the same" seen_is 10 "len(records()) > $before + 1000"
is "none is missing" "$(seen 'gaps()')" "[]"
collector_end
check "it dies: what its host had not confirmed is counted" status_is 10 "s['counters']['ipfix.lost_unacked'] > 0"
check "status says so" status_is 10 "not s['ipfix']['up'] and s['ipfix']['error'] == 'Connection refused'"
like "for people, too" "$(status | grep '^ipfix ')" 'NOT up: Connection refused; waiting [0-9]+ messages, [0-9]+ records$'
kill "$LOAD"
wait "$LOAD" 2>/dev/null
talk
dump_start "$WORK/back.pcap"
collector_start
check "it comes back: connected again, and all that waited is sent" status_is 40 "(s['ipfix']['up'] and
	s['counters']['ipfix.connects'] == 2 and s['ipfix']['waiting_records'] == 0)"
check "every record is in a counter" status_is 5 "(s['counters']['ipfix.records'] ==
	s['counters']['ipfix.sent_records'] + s['counters']['ipfix.lost_records'])"
is "without gateway.privacy both are there" "$(told)" "True True"
lost=$(counter lost_records) unacked=$(counter lost_unacked)
agent_stop
wait_for 5 gone $COLLECTOR || note "the connection is not closed"
dump_stop
note "lost: $lost in the queue, $unacked on the way; the first connection is not in the capture"
like "templates came again: tshark reads the second connection alone" "$(messages back.pcap)" "$RIGHT'templates': [1-9]"
check "all that it reads is as published, and the last flows are in it" seen "(lambda got: not got - set(ipfix.published(records())) and
	[r for r in map(dict, got) if r.get('server_name') == 'tls1_3.example.org'])(set(ipfix.tshark('$WORK/back.pcap')))"
finish
