/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rodata - sets the "const volatile" variables of a BPF object between open and load, found by name through its BTF.
 *
 * All or nothing. Returns 0 or a negative errno; -ENOEXEC: the object has no such variable, or of another size, then
 * @ret_missing says which. No logging.
 */
#pragma once

#include <stddef.h>

struct bpf_object;

struct rodata_value {
	const char *name;
	const void *value;
	size_t size;
};

int rodata_set(struct bpf_object *obj, const struct rodata_value *values, size_t count, const char **ret_missing);
