# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""identity - flow records against what tshark says about the same packets.

    identity.py PCAP SEEN STATUS CLIENTS RAN

PCAP: taken on one port; SEEN: what came out of MQTT, as agent_seen.py reads it; STATUS: `weir status --json`; CLIENTS: lines
LABEL <tab> KIND PORT SERVER_NAME ("-": none) <tab> LEAST NUMBER of connections; RAN: LABEL <tab> how it went.
Prints "ok <tab> name" or "not ok <tab> name", and "# <tab> text" lines after what failed. All connections with a ClientHello
are judged, each under the client whose it is; the records of a connection are found by its 5-tuple.
"""
import json, os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tshark_hello
from agent_seen import Seen, get

PORTS = 'lan0', 'wan0'
ANY = object()
# What is asked of a record, in rows of the test: path, and what tshark's facts say; None: may not be there.
ROWS = {
    'server_name, ALPN, name_status, domain': {
        'tls.client.server_name': lambda c: c['sni'],
        'tls.client.alpn': lambda c: c['alpn'] or None,
        'weir.name_status': lambda c: 'no_sni' if c['sni'] is None else 'ok',
        'destination.domain': lambda c: c['sni'] or ANY,     # a connection without one may have its name by DNS
    },
    'JA4': {'tls.client.ja4': lambda c: c['ja4']},
    'protocol': {'network.protocol': lambda c: c['kind']},
    'version, cipher and protocol of the ServerHello': {
        'tls.version': lambda c: (c['server_hello'] or {}).get('version'),
        'tls.cipher': lambda c: (c['server_hello'] or {}).get('cipher'),
        'tls.next_protocol': lambda c: (c['server_hello'] or {}).get('next_protocol'),
    },
}
TRANSPORTS = {6: 'tcp', 17: 'udp'}


def say(good, name, lines=()):
    print(('ok' if good else 'not ok') + '\t' + name)
    for line in () if good else lines:
        print('#\t' + line)


def records_of(seen, port, connection):
    proto, (sip, sport), (dip, dport) = connection
    return seen.records(port=port, transport=TRANSPORTS[proto], sip=sip, sport=sport, dip=dip, dport=dport)


def differences(records, facts, wanted):
    """The last record has them all; none before says otherwise."""
    lines = []
    for path, of in wanted.items():
        want, have = of(facts), [get(r, path) for r in records]
        if want is ANY:
            continue
        early = 'none_yet' if path == 'weir.name_status' else None
        others = [h for h in have[:-1] if h not in (early, want)]
        if not have or have[-1] != want or others:
            lines.append(f'{path}: tshark {want!r}, records {have}')
    return lines


def judge(label, found, seen):
    for row, wanted in ROWS.items():
        wrong = [f'{port} {connection}: {line}' for port in PORTS for connection, facts in found
                 for line in differences(records_of(seen, port, connection), facts, wanted)]
        say(found and not wrong, f'{label}: {row}', wrong)


def owner(facts, connection, clients):
    for label, (kind, port, name, _) in clients.items():
        if (facts['kind'], connection[2][1], facts['sni'] or '-') == (kind, port, name):
            return label
    return None


def read(path):
    with open(path) as f:
        return [line.rstrip('\n').split('\t') for line in f]


def main():
    pcap, seen_path, status_path, clients_path, ran_path = sys.argv[1:]
    clients = {}
    for label, what, least in read(clients_path):
        kind, port, name = what.split()
        clients[label] = kind, int(port), name, int(least)
    ran = dict(read(ran_path))
    seen = Seen(seen_path)
    with open(status_path) as f:
        counters = json.load(f)['counters']
    there = tshark_hello.connections(tshark_hello.hellos(pcap))
    mine = {label: [] for label in clients}
    for connection, facts in there.items():
        mine.setdefault(owner(facts, connection, clients), []).append((connection, facts))
    for label, (_, _, _, least) in clients.items():
        if not ran.get(label, '').endswith('not installed'):
            say(len(mine[label]) >= least, f'{label}: {len(mine[label])} connections in the capture, at least {least}')
            judge(label, mine[label], seen)
    if mine.get(None):
        judge('other connections', mine[None], seen)
    invented = [json.dumps(r) for r in seen.records() if get(r, 'tls.client') and (
        {'tcp': 6, 'udp': 17}.get(get(r, 'network.transport')), *((get(r, s + '.ip'), get(r, s + '.port')) for s in ('source', 'destination'))) not in there]
    say(not invented, 'no record says of a hello what tshark does not see', invented)
    tcp = sum(1 for proto, _, _ in there if proto == 6)
    for name in ('event_lost', 'copy_lost', 'sweep.names_given_up', 'identity.dns_strays'):
        say(counters.get(name) == 0, f'{name} is {counters.get(name)}')
    say(counters.get('identity.mismatch') == 0, f'identity.mismatch is {counters.get("identity.mismatch")}: kernel and user space read the same names')
    say(counters.get('hello_done', 0) > 0, f'hello_done is {counters.get("hello_done")}: hellos in several segments are walked in the kernel, too')
    hellos = counters.get('identity.client_hellos', 0)
    say(tcp and hellos >= 2 * len(there), f'identity.client_hellos is {hellos}, for {len(there)} hellos, {tcp} over TCP, seen on two ports')
    say(not seen.gaps(), 'no batch is missing', [str(seen.gaps())])


main()
