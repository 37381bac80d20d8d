#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""schema_check - messages against the JSON Schemas that tools/make-schemas makes. Debian's Python: python3-jsonschema.

    schema_check.py schemas FOLDER          they are schemas themselves, and every object in them is closed
    schema_check.py seen FOLDER FILE        what agent_seen.py reads: every message fits; classes and their numbers
    schema_check.py records FOLDER          flow records on standard input, a line each
    schema_check.py cbor FOLDER FILE        as seen, of lines whose payload is in hexadecimal: flow is CBOR
    schema_check.py same JSON CBOR          records, a line each, against a sequence of CBOR (RFC 8742)
    schema_check.py mutants FOLDER FILE     the same messages with something in them that nobody knows: none fits
"""
import copy, glob, io, json, os, sys
from jsonschema import Draft202012Validator, FormatChecker

SHOWN = 10      # faults
OF_A_CLASS = 3  # messages that are changed; the largest


def schemas(folder):
    found = {}
    for path in sorted(glob.glob(folder + '/*.schema.json')):
        with open(path) as f:
            found[os.path.basename(path).split('.')[1]] = json.load(f)
    assert len(found) == 9, sorted(found)
    found['flow_hist'] = found['flow']
    return found


def validators(folder):
    return {k: Draft202012Validator(s, format_checker=FormatChecker(['ipv4', 'ipv6'])) for k, s in schemas(folder).items()}


def cbor_messages(path):
    import cbor2
    for line in open(path):
        topic, _, payload = line.rstrip('\n').split('\t')
        kind, data = topic.rsplit('/', 1)[1], bytes.fromhex(payload)
        if kind in ('flow', 'flow_hist'):
            stream = io.BytesIO(data)
            yield kind, cbor2.load(stream)
            assert not stream.read(), 'bytes behind a batch'
        elif topic != 'weir/begin':
            yield kind, json.loads(data)


def check_same(json_path, cbor_path):
    """In any order, which the seed of the flow hash makes; members in the same one. Never longer."""
    import cbor2
    lines, there, n, faults = open(json_path, 'rb').read().split(b'\n')[:-1], {}, 0, 0
    for line in lines:
        there.setdefault(json.dumps(json.loads(line)), []).append(len(line))
    with open(cbor_path, 'rb') as f:
        size = os.fstat(f.fileno()).st_size
        while f.tell() < size:
            begin = f.tell()
            record = json.dumps(cbor2.load(f))
            n += 1
            length = there[record].pop() if there.get(record) else 0
            if f.tell() - begin > length:
                faults += 1
                if faults <= SHOWN:
                    print('longer than in JSON, or not there:', record[:300])
    print('%d records, %d bytes of JSON, %d of CBOR' % (n, sum(map(len, lines)), size))
    return faults or n != len(lines) or not n


def messages(path):
    for line in open(path, 'rb').read().split(b'\n')[:-1]:
        topic, _, payload = line.split(b'\t', 2)
        if topic != b'weir/begin':
            yield topic.decode().rsplit('/', 1)[1], json.loads(payload)


def leaf(error):
    """Of alternatives the one that went furthest; else it is the fault itself."""
    return '%s: %s' % ('/'.join(map(str, error.absolute_path)) or 'whole', error.message[:200])


def check_schemas(folder):
    open_ones = 0

    def walk(node, where):
        nonlocal open_ones
        if isinstance(node, dict):
            if node.get('type') == 'object' and node.get('additionalProperties') is not False:
                print('not closed:', where)
                open_ones += 1
            for k, v in node.items():
                walk(v, where + '/' + k)
    for kind, schema in schemas(folder).items():
        assert schema['$schema'].endswith('2020-12/schema')
        Draft202012Validator.check_schema(schema)
        walk(schema, kind)
    return open_ones


def check_seen(folder, path, read=messages):
    valid, numbers, faults = validators(folder), {}, 0
    for kind, message in read(path):
        numbers[kind] = numbers.get(kind, 0) + 1
        for error in valid[kind].iter_errors(message):
            faults += 1
            if faults <= SHOWN:
                print('%s: %s' % (kind, leaf(error)))
    print(' '.join('%s:%d' % n for n in sorted(numbers.items())))
    return faults


def check_cbor(folder, path):
    return check_seen(folder, path, cbor_messages)


def check_records(folder):
    schema = schemas(folder)['flow']['$defs']['record']
    valid, n, faults, paths = Draft202012Validator(schema, format_checker=FormatChecker(['ipv4', 'ipv6'])), 0, 0, set()

    def walk(node, where):
        for k, v in node.items():
            if isinstance(v, dict):
                walk(v, where + k + '.')
            else:
                paths.add(where + k)

    def fields(node, where=''):
        for k, v in node['properties'].items():
            if 'properties' in v:
                yield from fields(v, where + k + '.')
            else:
                yield where + k
    for line in sys.stdin:
        record = json.loads(line)
        n += 1
        walk(record, '')
        for error in valid.iter_errors(record):
            faults += 1
            if faults <= SHOWN:
                print(leaf(error))
    known = set(fields(schema))
    print('%d records; %d of %d fields were in one; never: %s' % (n, len(paths & known), len(known), ' '.join(sorted(known - paths))))
    return faults or not n


def objects(node):
    if isinstance(node, dict):
        yield node
        for v in node.values():
            yield from objects(v)
    elif isinstance(node, list) and node:
        yield from objects(node[0])


def check_mutants(folder, path):
    valid, most, fit, made = validators(folder), {}, 0, {}
    for kind, message in messages(path):
        most.setdefault(kind, []).append((len(json.dumps(message)), len(most.get(kind, [])), message))
    for kind, found in most.items():
        for _, _, message in sorted(found, key=lambda x: x[:2])[-OF_A_CLASS:]:
            for i in range(sum(1 for _ in objects(message))):
                mutant = copy.deepcopy(message)
                node = list(objects(mutant))[i]
                node['not_in_the_schema'] = 1
                made[kind] = made.get(kind, 0) + 1
                if valid[kind].is_valid(mutant):
                    print(kind, 'takes a member that nobody knows, beside', sorted(node)[:6])
                    fit += 1
                del node['not_in_the_schema']
                for name in [k for k, v in node.items() if isinstance(v, int) and not isinstance(v, bool)][:3]:
                    was, node[name] = node[name], 'x'
                    made[kind] += 1
                    if valid[kind].is_valid(mutant):
                        print(kind, 'takes a text as', name)
                        fit += 1
                    node[name] = was
    print(' '.join('%s:%d' % n for n in sorted(made.items())))
    return fit


if __name__ == '__main__':
    sys.exit(bool({'schemas': check_schemas, 'seen': check_seen, 'records': check_records, 'cbor': check_cbor, 'same': check_same, 'mutants': check_mutants}[sys.argv[1]](*sys.argv[2:])))
