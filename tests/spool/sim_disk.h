/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sim_disk - a directory in memory that can lose its power.
 *
 * It keeps what a reader sees (the page cache) apart from what is on the medium. Until a file is synced, each write to it
 * may be there after a cut or not, whole, torn at a byte, or with some of its 512-byte sectors; until the directory is
 * synced, so may each new, removed or renamed name. A sync of a file syncs no name: worse than most file systems, as bad as
 * POSIX allows. The cut comes at operation number @cut_at; from then on the disk answers -EIO.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/spool_io.h"

#define SIM_FILES 256
#define SIM_NAMES 128
#define SIM_FDS	  64
#define SIM_SECTOR 512

struct sim_write {
	struct sim_write *next;
	uint64_t order;		/* over all files */
	uint64_t offset;
	size_t len;
	bool is_orphan;		/* its sync failed: the page counts as clean, and is never written again */
	uint8_t bytes[];
};

struct sim_file {		/* an inode */
	bool is_used;
	uint8_t *seen, *medium;
	size_t seen_len, medium_len;
	struct sim_write *pending, **tail;
};

struct sim_name {
	char name[40];
	int file;		/* -1: free */
};

enum sim_dir_op { SIM_CREATE, SIM_UNLINK, SIM_RENAME };

struct sim_change {
	enum sim_dir_op op;
	char name[40], to[40];
	int file;
};

enum sim_fault { SIM_NO_FAULT, SIM_EIO, SIM_ENOSPC, SIM_EROFS, SIM_SHORT, SIM_SYNC_LIES, SIM_FAULTS };

struct sim {
	struct spool_io io;
	struct sim_file file[SIM_FILES];
	struct sim_name name[SIM_NAMES], durable[SIM_NAMES];
	struct sim_change change[512];
	unsigned int changes;
	int fd[SIM_FDS];	/* file, -1: free */
	uint64_t ops, cut_at;	/* cut_at 0: never */
	bool is_dead;
	enum sim_fault fault;
	uint64_t fault_at, fault_until;	/* operations that fail */
	uint64_t faults;
	uint64_t fs_bytes;	/* of the file system; 0: no end */
	uint64_t most_bytes;	/* that its files ever took, in blocks */
};

static inline struct sim *sim_of(const struct spool_io *io)
{
	return (struct sim *)((char *)(uintptr_t)io - offsetof(struct sim, io));
}

static inline int sim_look(const struct sim_name *names, const char *name)
{
	for (int i = 0; i < SIM_NAMES; i++)
		if (names[i].file >= 0 && !strcmp(names[i].name, name))
			return i;
	return -1;
}

static inline void sim_put(struct sim_name *names, const char *name, int file)
{
	int i = sim_look(names, name);

	for (int free_one = 0; i < 0; free_one++) {
		if (free_one == SIM_NAMES)
			abort();
		if (names[free_one].file < 0)
			i = free_one;
	}
	snprintf(names[i].name, sizeof(names[i].name), "%s", name);
	names[i].file = file;
}

static inline void sim_apply(struct sim_name *names, const struct sim_change *c)
{
	const int i = sim_look(names, c->name);

	switch (c->op) {
	case SIM_CREATE:
		sim_put(names, c->name, c->file);
		break;
	case SIM_UNLINK:
		if (i >= 0)
			names[i].file = -1;
		break;
	case SIM_RENAME:
		if (i >= 0)
			names[i].file = -1;
		sim_put(names, c->to, c->file);
		break;
	}
}

/* One more operation. False: it is not done. @ret_err then says how it fails. */
static inline bool sim_op(struct sim *d, bool is_write, bool is_sync, int *ret_err)
{
	d->ops++;
	if (d->cut_at && d->ops > d->cut_at)
		d->is_dead = true;
	if (d->is_dead) {
		*ret_err = -EIO;
		return false;
	}
	if (d->fault && d->ops >= d->fault_at && d->ops <= d->fault_until) {
		switch (d->fault) {
		case SIM_EIO:
			*ret_err = -EIO;
			d->faults++;
			return false;
		case SIM_EROFS:
			*ret_err = -EROFS;
			d->faults++;
			return false;
		case SIM_ENOSPC:
			*ret_err = -ENOSPC;
			d->faults += is_write;
			return !is_write;
		case SIM_SHORT:		/* the caller writes half of it */
			d->faults += is_write;
			return true;
		case SIM_SYNC_LIES:
			*ret_err = -EIO;
			d->faults += is_sync;
			return !is_sync;
		case SIM_NO_FAULT:
		case SIM_FAULTS:
			break;
		}
	}
	return true;
}

/* The cut is in the middle of this operation: it is begun, and may be found done or not. */
static inline void sim_after(struct sim *d)
{
	if (d->cut_at && d->ops >= d->cut_at)
		d->is_dead = true;
}

static inline uint64_t sim_bytes(const struct sim *d)
{
	uint64_t sum = 0;

	for (int i = 0; i < SIM_NAMES; i++)
		if (d->name[i].file >= 0)
			sum += (d->file[d->name[i].file].seen_len + 4095) / 4096 * 4096;
	return sum;
}

static inline int sim_open(const struct spool_io *io, const char *name, int flags)
{
	struct sim *d = sim_of(io);
	int i = sim_look(d->name, name), file, err = 0, fd = 0;

	if (d->is_dead)
		return -EIO;
	while (fd < SIM_FDS && d->fd[fd] >= 0)
		fd++;
	if (fd == SIM_FDS)
		abort();	/* a descriptor is lost with each segment */
	if (i < 0) {
		if (!(flags & O_CREAT))
			return -ENOENT;
		if (!sim_op(d, true, false, &err))
			return err;
		for (file = 0; file < SIM_FILES && d->file[file].is_used; file++)
			;
		if (file == SIM_FILES || d->changes == 512)
			abort();
		d->file[file] = (struct sim_file){ .is_used = true };
		d->file[file].tail = &d->file[file].pending;
		d->change[d->changes] = (struct sim_change){ .op = SIM_CREATE, .file = file };
		snprintf(d->change[d->changes].name, 40, "%s", name);
		sim_apply(d->name, &d->change[d->changes++]);
		sim_after(d);
		i = sim_look(d->name, name);
	} else if (flags & O_EXCL) {
		return -EEXIST;
	}
	d->fd[fd] = d->name[i].file;
	return fd;
}

static inline void sim_close(const struct spool_io *io, int fd)
{
	sim_of(io)->fd[fd] = -1;
}

static inline ssize_t sim_pread(const struct spool_io *io, int fd, void *buf, size_t len, uint64_t offset)
{
	struct sim *d = sim_of(io);
	const struct sim_file *f = &d->file[d->fd[fd]];

	if (d->is_dead)
		return -EIO;
	if (offset >= f->seen_len)
		return 0;
	if (len > f->seen_len - offset)
		len = f->seen_len - offset;
	memcpy(buf, f->seen + offset, len);
	return (ssize_t)len;
}

static inline void sim_write_into(uint8_t **bytes, size_t *bytes_len, uint64_t offset, const uint8_t *from, size_t len)
{
	if (offset + len > *bytes_len) {
		size_t have = 4096, need = 4096;	/* as was asked for before: powers of two */

		while (have < *bytes_len)
			have *= 2;
		while (need < offset + len)
			need *= 2;
		if (!*bytes || need > have)
			*bytes = realloc(*bytes, need);
		memset(*bytes + *bytes_len, 0, offset + len - *bytes_len);
		*bytes_len = offset + len;
	}
	if (len)
		memcpy(*bytes + offset, from, len);
}

static inline ssize_t sim_pwrite(const struct spool_io *io, int fd, const void *buf, size_t len, uint64_t offset)
{
	struct sim *d = sim_of(io);
	struct sim_file *f = &d->file[d->fd[fd]];
	struct sim_write *w;
	int err = 0;

	if (!sim_op(d, true, false, &err))
		return err;
	if (d->fault == SIM_SHORT && d->ops >= d->fault_at && d->ops <= d->fault_until && len > 1)
		len /= 2;
	if (d->fs_bytes && offset + len > f->seen_len && sim_bytes(d) + (offset + len - f->seen_len) > d->fs_bytes) {
		d->faults++;
		return -ENOSPC;
	}
	w = malloc(sizeof(*w) + len);
	*w = (struct sim_write){ .order = d->ops, .offset = offset, .len = len };
	memcpy(w->bytes, buf, len);
	*f->tail = w;
	f->tail = &w->next;
	sim_write_into(&f->seen, &f->seen_len, offset, buf, len);
	if (sim_bytes(d) > d->most_bytes)
		d->most_bytes = sim_bytes(d);
	sim_after(d);
	return (ssize_t)len;
}

/* What is written again over a page that was never stored, is stored: the older write is not seen any more. */
static inline bool sim_is_covered(const struct sim_write *w)
{
	for (const struct sim_write *later = w->next; later; later = later->next)
		if (!later->is_orphan && later->offset < w->offset + w->len && w->offset < later->offset + later->len)
			return true;
	return false;
}

static inline void sim_settle(struct sim_file *f)
{
	struct sim_write *w, **at = &f->pending;

	while ((w = *at)) {
		if (!w->is_orphan || !sim_is_covered(w)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		free(w);
	}
	at = &f->pending;

	while ((w = *at)) {
		if (w->is_orphan) {	/* not on the medium, whatever is said now */
			at = &w->next;
			continue;
		}
		sim_write_into(&f->medium, &f->medium_len, w->offset, w->bytes, w->len);
		*at = w->next;
		free(w);
	}
	f->tail = at;
}

static inline int sim_fdatasync(const struct spool_io *io, int fd)
{
	struct sim *d = sim_of(io);
	struct sim_file *f = &d->file[d->fd[fd]];
	int err = 0;

	if (!sim_op(d, false, true, &err)) {
		for (struct sim_write *w = f->pending; w && !d->is_dead; w = w->next)
			w->is_orphan = true;
		return err;
	}
	sim_after(d);
	if (d->is_dead)
		return -EIO;	/* nothing of it, or all of it: both are among what a cut may leave */
	sim_settle(f);
	return 0;
}

static inline int sim_size(const struct spool_io *io, int fd, uint64_t *ret_bytes)
{
	struct sim *d = sim_of(io);

	*ret_bytes = d->file[d->fd[fd]].seen_len;
	return d->is_dead ? -EIO : 0;
}

static inline int sim_sync_dir(const struct spool_io *io)
{
	struct sim *d = sim_of(io);
	int err = 0;

	if (!sim_op(d, false, true, &err))
		return err;
	sim_after(d);
	if (d->is_dead)
		return -EIO;
	for (unsigned int i = 0; i < d->changes; i++)
		sim_apply(d->durable, &d->change[i]);
	d->changes = 0;
	return 0;
}

static inline int sim_change_name(struct sim *d, enum sim_dir_op op, const char *name, const char *to)
{
	const int i = sim_look(d->name, name);
	int err = 0;

	if (!sim_op(d, false, false, &err))
		return err;
	if (i < 0)
		return -ENOENT;
	if (d->changes == 512)
		abort();
	d->change[d->changes] = (struct sim_change){ .op = op, .file = d->name[i].file };
	snprintf(d->change[d->changes].name, 40, "%s", name);
	snprintf(d->change[d->changes].to, 40, "%s", to);
	sim_apply(d->name, &d->change[d->changes++]);
	sim_after(d);
	return 0;
}

static inline int sim_rename(const struct spool_io *io, const char *from, const char *to)
{
	return sim_change_name(sim_of(io), SIM_RENAME, from, to);
}

static inline int sim_unlink(const struct spool_io *io, const char *name)
{
	return sim_change_name(sim_of(io), SIM_UNLINK, name, "");
}

static inline int sim_list(const struct spool_io *io, spool_io_name each, void *arg)
{
	struct sim *d = sim_of(io);

	for (int i = 0; i < SIM_NAMES && !d->is_dead; i++)
		if (d->name[i].file >= 0)
			each(d->name[i].name, arg);
	return d->is_dead ? -EIO : 0;
}

static inline int sim_free_bytes(const struct spool_io *io, uint64_t *ret_bytes)
{
	struct sim *d = sim_of(io);
	const uint64_t used = sim_bytes(d);

	*ret_bytes = !d->fs_bytes ? UINT64_MAX / 2 : used < d->fs_bytes ? d->fs_bytes - used : 0;
	return d->is_dead ? -EIO : 0;
}

static inline void sim_begin(struct sim *d)
{
	memset(d, 0, sizeof(*d));
	d->io = (struct spool_io){ .open = sim_open, .close = sim_close, .pread = sim_pread, .pwrite = sim_pwrite,
				   .fdatasync = sim_fdatasync, .size = sim_size, .sync_dir = sim_sync_dir, .rename = sim_rename,
				   .unlink = sim_unlink, .list = sim_list, .free_bytes = sim_free_bytes };
	for (int i = 0; i < SIM_NAMES; i++)
		d->name[i].file = d->durable[i].file = -1;
	for (int i = 0; i < SIM_FDS; i++)
		d->fd[i] = -1;
}

static inline void sim_end(struct sim *d)
{
	for (int i = 0; i < SIM_FILES; i++) {
		struct sim_file *f = &d->file[i];

		for (struct sim_write *w = f->pending, *next; w; w = next) {
			next = w->next;
			free(w);
		}
		free(f->seen);
		free(f->medium);
		*f = (struct sim_file){ 0 };
	}
}

/* ---- what a cut leaves ---- */

enum sim_left {			/* of writes that were not synced */
	SIM_ALL, SIM_NONE, SIM_BUT_LAST, SIM_ONLY_LAST, SIM_SOME, SIM_PREFIX, SIM_TORN_BYTE, SIM_TORN_SECTORS, SIM_SOME_TORN, SIM_LEFT_N,
};

static inline uint64_t sim_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;	/* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static inline void sim_torn(struct sim_file *to, const struct sim_write *w, bool by_sector, uint64_t *random)
{
	if (!by_sector) {
		sim_write_into(&to->medium, &to->medium_len, w->offset, w->bytes, sim_random(random) % (w->len + 1));
		return;
	}
	for (uint64_t at = w->offset, end = w->offset + w->len; at < end; ) {
		const uint64_t next = (at / SIM_SECTOR + 1) * SIM_SECTOR < end ? (at / SIM_SECTOR + 1) * SIM_SECTOR : end;

		if (sim_random(random) & 1)
			sim_write_into(&to->medium, &to->medium_len, at, w->bytes + (at - w->offset), next - at);
		at = next;
	}
}

/* @to: the disk as it is when the power comes back. @dir_left: 0: no name that was not synced, 1: all, 2: some. */
static inline void sim_cut(struct sim *to, const struct sim *d, enum sim_left left, int dir_left, uint64_t seed)
{
	uint64_t random = seed, last = 0, first = UINT64_MAX, prefix;

	sim_begin(to);
	to->fs_bytes = d->fs_bytes;
	memcpy(to->durable, d->durable, sizeof(to->durable));
	for (unsigned int i = 0; i < d->changes; i++)
		if (dir_left == 1 || (dir_left == 2 && sim_random(&random) & 1))
			sim_apply(to->durable, &d->change[i]);
	for (int i = 0; i < SIM_FILES; i++)
		for (const struct sim_write *w = d->file[i].pending; w; w = w->next) {
			last = w->order > last ? w->order : last;
			first = w->order < first ? w->order : first;
		}
	prefix = last ? first + sim_random(&random) % (last - first + 1) : 0;
	for (int i = 0; i < SIM_NAMES; i++) {
		const struct sim_file *from;
		struct sim_file *f;

		if (to->durable[i].file < 0)
			continue;
		from = &d->file[to->durable[i].file];
		f = &to->file[to->durable[i].file];
		if (f->is_used)
			continue;	/* two names of one file: a rename half done */
		f->is_used = true;
		f->tail = &f->pending;
		if (from->medium_len)
			sim_write_into(&f->medium, &f->medium_len, 0, from->medium, from->medium_len);
		for (const struct sim_write *w = from->pending; w; w = w->next) {
			const bool some = sim_random(&random) & 1;
			const bool whole = w->is_orphan ? some :
				left == SIM_ALL || (left == SIM_BUT_LAST && w->order != last) || (left == SIM_ONLY_LAST && !w->next) ||
				(left == SIM_SOME && some) || (left == SIM_PREFIX && w->order <= prefix) ||
				((left == SIM_TORN_BYTE || left == SIM_TORN_SECTORS) && w->order != last);

			if (whole)
				sim_write_into(&f->medium, &f->medium_len, w->offset, w->bytes, w->len);
			else if (!w->is_orphan && (left == SIM_TORN_BYTE || left == SIM_TORN_SECTORS || left == SIM_SOME_TORN))
				sim_torn(f, w, left != SIM_TORN_BYTE, &random);
		}
		if (f->medium_len)
			sim_write_into(&f->seen, &f->seen_len, 0, f->medium, f->medium_len);
	}
	memcpy(to->name, to->durable, sizeof(to->name));
}
