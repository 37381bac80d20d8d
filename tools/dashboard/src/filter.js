// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// filter - "name:example.org port:443 -proto:dns bytes>1M word" -> a question to a row of the flow table. Pure.
// All parts must hold. A plain word is looked for in names, addresses, protocol and ALPN. Case does not count.

const has = (...of) => (row, word) => of.some((f) => f(row)?.toLowerCase().includes(word));
const same = (...of) => (row, word) => of.some((f) => f(row) !== undefined && String(f(row)) === word);

const name = (r) => r.name;
const question = (r) => r.question;

const WORDS = {
	name: has(name, question),
	ip: has((r) => r.src, (r) => r.dst),
	src: has((r) => r.src),
	dst: has((r) => r.dst),
	mac: has((r) => r.mac),
	port: same((r) => r.sport, (r) => r.dport),
	proto: has((r) => r.proto, (r) => r.transport),
	alpn: has((r) => r.alpn),
	if: has((r) => r.iface),
	role: has((r) => r.role),
	gw: has((r) => r.gateway),
	state: has((r) => r.state, (r) => r.failure),
	status: has((r) => r.status),
	end: has((r) => r.reason),
};

const NUMBERS = {
	bytes: (r) => r.totalIn + r.totalOut,
	rtt: (r) => Math.max(r.near?.p50 ?? -1, r.far?.p50 ?? -1) / 1000, // ms
	loss: (r) => r.resent + r.lost,
};

export const FIELDS = [...Object.keys(WORDS).map((f) => `${f}:`), ...Object.keys(NUMBERS).map((f) => `${f}>`)];
export const PARTS_MAX = 16;

const plain = has(name, question, (r) => r.src, (r) => r.dst, (r) => r.proto, (r) => r.transport, (r) => r.alpn);
const SUFFIX = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

function part(text) {
	const not = text.startsWith('-') && text.length > 1;
	const body = not ? text.slice(1) : text;
	const m = /^([a-z]+)([:<>])(.*)$/.exec(body);
	let ask;
	if (!m) {
		ask = (row) => plain(row, body);
	} else if (m[2] === ':' && Object.hasOwn(WORDS, m[1])) {
		if (!m[3]) return { error: `"${text}": nothing behind the colon` };
		ask = (row) => WORDS[m[1]](row, m[3]);
	} else if (m[2] !== ':' && Object.hasOwn(NUMBERS, m[1])) {
		const n = /^(\d+(?:\.\d+)?)([kmg]?)$/.exec(m[3]);
		if (!n) return { error: `"${text}": not a number; allowed: 100, 1.5k, 2M, 1G` };
		const limit = Number(n[1]) * SUFFIX[n[2]];
		ask = m[2] === '>' ? (row) => NUMBERS[m[1]](row) > limit : (row) => NUMBERS[m[1]](row) < limit;
	} else if (/^[0-9a-f]*$/.test(m[1]) && m[2] === ':') {
		ask = (row) => plain(row, body); // an IPv6 address: "fe80:..."
	} else {
		return { error: `"${text}": no such field; allowed: ${FIELDS.join(' ')}` };
	}
	return { ask: not ? (row) => !ask(row) : ask };
}

// {ask(row), error}: with an error the parts that are right still count.
export function parseFilter(text) {
	const words = text.toLowerCase().split(/\s+/).filter(Boolean);
	const parts = words.slice(0, PARTS_MAX).map(part);
	const asks = parts.map((p) => p.ask).filter(Boolean);
	let error = parts.find((p) => p.error)?.error;
	if (words.length > PARTS_MAX) error ??= `more than ${PARTS_MAX} parts: the rest is left out`;
	return { ask: (row) => asks.every((a) => a(row)), error };
}
