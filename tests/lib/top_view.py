# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""top_view - what system/43-top.sh asks of weir top that a shell cannot see. Speaks TAP lines without numbers.

    top_view.py json RATE BYTES RTT LOSS NAME      files of weir top --json, by that order; NEAR and FAR: real round trips, us
    top_view.py terminal WEIR SOCKET               weir top on a pseudo-terminal
    top_view.py deaf SOCKET                        askers of nonsense, and those that do not read
"""
import datetime, fcntl, json, os, pty, re, select, signal, socket, struct, sys, termios, time


def ok(truth, name, why=None):
    print('ok' if truth else 'not ok', '-', name, flush=True)
    if not truth:
        print('# %s' % (why,), flush=True)


def get(record, path):
    for name in path.split('.'):
        record = record.get(name) if isinstance(record, dict) else None
    return record


def lost(flow):
    return sum(get(flow, 'weir.tcp.%s.%s' % (what, side)) or 0 for what in ('retransmits', 'lost_before') for side in ('source', 'destination'))


def rtt(flow):
    return sum(get(flow, 'weir.tcp.rtt_us.' + side) or 0 for side in ('near', 'far'))


def at(view):
    return datetime.datetime.fromisoformat(view['ts'].replace('Z', '+00:00')).timestamp()


def check_json(paths):
    views = dict(zip(('rate', 'bytes', 'rtt', 'loss', 'name'), (json.load(open(p)) for p in paths)))
    by = {k: [f for f in v['flows']] for k, v in views.items()}
    talk = {get(f, 'observer.interface.name'): f for f in by['loss'] if get(f, 'destination.port') == 7000}
    near, far = int(os.environ['NEAR']), int(os.environ['FAR'])

    ok(set(talk) == {'lan0', 'wan0'}, 'JSON: the conversation on both ports', by['loss'])
    for port, sides in (('lan0', ('near', 'far')), ('wan0', ('far', 'near'))):
        times = get(talk[port], 'weir.tcp.rtt_us')
        ok(all(abs(times[side] - real) < real / 5 for side, real in zip(sides, (near, far))),
           'JSON: round trips on %s within a fifth of the real ones' % port, (times, near, far))
        ok((get(talk[port], 'weir.tcp.retransmits'), get(talk[port], 'weir.tcp.lost_before')) ==
           ({'source': 3, 'destination': 0}, {'source': 2, 'destination': 0}), 'JSON: what was lost on %s' % port, talk[port])
    ok(get(talk['lan0'], 'weir.tcp.state') == 'established' and get(talk['lan0'], 'source.ip') == '10.1.0.50' and
       get(talk['lan0'], 'source.port') == 47000, 'JSON: who and how', talk['lan0'])
    ok([v['sort'] for v in views.values()] == list(views), 'JSON: says its order')
    sums = [sum(get(f, s + '.bits_per_s') for s in ('source', 'destination')) for f in by['rate']]
    ok(sums == sorted(sums, reverse=True), 'JSON: rate falls', sums)
    first = by['rate'][0]
    later = [f for f in by['name'] if get(f, 'destination.port') == 9000 and get(f, 'observer.interface.name') == get(first, 'observer.interface.name')][0]
    took = at(views['name']) - at(views['rate'])
    mean = 8 * (get(later, 'source.bytes') - get(first, 'source.bytes')) / took
    ok(get(first, 'destination.port') == 9000 and mean / 3 < get(first, 'source.bits_per_s') < mean * 3,
       'JSON: the datagrams are the first, with their rate', (mean, took, first, later))
    ok(views['rate']['interval_ms'] >= 900, 'JSON: over a second or more', views['rate']['interval_ms'])
    sums = [sum(get(f, s + '.bytes') for s in ('source', 'destination')) for f in by['bytes']]
    ok(sums == sorted(sums, reverse=True) and sums[0] > 10000, 'JSON: bytes fall', sums)
    ok([rtt(f) for f in by['rtt']] == sorted(map(rtt, by['rtt']), reverse=True) and get(by['rtt'][0], 'destination.port') == 7000,
       'JSON: round trips fall, the conversation first', [rtt(f) for f in by['rtt']])
    ok([lost(f) for f in by['loss']] == sorted(map(lost, by['loss']), reverse=True) and lost(by['loss'][0]) == 5,
       'JSON: losses fall, the conversation first', [lost(f) for f in by['loss']])
    names = [get(f, 'destination.domain') for f in by['name']]
    named = [n for n in names if n]
    ok(len(named) == 6 and named == sorted(named) and names[:6] == named, 'JSON: names in order, then flows without', names)
    ok({get(f, 'weir.proto') for f in by['name'] if get(f, 'destination.domain')} == {'h2'}, 'JSON: their ALPN', by['name'])
    ports = {p['name']: p for p in views['rate']['ports']}
    ok(set(ports) == {'lan0', 'wan0'}, 'JSON: both ports', ports)
    ok(all(mean / 3 < ports[p][d]['bits_per_s'] < mean * 3 and mean / 3 < 8 * 142 * ports[p][d]['frames_per_s'] < mean * 3
           for p, d in (('lan0', 'rx'), ('wan0', 'tx'))), 'JSON: their rates', (mean, ports))
    ok(all(p[d]['books']['balanced'] for p in ports.values() for d in ('rx', 'tx')), 'JSON: their books balance', ports)
    ok(views['rate']['flows_live'] == len(by['rate']) and views['rate']['flows_without_room'] == 0, 'JSON: all flows that there are',
       (views['rate']['flows_live'], len(by['rate'])))
    ok(isinstance(views['rate']['lost'], dict) and all(views['rate']['lost'].values()), 'JSON: losses are named and not 0', views['rate']['lost'])


class Terminal:
    def __init__(self, argv, rows, columns):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
        self.before, self.slave, self.out = termios.tcgetattr(slave), slave, b''
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for fd in range(3):
                os.dup2(slave, fd)
            os.execve(argv[0], argv, dict(os.environ, TERM='xterm'))

    def until(self, wanted, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if wanted(self.out):
                return True
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.out += os.read(self.master, 65536)
                except OSError:
                    break
        return wanted(self.out)

    def end(self):
        """Its status, as waitpid() has it; None: it goes on."""
        self.until(lambda out: b'\x1b[?1049l' in out, 5)
        for _ in range(50):
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return status
            time.sleep(0.1)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None

    def lines(self):
        """Of the last whole screen."""
        screen = self.out.split(b'\x1b[H')[-2].decode('utf-8', 'replace')
        return re.sub(r'\x1b\[[0-9;?]*[A-Za-z]', '', screen).rstrip('\r\n').split('\r\n')

    def is_restored(self):
        return termios.tcgetattr(self.slave) == self.before and b'\x1b[?25h\x1b[?1049l' in self.out


def check_terminal(weir, path):
    argv = [weir, 'top', '-s', path]
    t = Terminal(argv, 24, 80)
    ok(t.until(lambda out: out.count(b'by rate') >= 2), 'terminal: drawn again and again', t.out[-500:])
    ok(termios.tcgetattr(t.slave) != t.before and b'\x1b[?1049h' in t.out, 'terminal: keys without echo, the other screen')
    lines = t.lines()
    ok(len(lines) <= 24 and max(map(len, lines)) <= 80 and any(l.startswith('PORT ') and l.endswith('STATE') for l in lines),
       'terminal: 24 lines of 80 columns at most', lines)
    for sort in (b'bytes', b'rtt', b'loss', b'name', b'rate'):
        os.write(t.master, b's')
        if not t.until(lambda out: b'flows by ' + sort in out.split(b'\x1b[H')[-1]):
            break
    ok(b'flows by ' + sort in t.out.split(b'\x1b[H')[-1] and sort == b'rate', 'terminal: s goes through all orders', t.out[-300:])
    os.write(t.master, b'q')
    ok(t.end() == 0, 'terminal: q ends it with status 0')
    ok(t.is_restored(), 'terminal: and puts everything back', t.out[-100:])

    t = Terminal(argv, 10, 44)
    t.until(lambda out: out.count(b'by rate') >= 2)
    lines = t.lines()
    ok(len(lines) <= 10 and max(map(len, lines)) <= 44, 'narrow terminal: 10 lines of 44 columns at most', lines)
    fcntl.ioctl(t.slave, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 120, 0, 0))
    ok(t.until(lambda out: b'STATE' in out.split(b'\x1b[H')[-1]), 'and all columns when it grows', t.out[-500:])
    os.write(t.master, b'\x03')
    status = t.end()
    ok(status is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT, 'Ctrl-C: ends by SIGINT', status)
    ok(t.is_restored(), 'Ctrl-C: and puts everything back', t.out[-100:])

    t = Terminal(argv, 24, 80)
    t.until(lambda out: b'by rate' in out)
    os.kill(t.pid, signal.SIGTERM)
    status = t.end()
    ok(status is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGTERM, 'SIGTERM: ends by it', status)
    ok(t.is_restored(), 'SIGTERM: and puts everything back', t.out[-100:])

    t = Terminal(argv + ['--once'], 24, 80)
    t.until(lambda out: b'sent again' in out)
    _, status = os.waitpid(t.pid, 0)
    ok(status == 0 and b'\x1b' not in t.out and b'STATE' in t.out, '--once on a terminal: one plain snapshot', t.out)
    ok(max(map(len, t.out.decode().split('\r\n'))) <= 80, 'as wide as it', t.out)


def connect(path, receive=None):
    s = socket.socket(socket.AF_UNIX)
    if receive:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    s.settimeout(7)
    s.connect(path)
    return s


def answer_to(path, request):
    s, answer = connect(path), b''
    s.sendall(request)
    while part := s.recv(65536):
        answer += part
    return answer


def check_deaf(path):
    for request, why in ((b'top text weight 5 80', b'no order "weight"; allowed: rate, bytes, rtt, loss, name'),
                         (b'top json rate 4000000', b'"4000000" flows; allowed: 1 to 100'), (b'top text rate 5 9', b'"9" columns; allowed: 20 to 400'),
                         (b'top json rate 5 80', b'no request "top json rate 5 80"; allowed: top text SORT N WIDTH, top json SORT N')):
        answer = answer_to(path, request + b'\n')
        ok(answer.startswith(b'error: ') and why in answer, 'asked for %r: an error that says what is allowed' % request.decode(), answer)
    deaf = [connect(path, 1) for _ in range(4)]
    for s in deaf:
        s.sendall(b'top text rate 100 400\n')
    begin = time.monotonic()
    answer = answer_to(path, b'top json rate 100\n')
    took = time.monotonic() - begin
    ok(answer.startswith(b'ok\n{'), 'four that ask and do not read: another one is answered', answer[:100])
    ok(took < 1, 'and at once', took)


{'json': lambda *a: check_json(a), 'terminal': check_terminal, 'deaf': check_deaf}[sys.argv[1]](*sys.argv[2:])
