/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir status: asks the running agent by its control socket. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "status/control.h"

#define DEFAULT_SOCKET "/run/weir/control.sock"	/* run.control_socket */

int cli_status(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' }, { "socket", required_argument, NULL, 's' }, { NULL, 0, NULL, 0 },
	};
	const char *socket_path = DEFAULT_SOCKET, *request = "status";
	char error[256] = "";
	int c, err;

	while ((c = getopt_long(argc, argv, "s:", options, NULL)) != -1)
		if (c == 'j') {
			request = "status json";
		} else if (c == 's') {
			socket_path = optarg;
		} else {
			optind = argc + 1;
			break;
		}
	if (optind != argc) {
		fprintf(stderr, "usage: weir status [--json] [-s SOCKET]\n");
		return 2;
	}
	err = control_ask(socket_path, request, STDOUT_FILENO, error, sizeof(error));
	if (err == -EPROTO)
		fprintf(stderr, "weir status: %s", error);
	else if (err == -ENOENT || err == -ECONNREFUSED)
		fprintf(stderr, "weir status: no agent answers at \"%s\"; is it running (weir agent), or has it another "
			"run.control_socket (-s)?\n", socket_path);
	else if (err)
		fprintf(stderr, "weir status: \"%s\": %s\n", socket_path, strerror(-err));
	return err ? 1 : 0;
}
