# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""metrics_seen - the metrics page, read and held against weir status; and clients that mean no good.

    metrics_seen.py page URL [openmetrics]      prints it; status 1 where it is not as the format wants it
    metrics_seen.py status URL WEIR SOCKET      every counter of status is in the page, and no other; between two looks at status
    metrics_seen.py rtt URL SEEN                the histograms against what class summary said in all (agent_seen.py's file)
    metrics_seen.py query PROMETHEUS EXPR       value that Prometheus has
    metrics_seen.py hostile ADDRESS PORT        what is no HTTP, or too much of it; prints what came of each
    metrics_seen.py quantiles URL PROMETHEUS    histogram_quantile() of Prometheus, against the same made of the page
    metrics_seen.py flood ADDRESS PORT SECONDS IDLE   as many requests as it takes, and so many connections that only stay
"""
import json, re, socket, subprocess, sys, threading, time, urllib.parse, urllib.request

SAMPLE = re.compile(r'^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (-?[0-9.]+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


def fetch(url, openmetrics=False):
    accept = 'application/openmetrics-text;version=1.0.0,*/*;q=0.1' if openmetrics else 'text/plain'
    with urllib.request.urlopen(urllib.request.Request(url, headers={'Accept': accept}), timeout=10) as answer:
        kind, text = answer.headers['Content-Type'], answer.read().decode()
    assert kind.startswith('application/openmetrics-text; version=1.0.0' if openmetrics else 'text/plain; version=0.0.4'), kind
    return text


def parse(text, openmetrics=False):
    """{(name, frozenset of labels): value}; families come once, with HELP and TYPE, and samples belong to the one before them."""
    samples, types, family = {}, {}, None
    lines = text.split('\n')
    assert lines.pop() == '', 'no newline at the end'
    if openmetrics:
        assert lines.pop() == '# EOF', 'no # EOF'
    for i, line in enumerate(lines):
        if line.startswith('# HELP '):
            family = line.split(' ')[2]
            assert family not in types and len(line.split(' ', 3)[3]) > 3, line
            assert lines[i + 1].startswith('# TYPE %s ' % family), lines[i + 1]
        elif line.startswith('# TYPE '):
            types[family] = line.split(' ')[3]
        else:
            m = SAMPLE.match(line)
            assert m, line
            name, labels, value = m.groups()
            suffix = name[len(family):]
            assert name.startswith(family), (family, line)
            if types[family] == 'counter':
                assert (suffix if openmetrics else family[-6:]) == '_total', line
            elif types[family] == 'histogram':
                assert suffix in ('_bucket', '_sum', '_count'), line
            else:
                assert suffix == '' and not name.endswith('_total'), line
            assert re.sub(LABEL, '', labels or '') == '', line
            key = (name, frozenset(LABEL.findall(labels or '')))
            assert key not in samples, line
            samples[key] = float(value)
    for (name, labels), value in samples.items():
        if name.endswith('_bucket'):
            rest = frozenset(l for l in labels if l[0] != 'le')
            steps = sorted((float(dict(l)['le']), v) for (n, l), v in samples.items()
                           if n == name and frozenset(x for x in l if x[0] != 'le') == rest)
            assert [v for _, v in steps] == sorted(v for _, v in steps), (name, rest)
            assert steps[-1] == (float('inf'), samples[(name[:-7] + '_count', rest)]), (name, rest)
    return samples


def status(weir, sock):
    return json.loads(subprocess.run([weir, 'status', '--json', '-s', sock], stdout=subprocess.PIPE, check=True).stdout)


def expected(s):
    """What the page is to have, by the page's names."""
    have = {}

    def put(name, value, **labels):
        have[('weir_' + name, frozenset(labels.items()))] = value
    for name, value in s['counters'].items():
        name = name if '.' in name else 'dataplane_' + name
        put(name.replace('.', '_') + ('' if name == 'nat.entries' else '_total'), value)
    for status_, value in s['name_status'].items():
        put('flows_ended_total', value, name_status=status_)
    put('broker_connected', int(s['broker']['connected']))
    put('flow_table_slots', s['flow_table']['slots'])
    put('restarts_total', s['restarts']['agent'], process='agent')
    put('restarts_total', s['restarts']['uplink'], process='uplink')
    for p in s['processes']:
        put('process_seccomp', {'none': 0, 'strict': 1, 'filter': 2}[p['seccomp']], process=p['name'])
    for port in s['ports']:
        name, w = port['observer']['interface']['name'], port['weir']
        put('names_nameable_total', w['names']['nameable'], interface=name)
        put('names_named_total', w['names']['named'], interface=name)
        put('port_info', 1, interface=name, role=w['role'], rx_hook=w['rx_hook'], tx_hook=w['tx_hook'])
        for d in 'rx', 'tx':
            b, at = w['books'][d], {'interface': name, 'direction': d}
            for part, kind in ('seen', '_total'), ('flows', '_total'), ('in_table', ''):
                for unit in 'frames', 'bytes':
                    put('books_%s_%s%s' % (part, unit, kind), b[part][unit], **at)
            for c, tally in b['classes'].items():
                put('books_class_frames_total', tally['frames'], **at, **{'class': c})
                put('books_class_bytes_total', tally['bytes'], **at, **{'class': c})
            for proto, tally in b['table_full'].items():
                put('books_table_full_frames_total', tally['frames'], protocol=proto, **at)
            if 'residual' in w and d in w['residual']:
                r = w['residual'][d]
                put('residual_frames', r['frames'], **at)
                put('residual_unexplained_bytes', r['unexplained']['bytes'], **at)
                put('nic_frames_total', w['nic'][d]['frames'], **at)
    return have


def against_status(url, weir, sock):
    before, samples, after = expected(status(weir, sock)), parse(fetch(url)), expected(status(weir, sock))
    wrong = 0
    for key, low in before.items():
        value, high = samples.get(key), after[key]
        if value is None or not min(low, high) <= value <= max(low, high):
            print(key, value, 'status: %s to %s' % (low, high))
            wrong += 1
    known = {name for name, _ in before}
    print('%d values are those of status' % (len(before) - wrong))
    figures = {n for n, l in samples if not l and n.endswith('_total')} - known - {'weir_clock_steps_total'}
    if figures:
        print('not in status:', figures)
    return bool(wrong or figures)


def rtt(url, seen):
    import agent_seen
    samples, wrong, some = parse(fetch(url)), 0, 0
    summaries = agent_seen.Seen(seen).of('summary')
    for port in {p['port'] for m in summaries for p in m['tcp']['ports']}:
        told = [p for m in summaries for p in m['tcp']['ports'] if p['port'] == port]
        for side in 'near', 'far':
            labels = frozenset({'interface': port, 'side': side}.items())
            count = samples[('weir_tcp_rtt_seconds_count', labels)]
            want = sum(p.get('rtt_%s_count' % side, 0) for p in told)
            total = samples[('weir_tcp_rtt_seconds_sum', labels)]
            grid = {}
            for p in told:
                for i, n in enumerate(p.get('rtt_%s_buckets' % side, [])):
                    at = p['rtt_%s_first_bucket' % side] + i
                    grid[at] = grid.get(at, 0) + n
            for at in range(9, 48):      # the bucket's upper bound
                le = 2 ** (at // 2) * 1.5 if at % 2 == 0 else 2 ** (at // 2 + 1)
                key = ('weir_tcp_rtt_seconds_bucket', labels | {('le', ('%.6f' % (le / 1e6)).rstrip('0'))})
                wrong += samples[key] != sum(n for g, n in grid.items() if g <= at)
            # as its buckets have it, which are at most half as wide again
            low = sum(n * (2 ** (g // 2) * (1.5 if g % 2 else 1)) for g, n in grid.items()) / 1e6
            print(port, side, 'count %d, summaries %d, sum %.6f s' % (count, want, total))
            wrong += count != want or not low * 0.5 <= total <= low * 2
            some += want
    return bool(wrong or not some)


def query(base, expression):
    with urllib.request.urlopen(base + '/api/v1/query?' + urllib.parse.urlencode({'query': expression}), timeout=10) as answer:
        result = json.load(answer)['data']['result']
    print(result[0]['value'][1] if result else 'nothing')
    return not result


def say(address, port, data, shut=False):
    s = socket.create_connection((address, port), timeout=15)
    answer = b''
    try:
        s.sendall(data)
        if shut:
            s.shutdown(socket.SHUT_WR)
        while True:
            more = s.recv(65536)
            if not more:
                break
            answer += more
    except (ConnectionResetError, BrokenPipeError):
        answer += b' reset'
    except socket.timeout:
        answer += b' still open'
    s.close()
    return answer


HOSTILE = [
    ('no HTTP', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(range(256)) + b'\r\n\r\n'),
    ('an endless line', b'GET /' + b'a' * 200000 + b' HTTP/1.1\r\n'),
    ('an endless header', b'GET /metrics HTTP/1.1\r\nHost: x\r\nX: ' + b'b' * 200000),
    ('thousands of headers', b'GET /metrics HTTP/1.1\r\nHost: x\r\n' + b''.join(b'X%d: y\r\n' % i for i in range(5000)) + b'\r\n'),
    ('no host', b'GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n'),
    ('a body', b'POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n' + b'c' * 100000),
    ('a GET with a body', b'GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n' + b'c' * 50000),
    ('two lengths', b'POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 9999999999999999999999\r\n\r\n12345'),
    ('a bad chunk', b'POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n'),
    ('a method of its own', b'EXPLODE /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    ('another path', b'GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    ('NUL in it', b'GET /metrics\x00/../x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    ('half a request', b'GET /metr'),
    ('HTTP/9.9', b'GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n'),
]


def hostile(address, port):
    bad = 0
    for name, data in HOSTILE:
        answer = say(address, int(port), data)
        first = answer.split(b'\r\n')[0][:60]
        page = b'weir_build_info' in answer
        ok = not answer.endswith(b'still open') and not (page and name not in ('no host', 'a GET with a body', 'NUL in it'))
        bad += not ok
        print(name, '->', first, '' if ok else 'WRONG')
    many = say(address, int(port), b'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n' * 50, shut=True)
    print('50 requests at once ->', many.count(b'HTTP/1.1 200'), 'answers')
    return bool(bad or not 1 <= many.count(b'HTTP/1.1 200') <= 50)


def quantiles(url, base):
    """Prometheus interpolates linearly within a bucket."""
    samples, some = parse(fetch(url)), 0
    for (name, labels), count in samples.items():
        if name != 'weir_tcp_rtt_seconds_count' or not count:
            continue
        steps = sorted((float(dict(l)['le']), v) for (n, l), v in samples.items() if n == 'weir_tcp_rtt_seconds_bucket' and labels < l)
        low, below = 0.0, 0
        for high, upto in steps:
            if upto >= count / 2:
                want = low if high == float('inf') else low + (high - low) * (count / 2 - below) / (upto - below)
                break
            low, below = high, upto
        match = ','.join('%s="%s"' % l for l in sorted(labels))
        with urllib.request.urlopen(base + '/api/v1/query?' + urllib.parse.urlencode(
                {'query': 'histogram_quantile(0.5, weir_tcp_rtt_seconds_bucket{%s})' % match}), timeout=10) as answer:
            result = json.load(answer)['data']['result']
        got = float(result[0]['value'][1]) if result else float('nan')
        print(match, got, want)
        if not abs(got - want) <= 1e-9 + want * 1e-6:
            return 1
        some += 1
    return not some


def flood(address, port, seconds, stay):
    end, answers, lock = time.monotonic() + float(seconds), [0, 0], threading.Lock()
    idle = []

    def ask():
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen('http://%s:%s/metrics' % (address, port), timeout=10) as answer:
                    ok = b'weir_build_info' in answer.read()
            except (OSError, ValueError):
                ok = False
            with lock:
                answers[not ok] += 1
    for _ in range(int(stay)):
        try:
            s = socket.create_connection((address, int(port)), timeout=1)
            s.sendall(b'GET /metrics HTTP/1.1\r\n')
            idle.append(s)
        except OSError:
            pass
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print('%d pages, %d other answers' % tuple(answers))
    return 0


def main():
    what, args = sys.argv[1], sys.argv[2:]
    if what == 'page':
        text = fetch(args[0], len(args) > 1)
        sys.stdout.write(text)
        parse(text, len(args) > 1)
        return 0
    return {'status': against_status, 'rtt': rtt, 'query': query, 'quantiles': quantiles, 'hostile': hostile, 'flood': flood}[what](*args)


if __name__ == '__main__':
    sys.exit(main())
