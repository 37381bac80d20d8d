/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/dhcp4.h"

#include "base/util.h"

#define COOKIE	    0x63825363u /* RFC 2131 3 */
#define SNAME_BYTES 64
#define FILE_BYTES  128

enum { OP_REQUEST = 1, OP_REPLY = 2, HARDWARE_ETHERNET = 1 };
enum { FQDN_ENCODED = 0x04 }; /* RFC 4702 2.1 */
enum { OVERLOAD_FILE = 1, OVERLOAD_SNAME = 2 };

enum { /* RFC 2132; 81: RFC 4702 */
       OPTION_PAD = 0,
       OPTION_HOST_NAME = 12,
       OPTION_REQUESTED = 50,
       OPTION_OVERLOAD = 52,
       OPTION_TYPE = 53,
       OPTION_SERVER = 54,
       OPTION_PARAMETERS = 55,
       OPTION_VENDOR_CLASS = 60,
       OPTION_CLIENT_ID = 61,
       OPTION_FQDN = 81,
       OPTION_END = 255,
};

struct parse {
	struct dhcp4 *m;
	uint8_t overload; /* OVERLOAD_* */
	bool have_requested, have_server, have_fqdn;
};

static void fault(struct dhcp4 *m, enum dhcp4_result result)
{
	if (m->result == DHCP4_OK)
		m->result = result;
}

/* RFC 2132 2: no NUL is to end a text, and who reads must live with one. */
static struct reader trim(struct reader text)
{
	while (text.left && !text.at[text.left - 1])
		text.left--;
	return text;
}

static void take_once(struct reader *to, struct reader value)
{
	if (!to->left)
		*to = value;
}

static bool take_address(struct reader value, bool *have, uint32_t ret_address[4])
{
	if (value.left != 4)
		return false;
	if (!*have)
		address_from_v4(value.at, ret_address);
	*have = true;
	return true;
}

static bool take_fqdn(struct parse *p, struct reader value)
{
	uint8_t flags = reader_u8(&value);

	reader_u16(&value); /* RCODE1, RCODE2 */
	if (value.bad)
		return false;
	if (p->have_fqdn)
		return true;
	p->have_fqdn = true;
	p->m->fqdn_wire = flags & FQDN_ENCODED;
	p->m->fqdn = p->m->fqdn_wire ? value : trim(value);
	return true;
}

/* False: its length or content cannot be. */
static bool take_option(struct parse *p, uint8_t code, struct reader value)
{
	struct dhcp4 *m = p->m;

	switch (code) {
	case OPTION_HOST_NAME:
		take_once(&m->host_name, trim(value));
		return value.left;
	case OPTION_REQUESTED:
		return take_address(value, &p->have_requested, m->requested);
	case OPTION_SERVER:
		return take_address(value, &p->have_server, m->server);
	case OPTION_OVERLOAD:
		if (value.left != 1 || !value.at[0] || value.at[0] > (OVERLOAD_FILE | OVERLOAD_SNAME))
			return false;
		p->overload = value.at[0];
		return true;
	case OPTION_TYPE:
		if (value.left != 1 || !value.at[0])
			return false;
		if (!m->type)
			m->type = value.at[0];
		return true;
	case OPTION_PARAMETERS:
		take_once(&m->parameters, (struct reader){value.at, MIN(value.left, DHCP4_PARAMETERS_MAX), false});
		return value.left;
	case OPTION_VENDOR_CLASS:
		take_once(&m->vendor_class, trim(value));
		return value.left;
	case OPTION_CLIENT_ID:
		take_once(&m->client_id, value);
		return value.left >= 2;
	case OPTION_FQDN:
		return take_fqdn(p, value);
	default:
		return true;
	}
}

static void read_options(struct parse *p, struct reader r)
{
	while (r.left) {
		uint8_t code = reader_u8(&r);
		struct reader value;

		if (code == OPTION_PAD)
			continue;
		if (code == OPTION_END)
			return;
		value = reader_vector(&r, 1);
		if (value.bad)
			break;
		if (!take_option(p, code, value))
			fault(p->m, DHCP4_LENGTH);
	}
	fault(p->m, DHCP4_OPTION);
}

static void take_word(struct reader *r, uint32_t ret_address[4])
{
	static const uint8_t NONE[4];
	const uint8_t *bytes = reader_bytes(r, 4);

	address_from_v4(bytes ? bytes : NONE, ret_address);
}

enum dhcp4_result dhcp4_parse(const uint8_t *bytes, size_t len, struct dhcp4 *ret_message)
{
	struct reader r = {.at = bytes, .left = len}, sname, file;
	struct dhcp4 m = {.requested = {0, 0, htonl(0xffff)}, .server = {0, 0, htonl(0xffff)}};
	struct parse p = {.m = ret_message};
	uint8_t operation = reader_u8(&r), hardware = reader_u8(&r), mac_bytes = reader_u8(&r);
	uint8_t overload;
	uint32_t cookie;

	reader_u8(&r); /* hops */
	m.xid = reader_uint(&r, 4);
	reader_uint(&r, 4); /* secs, flags */
	take_word(&r, m.client);
	take_word(&r, m.yours);
	reader_uint(&r, 4); /* siaddr */
	m.relayed = reader_uint(&r, 4);
	m.mac = reader_bytes(&r, 16);
	m.from_client = operation == OP_REQUEST;
	sname = reader_part(&r, SNAME_BYTES);
	file = reader_part(&r, FILE_BYTES);
	cookie = reader_uint(&r, 4);
	*ret_message = (struct dhcp4){0};
	if (r.bad)
		return ret_message->result = DHCP4_SHORT;
	if (operation != OP_REQUEST && operation != OP_REPLY)
		return ret_message->result = DHCP4_OPERATION;
	if (hardware != HARDWARE_ETHERNET || mac_bytes != MAC_BYTES)
		return ret_message->result = DHCP4_HARDWARE;
	if (cookie != COOKIE)
		return ret_message->result = DHCP4_COOKIE;
	*ret_message = m;
	read_options(&p, r);
	/* RFC 2131 4.1: options in the fixed fields come after the others, file before sname. */
	overload = p.overload; /* what those fields say of themselves does not count */
	if (overload & OVERLOAD_FILE)
		read_options(&p, file);
	if (overload & OVERLOAD_SNAME)
		read_options(&p, sname);
	if (!ret_message->type)
		fault(ret_message, DHCP4_NO_TYPE);
	return ret_message->result;
}

const char *dhcp4_result_name(enum dhcp4_result result)
{
	static const char *const NAMES[] = {
#define X(name, text) [DHCP4_##name] = text,
		DHCP4_RESULTS(X)
#undef X
	};

	return NAMES[result];
}

const char *dhcp4_type_name(uint8_t type)
{
	static const char *const NAMES[] = {
		[DHCP4_DISCOVER] = "discover", [DHCP4_OFFER] = "offer",	  [DHCP4_REQUEST] = "request",
		[DHCP4_DECLINE] = "decline",   [DHCP4_ACK] = "ack",	  [DHCP4_NAK] = "nak",
		[DHCP4_RELEASE] = "release",   [DHCP4_INFORM] = "inform",
	};

	return type < ARRAY_SIZE(NAMES) ? NAMES[type] : NULL;
}
