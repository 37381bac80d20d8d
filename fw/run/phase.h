/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * phase - when a gateway's periodic messages are due: every interval, at an offset of its own.
 *
 * A fleet that was switched on together, with one configuration, would publish in the same instant for ever. The offset
 * comes from site and name, so it stays over restarts; times are of a clock that starts with the machine. Pure.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "base/siphash.h"

/* In ns from @now_ns: 1 to @interval_ns. */
static inline uint64_t phase_next_ns(const char *site, const char *name, uint64_t interval_ns, uint64_t now_ns)
{
	const struct siphash_key key = { { siphash((struct siphash_key){ { 0 } }, site, strlen(site)), 0 } };
	const uint64_t fraction = siphash(key, name, strlen(name)) >> 32;	/* of 2^32 */
	const uint64_t offset_ns = (uint64_t)(((unsigned __int128)interval_ns * fraction) >> 32);

	return interval_ns - (now_ns % interval_ns + interval_ns - offset_ns) % interval_ns;
}
