/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/rodata.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/util.h"

#define SECTION ".rodata"

static bool set_one(const struct btf *btf, char *data, size_t data_size, const struct rodata_value *value)
{
	int id = btf__find_by_name_kind(btf, SECTION, BTF_KIND_DATASEC);
	const struct btf_type *section = id < 0 ? NULL : btf__type_by_id(btf, (__u32)id);
	const struct btf_var_secinfo *var = section ? btf_var_secinfos(section) : NULL;

	for (int i = 0; section && i < btf_vlen(section); i++, var++) {
		const struct btf_type *type = btf__type_by_id(btf, var->type);

		if (!type || strcmp(btf__name_by_offset(btf, type->name_off), value->name))
			continue;
		if (var->size != value->size || var->offset + value->size > data_size)
			return false;
		memcpy(data + var->offset, value->value, value->size);
		return true;
	}
	return false;
}

int rodata_set(struct bpf_object *obj, const struct rodata_value *values, size_t count, const char **ret_missing)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, SECTION);
	const struct btf *btf = bpf_object__btf(obj);
	_cleanup_free_ char *data = NULL;
	const void *initial;
	size_t size = 0;

	initial = map ? bpf_map__initial_value(map, &size) : NULL;
	if (!initial || !btf) {
		*ret_missing = count ? values[0].name : NULL;
		return count ? -ENOEXEC : 0;
	}
	data = malloc(size);
	if (!data)
		return -ENOMEM;
	memcpy(data, initial, size);
	for (size_t i = 0; i < count; i++)
		if (!set_one(btf, data, size, &values[i])) {
			*ret_missing = values[i].name;
			return -ENOEXEC;
		}
	return bpf_map__set_initial_value(map, data, size) ? -errno : 0;
}
