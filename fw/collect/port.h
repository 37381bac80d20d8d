/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* port - one port of ports: its state, and what is attached for it. Owns the attachment; knows no table, no events. */
#pragma once

#include <stdbool.h>

#include "collect/attach.h"
#include "collect/ports.h"

struct port {
	struct port_state state, told;	/* told: as port_news() gave it last */
	struct attachment at;
	bool lost;			/* our filter may have been taken away by someone: look at it soon */
	bool seen;			/* ports: in this dump */
};

void port_init(struct port *port, unsigned int index);
bool port_attached(const struct port *port);	/* on one side at least */
bool port_complete(const struct port *port);	/* on both */
bool port_news(struct port *port);		/* the state is not as it was at the last call */

/* Attaches, or swaps the programs of what is attached, as state.hook and state.flags ask. */
int port_put_on(struct port *port, const struct attach_settings *settings, bool physical);

/* Off its interface, which may be gone already; without one only @why is noted. The name keeps its index. */
void port_take_off(struct port *port, const struct attach_settings *settings, const char *why);

/* Interface and attachment of @from are @to's now: it was renamed. -errno: its pins could not be, nothing was moved. */
int port_move(struct port *from, struct port *to, const struct attach_settings *settings);
