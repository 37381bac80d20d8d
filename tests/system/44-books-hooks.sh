#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0] ---- [lan0] ns gw [wan0] ---- [s0] ns server: takes datagrams, says nothing;  gw, loopback: mosquitto <- agent
#
# The same frames through each hook: all in the books, to the byte, and none that the NICs' own counters do not have.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
gateway plain
broker_start
spawn server python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.2.0.2", 9000))
while True:
    s.recv(100)'
at_exit "kill $!"

# 20 datagrams behind one tag (64 bytes a frame), 30 behind two (68), tags in the frame. Nobody takes them.
tagged() {
	in_ns client python3 - "$(mac_of gw lan0)" <<-'END'
		import socket, struct, sys
		s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		s.bind(('c0', 0))
		ethernet = bytes.fromhex(sys.argv[1].replace(':', '')) + bytes([2, 0, 0, 0, 0, 9])
		ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 46, 0, 0, 64, 17, 0, bytes([10, 9, 0, 1]), bytes([10, 9, 0, 2]))
		udp = struct.pack('>HHHH', 7000, 7001, 26, 0) + bytes(18)
		for tags, n in ((b'\x81\0\0\7', 20), (b'\x88\xa8\0\x64\x81\0\0\7', 30)):
		    for i in range(n):
		        s.send(ethernet + tags + b'\x08\0' + ip + udp)
	END
}

port() { echo "next(p['weir'] for p in s['ports'] if p['observer']['interface']['name'] == '$1')"; }
books_are() {	# PORT DIR FRAMES BYTES
	check "$hook: $1 $2: $3 frames, $4 bytes, all in flows" status_is 5 "(lambda b: b['seen'] == {'frames': $3, 'bytes': $4} and
		$3 == b['flows']['frames'] + b['in_table']['frames'])($(port "$1")['books']['$2'])"
	[ "$hook $2" != "xdp rx" ] || [ "$3" = 0 ] || { header_is "$1" "$3"; return; }
	check "$hook: $1 $2: the NIC agrees, to the byte" status_is 5 "(lambda r: r['frames'] == r['bytes'] == 0 and not r['reasons'] and
		r['unexplained'] == {'frames': 0, 'bytes': 0})($(port "$1")['residual']['$2'])"
}
header_is() {	# PORT FRAMES: veth counts frames behind native XDP without their Ethernet header
	check "$hook: $1 rx: all but the Ethernet headers, to the byte" status_is 5 "(lambda r: r['reasons'] == {'link_header':
		{'frames': 0, 'bytes': -14 * $2}} and r['frames'] == 0 and r['unexplained'] == {'frames': 0, 'bytes': 0})($(port "$1")['residual']['rx'])"
}

for hook in tc xdp-generic xdp; do
	agent_config "port lan0.hook=$hook" "port wan0.hook=$hook"
	agent_start || { tap_result 1 "agent starts"; finish; }
	check "$hook: both ports measure" ports_measure
	check "$hook: is what lan0 has" status_is 5 "'$hook' in ($(port lan0)['rx_hook'], {'tcx': 'tc', 'clsact': 'tc'}.get($(port lan0)['rx_hook']))"
	check "$hook: a baseline is there" status_is 5 "all('residual' in p['weir'] for p in s['ports'])"
	load_start 1000 5000 8
	wait $LOAD
	books_are lan0 rx 1000 142000
	books_are lan0 tx 0 0
	books_are wan0 rx 0 0
	books_are wan0 tx 1000 142000
	tagged
	books_are lan0 rx 1050 $((142000 + 20 * 64 + 30 * 68))
	note "$(status | grep 'NIC - seen')"
	agent_stop
	is "$hook: end: status 0" "$AGENT_STATUS" 0
	check "$hook: is taken off" "$WEIR" detach -c "$WORK/weir.conf"
done
finish
