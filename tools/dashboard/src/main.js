// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// main - joins connection, store and screens. Messages go into the store as they come; the page is drawn from it at most
// four times a second, and only the screen in sight.
//
// Behind the # of the address: a screen (#top), or what to begin with: #root=weir&user=NAME&password=WORD&view=top. User
// and password are taken out of the address bar at once and kept for this tab; servers never see what is behind a #.
import './style.css';
import { connect } from './connect.js';
import { newScope } from './scope.js';
import { newStore, take } from './store/store.js';
import { newTheme } from './theme.js';
import { devices } from './views/devices.js';
import { fleet } from './views/fleet.js';
import { flows } from './views/flows.js';
import { frame } from './views/frame.js';
import { now as nowView } from './views/now.js';
import { signin } from './views/signin.js';
import { top } from './views/top.js';
import { trouble } from './views/trouble.js';

const REDRAW_MS = 250;
const KEY = 'weir.session';

const opened = Date.now();
const store = newStore();
const scope = newScope();
const views = [nowView(), top(), devices(), trouble(), flows(), fleet()];
const GAPS_MAX = 50;
const connection = { phase: 'connecting', since: undefined, gaps: [] }; // gaps: when it was away, {from, to}
let view = views[0];
let link;

function kept() {
	try {
		return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
	} catch {
		return {};
	}
}

function keep(values) {
	try {
		sessionStorage.setItem(KEY, JSON.stringify(values));
	} catch { /* no storage: asked again next time */ }
}

// Reads the part behind the #; what is not for the eye goes into the session.
function readAddress() {
	const behind = location.hash.slice(1);
	if (!behind.includes('=')) return behind;
	const given = new URLSearchParams(behind);
	const session = { ...kept() };
	for (const name of ['user', 'password', 'root']) if (given.has(name)) session[name] = given.get(name);
	keep(session);
	const id = given.get('view') ?? views[0].id;
	history.replaceState(null, '', `#${id}`);
	return id;
}

const theme = newTheme(() => {
	for (const v of views) v.retheme?.();
	draw();
});
const page = frame({ views, theme, scope, onscope: draw, onview: (id) => (location.hash = id) });
const form = signin((user, password) => {
	keep({ ...kept(), user, password });
	open();
});

function show(id) {
	view = views.find((v) => v.id === id) ?? views[0];
	page.show(view.id);
	page.main.replaceChildren(view.root);
	document.title = `Weir: ${view.title}`;
	draw();
}

function open() {
	link?.end();
	const { user, password, root = 'weir' } = kept();
	const url = new URL('mqtt', location.href);
	url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
	url.hash = '';
	connection.phase = 'connecting';
	show(view.id);
	link = connect({
		url: url.href, root, username: user, password,
		say({ phase, why, nextMs }) {
			if (connection.phase === 'connected' && phase !== 'connected') connection.since = Date.now();
			if (phase === 'connected' && connection.since) {
				connection.gaps = [...connection.gaps.slice(1 - GAPS_MAX), { from: connection.since, to: Date.now() }];
				connection.since = undefined;
			}
			Object.assign(connection, { phase, why: why ?? (phase === 'connected' ? undefined : connection.why), nextMs, at: Date.now() });
			if (phase === 'refused') {
				page.main.replaceChildren(form.root);
				form.ask(why);
			}
			draw();
		},
		hear: (topic, payload, retained) => take(store, topic, payload, Date.now(), retained),
	});
}

let asked = false;
function draw() {
	if (asked || document.hidden) return;
	asked = true;
	requestAnimationFrame(() => {
		asked = false;
		const { since, gaps } = connection;
		page.draw({ store, connection, now: Date.now(), opened });
		// without a connection time stands still: what is not known does not go to 0
		if (view.root.isConnected) view.draw({ store, scope, now: since ?? Date.now(), opened, gaps });
	});
}

document.getElementById('app').append(page.root);
addEventListener('hashchange', () => {
	const asks = location.hash.includes('=');
	const id = readAddress();
	if (connection.phase !== 'refused') show(id);
	if (asks) open();
});
document.addEventListener('visibilitychange', draw);
view = views.find((v) => v.id === readAddress()) ?? views[0];
open();
setInterval(draw, REDRAW_MS);
