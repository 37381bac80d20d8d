// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// store - messages in, state out; what is wrong is counted and changes nothing.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseFilter } from '../../tools/dashboard/src/filter.js';
import * as format from '../../tools/dashboard/src/format.js';
import * as histogram from '../../tools/dashboard/src/histogram.js';
import { honesty, ledger, presence } from '../../tools/dashboard/src/honesty.js';
import { HARMLESS, isLoss } from '../../tools/dashboard/src/losses.js';
import { text, TEXT_MAX } from '../../tools/dashboard/src/read.js';
import { chosenPort, inOut, newScope, portChoices, portsIn } from '../../tools/dashboard/src/scope.js';
import { DEVICES_MAX } from '../../tools/dashboard/src/store/devices.js';
import { gapsOf } from '../../tools/dashboard/src/store/gateway.js';
import { EVENTS_MAX, FLOWS_MAX, GATEWAYS_MAX, MESSAGE_MAX_BYTES, newStore, refusedOf, take, UPDATES_MAX } from '../../tools/dashboard/src/store/store.js';
import { highest, quantileOf, Tops } from '../../tools/dashboard/src/store/tops.js';
import * as make from './lib/make.js';

const { T0 } = make;
const bytes = (m) => new TextEncoder().encode(typeof m === 'string' ? m : JSON.stringify(m));
const give = (store, kind, m, now = T0, gw = 'lab/gw') => take(store, `weir/v1/${gw}/${kind}`, bytes(m), now);
const one = (store) => store.gateways.get('lab/gw');
const rows = (store) => [...store.flows.values()];
const answer = (store, key) => honesty([one(store)]).find((q) => q.key === key);

test('topic: the last four levels, whatever the root', () => {
	const store = newStore();
	take(store, 'a/b/v1/lab/gw/state', bytes('{"state":"online"}'), T0);
	assert.equal(one(store).state, 'online');
	for (const wrong of ['weir/v2/lab/gw/state', 'v1/lab/gw/state', 'weir/v1/lab/gw/cmd', 'weir/v1//gw/state', 'weir/v1/lab/gw/constructor'])
		take(store, wrong, bytes('{"state":"online"}'), T0);
	assert.equal(store.refused.get('topic'), 5);
	assert.equal(store.gateways.size, 1);
});

test('flow: a record becomes a row; in is towards the site on both sides of the gateway', () => {
	const store = newStore();
	give(store, 'flow', make.batch([make.record({ name: 'example.org' }), make.record({ name: 'example.org', iface: 'wan0', role: 'wan' })]));
	const [lan, wan] = rows(store);
	assert.deepEqual([lan.name, lan.in, lan.out, lan.totalIn, lan.mac], ['example.org', 9000, 1000, 9000, '02-00-00-00-00-01']);
	assert.deepEqual([wan.in, wan.out, wan.mac], [9000, 1000, undefined]);
	assert.equal(lan.inside, '192.0.2.10');
});

test('flow: on a lan port the responder may be inside: its MAC says so', () => {
	const store = newStore();
	give(store, 'flow', make.batch([make.record({ mac: null, source: { ip: '203.0.113.7', port: 5, packets: 1, bytes: 70 }, destination: { ip: '192.0.2.10', mac: '02-00-00-00-00-07', packets: 1, bytes: 60 } })]));
	const [row] = rows(store);
	assert.deepEqual([row.in, row.out, row.inside, row.mac], [70, 60, '192.0.2.10', '02-00-00-00-00-07']);
});

test('flow: reports of one flow are one row, and add up to its totals', () => {
	const store = newStore();
	give(store, 'flow', make.batch([make.record({ ended: false, weir: { role: 'lan', tcp: make.tcp({ resent: 2 }), totals: { source: { packets: 10, bytes: 1000 }, destination: { packets: 12, bytes: 9000 } } } })]));
	give(store, 'flow', make.batch([make.record({ bytes: [5, 6], packets: [1, 1], weir: { role: 'lan', tcp: make.tcp({ resent: 5 }), totals: { source: { packets: 11, bytes: 1005 }, destination: { packets: 13, bytes: 9006 } } } })], { seq: 2 }));
	assert.equal(store.flows.size, 1);
	assert.deepEqual([rows(store)[0].totalIn, rows(store)[0].totalOut, rows(store)[0].ended], [9006, 1005, true]);
	const updates = [...store.updates.oldest()];
	assert.deepEqual(updates.map((u) => [u.flows, u.in, u.resent]), [[1, 9000, 2], [0, 6, 3]]);
});

test('flow: counters of a connection older than this page are only a base', () => {
	const store = newStore();
	const old = { role: 'lan', tcp: make.tcp({ resent: 40, lost: 7 }), totals: { source: { packets: 999, bytes: 1e6 }, destination: { packets: 999, bytes: 1e6 } } };
	give(store, 'flow', make.batch([make.record({ weir: old })]));
	assert.deepEqual([...store.updates.oldest()].map((u) => [u.resent, u.lost]), [[0, 0]]);
});

test('flow: a batch that comes twice counts once; a gap counts, and is taken back when it is filled', () => {
	const store = newStore();
	const send = (seq, epoch = 1) => give(store, 'flow', make.batch([make.record({ sport: 1000 + seq })], { seq, epoch }));
	send(5);
	send(5);
	send(8);
	assert.deepEqual([store.records, store.again, gapsOf(one(store))], [2, 1, 2]);
	send(6);
	send(6);
	assert.deepEqual([store.records, store.again, gapsOf(one(store))], [3, 2, 1]);
	send(1, 2); // the agent began anew
	send(2, 2);
	assert.equal(gapsOf(one(store)), 1);
	send(4000000000, 2); // a leap costs no memory
	assert.ok(gapsOf(one(store)) > 3e9);
	assert.ok([...one(store).epochs.values()].every((e) => e.missing.size <= 4096));
});

test('loss: what is declared lost is in the ledger, once, and no gap any more', () => {
	const store = newStore();
	const loss = (more) => ({ schema: 'weir.loss/1', epoch: 7, seq: 1, historical: false, gateway: 'gw', site: 'lab', reason: 'no_space', class: 'flow', lost_epoch: 1, from_seq: 6, to_seq: 7, records: 40, ...more });
	for (const seq of [5, 8, 10]) give(store, 'flow', make.batch([make.record({ sport: seq })], { seq }));
	assert.equal(gapsOf(one(store)), 3);
	give(store, 'loss', loss());
	give(store, 'loss', loss());
	give(store, 'loss', loss({ seq: 2, class: 'health', from_seq: 1, to_seq: 1, records: 1 }));
	give(store, 'loss', { ...loss({ seq: 3, reason: 'epoch_end', next_epoch: 2 }), from_seq: { flow: 11 } });
	assert.deepEqual([gapsOf(one(store)), store.again], [1, 1]);
	const rows = ledger(one(store)).filter(([name]) => name.startsWith('declared'));
	assert.deepEqual(rows, [['declared lost, flow: no_space', 2, 'records'], ['declared lost, health: no_space', 1, 'details']]);
	give(store, 'loss', loss({ seq: 4, to_seq: 'x' }));
	assert.equal(store.refused.get('loss'), 1);
});

test('flow: what is historical is a row, but no rate of now', () => {
	const store = newStore();
	give(store, 'flow_hist', make.batch([make.record()], { seq: 1, epoch: 9 }));
	give(store, 'flow', { ...make.batch([make.record({ sport: 2 })], { seq: 2, epoch: 9 }), historical: true });
	assert.deepEqual([store.flows.size, store.updates.length, store.devices.map.size, one(store).historical], [2, 0, 0, 2]);
});

test('wrong messages: counted by reason, nothing else changes', () => {
	const store = newStore();
	const wrong = [
		['flow', '{', 'not JSON'], ['flow', '[]', 'not an object'], ['flow', 'null', 'not an object'], ['flow', '"x"', 'not an object'],
		['flow', make.summary(), 'schema'], ['flow', { ...make.batch([]), epoch: 'x' }, 'envelope'], ['flow', { ...make.batch([]), seq: 1.5 }, 'envelope'],
		['flow', { ...make.batch([]), records: {} }, 'envelope'], ['state', '{"state":"maybe"}', 'state'], ['state', 'online', 'not JSON'],
		['summary', { schema: 'weir.summary/1' }, 'summary'], ['iface', { schema: 'weir.iface/1' }, 'iface'], ['device', { schema: 'weir.device/1' }, 'device'],
		['event', { schema: 'weir.event/1' }, 'event'], ['flow', `${'['.repeat(200000)}`, 'not JSON'], ['flow', ' '.repeat(MESSAGE_MAX_BYTES + 1), 'too long'],
	];
	for (const [kind, m, reason] of wrong) {
		const before = store.refused.get(reason) ?? 0;
		give(store, kind, m);
		assert.equal(store.refused.get(reason), before + 1, `${kind} ${JSON.stringify(m).slice(0, 60)}`);
	}
	assert.equal(refusedOf(store), wrong.length);
	assert.deepEqual([store.flows.size, store.updates.length, store.events.length, store.devices.map.size], [0, 0, 0, 0]);
	assert.ok([...store.refusedLast.oldest()].every((r) => r.sample.length <= TEXT_MAX + 400));
});

test('wrong records: counted one by one, the good ones of the batch stay', () => {
	const store = newStore();
	const good = make.record({ name: 'good.example' });
	const bad = [null, 7, [], {}, { ...good, source: 1 }, { ...good, event: { start: 'yesterday' } }, { ...good, source: { ...good.source, bytes: -1 } },
		{ ...good, source: { ...good.source, bytes: '12' } }, { ...good, destination: { ...good.destination, ip: 'x'.repeat(65) } }, { ...good, destination: { ...good.destination, ip: '<b>' } }];
	give(store, 'flow', make.batch([...bad, good]));
	give(store, 'flow', JSON.stringify(make.batch([good], { seq: 2 })).replace('"bytes":9000', '"bytes":1e999')); // JSON's way to Infinity
	assert.equal(store.refused.get('flow record'), bad.length + 1);
	assert.deepEqual(rows(store).map((r) => r.name), ['good.example']);
});

test('texts: controls and turned writing become visible; long ones are cut into a copy', () => {
	assert.equal(text('a\u0000b\u202ec\u200b'), 'a\\u{0}b\\u{202e}c\\u{200b}');
	assert.equal(text('<script>'), '<script>');
	const long = text('x'.repeat(100000));
	assert.equal(long.length, TEXT_MAX);
	assert.ok(long.endsWith('…'));
	assert.equal(text(12), undefined);
});

test('keys from outside reach no prototype', () => {
	const store = newStore();
	give(store, 'health', '{"schema":"weir.health/1","counters":{"__proto__":5,"constructor":6},"spool":{"__proto__":{"polluted":1},"bytes":7}}');
	give(store, 'flow', '{"schema":"weir.flow/1","__proto__":{"epoch":1,"seq":1,"records":[]}}');
	assert.equal({}.polluted, undefined);
	assert.equal(one(store).health.counters.get('__proto__'), 5);
	assert.deepEqual([...one(store).health.spool], [['bytes', 7]]);
	assert.equal(store.refused.get('envelope'), 1);
});

test('memory: flows, updates, events, devices, gateways have an end', () => {
	const store = newStore();
	let seq = 0;
	for (let b = 0; b < 70; b++) {
		const records = Array.from({ length: 1000 }, (_, i) => make.record({ sport: i, start: T0 + b, mac: `02-00-00-00-${b}-${i}` }));
		give(store, 'flow', make.batch(records, { seq: ++seq }));
	}
	for (let i = 0; i < EVENTS_MAX + 5; i++) give(store, 'event', make.event('table_full'));
	for (let i = 0; i < GATEWAYS_MAX + 5; i++) give(store, 'state', '{"state":"online"}', T0, `lab/gw${i}`);
	assert.deepEqual([store.flows.size, store.updates.length, store.events.length, store.devices.map.size, store.gateways.size],
		[FLOWS_MAX, UPDATES_MAX, EVENTS_MAX, DEVICES_MAX, GATEWAYS_MAX]);
	assert.equal(store.records, 70000);
	assert.equal(store.flowsForgotten, 70000 - FLOWS_MAX);
	assert.equal(store.refused.get('too many gateways'), 6); // lab/gw is one of them
});

test('iface: rates out of two readings of the books; in and out by role', () => {
	const store = newStore();
	give(store, 'birth', make.birth());
	give(store, 'iface', make.iface('lan0', 'lan'));
	assert.equal(one(store).ports.get('lan0').rate, undefined);
	give(store, 'iface', make.iface('lan0', 'lan', { at: T0 + 10000, rx: [2000, 2e6], tx: [1000, 4.5e6] }));
	const { rate } = one(store).ports.get('lan0');
	assert.deepEqual([rate.rx, rate.tx, rate.ms], [1e5, 4e5, 10000]);
	give(store, 'iface', make.iface('lan0', 'lan', { at: T0 + 20000, rx: [5, 500], tx: [5, 500] })); // the books began anew
	assert.equal(one(store).ports.get('lan0').rate, undefined);
});

test('scope: the lan side first; a port of another role is not in it', () => {
	const store = newStore();
	const scope = newScope();
	give(store, 'birth', make.birth());
	assert.deepEqual(portChoices(store, scope).map((c) => c[0]), ['role:lan', 'role:wan', 'port:lan0', 'port:wan0']);
	assert.equal(chosenPort(store, scope), 'role:lan');
	assert.deepEqual(portsIn(store, scope).map(({ p }) => p.name), ['lan0']);
	give(store, 'birth', make.birth([{ name: 'lan0', role: 'lan', rx_hook: 'tcx', tx_hook: 'tcx' }])); // wan0 is gone
	assert.deepEqual([...one(store).ports.keys()], ['lan0']);
});

test('honesty: nothing told is unknown, never ok', () => {
	const store = newStore();
	assert.ok(honesty([]).every((q) => q.level === 'unknown'));
	give(store, 'state', '{"state":"online"}');
	assert.ok(honesty([one(store)]).every((q) => q.level === 'unknown'));
});

test('honesty: all in order is ok, five times', () => {
	const store = newStore();
	give(store, 'birth', make.birth());
	for (const at of [T0, T0 + 10000]) give(store, 'iface', make.iface('lan0', 'lan', { at, classes: { arp: 3 } }));
	give(store, 'summary', make.summary());
	give(store, 'health', make.health());
	give(store, 'flow', make.batch([make.record()]));
	assert.deepEqual(honesty([one(store)]).map((q) => q.level), ['ok', 'ok', 'ok', 'ok', 'ok']);
});

test('honesty: a port without a hook, a NIC that forwards', () => {
	const store = newStore();
	give(store, 'birth', make.birth([{ name: 'lan0', role: 'lan', rx_hook: 'tcx', tx_hook: 'tcx' }, { name: 'wan0', role: 'wan', rx_hook: 'none', tx_hook: 'none', reason: 'no such interface' }]));
	assert.deepEqual([answer(store, 'sampled').level, answer(store, 'sampled').word], ['check', '1 of 2 ports']);
	assert.match(answer(store, 'sampled').why, /wan0: no such interface/);
	give(store, 'iface', make.iface('lan0', 'lan', { flow_offload: 'hardware' }));
	assert.equal(answer(store, 'sampled').level, 'bad');
});

test('honesty: books off at one look may be a moving frame, twice is a defect; so judges the gateway', () => {
	const store = newStore();
	give(store, 'birth', make.birth());
	give(store, 'iface', make.iface('lan0', 'lan', { off: 5 })); // less than was seen: it came during the sweep
	assert.equal(answer(store, 'books').level, 'ok');
	give(store, 'iface', make.iface('lan0', 'lan', { at: T0 + 1000, off: 5 })); // nothing came meanwhile
	assert.equal(answer(store, 'books').level, 'check');
	give(store, 'iface', make.iface('lan0', 'lan', { at: T0 + 2000, off: 5 }));
	assert.equal(answer(store, 'books').level, 'bad');
	give(store, 'iface', make.iface('lan0', 'lan', { at: T0 + 3000 }));
	assert.equal(answer(store, 'books').level, 'ok');
	give(store, 'iface', make.iface('lan0', 'lan', { at: T0 + 4000, residual: 12 }));
	assert.equal(answer(store, 'books').level, 'check');
	assert.match(answer(store, 'books').why, /NIC differs by 12 frames.*bypass/);
});

test('honesty: losses of records are bad, of the way here to be looked at, of details no loss of records', () => {
	const store = newStore();
	give(store, 'flow', make.batch([], { seq: 1 }));
	give(store, 'health', make.health({ counters: { copy_limit: 38, 'broker.attempts': 9, 'ipfix.records': 7 } }));
	assert.equal(answer(store, 'lost').level, 'ok');
	assert.match(answer(store, 'named').why, /copy_limit 38/);
	assert.deepEqual(ledger(one(store)).map((r) => r[0]), ['copy_limit']);
	give(store, 'flow', make.batch([], { seq: 3 }));
	assert.equal(answer(store, 'lost').level, 'check');
	give(store, 'flow', make.batch([], { seq: 4, lost: { batches: 1, records: 30 } }));
	assert.equal(answer(store, 'lost').level, 'bad');
	const full = newStore();
	give(full, 'health', make.health());
	give(full, 'iface', make.iface('lan0', 'lan', { classes: { table_full: 4 } }));
	assert.match(answer(full, 'lost').why, /lan0\.rx\.table_full 4/);
});

test('honesty: the clock, and the worst of several gateways by name', () => {
	const store = newStore();
	give(store, 'health', make.health());
	give(store, 'health', make.health({ clock: 'unsynced' }), T0, 'lab/gw2');
	const clock = honesty([...store.gateways.values()]).find((q) => q.key === 'clock');
	assert.equal(clock.level, 'check');
	assert.match(clock.why, /^lab\/gw2: /);
});

test('presence: online, silent, offline', () => {
	const store = newStore();
	give(store, 'state', '{"state":"online"}');
	assert.equal(presence(one(store), T0).level, 'unknown');
	give(store, 'summary', make.summary(), T0);
	assert.equal(presence(one(store), T0 + 20000).word, 'Online');
	assert.equal(presence(one(store), T0 + 36000).word, 'Silent');
	give(store, 'state', '{"state":"offline"}');
	assert.equal(presence(one(store), T0).word, 'Offline');
});

test('losses: the same counters are harmless here and in the agent', () => {
	const source = readFileSync(new URL('../../fw/run/losses.c', import.meta.url), 'utf8');
	const table = /harmless\[\] = \{([^}]*)\}/.exec(source)[1];
	assert.deepEqual([...HARMLESS].sort(), [...table.matchAll(/"([^"]+)"/g)].map((m) => m[1]).sort());
	assert.ok(isLoss('export.lost_records') && isLoss('a_counter_that_comes_later'));
});

test('histogram: buckets and quantiles as the gateway has them', () => {
	assert.deepEqual([0, 1, 2, 3, 7, 8, 9, 20, 25].map(histogram.bucketUs), [0, 1, 2, 3, 13, 19, 27, 1254, 7094]);
	for (let g = 4; g < 60; g++) assert.equal(histogram.bucketOf(histogram.bucketUs(g)), g);
	const h = histogram.newHistogram();
	const s = histogram.samplesOf(53, 2, [4, 2, 4, 3, 11, 7, 4, 2, 4, 3, 1, 1, 3, 1, 0, 0, 3]); // a real summary: p50 13, p95 627
	histogram.add(h, s);
	assert.deepEqual([500, 950, 990].map((q) => histogram.quantile(h, q)), [13, 627, 627]);
	histogram.add(h, s, -1);
	assert.equal(histogram.quantile(h, 500), undefined);
	for (const wrong of [[1, -1, [1]], [1, 64, [1]], [1, 0, []], [0, 0, [1]], [1, 0, [-1]], [1, 0, ['1']], [1, 0, [0]], [1, 0, new Array(65).fill(1)]])
		assert.equal(histogram.samplesOf(...wrong), undefined);
});

test('tops: two dimensions, one side only, and what leaves the window is taken away to nothing', () => {
	const store = newStore();
	const rtt = (far) => ({ role: 'lan', tcp: make.tcp({ resent: 1, far }) });
	give(store, 'flow', make.batch([
		make.record({ name: 'a.example', sport: 1, weir: rtt({ count: 300, p50: 19, first_bucket: 8, buckets: [150, 100] }) }),
		make.record({ name: 'a.example', sport: 2, dport: 80 }), make.record({ name: 'b.example', sport: 3, bytes: [1, 1] }),
		make.record({ name: 'a.example', sport: 1, iface: 'wan0', role: 'wan' }), make.record({ sport: 4, bytes: [0, 5] }),
	]));
	const tops = new Tops(store.updates, { dims: ['name', 'port'], windowMs: 60000, port: 'role:lan' });
	assert.ok(tops.step(T0));
	const rows_ = highest(tops.groups, 'bytes', 10).map(({ g }) => [...g.keys, g.in + g.out, g.flows, g.resent]);
	assert.deepEqual(rows_, [['a.example', 'tcp/443', 10000, 1, 1], ['a.example', 'tcp/80', 10000, 1, 0], ['(no name)', 'tcp/443', 5, 1, 0], ['b.example', 'tcp/443', 2, 1, 0]]);
	const [first] = tops.groups.values();
	assert.deepEqual([histogram.total(first.far), quantileOf(first.far, 500)], [300, 19]);
	assert.ok(tops.step(T0 + 60001));
	assert.equal(tops.groups.size, 0);
});

test('tops: a rebuild in steps equals what grew with the records', () => {
	const store = newStore();
	const grown = new Tops(store.updates, { dims: ['name'], windowMs: 5000, port: 'role:lan' });
	for (let b = 0; b < 40; b++) {
		const now = T0 + b * 300;
		give(store, 'flow', make.batch(Array.from({ length: 100 }, (_, i) => make.record({ name: `n${(b * i) % 17}.example`, sport: i, start: T0 + b, bytes: [i, b] })), { seq: b + 1 }), now);
		grown.step(now);
	}
	const built = new Tops(store.updates, { dims: ['name'], windowMs: 5000, port: 'role:lan' });
	let steps = 0;
	while (!built.step(T0 + 39 * 300, 500)) steps++;
	assert.ok(steps > 3);
	const sums = (t) => [...t.groups.values()].map((g) => [g.keys[0], g.in, g.out, g.reports]).sort();
	assert.deepEqual(sums(built), sums(grown));
	assert.ok(built.groups.size === 17);
});

test('tops: who did not look for long begins anew instead of counting wrong', () => {
	const store = newStore();
	const tops = new Tops(store.updates, { dims: [], windowMs: 1e9, port: 'role:lan' });
	const send = (b) => give(store, 'flow', make.batch(Array.from({ length: 1000 }, (_, i) => make.record({ sport: i, start: T0 + b, bytes: [1, 0] })), { seq: b + 1 }));
	for (let b = 0; b < 2; b++) send(b);
	while (!tops.step(T0)) ;
	for (let b = 2; b < 80; b++) send(b);
	assert.equal(refusedOf(store), 0);
	while (!tops.step(T0)) ;
	assert.ok(tops.cut || tops.from > 0);
	assert.equal(tops.groups.get('').out, tops.to - tops.from);
	assert.ok(tops.to - tops.from > UPDATES_MAX - 5000);
});

test('devices: told of by the gateway, met in flows; changes are kept', () => {
	const store = newStore();
	give(store, 'flow', make.batch([make.record()]));
	const [d] = store.devices.map.values();
	assert.deepEqual([d.mac, d.told, [...d.addresses.keys()], d.in, d.out], ['02-00-00-00-00-01', false, ['192.0.2.10'], 9000, 1000]);
	give(store, 'device', make.device());
	give(store, 'device', make.device({ name: 'scanner', ip: '192.0.2.11' }), T0 + 5000);
	assert.equal(store.devices.map.size, 1);
	assert.deepEqual([d.name, d.vendor, [...d.addresses.keys()], d.first], ['scanner', 'Example', ['192.0.2.10', '192.0.2.11'], T0 - 60000]);
	assert.deepEqual(d.changes.map((c) => c.what), ['told of by the gateway', 'name: printer → scanner', 'new address 192.0.2.11']);
});

test('filter: fields, numbers, negation, words, and errors that say what is allowed', () => {
	const store = newStore();
	give(store, 'flow', make.batch([make.record({ name: 'www.Example.org' }), make.record({ name: 'other.test', sport: 2, dport: 80, bytes: [2e6, 1] }),
		make.record({ sport: 3, src: 'fe80::1', dst: 'fe80::2', network: { protocol: 'dns', transport: 'udp', iana_number: '17' } })]));
	const found = (f) => rows(store).filter(parseFilter(f).ask).map((r) => r.sport);
	assert.deepEqual(found('name:example.org port:443'), [50000]);
	assert.deepEqual(found('port:44'), []);
	assert.deepEqual(found('EXAMPLE'), [50000]);
	assert.deepEqual(found('-name:example'), [2, 3]);
	assert.deepEqual(found('bytes>1.5M'), [2]);
	assert.deepEqual(found('bytes<1.5m proto:tls'), [50000]);
	assert.deepEqual(found('fe80::2'), [3]);
	assert.deepEqual(found(''), [50000, 2, 3]);
	assert.match(parseFilter('nme:x').error, /"nme:x": no such field; allowed: name: /);
	assert.match(parseFilter('bytes>much').error, /"bytes>much": not a number/);
	assert.match(parseFilter('name:').error, /nothing behind/);
	assert.equal(parseFilter('constructor:x toString:y').error !== undefined, true);
	assert.match(parseFilter('a '.repeat(40)).error, /more than 16/);
});

test('format: three figures, nothing rounded to a whole that it is not, unknown is a dash', () => {
	assert.deepEqual([0, 999, 1000, 999499, 999999, 1.5e9].map(format.bytes), ['0 B', '999 B', '1 kB', '999 kB', '1.00 MB', '1.50 GB']);
	assert.equal(format.bitrate(125000), '1 Mbit/s');
	assert.deepEqual([undefined, NaN, Infinity].map(format.bytes), ['–', '–', '–']);
	assert.deepEqual([format.percent(0, 5), format.percent(5, 5), format.percent(99999, 100000), format.percent(1, 1e6), format.percent(1, 0)], ['0 %', '100 %', '>99.99 %', '<0.01 %', '–']);
	assert.equal(format.whole(1234567), '1\u202f234\u202f567');
	assert.equal(format.whole(1e300), '~1.00e+300');
	assert.deepEqual([12, 1500, 2e6].map(format.micros), ['12 µs', '1.50 ms', '2 s']);
	assert.equal(format.end('2001:db8::1', 443), '[2001:db8::1]:443');
	assert.equal(format.clock(1e18, T0), '–');
});

test('scope: in and out of the site, by what is behind the port', () => {
	assert.deepEqual(inOut('wan', { rx: 7, tx: 3 }), { in: 7, out: 3 });
	assert.deepEqual(inOut('lan', { rx: 7, tx: 3 }), { in: 3, out: 7 });
});

test('sources: no HTML is ever made of text; the lock file names no registry', () => {
	const dir = new URL('../../tools/dashboard/', import.meta.url);
	const sources = readdirSync(new URL('src/', dir), { recursive: true }).filter((name) => name.endsWith('.js'));
	assert.ok(sources.length > 20);
	for (const name of sources)
		assert.doesNotMatch(readFileSync(new URL(`src/${name}`, dir), 'utf8'), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc/, name);
	assert.doesNotMatch(readFileSync(new URL('package-lock.json', dir), 'utf8'), /"resolved"/);
});
