# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""mqtt_watch - what comes out of MQTT, collected and checked, by nothing but what the messages say.

Watch(port, ...) subscribes; take() hands on each flow record as it comes; finish() waits until all that was published
before has arrived. Then: flows (one a flow and port, deltas added up), iface (the last message of each port), summaries,
counts, and problems: lines about whatever breaks the contract. A batch that comes twice (QoS 1) is counted once.
"""
import json, queue, time
import paho.mqtt.client as mqtt

SCHEMA = 'weir.flow/1'
SIDES = ('source', 'destination')


class Flow:
    """One flow on one port: the last record, and the deltas of all of them."""
    def __init__(self):
        self.packets, self.bytes = [0, 0], [0, 0]
        self.rtt = [0, 0]       # samples, near and far
        self.halves = [False, False]    # of a QUIC handshake: counted
        self.records, self.last, self.seen = 0, {}, 0.0

    def add(self, record):
        for i, side in enumerate(SIDES):
            self.packets[i] += record[side]['packets']
            self.bytes[i] += record[side]['bytes']
            half = ('near', 'far')[i]
            self.rtt[i] += get(record, f'weir.tcp.rtt_us.{half}.count', 0) + get(record, f'weir.quic.rtt_us.{half}.count', 0)
            # a half of QUIC's handshake is told in each record, and is one sample
            is_told = get(record, f'weir.quic.handshake_us.{half}', 0) > 0
            self.rtt[i] += is_told and not self.halves[i]
            self.halves[i] |= is_told
        self.records += 1
        self.last, self.seen = record, time.monotonic()


def get(record, path, default=None):
    """get(record, 'tls.client.server_name')"""
    for name in path.split('.'):
        if not isinstance(record, dict) or name not in record:
            return default
        record = record[name]
    return record


def port_of(record):
    return get(record, 'observer.interface.name', '?')


def key_of(record):
    ends = [(get(record, side + '.ip'), get(record, side + '.port')) for side in SIDES]
    return (port_of(record), get(record, 'network.iana_number'), *ends, get(record, 'network.vlan.id'),
            get(record, 'event.start'))


class Watch:
    def __init__(self, port, host='127.0.0.1', topic='weir/v1/#', user=None, password=None, end_topic='weir-demo/end'):
        self.flows, self.iface, self.retained = {}, {}, {}
        self.problems = []
        self.summaries = {}     # by time: one that comes twice is one
        self.records = self.batches = self.again = 0
        self.lost = {}          # epoch: {"batches", "records"}
        self.seqs = {}          # epoch: set of sequence numbers
        self.end_topic, self.end_mark, self.ended = end_topic, 'end of %d' % time.monotonic_ns(), False
        self.inbox = queue.Queue()
        self.client = mqtt.Client(client_id='', clean_session=True)
        if user:
            self.client.username_pw_set(user, password)
        self.client.on_connect = lambda client, *_: client.subscribe([(topic, 1), (end_topic, 1)])
        self.client.on_message = lambda client, _, message: self.inbox.put(message)
        self.client.connect(host, port, 30)
        self.client.loop_start()

    def problem(self, text):
        if len(self.problems) < 50:
            self.problems.append(text)

    def take(self, seconds):
        """Yields the records that come in this time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                message = self.inbox.get(timeout=left)
            except queue.Empty:
                return
            yield from self.message(message)

    def finish(self, seconds=10):
        """Yields what comes before a message that goes out only now; then checks the whole."""
        self.client.publish(self.end_topic, self.end_mark, qos=1)
        end = time.monotonic() + seconds
        while not self.ended and time.monotonic() < end:
            yield from self.take(0.1)
        if not self.ended:
            self.problem('the broker did not hand back our own last message within %g s' % seconds)
        self.client.disconnect()
        self.client.loop_stop()
        self.check()

    def message(self, message):
        if message.topic == self.end_topic:
            self.ended = self.ended or message.payload == self.end_mark.encode()
            return
        levels = message.topic.split('/')
        if len(levels) != 5 or levels[1] != 'v1':
            return self.problem('topic %r is not ROOT/v1/SITE/GATEWAY/CLASS' % message.topic)
        kind = levels[4]
        if kind == 'state':
            self.retained[kind] = message.payload.decode('utf-8', 'replace')
            return
        try:
            body = json.loads(message.payload)
        except ValueError as e:
            return self.problem('%s: not JSON: %s: %r' % (kind, e, message.payload[:120]))
        try:
            if kind in ('flow', 'flow_hist'):
                yield from self.batch(body)
            elif kind == 'iface':
                self.iface[port_of(body)] = body
            elif kind == 'summary':
                self.summaries[body['ts']] = body
            elif kind == 'birth':
                self.retained[kind] = body
        except (KeyError, TypeError) as e:
            self.problem('%s: %s %s in %.200s' % (kind, type(e).__name__, e, json.dumps(body)))

    def batch(self, body):
        if body['schema'] != SCHEMA:
            self.problem('schema is %r, not %s' % (body['schema'], SCHEMA))
        epoch, seq = body['epoch'], body['seq']
        seqs = self.seqs.setdefault(epoch, set())
        if seq in seqs:
            self.again += 1
            return
        seqs.add(seq)
        self.lost[epoch] = body['lost']
        self.batches += 1
        for record in body['records']:
            self.records += 1
            key = key_of(record)
            if key not in self.flows:
                self.flows[key] = Flow()
            self.flows[key].add(record)
            yield record

    def check(self):
        for epoch, seqs in self.seqs.items():
            missing = sorted(set(range(1, max(seqs) + 1)) - seqs)
            if missing:
                self.problem('epoch %s: no batch %s' % (epoch, ', '.join(map(str, missing[:10]))))
        for epoch, lost in self.lost.items():
            if any(lost.values()):
                self.problem('epoch %s: the agent says that it lost %s' % (epoch, lost))
        for key, flow in self.flows.items():
            for i, side in enumerate(SIDES):
                total = get(flow.last, 'weir.totals.' + side)
                if total and (total['packets'], total['bytes']) != (flow.packets[i], flow.bytes[i]):
                    self.problem('%s %s > %s: the deltas of its %s add up to %d packets, %d bytes, its totals say %s' % (
                        key[0], key[2], key[3], side, flow.packets[i], flow.bytes[i], total))
