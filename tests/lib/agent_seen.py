# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""agent_seen - evaluates a Python expression over what the agent published, or over its status, until it holds.

    agent_seen.py --seen FILE --until SECONDS EXPRESSION      FILE: lines TOPIC <tab> RETAIN <tab> PAYLOAD
    agent_seen.py --status WEIR SOCKET --until SECONDS EXPRESSION

Prints the expression's value; status 0 when it is true. Names it may use, besides Python's own:
    messages            [(class, retained, dict)], in the order of arrival
    of(CLASS)           dicts of that class
    batches             flow envelopes, backlog (flow_hist) included, each (epoch, seq) once
    again               how many came more than once; one that came back changed is an AssertionError
    losses              what class loss says, each once
    missing()           (class, epoch, seq) that neither came nor are declared lost, of all classes with numbers
    records(**WHERE)    flow records; WHERE: port, transport, sip, dip, sport, dport, name (see select())
    packets(**WHERE), octets(**WHERE)    sums over records: (source, destination)
    gaps()              sequence numbers that are missing, [(epoch, seq)]
    lost()              {epoch: lost of its last envelope}
    get(RECORD, 'a.b')  a field, or None
    wire(PCAP, **WHERE) ((packets of source, of destination), (bytes ...)) in a capture; sip and dip are needed
    ipfix               ipfix_seen.py: ipfix.tshark(CAPTURE), ipfix.nfdump(FILE), ...
    s                   (--status) weir status --json
"""
import ipaddress, json, struct, subprocess, sys, time
import ipfix_seen

FIELDS = {'port': 'observer.interface.name', 'transport': 'network.transport', 'sip': 'source.ip', 'dip': 'destination.ip',
          'sport': 'source.port', 'dport': 'destination.port', 'name': 'tls.client.server_name'}


def get(record, path):
    for name in path.split('.'):
        if not isinstance(record, dict):
            return None
        record = record.get(name)
    return record


class Seen:
    def __init__(self, path):
        self.messages, self.again, envelopes = [], 0, {}
        with open(path, 'rb') as f:
            lines = f.read().split(b'\n')[:-1]      # an unfinished last line: next time
        for line in lines:
            topic, retain, payload = line.split(b'\t', 2)
            if topic == b'weir/begin':
                continue
            kind = topic.decode().rsplit('/', 1)[1]
            message = json.loads(payload)
            self.messages.append((kind, retain == b'1', message))
            if kind not in ('birth', 'state'):
                key = ('flow' if kind == 'flow_hist' else kind, message['epoch'], message['seq'])
                same = {k: v for k, v in message.items() if k != 'historical'}
                if key in envelopes:
                    assert envelopes[key] == same, 'message %s came again, changed' % (key,)
                    self.again += 1
                envelopes[key] = same
        self.numbers = set(envelopes)
        self.batches = [m for (kind, _, _), m in envelopes.items() if kind == 'flow']
        self.losses = [m for (kind, _, _), m in envelopes.items() if kind == 'loss']

    def of(self, kind):
        return [m for k, _, m in self.messages if k == kind]

    def records(self, **where):
        return [r for b in self.batches for r in b['records'] if all(get(r, FIELDS[k]) == v for k, v in where.items())]

    def total(self, field, where):
        rows = self.records(**where)
        return tuple(sum(r[side][field] for r in rows) for side in ('source', 'destination'))

    def packets(self, **where):
        return self.total('packets', where)

    def octets(self, **where):
        return self.total('bytes', where)

    def lost(self):
        return {b['epoch']: b['lost'] for b in sorted(self.batches, key=lambda b: b['seq'])}

    def gaps(self):
        seqs = {}
        for b in self.batches:
            seqs.setdefault(b['epoch'], set()).add(b['seq'])
        return [(e, n) for e, have in seqs.items() for n in range(1, max(have) + 1) if n not in have]


    # An epoch's numbers begin at 1, or where the epoch before it ended.
    def missing(self):
        ends = {m['lost_epoch']: m for m in self.losses if m['reason'] == 'epoch_end'}
        begins = {m['next_epoch']: m['from_seq'] for m in ends.values()}
        lost = {(m['class'], m['lost_epoch'], n) for m in self.losses if m['reason'] != 'epoch_end' for n in range(m['from_seq'], m['to_seq'] + 1)}
        known, missing = self.numbers | lost, []
        for kind, epoch in sorted({k[:2] for k in known}):
            last = max(n for k, e, n in known if (k, e) == (kind, epoch))
            if epoch in ends:
                last = max(last, ends[epoch]['from_seq'][kind] - 1)
            missing += [(kind, epoch, n) for n in range(begins.get(epoch, {}).get(kind, 1), last + 1) if (kind, epoch, n) not in known]
        return missing


PROTO = {'tcp': 6, 'udp': 17, 'icmp': 1, 'ipv6-icmp': 58}


def frames(path):
    """Each frame of a pcap of Ethernet: (bytes on the wire, protocol, source, destination, ports)."""
    with open(path, 'rb') as f:
        data = f.read()
    order = '<' if data[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
    at = 24
    while at + 16 <= len(data):
        have, length = struct.unpack(order + '8x2I', data[at:at + 16])
        frame, at = data[at + 16:at + 16 + have], at + 16 + have
        if frame[12:14] == b'\x08\x00':
            proto, src, dst, head = frame[23], frame[26:30], frame[30:34], 14 + (frame[14] & 15) * 4
        elif frame[12:14] == b'\x86\xdd':
            proto, src, dst, head = frame[20], frame[22:38], frame[38:54], 54
        else:
            continue
        ports = struct.unpack('>2H', frame[head:head + 4]) if proto in (6, 17) else (None, None)
        yield length, proto, str(ipaddress.ip_address(src)), str(ipaddress.ip_address(dst)), ports


def wire(path, sip, dip, transport=None, sport=None, dport=None, port=None):
    count, octets = [0, 0], [0, 0]
    for length, proto, src, dst, (sp, dp) in frames(path):
        if transport and proto != PROTO[transport]:
            continue
        for side, ends in enumerate(((src, sp, dst, dp), (dst, dp, src, sp))):
            if all(want is None or want == have for want, have in zip((sip, sport, dip, dport), ends)):
                count[side] += 1
                octets[side] += length
    return tuple(count), tuple(octets)


def names(source, args):
    if source == '--status':
        out = subprocess.run([args[0], 'status', '--json', '-s', args[1]], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return {'s': json.loads(out.stdout)} if out.returncode == 0 else None
    seen = Seen(args[0])
    return {'seen': seen, 'wire': wire, 'get': get, 'ipfix': ipfix_seen,
            **{k: getattr(seen, k) for k in ('messages', 'of', 'batches', 'again', 'records', 'packets', 'octets', 'gaps', 'lost', 'losses',
                                          'missing')}}


def main():
    source, at = sys.argv[1], sys.argv.index('--until')
    args, seconds, expression = sys.argv[2:at], float(sys.argv[at + 1]), sys.argv[at + 2]
    code = compile(expression.strip(), 'expression', 'eval')
    end, value = time.monotonic() + seconds, 'nothing there'
    while True:
        env = names(source, args)
        if env is not None:
            value = eval(code, dict(env))
        if (env is not None and value) or time.monotonic() >= end:
            print(value)
            return 0 if env is not None and value else 1
        time.sleep(0.1)


if __name__ == '__main__':
    sys.exit(main())
