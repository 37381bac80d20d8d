// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// frame - what stands around every screen: name, connection, pickers, tabs, banner, and the foot with what was refused.
import { h, setAttr, setClass, setOptions, setText, picker } from '../ui/dom.js';
import { badge } from '../ui/level.js';
import { bytes, clock, span, whole } from '../format.js';
import { ALL, chosenPort, portChoices } from '../scope.js';
import { FLOWS_MAX, refusedOf } from '../store/store.js';
import { gapsOf } from '../store/gateway.js';

const PHASES = { connected: ['ok', 'Live'], connecting: ['unknown', 'Connecting'], waiting: ['bad', 'Not connected'], refused: ['bad', 'Refused'] };
const THEME_MARK = { auto: '◐ auto', light: '☀ light', dark: '☾ dark' };

export function frame({ views, theme, scope, onscope, onview }) {
	const link = badge();
	const gateway = picker('Gateway', [[ALL, 'all gateways']], ALL, (v) => {
		scope.gateway = v;
		scope.port = undefined;
		onscope();
	});
	const port = picker('Side', [], '', (v) => {
		scope.port = v;
		onscope();
	});
	port.select.title = 'A forwarded connection is in the records of both ports that it crosses: one side is shown, never the sum.';
	const themeButton = h('button', { type: 'button', class: 'plain', onclick: () => theme.next() });
	const tabs = views.map((v, i) => h('a', { href: `#${v.id}`, 'aria-keyshortcuts': String(i + 1) }, v.title));
	const banner = h('div', { class: 'banner', role: 'status', 'aria-live': 'polite', hidden: true });
	const main = h('main', { id: 'main', tabindex: -1 });
	const counts = h('span', {});
	const refused = h('span', { class: 'refused' });
	const refusedList = h('ol', {});
	const refusedBox = h('details', { hidden: true }, h('summary', {}, refused), refusedList);
	const root = h('div', { class: 'frame' },
		h('a', { class: 'skip', href: '#main', onclick: (e) => (e.preventDefault(), main.focus()) }, 'Skip to the figures'),
		h('header', {},
			h('h1', {}, h('img', { src: './icon.svg', alt: '', width: 24, height: 24 }), 'Weir'), link.root,
			h('div', { class: 'pickers' }, gateway.root, port.root), themeButton),
		h('nav', { 'aria-label': 'Screens' }, tabs),
		banner, main,
		h('footer', {}, counts, refusedBox));

	addEventListener('keydown', (e) => {
		if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)) return;
		const view = views[Number(e.key) - 1];
		if (view) onview(view.id);
	});

	let lastRefused = 0;
	function drawRefused(store, now) {
		const n = refusedOf(store);
		refusedBox.hidden = !n;
		if (!n || n === lastRefused) return;
		lastRefused = n;
		setText(refused, `${whole(n)} messages or records refused: ${[...store.refused].map(([why, c]) => `${why} ${whole(c)}`).join(', ')}`);
		if (!refusedBox.open) return;
		refusedList.replaceChildren(...[...store.refusedLast.newest()].map((r) => h('li', {}, `${clock(r.at, now)} ${r.reason} · ${r.topic} · ${r.sample}`)));
	}
	refusedBox.addEventListener('toggle', () => (lastRefused = 0));

	return {
		root, main,
		show(id) {
			tabs.forEach((a, i) => setAttr(a, 'aria-current', views[i].id === id ? 'page' : false));
		},
		draw({ store, connection, now, opened }) {
			const [level, word] = PHASES[connection.phase];
			link.set(level, word, connection.why);
			setText(themeButton, THEME_MARK[theme.name]);
			setAttr(themeButton, 'aria-label', `Colours: ${theme.name}. Change`);
			setOptions(gateway.select, [[ALL, `all gateways (${store.gateways.size})`], ...[...store.gateways.keys()].sort().map((id) => [id, id])], scope.gateway);
			const choices = portChoices(store, scope);
			setOptions(port.select, choices.length ? choices : [['role:lan', '–']], choices.length ? chosenPort(store, scope) : 'role:lan');
			const away = connection.phase === 'waiting' || (connection.phase === 'connecting' && connection.since);
			if (banner.hidden !== !away) banner.hidden = !away;
			if (away) {
				const next = connection.phase === 'waiting' ? `next try in ${Math.max(0, Math.ceil((connection.at + connection.nextMs - now) / 1000))} s` : 'trying now';
				setText(banner, `Not connected: ${connection.why ?? 'no answer yet'}; ${next}.${connection.since ? ` Figures stand as of ${clock(connection.since, now)}.` : ''}`);
			}
			setClass(main, away ? 'stale' : '');
			let gaps = 0;
			for (const gw of store.gateways.values()) gaps += gapsOf(gw);
			setText(counts, `${whole(store.messages)} messages, ${bytes(store.bytes)}, ${whole(store.records)} flow records; ${whole(store.flows.size)} flows kept` +
				(store.flowsForgotten ? ` (the last ${whole(FLOWS_MAX)})` : '') + `; ${whole(store.again)} came twice; ${whole(gaps)} missing · open for ${span(now - opened)}`);
			drawRefused(store, now);
		},
	};
}

