// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// devices - who is behind the ports: from messages of class device, and from the MACs of flow records.
import { at, list, textAt, timeAt } from '../read.js';

export const DEVICES_MAX = 2000; // the one heard of longest ago goes; about 1 kB each and 2 kB of activity
const ADDRESSES_MAX = 16;
export const BIN_MS = 30000;
export const BINS = 60; // half an hour of activity

const idOf = (gateway, mac) => `${gateway}|${mac}`;

function get(devices, gateway, mac, start) {
	const id = idOf(gateway, mac);
	let d = devices.map.get(id);
	if (d) {
		devices.map.delete(id); // to the young end
	} else {
		if (devices.map.size >= DEVICES_MAX) {
			devices.map.delete(devices.map.keys().next().value);
			devices.forgotten++;
		}
		d = {
			id, gateway, mac, addresses: new Map(), name: undefined, vendor: undefined, iface: '', first: start, last: start, told: false,
			in: 0, out: 0, bin: 0, bins: new Float64Array(2 * BINS), changes: [],
		};
	}
	devices.map.set(id, d);
	return d;
}

export const newDevices = () => ({ map: new Map(), forgotten: 0 });
export const findDevice = (devices, gateway, mac) => devices.map.get(idOf(gateway, mac));

function address(d, ip, source, last) {
	if (!d.addresses.has(ip) && d.addresses.size >= ADDRESSES_MAX) d.addresses.delete(d.addresses.keys().next().value);
	d.addresses.set(ip, { source, last });
}

// What differs from what was known, in words: the timeline of the device.
function changed(d, what, now) {
	d.changes.push({ at: now, what });
	if (d.changes.length > 50) d.changes.shift();
}

export function takeDevice(devices, gateway, m, now) {
	const mac = textAt(m, 'host', 'mac');
	const about = at(m, 'weir', 'device');
	if (!mac || !about) return 'device';
	const d = get(devices, gateway, mac, now);
	const name = textAt(m, 'host', 'name');
	if (!d.told) changed(d, 'told of by the gateway', timeAt(about, 'last_seen') ?? now);
	if (d.told && name !== d.name) changed(d, `name: ${d.name ?? 'none'} → ${name ?? 'none'}`, now);
	for (const a of list(at(about, 'addresses'), ADDRESSES_MAX)) {
		const ip = textAt(a, 'ip');
		if (!ip) continue;
		if (d.told && !d.addresses.has(ip)) changed(d, `new address ${ip}`, now);
		address(d, ip, textAt(a, 'source'), timeAt(a, 'last_seen'));
	}
	Object.assign(d, {
		told: true, name, nameSource: textAt(about, 'name_source'), vendor: textAt(about, 'vendor'), vendorClass: textAt(about, 'vendor_class'),
		iface: textAt(m, 'observer', 'interface', 'name') ?? d.iface, vlan: textAt(m, 'observer', 'vlan', 'id'),
		first: timeAt(about, 'first_seen') ?? d.first, last: Math.max(timeAt(about, 'last_seen') ?? 0, d.last ?? 0),
		local: at(about, 'locally_administered') === true,
	});
	return undefined;
}

// Moves the window of activity on to @now.
export function turn(d, now) {
	const bin = Math.floor(now / BIN_MS);
	for (let b = Math.max(d.bin + 1, bin - BINS + 1); b <= bin; b++) d.bins[2 * (b % BINS)] = d.bins[2 * (b % BINS) + 1] = 0;
	d.bin = Math.max(d.bin, bin);
}

export function takeTraffic(devices, row) {
	if (!row.mac) return;
	const d = get(devices, row.gateway, row.mac, row.start);
	if (!d.told) d.first = Math.min(d.first ?? row.start, row.start);
	d.iface = d.iface || row.iface;
	d.last = Math.max(d.last ?? 0, row.end ?? row.start);
	if (!d.addresses.has(row.inside)) address(d, row.inside, 'flow', row.end);
	turn(d, row.at);
	const i = 2 * (Math.floor(row.at / BIN_MS) % BINS);
	d.bins[i] += row.in;
	d.bins[i + 1] += row.out;
	d.in += row.in;
	d.out += row.out;
}

// What people call it.
export const labelOf = (d) => d?.name ?? d?.vendor ?? undefined;
