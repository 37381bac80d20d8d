# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""hello_oracle - what tshark says of the hellos in a capture, as facts by flow; JA4 computed here from tshark's fields.

flows(CAPTURE) -> {(proto, client ip, client port, server ip, server port): {sni, alpn, ja4 (of every ClientHello), version, cipher,
selected}}. tshark joins segments and opens QUIC Initials; Debian 12's has no JA4 of its own.
"""
import hashlib, subprocess

FIELDS = ['ip.src', 'ipv6.src', 'ip.dst', 'ipv6.dst', 'tcp.srcport', 'udp.srcport', 'tcp.dstport', 'udp.dstport', 'tls.handshake.type',
          'tls.handshake.extensions_server_name', 'tls.handshake.extensions_alpn_str', 'tls.handshake.ciphersuite',
          'tls.handshake.extension.type', 'tls.handshake.sig_hash_alg', 'tls.handshake.extensions.supported_version',
          'tls.handshake.version', 'tls.handshake.sig_hash_alg_len']
VERSIONS = {0x304: '13', 0x303: '12', 0x302: '11', 0x301: '10', 0x300: 's3'}


def numbers(text):
    return [int(x, 0) for x in text.split(';') if x]


def grease(n):
    return n & 0x0f0f == 0x0a0a and n >> 8 == n & 0xff


def without_grease(list_):
    return [n for n in list_ if not grease(n)]


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else '000000000000'


def ja4(quic, sni, alpn, ciphers, extensions, signatures, versions, legacy):
    """https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md"""
    ciphers, extensions, signatures = map(without_grease, (ciphers, extensions, signatures))
    version = max(without_grease(versions), default=legacy)
    first = alpn[0] if alpn else ''
    ends = first[0] + first[-1] if first else '00'
    rest = ','.join(sorted(f'{n:04x}' for n in extensions if n not in (0, 16)))
    if signatures:
        rest += '_' + ','.join(f'{n:04x}' for n in signatures)
    return (f'{"q" if quic else "t"}{VERSIONS.get(version, "00")}{"d" if sni else "i"}{min(len(ciphers), 99):02}'
            f'{min(len(extensions), 99):02}{ends}_{digest(",".join(sorted(f"{n:04x}" for n in ciphers)))}_{digest(rest)}')


def signature_algorithms(extensions, algorithms, lengths):
    """Those of extension 13: tshark lists with them what 34 (delegated_credentials) and 50 have, in the order of the hello."""
    for extension, length in zip([e for e in extensions if e in (13, 34, 50)], lengths):
        if extension == 13:
            return algorithms[:length // 2]
        algorithms = algorithms[length // 2:]
    return []


def flows(capture):
    argv = ['tshark', '-n', '-r', capture, '-Y', 'tls.handshake.type==1 or tls.handshake.type==2', '-T', 'fields', '-E', 'aggregator=;',
            '-o', 'tcp.reassemble_out_of_order:TRUE', '-o', 'tcp.try_heuristic_first:TRUE']
    for f in FIELDS:
        argv += ['-e', f]
    out, found = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode('utf-8', 'replace'), {}
    for line in out.splitlines():
        v = dict(zip(FIELDS, line.split('\t')))
        types = v['tls.handshake.type'].split(';')
        src, dst = v['ip.src'] or v['ipv6.src'], v['ip.dst'] or v['ipv6.dst']
        sport, dport = int(v['tcp.srcport'] or v['udp.srcport']), int(v['tcp.dstport'] or v['udp.dstport'])
        proto = 'tcp' if v['tcp.srcport'] else 'udp'
        ciphers, versions = numbers(v['tls.handshake.ciphersuite']), numbers(v['tls.handshake.extensions.supported_version'])
        legacy = (numbers(v['tls.handshake.version']) or [0])[0]
        alpn = [a for a in v['tls.handshake.extensions_alpn_str'].split(';') if a]
        if '1' in types:
            f = found.setdefault((proto, src, sport, dst, dport), {'ja4': []})
            sni = v['tls.handshake.extensions_server_name'].split(';')[0]
            f.update(sni=sni or None, alpn=alpn)
            extensions = numbers(v['tls.handshake.extension.type'])
            signatures = signature_algorithms(extensions, numbers(v['tls.handshake.sig_hash_alg']), numbers(v['tls.handshake.sig_hash_alg_len']))
            f['ja4'].append(ja4(proto == 'udp', sni, alpn, ciphers, extensions, signatures, versions, legacy))
        elif '2' in types and (proto, dst, dport, src, sport) in found:
            found[proto, dst, dport, src, sport].update(version=(versions or [legacy])[0], cipher=(ciphers or [0])[0],
                                                       selected=alpn[0] if alpn else None)
    return found
