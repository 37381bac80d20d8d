# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""tshark_hello - what tshark says about the TLS, DTLS and QUIC handshakes of a capture.

hellos(PATH): a dict for each hello, in order: frame, kind (tls, dtls, quic), msg (client_hello, server_hello,
hello_retry_request), proto (IANA), source and destination: (address, port).
  client_hello:  sni (None: no server_name), alpn (offered, in order), ja4
  others:        version ("1.2"), cipher (IANA name), next_protocol (None: not said, or said under encryption)
connections(HELLOS): {(proto, client, server): facts of its first ClientHello and its first ServerHello}

tshark joins segments and fragments and decrypts QUIC's Initial packets. JA4 is not its own (4.0 has none): it is made
here of its fields, as FoxIO's technical_details/JA4.md says. DTLS: the newest version counts. A tshark that has the
field is asked as well: a difference is an OracleError, but where GREASE is among the signature algorithms, which
tshark hashes, against the specification. Trees of tunnels: the outermost addresses.

    tshark_hello.py CAPTURE...        prints them
    tshark_hello.py --self-check      its JA4 against the example of JA4.md and rules in it; TAP
"""
import hashlib, json, subprocess, sys
import xml.etree.ElementTree as xml

HELLO_RETRY = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c'    # its random: RFC 8446 4.1.3
PREFERENCES = ['ip.defragment:TRUE', 'ipv6.defragment:TRUE', 'tcp.desegment_tcp_streams:TRUE', 'tcp.reassemble_out_of_order:TRUE',
               'tcp.try_heuristic_first:TRUE', 'tls.desegment_ssl_records:TRUE', 'tls.desegment_ssl_application_data:TRUE']
MESSAGES = {'1': 'client_hello', '2': 'server_hello'}
VERSIONS = {0x304: '1.3', 0x303: '1.2', 0x302: '1.1', 0x301: '1.0', 0x300: '3.0', 0xfeff: '1.0', 0xfefd: '1.2', 0xfefc: '1.3'}
JA4_VERSIONS = {0x304: '13', 0x303: '12', 0x302: '11', 0x301: '10', 0x300: 's3', 2: 's2', 0xfeff: 'd1', 0xfefd: 'd2', 0xfefc: 'd3'}
JA4_KINDS = {'tls': 't', 'quic': 'q', 'dtls': 'd'}
SERVER_NAME, SIGNATURE_ALGORITHMS, ALPN, SUPPORTED_VERSIONS = 0, 13, 16, 43


class OracleError(Exception):
    pass


# ---- JA4 ----

def grease(value):
    return value & 0x0f0f == 0x0a0a and value >> 8 == value & 0xff      # RFC 8701 2


def hashed(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else '0' * 12


def ja4(kind, legacy_version, versions, ciphers, extensions, sig_algs, alpn):
    """@alpn: the entries, as bytes; the other lists: numbers, as on the wire."""
    ciphers, extensions, sig_algs, versions = ([v for v in x if not grease(v)] for x in (ciphers, extensions, sig_algs, versions))
    version = legacy_version if not versions else min(versions) if kind == 'dtls' else max(versions)
    first = alpn[0] if alpn else b''
    ends = first[:1] + first[-1:]
    shown = '00' if not first else ends.decode() if ends.isalnum() else first.hex()[0] + first.hex()[-1]
    a = (JA4_KINDS[kind] + JA4_VERSIONS.get(version, '00') + ('d' if SERVER_NAME in extensions else 'i')
         + '%02d%02d' % (min(99, len(ciphers)), min(99, len(extensions))) + shown)
    c = ','.join(sorted('%04x' % e for e in extensions if e not in (SERVER_NAME, ALPN)))
    if sig_algs:
        c += '_' + ','.join('%04x' % s for s in sig_algs)
    return '_'.join((a, hashed(','.join(sorted('%04x' % x for x in ciphers))), hashed(c)))


# ---- tshark's tree ----

def named(node, name):
    return [x for x in node.iter('field') if x.get('name') == name]


def first(node, name, default=''):
    return next((x.get('show') for x in named(node, name)), default)


def numbers(nodes, name):
    return [int(x.get('show'), 0) for node in nodes for x in named(node, name)]


def texts(nodes, name):
    return [bytes.fromhex(x.get('value', '')) for node in nodes for x in named(node, name)]


def extensions_of(node, prefix):
    """[(type, subtree)], in order."""
    found = []
    for child in node.iter('field'):
        kind = next((x for x in child if x.get('name') == prefix + 'extension.type'), None)
        if kind is not None:
            found.append((int(kind.get('show'), 0), child))
    return found


def facts(node, kind):
    """Of one handshake message; None where it is a piece of one, or no hello."""
    prefix = ('dtls' if kind == 'dtls' else 'tls') + '.handshake.'
    msg = MESSAGES.get(first(node, prefix + 'type'))
    if not msg or not named(node, prefix + 'random'):
        return None
    ext = extensions_of(node, prefix)
    of = lambda number: [sub for n, sub in ext if n == number]
    legacy = int(first(node, prefix + 'version', '0'), 0)
    versions = numbers(of(SUPPORTED_VERSIONS), prefix + 'extensions.supported_version')
    alpn = texts(of(ALPN), prefix + 'extensions_alpn_str')
    if msg == 'server_hello':
        retry = first(node, prefix + 'random').replace(':', '') == HELLO_RETRY
        cipher = next(iter(named(node, prefix + 'ciphersuite')), None)
        return {'msg': 'hello_retry_request' if retry else msg, 'version': VERSIONS.get((versions or [legacy])[0]),
                'cipher': None if cipher is None else cipher.get('showname').split(': ', 1)[1].rsplit(' (', 1)[0],
                'next_protocol': alpn[0].decode('utf-8', 'replace') if alpn else None}
    names = texts(of(SERVER_NAME), prefix + 'extensions_server_name')
    sig_algs = numbers(of(SIGNATURE_ALGORITHMS), prefix + 'sig_hash_alg')
    mine = ja4(kind, legacy, versions, numbers([node], prefix + 'ciphersuite'), [n for n, _ in ext], sig_algs, alpn)
    theirs = first(node, prefix + 'ja4')
    if theirs and theirs != mine and not any(map(grease, sig_algs)):
        raise OracleError(f'JA4 {mine}, but tshark says {theirs}')
    return {'msg': msg, 'sni': names[0].decode('utf-8', 'replace') if names else None,
            'alpn': [a.decode('utf-8', 'replace') for a in alpn], 'ja4': mine}


def messages(node, kind=None):
    """(kind, subtree) of each handshake message below @node; a subtree of tshark is a field, or a protocol in it."""
    for child in node:
        name = child.get('name', '')
        inside = 'quic' if 'quic' in (name, kind) else name if name in ('tls', 'dtls') else kind
        if name in ('tls.handshake', 'dtls.handshake'):
            yield inside, child
        else:
            yield from messages(child, inside)


def addresses(packet):
    """(proto, source, destination), of the outermost headers."""
    outer = lambda *names: next(p for p in packet.findall('proto') if p.get('name') in names)
    ip, l4 = outer('ip', 'ipv6'), outer('tcp', 'udp')
    return (6 if l4.get('name') == 'tcp' else 17, *(
        (first(ip, f'{ip.get("name")}.{side}'), int(first(l4, f'{l4.get("name")}.{side}port'))) for side in ('src', 'dst')))


def hellos(path):
    argv = ['tshark', '-n', '-r', path, '-T', 'pdml', '-Y', ' or '.join(f'{p}.handshake.type=={n}' for p in ('tls', 'dtls') for n in MESSAGES)]
    argv += [x for p in PREFERENCES for x in ('-o', p)]
    out = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout
    found = []
    for packet in xml.fromstring(out).iter('packet'):
        for kind, node in messages(packet):
            hello = facts(node, kind)
            if hello:
                frame = int(first(packet, 'num'))
                proto, source, destination = addresses(packet)
                found.append({'frame': frame, 'kind': kind, 'proto': proto, 'source': source, 'destination': destination, **hello})
    return found


def connections(found):
    out = {}
    for h in found:
        if h['msg'] == 'client_hello':
            facts = {k: h[k] for k in ('kind', 'sni', 'alpn', 'ja4')}
            out.setdefault((h['proto'], h['source'], h['destination']), {**facts, 'server_hello': None})
        elif h['msg'] == 'server_hello':
            c = out.get((h['proto'], h['destination'], h['source']))
            if c and not c['server_hello']:
                c['server_hello'] = {k: h[k] for k in ('version', 'cipher', 'next_protocol')}
    return out


# ---- by hand ----

def hexes(text):
    return [int(x, 16) for x in text.split(',')]


def self_check():
    ciphers = hexes('3a3a,1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035')
    extensions = hexes('1a1a,001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015,4a4a')
    algs = hexes('0403,0804,0401,0503,0805,0501,0806,0601')
    chrome = {'legacy_version': 0x303, 'versions': hexes('6a6a,0304,0303'), 'ciphers': ciphers, 'extensions': extensions,
              'sig_algs': algs, 'alpn': [b'h2', b'http/1.1']}
    with_ = lambda kind, **changed: ja4(kind, **{**chrome, **changed})
    rows = [
        ('the example of JA4.md', with_('tls'), 't13d1516h2_8daaf6152771_e5627efa2ab1'),
        ('GREASE among signature algorithms counts for nothing', with_('tls', sig_algs=[0x5a5a] + algs), with_('tls')),
        ('over QUIC', with_('quic')[:4], 'q13d'),
        ('DTLS: the newest version', with_('dtls', versions=[0xfefd, 0xfefc])[:4], 'dd3d'),
        ('without server_name', with_('tls', extensions=[e for e in extensions if e])[:8], 't13i1515'),
        ('ALPN that is no text: first and last digit', with_('tls', alpn=[b'\xab\xcd'])[8:10], 'ad'),
        ('no list at all', ja4('tls', 0x303, [], [], [], [], []), 't12i000000_000000000000_000000000000'),
    ]
    for n, (what, got, want) in enumerate(rows, 1):
        print(f'{"ok" if got == want else "not ok"} {n} - {what}' + ('' if got == want else f': {got}, wanted {want}'))
    print(f'1..{len(rows)}')
    return 0 if all(got == want for _, got, want in rows) else 1


def main():
    if sys.argv[1:] == ['--self-check']:
        return self_check()
    for path in sys.argv[1:]:
        for h in hellos(path):
            print(json.dumps(h))
    return 0


if __name__ == '__main__':
    sys.exit(main())
