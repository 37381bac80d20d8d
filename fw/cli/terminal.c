/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/util.h"

#define OTHER_SCREEN	"\x1b[?1049h\x1b[?25l\x1b[2J"	/* without a cursor */
#define FIRST_SCREEN	"\x1b[?25h\x1b[?1049l"

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static struct {
	bool is_taken, has_keys;
	struct termios before;
} terminal;
static volatile sig_atomic_t got;

static void hear(int signal)
{
	if (signal != SIGWINCH)
		got = signal;
}

static int say(const char *bytes, size_t len)
{
	while (len) {
		const ssize_t n = write(STDOUT_FILENO, bytes, len);

		if (n < 0 && (errno != EINTR || got))	/* a terminal that takes nothing more does not hold up the end */
			return -errno;
		bytes += MAX(n, 0);
		len -= (size_t)MAX(n, 0);
	}
	return 0;
}

int terminal_take(void)
{
	struct sigaction action = { .sa_handler = hear };
	struct termios raw;

	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		sigaction(ending[i], &action, NULL);
	sigaction(SIGWINCH, &action, NULL);
	terminal.has_keys = !tcgetattr(STDIN_FILENO, &terminal.before);
	if (terminal.has_keys) {
		raw = terminal.before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		raw.c_cc[VMIN] = 0;
		raw.c_cc[VTIME] = 0;
		raw.c_cc[VSUSP] = _POSIX_VDISABLE;	/* stopped, it would leave the terminal like this */
		if (tcsetattr(STDIN_FILENO, TCSANOW, &raw))
			return -errno;
	}
	terminal.is_taken = true;
	return say(OTHER_SCREEN, strlen(OTHER_SCREEN));
}

void terminal_restore(void)
{
	if (!terminal.is_taken)
		return;
	terminal.is_taken = false;
	say(FIRST_SCREEN, strlen(FIRST_SCREEN));
	if (terminal.has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal.before);
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		signal(ending[i], SIG_DFL);
}

struct terminal_size terminal_size(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_row || !w.ws_col)
		return (struct terminal_size){ .rows = 24, .columns = 80 };
	return (struct terminal_size){ .rows = w.ws_row, .columns = w.ws_col };
}

int terminal_wait(unsigned int milliseconds)
{
	struct pollfd keys = { .fd = terminal.has_keys ? STDIN_FILENO : -1, .events = POLLIN };
	const struct timespec most = { .tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L };
	unsigned char key = 0;
	sigset_t held, before;
	int n = 0;

	sigemptyset(&held);	/* one that comes between the question and the wait ends the wait */
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		sigaddset(&held, ending[i]);
	sigprocmask(SIG_BLOCK, &held, &before);
	if (!got)
		n = ppoll(&keys, 1, &most, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (got)
		return -got;
	if (n <= 0)
		return 0;
	if (read(STDIN_FILENO, &key, 1) <= 0)
		terminal.has_keys = false;	/* hung up: no more come */
	return key;
}

int terminal_draw(const char *text, size_t len)
{
	unsigned int left = terminal_size().rows;
	int err = say("\x1b[H", 3);

	while (!err && len && left--) {
		const char *end = memchr(text, '\n', len);
		const size_t line = end ? (size_t)(end - text) : len;

		err = say("\x1b[2K", 4);
		if (!err)
			err = say(text, line);
		if (!err && left && len > line + 1)
			err = say("\n", 1);	/* the terminal makes CR LF of it */
		text += MIN(len, line + 1);
		len -= MIN(len, line + 1);
	}
	return err ? err : say("\x1b[J", 3);
}
