// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// topic - <root>/v1/<site>/<gateway>/<class>, where the root may have several levels.
import { text } from '../read.js';

export const SCHEMAS = {
	flow: 'weir.flow/1',
	flow_hist: 'weir.flow/1',
	birth: 'weir.birth/1',
	summary: 'weir.summary/1',
	health: 'weir.health/1',
	iface: 'weir.iface/1',
	device: 'weir.device/1',
	event: 'weir.event/1',
	loss: 'weir.loss/1',
	state: undefined, // has none
};

// Not of this shape, or a class that is not for here (cmd, ack): undefined.
export function parseTopic(topic) {
	const levels = topic.split('/');
	const [version, site, gateway, kind] = levels.slice(-4);
	if (levels.length < 5 || version !== 'v1' || !site || !gateway || !Object.hasOwn(SCHEMAS, kind)) return undefined;
	return { site: text(site), gateway: text(gateway), kind, id: text(`${site}/${gateway}`) };
}
