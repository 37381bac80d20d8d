# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""books - the kernel's side of the books, read from pinned maps by bpf(2): nothing of weir is asked.

    read_names(PIN_DIR)             {port index: name}
    read_books(PIN_DIR, names)      {(port, dir): {'seen': (frames, bytes), 'taken': ..., class: ...}}
    read_table(PIN_DIR, names)      ({(port, dir): what lies in slots}, slots in use, flows in two, slots that nobody owns)
    read_unknown(PIN_DIR)           frames of no port
Exact only while nobody counts and nobody sweeps. Layouts are those of bpf/abi.h.
"""
import collections, ctypes, os, struct

# bpf/abi.h: struct books, taken, flow_slot
CLASSES = ('arp', 'not_ip', 'short', 'bad_header', 'too_deep', 'table_full', 'new_flow_limit', 'counter_full', 'error')
CLASSES_AT = 16 * 2      # behind seen and joined
BOOKS_DIR = CLASSES_AT + 16 * (len(CLASSES) + 2 * 4) + 8 * 6
SLOT, BUCKET_SLOTS = 128, 8
TAG_LIVE, TAG_DEAD = 0x80000000, 0x40000000
FRAMES_MASK = (1 << 28) - 1
TURN = 1 << 63       # TAKE_TURN
FLOW_MIRROR = 0x10000000
DIRS = ('rx', 'tx')

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
        if len(values[0]) != len(DIRS) * BOOKS_DIR:
            raise SystemExit(f'books: a port has {len(values[0])} bytes, not {len(DIRS) * BOOKS_DIR}: struct books is another one')
        for d, direction in enumerate(DIRS):
            if port in names:
                at = d * BOOKS_DIR
                books[names[port], direction] = {
                    'seen': plus(*(tally(v, at) for v in values)),
                    **{c: plus(*(tally(v, at + CLASSES_AT + 16 * i) for v in values)) for i, c in enumerate(CLASSES)}}
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
            bytes_, count = [b & ~TURN for b in struct.unpack_from('<2Q', slot, 64)], struct.unpack_from('<2Q', slot, 80)
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


def read_names(pin_dir):
    return {port: value.rstrip(b'\0').decode() for port, (value,) in dump(pin_dir + '/port_names') if value.rstrip(b'\0')}


def read_unknown(pin_dir):
    (_, stats), = dump(pin_dir + '/stats')
    return sum(struct.unpack_from('<Q', v)[0] for v in stats)      # STAT_UNKNOWN_PORT
