/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>

#include "base/util.h"
#include "export/ipfix.h"
#include "records.h"

#define DOMAIN 0xd0a1b2c3u

/* Hexadecimal with blanks; what stands between quotes is text: "0006 'lan0'". */
static size_t bytes_of(const char *hex, uint8_t *bytes)
{
	size_t len = 0;
	char pair[3] = "";

	while (*hex) {
		if (*hex == ' ') {
			hex++;
		} else if (*hex == '\'') {
			for (hex++; *hex != '\''; hex++)
				bytes[len++] = (uint8_t)*hex;
			hex++;
		} else {
			memcpy(pair, hex, 2);
			bytes[len++] = (uint8_t)strtoul(pair, NULL, 16);
			hex += 2;
		}
	}
	return len;
}

static void assert_bytes(const void *got, size_t len, const char *hex)
{
	uint8_t wanted[4096];
	const size_t wanted_len = bytes_of(hex, wanted);

	assert_int_equal(len, wanted_len);
	assert_memory_equal(got, wanted, wanted_len);
}

struct built {
	uint8_t bytes[IPFIX_MESSAGE_MAX];
	struct ipfix_message m;
	size_t len;
};

static void one_record(struct built *b, const struct record *r)
{
	ipfix_begin(&b->m, b->bytes, sizeof(b->bytes), DOMAIN);
	assert_int_equal(ipfix_add_record(&b->m, r), 0);
	b->len = ipfix_close(&b->m);
	assert_int_equal(b->m.records, 1);
}

#define HEADER(length)		"000a " length " 00000000 00000000 d0a1b2c3 "
#define TIMES_USUAL		"000001a202b2c57b 000001a202b2d90f "	/* 1795341600123, 1795341605135 */
#define V4_USUAL		"c0a80114 cb007107 c93a 01bb 06 "
#define V6_FULL			"20010db8000000000000000000000020 20010db8000000010000000000000007 c93a 01bb 06 "
/* Packets, IP bytes, frame bytes: of the destination, then of the source; flags likewise; end reason; direction */
#define COUNTS_USUAL		"000000000000000e 00000000000022dc 00000000000023a0 " \
				"000000000000000c 0000000000000cab 0000000000000d53 1b 1b 03 01 "

static void usual_record_exact(void **state)
{
	struct record r = records_usual();
	struct built b;

	one_record(&b, &r);	/* IPv4, ports, TCP, MAC of the source: 256 + 1 + 4 + 8 + 16 */
	assert_bytes(b.bytes, b.len,
		HEADER("00b8") "011d 00a8 "
		TIMES_USUAL V4_USUAL COUNTS_USUAL "02005e0053af "
		"04 'lan0' 0b 'example.org' 00 00 00 02 'ok' 0b 'h2,http/1.1' 00 00 03 'tls' "
		"1e '1:LQU9qZlK+B5F3KDmev6m5PMibrg=' 03 'lan' 00");
}

/* Of all sizes a number takes its bytes whole; round trips of one side alone are not told. */
#define HEALTH_USUAL TIMES_USUAL V4_USUAL COUNTS_USUAL "02005e0053af 01020304 f1f2f3f4 1112 4142 2122 5152 3132 6162 "
#define NAMES_NO_FAILURE "04 'lan0' 0b 'example.org' 00 00 00 02 'ok' 0b 'h2,http/1.1' 00 00 03 'tls' " \
	"1e '1:LQU9qZlK+B5F3KDmev6m5PMibrg=' 03 'lan' 00"

static void health_exact(void **state)
{
	struct record r = records_usual();
	struct built b;

	r.tcp = (struct record_tcp){
		.state = "established", .measured = true, .has_handshake = true,
		.handshake_near_us = 0x01020304, .handshake_far_us = 0xf1f2f3f4,
		.source = { .retransmits = 0x1112, .lost_before = 0x2122, .out_of_order = 0x3132 },
		.destination = { .retransmits = 0x4142, .lost_before = 0x5152, .out_of_order = 0x6162 },
	};
	for (unsigned int seen = 0; seen < 3; seen++) {	/* of no side, near, far */
		r.tcp.rtt[0] = (struct record_rtt){ .count = seen == 1, .min_us = 7, .mean_us = 7, .p95_us = 7 };
		r.tcp.rtt[1] = (struct record_rtt){ .count = seen == 2, .min_us = 7, .mean_us = 7, .p95_us = 7 };
		one_record(&b, &r);	/* the usual groups and 256, and 512 or 1024 */
		assert_bytes(b.bytes, b.len, seen == 0 ? HEADER("00cc") "021d 00bc " HEALTH_USUAL NAMES_NO_FAILURE :
			     seen == 1 ? HEADER("00dc") "041d 00cc " HEALTH_USUAL "00000001 00000007 00000007 00000007 " NAMES_NO_FAILURE :
			     HEADER("00dc") "061d 00cc " HEALTH_USUAL "00000001 00000007 00000007 00000007 " NAMES_NO_FAILURE);
	}

	r.tcp.rtt[0] = (struct record_rtt){ .count = 0x0000ffff, .min_us = 0x01000001, .mean_us = 0x02000002,
					    .p50_us = 9, .p95_us = 0x03000003, .p99_us = 9 };
	r.tcp.rtt[1] = (struct record_rtt){ .count = 1, .min_us = 0x04000004, .mean_us = 0x05000005,
					    .p50_us = 9, .p95_us = 0x06000006, .p99_us = 9 };
	r.tcp.failure = "refused";
	one_record(&b, &r);	/* and 512, 1024 */
	assert_bytes(b.bytes, b.len,
		HEADER("00f3") "081d 00e3 "
		TIMES_USUAL V4_USUAL COUNTS_USUAL "02005e0053af "
		"01020304 f1f2f3f4 1112 4142 2122 5152 3132 6162 "
		"0000ffff 01000001 02000002 03000003 00000001 04000004 05000005 06000006 "
		"04 'lan0' 0b 'example.org' 00 00 00 02 'ok' 0b 'h2,http/1.1' 00 00 03 'tls' "
		"1e '1:LQU9qZlK+B5F3KDmev6m5PMibrg=' 03 'lan' 07 'refused'");
}

static void full_record_exact(void **state)
{
	struct record r = records_full();
	struct built b;

	r.source.tcp_flags = 0x02;	/* so that the two sides differ */
	one_record(&b, &r);	/* all groups but IPv4 */
	assert_bytes(b.bytes, b.len,
		HEADER("015f") "10fe 014f "
		TIMES_USUAL V6_FULL
		"000000000000000e 00000000000022dc 00000000000023a0 "
		"000000000000000c 0000000000000cab 0000000000000d53 1b 02 03 01 "
		"02005e0053af 02005e005301 000a 00c8 "
		"00000136 0000472c 0001 0007 0002 0008 0003 0009 "
		"000001a4 00004a38 "	/* of QUIC: in no real record are both */
		"00000009 000000fa 00000190 00000376 00000001 00004e20 00004e20 00004e62 "
		"04 'lan0' 0a 'ex\\xe9mple' 0b 'example.org' 03 'sni' 04 'high' 02 'ok' "
		"0b '\\xba\\xad,h2' 02 'h2' 24 't13d1516h2_8daaf6152771_e5627efa2ab1' 03 'tls' "
		"1e '1:LQU9qZlK+B5F3KDmev6m5PMibrg=' 03 'lan' 12 'reset_in_handshake'");
}

/* Round trips of QUIC and ICMP are in the elements that TCP's are in. */
static void quic_and_icmp(void **state)
{
	static const uint8_t protocols[] = { 17, 1, 58 };

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		const struct record_rtt rtt[2] = { { .count = 1, .min_us = 2, .mean_us = 3, .p95_us = 4 }, { .count = 0 } };
		struct record r = records_minimal();
		struct built b;

		r.proto = protocols[i];
		memcpy(i ? r.icmp : r.quic.rtt, rtt, sizeof(rtt));
		r.quic.handshake_far_us = i ? 0 : 9;
		one_record(&b, &r);	/* IPv4, and 512, and 2048 */
		assert_bytes(b.bytes + 16, 4, i ? "0301 006c" : "0b01 0074");
		assert_bytes(b.bytes + b.len - 13 - 16 - (i ? 0 : 8), i ? 16 : 24, i ? "00000001 00000002 00000003 00000004" :
			     "00000000 00000009 00000001 00000002 00000003 00000004");
	}
}

/* What is not known is in no field, or an empty text. */
static void minimal_record_exact(void **state)
{
	struct record r = records_minimal();
	struct built b;

	one_record(&b, &r);	/* IPv4 alone */
	assert_bytes(b.bytes, b.len,
		HEADER("006c") "0101 005c "
		"0000000000000000 0000000000000000 0a000001 0a000002 fd "
		"0000000000000000 0000000000000000 0000000000000000 "
		"0000000000000001 000000000000002e 000000000000003c 00 00 "
		"00 00 00 00 00 00 00 00 00 00 00 00 00");
}

#define F(number, length)		#number #length " "
#define E(number, length, enterprise)	#number #length #enterprise " "
#define TEMPLATE_ENDS \
	F(0052, ffff) E(8001, ffff, 00007ed9) E(8002, ffff, 00007ed9) E(8003, ffff, 00007ed9) E(8004, ffff, 00007ed9) \
	E(8005, ffff, 00007ed9) E(8006, ffff, 00007ed9) E(8007, ffff, 00007ed9) E(8008, ffff, 00007ed9) \
	E(8009, ffff, 00007ed9) E(800a, ffff, 00007ed9) E(800b, ffff, 00007ed9) E(801c, ffff, 00007ed9)
#define TEMPLATE_COUNTS \
	E(8002, 0008, 00007279) E(8001, 0008, 00007279) E(8160, 0008, 00007279) F(0002, 0008) F(0001, 0008) F(0160, 0008)
#define TEMPLATE_HEALTH \
	E(800c, 0004, 00007ed9) E(800d, 0004, 00007ed9) E(800e, 0002, 00007ed9) E(800f, 0002, 00007ed9) \
	E(8010, 0002, 00007ed9) E(8011, 0002, 00007ed9) E(8012, 0002, 00007ed9) E(8013, 0002, 00007ed9)
#define TEMPLATE_QUIC E(800c, 0004, 00007ed9) E(800d, 0004, 00007ed9)
#define TEMPLATE_RTT \
	E(8014, 0004, 00007ed9) E(8015, 0004, 00007ed9) E(8016, 0004, 00007ed9) E(8017, 0004, 00007ed9) \
	E(8018, 0004, 00007ed9) E(8019, 0004, 00007ed9) E(801a, 0004, 00007ed9) E(801b, 0004, 00007ed9)

static void templates_exact(void **state)
{
	struct built b;

	ipfix_begin(&b.m, b.bytes, sizeof(b.bytes), DOMAIN);
	assert_int_equal(ipfix_add_template(&b.m, 0x10ff), 0);	/* every element there is */
	assert_int_equal(ipfix_add_template(&b.m, 0x101), 0);
	b.len = ipfix_close(&b.m);
	assert_int_equal(b.m.records, 0);
	assert_bytes(b.bytes, b.len,
		HEADER("0220") "0002 0210 10ff 0036 "
		F(0098, 0008) F(0099, 0008) F(0008, 0004) F(000c, 0004) F(001b, 0010) F(001c, 0010) F(0007, 0002) F(000b, 0002)
		F(0004, 0001) TEMPLATE_COUNTS E(8006, 0001, 00007279) F(0006, 0001) F(0088, 0001) F(00ef, 0001)
		F(0038, 0006) F(0050, 0006) F(003a, 0002) F(00f5, 0002) TEMPLATE_HEALTH TEMPLATE_QUIC TEMPLATE_RTT TEMPLATE_ENDS
		"0101 001a "
		F(0098, 0008) F(0099, 0008) F(0008, 0004) F(000c, 0004) F(0004, 0001) TEMPLATE_COUNTS
		F(0088, 0001) F(00ef, 0001) TEMPLATE_ENDS);
	assert_int_equal(ipfix_add_template(&b.m, 255), -EINVAL);
	assert_int_equal(ipfix_add_template(&b.m, 256 + IPFIX_TEMPLATES), -EINVAL);
}

/* A data set of each id is read by its template alone: the fields' lengths add up to what the record has. */
static void every_template_fits_its_records(void **state)
{
	assert_int_equal(IPFIX_TEMPLATES, 4096);
	for (unsigned int groups = 0; groups < IPFIX_TEMPLATES; groups++) {
		struct record r = records_full();
		size_t at = IPFIX_HEADER + 8, have = IPFIX_HEADER + IPFIX_SET_HEADER;
		struct built b, t;
		uint16_t id;

		r.ip_version = groups & 1 ? 4 : 6;
		r.has_ports = groups & 4;
		r.proto = groups & 8 ? 6 : 17;
		r.source.has_mac = groups & 16;
		r.destination.has_mac = groups & 32;
		r.vlan[0] = groups & 64 ? 1 : 0;
		r.vlan[1] = groups & 128 ? 1 : 0;
		r.tcp.measured = groups & 256;
		r.tcp.rtt[0].count = r.quic.rtt[0].count = groups & 512 ? 1 : 0;
		r.tcp.rtt[1].count = r.quic.rtt[1].count = groups & 1024 ? 1 : 0;
		r.quic.handshake_near_us = 0;
		r.quic.handshake_far_us = groups & 2048 ? 1 : 0;
		one_record(&b, &r);
		id = (uint16_t)(b.bytes[IPFIX_HEADER] << 8 | b.bytes[IPFIX_HEADER + 1]);
		if ((groups & 3) == 1 || (groups & 3) == 2)	/* the others are of no IP version, or of two */
			assert_int_equal(id, 256 + groups);
		ipfix_begin(&t.m, t.bytes, sizeof(t.bytes), DOMAIN);
		assert_int_equal(ipfix_add_template(&t.m, id), 0);
		t.len = ipfix_close(&t.m);
		while (at < t.len) {
			unsigned int length = (unsigned int)(t.bytes[at + 2] << 8 | t.bytes[at + 3]);

			have += length == IPFIX_VARIABLE ? 1u + b.bytes[have] : length;
			at += t.bytes[at] & 0x80 ? 8 : 4;
		}
		assert_int_equal(at, t.len);
		assert_int_equal(have, b.len);
	}
}

/* RFC 7011 7: one byte of length up to 254, then 255 and two; here of serverName, first text behind an empty interface. */
static void lengths_of_texts(void **state)
{
	uint8_t name[255], wanted[512];
	const size_t at = IPFIX_HEADER + IPFIX_SET_HEADER + 16 + 9 + 48 + 2 + 1;
	static const struct {
		size_t len;
		const char *length;
	} rows[] = { { 0, "00" }, { 1, "01" }, { 253, "fd" }, { 254, "fe" }, { 255, "ff 00ff" } };

	memset(name, 'n', sizeof(name));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct record r = records_minimal();
		size_t len = bytes_of(rows[i].length, wanted);
		struct built b;

		r.sni = name;
		r.sni_len = (uint16_t)rows[i].len;
		one_record(&b, &r);
		memcpy(wanted + len, name, rows[i].len);
		wanted[len + rows[i].len] = 0;	/* destinationDomain */
		assert_memory_equal(b.bytes + at, wanted, len + rows[i].len + 1);
		assert_int_equal(b.len, at + len + rows[i].len + 1 + (r.sni_len ? 3 : 0) + 10);	/* with a name: 'tls' */
	}
}

/* A text that is too long ends in a mark, and before it no half of an escape. */
static void cut_texts(void **state)
{
	const size_t at = IPFIX_HEADER + IPFIX_SET_HEADER + 16 + 9 + 48 + 2 + 1;
	static const struct {
		size_t plain, escaped;	/* characters, then bytes that take four each */
		size_t keep;
	} rows[] = {
		{ 251, 1, 255 }, { 252, 1, 251 }, { 250, 2, 250 }, { 249, 2, 249 }, { 248, 2, 248 }, { 247, 2, 255 }, { 247, 3, 251 },
		{ 0, 63, 252 }, { 0, 64, 248 }, { 0, 255, 248 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const size_t plain = rows[i].plain, whole = plain + 4 * rows[i].escaped;
		const bool is_cut = whole > 255;
		const size_t len = is_cut ? rows[i].keep + 4 : whole;
		struct record r = records_minimal();
		uint8_t name[255], text[2048];
		const uint8_t *got;
		struct built b;

		memset(name, 1, sizeof(name));
		memset(name, 'n', plain);
		memset(text, 'n', plain);
		for (size_t n = 0; n < rows[i].escaped; n++)
			memcpy(text + plain + 4 * n, "\\x01", 4);
		r.sni = name;
		r.sni_len = (uint16_t)(plain + rows[i].escaped);
		one_record(&b, &r);
		got = b.bytes + at;
		if (len < 255) {
			assert_int_equal(got[0], len);
			got++;
		} else {
			assert_int_equal(got[0], 255);
			assert_int_equal(got[1] << 8 | got[2], len);
			got += 3;
		}
		if (is_cut) {
			assert_memory_equal(got, text, rows[i].keep);
			assert_memory_equal(got + rows[i].keep, "\\...", 4);
		} else {
			assert_memory_equal(got, text, len);
		}
	}
}

static void alpn_rows(void **state)
{
	static const struct {
		const char *list;
		size_t len;
		const char *wanted;	/* length byte and text */
	} rows[] = {
		{ "", 0, "00" }, { "\x02h2", 3, "02 'h2'" }, { "\x00\x02h2", 4, "05 '\\0,h2'" },
		{ "\x02h2\x05http", 8, "02 'h2'" },	/* an entry that is cut is none */
		{ "\x03" "a,b", 4, "03 'a,b'" }, { "\x02\\0", 3, "05 '\\x5c0'" },
	};
	const size_t at = IPFIX_HEADER + IPFIX_SET_HEADER + 16 + 9 + 48 + 2 + 6;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct record r = records_minimal();
		uint8_t wanted[64];
		struct built b;
		size_t len = bytes_of(rows[i].wanted, wanted);

		r.alpn = (const uint8_t *)rows[i].list;
		r.alpn_len = (uint16_t)rows[i].len;
		one_record(&b, &r);
		assert_memory_equal(b.bytes + at, wanted, len);
		assert_int_equal(b.bytes[at + len], 0);	/* alpnSelected */
	}
}

static void largest_record(struct record *r, uint8_t fill[256])
{
	static char text[65];

	*r = records_full();
	memset(fill, 1, 256);
	memset(text, 't', 64);
	r->sni = r->domain = fill;
	r->sni_len = r->domain_len = 255;
	r->tls.next_protocol = (struct record_name){ fill, 255 };
	r->alpn = fill;
	r->alpn_len = 255;
	r->interface = r->role = r->name_source = r->name_confidence = r->protocol = r->tcp.failure = text;
	memset(r->tls.ja4, 'j', sizeof(r->tls.ja4) - 1);
}

static void largest_record_fits(void **state)
{
	uint8_t fill[256];
	struct record r;
	struct built b;

	largest_record(&r, fill);
	one_record(&b, &r);
	print_message("# largest record: %zu bytes of %d\n", b.len - IPFIX_HEADER - IPFIX_SET_HEADER, IPFIX_RECORD_MAX);
	assert_in_range(b.len, 900, IPFIX_HEADER + IPFIX_SET_HEADER + IPFIX_RECORD_MAX);
	for (size_t size = IPFIX_HEADER; size <= b.len; size++) {
		void *exact = malloc(size);	/* the sanitizer build sees a byte too many */
		struct ipfix_message m;

		ipfix_begin(&m, exact, size, DOMAIN);
		assert_int_equal(ipfix_add_record(&m, &r), size < b.len ? -ENOSPC : 0);
		assert_int_equal(ipfix_close(&m), size < b.len ? 0 : b.len);
		free(exact);
	}
	for (size_t size = IPFIX_HEADER; size <= IPFIX_HEADER + 8 + 20 * 4 + 32 * 8 + 200; size++) {
		uint8_t *exact = malloc(size);
		struct ipfix_message m;
		int err;

		ipfix_begin(&m, exact, size, DOMAIN);
		err = ipfix_add_template(&m, 0x8fe);
		assert_true(err == 0 || err == -ENOSPC);
		if (err)
			assert_int_equal(ipfix_close(&m), 0);
		free(exact);
	}
}

/* What does not fit leaves the message as it was; sets of one id are one, and ipfix_next_set() finds them all. */
static void sets_and_the_end(void **state)
{
	struct record usual = records_usual(), minimal = records_minimal();
	uint8_t fill[256];
	struct record large;
	struct built b;
	size_t at = 0, before;
	uint32_t n = 3;

	largest_record(&large, fill);
	ipfix_begin(&b.m, b.bytes, sizeof(b.bytes), DOMAIN);
	assert_int_equal(ipfix_add_record(&b.m, &usual), 0);
	assert_int_equal(ipfix_add_record(&b.m, &usual), 0);
	assert_int_equal(ipfix_add_record(&b.m, &minimal), 0);
	before = b.m.w.len;
	assert_int_equal(before, 16 + 4 + 2 * 164 + 4 + 88);
	assert_int_equal(ipfix_add_record(&b.m, &large), -ENOSPC);
	assert_int_equal(b.m.w.len, before);
	assert_int_equal(b.m.records, 3);
	while (!ipfix_add_record(&b.m, &minimal))
		n++;
	assert_int_equal(b.m.records, n);
	assert_int_equal(n, 3 + (1232 - before) / 88);
	b.len = ipfix_close(&b.m);
	assert_int_equal(b.len, before + (n - 3) * 88);
	assert_bytes(b.bytes + 2, 2, "04d0");
	assert_bytes(b.bytes + 16, 4, "011d 014c");
	assert_bytes(b.bytes + 16 + 332, 4, "0101 0374");

	ipfix_stamp(b.bytes, 0x01020304, 0xfffffffe);
	assert_bytes(b.bytes, 16, "000a 04d0 01020304 fffffffe d0a1b2c3");

	assert_int_equal(ipfix_next_set(b.bytes, b.len, &at), 0x11d);
	assert_int_equal(ipfix_next_set(b.bytes, b.len, &at), 0x101);
	assert_int_equal(ipfix_next_set(b.bytes, b.len, &at), 0);

	ipfix_begin(&b.m, b.bytes, sizeof(b.bytes), DOMAIN);
	assert_int_equal(ipfix_close(&b.m), 0);	/* nothing in it: no message */
}

/* The reference has a line for each element, and the numbers of the templates. */
static void reference(void **state)
{
	static const char *const lines[] = {
		"| `flowStartMilliseconds` | 0 | 152 | dateTimeMilliseconds | 8 | ms | always | ",
		"| `reverseOctetDeltaCount` | 29305 | 1 | unsigned64 | 8 | octets | always | ",
		"| `serverName` | 32473 | 1 | string | up to 255 | | always; empty where unknown | ",
		"| `dot1qCustomerVlanId` | 0 | 245 | unsigned16 | 2 | | a second VLAN tag | ",
		"| `handshakeNear` | 32473 | 12 | unsigned32 | 4 | us | health of the connection is measured | ",
		"| `rttFarPercentile95` | 32473 | 27 | unsigned32 | 4 | us | round trips of the far side were seen | ",
	};
	char text[16384];
	struct writer w = { .buf = text, .size = sizeof(text) - 1 };
	int rows = 0;

	ipfix_reference(&w);
	assert_false(w.full);
	text[w.len] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_non_null(strstr(text, lines[i]));
	for (const char *p = text; (p = strstr(p, "\n| `")); p++)
		rows++;
	assert_int_equal(rows, 54);	/* as many as the template of all of them has */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_record_exact), cmocka_unit_test(health_exact), cmocka_unit_test(full_record_exact),
		cmocka_unit_test(minimal_record_exact), cmocka_unit_test(quic_and_icmp), cmocka_unit_test(templates_exact),
		cmocka_unit_test(every_template_fits_its_records),
		cmocka_unit_test(lengths_of_texts), cmocka_unit_test(cut_texts), cmocka_unit_test(alpn_rows),
		cmocka_unit_test(largest_record_fits), cmocka_unit_test(sets_and_the_end), cmocka_unit_test(reference),
	};

	return cmocka_run_group_tests_name("ipfix", tests, NULL, NULL);
}
