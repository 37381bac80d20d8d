/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pins - a directory on a bpffs, where maps and links outlive the process.
 *
 * bpffs takes no '.' in names; interface names take no ':', so pins_path() writes the one as the other.
 * Returns 0 or a negative errno. No logging.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#define PINS_MOUNT	"/sys/fs/bpf"
#define PINS_LINKS	"links"		/* sub-directory of links; maps lie in the directory itself */

/* Makes @dir and @dir/links, and mounts a bpffs at PINS_MOUNT where @dir is below it and none is mounted.
 * -EMEDIUMTYPE: @dir is not on a bpffs. */
int pins_prepare(const char *dir);

/* pins_prepare(), then the directory for this process alone: while @ret_fd, or a copy of it in a child, is open. -EBUSY */
int pins_lock(const char *dir, int *ret_fd);

/* <dir>/<sub>/<name><suffix>; @sub NULL: none. -ENAMETOOLONG */
int pins_path(char path[PATH_MAX], const char *dir, const char *sub, const char *name, const char *suffix);

/* Removes what lies in @dir: all of it and the directory, or only the maps (not @dir/links). 0 where there is none.
 * -EMEDIUMTYPE: not a bpffs, nothing was touched. */
int pins_remove(const char *dir, bool maps_only);
