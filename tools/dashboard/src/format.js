// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// format - figures and times as people read them. Unknown is a dash, never 0.

export const NONE = '–';
const known = (n) => typeof n === 'number' && Number.isFinite(n);

// Three significant digits at least, none made up.
function digits(n) {
	const a = Math.abs(n);
	return n.toFixed(a >= 100 || Number.isInteger(n) ? 0 : a >= 10 ? 1 : 2);
}

function scaled(n, step, units) {
	let i = 0;
	while (Math.abs(n) >= step && i < units.length - 1) {
		n /= step;
		i++;
	}
	if (Math.abs(n) >= 999.5 && i < units.length - 1) { // 999.7 k is 1.00 M
		n /= step;
		i++;
	}
	return [i ? digits(n) : Number.isInteger(n) ? String(n) : digits(n), units[i]];
}

const BYTES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
const BITS = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s', 'Pbit/s'];
const COUNTS = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

export const bytes = (n) => (known(n) ? scaled(n, 1000, BYTES).join(' ') : NONE);
export const bitrate = (n) => (known(n) ? scaled(n * 8, 1000, BITS).join(' ') : NONE); // of bytes a second
export const bitrateParts = (n) => (known(n) ? scaled(n * 8, 1000, BITS) : [NONE, '']);
export const short = (n) => (known(n) ? (n < 10000 && Number.isInteger(n) ? whole(n) : scaled(n, 1000, COUNTS).join('')) : NONE);

// 12 345, with thin spaces; above 2^53 it says that it is about.
export function whole(n) {
	if (!known(n)) return NONE;
	if (Math.abs(n) > Number.MAX_SAFE_INTEGER) return `~${n.toExponential(2)}`;
	return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

export function micros(us) {
	return microsParts(us).join(' ').trim();
}

export function microsParts(us) {
	if (!known(us)) return [NONE, ''];
	if (us < 1000) return [digits(us), 'µs'];
	if (us < 1e6) return [digits(us / 1000), 'ms'];
	return [digits(us / 1e6), 's'];
}

export function percent(part, all) {
	if (!known(part) || !known(all) || all <= 0) return NONE;
	const p = (100 * part) / all;
	if (p === 0 || p === 100) return `${p} %`;
	// never rounded to a whole that it is not
	return p < 0.01 ? '<0.01 %' : p > 99.99 ? '>99.99 %' : `${p < 10 ? p.toFixed(2) : p < 99 ? p.toFixed(1) : p.toFixed(2)} %`;
}

export function span(ms) {
	if (!known(ms)) return NONE;
	const s = Math.round(ms / 1000);
	if (s < 120) return `${s} s`;
	if (s < 7200) return `${Math.floor(s / 60)} min${s % 60 && s < 600 ? ` ${s % 60} s` : ''}`;
	if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
	return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export const ago = (then, now) => (known(then) ? `${span(Math.max(0, now - then))} ago` : NONE);

const two = (n) => String(n).padStart(2, '0');

// Local time of the reader; the date only where it is not today's.
export function clock(ms, now) {
	if (!known(ms) || Math.abs(ms) > 8.64e15) return NONE;
	const d = new Date(ms);
	const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} `;
	const is_today = known(now) && new Date(now).toDateString() === d.toDateString();
	return `${is_today ? '' : day}${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

// 192.0.2.1:443, [2001:db8::1]:443
export function end(ip, port) {
	if (ip === undefined) return NONE;
	if (port === undefined) return ip;
	return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
