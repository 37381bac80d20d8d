// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// connect - the connection to the broker, by mqtt.js over a WebSocket. It tries again for ever, with a random wait that
// grows, but for a wrong password: that it says, and stops. Each try is a client of its own: nothing is carried over.
//
// QoS 1: the broker bounds what it keeps for a slow reader. MQTT 3.1.1: every broker has it.
import mqtt from 'mqtt';

const WAIT_MIN_MS = 500;
const WAIT_MAX_MS = 15000;
const TIMEOUT_MS = 8000;
const KEEPALIVE_S = 20;

// CONNACK return codes, MQTT 3.1.1 3.2.2.3. Those that another try does not mend:
const REFUSALS = { 1: 'the broker does not speak MQTT 3.1.1', 2: 'the broker refuses the client id', 4: 'wrong user name or password', 5: 'not authorised' };
const MAY_READ_NOTHING = 'this user may not read what the gateways send';

// say({phase: 'connecting' | 'connected' | 'waiting' | 'refused', why, nextMs}); hear(topic, payload, retained).
export function connect({ url, root, username, password, say, hear }) {
	let failures = 0;
	let timer;
	let client;

	function attempt() {
		let why;
		let over = false;
		const me = mqtt.connect(url, {
			protocolVersion: 4, clean: true, keepalive: KEEPALIVE_S, connectTimeout: TIMEOUT_MS, reconnectPeriod: 0,
			username: username || undefined, password: password || undefined,
			clientId: `weir-dash-${Math.random().toString(36).slice(2, 12)}`,
			timerVariant: 'native', // the other ones make a worker from a blob, which the page's policy forbids
		});
		client = me;

		function end(phase, text) {
			if (over) return;
			over = true;
			me.end(true);
			if (phase === 'refused') return say({ phase, why: text });
			const most = Math.min(WAIT_MAX_MS, WAIT_MIN_MS * 2 ** Math.min(++failures, 8));
			const nextMs = Math.round(WAIT_MIN_MS + Math.random() * (most - WAIT_MIN_MS));
			timer = setTimeout(attempt, nextMs);
			return say({ phase, why: text, nextMs });
		}

		me.on('connect', () => {
			me.subscribe(`${root}/v1/+/+/+`, { qos: 1 }, (err, granted) => {
				if (over) return;
				if (granted?.some((g) => g.qos > 2)) end('refused', MAY_READ_NOTHING);
				else if (err) me.connected && end('refused', MAY_READ_NOTHING); // gone again: the next try asks again
				else failures = 0;
			});
			say({ phase: 'connected' });
		});
		me.on('message', (topic, payload, packet) => over || hear(topic, payload, packet.retain));
		me.on('error', (err) => {
			if (REFUSALS[err.code]) end('refused', REFUSALS[err.code]);
			else why = 'the broker cannot be reached';
		});
		me.on('close', () => end('waiting', why ?? 'the connection to the broker ended'));
		say({ phase: 'connecting' });
	}

	attempt();
	return {
		end() {
			clearTimeout(timer);
			client.removeAllListeners('close');
			client.on('error', () => {});
			client.end(true);
		},
	};
}
