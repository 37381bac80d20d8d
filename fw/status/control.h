/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * control - the control socket: one request line in, one answer out, closed.
 *
 * Server side: lives in the agent's loop, never blocks it; at most CONTROL_CLIENTS at once, each for CONTROL_WAIT_NS.
 * What a request means is the callback's business. A line longer than CONTROL_LINE or with control characters gets an
 * error answer. Answers begin with "ok\n" or "error: ...\n". 0 or a negative errno; no logging.
 */
#pragma once

#include <stdint.h>

#include "base/loop.h"
#include "base/writer.h"

#define CONTROL_LINE	256
#define CONTROL_CLIENTS	8
#define CONTROL_WAIT_NS	5000000000ULL

struct control;

/* Writes the answer to @request (without newline) after "ok\n"; -EINVAL: no such request, @w says what is allowed. */
typedef int (*control_answer)(const char *request, struct writer *w, void *arg);

int control_listen(const char *path);	/* the socket, mode 0600; replaces a dead one; -EADDRINUSE: somebody answers */

/* @answer_max: bytes of the longest answer, allocated once. Takes over @listen_fd. */
int control_new(struct control **ret_control, struct loop *loop, int listen_fd, uint32_t answer_max,
		control_answer answer, void *arg);
struct control *control_free(struct control *control);	/* takes NULL; returns NULL */

struct control_counters {
	uint64_t requests;
	uint64_t bad;		/* unknown, too long, or not a line */
	uint64_t refused;	/* more than CONTROL_CLIENTS at once */
	uint64_t timeouts;
};

const struct control_counters *control_counters(const struct control *control);

/* Client side, blocking: the answer behind "ok\n" to @out_fd. -EPROTO: an error answer, in @ret_error. */
int control_ask(const char *path, const char *request, int out_fd, char *ret_error, uint32_t error_size);
