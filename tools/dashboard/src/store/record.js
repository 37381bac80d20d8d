// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// record - one flow record (weir help records) -> a row of the flow table. Pure. What is no flow record is undefined.
//
// "In" is towards the site, "out" away from it. What is behind a lan port is the site, what is behind a wan port is
// not. Which end is behind the port is told by its MAC; without one the initiator is taken to be inside.
import { at, count, countAt, list, port, text, textAt, timeAt } from '../read.js';
import { samplesOf } from '../histogram.js';

const ALPN_MOST = 4;
const both = (tcp, name) => (countAt(tcp, name, 'source') ?? 0) + (countAt(tcp, name, 'destination') ?? 0);

function rtt(of, side) {
	const r = at(of, 'rtt_us', side);
	const samples = samplesOf(at(r, 'count'), at(r, 'first_bucket'), at(r, 'buckets'));
	return samples && { samples, p50: countAt(r, 'p50'), p95: countAt(r, 'p95') };
}

function alpn(tls) {
	const selected = textAt(tls, 'next_protocol');
	if (selected) return selected;
	const offered = list(at(tls, 'client', 'alpn'), ALPN_MOST).map(text).filter(Boolean);
	return offered.length ? `offers ${offered.join(', ')}` : undefined;
}

// An address and a port, no more: a name of 100 kB is none.
const ADDRESS = /^[0-9A-Za-z:.%/_-]{1,64}$/;

export function readRecord(r, gateway, now) {
	const src = textAt(r, 'source', 'ip');
	const dst = textAt(r, 'destination', 'ip');
	const start = timeAt(r, 'event', 'start');
	const bytes = [countAt(r, 'source', 'bytes'), countAt(r, 'destination', 'bytes')];
	const packets = [countAt(r, 'source', 'packets'), countAt(r, 'destination', 'packets')];
	if (!ADDRESS.test(src) || !ADDRESS.test(dst) || start === undefined || [...bytes, ...packets].includes(undefined))
		return undefined;

	const iface = textAt(r, 'observer', 'interface', 'name') ?? '';
	const role = textAt(r, 'weir', 'role') ?? '';
	const sport = port(at(r, 'source', 'port'));
	const dport = port(at(r, 'destination', 'port'));
	const srcMac = textAt(r, 'source', 'mac');
	const dstMac = textAt(r, 'destination', 'mac');
	const iana = textAt(r, 'network', 'iana_number') ?? '?';
	const vlan = textAt(r, 'network', 'vlan', 'id');
	const sourceBehind = srcMac !== undefined || dstMac === undefined;
	const sourceInside = role === 'wan' && (srcMac ?? dstMac) !== undefined ? !sourceBehind : sourceBehind;
	const [out, into] = sourceInside ? bytes : [bytes[1], bytes[0]];
	const tcp = at(r, 'weir', 'tcp');
	const dns = at(r, 'weir', 'dns');
	const answered = countAt(r, 'weir', 'totals', 'destination', 'packets') ?? packets[1];
	const total = (side) => countAt(r, 'weir', 'totals', side, 'bytes');
	const totals = [total('source') ?? bytes[0], total('destination') ?? bytes[1]];
	const totalPackets = countAt(r, 'weir', 'totals', 'source', 'packets');

	return {
		key: [gateway, iface, iana, src, sport, dst, dport, vlan, start].join('|'),
		gateway, iface, role, at: now, start,
		ended: textAt(r, 'event', 'reason') !== 'active timeout',
		reason: textAt(r, 'event', 'reason'),
		end: timeAt(r, 'event', 'end'),
		transport: textAt(r, 'network', 'transport') ?? iana,
		proto: textAt(r, 'network', 'protocol'),
		name: textAt(r, 'destination', 'domain') ?? textAt(r, 'tls', 'client', 'server_name'),
		question: textAt(r, 'dns', 'question', 'name'),
		status: textAt(r, 'weir', 'name_status'),
		nameSource: textAt(r, 'weir', 'name_source'),
		confidence: textAt(r, 'weir', 'name_confidence'),
		alpn: alpn(at(r, 'tls')),
		src, sport, dst, dport, vlan,
		inside: sourceInside ? src : dst,
		mac: role === 'wan' ? undefined : srcMac ?? dstMac,
		in: into, out, packets: packets[0] + packets[1],
		totalIn: totals[sourceInside ? 1 : 0], totalOut: totals[sourceInside ? 0 : 1],
		first: totalPackets === undefined || totalPackets === packets[0],
		near: rtt(tcp, 'near'), far: rtt(tcp, 'far'),
		measured: at(tcp, 'retransmits') !== undefined,
		resent: both(tcp, 'retransmits'), lost: both(tcp, 'lost_before'), unordered: both(tcp, 'out_of_order'),
		state: textAt(tcp, 'state'), failure: textAt(tcp, 'failure'), reset: textAt(tcp, 'state') === 'reset' ? textAt(tcp, 'reset') : undefined, // not what follows a close
		firstByte: countAt(r, 'weir', 'http', 'first_byte'),
		dns: dns && {
			queries: countAt(dns, 'queries') ?? 0, answers: countAt(dns, 'answers') ?? 0,
			mean: countAt(dns, 'response_time', 'mean'), max: countAt(dns, 'response_time', 'max'),
			code: textAt(r, 'dns', 'response_code'), back: answered,
		},
	};
}

// What this record adds to what was known of its flow (@before: the flow's last row, or undefined). Counters of TCP and DNS
// count from the flow's beginning: of a flow that began before this page did, the first value is only a base.
export function delta(row, before) {
	const base = before ?? (row.first ? undefined : row);
	const grown = (now, then) => Math.max(0, now - (base ? then(base) ?? 0 : 0));
	const answers = row.dns ? grown(row.dns.answers, (b) => b.dns?.answers) : 0;
	return {
		at: row.at, gateway: row.gateway, iface: row.iface, role: row.role,
		name: row.name, mac: row.mac, inside: row.inside, alpn: row.alpn,
		proto: row.proto ?? row.transport, port: row.dport, transport: row.transport,
		in: row.in, out: row.out, packets: row.packets, flows: before ? 0 : 1,
		near: row.near?.samples, far: row.far?.samples, measured: row.measured ? row.packets : 0,
		resent: grown(row.resent, (b) => b.resent), lost: grown(row.lost, (b) => b.lost),
		unordered: grown(row.unordered, (b) => b.unordered),
		reset: row.reset && !base?.reset ? 1 : 0,
		failure: row.failure && !base?.failure ? row.failure : undefined,
		dns: row.dns && row.proto === 'dns' ? {
			answers, mean: answers ? row.dns.mean : undefined,
			max: answers && row.dns.max !== base?.dns?.max ? row.dns.max : undefined,
			failed: answers && row.dns.code && row.dns.code !== 'NOERROR' ? 1 : 0,
			// what came back without being matched to its query was an answer all the same
			unanswered: row.ended ? Math.max(0, row.dns.queries - Math.max(row.dns.answers, row.dns.back)) : 0,
		} : undefined,
	};
}
