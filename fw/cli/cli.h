/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cli - one function per subcommand of weir, one file each; main.c has the table that calls them.
 *
 * argv[0] is the subcommand's name. Each returns the exit status: 0 done, 1 failed (said on standard error), 2 usage.
 */
#pragma once

int cli_agent(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_top(int argc, char **argv);
int cli_detach(int argc, char **argv);
int cli_replay(int argc, char **argv);
int cli_keygen(int argc, char **argv);
int cli_check_config(int argc, char **argv);
int cli_version(int argc, char **argv);
int cli_help_records(void);
int cli_help_ipfix(void);
int cli_help_words(void);
