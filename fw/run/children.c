/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/children.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"

static void restart_due(struct loop_timer *timer)
{
	child_start(container_of(timer, struct child, restart));
}

static void restart_later(struct child *child)
{
	child->restart.due = restart_due;
	loop_timer_arm(child->loop, &child->restart, loop_now_ns() + child->wait_ns);
	child->wait_ns = MIN(child->wait_ns * 2, CHILD_WAIT_MAX_NS);
}

void child_start(struct child *child)
{
	pid_t pid;

	if (!child->wait_ns)
		child->wait_ns = CHILD_WAIT_MIN_NS;
	pid = fork();
	if (pid < 0) {
		log_error("%s cannot be started: %s", child->name, strerror(errno));
		restart_later(child);
		return;
	}
	if (pid == 0) {
		sigset_t none;

		prctl(PR_SET_NAME, child->name);
		/* Only until it drops its rights, which clears this; from then on its socket ends with the supervisor. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		_exit(child->run(child));
	}
	child->pid = pid;
	child->starts++;
	child->started_ns = loop_now_ns();
	if (child->started)
		child->started(child);
}

void child_died(struct child *child, int wait_status)
{
	child->pid = 0;
	child->refused += WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGSYS;
	if (child->stopping)
		return;
	if (WIFSIGNALED(wait_status))
		log_error("%s was ended by signal %d (%s); it is started again", child->name, WTERMSIG(wait_status),
			  strsignal(WTERMSIG(wait_status)));
	else
		log_error("%s ended with status %d; it is started again", child->name, WEXITSTATUS(wait_status));
	if (loop_now_ns() - child->started_ns > CHILD_OLD_NS)
		child->wait_ns = CHILD_WAIT_MIN_NS;
	restart_later(child);
}
