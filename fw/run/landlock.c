/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"

/* Debian 12's header knows ABI 2. */
#define FS_REFER		(1ULL << 13)
#define FS_TRUNCATE		(1ULL << 14)
#define FS_IOCTL_DEV		(1ULL << 15)
#define NET_BIND_TCP		(1ULL << 0)
#define NET_CONNECT_TCP		(1ULL << 1)
#define SCOPE_ABSTRACT_SOCKET	(1ULL << 0)
#define SCOPE_SIGNAL		(1ULL << 1)
#define RULE_NET_PORT		2

struct ruleset {
	uint64_t fs, net, scoped;
};

struct net_rule {
	uint64_t access, port;
};

static const uint64_t write_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
				     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE | FS_TRUNCATE;

int landlock_abi(void)
{
	const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

/* All that @abi can refuse. */
static struct ruleset refused(int abi)
{
	struct ruleset r = { .fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1 };

	if (abi >= 2)
		r.fs |= FS_REFER;
	if (abi >= 3)
		r.fs |= FS_TRUNCATE;
	if (abi >= 4)
		r.net = NET_BIND_TCP | NET_CONNECT_TCP;
	if (abi >= 5)
		r.fs |= FS_IOCTL_DEV;
	if (abi >= 6)
		r.scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
	return r;
}

/* Older kernels take a shorter struct, and no byte behind it. */
static size_t ruleset_bytes(int abi)
{
	return abi >= 6 ? sizeof(struct ruleset) : abi >= 4 ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, net);
}

static int allow_in(int ruleset, int fd, uint64_t rights)
{
	const struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) ? -errno : 0;
}

static int allow_below(int ruleset, const char *path, uint64_t rights)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? -errno : allow_in(ruleset, fd, rights);
}

static int allow_folder_of(int ruleset, const char *file)
{
	char path[PATH_MAX];
	const int len = snprintf(path, sizeof(path), "%s", file);
	const char *folder;
	int err;

	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	folder = dirname(path);
	err = allow_below(ruleset, strcmp(folder, "/") ? folder : file, LANDLOCK_ACCESS_FS_READ_FILE);	/* not all there is */
	return err == -ENOENT || err == -EACCES || err == -ENOTDIR ? 0 : err;	/* then the file is out of reach anyway */
}

static int allow_read(int ruleset, const char *file)
{
	char target[PATH_MAX];
	int err = allow_folder_of(ruleset, file);

	if (!err && realpath(file, target) && strcmp(target, file))
		err = allow_folder_of(ruleset, target);
	return err;
}

static int allow_connect(int ruleset, uint16_t port)
{
	const struct net_rule rule = { .access = NET_CONNECT_TCP, .port = port };

	return syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) ? -errno : 0;
}

int landlock_enter(const struct landlock_rules *rules)
{
	const int abi = landlock_abi();
	const struct ruleset all = refused(abi);
	_cleanup_close_ int ruleset = -1;
	int err = 0;

	if (!abi)
		return -EOPNOTSUPP;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, ruleset_bytes(abi), 0);
	if (ruleset < 0)
		return -errno;
	for (unsigned int i = 0; !err && i < rules->reads; i++)
		err = allow_read(ruleset, rules->read[i]);
	for (unsigned int i = 0; !err && i < rules->writes; i++)
		err = allow_in(ruleset, rules->write[i], write_rights & all.fs);
	for (unsigned int i = 0; !err && all.net && i < rules->connects; i++)
		err = allow_connect(ruleset, rules->connect[i]);
	if (!err && syscall(SYS_landlock_restrict_self, ruleset, 0))
		err = -errno;
	return err;
}
