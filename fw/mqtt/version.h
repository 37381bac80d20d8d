/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * version - which MQTT version to try next: 5 first, 3.1.1 where the broker's manner of refusing says that it has no 5.
 *
 * Pure. A broker says so by CONNACK 132 (or 3.1.1's 1), or by closing before CONNACK, VERSION_EARLY_CLOSES times in a
 * row. One that has answered in this version before and now closes early has trouble of another kind. 3.1.1 may turn
 * out wrong in the same ways: then 5 again.
 */
#pragma once

#include <stdbool.h>

#include "mqtt/broker.h"

#define VERSION_EARLY_CLOSES 2

struct version {
	int protocol;		/* 4 (3.1.1) or 5 */
	bool fixed;		/* by configuration */
	bool proven;		/* this broker has answered in @protocol */
	unsigned int early_closes;
};

/* A connection ended like that. True: @protocol is another now. */
static inline bool version_ended(struct version *v, enum broker_end how)
{
	bool early = how == BROKER_CLOSED_EARLY || how == BROKER_VERSION;
	bool sure = how == BROKER_VERSION && v->protocol == 5;

	v->early_closes = early ? v->early_closes + 1 : 0;
	if (v->fixed || (!sure && (v->proven || v->early_closes < VERSION_EARLY_CLOSES)))
		return false;
	*v = (struct version){ .protocol = v->protocol == 5 ? 4 : 5 };
	return true;
}
