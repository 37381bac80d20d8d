// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// losses - which counters of class health tell of something lost, and what it was that was lost.

// These lose nothing. The same list as in fw/run/losses.c; tests/dashboard compares the two.
export const HARMLESS = new Set([
	'copy_sent', 'hello_started', 'hello_done', 'event_lost', 'claim_lost', 'sweep.sweeps', 'sweep.reports', 'sweep.ended',
	'sweep.twins', 'sweep.names_taken', 'nat.events', 'nat.entries', 'ports.events', 'ports.dumps', 'ports.attached',
	'control.requests', 'metrics.pages', 'agent.sweeps_held', 'offload.completed',
	'identity.copies', 'identity.payloads', 'identity.connections', 'identity.client_hellos', 'identity.server_hellos',
	'identity.http_requests', 'identity.dns_messages', 'identity.dns_learnt', 'identity.dns_unanswered',
	'quic.not_quic', 'quic.skipped', 'quic.version_negotiation', 'quic.retry', 'quic.opened', 'quic.more',
	'quic.server_hello', 'quic.hello',
	'devices.learnt', 'devices.addresses', 'devices.addresses_aged', 'devices.addresses_released', 'devices.moved',
	'devices.not_moved', 'devices.names', 'devices.names_outweighed', 'devices.refused_mac', 'devices.refused_address',
	'devices.refused_owner', 'devices.relayed',
	'broker.attempts', 'broker.connects', 'broker.disconnects', 'broker.refused', 'broker.failed', 'broker.fallbacks',
	'broker.publishes', 'broker.acks', 'broker.publish_refused', 'broker.publish_too_big', 'broker.publish_ignored',
	'broker.link_malformed', 'broker.link_stale',
	'export.records', 'export.batches', 'export.messages', 'export.sent', 'export.acked', 'export.resent',
	'export.ack_unknown', 'export.refused',
	'spool.messages', 'spool.sent', 'spool.acked', 'spool.ack_unknown', 'spool.resent', 'spool.refused', 'spool.losses',
	'spool.losses_merged', 'spool.recovered', 'spool.unclean_stops', 'spool.bad_bytes', 'spool.segments_made', 'spool.segments_deleted',
	'spool.segments_dropped', 'spool.segments_bad', 'spool.segments_foreign', 'spool.commits', 'spool.cursor_writes', 'spool.disk_errors',
	'spool.disk_off',
	'spool.lost', 'spool.lost_records', 'spool.lost_full', 'spool.lost_no_space', 'spool.lost_memory', 'spool.lost_corrupt',
	'spool.lost_missing', 'spool.lost_refused', 'spool.lost_too_big', 'spool.lost_unclean_stop', 'spool.lost_epoch_end',
	'ipfix.records', 'ipfix.sent_messages', 'ipfix.sent_records', 'ipfix.sent_templates', 'ipfix.socket_full', 'ipfix.connects',
	'ipfix.failed',
]);

// IPFIX is another way out of the box: what went over it is no loss of what comes here.
const HARMLESS_HERE = /^ipfix\.(records|sent_|connects|failed|refused|socket_full)/;

// Traffic or records are missing; all other losses are of names and other details.
const OF_RECORDS = /^(export\.|unknown_port$|agent\.messages_too_long|ports\.(failed|no_index|no_place)|spool\.)/;

// Classes of the books that are no defect: such frames belong to no flow.
export const CLASSES_HARMLESS = new Set(['arp', 'not_ip']);

export const isLoss = (name) => !HARMLESS.has(name) && !HARMLESS_HERE.test(name);
export const isOfRecords = (name) => OF_RECORDS.test(name);
