/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * supervisor - the privileged process: loads the dataplane, follows the ports, starts agent, uplink and, where it
 * is asked for, the metrics page, and starts them again when they die, each alone. Parses nothing that comes from a network, a broker or a user.
 *
 * SIGTERM or SIGINT: tells the agent to stop, waits for both, leaves programs and tables pinned and attached, returns 0.
 * Logs itself. Another status: what could not be started, said in the log.
 */
#pragma once

#include "base/conf.h"

int supervisor_run(const struct conf *conf);	/* exit status */
