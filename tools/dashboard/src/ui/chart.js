// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// chart - lines over time, by uPlot. Colours come from the style sheet, so that they follow light and dark.
import uPlot from 'uplot';
import { h, setAttr } from './dom.js';

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Powers of ten alone: the lines between them say little and cover much.
function decades(u, axis, min, max) {
	const ticks = [];
	for (let e = Math.ceil(Math.log10(min)); e <= Math.log10(max) + 1e-9; e++) ticks.push(10 ** e);
	return ticks;
}

// Milliseconds from and to: the last @span_s, or since the page opened, but two minutes at least.
export const windowOf = (now, opened, span_s) => [Math.max(now - span_s * 1000, Math.min(opened, now - 120000)), now];

// series: [{label, color: '--in', dash, fill, steps, points}]; value(n) -> text; height in px; least: of the top of the scale. Times in ms.
export function chart({ label, series, value, height = 180, log = false, least = 0 }) {
	const box = h('div', { class: 'plot', role: 'img', 'aria-label': label });
	let plot;
	let data = [[], ...series.map(() => [])];
	let range; // [from, to] in s

	const axis = (extra) => ({ stroke: css('--dim'), grid: { stroke: css('--grid'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif', ...extra });

	function make() {
		plot?.destroy();
		plot = new uPlot({
			width: Math.max(200, box.clientWidth), height, data,
			cursor: { drag: { x: false, y: false } },
			legend: { live: true, markers: { width: 2, dash: (u, i) => (series[i - 1]?.dash ? 'dashed' : 'solid'), fill: () => 'none' } },
			scales: {
				x: { range: () => range ?? [0, 1] },
				y: log ? { distr: 3 } : { range: (u, min, max) => [0, max > 0 ? Math.max(max * 1.1, least) : least || 1] },
			},
			axes: [
				axis({ space: 70, size: 30, values: [[3600, '{HH}:{mm}', null, null, null, null, null, null, 1], [60, '{HH}:{mm}', null, null, null, null, null, null, 1], [1, '{HH}:{mm}:{ss}', null, null, null, null, null, null, 1]] }),
				axis({ size: 84, splits: log ? decades : undefined, values: (u, ticks) => ticks.map((t) => (t === null ? '' : value(t))) }),
			],
			series: [
				{ label: 'Time', value: (u, t) => (t ? new Date(t * 1000).toLocaleTimeString('en-GB') : '–') },
				...series.map((s) => ({
					label: s.label, stroke: css(s.color), width: 2, dash: s.dash, points: { show: s.points ?? false, size: 4 },
					fill: s.fill ? css(s.fill) : undefined,
					paths: s.steps ? uPlot.paths.stepped({ align: -1 }) : undefined,
					spanGaps: false, value: (u, v) => (v === null || v === undefined ? '–' : value(v)),
				})),
			],
		}, data, box);
	}

	const resized = new ResizeObserver(() => plot && box.clientWidth && plot.setSize({ width: Math.max(200, box.clientWidth), height }));
	resized.observe(box);
	return {
		root: box,
		// Times in ms; one array a series, null for nothing.
		set(times, columns, text, [from, to]) {
			range = [from / 1000, to / 1000];
			data = [times.map((t) => t / 1000), ...columns];
			if (text) setAttr(box, 'aria-label', `${label}: ${text}`);
			if (!plot) make();
			else plot.setData(data);
			if (plot.cursor.left < 0 && data[0].length) plot.setLegend({ idx: data[0].length - 1 }); // the newest, unless somebody points
		},
		retheme: () => plot && make(),
		end() {
			resized.disconnect();
			plot?.destroy();
			plot = undefined;
		},
	};
}
