/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_device_json - a usual device and one of which nothing is known, to the byte; hostile texts; every buffer size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>

#include "base/util.h"
#include "export/device_json.h"
#include "json_check.h"

static char text[DEVICE_JSON_MAX + 1];

static const char *encode(const struct device_record *r)
{
	struct writer w = { .buf = text, .size = DEVICE_JSON_MAX };

	device_json(&w, r);
	assert_false(w.full);
	text[w.len] = '\0';
	assert_true(json_check(text, w.len, NULL, NULL));
	return text;
}

static struct device_record usual(void)
{
	static struct device_record_address address[2] = {
		{ { 0 }, "dhcp4", 1795341600123456 }, { { 0 }, "ndp", 1795341601000000 },
	};

	address[0].addr[2] = htonl(0xffff);
	address[0].addr[3] = htonl(0xc0a80114);
	address[1].addr[0] = htonl(0xfe800000);
	address[1].addr[3] = htonl(1);
	return (struct device_record){
		.mac = { 0xb8, 0x27, 0xeb, 1, 2, 3 }, .vlan = 20, .interface = "lan0", .vendor = "Raspberry Pi Foundation",
		.name = (const uint8_t *)"pi", .name_len = 2, .name_source = "dhcp4",
		.vendor_class = (const uint8_t *)"dhcpcd-9.4.1", .vendor_class_len = 12,
		.parameters = (const uint8_t *)"\1\3\x79", .parameters_len = 3,
		.first_us = 1795341600123456, .last_us = 1795341601000000, .addresses = 2, .address = address,
	};
}

static void usual_device_exact(void **state)
{
	struct device_record r = usual();

	assert_string_equal(encode(&r),
		"{\"host\":{\"mac\":\"B8-27-EB-01-02-03\",\"ip\":[\"192.168.1.20\",\"fe80::1\"],\"name\":\"pi\"},"
		"\"observer\":{\"interface\":{\"name\":\"lan0\"},\"vlan\":{\"id\":\"20\"}},"
		"\"weir\":{\"device\":{\"vendor\":\"Raspberry Pi Foundation\",\"name_source\":\"dhcp4\","
		"\"vendor_class\":\"dhcpcd-9.4.1\",\"dhcp_parameters\":\"1,3,121\","
		"\"first_seen\":\"2026-11-22T10:00:00.123456Z\",\"last_seen\":\"2026-11-22T10:00:01.000000Z\","
		"\"locally_administered\":false,\"addresses\":["
		"{\"ip\":\"192.168.1.20\",\"source\":\"dhcp4\",\"last_seen\":\"2026-11-22T10:00:00.123456Z\"},"
		"{\"ip\":\"fe80::1\",\"source\":\"ndp\",\"last_seen\":\"2026-11-22T10:00:01.000000Z\"}]}}}");
}

static void nothing_known_exact(void **state)
{
	struct device_record r = { .mac = { 2 }, .locally_administered = true, .first_us = UINT64_MAX, .last_us = UINT64_MAX,
				   .name_source = "mdns", .interface = "" };
	struct device_record_address bare = { { 0, 0, htonl(0xffff), htonl(0x0a000001) }, NULL, UINT64_MAX };

	assert_string_equal(encode(&r), "{\"host\":{\"mac\":\"02-00-00-00-00-00\",\"ip\":[]},"
					"\"weir\":{\"device\":{\"locally_administered\":true,\"addresses\":[]}}}");
	r.vlan = 4094;
	r.addresses = 1;
	r.address = &bare;
	assert_string_equal(encode(&r), "{\"host\":{\"mac\":\"02-00-00-00-00-00\",\"ip\":[\"10.0.0.1\"]},"
					"\"observer\":{\"vlan\":{\"id\":\"4094\"}},\"weir\":{\"device\":{"
					"\"locally_administered\":true,\"addresses\":[{\"ip\":\"10.0.0.1\"}]}}}");
}

static void hostile_texts(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *want, *hex;	/* name, name_hex */
	} rows[] = {
		{ "a\"b\\", 4, "\"name\":\"a\\\"b\\\\\"}", NULL },
		{ "\33[2J\r\n\0x", 8, "\"name\":\"\\u001b[2J\\u000d\\u000a\\u0000x\"}", NULL },
		{ "\xff\xfe", 2, "\"name\":\"\xef\xbf\xbd\xef\xbf\xbd\"}", "\"name_hex\":\"fffe\"" },
		{ "a\xc3", 2, "\"name\":\"a\xef\xbf\xbd\"}", "\"name_hex\":\"61c3\"" },
		{ "\xed\xa0\x80", 3, "\xef\xbf\xbd", "\"name_hex\":\"eda080\"" },
		{ "b\xc3\xbc", 3, "\"name\":\"b\xc3\xbc\"}", NULL },
		{ "\xe2\x80\xae""cod", 6, "\"name\":\"\\u202ecod\"}", NULL },	/* turns the writing direction */
		{ "\"},\"weir\":{", 11, "\"name\":\"\\\"},\\\"weir\\\":{\"}", NULL },
		{ "{", 1, "\"name\":\"{\"}", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct device_record r = usual();

		r.name = r.vendor_class = (const uint8_t *)rows[i].bytes;
		r.name_len = r.vendor_class_len = rows[i].len;
		assert_non_null(strstr(encode(&r), rows[i].want));
		assert_int_equal(!strstr(text, "\"name_hex\""), !rows[i].hex);
		assert_int_equal(!strstr(text, "\"vendor_class_hex\""), !rows[i].hex);
		assert_true(!rows[i].hex || strstr(text, rows[i].hex));
	}
}

/* The most that fits its limits; then in every smaller buffer. */
static void bounds(void **state)
{
	static uint8_t name[DEVICE_NAME_MAX], vendor_class[DEVICE_CLASS_MAX], parameters[DEVICE_PARAMETERS_MAX];
	struct device_record_address address[DEVICE_ADDRESSES_MAX];
	char vendor[DEVICE_VENDOR_MAX + 1] = "", interface[DEVICE_INTERFACE_MAX + 1] = "";
	struct device_record r = usual();
	size_t whole;

	memset(name, 1, sizeof(name));
	name[0] = vendor_class[0] = 0xff;	/* in hexadecimal too */
	memset(parameters, 255, sizeof(parameters));
	memset(vendor, 1, DEVICE_VENDOR_MAX);
	memset(interface, 1, DEVICE_INTERFACE_MAX);
	memset(address, 0xfd, sizeof(address));
	for (size_t i = 0; i < DEVICE_ADDRESSES_MAX; i++) {
		address[i].source = "dhcp4";
		address[i].last_us = 1;
	}
	r.name = name;
	r.name_len = sizeof(name);
	r.vendor_class = vendor_class;
	r.vendor_class_len = sizeof(vendor_class);
	r.parameters = parameters;
	r.parameters_len = sizeof(parameters);
	r.vendor = vendor;
	r.interface = interface;
	r.vlan = 65535;
	r.address = address;
	r.addresses = DEVICE_ADDRESSES_MAX;
	whole = strlen(encode(&r));
	print_message("# the longest: %zu bytes\n", whole);
	for (size_t size = 0; size < whole; size++) {
		char *small = malloc(size + !size);
		struct writer w = { .buf = small, .size = size };

		device_json(&w, &r);
		assert_true(w.full && w.len <= size);
		free(small);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_device_exact),
		cmocka_unit_test(nothing_known_exact),
		cmocka_unit_test(hostile_texts),
		cmocka_unit_test(bounds),
	};

	return cmocka_run_group_tests_name("device_json", tests, NULL, NULL);
}
