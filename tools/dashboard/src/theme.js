// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// theme - light, dark, or as the system has it. The choice is kept in this browser.
const KEY = 'weir.theme';
export const THEMES = ['auto', 'light', 'dark'];

function kept() {
	try {
		return localStorage.getItem(KEY);
	} catch {
		return null; // no storage here: it just is not kept
	}
}

export function newTheme(onchange) {
	let now = THEMES.includes(kept()) ? kept() : 'auto';
	const apply = () => {
		if (now === 'auto') document.documentElement.removeAttribute('data-theme');
		else document.documentElement.setAttribute('data-theme', now);
	};
	apply();
	matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => now === 'auto' && onchange());
	return {
		get name() {
			return now;
		},
		next() {
			now = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
			apply();
			try {
				localStorage.setItem(KEY, now);
			} catch { /* as above */ }
			onchange();
		},
	};
}
