/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/devices_learn.h"

#include "base/util.h"
#include "enrich/dhcp_fqdn.h"

bool devices_learn_arp(struct devices *d, const struct devices_at *at, const struct arp *arp)
{
	if (address_is_unspecified(arp->sender))
		return devices_seen(d, at, arp->sender_mac);
	return devices_seen_address(d, at, arp->sender_mac, arp->sender, DEVICES_ARP);
}

bool devices_learn_ndp(struct devices *d, const struct devices_at *at, const uint8_t *frame_mac, const struct ndp *ndp)
{
	const uint8_t *mac = ndp->type == NDP_NA ? ndp->target_mac : ndp->source_mac;

	if (!mac)
		mac = frame_mac;
	if (!mac)
		return false;
	if (ndp->type == NDP_NA && ndp->override)
		return devices_seen_address(d, at, mac, ndp->target, DEVICES_NDP);
	if (ndp->type == NDP_NA || ndp->dad)
		return devices_seen_claim(d, at, mac, ndp->target, DEVICES_NDP);
	if (address_is_unspecified(ndp->source)) /* RS of a host that has no address yet */
		return devices_seen(d, at, mac);
	return devices_seen_address(d, at, mac, ndp->source, DEVICES_NDP);
}

/* ---- DHCP ---- */

static bool name_in_wire_form(struct devices *d, const struct devices_at *at, const uint8_t *mac, struct reader wire,
			      enum devices_source source)
{
	char text[DNS_NAME_TEXT_SIZE];
	struct dns_name name;
	bool partial;

	if (!dhcp_fqdn_read(wire, &name, &partial))
		return devices_seen_name(d, at, mac, NULL, 0, source); /* refused, and counted */
	return devices_seen_name(d, at, mac, text, dns_name_text(&name, text), source);
}

static bool from_dhcp4_client(struct devices *d, const struct devices_at *at, const struct dhcp4 *m)
{
	bool taken = devices_seen_class(d, at, m->mac, m->vendor_class.at, m->vendor_class.left, m->parameters.at,
					m->parameters.left);

	if (!taken)
		return false;
	if (m->host_name.left)
		devices_seen_name(d, at, m->mac, m->host_name.at, m->host_name.left, DEVICES_DHCP4);
	else if (m->fqdn.left && m->fqdn_wire)
		name_in_wire_form(d, at, m->mac, m->fqdn, DEVICES_DHCP4);
	else if (m->fqdn.left)
		devices_seen_name(d, at, m->mac, m->fqdn.at, m->fqdn.left, DEVICES_DHCP4);
	if (address_is_unspecified(m->client))
		return true;
	if (m->type == DHCP4_RELEASE)
		devices_released(d, at, m->mac, m->client);
	else if (m->type == DHCP4_REQUEST || m->type == DHCP4_INFORM) /* RFC 2131 4.4.5: it has it, and renews */
		devices_seen_address(d, at, m->mac, m->client, DEVICES_DHCP4);
	return true;
}

bool devices_learn_dhcp4(struct devices *d, const struct devices_at *at, const struct dhcp4 *message)
{
	const uint32_t *given = address_is_unspecified(message->yours) ? message->client : message->yours;

	if (!message->mac || !message->type)
		return false;
	if (message->relayed) {
		devices_counters(d)->relayed++;
		return false;
	}
	if (message->from_client)
		return from_dhcp4_client(d, at, message);
	if (message->type != DHCP4_ACK || address_is_unspecified(given))
		return false;
	return devices_seen_address(d, at, message->mac, given, DEVICES_DHCP4);
}

static void from_dhcp6_client(struct devices *d, const struct devices_at *at, const uint8_t *mac, const struct dhcp6 *m)
{
	devices_seen_class(d, at, mac, m->vendor_class.at, m->vendor_class.left, NULL, 0);
	if (m->fqdn.left)
		name_in_wire_form(d, at, mac, m->fqdn, DEVICES_DHCP6);
	for (uint16_t i = 0; i < m->addresses; i++) {
		if (m->type == DHCP6_RELEASE || m->type == DHCP6_DECLINE)
			devices_released(d, at, mac, m->address[i].address);
		else if (m->type == DHCP6_RENEW || m->type == DHCP6_REBIND)
			devices_seen_address(d, at, mac, m->address[i].address, DEVICES_DHCP6);
	}
}

bool devices_learn_dhcp6(struct devices *d, const struct devices_at *at, const uint8_t *client_mac,
			 const struct dhcp6 *message)
{
	const uint8_t *mac = client_mac ? client_mac : message->duid_mac;
	bool taken = false;

	if (message->result == DHCP6_RELAY) {
		devices_counters(d)->relayed++;
		return false;
	}
	if (!mac || message->result == DHCP6_SHORT || message->result == DHCP6_OTHER)
		return false;
	if (message->from_client) {
		taken = devices_seen(d, at, mac);
		if (taken)
			from_dhcp6_client(d, at, mac, message);
		return taken;
	}
	for (uint16_t i = 0; message->type == DHCP6_REPLY && i < message->addresses; i++) {
		const struct dhcp6_address *a = &message->address[i];

		if (!a->valid_s) /* RFC 8415 18.2.10.1: no longer */
			taken |= devices_released(d, at, mac, a->address);
		else if (!a->refused)
			taken |= devices_seen_address(d, at, mac, a->address, DEVICES_DHCP6);
	}
	return taken;
}

/* ---- mDNS ---- */

struct owner {
	uint8_t mac[MAC_BYTES];
	const uint32_t *source;
	struct dns_name name;
};

/* A record that says: this name has this address, and I am the only one to say so. */
static bool is_owners(const struct dns_record *record)
{
	return record->unique && record->class == DNS_IN && record->ttl_s && record->address.left &&
	       (record->section == DNS_ANSWER || record->section == DNS_ADDITIONAL);
}

static void take_bytes(struct reader address, uint32_t ret_address[4])
{
	if (address.left == 4)
		address_from_v4(address.at, ret_address);
	else
		address_from_v6(address.at, ret_address);
}

static bool is_of(struct devices *d, const struct devices_at *at, const struct owner *o, const uint32_t address[4])
{
	const struct device *device;

	if (address_equal(address, o->source))
		return true;
	device = devices_find(d, address, at->port, at->vlan, at->now_ns);
	return device && !memcmp(device->mac, o->mac, MAC_BYTES);
}

/* The first name one of whose addresses is the sender's. */
static bool find_name(struct devices *d, const struct devices_at *at, struct owner *o,
		      const struct dns_message *message)
{
	struct dns_record record;
	struct dns_walk walk;
	uint32_t address[4];
	bool any = false;

	dns_walk_begin(&walk, message);
	while (dns_walk_next(&walk, &record)) {
		if (!is_owners(&record))
			continue;
		any = true;
		take_bytes(record.address, address);
		if (!is_of(d, at, o, address))
			continue;
		o->name = record.name;
		return true;
	}
	if (any)
		devices_counters(d)->refused_owner++;
	return false;
}

static void take_addresses(struct devices *d, const struct devices_at *at, const struct owner *o,
			   const struct dns_message *message)
{
	struct dns_record record;
	unsigned int taken = 0;
	struct dns_walk walk;
	uint32_t address[4];

	dns_walk_begin(&walk, message);
	while (taken < DEVICES_LEARN_MDNS_MAX && dns_walk_next(&walk, &record)) {
		if (!is_owners(&record) || !dns_name_equal(&record.name, &o->name))
			continue;
		take_bytes(record.address, address);
		devices_seen_claim(d, at, o->mac, address, DEVICES_MDNS);
		taken++;
	}
}

/* Without ".local"; its length, 0 where it is not under it. */
static size_t text_without_local(struct dns_name *name, char ret_text[DNS_NAME_TEXT_SIZE])
{
	static const struct dns_name LOCAL = { 7, "\5local" };	/* with the root's label */
	struct dns_name tail;
	size_t last = 0, at = 0;

	for (; name->bytes[at]; at += 1u + name->bytes[at])
		last = at;
	tail.len = (uint8_t)(at + 1 - last);
	memcpy(tail.bytes, name->bytes + last, tail.len);
	if (!last || !dns_name_equal(&tail, &LOCAL))
		return 0;
	name->bytes[last] = 0;
	name->len = (uint8_t)(last + 1);
	return dns_name_text(name, ret_text);
}

bool devices_learn_mdns(struct devices *d, const struct devices_at *at, const uint8_t *frame_mac,
			const uint32_t source[4], const struct dns_message *message)
{
	const struct device *device = NULL;
	char text[DNS_NAME_TEXT_SIZE];
	struct owner o;

	if (message->kind != DNS_MULTICAST || !message->response || message->opcode != DNS_QUERY)
		return false;
	if (!frame_mac) {
		device = devices_find(d, source, at->port, at->vlan, at->now_ns);
		if (!device)
			return false;
	}
	memcpy(o.mac, device ? device->mac : frame_mac, MAC_BYTES);
	o.source = source;
	if (!find_name(d, at, &o, message))
		return false;
	take_addresses(d, at, &o, message);
	return devices_seen_name(d, at, o.mac, text, text_without_local(&o.name, text), DEVICES_MDNS);
}
