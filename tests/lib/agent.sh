# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# agent.sh - a gateway between two hosts with a broker and the whole agent in it. Source it after tap.sh.
#
#   ns client [c0 10.1.0.2, fd01::2] ---- [lan0 10.1.0.1] ns gw [wan0 10.2.0.1] ---- [s0 10.2.0.2, fd02::2] ns server
#   ns gw, loopback: mosquitto, its subscriber, the agent
#
#   need_agent                       skips the file where it cannot run; sets up the cleanup
#   gateway [plain]                  the three namespaces; no frame comes by itself but IPv6 neighbour discovery.
#                                    plain: no IPv6, fixed neighbours, no offloads: frames are what a program sends
#   broker_start, broker_stop        mosquitto on $BROKER_PORT of the gateway; keeps what its subscriber has not got
#   watch_start                      everything published goes to $WORK/seen
#   agent_config [LINE...]           $WORK/weir.conf; lines are SECTION.KEY=VALUE and win over those of the test
#   agent_start [-n] [ARGS...]       and waits until it is connected (-n: until it answers); sets AGENT
#   agent_stop                       SIGTERM, waits; its exit status is in AGENT_STATUS
#   pid_of agent|uplink              of the agent that was started last
#   status [ARGS...]                 weir status
#   status_is SECONDS EXPRESSION     until the expression over its JSON (dict s) holds; prints its value
#   seen EXPRESSION                  value of a Python expression over what was published: agent_seen.py
#   seen_is SECONDS EXPRESSION       until it holds
#   wait_for SECONDS COMMAND...         until the command succeeds
. "$TOP/tests/lib/net.sh"

BROKER_PORT=1883 BROKER= WATCH= AGENT= AGENT_STATUS=
GATEWAY=weir-gw-$$ SOCKET=$WORK/control.sock
WEIR=$(realpath -m "$B/weir") WEIR_OBJECT=$(realpath -m "${OBJECT:-$B/weir.bpf.o}")

need_agent() {
	need_root
	need mosquitto mosquitto_sub ethtool python3 setpriv
	[ -x "$WEIR" ] || skip_all "$WEIR is not built: make"
	chmod 755 "$WORK"
	at_exit 'rm -rf "$PIN_DIR"/links "$PIN_DIR"'
	at_exit 'end_all'
}

end_all() {
	local pid
	for pid in $AGENT $WATCH $BROKER; do
		kill -TERM "$pid"
	done
	[ -z "$AGENT" ] || wait_for 8 gone "$AGENT" || agent_kill
	kill -KILL $WATCH $BROKER
	wait
}

# In the background; $! is the command itself, not a shell around it.
spawn() { local name; name=$(ns "$1"); shift; nsenter --net="/run/netns/$name" "$@" & }

gone() { ! kill -0 "$1" 2>/dev/null; }

wait_for() {	# SECONDS COMMAND...
	local end=$(($(date +%s%N) + $1 * 1000000000))
	shift
	until "$@"; do
		[ "$(date +%s%N)" -lt $end ] || return 1
		sleep 0.05
	done
}

mac_of() { ip_in "$1" -o link show "$2" | sed 's/.*ether \([^ ]*\).*/\1/'; }
frames_of() { in_ns "$1" cat /proc/net/dev | sed -n "s/^ *$2: *//p" | awk '{ print $2, $10 }'; }	# NS IF: received, sent

wire() {	# NS1 IF1 ADDR4 ADDR6 NS2 IF2 ADDR4 ADDR6
	ip_in "$1" link add "$2" mtu 1500 type veth peer name "$6" mtu 1500 netns "$(ns "$5")" || exit 1
	if [ "$PLAIN" ]; then
		link_up "$1" "$2" "$3/24"
		link_up "$5" "$6" "$7/24"
		ip_in "$1" neigh replace "$7" lladdr "$(mac_of "$5" "$6")" dev "$2" nud permanent
		ip_in "$5" neigh replace "$3" lladdr "$(mac_of "$1" "$2")" dev "$6" nud permanent
		offloads "$1" "$2" off
		offloads "$5" "$6" off
		return
	fi
	ip_in "$1" addr add "$3/24" dev "$2"
	ip_in "$1" addr add "$4/64" dev "$2" nodad
	ip_in "$5" addr add "$7/24" dev "$6"
	ip_in "$5" addr add "$8/64" dev "$6" nodad
	ip_in "$1" link set "$2" up
	ip_in "$5" link set "$6" up
}

offloads() { in_ns "$1" ethtool -K "$2" tso "$3" gso "$3" gro "$3" >/dev/null 2>&1; }	# NS IF on|off

gateway() {
	local side
	PLAIN=${1:-}
	for side in gw client server; do
		ns_new $side
		in_ns $side sysctl -qw net.ipv6.conf.{all,default}.{accept_dad,accept_ra,router_solicitations}=0
	done
	in_ns gw sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	wire gw lan0 10.1.0.1 fd01::1 client c0 10.1.0.2 fd01::2
	wire gw wan0 10.2.0.1 fd02::1 server s0 10.2.0.2 fd02::2
	ip_in client route add default via 10.1.0.1
	ip_in server route add default via 10.2.0.1
	[ "$PLAIN" ] || { ip_in client route add default via fd01::1; ip_in server route add default via fd02::1; }
}

broker_start() {
	local user
	user=$(id -un)
	[ -e "$WORK/mosquitto.conf" ] || cat >"$WORK/mosquitto.conf" <<-END
		listener $BROKER_PORT 127.0.0.1
		user $user
		allow_anonymous ${ANONYMOUS:-true}
		persistence true
		persistence_location $WORK/
		max_queued_messages 0
		${BROKER_LINES:-}
	END
	spawn gw mosquitto -c "$WORK/mosquitto.conf" >>"$WORK/mosquitto.log" 2>&1
	BROKER=$!
	wait_for 5 in_ns gw bash -c "exec 3<>/dev/tcp/127.0.0.1/$BROKER_PORT" 2>/dev/null ||
		note "mosquitto does not start" "$(cat "$WORK/mosquitto.log")"
}

broker_stop() {
	kill -TERM "$BROKER"
	wait "$BROKER"
	BROKER=
}

# A persistent session: what comes while the subscriber is away (broker restarted) is kept for it.
watch_start() {
	: >"$WORK/seen"
	spawn gw mosquitto_sub -p $BROKER_PORT -V mqttv5 -c -x 600 -i watch -q 1 -t 'weir/#' -F '%t\t%r\t%p' >"$WORK/seen" 2>/dev/null
	WATCH=$!
	in_ns gw mosquitto_pub -p $BROKER_PORT -q 1 -r -t weir/begin -m '{}'
	wait_for 5 grep -q weir/begin "$WORK/seen" || note "no subscriber"
}

agent_config() {
	local line
	python3 - "$@" >"$WORK/weir.conf" <<-END
		import sys
		lines = '''gateway.site=lab
		gateway.name=gw
		broker.port=$BROKER_PORT
		broker.backoff_min=100ms
		broker.start_spread=0s
		broker.offline_delay=0s
		broker.backoff_max=1s
		flows.sweep_interval=200ms
		flows.active_timeout=1s
		export.batch_interval=200ms
		export.summary_interval=2s
		export.health_interval=2s
		run.bpf_object=$WEIR_OBJECT
		run.pin_dir=$PIN_DIR
		run.control_socket=$SOCKET
		run.user=nobody
		run.uplink_user=65533
		port lan0.role=lan
		port wan0.role=wan'''.split('\n') + sys.argv[1:]
		sections = {}
		for line in lines:
		    name, value = line.split('=', 1)
		    section, key = name.strip().rsplit('.', 1)
		    sections.setdefault(section, {})[key] = value
		for section, keys in sections.items():
		    print('[%s]' % section)
		    for key, value in keys.items():
		        print('%s = %s' % (key, value))
	END
}

agent_start() {
	local until='s["broker"]["connected"]'
	[ "${1:-}" != -n ] || { until=True; shift; }
	spawn gw "$WEIR" agent -c "$WORK/weir.conf" "$@" >>"$WORK/agent.log" 2>&1
	AGENT=$!
	AGENT_STATUS=
	wait_for 10 settled && status_is 10 "$until" >/dev/null && return
	note "agent did not start" "$(tail -n 20 "$WORK/agent.log")"
	return 1
}

# It answers, and not a predecessor; or it has ended.
settled() { gone "$AGENT" || [ -n "$(pid_of uplink)" ] && status >/dev/null 2>&1; }

agent_stop() {
	kill -TERM "$AGENT"
	wait "$AGENT"
	AGENT_STATUS=$?
	AGENT=
}

agent_kill() { kill -KILL "$AGENT" "$(pid_of agent)" "$(pid_of uplink)"; wait "$AGENT"; AGENT=; } 2>/dev/null

pid_of() {
	local pid
	for pid in $(cat "/proc/$AGENT/task/$AGENT/children" 2>/dev/null); do
		[ "$(cat "/proc/$pid/comm")" != "weir-$1" ] || echo "$pid"
	done
}

ports_measure() { status_is 10 "len([p for p in s['ports'] if p['weir']['rx_hook'] != 'none']) >= ${1:-2}" >/dev/null; }

status() { "$WEIR" status -s "$SOCKET" "$@"; }
status_is() { python3 "$TOP/tests/lib/agent_seen.py" --status "$WEIR" "$SOCKET" --until "$1" "$2"; }
seen() { python3 "$TOP/tests/lib/agent_seen.py" --seen "$WORK/seen" --until 0 "$1"; }
seen_is() { python3 "$TOP/tests/lib/agent_seen.py" --seen "$WORK/seen" --until "$1" "$2"; }

# N datagrams from ports 40000 on of the client to 10.2.0.2:9000, FLOWS flows in turn, RATE a second; LOAD is its process.
load_start() {	# N RATE FLOWS
	spawn client python3 -c '
import socket, sys, time
n, rate, flows = map(int, sys.argv[1:])
socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(flows)]
for i, s in enumerate(socks):
    s.bind(("10.1.0.2", 40000 + i))
start = time.monotonic()
for i in range(n):
    if i % 10 == 0:
        time.sleep(max(0, start + i / rate - time.monotonic()))
    while True:
        try:
            socks[i % flows].sendto(b"x" * 100, ("10.2.0.2", 9000))
            break
        except ConnectionRefusedError:
            pass
        except OSError:
            time.sleep(0.001)
' "$@"
	LOAD=$!
}
