#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""judge.py - closes the books of tests/exact/run from outside: by what the senders say and by the kernel's maps.

    judge.py PIN_DIR SEEN_FILE SENDERS

PIN_DIR: the pinned maps, which are read by bpf(2); nobody sweeps them meanwhile. SEEN_FILE: what the broker's subscriber
got. SENDERS: lines "PORT rx|tx FRAMES BYTES": what was sent through that port in that direction, by the sender.

Prints a table, a line of its own for records that were taken and never reached the broker, and what is wrong with the
table itself. Status 0: to the frame and to the byte sent == seen == taken + in the table + classes, by port and direction,
no record says more than was taken, no slot is there twice or stale.
"""
import collections, json, os, sys

sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../lib'))
from books import CLASSES, plus, read_books, read_names, read_table, read_unknown

NEAR = {'lan0': ('10.1.', 'fd01:'), 'wan0': ('10.2.', 'fd02:')}      # who is behind the port: the a end


def read_records(path):
    """{(port, dir): (frames, bytes)} of all records that the subscriber got, each batch once; batches, of them twice."""
    sums, batches, again = collections.defaultdict(lambda: (0, 0)), {}, 0
    with open(path, 'rb') as f:
        for line in f:
            topic, _, payload = line.split(b'\t', 2)
            if not topic.endswith((b'/flow', b'/flow_hist')):
                continue
            if not payload.endswith(b'\n'):
                raise SystemExit('judge: the subscriber was cut off')
            message = json.loads(payload)
            key = message['epoch'], message['seq']
            again += key in batches
            if key in batches:
                continue
            batches[key] = True
            for r in message['records']:
                port = r['observer']['interface']['name']
                near = 'source' if r['source']['ip'].startswith(NEAR[port]) else 'destination'
                for side, direction in ((near, 'rx'), ('destination' if near == 'source' else 'source', 'tx')):
                    sums[port, direction] = plus(sums[port, direction], (r[side]['packets'], r[side]['bytes']))
    return sums, len(batches), again


def percent(part, whole):
    return f'{100 * part / whole:.4f}' if whole else '-'


def main():
    pin_dir, seen_file, senders_file = sys.argv[1:]
    names = read_names(pin_dir)
    with open(senders_file) as f:
        senders = {(port, d): (int(frames), int(bytes_)) for port, d, frames, bytes_ in map(str.split, f)}
    books = read_books(pin_dir, names)
    left, used, twice, stale = read_table(pin_dir, names)
    records, batches, again = read_records(seen_file)
    faults = []

    print(f"{'port':6} {'dir':3} {'':7} {'sent':>13} {'seen':>13} {'taken':>13} {'in table':>9} {'classes':>9}  accounted %")
    for where in sorted(senders):
        book = books.get(where)
        if book is None:
            faults.append('%s %s: not in the books' % where)
            continue
        classes = plus(*(book[c] for c in CLASSES))
        for unit, name in enumerate(('frames', 'bytes')):
            sent, seen, taken, rest = senders[where][unit], book['seen'][unit], book['taken'][unit], left[where][unit]
            accounted = taken + rest + classes[unit]
            print(f'{where[0]:6} {where[1]:3} {name:7} {sent:13} {seen:13} {taken:13} {rest:9} {classes[unit]:9}  '
                  f'{percent(accounted, sent)}')
            if sent != seen:
                faults.append(f'{where[0]} {where[1]}: {sent} {name} sent, {seen} seen')
            if seen != accounted:
                faults.append(f'{where[0]} {where[1]}: {seen} {name} seen, {accounted} accounted for ({accounted - seen:+d})')
            if records[where][unit] > taken:
                faults.append(f'{where[0]} {where[1]}: records have {records[where][unit]} {name}, {taken} were taken')
            if not sent or not taken:
                faults.append(f'{where[0]} {where[1]}: no {name} sent or none taken: nothing was tested')
        for c in CLASSES:
            if book[c][0] and c in ('table_full', 'counter_full', 'error'):
                faults.append(f'{where[0]} {where[1]}: {book[c][0]} frames in class {c}: in no flow')
    if read_unknown(pin_dir):
        faults.append('frames came on an interface that is in no port table')
    for where in set(left) - set(senders):
        faults.append(f'slots hold {left[where]} of {where}, which is no port')
    taken, told = plus(*(b['taken'] for b in books.values())), plus(*records.values())
    print('records: %d of %d frames taken reached the broker (%s %%), %d of %d bytes; %d batches, %d of them twice'
          % (told[0], taken[0], percent(told[0], taken[0]), told[1], taken[1], batches, again))
    print('records: %d frames, %d bytes were taken by processes that were killed before the broker had them'
          % (taken[0] - told[0], taken[1] - told[1]))
    print(f'table: {used} slots in use, {twice} flows in more than one, {stale} slots whose tag and bucket disagree')
    if twice:
        faults.append(f'{twice} flows are in more than one slot after the last sweeps')
    if stale:
        faults.append(f'{stale} slots are claimed by nobody, or used and not claimed')
    for fault in faults:
        print('WRONG: ' + fault)
    return 1 if faults else 0


sys.exit(main())
