# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""judge - did Weir say the truth?  judge.py DIR: what came out of MQTT (DIR/seen.json) against itself, against what the
clients did (DIR/ran, the table "clients") and against what the kernel counted (DIR/kernel-*). Prints the findings, round trips
and loss by name, and the demo's last line; status 1 where something does not fit.
"""
import json, os, re, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../lib'))
from mqtt_watch import SIDES, get, port_of

HERE = os.path.dirname(os.path.abspath(__file__))
PORTS = ('lan0', 'wan0')
DIRECTIONS = ('rx', 'tx')
NOT_IP = ('arp', 'not_ip')
SEGMENT_HEADERS = (14 + 20 + 20, 14 + 40 + 60)   # least and most bytes of headers before a TCP segment

failures = []


def say(text):
    print('demo: ' + text, flush=True)


def expect(truth, text):
    if not truth:
        failures.append(text)
    return truth


def load(folder, *path):
    with open(os.path.join(folder, *path)) as f:
        return f.read()


# ---- the books against the records --------------------------------------------------------------------------------

def tally(pair):
    return pair['frames'], pair['bytes']


def check_books(seen):
    """{(port, direction): seen (frames, bytes)}"""
    totals = {}
    for port in PORTS:
        books = get(seen['iface'].get(port), 'weir.books')
        if not expect(books, f'{port}: no message of class iface came'):
            continue
        counted = [0, 0]
        for direction in DIRECTIONS:
            book = books[direction]
            total, flows = tally(book['seen']), tally(book['flows'])
            classes = {name: tally(pair) for name, pair in book['classes'].items() if any(pair.values())}
            parts = [sum(p[i] for p in (flows, *classes.values())) for i in (0, 1)]
            counted = [a + b for a, b in zip(counted, flows)]
            ok = expect(list(total) == parts, f'{port} {direction}: {total} seen, but flows and classes make {parts}')
            rest = ''.join(f' + {name} {p[0]}/{p[1]}' for name, p in sorted(classes.items()))
            say(f'{port} {direction}: seen {total[0]}/{total[1]} frames/bytes = in flows {flows[0]}/{flows[1]}{rest}: '
                + ('yes' if ok else 'NO'))
            totals[port, direction] = (*total, sum(p[0] for n, p in classes.items() if n in NOT_IP))
        mine = [f for f in seen['flows'] if port_of(f['last']) == port]
        records = [sum(sum(f[what]) for f in mine) for what in ('packets', 'bytes')]
        ok = expect(records == counted, f'{port}: records from MQTT add up to {records} packets and bytes, its books to {counted}')
        say(f'{port}: {len(mine)} flows from MQTT add up to {records[0]}/{records[1]} = its books\' flows: ' + ('yes' if ok else 'NO'))
    return totals


# ---- the books against the kernel ---------------------------------------------------------------------------------

def kernel_links(folder, when):
    links = json.loads(load(folder, 'kernel-' + when, 'links'))
    return {(link['ifname'], d): link['stats64'][d] for link in links for d in DIRECTIONS}


def kernel_received(folder, when, port):
    """Packets that the far end of the port received, by its IP layer: it counts each segment of a super-packet."""
    lines = [s.split() for s in load(folder, 'kernel-' + when, port + '-ipv4').splitlines() if s.startswith('IpExt:')]
    counters = {'Ip' + name: int(n) for name, n in zip(lines[0][1:], lines[1][1:])}
    counters.update((name, int(n)) for name, n in (s.split() for s in load(folder, 'kernel-' + when, port + '-ipv6').splitlines()))
    return sum(n for name, n in counters.items() if re.fullmatch(r'Ip6?In(NoECT|ECT0|ECT1|CE)Pkts', name))


def check_kernel(folder, totals):
    start, before, after = (kernel_links(folder, when) for when in ('start', 'before', 'after'))
    for (port, direction), (frames, size, not_ip) in totals.items():
        def kernel(when, what):
            return when[port, direction][what] - start[port, direction][what]
        # What moved while the agent took its last look may be in its books or not.
        more, more_bytes = frames - kernel(after, 'packets'), size - kernel(after, 'bytes')
        late, late_bytes = (kernel(after, w) - kernel(before, w) for w in ('packets', 'bytes'))
        dropped = kernel(after, 'dropped')
        low, high = (max(0, more) * n for n in SEGMENT_HEADERS)
        ok = -late <= more and low - late_bytes <= more_bytes <= high + (dropped and more_bytes)
        expect(ok, f'{port} {direction}: {more:+d} frames, {more_bytes:+d} bytes to the kernel\'s counter are not explained')
        why = f': segments inside super-packets, {more_bytes / more:.1f} bytes of headers each' if more > 0 and ok else ''
        why += f'; {late} frames came during the last look' if late else ''
        why += f'; {dropped} dropped by the link' if dropped else ''
        say(f'{port} {direction}: kernel\'s counter {kernel(after, "packets")}/{kernel(after, "bytes")}, '
            f'Weir {more:+d}/{more_bytes:+d}{why}' + ('' if ok else ': NOT EXPLAINED'))
        if direction == 'tx':
            low, high = (kernel_received(folder, when, port) - kernel_received(folder, 'start', port) for when in ('before', 'after'))
            ok = low <= frames - not_ip <= high + dropped
            expect(ok, f'{port} tx: {frames - not_ip} IP frames, but the far end received {high}')
            say(f'{port} tx: {frames - not_ip} IP frames, each segment of a super-packet counted; the far end\'s IP received '
                f'{high}: ' + ('yes' if ok else 'NO'))


# ---- the flows against what the clients did -----------------------------------------------------------------------

def clients():
    for text in load(HERE, 'clients').splitlines():
        if text.strip() and not text.startswith('#'):
            label, _, flow, name, alpn, status, _ = (t.strip() for t in text.split('|', 6))
            yield label, flow.split(), {'tls.client.server_name': name, 'tls.client.alpn': alpn, 'weir.name_status': status}


def matches(record, flow, wanted):
    ip_version, transport, port = flow
    if (get(record, 'network.type'), get(record, 'network.transport')) != (ip_version, transport):
        return False
    if port != '-' and get(record, 'destination.port') != int(port):
        return False
    alpn = ','.join(get(record, 'tls.client.alpn', []))
    got = {'tls.client.server_name': get(record, 'tls.client.server_name', '-'), 'tls.client.alpn': alpn or '-',
           'weir.name_status': get(record, 'weir.name_status', '-')}
    return all(got[k] == v for k, v in wanted.items() if k != 'weir.name_status' or v != '-')


def last_words(folder, label):
    _, _, log = load(folder, 'client.log').partition(f'== {label}\n')
    return ' / '.join(log.partition('\n== ')[0].split('\n')[-4:]) or 'no output'


def check_clients(folder, seen):
    ran = dict(s.split('\t', 1) for s in load(folder, 'ran').splitlines())
    good = tried = 0
    for label, flow, wanted in clients():
        how = ran.get(label, 'not run')
        if how.startswith('missing'):
            say(f'{label}: no {how.split()[1]} here: gone on without it')
            continue
        tried += 1
        if not expect(how == 'ok', f'client "{label}" {how}: {last_words(folder, label)}'):
            continue
        lacks = [p for p in PORTS if not any(port_of(f['last']) == p and matches(f['last'], flow, wanted) for f in seen['flows'])]
        good += expect(not lacks, f'client "{label}": no flow on {" and ".join(lacks)} with {" ".join(flow)}, {wanted}')
    say(f'clients: {good} of {tried} found on both ports with the names that they asked for')


# ---- health of TCP: what a centre makes of class summary ----------------------------------------------------------

class Health:
    """Entries of summaries, added up: counts as they are, histograms bucket by bucket."""
    def __init__(self):
        self.lost = dict.fromkeys((f'{w}_{s}' for w in ('retransmits', 'lost_before') for s in ('near', 'far')), 0)
        self.buckets = {'near': {}, 'far': {}}

    def add(self, entry):
        for what in self.lost:
            self.lost[what] += entry[what]
        for side, buckets in self.buckets.items():
            for i, count in enumerate(entry.get(f'rtt_{side}_buckets', ()), entry.get(f'rtt_{side}_first_bucket', 0)):
                buckets[i] = buckets.get(i, 0) + count

    def samples(self, side):
        return sum(self.buckets[side].values())

    def quantile(self, side, share):
        """In milliseconds: geometric middle of the half octave (weir help records) that has the sample of that rank."""
        rank, seen = max(1, -(-self.samples(side) * share // 1)), 0
        for grid, count in sorted(self.buckets[side].items()):
            seen += count
            if seen >= rank:
                return f'{2 ** (grid // 2) * (3 if grid % 2 else 1.5) ** 0.5 / 1000:.2f}'
        return '-'


def check_health(seen):
    ports, names = {}, {}
    for summary in seen['summaries']:
        for entry in summary['tcp']['ports']:
            ports.setdefault(entry['port'], Health()).add(entry)
        for entry in summary['tcp']['names']:
            if entry['port'] == PORTS[0]:
                names.setdefault(entry['name'], Health()).add(entry)
    for port in PORTS:
        mine = [f for f in seen['flows'] if port_of(f['last']) == port]
        for i, side in enumerate(('near', 'far')):
            records, summaries = sum(f['rtt'][i] for f in mine), ports[port].samples(side) if port in ports else 0
            expect(records == summaries, f'{port}: {records} round trips {side} in records, {summaries} in summaries')
    expect(any(h.samples('near') and h.samples('far') for h in names.values()), 'no name has a round trip on both sides')
    say(f'TCP by name on {PORTS[0]}, from class summary: near is the client, far the server; of what each sent: sent again / lost before')
    head = ('NAME', 'SAMPLES', 'NEAR p50', 'p95 ms', 'FAR p50', 'p95 ms', 'LOST near', 'far')
    rows = [head] + [(name if len(name) <= 24 else '~' + name[-23:], str(h.samples('near') + h.samples('far')),
                      *(h.quantile(side, share) for side in ('near', 'far') for share in (0.5, 0.95)),
                      *(f'{h.lost["retransmits_" + side]}/{h.lost["lost_before_" + side]}' for side in ('near', 'far')))
                     for name, h in sorted(names.items(), key=lambda n: -n[1].samples('far'))[:12]]
    for name, *rest in rows:
        say('  ' + name.ljust(24) + ''.join(cell.rjust(w) for cell, w in zip(rest, (8, 9, 8, 9, 8, 10, 6))))


# -------------------------------------------------------------------------------------------------------------------

def main():
    folder = sys.argv[1]
    seen = json.loads(load(folder, 'seen.json'))
    say(f'from MQTT: {seen["batches"]} batches without a gap, {seen["records"]} records' if not seen['problems'] else
        f'from MQTT: {seen["batches"]} batches, {seen["records"]} records')
    failures.extend(seen['problems'])
    state = seen['retained'].get('state', 'nothing')
    expect('offline' in state, f'the agent left {state} behind as its retained state, not offline')
    already = len(failures)
    totals = check_books(seen)
    check_kernel(folder, totals)
    balanced = len(totals) == 4 and len(failures) == already
    check_clients(folder, seen)
    check_health(seen)
    # A forwarded flow is in the records of two ports: it is one flow here.
    names = {}
    for flow in seen['flows']:
        last = flow['last']
        key = (get(last, 'network.iana_number'), *(get(last, f'{s}.{k}') for s in SIDES for k in ('ip', 'port')))
        names.setdefault(key, set()).add(get(last, 'tls.client.server_name'))
    named = sum(1 for found in names.values() if found - {None})
    expect(names, 'no flow at all came')
    for text in failures:
        say('failed: ' + text)
    say(f'{len(names)} flows, {named} named, books balanced: ' + ('yes' if balanced else 'no'))
    sys.exit(1 if failures else 0)


main()
