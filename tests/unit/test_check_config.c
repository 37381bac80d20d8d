/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"
#include "base/util.h"
#include "cli/cli.h"

static char out[65536], err[65536];

static FILE *divert(int fd, int *ret_saved)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	*ret_saved = dup(fd);
	dup2(fileno(file), fd);
	return file;
}

static void restore(FILE *file, int fd, int saved, char *text, size_t size)
{
	dup2(saved, fd);
	close(saved);
	rewind(file);
	text[fread(text, 1, size - 1, file)] = 0;
	fclose(file);
}

/* Runs weir check-config @a @b and catches what it writes. */
static int run(const char *a, const char *b)
{
	char *argv[] = { (char *)"check-config", (char *)a, (char *)b, NULL };
	int saved_out, saved_err, status;
	FILE *to_out, *to_err;

	fflush(stdout);
	to_out = divert(STDOUT_FILENO, &saved_out);
	to_err = divert(STDERR_FILENO, &saved_err);
	status = cli_check_config(a ? b ? 3 : 2 : 1, argv);
	restore(to_out, STDOUT_FILENO, saved_out, out, sizeof(out));
	restore(to_err, STDERR_FILENO, saved_err, err, sizeof(err));
	return status;
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void test_file(void **state)
{
	char path[] = "/tmp/test_check_config.XXXXXX", expected[256];

	close(mkstemp(path));
	write_file(path, "[port eth0]\n");
	assert_int_equal(run(path, NULL), 0);
	snprintf(expected, sizeof(expected), "%s: ok\n", path);
	assert_string_equal(out, expected);
	assert_string_equal(err, "");
	assert_int_equal(run("--print", path), 0);
	assert_non_null(strstr(out, "\n[port eth0]\nrole = port\nhook = auto\nmirror = no\n"));

	write_file(path, "[port eth0]\nhook = x\n[flows]\nslots = 1000\n");
	assert_int_equal(run(path, NULL), 1);
	assert_string_equal(out, "");
	snprintf(expected, sizeof(expected),
		 "%s:2: port eth0.hook = \"x\": not one of the choices; allowed: auto, xdp, xdp-generic, tc\n"
		 "%s:4: flows.slots = \"1000\": out of range; allowed: a power of two, 1024 to 4194304\n", path, path);
	assert_string_equal(err, expected);
	unlink(path);
	assert_int_equal(run(path, NULL), 1);
	assert_non_null(strstr(err, ": cannot be read: No such file or directory\n"));
}

static void test_usage(void **state)
{
	assert_int_equal(run("--frobnicate", NULL), 2);
	assert_non_null(strstr(err, "\"--frobnicate\": unknown option\nusage: "));
	assert_int_equal(run("a", "b"), 2);
	assert_non_null(strstr(err, "\"b\": one argument too many\nusage: "));
	assert_int_equal(run("--help", NULL), 0);
	assert_memory_equal(out, "usage: ", 7);
}

/* The commented file: as it is it lacks but a port; with every # before an option gone it is accepted. */
static void test_print_defaults(void **state)
{
	char path[] = "/tmp/test_check_config.XXXXXX", plain[sizeof(out)];
	size_t len = 0, given = 0;

	close(mkstemp(path));
	assert_int_equal(run("--print-defaults", NULL), 0);
	write_file(path, out);
	for (const char *c = out; *c; c++) {
		if ((c == out || c[-1] == '\n') && *c == '#' && c[1] != ' ') {
			given += c[1] != '[';
			continue;
		}
		plain[len++] = *c;
	}
	plain[len] = 0;
	assert_int_equal(given, options_count);
	assert_int_equal(run(path, NULL), 1);
	assert_non_null(strstr(err, ": no port to measure; "));
	write_file(path, plain);
	assert_int_equal(run(path, NULL), 0);
	assert_string_equal(err, "");
	unlink(path);
}

static void test_print_options(void **state)
{
	size_t rows = 0, sections = 0, tabs = 0;

	assert_int_equal(run("--print-options", NULL), 0);
	for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
		tabs = 0;
		for (const char *c = line; *c; c++)
			tabs += *c == '\t';
		assert_int_equal(tabs, strncmp(line, "option\t", 7) ? 2 : 7);
		rows += !strncmp(line, "option\t", 7);
		sections += !strncmp(line, "section\t", 8);
	}
	assert_int_equal(rows, options_count);
	assert_int_equal(sections, options_sections_count);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_print_defaults),
		cmocka_unit_test(test_print_options),
	};

	return cmocka_run_group_tests_name("check_config", tests, NULL, NULL);
}
