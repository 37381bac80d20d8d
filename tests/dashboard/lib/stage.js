// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// stage - a real mosquitto, the dashboard's server, a publisher and a headless Chromium, for one test file.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brokerOf, serve } from '../../../tools/dashboard/serve.js';

const require = createRequire(new URL('../../../tools/dashboard/package.json', import.meta.url));
const mqtt = require('mqtt');
const { chromium } = require('playwright-core');

export const PAGE = join(process.env.B ?? 'build', 'dashboard/page');
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Waits for a condition, not for a time.
export async function until(what, ask, limitMs = 30000) {
	const end = Date.now() + limitMs;
	let last;
	for (;;) {
		last = await ask();
		if (last) return last;
		if (Date.now() > end) throw new Error(`not within ${limitMs} ms: ${what}; last: ${JSON.stringify(last)}`);
		await sleep(50);
	}
}

export async function freePort() {
	const s = net.createServer().listen(0, '127.0.0.1');
	await once(s, 'listening');
	const { port } = s.address();
	s.close();
	await once(s, 'close');
	return port;
}

const answers = (port) => new Promise((done) => {
	const s = net.connect(port, '127.0.0.1', () => (s.destroy(), done(true)));
	s.on('error', () => done(false));
});

// A mosquitto: MQTT on .port; on .wsPort its own WebSocket, and its web server over @page. Users gw (writes), dash (reads).
export class Broker {
	constructor() {
		this.dir = mkdtempSync(join(tmpdir(), 'weir-dash-'));
		chmodSync(this.dir, 0o755);
	}

	async start(page = this.dir) {
		this.port ??= await freePort();
		this.wsPort ??= await freePort();
		const file = (name, text) => (writeFileSync(join(this.dir, name), text), chmodSync(join(this.dir, name), 0o644), join(this.dir, name));
		spawnSync('mosquitto_passwd', ['-b', '-c', join(this.dir, 'passwd'), 'gw', 'gw-secret']);
		spawnSync('mosquitto_passwd', ['-b', join(this.dir, 'passwd'), 'dash', 'dash-secret']);
		chmodSync(join(this.dir, 'passwd'), 0o644);
		const acl = file('acl', 'user gw\ntopic write weir/v1/#\nuser dash\ntopic read weir/v1/#\n');
		const conf = file('conf', `per_listener_settings false\nuser nobody\npersistence false\nallow_anonymous false\npassword_file ${this.dir}/passwd\nacl_file ${acl}\nlog_dest stderr
listener ${this.port} 127.0.0.1\nprotocol mqtt\nlistener ${this.wsPort} 127.0.0.1\nsocket_domain ipv4\nprotocol websockets\nhttp_dir ${page}\n`);
		this.child = spawn('mosquitto', ['-c', conf], { stdio: 'ignore' });
		await until('mosquitto answers', () => answers(this.port));
	}

	async stop() {
		if (!this.child) return;
		const gone = once(this.child, 'exit');
		this.child.kill('SIGTERM');
		await gone;
		this.child = undefined;
	}

	async end() {
		await this.stop();
		rmSync(this.dir, { recursive: true, force: true });
	}

	async publisher() {
		const client = mqtt.connect(`mqtt://127.0.0.1:${this.port}`, { username: 'gw', password: 'gw-secret', protocolVersion: 4, reconnectPeriod: 200 });
		client.on('error', () => {});
		await once(client, 'connect');
		return {
			client,
			say: (kind, message, { gw = 'lab/gw', retain = false } = {}) =>
				client.publishAsync(`weir/v1/${gw}/${kind}`, typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message), { qos: 1, retain }),
		};
	}
}

export const server = (broker) => serve({ page: PAGE, broker: brokerOf(`mqtt://127.0.0.1:${broker.port}`) });

export async function browser() {
	const b = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
	return {
		// A page, and what it complained of: errors, refusals of its policy, and messages on its console.
		async page(options = {}) {
			const p = await b.newPage({ viewport: { width: 1360, height: 900 }, ...options });
			const complaints = [];
			p.on('pageerror', (e) => complaints.push(String(e.stack ?? e)));
			p.on('console', (m) => ['error', 'warning'].includes(m.type()) && complaints.push(m.text()));
			return { p, complaints };
		},
		end: () => b.close(),
	};
}

export const signed = (port, view = 'now') => `http://127.0.0.1:${port}/#user=dash&password=dash-secret&view=${view}`;
export const VIEWS = ['now', 'top', 'devices', 'trouble', 'flows', 'fleet'];

export async function show(p, view) {
	await p.evaluate((v) => {
		location.hash = v;
	}, view);
	await p.waitForFunction((v) => document.title.toLowerCase() === `weir: ${v}`, view);
}

export const live = (p) => p.locator('header .badge', { hasText: 'Live' }).waitFor();
// Text of a tile: "In 8 Mbit/s books, over 10 s".
export const tile = async (p, name) => (await p.locator(`section.tile[aria-label="${name}"]`).innerText()).replace(/\s+/g, ' ');
