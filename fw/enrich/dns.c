/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/dns.h"

#include "base/util.h"

#define CLASS_TOP_BIT	0x8000

/* SvcParamKeys, RFC 9460 14.3.2 */
enum { KEY_ALPN = 1, KEY_PORT = 3, KEY_IPV4HINT = 4, KEY_ECH = 5, KEY_IPV6HINT = 6 };

bool dns_alpn_next(struct reader *alpn, struct reader *ret_id)
{
	*ret_id = reader_vector(alpn, 1);
	return !ret_id->bad;
}

/* RFC 9460 7.1.1: at least one, none empty. */
static bool alpn_is_good(struct reader alpn)
{
	struct reader id;

	if (!alpn.left)
		return false;
	while (alpn.left)
		if (!dns_alpn_next(&alpn, &id) || !id.left)
			return false;
	return true;
}

static bool hints_are_good(struct reader hints, size_t each)
{
	return hints.left && hints.left % each == 0;
}

/* Keys in strictly increasing order, RFC 9460 2.2. */
static enum dns_result read_svc_params(struct reader r, struct dns_record *record)
{
	int32_t before = -1;

	while (r.left) {
		int32_t key = reader_u16(&r);
		struct reader value = reader_vector(&r, 2);

		if (r.bad || key <= before)
			return DNS_RDATA;
		before = key;
		if (key == KEY_ALPN) {
			if (!alpn_is_good(value))
				return DNS_RDATA;
			record->alpn = value;
		} else if (key == KEY_PORT) {
			if (value.left != 2)
				return DNS_RDATA;
			record->port = reader_u16(&value);
		} else if (key == KEY_IPV4HINT) {
			if (!hints_are_good(value, 4))
				return DNS_RDATA;
			record->hints4 = value;
		} else if (key == KEY_IPV6HINT) {
			if (!hints_are_good(value, 16))
				return DNS_RDATA;
			record->hints6 = value;
		} else if (key == KEY_ECH) {
			if (!value.left)
				return DNS_RDATA;
			record->ech = true;
		}
	}
	return DNS_OK;
}

/* A name that fills what is left of the data. @packed: it may be compressed. */
static enum dns_result read_last_name(struct reader *r, const struct reader *message, bool packed, struct dns_name *name)
{
	size_t room = r->left;
	enum dns_result result = dns_name_read(r, message, name);

	if (result == DNS_OK && !packed && room - r->left != name->len)
		return DNS_RDATA;
	return result;
}

static enum dns_result read_rdata(struct reader r, const struct reader *message, struct dns_record *record)
{
	enum dns_result result = DNS_OK;

	if (record->class != DNS_IN)	/* other classes have other data; those of RFC 2136 none */
		return DNS_OK;
	switch (record->type) {
	case DNS_A:
	case DNS_AAAA:
		if (r.left != (record->type == DNS_A ? 4 : 16))
			return DNS_RDATA;
		record->address = r;
		return DNS_OK;
	case DNS_SRV:
	case DNS_SVCB:
	case DNS_HTTPS:
		record->priority = reader_u16(&r);
		if (record->type == DNS_SRV) {
			record->weight = reader_u16(&r);
			record->port = reader_u16(&r);
		}
		if (r.bad)
			return DNS_RDATA;
		/* RFC 2782 forbids compression of the target, RFC 6762 18.14 has it; RFC 9460 2.2 forbids it. */
		result = read_last_name(&r, message, record->type == DNS_SRV, &record->target);
		break;
	case DNS_CNAME:
	case DNS_PTR:
		result = read_last_name(&r, message, true, &record->target);
		break;
	default:
		return DNS_OK;
	}
	if (result != DNS_OK)
		return result == DNS_SHORT ? DNS_RDATA : result;
	if (record->type == DNS_HTTPS || record->type == DNS_SVCB)
		return record->priority ? read_svc_params(r, record) : DNS_OK;	/* RFC 9460 2.4.2: an alias has none */
	return r.left ? DNS_RDATA : DNS_OK;
}

static void clear_data(struct dns_record *record)
{
	record->priority = record->weight = record->port = 0;
	record->ech = false;
	record->address = record->hints4 = record->hints6 = record->alpn = (struct reader){ 0 };
	record->target.len = 0;
}

void dns_walk_begin(struct dns_walk *w, const struct dns_message *m)
{
	*w = (struct dns_walk){ .message = m, .at = m->bytes, .left = m->count[DNS_QUESTION] };
	if (!reader_bytes(&w->at, DNS_HEADER_BYTES))
		w->result = DNS_SHORT;
}

static enum dns_result read_record(struct dns_walk *w, struct dns_record *record)
{
	const struct dns_message *m = w->message;
	enum dns_result result = dns_name_read(&w->at, &m->bytes, &record->name);

	if (result != DNS_OK)
		return result;
	record->section = w->section;
	record->result = DNS_OK;
	record->type = reader_u16(&w->at);
	record->class = reader_u16(&w->at);
	record->unique = false;
	if (m->kind == DNS_MULTICAST && record->type != DNS_OPT_RR) {
		record->unique = record->class & CLASS_TOP_BIT;
		record->class &= (uint16_t)~CLASS_TOP_BIT;
	}
	clear_data(record);
	record->ttl_s = 0;
	record->rdata = (struct reader){ 0 };
	if (w->section != DNS_QUESTION) {
		record->ttl_s = reader_uint(&w->at, 4);
		record->rdata = reader_vector(&w->at, 2);
	}
	if (w->at.bad)
		return DNS_SHORT;
	if (w->section == DNS_QUESTION)
		return DNS_OK;
	if (record->ttl_s > INT32_MAX && record->type != DNS_OPT_RR)
		record->ttl_s = 0;
	record->result = read_rdata(record->rdata, &m->bytes, record);
	if (record->result != DNS_OK)
		clear_data(record);
	return DNS_OK;
}

bool dns_walk_next(struct dns_walk *w, struct dns_record *ret_record)
{
	if (w->result != DNS_OK)
		return false;
	while (!w->left) {
		if (w->section == DNS_ADDITIONAL)
			return false;
		w->left = w->message->count[++w->section];
	}
	w->result = w->done == DNS_RECORDS_MAX ? DNS_RECORDS : read_record(w, ret_record);
	if (w->result != DNS_OK)
		return false;
	w->left--;
	w->done++;
	return true;
}

/* RFC 6891 6.1.2, 6.1.3: class is the size, TTL is upper bits of the rcode, version, flags. */
static enum dns_result take_opt(struct dns_message *m, const struct dns_record *record)
{
	if (m->edns || record->name.len != 1)
		return DNS_OPT;
	m->edns = true;
	m->edns_bytes = record->class;
	m->edns_version = record->ttl_s >> 16 & 0xff;
	m->rcode |= (uint16_t)(record->ttl_s >> 24 << 4);
	return DNS_OK;
}

static void take_record(struct dns_message *m, const struct dns_record *record)
{
	enum dns_result result = record->result;

	if (record->section == DNS_QUESTION && !m->readable) {
		m->qname = record->name;
		m->qtype = record->type;
		m->qclass = record->class;
		m->unicast_wanted = record->unique;
	}
	if (record->section == DNS_ADDITIONAL && record->type == DNS_OPT_RR)
		result = take_opt(m, record);
	if (m->result == DNS_OK)
		m->result = result;
	m->readable++;
}

enum dns_result dns_parse(enum dns_kind kind, const uint8_t *bytes, size_t len, struct dns_message *ret_message)
{
	struct dns_message *m = ret_message;
	struct reader r = { .at = bytes, .left = len };
	struct dns_record record;
	struct dns_walk walk;
	uint16_t flags;

	*m = (struct dns_message){ .bytes = r, .kind = kind, .qname.len = 0 };
	m->id = reader_u16(&r);
	flags = reader_u16(&r);
	for (size_t i = 0; i < DNS_SECTIONS; i++)
		m->count[i] = reader_u16(&r);
	m->response = flags & 0x8000;
	m->opcode = flags >> 11 & 0xf;
	m->authoritative = flags & 0x0400;
	m->truncated = flags & 0x0200;
	m->recursion_desired = flags & 0x0100;
	m->recursion_available = flags & 0x0080;
	m->rcode = flags & 0xf;
	dns_walk_begin(&walk, m);
	while (dns_walk_next(&walk, &record))
		take_record(m, &record);
	if (m->result == DNS_OK)
		m->result = walk.result;
	return m->result;
}

enum dns_stream dns_stream_next(struct reader *stream, struct reader *ret_message)
{
	struct reader at = *stream;
	uint16_t len = reader_u16(&at);

	if (at.bad)
		return DNS_STREAM_MORE;
	if (len < DNS_HEADER_BYTES)
		return DNS_STREAM_NOT_DNS;
	*ret_message = reader_part(&at, len);
	if (at.bad)
		return DNS_STREAM_MORE;
	*stream = at;
	return DNS_STREAM_MESSAGE;
}

const char *dns_rcode_name(uint16_t rcode)
{
	static const char *const NAMES[] = {
		"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET",
		"NOTAUTH", "NOTZONE", "DSOTYPENI", [16] = "BADVERS", "BADKEY", "BADTIME", "BADMODE", "BADNAME", "BADALG",
		"BADTRUNC", "BADCOOKIE",
	};

	return rcode < ARRAY_SIZE(NAMES) ? NAMES[rcode] : NULL;
}

const char *dns_type_name(uint16_t type)
{
	static const char *const NAMES[] = {
		[1] = "A", [2] = "NS", [5] = "CNAME", [6] = "SOA", [10] = "NULL", [12] = "PTR", [13] = "HINFO", [15] = "MX",
		[16] = "TXT", [17] = "RP", [18] = "AFSDB", [24] = "SIG", [25] = "KEY", [28] = "AAAA", [29] = "LOC",
		[33] = "SRV", [35] = "NAPTR", [36] = "KX", [37] = "CERT", [39] = "DNAME", [41] = "OPT", [42] = "APL",
		[43] = "DS", [44] = "SSHFP", [45] = "IPSECKEY", [46] = "RRSIG", [47] = "NSEC", [48] = "DNSKEY",
		[49] = "DHCID", [50] = "NSEC3", [51] = "NSEC3PARAM", [52] = "TLSA", [53] = "SMIMEA", [55] = "HIP",
		[59] = "CDS", [60] = "CDNSKEY", [61] = "OPENPGPKEY", [62] = "CSYNC", [63] = "ZONEMD", [64] = "SVCB",
		[65] = "HTTPS", [99] = "SPF", [108] = "EUI48", [109] = "EUI64", [249] = "TKEY", [250] = "TSIG",
		[251] = "IXFR", [252] = "AXFR", [255] = "ANY", [256] = "URI", [257] = "CAA",
	};

	return type < ARRAY_SIZE(NAMES) ? NAMES[type] : NULL;
}
