/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "collect/names.h"

/* A memfd stands in for the mmapable map. */
struct fixture {
	int fd;
	struct names *names;
	struct name_entry *map;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->fd = memfd_create("names", MFD_CLOEXEC);
	assert_int_equal(ftruncate(f->fd, NAMES_MAX * sizeof(struct name_entry)), 0);
	f->map = mmap(NULL, NAMES_MAX * sizeof(struct name_entry), PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	assert_ptr_not_equal(f->map, MAP_FAILED);
	assert_int_equal(names_open(&f->names, f->fd), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	f->names = names_close(f->names);
	assert_null(f->names);
	munmap(f->map, NAMES_MAX * sizeof(struct name_entry));
	close(f->fd);
	free(f);
	return 0;
}

static void reopen(struct fixture *f)
{
	f->names = names_close(f->names);
	assert_int_equal(names_open(&f->names, f->fd), 0);
}

static uint16_t intern(struct fixture *f, const char *name)
{
	return names_intern(f->names, (const uint8_t *)name, (uint8_t)strlen(name));
}

static uint16_t intern_number(struct fixture *f, uint32_t number)
{
	char name[32];

	snprintf(name, sizeof(name), "host-%u.example", number);
	return intern(f, name);
}

static void assert_name(struct fixture *f, uint16_t id, const char *name)
{
	const struct name_entry *entry = names_get(f->names, id);

	assert_non_null(entry);
	assert_int_equal(entry->len, strlen(name));
	assert_memory_equal(entry->bytes, name, strlen(name));
}

static void same_name_same_entry(void **state)
{
	struct fixture *f = *state;
	uint16_t one = intern(f, "one.example"), two = intern(f, "two.example");

	assert_int_not_equal(one, 0);
	assert_int_not_equal(one, two);
	assert_int_equal(intern(f, "one.example"), one);
	assert_name(f, one, "one.example");
	assert_name(f, two, "two.example");
	assert_int_equal(f->map[one].refs, 2);
	assert_int_equal(names_used(f->names), 2);
	assert_int_equal(names_full(f->names), 0);
	/* A prefix, and other letter case, are other names; bytes may be anything. */
	assert_int_not_equal(intern(f, "one.exampl"), one);
	assert_int_not_equal(intern(f, "One.example"), one);
	assert_int_not_equal(names_intern(f->names, (const uint8_t *)"\0\0", 2), names_intern(f->names, (const uint8_t *)"\0", 1));
}

static void nothing_is_no_name(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(intern(f, ""), 0);
	assert_null(names_get(f->names, 0));
	assert_null(names_get(f->names, 1));
	assert_null(names_get(f->names, NAMES_MAX));
	assert_null(names_get(f->names, 0xffff));
	names_ref(f->names, 0);
	names_ref(f->names, NAMES_MAX);
	names_ref(f->names, 0xffff);
	names_unref(f->names, 0);
	names_unref(f->names, 0xffff);
	assert_int_equal(names_used(f->names), 0);
	assert_null(names_close(NULL));
}

static void longest_name(void **state)
{
	struct fixture *f = *state;
	uint8_t name[SNI_MAX];
	uint16_t id;

	memset(name, 'x', sizeof(name));
	id = names_intern(f->names, name, sizeof(name));
	assert_int_equal(names_get(f->names, id)->len, SNI_MAX);
	assert_memory_equal(names_get(f->names, id)->bytes, name, sizeof(name));
	assert_int_equal(f->map[id].zero, 0);
}

static void unreferenced_stays_until_needed(void **state)
{
	struct fixture *f = *state;
	uint16_t one = intern(f, "one.example");

	names_unref(f->names, one);
	assert_int_equal(names_used(f->names), 0);
	assert_name(f, one, "one.example");
	assert_int_equal(intern(f, "one.example"), one);
	assert_int_equal(names_used(f->names), 1);
	names_unref(f->names, one);
	names_unref(f->names, one);	/* one too many does not wrap */
	assert_int_equal(f->map[one].refs, 0);
	assert_int_equal(names_used(f->names), 0);
}

static void full_then_reused(void **state)
{
	struct fixture *f = *state;
	uint16_t id;

	for (uint32_t i = 1; i < NAMES_MAX; i++)
		assert_int_equal(intern_number(f, i), i);
	assert_int_equal(names_used(f->names), NAMES_MAX - 1);
	assert_int_equal(intern(f, "one-too-many.example"), 0);
	assert_int_equal(names_full(f->names), 1);
	for (uint8_t len = 1; len < 5; len++)		/* the beginning of many is none of them */
		assert_int_equal(names_intern(f->names, (const uint8_t *)"host", len), 0);
	assert_int_equal(names_full(f->names), 5);
	assert_int_equal(intern_number(f, 77), 77);	/* known ones are still found */
	names_unref(f->names, 77);

	names_unref(f->names, 5000);
	id = intern(f, "new.example");
	assert_int_equal(id, 5000);
	assert_name(f, id, "new.example");
	assert_int_equal(intern_number(f, 5000), 0);	/* the old name is gone, and there is no place */
	assert_int_equal(names_full(f->names), 6);
	for (uint32_t i = 1; i < NAMES_MAX; i++)	/* everybody else is found */
		if (i != 5000)
			assert_int_equal(intern_number(f, i), i);
}

static void reopened(void **state)
{
	struct fixture *f = *state;
	uint16_t one = intern(f, "one.example"), two = intern(f, "two.example");

	reopen(f);
	assert_int_equal(names_used(f->names), 0);	/* counted anew */
	assert_name(f, one, "one.example");
	names_ref(f->names, one);
	assert_int_equal(names_used(f->names), 1);
	assert_int_equal(intern(f, "two.example"), two);
	assert_int_equal(intern(f, "three.example"), two + 1);
	assert_int_equal(names_used(f->names), 3);
	reopen(f);
	assert_int_equal(intern(f, "three.example"), two + 1);
}

static void reopened_when_full(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 1; i < NAMES_MAX; i++)
		intern_number(f, i);
	reopen(f);
	for (uint32_t i = 1; i < NAMES_MAX; i++)
		if (i != 9)
			names_ref(f->names, (uint16_t)i);
	assert_int_equal(intern(f, "new.example"), 9);
	assert_int_equal(intern(f, "newer.example"), 0);
}

/* Another process wrote nonsense, or died in the middle: no crash, and names that are asked for are right. */
static void hostile_map(void **state)
{
	struct fixture *f = *state;

	srandom(1);
	for (uint32_t i = 0; i < NAMES_MAX; i++) {
		f->map[i].refs = (uint32_t)random();
		f->map[i].len = random() % 4 ? (uint8_t)random() : 0;
		memset(f->map[i].bytes, random() % 3, SNI_MAX);	/* many twice */
	}
	reopen(f);
	assert_int_equal(names_used(f->names), 0);
	for (uint32_t i = 0; i < 3 * NAMES_MAX; i++) {
		char name[32];
		uint16_t id;

		snprintf(name, sizeof(name), "host-%u.example", i);
		id = intern(f, name);
		assert_name(f, id, name);
		names_unref(f->names, id);
	}
	assert_int_equal(names_used(f->names), 0);
	assert_int_equal(names_full(f->names), 0);
}

/* ---- against a simple model: 24000 names, so that the 16383 entries are always too few ---- */

#define MODEL_NAMES 24000

struct model {
	uint16_t id[MODEL_NAMES];	/* of names with references */
	uint32_t refs[MODEL_NAMES];
	uint32_t used;
};

static void check_model(struct fixture *f, const struct model *m)
{
	static uint8_t taken[NAMES_MAX];
	uint32_t used = 0;

	memset(taken, 0, sizeof(taken));
	for (uint32_t n = 0; n < MODEL_NAMES; n++) {
		char name[32];

		if (!m->refs[n])
			continue;
		used++;
		snprintf(name, sizeof(name), "host-%u.example", n);
		assert_name(f, m->id[n], name);
		assert_int_equal(f->map[m->id[n]].refs, m->refs[n]);
		assert_false(taken[m->id[n]]++);
	}
	assert_int_equal(used, m->used);
	assert_int_equal(names_used(f->names), used);
}

static void random_operations(void **state)
{
	static struct model m;
	struct fixture *f = *state;
	uint64_t full = 0, ever_full = 0;

	srandom(2);
	memset(&m, 0, sizeof(m));
	for (uint32_t i = 0; i < 600000; i++) {
		/* Phases of growing and of shrinking, and every name at some time. */
		uint32_t n = (uint32_t)random() % MODEL_NAMES;
		const bool grow = (uint32_t)random() % 100 < (i / 100000 % 2 ? 35 : 80);

		if (grow) {
			uint16_t id = intern_number(f, n);

			if (!id) {
				assert_int_equal(m.refs[n], 0);
				assert_int_equal(m.used, NAMES_MAX - 1);
				full++;
				ever_full++;
				continue;
			}
			if (m.refs[n])
				assert_int_equal(id, m.id[n]);
			m.used += !m.refs[n]++;
			m.id[n] = id;
		} else if (m.refs[n]) {
			names_unref(f->names, m.id[n]);
			m.used -= !--m.refs[n];
		}
		if (i % 50000 == 49999) {
			check_model(f, &m);
			assert_int_equal(names_full(f->names), full);
		}
		if (i % 150000 == 149999) {	/* a restart: references are counted anew */
			reopen(f);
			full = 0;
			for (uint32_t k = 0; k < MODEL_NAMES; k++)
				for (uint32_t r = 0; r < m.refs[k]; r++)
					names_ref(f->names, m.id[k]);
			check_model(f, &m);
		}
	}
	check_model(f, &m);
	assert_in_range(ever_full, 1000, 600000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(same_name_same_entry, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_no_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(longest_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unreferenced_stays_until_needed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_then_reused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reopened, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reopened_when_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hostile_map, set_up, tear_down),
		cmocka_unit_test_setup_teardown(random_operations, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
