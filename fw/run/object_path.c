/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/object_path.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OBJECT "weir.bpf.o"

void object_path(char ret_path[OBJECT_PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", ret_path, OBJECT_PATH_MAX - sizeof(OBJECT) - 1);

	if (len > 0) {
		char *slash;

		ret_path[len] = 0;
		slash = strrchr(ret_path, '/');
		if (slash) {
			strcpy(slash + 1, OBJECT);	/* room was left for it */
			if (!access(ret_path, R_OK))
				return;
		}
	}
	snprintf(ret_path, OBJECT_PATH_MAX, "%s/lib/weir/%s", PREFIX, OBJECT);
}

void object_beside(const char *object, const char *file, char ret_path[OBJECT_PATH_MAX])
{
	char found[OBJECT_PATH_MAX];
	const char *slash;

	if (object[0])
		snprintf(found, sizeof(found), "%s", object);
	else
		object_path(found);
	slash = strrchr(found, '/');
	snprintf(ret_path, OBJECT_PATH_MAX, "%.*s%s", slash ? (int)(slash - found) + 1 : 0, found, file);
}
