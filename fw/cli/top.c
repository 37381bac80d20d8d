/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir top: the highest flows, again and again on a terminal, once elsewhere. Asks the running agent by its control socket. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/terminal.h"
#include "run/top.h"
#include "status/control.h"

#define DEFAULT_SOCKET	"/run/weir/control.sock"	/* run.control_socket */
#define DEFAULT_ROWS	20
#define DEFAULT_WIDTH	120	/* where no terminal says */
#define ALLOWED		"--once, --json, --sort SORT, -n COUNT, -d SECONDS, -w COLUMNS, -s SOCKET"
#define ANSWER_MAX	(1024 * 1024)
#define WAIT_MS		100	/* until it is asked again for a first look, */
#define WAITS		300	/* so often */

struct asked {
	const char *socket_path;
	enum top_sort sort;
	unsigned int rows;	/* 0: as many as fit */
	unsigned int seconds;
	unsigned int width;	/* 0: the terminal's */
	bool json, once;
};

struct answer {
	char *text;	/* owned */
	size_t len;
	char error[300];	/* "": none */
};

/* ---- options ---- */

static int bad(const char *option, const char *given, const char *allowed)
{
	fprintf(stderr, "weir top: %s \"%s\": allowed: %s\n", option, given, allowed);
	return 2;
}

static int number(const char *option, const char *given, unsigned int least, unsigned int most, unsigned int *ret_number)
{
	char *end, allowed[40];
	const unsigned long n = strtoul(given, &end, 10);

	if (*given >= '0' && *given <= '9' && !*end && n >= least && n <= most) {
		*ret_number = (unsigned int)n;
		return 0;
	}
	snprintf(allowed, sizeof(allowed), "a number from %u to %u", least, most);
	return bad(option, given, allowed);
}

static int sort_of(const char *given, enum top_sort *ret_sort)
{
	char allowed[80];
	struct writer w = WRITER(allowed);

	for (int i = 0; i < TOP_SORT_N; i++) {
		if (!strcmp(given, top_sort_names[i])) {
			*ret_sort = (enum top_sort)i;
			return 0;
		}
		writer_format(&w, "%s%s", i ? ", " : "", top_sort_names[i]);
	}
	writer_char(&w, 0);
	return bad("--sort", given, allowed);
}

static int parse(int argc, char **argv, struct asked *ret_asked)
{
	static const struct option options[] = {
		{ "once", no_argument, NULL, '1' }, { "json", no_argument, NULL, 'j' }, { "sort", required_argument, NULL, 'o' },
		{ "count", required_argument, NULL, 'n' }, { "delay", required_argument, NULL, 'd' },
		{ "width", required_argument, NULL, 'w' }, { "socket", required_argument, NULL, 's' }, { NULL, 0, NULL, 0 },
	};
	int c, err = 0;

	opterr = 0;
	while (!err && (c = getopt_long(argc, argv, ":o:n:d:w:s:", options, NULL)) != -1)
		switch (c) {
		case '1':
			ret_asked->once = true;
			break;
		case 'j':
			ret_asked->json = true;
			break;
		case 'o':
			err = sort_of(optarg, &ret_asked->sort);
			break;
		case 'n':
			err = number("-n", optarg, 1, TOP_ROWS_MAX, &ret_asked->rows);
			break;
		case 'd':
			err = number("-d", optarg, 1, 60, &ret_asked->seconds);
			break;
		case 'w':
			err = number("-w", optarg, TOP_WIDTH_MIN, TOP_WIDTH_MAX, &ret_asked->width);
			break;
		case 's':
			ret_asked->socket_path = optarg;
			break;
		case ':':
			fprintf(stderr, "weir top: option \"%s\" wants a value; allowed: " ALLOWED "\n", argv[optind - 1]);
			return 2;
		default:
			fprintf(stderr, "weir top: no option \"%s\"; allowed: " ALLOWED "\n", argv[optind - 1]);
			return 2;
		}
	if (!err && optind < argc) {
		fprintf(stderr, "weir top: nothing is known of \"%s\"; allowed: " ALLOWED "\n", argv[optind]);
		return 2;
	}
	return err;
}

/* ---- asking ---- */

static int explain(const struct asked *asked, int err, struct answer *answer)
{
	const size_t len = strlen(answer->error);

	if (err == -EPROTO && len && answer->error[len - 1] == '\n')
		answer->error[len - 1] = 0;
	else if (err == -ENOENT || err == -ECONNREFUSED)
		snprintf(answer->error, sizeof(answer->error), "no agent answers at \"%.120s\"; is it running (weir agent), or has it another "
			 "run.control_socket (-s)?", asked->socket_path);
	else if (err != -EPROTO)
		snprintf(answer->error, sizeof(answer->error), "\"%.120s\": %s", asked->socket_path, strerror(-err));
	return err;
}

/* All of the answer is read before any of it is written: who reads slowly from us holds up nobody but us. */
static int ask(const struct asked *asked, unsigned int rows, unsigned int width, struct answer *ret_answer)
{
	_cleanup_close_ int fd = memfd_create("weir-top", MFD_CLOEXEC);
	char request[CONTROL_LINE];
	ssize_t n;
	int err;

	if (asked->json)
		snprintf(request, sizeof(request), "top json %s %u", top_sort_names[asked->sort], rows);
	else
		snprintf(request, sizeof(request), "top text %s %u %u", top_sort_names[asked->sort], rows, width);
	ret_answer->error[0] = 0;
	err = fd < 0 ? -errno : control_ask(asked->socket_path, request, fd, ret_answer->error, sizeof(ret_answer->error));
	if (err)
		return explain(asked, err, ret_answer);
	n = pread(fd, ret_answer->text, ANSWER_MAX, 0);
	if (n < 0)
		return explain(asked, -errno, ret_answer);
	ret_answer->len = (size_t)n;
	return n == (ssize_t)strlen(TOP_WAIT) && !memcmp(ret_answer->text, TOP_WAIT, (size_t)n) ? -EAGAIN : 0;
}

static int once(const struct asked *asked, struct answer *answer)
{
	const unsigned int width = asked->width ? asked->width : isatty(STDOUT_FILENO) ? terminal_size().columns : DEFAULT_WIDTH;
	const unsigned int rows = asked->rows ? asked->rows : DEFAULT_ROWS;
	int err = -EAGAIN;

	for (int i = 0; i < WAITS && err == -EAGAIN; i++) {
		if (i)
			usleep(WAIT_MS * 1000);
		err = ask(asked, rows, MAX(MIN(width, (unsigned int)TOP_WIDTH_MAX), (unsigned int)TOP_WIDTH_MIN), answer);
	}
	if (err == -EAGAIN)
		snprintf(answer->error, sizeof(answer->error), "the agent has not looked at its flow table within %d s", WAITS * WAIT_MS / 1000);
	if (err) {
		fprintf(stderr, "weir top: %s\n", answer->error);
		return 1;
	}
	if (fwrite(answer->text, 1, answer->len, stdout) != answer->len || fflush(stdout)) {
		fprintf(stderr, "weir top: standard output: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}

/* Until q (0), or a signal (its number). */
static int again_and_again(struct asked *asked, struct answer *answer)
{
	for (;;) {
		const struct terminal_size size = terminal_size();
		const unsigned int width = asked->width ? asked->width : MIN(MAX(size.columns, (unsigned int)TOP_WIDTH_MIN), (unsigned int)TOP_WIDTH_MAX);
		const int err = ask(asked, asked->rows ? asked->rows : MIN(size.rows, (unsigned int)TOP_ROWS_MAX), width, answer);
		static const char wait[] = "measuring ...\n";
		int drawn, key;

		if (err == -EAGAIN)
			drawn = terminal_draw(wait, sizeof(wait) - 1);
		else if (err)	/* another agent may be started */
			drawn = terminal_draw(answer->error, MIN(strlen(answer->error), (size_t)width));
		else
			drawn = terminal_draw(answer->text, answer->len);
		key = terminal_wait(drawn ? 0 : err == -EAGAIN ? WAIT_MS : asked->seconds * 1000);
		if (drawn && key >= 0)
			return 0;	/* the terminal has gone */
		if (key < 0)
			return -key;
		if (key == 'q' || key == 'Q')
			return 0;
		if (key == 's' || key == 'S')
			asked->sort = (asked->sort + 1) % TOP_SORT_N;
	}
}

static bool is_live(const struct asked *asked)
{
	const char *term = getenv("TERM");

	return !asked->once && !asked->json && isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb");
}

int cli_top(int argc, char **argv)
{
	struct asked asked = { .socket_path = DEFAULT_SOCKET, .seconds = 1 };
	struct answer answer = { 0 };
	int status = parse(argc, argv, &asked);

	if (status)
		return status;
	answer.text = malloc(ANSWER_MAX);
	if (!answer.text) {
		fprintf(stderr, "weir top: %s\n", strerror(ENOMEM));
		return 1;
	}
	if (!is_live(&asked)) {
		status = once(&asked, &answer);
	} else {
		const int err = terminal_take();
		const int signal = err ? 0 : again_and_again(&asked, &answer);

		terminal_restore();
		if (err)
			fprintf(stderr, "weir top: terminal: %s\n", strerror(-err));
		status = err ? 1 : 0;
		if (signal)
			raise(signal);	/* as if it had not been caught */
	}
	free(answer.text);
	return status;
}
