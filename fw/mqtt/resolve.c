/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "mqtt/resolve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/util.h"

#define STACK_BYTES (256 * 1024)	/* nss modules want some; touched pages alone cost memory */

/* Shared with the thread; whoever lets go last frees it. */
struct job {
	atomic_int users;
	int event_fd;
	int err;
	struct addrinfo *list;
	char host[256], port[8];
};

struct resolve {
	struct loop *loop;
	struct job *job;
	struct loop_fd answered;
	void (*done)(void *arg, int err, const struct addrinfo *list);
	void *arg;
};

static atomic_int threads;

static void let_go(struct job *job)
{
	if (atomic_fetch_sub(&job->users, 1) != 1)
		return;
	if (job->list)
		freeaddrinfo(job->list);
	close(job->event_fd);
	free(job);
}

static int ask(struct job *job, int flags)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV };

	return getaddrinfo(job->host, job->port, &hints, &job->list);
}

static void tell(struct job *job)
{
	if (write(job->event_fd, &(uint64_t){ 1 }, 8) != 8)
		abort();	/* cannot be: the counter is 0 */
}

static void *thread_main(void *arg)
{
	struct job *job = arg;

	/* Not AI_ADDRCONFIG: without a network yet it would say that the name has no address. */
	job->err = ask(job, 0);
	tell(job);
	atomic_fetch_sub(&threads, 1);
	let_go(job);
	return NULL;
}

static int start_thread(struct job *job)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	if (atomic_fetch_add(&threads, 1) >= RESOLVE_THREADS_MAX) {
		atomic_fetch_sub(&threads, 1);
		return -EAGAIN;
	}
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	atomic_fetch_add(&job->users, 1);
	err = pthread_create(&thread, &attr, thread_main, job);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (err) {
		atomic_fetch_sub(&threads, 1);
		atomic_fetch_sub(&job->users, 1);
	}
	return -err;
}

static void answered(struct loop_fd *watch, uint32_t events)
{
	struct resolve *r = container_of(watch, struct resolve, answered);

	(void)events;
	loop_fd_remove(watch);
	r->done(r->arg, r->job->err, r->job->list);
}

int resolve_start(struct resolve **ret_resolve, struct loop *loop, const char *host, uint16_t port,
		  void (*done)(void *arg, int err, const struct addrinfo *list), void *arg)
{
	struct resolve *r = calloc(1, sizeof(*r));
	struct job *job = calloc(1, sizeof(*job));
	int err = 0;

	if (!r || !job || strlen(host) >= sizeof(job->host)) {
		free(r);
		free(job);
		return -ENOMEM;
	}
	*r = (struct resolve){ .loop = loop, .job = job, .done = done, .arg = arg };
	job->users = 1;
	job->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (job->event_fd < 0)
		err = -errno;
	snprintf(job->host, sizeof(job->host), "%s", host);
	snprintf(job->port, sizeof(job->port), "%u", port);
	r->answered = (struct loop_fd){ .ready = answered, .fd = job->event_fd };
	if (!err)
		err = loop_fd_add(loop, &r->answered, EPOLLIN);
	if (!err) {
		job->err = ask(job, AI_NUMERICHOST);
		if (job->err == EAI_NONAME)
			err = start_thread(job);
		else
			tell(job);
	}
	if (err) {
		resolve_free(r);
		return err;
	}
	*ret_resolve = r;
	return 0;
}

struct resolve *resolve_free(struct resolve *r)
{
	if (!r)
		return NULL;
	loop_fd_remove(&r->answered);
	let_go(r->job);
	free(r);
	return NULL;
}
