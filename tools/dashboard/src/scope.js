// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// scope - what the two pickers choose: gateways, and which side of them. A forwarded connection is in the records of both
// ports that it crosses, so one side is looked at, never the sum.

export const ALL = '';

export const newScope = () => ({ gateway: ALL, port: undefined });

export const gatewaysIn = (store, scope) =>
	scope.gateway === ALL ? [...store.gateways.values()] : [store.gateways.get(scope.gateway)].filter(Boolean);

// "role:lan" first, where there is one: it shows who is inside. Then by port.
export function portChoices(store, scope) {
	const roles = new Set();
	const ports = new Set();
	for (const gw of gatewaysIn(store, scope))
		for (const p of gw.ports.values()) {
			if (p.role) roles.add(p.role);
			ports.add(p.name);
		}
	const order = (role) => (role === 'lan' ? 0 : role === 'wan' ? 1 : 2);
	const byRole = [...roles].sort((a, b) => order(a) - order(b) || (a < b ? -1 : 1)).map((r) => `role:${r}`);
	return [...byRole, ...[...ports].sort().map((n) => `port:${n}`)].map((c) => [c, sideName(c)]);
}

export const sideName = (choice) => (choice.startsWith('role:') ? `${choice.slice(5)} side` : `port ${choice.slice(5)}`);

export const chosenPort = (store, scope) => scope.port ?? portChoices(store, scope)[0]?.[0] ?? 'role:lan';

// @choice -> a question to role and name of a port. Made once a look: it is asked of every record.
export function sideOf(choice) {
	const what = choice.slice(5);
	return choice.startsWith('role:') ? (role) => role === what : (role, name) => name === what;
}

export const portsIn = (store, scope) => {
	const is = sideOf(chosenPort(store, scope));
	return gatewaysIn(store, scope).flatMap((gw) => [...gw.ports.values()].filter((p) => is(p.role, p.name)).map((p) => ({ gw, p })));
};

// In and out of the site, out of rx and tx of a port: behind a wan port is the world.
export const inOut = (role, { rx, tx }) => (role === 'wan' ? { in: rx, out: tx } : { in: tx, out: rx });
