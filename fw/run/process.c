/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"

#define FILE_MAX_BYTES 4096	/* /proc/PID/status has some 1500 */

const char *const process_names[PROCESS_N] = {
#define X(id, name) name,
	PROCESSES(X)
#undef X
};

const char *const process_map_names[PROCESS_MAP_N] = {
#define X(name) #name,
	PROCESS_MAPS(X)
#undef X
};

/* What stands behind "NAME:" at the start of a line. */
static const char *line_of(const char *text, const char *name)
{
	const size_t len = strlen(name);

	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, name, len) && at[len] == ':')
			return at + len + 1;
	}
	return NULL;
}

int process_parse_status(const char *text, struct process_facts *ret_facts)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapAmb" };
	const char *uid = line_of(text, "Uid"), *gid = line_of(text, "Gid"), *bounding = line_of(text, "CapBnd"),
		   *no_new = line_of(text, "NoNewPrivs"), *seccomp = line_of(text, "Seccomp");
	unsigned int real_uid, real_gid, effective_uid, effective_gid;
	uint64_t caps = 0;

	if (!uid || !gid || !bounding || !no_new || sscanf(uid, "%u %u", &real_uid, &effective_uid) != 2 ||
	    sscanf(gid, "%u %u", &real_gid, &effective_gid) != 2)
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		const char *set = line_of(text, sets[i]);

		if (!set)
			return -EBADMSG;
		caps |= strtoull(set, NULL, 16);
	}
	ret_facts->uid = effective_uid;
	ret_facts->gid = effective_gid;
	ret_facts->caps = caps;
	ret_facts->bounding = strtoull(bounding, NULL, 16);
	ret_facts->no_new_privs = strtoul(no_new, NULL, 10) == 1;
	ret_facts->seccomp = seccomp ? (uint32_t)strtoul(seccomp, NULL, 10) : 0;	/* no line: a kernel without */
	return 0;
}

static int read_text(int dir, const char *path, char text[FILE_MAX_BYTES])
{
	_cleanup_close_ int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, FILE_MAX_BYTES - 1);

	if (n < 0)
		return -errno;
	text[n] = 0;
	return 0;
}

int process_read(pid_t pid, struct process_facts *ret_facts)
{
	char path[32], text[FILE_MAX_BYTES];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	err = read_text(AT_FDCWD, path, text);
	if (!err)
		err = process_parse_status(text, ret_facts);
	if (!err)
		ret_facts->pid = (int32_t)pid;
	return err;
}

bool process_parse_fdinfo(const char *text, uint32_t *ret_id, bool *ret_writes)
{
	const char *id = line_of(text, "map_id"), *flags = line_of(text, "flags");

	if (!id || !flags)
		return false;
	*ret_id = (uint32_t)strtoul(id, NULL, 10);
	*ret_writes = (strtoul(flags, NULL, 8) & O_ACCMODE) != O_RDONLY;
	return true;
}

static void add_map(const uint32_t ids[PROCESS_MAP_N], uint32_t id, bool writes, struct process_maps *maps)
{
	for (int i = 0; i < PROCESS_MAP_N; i++)
		if (ids[i] == id)
			*(writes ? &maps->write : &maps->read_only) |= 1u << i;
}

int process_read_maps(const uint32_t ids[PROCESS_MAP_N], struct process_maps *ret_maps)
{
	DIR *dir = opendir("/proc/self/fdinfo");
	struct process_maps maps = { 0 };
	char text[FILE_MAX_BYTES];
	struct dirent *entry;
	uint32_t id;
	bool writes;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && !read_text(dirfd(dir), entry->d_name, text) &&
		    process_parse_fdinfo(text, &id, &writes))
			add_map(ids, id, writes, &maps);
	closedir(dir);
	maps.read_only &= ~maps.write;
	*ret_maps = maps;
	return 0;
}
