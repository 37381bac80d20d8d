/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * children - processes that the supervisor keeps alive: forked without exec, started again after a wait that doubles
 * from CHILD_WAIT_MIN_NS to CHILD_WAIT_MAX_NS each time one dies young, and is short again after CHILD_OLD_NS of life.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"

#define CHILD_WAIT_MIN_NS	100000000ULL
#define CHILD_WAIT_MAX_NS	10000000000ULL
#define CHILD_OLD_NS		10000000000ULL

struct child {
	const char *name;
	int (*run)(struct child *child);	/* in the new process; its return value is the exit status */
	void (*started)(struct child *child);	/* in the supervisor; may be NULL */
	struct loop *loop;
	struct loop_timer restart;
	pid_t pid;			/* 0: not running */
	uint32_t starts;
	uint32_t refused;		/* ended by SIGSYS: asked for a system call that is on no list */
	uint64_t started_ns;
	uint64_t wait_ns;
	bool stopping;			/* is not started again */
};

void child_start(struct child *child);
void child_died(struct child *child, int wait_status);	/* logs how, arms the restart */
