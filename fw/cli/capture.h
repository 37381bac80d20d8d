/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * capture - frames out of a pcap or pcapng file, gzipped or not, as Ethernet or raw IP frames.
 *
 * libpcap reads the formats, zlib the gzip layer. Link types that are neither Ethernet nor raw IP but carry an ethertype
 * or an address family (PPP, BSD null and loop, Linux cooked 1 and 2) get an Ethernet header in place of their own, with
 * the sender's address where they have it. capture_next(): 1 a frame, 0 end of file, or a negative errno with a line in
 * capture_error(): a file that is cut gives all whole frames first. No logging.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CAPTURE_FRAME_MAX 65535	/* what BPF_PROG_TEST_RUN takes with fragments; longer ones are cut to this */

struct capture;

struct capture_frame {
	uint64_t time_ns;	/* since 1970 */
	uint32_t len;		/* bytes here */
	uint32_t wire_len;	/* bytes on the wire, as the file says */
	bool raw_ip;		/* starts with the IP header */
	const uint8_t *bytes;	/* until the next capture_next() */
};

int capture_open(struct capture **ret_capture, const char *path, char *error, uint32_t error_size);
int capture_next(struct capture *capture, struct capture_frame *ret_frame);
const char *capture_error(const struct capture *capture);
struct capture *capture_close(struct capture *capture);	/* takes NULL; returns NULL */
