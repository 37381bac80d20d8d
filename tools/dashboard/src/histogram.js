// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// histogram - round-trip times by half octaves, as in summary.tcp and flow records (fw/enrich/rtt.c, histogram.c).
// Grid number 2k is [2^k, 1.5 * 2^k) microseconds, 2k + 1 the rest of the octave.
import { count } from './read.js';

export const BUCKETS = 64;

// What a bucket stands for: the geometric middle. As the gateway rounds it.
export function bucketUs(grid) {
	if (grid < 2) return grid;
	return Math.floor((2 ** (grid >> 1) * (grid & 1 ? 1732 : 1225)) / 1000);
}

export function bucketOf(us) {
	if (!(us >= 1)) return 0;
	const octave = Math.floor(Math.log2(us));
	return Math.min(BUCKETS - 1, 2 * octave + (us >= 1.5 * 2 ** octave ? 1 : 0));
}

// {samples, first, buckets} out of the wire's names, or undefined.
export function samplesOf(samples, first, buckets) {
	if (!(count(samples) > 0) || !Number.isInteger(first) || first < 0 || first >= BUCKETS) return undefined;
	if (!Array.isArray(buckets) || !buckets.length || buckets.length > BUCKETS) return undefined;
	let all = 0;
	for (const b of buckets) {
		if (count(b) === undefined) return undefined;
		all += b;
	}
	return all > 0 ? { samples, first, all, buckets } : undefined;
}

// Adds @s (sign 1) or takes it away again (sign -1). Buckets of a record are scaled: all of them stand for s.samples.
export function add(hist, s, sign = 1) {
	let seen = 0;
	let given = 0;
	for (let i = 0; i < s.buckets.length; i++) {
		seen += s.buckets[i];
		const upTo = Math.floor((seen * s.samples) / s.all);
		hist[Math.min(s.first + i, BUCKETS - 1)] += sign * (upTo - given);
		given = upTo;
	}
}

export function total(hist) {
	let all = 0;
	for (let i = 0; i < BUCKETS; i++) all += hist[i];
	return all;
}

// Microseconds that @permille of all samples are not above: nearest rank. No sample: undefined.
export function quantile(hist, permille) {
	const all = total(hist);
	if (!all) return undefined;
	const rank = Math.max(1, Math.ceil((all * permille) / 1000));
	let seen = 0;
	for (let i = 0; i < BUCKETS; i++) {
		seen += hist[i];
		if (seen >= rank) return bucketUs(i);
	}
	return bucketUs(BUCKETS - 1);
}

export const newHistogram = () => new Float64Array(BUCKETS);
