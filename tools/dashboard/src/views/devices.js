// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// devices - who is behind the ports: a list, and of one of them addresses, names, activity and whom it talks to.
import { h, setText } from '../ui/dom.js';
import { chart } from '../ui/chart.js';
import { table } from '../ui/table.js';
import { ago, bitrate, bytes, clock, NONE, whole } from '../format.js';
import { ALL } from '../scope.js';
import { BIN_MS, BINS, DEVICES_MAX, turn } from '../store/devices.js';

const TALKS_SHOWN = 50;

// Bits a second by half minutes, the one under way left out: [times, in, out].
function activity(d, now, opened) {
	turn(d, now);
	const bin = Math.floor(now / BIN_MS);
	const times = [];
	const into = [];
	const out = [];
	for (let b = bin - BINS + 1; b < bin; b++) {
		times.push(b * BIN_MS);
		const is_known = (b + 1) * BIN_MS > opened;
		into.push(is_known ? (d.bins[2 * (b % BINS)] * 1000) / BIN_MS : null);
		out.push(is_known ? (d.bins[2 * (b % BINS) + 1] * 1000) / BIN_MS : null);
	}
	return [times, into, out];
}

// Whom it talks to, out of the flows that are kept.
function talks(store, d) {
	const by = new Map();
	for (const r of store.flows.values()) {
		if (r.mac !== d.mac || r.gateway !== d.gateway) continue;
		const who = r.name ?? (r.inside === r.src ? r.dst : r.src);
		const t = by.get(who) ?? { id: who, who, bytes: 0, flows: 0, last: 0 };
		t.bytes += r.totalIn + r.totalOut;
		t.flows++;
		t.last = Math.max(t.last, r.end ?? r.start);
		by.set(who, t);
	}
	return [...by.values()].sort((a, b) => b.bytes - a.bytes).slice(0, TALKS_SHOWN);
}

export function devices() {
	let picked;
	let drawn = 0;
	let clockNow = 0;
	const find = h('input', { type: 'search', 'aria-label': 'Find a device', placeholder: 'Find: name, vendor, MAC, address', spellcheck: 'false', maxlength: 128 });
	const count = h('span', { class: 'note' });
	const list = table({
		label: 'Devices', fill: true, sort: 'last', empty: 'No device yet: they come with flow records of lan ports and messages of class device.',
		columns: [
			{ key: 'name', label: 'Name', head: true, text: (d) => d.name ?? d.vendor ?? d.mac, sort: (d) => d.name?.toLowerCase() },
			{ key: 'mac', label: 'MAC', wide: true, text: (d) => d.mac, sort: (d) => d.mac, width: 'l' },
			{ key: 'ip', label: 'Addresses', wide: true, text: (d) => [...d.addresses.keys()].join(', ') || NONE, width: 'xl' },
			{ key: 'port', label: 'Port', wide: true, text: (d) => d.iface, sort: (d) => d.iface, width: 's' },
			{ key: 'bytes', label: 'Bytes', num: true, text: (d) => bytes(d.in + d.out), sort: (d) => d.in + d.out, width: 's' },
			{ key: 'first', label: 'First seen', wide: true, text: (d) => clock(d.first, clockNow), sort: (d) => d.first, width: 'l' },
			{ key: 'last', label: 'Last seen', num: true, text: (d) => ago(d.last, clockNow), sort: (d) => d.last, width: 'm' },
		],
		onpick: (d) => pick(d.id),
	});
	const title = h('h2', { tabindex: -1 });
	const facts = h('dl', { class: 'facts' });
	const line = chart({
		label: 'Activity', value: bitrate, height: 150,
		series: [{ label: 'In', color: '--in', fill: '--in-fill', steps: true }, { label: 'Out', color: '--out', steps: true }],
	});
	const changes = h('ol', { class: 'changes' });
	const talkList = table({
		label: 'Whom it talks to', empty: 'No flow of it is kept.', sort: 'bytes',
		columns: [
			{ key: 'who', label: 'Talks to', head: true, text: (t) => t.who, sort: (t) => t.who },
			{ key: 'bytes', label: 'Bytes', num: true, text: (t) => bytes(t.bytes), sort: (t) => t.bytes, width: 's' },
			{ key: 'flows', label: 'Flows', num: true, text: (t) => whole(t.flows), sort: (t) => t.flows, width: 's' },
			{ key: 'last', label: 'Last', num: true, text: (t) => ago(t.last, clockNow), sort: (t) => t.last, width: 'm' },
		],
	});
	const detail = h('section', { class: 'card detail', hidden: true },
		h('div', { class: 'controls' }, title, h('button', { type: 'button', class: 'plain', onclick: () => pick(undefined) }, 'Close')),
		h('div', { class: 'pair' }, facts, line.root), h('div', { class: 'pair' }, talkList.root, h('div', {}, h('h3', {}, 'Timeline'), changes)));
	const root = h('div', { class: 'devices' }, detail, h('section', { class: 'card' }, h('div', { class: 'controls' }, find, count), list.root));

	function pick(id) {
		picked = id;
		list.state.picked = id;
		drawn = 0;
		detail.hidden = !id;
		if (id) title.focus();
	}

	function drawDetail(store, now, opened) {
		const d = store.devices.map.get(picked);
		if (!d) return pick(undefined);
		setText(title, d.name ?? d.vendor ?? d.mac);
		const rows = [['MAC', d.mac + (d.local ? ' (locally administered: may change)' : '')], ['Vendor', d.vendor], ['Name from', d.nameSource],
			['DHCP class', d.vendorClass], ['Port', `${d.iface}${d.vlan ? `, VLAN ${d.vlan}` : ''}`], ['Gateway', d.gateway],
			['Addresses', [...d.addresses].map(([ip, a]) => `${ip} (${a.source ?? 'told'})`).join(', ')],
			['First seen', d.told ? clock(d.first, now) : `${clock(d.first, now)}, by flow records`], ['Last seen', clock(d.last, now)],
			['Since this page opened', `in ${bytes(d.in)}, out ${bytes(d.out)}`]];
		facts.replaceChildren(...rows.filter((r) => r[1]).flatMap(([k, v]) => [h('dt', {}, k), h('dd', {}, v)]));
		const [times, into, out] = activity(d, now, opened);
		line.set(times, [into, out], `in the last half hour, in ${bytes(d.in)}, out ${bytes(d.out)}`, [now - BINS * BIN_MS, now]);
		const told = [...d.changes, { at: d.first, what: 'first seen' }].sort((a, b) => b.at - a.at);
		changes.replaceChildren(...told.map((c) => h('li', {}, h('time', {}, clock(c.at, now)), ` ${c.what}`)));
		talkList.set(talks(store, d));
		return undefined;
	}

	return {
		id: 'devices', title: 'Devices', root, retheme: line.retheme,
		draw({ store, scope, now, opened }) {
			clockNow = now;
			const word = find.value.trim().toLowerCase();
			const has = (d) => !word || [d.name, d.vendor, d.mac, d.vendorClass, ...d.addresses.keys()].some((t) => t?.toLowerCase().includes(word));
			const rows = [...store.devices.map.values()].filter((d) => (scope.gateway === ALL || d.gateway === scope.gateway) && has(d));
			list.set(rows);
			setText(count, `${whole(rows.length)} ${rows.length === 1 ? 'device' : 'devices'}` + (store.devices.forgotten ? `; ${whole(store.devices.forgotten)} heard of longest ago were forgotten (at most ${whole(DEVICES_MAX)})` : ''));
			if (!picked || now - drawn < 1000) return;
			drawn = now;
			drawDetail(store, now, opened);
		},
	};
}
