#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2, fd01::2] ---- [lan0] ns gw [wan0] ---- [s0 10.2.0.2, fd02::2] ns server
#   ns gw, loopback: mosquitto <- agent, subscriber
#
# gateway.privacy: what reaches the broker has no address and no name of anyone, in each mode as far as it promises; who
# has the key, and that pseudonyms outlive the agent.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
need openssl

gateway
broker_start
KEY=$WORK/state/privacy.key
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/key.pem" -out "$WORK/cert.pem" -days 2 \
	-subj /CN=gw.test 2>/dev/null
spawn server openssl s_server -accept 4433 -key "$WORK/key.pem" -cert "$WORK/cert.pem" -www >/dev/null 2>&1
at_exit "kill $!"
wait_for 5 in_ns server bash -c "exec 3<>/dev/tcp/10.2.0.2/4433" 2>/dev/null || note "no server"
MACS=$(for side in "gw lan0" "gw wan0" "client c0" "server s0"; do
	# shellcheck disable=SC2086
	mac_of $side
done | tr a-f A-F | tr : -)
ADDRESSES=$(printf '"%s\n' 10.1.0. 10.2.0. fd01:: fd02::)

watch() {	# from here on; nothing of before
	[ -z "$WATCH" ] || { kill "$WATCH"; wait "$WATCH"; }
	watch_start
}
start() {	# MODE
	agent_config "gateway.privacy=$1" "gateway.privacy_key_file=$KEY" flows.fin_timeout=60s	# weir top shows flows that are there
	watch
	agent_start || { tap_result 1 "$1: agent starts"; finish; }
	ports_measure || note "ports do not measure"
}
talk() {	# NAME: TLS by IPv4, pings by IPv6; until both are published
	in_ns client openssl s_client -connect 10.2.0.2:4433 -servername "$1" -alpn h2 </dev/null >/dev/null 2>&1
	in_ns client ping -c 3 -i 0.02 -q fd02::2 >/dev/null
	seen_is 10 "all([r for r in records(port=p, dport=4433) if get(r, 'weir.name_status') == 'ok'] for p in ('lan0', 'wan0'))" >/dev/null ||
		note "nothing of the TLS connection is published"
	seen_is 10 "records(port='lan0', transport='ipv6-icmp')" >/dev/null || note "nothing of the pings is published"
}
published() { cut -f 3 "$WORK/seen" | grep -cF "$@"; }
value() { seen "next((get(r, '$1') for r in records(port='$2', dport=4433) if get(r, 'weir.name_status') == 'ok'), None)"; }
shown() { { "$WEIR" top -s "$SOCKET" --json --sort name; "$WEIR" top -s "$SOCKET" -w 400; } | grep -cF "$@"; }	# lines of weir top
in_memory() {	# PID: how often the key is there
	python3 - "$1" "$KEY" <<-'END'
		import sys
		pid, secret, hits = sys.argv[1], open(sys.argv[2], 'rb').read(), 0
		with open('/proc/%s/mem' % pid, 'rb', 0) as mem:
		    for line in open('/proc/%s/maps' % pid):
		        if ' rw-p ' in line:
		            a, b = (int(x, 16) for x in line.split()[0].split('-'))
		            mem.seek(a)
		            hits += mem.read(b - a).count(secret)
		print(hits)
	END
}

start full
talk Secret.example.org
is "full: the name" "$(value tls.client.server_name lan0)" Secret.example.org
is "full: the address" "$(value source.ip lan0)" 10.1.0.2
check "full: what is looked for below is found" test "$(published "$ADDRESSES")" -ge 1 -a "$(published "$MACS")" -ge 1 -a \
	"$(published -i secret.example)" -ge 1
check "full: and in weir top, too" test "$(shown "$ADDRESSES")" -ge 1 -a "$(shown -i secret.example)" -ge 2
check "full: no key is made" test ! -e "$KEY"
agent_stop

start no-names
talk secret.example.org
is "no-names: no name is published" "$(published -i secret.example)" 0
is "no-names: none is in weir top" "$(shown -i secret.example)" 0
is "no-names: that there was one is" "$(value weir.name_status lan0)" ok
is "no-names: the address" "$(value source.ip lan0)" 10.1.0.2
check "no-names: no key is made" test ! -e "$KEY"
agent_stop

start hashed
talk Secret.example.org
is "hashed: no name is published" "$(published -i secret.example)" 0
is "hashed: none is in weir top" "$(shown -i secret.example)" 0
is "hashed: no layer-2 address of anyone" "$(published "$MACS")" 0
is "hashed: the address" "$(value source.ip lan0)" 10.1.0.2
name=$(value tls.client.server_name lan0)
check "hashed: 32 digits in place of the name" grep -qE '^[0-9a-f]{32}$' <<<"$name"
is "the key: 32 bytes, its owner's alone" "$(stat -c %s/%a/%u "$KEY")" "32/600/$(id -u)"
is "the uplink does not have it" "$(in_memory "$(pid_of uplink)")" 0
check "the supervisor does, for the next agent" test "$(in_memory "$AGENT")" -ge 1
agent_stop

start prefix
talk secret.example.org
is "prefix: no name is published" "$(published -i secret.example)" 0
is "prefix: none is in weir top" "$(shown -i secret.example)" 0
is "prefix: nor an address" "$(shown "$ADDRESSES")" 0
is "prefix: no layer-2 address of anyone" "$(published "$MACS")" 0
is "prefix: no IP address of anyone" "$(published "$ADDRESSES")" 0
is "prefix: the name's hash is that of mode hashed, whatever its case" "$(value tls.client.server_name lan0)" "$name"
source=$(value source.ip lan0)
destination=$(value destination.ip lan0)
id=$(value network.community_id lan0)
check "prefix: addresses are there" test "$source" != None -a "$destination" != None -a "$source" != "$destination"
is "prefix: they share 14 bits, as 10.1.0.2 and 10.2.0.2 do" "$(python3 -c '
import ipaddress, sys
a, b = (int(ipaddress.ip_address(x)) for x in sys.argv[1:])
print(32 - (a ^ b).bit_length())' "$source" "$destination")" 14
check "prefix: there is a Community ID" test "$id" != None
is "prefix: the other port says the same of the flow" \
	"$(value source.ip wan0) $(value destination.ip wan0) $(value network.community_id wan0)" "$source $destination $id"
kill -KILL "$(pid_of agent)"
watch
wait_for 5 settled && status_is 10 's["broker"]["connected"]' >/dev/null || note "no agent"
talk secret.example.org
is "prefix: an agent that was started again says the same" "$(value source.ip lan0)" "$source"
is "of IP addresses nothing but that" "$(published "$ADDRESSES")" 0
agent_stop

chmod 644 "$KEY"
: >"$WORK/agent.log"
spawn gw "$WEIR" agent -c "$WORK/weir.conf" >>"$WORK/agent.log" 2>&1
wait $!
is "a key that others can read: the agent does not start" $? 1
check "and says so" grep -qF "gateway.privacy_key_file = \"$KEY\": mode 0644: others have a right to it; allowed: 0600 or 0400" \
	"$WORK/agent.log"
finish
