/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "status/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"

#define ASK_WAIT_MS 5000

#define STR_(x) #x
#define STR(x) STR_(x)
static const char BUSY[] = "error: busy: " STR(CONTROL_CLIENTS) " others are being answered; try again\n";

struct client {
	struct loop_fd watch;
	struct loop_timer timeout;
	struct control *control;
	char line[CONTROL_LINE];
	uint32_t len;
	char *answer;		/* owned while it is sent */
	size_t answer_len, sent;
};

struct control {
	struct loop *loop;
	struct loop_fd listen;
	control_answer answer;
	void *arg;
	uint32_t answer_max;
	struct client client[CONTROL_CLIENTS];
	struct control_counters counters;
};

static int address(const char *path, struct sockaddr_un *ret_addr)
{
	*ret_addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret_addr->sun_path))
		return -ENAMETOOLONG;
	strcpy(ret_addr->sun_path, path);
	return 0;
}

int control_listen(const char *path)
{
	struct sockaddr_un addr;
	int err = address(path, &addr), fd, probe;
	mode_t mask;

	if (err)
		return err;
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (probe < 0)
		return -errno;
	err = connect(probe, (struct sockaddr *)&addr, sizeof(addr));
	close(probe);
	if (!err)
		return -EADDRINUSE;
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0177);
	err = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, CONTROL_CLIENTS) ? -errno : 0;
	umask(mask);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static void client_end(struct client *c)
{
	loop_timer_stop(&c->timeout);
	loop_fd_remove(&c->watch);
	close(c->watch.fd);
	free(c->answer);
	*c = (struct client){ .control = c->control, .watch.fd = -1 };
}

static void client_timeout(struct loop_timer *timer)
{
	struct client *c = container_of(timer, struct client, timeout);

	c->control->counters.timeouts++;
	client_end(c);
}

static void client_send(struct client *c)
{
	while (c->sent < c->answer_len) {
		ssize_t n = send(c->watch.fd, c->answer + c->sent, c->answer_len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN) {
			loop_fd_change(&c->watch, EPOLLOUT);
			return;
		}
		if (n < 0)
			break;	/* the asker has gone */
		c->sent += (size_t)n;
	}
	client_end(c);
}

static bool is_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return true;
}

/* @len: of the line, which ends in NUL. */
static void client_answer(struct client *c, size_t len)
{
	struct control *control = c->control;
	struct writer w = { .size = control->answer_max };
	size_t mark;

	c->answer = w.buf = malloc(w.size);
	if (!c->answer) {
		client_end(c);
		return;
	}
	control->counters.requests++;
	writer_text(&w, "ok\n");
	mark = writer_mark(&w);
	if (!is_printable(c->line, len))
		writer_text(&w, "request has control characters");
	if (w.len > mark || control->answer(c->line, &w, control->arg)) {
		char why[CONTROL_LINE];
		size_t why_len = MIN(w.len - mark, sizeof(why) - 1);

		control->counters.bad++;
		memcpy(why, w.buf + mark, why_len);
		why[why_len] = 0;
		w.len = 0;
		writer_format(&w, "error: %s\n", why);
	}
	c->answer_len = w.len;
	client_send(c);
}

static void client_ready(struct loop_fd *watch, uint32_t events)
{
	struct client *c = container_of(watch, struct client, watch);
	ssize_t n;
	char *end;

	if (c->answer) {
		client_send(c);
		return;
	}
	(void)events;
	n = read(watch->fd, c->line + c->len, sizeof(c->line) - c->len);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		client_end(c);
		return;
	}
	c->len += (uint32_t)n;
	end = memchr(c->line, '\n', c->len);
	if (end) {
		*end = 0;
		client_answer(c, (size_t)(end - c->line));
	} else if (c->len == sizeof(c->line)) {
		c->control->counters.bad++;
		c->answer = strdup("error: request is too long\n");
		c->answer_len = c->answer ? strlen(c->answer) : 0;
		client_send(c);
	}
}

static void listen_ready(struct loop_fd *watch, uint32_t events)
{
	struct control *control = container_of(watch, struct control, listen);
	int fd;

	(void)events;
	while ((fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct client *c = NULL;

		for (int i = 0; i < CONTROL_CLIENTS && !c; i++)
			if (control->client[i].watch.fd < 0)
				c = &control->client[i];
		if (!c) {
			control->counters.refused++;
			send(fd, BUSY, sizeof(BUSY) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
			close(fd);
			continue;
		}
		c->watch = (struct loop_fd){ .ready = client_ready, .fd = fd };
		c->timeout.due = client_timeout;
		if (loop_fd_add(control->loop, &c->watch, EPOLLIN) ||
		    loop_timer_arm(control->loop, &c->timeout, loop_now_ns() + CONTROL_WAIT_NS))
			client_end(c);
	}
}

int control_new(struct control **ret_control, struct loop *loop, int listen_fd, uint32_t answer_max,
		control_answer answer, void *arg)
{
	struct control *control = calloc(1, sizeof(*control));
	int err;

	if (!control)
		return -ENOMEM;
	control->loop = loop;
	control->answer = answer;
	control->answer_max = answer_max;
	control->arg = arg;
	control->listen = (struct loop_fd){ .ready = listen_ready, .fd = listen_fd };
	for (int i = 0; i < CONTROL_CLIENTS; i++)
		control->client[i] = (struct client){ .control = control, .watch.fd = -1 };
	err = loop_fd_add(loop, &control->listen, EPOLLIN);
	if (err) {
		free(control);
		return err;
	}
	*ret_control = control;
	return 0;
}

struct control *control_free(struct control *control)
{
	if (!control)
		return NULL;
	for (int i = 0; i < CONTROL_CLIENTS; i++)
		if (control->client[i].watch.fd >= 0)
			client_end(&control->client[i]);
	loop_fd_remove(&control->listen);
	close(control->listen.fd);
	free(control);
	return NULL;
}

const struct control_counters *control_counters(const struct control *control)
{
	return &control->counters;
}

/* Copies the answer out; the first line says whether it is one. */
static int read_answer(int fd, int out_fd, char *ret_error, uint32_t error_size)
{
	bool head = true, is_error = false;
	uint32_t error_len = 0;
	char buf[4096];

	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		const char *p = buf;
		ssize_t n;

		if (poll(&wait, 1, ASK_WAIT_MS) <= 0)
			return -ETIMEDOUT;
		n = recv(fd, buf, sizeof(buf), 0);
		if (n <= 0)
			break;
		if (head) {	/* short enough to come in one piece */
			is_error = n < 3 || memcmp(buf, "ok\n", 3);
			p += is_error ? 0 : 3;
			n -= is_error ? 0 : 3;
			head = false;
		}
		if (is_error) {
			uint32_t len = MIN((uint32_t)n, error_size - 1 - error_len);

			memcpy(ret_error + error_len, p, len);
			error_len += len;
			ret_error[error_len] = 0;
		} else if (n && write(out_fd, p, (size_t)n) != n) {
			return -errno;
		}
	}
	if (head)
		return -EPIPE;
	return is_error ? -EPROTO : 0;
}

int control_ask(const char *path, const char *request, int out_fd, char *ret_error, uint32_t error_size)
{
	char line[CONTROL_LINE];
	struct sockaddr_un addr;
	_cleanup_close_ int fd = -1;
	int len, err = address(path, &addr);

	if (err)
		return err;
	len = snprintf(line, sizeof(line), "%s\n", request);
	if (len < 0 || (size_t)len >= sizeof(line))
		return -EMSGSIZE;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	if (send(fd, line, (size_t)len, MSG_NOSIGNAL) != len && errno != EPIPE)	/* EPIPE: refused; it has said why */
		return -errno;
	return read_answer(fd, out_fd, ret_error, error_size);
}
