// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// load - RATE (1000) flows a second for SECONDS (10) on the screens that draw most: every record arrives and none is refused.
// Frame times and long tasks (over 50 ms) are printed, not judged: they are the machine's as well.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as make from './lib/make.js';
import { Broker, browser, live, server, show, signed, sleep, until } from './lib/stage.js';

const RATE = Number(process.env.RATE ?? 1000);
const SECONDS = Number(process.env.SECONDS ?? 10);
const BATCH = 40; // records: about 32 kB, as the gateway closes its batches
const broker = new Broker();
let s;
let b;
let pub;

before(async () => {
	await broker.start();
	s = await server(broker);
	b = await browser();
	pub = await broker.publisher();
});
after(async () => {
	await b?.end();
	pub?.client.end(true);
	s?.close();
	await broker.end();
});

let seq = 0;
const epoch = Date.now();

// New flows, of 500 names and 200 devices, with the fields of a real record of TLS over TCP.
function batchNow() {
	const now = Date.now();
	return make.batch(Array.from({ length: BATCH }, (_, i) => {
		const n = seq * BATCH + i;
		return make.record({
			name: `host${n % 500}.example.org`, start: now, sport: 1024 + (n % 60000), mac: `02-00-00-00-00-${(n % 200).toString(16).padStart(2, '0')}`,
			src: `192.0.2.${n % 200}`, bytes: [n % 5000, n % 90000],
			tls: { version: '1.3', client: { server_name: `host${n % 500}.example.org`, alpn: ['h2', 'http/1.1'], ja4: 't13d1516h2_8daaf6152771_e5627efa2ab1' } },
			weir: { tcp: make.tcp({ resent: n % 7 ? 0 : 1, near: { count: 9, p50: 300, p95: 627, first_bucket: 12, buckets: [1, 2, 3, 0, 1, 2] }, far: { count: 5, p50: 20000, first_bucket: 26, buckets: [2, 1, 0, 2] } }) },
		});
	}), { epoch, seq: ++seq });
}

const watch = (p) => p.evaluate(() => {
	window.frames_ = [];
	window.long_ = [];
	let last = performance.now();
	const tick = (t) => {
		window.frames_.push(t - last);
		last = t;
		window.raf_ = requestAnimationFrame(tick);
	};
	window.raf_ = requestAnimationFrame(tick);
	window.observer_ = new PerformanceObserver((l) => window.long_.push(...l.getEntries().map((e) => e.duration)));
	window.observer_.observe({ entryTypes: ['longtask'] });
});

const watched = (p) => p.evaluate(() => {
	cancelAnimationFrame(window.raf_);
	window.observer_.disconnect();
	const f = window.frames_.slice(2).sort((a, z) => a - z);
	return { frames: f.length, p50: f[f.length >> 1], p99: f[Math.floor(f.length * 0.99)], max: f.at(-1), long: window.long_.length, longest: Math.max(0, ...window.long_), heap: performance.memory.usedJSHeapSize / 1e6 };
});

for (const view of ['now', 'top', 'flows'])
	test(`${RATE} flows/s for ${SECONDS} s on screen ${view}: all of them arrive`, async () => {
		const { p, complaints } = await b.page();
		await p.goto(signed(s.port, view));
		await live(p);
		await show(p, view);
		await sleep(1000);
		await watch(p);
		const started = Date.now();
		const all = Math.ceil((RATE * SECONDS) / BATCH);
		for (let sent = 0; sent < all;) {
			const due = Math.min(all, Math.floor(((Date.now() - started) / 1000) * (RATE / BATCH)) + 1);
			const wait = [];
			for (; sent < due; sent++) wait.push(pub.say('flow', batchNow()));
			await Promise.all(wait);
			await sleep(5);
		}
		const took = (Date.now() - started) / 1000;
		const want = `${all * BATCH}`.replace(/\B(?=(\d{3})+$)/g, '\u202f');
		await until('all records', async () => (await p.locator('footer').innerText()).includes(`${want} flow records`), 60000);
		const seen = await watched(p);
		const ms = (n) => n.toFixed(1);
		console.log(`# ${view}: ${all * BATCH} records in ${took.toFixed(1)} s; frame p50 ${ms(seen.p50)} p99 ${ms(seen.p99)} max ${ms(seen.max)} ms (${seen.frames} frames); long tasks ${seen.long}, longest ${ms(seen.longest)} ms; heap ${ms(seen.heap)} MB`);
		assert.match(await p.locator('footer').innerText(), /; 0 came twice; 0 missing/);
		assert.ok(!(await p.locator('footer summary').isVisible()), 'nothing refused');
		assert.deepEqual(complaints, []);
		await p.close();
	});
