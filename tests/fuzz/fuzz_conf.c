/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* conf: any bytes as a weir.conf. What is accepted is printed, read again, and must print the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int messages;

/* A message is one line of printable bytes. */
static void hear(const char *message, void *arg)
{
	messages++;
	for (const char *c = message; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			abort();
}

static char *printed(const struct conf *conf, size_t *ret_len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);

	if (!out || conf_print(conf, out) || fclose(out))
		abort();
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf conf, again;
	char *first, *second, *word;
	size_t first_len, second_len;
	int err;

	word = malloc(size + 1);
	memcpy(word, data, size);
	word[size] = 0;

	messages = 0;
	err = conf_parse((const char *)data, size, "fuzz", &conf, hear, NULL);
	if ((err != 0) != (messages != 0))	/* refused without a word, or taken with one */
		abort();
	if (!err) {
		first = printed(&conf, &first_len);
		if (conf_parse(first, first_len, "printed", &again, hear, NULL))
			abort();
		second = printed(&again, &second_len);
		if (first_len != second_len || memcmp(first, second, first_len))
			abort();
		conf_port_find(&conf, "eth0");
		free(first);
		free(second);
	} else {
		conf_parse("[port eth*]", 11, "fuzz", &conf, hear, NULL);
	}
	messages = 0;
	err = conf_override(&conf, word, hear, NULL);
	if ((err != 0) != (messages != 0))
		abort();
	free(word);
	return 0;
}
