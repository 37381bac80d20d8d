/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * devices_learn - what ARP, NDP, DHCP and mDNS teach devices.
 *
 * Takes what the parsers made of a message that came through a port: facts of ARP and NDP only where they are _OK, of
 * DHCP also after a fault that leaves some (dhcp4.h, dhcp6.h). Pure, no state; devices counts what is refused. True:
 * something was taken. @frame_mac is the frame's source address, NULL where it is not known (raw IP).
 *
 * Names and classes come from clients' own messages alone, addresses of DHCP from what servers confirm and clients
 * renew. Messages through a relay teach nothing: their clients are on another link. Known limits: proxies (RFC 1027,
 * RFC 4389) get the addresses that they answer for; servers are believed without regard to what was asked.
 */
#pragma once

#include "enrich/arp.h"
#include "enrich/devices.h"
#include "enrich/dhcp4.h"
#include "enrich/dhcp6.h"
#include "enrich/dns.h"
#include "enrich/ndp.h"

#define DEVICES_LEARN_MDNS_MAX 16 /* addresses of one mDNS message; more are not looked at */

/* The sender, of a probe without its address: that may be another's yet. */
bool devices_learn_arp(struct devices *d, const struct devices_at *at, const struct arp *arp);

/*
 * Its option's MAC, @frame_mac where there is none. A target in duplicate address detection, and one that an NA without
 * the override flag names (RFC 4861 7.2.5), is taken where no other device has it.
 */
bool devices_learn_ndp(struct devices *d, const struct devices_at *at, const uint8_t *frame_mac, const struct ndp *ndp);

/* The client is who chaddr says. */
bool devices_learn_dhcp4(struct devices *d, const struct devices_at *at, const struct dhcp4 *message);

/*
 * @client_mac: source of a frame from a client, destination of one to it. NULL: the DUID's MAC, where it has one; that
 * may be of another interface of the host.
 */
bool devices_learn_dhcp6(struct devices *d, const struct devices_at *at, const uint8_t *client_mac,
			 const struct dhcp6 *message);

/*
 * An mDNS response: A and AAAA with the cache-flush bit (RFC 6762 10.2) name their owner. Believed for the sender
 * alone: the addresses of a name have to have @source among them, or one that the sender's device has already; so a
 * reflector (RFC 6762 11) names nobody. Other addresses of the name are taken where no other device has them.
 * @frame_mac NULL: the device that has @source. The name is kept without ".local", as dns_name_text() has it.
 */
bool devices_learn_mdns(struct devices *d, const struct devices_at *at, const uint8_t *frame_mac,
			const uint32_t source[4], const struct dns_message *message);
