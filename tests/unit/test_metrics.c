/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_metrics - the agent's side of the metrics page; HTTP is 54-metrics' */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "status/metrics.h"

struct question {
	uint32_t number, openmetrics;
};

static int fds[2];
static unsigned int written;

static int set_up(void **state)
{
	(void)state;
	written = 0;
	return metrics_pair(fds);
}

static int tear_down(void **state)
{
	(void)state;
	close(fds[0]);
	close(fds[1]);
	return 0;
}

static void write_page(struct writer *w, bool openmetrics, void *arg)
{
	written++;
	writer_text(w, openmetrics ? "open " : "plain ");
	writer_text(w, arg);
}

static void ask(uint32_t number, uint32_t openmetrics)
{
	const struct question q = { number, openmetrics };

	assert_int_equal(send(fds[1], &q, sizeof(q), MSG_DONTWAIT), sizeof(q));
}

static void assert_answer(uint32_t number, const char *page)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	uint32_t got = 0;
	struct iovec data = { &got, sizeof(got) };
	struct msghdr msg = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	char text[64] = "";
	int fd;

	assert_int_equal(recvmsg(fds[1], &msg, MSG_DONTWAIT), sizeof(got));
	assert_int_equal(got, number);
	assert_int_equal(control.head.cmsg_len, CMSG_LEN(sizeof(int)));
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	assert_int_equal(pread(fd, text, sizeof(text) - 1, 0), strlen(page));
	assert_string_equal(text, page);
	close(fd);
}

static void nobody_asks(void **state)
{
	(void)state;
	assert_int_equal(metrics_answer(fds[0], 4096, write_page, "x"), -EAGAIN);
	assert_int_equal(written, 0);
}

static void a_question_gets_its_page(void **state)
{
	(void)state;
	ask(5, 1);
	assert_int_equal(metrics_answer(fds[0], 4096, write_page, "x"), 0);
	assert_answer(5, "open x");
	ask(6, 0);
	assert_int_equal(metrics_answer(fds[0], 4096, write_page, "y"), 0);
	assert_answer(6, "plain y");
}

/* What was asked of an agent that died, too: one page, for who still waits. */
static void the_last_question_counts(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		ask(i, 0);
	assert_int_equal(metrics_answer(fds[0], 4096, write_page, "x"), 0);
	assert_int_equal(written, 1);
	assert_answer(9, "plain x");
	assert_int_equal(metrics_answer(fds[0], 4096, write_page, "x"), -EAGAIN);
}

static void half_a_question_is_none(void **state)
{
	(void)state;
	assert_int_equal(send(fds[1], "abc", 3, 0), 3);
	assert_int_equal(metrics_answer(fds[0], 4096, write_page, "x"), -EAGAIN);
}

static void a_page_that_does_not_fit_is_none(void **state)
{
	char big[5000];

	(void)state;
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = 0;
	ask(1, 0);
	assert_int_equal(metrics_answer(fds[0], 4096, write_page, big), -EMSGSIZE);
	assert_int_equal(recv(fds[1], big, sizeof(big), MSG_DONTWAIT), -1);
}

static void answers_that_nobody_takes_are_dropped(void **state)
{
	int err = 0;

	(void)state;
	for (uint32_t i = 0; i < 100000 && !err; i++) {
		ask(i, 0);
		err = metrics_answer(fds[0], 4096, write_page, "x");
	}
	assert_true(err == -EAGAIN || err == -ETOOMANYREFS);	/* and nothing waits */
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nobody_asks),
		CASE(a_question_gets_its_page),
		CASE(the_last_question_counts),
		CASE(half_a_question_is_none),
		CASE(a_page_that_does_not_fit_is_none),
		CASE(answers_that_nobody_takes_are_dropped),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
