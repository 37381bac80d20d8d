/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* weir check-config: says what is wrong with a weir.conf, and prints what the table of options knows. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "base/options.h"
#include "base/util.h"
#include "cli/cli.h"

#define WIDTH 100	/* columns of --print-defaults */

static const char usage[] =
	"usage: weir check-config [FILE]            is FILE (" CONF_DEFAULT_PATH ") a good configuration?\n"
	"       weir check-config --print [FILE]    print every option with the value that FILE gives it\n"
	"       weir check-config --print-defaults  print a commented configuration with every option\n"
	"       weir check-config --print-options   print the table of options, fields divided by tabs\n";

static void print_error(const char *message, void *arg)
{
	fprintf(stderr, "%s\n", message);
}

/* @text as comment lines of at most WIDTH columns. */
static void print_comment(const char *text)
{
	while (*text) {
		size_t len = strlen(text), at;

		if (len > WIDTH - 2) {
			for (at = WIDTH - 2; at && text[at] != ' '; at--)
				;
			len = at ? at : WIDTH - 2;
		}
		printf("# %.*s\n", (int)len, text);
		text += len + (text[len] == ' ');
	}
}

static void print_option_comment(const struct conf_option *option)
{
	char text[2 * OPTIONS_TEXT_MAX] = "";
	struct writer w = { .buf = text, .size = sizeof(text) - 1 };	/* the last NUL stays */

	print_comment(option->help);
	writer_text(&w, "Allowed: ");
	options_allowed(option, &w);
	writer_text(&w, ".");
	if (option->empty)
		writer_format(&w, " Nothing means: %s.", option->empty);
	print_comment(text);
	printf("#%s =%s%s\n\n", option->key, *option->preset ? " " : "", option->preset);
}

/* A weir.conf that says nothing yet but which ports to measure: that nobody can guess. */
static void print_defaults(void)
{
	print_comment("Configuration of weir. Each option stands here with its default; take the # away to change it.");
	print_comment("Durations are numbers with ms, s, m or h. A comment begins with # or ; at the start of a line, "
		      "or with ; after a space. weir check-config finds mistakes.");
	for (size_t s = 0; s < options_sections_count; s++) {
		const struct conf_section *section = &options_sections[s];
		bool port = !strcmp(section->name, OPTIONS_PORT);

		printf("\n");
		print_comment(section->help);
		if (port)
			print_comment("At least one is needed.");
		printf(port ? "#[%s eth0]\n\n" : "[%s]\n\n", section->name);
		for (size_t i = 0; i < options_count; i++)
			if (!strcmp(options[i].section, section->name))
				print_option_comment(&options[i]);
	}
}

/* "section", name, help; "option", section, key, type, default, allowed, what nothing means, help. */
static void print_options(void)
{
	for (size_t i = 0; i < options_sections_count; i++)
		printf("section\t%s\t%s\n", options_sections[i].name, options_sections[i].help);
	for (size_t i = 0; i < options_count; i++) {
		const struct conf_option *option = &options[i];
		char allowed[OPTIONS_TEXT_MAX];
		struct writer w = WRITER(allowed);

		options_allowed(option, &w);
		printf("option\t%s\t%s\t%s\t%s\t%.*s\t%s\t%s\n", option->section, option->key, options_type(option),
		       option->preset, (int)w.len, allowed, option->empty ? option->empty : "", option->help);
	}
}

static int check_file(const char *path, bool print)
{
	struct conf conf;

	if (conf_load(path, &conf, print_error, NULL))
		return 1;
	if (print)
		conf_print(&conf, stdout);
	else
		printf("%s: ok\n", path);
	return 0;
}

int cli_check_config(int argc, char **argv)
{
	bool print = argc > 1 && !strcmp(argv[1], "--print");
	int rest = 1 + print, status = 0;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
	} else if (argc == 2 && !strcmp(argv[1], "--print-defaults")) {
		print_defaults();
	} else if (argc == 2 && !strcmp(argv[1], "--print-options")) {
		print_options();
	} else if (argc > rest + 1) {
		fprintf(stderr, "weir check-config: \"%s\": one argument too many\n%s", argv[rest + 1], usage);
		return 2;
	} else if (argc > rest && argv[rest][0] == '-') {
		fprintf(stderr, "weir check-config: \"%s\": unknown option\n%s", argv[rest], usage);
		return 2;
	} else {
		status = check_file(argc > rest ? argv[rest] : CONF_DEFAULT_PATH, print);
	}
	if (fflush(stdout)) {
		fprintf(stderr, "weir check-config: standard output: %s\n", strerror(errno));
		return 1;
	}
	return status;
}
