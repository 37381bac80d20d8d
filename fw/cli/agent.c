/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir agent: configuration from file and command line, then the supervisor. */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "base/conf.h"
#include "cli/cli.h"
#include "run/supervisor.h"

#define OVERRIDES_MAX 64

static void print_error(const char *message, void *arg)
{
	(void)arg;
	fprintf(stderr, "weir agent: %s\n", message);
}

int cli_agent(int argc, char **argv)
{
	const char *path = CONF_DEFAULT_PATH, *override[OVERRIDES_MAX];
	static struct conf conf;	/* 20 kB */
	unsigned int overrides = 0;
	int c, err;

	while ((c = getopt(argc, argv, "c:o:")) != -1)
		if (c == 'c') {
			path = optarg;
		} else if (c == 'o' && overrides < OVERRIDES_MAX) {
			override[overrides++] = optarg;
		} else {
			optind = argc + 1;
			break;
		}
	if (optind != argc) {
		fprintf(stderr, "usage: weir agent [-c FILE] [-o SECTION.KEY=VALUE]...\n");
		return 2;
	}
	err = conf_load(path, &conf, print_error, NULL);
	for (unsigned int i = 0; !err && i < overrides; i++)
		err = conf_override(&conf, override[i], print_error, NULL);
	if (!err && overrides)
		err = conf_check(&conf, path, print_error, NULL);
	return err ? 1 : supervisor_run(&conf);
}
