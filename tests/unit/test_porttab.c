/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collect/porttab.h"

/* Shared memory in the map's place: to mmap() it is the same. */
static struct porttab *tab;
static const struct port_conf *places;
static int fd;

static int set_up(void **state)
{
	fd = memfd_create("ports", 0);
	if (fd < 0 || ftruncate(fd, PORT_HASH * sizeof(struct port_conf)) || porttab_open(&tab, fd, -1))
		return -1;
	places = mmap(NULL, PORT_HASH * sizeof(*places), PROT_READ, MAP_SHARED, fd, 0);
	return places == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **state)
{
	tab = porttab_close(tab);
	munmap((void *)places, PORT_HASH * sizeof(*places));
	close(fd);
	return 0;
}

/* As the programs look. */
static const struct port_conf *lookup(uint32_t ifindex)
{
	for (uint32_t i = 0; i < PORT_PROBES; i++)
		if (places[(ifindex + i) % PORT_HASH].ifindex == ifindex)
			return &places[(ifindex + i) % PORT_HASH];
	return NULL;
}

static void test_set_change_clear(void **state)
{
	assert_int_equal(porttab_set(tab, 5, 3, PORT_RAW_IP), 0);
	assert_int_equal(lookup(5)->port, 3);
	assert_int_equal(lookup(5)->flags, PORT_RAW_IP);
	assert_int_equal(porttab_set(tab, 5, 4, 0), 0);
	assert_int_equal(lookup(5)->port, 4);
	assert_int_equal(places[6].ifindex, 0);	/* changed in its place, not added */
	porttab_clear(tab, 5);
	assert_null(lookup(5));
	porttab_clear(tab, 5);
	porttab_clear(tab, 0);
}

static void test_same_place_and_the_tables_end(void **state)
{
	/* All want the last place, and go on from the table's start. */
	for (uint32_t i = 0; i < PORT_PROBES; i++)
		assert_int_equal(porttab_set(tab, (i + 1) * PORT_HASH - 1, (uint16_t)i, 0), 0);
	for (uint32_t i = 0; i < PORT_PROBES; i++)
		assert_int_equal(lookup((i + 1) * PORT_HASH - 1)->port, i);
	assert_int_equal(porttab_set(tab, 100 * PORT_HASH - 1, 9, 0), -ENOSPC);
	assert_null(lookup(100 * PORT_HASH - 1));
	/* A hole in the middle does not hide the ones behind it, and is used again. */
	porttab_clear(tab, 2 * PORT_HASH - 1);
	assert_int_equal(lookup(8 * PORT_HASH - 1)->port, 7);
	assert_int_equal(porttab_set(tab, 8 * PORT_HASH - 1, 17, 0), 0);
	assert_int_equal(lookup(8 * PORT_HASH - 1)->port, 17);
	assert_int_equal(porttab_set(tab, 100 * PORT_HASH - 1, 9, 0), 0);
	assert_int_equal(lookup(100 * PORT_HASH - 1)->port, 9);
}

static bool is_odd(uint32_t ifindex, void *arg)
{
	return ifindex & 1;
}

static void test_keep(void **state)
{
	for (uint32_t i = 1; i <= 40; i++)
		assert_int_equal(porttab_set(tab, i, 1, 0), 0);
	porttab_keep(tab, is_odd, NULL);
	for (uint32_t i = 1; i <= 40; i++)
		assert_int_equal(!!lookup(i), i & 1);
}

static void test_no_map(void **state)
{
	struct porttab *none = (void *)1;

	assert_int_equal(porttab_open(&none, -1, -1), -EBADF);
	assert_ptr_equal(none, (void *)1);
	assert_null(porttab_close(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_set_change_clear, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_same_place_and_the_tables_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keep, set_up, tear_down),
		cmocka_unit_test(test_no_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
