#!/usr/bin/env node
// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * serve - the dashboard's server: the built page, and a bridge between its WebSocket and the broker's TCP port.
 *
 * Why not the broker's own WebSocket: mosquitto 2.0 writes 4 kB a turn of its loop there, and flow batches have 32 kB
 * (`npm run measure` shows it). The bridge copies bytes and reads none of them: user names, passwords and rights are
 * between page and broker. A reader that is slow slows its own connection down, nobody else's.
 */
import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { dirname, extname, join, relative, resolve, sep } from 'node:path';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { WebSocket, WebSocketServer } from 'ws';

const HERE = dirname(fileURLToPath(import.meta.url));
const PAGE = [join(HERE, 'page'), join(HERE, 'dist', 'page')].find((dir) => existsSync(dir)) ?? join(HERE, 'page');
const CLIENTS_MAX = 64; // each may keep QUEUE_MAX here
const QUEUE_MAX = 1 << 20; // bytes that wait for a page before the broker is no longer read
const FRAME_MAX = 1 << 16; // a page sends little: CONNECT, SUBSCRIBE, acknowledgements
const CONNECT_MS = 8000;
const PING_MS = 30000;

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };

const HELP = `usage: serve.js [option]...
  --broker URL     mqtt://127.0.0.1:1883 (default), mqtts://HOST:8883
  --ca FILE        CA of an mqtts broker; default: the system's
  --listen ADDR    127.0.0.1 (default): others reach it only through a proxy, or with an address of yours
  --port N         8088 (default); 0: any
  --cert FILE --key FILE   https and wss
  --page DIR       the built page (default: page or dist/page beside this file)
`;

function fail(text) {
	console.error(`serve: ${text}`);
	process.exit(1);
}

export function brokerOf(text) {
	let url;
	try {
		url = new URL(text);
	} catch {
		throw new Error(`broker "${text}" is no address; allowed: mqtt://HOST:PORT, mqtts://HOST:PORT`);
	}
	if (!['mqtt:', 'mqtts:'].includes(url.protocol) || !url.hostname || url.username || (url.pathname && url.pathname !== '/'))
		throw new Error(`broker "${text}": allowed: mqtt://HOST:PORT, mqtts://HOST:PORT`);
	const secure = url.protocol === 'mqtts:';
	return { secure, host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || (secure ? 8883 : 1883) };
}

// All files of the page, read once: no name from outside ever reaches the file system.
function load(dir) {
	const files = new Map();
	for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
		if (!entry.isFile()) continue;
		const path = join(entry.parentPath ?? entry.path, entry.name);
		const name = `/${relative(dir, path).split(sep).join('/')}`;
		files.set(name, { body: readFileSync(path), type: TYPES[extname(name)] ?? 'application/octet-stream' });
	}
	if (!files.has('/index.html')) throw new Error(`no index.html in "${dir}": make dashboard`);
	files.set('/', files.get('/index.html'));
	return files;
}

function headers(name, file) {
	return {
		'Content-Type': file.type,
		'Content-Length': file.body.length,
		'Cache-Control': name.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
		'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		'X-Content-Type-Options': 'nosniff',
		'Referrer-Policy': 'no-referrer',
		'Cross-Origin-Opener-Policy': 'same-origin',
	};
}

function answer(files, req, res) {
	const name = req.url.split('?')[0];
	const file = files.get(name);
	if (req.method !== 'GET' && req.method !== 'HEAD') {
		res.writeHead(405, { Allow: 'GET, HEAD' }).end();
	} else if (!file) {
		res.writeHead(404, { 'Content-Type': 'text/plain', 'X-Content-Type-Options': 'nosniff' }).end('not found\n');
	} else {
		res.writeHead(200, headers(name, file));
		res.end(req.method === 'HEAD' ? undefined : file.body);
	}
}

// One page, one connection to the broker.
function bridge(ws, broker) {
	const socket = broker.secure
		? tls.connect({ host: broker.host, port: broker.port, servername: net.isIP(broker.host) ? undefined : broker.host, ca: broker.ca })
		: net.connect({ host: broker.host, port: broker.port });
	let alive = true;
	let ended = false;
	const end = (code, why) => {
		if (ended) return;
		ended = true;
		clearTimeout(late);
		clearInterval(ping);
		socket.destroy();
		if (ws.readyState === WebSocket.OPEN) ws.close(code, why);
		setTimeout(() => ws.terminate(), 2000).unref();
	};
	const late = setTimeout(() => end(1013, 'broker does not answer'), CONNECT_MS);
	const ping = setInterval(() => {
		if (!alive) return end(1001, 'no answer');
		alive = false;
		return ws.ping();
	}, PING_MS);
	socket.setNoDelay(true);
	socket.once(broker.secure ? 'secureConnect' : 'connect', () => clearTimeout(late));
	socket.on('data', (bytes) => {
		ws.send(bytes, () => {
			if (socket.isPaused() && ws.bufferedAmount < QUEUE_MAX / 2) socket.resume();
		});
		if (ws.bufferedAmount > QUEUE_MAX) socket.pause();
	});
	socket.on('error', (err) => end(1013, `broker: ${err.code ?? 'error'}`));
	socket.on('close', () => end(1013, 'broker closed'));
	socket.on('drain', () => ws.resume());
	ws.on('message', (bytes, isBinary) => {
		if (!isBinary) return end(1003, 'binary frames only');
		if (!socket.write(bytes)) ws.pause();
		return undefined;
	});
	ws.on('pong', () => (alive = true));
	ws.on('error', () => end(1002, 'bad frame'));
	ws.on('close', () => end());
}

// A page of somebody else's may not use the bridge in its reader's name.
function sameOrigin(req) {
	if (!req.headers.origin) return true; // no browser
	try {
		return new URL(req.headers.origin).host === req.headers.host;
	} catch {
		return false;
	}
}

// {server, close()} once it listens.
export function serve({ page, broker, listen = '127.0.0.1', port = 0, cert, key }) {
	const files = load(page);
	const server = cert ? https.createServer({ cert, key }, (req, res) => answer(files, req, res)) : http.createServer((req, res) => answer(files, req, res));
	const sockets = new WebSocketServer({
		noServer: true, maxPayload: FRAME_MAX, perMessageDeflate: false,
		handleProtocols: (names) => (names.has('mqtt') ? 'mqtt' : false),
	});
	server.on('upgrade', (req, socket, head) => {
		const refuse = (status) => socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
		socket.on('error', () => socket.destroy());
		if (req.url.split('?')[0] !== '/mqtt') return refuse('404 Not Found');
		if (!sameOrigin(req)) return refuse('403 Forbidden');
		if (sockets.clients.size >= CLIENTS_MAX) return refuse('503 Service Unavailable');
		return sockets.handleUpgrade(req, socket, head, (ws) => bridge(ws, broker));
	});
	return new Promise((done, failed) => {
		server.once('error', failed);
		server.listen(port, listen, () => done({
			server, port: server.address().port,
			close() {
				for (const ws of sockets.clients) ws.terminate();
				server.close();
				server.closeAllConnections();
			},
		}));
	});
}

async function main() {
	let values;
	try {
		({ values } = parseArgs({ options: {
			broker: { type: 'string', default: 'mqtt://127.0.0.1:1883' }, ca: { type: 'string' }, listen: { type: 'string', default: '127.0.0.1' },
			port: { type: 'string', default: '8088' }, cert: { type: 'string' }, key: { type: 'string' }, page: { type: 'string', default: PAGE },
			help: { type: 'boolean' },
		} }));
	} catch (err) {
		fail(`${err.message}\n${HELP}`);
	}
	if (values.help) return console.log(HELP);
	const port = Number(values.port);
	if (!Number.isInteger(port) || port < 0 || port > 65535) fail(`port "${values.port}": allowed: 0 to 65535`);
	if (!values.cert !== !values.key) fail('--cert and --key belong together');
	try {
		const broker = brokerOf(values.broker);
		const file = (name) => name && readFileSync(name);
		broker.ca = file(values.ca);
		const s = await serve({ page: resolve(values.page), broker, listen: values.listen, port, cert: file(values.cert), key: file(values.key) });
		const host = values.listen.includes(':') ? `[${values.listen}]` : values.listen;
		console.log(`dashboard: ${values.cert ? 'https' : 'http'}://${host}:${s.port}/`);
		for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => (s.close(), process.exit(0)));
	} catch (err) {
		fail(err.message);
	}
	return undefined;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
