/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * snapshot_nic - the part of a snapshot about the NICs: their own counters, what the books differ from them by, and flowtables.
 *
 * As text under the books of each port and direction, and as the members "nic" and "residual" of class iface. Nothing is
 * written where nothing is known: a port without hook or interface. Pure, like snapshot.h.
 */
#pragma once

#include "run/snapshot.h"

void snapshot_nic_text(struct writer *w, const struct snapshot_port *port, int dir);
void snapshot_nic_legend(struct writer *w, const struct snapshot *s);	/* what the reasons mean that are in the text */
void snapshot_nic_text_offload(struct writer *w, const struct snapshot *s);	/* nothing where there is no flowtable */
void snapshot_nic_json_offload(struct writer *w, const struct offload *offload);	/* of class health */
void snapshot_nic_json(struct writer *w, const struct snapshot_port *port);	/* a comma at the end of each member */
