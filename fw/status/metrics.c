/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "status/metrics.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

#define PATH		"/metrics"
#define BACKLOG		64
#define TURN_MS		1000	/* idle connections are looked for this often */

static const char *const content_types[] = {
	"text/plain; version=0.0.4; charset=utf-8", "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

struct question {
	uint32_t number;
	uint32_t openmetrics;
};

struct page {
	struct MHD_Response *response;	/* NULL: the agent did not answer */
	uint64_t at_ms;			/* 0: never asked */
};

struct server {
	int agent_fd;
	uint32_t number;		/* of the last question */
	struct page page[2];		/* 1: OpenMetrics */
	struct MHD_Response *not_found, *not_allowed, *no_answer, *index;
};

int metrics_listen(const struct sockaddr *address, unsigned int address_bytes)
{
	const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
	int err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, address, address_bytes) && !listen(fd, BACKLOG))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int metrics_pair(int ret_fds[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_fds) ? -errno : 0;
}

/* ---- the agent's side ---- */

/* A page of @len bytes in @page_fd; -1: none could be made. */
static int send_page(int fd, uint32_t number, int page_fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec data = { &number, sizeof(number) };
	struct msghdr msg = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };

	control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.head), &page_fd, sizeof(page_fd));
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int make_page(uint32_t max, bool openmetrics, metrics_write write, void *arg)
{
	_cleanup_close_ int fd = memfd_create("weir-metrics", MFD_CLOEXEC);
	struct writer w = { .size = max };
	int ret = fd;

	if (fd < 0 || ftruncate(fd, max))
		return -errno;
	w.buf = mmap(NULL, max, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (w.buf == MAP_FAILED)
		return -errno;
	write(&w, openmetrics, arg);
	munmap(w.buf, max);
	if (w.full)
		return -EMSGSIZE;
	if (ftruncate(fd, (off_t)w.len))
		return -errno;
	fd = -1;
	return ret;
}

int metrics_answer(int fd, uint32_t max, metrics_write write, void *arg)
{
	_cleanup_close_ int page = -1;
	struct question question, last;
	bool is_asked = false;

	while (recv(fd, &question, sizeof(question), MSG_DONTWAIT) == sizeof(question)) {
		last = question;
		is_asked = true;
	}
	if (!is_asked)
		return -EAGAIN;
	page = make_page(max, last.openmetrics, write, arg);
	return page < 0 ? page : send_page(fd, last.number, page);
}

/* ---- the page's side ---- */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NS_PER_MS;
}

/* One answer: the descriptor, or -1 where it is none of @number. */
static int take_answer(int fd, uint32_t number)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	uint32_t got = 0;
	struct iovec data = { &got, sizeof(got) };
	struct msghdr msg = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	const ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	int page = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&page, CMSG_DATA(c), sizeof(page));
	if (page >= 0 && (n != sizeof(got) || got != number)) {	/* of an earlier question, which nobody waits for */
		close(page);
		page = -1;
	}
	return page;
}

static int ask(struct server *s, bool openmetrics)
{
	const struct question question = { .number = ++s->number, .openmetrics = openmetrics };
	const uint64_t end_ms = now_ms() + METRICS_WAIT_MS;
	struct pollfd wait = { .fd = s->agent_fd, .events = POLLIN };
	int page = -1;

	if (send(s->agent_fd, &question, sizeof(question), MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(question))
		return -1;	/* an agent that takes no questions any more */
	for (uint64_t at_ms = now_ms(); page < 0 && at_ms < end_ms; at_ms = now_ms())
		if (poll(&wait, 1, (int)(end_ms - at_ms)) > 0)
			page = take_answer(s->agent_fd, question.number);
	return page;
}

static void renew(struct server *s, bool openmetrics)
{
	struct page *p = &s->page[openmetrics];
	struct stat stat;
	int fd;

	if (p->at_ms && now_ms() - p->at_ms < METRICS_FRESH_MS)
		return;
	if (p->response)
		MHD_destroy_response(p->response);	/* who is being sent it keeps it */
	p->response = NULL;
	fd = ask(s, openmetrics);
	if (fd >= 0 && !fstat(fd, &stat) && stat.st_size > 0)
		p->response = MHD_create_response_from_fd((uint64_t)stat.st_size, fd);
	if (p->response)
		MHD_add_response_header(p->response, MHD_HTTP_HEADER_CONTENT_TYPE, content_types[openmetrics]);
	else if (fd >= 0)
		close(fd);
	p->at_ms = now_ms();
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
			      const char *upload, size_t *upload_bytes, void **state)
{
	const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	const bool openmetrics = accept && strstr(accept, "application/openmetrics-text");
	struct server *s = arg;

	(void)version;
	(void)upload;
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD)) {
		if (*upload_bytes)
			return MHD_NO;	/* nobody reads it */
		return MHD_queue_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED, s->not_allowed);
	}
	if (!*state) {	/* the head is there, what follows it not yet */
		*state = s;
		return MHD_YES;
	}
	if (*upload_bytes)
		return MHD_NO;
	if (!strcmp(url, "/"))
		return MHD_queue_response(connection, MHD_HTTP_OK, s->index);
	if (strcmp(url, PATH))
		return MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, s->not_found);
	renew(s, openmetrics);
	if (!s->page[openmetrics].response)
		return MHD_queue_response(connection, MHD_HTTP_SERVICE_UNAVAILABLE, s->no_answer);
	return MHD_queue_response(connection, MHD_HTTP_OK, s->page[openmetrics].response);
}

static struct MHD_Response *fixed(const char *text, const char *header, const char *value)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);

	if (r && MHD_add_response_header(r, header, value) != MHD_YES)
		abort();	/* no memory: at the very start */
	return r;
}

int metrics_run(int listen_fd, int agent_fd)
{
	static struct server s;
	const union MHD_DaemonInfo *info;
	struct MHD_Daemon *daemon;
	struct pollfd wait = { .events = POLLIN };

	s.agent_fd = agent_fd;
	s.not_found = fixed("Not here; see " PATH "\n", MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
	s.not_allowed = fixed("Only GET and HEAD\n", MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	s.no_answer = fixed("The agent does not answer\n", MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
	s.index = fixed("Weir: see " PATH "\n", MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain");
	if (!s.not_found || !s.not_allowed || !s.no_answer || !s.index)
		return -ENOMEM;
	daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, &s, MHD_OPTION_LISTEN_SOCKET, listen_fd,
				  MHD_OPTION_CONNECTION_LIMIT, METRICS_CONNECTIONS,
				  MHD_OPTION_PER_IP_CONNECTION_LIMIT, METRICS_OF_ONE_ADDRESS,
				  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)METRICS_CONNECTION_BYTES,
				  MHD_OPTION_CONNECTION_TIMEOUT, METRICS_IDLE_S, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	info = daemon ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info)
		return -ENOMEM;
	for (wait.fd = info->epoll_fd;;) {
		MHD_UNSIGNED_LONG_LONG due_ms = TURN_MS;

		if (MHD_get_timeout(daemon, &due_ms) != MHD_YES || due_ms > TURN_MS)
			due_ms = TURN_MS;
		poll(&wait, 1, (int)due_ms);
		MHD_run(daemon);
	}
}
