/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/dataplane.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/util.h"
#include "collect/pins.h"
#include "collect/rodata.h"

#define VERIFIER_LOG_BYTES	(16u << 20)	/* a program; touched only when the verifier refuses it */
#define SAID_BYTES		512

#define NOT_OURS	"not a Weir object, or of another version"
#define REMOVE_PINS	"stop weir and remove %s (what it counted and did not report yet is lost)"

struct dataplane {
	struct bpf_object *obj;
	struct bpf_program *program[PROGRAMS];
	char *verifier_log[PROGRAMS];
	struct meta meta;
	bool reused;
	const char *pin_dir;		/* of the settings; only used within dataplane_open() */
	const char *object_path;
	char *error;
};

static const char *const program_names[PROGRAMS] = { "weir_rx_xdp", "weir_rx_tc", "weir_tx_tc" };

/* Work space of the programs, rewritten by each packet: nothing that a later run could want. */
static const char *const unpinned_maps[] = { "scratch", "replay" };

/* ---- what went wrong ---- */

/* libbpf speaks to one function of the whole process: its last warning is kept here to explain an error. */
static char said[SAID_BYTES];

static int hear_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level != LIBBPF_WARN)
		return 0;
	vsnprintf(said, sizeof(said), format, args);
	said[strcspn(said, "\n")] = 0;
	return 0;
}

__attribute__((format(printf, 3, 4)))
static int fail(struct dataplane *dp, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(dp->error, DATAPLANE_ERROR_BYTES, format, args);
	va_end(args);
	return err;
}

/* libbpf has numbers of its own, from 4000 up. */
static int own_errno(int err)
{
	return err <= -__LIBBPF_ERRNO__START ? -ENOEXEC : err;
}

/* The verifier's log ends with why, then statistics: keep the last lines before those, on one line. */
static void verifier_reason(char *log, char *ret_text, size_t size)
{
	char *end = strstr(log, "\nprocessed "), *start;
	int lines = 0;

	if (end)
		*end = 0;
	for (end = log + strlen(log); end > log && end[-1] == '\n'; )
		*--end = 0;
	for (start = end; start > log; start--)
		if (start[-1] == '\n' && ++lines == 3)
			break;
	snprintf(ret_text, size, "%s", start);
	for (char *c = ret_text; (c = strchr(c, '\n')); )
		*c = '|';
}

static bool kernel_older_than(unsigned int major, unsigned int minor, struct utsname *ret_name)
{
	unsigned int is_major = 0, is_minor = 0;

	if (uname(ret_name) || sscanf(ret_name->release, "%u.%u", &is_major, &is_minor) != 2)
		return false;
	return is_major < major || (is_major == major && is_minor < minor);
}

static int explain_load(struct dataplane *dp, int err)
{
	struct utsname name;
	char reason[SAID_BYTES];

	if (kernel_older_than(6, 1, &name))
		return fail(dp, err, "kernel is Linux %s, Weir needs 6.1 or newer: %s", name.release, strerror(-err));
	for (int i = 0; i < PROGRAMS; i++)
		if (dp->verifier_log[i] && dp->verifier_log[i][0]) {
			verifier_reason(dp->verifier_log[i], reason, sizeof(reason));
			return fail(dp, err, "the kernel's verifier refuses %s of \"%s\": %s", program_names[i],
				    dp->object_path, reason);
		}
	if (err == -EPERM || err == -EACCES)
		return fail(dp, err, "no right to load BPF programs: CAP_BPF and CAP_NET_ADMIN are needed (or root), outside "
			    "of a user namespace");
	if (err == -ENOMEM || err == -E2BIG)
		return fail(dp, err, "no memory for the maps of %u flow slots (%u MB): %s", dp->meta.slots,
			    (unsigned int)((dp->meta.slots * (sizeof(struct flow_slot) + sizeof(struct flow_total)) +
					    dp->meta.tcps * sizeof(struct tcp_health)) >> 20), said);
	return fail(dp, err, "cannot load BPF object \"%s\": %s (%s)", dp->object_path, strerror(-err),
		    said[0] ? said : "libbpf gave no reason");
}

/* ---- the object file ---- */

static int open_object(struct dataplane *dp)
{
	char first[4] = "";
	FILE *file = fopen(dp->object_path, "re");
	int err;

	if (!file)
		return fail(dp, -errno, "cannot open BPF object \"%s\": %s", dp->object_path, strerror(errno));
	err = fread(first, 1, sizeof(first), file) == sizeof(first) && !memcmp(first, "\177ELF", 4) ? 0 : -ENOEXEC;
	fclose(file);
	if (err)
		return fail(dp, err, "\"%s\" is not a BPF object: no ELF file", dp->object_path);

	dp->obj = bpf_object__open_file(dp->object_path, NULL);
	if (!dp->obj) {
		err = own_errno(-errno);
		return fail(dp, err, "\"%s\" is not a BPF object that can be used: %s", dp->object_path,
			    said[0] ? said : strerror(-err));
	}
	if (!bpf_object__btf(dp->obj))
		return fail(dp, -ENOEXEC, "\"%s\" has no BTF: build it with clang -g -target bpf", dp->object_path);
	for (int i = 0; i < PROGRAMS; i++) {
		dp->program[i] = bpf_object__find_program_by_name(dp->obj, program_names[i]);
		if (!dp->program[i])
			return fail(dp, -ENOEXEC, "\"%s\" has no program \"%s\": " NOT_OURS,
				    dp->object_path, program_names[i]);
	}
	return 0;
}

static int set_constants(struct dataplane *dp, const struct dataplane_settings *settings)
{
	uint32_t bucket_mask = dp->meta.slots / BUCKET_SLOTS - 1, hello_mask = dp->meta.hellos - 1, is_replay = settings->replay;
	uint32_t tcp_mask = dp->meta.tcps - 1;
	uint64_t new_interval_ns = settings->new_interval_ns, new_burst_ns = settings->new_burst_ns;
	const struct rodata_value values[] = {
		{ "cfg_bucket_mask", &bucket_mask, sizeof(bucket_mask) },
		{ "cfg_hello_mask", &hello_mask, sizeof(hello_mask) },
		{ "cfg_tcp_mask", &tcp_mask, sizeof(tcp_mask) },
		{ "cfg_seed", &dp->meta.seed, sizeof(dp->meta.seed) },
		{ "cfg_new_interval_ns", &new_interval_ns, sizeof(new_interval_ns) },
		{ "cfg_new_burst_ns", &new_burst_ns, sizeof(new_burst_ns) },
		{ "cfg_replay", &is_replay, sizeof(is_replay) },
	};
	const char *missing = NULL;
	int err = rodata_set(dp->obj, values, ARRAY_SIZE(values), &missing);

	if (missing)
		return fail(dp, err, "\"%s\" has no constant \"%s\" that fits: " NOT_OURS, dp->object_path, missing);
	return err ? fail(dp, err, "cannot set the constants of \"%s\": %s", dp->object_path, strerror(-err)) : 0;
}

static int set_sizes(struct dataplane *dp)
{
	const struct { const char *name; uint32_t entries; } sizes[] = {
		{ "flows", dp->meta.slots / BUCKET_SLOTS },
		{ "ledger", dp->meta.slots },
		{ "hellos", dp->meta.hellos },
		{ "tcp", dp->meta.tcps },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(dp->obj, sizes[i].name);

		if (!map || bpf_map__set_max_entries(map, sizes[i].entries))
			return fail(dp, -ENOEXEC, "\"%s\" has no map \"%s\": " NOT_OURS,
				    dp->object_path, sizes[i].name);
	}
	return 0;
}

/* ---- pinned maps ---- */

static bool is_pinned(const struct bpf_map *map)
{
	if (bpf_map__is_internal(map))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(unpinned_maps); i++)
		if (!strcmp(bpf_map__name(map), unpinned_maps[i]))
			return false;
	return true;
}

/* An earlier run's meta fits what is asked now; on success it is what holds. 1: there is none. */
static int check_pinned_meta(struct dataplane *dp)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	struct bpf_map_info info = {};
	__u32 zero = 0, size = sizeof(info);
	struct meta old;
	int err;

	err = pins_path(path, dp->pin_dir, NULL, "meta", "");
	if (err)
		return fail(dp, err, "pin directory \"%s\": %s", dp->pin_dir, strerror(-err));
	fd = bpf_obj_get(path);
	if (fd < 0)
		return errno == ENOENT ? 1 : fail(dp, -errno, "cannot open pinned map \"%s\": %s", path, strerror(errno));
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return fail(dp, -errno, "cannot look at pinned map \"%s\": %s", path, strerror(errno));
	if (info.value_size != sizeof(old) || bpf_map_lookup_elem(fd, &zero, &old))
		return fail(dp, -ESTALE, "pinned map \"%s\" is of another version of Weir: " REMOVE_PINS,
			    path, dp->pin_dir);
	if (old.abi_version != ABI_VERSION)
		return fail(dp, -ESTALE, "maps pinned in %s have ABI version %u, this program has %u: " REMOVE_PINS, dp->pin_dir, old.abi_version, ABI_VERSION,
			    dp->pin_dir);
	if (old.slots != dp->meta.slots)
		return fail(dp, -ESTALE, "maps pinned in %s have %u flow slots, asked for are %u: set it back, or " REMOVE_PINS, dp->pin_dir,
			    old.slots, dp->meta.slots, dp->pin_dir);
	if (old.tcps != dp->meta.tcps)
		return fail(dp, -ESTALE, "maps pinned in %s have health of %u connections, asked for are %u: set flows.tcp_share back, or "
			    REMOVE_PINS, dp->pin_dir, old.tcps, dp->meta.tcps, dp->pin_dir);
	if (old.hellos != dp->meta.hellos)
		return fail(dp, -ESTALE, "maps pinned in %s have %u hello walks, asked for are %u: set it back, or " REMOVE_PINS, dp->pin_dir,
			    old.hellos, dp->meta.hellos, dp->pin_dir);
	dp->meta = old;
	return 0;
}

static int reuse_map(struct dataplane *dp, struct bpf_map *map)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	int err = pins_path(path, dp->pin_dir, NULL, bpf_map__name(map), "");

	if (err)
		return fail(dp, err, "pin directory \"%s\": %s", dp->pin_dir, strerror(-err));
	fd = bpf_obj_get(path);
	if (fd < 0)	/* a map that a newer object brings: made and pinned after the load */
		return errno == ENOENT ? 0 : fail(dp, -errno, "cannot open pinned map \"%s\": %s", path, strerror(errno));
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return fail(dp, -errno, "cannot look at pinned map \"%s\": %s", path, strerror(errno));
	if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
	    info.value_size != bpf_map__value_size(map) || info.max_entries != bpf_map__max_entries(map))
		return fail(dp, -ESTALE, "pinned map \"%s\" has another shape (%u entries of %u bytes) than the object's (%u of %u): "
			    REMOVE_PINS, path, info.max_entries,
			    info.value_size, bpf_map__max_entries(map), bpf_map__value_size(map), dp->pin_dir);
	err = bpf_map__reuse_fd(map, fd);
	return err ? fail(dp, err, "cannot use pinned map \"%s\": %s", path, strerror(-err)) : 0;
}

static int reuse_maps(struct dataplane *dp)
{
	struct bpf_map *map;
	int err;

	err = pins_prepare(dp->pin_dir);
	if (err == -EMEDIUMTYPE)
		return fail(dp, err, "pin directory \"%s\" is not on a bpffs: choose one below " PINS_MOUNT, dp->pin_dir);
	if (err)
		return fail(dp, err, "cannot make pin directory \"%s\": %s%s", dp->pin_dir, strerror(-err),
			    err == -EPERM || err == -EACCES ? " (root, or CAP_SYS_ADMIN to mount a bpffs, is needed)" : "");
	err = check_pinned_meta(dp);
	if (err < 0)
		return err;
	if (err) {
		err = pins_remove(dp->pin_dir, true);
		return err ? fail(dp, err, "cannot clear pin directory \"%s\": %s", dp->pin_dir, strerror(-err)) : 0;
	}
	bpf_object__for_each_map(map, dp->obj) {
		err = is_pinned(map) ? reuse_map(dp, map) : 0;
		if (err)
			return err;
	}
	dp->reused = true;
	return 0;
}

static int pin_map(struct dataplane *dp, const struct bpf_map *map)
{
	char path[PATH_MAX];
	int err = pins_path(path, dp->pin_dir, NULL, bpf_map__name(map), "");

	if (!err && bpf_obj_pin(bpf_map__fd(map), path) && errno != EEXIST)
		err = -errno;
	return err ? fail(dp, err, "cannot pin map \"%s\" in %s: %s", bpf_map__name(map), dp->pin_dir, strerror(-err)) : 0;
}

/* "meta" last: it says that all the others are there. */
static int pin_maps(struct dataplane *dp, const struct bpf_map *meta)
{
	struct bpf_map *map;
	int err;

	bpf_object__for_each_map(map, dp->obj) {
		err = is_pinned(map) && map != meta ? pin_map(dp, map) : 0;
		if (err)
			return err;
	}
	return pin_map(dp, meta);
}

/* ---- the whole ---- */

static int load(struct dataplane *dp)
{
	int err;

	for (int i = 0; i < PROGRAMS; i++) {
		/* Filled only by a second try, after the first one failed. Without memory for it: no reason is given. */
		dp->verifier_log[i] = malloc(VERIFIER_LOG_BYTES);
		if (!dp->verifier_log[i])
			continue;
		dp->verifier_log[i][0] = 0;
		bpf_program__set_log_buf(dp->program[i], dp->verifier_log[i], VERIFIER_LOG_BYTES);
	}
	err = own_errno(bpf_object__load(dp->obj));
	if (err)
		err = explain_load(dp, err);
	for (int i = 0; i < PROGRAMS; i++) {
		bpf_program__set_log_buf(dp->program[i], NULL, 0);
		free(dp->verifier_log[i]);
		dp->verifier_log[i] = NULL;
	}
	return err;
}

static int write_meta(struct dataplane *dp, const struct bpf_map *meta)
{
	__u32 zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(meta), &zero, &dp->meta, BPF_ANY))
		return fail(dp, -errno, "cannot write map \"meta\": %s", strerror(errno));
	return 0;
}

static int check_settings(struct dataplane *dp, const struct dataplane_settings *settings)
{
	if (settings->slots < DATAPLANE_SLOTS_MIN || settings->slots > DATAPLANE_SLOTS_MAX ||
	    settings->slots & (settings->slots - 1))
		return fail(dp, -EINVAL, "%u flow slots: must be a power of two from %u to %u", settings->slots,
			    DATAPLANE_SLOTS_MIN, DATAPLANE_SLOTS_MAX);
	if (!settings->hellos || settings->hellos > DATAPLANE_HELLOS_MAX || settings->hellos & (settings->hellos - 1))
		return fail(dp, -EINVAL, "%u hello walks: must be a power of two from 1 to %u", settings->hellos,
			    DATAPLANE_HELLOS_MAX);
	return 0;
}

static int fill_meta(struct dataplane *dp, const struct dataplane_settings *settings)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	dp->meta = (struct meta){
		.abi_version = ABI_VERSION,
		.slots = settings->slots,
		.hellos = settings->hellos,
		.tcps = settings->slots / (settings->tcp_share ? settings->tcp_share : TCP_SLOTS_EACH),
		.seed = settings->seed,
		.created_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec,
	};
	if (!dp->meta.seed && getrandom(&dp->meta.seed, sizeof(dp->meta.seed), 0) != sizeof(dp->meta.seed))
		return fail(dp, -errno, "no random seed for the flow hash: %s", strerror(errno));
	return 0;
}

static int bring_up(struct dataplane *dp, const struct dataplane_settings *settings)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	const struct bpf_map *meta;
	int err;

	err = check_settings(dp, settings);
	if (!err)
		err = fill_meta(dp, settings);
	if (!err)
		err = open_object(dp);
	if (err)
		return err;
	meta = bpf_object__find_map_by_name(dp->obj, "meta");
	if (!meta)
		return fail(dp, -ENOEXEC, "\"%s\" has no map \"meta\": " NOT_OURS,
			    dp->object_path);

	/* Kernels since 5.11 charge maps to the cgroup and do not look at this: a refusal does not matter. */
	setrlimit(RLIMIT_MEMLOCK, &unlimited);

	for (int i = 0; settings->programs && i < PROGRAMS; i++)
		bpf_program__set_autoload(dp->program[i], settings->programs >> i & 1);
	err = set_sizes(dp);
	if (!err && dp->pin_dir)
		err = reuse_maps(dp);
	if (!err)
		err = set_constants(dp, settings);
	if (!err)
		err = load(dp);
	if (!err && !dp->reused)
		err = write_meta(dp, meta);
	if (!err && dp->pin_dir)
		err = pin_maps(dp, meta);
	return err;
}

int dataplane_open(struct dataplane **ret_dp, const struct dataplane_settings *settings,
		   char error[DATAPLANE_ERROR_BYTES])
{
	struct dataplane *dp = calloc(1, sizeof(*dp));
	libbpf_print_fn_t before;
	int err;

	if (!dp) {
		snprintf(error, DATAPLANE_ERROR_BYTES, "no memory");
		return -ENOMEM;
	}
	dp->error = error;
	dp->object_path = settings->object_path;
	dp->pin_dir = settings->pin_dir;
	said[0] = 0;
	before = libbpf_set_print(hear_libbpf);
	err = bring_up(dp, settings);
	libbpf_set_print(before);
	dp->error = NULL;
	dp->object_path = dp->pin_dir = NULL;
	if (err) {
		dataplane_close(dp);
		return err;
	}
	*ret_dp = dp;
	return 0;
}

struct dataplane *dataplane_close(struct dataplane *dp)
{
	if (!dp)
		return NULL;
	bpf_object__close(dp->obj);
	free(dp);
	return NULL;
}

int dataplane_map_fd(const struct dataplane *dp, const char *map)
{
	int fd = bpf_object__find_map_fd_by_name(dp->obj, map);

	return fd < 0 ? -ENOENT : fd;
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

uint32_t dataplane_map_id(const struct dataplane *dp, const char *map)
{
	const int fd = dataplane_map_fd(dp, map);

	return fd < 0 ? 0 : map_id(fd);
}

int dataplane_map_read_only(const struct dataplane *dp, const char *pin_dir, const char *map)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = BPF_F_RDONLY);
	char path[PATH_MAX];
	int fd, err = pins_path(path, pin_dir, NULL, map, "");

	if (err)
		return err;
	fd = bpf_obj_get_opts(path, &opts);
	if (fd < 0)
		return -errno;
	if (map_id(fd) != map_id(dataplane_map_fd(dp, map))) {	/* somebody has put another map there */
		close(fd);
		return -ESTALE;
	}
	return fd;
}

void dataplane_program(const struct dataplane *dp, enum dataplane_program program,
		       struct dataplane_program_info *ret_info)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	int fd = bpf_program__fd(dp->program[program]);

	bpf_obj_get_info_by_fd(fd, &info, &size);	/* where it fails the numbers stay 0: not known */
	*ret_info = (struct dataplane_program_info){
		.name = program_names[program], .fd = fd, .id = info.id, .verified_insns = info.verified_insns,
	};
}

const struct meta *dataplane_meta(const struct dataplane *dp)
{
	return &dp->meta;
}

bool dataplane_reused(const struct dataplane *dp)
{
	return dp->reused;
}

int dataplane_unpin(const char *pin_dir)
{
	return pins_remove(pin_dir, false);
}
