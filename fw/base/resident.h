/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * resident - what of this process's memory is resident beyond what it needs.
 *
 * For a process that runs for months in little memory. Nothing here can fail in a way that matters: a kernel that refuses
 * leaves things as they are. No logging.
 */
#pragma once

/* Pools are touched as they are used: where huge pages are "always" on, the first byte of each would make 2 MB resident. */
void resident_no_huge_pages(void);

/* Code and constants that only the start has touched (libcrypto's above all: 1.3 MB): what is used comes back from the page cache. */
void resident_forget_start(void);
