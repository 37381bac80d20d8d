#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Real clients through the gateway: what is published of each connection is what tshark says of the same packets.
#
#   client: chromium, firefox, curl, openssl, gnutls, ngtcp2, node, python --- lan0 [gw: agent, mosquitto, tcpdump] wan0 --- server:
#   nghttpd :443 (h2), openssl s_server :8443 (HTTP/1.1), gtlsserver :4433 (QUIC)
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"

need_agent
need tshark tcpdump openssl nghttpd curl
cd "$TOP" || exit 1
gateway
broker_start
watch_start

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/key.pem" -out "$WORK/cert.pem" -days 2 \
	-subj "/CN=weir.test" -addext "subjectAltName=DNS:weir.test,DNS:*.weir.test" 2>/dev/null
mkdir -p "$WORK/www" "$WORK/home"
echo "<h1>weir</h1>" >"$WORK/www/index.html"
spawn server nghttpd -d "$WORK/www" 443 "$WORK/key.pem" "$WORK/cert.pem" >"$WORK/nghttpd.log" 2>&1
SERVERS=$!
spawn server openssl s_server -accept 8443 -www -alpn http/1.1 -key "$WORK/key.pem" -cert "$WORK/cert.pem" >/dev/null 2>&1
SERVERS+=" $!"
if command -v gtlsserver >/dev/null; then
	spawn server gtlsserver -q -d "$WORK/www" '*' 4433 "$WORK/key.pem" "$WORK/cert.pem" >/dev/null 2>&1
	SERVERS+=" $!"
fi
at_exit 'kill $SERVERS $TCPDUMP 2>/dev/null'
TCPDUMP=
agent_config
agent_start
ports_measure
spawn gw tcpdump -i lan0 -s 0 -U -w "$WORK/lan0.pcap" >/dev/null 2>"$WORK/tcpdump.log"
TCPDUMP=$!
wait_for 5 grep -q listening "$WORK/tcpdump.log"

S=10.2.0.2
: >"$WORK/ran"
client() {	# NAME TRANSPORT PORT COMMAND...: skipped where the program is not installed
	local name=$1 transport=$2 port=$3 label=$1
	[ "$name" != ngtcp2 ] || label=localhost	# what gtlsclient asks for where the server is an address
	shift 3
	if ! command -v "$1" >/dev/null; then
		skip "$name" "$1 is not installed"
		return
	fi
	spawn client env HOME="$WORK/home" timeout 25 "$@" >>"$WORK/clients.log" 2>&1 </dev/null
	wait $!
	printf '%s\t%s\t%s\t%s\n' "$name" "$port" "$transport" "$label" >>"$WORK/ran"
}

client curlh1 tcp 8443 curl -sk --http1.1 --resolve "curlh1.weir.test:8443:$S" https://curlh1.weir.test:8443/
client curlh2 tcp 443 curl -sk --http2 --resolve "curlh2.weir.test:443:$S" https://curlh2.weir.test/
client openssl13 tcp 8443 openssl s_client -connect $S:8443 -servername openssl13.weir.test -alpn h2,http/1.1
client openssl12 tcp 8443 openssl s_client -connect $S:8443 -servername openssl12.weir.test -tls1_2 -alpn http/1.1
client nosni tcp 8443 openssl s_client -connect $S:8443 -noservername -alpn http/1.1
client opensslhrr tcp 8443 openssl s_client -connect $S:8443 -servername opensslhrr.weir.test -groups P-521:X25519
client gnutls tcp 443 gnutls-cli --insecure --alpn h2 --sni-hostname gnutls.weir.test --verify-hostname gnutls.weir.test -p 443 $S
client python tcp 8443 /usr/bin/python3 -c "
import socket, ssl
c = ssl._create_unverified_context(); c.set_alpn_protocols(['http/1.1'])
s = c.wrap_socket(socket.create_connection(('$S', 8443)), server_hostname='python.weir.test'); s.send(b'GET / HTTP/1.0\r\n\r\n'); s.recv(9)"
client node tcp 443 node -e "
require('tls').connect({host: '$S', port: 443, servername: 'node.weir.test', ALPNProtocols: ['h2', 'http/1.1'], rejectUnauthorized: false},
	function () { this.end() })"
client ngtcp2 udp 4433 gtlsclient -q --exit-on-all-streams-close $S 4433 https://ngtcp2.weir.test:4433/
client chromium tcp 443 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
	--user-data-dir="$WORK/home/chromium" --disable-background-networking --disable-component-update --disable-sync --disable-quic \
	--host-resolver-rules="MAP *.weir.test $S, MAP * ~NOTFOUND" --ignore-certificate-errors --timeout=5000 --dump-dom \
	https://chromium.weir.test/
mkdir -p "$WORK/home/firefox"
cat >"$WORK/home/firefox/user.js" <<-END
	user_pref("network.dns.forceResolve", "$S");
	user_pref("network.captive-portal-service.enabled", false);
	user_pref("network.connectivity-service.enabled", false);
	user_pref("app.update.enabled", false);
	user_pref("datareporting.healthreport.uploadEnabled", false);
	user_pref("browser.safebrowsing.malware.enabled", false);
	user_pref("browser.safebrowsing.phishing.enabled", false);
	user_pref("services.settings.server", "http://127.0.0.1:9/");
	user_pref("extensions.update.enabled", false);
	user_pref("browser.region.update.enabled", false);
	user_pref("toolkit.telemetry.enabled", false);
END
client firefox tcp 443 firefox-esr --headless --no-remote --profile "$WORK/home/firefox" --screenshot "$WORK/home/shot.png" \
	https://firefox.weir.test/

sleep 1
kill -INT "$TCPDUMP"
wait "$TCPDUMP"
TCPDUMP=
HELLOS=$(tshark -n -r "$WORK/lan0.pcap" -Y 'tcp && tls.handshake.type==1' 2>/dev/null | wc -l)
status_is 5 "s['counters']['identity.client_hellos'] >= 2 * $HELLOS" >/dev/null
is "the walk in the kernel and user space read the same names" "$(status_is 1 "s['counters']['identity.mismatch'] + 1")" 1
CLIENTS=$(grep -c $'\ttcp\t' "$WORK/ran")
check "the walk in the kernel came to the end of a hello of each of $CLIENTS clients, on both ports" \
	status_is 2 "s['counters']['hello_done'] >= 2 * $CLIENTS"
is "the walk in the kernel gave none up" "$(status_is 1 "s['counters']['sweep.names_given_up'] + 1")" 1
is "no copy was lost" "$(status_is 1 "s['counters']['copy_lost'] + s['counters']['event_lost'] + 1")" 1
agent_stop
sleep 0.5

while read -r line; do
	case $line in
	"ok "*) tap_result 0 "${line#ok }" ;;
	"not ok "*) tap_result 1 "${line#not ok }" ;;
	*) echo "$line" ;;
	esac
done < <(python3 tests/lib/identity_judge.py "$WORK/lan0.pcap" "$WORK/seen" "$WORK/ran")
finish
