/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

/* One line about @path; returns @err. */
static int __attribute__((format(printf, 4, 5))) wrong(char *error, int err, const char *path, const char *format, ...)
{
	int at = snprintf(error, SECRET_ERROR_BYTES, "\"%.200s\": ", path);
	va_list args;

	va_start(args, format);
	vsnprintf(error + at, SECRET_ERROR_BYTES - (size_t)at, format, args);
	va_end(args);
	return err;
}

static int check(const struct stat *st, const char *path, char *error)
{
	if (!S_ISREG(st->st_mode))
		return wrong(error, -EINVAL, path, "not a regular file; allowed: a file of %d random bytes",
			     SECRET_BYTES);
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		return wrong(error, -EPERM, path, "mode %04o: others have a right to it; allowed: 0600 or 0400",
			     st->st_mode & 07777u);
	if (st->st_uid && st->st_uid != geteuid())
		return wrong(error, -EPERM, path, "belongs to uid %u; allowed: root or uid %u", st->st_uid, geteuid());
	if (st->st_size != SECRET_BYTES)
		return wrong(error, -EINVAL, path, "%lld bytes; allowed: exactly %d random bytes",
			     (long long)st->st_size, SECRET_BYTES);
	return 0;
}

static int read_secret(const char *path, uint8_t *ret_secret, char *error)
{
	/* O_NONBLOCK: a FIFO in its place is refused, not waited for */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	uint8_t bytes[SECRET_BYTES];
	struct stat st;
	ssize_t n;
	int err;

	if (fd < 0 || fstat(fd, &st)) {
		err = -errno;
		return wrong(error, err, path, "cannot be read: %s", strerror(-err));
	}
	err = check(&st, path, error);
	if (err)
		return err;
	n = read(fd, bytes, sizeof(bytes));
	if (n == (ssize_t)sizeof(bytes))
		memcpy(ret_secret, bytes, sizeof(bytes));
	else
		err = wrong(error, n < 0 ? -errno : -EIO, path, "cannot be read: %s", strerror(n < 0 ? errno : EIO));
	explicit_bzero(bytes, sizeof(bytes));
	return err;
}

static int sync_directory(const char *dir)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) ? -errno : 0;
}

static int write_random(int fd)
{
	uint8_t bytes[SECRET_BYTES];
	ssize_t n = getrandom(bytes, sizeof(bytes), 0); /* so few bytes come at once, or not at all */

	if (n == (ssize_t)sizeof(bytes))
		n = write(fd, bytes, sizeof(bytes));
	explicit_bzero(bytes, sizeof(bytes));
	if (n != (ssize_t)sizeof(bytes))
		return n < 0 ? -errno : -ENOSPC;
	return fchmod(fd, S_IRUSR | S_IWUSR) || fsync(fd) ? -errno : 0; /* whatever the umask says */
}

/* -EEXIST: somebody else was faster; theirs holds. */
static int make_secret(const char *path)
{
	char new_path[PATH_MAX], dir[PATH_MAX];
	int fd, err;

	if (snprintf(new_path, sizeof(new_path), "%s.XXXXXX", path) >= (int)sizeof(new_path))
		return -ENAMETOOLONG;
	memcpy(dir, path, strlen(path) + 1);
	mkdir(dirname(dir), S_IRWXU); /* there already, or what follows meets what is wrong */
	fd = mkostemp(new_path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write_random(fd);
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat2(AT_FDCWD, new_path, AT_FDCWD, path, RENAME_NOREPLACE))
		err = -errno;
	if (err)
		unlink(new_path);
	return err ? err : sync_directory(dir);
}

int secret_load(const char *path, uint8_t ret_secret[SECRET_BYTES], char error[SECRET_ERROR_BYTES])
{
	int err = read_secret(path, ret_secret, error);
	bool made = false;

	if (err == -ENOENT) {
		err = make_secret(path);
		if (err && err != -EEXIST)
			return wrong(error, err, path, "not there, and cannot be made: %s", strerror(-err));
		made = !err;
		err = read_secret(path, ret_secret, error);
	}
	return err ? err : made;
}
