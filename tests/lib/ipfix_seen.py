# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""ipfix_seen - flow records as somebody else reads them from IPFIX, in one form with those from MQTT.

    tshark(CAPTURE)         every data record in a capture, as tshark dissects it
    messages(CAPTURE)       what tshark finds wrong, as counts of packets; templates: packets with some; domains: all
    nfdump(FILE)            what nfcapd stored; only its own fields: NFDUMP
    published(RECORDS)      the same of records from MQTT, as they are to be in IPFIX
    only(ROWS, NAMES)       of each row these fields
    differ(ROWS, ROWS)      what only one of them has, for people; "" when both have the same, and some at all

A row is a tuple of (name, value) pairs, unknown ones left out; pairs of values are (of the source, of the destination),
round trips RTT: (samples, microseconds, ...).
"""
import collections, ipaddress, json, re, subprocess, xml.etree.ElementTree as xml
from datetime import datetime, timezone

# Elements of Weir's own: texts, and numbers that stand alone, in pairs of sides, or four in a row.
TEXTS = {1: 'server_name', 2: 'domain', 3: 'name_source', 4: 'name_confidence', 5: 'name_status', 6: 'alpn', 7: 'next_protocol', 8: 'ja4',
         9: 'protocol', 10: 'community_id', 11: 'role', 28: 'failure'}
HANDSHAKE = {12: 'handshake_near', 13: 'handshake_far'}     # 0: not seen whole
SEVERAL = {14: ('retransmits', 2), 16: ('lost_before', 2), 18: ('out_of_order', 2), 20: ('rtt_near', 4), 24: ('rtt_far', 4)}
PLACES = {number + i: (name, i, n) for number, (name, n) in SEVERAL.items() for i in range(n)}
RTT = ('count', 'min', 'mean', 'p95')
NFDUMP = ('sip', 'dip', 'sport', 'dport', 'proto', 'start', 'end', 'packets', 'octets')
SIDES = {'packets': 'packets', 'octets': 'octets', 'layer2_octet_delta_count': 'frames', 'tcpflags': 'flags'}
NUMBERS = {'protocol': 'proto', 'srcport': 'sport', 'dstport': 'dport', 'abstimestart': 'start', 'abstimeend': 'end',
           'flow_end_reason': 'end_reason', 'biflow_direction': 'direction'}
ADDRESSES = {'srcaddr': 'sip', 'srcaddrv6': 'sip', 'dstaddr': 'dip', 'dstaddrv6': 'dip'}
MACS = {'srcmac': 'smac', 'dstmac': 'dmac'}
KNOWN = {*SIDES, *NUMBERS, *ADDRESSES, *MACS, 'if_name', 'enterprise_private_entry'}


def row(fields):
    return tuple(sorted((k, v) for k, v in fields.items() if v not in (None, '')))


def only(rows, names):
    return [tuple(f for f in r if f[0] in names) for r in rows]


def differ(a, b):
    a, b = collections.Counter(a), collections.Counter(b)
    return '' if a and a == b else '\n'.join([f'{sum(a.values())} and {sum(b.values())} rows'] + [f'< {dict(r)}' for r in a - b] + [f'> {dict(r)}' for r in b - a])


def flow(node):
    """One "Flow N" of PDML: raw values only, so that no text of tshark's is taken for one of ours."""
    fields = {}
    for f in node.iter('field'):
        name, shown = f.get('name').removeprefix('cflow.'), f.get('showname') or ''
        if name not in KNOWN:
            continue
        raw = bytes.fromhex(f.get('value'))
        if name in SIDES:
            side = int('(Reverse Type ' in shown)
            fields.setdefault(SIDES[name], [None, None])[side] = int.from_bytes(raw, 'big')
        elif name in NUMBERS:
            fields[NUMBERS[name]] = int.from_bytes(raw, 'big')
        elif name in ADDRESSES:
            fields[ADDRESSES[name]] = str(ipaddress.ip_address(raw))
        elif name in MACS:
            fields[MACS[name]] = raw.hex('-').upper()
        elif name == 'if_name':
            fields['port'] = raw.decode()
        else:
            number = int(re.search(r'\(Example Enterprise Number for Documentation Use\) Type (\d+):', shown)[1])
            if number in TEXTS:
                fields[TEXTS[number]] = raw.decode()
            elif number in HANDSHAKE:
                fields[HANDSHAKE[number]] = int.from_bytes(raw, 'big') or None
            else:
                several, at, n = PLACES[number]
                fields.setdefault(several, [None] * n)[at] = int.from_bytes(raw, 'big')
    return row({k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})


def run(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={'TZ': 'UTC', 'PATH': '/usr/bin:/bin'}).stdout


def tshark(capture):
    tree = xml.fromstring(run('tshark', '-r', capture, '-Y', 'cflow', '-T', 'pdml'))
    return [flow(f) for f in tree.iter('field') if re.fullmatch(r'Flow \d+', f.get('show') or '')]


def messages(capture):
    fields = {'bad_sequence': 'cflow.unexpected_sequence_number', 'no_template': 'cflow.no_template_found', 'malformed': '_ws.malformed',
              'templates': 'cflow.template_id', 'domains': 'cflow.od_id'}
    out = run('tshark', '-r', capture, '-Y', 'cflow', '-T', 'fields', *(a for f in fields.values() for a in ('-e', f)))
    columns = dict(zip(fields, zip(*(line.split('\t') for line in out.decode().splitlines()))))
    found = {name: sum(map(bool, column)) for name, column in columns.items()}
    return {**found, 'domains': sorted({v for cell in columns['domains'] for v in cell.split(',')})}


def ms(text):
    """Rounded down, as from microseconds; nfdump's has three digits and no zone."""
    whole, fraction = text.rstrip('Z').split('.')
    return int(datetime.fromisoformat(whole).replace(tzinfo=timezone.utc).timestamp()) * 1000 + int(fraction[:3])


def nfdump(path):
    rows = []
    for f in json.loads(run('nfdump', '-r', path, '-o', 'json')):
        if f.get('type') == 'FLOW':
            rows.append(row({'sip': f.get('src4_addr', f.get('src6_addr')), 'dip': f.get('dst4_addr', f.get('dst6_addr')),
                             'sport': f.get('src_port'), 'dport': f.get('dst_port'), 'proto': f['proto'],
                             'start': ms(f['first']), 'end': ms(f['last']), 'packets': (f['in_packets'], f['out_packets']),
                             'octets': (f['in_bytes'], f['out_bytes'])}))
    return rows


def flags(text):
    return sum(1 << (7 - i) for i, c in enumerate(text or '') if c != '.')


def published(records):
    rows = []
    for r in records:
        def get(path):
            at = r
            for name in path.split('.'):
                at = at.get(name) if isinstance(at, dict) else None
            return at

        def several(path, names):
            return tuple(get(f'{path}.{name}') for name in names) if get(path) else None

        sides = ('source', 'destination')
        timed = {'tcp': 'tcp', 'udp': 'quic'}.get(get('network.transport'), 'icmp')
        rtt = {side: several('weir.%s.rtt_us.%s' % (timed, side), RTT) for side in ('near', 'far')}
        rows.append(row({
            'sip': get('source.ip'), 'dip': get('destination.ip'), 'sport': get('source.port'), 'dport': get('destination.port'),
            'proto': int(get('network.iana_number')), 'start': ms(get('event.start')), 'end': ms(get('event.end')),
            'packets': tuple(r[s]['packets'] for s in sides), 'frames': tuple(r[s]['bytes'] for s in sides),
            'octets': tuple(r['weir']['ip_bytes'][s] for s in sides),
            'flags': tuple(flags(get('weir.tcp.flags.' + s)) for s in sides) if get('network.transport') == 'tcp' else None,
            'smac': get('source.mac'), 'dmac': get('destination.mac'), 'port': get('observer.interface.name'),
            'end_reason': get('weir.end_reason'), 'direction': int(get('weir.initiator') is not None),
            'server_name': get('tls.client.server_name'), 'domain': get('destination.domain'),
            'name_source': get('weir.name_source'), 'name_confidence': get('weir.name_confidence'),
            'name_status': get('weir.name_status'), 'alpn': ','.join(get('tls.client.alpn') or []),
            'next_protocol': get('tls.next_protocol'), 'ja4': get('tls.client.ja4'), 'protocol': get('network.protocol'),
            'community_id': get('network.community_id'), 'role': get('weir.role'), 'failure': get('weir.tcp.failure'),
            'handshake_near': get('weir.%s.handshake_us.near' % timed) or None, 'handshake_far': get('weir.%s.handshake_us.far' % timed) or None,
            'rtt_near': rtt['near'], 'rtt_far': rtt['far'],
            **{name: several('weir.tcp.' + name, sides) for name in ('retransmits', 'lost_before', 'out_of_order')}}))
    return rows
