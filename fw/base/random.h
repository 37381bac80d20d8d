/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* random - numbers that nobody can guess, from the kernel: getrandom(2) gives so few bytes at once, or is interrupted early at boot. */
#pragma once

#include <stdint.h>
#include <sys/random.h>

static inline uint64_t random_u64(void)
{
	uint64_t value;

	while (getrandom(&value, sizeof(value), 0) != sizeof(value))
		;
	return value;
}

static inline uint32_t random_u32(void)
{
	return (uint32_t)random_u64();
}
