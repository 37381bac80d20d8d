/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/pins.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static bool on_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

static bool below(const char *path, const char *top)
{
	size_t len = strlen(top);

	return !strncmp(path, top, len) && (!path[len] || path[len] == '/');
}

static int make_dir(const char *path)
{
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

int pins_prepare(const char *dir)
{
	char links[PATH_MAX];
	int err;

	if (below(dir, PINS_MOUNT) && !on_bpffs(PINS_MOUNT) &&
	    mount("bpf", PINS_MOUNT, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return -errno;
	err = pins_path(links, dir, PINS_LINKS, "", "");
	if (err)
		return err;
	err = make_dir(dir);
	if (err)
		return err;
	if (!on_bpffs(dir))
		return -EMEDIUMTYPE;
	return make_dir(links);
}

int pins_lock(const char *dir, int *ret_fd)
{
	int err = pins_prepare(dir), fd;

	if (err)
		return err;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int pins_path(char path[PATH_MAX], const char *dir, const char *sub, const char *name, const char *suffix)
{
	int len = snprintf(path, PATH_MAX, "%s%s%s/", dir, sub ? "/" : "", sub ? sub : "");
	int name_len;

	if (len < 0 || len >= PATH_MAX)
		return -ENAMETOOLONG;
	name_len = snprintf(path + len, (size_t)(PATH_MAX - len), "%s%s", name, suffix);
	if (name_len < 0 || name_len >= PATH_MAX - len)
		return -ENAMETOOLONG;
	for (char *c = path + len; *c; c++)
		if (*c == '.')
			*c = ':';
	return 0;
}

/* Files of one directory; sub-directories stay. */
static int remove_files(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int err = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(d)))
		if (entry->d_type != DT_DIR && unlinkat(dirfd(d), entry->d_name, 0))
			err = -errno;
	closedir(d);
	return err;
}

int pins_remove(const char *dir, bool maps_only)
{
	char links[PATH_MAX];
	int err;

	if (access(dir, F_OK))
		return errno == ENOENT ? 0 : -errno;
	if (!on_bpffs(dir))
		return -EMEDIUMTYPE;
	if (maps_only)
		return remove_files(dir);
	err = pins_path(links, dir, PINS_LINKS, "", "");
	if (err)
		return err;
	err = remove_files(links);
	if (err)
		return err;
	if (rmdir(links) && errno != ENOENT)
		return -errno;
	err = remove_files(dir);
	if (err)
		return err;
	return rmdir(dir) ? -errno : 0;
}
