/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/spool_cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

#include "base/util.h"

int spool_cursor_load(const struct spool_io *io, struct spool_cursor *ret_cursor, uint8_t *buf)
{
	const int fd = io->open(io, SPOOL_CURSOR_NAME, O_RDONLY);
	bool is_found = false;

	if (fd < 0)
		return fd == -ENOENT ? -ENODATA : fd;
	for (uint64_t slot = 0; slot < 2; slot++) {
		const ssize_t n = io->pread(io, fd, buf, SPOOL_SLOT_MAX, slot * SPOOL_CURSOR_SLOT);
		struct spool_cursor c;

		if (n <= 0 || !spool_cursor_get(buf, (size_t)n, &c) || (is_found && c.generation <= ret_cursor->generation))
			continue;
		*ret_cursor = c;
		is_found = true;
	}
	io->close(io, fd);
	return is_found ? 0 : -ENODATA;
}

/* On an error the generation stays: the slot that is good is not the next one to be written. */
int spool_cursor_store(const struct spool_io *io, struct spool_cursor *cursor, uint8_t *buf)
{
	const int fd = io->open(io, SPOOL_CURSOR_NAME, O_RDWR | O_CREAT);
	int err;

	if (fd < 0)
		return fd;
	cursor->generation++;
	err = spool_io_write(io, fd, buf, spool_cursor_put(buf, cursor), cursor->generation % 2 * SPOOL_CURSOR_SLOT);
	if (!err)
		err = io->fdatasync(io, fd);
	io->close(io, fd);
	if (err)
		cursor->generation--;
	return err;
}

int spool_cursor_store_both(const struct spool_io *io, struct spool_cursor *cursor, uint8_t *buf)
{
	int err = spool_cursor_store(io, cursor, buf);

	if (!err)
		err = spool_cursor_store(io, cursor, buf);
	return err ? err : io->sync_dir(io);
}
