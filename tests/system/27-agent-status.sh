#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   ns client [c0 10.1.0.2] ---- [lan0] ns gw [wan0] ---- [s0 10.2.0.2] ns server;  gw, loopback: mosquitto <- agent <- weir status
#
# The control socket says all that is counted, to well-behaved clients and in spite of the others.
. "$(dirname "$0")/../lib/tap.sh"
. "$TOP/tests/lib/agent.sh"
need_agent

gateway plain
output=$("$WEIR" status -s "$WORK/none.sock" 2>&1)
is "no agent: status 1" $? 1
like "no agent: message" "$output" "weir status: no agent answers at \"$WORK/none.sock\""
output=$("$WEIR" status -s "$WORK/$(printf '%0200d' 0)" 2>&1)
is "path too long: status 1" $? 1
like "path too long: message" "$output" 'File name too long'
"$WEIR" status extra >/dev/null 2>&1
is "usage: status 2" $? 2

broker_start
agent_config flows.tcp_share=half
agent_start || { tap_result 1 "agent starts"; finish; }
check "both ports measure" ports_measure
in_ns client ping -c 3 -i 0.02 -q 10.2.0.2 >/dev/null
check "books are filled" status_is 5 "s['ports'][0]['weir']['books']['rx']['seen']['frames'] >= 3"
text=$(status)
words=$(sed -n '/^#define BOOK_CLASSES/,/^$/p; /^#define STATS(X)/,/^$/p' bpf/abi*.h | sed -n 's/.*X([A-Z_]*,[^"]*"\([a-z_]*\)".*/\1/p')
check "the header names 16 or more counters" test "$(wc -w <<<"$words")" -ge 16
missing=
for word in $words; do grep -Eq "(^|[ ,])$word([ ,:]|\$)" <<<"$text" || missing+=" $word"; done
is "text: every class of the books and every counter" "$missing" ""
for line in 'lan0 +lan +up +(tcx|clsact) +(tcx|clsact) ' 'wan0 +wan +up +(tcx|clsact) +(tcx|clsact) ' \
	'broker +127\.0\.0\.1:1883 +connected, MQTT 5' 'flows +[0-9]+ live and [0-9]+ ending of 65536 slots' 'weir [0-9.]+ +site lab +gateway gw'; do
	like "text: $line" "$text" "(^|"$'\n'")$line"
done
missing=$(for word in $words; do status --json | grep -q "\"$word\":" || echo "$word"; done)
is "JSON: the same" "$missing" ""
is "JSON: flows.tcp_share = half: a place for each two slots" "$(status_is 1 "s['tcp_pool']['size'] * 2 - s['flow_table']['slots'] == 0")" True
is "JSON: ports with role and hooks" "$(status_is 1 "[(p['observer']['interface']['name'], p['weir']['role'], p['weir']['rx_hook'] == p['weir']['tx_hook'] != 'none') for p in s['ports']]")" \
	"[('lan0', 'lan', True), ('wan0', 'wan', True)]"

python3 - "$SOCKET" "$WEIR" <<'END'
import json, socket, subprocess, sys, time
path, weir = sys.argv[1:]
n = 20

def ask(data, wait=7):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(wait)
    s.connect(path)
    s.sendall(data)
    out = b''
    while True:
        try:
            got = s.recv(65536)
        except ConnectionResetError:    # the rest of the request was not read
            if out:
                return out
            raise
        if not got:
            return out
        out += got

def ok(truth, name):
    global n
    print(('ok' if truth else 'not ok'), '-', name)

answer = ask(b'nonsense\n')
ok(answer == b'error: no request "nonsense"; allowed: status, status json, top text SORT N WIDTH, top json SORT N\n', 'unknown request: an error that says what is allowed')
for data, name in ((b'x' * 300, 'a line without end'), (b'\x1b[2J\n', 'control characters'), (b'status\0json\n', 'a NUL')):
    try:
        answer = ask(data)
    except OSError as e:
        answer = str(e).encode()
    ok(answer.startswith(b'error: ') and len(answer) > 12 and b'\x1b' not in answer, '%s: an error that says why (%r)' % (name, answer[:60]))
mute = socket.socket(socket.AF_UNIX)
mute.connect(path)
deaf = socket.socket(socket.AF_UNIX)
deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
deaf.connect(path)
deaf.sendall(b'status\n')
begin = time.monotonic()
ok(ask(b'status\n').startswith(b'ok\nweir '), 'a client that never sends and one that never reads: others are answered')
ok(time.monotonic() - begin < 1, 'and at once')
many = [subprocess.Popen([weir, 'status', '--json', '-s', path], stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(20)]
done = [(p.communicate(timeout=8), p.returncode) for p in many]
good = [json.loads(out) for (out, err), status in done if status == 0]
bad = [err.decode() for (out, err), status in done if status]
ok(len(good) >= 6 and all('counters' in g for g in good), '20 clients at once: answered (%d)' % len(good))
ok(all('busy' in b for b in bad), 'or told that it is busy (%d): %s' % (len(bad), sorted(set(bad))))
crowd = []
for _ in range(20):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    crowd.append(s)
time.sleep(0.3)
run = subprocess.run([weir, 'status', '-s', path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=8, text=True)
ok(run.returncode == 1 and 'busy' in run.stderr, 'all places taken: status 1 and why (%r)' % run.stderr)
end, answer = time.monotonic() + 7, b''
while time.monotonic() < end and not answer.startswith(b'ok\n'):
    try:
        answer = ask(b'status\n')
    except OSError:
        pass
    time.sleep(0.1)
ok(answer.startswith(b'ok\n'), 'they are thrown out, and others are answered again')
mute.settimeout(6)
try:
    got = mute.recv(10)
except OSError as e:
    got = e
ok(got == b'', 'so is the one that never sent (%r)' % got)
END
TAP_N=$((TAP_N + 11))
is "the agent is the same one" "$(status_is 2 "s['restarts']['agent'] + 1")" 1
check "and it counted them" status_is 2 "s['counters']['control.bad'] >= 3 and s['counters']['control.refused'] > 0 and s['counters']['control.timeouts'] > 0"
agent_stop
is "end: status 0" "$AGENT_STATUS" 0
finish
