// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// read - takes values out of parsed JSON that anybody may have sent. What is not of the kind asked for is undefined.
// Keys that come from outside go into a Map, never into an object.

export const TEXT_MAX = 256; // characters kept of a text: RFC 1035 names have 255

// Controls, and characters that turn or hide what stands beside them, become visible.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const escape = (c) => `\\u{${c.charCodeAt(0).toString(16)}}`;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

// A copy: slice() alone would keep all of a long text in memory.
const cut = (value) => decoder.decode(encoder.encode(value.slice(0, TEXT_MAX - 1))) + '…';

export function text(value) {
	if (typeof value !== 'string') return undefined;
	const short = value.length > TEXT_MAX ? cut(value) : value;
	return short.search(UNSEEN) < 0 ? short : short.replace(UNSEEN, escape);
}

export function object(value) {
	return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : undefined;
}

export function list(value, most) {
	return Array.isArray(value) ? value.slice(0, most) : [];
}

// at(record, 'source', 'ip'): own properties only.
export function at(value, ...path) {
	for (const key of path) {
		if (!object(value) || !Object.hasOwn(value, key)) return undefined;
		value = value[key];
	}
	return value;
}

export const textAt = (value, ...path) => text(at(value, ...path));

// A count: 0 or more, finite.
export function count(value) {
	return typeof value === 'number' && value >= 0 && value < Infinity ? value : undefined;
}

export const countAt = (value, ...path) => count(at(value, ...path));

// A signed number.
export function number(value) {
	return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

// A port: 0 to 65535.
export function port(value) {
	return Number.isInteger(value) && value >= 0 && value <= 65535 ? value : undefined;
}

// UTC as Weir writes it -> milliseconds since 1970.
export function time(value) {
	if (typeof value !== 'string' || value.length > 40) return undefined;
	const ms = Date.parse(value);
	return Number.isNaN(ms) ? undefined : ms;
}

export const timeAt = (value, ...path) => time(at(value, ...path));
