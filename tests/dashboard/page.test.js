// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// page - the built page in Chromium, against a real mosquitto and a publisher that the test writes the lines of.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as make from './lib/make.js';
import { Broker, browser, live, PAGE, server, show, signed, tile, until, VIEWS } from './lib/stage.js';

const broker = new Broker();
let s;
let b;
let pub;

before(async () => {
	await broker.start(PAGE);
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

const T = () => Date.now();
const foot = (p) => p.locator('footer').innerText();
const rowCount = async (p, label) => Number(await p.locator(`[role=region][aria-label="${label}"] table`).getAttribute('aria-rowcount')) - 1;
const column = (p, label, n) => p.locator(`[role=region][aria-label="${label}"] tbody tr[aria-rowindex]:not([hidden])`).evaluateAll((rows, i) => rows.map((r) => r.children[i].textContent), n);
const chip = async (p, title) => (await p.locator('.honesty li', { has: p.locator('strong', { hasText: title }) }).innerText()).replace(/\s+/g, ' ');

// A gateway that has said all it can.
async function speak(gw = 'lab/gw', at = T(), more = {}) {
	await pub.say('birth', make.birth(), { gw, retain: true });
	await pub.say('state', '{"state":"online"}', { gw, retain: true });
	for (const [t, rx, tx] of [[at - 10000, [1000, 1e6], [1000, 1e6]], [at, [2000, 2.25e6], [3000, 11e6]]])
		for (const [name, role] of [['lan0', 'lan'], ['wan0', 'wan']])
			await pub.say('iface', make.iface(name, role, { at: t, ...(role === 'lan' ? { rx, tx } : { rx: tx, tx: rx }) }), { gw });
	await pub.say('summary', make.summary({ at, live: 1234, ports: [make.tcpPort('lan0'), make.tcpPort('wan0', { rtt_near_first_bucket: 30 })], ...more.summary }), { gw });
	await pub.say('health', make.health({ at, ...more.health }), { gw });
}

test('figures of all screens are those of the messages', async () => {
	const { p, complaints } = await b.page();
	await p.goto(signed(s.port));
	await live(p);
	assert.equal(await p.evaluate(() => location.hash), '#now'); // the password is gone from the address
	await speak();
	const now = T();
	await pub.say('device', make.device());
	await pub.say('event', make.event('table_full', { at: now }));
	await pub.say('flow', make.batch([
		make.record({ name: 'www.example.org', start: now, bytes: [1000, 9000], weir: { tcp: make.tcp({ resent: 3, far: { count: 2, p50: 1254, p95: 1254, first_bucket: 20, buckets: [2] } }) } }),
		make.record({ name: 'www.example.org', start: now, sport: 2, bytes: [100, 900], tls: { next_protocol: 'h2' } }),
		make.record({ name: 'www.example.org', start: now, iface: 'wan0', role: 'wan' }),
		make.record({ name: 'refused.example', start: now, sport: 3, bytes: [60, 54], weir: { tcp: { state: 'reset', failure: 'refused', reset: 'destination' } } }),
	], { epoch: now }));
	await until('four records', async () => /4 flow records/.test(await foot(p)));
	await until('tiles', async () => /8 Mbit/.test(await tile(p, 'In')));
	assert.match(await tile(p, 'In'), /^In 8 Mbit\/s books, over 10 s/); // lan0's tx: 10 MB in 10 s
	assert.match(await tile(p, 'Out'), /^Out 1 Mbit\/s/);
	assert.match(await tile(p, 'Active flows'), /^Active flows 1.234 on all ports, 100 % of ended ones named/);
	assert.match(await tile(p, 'Round trip, near'), /19 µs median; p95 27 µs/);
	assert.match(await tile(p, 'Round trip, far'), /1.25 ms median/);
	for (const [title, word] of [['Counted', 'Every frame'], ['Books', 'Balance'], ['Lost', 'Nothing'], ['Named', '100 %'], ['Clock', 'In step']])
		assert.match(await chip(p, title), new RegExp(`${title} ✓ ${word}`));
	assert.deepEqual(await column(p, 'Ports', 0), ['lan0', 'wan0']);
	assert.deepEqual(await column(p, 'Ports', 3), ['1 Mbit/s', '8 Mbit/s']);

	await show(p, 'top');
	await until('two names', async () => (await column(p, 'Highest', 0)).length === 2);
	assert.deepEqual(await column(p, 'Highest', 0), ['www.example.org', 'refused.example']);
	assert.deepEqual(await column(p, 'Highest', 2), ['11 kB', '114 B']);
	await p.getByLabel('and', { exact: true }).selectOption('port');
	await p.getByLabel('Group by').selectOption('device');
	await until('by device and port', async () => (await column(p, 'Highest', 0))[0] === 'printer (02-00-00-00-00-01)');
	assert.equal((await column(p, 'Highest', 1))[0], 'tcp/443');
	await p.getByLabel('Side').selectOption('role:wan');
	await until('the wan side alone', async () => (await column(p, 'Highest', 3))[0] === '10 kB');
	await p.getByLabel('Side').selectOption('role:lan');

	await show(p, 'devices');
	await until('one device', async () => (await column(p, 'Devices', 0)).join() === 'printer');
	await p.locator('tr', { hasText: 'printer' }).click();
	await p.getByRole('heading', { name: 'printer' }).waitFor();
	await until('whom it talks to', async () => (await column(p, 'Whom it talks to', 0))[0] === 'www.example.org');
	assert.match(await p.locator('.facts').first().innerText(), /Example/);

	await show(p, 'trouble');
	await until('failures', async () => /^Connections failed 1 no answer 0, refused 1/.test(await tile(p, 'Connections failed')));
	assert.match(await tile(p, 'Sent again'), /3 of 22 segments/);
	assert.match((await column(p, 'Events', 1))[0], /flow table full/);
	assert.deepEqual(await column(p, 'Worst', 1), ['3 (13.6 %)']);

	await show(p, 'flows');
	await until('three flows', async () => (await rowCount(p, 'Flows')) === 3);
	await p.keyboard.press('/');
	await p.keyboard.type('name:example.org alpn:h2');
	await until('filtered', async () => (await rowCount(p, 'Flows')) === 1);
	await p.getByLabel('Filter').fill('nme:x');
	assert.match(await p.locator('.error').innerText(), /"nme:x": no such field/);
	await p.getByLabel('Filter').fill('');
	await p.getByRole('button', { name: 'In', exact: true }).click();
	await until('by bytes', async () => (await column(p, 'Flows', 5)).join() === '9 kB,900 B,54 B');
	await p.getByRole('button', { name: 'In', exact: true }).click();
	await until('the other way', async () => (await column(p, 'Flows', 5)).join() === '54 B,900 B,9 kB');
	await p.getByRole('button', { name: 'Pause' }).click();
	await pub.say('flow', make.batch([make.record({ sport: 77, start: now })], { epoch: now, seq: 2 }));
	await until('fifth record', async () => /5 flow records/.test(await foot(p)));
	assert.equal(await rowCount(p, 'Flows'), 3);
	await p.getByRole('button', { name: 'Go on' }).click();
	await until('going on', async () => (await rowCount(p, 'Flows')) === 4);

	await speak('lab/gw2', T(), { health: { clock: 'unsynced', counters: { 'export.lost_records': 5 } } });
	await show(p, 'fleet');
	await until('two gateways', async () => (await rowCount(p, 'Gateways')) === 2);
	assert.deepEqual(await column(p, 'Gateways', 1), ['Online', 'Online']);
	await p.locator('tr', { hasText: 'lab/gw2' }).click();
	await until('ledger', async () => (await column(p, 'Loss ledger', 0))[0] === 'export.lost_records');
	await pub.say('state', '{"state":"offline"}', { gw: 'lab/gw2', retain: true });
	await until('offline', async () => (await column(p, 'Gateways', 1))[1] === 'Offline');
	await show(p, 'now');
	await until('who is offline is in no sum', async () => /over 10 s, 1 of 2 ports/.test(await tile(p, 'In')) && /1 of 2 gateways/.test(await tile(p, 'Active flows')));
	assert.match(await tile(p, 'In'), /^In 8 Mbit/);
	await until('the worst of both', async () => /✕ Something is lab\/gw2: export.lost_records 5/.test(await chip(p, 'Lost')));
	await p.getByLabel('Gateway', { exact: true }).selectOption('lab/gw');
	await until('one gateway', async () => /✓ Nothing/.test(await chip(p, 'Lost')));
	assert.deepEqual(complaints, []);
	await p.close();
});

test('hostile messages: counted, shown as text, and nothing else happens', async () => {
	const { p, complaints } = await b.page();
	await p.addInitScript(() => {
		window.hacked = 0;
	});
	await p.goto(signed(s.port, 'flows'));
	await live(p);
	const evil = '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">';
	const long = 'n'.repeat(100000);
	const gw = 'evil/<b>gw';
	const now = T();
	const nul = 'nul\u0000\u202eright\u200b';
	await pub.say('birth', make.birth([{ name: evil, role: 'lan', rx_hook: evil, tx_hook: evil, reason: evil }]), { gw });
	const good = [evil, long, nul, '"><style>*{display:none}</style>', 'javascript:alert(1)', '{{7*7}}', '__proto__'];
	await pub.say('flow', make.batch(good.map((name, i) => make.record({ name, sport: i, start: now, network: { protocol: evil, transport: evil, iana_number: '6' }, tls: { next_protocol: evil } })), { epoch: now }), { gw });
	const huge = JSON.stringify(make.record({ name: 'huge', sport: 99, start: now })).replace('"bytes":1000', '"bytes":1e308');
	const infinite = JSON.stringify(make.record({ name: 'infinite', sport: 98, start: now })).replace('"bytes":9000', '"bytes":1e999');
	await pub.say('flow', JSON.stringify(make.batch(['H', 'I'], { epoch: now, seq: 2 })).replace('"H"', huge).replace('"I"', infinite), { gw });
	await pub.say('device', make.device({ name: evil, mac: evil, vendor: evil }), { gw });
	await pub.say('event', { ...make.event(evil, { iface: evil, direction: evil }) }, { gw });
	await pub.say('health', make.health({ counters: { [evil]: 5, __proto__: 1 }, spool: { [evil]: 3 } }), { gw });
	await pub.say('summary', make.summary({ live: 1e300, ports: [{ port: evil, rtt_near_count: 1e300, rtt_near_first_bucket: 1, rtt_near_buckets: [1e300] }] }), { gw });
	await pub.say('iface', make.iface(evil, 'lan', { rx: [1e300, 1e300], tx: [1, 1] }), { gw });
	for (const wrong of ['{', '', '[1]', 'null', '{"schema":"x"}', Buffer.from([0xff, 0xfe, 0, 1, 2]), `{"a":${'['.repeat(100000)}`, ' '.repeat(1200000)])
		await pub.say('flow', wrong, { gw });
	await pub.say('state', '{"state":"<b>"}', { gw });
	await pub.say('flow', make.batch([null, 'x', { source: evil }], { epoch: now, seq: 3 }), { gw });
	await pub.say('flow', make.batch([make.record({ name: 'the.last.one', sport: 100, start: now })], { epoch: now, seq: 4 }), { gw });

	await p.getByLabel('Gateway', { exact: true }).selectOption(gw);
	await until('the last one', async () => (await p.getByRole('rowheader', { name: 'the.last.one' }).count()) > 0);
	const names = await column(p, 'Flows', 0);
	assert.ok(names.includes(evil));
	assert.ok(names.includes('nul\\u{0}\\u{202e}right\\u{200b}'));
	assert.ok(names.includes('huge'));
	assert.ok(names.some((n) => n.length === 256 && n.startsWith('nnn') && n.endsWith('…')));
	assert.equal(names.length, good.length + 2);
	for (const reason of [/not JSON 4/, /not an object 2/, /schema 1/, /too long 1/, /state 1/, /flow record 4/]) assert.match(await foot(p), reason);
	await p.locator('footer summary').click();
	await until('what was refused', async () => (await p.locator('footer li').count()) >= 12);
	for (const view of VIEWS) {
		await show(p, view);
		await p.waitForTimeout(600);
		const rows = p.locator('main tr[role=button]:not([hidden])');
		if (await rows.count()) await rows.first().click();
		await p.waitForTimeout(600);
		const found = await p.evaluate(() => ({
			hacked: window.hacked, made: document.querySelectorAll('main script, main img, main style, main b, main iframe, footer img').length,
			text: document.body.innerText.length,
		}));
		assert.deepEqual([found.hacked, found.made, found.text > 100], [0, 0, true], view);
		assert.ok(await p.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${view}: wider than the window`);
	}
	assert.deepEqual(complaints, []);
	await p.close();
});

test('a wrong password: says so and asks; the right one goes on', async () => {
	const { p, complaints } = await b.page();
	await p.goto(`http://127.0.0.1:${s.port}/#user=dash&password=wrong`);
	await p.getByText('The broker refused: ').waitFor();
	assert.match(await p.locator('.signin .why').innerText(), /not authorised|wrong user name/);
	await p.getByLabel('User name').fill('dash');
	await p.getByLabel('Password').fill('dash-secret');
	await p.keyboard.press('Enter');
	await live(p);
	await p.reload(); // kept for this tab
	await live(p);
	assert.deepEqual(complaints, []);
	await p.close();
});

test('the broker goes and comes: the page says so, keeps its figures, and goes on', async () => {
	const { p } = await b.page();
	await p.goto(signed(s.port));
	await live(p);
	await speak('lab/again', T());
	await p.getByLabel('Gateway', { exact: true }).selectOption('lab/again');
	await until('figures', async () => /8 Mbit/.test(await tile(p, 'In')));
	const epoch = T();
	await pub.say('flow', make.batch([make.record({ start: epoch })], { epoch, seq: 1 }), { gw: 'lab/again' });
	await until('a record', async () => /; 0 missing/.test(await foot(p)) && !/ 0 flow records/.test(await foot(p)));
	await broker.stop();
	await p.locator('.banner', { hasText: 'Not connected' }).waitFor();
	assert.match(await p.locator('.banner').innerText(), /Figures stand as of \d\d:\d\d:\d\d/);
	assert.match(await tile(p, 'In'), /8 Mbit/);
	await broker.start(PAGE);
	await live(p);
	await p.locator('.banner').waitFor({ state: 'hidden' });
	await pub.say('birth', make.birth(), { gw: 'lab/again', retain: true });
	await pub.say('flow', make.batch([make.record({ sport: 4, start: epoch })], { epoch, seq: 3 }), { gw: 'lab/again' });
	await until('the gap', async () => /; 1 missing/.test(await foot(p)));
	await until('is told', async () => /! Not all came here batches that did not reach this page 1/.test(await chip(p, 'Lost')));
	await p.close();
});

test('keyboard alone reaches all, every control has a name', async () => {
	const { p, complaints } = await b.page();
	await p.goto(signed(s.port));
	await live(p);
	await speak('lab/keys');
	await pub.say('device', make.device(), { gw: 'lab/keys' });
	for (const [i, view] of VIEWS.entries()) {
		await p.keyboard.press(String(i + 1));
		await p.waitForFunction((v) => document.title === `Weir: ${v[0].toUpperCase()}${v.slice(1)}`, view);
		assert.equal(await p.locator('nav [aria-current=page]').innerText(), `${view[0].toUpperCase()}${view.slice(1)}`);
		const unnamed = await p.evaluate(() => [...document.querySelectorAll('button, select, input, a, [role=region], [role=img], table, section.tile')].filter((el) =>
			!(el.getAttribute('aria-label') || el.innerText?.trim() || el.labels?.length || el.caption || el.closest('label'))).map((el) => el.outerHTML.slice(0, 120)));
		assert.deepEqual(unnamed, [], view);
	}
	await p.keyboard.press('3');
	await p.waitForFunction(() => document.title === 'Weir: Devices');
	await p.locator('tr[role=button]').first().waitFor();
	let at = '';
	for (let i = 0; i < 40 && at !== 'TR'; i++) {
		await p.keyboard.press('Tab');
		at = await p.evaluate(() => document.activeElement.tagName);
	}
	assert.equal(at, 'TR');
	await p.keyboard.press('Enter');
	await p.locator('.detail dl').first().waitFor();
	await p.getByRole('button', { name: 'Colours: auto. Change' }).focus();
	await p.keyboard.press('Enter');
	assert.equal(await p.evaluate(() => document.documentElement.dataset.theme), 'light');
	await p.keyboard.press('Enter');
	assert.equal(await p.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(14, 20, 27)');
	assert.deepEqual(complaints, []);
	await p.close();
});

test('a phone of 360 px: no screen is wider than the glass', async () => {
	const { p, complaints } = await b.page({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
	await p.goto(signed(s.port));
	await live(p);
	await speak('lab/phone');
	await pub.say('device', make.device(), { gw: 'lab/phone' });
	const epoch = T();
	await pub.say('flow', make.batch(Array.from({ length: 80 }, (_, i) => make.record({ name: `a-rather-long-name.of-a-host${i}.example.org`, sport: i, start: epoch })), { epoch }), { gw: 'lab/phone' });
	for (const view of VIEWS) {
		await show(p, view);
		const rows = p.locator('main tr[role=button]:not([hidden])');
		if (view === 'devices') await rows.first().waitFor();
		if (await rows.count()) await rows.first().click();
		await p.waitForTimeout(500);
		const wide = await p.evaluate(() => ({
			page: document.documentElement.scrollWidth, heads: [...document.querySelectorAll('.scroll')].filter((x) => x.clientWidth && x.scrollWidth > x.clientWidth + 1).map((x) => x.getAttribute('aria-label')),
			names: [...document.querySelectorAll('.scroll tbody th')].filter((x) => x.offsetParent && x.clientWidth < 60).map((x) => x.textContent),
		}));
		assert.deepEqual(wide, { page: 360, heads: [], names: [] }, view);
	}
	assert.deepEqual(complaints, []);
	await p.close();
});

test("mosquitto's own web server, which sends no content types, and its WebSocket do, too", async () => {
	const head = await fetch(`http://127.0.0.1:${broker.wsPort}/index.html`);
	assert.equal(head.headers.get('content-type'), null);
	const { p, complaints } = await b.page();
	await p.goto(`http://127.0.0.1:${broker.wsPort}/#user=dash&password=dash-secret`);
	await live(p);
	await speak('lab/plain');
	await p.getByLabel('Gateway', { exact: true }).selectOption('lab/plain');
	await until('figures', async () => /8 Mbit/.test(await tile(p, 'In')));
	assert.equal(await p.evaluate(() => getComputedStyle(document.querySelector('.tiles')).display), 'grid'); // the style sheet is there
	assert.deepEqual(complaints, []);
	await p.close();
});
