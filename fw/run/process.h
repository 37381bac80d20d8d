/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * process - what is in force for each process of ours, as the kernel says it in /proc.
 *
 * User, capabilities, no_new_privs and seccomp are read in /proc/PID/status by the supervisor, again and again. Maps are read in
 * /proc/self/fdinfo by the process itself when it begins, as nobody else may look there without CAP_SYS_PTRACE; after that it can
 * get no other (its list of system calls). What Landlock does the kernel tells nobody: sandbox.h. 0 or a negative errno; no log.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESSES(X) \
	X(DATAPLANE,	"dataplane") \
	X(AGENT,	"agent") \
	X(UPLINK,	"uplink") \
	X(METRICS,	"metrics")

enum process_id {
#define X(id, name) PROCESS_##id,
	PROCESSES(X)
#undef X
	PROCESS_N,
};

#define PROCESS_MAPS(X) \
	X(flows) X(ledger) X(hellos) X(tcp) X(names) X(taken) X(books) X(stats) X(events) \
	X(fragments) X(ports) X(port_names) X(meta) X(scratch) X(replay)

enum process_map {
#define X(name) PROCESS_MAP_##name,
	PROCESS_MAPS(X)
#undef X
	PROCESS_MAP_N,
};

extern const char *const process_names[PROCESS_N];
extern const char *const process_map_names[PROCESS_MAP_N];

/* Maps by what the process' descriptors are good for: 1 << enum process_map. */
struct process_maps {
	uint32_t write, read_only;
};

struct process_facts {
	int32_t pid;			/* 0: not running; all else is then 0 */
	uint32_t uid, gid;		/* effective */
	uint64_t caps;			/* in any of the inheritable, permitted, effective and ambient sets */
	uint64_t bounding;
	uint32_t seccomp;		/* 0: none, 1: strict, 2: filter */
	bool no_new_privs;
	bool landlock_refuses;
	int32_t landlock_abi;
	struct process_maps maps;
	uint32_t refused;		/* times that it was ended for a system call on no list; goes on over restarts */
	char refused_last[24];		/* which one, the last time; "" */
};

int process_read(pid_t pid, struct process_facts *ret_facts);	/* what is in /proc/PID/status; the rest stays */
int process_parse_status(const char *text, struct process_facts *ret_facts);	/* -EBADMSG: a line is missing */

/* Of this process. @ids: of the maps, 0 where there is none. */
int process_read_maps(const uint32_t ids[PROCESS_MAP_N], struct process_maps *ret_maps);
/* One file of fdinfo: false where it is no map. */
bool process_parse_fdinfo(const char *text, uint32_t *ret_id, bool *ret_writes);
