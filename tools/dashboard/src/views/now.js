// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// now - how much goes through, how fast the answers come, and whether the figures may be believed.
import { h, setText } from '../ui/dom.js';
import { badge } from '../ui/level.js';
import { chart, windowOf } from '../ui/chart.js';
import { table } from '../ui/table.js';
import { bitrate, bitrateParts, micros, microsParts, NONE, percent, span, whole } from '../format.js';
import { add, newHistogram, quantile } from '../histogram.js';
import { honesty, isHeard, QUESTIONS } from '../honesty.js';
import { gatewaysIn, inOut, sideName, sideOf, chosenPort, portsIn } from '../scope.js';

const SPAN_S = 600;
const BIN_MS = 2000; // of the line of records as they come
const TRIP_BIN_MS = 2000;
const CHART_MS = 1000; // charts move once a second
const RTT_WINDOW_MS = 60000; // at least one summary

function tile(title, extra = '') {
	const value = h('span', { class: 'value' });
	const unit = h('span', { class: 'unit' });
	const note = h('div', { class: 'note' });
	const root = h('section', { class: `card tile ${extra}`, 'aria-label': title }, h('h2', {}, title), h('div', {}, value, ' ', unit), note);
	return {
		root,
		set([v, u], text) {
			setText(value, v);
			setText(unit, u);
			setText(note, text);
		},
	};
}

// Rates of the books, summed over those of the chosen ports that have told and are heard of.
export function rates(store, scope, now) {
	const ports = portsIn(store, scope);
	const told = ports.filter(({ gw, p }) => p.rate && isHeard(gw, now));
	if (!told.length) return undefined;
	const sum = { in: 0, out: 0, ms: 0, ports: ports.length, told: told.length };
	for (const { p } of told) {
		const io = inOut(p.role, p.rate);
		sum.in += io.in;
		sum.out += io.out;
		sum.ms = Math.max(sum.ms, p.rate.ms);
	}
	return sum;
}

// Round trips of the last summaries, both sides, over the chosen ports.
export function roundTrips(store, scope, now, windowMs = RTT_WINDOW_MS) {
	const is = sideOf(chosenPort(store, scope));
	const near = newHistogram();
	const far = newHistogram();
	for (const gw of gatewaysIn(store, scope))
		for (const s of isHeard(gw, now) ? gw.summaries.newest() : []) {
			if (s !== gw.summary && now - s.now > windowMs) break;
			for (const [name, t] of s.ports) {
				if (!is(gw.ports.get(name)?.role, name)) continue;
				if (t.near.rtt) add(near, t.near.rtt);
				if (t.far.rtt) add(far, t.far.rtt);
			}
		}
	return { near: [quantile(near, 500), quantile(near, 950)], far: [quantile(far, 500), quantile(far, 950)] };
}

// Bits a second of the flow records, by when they came: [times, in, out].
function flowLine(store, scope, now, { opened, gaps }) {
	const unknown = (from, to) => from < opened || gaps.some((g) => g.from < to && g.to > from);
	const is = sideOf(chosenPort(store, scope));
	const last = Math.floor(now / BIN_MS) - 1;
	const n = (SPAN_S * 1000) / BIN_MS;
	const bins = [new Float64Array(n), new Float64Array(n)];
	const { updates } = store;
	for (let i = updates.head - 1; i >= updates.tail; i--) {
		const u = updates.get(i);
		const back = last - Math.floor(u.at / BIN_MS);
		if (back >= n) break;
		if (back < 0 || (scope.gateway && u.gateway !== scope.gateway) || !is(u.role, u.iface)) continue;
		bins[0][n - 1 - back] += u.in;
		bins[1][n - 1 - back] += u.out;
	}
	const times = Array.from({ length: n }, (_, i) => (last - n + 2 + i) * BIN_MS);
	// of when the page was not there, or had no connection, nothing is known, which is not 0
	return [times, ...bins.map((b) => Array.from(b, (v, i) => (unknown(times[i] - BIN_MS, times[i]) ? null : (v * 1000) / BIN_MS)))];
}

// p50 and p95 of both sides, by when the summaries came: [times, near p50, near p95, far p50, far p95].
function tripLine(store, scope, now) {
	const is = sideOf(chosenPort(store, scope));
	const bins = new Map();
	for (const gw of gatewaysIn(store, scope))
		for (const s of gw.summaries.newest()) {
			if (now - s.now > SPAN_S * 1000) break;
			const at = Math.round(s.now / TRIP_BIN_MS) * TRIP_BIN_MS;
			for (const [name, t] of s.ports) {
				if (!is(gw.ports.get(name)?.role, name)) continue;
				if (!bins.has(at)) bins.set(at, [newHistogram(), newHistogram()]);
				if (t.near.rtt) add(bins.get(at)[0], t.near.rtt);
				if (t.far.rtt) add(bins.get(at)[1], t.far.rtt);
			}
		}
	const times = [...bins.keys()].sort((a, b) => a - b);
	const line = (side, permille) => times.map((t) => quantile(bins.get(t)[side], permille) ?? null);
	return [times, line(0, 500), line(0, 950), line(1, 500), line(1, 950)];
}

export function now() {
	const tiles = { in: tile('In'), out: tile('Out'), flows: tile('Active flows'), near: tile('Round trip, near', 'near'), far: tile('Round trip, far', 'far') };
	const chips = QUESTIONS.map((q) => {
		const mark = badge();
		const why = h('span', { class: 'why' });
		return { key: q.key, mark, why, root: h('li', {}, h('strong', {}, q.title), mark.root, why) };
	});
	const honest = h('ul', { class: 'card honesty', 'aria-label': 'May these figures be believed?' }, chips.map((c) => c.root));
	const lines = chart({
		label: 'Rate by flow records as they come', value: bitrate,
		series: [{ label: 'In', color: '--in', fill: '--in-fill' }, { label: 'Out', color: '--out' }],
	});
	const trips = chart({
		label: 'Round trips by summary', value: micros, log: true,
		series: [{ label: 'Near p50', color: '--near', points: true }, { label: 'Near p95', color: '--near', dash: [4, 4] },
			{ label: 'Far p50', color: '--far', points: true }, { label: 'Far p95', color: '--far', dash: [4, 4] }],
	});
	const ports = table({
		label: 'Ports', empty: 'No port told of yet.', sort: 'name',
		columns: [
			{ key: 'name', label: 'Port', head: true, text: (r) => r.p.name, sort: (r) => r.p.name, width: 'm' },
			{ key: 'role', label: 'Role', text: (r) => r.p.role || NONE, wide: true, width: 's' },
			{ key: 'hook', label: 'Hooks rx/tx', wide: true, text: (r) => `${r.p.rx ?? '?'}/${r.p.tx ?? '?'}`, title: (r) => r.p.reason ?? 'where the port is measured', width: 'm' },
			{ key: 'rx', label: 'Received', num: true, text: (r) => bitrate(r.p.rate?.rx), sort: (r) => r.p.rate?.rx, width: 'm' },
			{ key: 'tx', label: 'Sent', num: true, text: (r) => bitrate(r.p.rate?.tx), sort: (r) => r.p.rate?.tx, width: 'm' },
			{ key: 'frames', label: 'Frames seen', num: true, wide: true, text: (r) => whole(r.p.books && r.p.books.rx.seen.frames + r.p.books.tx.seen.frames), width: 'l' },
			{ key: 'books', label: 'Books', text: (r) => (!r.p.books ? 'not told yet' : r.p.books.rx.off || r.p.books.tx.off ? 'off' : 'balance'), width: 's' },
			{ key: 'gw', label: 'Gateway', wide: true, text: (r) => r.gw.id, width: 'm' },
		],
	});
	const linesNote = h('p', { class: 'note' });
	const root = h('div', { class: 'now' },
		h('div', { class: 'tiles' }, Object.values(tiles).map((t) => t.root)), honest,
		h('div', { class: 'pair' },
			h('section', { class: 'card' }, h('h2', {}, 'Rate, by flow records as they come'), lines.root, linesNote),
			h('section', { class: 'card' }, h('h2', {}, 'Round trips, by summary'), trips.root, h('p', { class: 'note' }, 'Near: between the port and what is behind it. Far: beyond the gateway.'))),
		h('section', { class: 'card' }, h('h2', {}, 'Ports'), ports.root));
	let drawn = 0;

	function drawTiles({ store, scope, now: time }) {
		const rate = rates(store, scope, time);
		const from = rate && `books, over ${span(rate.ms)}${rate.told < rate.ports ? `, ${rate.told} of ${rate.ports} ports` : ''}`;
		tiles.in.set(bitrateParts(rate?.in), from ?? 'waits for two readings of the books');
		tiles.out.set(bitrateParts(rate?.out), from ?? 'waits for two readings of the books');
		const gws = gatewaysIn(store, scope);
		const told = gws.filter((gw) => gw.summary && isHeard(gw, time));
		const missing = told.length < gws.length ? `, ${told.length} of ${gws.length} gateways` : '';
		const sum = (what) => told.reduce((n, gw) => n + (gw.summary[what] ?? 0), 0);
		const coverage = sum('nameable') ? `, ${percent(sum('named'), sum('nameable'))} of ended ones named` : '';
		tiles.flows.set([told.length ? whole(sum('live')) : NONE, ''], told.length ? `on all ports${missing}${coverage}` : 'waits for a summary');
		const rtt = roundTrips(store, scope, time);
		for (const side of ['near', 'far'])
			tiles[side].set(microsParts(rtt[side][0]), rtt[side][0] === undefined ? 'no sample in the last minute' : `median; p95 ${micros(rtt[side][1])}`);
	}

	function draw(ctx) {
		const { store, scope, now: time, opened } = ctx;
		const range = windowOf(time, opened, SPAN_S);
		drawTiles(ctx);
		honesty(gatewaysIn(store, scope)).forEach((a, i) => {
			chips[i].mark.set(a.level, a.word, a.why);
			setText(chips[i].why, a.why);
		});
		const choice = chosenPort(store, scope);
		ports.set(gatewaysIn(store, scope).flatMap((gw) => [...gw.ports.values()].map((p) => ({ id: `${gw.id}|${p.name}`, gw, p }))));
		if (time - drawn < CHART_MS) return;
		drawn = time;
		const [times, into, out] = flowLine(store, scope, time, ctx);
		lines.set(times, [into, out], `in ${bitrate(into.at(-1))}, out ${bitrate(out.at(-1))}`, range);
		setText(linesNote, `${sideName(choice)}. A flow's bytes stand where its record came, so long flows show as steps; the figures above are exact.`);
		const [at, ...quantiles] = tripLine(store, scope, time);
		trips.set(at, quantiles, `near median ${micros(quantiles[0].at(-1))}, far median ${micros(quantiles[2].at(-1))}`, range);
	}

	return {
		id: 'now', title: 'Now', root, draw,
		retheme() {
			lines.retheme();
			trips.retheme();
		},
	};
}
