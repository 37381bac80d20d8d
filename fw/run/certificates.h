/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * certificates - how long those of the way to the broker still hold, and when that is to be said. Pure.
 *
 * An event comes once for each certificate and threshold that it has fallen under, the lowest only; a new certificate starts
 * over. Days are whole ones, rounded down: 0 is the last day, less than 0 is over.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/util.h"

enum { CERTIFICATE_OWN, CERTIFICATE_BROKER, CERTIFICATES };

struct certificate_watch {
	int64_t expires_s;	/* seconds since 1970; 0: there is none, or it is not known */
	int told_days;		/* the threshold said last */
};

static inline int64_t certificate_days_left(int64_t expires_s, int64_t now_s)
{
	int64_t left_s = expires_s - now_s;

	return left_s >= 0 ? left_s / 86400 : -((-left_s + 86399) / 86400);
}

/* Whether there is something to say now. */
static inline bool certificate_due(struct certificate_watch *w, int64_t expires_s, int64_t now_s)
{
	static const int thresholds[] = { 0, 1, 7, 30 };	/* days; 0: it has ended */

	if (!expires_s)		/* an uplink that has just started does not know yet */
		return false;
	if (w->expires_s != expires_s)
		*w = (struct certificate_watch){ .expires_s = expires_s, .told_days = INT32_MAX };
	for (unsigned int i = 0; i < ARRAY_SIZE(thresholds); i++) {
		if (expires_s - now_s > thresholds[i] * 86400LL)
			continue;
		if (w->told_days <= thresholds[i])
			return false;
		w->told_days = thresholds[i];
		return true;
	}
	return false;
}
