// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// server - what serve.js hands out, and that its bridge copies bytes, bounds what it keeps, and refuses strangers.
import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import http from 'node:http';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { brokerOf, serve } from '../../tools/dashboard/serve.js';

const { WebSocket } = createRequire(new URL('../../tools/dashboard/package.json', import.meta.url))('ws');
const dir = mkdtempSync(join(tmpdir(), 'weir-dash-'));
let s;
let broker; // a TCP server: hands its sockets to whoever waits
let brokerPort;

before(async () => {
	mkdirSync(join(dir, 'page/assets'), { recursive: true });
	writeFileSync(join(dir, 'page/index.html'), '<!doctype html>');
	writeFileSync(join(dir, 'page/assets/a.js'), '1');
	writeFileSync(join(dir, 'secret'), 'secret');
	broker = net.createServer();
	broker.listen(0, '127.0.0.1');
	await once(broker, 'listening');
	brokerPort = broker.address().port;
	s = await serve({ page: join(dir, 'page'), broker: brokerOf(`mqtt://127.0.0.1:${brokerPort}`) });
});
after(() => {
	s.close();
	broker.close();
	rmSync(dir, { recursive: true });
});

// Not fetch(): that mends paths.
function get(path, method = 'GET') {
	return new Promise((done, failed) => {
		const req = http.request({ host: '127.0.0.1', port: s.port, path, method }, (res) => {
			let body = '';
			res.on('data', (d) => (body += d)).on('end', () => done({ status: res.statusCode, headers: res.headers, body }));
		});
		req.on('error', failed).end();
	});
}

async function open(options = {}, path = '/mqtt') {
	const accepted = once(broker, 'connection');
	const ws = new WebSocket(`ws://127.0.0.1:${s.port}${path}`, ['mqtt'], options);
	const closed = new Promise((done) => ws.on('close', (code, why) => done([code, String(why)])));
	ws.on('error', () => {});
	await once(ws, 'open');
	const [socket] = await accepted;
	socket.on('error', () => {});
	return { ws, socket, closed };
}

test('files: types, policy, no sniffing; nothing beside the page', async () => {
	const page = await get('/');
	assert.equal(page.status, 200);
	assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
	assert.match(page.headers['content-security-policy'], /default-src 'none'.*frame-ancestors 'none'/);
	assert.equal(page.headers['x-content-type-options'], 'nosniff');
	const script = await get('/assets/a.js?x=1');
	assert.deepEqual([script.status, script.headers['content-type'], script.body], [200, 'text/javascript; charset=utf-8', '1']);
	assert.match(script.headers['cache-control'], /immutable/);
	assert.equal((await get('/', 'HEAD')).body, '');
	assert.equal((await get('/', 'POST')).status, 405);
	for (const path of ['/../secret', '/..%2fsecret', '/assets/../../secret', '//etc/passwd', '/assets', '/nothing', '/__proto__'])
		assert.equal((await get(path)).status, 404, path);
});

test('bridge: bytes both ways, whole, with the subprotocol', async () => {
	const { ws, socket } = await open();
	assert.equal(ws.protocol, 'mqtt');
	ws.send(Buffer.from([0x10, 0, 255]));
	assert.deepEqual([...(await once(socket, 'data'))[0]], [0x10, 0, 255]);
	const big = Buffer.alloc(3e6, 7);
	let got = 0;
	const all = new Promise((done) => ws.on('message', (d) => (got += d.length) === big.length && done()));
	socket.write(big);
	await all;
	ws.close();
	await once(socket, 'close');
});

test('bridge: a page that does not read stops its broker connection, at about a megabyte', async () => {
	const { ws, socket } = await open();
	ws.pause();
	const chunk = Buffer.alloc(1 << 16);
	let sent = 0;
	let stuck = 0;
	while (stuck < 20 && sent < 64e6) { // kernels keep some megabytes, too
		if (socket.write(chunk)) stuck = 0;
		else stuck++;
		sent += chunk.length;
		await new Promise((done) => setTimeout(done, 2));
		if (!socket.writableNeedDrain) stuck = 0;
	}
	assert.ok(sent < 64e6, `stopped after ${sent} bytes`);
	let got = 0;
	const all = new Promise((done) => ws.on('message', (d) => (got += d.length) >= sent && done()));
	ws.resume();
	await all;
	assert.equal(got, sent);
	ws.terminate();
});

test('bridge: the broker ends, the page hears why; the page ends, the broker hears', async () => {
	const first = await open();
	first.socket.destroy();
	assert.deepEqual(await first.closed, [1013, 'broker closed']);
	const second = await open();
	second.ws.terminate();
	await once(second.socket, 'close');
});

test('bridge: a page of somebody else, another path, a text frame, a frame too long: refused', async () => {
	const status = (path, origin) => new Promise((done) => {
		const ws = new WebSocket(`ws://127.0.0.1:${s.port}${path}`, ['mqtt'], { origin });
		ws.on('unexpected-response', (req, res) => done(res.statusCode)).on('error', () => {}).on('open', () => (done(101), ws.terminate()));
	});
	assert.equal(await status('/mqtt', 'http://evil.example'), 403);
	assert.equal(await status('/mqtt', 'null'), 403);
	assert.equal(await status('/other', undefined), 404);
	assert.equal(await status('/mqtt', `http://127.0.0.1:${s.port}`), 101);
	const text = await open();
	text.ws.send('text');
	assert.equal((await text.closed)[0], 1003);
	const long = await open();
	long.ws.send(Buffer.alloc(70000));
	assert.ok([1009, 1006, 1002].includes((await long.closed)[0]));
});

test('bridge: no broker there', async () => {
	const none = net.createServer().listen(0, '127.0.0.1');
	await once(none, 'listening');
	const { port } = none.address();
	none.close();
	await once(none, 'close');
	const other = await serve({ page: join(dir, 'page'), broker: brokerOf(`mqtt://127.0.0.1:${port}`) });
	const ws = new WebSocket(`ws://127.0.0.1:${other.port}/mqtt`, ['mqtt']);
	const [code, why] = await once(ws, 'close');
	assert.deepEqual([code, String(why)], [1013, 'broker: ECONNREFUSED']);
	other.close();
});

test('broker addresses: what is wrong is quoted', () => {
	assert.deepEqual(brokerOf('mqtts://[::1]'), { secure: true, host: '::1', port: 8883 });
	for (const wrong of ['', 'x', 'http://h', 'mqtt://', 'mqtt://u:p@h', 'mqtt://h/path'])
		assert.throws(() => brokerOf(wrong), (err) => err.message.includes(`"${wrong}"`) && /mqtts:\/\/HOST:PORT/.test(err.message), wrong);
});
