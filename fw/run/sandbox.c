/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/endpoint.h"
#include "base/hosts.h"
#include "base/util.h"
#include "run/syscalls.h"

#define PORT_DNS 53
_Static_assert(LANDLOCK_PORTS >= HOSTS_MAX + 1, "every broker, and DNS");
#define SIGSYS_BY_SECCOMP 1	/* SYS_SECCOMP of asm/siginfo.h, which cannot be included beside signal.h */

static struct sandbox_said *mine;

struct sandbox_said *sandbox_said_new(void)
{
	struct sandbox_said *said = mmap(NULL, sizeof(*said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (said == MAP_FAILED)
		return NULL;
	said->refused = -1;
	return said;
}

void sandbox_said_free(struct sandbox_said *said)
{
	if (said)
		munmap(said, sizeof(*said));
}

static void may_read(struct sandbox *box, const char *path)
{
	if (box->files.reads < LANDLOCK_READS && path[0])
		box->files.read[box->files.reads++] = path;
}

/* libcrypto reads its configuration when it is first used. */
static void may_read_openssl(struct sandbox *box)
{
	may_read(box, "/etc/ssl/openssl.cnf");
	may_read(box, "/usr/lib/ssl/openssl.cnf");
}

void sandbox_agent(struct sandbox *ret_box, const struct conf *conf, const char *oui_path, int spool_dir)
{
	struct endpoint collector;

	*ret_box = (struct sandbox){ .role = SANDBOX_AGENT };
	may_read(ret_box, oui_path);
	may_read(ret_box, "/proc/sys/kernel/random/boot_id");
	may_read(ret_box, "/sys/devices/system/cpu/possible");
	may_read_openssl(ret_box);
	ret_box->pages = conf->metrics.listen[0];
	if (spool_dir >= 0)
		ret_box->files.write[ret_box->files.writes++] = spool_dir;
	if (!conf->ipfix.endpoint[0] || endpoint_parse(conf->ipfix.endpoint, &collector))
		return;
	ret_box->inet = true;
	if (collector.is_tcp)
		ret_box->files.connect[ret_box->files.connects++] = ntohs(collector.v4.sin_port);	/* of both families at one place */
}

/* No file, no socket but those that it has. */
void sandbox_metrics(struct sandbox *ret_box)
{
	*ret_box = (struct sandbox){ .role = SANDBOX_METRICS };
}

void sandbox_uplink(struct sandbox *ret_box, const struct conf *conf)
{
	struct hosts hosts;

	*ret_box = (struct sandbox){ .role = SANDBOX_UPLINK, .inet = true };
	may_read(ret_box, "/etc/resolv.conf");	/* and hosts, nsswitch.conf, host.conf, gai.conf beside it */
	may_read_openssl(ret_box);
	if (conf->broker.tls) {		/* read again at each connection: they may be renewed */
		may_read(ret_box, conf->broker.ca_file);
		may_read(ret_box, conf->broker.cert_file);
		may_read(ret_box, conf->broker.key_file);
	}
	ret_box->files.connect[ret_box->files.connects++] = PORT_DNS;
	if (hosts_parse(conf->broker.host, &hosts))	/* cannot be: the configuration was read */
		return;
	for (unsigned int i = 0; i < hosts.count; i++)
		ret_box->files.connect[ret_box->files.connects++] = hosts.host[i].port ? hosts.host[i].port : conf->broker.port;
}

/* Says which call it was, then asks for what is on no list once more: SIGSYS is blocked in here, so that is the end. */
static void refused(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	mine->refused = info->si_code == SIGSYS_BY_SECCOMP ? info->si_syscall : -1;	/* or a signal from outside */
	syscall(SYS_execve, NULL, NULL, NULL);
	_exit(1);
}

static int enter_seccomp(const struct sandbox *box)
{
	const struct sigaction action = { .sa_sigaction = refused, .sa_flags = SA_SIGINFO };
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	int err;

	if (!filter)
		return -ENOMEM;
	err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);	/* a binary tree: the list is long */
	if (!err)
		err = syscalls_add(filter, box);
	if (!err && sigaction(SIGSYS, &action, NULL))
		err = -errno;
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}

static bool landlock_refuses(void)
{
	_cleanup_close_ int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 && errno == EACCES;
}

int sandbox_enter(const struct sandbox *box, struct sandbox_said *said)
{
	int err = landlock_enter(&box->files);

	if (err && err != -EOPNOTSUPP)
		return err;
	said->landlock_abi = err ? 0 : landlock_abi();
	said->landlock_refuses = landlock_refuses();
	said->seccomp_error = 0;
	said->refused = -1;
	mine = said;
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)	/* EINVAL: a kernel without */
		said->seccomp_error = -errno;
	return said->seccomp_error ? 0 : enter_seccomp(box);
}

const char *sandbox_syscall_name(int number, char *buf, unsigned int size)
{
	char *name = number < 0 ? NULL : seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	if (name || number < 0)
		snprintf(buf, size, "%s", name ? name : "unknown");
	else
		snprintf(buf, size, "number %d", number);
	free(name);
	return buf;
}
