// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// demo - the page on the live demo (tests/demo/run --keep), against what mosquitto_sub got meanwhile. Whatever the page shows is
// worked out once more here, from the messages alone.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { browser, live, show, tile, until } from './lib/stage.js';

let demo;
let said = '';
let address;
let sub;
let lines = '';
let b;

before(async () => {
	demo = spawn('tests/demo/run', ['--keep'], { stdio: ['ignore', 'pipe', 'pipe'] });
	demo.stdout.on('data', (d) => (said += d));
	demo.stderr.on('data', (d) => (said += d));
	demo.on('exit', (code) => (said += `\nexit ${code}`));
	await until('the demo runs on', () => {
		if (/\nexit /.test(said)) throw new Error(said.slice(-2000));
		return /Dashboard, open it:/.test(said);
	}, 180000);
	address = /Dashboard, open it: +(\S+)/.exec(said)[1];
	const port = /mosquitto_sub -h 127.0.0.1 -p (\d+)/.exec(said)[1];
	sub = spawn('mosquitto_sub', ['-h', '127.0.0.1', '-p', port, '-u', 'dash', '-P', 'dash-secret', '-q', '1', '-F', '%t %p', '-t', 'weir/v1/#']);
	sub.stdout.setEncoding('utf8').on('data', (d) => (lines += d));
	await until('the second subscriber hears', () => lines.includes('/state '));
	b = await browser();
}, { timeout: 240000 });

after(async () => {
	await b?.end();
	sub?.kill();
	if (demo.exitCode === null) {
		demo.kill('SIGTERM');
		await once(demo, 'exit');
	}
});

const messages = (kind) => lines.split('\n').slice(0, -1).filter((l) => l.split(' ')[0].endsWith(`/${kind}`)).map((l) => JSON.parse(l.slice(l.indexOf(' ') + 1)));
const number = (text) => Number(text.replace(/[\u202f,]/g, ''));
const column = (p, label, n) => p.locator(`[role=region][aria-label="${label}"] tbody tr[aria-rowindex]:not([hidden])`).evaluateAll((rows, i) => rows.map((r) => r.children[i].textContent), n);

// "28.5 Mbit/s" of bytes a second, by another way than the page's.
function bits(bytesPerSecond) {
	let v = bytesPerSecond * 8;
	for (const unit of ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s']) {
		if (v < 1000) return [v, unit];
		v /= 1000;
	}
	return [v, 'Tbit/s'];
}

test('figures on the page are those of the messages that a second subscriber got', async () => {
	const { p, complaints } = await b.page();
	const opened = Date.now();
	const last = () => messages('flow').at(-1)?.seq ?? 0;
	const earliest = last(); // the page's first batch comes after this one, ...
	await p.goto(address);
	await live(p);
	await until('a batch that the page has, too', async () => !/ 0 flow records/.test(await p.locator('footer').innerText()));
	const latest = last(); // ... and not after this one
	await until('the clients had a round', () => messages('flow').reduce((n, m) => n + m.records.length, 0) > 250, 120000);

	// Rates: of two readings of the books. The page may be one message ahead of us or behind: it must equal one of the last.
	await until('rates', async () => {
		const shown = [await tile(p, 'In'), await tile(p, 'Out')];
		const books = messages('iface').filter((m) => m.observer.interface.name === 'lan0');
		return [1, 2, 3].some((back) => {
			const [then, now] = books.slice(-back - 1, books.length - back + 1);
			if (!then || !now) return false;
			const s = (Date.parse(now.ts) - Date.parse(then.ts)) / 1000;
			return ['tx', 'rx'].every((dir, i) => {
				const [value, unit] = bits((now.weir.books[dir].seen.bytes - then.weir.books[dir].seen.bytes) / s);
				const got = /^(?:In|Out) ([\d.]+) (\S+)/.exec(shown[i]);
				return got && got[2] === unit && Math.abs(Number(got[1]) - value) <= Math.max(0.005 * value, 0.5);
			});
		});
	}, 60000);
	await until('active flows', async () => {
		const shown = /^Active flows (\S+)/.exec(await tile(p, 'Active flows'))[1];
		return messages('summary').slice(-3).some((m) => m.flows_live === number(shown));
	});

	// Round trips: histograms of the summaries of about the last minute, on the lan side.
	await until('round trips', async () => {
		const shown = { near: await tile(p, 'Round trip, near'), far: await tile(p, 'Round trip, far') };
		const since = Math.max(opened, Date.now() - 60000);
		const last_ = messages('summary').filter((m) => Date.parse(m.ts) > since - 5000);
		const oldest = last_.filter((m) => Date.parse(m.ts) < since + 5000).length; // any of these may be the page's first
		const text = (us) => (us < 1000 ? `${us} µs` : us < 1e6 ? `${+(us / 1000).toFixed(us < 1e4 ? 2 : 1)} ms` : `${us / 1e6} s`);
		const p50s = (side) => {
			const found = new Set();
			for (let from = 0; from <= oldest; from++)
				for (const to of [last_.length, last_.length - 1]) {
					const sum = new Map();
					for (const m of last_.slice(from, to))
						for (const e of m.tcp.ports.filter((x) => x.port === 'lan0'))
							(e[`rtt_${side}_buckets`] ?? []).forEach((n, i) => sum.set(e[`rtt_${side}_first_bucket`] + i, (sum.get(e[`rtt_${side}_first_bucket`] + i) ?? 0) + n));
					const all = [...sum.values()].reduce((a, n) => a + n, 0);
					let seen = 0;
					for (const g of [...sum.keys()].sort((a, z) => a - z)) {
						seen += sum.get(g);
						if (seen >= all / 2) {
							found.add(text(g < 2 ? g : Math.floor(Math.sqrt(g % 2 ? 3 : 1.5) * 2 ** Math.floor(g / 2))));
							break;
						}
					}
				}
			return found;
		};
		return ['near', 'far'].every((side) => [...p50s(side)].some((t) => shown[side].includes(`${t} median`)));
	}, 60000);
	for (const [title, word] of [['Counted', 'Every frame'], ['Books', 'Balance'], ['Lost', 'Nothing']])
		await until(`${title}: ${word}`, async () => (await p.locator('.honesty li', { has: p.locator('strong', { hasText: title }) }).innerText()).replace(/\s+/g, ' ').includes(`✓ ${word}`));

	// The flow table, paused, against the records up to the same batch.
	await show(p, 'flows');
	await p.getByRole('button', { name: 'Pause' }).click();
	await p.waitForTimeout(700);
	const rows = await p.locator('[aria-label="Flows"] table').getAttribute('aria-rowcount').then(Number) - 1;
	const keyOf = (r) => [r.source.ip, r.source.port, r.destination.ip, r.destination.port, r.network.iana_number, r.event.start].join();
	const records = messages('flow').flatMap((m) => m.records.filter((r) => r.observer.interface.name === 'lan0').map((r) => ({ seq: m.seq, key: keyOf(r), r })));
	const possible = new Set();
	for (let from = earliest; from <= latest; from++)
		for (let to = last() - 6; to <= last(); to++) possible.add(new Set(records.filter((x) => x.seq > from && x.seq <= to).map((x) => x.key)).size);
	assert.ok(possible.has(rows), `${rows} rows; by the messages one of ${[...possible]}`);
	const flows = new Map(records.filter((x) => x.seq > earliest).map((x) => [x.key, x]));
	await p.getByLabel('Filter').fill('name:h2.weir.test port:443 proto:tls');
	await until('filtered', async () => (await column(p, 'Flows', 0)).every((n) => n.endsWith('h2.weir.test')));
	const shown = await column(p, 'Flows', 0);
	assert.ok(shown.length > 0);
	const to = await column(p, 'Flows', 1);
	const into = await column(p, 'Flows', 5);
	let checked = 0;
	for (const f of flows.values()) { // flows that ended: their totals no longer change
		const at = to.findIndex((t) => t === (f.r.source.ip.includes(':') ? `[${f.r.source.ip}]` : f.r.source.ip) + `:${f.r.source.port}`);
		if (at < 0 || f.r.event.reason === 'active timeout') continue;
		const bytes = f.r.weir.totals.destination.bytes;
		const [value, unit] = into[at].split(' ');
		assert.ok(Math.abs(Number(value) * { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 }[unit] - bytes) <= 0.006 * bytes, `${to[at]}: ${into[at]}, in the messages ${bytes}`);
		checked++;
	}
	assert.ok(checked > 0, 'a flow that ended is among them');

	// Devices: the MACs of the lan side.
	await show(p, 'devices');
	const macs = new Set([...flows.values()].map((f) => f.r.source.mac ?? f.r.destination.mac).filter(Boolean));
	for (const mac of macs) await until(`device ${mac}`, async () => (await column(p, 'Devices', 1)).includes(mac));

	// Fleet: version and hooks as in the birth message.
	await show(p, 'fleet');
	const [birth] = messages('birth');
	await until('the gateway', async () => (await column(p, 'Gateways', 0)).join() === 'demo/gw');
	assert.deepEqual(await column(p, 'Gateways', 4), [birth.version]);
	assert.deepEqual(await column(p, 'Gateways', 6), [birth.ports.map((x) => `${x.name} ${x.rx_hook}/${x.tx_hook}`).join(', ')]);
	assert.match(await p.locator('footer').innerText(), / 0 missing/);
	assert.ok(!(await p.locator('footer summary').isVisible()), 'nothing refused');
	assert.deepEqual(complaints, []);
	console.log(`# ${rows} flows, ${checked} of them compared byte for byte, ${macs.size} devices`);
	await p.close();
}, { timeout: 280000 });
