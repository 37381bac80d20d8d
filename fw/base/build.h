/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * build - when this program was built: a floor for the clock. Whatever runs it runs later than that.
 *
 * The Makefile takes SOURCE_DATE_EPOCH, else the time of the last commit, so that two builds of one source are the same.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

static inline int64_t build_time_s(void)
{
	return WEIR_BUILD_S;
}

static inline bool build_clock_is_wrong(int64_t now_s)
{
	return now_s < build_time_s();
}
