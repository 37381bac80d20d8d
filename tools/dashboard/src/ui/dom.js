// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// dom - elements. Text gets in as text alone: nothing here, or anywhere in this page, reads HTML.

export function h(tag, props = {}, ...children) {
	const el = document.createElement(tag);
	for (const [key, value] of Object.entries(props)) {
		if (value === undefined || value === false) continue;
		if (key.startsWith('on')) el.addEventListener(key.slice(2), value);
		else if (key === 'class') el.className = value;
		else el.setAttribute(key, value === true ? '' : value);
	}
	el.append(...children.flat().filter((c) => c !== undefined && c !== null));
	return el;
}

// Touches the page only where something differs: redraws four times a second cost little.
export function setText(el, value) {
	const text = String(value);
	if (el.firstChild?.nodeType === 3 && el.childNodes.length === 1) {
		if (el.firstChild.data !== text) el.firstChild.data = text;
	} else if (el.childNodes.length || text) {
		el.textContent = text;
	}
}

export function setAttr(el, name, value) {
	if (value === undefined || value === false) {
		if (el.hasAttribute(name)) el.removeAttribute(name);
	} else if (el.getAttribute(name) !== String(value)) {
		el.setAttribute(name, value);
	}
}

export function setClass(el, name) {
	if (el.className !== name) el.className = name;
}

// Options of a <select>: [value, label] pairs; what was chosen stays chosen.
export function setOptions(select, pairs, chosen) {
	const want = JSON.stringify(pairs);
	if (select.dataset.pairs !== want) {
		select.dataset.pairs = want;
		select.replaceChildren(...pairs.map(([value, label]) => h('option', { value }, label)));
	}
	if (select.value !== chosen) select.value = chosen;
}

let ids = 0;
export const newId = (stem) => `${stem}-${++ids}`;

// A labelled <select>.
export function picker(label, pairs, chosen, onchange) {
	const select = h('select', { 'aria-label': label, onchange: () => onchange(select.value) });
	setOptions(select, pairs, chosen);
	return { root: h('label', { class: 'picker' }, h('span', {}, label), select), select };
}
