// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// fleet - every gateway: is it there, what does it run, how is it attached, what waits, what was lost.
import { h, setText } from '../ui/dom.js';
import { badge } from '../ui/level.js';
import { table } from '../ui/table.js';
import { ago, bytes, NONE, span, whole } from '../format.js';
import { honesty, ledger, LEVELS, presence } from '../honesty.js';

const hooks = (gw) => [...gw.ports.values()].map((p) => `${p.name} ${p.rx ?? '?'}/${p.tx ?? '?'}`).join(', ') || NONE;
const KINDS = { records: 'frames or records', details: 'names and details', page: 'on the way to this page' };

function waiting(gw) {
	const hlt = gw.health;
	if (!hlt || hlt.waiting === undefined) return NONE;
	return hlt.waiting ? `${whole(hlt.waiting)} (${bytes(hlt.waitingBytes)})` : 'nothing';
}

// Whatever numbers the gateway tells of its spool, by their own names.
function spool(gw) {
	const hlt = gw.health;
	if (!hlt?.spool) return 'not told';
	const numbers = [...hlt.spool].map(([k, v]) => `${k} ${/bytes/.test(k) ? bytes(v) : whole(v)}`);
	return [...(hlt.spoolAlarm ? ['ALARM: its disk is left alone'] : []), ...(hlt.spoolMode ? [hlt.spoolMode] : []), ...numbers].join(', ');
}

const worst = (gw) => honesty([gw]).reduce((a, q) => (LEVELS.indexOf(q.level) > LEVELS.indexOf(a.level) ? q : a));

export function fleet() {
	let picked;
	let clockNow = 0;
	let drawn = 0;
	const list = table({
		label: 'Gateways', sort: 'name', empty: 'No gateway has said anything yet.',
		columns: [
			{ key: 'name', label: 'Gateway', head: true, text: (gw) => gw.id, sort: (gw) => gw.id },
			{ key: 'state', label: 'State', text: (gw) => presence(gw, clockNow).word, title: (gw) => presence(gw, clockNow).why, level: (gw) => `state ${presence(gw, clockNow).level}`, sort: (gw) => presence(gw, clockNow).word, width: 's' },
			{ key: 'last', label: 'Last heard', num: true, wide: true, text: (gw) => (gw.lastAt ? ago(gw.lastAt, clockNow) : NONE), sort: (gw) => gw.lastAt, width: 'm' },
			{ key: 'trust', label: 'Figures', text: (gw) => { const w = worst(gw); return w.level === 'ok' ? 'sound' : `${w.title}: ${w.word}`; }, title: (gw) => worst(gw).why, level: (gw) => `state ${worst(gw).level}`, sort: (gw) => LEVELS.indexOf(worst(gw).level), width: 'l' },
			{ key: 'version', label: 'Version', wide: true, text: (gw) => gw.birth?.version ?? gw.health?.version ?? NONE, sort: (gw) => gw.birth?.version, width: 's' },
			{ key: 'up', label: 'Up', num: true, wide: true, text: (gw) => span(gw.health && gw.health.uptime * 1000), sort: (gw) => gw.health?.uptime, width: 'm' },
			{ key: 'hooks', label: 'Hooks', wide: true, text: hooks, width: 'l' },
			{ key: 'flows', label: 'Flows', num: true, wide: true, text: (gw) => whole(gw.summary?.live ?? gw.health?.live), sort: (gw) => gw.summary?.live, width: 's' },
			{ key: 'waiting', label: 'Waits', num: true, wide: true, text: waiting, sort: (gw) => gw.health?.waitingBytes, width: 'm' },
		],
		onpick: (gw) => pick(gw.id),
	});
	const title = h('h2', { tabindex: -1 });
	const state = badge();
	const facts = h('dl', { class: 'facts' });
	const losses = table({
		label: 'Loss ledger', empty: 'Nothing lost that anybody told of.', sort: 'count',
		columns: [
			{ key: 'name', label: 'Counter', head: true, text: (r) => r.name, sort: (r) => r.name },
			{ key: 'kind', label: 'What is missing', wide: true, text: (r) => KINDS[r.kind], sort: (r) => r.kind, width: 'l' },
			{ key: 'count', label: 'Count', num: true, text: (r) => whole(r.count), sort: (r) => r.count, width: 's' },
		],
	});
	const detail = h('section', { class: 'card detail', hidden: true },
		h('div', { class: 'controls' }, title, state.root, h('button', { type: 'button', class: 'plain', onclick: () => pick(undefined) }, 'Close')),
		h('div', { class: 'pair' }, facts, h('div', {}, h('h3', {}, 'Loss ledger'), losses.root)));
	const root = h('div', { class: 'fleet' }, h('section', { class: 'card' }, h('h2', {}, 'Gateways'), list.root), detail);

	function pick(id) {
		picked = id;
		list.state.picked = id;
		detail.hidden = !id;
		drawn = 0;
		if (id) title.focus();
	}

	function drawDetail(gw, now) {
		setText(title, gw.id);
		const is = presence(gw, now);
		state.set(is.level, is.word, is.why);
		const hlt = gw.health;
		const rows = [['State', `${is.word}: ${is.why}`], ['Last heard', gw.lastAt ? ago(gw.lastAt, now) : NONE], ['Version', gw.birth?.version ?? NONE],
			['Up', hlt ? span(hlt.uptime * 1000) : NONE], ['Restarts', hlt ? `agent ${whole(hlt.agentStarts)}, uplink ${whole(hlt.uplinkStarts)}` : NONE],
			['Epoch', gw.birth?.epoch !== undefined ? String(gw.birth.epoch) : NONE], ['Boot', gw.birth?.boot ?? NONE], ['Hooks', hooks(gw)],
			['Flow table', hlt ? `${whole(hlt.live)} of ${whole(hlt.slots)} slots` : NONE], ['Waits for the broker', waiting(gw)], ['Spool', spool(gw)],
			['From a backlog', gw.historical ? `${whole(gw.historical)} records` : 'none'], ['Messages here', `${whole(gw.messages)}, ${whole(gw.records)} flow records`]];
		facts.replaceChildren(...rows.flatMap(([k, v]) => [h('dt', {}, k), h('dd', {}, v)]));
		losses.set(ledger(gw).map(([name, count, kind]) => ({ id: name, name, count, kind })));
	}

	return {
		id: 'fleet', title: 'Fleet', root,
		draw({ store, now }) {
			clockNow = now;
			const gws = [...store.gateways.values()];
			list.set(gws);
			if (picked === undefined && gws.length === 1) pick(gws[0].id);
			const gw = store.gateways.get(picked);
			if (!gw || now - drawn < 1000) return;
			drawn = now;
			drawDetail(gw, now);
		},
	};
}
