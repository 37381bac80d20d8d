/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/resident.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

void resident_no_huge_pages(void)
{
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

/* Segments that nobody has written to: what relocation changes lies in those with PF_W (Debian has no text relocations). */
static int forget(struct dl_phdr_info *object, size_t size, void *arg)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)arg;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		const uintptr_t at = object->dlpi_addr + segment->p_vaddr, from = at & ~(page - 1);

		if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W))
			madvise((void *)from, at + segment->p_memsz - from, MADV_DONTNEED);
	}
	return 0;
}

void resident_forget_start(void)
{
	dl_iterate_phdr(forget, NULL);
}
