#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2, fd01::2] ---- [lan0] ns gw [wan0] ---- [s0 10.2.0.2, fd02::2, 10.2.0.3] ns server
#   browsers, curl, openssl, ...          mosquitto <- agent,             dnsmasq, nghttpd tcp 443, gtlsserver udp 443,
#   10.2.0.3: in segments of 300 bytes    subscriber; tcpdump on lan0     openssl s_server tcp 8443
#
# Real clients connect through the gateway: what arrives over MQTT about each connection, of either port, is what tshark says
# about the packets that a capture took on lan0.  40-identity-clients.sh [WORD ...]: only clients whose label has a WORD.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent
need tcpdump tshark openssl dnsmasq nghttpd unshare

LIMIT_S=60	# for one client; a busy machine may not let a browser end sooner, which is no failure: its connection is judged
PATH=$PATH:/usr/sbin

# label | needs | which connections of the capture are its: kind, server's port, server_name ("-": none) | least number | command
# In the client's namespace, where names are resolved by dnsmasq; $B4, $B6 and $NARROW are addresses of the server.
# shellcheck disable=SC2016,SC2089
CLIENTS='
chromium          | chromium            | tls 443 chromium.weir.test        | 1 | page chromium https://chromium.weir.test/index.html
chromium, QUIC    | chromium gtlsserver | quic 443 chromium-quic.weir.test  | 1 | page chromium-quic https://chromium-quic.weir.test/index.html
firefox           | firefox-esr         | tls 443 firefox.weir.test         | 1 | page firefox https://firefox.weir.test/index.html
firefox, QUIC     | firefox-esr gtlsserver | quic 443 firefox-quic.weir.test | 1 | page firefox-quic https://firefox-quic.weir.test/index.html
curl, HTTP/1.1    | curl                | tls 8443 curl-h1.weir.test        | 1 | curl -sSf --http1.1 --cacert ca.pem -o /dev/null https://curl-h1.weir.test:8443/
curl, HTTP/2      | curl                | tls 443 curl-h2.weir.test         | 1 | curl -4 -sSf --http2 --cacert ca.pem -o /dev/null https://curl-h2.weir.test/
openssl, TLS 1.3  | openssl             | tls 8443 openssl13.weir.test      | 1 | openssl s_client -verify_return_error -CAfile ca.pem -tls1_3 -alpn h2,http/1.1 -connect openssl13.weir.test:8443
openssl, TLS 1.2  | openssl             | tls 8443 openssl12.weir.test      | 1 | openssl s_client -verify_return_error -CAfile ca.pem -tls1_2 -alpn http/1.1 -connect openssl12.weir.test:8443
openssl, no name  | openssl             | tls 8443 -                        | 2 | openssl s_client -noservername -alpn weir-test,http/1.1 -connect $B4:8443 && openssl s_client -noservername -connect [$B6]:8443
openssl, retry    | openssl             | tls 8443 retry.weir.test          | 1 | openssl s_client -verify_return_error -CAfile ca.pem -groups P-521:X25519 -connect retry.weir.test:8443
openssl, narrow   | openssl             | tls 8443 narrow.weir.test         | 1 | openssl s_client -verify_return_error -CAfile ca.pem -alpn h2,http/1.1 -servername narrow.weir.test -connect $NARROW:8443
gnutls-cli        | gnutls-cli          | tls 443 gnutls.weir.test          | 1 | gnutls-cli --x509cafile=ca.pem --alpn=h2 --alpn=http/1.1 gnutls.weir.test:443
gtlsclient, QUIC  | gtlsclient gtlsserver | quic 443 ngtcp2.weir.test       | 1 | gtlsclient -q --exit-on-all-streams-close ngtcp2.weir.test 443 https://ngtcp2.weir.test/index.html
node              | node                | tls 8443 node.weir.test           | 1 | NODE_EXTRA_CA_CERTS=ca.pem node -e "require(\"https\").get(\"https://node.weir.test:8443/\", {agent: false}, r => r.resume())"
python            | python3             | tls 8443 python.weir.test         | 1 | SSL_CERT_FILE=ca.pem /usr/bin/python3 -c "import urllib.request as u; u.urlopen(\"https://python.weir.test:8443/\").read()"
'

trim() { local t=${1#"${1%%[! ]*}"}; echo "${t%"${t##*[! ]}"}"; }

certificates() {	# a CA, and one certificate for every name
	local k="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
	# shellcheck disable=SC2086
	openssl req -x509 $k -keyout ca.key -out ca.pem -days 2 -subj "/CN=Weir test CA" &&
	openssl req $k -keyout key.pem -out csr.pem -subj /CN=weir.test &&
	openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out cert.pem \
		-extfile <(echo "subjectAltName=DNS:weir.test,DNS:*.weir.test")
}

server() {	# COMMAND...
	command -v "$1" >/dev/null || return
	spawn server "$@" >"server-$1.log" 2>&1
	at_exit "kill $!"
}

page() { "$TOP/tests/lib/browser" "$1" "$2" "$WORK/$1" cert.pem ca.pem; }

client() {	# LABEL NEEDS COMMAND: its label and how it went into "ran"; run in the client's namespace
	local what how=ok
	for what in $2; do
		command -v "$what" >/dev/null || { printf '%s\t%s is not installed\n' "$1" "$what" >>ran; return; }
	done
	timeout $LIMIT_S bash -c "$3" </dev/null >"log ${1//[^a-z0-9]/ }" 2>&1 || how="status $?"
	[[ $3 != page* || $how != 'status 124' ]] || how=ok
	printf '%s\t%s\n' "$1" "$how" >>ran
}

traffic() {	# [WORD...]: two browsers at a time beside the rest, one after the other: s_server has one client at a time
	local label needs what least command word wanted
	while IFS='|' read -r label needs what least command; do
		label=$(trim "$label")
		[ -n "$label" ] || continue
		wanted=${1:+no}
		for word; do [[ $label != *"$word"* ]] || wanted=yes; done
		[ "$wanted" != no ] || continue
		printf '%s\t%s\t%s\n' "$label" "$(trim "$what")" "$(trim "$least")" >>clients
		command=$(trim "$command")
		if [[ $command == page* ]]; then
			[ "$(jobs -pr | wc -l)" -lt 2 ] || wait -n
			client "$label" "$needs" "$command" &
		else
			client "$label" "$needs" "$command"
		fi
	done <<<"$CLIENTS"
	wait
}

check "the oracle's JA4 is that of the specification" python3 tests/lib/tshark_hello.py --self-check
gateway
ip_in server addr add 10.2.0.3/24 dev s0
ip_in client route add 10.2.0.3 via 10.1.0.1 mtu lock 352
for side in "gw lan0" "gw wan0" "client c0" "server s0"; do
	# shellcheck disable=SC2086
	offloads $side off
	in_ns "${side% *}" ethtool -K "${side#* }" tx-udp-segmentation off >/dev/null 2>&1	# Firefox: two Initials in one frame
done
cd "$WORK" || exit 1
certificates 2>openssl.log || note "no certificates" "$(cat openssl.log)"
mkdir www
echo '<html><head><link rel="icon" href="data:,"></head><body>weir</body></html>' >www/index.html
echo "nameserver 10.2.0.2" >resolv.conf
: >ran
: >clients

broker_start
watch_start
agent_config flows.active_timeout=1s flows.fin_timeout=500ms	# a second hello reports the flow: what comes behind is told at its end
agent_start || { tap_result 1 "agent starts"; finish; }
check "both ports measure" ports_measure
server dnsmasq --keep-in-foreground --no-resolv --no-hosts --log-facility=- --user="$(id -un)" --pid-file= \
	--address=/weir.test/10.2.0.2 --address=/weir.test/fd02::2
server nghttpd -d "$WORK/www" 443 key.pem cert.pem
server gtlsserver -q -d "$WORK/www" '*' 443 key.pem cert.pem
server openssl s_server -accept 8443 -groups X25519:P-256 -www -alpn http/1.1,h2 -key key.pem -cert cert.pem
for port in 53 443 8443; do
	wait_for 5 in_ns server bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null || note "no server on port $port"
done
spawn gw tcpdump -i lan0 -s 0 -B 8192 -U -w lan0.pcap --immediate-mode 2>tcpdump.log
DUMP=$!
at_exit "kill $DUMP"
wait_for 5 grep -q 'listening on' tcpdump.log

# shellcheck disable=SC2090
export B4=10.2.0.2 B6=fd02::2 NARROW=10.2.0.3 TOP WORK CLIENTS LIMIT_S
export -f traffic client trim page
nsenter --net="/run/netns/$(ns client)" unshare -m bash -c 'mount --bind resolv.conf /etc/resolv.conf && traffic "$@"' - "$@"
sleep 2.5	# what is to be said of them has been said: active time-out, batch, health
status --json >status.json
agent_stop
is "the agent ends with status 0" "$AGENT_STATUS" 0
wait_for 5 grep -q '"state":"offline"' seen
kill -TERM $DUMP
wait $DUMP
like "the capture missed nothing" "$(cat tcpdump.log)" '(^|[^0-9])0 packets dropped by kernel'

while IFS=$'\t' read -r label how; do
	case $how in
	ok) ;;
	*'not installed') skip "$label" "$how" ;;
	*) tap_result 1 "$label runs"; note "$how" "$(tail -n 5 "log ${label//[^a-z0-9]/ }")" ;;
	esac
done <ran
while IFS=$'\t' read -r verdict text; do
	case $verdict in
	ok) tap_result 0 "$text" ;;
	'not ok') tap_result 1 "$text" ;;
	*) note "   $text" ;;
	esac
done < <(python3 "$TOP/tests/lib/identity.py" lan0.pcap seen status.json clients ran 2>&1 || printf 'not ok\tthe records are judged\n')
[ -z "${KEEP:-}" ] || cp lan0.pcap seen status.json clients ran "$KEEP"
finish
