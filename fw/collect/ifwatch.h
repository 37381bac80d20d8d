/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ifwatch - hears from rtnetlink that interfaces changed, or that a TC filter or qdisc went.
 *
 * Says only which interface, never what: the messages may be late or lost, so whoever acts asks for the state itself
 * (iface). @settled comes after each burst, with @overrun where messages were lost. Callbacks must not close the
 * watch. Returns 0 or a negative errno. No logging.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ifwatch;
struct loop;

struct ifwatch_calls {
	void (*link)(uint32_t ifindex, void *arg);
	void (*tc_gone)(uint32_t ifindex, void *arg);
	void (*settled)(bool overrun, void *arg);
	void *arg;
};

int ifwatch_open(struct ifwatch **ret_watch, struct loop *loop, const struct ifwatch_calls *calls);
struct ifwatch *ifwatch_close(struct ifwatch *watch);	/* takes NULL; returns NULL */
