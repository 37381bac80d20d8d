/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/device_feed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/util.h"
#include "enrich/devices_learn.h"
#include "enrich/oui.h"
#include "export/device_json.h"

struct device_feed {
	struct devices *devices;
	struct oui *oui;	/* NULL: no table of vendors */
	uint64_t malformed;
};

static struct devices_at place(const struct copy *copy)
{
	return (struct devices_at){ .port = copy->event.port, .vlan = copy->vlan, .now_ns = copy->event.time_ns };
}

static const uint8_t *frame_mac(const struct copy *copy)
{
	static const uint8_t none[6];

	return memcmp(copy->mac, none, sizeof(none)) ? copy->mac : NULL;
}

static bool has_port(const struct flow_key *key, uint16_t a, uint16_t b)
{
	return key->a_port == htons(a) || key->b_port == htons(a) || key->a_port == htons(b) || key->b_port == htons(b);
}

static void feed_arp(struct device_feed *feed, const struct copy *copy, const uint8_t *bytes)
{
	const struct devices_at at = place(copy);
	struct arp arp;

	if (arp_parse(bytes, copy->len, &arp) == ARP_OK)
		devices_learn_arp(feed->devices, &at, &arp);
	else
		feed->malformed++;
}

static void feed_ndp(struct device_feed *feed, const struct copy *copy, const uint8_t *bytes, const struct flow_key *key)
{
	const uint32_t *a = key->a_addr, *b = key->b_addr;
	const struct devices_at at = place(copy);
	struct ndp ndp;

	if (ndp_parse(bytes, copy->len, copy->event.dir ? b : a, copy->event.dir ? a : b, 255, &ndp) == NDP_OK)
		devices_learn_ndp(feed->devices, &at, frame_mac(copy), &ndp);
	else
		feed->malformed++;
}

static void feed_dhcp4(struct device_feed *feed, const struct copy *copy, const uint8_t *bytes)
{
	const struct devices_at at = place(copy);
	struct dhcp4 message;
	enum dhcp4_result result = dhcp4_parse(bytes, copy->len, &message);

	feed->malformed += result != DHCP4_OK;
	if (result == DHCP4_OK || result == DHCP4_OPTION || result == DHCP4_LENGTH)
		devices_learn_dhcp4(feed->devices, &at, &message);
}

static void feed_dhcp6(struct device_feed *feed, const struct copy *copy, const uint8_t *bytes)
{
	const struct devices_at at = place(copy);
	struct dhcp6 message;
	enum dhcp6_result result = dhcp6_parse(bytes, copy->len, &message);

	feed->malformed += result != DHCP6_OK && result != DHCP6_RELAY;
	if (result == DHCP6_OK || result == DHCP6_OPTION || result == DHCP6_LENGTH)
		devices_learn_dhcp6(feed->devices, &at, message.from_client ? frame_mac(copy) : NULL, &message);
}

void device_feed_copy(struct device_feed *feed, const struct copy *copy, const uint8_t *bytes, const struct flow_key *key)
{
	if (!key)
		feed_arp(feed, copy, bytes);
	else if (key->proto == IPPROTO_ICMPV6)
		feed_ndp(feed, copy, bytes, key);
	else if (key->proto == IPPROTO_UDP && copy->seq == 0 && has_port(key, 67, 68))
		feed_dhcp4(feed, copy, bytes);
	else if (key->proto == IPPROTO_UDP && copy->seq == 0 && has_port(key, 546, 547))
		feed_dhcp6(feed, copy, bytes);
}

void device_feed_mdns(struct device_feed *feed, const struct copy *copy, const uint32_t source[4],
		      const struct dns_message *message)
{
	const struct devices_at at = place(copy);

	devices_learn_mdns(feed->devices, &at, frame_mac(copy), source, message);
}

/* Names, classes and vendors tell who a device is: they go unless nothing is to be hidden; a name may leave as a hash. */
static void hide(struct privacy *privacy, struct device_record *r, struct device_record_address *address, char *name)
{
	size_t len;

	r->vendor = NULL;
	r->vendor_class_len = r->parameters_len = 0;
	if (!r->name_len || !privacy_name(privacy, r->name, r->name_len, name, &len))
		len = 0;
	r->name = (const uint8_t *)name;
	r->name_len = len;
	if (!privacy_mac(privacy, r->mac, r->mac))
		memset(r->mac, 0, sizeof(r->mac));	/* there is no device message without one */
	for (size_t i = 0; i < r->addresses; i++)
		privacy_address(privacy, address[i].addr, address_is_v4(address[i].addr) ? 4 : 6, address[i].addr);
}

bool device_feed_next(struct device_feed *feed, const struct reporter *reporter, struct writer *w)
{
	struct device_record_address address[DEVICES_ADDRESSES_MAX];
	const struct device *d = devices_changed(feed->devices);
	char name[PRIVACY_NAME_MAX];
	struct device_record r;

	if (!d)
		return false;
	r = (struct device_record){
		.locally_administered = d->local,
		.vlan = d->vlan,
		.interface = reporter->port[d->port % PORTS_MAX].name,
		.vendor = oui_vendor(feed->oui, d->mac),
		.name_source = d->name_len ? devices_source_name(d->name_source) : NULL,
		.name = d->name, .name_len = d->name_len,
		.vendor_class = d->vendor_class, .vendor_class_len = d->class_len,
		.parameters = d->parameters, .parameters_len = d->parameters_len,
		.first_us = clock_wall_us(&reporter->clock, d->first_ns),
		.last_us = clock_wall_us(&reporter->clock, d->last_ns),
		.addresses = d->addresses,
		.address = address,
	};
	memcpy(r.mac, d->mac, sizeof(r.mac));
	for (uint8_t i = 0; i < d->addresses; i++) {
		memcpy(address[i].addr, d->address[i].address, sizeof(address[i].addr));
		address[i].source = devices_source_name(d->address[i].source);
		address[i].last_us = clock_wall_us(&reporter->clock, d->address[i].last_ns);
	}
	if (reporter->privacy)
		hide(reporter->privacy, &r, address, name);
	device_json(w, &r);
	return true;
}

void device_feed_age(struct device_feed *feed, uint64_t now_ns)
{
	devices_age(feed->devices, now_ns);
}

bool device_feed_has_vendors(const struct device_feed *feed)
{
	return feed->oui;
}

uint64_t device_feed_malformed(const struct device_feed *feed)
{
	return feed->malformed;
}

const struct devices_counters *device_feed_counters(const struct device_feed *feed)
{
	return devices_counters(feed->devices);
}

int device_feed_new(struct device_feed **ret_feed, const char *oui_path)
{
	struct device_feed *feed = calloc(1, sizeof(*feed));
	struct siphash_key seed;
	int err;

	if (!feed)
		return -ENOMEM;
	err = getrandom(&seed, sizeof(seed), 0) == sizeof(seed) ? devices_new(&feed->devices, DEVICES_MAX, seed) : -errno;
	if (err) {
		device_feed_free(feed);
		return err;
	}
	oui_open(&feed->oui, oui_path);	/* without it there are no vendors, which a record shows */
	*ret_feed = feed;
	return 0;
}

struct device_feed *device_feed_free(struct device_feed *feed)
{
	if (!feed)
		return NULL;
	devices_free(feed->devices);
	oui_close(feed->oui);
	free(feed);
	return NULL;
}
