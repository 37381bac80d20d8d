// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// honesty - may the figures be believed? Five questions to what a gateway has told, each answered by a level, a word and a
// reason. Pure. What was not told is 'unknown', never 'ok'.
import { bytes, percent, whole } from './format.js';
import { CLASSES_HARMLESS, isLoss, isOfRecords } from './losses.js';
import { gapsOf } from './store/gateway.js';

export const LEVELS = ['ok', 'unknown', 'check', 'bad']; // from good to bad
export const worse = (a, b) => (LEVELS.indexOf(b) > LEVELS.indexOf(a) ? b : a);

const answer = (level, word, why) => ({ level, word, why });
const names = (found) => found.slice(0, 4).map(([n, v]) => `${n} ${whole(v)}`).join(', ') + (found.length > 4 ? `, and ${found.length - 4} more` : '');

function sampled(gw) {
	const ports = [...gw.ports.values()];
	if (!gw.birth || !ports.length) return answer('unknown', 'Not told yet', 'no birth message with ports');
	const off = ports.filter((p) => !p.rx || !p.tx || p.rx === 'none' || p.tx === 'none');
	const hardware = ports.filter((p) => p.offload === 'hardware').map((p) => p.name);
	if (hardware.length || gw.health?.offload === 'hardware')
		return answer('bad', 'Some go past', `the NIC forwards flows that reach no hook${hardware.length ? `: ${hardware.join(', ')}` : ''}`);
	if (off.length === ports.length) return answer('bad', 'Nothing counted', off.map((p) => `${p.name}: ${p.reason ?? 'no hook'}`).join('; '));
	if (off.length)
		return answer('check', `${ports.length - off.length} of ${ports.length} ports`, off.map((p) => `${p.name}: ${p.reason ?? 'not on both sides'}`).join('; '));
	return answer('ok', 'Every frame', `${ports.length} of ${ports.length} ports counted both ways, no sampling`);
}

function books(gw) {
	const told = [...gw.ports.values()].filter((p) => p.books);
	if (!told.length) return answer('unknown', 'Not told yet', 'no iface message so far');
	let level = 'ok';
	const why = [];
	let frames = 0;
	for (const p of told)
		for (const dir of ['rx', 'tx']) {
			const b = p.books[dir];
			const r = p.books.residual[dir];
			frames += b.seen.frames;
			if (!b.exact) {
				level = worse(level, 'unknown');
				why.push(`${p.name} ${dir}: too large to be added up here`);
			} else if (b.off > 1) {
				level = worse(level, 'bad');
				why.push(`${p.name} ${dir}: ${whole(b.rest.frames)} frames, ${bytes(b.rest.bytes)} in no class`);
			} else if (b.off) {
				level = worse(level, 'check');
				why.push(`${p.name} ${dir}: off by ${whole(b.rest.frames)} frames at one look`);
			}
			if (r && (r.frames || r.bytes)) {
				level = worse(level, 'check');
				why.push(`${p.name} ${dir}: NIC differs by ${whole(r.frames)} frames, ${whole(r.bytes)} bytes${r.possible.length ? ` (possible: ${r.possible.join(', ')})` : ''}`);
			}
		}
	if (level === 'ok') return answer('ok', 'Balance', `${whole(frames)} frames seen on ${told.length} ports: all in flows or named classes, NICs agree`);
	return answer(level, level === 'bad' ? 'Do not balance' : level === 'check' ? 'Differ' : 'Not sure', why.slice(0, 4).join('; '));
}

// Every loss that the gateway has told of or that shows here, as [name, value, of what]: 'records', 'details' (of names and
// the like), 'page' (it came as far as the broker).
export function ledger(gw) {
	const rows = [];
	if (gw.lost?.batches) rows.push(['batches lost before delivery', gw.lost.batches, 'records']);
	if (gw.lost?.records) rows.push(['records lost before delivery', gw.lost.records, 'records']);
	for (const [name, d] of gw.declared) rows.push([`declared lost, ${name}`, d.messages, d.kind === 'flow' ? 'records' : 'details']);
	if (gapsOf(gw)) rows.push(['batches that did not reach this page', gapsOf(gw), 'page']);
	for (const p of gw.ports.values())
		for (const dir of p.books ? ['rx', 'tx'] : [])
			for (const [name, t] of p.books[dir].classes)
				if (t.frames && !CLASSES_HARMLESS.has(name)) rows.push([`${p.name}.${dir}.${name}`, t.frames, 'records']);
	for (const [name, value] of gw.health?.counters ?? [])
		if (value && isLoss(name)) rows.push([name, value, isOfRecords(name) ? 'records' : 'details']);
	return rows;
}

function lost(gw) {
	const found = ledger(gw).filter((r) => r[2] === 'records');
	const here = ledger(gw).filter((r) => r[2] === 'page');
	if (found.length) return answer('bad', 'Something is', names([...found, ...here]));
	if (here.length) return answer('check', 'Not all came here', `${names(here)}: the gateway has sent them`);
	if (!gw.health && !gw.lost) return answer('unknown', 'Not told yet', 'no health message and no batch so far');
	if (!gw.health) return answer('unknown', 'Not told yet', 'no batch is lost; counters come with the next health message');
	return answer('ok', 'Nothing', 'no frame without a class, no record or batch lost, no gap in sequence numbers');
}

function named(gw) {
	const details = ledger(gw).filter((r) => r[2] === 'details');
	const also = details.length ? `; details lost: ${names(details)}` : '';
	let nameable = 0;
	let have = 0;
	for (const s of gw.summaries.newest(30)) {
		nameable += s.nameable ?? 0;
		have += s.named ?? 0;
	}
	if (!nameable) return answer('unknown', 'None to name', `no flow ended lately that could have a name${also}`);
	const why = `${whole(have)} of ${whole(nameable)} ended flows that speak TLS, QUIC, DTLS or HTTP have a name${also}`;
	return answer(have >= 0.95 * nameable ? 'ok' : 'check', percent(have, nameable), why);
}

function clock(gw) {
	if (!gw.clock) return answer('unknown', 'Not told yet', 'no health message and no batch so far');
	const steps = gw.health?.steps ? `, set ${gw.health.steps} times` : '';
	if (gw.clock !== 'synced') return answer('check', 'Not in step', `time of day is not synchronised${steps}: durations are right, dates may be off`);
	return answer('ok', 'In step', `synchronised${steps}`);
}

export const QUESTIONS = [
	{ key: 'sampled', title: 'Counted', ask: sampled },
	{ key: 'books', title: 'Books', ask: books },
	{ key: 'lost', title: 'Lost', ask: lost },
	{ key: 'named', title: 'Named', ask: named },
	{ key: 'clock', title: 'Clock', ask: clock },
];

// Of several gateways the worst answer stands, with its gateway's name.
export function honesty(gateways) {
	return QUESTIONS.map(({ key, title, ask }) => {
		const answers = gateways.map((gw) => ({ gw, ...ask(gw) }));
		if (!answers.length) return { key, title, ...answer('unknown', 'No gateway', 'nobody has said anything yet') };
		const worst = answers.reduce((a, b) => (worse(a.level, b.level) === a.level ? a : b));
		const same = answers.filter((a) => a.level === worst.level).length;
		const where = answers.length > 1 ? `${worst.gw.id}${same > 1 ? ` and ${same - 1} more` : ''}: ` : '';
		return { key, title, level: worst.level, word: worst.word, why: where + worst.why };
	});
}

// Whether a gateway is there: its own word, and whether it keeps talking.
export function presence(gw, now) {
	const beat = 3 * Math.max(gw.summary?.interval ?? 10000, 2000) + 5000;
	if (gw.state === 'offline') return answer('bad', 'Offline', 'said by the gateway, or by its will when the connection died');
	if (!gw.lastAt) return gw.state === 'online' ? answer('unknown', 'Online', 'nothing but its retained state so far') : answer('unknown', 'Not told', 'no state message');
	if (now - gw.lastAt > beat) return answer('check', 'Silent', 'says it is online, but sends nothing');
	return answer('ok', 'Online', 'sends');
}

// What it said last is of now. Of one that is gone or silent it is not, and is in no sum.
export const isHeard = (gw, now) => ['ok', 'unknown'].includes(presence(gw, now).level);
