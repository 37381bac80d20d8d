/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "run/syscalls.h"

/* What x86_64 has from old times; arm64's libraries use the newer one beside it in the list. */
static const char *const not_on_arm64[] = { "time", "epoll_wait", "poll", "select", "access", "readlink", "rename", "unlink" };

static bool is_old(const char *name)
{
	for (size_t i = 0; i < sizeof(not_on_arm64) / sizeof(*not_on_arm64); i++)
		if (!strcmp(name, not_on_arm64[i]))
			return true;
	return false;
}

static void every_name_is_one(void **state)
{
	const char *name;

	(void)state;
	for (int role = 0; role < SANDBOX_ROLES; role++)
		for (unsigned int i = 0; (name = syscalls_name(role, true, i)); i++) {
			if (seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, name) < 0)
				fail_msg("x86_64 has no %s", name);
			if (seccomp_syscall_resolve_name_arch(SCMP_ARCH_AARCH64, name) < 0 && !is_old(name))
				fail_msg("arm64 has no %s", name);
		}
}

static void nothing_dangerous_is_on_a_list(void **state)
{
	static const char *const never[] = {
		"execve", "execveat", "fork", "vfork", "clone", "clone3", "ptrace", "process_vm_readv", "process_vm_writev", "mount", "umount2",
		"pivot_root", "chroot", "setns", "unshare", "setuid", "setgid", "setresuid", "setresgid", "setgroups", "capset", "kill", "tkill",
		"pidfd_open", "pidfd_send_signal", "pidfd_getfd", "bpf", "socket", "ioctl", "mmap", "mprotect", "openat", "open", "openat2",
		"prctl", "seccomp", "init_module", "finit_module", "kexec_load", "reboot", "perf_event_open", "io_uring_setup",
		"userfaultfd", "keyctl", "add_key", "memfd_secret", "listen", "pkey_mprotect", "shmat", "name_to_handle_at",
		"open_by_handle_at", "linkat", "symlinkat", "mknodat", "fchmodat", "fchownat", "settimeofday", "clock_settime", "swapon",
	};
	const char *name;

	(void)state;
	for (int role = 0; role < SANDBOX_ROLES; role++)
		for (unsigned int i = 0; (name = syscalls_name(role, true, i)); i++)
			for (size_t n = 0; n < sizeof(never) / sizeof(*never); n++)
				if (!strcmp(name, never[n]))
					fail_msg("%s is allowed whatever its arguments", name);
}

/* Files are written only where there is a folder for it. */
static void writing_is_asked_for(void **state)
{
	const char *name;

	(void)state;
	for (int role = 0; role < SANDBOX_ROLES; role++)
		for (unsigned int i = 0; (name = syscalls_name(role, false, i)); i++)
			if (!strcmp(name, "renameat") || !strcmp(name, "unlinkat") || !strcmp(name, "pwrite64") || !strcmp(name, "getdents64"))
				fail_msg("%s without a folder to write in", name);
}

static void filter_is_made_for(uint32_t arch, const struct sandbox *box)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	FILE *out = tmpfile();

	assert_non_null(filter);
	assert_non_null(out);
	if (arch != seccomp_arch_native()) {
		assert_int_equal(seccomp_arch_add(filter, arch), 0);
		assert_int_equal(seccomp_arch_remove(filter, seccomp_arch_native()), 0);
	}
	assert_int_equal(syscalls_add(filter, box), 0);
	assert_int_equal(seccomp_export_bpf(filter, fileno(out)), 0);
	fclose(out);
	seccomp_release(filter);
}

static void filters_are_made(void **state)
{
	struct sandbox box = { 0 };

	(void)state;
	for (int role = 0; role < SANDBOX_ROLES; role++)
		for (int i = 0; i < 4; i++) {
			box.role = role;
			box.inet = i & 1;
			box.files.writes = i >> 1;
			filter_is_made_for(SCMP_ARCH_X86_64, &box);
			filter_is_made_for(SCMP_ARCH_AARCH64, &box);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_is_one),
		cmocka_unit_test(nothing_dangerous_is_on_a_list),
		cmocka_unit_test(writing_is_asked_for),
		cmocka_unit_test(filters_are_made),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
