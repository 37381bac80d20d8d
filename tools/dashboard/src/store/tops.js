// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// tops - sums of the flow records of the last minutes, grouped by up to two dimensions. Each record is added once when
// it comes and taken away once when it leaves the window, so that a look costs nothing but the look.
import * as histogram from '../histogram.js';
import { ALL, sideOf } from '../scope.js';
import { UPDATES_MAX } from './store.js';

const NO_NAME = '(no name)';
const SLACK = 4096; // updates that may come between two steps before the oldest of the window are written over
export const STEP_MOST = 12000; // updates taken in one step: a few milliseconds

export const DIMENSIONS = {
	name: { label: 'Name', of: (u) => u.name ?? NO_NAME },
	device: { label: 'Device', of: (u) => u.mac ?? u.inside },
	alpn: { label: 'ALPN', of: (u) => u.alpn ?? '(none)' },
	protocol: { label: 'Protocol', of: (u) => u.proto },
	port: { label: 'Server port', of: (u) => (u.port === undefined ? u.transport : `${u.transport}/${u.port}`) },
};

const newGroup = (keys, gateway) => ({
	keys, gateway, reports: 0, flows: 0, in: 0, out: 0, packets: 0, measured: 0, resent: 0, lost: 0, unordered: 0, resets: 0,
	no_answer: 0, refused: 0, reset_in_handshake: 0, near: undefined, far: undefined,
	dns: 0, dnsFailed: 0, dnsUnanswered: 0, dnsTimes: undefined,
});

function addTime(hist, us, weight, sign) {
	if (us !== undefined && weight > 0) hist[histogram.bucketOf(us)] += sign * weight;
}

function addTo(g, u, sign) {
	g.reports += sign;
	g.flows += sign * u.flows;
	g.in += sign * u.in;
	g.out += sign * u.out;
	g.packets += sign * u.packets;
	g.measured += sign * u.measured;
	g.resent += sign * u.resent;
	g.lost += sign * u.lost;
	g.unordered += sign * u.unordered;
	g.resets += sign * u.reset;
	if (u.failure !== undefined && Object.hasOwn(g, u.failure)) g[u.failure] += sign;
	if (u.near) histogram.add((g.near ??= histogram.newHistogram()), u.near, sign);
	if (u.far) histogram.add((g.far ??= histogram.newHistogram()), u.far, sign);
	if (!u.dns) return;
	g.dns += sign * u.dns.answers;
	g.dnsFailed += sign * u.dns.failed;
	g.dnsUnanswered += sign * u.dns.unanswered;
	g.dnsTimes ??= histogram.newHistogram();
	const slowest = u.dns.max === undefined ? 0 : 1; // a flow tells mean and slowest: the mean stands for the others
	addTime(g.dnsTimes, u.dns.max, slowest, sign);
	addTime(g.dnsTimes, u.dns.mean, u.dns.answers - slowest, sign);
}

export class Tops {
	// dims: names of DIMENSIONS, up to two; none: one group of all.
	constructor(updates, { dims, windowMs, gateway = ALL, port }) {
		Object.assign(this, { updates, dims, windowMs, gateway, port, isOn: sideOf(port), groups: new Map() });
		this.from = this.to = updates.head;
		this.whole = false; // looked back as far as the window or the memory goes
		this.reset();
	}

	reset() {
		this.groups.clear();
		this.from = this.to = Math.max(this.updates.tail, this.updates.head - UPDATES_MAX + SLACK);
		this.cut = false;
	}

	isIn(u) {
		return (this.gateway === ALL || u.gateway === this.gateway) && this.isOn(u.role, u.iface);
	}

	add(u, sign) {
		if (!this.isIn(u)) return;
		const keys = this.dims.map((d) => DIMENSIONS[d].of(u));
		const id = this.dims.includes('device') ? `${u.gateway}\n${keys.join('\n')}` : keys.join('\n');
		let g = this.groups.get(id);
		if (!g) {
			g = newGroup(keys, u.gateway);
			this.groups.set(id, g);
		}
		addTo(g, u, sign);
		if (!g.reports) this.groups.delete(id);
	}

	// False: there is more to be taken in; call it again.
	step(now, most = STEP_MOST) {
		const { updates } = this;
		if (this.from < updates.tail) this.reset(); // nobody looked for too long: what is to be taken away is gone
		const since = now - this.windowMs;
		const room = updates.head - UPDATES_MAX + SLACK;
		for (; most > 0 && this.to < updates.head; this.to++, most--) this.add(updates.get(this.to), 1);
		for (; most > 0 && this.from < this.to; this.from++, most--) {
			const u = updates.get(this.from);
			if (u.at >= since && this.from >= room) break;
			this.cut ||= u.at >= since;
			this.add(u, -1);
		}
		this.whole = this.to === updates.head && most > 0;
		return this.whole;
	}

	// Milliseconds that the sums really stand for, at most the window.
	covers(now) {
		return this.from < this.to ? Math.min(this.windowMs, now - this.updates.get(this.from).at) : 0;
	}
}

export const MEASURES = {
	bytes: { label: 'Bytes', of: (g) => g.in + g.out },
	flows: { label: 'Flows', of: (g) => g.flows },
	rtt: { label: 'Round trip', of: (g) => Math.max(quantileOf(g.near, 950) ?? 0, quantileOf(g.far, 950) ?? 0) },
	loss: { label: 'Loss', of: (g) => g.resent + g.lost },
	failures: { label: 'Failures', of: (g) => failuresOf(g) },
};

export const quantileOf = (hist, permille) => hist && histogram.quantile(hist, permille);
export const failuresOf = (g) => g.no_answer + g.refused + g.reset_in_handshake + g.resets + g.dnsFailed + g.dnsUnanswered;

// The @most highest groups; what measures nothing is left out.
export function highest(groups, measure, most) {
	const { of } = MEASURES[measure];
	const rows = [];
	for (const g of groups.values()) {
		const value = of(g);
		if (value > 0) rows.push({ g, value });
	}
	return rows.sort((a, b) => b.value - a.value).slice(0, most);
}
