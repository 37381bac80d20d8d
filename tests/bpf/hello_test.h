/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* hello_test - what stands before the payload in a frame for hello.bpf.c. */
#pragma once

#include <linux/types.h>

#define HELLO_TEST_CHUNKS 8

struct hello_test {
	__u32 begin;		/* 1: a new walk, which expects first_seq */
	__u32 first_seq;
	__u32 seq;		/* of the segment */
	__u32 len;		/* payload bytes behind this struct */
};
