/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* capture: any bytes as a file. Every frame's bytes are there, the times and lengths are its own, errors have a line. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRAMES_MAX 2000	/* gzip bombs */

static volatile uint8_t sink;

static void one_line(const char *message)
{
	if (!*message || strlen(message) > 400)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[32];
	struct capture *capture = NULL;
	struct capture_frame frame;
	char error[512] = "";
	int more = 1;

	if (fd < 0) {
		fd = memfd_create("capture", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (capture_open(&capture, path, error, sizeof(error))) {
		one_line(error);
		if (capture || !strstr(error, path))
			abort();
		return 0;
	}
	for (int i = 0; i < FRAMES_MAX && (more = capture_next(capture, &frame)) == 1; i++) {
		if (frame.len > CAPTURE_FRAME_MAX + 14)
			abort();
		for (uint32_t at = 0; at < frame.len; at++)
			sink ^= frame.bytes[at];
	}
	if (more < 0)
		one_line(capture_error(capture));
	capture_close(capture);
	return 0;
}
