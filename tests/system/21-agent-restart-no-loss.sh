#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2]: 4 UDP flows of known length, TLS  ---- [lan0] ns gw [wan0] ---- [s0 10.2.0.2] ns server
#   ns gw, loopback: mosquitto <- agent (stopped and started again), subscriber
#
# The agent is stopped and started under load: the sum over all records is what was sent, on both ports.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
need openssl

gateway plain
broker_start
watch_start
agent_config
agent_start || { tap_result 1 "agent starts"; finish; }
check "both ports measure" ports_measure

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/key.pem" -out "$WORK/cert.pem" -days 2 \
	-subj /CN=gw.test 2>/dev/null
spawn server openssl s_server -accept 4433 -key "$WORK/key.pem" -cert "$WORK/cert.pem" -www >/dev/null 2>&1
at_exit "kill $!"
wait_for 5 in_ns server bash -c 'exec 3<>/dev/tcp/10.2.0.2/4433' 2>/dev/null
mkfifo "$WORK/tls"
exec 8<>"$WORK/tls"
spawn client bash -c "exec openssl s_client -connect 10.2.0.2:4433 -servername live.example.org <$WORK/tls" >/dev/null 2>&1
at_exit "kill $!"
check "the live flow is named" seen_is 5 "records(port='lan0', name='live.example.org')"

SENT=24000
load_start $SENT 1700 4
for i in 1 2 3 4; do
	sleep 0.7	# so that some of the load falls into the agent's life
	agent_stop
	is "stop $i: status 0" "$AGENT_STATUS" 0
	[ "$i" != 2 ] || sleep 1
	agent_start; tap_result $? "start $i"
	like "start $i: tables go on" "$(tail -n 20 "$WORK/agent.log")" 'tables of the last run go on'
done
check "the load lasted all the time" kill -0 $LOAD
wait $LOAD
echo still here >&8
udp="transport='udp', sip='10.1.0.2', dport=9000"
for port in lan0 wan0; do
	check "$port: every datagram is in a record, once" seen_is 6 "packets(port='$port', $udp) == ($SENT, 0)"
	is "$port: and every byte" "$(seen "octets(port='$port', $udp)")" "($((SENT * 142)), 0)"
	note "$port: sent $SENT, in records $(seen "packets(port='$port', $udp)")"
done
is "each of the 4 flows is whole" "$(seen "set(packets(port='lan0', sport=40000 + i, $udp) for i in range(4))")" "{($((SENT / 4)), 0)}"
is "and the totals of the last record say the same" "$(seen "set(max(r['weir']['totals']['source']['packets']
	for r in records(port='lan0', sport=40000 + i, $udp)) for i in range(4))")" "{$((SENT / 4))}"
is "the flows never began anew" "$(seen "[len(set(r['event']['start'][:22] for r in records(port='lan0', sport=40000 + i, $udp))) for i in range(4)]")" "[1, 1, 1, 1]"
is "the records are of five runs" "$(seen "len(set(b['epoch'] for b in batches))")" 5
is "the last run knows the live flow's name" "$(seen_is 4 "set(get(r, 'tls.client.server_name') for b in batches if b['epoch'] == of('birth')[-1]['epoch']
	for r in b['records'] if get(r, 'destination.port') == 4433)")" "{'live.example.org'}"
is "no batch is missing" "$(seen 'gaps()')" "[]"
is "nothing was lost" "$(seen "set(sum(v.values()) for v in lost().values())")" "{0}"
check "the books balance" status_is 3 "all(b['seen'][u] == b['flows'][u] + b['in_table'][u] + sum(c[u] for c in b['classes'].values())
	for p in s['ports'] for b in p['weir']['books'].values() for u in ('frames', 'bytes'))"
is "and have seen what was sent" "$(status_is 3 "[p['weir']['books']['rx']['seen']['frames'] for p in s['ports'] if p['observer']['interface']['name'] == 'lan0'][0]")" \
	"$(frames_of gw lan0 | cut -d' ' -f1)"
agent_stop
is "end: status 0" "$AGENT_STATUS" 0
finish
