/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NOBODY 65534

int privilege_user(const char *name, struct privilege_user *ret_user)
{
	struct passwd *pw = getpwnam(name);
	char *end;
	unsigned long number = strtoul(name, &end, 10);
	int missing = 0;

	*ret_user = (struct privilege_user){ .uid = NOBODY, .gid = NOBODY };
	if (pw) {
		ret_user->uid = pw->pw_uid;
		ret_user->gid = pw->pw_gid;
	} else if (*name && !*end && number < UINT_MAX) {
		ret_user->uid = (uid_t)number;
		ret_user->gid = (gid_t)number;
	} else {
		missing = 1;
	}
	if (ret_user->uid == 0)
		return -EPERM;
	snprintf(ret_user->name, sizeof(ret_user->name), "%s", missing ? "nobody" : name);
	return missing;
}

int privilege_drop(const struct privilege_user *user)
{
	capng_clear(CAPNG_SELECT_ALL);
	capng_apply(CAPNG_SELECT_BOUNDS);	/* needs CAP_SETPCAP: checked below, by what came of it */
	if (setgroups(0, NULL) || setresgid(user->gid, user->gid, user->gid) ||
	    setresuid(user->uid, user->uid, user->uid))
		return -errno;
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_BOTH))
		return -EPERM;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (capng_get_caps_process() || capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE || !setuid(0))
		return -EPERM;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void privilege_keep_only(const int *keep, unsigned int count)
{
	int sorted[64], from = 3;

	if (count > 64)
		abort();
	for (unsigned int i = 0; i < count; i++)
		sorted[i] = keep[i];
	qsort(sorted, count, sizeof(*sorted), by_number);
	for (unsigned int i = 0; i < count; i++) {
		if (sorted[i] < from)
			continue;
		if (sorted[i] > from)
			close_range((unsigned int)from, (unsigned int)sorted[i] - 1, 0);
		from = sorted[i] + 1;
	}
	close_range((unsigned int)from, ~0U, 0);
}
