/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tool_escape - what somebody who runs code in one of our processes can do: tries it, from inside, one attempt a process.
 *
 *   tool_escape ROLE HOW FOLDER      ROLE agent, uplink, metrics
 *
 * HOW confined: with the rights that the role has (privilege_drop(), sandbox_enter()); user: with another user only; root: with
 * none taken away. FOLDER: an own folder, with "open" (mode 0777), "own" (may be written by an agent) and
 * "file" (mode 0666) in it. Prints a line an attempt: NAME did | NAME SYMBOL of errno | NAME SIGSYS CALL | NAME signal N.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "run/privilege.h"
#include "run/sandbox.h"

static struct {
	enum sandbox_role role;
	struct sandbox_said *said;
	const char *how;
	struct privilege_user user;
	struct sandbox box;
	int map, map_read_only;
	int listen_fd, other_listen_fd;
	uint16_t port, other_port;	/* one that the role may connect to, one that it may not */
	pid_t victim;			/* same user, no filter */
	int socket;
} lab;

static int file(const char *name, int flags)
{
	const int fd = open(name, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd;
}

/* ---- attempts: 0 and above did it ---- */

static int prog_load(void)
{
	const struct bpf_insn program[] = { { .code = 0xb7, .dst_reg = 0 }, { .code = 0x95 } };
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = (uintptr_t)program, .insn_cnt = 2,
				.license = (uintptr_t)"GPL" };

	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static int map_create(void)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static int map_do(int cmd, int fd)
{
	uint32_t key = 0, value = 0;
	union bpf_attr attr = { .map_fd = (uint32_t)fd, .key = (uintptr_t)&key, .value = (uintptr_t)&value };

	return (int)syscall(SYS_bpf, cmd, &attr, sizeof(attr));
}

static int map_lookup(void) { return map_do(BPF_MAP_LOOKUP_ELEM, lab.map_read_only); }
static int map_update(void) { return map_do(BPF_MAP_UPDATE_ELEM, lab.map); }

static int map_by_id(void)
{
	union bpf_attr attr = { .start_id = 0 };

	return (int)syscall(SYS_bpf, BPF_MAP_GET_NEXT_ID, &attr, sizeof(attr));
}

/* Of a map that is only to be read: through memory, which is a right of the descriptor, too. Fails for everybody. */
static int map_write_read_only(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, lab.map_read_only, 0) == MAP_FAILED ? -1 : 0;
}

static int open_write(void) { return file("file", O_WRONLY); }
static int open_truncate(void) { return truncate("file", 0); }
static int create_outside(void) { return file("open/new", O_WRONLY | O_CREAT); }
static int read_outside(void) { return file("file", O_RDONLY); }
static int list_root(void) { return file("/", O_RDONLY | O_DIRECTORY); }
static int read_cpus(void) { return file("/sys/devices/system/cpu/possible", O_RDONLY); }
static int read_resolv(void) { return file("/etc/resolv.conf", O_RDONLY); }

static int write_own(void)
{
	const int fd = open("own/new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int err;

	if (fd < 0)
		return -1;
	err = pwrite(fd, "x", 1, 10) == 1 && !fdatasync(fd) && !fsync(fd) && !ftruncate(fd, 1) ? 0 : -1;
	close(fd);
	return err || rename("own/new", "own/old") || unlink("own/old") ? -1 : 0;
}

static int make_folder(void) { return mkdir("own/folder", 0700); }
static int set_mode(void) { return chmod("own", 0700); }
static int link_file(void) { return symlink("/etc/passwd", "own/link"); }
static int ptrace_attach(void) { return (int)ptrace(PTRACE_ATTACH, lab.victim, NULL, NULL); }

static int read_memory(void)
{
	char here;
	const struct iovec to = { &here, 1 }, from = { &lab, 1 };

	return (int)process_vm_readv(lab.victim, &to, 1, &from, 1, 0);
}

static int mount_tmpfs(void) { return mount("none", "open", "tmpfs", 0, NULL); }
static int new_namespace(void) { return unshare(CLONE_NEWUSER); }
static int become_root(void) { return setuid(0); }
static int packet_socket(void) { return socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)); }
static int raw_socket(void) { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static int netfilter_socket(void) { return socket(AF_NETLINK, SOCK_RAW, 12); }
static int unix_socket(void) { return socket(AF_UNIX, SOCK_STREAM, 0); }
static int udp_socket(void) { return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); }

static int socket_program(void)
{
	const struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, 0xffff);
	const struct sock_fprog program = { 1, (struct sock_filter *)&all };

	return setsockopt(lab.socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int dial(uint16_t port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return connect(lab.socket, (const struct sockaddr *)&to, sizeof(to));
}

static int connect_broker(void) { return dial(lab.port); }
static int connect_other(void) { return dial(lab.other_port); }

static int tcp_bind(void)
{
	const struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return bind(lab.socket, (const struct sockaddr *)&at, sizeof(at));
}

static int tcp_listen(void) { return listen(lab.socket, 1); }

static int exec_program(void)
{
	const int child = vfork();

	if (child)
		return waitpid(child, NULL, 0) == child ? 0 : -1;
	execl("/bin/true", "true", NULL);
	_exit(1);
}

static int exec_here(void)
{
	execl("/bin/true", "true", NULL);
	return -1;
}

static int fork_one(void)
{
	const pid_t child = fork();

	if (!child)
		_exit(0);
	return child < 0 ? -1 : 0;
}

static int kill_supervisor(void) { return kill(getppid(), SIGURG); }	/* which it ignores */
static int kill_victim(void) { return (int)syscall(SYS_tgkill, lab.victim, lab.victim, SIGURG); }

static int map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int memory_to_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static int own_sigsys(void) { return signal(SIGSYS, SIG_IGN) == SIG_ERR ? -1 : 0; }
static int limit_supervisor(void) { return prlimit(getppid(), RLIMIT_CORE, &(struct rlimit){ 0, 0 }, NULL); }
static int undo_no_dump(void) { return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }

/* The end that is allowed: as a failed assertion of a library's. */
static int abort_itself(void) { abort(); }

#define ATTEMPTS(X) \
	X(prog_load) X(map_create) X(map_lookup) X(map_update) X(map_write_read_only) X(map_by_id) \
	X(open_write) X(open_truncate) X(create_outside) X(read_outside) X(list_root) X(read_cpus) X(read_resolv) \
	X(write_own) X(make_folder) X(set_mode) X(link_file) \
	X(ptrace_attach) X(read_memory) X(mount_tmpfs) X(new_namespace) X(become_root) \
	X(packet_socket) X(raw_socket) X(netfilter_socket) X(unix_socket) X(udp_socket) X(socket_program) \
	X(connect_broker) X(connect_other) X(tcp_bind) X(tcp_listen) \
	X(exec_program) X(exec_here) X(fork_one) X(kill_supervisor) X(kill_victim) X(map_code) X(memory_to_code) X(own_sigsys) \
	X(limit_supervisor) X(undo_no_dump) X(abort_itself)

static const struct {
	const char *name;
	int (*run)(void);
} attempts[] = {
#define X(name) { #name, name },
	ATTEMPTS(X)
#undef X
};

static void confine(void)
{
	int err = 0;

	if (strcmp(lab.how, "root"))
		err = privilege_drop(&lab.user);
	if (!err && !strcmp(lab.how, "confined"))
		err = sandbox_enter(&lab.box, lab.said);
	if (err) {
		fprintf(stderr, "tool_escape: %s\n", strerror(-err));
		_exit(99);
	}
}

static void attempt(size_t i)
{
	int result[2], status, said = 0;
	char call[32];
	pid_t pid;

	if (pipe(result))
		exit(1);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		lab.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		confine();
		said = attempts[i].run() < 0 ? errno : 0;
		_exit(write(result[1], &said, sizeof(said)) == sizeof(said) ? 0 : 98);
	}
	close(result[1]);
	if (waitpid(pid, &status, 0) != pid)
		exit(1);
	printf("%s ", attempts[i].name);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		printf("SIGSYS %s\n", sandbox_syscall_name(lab.said->refused, call, sizeof(call)));
	else if (WIFSIGNALED(status))
		printf("signal %d\n", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		printf("status %d\n", WEXITSTATUS(status));
	else if (read(result[0], &said, sizeof(said)) != sizeof(said) || !said)	/* nothing: a program took its place */
		printf("did\n");
	else
		printf("%s\n", strerrorname_np(said));
	close(result[0]);
}

static int listen_tcp(uint16_t *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) || listen(fd, 8) || getsockname(fd, (struct sockaddr *)&at, &len))
		return -1;
	*ret_port = ntohs(at.sin_port);
	return fd;
}

static void open_victim(void)
{
	lab.victim = fork();
	if (lab.victim)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (strcmp(lab.how, "root") && privilege_drop(&lab.user))
		_exit(1);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	for (;;)
		pause();
}

static int open_lab(void)
{
	static struct conf conf = { .broker.tls = false };
	LIBBPF_OPTS(bpf_map_create_opts, map, .map_flags = BPF_F_MMAPABLE);
	LIBBPF_OPTS(bpf_get_fd_by_id_opts, get, .open_flags = BPF_F_RDONLY);
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	lab.said = sandbox_said_new();
	lab.user = (struct privilege_user){ .uid = 65533, .gid = 65533 };
	lab.map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "escape", 4, 4, 1, &map);
	if (lab.map < 0 || bpf_obj_get_info_by_fd(lab.map, &info, &size))
		return -errno;
	lab.map_read_only = bpf_map_get_fd_by_id_opts(info.id, &get);
	lab.listen_fd = listen_tcp(&lab.port);
	lab.other_listen_fd = listen_tcp(&lab.other_port);
	if (!lab.said || lab.map_read_only < 0 || lab.listen_fd < 0 || lab.other_listen_fd < 0)
		return -errno;
	open_victim();
	snprintf(conf.broker.host, sizeof(conf.broker.host), "127.0.0.1");
	conf.broker.port = lab.port;
	if (lab.role == SANDBOX_AGENT)
		sandbox_agent(&lab.box, &conf, "/usr/lib/weir/oui.bin");
	else if (lab.role == SANDBOX_UPLINK)
		sandbox_uplink(&lab.box, &conf);
	else
		sandbox_metrics(&lab.box);
	if (lab.role == SANDBOX_AGENT) {
		lab.box.files.write[0] = "own";
		lab.box.files.writes = 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int err;

	if (argc != 4 || chdir(argv[3])) {
		fprintf(stderr, "usage: tool_escape agent|uplink|metrics confined|user|root FOLDER\n");
		return 2;
	}
	lab.role = !strcmp(argv[1], "agent") ? SANDBOX_AGENT : !strcmp(argv[1], "uplink") ? SANDBOX_UPLINK : SANDBOX_METRICS;
	lab.how = argv[2];
	signal(SIGURG, SIG_IGN);
	err = open_lab();
	if (err) {
		fprintf(stderr, "tool_escape: %s\n", strerror(-err));
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++)
		attempt(i);
	kill(lab.victim, SIGKILL);
	printf("landlock %d %d\n", lab.said->landlock_abi, lab.said->landlock_refuses);
	return 0;
}
