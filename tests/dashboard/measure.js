// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// measure - which way to the page: mosquitto's own WebSocket, or serve.js' bridge? Flow batches of 32 kB (40 records of 800
// bytes) to one subscriber over either, for SECONDS (5) each; what of it arrived meanwhile, and how late. `npm run measure`.
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brokerOf, serve } from '../../tools/dashboard/serve.js';
import { Broker, sleep } from './lib/stage.js';

const mqtt = createRequire(new URL('../../tools/dashboard/package.json', import.meta.url))('mqtt');
const SECONDS = Number(process.env.SECONDS ?? 5);
const RATES = (process.env.RATES ?? '100 1000 5000 30000').split(' ').map(Number);
const RECORDS = 40;
const FILL = 'x'.repeat(RECORDS * 800 - 20);

const broker = new Broker();
await broker.start();
const dir = mkdtempSync(join(tmpdir(), 'weir-dash-'));
mkdirSync(join(dir, 'page'));
writeFileSync(join(dir, 'page/index.html'), '');
const s = await serve({ page: join(dir, 'page'), broker: brokerOf(`mqtt://127.0.0.1:${broker.port}`) });
const pub = await broker.publisher();

async function run(url, rate) {
	const sub = mqtt.connect(url, { username: 'dash', password: 'dash-secret', protocolVersion: 4, reconnectPeriod: 0 });
	await once(sub, 'connect');
	await sub.subscribeAsync('weir/v1/+/+/+', { qos: 1 });
	const late = [];
	const end = Date.now() + SECONDS * 1000;
	sub.on('message', (topic, payload) => {
		const now = Date.now();
		if (now <= end) late.push(now - Number(payload.toString('latin1', 0, 13)));
	});
	const started = Date.now();
	let sent = 0;
	while (Date.now() < end) {
		const due = Math.floor(((Date.now() - started) / 1000) * (rate / RECORDS)) + 1;
		for (; sent < due; sent++) pub.client.publish('weir/v1/lab/gw/flow', Date.now() + FILL, { qos: 0 });
		await sleep(2);
	}
	sub.end(true);
	late.sort((a, b) => a - b);
	const got = Math.round((late.length * RECORDS) / SECONDS);
	return [rate, Math.round((sent * RECORDS) / SECONDS), got, late.length ? late[late.length >> 1] : '-', late.length ? late.at(-1) : '-'];
}

const line = (cells) => console.log(cells.map((c, i) => (i ? String(c).padStart(12) : String(c).padEnd(20))).join(''));
line(['path', 'asked rec/s', 'sent', 'got', 'late p50 ms', 'max ms']);
for (const [name, url] of [['mosquitto WebSocket', `ws://127.0.0.1:${broker.wsPort}/mqtt`], ['bridge of serve.js', `ws://127.0.0.1:${s.port}/mqtt`]])
	for (const rate of RATES) {
		line([name, ...(await run(url, rate))]);
		await sleep(1000);
	}
pub.client.end(true);
s.close();
await broker.end();
rmSync(dir, { recursive: true });
