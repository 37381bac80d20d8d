// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// One classic script and one style sheet: they also load from a server that sends no content types (mosquitto's
// http_dir), where browsers refuse modules. Relative addresses: any folder of a server will do.
import { defineConfig } from 'vite';

const classicScript = {
	name: 'classic-script',
	transformIndexHtml: {
		order: 'post',
		handler: (html) => html.replace(/<script type="module" crossorigin/g, '<script defer').replace(/ crossorigin/g, ''),
	},
};

export default defineConfig({
	base: './',
	plugins: [classicScript],
	build: {
		outDir: process.env.OUT ?? 'dist/page',
		emptyOutDir: true,
		target: 'es2020',
		cssCodeSplit: false,
		modulePreload: false,
		assetsInlineLimit: 0,
		rollupOptions: { output: { format: 'iife' } },
	},
});
