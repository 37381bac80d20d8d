/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * metrics - the metrics page over HTTP, in a process of its own that has nothing but the listening socket and a socket to the agent.
 *
 * The agent writes the page into a file in memory and sends its descriptor (metrics_answer()). It is asked at most once in
 * METRICS_FRESH_MS for each of the two formats, however many clients ask; who comes meanwhile gets the same page. An agent that does not
 * answer within METRICS_WAIT_MS costs its client a 503. Connections are bounded in number, memory and idle time. Bytes of clients are
 * parsed by libmicrohttpd alone. 0 or a negative errno.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/writer.h"

#define METRICS_FRESH_MS	500
#define METRICS_WAIT_MS		1000
#define METRICS_CONNECTIONS	32	/* at once; each takes METRICS_CONNECTION_BYTES at most */
#define METRICS_OF_ONE_ADDRESS	8
#define METRICS_CONNECTION_BYTES 16384
#define METRICS_IDLE_S		5

struct sockaddr;

int metrics_listen(const struct sockaddr *address, unsigned int address_bytes);	/* a descriptor */
int metrics_pair(int ret_fds[2]);	/* the agent's end, the page's */

/* Serves until the process is ended. */
int metrics_run(int listen_fd, int agent_fd);

typedef void (*metrics_write)(struct writer *w, bool openmetrics, void *arg);

/* The agent's side: answers the last question that waits on @fd. -EAGAIN: none. @max: bytes of the longest page. */
int metrics_answer(int fd, uint32_t max, metrics_write write, void *arg);
