/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sandbox - what a process that reads bytes from outside may still ask of the kernel: a list of system calls (seccomp) and
 * of files and TCP ports (Landlock). After privilege_drop(), before the first byte from outside. No way back.
 *
 * A system call that is on no list ends the process by SIGSYS: nothing of ours asks for it, so somebody else does, and a
 * process that went on would let him try the next one. What libraries ask for and do without is refused with an errno instead:
 * memory that is executable (so no library is loaded any more), unix sockets (nscd, a resolver's), files to write.
 * The lists are names, for x86_64 and arm64. Where a kernel has no seccomp filter or no Landlock, the process goes on without
 * it, and @said, which the supervisor has mapped, too, does not claim it. 0 or a negative errno; no logging.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "run/landlock.h"
#include "run/process.h"

enum sandbox_role { SANDBOX_AGENT, SANDBOX_UPLINK, SANDBOX_METRICS, SANDBOX_ROLES };

struct sandbox {
	enum sandbox_role role;
	bool inet;		/* may open sockets of IPv4 and IPv6 */
	bool pages;		/* makes files in memory */
	struct landlock_rules files;	/* without folders to write in no file is opened for writing at all; with some: make, rename, sync, remove */
};

/* Written by the process itself, read by the supervisor: one page, shared. */
struct sandbox_said {
	int32_t landlock_abi;	/* 0: none */
	int32_t seccomp_error;	/* why there is no filter; 0: there is */
	int32_t refused;	/* number of the system call that ended it; -1: none */
	struct process_maps maps;	/* process_read_maps(): its own business */
	bool landlock_refuses;	/* tried: what every user may open was refused, by Landlock then */
};

struct sandbox_said *sandbox_said_new(void);	/* NULL: no memory */
void sandbox_said_free(struct sandbox_said *said);

/* Texts stay borrowed. */
void sandbox_agent(struct sandbox *ret_box, const struct conf *conf, const char *oui_path, int spool_dir);	/* -1: none */
void sandbox_metrics(struct sandbox *ret_box);
void sandbox_uplink(struct sandbox *ret_box, const struct conf *conf);

int sandbox_enter(const struct sandbox *box, struct sandbox_said *said);	/* @said->maps stay */

const char *sandbox_syscall_name(int number, char *buf, unsigned int size);	/* "execve", or the number */
