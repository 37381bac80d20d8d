/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * devices - which device (a MAC on one port and VLAN) has which addresses and which name.
 *
 * A table, bounded, its memory taken once. Full: the device unheard for longest goes; of a device's addresses the one
 * unheard for longest. One address belongs to one MAC of a port and VLAN: it moves. devices_learn.h feeds it with
 * what ARP, NDP, DHCP and mDNS say. Pure; times are the caller's, nanoseconds of any one clock. Addresses as in struct
 * flow_key. Known limits: MACs and addresses can be forged, the last word counts; so a flood of MACs pushes out devices
 * of all ports. Privacy addresses (RFC 8981) of a device gather under its MAC and age out.
 */
#pragma once

#include <stddef.h>

#include "base/siphash.h"
#include "enrich/address.h"

#define DEVICES_MAX	       1024  /* default: 0.9 MB */
#define DEVICES_LIMIT	       16384 /* devices_new() takes no more */
#define DEVICES_ADDRESSES_MAX  8     /* of a device */
#define DEVICES_NAME_MAX       255
#define DEVICES_CLASS_MAX      128 /* bytes of a vendor class that are kept */
#define DEVICES_PARAMETERS_MAX 32
#define DEVICES_ADDRESS_AGE_S  86400 /* unheard for so long: no longer the device's. Half a privacy address's life */
#define DEVICES_NAME_AGE_S     (7 * 86400) /* unsaid for so long: a lesser source may name it anew */
#define DEVICES_ANY	       0xffff	   /* devices_find(): of any port, of any VLAN */

/* Who said it. Names: the first source here outweighs those behind it, until DEVICES_NAME_AGE_S. */
#define DEVICES_SOURCES(X) \
	X(NONE, NULL) \
	X(DHCP4, "dhcp4") \
	X(DHCP6, "dhcp6") \
	X(MDNS, "mdns") \
	X(ARP, "arp") \
	X(NDP, "ndp")

enum devices_source {
#define X(id, name) DEVICES_##id,
	DEVICES_SOURCES(X)
#undef X
};

struct device_address {
	uint32_t address[4];
	uint64_t first_ns, last_ns;
	enum devices_source source; /* of the last word */
};

struct device {
	uint8_t mac[MAC_BYTES];
	uint16_t port, vlan;
	bool local; /* locally administered: a random MAC, a virtual machine's, ... */
	uint64_t first_ns, last_ns;
	uint64_t name_ns; /* when @name was last said */
	enum devices_source name_source;
	uint8_t name_len, class_len, parameters_len, addresses; /* 0: not known */
	uint8_t name[DEVICES_NAME_MAX];				/* any bytes */
	uint8_t vendor_class[DEVICES_CLASS_MAX];		/* DHCP option 60 or 16, any bytes */
	uint8_t parameters[DEVICES_PARAMETERS_MAX];		/* DHCPv4 option 55 */
	struct device_address address[DEVICES_ADDRESSES_MAX];	/* in no order */
};

#define DEVICES_COUNTERS(X) \
	X(learnt, "devices not known before; less @replaced: those that there are") \
	X(replaced, "devices unheard for longest that made room for others") \
	X(untold, "those of them whose last change nobody was told") \
	X(addresses, "addresses that a device had not before, moved ones included") \
	X(addresses_replaced, "addresses unheard for longest that made room for others of the device") \
	X(addresses_aged, "addresses unheard for DEVICES_ADDRESS_AGE_S") \
	X(addresses_released, "addresses given back") \
	X(moved, "addresses that went from one MAC to another") \
	X(not_moved, "addresses that another MAC has, claimed by a word too weak to move them") \
	X(names, "names new or changed") \
	X(names_outweighed, "names not taken: a better source has named the device") \
	X(refused_mac, "MACs that no host has: zero, multicast, broadcast") \
	X(refused_address, "addresses that no host has: unspecified, multicast, loopback") \
	X(refused_name, "names empty or too long, or not under .local") \
	X(refused_owner, "mDNS messages none of whose addresses is their sender's") \
	X(relayed, "DHCP messages of clients on another link")

struct devices_counters {
#define X(name, text) uint64_t name;
	DEVICES_COUNTERS(X)
#undef X
};

/* Where and when something was heard. */
struct devices_at {
	uint16_t port; /* index, as in struct flow_key; not DEVICES_ANY */
	uint16_t vlan; /* outer id; 0: none */
	uint64_t now_ns;
};

struct devices;

/* 0, -EINVAL: @max is 0 or over DEVICES_LIMIT; -ENOMEM. */
int devices_new(struct devices **ret_devices, uint32_t max, struct siphash_key seed);
struct devices *devices_free(struct devices *devices); /* takes NULL; returns NULL */

/* Each makes the device where there is none yet. False: refused, and counted. */
bool devices_seen(struct devices *d, const struct devices_at *at, const uint8_t mac[MAC_BYTES]);
bool devices_seen_address(struct devices *d, const struct devices_at *at, const uint8_t mac[MAC_BYTES],
			  const uint32_t address[4], enum devices_source source);
/* The same from a word that is not to take the address from another MAC: a claim, or what a third one may have said. */
bool devices_seen_claim(struct devices *d, const struct devices_at *at, const uint8_t mac[MAC_BYTES],
			const uint32_t address[4], enum devices_source source);
bool devices_seen_name(struct devices *d, const struct devices_at *at, const uint8_t mac[MAC_BYTES], const void *name,
		       size_t len, enum devices_source source);
/* Cut at their _MAX; NULL or length 0: unchanged. */
bool devices_seen_class(struct devices *d, const struct devices_at *at, const uint8_t mac[MAC_BYTES],
			const void *vendor_class, size_t class_len, const void *parameters, size_t parameters_len);

/* The device gives the address back. False: it did not have it. */
bool devices_released(struct devices *d, const struct devices_at *at, const uint8_t mac[MAC_BYTES],
		      const uint32_t address[4]);

/* Drops what is older than DEVICES_ADDRESS_AGE_S: once a minute or so. Costs 0.1 ms when full. */
void devices_age(struct devices *d, uint64_t now_ns);

/* NULL: not known. Of several (DEVICES_ANY) the one heard last. Valid until something is fed. */
const struct device *devices_find(const struct devices *d, const uint32_t address[4], uint16_t port, uint16_t vlan,
				  uint64_t now_ns);
const struct device *devices_find_mac(const struct devices *d, const uint8_t mac[MAC_BYTES], uint16_t port,
				      uint16_t vlan);

/*
 * The next device that is new, or whose addresses, name or class changed since it was last returned here; NULL: no
 * more. Having been heard again is no change.
 */
const struct device *devices_changed(struct devices *d);

/* All, from @cursor 0 on, the one heard longest ago first; NULL: no more. Nothing is to be fed in between. */
const struct device *devices_each(const struct devices *d, uint32_t *cursor);

struct devices_counters *devices_counters(struct devices *d); /* devices_learn.c counts there what it refuses */

const char *devices_source_name(enum devices_source source); /* NULL: none */
