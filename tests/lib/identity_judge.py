# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""identity_judge CAPTURE SEEN RAN: what Weir published of each client's connection, against tshark's reading of the same packets.

SEEN: lines "topic<TAB>retained<TAB>json" of the broker; RAN: lines "client<TAB>port of the server<TAB>transport<TAB>first label of
the name that it asks for". Prints TAP lines without a plan: "ok LABEL" or "not ok LABEL".
"""
import json, os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import hello_oracle

VERSION = {0x304: '1.3', 0x303: '1.2', 0x302: '1.1', 0x301: '1.0'}
capture, seen, ran = sys.argv[1:]
oracle = hello_oracle.flows(capture)
records = {}
for line in open(seen, encoding='utf-8'):
    topic, _, body = line.rstrip('\n').split('\t', 2)
    if topic.endswith('/flow'):
        for r in json.loads(body)['records']:
            s, d = r['source'], r['destination']
            key = (r['network']['transport'], s['ip'], s.get('port'), d['ip'], d.get('port'))
            records.setdefault((r['observer']['interface']['name'],) + key, []).append(r)


def say(good, text, detail=''):
    print(('ok ' if good else 'not ok ') + text)
    if not good:
        print('# ' + str(detail))


def judge(client, port, key, want):
    mine = records.get((port,) + key, [])
    if not mine:
        return say(False, f'{client}, {port}: a record', f'{key} is in no record')
    last, c = mine[-1], mine[-1].get('tls', {}).get('client', {})
    tls = last.get('tls', {})
    got = {'sni': c.get('server_name'), 'alpn': c.get('alpn', []), 'ja4': {r.get('tls', {}).get('client', {}).get('ja4') for r in mine},
           'version': tls.get('version'), 'protocol': last['network'].get('protocol'), 'selected': tls.get('next_protocol'),
           'status': last['weir'].get('name_status'), 'domain': last['destination'].get('domain')}
    expected = {'sni': want['sni'], 'alpn': want['alpn'], 'ja4': set(want['ja4']),
                'version': VERSION.get(want.get('version')), 'protocol': 'quic' if key[0] == 'udp' else 'tls',
                'selected': want.get('selected') if key[0] == 'tcp' and want.get('version') == 0x303 else None,
                'status': 'ok' if want['sni'] else 'no_sni', 'domain': want['sni']}
    wrong = {k: (got[k], expected[k]) for k in expected if got[k] != expected[k]}
    say(not wrong, f'{client}, {port}: name, ALPN, JA4, version as tshark has them: {want["sni"]} {want["ja4"][0]}', f'got, wanted: {wrong}')


for line in open(ran):
    client, dport, transport, label = line.rstrip('\n').split('\t')
    keys = [k for k in oracle if k[0] == transport and k[4] == int(dport) and (oracle[k]['sni'] or 'nosni').split('.')[0] == label]
    say(bool(keys), f'{client}: it connected', f'no hello of it in the capture; there are {[(k[0], k[4], v["sni"]) for k, v in oracle.items()]}')
    for key in keys[:1]:
        for port in ('lan0', 'wan0'):
            judge(client, port, key, oracle[key])
