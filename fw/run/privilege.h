/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * privilege - becomes a user without rights, with no way back.
 *
 * After privilege_drop() the process has another uid and gid, no supplementary group, no capability in any set and
 * none to gain (bounding set, no_new_privs). 0 or a negative errno; what was dropped half is not undone: exit then.
 */
#pragma once

#include <sys/types.h>

struct privilege_user {
	uid_t uid;
	gid_t gid;
	char name[33];	/* what it became: the asked user, or nobody */
};

/* A name or a number. 1: no such user, @ret_user is nobody. Never root: -EPERM. */
int privilege_user(const char *name, struct privilege_user *ret_user);

int privilege_drop(const struct privilege_user *user);

/* Closes every descriptor from 3 on but @keep (-1: none, ignored). */
void privilege_keep_only(const int *keep, unsigned int count);
