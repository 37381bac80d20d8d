# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# net.sh - the demo's three namespaces, its certificates, broker and servers. Sourced by run.
#
#   client eth0 -------- lan0 gateway wan0 -------- eth0 server      MTU 1500, forwarded, no NAT
#   192.0.2.10           192.0.2.1   198.51.100.1    198.51.100.10
#   2001:db8:1::10       2001:db8:1::1  2001:db8:2::1   2001:db8:2::10
#
# Nothing here touches the machine's own interfaces, resolver or hosts file.

C=weir-demo-client-$$ G=weir-demo-gw-$$ S=weir-demo-server-$$
SERVER4=198.51.100.10 SERVER6=2001:db8:2::10
MQTT_PORT=1883 WS_PORT=8080	# in the gateway's namespace: nobody else is there

# Not `ip netns exec`: that hides /sys/fs/bpf behind a sysfs of its own.
inside() { local ns=$1; shift; nsenter --net="/run/netns/$ns" "$@"; }
have() { command -v "$1" >/dev/null; }

end_link() {	# NS ADDR4 ADDR6 VIA4 VIA6; the routes wait until the link is up
	ip -n "$1" addr add "$2/24" dev eth0
	ip -n "$1" addr add "$3/64" dev eth0 nodad
	ROUTES+=("$1 default via $4" "$1 default via $5")
}

net_up() {
	local ns link
	for ns in "$C" "$G" "$S"; do
		ip netns add "$ns" || return
		inside "$ns" sysctl -qw net.ipv6.conf.{all,default}.{accept_dad,accept_ra,router_solicitations}=0
		ip -n "$ns" link set lo up
	done
	inside "$G" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 || return
	ip -n "$G" link add lan0 mtu 1500 type veth peer name eth0 mtu 1500 netns "$C" || return
	ip -n "$G" link add wan0 mtu 1500 type veth peer name eth0 mtu 1500 netns "$S" || return
	ip -n "$G" addr add 192.0.2.1/24 dev lan0
	ip -n "$G" addr add 2001:db8:1::1/64 dev lan0 nodad
	ip -n "$G" addr add 198.51.100.1/24 dev wan0
	ip -n "$G" addr add 2001:db8:2::1/64 dev wan0 nodad
	ROUTES=()
	end_link "$C" 192.0.2.10 2001:db8:1::10 192.0.2.1 2001:db8:1::1
	end_link "$S" $SERVER4 $SERVER6 198.51.100.1 2001:db8:2::1
}

# Only now can a frame pass: Weir is attached, so that its books and the kernel's counters begin at the same frame.
links_up() {
	local route
	ip -n "$G" link set lan0 up && ip -n "$G" link set wan0 up || return
	ip -n "$C" link set eth0 up && ip -n "$S" link set eth0 up || return
	for route in "${ROUTES[@]}"; do
		# shellcheck disable=SC2086
		set -- $route
		ip -n "$1" route add "${@:2}" || return
	done
}

neighbours_forgotten() { ip -n "$C" neigh flush all; ip -n "$G" neigh flush all; ip -n "$S" neigh flush all; }

certificates() {	# a CA, and one certificate for every name of the demo
	local k="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
	# shellcheck disable=SC2086
	openssl req -x509 $k -keyout "$D/ca.key" -out "$D/ca.pem" -days 2 -subj "/CN=Weir demo CA" &&
	openssl req $k -keyout "$D/key.pem" -out "$D/csr.pem" -subj "/CN=weir.test" &&
	openssl x509 -req -in "$D/csr.pem" -CA "$D/ca.pem" -CAkey "$D/ca.key" -CAcreateserial -days 2 -out "$D/cert.pem" \
		-extfile <(echo "subjectAltName=DNS:weir.test,DNS:*.weir.test")
}

start() {	# NS LOG COMMAND...: in the background; $! is the command's own process
	local ns=$1 log=$D/$2.log
	shift 2
	nsenter --net="/run/netns/$ns" "$@" >"$log" 2>&1 </dev/null &
}

broker_up() {
	mosquitto_passwd -b -c "$D/passwd" gw gw-secret && mosquitto_passwd -b "$D/passwd" dash dash-secret || return
	cat >"$D/acl" <<-END
		user gw
		topic write weir/v1/demo/gw/#
		topic read weir/v1/demo/gw/cmd/#
		topic read weir/v1/demo/gw/ack
		user dash
		topic read weir/v1/#
		topic readwrite weir-demo/end
	END
	cat >"$D/mosquitto.conf" <<-END
		per_listener_settings false
		user nobody
		persistence false
		allow_anonymous false
		password_file $D/passwd
		acl_file $D/acl
		log_dest stderr
		listener $MQTT_PORT 127.0.0.1
		protocol mqtt
		listener $WS_PORT 127.0.0.1
		socket_domain ipv4
		protocol websockets
	END
	chmod 644 "$D/passwd" "$D/acl"	# it reads them as nobody
	start "$G" mosquitto mosquitto -c "$D/mosquitto.conf"
	await 5 inside "$G" mosquitto_pub -h 127.0.0.1 -p $MQTT_PORT -u dash -P dash-secret -t weir-demo/end -m up
}

# server WHAT COMMAND...: starts it in the server's namespace, where it is installed
server() {
	local name=$1
	shift
	have "$1" || { say "no $1 here: going on without it"; return; }
	start "$S" "server-$name" "$@"
	SERVERS+=" $name"
}

servers_up() {
	SERVERS=
	mkdir -p "$D/www"
	echo "<h1>Weir demo</h1>" >"$D/www/index.html"
	head -c 300000 /dev/zero >"$D/www/big"
	server dns dnsmasq --keep-in-foreground --no-resolv --no-hosts --log-facility=- --user=nobody --pid-file= \
		--address="/weir.test/$SERVER4" --address="/weir.test/$SERVER6"
	server http /usr/bin/python3 -m http.server 80 --bind :: --directory "$D/www"
	server h2 nghttpd -d "$D/www" 443 "$D/key.pem" "$D/cert.pem"
	server tls openssl s_server -accept 8443 -www -alpn http/1.1,h2 -key "$D/key.pem" -cert "$D/cert.pem"
	server quic gtlsserver -q -d "$D/www" '*' 4433 "$D/key.pem" "$D/cert.pem"
	server iperf iperf3 -s
}
