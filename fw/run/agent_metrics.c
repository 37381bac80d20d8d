/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "run/agent_private.h"
#include "run/metrics_text.h"
#include "status/metrics.h"

#define LEAST_NS (100 * NS_PER_MS)	/* between two pages, whoever asks: a page is a small part of a sweep's work */

static void write_page(struct writer *w, bool openmetrics, void *arg)
{
	struct agent *a = arg;

	a->snap.metrics_pages++;
	metrics_text(w, agent_snapshot(a), a->tcp, openmetrics);
}

static void asked(struct loop_fd *watch, uint32_t events)
{
	struct agent *a = container_of(watch, struct agent, metrics);
	const int err = metrics_answer(watch->fd, METRICS_TEXT_MAX, write_page, a);

	if (err && err != -EAGAIN)
		log_warn("no metrics page: %s", strerror(-err));
	loop_fd_remove(watch);
	if (!(events & (EPOLLHUP | EPOLLERR)))	/* else nobody is there any more to ask */
		loop_timer_arm(a->loop, &a->metrics_rest, loop_now_ns() + LEAST_NS);
}

static void rest_due(struct loop_timer *timer)
{
	struct agent *a = container_of(timer, struct agent, metrics_rest);

	if (loop_fd_add(a->loop, &a->metrics, EPOLLIN))
		log_warn("no metrics page any more");
}

int agent_open_metrics(struct agent *a, int fd)
{
	a->metrics = (struct loop_fd){ .ready = asked, .fd = fd };
	a->metrics_rest.due = rest_due;
	return fd < 0 ? 0 : loop_fd_add(a->loop, &a->metrics, EPOLLIN);
}
