#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2] ---- [lan0] ns gw [wan0] ---- [s0 10.2.0.2] ns server;  gw, loopback: mosquitto <- agent <- weir top
#
# weir top and weir status say the round trips and losses that a conversation of frames really had; so does class summary.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
need openssl
top() { timeout 40 "$WEIR" top -s "$SOCKET" "$@"; }
top_py() { python3 "$TOP/tests/lib/top_view.py" "$@"; }

# ---- what is said without an agent ----

wrong() {	# WORD ALLOWED ARGS...: status 2, and a line that has both
	local word=$1 allowed=$2 output
	shift 2
	output=$("$WEIR" top "$@" 2>&1)
	is "top $*: status 2" $? 2
	like "top $*: quotes it and says what is allowed" "$output" "\"$word\".*allowed:.*$allowed"
}
wrong --sideways '--once, --json' --sideways
wrong -x '-n COUNT' -x
wrong weight 'rate, bytes, rtt, loss, name' --sort weight
wrong 0 'from 1 to 100' -n 0
wrong 101 'from 1 to 100' -n 101
wrong 7x 'from 1 to 100' --count 7x
wrong never 'from 1 to 60' -d never
wrong 19 'from 20 to 400' -w 19
wrong -n '-n COUNT' -n
wrong now '--once' now
output=$("$WEIR" top -s "$WORK/none.sock" 2>&1)
is "no agent: status 1" $? 1
like "no agent: message" "$output" "weir top: no agent answers at \"$WORK/none.sock\""

# ---- traffic ----

gateway plain
broker_start
watch_start
agent_config flows.active_timeout=60s export.summary_interval=3s
agent_start || { tap_result 1 "agent starts"; finish; }
check "both ports measure" ports_measure
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/key.pem" -out "$WORK/cert.pem" -days 2 \
	-subj /CN=top.test 2>/dev/null
spawn server openssl s_server -accept 443 -key "$WORK/key.pem" -cert "$WORK/cert.pem" -alpn h2 -www >/dev/null 2>&1
at_exit "kill $!"
wait_for 5 in_ns server bash -c "exec 3<>/dev/tcp/10.2.0.2/443" 2>/dev/null || note "no TLS server"
for name in beta.top.test alpha.top.test a-name-so-long-that-no-column-holds-all-of-it.of-a-very-long-name.top.test; do
	spawn client bash -c "sleep 120 | openssl s_client -quiet -connect 10.2.0.2:443 -servername $name -alpn h2" >/dev/null 2>&1
	at_exit "kill $!"
done
load_start 1000000 1000 1
at_exit "kill $LOAD"
read -r near far < <(/usr/bin/python3 "$TOP/tests/lib/tcp_frames.py" "$(ns client)" "$(ns gw)" "$(ns server)" 47000 40 5 20 3 2)
note "made: near $near us, far $far us"
check "the conversation took place" test "${far:-0}" -ge 20000 -a "${near:-0}" -ge 5000

# ---- JSON ----

export NEAR=$near FAR=$far
for sort in rate bytes rtt loss name; do
	top --json --sort $sort -n 50 >"$WORK/$sort.json"
	is "--json --sort $sort: status 0" $? 0
done
top_py json "$WORK"/{rate,bytes,rtt,loss,name}.json
TAP_N=$((TAP_N + 20))
is "-n 2: two flows" "$(top --json -n 2 | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["flows"]))')" 2

# ---- text ----

top --sort loss >"$WORK/plain"
is "not on a terminal: one snapshot and status 0" $? 0
check "and no control character" test "$(LC_ALL=C tr -d '\n -~' <"$WORK/plain" | wc -c)" = 0
like "who, how much of it lost, and where" "$(cat "$WORK/plain")" "10\.1\.0\.50:47000 +10\.2\.0\.50:7000 +tcp +[0-9.k]+ +[0-9.k]+ +$((near / 1000))[.0-9]* +$((far / 1000))[.0-9]* +3/2 +0/0 +open"
like "books balance" "$(cat "$WORK/plain")" "lan0 +rx [0-9.]+[kM]bit/s [0-9.k]+frames/s tx [0-9.]+[kM]?bit/s [0-9.k]+frames/s books balance: yes"
for width in 20 40 60 80 132; do
	top --once --sort rtt -w $width >"$WORK/text.$width"
	is "-w $width: no line is longer" "$(awk -v w=$width 'length > w' "$WORK/text.$width")" ""
	check "-w $width: whom" grep -Eq '(10\.2\.0\.50|top\.test):[0-9]+' "$WORK/text.$width"
done
for head in PORT CLIENT SERVER PROTO OUT BACK NEAR FAR 'LOST>' 'LOST<' STATE; do
	check "80 columns have $head" grep -q "^PORT.* *$head" <<<"$(sed 's/^PORT/PORT PORT/' "$WORK/text.80")"
done
like "80 columns: the end of a long name" "$(cat "$WORK/text.80")" "~[a-z-]*\.top\.test:443 +h2 "
like "132 columns: all of a name" "$(cat "$WORK/text.132")" " alpha\.top\.test:443 +h2 "
top --once -n 3 --sort name -w 80 >"$WORK/three"
is "-n 3: three lines" "$(sed -n '/^PORT /,/^$/p' "$WORK/three" | sed '1d;$d' | wc -l)" 3

# ---- on a terminal ----

top_py terminal "$WEIR" "$SOCKET"
TAP_N=$((TAP_N + 14))

# ---- who asks and does not listen ----

sweeps=$(status_is 1 "s['counters']['sweep.sweeps']")
top_py deaf "$SOCKET"
TAP_N=$((TAP_N + 6))
check "the sweep goes on meanwhile" status_is 3 "s['counters']['sweep.sweeps'] > $sweeps"

# ---- weir status and class summary ----

check "status: places of the pool in use" status_is 2 "4 <= s['tcp_pool']['used'] <= 20 and s['tcp_pool']['size'] == 16384"
in_ns client bash -c 'exec 3<>/dev/tcp/10.2.0.2/9' 2>/dev/null
check "status: a refused connection" status_is 15 "[p for p in s['tcp']['ports'] if p['port'] == 'lan0' and p['refused'] == 1]"
agent_stop
is "end: status 0" "$AGENT_STATUS" 0
seen_is 5 "[m for k, _, m in messages if k == 'summary' and m['tcp']['names']]" >/dev/null || note "no summary with names"
for side in near far; do
	is "summary: samples of lan0 $side are those of its records" \
		"$(seen "sum(p.get('rtt_${side}_count', 0) for m in of('summary') for p in m['tcp']['ports'] if p['port'] == 'lan0')")" \
		"$(seen "sum(get(r, 'weir.tcp.rtt_us.$side.count') or 0 for r in records(port='lan0'))")"
done
is "summary: what was sent again, and lost before" \
	"$(seen "[sum(p[k] for m in of('summary') for p in m['tcp']['ports'] if p['port'] == 'lan0') for k in ('retransmits_near', 'lost_before_near', 'lost_before_far')]")" \
	"$(seen "[sum(get(r, 'weir.tcp.' + k) or 0 for r in records(port='lan0') if get(r, 'event.reason') != 'active timeout' or get(r, 'destination.port') in (443, 7000)) for k in ('retransmits.source', 'lost_before.source', 'lost_before.destination')]")"
is "summary: by name" "$(seen "sorted({n['name'][:5] for m in of('summary') for n in m['tcp']['names'] if n['port'] == 'lan0'})")" "['a-nam', 'alpha', 'beta.']"
is "summary: the device behind lan0" "$(seen "sorted({d['mac'] for m in of('summary') for d in m['tcp']['devices'] if d['port'] == 'lan0'})")" \
	"['$(mac_of client c0 | tr 'a-f:' 'A-F-')']"
is "summary: buckets add up to the samples" "$(seen "all(sum(p['rtt_far_buckets']) == p['rtt_far_count'] for m in of('summary') for p in m['tcp']['ports'] if 'rtt_far_count' in p)")" True

# A successor in the same tables, which reports every second.
agent_start -o flows.active_timeout=1s || { tap_result 1 "agent starts again"; finish; }
check "both ports measure again" ports_measure
read -r near far < <(/usr/bin/python3 "$TOP/tests/lib/tcp_frames.py" "$(ns client)" "$(ns gw)" "$(ns server)" 47001 40 5 20 3 2)
note "made: near $near us, far $far us"
mine="next(p for p in s['tcp']['ports'] if p['port'] == 'lan0')"
is "status: what was sent again, and lost before" \
	"$(status_is 12 "(lambda p: p['retransmits_near'] >= 3 and p['lost_before_near'] >= 2 and (p['retransmits_near'], p['lost_before_near'], p['retransmits_far'], p['lost_before_far']))($mine)")" \
	"(3, 2, 0, 0)"
is "status: round trips, within a bucket" \
	"$(status_is 1 "(lambda p: (abs(p['rtt_near_p50_us'] - $near) < 0.3 * $near, abs(p['rtt_far_p50_us'] - $far) < 0.3 * $far, p['rtt_far_p50_us'] <= p['rtt_far_p95_us'] <= p['rtt_far_p99_us']))($mine)")" \
	"(True, True, True)"
text=$(status)
like "status: health of TCP" "$text" "TCP HEALTH in reports of the last [0-9]+ s"
like "status: near side of a port" "$text" $'\n'"lan0 +near +[0-9.]+ +[0-9.]+ +[0-9.]+ +3 \([0-9.]+ %\) +2 \([0-9.]+ %\) +[0-9]+ measured now"$'\n'
like "status: far side of a port" "$text" $'\n'" +far +[0-9.]+ +[0-9.]+ +[0-9.]+ +0 .* no_answer [0-9]+, refused [0-9]+, reset_in_handshake [0-9]+"
agent_stop
is "end: status 0" "$AGENT_STATUS" 0
finish
