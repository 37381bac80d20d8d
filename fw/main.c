/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir: the table of subcommands, nothing else. */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "cli/cli.h"

static int cli_help(int argc, char **argv);

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *args;
	const char *text;
} commands[] = {
	{ "agent", cli_agent, "[-c FILE] [-o SECTION.KEY=VALUE]...", "measure the configured ports and publish flows" },
	{ "status", cli_status, "[--json] [-s SOCKET]", "what the running agent measures, loses, and why" },
	{ "top", cli_top, "[--once | --json] [--sort SORT] [-n COUNT]", "the highest flows by rate, bytes, rtt, loss or name, live" },
	{ "replay", cli_replay, "[--json | --cbor] [--books FILE] CAPTURE", "what Weir says of the packets in a capture" },
	{ "check-config", cli_check_config, "[FILE]", "check a configuration file" },
	{ "keygen", cli_keygen, "[-c FILE] [KEYFILE]", "make the gateway's key for the broker; print a signing request" },
	{ "detach", cli_detach, "[-c FILE]", "take programs and tables of a stopped agent off the machine" },
	{ "version", cli_version, "", "print the version" },
	{ "help", cli_help, "[COMMAND | records | ipfix | words]", "this list, how to call one, or what is in a message" },
};

static void usage(FILE *out)
{
	fprintf(out, "usage: weir COMMAND [ARGUMENTS]\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-13s %-42s %s\n", commands[i].name, commands[i].args, commands[i].text);
	fprintf(out, "\nweir(8) and weir.conf(5) tell more.\n");
}

static int cli_help(int argc, char **argv)
{
	if (argc < 2) {
		usage(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "records"))
		return cli_help_records();
	if (!strcmp(argv[1], "ipfix"))
		return cli_help_ipfix();
	if (!strcmp(argv[1], "words"))
		return cli_help_words();
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name)) {
			printf("usage: weir %s %s\n\n%s\n", commands[i].name, commands[i].args, commands[i].text);
			return 0;
		}
	fprintf(stderr, "weir help: no command \"%s\"; one of these is, or records, ipfix or words:\n", argv[1]);
	usage(stderr);
	return 2;
}

int cli_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("weir %s\n", WEIR_VERSION);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return 2;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "--version"))
		return argv[1][2] == 'v' ? cli_version(argc, argv) : cli_help(1, argv);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "weir: no command \"%s\"; one of these is:\n", argv[1]);
	usage(stderr);
	return 2;
}
