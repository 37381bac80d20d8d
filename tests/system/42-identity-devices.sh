#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Devices: a host that pings by IPv4 and IPv6 and asks for an address by DHCP is one device, with its addresses and its name.
#
#   client c0 --- lan0 [gw: dnsmasq (DHCP), agent, mosquitto] wan0 --- server
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"

need_agent
need dnsmasq busybox
gateway
broker_start
watch_start
agent_config
agent_start
ports_measure
MAC=$(mac_of client c0 | tr a-f A-F | tr : -)
in_ns client ping -c 1 -q 10.1.0.1 >/dev/null
in_ns client ping -c 1 -q fd01::1 >/dev/null
spawn gw dnsmasq --keep-in-foreground --port=0 --no-hosts --no-resolv --interface=lan0 --bind-interfaces --pid-file= --user=root \
	--dhcp-leasefile="$WORK/leases" --dhcp-range=10.1.0.100,10.1.0.110,1h --log-facility="$WORK/dnsmasq.log"
at_exit "kill $!"
sleep 0.5
in_ns client busybox udhcpc -i c0 -n -q -t 5 -T 1 -s /bin/true -x hostname:kitchen-printer >"$WORK/udhcpc.log" 2>&1 ||
	note "$(cat "$WORK/udhcpc.log" "$WORK/dnsmasq.log")"

device() {	# EXPRESSION over d, the last word about the client's MAC on lan0
	python3 - "$WORK/seen" "$MAC" "$1" <<-'END'
		import json, sys
		d = None
		for line in open(sys.argv[1]):
		    topic, _, body = line.split('\t', 2)
		    if topic.endswith('/device'):
		        one = json.loads(body)
		        if one['host']['mac'] == sys.argv[2] and one['observer']['interface']['name'] == 'lan0':
		            d = one
		print(eval(sys.argv[3]) if d else 'no device')
	END
}
named() { [ "$(device "d['host'].get('name')")" = kitchen-printer ]; }
wait_for 10 named
is "its name, by DHCP" "$(device "d['host'].get('name')")" kitchen-printer
is "its address by ARP" "$(device "'10.1.0.2' in d['host']['ip']")" True
is "its address by neighbour discovery" "$(device "'fd01::2' in d['host']['ip']")" True
is "its address by DHCP" "$(device "any(a.startswith('10.1.0.1') and len(a) == 10 for a in d['host']['ip'])")" True
is "no vendor: its MAC is locally administered" "$(device "d['weir']['device']['locally_administered']")" True
is "nobody on the other side has its MAC" "$(grep -c "/device.*$MAC.*wan0" "$WORK/seen")" 0
check "counters" status_is 5 "s['counters']['devices.learnt'] >= 2"
finish
