/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dataplane - loads the BPF object and holds its maps and programs; attaches nothing (that is attach).
 *
 * With a pin directory every map that must outlive the program is pinned there, "meta" last: a directory without
 * "meta" is the rest of a start that broke off, and is cleared. Pinned maps are used again only where meta and every
 * map's shape fit; the hash seed is then theirs, not the asked one. Programs are loaded anew at each open.
 * Returns 0 or a negative errno; @error then holds one line for the operator, never empty. No logging.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

#define DATAPLANE_ERROR_BYTES	1024
#define DATAPLANE_SLOTS_MIN	64u
#define DATAPLANE_SLOTS_MAX	(1u << 24)	/* 2 GB of flow table */
#define DATAPLANE_HELLOS_MAX	(1u << 16)	/* 44 MB of walks */

struct dataplane;

enum dataplane_program { PROGRAM_RX_XDP, PROGRAM_RX_TC, PROGRAM_TX_TC, PROGRAMS };

struct dataplane_settings {
	const char *object_path;
	const char *pin_dir;	/* on a bpffs; NULL: nothing is pinned. */
	uint32_t slots;		/* of the flow table: a power of two */
	uint32_t tcp_share;	/* slots for each place of the pool of TCP health: a power of two; 0: TCP_SLOTS_EACH */
	uint32_t hellos;	/* of the walk pool: a power of two */
	uint64_t seed;		/* of the flow hash; 0: a random one */
	uint64_t new_interval_ns, new_burst_ns;	/* of new flows (bpf/maps.h); 0: no limit */
	bool replay;		/* time and frame length come from map "replay" */
	uint32_t programs;	/* 1 << PROGRAM_*: only these are loaded; 0: all */
};

struct dataplane_program_info {
	const char *name;		/* "weir_rx_xdp", ... */
	int fd;				/* negative: not loaded */
	uint32_t id;
	uint32_t verified_insns;	/* that the verifier walked; 0: kernel does not say */
};

int dataplane_open(struct dataplane **ret_dp, const struct dataplane_settings *settings,
		   char error[DATAPLANE_ERROR_BYTES]);
struct dataplane *dataplane_close(struct dataplane *dp);	/* pins stay; takes NULL; returns NULL */

int dataplane_map_fd(const struct dataplane *dp, const char *map);	/* stays dataplane's; -ENOENT: no such map */
uint32_t dataplane_map_id(const struct dataplane *dp, const char *map);	/* 0: no such map */
/* Another descriptor of a map that is pinned in @pin_dir, with which nobody can write to it; the caller's. */
int dataplane_map_read_only(const struct dataplane *dp, const char *pin_dir, const char *map);
void dataplane_program(const struct dataplane *dp, enum dataplane_program program,
		       struct dataplane_program_info *ret_info);
const struct meta *dataplane_meta(const struct dataplane *dp);
bool dataplane_reused(const struct dataplane *dp);	/* maps of an earlier run were taken over */

/* Removes every pin in @pin_dir, those of links too (which detaches them), and the directory. Counts are lost. */
int dataplane_unpin(const char *pin_dir);
