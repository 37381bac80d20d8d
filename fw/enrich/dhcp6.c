/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/dhcp6.h"

#include "base/util.h"

enum { /* RFC 8415 21, RFC 4704 */
       OPTION_CLIENT_ID = 1,
       OPTION_IA_NA = 3,
       OPTION_IA_TA = 4,
       OPTION_IAADDR = 5,
       OPTION_STATUS = 13,
       OPTION_VENDOR_CLASS = 16,
       OPTION_FQDN = 39,
};

enum { DUID_LLT = 1, DUID_LL = 3, HARDWARE_ETHERNET = 1 };
enum { DUID_MIN = 3, DUID_MAX = 130 }; /* RFC 8415 11.1: 1 to 128 bytes behind the type */

static void fault(struct dhcp6 *m, enum dhcp6_result result)
{
	if (m->result == DHCP6_OK)
		m->result = result;
}

/* The next option. False: no more, or a fault. */
static bool next_option(struct dhcp6 *m, struct reader *r, uint16_t *ret_code, struct reader *ret_value)
{
	if (!r->left)
		return false;
	*ret_code = reader_u16(r);
	*ret_value = reader_vector(r, 2);
	if (!r->bad)
		return true;
	fault(m, DHCP6_OPTION);
	return false;
}

static void take_client_id(struct dhcp6 *m, struct reader value)
{
	struct reader r = value;
	uint16_t type = reader_u16(&r), hardware;

	if (value.left < DUID_MIN || value.left > DUID_MAX) {
		fault(m, DHCP6_LENGTH);
		return;
	}
	if (m->duid.left)
		return;
	m->duid = value;
	if (type != DUID_LLT && type != DUID_LL)
		return;
	hardware = reader_u16(&r);
	if (type == DUID_LLT)
		reader_uint(&r, 4); /* time */
	if (!r.bad && hardware == HARDWARE_ETHERNET && r.left == MAC_BYTES)
		m->duid_mac = r.at;
}

/* True: a status that says no (RFC 8415 21.13). */
static bool is_refusal(struct dhcp6 *m, struct reader value)
{
	uint16_t status = reader_u16(&value);

	if (value.bad)
		fault(m, DHCP6_LENGTH);
	return status;
}

static void take_address(struct dhcp6 *m, struct reader value, bool temporary)
{
	const uint8_t *address = reader_bytes(&value, 16);
	struct dhcp6_address a = {.temporary = temporary};
	struct reader inner;
	uint16_t code;

	a.preferred_s = reader_uint(&value, 4);
	a.valid_s = reader_uint(&value, 4);
	if (value.bad) {
		fault(m, DHCP6_LENGTH);
		return;
	}
	address_from_v6(address, a.address);
	while (next_option(m, &value, &code, &inner))
		a.refused |= code == OPTION_STATUS && is_refusal(m, inner);
	if (m->addresses < DHCP6_ADDRESSES_MAX)
		m->address[m->addresses++] = a;
	else
		m->beyond++;
}

/* An IA's options, @value behind the fixed fields. */
static void take_ia(struct dhcp6 *m, struct reader value, bool temporary)
{
	uint16_t first = m->addresses, code;
	bool refused = false;
	struct reader inner;

	reader_uint(&value, 4); /* IAID */
	if (!temporary)
		reader_bytes(&value, 8); /* T1, T2 */
	if (value.bad) {
		fault(m, DHCP6_LENGTH);
		return;
	}
	while (next_option(m, &value, &code, &inner)) {
		if (code == OPTION_IAADDR)
			take_address(m, inner, temporary);
		else if (code == OPTION_STATUS)
			refused |= is_refusal(m, inner);
	}
	for (uint16_t i = first; refused && i < m->addresses; i++)
		m->address[i].refused = true;
}

static void take_vendor_class(struct dhcp6 *m, struct reader value)
{
	uint32_t enterprise = reader_uint(&value, 4);
	struct reader text = reader_vector(&value, 2);

	if (text.bad) {
		fault(m, DHCP6_LENGTH);
		return;
	}
	if (m->vendor_class.left)
		return;
	m->enterprise = enterprise;
	m->vendor_class = text;
}

static void take_fqdn(struct dhcp6 *m, struct reader value)
{
	reader_u8(&value); /* flags */
	if (value.bad)
		fault(m, DHCP6_LENGTH);
	else if (!m->fqdn.left)
		m->fqdn = value;
}

static void take_option(struct dhcp6 *m, uint16_t code, struct reader value)
{
	switch (code) {
	case OPTION_CLIENT_ID:
		take_client_id(m, value);
		break;
	case OPTION_IA_NA:
	case OPTION_IA_TA:
		take_ia(m, value, code == OPTION_IA_TA);
		break;
	case OPTION_VENDOR_CLASS:
		take_vendor_class(m, value);
		break;
	case OPTION_FQDN:
		take_fqdn(m, value);
		break;
	default:
		break;
	}
}

static bool is_from_client(uint8_t type)
{
	return type != DHCP6_ADVERTISE && type != DHCP6_REPLY && type != DHCP6_RECONFIGURE;
}

enum dhcp6_result dhcp6_parse(const uint8_t *bytes, size_t len, struct dhcp6 *ret_message)
{
	struct reader r = {.at = bytes, .left = len}, value;
	struct dhcp6 *m = ret_message;
	uint16_t code;

	*m = (struct dhcp6){.type = reader_u8(&r)};
	if (m->type == DHCP6_RELAY_FORWARD || m->type == DHCP6_RELAY_REPLY)
		return m->result = DHCP6_RELAY;
	if (!r.bad && (m->type < DHCP6_SOLICIT || m->type > DHCP6_INFORMATION_REQUEST))
		return m->result = DHCP6_OTHER;
	m->xid = reader_u24(&r);
	if (r.bad)
		return m->result = DHCP6_SHORT;
	m->from_client = is_from_client(m->type);
	while (next_option(m, &r, &code, &value))
		take_option(m, code, value);
	return m->result;
}

const char *dhcp6_result_name(enum dhcp6_result result)
{
	static const char *const NAMES[] = {
#define X(name, text) [DHCP6_##name] = text,
		DHCP6_RESULTS(X)
#undef X
	};

	return NAMES[result];
}

const char *dhcp6_type_name(uint8_t type)
{
	static const char *const NAMES[] = {
		[DHCP6_SOLICIT] = "solicit",
		[DHCP6_ADVERTISE] = "advertise",
		[DHCP6_REQUEST] = "request",
		[DHCP6_CONFIRM] = "confirm",
		[DHCP6_RENEW] = "renew",
		[DHCP6_REBIND] = "rebind",
		[DHCP6_REPLY] = "reply",
		[DHCP6_RELEASE] = "release",
		[DHCP6_DECLINE] = "decline",
		[DHCP6_RECONFIGURE] = "reconfigure",
		[DHCP6_INFORMATION_REQUEST] = "information_request",
		[DHCP6_RELAY_FORWARD] = "relay_forward",
		[DHCP6_RELAY_REPLY] = "relay_reply",
	};

	return type < ARRAY_SIZE(NAMES) ? NAMES[type] : NULL;
}
