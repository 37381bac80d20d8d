/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/record.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/util.h"
#include "export/text.h"

/* IANA protocol numbers that a gateway meets, by their keywords in lower case. */
static const char *const PROTO_NAMES[256] = {
	[0] = "hopopt",		[1] = "icmp",		[2] = "igmp",		[4] = "ipip",
	[6] = "tcp",		[8] = "egp",		[9] = "igp",		[17] = "udp",
	[27] = "rdp",		[33] = "dccp",		[41] = "ipv6",		[46] = "rsvp",
	[47] = "gre",		[50] = "esp",		[51] = "ah",		[58] = "ipv6-icmp",
	[59] = "ipv6-nonxt",	[88] = "eigrp",		[89] = "ospf",		[94] = "nos-ipip",
	[97] = "etherip",	[103] = "pim",		[108] = "ipcomp",	[112] = "vrrp",
	[115] = "l2tp",		[124] = "isis",		[132] = "sctp",		[135] = "mobility",
	[136] = "udplite",	[137] = "mpls-in-ip",	[139] = "hip",		[140] = "shim6",
};

static const char *const END_REASON_TEXTS[END_REASON_N] = {
#define X(id, number, text) [number] = text,
	END_REASONS(X)
#undef X
};

static const char *const INITIATOR_TEXTS[INITIATOR_N] = {
#define X(id, text) text,
	INITIATORS(X)
#undef X
};

static const char *const BYTES_SOURCE_TEXTS[BYTES_SOURCE_N] = {
#define X(id, text) text,
	BYTES_SOURCES(X)
#undef X
};

static const char *const NAME_STATUS_TEXTS[NAME_N] = {
#define X(id, name, text) name,
	NAME_STATUSES(X)
#undef X
};

const char *record_proto_name(uint8_t proto)
{
	return PROTO_NAMES[proto];
}

const char *record_end_reason_text(uint8_t reason)
{
	return reason < ARRAY_SIZE(END_REASON_TEXTS) ? END_REASON_TEXTS[reason] : NULL;
}

const char *record_initiator_text(uint8_t initiator)
{
	return initiator < ARRAY_SIZE(INITIATOR_TEXTS) ? INITIATOR_TEXTS[initiator] : NULL;
}

const char *record_bytes_source_text(uint8_t source)
{
	return source < ARRAY_SIZE(BYTES_SOURCE_TEXTS) ? BYTES_SOURCE_TEXTS[source] : NULL;
}

const char *record_name_status_text(uint8_t status)
{
	return status < ARRAY_SIZE(NAME_STATUS_TEXTS) ? NAME_STATUS_TEXTS[status] : NULL;
}

const struct record_rtt *record_rtt(const struct record *r, int far)
{
	return r->proto == IPPROTO_TCP ? &r->tcp.rtt[far] : r->proto == IPPROTO_UDP ? &r->quic.rtt[far] : &r->icmp[far];
}

bool record_alpn_next(const struct record *r, size_t *at, const uint8_t **ret_name, size_t *ret_len)
{
	size_t len;

	if (*at >= r->alpn_len)
		return false;
	len = r->alpn[*at];
	if (len > r->alpn_len - *at - 1)
		return false;
	*ret_name = r->alpn + *at + 1;
	*ret_len = len;
	*at += 1 + len;
	return true;
}

bool record_is_tls(const struct record *r)
{
	return r->name_status == NAME_OK || r->name_status == NAME_NO_SNI || r->sni_len || r->alpn_len;
}

const char *record_protocol(const struct record *r)
{
	return r->protocol ? r->protocol : record_is_tls(r) ? "tls" : NULL;
}

/* Column of one end: address, and port where there is one. IPv6 in brackets then, RFC 5952 6. */
static void put_end(struct writer *w, const struct record *r, const struct record_side *side)
{
	bool brackets = r->has_ports && r->ip_version != 4;

	if (brackets)
		writer_char(w, '[');
	text_ip(w, side->addr, r->ip_version);
	if (brackets)
		writer_char(w, ']');
	if (r->has_ports) {
		writer_char(w, ':');
		writer_u64(w, ntohs(side->port));
	}
}

static void put_pair(struct writer *w, uint64_t source, uint64_t destination, const char *unit)
{
	writer_u64(w, source);
	writer_char(w, '/');
	writer_u64(w, destination);
	writer_text(w, unit);
}

static void put_name(struct writer *w, const void *bytes, size_t len)
{
	if (len)
		text_plain(w, bytes, len);
	else
		writer_char(w, '-');
}

static void put_alpn(struct writer *w, const struct record *r)
{
	const uint8_t *name;
	size_t at = 0, len;
	unsigned int n = 0;

	for (; record_alpn_next(r, &at, &name, &len); n++) {
		if (n)
			writer_char(w, ',');
		if (len)
			text_plain(w, name, len);
		else
			writer_text(w, "\\0");	/* no name looks like it: a backslash of its own would be \x5c */
	}
	if (!n)
		writer_char(w, '-');
}

void record_text(struct writer *w, const struct record *r)
{
	const char *proto = record_proto_name(r->proto), *status = record_name_status_text(r->name_status);

	if (r->start_us < TEXT_TIME_END_US)
		text_time_short(w, r->start_us);
	else
		writer_text(w, "- -");	/* date and time are two columns */
	writer_char(w, ' ');
	put_name(w, r->interface, r->interface ? strlen(r->interface) : 0);
	writer_char(w, ' ');
	if (proto)
		writer_text(w, proto);
	else
		writer_u64(w, r->proto);
	writer_char(w, ' ');
	put_end(w, r, &r->source);
	writer_text(w, " > ");
	put_end(w, r, &r->destination);
	writer_char(w, ' ');
	put_pair(w, r->source.packets, r->destination.packets, " pkts ");
	put_pair(w, r->source.bytes, r->destination.bytes, " B ");
	if (r->sni_len || !r->domain_len)
		put_name(w, r->sni, r->sni_len);
	else
		put_name(w, r->domain, r->domain_len);
	writer_char(w, ' ');
	put_alpn(w, r);
	writer_char(w, ' ');
	writer_text(w, status ? status : "-");
}
