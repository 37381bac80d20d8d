/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir detach: takes programs, filters and tables off the machine, which a stopped agent leaves for the next start. */
#include <errno.h>
#include <getopt.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/util.h"
#include "cli/cli.h"
#include "collect/clsact.h"
#include "collect/dataplane.h"
#include "collect/netlink.h"
#include "collect/pins.h"
#include "status/control.h"

static void print_error(const char *message, void *arg)
{
	(void)arg;
	fprintf(stderr, "weir detach: %s\n", message);
}

/* Links go with their pins; clsact filters have none and are known by their handle. */
static int remove_filters(void)
{
	struct if_nameindex *all = if_nameindex();
	struct nl_sock *nl = NULL;
	int err = all ? netlink_open(&nl, NETLINK_ROUTE) : -errno;

	for (struct if_nameindex *i = all; !err && i->if_index; i++)
		for (int side = 0; side < CLSACT_SIDES && !err; side++) {
			err = clsact_remove(nl, i->if_index, side);
			if (err == -ENODEV)	/* gone since it was listed */
				err = 0;
			if (err)
				fprintf(stderr, "weir detach: %s: filter cannot be removed: %s\n", i->if_name, strerror(-err));
		}
	netlink_close(nl);
	if_freenameindex(all);
	return err;
}

int cli_detach(int argc, char **argv)
{
	const char *path = CONF_DEFAULT_PATH;
	static struct conf conf;
	_cleanup_close_ int lock = -1;
	char error[CONTROL_LINE];
	int c, err, sink = STDERR_FILENO;

	while ((c = getopt(argc, argv, "c:")) != -1) {
		if (c != 'c') {
			optind = argc + 1;
			break;
		}
		path = optarg;
	}
	if (optind != argc) {
		fprintf(stderr, "usage: weir detach [-c FILE]\n");
		return 2;
	}
	if (conf_load(path, &conf, print_error, NULL))
		return 1;
	err = control_ask(conf.run.control_socket, "ping", sink, error, sizeof(error));
	if (!err || err == -EPROTO) {
		fprintf(stderr, "weir detach: an agent runs (it answers at \"%s\"): stop it first\n", conf.run.control_socket);
		return 1;
	}
	/* An agent whose supervisor was killed still empties its queue, and holds the lock. */
	err = pins_lock(conf.run.pin_dir, &lock);
	if (err == -EBUSY) {
		fprintf(stderr, "weir detach: an agent still uses \"%s\": it ends within seconds, try again\n",
			conf.run.pin_dir);
		return 1;
	}
	err = remove_filters();
	if (!err) {
		err = dataplane_unpin(conf.run.pin_dir);
		if (err && err != -ENOENT)
			fprintf(stderr, "weir detach: \"%s\": %s\n", conf.run.pin_dir, strerror(-err));
		err = err == -ENOENT ? 0 : err;
	}
	if (!err)
		printf("weir detach: programs and tables are off; what was counted and not reported is gone\n");
	return err ? 1 : 0;
}
