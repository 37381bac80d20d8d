/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/confine.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"

static const enum process_id process_of[SANDBOX_ROLES] = {
	[SANDBOX_AGENT] = PROCESS_AGENT, [SANDBOX_UPLINK] = PROCESS_UPLINK, [SANDBOX_METRICS] = PROCESS_METRICS,
};

int confine_open(struct confine *c, const struct dataplane *dp)
{
	for (int i = 0; i < PROCESS_MAP_N; i++)
		c->map_id[i] = dataplane_map_id(dp, process_map_names[i]);
	for (int i = 0; i < SANDBOX_ROLES; i++) {
		c->said[i] = sandbox_said_new();
		if (!c->said[i])
			return -ENOMEM;
	}
	return 0;
}

static int end_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

int confine_enter(struct confine *c, const struct privilege_user *user, const struct sandbox *box, pid_t dies_with)
{
	struct sandbox_said *said = c->said[box->role];
	int err = process_read_maps(c->map_id, &said->maps);

	for (int i = 0; i < SANDBOX_ROLES; i++)
		if (i != (int)box->role)
			sandbox_said_free(c->said[i]);
	if (!err)
		err = privilege_drop(user);
	if (!err && dies_with)
		err = end_with(dies_with);
	if (!err)
		err = sandbox_enter(box, said);
	if (err)
		log_error("its rights cannot be taken away: %s", strerror(-err));
	else if (!said->landlock_abi || said->seccomp_error)
		log_warn("this kernel has no %s%s%s: the process is confined without", said->landlock_abi ? "" : "Landlock",
			 !said->landlock_abi && said->seccomp_error ? " and no " : "", said->seccomp_error ? "seccomp filter" : "");
	return err;
}

void confine_look(struct confine *c, const struct child *const children[SANDBOX_ROLES])
{
	struct process_facts *self = &c->process[PROCESS_DATAPLANE];

	process_read(getpid(), self);	/* fails only where there is no /proc: then there are no figures */
	process_read_maps(c->map_id, &self->maps);
	for (int i = 0; i < SANDBOX_ROLES; i++) {
		struct process_facts *p = &c->process[process_of[i]], now = { .refused = children[i]->refused };

		memcpy(now.refused_last, p->refused_last, sizeof(now.refused_last));
		if (children[i]->pid && !process_read(children[i]->pid, &now)) {
			now.landlock_abi = c->said[i]->landlock_abi;
			now.landlock_refuses = c->said[i]->landlock_refuses;
			now.maps = c->said[i]->maps;
		}
		*p = now;
	}
}

void confine_refused(struct confine *c, enum sandbox_role role, const char *name)
{
	struct process_facts *p = &c->process[process_of[role]];

	sandbox_syscall_name(c->said[role]->refused, p->refused_last, sizeof(p->refused_last));
	log_error("%s asked for system call %s, which is not on its list", name, p->refused_last);
}
