/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_dns_carrier - by port, by ALPN, by name; names that only look like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/util.h"
#include "enrich/dns_carrier.h"

static void carriers(void **state)
{
	static const struct {
		bool quic;
		uint16_t port;
		const char *sni, *alpn;
		enum dns_carrier carrier;
	} rows[] = {
		{ false, 853, "", "", DNS_CARRIER_DOT }, { true, 853, "", "", DNS_CARRIER_DOQ },
		{ false, 443, "", "\3dot", DNS_CARRIER_DOT }, { true, 443, "a.example", "\2h3\3doq", DNS_CARRIER_DOQ },
		{ false, 443, "", "\3doq", DNS_CARRIER_NONE }, { true, 443, "", "\3dot", DNS_CARRIER_NONE },
		{ false, 443, "", "\4dots", DNS_CARRIER_NONE }, { false, 443, "", "\5dot", DNS_CARRIER_NONE },
		{ false, 443, "DNS.google", "\2h2", DNS_CARRIER_DOH }, { true, 443, "dns.google", "\2h3", DNS_CARRIER_DOH },
		{ false, 443, "abc123.dns.nextdns.io", "", DNS_CARRIER_DOH },
		{ false, 443, "mozilla.cloudflare-dns.com", "", DNS_CARRIER_DOH },
		{ false, 443, "notcloudflare-dns.com", "", DNS_CARRIER_NONE }, { false, 443, "dns.google.evil.example", "", DNS_CARRIER_NONE },
		{ false, 443, "ns.google", "", DNS_CARRIER_NONE }, { false, 852, "www.example.org", "\2h2", DNS_CARRIER_NONE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct tls_bytes sni = { (const uint8_t *)rows[i].sni, strlen(rows[i].sni) };
		const struct tls_bytes alpn = { (const uint8_t *)rows[i].alpn, strlen(rows[i].alpn) };

		if (dns_carrier_of(rows[i].quic, rows[i].port, sni, alpn) != rows[i].carrier)
			fail_msg("row %zu", i);
	}
}

static void names(void **state)
{
	assert_null(dns_carrier_name(DNS_CARRIER_NONE));
	assert_string_equal(dns_carrier_name(DNS_CARRIER_DOH), "doh");
	assert_null(dns_carrier_name(99));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(carriers), cmocka_unit_test(names) };

	return cmocka_run_group_tests_name("dns_carrier", tests, NULL, NULL);
}
