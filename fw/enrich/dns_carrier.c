/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/dns_carrier.h"

#include <string.h>
#include <strings.h>

#include "base/util.h"

#define PORT 853	/* RFC 7858 3.1, RFC 9250 4.1.1 */

/* As their operators publish them; a name below one of these counts, too (NextDNS and AdGuard have one for each client). */
static const char *const RESOLVERS[] = {
	"dns.google", "dns64.dns.google", "cloudflare-dns.com", "one.one.one.one", "dns.quad9.net", "dns9.quad9.net",
	"dns10.quad9.net", "dns11.quad9.net", "doh.opendns.com", "doh.familyshield.opendns.com", "dns.nextdns.io",
	"adguard-dns.com", "doh.cleanbrowsing.org", "doh.mullvad.net", "dns.mullvad.net", "doh.dns.sb", "dns.controld.com",
	"doh.xfinity.com", "dns.alidns.com", "doh.pub", "dns0.eu", "unfiltered.joindns4.eu",
};

static bool has_alpn(struct tls_bytes alpn, const char *id)
{
	struct tls_bytes name;
	size_t at = 0;

	while (tls_alpn_next(alpn, &at, &name))
		if (name.len == strlen(id) && !memcmp(name.at, id, name.len))
			return true;
	return false;
}

static bool is_resolver(struct tls_bytes sni)
{
	for (size_t i = 0; i < ARRAY_SIZE(RESOLVERS); i++) {
		const size_t len = strlen(RESOLVERS[i]);

		if (sni.len < len || strncasecmp((const char *)sni.at + sni.len - len, RESOLVERS[i], len))
			continue;
		if (sni.len == len || sni.at[sni.len - len - 1] == '.')
			return true;
	}
	return false;
}

enum dns_carrier dns_carrier_of(bool quic, uint16_t server_port, struct tls_bytes sni, struct tls_bytes alpn)
{
	if (quic && (server_port == PORT || has_alpn(alpn, "doq")))
		return DNS_CARRIER_DOQ;
	if (!quic && (server_port == PORT || has_alpn(alpn, "dot")))
		return DNS_CARRIER_DOT;
	return sni.len && is_resolver(sni) ? DNS_CARRIER_DOH : DNS_CARRIER_NONE;
}

const char *dns_carrier_name(unsigned int carrier)
{
	static const char *const NAMES[] = {
#define X(id, text) text,
		DNS_CARRIERS(X)
#undef X
	};

	return carrier < ARRAY_SIZE(NAMES) ? NAMES[carrier] : NULL;
}
