// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// level - ok, check, bad, unknown: always by shape and word, too, never by colour alone.
import { h, setAttr, setClass, setText } from './dom.js';

const MARK = { ok: '✓', check: '!', bad: '✕', unknown: '?' };
const WORD = { ok: 'ok', check: 'look at it', bad: 'bad', unknown: 'not known' };

export function badge() {
	const mark = h('span', { class: 'mark', 'aria-hidden': 'true' });
	const word = h('span', {});
	const root = h('span', { class: 'badge' }, mark, word);
	return {
		root,
		set(level, text, why) {
			setClass(root, `badge ${level}`);
			setText(mark, MARK[level]);
			setText(word, text);
			setAttr(root, 'title', why ?? WORD[level]);
		},
	};
}
