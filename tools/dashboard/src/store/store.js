// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// store - all that came over MQTT, bounded. take() puts one message in; no clock, no DOM, no network: a message that is
// wrong is counted by its reason, and changes nothing else.
import { at, count, list, object, text, textAt, timeAt } from '../read.js';
import { delta, readRecord } from './record.js';
import { newDevices, takeDevice, takeTraffic } from './devices.js';
import * as gateway from './gateway.js';
import { parseTopic, SCHEMAS } from './topic.js';
import { Ring } from './ring.js';

export const GATEWAYS_MAX = 256;
export const FLOWS_MAX = 10000; // rows of the flow table: about 1.5 kB each
export const UPDATES_MAX = 65536; // flow records behind Top and Trouble: about 400 bytes each
export const EVENTS_MAX = 500;
export const MESSAGE_MAX_BYTES = 1 << 20;
export const RECORDS_MAX = 4096; // of one batch
const REFUSED_KEPT = 20; // refused messages to look at

export const newStore = () => ({
	gateways: new Map(), devices: newDevices(), flows: new Map(), updates: new Ring(UPDATES_MAX), events: new Ring(EVENTS_MAX),
	messages: 0, bytes: 0, records: 0, again: 0, flowsForgotten: 0, refused: new Map(), refusedLast: new Ring(REFUSED_KEPT),
});

function refuse(store, reason, topic, now, sample = '') {
	store.refused.set(reason, (store.refused.get(reason) ?? 0) + 1);
	store.refusedLast.push({ at: now, reason, topic: text(topic), sample: text(sample) });
}

export const refusedOf = (store) => [...store.refused.values()].reduce((a, b) => a + b, 0);

function gatewayOf(store, where) {
	let gw = store.gateways.get(where.id);
	if (!gw && store.gateways.size < GATEWAYS_MAX) {
		gw = gateway.newGateway({ id: where.id, site: where.site, name: where.gateway });
		store.gateways.set(where.id, gw);
	}
	return gw;
}

function addRow(store, row, before) {
	if (before) {
		store.flows.delete(row.key); // to the young end
	} else if (store.flows.size >= FLOWS_MAX) {
		store.flows.delete(store.flows.keys().next().value);
		store.flowsForgotten++;
	}
	// Absent in this report, but told before: a round trip is told only where there was a sample since.
	row.near ??= before?.near;
	row.far ??= before?.far;
	store.flows.set(row.key, row);
}

function takeFlow(store, gw, m, now, historical) {
	const epoch = count(at(m, 'epoch'));
	const seq = count(at(m, 'seq'));
	if (epoch === undefined || !Number.isSafeInteger(seq) || !Array.isArray(at(m, 'records'))) return 'envelope';
	const records = list(at(m, 'records'), RECORDS_MAX);
	const again = gateway.takeSeq(gw, epoch, seq);
	if (again) return again;
	if (!historical) {
		gw.clock = textAt(m, 'clock') ?? gw.clock;
		const lost = at(m, 'lost');
		gw.lost = object(lost) ? { epoch, batches: count(at(lost, 'batches')) ?? 0, records: count(at(lost, 'records')) ?? 0 } : gw.lost;
	}
	for (const r of records) {
		const row = readRecord(r, gw.id, now);
		if (!row) {
			refuse(store, 'flow record', `${gw.id}/flow`, now, shorten(r));
			continue;
		}
		store.records++;
		gw.records++;
		row.historical = historical;
		const before = store.flows.get(row.key);
		const change = delta(row, before);
		addRow(store, row, before);
		if (historical) { // of the past: it has no place in rates of now
			gw.historical++;
			continue;
		}
		store.updates.push(change);
		takeTraffic(store.devices, row);
	}
	return records.length < at(m, 'records').length ? 'too many records' : undefined;
}

function takeEvent(store, gw, m, now) {
	const action = textAt(m, 'event', 'action');
	if (!action) return 'event';
	if (gateway.cameBefore(gw, 'event', m)) return 'again';
	const e = {
		at: timeAt(m, 'ts') ?? now, gateway: gw.id, action, iface: textAt(m, 'observer', 'interface', 'name') ?? '',
		direction: textAt(m, 'weir', 'direction') ?? '', detail: textAt(m, 'weir', 'detail') ?? '',
	};
	store.events.push(e);
	return undefined;
}

const TAKE = {
	birth: (store, gw, m) => gateway.takeBirth(gw, m),
	state: (store, gw, m, now) => gateway.takeState(gw, m, now),
	summary: (store, gw, m, now) => gateway.takeSummary(gw, m, now),
	health: (store, gw, m, now) => gateway.takeHealth(gw, m, now),
	iface: (store, gw, m, now) => gateway.takeIface(gw, m, now),
	device: (store, gw, m, now) => takeDevice(store.devices, gw.id, m, now),
	event: takeEvent,
	loss: (store, gw, m) => gateway.takeLoss(gw, m),
	flow: (store, gw, m, now) => takeFlow(store, gw, m, now, at(m, 'historical') === true),
	flow_hist: (store, gw, m, now) => takeFlow(store, gw, m, now, true),
};

function shorten(value) {
	try {
		return JSON.stringify(value).slice(0, 200);
	} catch {
		return '';
	}
}

const decoder = new TextDecoder();
const start = (payload) => decoder.decode(payload.subarray(0, 200));

// @payload: bytes; @retained: the broker had kept it, so that it says nothing of when it was sent.
export function take(store, topic, payload, now, retained = false) {
	store.messages++;
	store.bytes += payload.length;
	const where = parseTopic(topic);
	if (!where) return refuse(store, 'topic', topic, now, start(payload));
	if (payload.length > MESSAGE_MAX_BYTES) return refuse(store, 'too long', topic, now, start(payload));
	if (!payload.length && (where.kind === 'birth' || where.kind === 'state')) return undefined; // retained message taken back
	let m;
	try {
		m = JSON.parse(decoder.decode(payload));
	} catch {
		return refuse(store, 'not JSON', topic, now, start(payload));
	}
	if (!object(m)) return refuse(store, 'not an object', topic, now, start(payload));
	if (SCHEMAS[where.kind] && at(m, 'schema') !== SCHEMAS[where.kind]) return refuse(store, 'schema', topic, now, start(payload));
	const gw = gatewayOf(store, where);
	if (!gw) return refuse(store, 'too many gateways', topic, now);
	const why = TAKE[where.kind](store, gw, m, now);
	if (why === 'again') {
		store.again++;
	} else if (why) {
		return refuse(store, why, topic, now, start(payload));
	}
	gw.messages++;
	if (!retained && where.kind !== 'state') gw.lastAt = now;
	return undefined;
}
