// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// signin - asks for user name and password when the broker wants them. They are kept for this tab alone.
import { h, setText } from '../ui/dom.js';

export function signin(onsubmit) {
	const user = h('input', { name: 'username', autocomplete: 'username', spellcheck: 'false', maxlength: 256 });
	const word = h('input', { name: 'password', type: 'password', autocomplete: 'current-password', maxlength: 256 });
	const why = h('p', { class: 'why', role: 'alert' });
	const root = h('form', {
		class: 'card signin', onsubmit: (e) => {
			e.preventDefault();
			onsubmit(user.value, word.value);
		},
	}, h('h2', {}, 'Sign in to the broker'), why, h('label', {}, 'User name', user), h('label', {}, 'Password', word), h('button', { type: 'submit' }, 'Connect'));
	return {
		root,
		ask(reason) {
			setText(why, `The broker refused: ${reason}.`);
			user.focus();
		},
	};
}
