/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/snapshot_process.h"

#include <stdio.h>

#include "export/text.h"

static const char *const seccomp_names[] = { "none", "strict", "filter" };

static const char *seccomp_of(const struct process_facts *p)
{
	return p->seccomp < 3 ? seccomp_names[p->seccomp] : "unknown";
}

uint64_t snapshot_process_refused(const struct snapshot *s)
{
	uint64_t refused = 0;

	for (int i = 0; i < PROCESS_N; i++)
		refused += s->process[i].refused;
	return refused;
}

static void names_of(struct writer *w, uint32_t maps, const char *quote, const char *between)
{
	bool is_first = true;

	for (int i = 0; i < PROCESS_MAP_N; i++)
		if (maps >> i & 1) {
			writer_format(w, "%s%s%s%s", is_first ? "" : between, quote, process_map_names[i], quote);
			is_first = false;
		}
}

/* ---- text ---- */

static void text_maps(struct writer *w, const struct process_maps *maps)
{
	if (!(maps->write | maps->read_only)) {
		writer_text(w, "none");
		return;
	}
	names_of(w, maps->write, "", ",");
	if (maps->read_only) {
		writer_text(w, maps->write ? "; to read: " : "to read: ");
		names_of(w, maps->read_only, "", ",");
	}
}

void snapshot_process_text(struct writer *w, const struct snapshot *s)
{
	writer_format(w, "\n%-10s %8s %11s %-16s %-9s %-7s %-8s  %s\n", "PROCESS", "PID", "USER:GROUP", "CAPABILITIES", "NEW ONES",
		      "SECCOMP", "LANDLOCK", "MAPS IT CAN WRITE");
	for (int i = 0; i < PROCESS_N; i++) {
		const struct process_facts *p = &s->process[i];
		char landlock[16] = "none", user[24];

		if (!p->pid)
			continue;
		snprintf(user, sizeof(user), "%u:%u", p->uid, p->gid);
		if (p->landlock_abi && p->landlock_refuses)
			snprintf(landlock, sizeof(landlock), "ABI %d", p->landlock_abi);
		writer_format(w, "%-10s %8d %11s %016llx %-9s %-7s %-8s  ", process_names[i], p->pid, user,
			      (unsigned long long)p->caps, p->no_new_privs && !p->bounding ? "never" : p->no_new_privs ?
			      "no" : "by exec", seccomp_of(p), landlock);
		text_maps(w, &p->maps);
		if (p->refused)
			writer_format(w, "; ENDED %u times for a system call on no list, last %s", p->refused, p->refused_last);
		writer_char(w, '\n');
	}
}

/* ---- JSON ---- */

void snapshot_process_json(struct writer *w, const struct snapshot *s)
{
	const char *between = "";

	writer_text(w, "\"processes\":[");
	for (int i = 0; i < PROCESS_N; i++) {
		const struct process_facts *p = &s->process[i];

		if (!p->pid && !p->refused)
			continue;
		writer_format(w, "%s{\"name\":\"%s\",\"pid\":%d,\"uid\":%u,\"gid\":%u,\"capabilities\":\"%016llx\",\"bounding\":\"%016llx\",",
			      between, process_names[i], p->pid, p->uid, p->gid, (unsigned long long)p->caps,
			      (unsigned long long)p->bounding);
		writer_format(w, "\"no_new_privs\":%s,\"seccomp\":\"%s\",\"landlock_abi\":%d,\"maps_written\":[",
			      p->no_new_privs ? "true" : "false", seccomp_of(p), p->landlock_refuses ? p->landlock_abi : 0);
		names_of(w, p->maps.write, "\"", ",");
		writer_text(w, "],\"maps_read\":[");
		names_of(w, p->maps.read_only, "\"", ",");
		writer_format(w, "],\"syscalls_refused\":%u", p->refused);
		if (p->refused_last[0]) {
			writer_text(w, ",\"syscall_refused_last\":");
			text_json(w, p->refused_last, __builtin_strlen(p->refused_last));
		}
		writer_char(w, '}');
		between = ",";
	}
	writer_text(w, "],");
}
