// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// gateway - what one gateway has said of itself: birth, state, summary, health, iface, and the numbers of its batches.
import { at, count, countAt, list, number, object, text, textAt, timeAt } from '../read.js';
import { samplesOf } from '../histogram.js';
import { Ring } from './ring.js';

export const PORTS_MAX = 64; // of one gateway
export const COUNTERS_MAX = 512; // of one health message
const EPOCHS_MAX = 4; // whose sequence numbers are followed
const DECLARED_MAX = 64; // classes times reasons
const MISSING_MAX = 4096; // numbers that may still come
const HISTORY = 720; // summaries and readings of books kept: 2 h at 10 s, 6 h at 30 s

export function newGateway(at_) {
	return {
		...at_, state: undefined, stateAt: undefined, lastAt: undefined, messages: 0, records: 0,
		birth: undefined, health: undefined, clock: undefined, boot: undefined,
		summary: undefined, summaries: new Ring(HISTORY), ports: new Map(), epochs: new Map(), numbers: new Map(), declared: new Map(), lost: undefined, historical: 0,
	};
}

function portOf(gw, name) {
	let p = gw.ports.get(name);
	if (!p && gw.ports.size < PORTS_MAX) {
		p = { name, role: '', rx: undefined, tx: undefined, reason: undefined, books: undefined, rate: undefined, history: new Ring(HISTORY) };
		gw.ports.set(name, p);
	}
	return p;
}

export function takeBirth(gw, m) {
	gw.birth = {
		version: textAt(m, 'version'), epoch: countAt(m, 'epoch'), boot: textAt(m, 'boot_id'), slots: countAt(m, 'slots'),
		abi: countAt(m, 'abi'), at: timeAt(m, 'ts'),
	};
	const told = new Set();
	for (const p of list(at(m, 'ports'), PORTS_MAX)) {
		const name = textAt(p, 'name');
		const mine = name && portOf(gw, name);
		if (!mine) continue;
		told.add(name);
		Object.assign(mine, { role: textAt(p, 'role') ?? '', rx: textAt(p, 'rx_hook'), tx: textAt(p, 'tx_hook'), reason: textAt(p, 'reason') });
	}
	for (const name of gw.ports.keys()) if (!told.has(name)) gw.ports.delete(name); // birth names all of them
}

export function takeState(gw, m, now) {
	const state = at(m, 'state');
	if (state !== 'online' && state !== 'offline') return 'state';
	gw.state = state;
	gw.stateAt = now;
	return undefined;
}

// Health of TCP in one entry of summary.tcp.
export function tcpOf(e) {
	const side = (s) => ({
		packets: countAt(e, `packets_${s}`) ?? 0, resent: countAt(e, `retransmits_${s}`) ?? 0, lost: countAt(e, `lost_before_${s}`) ?? 0,
		rtt: samplesOf(at(e, `rtt_${s}_count`), at(e, `rtt_${s}_first_bucket`), at(e, `rtt_${s}_buckets`)),
	});
	return {
		near: side('near'), far: side('far'), connections: countAt(e, 'connections') ?? 0, no_answer: countAt(e, 'no_answer') ?? 0,
		refused: countAt(e, 'refused') ?? 0, reset_in_handshake: countAt(e, 'reset_in_handshake') ?? 0,
	};
}

export function takeSummary(gw, m, now) {
	const ports = new Map();
	for (const e of list(at(m, 'tcp', 'ports'), PORTS_MAX)) {
		const name = textAt(e, 'port');
		if (name) ports.set(name, tcpOf(e));
	}
	const s = {
		now, at: timeAt(m, 'ts'), interval: countAt(m, 'interval_ms'), records: countAt(m, 'records'),
		live: countAt(m, 'flows_live'), ended: countAt(m, 'flows_ended'), nameable: countAt(m, 'flows_nameable'),
		named: countAt(m, 'flows_named'), ports,
	};
	if (s.live === undefined || s.interval === undefined) return 'summary';
	if (s.at !== undefined && s.at === gw.summary?.at) return 'again'; // QoS 1
	gw.summary = s;
	gw.summaries.push(s);
	return undefined;
}

export function takeHealth(gw, m, now) {
	const counters = new Map();
	for (const [name, value] of Object.entries(object(at(m, 'counters')) ?? {}).slice(0, COUNTERS_MAX)) {
		if (count(value) !== undefined) counters.set(text(name), value);
	}
	const status = new Map();
	for (const [name, value] of Object.entries(object(at(m, 'name_status')) ?? {}).slice(0, PORTS_MAX))
		if (count(value)) status.set(text(name), value);
	const spool = object(at(m, 'spool'));
	gw.health = {
		now, at: timeAt(m, 'ts'), version: textAt(m, 'version'), uptime: countAt(m, 'uptime_s'), clock: textAt(m, 'clock'),
		steps: countAt(m, 'clock_steps'), agentStarts: countAt(m, 'restarts', 'agent'), uplinkStarts: countAt(m, 'restarts', 'uplink'),
		waiting: countAt(m, 'broker', 'unacked_messages'), waitingBytes: countAt(m, 'broker', 'unacked_bytes'),
		slots: countAt(m, 'flow_table', 'slots'), live: countAt(m, 'flow_table', 'live'),
		offload: textAt(m, 'flow_offload', 'mode'),
		// Numbers of whatever the gateway tells of its spool; absent: it has none.
		spool: spool && new Map(Object.entries(spool).filter(([, v]) => count(v) !== undefined).slice(0, 32).map(([k, v]) => [text(k), v])),
		spoolMode: textAt(m, 'spool', 'mode'), spoolAlarm: at(m, 'spool', 'alarm') === true,
		counters, status,
	};
	gw.clock = gw.health.clock;
}

const tally = (m, ...path) => ({ frames: countAt(m, ...path, 'frames') ?? 0, bytes: countAt(m, ...path, 'bytes') ?? 0 });

function booksOf(m) {
	const seen = tally(m, 'seen');
	const classes = new Map();
	const rest = { ...seen };
	const take = (t) => {
		rest.frames -= t.frames;
		rest.bytes -= t.bytes;
	};
	take(tally(m, 'flows'));
	take(tally(m, 'in_table'));
	for (const name of Object.keys(object(at(m, 'classes')) ?? {}).slice(0, PORTS_MAX)) {
		const t = tally(m, 'classes', name);
		classes.set(text(name), t);
		take(t);
	}
	// Beyond 2^53 a difference of doubles proves nothing.
	return { seen, classes, rest, exact: seen.bytes <= Number.MAX_SAFE_INTEGER && seen.frames <= Number.MAX_SAFE_INTEGER };
}

function residualOf(m, dir) {
	const r = at(m, 'weir', 'residual', dir);
	return object(r) && {
		frames: number(at(r, 'unexplained', 'frames')) ?? 0, bytes: number(at(r, 'unexplained', 'bytes')) ?? 0,
		possible: list(at(r, 'unexplained', 'possible') ?? at(r, 'possible'), 16).map(text).filter(Boolean),
	};
}

export function takeIface(gw, m, now) {
	const name = textAt(m, 'observer', 'interface', 'name');
	const when = timeAt(m, 'ts');
	if (!name || when === undefined || !object(at(m, 'weir', 'books'))) return 'iface';
	const p = portOf(gw, name);
	if (!p) return 'too many ports';
	if (p.books && when === p.books.at) return 'again';
	const before = p.books;
	const books = {
		at: when, now, rx: booksOf(at(m, 'weir', 'books', 'rx')), tx: booksOf(at(m, 'weir', 'books', 'tx')),
		residual: { rx: residualOf(m, 'rx'), tx: residualOf(m, 'tx') },
	};
	p.role = textAt(m, 'weir', 'role') ?? p.role;
	p.rx = textAt(m, 'weir', 'rx_hook') ?? p.rx;
	p.tx = textAt(m, 'weir', 'tx_hook') ?? p.tx;
	p.reason = textAt(m, 'weir', 'reason');
	p.up = at(m, 'weir', 'up') === true;
	p.offload = textAt(m, 'weir', 'flow_offload');
	for (const dir of ['rx', 'tx']) {
		const b = books[dir];
		// As the gateway judges it: what moved while the table was swept is at most what came in since the last look.
		const moved = before ? { frames: b.seen.frames - before[dir].seen.frames, bytes: b.seen.bytes - before[dir].seen.bytes } : b.seen;
		const fits = b.rest.frames >= 0 && b.rest.bytes >= 0 && b.rest.frames <= moved.frames && b.rest.bytes <= moved.bytes;
		b.off = b.rest.frames === 0 && b.rest.bytes === 0 ? 0 : fits ? 0 : (before?.[dir].off ?? 0) + 1;
	}
	const ms = before ? when - before.at : 0;
	const rx = before ? books.rx.seen.bytes - before.rx.seen.bytes : -1;
	const tx = before ? books.tx.seen.bytes - before.tx.seen.bytes : -1;
	p.rate = ms > 0 && rx >= 0 && tx >= 0 ? { rx: (rx * 1000) / ms, tx: (tx * 1000) / ms, ms } : undefined;
	if (p.rate) p.history.push({ at: when, rx: p.rate.rx, tx: p.rate.tx });
	p.books = books;
	return undefined;
}

// Numbers of a flow batch. 'again': it was here before. An epoch begins with the first number that is seen of it.
export function takeSeq(gw, epoch, seq, epochs = gw.epochs) {
	let e = epochs.get(epoch);
	if (!e) {
		if (epochs.size >= EPOCHS_MAX) epochs.delete(epochs.keys().next().value);
		e = { epoch, first: seq, last: seq, missing: new Set(), gaps: 0, again: 0 };
		epochs.set(epoch, e);
		return undefined;
	}
	if (seq > e.last) {
		const gap = seq - e.last - 1;
		e.gaps += gap;
		for (let s = Math.max(e.last + 1, seq - MISSING_MAX); s < seq && e.missing.size < MISSING_MAX; s++) e.missing.add(s);
		e.last = seq;
		return undefined;
	}
	if (seq < e.first) return undefined; // kept back for long: from before this page came
	if (e.missing.delete(seq)) {
		e.gaps--;
		return undefined;
	}
	e.again++;
	return 'again';
}

// The same of another class, each of which has numbers of its own. An older gateway gives them none.
export function cameBefore(gw, kind, m) {
	const epoch = countAt(m, 'epoch');
	const seq = countAt(m, 'seq');
	if (epoch === undefined || !Number.isSafeInteger(seq)) return false;
	if (!gw.numbers.has(kind)) gw.numbers.set(kind, new Map());
	return takeSeq(gw, epoch, seq, gw.numbers.get(kind)) === 'again';
}

// Class loss: numbers that will not come. They are no gap on the way here, then.
export function takeLoss(gw, m) {
	const reason = textAt(m, 'reason');
	const epoch = countAt(m, 'lost_epoch');
	if (!reason || epoch === undefined) return 'loss';
	if (reason === 'epoch_end') return cameBefore(gw, 'loss', m) ? 'again' : undefined; // where an epoch ends: of how many nobody knows
	const kind = textAt(m, 'class');
	const from = countAt(m, 'from_seq');
	const to = countAt(m, 'to_seq');
	if (!kind || !Number.isSafeInteger(from) || !Number.isSafeInteger(to) || to < from) return 'loss';
	if (cameBefore(gw, 'loss', m)) return 'again';
	const name = `${kind}: ${reason}`;
	const d = gw.declared.get(name) ?? { kind, reason, messages: 0, records: 0 };
	d.messages += to - from + 1;
	d.records += countAt(m, 'records') ?? 0;
	if (gw.declared.size < DECLARED_MAX) gw.declared.set(name, d);
	const e = kind === 'flow' && gw.epochs.get(epoch);
	for (const s of e ? [...e.missing] : []) if (s >= from && s <= to && e.missing.delete(s)) e.gaps--;
	return undefined;
}

export const gapsOf = (gw) => [...gw.epochs.values()].reduce((n, e) => n + e.gaps, 0);
