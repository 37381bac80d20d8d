/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * confine - the supervisor's part in what its children may do: takes their rights, in the child, and looks at what is in force.
 *
 * A child tells what the kernel does not (struct sandbox_said) in a page that it shares with the supervisor and nobody else; what it
 * writes there is shown, never trusted. Logs itself.
 */
#pragma once

#include <sys/types.h>

#include "collect/dataplane.h"
#include "run/children.h"
#include "run/privilege.h"
#include "run/process.h"
#include "run/sandbox.h"

struct confine {
	struct sandbox_said *said[SANDBOX_ROLES];
	struct process_facts process[PROCESS_N];
	uint32_t map_id[PROCESS_MAP_N];
};

int confine_open(struct confine *c, const struct dataplane *dp);

/* In the child, when it holds no more than it is to have. @dies_with: its parent, with which it is to end; 0: it ends by itself. */
int confine_enter(struct confine *c, const struct privilege_user *user, const struct sandbox *box, pid_t dies_with);

void confine_look(struct confine *c, const struct child *const children[SANDBOX_ROLES]);	/* renews c->process */
void confine_refused(struct confine *c, enum sandbox_role role, const char *name);	/* it was ended by SIGSYS */
