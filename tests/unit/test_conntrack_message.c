/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_conntrack_message - messages that Linux 6.18 sent; every shorter length; every attribute with a wrong length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/util.h"
#include "conntrack_make.h"

static struct conntrack_connection got;

/* In memory of exactly @len bytes, whose header says so. */
static enum conntrack_message_kind ask(const void *bytes, size_t len)
{
	enum conntrack_message_kind kind;
	struct nlmsghdr *copy = malloc(len);

	memcpy(copy, bytes, len);
	copy->nlmsg_len = (uint32_t)len;
	memset(&got, 0xaa, sizeof(got));
	kind = conntrack_message_read(copy, &got);
	if (kind != CONNTRACK_MESSAGE_NEW && kind != CONNTRACK_MESSAGE_DESTROY)
		for (size_t i = 0; i < sizeof(got); i++)
			assert_int_equal(((uint8_t *)&got)[i], 0xaa);
	free(copy);
	return kind;
}

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(sscanf(hex + 2 * i, "%2hhx", &out[i]), 1);
	return n;
}

static void assert_pair(const struct conntrack_pair *pair, const char *client, uint16_t client_port, const char *server,
			uint16_t server_port)
{
	const struct conntrack_pair want = make_pair(client, client_port, server, server_port);

	assert_memory_equal(pair, &want, sizeof(want));
}

/* TCP 10.1.0.2:40003 to 10.1.0.1:8080: DNAT to 10.2.0.2:8000 and masquerade as 10.2.0.1 */
#define TCP_BOTH \
	"c4000000000100060000000000000000020000003400018014000180080001000a010002080002000a0100011c0002800500" \
	"010006000000060002009c430000060003001f9000003400028014000180080001000a020002080002000a0200011c000280" \
	"0500010006000000060002001f400000060003009c43000008000c002d74f23e08000300000001b808000700000000783000" \
	"04802c0001800500010001000000050002000a000000050003000000000006000400030000000600050000000000"
/* an echo request, masquerade */
#define ICMP \
	"a4000000000100060000000000000000020000003c00018014000180080001000a010002080002000a020002240002800500" \
	"0100010000000600040054c90000050005000800000005000600000000003c00028014000180080001000a02000208000200" \
	"0a02000124000280050001000100000600040054c900000500050000000000050006000000000008000c00680f663d080003" \
	"0000000198080007000000001e"
/* the end of 10.1.0.2:40002 to 10.2.0.2:8000, masquerade */
#define TCP_GONE \
	"a40000000201000000000000b22e4daa020000003400018014000180080001000a010002080002000a0200021c0002800500" \
	"010006000000060002009c420000060003001f4000003400028014000180080001000a020002080002000a0200011c000280" \
	"0500010006000000060002001f400000060003009c42000008000c00d8912adb080003000000039e08000700000000771000" \
	"04800c0001800500010007000000"
/* GRE with key, masquerade: keys are where ports would be */
#define GRE \
	"94000000000100060000000000000000020000003400018014000180080001000a010002080002000a0200021c0002800500" \
	"01002f000000060002000000000006000300000100003400028014000180080001000a020002080002000a0200011c000280" \
	"050001002f0000000600020000010000060003000000000008000c001383383f0800030000000198080007000000001e"
/* UDP [fd01::2]:5000 to [fd02::2]:9000, masquerade as fd02::1 */
#define UDP6 \
	"c40000000001000600000000000000000a0000004c0001802c00018014000300fd0100000000000000000000000000021400" \
	"0400fd0200000000000000000000000000021c0002800500010011000000060002001388000006000300232800004c000280" \
	"2c00018014000300fd02000000000000000000000000000214000400fd0200000000000000000000000000011c0002800500" \
	"0100110000000600020023280000060003001388000008000c0098c5bcb60800030000000198080007000000001e"
/* UDP 127.0.0.1:5001 to :5002 in a dump, 3 packets of 384 bytes and 2 of 156 back; nf_conntrack_acct = 1 */
#define COUNTED \
	"dc000000000102000100000068400000020000003400018014000180080001007f000001080002007f0000011c0002800500" \
	"010011000000060002001389000006000300138a00003400028014000180080001007f000001080002007f0000011c000280" \
	"050001001100000006000200138a00000600030013890000080003000000000a080008000000000008000c0098d8d8180800" \
	"0b0000000001080007000000001e1c0009800c00010000000000000000030c00020000000000000001801c000a800c000100" \
	"00000000000000020c000200000000000000009c"
#define DUMP_END "140000000300020001000000a954000000000000"
#define REFUSED "280000000200000001000000a9540000ffffffff1400000001010103010000000000000000000000"

static void what_the_kernel_says(void **state)
{
	uint8_t bytes[MAKE_BYTES];

	assert_int_equal(ask(bytes, from_hex(TCP_BOTH, bytes)), CONNTRACK_MESSAGE_NEW);
	assert_int_equal(got.proto, 6);
	assert_pair(&got.view[0], "10.1.0.2", 40003, "10.1.0.1", 8080);
	assert_pair(&got.view[1], "10.2.0.1", 40003, "10.2.0.2", 8000);
	assert_int_equal(ask(bytes, from_hex(TCP_GONE, bytes)), CONNTRACK_MESSAGE_DESTROY);
	assert_pair(&got.view[0], "10.1.0.2", 40002, "10.2.0.2", 8000);
	assert_pair(&got.view[1], "10.2.0.1", 40002, "10.2.0.2", 8000);
	assert_int_equal(ask(bytes, from_hex(UDP6, bytes)), CONNTRACK_MESSAGE_NEW);
	assert_int_equal(got.proto, 17);
	assert_pair(&got.view[0], "fd01::2", 5000, "fd02::2", 9000);
	assert_pair(&got.view[1], "fd02::1", 5000, "fd02::2", 9000);
	assert_int_equal(ask(bytes, from_hex(ICMP, bytes)), CONNTRACK_MESSAGE_NEW);
	assert_int_equal(got.proto, 1);
	assert_pair(&got.view[0], "10.1.0.2", 0, "10.2.0.2", 0);
	assert_pair(&got.view[1], "10.2.0.1", 0, "10.2.0.2", 0);
	assert_int_equal(ask(bytes, from_hex(GRE, bytes)), CONNTRACK_MESSAGE_NEW);
	assert_int_equal(got.proto, 47);
	assert_pair(&got.view[0], "10.1.0.2", 0, "10.2.0.2", 0);
	assert_int_equal(ask(bytes, from_hex(DUMP_END, bytes)), CONNTRACK_MESSAGE_OTHER);
	assert_int_equal(ask(bytes, from_hex(REFUSED, bytes)), CONNTRACK_MESSAGE_OTHER);
}

/* Whole once both tuples are: what follows them is not read. */
static void every_shorter_length(void **state)
{
	static const char *const messages[] = { TCP_BOTH, TCP_GONE, UDP6, ICMP, GRE };
	uint8_t bytes[MAKE_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		size_t len = from_hex(messages[i], bytes), tuples = 20;
		uint16_t attr;

		for (int t = 0; t < 2; t++) {
			memcpy(&attr, bytes + tuples, sizeof(attr));
			tuples += attr;
		}
		assert_in_range(tuples, 100, len - 1);
		for (size_t n = sizeof(struct nlmsghdr); n < len; n++)
			assert_int_equal(ask(bytes, n) == CONNTRACK_MESSAGE_MALFORMED, n < tuples);
	}
}

/* Where each attribute of the two tuples begins, nests first. */
static size_t attributes(const struct make *m, size_t from, size_t to, int depth, size_t *at, size_t n)
{
	while (from < to) {
		struct nlattr attr;

		memcpy(&attr, m->bytes + from, sizeof(attr));
		at[n++] = from;
		if (depth < 2)
			n = attributes(m, from + sizeof(attr), from + attr.nla_len, depth + 1, at, n);
		from += NLA_ALIGN(attr.nla_len);
	}
	return n;
}

static struct conntrack_connection connection(uint8_t proto)
{
	struct conntrack_connection c = { .proto = proto };

	c.view[0] = make_pair("192.168.1.20", 51514, "203.0.113.7", 443);
	c.view[1] = make_pair("198.51.100.1", 1024, "203.0.113.7", 443);
	return c;
}

static void every_attribute_matters(void **state)
{
	const struct conntrack_connection c = connection(6);
	const struct make whole = make_message(MAKE_NEW, &c);
	static const bool is_nest[8] = { true, true, false, false, true };
	size_t at[64], n = attributes(&whole, 20, whole.len, 0, at, 0);

	assert_int_equal(n, 2 * (1 + 3 + 4));
	assert_int_equal(ask(whole.bytes, whole.len), CONNTRACK_MESSAGE_NEW);
	assert_memory_equal(&got, &c, sizeof(c));
	for (size_t i = 0; i < n; i++) {
		struct nlattr attr;

		for (unsigned int len = 0; len <= 0xffff; len += len < 300 ? 1 : 0xfff) {	/* another length */
			struct make m = whole;

			memcpy(&attr, m.bytes + at[i], sizeof(attr));
			if (attr.nla_len == len || (is_nest[i % 8] && (attr.nla_len + 3) / 4 == (int)(len + 3) / 4))
				continue;	/* or its padding is cut */
			attr.nla_len = (uint16_t)len;
			memcpy(m.bytes + at[i], &attr, sizeof(attr));
			assert_int_equal(ask(m.bytes, m.len), CONNTRACK_MESSAGE_MALFORMED);
		}
		for (unsigned int type = 10; type < 30; type++) {	/* another type: missing */
			struct make m = whole;

			memcpy(&attr, m.bytes + at[i], sizeof(attr));
			attr.nla_type = (uint16_t)type;
			memcpy(m.bytes + at[i], &attr, sizeof(attr));
			assert_int_equal(ask(m.bytes, m.len), CONNTRACK_MESSAGE_MALFORMED);
		}
	}
}

static void counts_where_there_are_some(void **state)
{
	uint8_t bytes[MAKE_BYTES];

	assert_int_equal(ask(bytes, from_hex(UDP6, bytes)), CONNTRACK_MESSAGE_NEW);
	assert_false(got.has_counts || got.in_hardware);
	assert_int_equal(ask(bytes, from_hex(COUNTED, bytes)), CONNTRACK_MESSAGE_NEW);
	assert_true(got.has_counts);
	assert_false(got.in_hardware);
	assert_int_equal(got.counts.packets[CONNTRACK_CLIENT], 3);
	assert_int_equal(got.counts.bytes[CONNTRACK_CLIENT], 384);
	assert_int_equal(got.counts.packets[CONNTRACK_SERVER], 2);
	assert_int_equal(got.counts.bytes[CONNTRACK_SERVER], 156);
}

/* Written without libnl; each of the six more attributes cut, of another length, or away. */
static void counts_wrong(void **state)
{
	struct conntrack_connection c = connection(6);
	struct make bare = make_message(MAKE_NEW, &c), whole;
	/* status of 8 bytes, then two nests of 28: each two counters of 12 */
	const uint32_t b = bare.len, at[] = { b, b + 8, b + 12, b + 24, b + 36, b + 40, b + 52 };

	c.in_hardware = c.has_counts = 1;
	c.counts = (struct conntrack_counts){ { 0x123456789abc, 2 }, { UINT64_MAX, 4 } };
	whole = make_message(MAKE_NEW, &c);
	assert_int_equal(ask(whole.bytes, whole.len), CONNTRACK_MESSAGE_NEW);
	assert_memory_equal(&got, &c, sizeof(c));
	assert_int_equal(whole.len, b + 8 + 2 * 28);
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		const bool is_nest = i == 1 || i == 4;
		struct nlattr attr;
		struct make m = whole;

		memcpy(&attr, m.bytes + at[i], sizeof(attr));
		attr.nla_len--;	/* a nest's last counter is cut then */
		memcpy(m.bytes + at[i], &attr, sizeof(attr));
		assert_int_equal(ask(m.bytes, m.len), CONNTRACK_MESSAGE_MALFORMED);
		attr.nla_len++;
		attr.nla_type = 60;
		memcpy(m.bytes + at[i], &attr, sizeof(attr));
		if (i && !is_nest) {	/* half a counter */
			assert_int_equal(ask(m.bytes, m.len), CONNTRACK_MESSAGE_MALFORMED);
			continue;
		}
		assert_int_equal(ask(m.bytes, m.len), CONNTRACK_MESSAGE_NEW);
		assert_int_equal(got.in_hardware, i != 0);
		assert_int_equal(got.has_counts, i == 0);	/* of one side alone they say nothing */
	}
	for (uint32_t len = bare.len; len < whole.len; len++)	/* ends after a whole attribute, or is cut */
		assert_in_range(ask(whole.bytes, len), CONNTRACK_MESSAGE_NEW, CONNTRACK_MESSAGE_MALFORMED);
}

static void wrong_values(void **state)
{
	const struct conntrack_connection c = connection(6), v6 = { .proto = 17, .view = {
		make_pair("fd01::2", 1, "fd02::2", 2), make_pair("fd02::1", 1, "fd02::2", 2) } };
	struct make m = make_message(MAKE_NEW, &c), other = make_message(MAKE_NEW, &v6);
	const size_t reply = 20 + (m.len - 20) / 2;

	((struct nlmsghdr *)m.bytes)->nlmsg_type = NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_NEW;
	assert_int_equal(ask(m.bytes, m.len), CONNTRACK_MESSAGE_OTHER);
	((struct nlmsghdr *)m.bytes)->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS;
	assert_int_equal(ask(m.bytes, m.len), CONNTRACK_MESSAGE_OTHER);
	((struct nlmsghdr *)m.bytes)->nlmsg_type = MAKE_DESTROY;
	assert_int_equal(ask(m.bytes, m.len), CONNTRACK_MESSAGE_DESTROY);
	m.bytes[reply + 4 + 20 + 8] = 17;	/* the reply's protocol */
	assert_int_equal(ask(m.bytes, m.len), CONNTRACK_MESSAGE_MALFORMED);

	m = make_message(MAKE_NEW, &v6);
	m.len = 20 + (m.len - 20) / 2;
	other = make_message(MAKE_NEW, &(struct conntrack_connection){ .proto = 17, .view = { c.view[0], c.view[1] } });
	memcpy(m.bytes + m.len, other.bytes + reply, other.len - reply);	/* IPv6 that becomes IPv4 */
	assert_int_equal(ask(m.bytes, m.len + other.len - reply), CONNTRACK_MESSAGE_MALFORMED);
}

static void ports_where_a_flow_has_them(void **state)
{
	for (unsigned int proto = 0; proto < 256; proto++) {
		const struct conntrack_connection c = connection((uint8_t)proto);
		const bool ports = proto == 6 || proto == 17 || proto == 132 || proto == 136;
		struct make m = make_message(MAKE_NEW, &c);

		assert_int_equal(ask(m.bytes, m.len), CONNTRACK_MESSAGE_NEW);
		assert_int_equal(got.view[0].port[0], ports ? htons(51514) : 0);
		assert_int_equal(got.view[1].port[1], ports ? htons(443) : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_kernel_says),
		cmocka_unit_test(every_shorter_length),
		cmocka_unit_test(every_attribute_matters),
		cmocka_unit_test(counts_where_there_are_some),
		cmocka_unit_test(counts_wrong),
		cmocka_unit_test(wrong_values),
		cmocka_unit_test(ports_where_a_flow_has_them),
	};

	return cmocka_run_group_tests_name("conntrack_message", tests, NULL, NULL);
}
