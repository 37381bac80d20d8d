/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"

#define WRITES_FILE	(O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)
#define SOCKET_TYPE	0xf	/* the rest are flags */
#define OPTIONS_HARMLESS 26	/* of SOL_SOCKET: below SO_ATTACH_FILTER, with which a socket gets a program */

/* Memory, time, descriptors that are open already, the end. */
static const char *const common[] = {
	"read", "readv", "pread64", "write", "writev", "lseek", "close", "fcntl", "fstat", "newfstatat", "statx",
	"brk", "munmap", "mremap", "madvise",
	"clock_gettime", "clock_getres", "gettimeofday", "time", "clock_nanosleep", "nanosleep",
	"getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "uname", "sysinfo", "getrusage",
	"sched_getaffinity", "sched_yield", "getcpu",
	"futex", "membarrier", "rseq", "getrandom", "rt_sigprocmask", "rt_sigreturn", "restart_syscall", "exit", "exit_group",
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "poll", "ppoll", "select", "pselect6",
	"recvfrom", "recvmsg", "sendto", "sendmsg", "shutdown", "getsockopt", "getsockname", "getpeername",
	"bind",		/* netlink; TCP is Landlock's to refuse */
};

static const char *const agent[] = {
	"accept4",	/* control socket */
	"connect",	/* IPFIX; without it there is no socket to connect */
	"adjtimex", "clock_adjtime",	/* is the clock synchronised? To set it takes a capability */
};

static const char *const uplink[] = {
	"connect", "socketpair", "sendmmsg", "recvmmsg", "set_robust_list", "eventfd2",
	"access", "faccessat", "faccessat2", "readlink", "readlinkat",	/* libcrypto and the resolver look for files */
};

static const char *const metrics[] = {
	"accept4", "sendfile",
};

/* Files in a folder of its own. */
static const char *const writing[] = {
	"pwrite64", "pwritev", "fsync", "fdatasync", "ftruncate", "fallocate", "rename", "renameat", "renameat2", "unlink", "unlinkat",
	"fstatfs", "statfs", "flock", "getdents64",
};

static const struct {
	const char *const *name;
	unsigned int count;
} roles[SANDBOX_ROLES] = {
	[SANDBOX_AGENT] = { agent, ARRAY_SIZE(agent) },
	[SANDBOX_UPLINK] = { uplink, ARRAY_SIZE(uplink) },
	[SANDBOX_METRICS] = { metrics, ARRAY_SIZE(metrics) },
};

const char *syscalls_name(enum sandbox_role role, bool writes, unsigned int n)
{
	if (n < ARRAY_SIZE(common))
		return common[n];
	n -= ARRAY_SIZE(common);
	if (n < roles[role].count)
		return roles[role].name[n];
	n -= roles[role].count;
	return writes && n < ARRAY_SIZE(writing) ? writing[n] : NULL;
}

struct rule {
	const char *name;
	uint32_t action;
	struct scmp_arg_cmp arg[2];
	unsigned int args;
};

#define IF1(a)		.arg = { a }, .args = 1
#define IF2(a, b)	.arg = { a, b }, .args = 2
#define NO_BITS(n, mask)	SCMP_CMP(n, SCMP_CMP_MASKED_EQ, (mask), 0)
#define HAS_BIT(n, bit)	SCMP_CMP(n, SCMP_CMP_MASKED_EQ, (bit), (bit))
#define IS(n, value)	SCMP_CMP(n, SCMP_CMP_EQ, (scmp_datum_t)(value))

static int add(scmp_filter_ctx filter, const struct rule *rule)
{
	const int number = seccomp_syscall_resolve_name(rule->name);

	if (number == __NR_SCMP_ERROR)
		return -ENOENT;		/* a slip of the list's: the unit test finds it */
	return number < 0 ? 0 : seccomp_rule_add_array(filter, rule->action, number, rule->args, rule->arg);
}

static int add_all(scmp_filter_ctx filter, const struct rule *rules, unsigned int count)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < count; i++)
		err = add(filter, &rules[i]);
	return err;
}

static int add_files(scmp_filter_ctx filter, bool writes)
{
	static const uint32_t bits[] = { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC };
	const struct rule any = { "openat", SCMP_ACT_ALLOW, .args = 0 },
			  read_only = { "openat", SCMP_ACT_ALLOW, IF1(NO_BITS(2, WRITES_FILE)) };
	int err = add(filter, writes ? &any : &read_only);

	for (unsigned int i = 0; !err && !writes && i < ARRAY_SIZE(bits); i++)
		err = add(filter, &(struct rule){ "openat", SCMP_ACT_ERRNO(EACCES), IF1(HAS_BIT(2, bits[i])) });
	return err;
}

static int add_sockets(scmp_filter_ctx filter, const struct sandbox *box)
{
	const struct rule all[] = {
		{ "socket", SCMP_ACT_ALLOW, IF2(IS(0, AF_NETLINK), IS(2, NETLINK_ROUTE)) },
		{ "socket", SCMP_ACT_ERRNO(EAFNOSUPPORT), IF1(IS(0, AF_UNIX)) },
		{ "setsockopt", SCMP_ACT_ALLOW, IF2(IS(1, SOL_SOCKET), SCMP_CMP(2, SCMP_CMP_LT, OPTIONS_HARMLESS)) },
		{ "setsockopt", SCMP_ACT_ALLOW, IF1(IS(1, SOL_NETLINK)) },
		{ "setsockopt", SCMP_ACT_ALLOW, IF1(IS(1, IPPROTO_TCP)) },
		{ "setsockopt", SCMP_ACT_ALLOW, IF1(IS(1, IPPROTO_IP)) },
		{ "setsockopt", SCMP_ACT_ALLOW, IF1(IS(1, IPPROTO_IPV6)) },
	};
	static const int families[] = { AF_INET, AF_INET6 }, types[] = { SOCK_STREAM, SOCK_DGRAM };
	int err = add_all(filter, all, ARRAY_SIZE(all));

	for (unsigned int i = 0; !err && box->inet && i < 4; i++)
		err = add(filter, &(struct rule){ "socket", SCMP_ACT_ALLOW,
			  IF2(IS(0, families[i / 2]), SCMP_CMP(1, SCMP_CMP_MASKED_EQ, SOCKET_TYPE, (scmp_datum_t)types[i % 2])) });
	return err;
}

int syscalls_add(scmp_filter_ctx filter, const struct sandbox *box)
{
	const struct rule every[] = {
		{ "mmap", SCMP_ACT_ALLOW, IF1(NO_BITS(2, PROT_EXEC)) },
		{ "mmap", SCMP_ACT_ERRNO(EPERM), IF1(HAS_BIT(2, PROT_EXEC)) },
		{ "mprotect", SCMP_ACT_ALLOW, IF1(NO_BITS(2, PROT_EXEC)) },
		{ "mprotect", SCMP_ACT_ERRNO(EPERM), IF1(HAS_BIT(2, PROT_EXEC)) },
		{ "prlimit64", SCMP_ACT_ALLOW, IF1(IS(0, 0)) },
		{ "rt_sigaction", SCMP_ACT_ALLOW, IF1(SCMP_CMP(0, SCMP_CMP_NE, SIGSYS)) },
		{ "tgkill", SCMP_ACT_ALLOW, IF1(IS(0, getpid())) },	/* abort() */
		{ "prctl", SCMP_ACT_ALLOW, IF2(IS(0, PR_SET_DUMPABLE), IS(1, 0)) },	/* no core */
		{ "prctl", SCMP_ACT_ALLOW, IF2(IS(0, PR_SET_THP_DISABLE), IS(1, 1)) },
		{ "ioctl", SCMP_ACT_ALLOW, IF1(IS(1, FIONREAD)) },
		{ "ioctl", SCMP_ACT_ALLOW, IF1(IS(1, FIONBIO)) },
		{ "ioctl", SCMP_ACT_ERRNO(ENOTTY), IF1(IS(1, TCGETS)) },	/* of stdio: is it a terminal? */
	};
	const struct rule of_agent[] = {
		{ "bpf", SCMP_ACT_ALLOW, IF1(IS(0, BPF_MAP_LOOKUP_ELEM)) },
		{ "bpf", SCMP_ACT_ALLOW, IF1(IS(0, BPF_OBJ_GET_INFO_BY_FD)) },
		{ "ioctl", SCMP_ACT_ALLOW, IF1(IS(1, SIOCETHTOOL)) },	/* offloads; to change them takes a capability */
		{ "ioctl", SCMP_ACT_ALLOW, IF1(IS(1, SIOCOUTQ)) },
	};
	const struct rule of_uplink[] = {	/* names are looked up in a thread */
		{ "clone", SCMP_ACT_ALLOW, IF1(SCMP_CMP(0, SCMP_CMP_MASKED_EQ, CLONE_VM | CLONE_THREAD, CLONE_VM | CLONE_THREAD)) },
		{ "clone3", SCMP_ACT_ERRNO(ENOSYS), .args = 0 },	/* its flags lie in memory: glibc takes clone then */
	};
	const struct rule of_pages[] = {
		{ "memfd_create", SCMP_ACT_ALLOW, .args = 0 },
		{ "ftruncate", SCMP_ACT_ALLOW, .args = 0 },
	};
	const bool writes = box->files.writes;
	int err = add_all(filter, every, ARRAY_SIZE(every));
	const char *name;

	for (unsigned int i = 0; !err && (name = syscalls_name(box->role, writes, i)); i++)
		err = add(filter, &(struct rule){ name, SCMP_ACT_ALLOW, .args = 0 });
	if (!err && box->pages)
		err = add_all(filter, of_pages, ARRAY_SIZE(of_pages));
	if (!err && box->role == SANDBOX_AGENT)
		err = add_all(filter, of_agent, ARRAY_SIZE(of_agent));
	if (!err && box->role == SANDBOX_UPLINK)
		err = add_all(filter, of_uplink, ARRAY_SIZE(of_uplink));
	if (!err)
		err = add_files(filter, writes);
	return err ? err : add_sockets(filter, box);
}
