#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0] ---- [lan0] ns gw [wan0] ---- [s0] ns server       mosquitto with TLS and certificates in gw: 8883
#
# The whole agent with a key of its own making: weir keygen, signed for six days, two brokers of which the first is not there.
# How long certificates hold is in status, health and events; password and key are in no log, status or message.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent

gateway plain
chmod 755 "$WORK"
sign() { openssl x509 -req -in "$1.csr" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -CAcreateserial -days "$2" -out "$1.pem" "${@:3}" 2>/dev/null; }
EC="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $EC -keyout "$WORK/ca.key" -out "$WORK/ca.pem" -subj /CN=ca -days 60 2>/dev/null
openssl req $EC -keyout "$WORK/server.key" -out "$WORK/server.csr" -subj /CN=server 2>/dev/null
echo 'subjectAltName=DNS:localhost' >"$WORK/ext"
sign "$WORK/server" 60 -extfile "$WORK/ext"
chmod 644 "$WORK"/server.* "$WORK/ca.pem"
printf 's3cr3t-w0rd\n' >"$WORK/password"
chmod 600 "$WORK/password"
BROKER_LINES="listener 8883 127.0.0.1
cafile $WORK/ca.pem
certfile $WORK/server.pem
keyfile $WORK/server.key
require_certificate true"
broker_start
watch_start
agent_config "broker.host=localhost:8884, localhost:8883" broker.tls=yes "broker.ca_file=$WORK/ca.pem" "broker.cert_file=$WORK/gw.pem" \
	"broker.key_file=$WORK/gw.key" broker.username=edge "broker.password_file=$WORK/password" run.log_level=debug
"$WEIR" keygen -c "$WORK/weir.conf" >"$WORK/gw.csr" 2>"$WORK/said"
is "keygen: status 0" $? 0
is "the key is the uplink's alone" "$(stat -c '%a %u' "$WORK/gw.key")" "600 65533"
sign "$WORK/gw" 6
agent_start || { tap_result 1 "agent starts"; finish; }
check "it measures" ports_measure
load_start 500 1000 4
wait $LOAD
check "records come over TLS" seen_is 8 "packets(port='lan0', transport='udp', sip='10.1.0.2', dport=9000) == (500, 0)"
like "status: the second broker of the list" "$(status)" 'broker  localhost:8883  connected, MQTT 5'
check "status: how long the certificates hold" status_is 5 "5 <= s['broker']['own_certificate']['days_left'] <= 6 and s['broker']['broker_certificate']['days_left'] in (59, 60)"
like "and for people" "$(status)" 'certs   own: [56] days left, broker: (59|60) days left'
check "an event says that it ends" seen_is 8 "[e for e in of('event') if e['event']['action'] == 'own_certificate_ends' and 'days left, until 20' in e['weir']['detail']]"
check "once" seen_is 5 "len(of('health')) >= 3 and len([e for e in of('event') if e['event']['action'].endswith('certificate_ends')]) == 1"
uplink=$(pid_of uplink)
kill -ABRT "$uplink"
check "uplink aborted: another one comes" status_is 8 "s['broker']['connected'] and s['restarts']['uplink'] == 1"
agent_stop
is "stop: status 0" "$AGENT_STATUS" 0
key=$(sed -n 2p "$WORK/gw.key" | cut -c 1-40)
check "debug was on" grep -q libmosquitto "$WORK/agent.log"
status_text=$(cat "$WORK/seen" "$WORK/agent.log" "$WORK/said" "$WORK/mosquitto.log")
check "password and key are in no log and no message" test "${status_text/s3cr3t-w0rd/}${status_text/"$key"/}" = "$status_text$status_text"
check "no core was left" test -z "$(find "$WORK" . -maxdepth 1 -name 'core*' 2>/dev/null)"
finish
