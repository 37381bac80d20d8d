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
import collections, ctypes, json, os, struct, sys

# bpf/abi.h: struct books, taken, flow_slot
CLASSES = ('arp', 'not_ip', 'short', 'bad_header', 'too_deep', 'table_full', 'counter_full', 'error')
BOOKS_DIR = 16 * (1 + len(CLASSES) + 4) + 8
SLOT, BUCKET_SLOTS = 128, 8
TAG_LIVE, TAG_DEAD = 0x80000000, 0x40000000
FRAMES_MASK = (1 << 28) - 1
FLOW_MIRROR = 0x10000000
DIRS = ('rx', 'tx')
NEAR = {'lan0': ('10.1.', 'fd01:'), 'wan0': ('10.2.', 'fd02:')}      # who is behind the port: the a end


BPF_NR = {'x86_64': 321, 'aarch64': 280}[os.uname().machine]
LOOKUP_ELEM, OBJ_GET, INFO_BY_FD = 1, 7, 15
PERCPU_ARRAY = 6
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attr):
    """bpf(2) with its union as bytes."""
    buffer = ctypes.create_string_buffer(attr.ljust(64, b'\0'), 64)
    result = libc.syscall(BPF_NR, command, buffer, 64)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), f'bpf {command}')
    return result


def dump(path):
    """[(key, [value bytes, one a CPU])] of a pinned array."""
    name, info = ctypes.create_string_buffer(path.encode()), ctypes.create_string_buffer(96)
    fd = bpf(OBJ_GET, struct.pack('<QII', ctypes.addressof(name), 0, 0))
    bpf(INFO_BY_FD, struct.pack('<IIQ', fd, 96, ctypes.addressof(info)))
    kind, _, _, size, entries = struct.unpack_from('<5I', info.raw)
    stride = (size + 7) // 8 * 8
    with open('/sys/devices/system/cpu/possible') as f:
        cpus = int(f.read().strip().split('-')[-1]) + 1 if kind == PERCPU_ARRAY else 1
    value = ctypes.create_string_buffer(stride * cpus)
    for key in range(entries):
        number = ctypes.c_uint32(key)
        bpf(LOOKUP_ELEM, struct.pack('<IIQQQ', fd, 0, ctypes.addressof(number), ctypes.addressof(value), 0))
        raw = value.raw
        yield key, [raw[c * stride:c * stride + size] for c in range(cpus)]
    os.close(fd)


def tally(value, at):
    return struct.unpack_from('<QQ', value, at)


def plus(*tallies):
    return tuple(map(sum, zip((0, 0), *tallies)))


def read_books(pin_dir, names):
    """{(port, dir): {'seen': (frames, bytes), 'taken': ..., class: ...}}"""
    books = {}
    for port, values in dump(pin_dir + '/books'):
        for d, direction in enumerate(DIRS):
            if port in names:
                at = d * BOOKS_DIR
                books[names[port], direction] = {
                    'seen': plus(*(tally(v, at) for v in values)),
                    **{c: plus(*(tally(v, at + 16 * (i + 1)) for v in values)) for i, c in enumerate(CLASSES)}}
    for port, (value,) in dump(pin_dir + '/taken'):
        for d, direction in enumerate(DIRS):
            if port in names:
                books[names[port], direction]['taken'] = tally(value, 16 * d)
            elif port < 64 and any(tally(value, 16 * d)):
                raise SystemExit(f'judge: something was taken on port {port}, which has no name')
    return books


def read_table(pin_dir, names):
    """What is left in slots by port and direction; slots in use; keys that are there twice; slots claimed by nobody."""
    left, keys, stale, used = collections.defaultdict(lambda: (0, 0)), collections.Counter(), 0, 0
    for _, (bucket,) in dump(pin_dir + '/flows'):
        summary, = struct.unpack_from('<I', bucket, 4)
        for i in range(BUCKET_SLOTS):
            slot = bucket[i * SLOT:(i + 1) * SLOT]
            tag, = struct.unpack_from('<I', slot, 0)
            bytes_, count = struct.unpack_from('<2Q', slot, 64), struct.unpack_from('<2Q', slot, 80)
            flags, = struct.unpack_from('<I', slot, 104)
            port, = struct.unpack_from('<H', slot, 8 + 38)
            printed = summary >> 3 * i & 7
            used += tag != 0
            stale += bool(printed) != bool(tag)
            if tag & TAG_LIVE:
                keys[slot[8:56]] += 1
            for side in (0, 1):
                direction = DIRS[0] if flags & FLOW_MIRROR or side == 0 else DIRS[1]
                frames = count[side] & FRAMES_MASK
                if frames or bytes_[side]:
                    left[names.get(port, port), direction] = plus(left[names.get(port, port), direction], (frames, bytes_[side]))
    return left, used, sum(n - 1 for n in keys.values()), stale


def read_records(path):
    """{(port, dir): (frames, bytes)} of all records that the subscriber got, each batch once; batches, of them twice."""
    sums, batches, again = collections.defaultdict(lambda: (0, 0)), {}, 0
    with open(path, 'rb') as f:
        for line in f:
            topic, _, payload = line.split(b'\t', 2)
            if not topic.endswith(b'/flow'):
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
    names = {port: value.rstrip(b'\0').decode() for port, (value,) in dump(pin_dir + '/port_names') if value.rstrip(b'\0')}
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
    (_, stats), = dump(pin_dir + '/stats')
    if any(struct.unpack_from('<Q', v)[0] for v in stats):      # STAT_UNKNOWN_PORT
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
