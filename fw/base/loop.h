/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop - one epoll loop a process: descriptors, timers, signals. Nothing that hangs in it may block.
 *
 * Watchers are embedded in their owner (container_of, no user data pointer). An owner removes its watchers before it
 * frees them; that is allowed inside any callback. Times are CLOCK_MONOTONIC nanoseconds. 0 or a negative errno.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#define LOOP_TIMERS_MAX 64	/* timers armed at once, 512 bytes */

struct loop;

struct loop_fd {
	void (*ready)(struct loop_fd *watch, uint32_t events);	/* EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR */
	int fd;
	struct loop *loop;	/* NULL: not watched */
};

struct loop_timer {
	void (*due)(struct loop_timer *timer);	/* one-shot: arms itself again where it wants to */
	uint64_t at_ns;
	struct loop *loop;	/* NULL: not armed */
};

uint64_t loop_now_ns(void);

int loop_new(struct loop **ret_loop);
struct loop *loop_free(struct loop *loop);	/* takes NULL; returns NULL */

int loop_fd_add(struct loop *loop, struct loop_fd *watch, uint32_t events);
int loop_fd_change(struct loop_fd *watch, uint32_t events);
void loop_fd_remove(struct loop_fd *watch);	/* does not close; takes one that is not watched */

int loop_timer_arm(struct loop *loop, struct loop_timer *timer, uint64_t at_ns);	/* armed already: moved */
void loop_timer_stop(struct loop_timer *timer);

/* Blocks @signals in the process and calls @got for each that comes. Call once. */
int loop_signals(struct loop *loop, const sigset_t *signals, void (*got)(int signal, void *arg), void *arg);

int loop_run(struct loop *loop);	/* until loop_stop(); returns its status, or a negative errno of epoll */
void loop_stop(struct loop *loop, int status);
