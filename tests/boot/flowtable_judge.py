#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""flowtable_judge.py LOG: what the guest of tests/boot/flowtable said, as ok and not ok; status 1 where something is not."""
import json, re, sys

said, plain = {}, []
for line in open(sys.argv[1], errors='replace'):
    m = re.match(r'(status|s0|forward) (start|flow|vlan|none) (.*)', line)
    if m:
        said[m[1], m[2]] = m[3]
    plain.append(line.strip())
passed = failed = 0


def check(name, good, got=''):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(f'{"ok" if good else "not ok"} - {name}')
    if not good:
        print(f'# got: {got}')


def status(when):
    return json.loads(said['status', when])


def ports(when):
    return {p['observer']['interface']['name']: p['weir'] for p in status(when)['ports']}


def seen(when, port, way):
    return ports(when)[port]['books'][way]['seen']['frames']


def server(when):
    """Frames that the server received and sent, by its interface."""
    fields = said['s0', when].split(':')[1].split()
    return int(fields[1]), int(fields[9])


def skipped(when):
    return int(re.search(r'packets (\d+)', said['forward', when])[1])


def residuals(when):
    return {(n, d): p['residual'][d] for n, p in ports(when).items() for d in ('rx', 'tx')}


try:
    offload = status('flow')['flow_offload']
    for flowtable in offload['flowtables']:
        flowtable['interfaces'].sort()   # the kernel's order is its own
    check('flowtable is recognised: name, ports, in software, with counters', offload['mode'] == 'software' and offload['flowtables'] == [
        {'name': 'inet filter ft', 'hardware': False, 'counter': True, 'more': 0, 'interfaces': ['lan0', 'wan0']}], offload)
    check('each port says so', [p['flow_offload'] for p in ports('flow').values()] == ['software'] * 2, ports('flow'))
    check('weir status has a line for it', 
          any(re.fullmatch('offload flowtable inet filter ft, in software: every frame is seen: (lan0 wan0|wan0 lan0)', p) for p in plain))
    check('the log says it once', sum('flow offload: software' in p for p in plain) == 1)
    check('the transfer came through', 'got 3000000' in plain)
    forwarded = skipped('flow') - skipped('start')
    tx, rx = (seen('flow', 'wan0', d) - seen('start', 'wan0', d) for d in ('tx', 'rx'))
    received, sent = (b - a for a, b in zip(server('start'), server('flow')))
    print(f'# {tx + rx} frames on wan0, {forwarded} packets through the forwarding path')
    check('most packets skipped the forwarding path', tx + rx > 2000 and forwarded < (tx + rx) / 10, (tx, rx, forwarded))
    check('sent: seen = what the server received', tx == received, (tx, received))
    check('received: seen = what the server sent', rx == sent, (rx, sent))
    for (name, way), r in residuals('flow').items():
        check(f'{name} {way}: the NIC agrees', (r['frames'], r['bytes']) == (0, 0), r)
    for name, port in ports('flow').items():
        for way in ('rx', 'tx'):
            b = port['books'][way]
            rest = b['seen']['frames'] - b['flows']['frames'] - b['in_table']['frames'] - sum(c['frames'] for c in b['classes'].values())
            check(f'{name} {way}: every frame in a flow or a class', rest == 0, b)
    for way in ('rx', 'tx'):
        tagged = seen('vlan', 'lan0', way) - seen('flow', 'lan0', way)
        r = residuals('vlan')['lan0', way]
        check(f'lan0 {way}: {tagged} tagged frames, tags beside the frame: 4 bytes each are not in the NIC\'s count',
              tagged == 10 and r['unexplained'] == {'frames': 0, 'bytes': -4 * tagged} and r['possible'] == ['vlan_tag'], r)
    check('without the flowtable: none', status('none')['flow_offload']['mode'] == 'none', status('none')['flow_offload'])
except (KeyError, ValueError, TypeError, IndexError) as error:
    check('the guest said all that was asked', False, repr(error))
print(f'{passed} passed, {failed} failed, 0 skipped')
sys.exit(failed > 0)
