/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir keygen: makes the gateway's private key where there is none, and prints a signing request for it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "cli/cli.h"
#include "mqtt/device_key.h"
#include "run/privilege.h"

static void print_error(const char *message, void *arg)
{
	(void)arg;
	fprintf(stderr, "weir keygen: %s\n", message);
}

int cli_keygen(int argc, char **argv)
{
	const char *path = CONF_DEFAULT_PATH, *file;
	char error[DEVICE_KEY_ERROR_MAX];
	static struct conf conf;
	struct privilege_user user;
	EVP_PKEY *key = NULL;
	int c, made;

	while ((c = getopt(argc, argv, "c:")) != -1) {
		if (c != 'c')
			return 2;
		path = optarg;
	}
	if (argc > optind + 1) {
		fprintf(stderr, "usage: weir keygen [-c FILE] [KEYFILE]\n");
		return 2;
	}
	if (conf_load(path, &conf, print_error, NULL))
		return 1;
	file = argc > optind ? argv[optind] : conf.broker.key_file;
	if (!*file) {
		fprintf(stderr, "weir keygen: no file for the key: set broker.key_file and broker.cert_file, or name one here\n");
		return 1;
	}
	if (privilege_user(conf.run.uplink_user, &user) < 0) {
		fprintf(stderr, "weir keygen: run.uplink_user = \"%s\" is root; allowed: any other user\n", conf.run.uplink_user);
		return 1;
	}
	made = device_key_load(file, user.uid, user.gid, &key, error);
	if (made < 0) {
		fprintf(stderr, "weir keygen: %s\n", error);
		return 1;
	}
	fprintf(stderr, "weir keygen: %s %s (user %s); have this request signed:\n", made ? "made" : "kept", file, user.name);
	c = device_key_request(key, conf.gateway.name, stdout);
	EVP_PKEY_free(key);
	if (c || fflush(stdout)) {
		fprintf(stderr, "weir keygen: gateway.name = \"%s\" cannot be the name in a certificate: at most 64 characters\n",
			conf.gateway.name);
		return 1;
	}
	return 0;
}
