#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0] ---- [lan0] ns gw [wan0] ---- [s0: TLS, HTTP] ns server;  gw, loopback: mosquitto <- the agent
#
# Every message of every class fits its JSON Schema, which knows no other member: one that is added to the program and not to the
# schema fails here. Flow batches as CBOR, too.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
need openssl curl
/usr/bin/python3 -c 'import jsonschema' 2>/dev/null || skip_all "python3-jsonschema is not installed"
SCHEMAS=$WORK/schemas

schema() { /usr/bin/python3 "$TOP/tests/lib/schema_check.py" "$@"; }

check "schemas are made" tools/make-schemas "$WEIR" "$SCHEMAS"
check "they are schemas of draft 2020-12, and closed" schema schemas "$SCHEMAS"

traffic() {
	in_ns client curl -s -o /dev/null http://10.2.0.2/index.html
	in_ns client openssl s_client -servername schemas.weir.test -alpn http/1.1 -connect '[fd02::2]:443' </dev/null >/dev/null 2>&1
	in_ns client bash -c 'exec 3<>/dev/tcp/10.2.0.2/7' 2>/dev/null
	in_ns client python3 - <<-'END'
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.sendto(bytes.fromhex('123401000001000000000000') + b'\x07schemas\x04weir\x04test\x00\x00\x01\x00\x01', ('10.2.0.2', 53))
		s.sendto(b'x' * 100, ('10.2.0.2', 9000))
	END
	in_ns client ping -qc 2 -i 0.2 10.2.0.2 >/dev/null
	in_ns client ping -qc 2 -i 0.2 fd02::2 >/dev/null
}

gateway
mkdir "$WORK/www"
echo weir >"$WORK/www/index.html"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/key.pem" -out "$WORK/cert.pem" -days 2 -subj /CN=weir 2>/dev/null
spawn server python3 -m http.server 80 --bind 10.2.0.2 --directory "$WORK/www" >/dev/null 2>&1
at_exit "kill $!"
spawn server openssl s_server -6 -accept 443 -www -alpn http/1.1 -key "$WORK/key.pem" -cert "$WORK/cert.pem" >/dev/null 2>&1
at_exit "kill $!"
wait_for 5 in_ns server bash -c 'exec 3<>/dev/tcp/10.2.0.2/80 4<>/dev/tcp/fd02::2/443' 2>/dev/null || note "no server"
broker_start
watch_start

for privacy in full hashed prefix; do
	agent_config gateway.privacy=$privacy "gateway.privacy_key_file=$WORK/privacy.key" ipfix.endpoint=udp://127.0.0.1:4739
	agent_start || { tap_result 1 "agent starts"; finish; }
	check "$privacy: both ports measure" ports_measure
	traffic
	check "$privacy: records, devices, summaries and health have come" seen_is 15 "len([r for r in records() if get(r, 'tls')]) >= 2 and of('device') and \
		[m for m in of('summary') if m['tcp']['names']] and len(of('health')) >= 2 and len(of('iface')) >= 4"
	[ $privacy != prefix ] || ip_in gw link del wan0
	[ $privacy != prefix ] || check "an event of a port" seen_is 10 "[m for m in of('event') if m['event']['action'] == 'port_detached']"
	agent_stop
done
check "and the last state" seen_is 10 "of('state')[-1]['state'] == 'offline'"
schema seen "$SCHEMAS" "$WORK/seen" >"$WORK/said"
tap_result $? "every message fits its schema"
note "$(cat "$WORK/said")"
for class in birth state flow iface summary device event health; do
	like "class $class has come" "$(cat "$WORK/said")" "$class:[1-9]"
done
schema mutants "$SCHEMAS" "$WORK/seen" >"$WORK/said"
tap_result $? "none fits with a member more, or with a text for a number"
note "$(cat "$WORK/said")"

if /usr/bin/python3 -c 'import cbor2' 2>/dev/null; then
	kill -TERM "$WATCH"
	wait "$WATCH"
	spawn gw mosquitto_sub -p $BROKER_PORT -q 1 -t 'weir/v1/#' -F '%t\t%r\t%x' >"$WORK/cbor" 2>/dev/null
	WATCH=$!
	agent_config export.encoding=cbor
	agent_start || { tap_result 1 "agent starts"; finish; }
	check "CBOR: a port measures" ports_measure 1
	traffic
	check "CBOR: records have been acknowledged" status_is 15 "s['counters']['export.records'] >= 4 and s['counters']['export.batches'] >= 1 and \
		s['broker']['unacked_messages'] == 0"
	agent_stop
	wait_for 5 eval 'tail -n 1 "$WORK/cbor" | grep -q /state'
	schema cbor "$SCHEMAS" "$WORK/cbor" >"$WORK/said"
	tap_result $? "CBOR: every batch fits the schema of flow, as all other messages fit theirs"
	like "CBOR: there are some" "$(cat "$WORK/said")" 'flow:[1-9]'
	note "$(cat "$WORK/said")"
else
	skip "CBOR" "python3-cbor2 is not installed"
fi
is "help: no word is without a kind or twice" "$("$WEIR" help words | sed 1,2d | cut -d'|' -f2,3 | sort | uniq -d)" ""
finish
