// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// trouble - what goes wrong: segments sent again, slow answers, refused and reset connections, DNS, and what the gateway
// itself reports.
import { h, picker, setText } from '../ui/dom.js';
import { chart, windowOf } from '../ui/chart.js';
import { table } from '../ui/table.js';
import { clock, micros, NONE, percent, short, span, whole } from '../format.js';
import { ALL, chosenPort, gatewaysIn, sideName, sideOf } from '../scope.js';
import { DIMENSIONS, highest, quantileOf, Tops } from '../store/tops.js';
import { groupColumns, nameOf } from './top.js';

const WINDOW_MS = 300000;
const SHOWN = 100;
const SPAN_S = 600;
const BIN_MS = 10000;

const EVENTS = {
	table_full: 'flow table full: new flows are refused', new_flow_limit: 'new flows limited: the table is more than half full',
	port_attached: 'port is measured', port_detached: 'port is no longer measured', clock_step: 'time of day was set',
};
const SEVERE = new Set(['table_full', 'new_flow_limit', 'port_detached']);

function fact(label) {
	const value = h('span', { class: 'value' });
	const note = h('div', { class: 'note' });
	return { root: h('section', { class: 'card tile', 'aria-label': label }, h('h2', {}, label), value, note), set: (v, text) => (setText(value, v), setText(note, text)) };
}

// Parts of 100 sent again, by side, by when the summaries came: [times, near, far].
function resentLine(store, scope, now) {
	const is = sideOf(chosenPort(store, scope));
	const bins = new Map();
	for (const gw of gatewaysIn(store, scope))
		for (const s of gw.summaries.newest()) {
			if (now - s.now > SPAN_S * 1000) break;
			const at = Math.round(s.now / BIN_MS) * BIN_MS;
			const b = bins.get(at) ?? { near: [0, 0], far: [0, 0] };
			bins.set(at, b);
			for (const [name, t] of s.ports)
				if (is(gw.ports.get(name)?.role, name))
					for (const side of ['near', 'far']) {
						b[side][0] += t[side].resent + t[side].lost;
						b[side][1] += t[side].packets;
					}
		}
	const times = [...bins.keys()].sort((a, b) => a - b);
	const line = (side) => times.map((t) => (bins.get(t)[side][1] ? (100 * bins.get(t)[side][0]) / bins.get(t)[side][1] : null));
	return [times, line('near'), line('far')];
}

export function trouble() {
	const facts = { resent: fact('Sent again'), lost: fact('Lost before the port'), rtt: fact('Round trips, p99'), failed: fact('Connections failed'), resets: fact('Resets'), dns: fact('DNS answers, p95') };
	const choice = { a: 'name', by: 'loss' };
	let totals;
	let groups;
	let drawn = 0;
	let storeNow;
	const again = () => {
		groups = undefined;
		drawn = 0;
	};
	const a = picker('Worst', Object.entries(DIMENSIONS).map(([k, d]) => [k, `${d.label.toLowerCase()}s`.replace('alpns', 'ALPN').replace(/ports$/, 'ports')]), choice.a, (v) => {
		choice.a = v;
		again();
	});
	const by = picker('by', [['loss', 'loss'], ['rtt', 'round trip p95'], ['failures', 'failures']], choice.by, (v) => {
		choice.by = v;
		drawn = 0;
	});
	const c = groupColumns;
	const list = table({
		label: 'Worst', empty: 'Nothing of this kind in the last five minutes.',
		columns: [{ key: 'who', label: 'Who', head: true, text: (r) => nameOf(storeNow, choice.a, r.g, 0) }, c.resent, c.lost, c.near, c.far, c.failures, { ...c.flows, wide: true }],
	});
	const events = table({
		label: 'Events', empty: 'No event since this page opened.',
		columns: [
			{ key: 'at', label: 'When', text: (e) => clock(e.at, e.now), width: 'm' },
			{ key: 'what', label: 'What', head: true, text: (e) => EVENTS[e.action] ?? e.action, level: (e) => (SEVERE.has(e.action) ? 'severe' : '') },
			{ key: 'where', label: 'Port', text: (e) => [e.iface, e.direction].filter(Boolean).join(' ') || NONE, width: 's' },
			{ key: 'detail', label: 'Detail', wide: true, text: (e) => e.detail || NONE, width: 'm' },
			{ key: 'gw', label: 'Gateway', wide: true, text: (e) => e.gateway, width: 'm' },
		],
	});
	const line = chart({
		label: 'Loss by summary', height: 160, least: 0.1, value: (v) => `${Number(v.toPrecision(2))} %`,
		series: [{ label: 'Sent by near side', color: '--near', points: true }, { label: 'Sent by far side', color: '--far', points: true }],
	});
	const note = h('p', { class: 'note' });
	const root = h('div', { class: 'trouble' },
		h('div', { class: 'tiles six' }, Object.values(facts).map((f) => f.root)), note,
		h('section', { class: 'card' }, h('h2', {}, 'Sent again or lost, parts of what was sent'), line.root),
		h('section', { class: 'card' }, h('div', { class: 'controls' }, a.root, by.root), list.root),
		h('section', { class: 'card' }, h('h2', {}, 'Events of the gateways'), events.root));

	function drawFacts(g) {
		if (!g) {
			for (const f of Object.values(facts)) f.set(NONE, 'no flow record');
			return;
		}
		const of = g.measured ? `of ${short(g.measured)} segments` : 'nothing measured';
		facts.resent.set(g.measured ? percent(g.resent, g.measured) : NONE, `${whole(g.resent)} ${of}`);
		facts.lost.set(g.measured ? percent(g.lost, g.measured) : NONE, `${whole(g.lost)} ${of}; ${whole(g.unordered)} out of order`);
		const slowest = Math.max(quantileOf(g.near, 990) ?? -1, quantileOf(g.far, 990) ?? -1);
		facts.rtt.set(micros(slowest < 0 ? undefined : slowest), `near ${micros(quantileOf(g.near, 990))}, far ${micros(quantileOf(g.far, 990))}`);
		facts.failed.set(whole(g.no_answer + g.refused + g.reset_in_handshake), `no answer ${whole(g.no_answer)}, refused ${whole(g.refused)}, reset in handshake ${whole(g.reset_in_handshake)}`);
		facts.resets.set(whole(g.resets), `connections ended by RST, of ${whole(g.flows)} flows`);
		facts.dns.set(micros(quantileOf(g.dnsTimes, 950)), `${whole(g.dns)} answers, ${whole(g.dnsFailed)} errors, ${whole(g.dnsUnanswered)} without answer`);
	}

	return {
		id: 'trouble', title: 'Trouble', root, retheme: line.retheme,
		draw({ store, scope, now, opened }) {
			storeNow = store;
			const where = { windowMs: WINDOW_MS, gateway: scope.gateway, port: chosenPort(store, scope) };
			const is = (t) => t && t.gateway === where.gateway && t.port === where.port;
			if (!is(totals)) totals = new Tops(store.updates, { dims: [], ...where });
			if (!is(groups)) groups = new Tops(store.updates, { dims: [choice.a], ...where });
			const done = totals.step(now) & groups.step(now);
			if (done && now - drawn < 1000) return;
			drawn = now;
			drawFacts(totals.groups.get(''));
			setText(note, done ? `${sideName(where.port)}: flow records of the last ${span(totals.covers(now))}${totals.cut ? ' (as many as fit in memory)' : ''}` : 'counting…');
			list.set(highest(groups.groups, choice.by, SHOWN).map(({ g }) => ({ id: g.keys[0], g })));
			const [times, near, far] = resentLine(store, scope, now);
			line.set(times, [near, far], `near ${near.at(-1) ?? 0} percent, far ${far.at(-1) ?? 0} percent`, windowOf(now, opened, SPAN_S));
			const rows = [...store.events.newest()].filter((e) => scope.gateway === ALL || e.gateway === scope.gateway);
			events.set(rows.map((e, i) => ({ ...e, id: i, now })));
		},
	};
}
