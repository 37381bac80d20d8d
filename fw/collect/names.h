/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * names - host names and ALPN lists, each once, in the map "names", so that flows only carry a number and the numbers
 * outlive the process.
 *
 * Entries are counted by the flow slots that refer to them. One that nobody refers to stays, to be found again, until
 * its place is needed. Full of referred ones: names_intern() says 0 and counts it. No logging.
 */
#pragma once

#include <stdint.h>

#include "bpf/abi.h"

struct names;

int names_open(struct names **ret_names, int map_fd);	/* all counts are 0 then: names_ref() each known reference */
struct names *names_close(struct names *names);		/* takes NULL; returns NULL */

uint16_t names_intern(struct names *names, const uint8_t *bytes, uint8_t len);	/* one reference more; 0: full, or len 0 */
void names_ref(struct names *names, uint16_t id);	/* id 0: nothing */
void names_unref(struct names *names, uint16_t id);
const struct name_entry *names_get(const struct names *names, uint16_t id);	/* NULL: 0, or out of range */

uint64_t names_full(const struct names *names);		/* how often a name found no place */
uint32_t names_used(const struct names *names);		/* entries with references */
