# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""viewer - the live table of the flows that come out of MQTT: redrawn in place on a terminal, else a line a record.

    viewer.py PORT USER PASSWORD DIR

DIR/now holds what the client does at the moment. SIGTERM: takes what is still on its way, writes all of it to
DIR/seen.json for judge.py, and ends.
"""
import json, os, shutil, signal, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../lib'))
from mqtt_watch import SIDES, Watch, get, port_of

REDRAW_S = 0.3
HEAD = ('PORT', 'PROTO', 'NAME', 'ALPN', 'NAME STATUS', 'BYTES OUT', 'BYTES BACK', 'ENDS')
WIDTH = (6, 9, 20, 16, 11, 10, 10)


def clean(value):
    """Names come from outside: no control characters on the terminal."""
    return ''.join(c if c.isprintable() else '?' for c in str(value))


def end_of(record, side):
    ip, port = get(record, side + '.ip', '?'), get(record, side + '.port')
    return ip if port is None else f'[{ip}]:{port}' if ':' in ip else f'{ip}:{port}'


def row(record, out, back):
    transport = get(record, 'network.transport') or get(record, 'network.iana_number', '?')
    cells = (port_of(record), transport, get(record, 'tls.client.server_name', '-'),
             ','.join(get(record, 'tls.client.alpn', [])) or '-', get(record, 'weir.name_status', '-'), out, back,
             ' > '.join(end_of(record, side) for side in SIDES))
    return line(map(clean, cells))


def line(cells):
    *cells, ends = cells
    parts = [c.rjust(w) if i in (5, 6) else c.ljust(w) for i, (c, w) in enumerate(zip(cells, WIDTH))]
    return ' '.join(parts) + '  ' + ends


class Screen:
    """The table, drawn over itself."""
    def __init__(self, watch, now_path):
        self.watch, self.now_path, self.lines = watch, now_path, 0

    def caption(self):
        try:
            with open(self.now_path) as f:
                now = f.read().strip()
        except OSError:
            now = ''
        w = self.watch
        named = sum(1 for f in w.flows.values() if get(f.last, 'tls.client.server_name'))
        return f'from MQTT: {w.batches} batches, {w.records} records, {len(w.flows)} flows, {named} named' + (
            f'; client: {clean(now)}' if now else '')

    def draw(self, at_end=False):
        """Those heard of last on top; in the end those with names."""
        columns, rows = shutil.get_terminal_size()
        flows = sorted(self.watch.flows.values(), key=lambda f: (
            at_end and 'tls' not in f.last, -sum(f.bytes) if at_end else -f.seen))[:max(3, min(rows - 4, 30))]
        lines = [self.caption(), line(HEAD)] + [row(f.last, f.bytes[0], f.bytes[1]) for f in flows]
        up = f'\x1b[{self.lines}A' if self.lines else ''
        sys.stdout.write(up + ''.join(f'\x1b[2K{text[:columns - 1]}\n' for text in lines))
        sys.stdout.flush()
        self.lines = len(lines)


def main():
    port, user, password, folder = int(sys.argv[1]), *sys.argv[2:5]
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    sys.stdout.reconfigure(errors='replace')
    watch = Watch(port, user=user, password=password)
    on_terminal = sys.stdout.isatty() and os.environ.get('TERM', 'dumb') != 'dumb'
    screen = Screen(watch, os.path.join(folder, 'now')) if on_terminal else None
    if not screen:
        print(line(HEAD), flush=True)

    def show(records):
        for record in records:
            if not screen:
                print(row(record, *(record[side]['bytes'] for side in SIDES)), flush=True)

    while not stop:
        show(watch.take(REDRAW_S))
        if screen:
            screen.draw()
    show(watch.finish())
    if screen:
        screen.draw(at_end=True)
    seen = {'flows': [{'last': f.last, 'packets': f.packets, 'bytes': f.bytes, 'rtt': f.rtt} for f in watch.flows.values()],
            'iface': watch.iface, 'summaries': list(watch.summaries.values()), 'problems': watch.problems, 'retained': watch.retained,
            'records': watch.records, 'batches': watch.batches, 'again': watch.again}
    with open(os.path.join(folder, 'seen.json'), 'w') as f:
        json.dump(seen, f)


main()
