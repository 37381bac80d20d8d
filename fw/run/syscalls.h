/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * syscalls - the lists of system calls by role, as a seccomp filter (sandbox.h says what happens to all others).
 *
 * Names, so that libseccomp finds the numbers of the machine; one that the machine does not have (arm64: no poll) is left out.
 * Arguments are looked at where a call can do both harm and good: bpf, ioctl, mmap, mprotect, openat, prlimit64, rt_sigaction,
 * setsockopt, socket, tgkill. 0 or a negative errno.
 */
#pragma once

#include <seccomp.h>

#include "run/sandbox.h"

int syscalls_add(scmp_filter_ctx filter, const struct sandbox *box);	/* for the process that calls */

/* The names, for the tests; NULL: no more. */
const char *syscalls_name(enum sandbox_role role, bool writes, unsigned int n);
