// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// make - messages as a gateway publishes them, for the tests.

export const T0 = Date.UTC(2026, 10, 25, 12, 0, 0);
export const iso = (ms) => `${new Date(ms).toISOString().slice(0, -1)}000Z`;

// One flow record on a lan port; @more is merged over it, by top-level part.
export function record({ start = T0, sport = 50000, dport = 443, bytes = [1000, 9000], packets = [10, 12], total, name, iface = 'lan0', role = 'lan', ended = true, mac = '02-00-00-00-00-01', src = '192.0.2.10', dst = '203.0.113.7', ...more } = {}) {
	const mine = role === 'wan' ? { destination: { mac: '02-00-00-00-00-99' } } : { source: { mac } };
	const totals = total ?? { packets, bytes };
	const r = {
		event: { start: iso(start), end: iso(start + 1000), duration: 1e9, reason: ended ? 'end of flow detected' : 'active timeout' },
		source: { ip: src, port: sport, packets: packets[0], bytes: bytes[0], ...mine.source },
		destination: { ...(name === undefined ? {} : { domain: name }), ip: dst, port: dport, packets: packets[1], bytes: bytes[1], ...mine.destination },
		network: { type: 'ipv4', transport: 'tcp', iana_number: '6', protocol: 'tls', packets: packets[0] + packets[1], bytes: bytes[0] + bytes[1] },
		observer: { interface: { name: iface } },
		weir: {
			role, hook: 'tcx', name_status: name === undefined ? 'no_sni' : 'ok', end_reason: 3,
			totals: { source: { packets: totals.packets[0], bytes: totals.bytes[0] }, destination: { packets: totals.packets[1], bytes: totals.bytes[1] } },
		},
	};
	for (const [part, value] of Object.entries(more)) r[part] = { ...r[part], ...value };
	return r;
}

export const tcp = ({ resent = 0, lost = 0, state = 'closed', near, far, ...more } = {}) => ({
	state, retransmits: { source: resent, destination: 0 }, lost_before: { source: lost, destination: 0 }, out_of_order: { source: 0, destination: 0 },
	rtt_us: { ...(near && { near }), ...(far && { far }) }, ...more,
});

export const batch = (records, { epoch = 1, seq = 1, lost = { batches: 0, records: 0 }, clock = 'synced', ...more } = {}) => ({
	schema: 'weir.flow/1', gateway: 'gw', site: 'lab', boot_id: 'b', epoch, seq, ts: iso(T0), clock, historical: false, lost, records, ...more,
});

export const birth = (ports = [{ name: 'lan0', role: 'lan', rx_hook: 'tcx', tx_hook: 'tcx' }, { name: 'wan0', role: 'wan', rx_hook: 'xdp', tx_hook: 'tcx' }]) => ({
	schema: 'weir.birth/1', gateway: 'gw', site: 'lab', ts: iso(T0), version: '0.1.0', boot_id: 'b', epoch: T0 * 1000, abi: 4, slots: 65536, ports,
});

export const summary = ({ at = T0, live = 7, ports = [], ...more } = {}) => ({
	schema: 'weir.summary/1', gateway: 'gw', site: 'lab', ts: iso(at), interval_ms: 10000, records: 3, flows_ended: 2, packets: 10, bytes: 1000,
	flows_live: live, flows_nameable: 4, flows_named: 4, tcp: { ports, names: [], devices: [] }, ...more,
});

// Buckets 8 and 9: [16, 24) and [24, 32) us.
export const tcpPort = (port, more = {}) => ({
	port, connections: 2, no_answer: 0, refused: 0, reset_in_handshake: 0, packets_near: 100, retransmits_near: 1, lost_before_near: 0, packets_far: 100,
	retransmits_far: 0, lost_before_far: 0, rtt_near_count: 4, rtt_near_p50_us: 19, rtt_near_first_bucket: 8, rtt_near_buckets: [3, 1],
	rtt_far_count: 2, rtt_far_first_bucket: 20, rtt_far_buckets: [2], ...more,
});

const tally = (frames, bytes) => ({ frames, bytes });

// Books of one port that balance; @off frames are missing.
export function iface(name, role, { at = T0, rx = [1000, 1e6], tx = [500, 5e5], off = 0, classes = {}, residual, ...more } = {}) {
	const side = ([frames, bytes]) => {
		const classed = Object.values(classes).reduce((a, c) => a + c, 0);
		return {
			seen: tally(frames, bytes), flows: tally(frames - classed - off - 10, bytes - classed * 100 - off * 100 - 1000), in_table: tally(10, 1000),
			classes: Object.fromEntries(['arp', 'not_ip', 'short', 'table_full', 'error'].map((c) => [c, tally(classes[c] ?? 0, (classes[c] ?? 0) * 100)])),
		};
	};
	const rest = (r) => ({ frames: 0, bytes: 0, reasons: {}, unexplained: tally(r ?? 0, 0), possible: r ? ['bypass'] : [] });
	return {
		schema: 'weir.iface/1', gateway: 'gw', site: 'lab', ts: iso(at), observer: { interface: { name } },
		weir: { role, rx_hook: 'tcx', tx_hook: 'tcx', flow_offload: 'none', up: true, books: { rx: side(rx), tx: side(tx) }, residual: { rx: rest(residual), tx: rest() }, ...more },
	};
}

export const health = ({ at = T0, clock = 'synced', counters = {}, ...more } = {}) => ({
	schema: 'weir.health/1', gateway: 'gw', site: 'lab', ts: iso(at), version: '0.1.0', uptime_s: 90, clock, clock_steps: 0, restarts: { agent: 0, uplink: 0 },
	broker: { host: 'b', port: 1883, connected: true, unacked_messages: 0, unacked_bytes: 0 }, flow_table: { slots: 65536, live: 4, ending: 0 },
	flow_offload: { mode: 'none' }, name_status: { ok: 4 }, counters: { 'copy_sent': 5, 'export.lost_records': 0, ...counters }, ...more,
});

export const device = ({ mac = '02-00-00-00-00-01', name = 'printer', ip = '192.0.2.10', ...more } = {}) => ({
	schema: 'weir.device/1', gateway: 'gw', site: 'lab', ts: iso(T0), host: { mac, ip: [ip], name }, observer: { interface: { name: 'lan0' } },
	weir: { device: { vendor: 'Example', name_source: 'dhcp', first_seen: iso(T0 - 60000), last_seen: iso(T0), locally_administered: false, addresses: [{ ip, source: 'arp', last_seen: iso(T0) }], ...more } },
});

export const event = (action, { iface: name = 'lan0', direction = 'rx', at = T0 } = {}) => ({
	schema: 'weir.event/1', gateway: 'gw', site: 'lab', ts: iso(at), event: { action }, observer: { interface: { name } }, weir: { direction },
});
