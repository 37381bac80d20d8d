/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * porttab - the maps "ports" (which port an ifindex is) and "port_names" (which index a name has).
 *
 * The programs read "ports" while it is written: an entry is one aligned store of 8 bytes, so that they see the old
 * one or the new one. Returns 0 or a negative errno. No logging.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

struct porttab;

int porttab_open(struct porttab **ret_tab, int ports_fd, int port_names_fd);
struct porttab *porttab_close(struct porttab *tab);	/* entries stay; takes NULL; returns NULL */

/* Adds or changes. -ENOSPC: the PORT_PROBES places that @ifindex may lie in are taken. */
int porttab_set(struct porttab *tab, uint32_t ifindex, uint16_t port, uint16_t flags);
void porttab_clear(struct porttab *tab, uint32_t ifindex);
void porttab_keep(struct porttab *tab, bool (*keep)(uint32_t ifindex, void *arg), void *arg);	/* clears the others */

int porttab_name(struct porttab *tab, unsigned int port, char ret_name[IFNAMSIZ]);	/* "": none */
int porttab_set_name(struct porttab *tab, unsigned int port, const char *name);
