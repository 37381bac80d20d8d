/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/arp.h"

#include "base/reader.h"
#include "base/util.h"

enum { HARDWARE_ETHERNET = 1, PROTOCOL_IPV4 = 0x0800, OPERATION_REQUEST = 1, OPERATION_REPLY = 2 };

enum arp_result arp_parse(const uint8_t *bytes, size_t len, struct arp *ret_arp)
{
	struct reader all = {.at = bytes, .left = len}, r = reader_part(&all, ARP_BYTES);
	const uint8_t *sender_mac, *sender, *target_mac, *target;
	uint16_t hardware = reader_u16(&r), protocol = reader_u16(&r);
	uint8_t mac_bytes = reader_u8(&r), address_bytes = reader_u8(&r);
	uint16_t operation = reader_u16(&r);

	if (r.bad)
		return ARP_SHORT;
	if (hardware != HARDWARE_ETHERNET || mac_bytes != MAC_BYTES)
		return ARP_HARDWARE;
	if (protocol != PROTOCOL_IPV4 || address_bytes != 4)
		return ARP_PROTOCOL;
	if (operation != OPERATION_REQUEST && operation != OPERATION_REPLY)
		return ARP_OPERATION;
	sender_mac = reader_bytes(&r, MAC_BYTES);
	sender = reader_bytes(&r, 4);
	target_mac = reader_bytes(&r, MAC_BYTES);
	target = reader_bytes(&r, 4);
	if (!target)
		return ARP_SHORT;
	memcpy(ret_arp->sender_mac, sender_mac, MAC_BYTES);
	memcpy(ret_arp->target_mac, target_mac, MAC_BYTES);
	address_from_v4(sender, ret_arp->sender);
	address_from_v4(target, ret_arp->target);
	ret_arp->reply = operation == OPERATION_REPLY;
	ret_arp->probe = !ret_arp->reply && address_is_unspecified(ret_arp->sender);
	ret_arp->gratuitous =
		!address_is_unspecified(ret_arp->sender) && address_equal(ret_arp->sender, ret_arp->target);
	return ARP_OK;
}

const char *arp_result_name(enum arp_result result)
{
	static const char *const NAMES[] = {
#define X(name, text) [ARP_##name] = text,
		ARP_RESULTS(X)
#undef X
	};

	return NAMES[result];
}
