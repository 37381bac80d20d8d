#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns gw [lan0, wan0] ---- ns client, ns server;  gw, loopback: mosquitto with a password
#
# Each wrong start ends with a message that quotes what was wrong, and status 1 (2: usage). What may come right by itself
# (a port that is not there yet, a broker that refuses) does not end the agent: status says it.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent

ANONYMOUS=false BROKER_LINES="password_file $WORK/passwd"
mosquitto_passwd -b -c "$WORK/passwd" gw right 2>/dev/null
echo wrong >"$WORK/password"
gateway plain
broker_start
agent_config

refused() {	# NAME STATUS REGEX ARGS...: of weir agent
	local name=$1 status=$2 regex=$3 output
	shift 3
	output=$(in_ns gw timeout -k 1 10 "${AS[@]}" "$WEIR" agent "$@" 2>&1)
	is "$name: status $status" $? "$status"
	like "$name: message" "$output" "$regex"
	[ "$(wc -l <<<"$output")" -le 4 ] || note "long:" "$output"
}
AS=()
C=$WORK/weir.conf
refused "no configuration" 1 "$WORK/none.conf.*No such file" -c "$WORK/none.conf"
refused "unknown option" 2 'usage: weir agent' -x
refused "a word too many" 2 'usage: weir agent' -c "$C" lan0
refused "override without a value" 1 'flows' -c "$C" -o flows.slots
refused "override of nothing" 1 '-o:.*"nothing".*allowed' -c "$C" -o nothing.here=1
refused "slots not a power of two" 1 'slots.*5000.*power of two, 1024' -c "$C" -o flows.slots=5000
refused "port 0 of the broker" 1 'port.*"?0"?.*1 to 65535' -c "$C" -o broker.port=0
refused "no such object" 1 "$WORK/none.o.*No such file|$WORK/none.o" -c "$C" -o "run.bpf_object=$WORK/none.o" -o "run.pin_dir=$PIN_DIR"
echo garbage >"$WORK/garbage.o"
refused "an object that is none" 1 "$WORK/garbage.o" -c "$C" -o "run.bpf_object=$WORK/garbage.o"
refused "pin directory not on a bpffs" 1 "$WORK/pins.*bpffs" -c "$C" -o "run.pin_dir=$WORK/pins"
refused "root as user" 1 'run.user.*root.*any other' -c "$C" -o run.user=root
refused "no directory for the control socket" 1 "$WORK/a/b/c.sock.*No such file" -c "$C" -o "run.control_socket=$WORK/a/b/c.sock"
refused "no password file" 1 "broker.password_file.*$WORK/none.*No such file" -c "$C" -o "broker.password_file=$WORK/none" -o broker.username=gw
refused "no CA file" 1 "broker.ca_file.*$WORK/none.pem.*No such file" -c "$C" -o broker.tls=yes -o "broker.ca_file=$WORK/none.pem"
sed 's/lan0/a-name-of-more-than-15/' "$C" >"$WORK/long.conf"
refused "interface name too long" 1 'long.conf:[0-9]+:.*a-name-of-more-than-15' -c "$WORK/long.conf"
AS=(setpriv --reuid 65534 --regid 65534 --clear-groups)
chmod 777 "$WORK"
refused "not root" 1 'root|CAP_|permitted|denied' -c "$C" -o "run.control_socket=$WORK/nobody.sock"
AS=()

# Things that may come right.
agent_config "port nosuch0.role=lan" broker.username=gw "broker.password_file=$WORK/password"
agent_start -n; tap_result $? "a port that is not there, a wrong password: the agent runs"
ports_measure
like "status: port absent" "$(status)" $'\nnosuch0 +lan +absent '
like "status: password refused" "$(status_is 5 "not s['broker']['connected'] and s['broker'].get('error')")" '[Nn]ot authori[sz]ed|[Bb]ad user'
refused "control socket in use" 1 "$SOCKET.*another weir agent" -c "$C"
refused "tables in use" 1 "$PIN_DIR.*another weir agent" -c "$C" -o "run.control_socket=$WORK/other.sock"
is "the first one runs on" "$(status >/dev/null && echo yes)" yes
is "with its socket" "$(test -S "$SOCKET" && echo yes)" yes
agent_stop
is "without a connection: it stops with status 0" "$AGENT_STATUS" 0

refused "tables of another size" 1 "$PIN_DIR.*65536.*asked for are 2048: set it back, or .*$PIN_DIR" -c "$C" -o flows.slots=2048
check "nothing was taken away by that" test -e "$PIN_DIR/flows"
agent_start -n; tap_result $? "set back: it starts again"
agent_stop
finish
