#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2]: 20 connections, new ones, and a flood ---- [lan0] ns gw [wan0] ---- [s0 10.2.0.2] ns server
#   ns gw, loopback: mosquitto <- agent with a flow table of 4096 slots, subscriber
#
# A flood of SYNs from random addresses, ten for each slot and more: connections that were there keep their slots and their exact
# records, new connections still get theirs, what is refused is counted by port and protocol, and an event says so.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
need tcpdump

gateway plain
broker_start
watch_start
agent_config flows.slots=4096 flows.syn_timeout=5s
agent_start || { tap_result 1 "agent starts"; finish; }
check "both ports measure" ports_measure
in_ns server sysctl -qw net.ipv4.tcp_syncookies=2
ip_in server route del default
ip_in server route add 10.1.0.0/24 via 10.2.0.1	# no answer to the flood's addresses

spawn server python3 -c '
import socket, threading
s = socket.create_server(("10.2.0.2", 9000), backlog=1000)
print("ready", flush=True)
def echo(c):
    while True:
        b = c.recv(100)
        if not b:
            return
        c.sendall(b)
while True:
    threading.Thread(target=echo, args=(s.accept()[0],), daemon=True).start()' >"$WORK/server"
SERVER=$!
at_exit 'kill $SERVER $TALK'
wait_for 5 grep -q ready "$WORK/server"

in_ns client tcpdump -q -n -U -i c0 -w "$WORK/c0.pcap" 'tcp portrange 21000-21019' 2>"$WORK/tcpdump.err" &
DUMP=$!
at_exit 'kill $DUMP'
wait_for 5 grep -q listening "$WORK/tcpdump.err"

# 20 connections, 10 exchanges a second each, for as long as it is let; then says how many.
spawn client python3 -c '
import socket, sys, time
socks = [socket.create_connection(("10.2.0.2", 9000), source_address=("10.1.0.2", 21000 + i)) for i in range(20)]
print("ready", flush=True)
n = 0
import signal
go = True
def stop(*_):
    global go
    go = False
signal.signal(signal.SIGTERM, stop)
while go:
    for s in socks:
        s.sendall(b"x" * 50)
    for s in socks:
        assert len(s.recv(100)) == 50
    n += 1
    time.sleep(0.1)
for s in socks:
    s.close()
print("exchanges", n, flush=True)' >"$WORK/talk"
TALK=$!
wait_for 5 grep -q ready "$WORK/talk"
sleep 1

# Frames as fast as they go, out of c0.
cat >"$WORK/flood.py" <<'END'
import random, socket, struct, sys, time
mac, seconds, seed = bytes.fromhex(sys.argv[1].replace(':', '')), float(sys.argv[2]), int(sys.argv[3])
r = random.Random(seed)
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('c0', 0))
own = s.getsockname()[4]
end, n = time.monotonic() + seconds, 0
while time.monotonic() < end:
    for _ in range(200):
        ip = struct.pack('>BBHHHBBH', 0x45, 0, 40, n & 0xffff, 0, 64, 6, 0) + bytes((172, 16 + r.randrange(16), r.randrange(256), r.randrange(256))) + bytes((10, 2, 0, 2))
        total = sum(struct.unpack('>10H', ip))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        ip = ip[:10] + struct.pack('>H', ~total & 0xffff) + ip[12:]
        s.send(mac + own + b'\x08\x00' + ip + struct.pack('>HHIIBBHHH', r.randrange(1024, 65536), 9000, r.randrange(1 << 32), 0, 0x50, 2, 1000, 0, 0))
        n += 1
print(n)
END
flood() { in_ns client python3 "$WORK/flood.py" "$(mac_of gw lan0)" "$1" "$2"; }

flood 4 1 >"$WORK/flooded" &
FLOOD=$!
sleep 2
check "new connections come about beside the flood" in_ns client python3 -c '
import socket, time
for i in range(30):
    c = socket.create_connection(("10.2.0.2", 9000), source_address=("10.1.0.2", 20000 + i))
    c.sendall(b"y"); assert c.recv(10) == b"y"; c.close(); time.sleep(0.03)'
wait $FLOOD
note "$(cat "$WORK/flooded") SYNs, $(status_is 1 "'%d slots of %d taken' % (s['flow_table']['live'], s['flow_table']['slots'])")"
sleep 1
kill -TERM $TALK
wait $TALK
sleep 1
kill $DUMP
wait $DUMP
like "the exchanges went on" "$(cat "$WORK/talk")" 'exchanges [1-9]'
rx="[p['weir']['books']['rx'] for p in s['ports'] if p['observer']['interface']['name'] == 'lan0'][0]"
check "most of the flood was refused" status_is 5 "${rx}['classes']['new_flow_limit']['frames'] > $(cat "$WORK/flooded") / 2"
is "all of that is TCP" "$(status_is 1 "${rx}['new_flow_limit']['tcp'] == ${rx}['classes']['new_flow_limit']")" True
is "the table was never full" "$(status_is 1 "all(c['table_full']['frames'] == 0 for p in s['ports'] for c in [b['classes'] for b in p['weir']['books'].values()])")" True
check "an event says so" seen_is 5 "[e for e in of('event') if e['event']['action'] == 'new_flow_limit' and e['observer']['interface']['name'] == 'lan0' and get(e, 'weir.direction') == 'rx']"
like "status says so" "$(status)" 'new_flow_limit'
check "the books balance" status_is 5 "all(b['seen'][u] == b['flows'][u] + b['in_table'][u] + sum(c[u] for c in b['classes'].values())
	for p in s['ports'] for b in p['weir']['books'].values() for u in ('frames', 'bytes'))"
check "the flood's slots are free again when their time is over" status_is 12 "s['flow_table']['live'] < 100"
agent_stop
old="[r for r in records(port='lan0', transport='tcp', sip='10.1.0.2') if r['source']['port'] in range(21000, 21020)]"
is "connections that were there: 20, each closed in its last record" "$(seen "sorted(set(r['source']['port'] for r in $old if r['weir']['tcp']['state'] == 'closed')) == list(range(21000, 21020))")" True
is "their records are what crossed the wire" "$(seen "[sum(r[x][u] for r in $old) for u in ('packets', 'bytes') for x in ('source', 'destination')]")" "$(seen "[n for u in wire('$WORK/c0.pcap', sip='10.1.0.2', dip='10.2.0.2') for n in u]")"
is "new connections: all 30 have their record, with a packet of both sides" "$(seen "len(set(r['source']['port'] for r in records(port='lan0', transport='tcp', sip='10.1.0.2')
	if r['source']['port'] in range(20000, 20030) and get(r, 'destination.packets')))")" 30
finish
