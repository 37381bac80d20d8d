// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// flows - the flow table: one row a flow and port, the last heard of on top; a filter, any order, and a pause.
import { h, setAttr, setText } from '../ui/dom.js';
import { table } from '../ui/table.js';
import { bytes, clock, end, micros, NONE, whole } from '../format.js';
import { parseFilter } from '../filter.js';
import { ALL, chosenPort, sideOf } from '../scope.js';

const REDRAW_MS = 500; // filter and order of all rows
const state = (r) => r.failure ?? (r.reset ? `reset, ${r.reset}` : r.state ?? (r.ended ? 'ended' : 'open'));

export function flows() {
	let paused = false;
	let shown = [];
	let clockNow = 0;
	let drawn = 0;
	let filter = parseFilter('');
	const error = h('p', { class: 'error', role: 'alert', hidden: true });
	const input = h('input', {
		type: 'search', class: 'filter', 'aria-label': 'Filter', spellcheck: 'false', maxlength: 512, placeholder: 'name:example.org port:443 -proto:dns bytes>1M',
		oninput: () => {
			filter = parseFilter(input.value);
			error.hidden = !filter.error;
			setText(error, filter.error ?? '');
			drawn = 0;
		},
	});
	const pause = h('button', { type: 'button', 'aria-pressed': 'false', onclick: () => toggle() }, 'Pause');
	const note = h('span', { class: 'note', 'aria-live': 'off' });
	const list = table({
		label: 'Flows', fill: true, dense: true, empty: 'No flow matches.', sort: 'at',
		columns: [
			{ key: 'name', label: 'Name', head: true, text: (r) => r.name ?? (r.question ? `? ${r.question}` : NONE), title: (r) => (r.name ? `by ${r.nameSource ?? 'sni'}, confidence ${r.confidence ?? 'not told'}` : `no name: ${r.status ?? 'not told'}`), sort: (r) => r.name?.toLowerCase() },
			{ key: 'from', label: 'From', wide: true, text: (r) => end(r.src, r.sport), sort: (r) => r.src, width: 'xl' },
			{ key: 'to', label: 'To', wide: true, text: (r) => end(r.dst, r.dport), sort: (r) => r.dst, width: 'xl' },
			{ key: 'proto', label: 'Protocol', text: (r) => (r.proto ? (r.proto === r.transport ? r.proto : `${r.proto}/${r.transport}`) : r.transport), sort: (r) => r.proto ?? r.transport, width: 's' },
			{ key: 'alpn', label: 'ALPN', wide: true, mid: true, text: (r) => r.alpn ?? NONE, sort: (r) => r.alpn, width: 'm' },
			{ key: 'in', label: 'In', num: true, text: (r) => bytes(r.totalIn), sort: (r) => r.totalIn, width: 's' },
			{ key: 'out', label: 'Out', num: true, text: (r) => bytes(r.totalOut), sort: (r) => r.totalOut, width: 's' },
			{ key: 'near', label: 'Near', num: true, wide: true, text: (r) => micros(r.near?.p50), sort: (r) => r.near?.p50, width: 's' },
			{ key: 'far', label: 'Far', num: true, wide: true, text: (r) => micros(r.far?.p50), sort: (r) => r.far?.p50, width: 's' },
			{ key: 'loss', label: 'Loss', num: true, wide: true, mid: true, text: (r) => (r.measured ? whole(r.resent + r.lost) : NONE), sort: (r) => (r.measured ? r.resent + r.lost : undefined), width: 'xs' },
			{ key: 'state', label: 'State', wide: true, text: state, sort: state, width: 'm' },
			{ key: 'port', label: 'Port', wide: true, mid: true, text: (r) => r.iface, sort: (r) => r.iface, width: 'xs' },
			{ key: 'at', label: 'Last', num: true, natural: true, wide: true, text: (r) => clock(r.end ?? r.start, clockNow), sort: (r) => r.at, width: 's' },
		],
	});
	const root = h('div', { class: 'card flows' }, h('div', { class: 'controls' }, input, pause, note), error, list.root);
	list.onsort = () => (drawn = 0);

	function toggle() {
		paused = !paused;
		setAttr(pause, 'aria-pressed', paused);
		setText(pause, paused ? 'Go on' : 'Pause');
		drawn = 0;
	}

	addEventListener('keydown', (e) => {
		if (!root.isConnected || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)) return;
		if (e.key === '/') {
			e.preventDefault();
			input.focus();
		} else if (e.key === 'p') {
			toggle();
		}
	});

	return {
		id: 'flows', title: 'Flows', root,
		draw({ store, scope, now }) {
			clockNow = now;
			if (now - drawn < REDRAW_MS) return;
			drawn = now;
			if (!paused) shown = [...store.flows.values()];
			const is = sideOf(chosenPort(store, scope));
			const { ask } = filter;
			const rows = shown.filter((r) => (scope.gateway === ALL || r.gateway === scope.gateway) && is(r.role, r.iface) && ask(r)).reverse();
			list.set(rows);
			setText(note, `${whole(rows.length)} of ${whole(shown.length)} flows${paused ? ', paused' : ''}`);
		},
	};
}
