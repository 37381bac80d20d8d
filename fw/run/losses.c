/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* losses - which counters of a snapshot tell of something lost. Pure. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "collect/counters.h"
#include "run/snapshot.h"

/* These lose nothing: ARCHITECTURE.md says of each what it counts. A counter that is not named here is a loss. */
static const char *const harmless[] = {
	"copy_sent", "hello_started", "hello_done", "event_lost", "claim_lost", "sweep.sweeps", "sweep.reports", "sweep.ended",
	"sweep.twins", "sweep.names_taken", "nat.events", "nat.entries", "ports.events", "ports.dumps", "ports.attached",
	"control.requests", "metrics.pages", "agent.sweeps_held", "offload.completed",
	"identity.copies", "identity.payloads", "identity.connections", "identity.client_hellos", "identity.server_hellos",
	"identity.http_requests", "identity.dns_messages", "identity.dns_learnt", "identity.dns_unanswered",
	"quic.not_quic", "quic.skipped", "quic.version_negotiation", "quic.retry", "quic.opened", "quic.more",
	"quic.server_hello", "quic.hello",
	"devices.learnt", "devices.addresses", "devices.addresses_aged", "devices.addresses_released", "devices.moved",
	"devices.not_moved", "devices.names", "devices.names_outweighed", "devices.refused_mac", "devices.refused_address",
	"devices.refused_owner", "devices.relayed",
	"broker.attempts", "broker.connects", "broker.disconnects", "broker.refused", "broker.failed", "broker.fallbacks",
	"broker.publishes", "broker.acks", "broker.publish_refused", "broker.publish_too_big", "broker.publish_ignored",
	"broker.link_malformed", "broker.link_stale",
	"export.records", "export.batches", "export.messages", "export.sent", "export.acked", "export.resent",
	"export.ack_unknown", "export.refused",
	"spool.messages", "spool.sent", "spool.acked", "spool.ack_unknown", "spool.resent", "spool.refused", "spool.losses",
	"spool.losses_merged", "spool.recovered", "spool.unclean_stops", "spool.bad_bytes", "spool.segments_made", "spool.segments_deleted",
	"spool.segments_dropped", "spool.segments_bad", "spool.segments_foreign", "spool.commits", "spool.cursor_writes", "spool.disk_errors",
	"spool.disk_off",
	/* export.lost_batches and export.lost_other tell of them all */
	"spool.lost", "spool.lost_records", "spool.lost_full", "spool.lost_no_space", "spool.lost_memory", "spool.lost_corrupt",
	"spool.lost_missing", "spool.lost_refused", "spool.lost_too_big", "spool.lost_unclean_stop", "spool.lost_epoch_end",
	"ipfix.records", "ipfix.sent_messages", "ipfix.sent_records", "ipfix.sent_templates", "ipfix.socket_full", "ipfix.connects",
	"ipfix.failed",
};

static bool is_harmless(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (!strcmp(name, harmless[i]))
			return true;
	return false;
}

void snapshot_losses(const struct snapshot *s, snapshot_loss tell, void *arg)
{
	static const char *const dir_names[DIRS] = { "rx", "tx" };
	struct figure f[FIGURES_MAX];
	const unsigned int n = snapshot_figures(s, f);

	for (unsigned int i = 0; i < n; i++)
		if (f[i].value && !is_harmless(f[i].name))
			tell(f[i].name, f[i].value, arg);
	for (unsigned int i = 0; i < s->ports; i++)
		for (int dir = 0; dir < DIRS; dir++)
			for (int c = 0; c < BOOK_N; c++) {
				const uint64_t frames = s->port[i].books.dir[dir].class[c].frames;
				char name[FIGURE_NAME_MAX];

				if (!frames || c == BOOK_ARP || c == BOOK_NOT_IP)
					continue;
				snprintf(name, sizeof(name), "%s.%s.%s", s->port[i].state.name, dir_names[dir], book_class_names[c]);
				tell(name, frames, arg);
			}
}
