#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0] ---- [lan0] ns gw [wan0] ---- [s0, HTTP] ns server
#   ns gw, loopback: mosquitto, the agent with its metrics page on 9469, Prometheus on 9090
#
# The page says what weir status says, as promtool and Prometheus read it; clients that mean no good, and a flood of them, stall
# nothing; the process that serves it is confined, and started again alone.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
need prometheus promtool curl ss
URL=http://127.0.0.1:9469/metrics

metrics() { in_ns gw python3 "$TOP/tests/lib/metrics_seen.py" "$@"; }
field() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr '\t' ' '; }
listens() { in_ns gw ss -Htln | awk '{ print $4 }' | grep ":9469$"; }

gateway
broker_start
watch_start
agent_config
agent_start || { tap_result 1 "agent starts"; finish; }
is "nobody asked for a page: no process" "$(pid_of metrics)" ""
is "and nobody listens" "$(listens)" ""
agent_stop

agent_config metrics.listen=127.0.0.1:9469 metrics.user=65532
agent_start || { tap_result 1 "agent starts with the page"; finish; }
check "both ports measure" ports_measure
is "it listens on the address that was given" "$(listens)" "127.0.0.1:9469"
mkdir "$WORK/www"
echo weir >"$WORK/www/index.html"
spawn server python3 -m http.server 80 --bind 10.2.0.2 --directory "$WORK/www" >/dev/null 2>&1
at_exit "kill $!"
wait_for 5 in_ns server bash -c 'exec 3<>/dev/tcp/10.2.0.2/80' 2>/dev/null
for _ in 1 2 3 4 5; do in_ns client curl -sS -o /dev/null http://10.2.0.2/index.html; done
in_ns client ping -qc 3 -i 0.2 10.2.0.2 >/dev/null
check "flows have been reported" status_is 10 "s['counters']['export.records'] >= 10 and s['flow_table']['live'] >= 0 and \
	sum(p['weir']['names']['named'] for p in s['ports']) >= 2"

check "it is what the text format wants" metrics page $URL
check "it is what OpenMetrics wants" metrics page $URL openmetrics
metrics page $URL >"$WORK/page"
check "promtool has nothing to say against it" promtool check metrics <"$WORK/page"
is "promtool's words" "$(promtool check metrics <"$WORK/page" 2>&1)" ""
check "every counter is that of weir status" wait_for 20 metrics status $URL "$WEIR" "$SOCKET"
settled_rtt() { metrics rtt $URL "$WORK/seen"; }
check "round trips are those of all summaries" wait_for 15 settled_rtt
note "$(settled_rtt)"

cat >"$WORK/prom.yml" <<-END
	global: {scrape_interval: 1s, scrape_timeout: 1s}
	scrape_configs: [{job_name: weir, static_configs: [{targets: ['127.0.0.1:9469']}]}]
END
spawn gw prometheus --config.file="$WORK/prom.yml" --storage.tsdb.path="$WORK/prometheus" --web.listen-address=127.0.0.1:9090 \
	>"$WORK/prometheus.log" 2>&1
PROMETHEUS=$!
at_exit "kill $PROMETHEUS; wait $PROMETHEUS"
query() { metrics query http://127.0.0.1:9090 "$1"; }
scraped() { [ "$(query 'up{job="weir"}')" = 1 ] && [ "$(query weir_export_records_total)" != nothing ]; }
check "Prometheus scrapes it" wait_for 30 scraped
same() {	# nothing comes any more: a value that status had before and after is the one
	local before value
	before=$(status_is 1 "$2")
	value=$(query "$1")
	[ -n "$before" ] && [ "$before" = "$(status_is 1 "$2")" ] && [ "$before" = "$value" ]
}
for pair in "weir_export_records_total|s['counters']['export.records']" \
	'weir_books_seen_frames_total{interface="lan0",direction="rx"}'"|[p for p in s['ports'] if p['observer']['interface']['name'] == 'lan0'][0]['weir']['books']['rx']['seen']['frames']" \
	"weir_sweep_ended_total|s['counters']['sweep.ended']" "weir_flow_table_slots|s['flow_table']['slots']"; do
	check "Prometheus: ${pair%%|*} is that of status" wait_for 30 same "${pair%%|*}" "${pair#*|}"
done
check "Prometheus: quantiles of round trips are those of the page's buckets" wait_for 15 metrics quantiles $URL http://127.0.0.1:9090
note "$(metrics quantiles $URL http://127.0.0.1:9090)"
kill -TERM $PROMETHEUS
wait $PROMETHEUS

pid=$(pid_of metrics) agent=$(pid_of agent) uplink=$(pid_of uplink)
is "its user" "$(field "$pid" Uid)" "65532 65532 65532 65532"
is "no capability" "$(field "$pid" 'Cap[A-Za-z]*' | sort -u)" 0000000000000000
is "its system calls are filtered" "$(field "$pid" Seccomp)" 2
is "no map, in descriptors or memory" "$(find "/proc/$pid/fd" -lname '*bpf*' | wc -l) $(grep -c anon_inode:bpf "/proc/$pid/maps")" "0 0"

metrics hostile 127.0.0.1 9469 >"$WORK/hostile"
tap_result $? "what is no HTTP, or too much of it, ends"
note "$(cat "$WORK/hostile")"
is "in the same process" "$(pid_of metrics)" "$pid"
check "which still serves" metrics page $URL

began=$(date +%s%N)
before=$(status_is 5 "s['counters']['metrics.pages']")
sweeps=$(status_is 5 "s['counters']['sweep.sweeps']")
metrics flood 127.0.0.1 9469 4 0 >"$WORK/flood"
like "a flood: its clients are served" "$(cat "$WORK/flood")" '^[1-9][0-9]* pages'
note "$(cat "$WORK/flood")"
metrics flood 127.0.0.1 9469 5 60 >"$WORK/flood" &
FLOOD=$!
check "a flood beside 60 connections that stay: the sweep goes on meanwhile" status_is 30 "s['counters']['sweep.sweeps'] >= $sweeps + 15"
wait $FLOOD
note "$(cat "$WORK/flood")"
pages=$(($(status_is 5 "s['counters']['metrics.pages']") - before))
check "the agent is asked at most ten times a second" test $pages -le $((($(date +%s%N) - began) / 100000000 + 1))
check "it serves as before when it is over" wait_for 15 metrics page $URL
is "the processes are the same" "$(pid_of metrics) $(pid_of agent) $(pid_of uplink)" "$pid $agent $uplink"

kill -KILL "$pid"
another() { [ -n "$(pid_of metrics)" ] && [ "$(pid_of metrics)" != "$pid" ] && metrics page $URL; }
check "killed: it is started again" wait_for 10 another
is "alone" "$(pid_of agent) $(pid_of uplink)" "$agent $uplink"
kill -KILL "$agent"
check "an agent that was started again writes the page, too" wait_for 15 eval \
	'metrics page $URL | grep -q "^weir_restarts_total{process=\"agent\"} 1"'
is "nothing was refused meanwhile" "$(status_is 5 "s['counters']['processes.syscalls_refused'] + 1")" 1
agent_stop
is "end: status 0" "$AGENT_STATUS" 0
is "nobody listens any more" "$(listens)" ""

agent_config metrics.listen=10.1.0.1:9469 metrics.user=65532
agent_start || { tap_result 1 "agent starts on another address"; finish; }
check "an address that others reach is warned of" grep -q 'warning: metrics.listen = "10.1.0.1:9469"' "$WORK/agent.log"
check "and served" in_ns client curl -sSf -o /dev/null http://10.1.0.1:9469/metrics
pid=$(pid_of metrics)
kill -KILL $AGENT
wait $AGENT 2>/dev/null
check "it ends with the dataplane process" wait_for 5 gone "$pid"
agent_start || note "no start after the kill"
agent_stop
finish
