/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * landlock - this process may open nothing any more but what it names: files, folders, TCP ports. By plain system calls.
 *
 * What the kernel's ABI knows is refused, all else is as before: files from ABI 1 (Linux 5.13) on, truncation from 3, TCP from 4,
 * signals and abstract sockets of others from 6. No way back, for successors neither. Rights of the user apply as well.
 *
 * A file to read is named by its path, and what may be read is its folder with all below: whoever replaces the file by a new
 * one (rename) is followed. In / it is the file alone. Where it is a symbolic link, the folder of what it leads to now, too.
 * Missing ones are left out.
 * 0 or a negative errno; no logging.
 */
#pragma once

#include <stdint.h>

#define LANDLOCK_READS	16
#define LANDLOCK_WRITES	4
#define LANDLOCK_PORTS	9	/* brokers, and DNS */

struct landlock_rules {
	const char *read[LANDLOCK_READS];	/* absolute paths of files */
	int write[LANDLOCK_WRITES];	/* open folders: files in there are made, written, renamed and removed; the way there may be closed to us */
	uint16_t connect[LANDLOCK_PORTS];	/* TCP */
	unsigned int reads, writes, connects;
};

int landlock_abi(void);		/* 0: this kernel has none */
int landlock_enter(const struct landlock_rules *rules);	/* -EOPNOTSUPP: landlock_abi() is 0. Wants no_new_privs */
