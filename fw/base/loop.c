/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

#define EVENTS 16	/* handled a turn */

struct loop {
	int epoll_fd;
	struct loop_timer *timers[LOOP_TIMERS_MAX];
	unsigned int timer_count;
	struct epoll_event events[EVENTS];
	int event_count, event_at;
	struct loop_fd signals;
	void (*got)(int signal, void *arg);
	void *arg;
	bool stopped;
	int status;
};

uint64_t loop_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int loop_new(struct loop **ret_loop)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	loop->signals.fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		int err = -errno;

		free(loop);
		return err;
	}
	*ret_loop = loop;
	return 0;
}

struct loop *loop_free(struct loop *loop)
{
	if (!loop)
		return NULL;
	while (loop->timer_count)
		loop_timer_stop(loop->timers[0]);
	if (loop->signals.fd >= 0)
		close(loop->signals.fd);
	close(loop->epoll_fd);
	free(loop);
	return NULL;
}

int loop_fd_add(struct loop *loop, struct loop_fd *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event))
		return -errno;
	watch->loop = loop;
	return 0;
}

int loop_fd_change(struct loop_fd *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (!watch->loop)
		return -ENOENT;
	return epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) ? -errno : 0;
}

void loop_fd_remove(struct loop_fd *watch)
{
	struct loop *loop = watch->loop;

	if (!loop)
		return;
	/* Fails with EBADF or ENOENT where a library closed the descriptor first: then it is gone already. */
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	for (int i = loop->event_at; i < loop->event_count; i++)
		if (loop->events[i].data.ptr == watch)
			loop->events[i].data.ptr = NULL;
	watch->loop = NULL;
}

int loop_timer_arm(struct loop *loop, struct loop_timer *timer, uint64_t at_ns)
{
	timer->at_ns = at_ns;
	if (timer->loop)
		return 0;
	if (loop->timer_count == LOOP_TIMERS_MAX)
		return -ENOSPC;
	loop->timers[loop->timer_count++] = timer;
	timer->loop = loop;
	return 0;
}

void loop_timer_stop(struct loop_timer *timer)
{
	struct loop *loop = timer->loop;

	if (!loop)
		return;
	for (unsigned int i = 0; i < loop->timer_count; i++)
		if (loop->timers[i] == timer)
			loop->timers[i] = loop->timers[--loop->timer_count];
	timer->loop = NULL;
}

static void signals_ready(struct loop_fd *watch, uint32_t events)
{
	struct loop *loop = container_of(watch, struct loop, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(watch->fd, &info, sizeof(info)) == sizeof(info))
		loop->got((int)info.ssi_signo, loop->arg);
}

int loop_signals(struct loop *loop, const sigset_t *signals, void (*got)(int signal, void *arg), void *arg)
{
	int fd;

	if (sigprocmask(SIG_BLOCK, signals, NULL))
		return -errno;
	fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	loop->got = got;
	loop->arg = arg;
	loop->signals = (struct loop_fd){ .ready = signals_ready, .fd = fd };
	return loop_fd_add(loop, &loop->signals, EPOLLIN);
}

/* Milliseconds until the next timer, rounded up so that it is due when epoll returns; -1: none. */
static int next_timeout_ms(const struct loop *loop)
{
	uint64_t now_ns = loop_now_ns(), next_ns = UINT64_MAX;

	for (unsigned int i = 0; i < loop->timer_count; i++)
		if (loop->timers[i]->at_ns < next_ns)
			next_ns = loop->timers[i]->at_ns;
	if (next_ns == UINT64_MAX)
		return -1;
	if (next_ns <= now_ns)
		return 0;
	next_ns = (next_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	return next_ns > 60000 ? 60000 : (int)next_ns;
}

static void run_timers(struct loop *loop)
{
	uint64_t now_ns = loop_now_ns();

	/* A callback may arm and stop any timer: look again from the start after each. One that arms itself in the
	 * past waits for the next turn, so that descriptors are not starved. */
	for (unsigned int i = 0, turns = 0; i < loop->timer_count && turns < LOOP_TIMERS_MAX; ) {
		struct loop_timer *timer = loop->timers[i];

		if (timer->at_ns > now_ns) {
			i++;
			continue;
		}
		loop_timer_stop(timer);
		timer->due(timer);
		i = 0;
		turns++;
	}
}

int loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped) {
		int n = epoll_wait(loop->epoll_fd, loop->events, EVENTS, next_timeout_ms(loop));

		if (n < 0 && errno != EINTR)
			return -errno;
		loop->event_count = n < 0 ? 0 : n;
		for (loop->event_at = 0; loop->event_at < loop->event_count && !loop->stopped; ) {
			struct epoll_event *event = &loop->events[loop->event_at++];
			struct loop_fd *watch = event->data.ptr;

			if (watch)
				watch->ready(watch, event->events);
		}
		loop->event_count = 0;
		if (!loop->stopped)
			run_timers(loop);
	}
	return loop->status;
}

void loop_stop(struct loop *loop, int status)
{
	loop->stopped = true;
	loop->status = status;
}
