/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * resolve - looks a host name up without holding up the loop.
 *
 * getaddrinfo() knows /etc/hosts, mDNS and whatever else the machine is set up for, and blocks: 10 s and more where DNS
 * is a black hole. It runs in a thread of its own, which touches nothing but its job. An address instead of a name
 * needs no thread. A lookup that nobody waits for any more runs on to its own end; RESOLVE_THREADS_MAX bounds how many
 * do (256 kB of address space each).
 */
#pragma once

#include <netdb.h>
#include <stdint.h>

#include "base/loop.h"

#define RESOLVE_THREADS_MAX 4

struct resolve;

/*
 * @done comes from the loop, never from inside this call, and may free. @err: of getaddrinfo (gai_strerror()); @list is
 * of that call only. 0; -EAGAIN: too many lookups hang; -ENOMEM.
 */
int resolve_start(struct resolve **ret_resolve, struct loop *loop, const char *host, uint16_t port,
		  void (*done)(void *arg, int err, const struct addrinfo *list), void *arg);
struct resolve *resolve_free(struct resolve *resolve);	/* takes NULL; returns NULL */
