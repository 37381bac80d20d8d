// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// top - who has the most of something: one or two of names, devices, ALPN, protocol, ports, of the last minutes.
import { h, picker, setText } from '../ui/dom.js';
import { table } from '../ui/table.js';
import { bytes, micros, NONE, percent, span, whole } from '../format.js';
import { chosenPort, sideName } from '../scope.js';
import { findDevice, labelOf } from '../store/devices.js';
import { DIMENSIONS, failuresOf, highest, MEASURES, quantileOf, Tops } from '../store/tops.js';

const SHOWN = 200;
const WINDOWS = [['60000', '1 minute'], ['300000', '5 minutes'], ['900000', '15 minutes']];

// A device's name where it has one, with its MAC.
export function nameOf(store, dimension, g, i) {
	if (dimension !== 'device') return g.keys[i];
	const label = labelOf(findDevice(store.devices, g.gateway, g.keys[i]));
	return label ? `${label} (${g.keys[i]})` : g.keys[i];
}

export const groupColumns = {
	share: { key: 'share', label: 'Share', num: true, wide: true, text: (r) => r.share, width: 's' },
	bytes: { key: 'bytes', label: 'Bytes', num: true, text: (r) => bytes(r.g.in + r.g.out), title: (r) => `in ${bytes(r.g.in)}, out ${bytes(r.g.out)}`, width: 's' },
	in: { key: 'in', label: 'In', num: true, wide: true, mid: true, text: (r) => bytes(r.g.in), width: 's' },
	out: { key: 'out', label: 'Out', num: true, wide: true, mid: true, text: (r) => bytes(r.g.out), width: 's' },
	flows: { key: 'flows', label: 'Flows', num: true, wide: true, text: (r) => whole(r.g.flows), width: 's' },
	near: { key: 'near', label: 'Near p50 / p95', num: true, wide: true, text: (r) => times(r.g.near), width: 'l' },
	far: { key: 'far', label: 'Far p50 / p95', num: true, text: (r) => times(r.g.far), width: 'l' },
	resent: { key: 'resent', label: 'Sent again', num: true, wide: true, text: (r) => lossText(r.g.resent, r.g), width: 'm' },
	lost: { key: 'lost', label: 'Lost before', num: true, wide: true, text: (r) => lossText(r.g.lost, r.g), width: 'm' },
	failures: { key: 'failures', label: 'Failures', num: true, text: (r) => whole(failuresOf(r.g)), title: failureText, width: 's' },
};

const times = (hist) => (hist && quantileOf(hist, 500) !== undefined ? `${micros(quantileOf(hist, 500))} / ${micros(quantileOf(hist, 950))}` : NONE);
const lossText = (n, g) => (g.measured ? (n ? `${whole(n)} (${percent(n, g.measured)})` : '0') : NONE);

function failureText({ g }) {
	return `no answer ${g.no_answer}, refused ${g.refused}, reset in handshake ${g.reset_in_handshake}, reset later ${g.resets}, DNS errors ${g.dnsFailed}, DNS without answer ${g.dnsUnanswered}`;
}

export function top() {
	const choice = { a: 'name', b: '', by: 'bytes', window: WINDOWS[1][0] };
	const dims = Object.entries(DIMENSIONS).map(([k, d]) => [k, d.label]);
	let tops;
	let list;
	let drawn = 0;
	const change = (what) => (value) => {
		choice[what] = value;
		tops = undefined;
		remake();
	};
	const a = picker('Group by', dims, choice.a, change('a'));
	const b = picker('and', [['', 'nothing else'], ...dims], choice.b, change('b'));
	const by = picker('Highest', Object.entries(MEASURES).map(([k, m]) => [k, m.label.toLowerCase()]), choice.by, (v) => {
		choice.by = v;
		drawn = 0;
	});
	const window_ = picker('of the last', WINDOWS, choice.window, change('window'));
	const note = h('p', { class: 'note' });
	const place = h('div', { class: 'place' });
	const root = h('div', { class: 'card top' }, h('div', { class: 'controls' }, a.root, b.root, by.root, window_.root), note, place);
	let storeNow;

	const dimsNow = () => [...new Set([choice.a, choice.b].filter(Boolean))];

	function remake() {
		const c = groupColumns;
		const keys = dimsNow().map((d, i) => ({ key: d, label: DIMENSIONS[d].label, head: !i, text: (r) => nameOf(storeNow, d, r.g, i), width: i ? 'l' : undefined }));
		list = table({ label: 'Highest', fill: true, dense: true, empty: 'No flow record in this time.', columns: [...keys, c.share, c.bytes, c.in, c.out, c.flows, c.near, c.far, c.resent, c.lost, { ...c.failures, wide: true }] });
		place.replaceChildren(list.root);
		drawn = 0;
	}

	return {
		id: 'top', title: 'Top', root,
		draw({ store, scope, now }) {
			storeNow = store;
			if (!list) remake();
			const port = chosenPort(store, scope);
			if (!tops || tops.gateway !== scope.gateway || tops.port !== port)
				tops = new Tops(store.updates, { dims: dimsNow(), windowMs: Number(choice.window), gateway: scope.gateway, port });
			const whole_ = tops.step(now);
			if (whole_ && now - drawn < 1000) return; // sorted once a second
			drawn = now;
			const rows = highest(tops.groups, choice.by, SHOWN);
			const { of } = MEASURES[choice.by];
			let all = 0;
			for (const g of tops.groups.values()) all += of(g);
			const shares = choice.by !== 'rtt';
			list.set(rows.map(({ g, value }) => ({ id: g.keys.join('\n'), g, share: shares ? percent(value, all) : NONE })));
			const covers = tops.covers(now);
			setText(note, !whole_ ? 'counting…' :
				`${sideName(port)}: ${whole(tops.groups.size)} groups${tops.groups.size > SHOWN ? `, the first ${SHOWN} shown` : ''}; records of the last ${span(covers)}` +
				(tops.cut ? ' (as many as fit in memory)' : '') + '. Share of the measure chosen; near: behind the port, far: beyond the gateway.');
		},
	};
}
