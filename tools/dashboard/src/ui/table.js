// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// table - any number of rows, of which only those in sight are in the page. Rows are of one height.
//
// columns: [{key, label, text(row), num, wide, width, sort(row), title(row), level(row)}]; "wide" ones are left out on
// a phone, "mid" ones on a narrow screen; "natural": rows come in this order, the highest first. sort() absent: cannot be sorted by.
import { h, newId, setAttr, setClass, setText } from './dom.js';

export const ROW_PX = 30;
const SPARE = 4; // rows drawn above and below what is in sight

export function table({ label, columns, empty, sort, onpick, fill = false, dense = false }) {
	const state = { rows: [], by: sort, down: columns.find((c) => c.key === sort)?.num ?? false, picked: undefined };
	const heads = columns.map((c) => {
		const inside = c.sort
			? h('button', { type: 'button', onclick: () => turn(c.key) }, h('span', {}, c.label), h('span', { class: 'arrow', 'aria-hidden': 'true' }))
			: c.label;
		return h('th', { scope: 'col', class: classOf(c), title: c.about }, inside);
	});
	// One cell: one that spans all would bring those columns back that a phone leaves out.
	const top = h('tr', { class: 'spacer', 'aria-hidden': 'true' }, h('td'));
	const bottom = h('tr', { class: 'spacer', 'aria-hidden': 'true' }, h('td'));
	const body = h('tbody', {}, top, bottom);
	const cols = h('colgroup', {}, columns.map((c) => h('col', { class: `w-${c.width ?? 'auto'}${c.wide ? ' wide' : ''}${c.mid ? ' mid' : ''}` })));
	const grid = h('table', { id: newId('table') }, h('caption', { class: 'unseen' }, label), cols, h('thead', {}, h('tr', {}, heads)), body);
	const none = h('p', { class: 'empty' }, empty);
	const box = h('div', { class: `scroll${fill ? ' fill' : ''}${dense ? ' dense' : ''}`, tabindex: 0, role: 'region', 'aria-label': label, onscroll: () => place() }, grid, none);
	const pool = [];

	function classOf(c) {
		return `${c.num ? 'num' : ''}${c.wide ? ' wide' : ''}${c.mid ? ' mid' : ''}`.trim() || undefined;
	}

	function turn(key) {
		state.down = state.by === key ? !state.down : columns.find((c) => c.key === key).num ?? false;
		state.by = key;
		api.onsort?.();
		set(state.rows);
	}

	function newRow() {
		const cells = columns.map((c) => h(c.head ? 'th' : 'td', { class: classOf(c), scope: c.head ? 'row' : undefined }));
		const tr = h('tr', onpick ? { tabindex: 0, role: 'button' } : {}, cells);
		const entry = { tr, cells, row: undefined };
		if (onpick) {
			tr.addEventListener('click', () => entry.row && onpick(entry.row));
			tr.addEventListener('keydown', (e) => {
				if (e.key !== 'Enter' && e.key !== ' ') return;
				e.preventDefault();
				if (entry.row) onpick(entry.row);
			});
		}
		return entry;
	}

	function show(entry, row, number) {
		entry.row = row;
		setAttr(entry.tr, 'aria-rowindex', number + 2);
		if (onpick) setAttr(entry.tr, 'aria-pressed', state.picked !== undefined && state.picked === row.id);
		columns.forEach((c, i) => {
			const cell = entry.cells[i];
			const text = c.text(row);
			setText(cell, text);
			if (c.title || String(text).length > 16) setAttr(cell, 'title', c.title ? c.title(row) : text);
			else setAttr(cell, 'title', undefined);
			if (c.level) setClass(cell, [classOf(c), c.level(row)].filter(Boolean).join(' '));
		});
	}

	function place() {
		const { rows } = state;
		const from = Math.max(0, Math.floor(box.scrollTop / ROW_PX) - SPARE);
		const inSight = Math.ceil(Math.max(box.clientHeight, 600) / ROW_PX) + 2 * SPARE;
		const to = Math.min(rows.length, from + inSight);
		while (pool.length < to - from) {
			const entry = newRow();
			pool.push(entry);
			body.insertBefore(entry.tr, bottom);
		}
		pool.forEach((entry, i) => {
			const there = from + i < to;
			if (entry.tr.hidden === there) entry.tr.hidden = !there;
			if (there) show(entry, rows[from + i], from + i);
		});
		height(top, from);
		height(bottom, rows.length - to);
	}

	function height(spacer, count) {
		const px = `${count * ROW_PX}px`;
		if (spacer.firstChild.style.height !== px) spacer.firstChild.style.height = px;
		if (spacer.hidden !== !count) spacer.hidden = !count;
	}

	function set(rows) {
		const c = columns.find((x) => x.key === state.by);
		if (c?.sort && !(c.natural && state.down)) {
			const sign = state.down ? -1 : 1;
			const key = c.sort;
			// What has no value stays below, whichever way it goes.
			rows = rows.map((row) => [key(row), row]).sort(([a], [b]) =>
				(a === undefined) - (b === undefined) || (a < b ? -sign : a > b ? sign : 0)).map((pair) => pair[1]);
		}
		state.rows = rows;
		setAttr(grid, 'aria-rowcount', rows.length + 1);
		heads.forEach((th, i) => {
			if (!columns[i].sort) return;
			const is = columns[i].key === state.by;
			setAttr(th, 'aria-sort', is ? (state.down ? 'descending' : 'ascending') : 'none');
			setText(th.querySelector('.arrow'), is ? (state.down ? '▼' : '▲') : '');
		});
		if (none.hidden !== !!rows.length) none.hidden = !!rows.length;
		place();
	}

	const api = {
		root: box, set, state,
		setEmpty: (text) => setText(none, text),
		get rows() {
			return state.rows;
		},
	};
	return api;
}
