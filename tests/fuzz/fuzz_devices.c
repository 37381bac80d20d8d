/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_devices - a mix of everything that is fed to a small table: after each step no address is under two MACs of one
 * port and VLAN, every address leads to its device, times are in order, and the counters add up. Input: the table's size,
 * then steps: what, who (2 bits of port and VLAN, 3 of MAC), which address, seconds / 256 passed, n; then n bytes: a
 * name, a class, or a message.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "enrich/devices_learn.h"

#define DEVICES_AT_MOST	5
#define STEP_BYTES	5
#define STEPS_MAX	300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_devices: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

enum what { ADDRESS, CLAIM, NAME, CLASS, RELEASE, AGE, CHANGED, ARP, NDP, DHCP4, DHCP6, MDNS, WHATS };

struct step {
	struct devices_at at;
	uint8_t mac[6];
	uint32_t address[4];
	const uint8_t *bytes;	/* in memory of exactly @len */
	size_t len;
};

static struct devices *d;

static void check_device(const struct device *device)
{
	CHECK(mac_is_host(device->mac) && device->local == mac_is_local(device->mac));
	CHECK(devices_find_mac(d, device->mac, device->port, device->vlan) == device);
	CHECK(device->first_ns <= device->last_ns && device->name_ns <= device->last_ns);
	CHECK(!device->name_len == (device->name_source == DEVICES_NONE) && device->name_source <= DEVICES_MDNS);
	CHECK(device->addresses <= DEVICES_ADDRESSES_MAX);
	for (unsigned int i = 0; i < device->addresses; i++) {
		const struct device_address *a = &device->address[i];

		/* that find leads here says too that no other has it */
		CHECK(devices_find(d, a->address, device->port, device->vlan, 0) == device);
		CHECK(address_is_host(a->address) && a->first_ns <= a->last_ns && a->last_ns <= device->last_ns);
		CHECK(devices_source_name(a->source));
		for (unsigned int j = 0; j < i; j++)
			CHECK(!address_equal(a->address, device->address[j].address));
	}
}

/* No address under two MACs of one port and VLAN, asked without the table's own search. */
static void check_pairs(const struct device *a)
{
	const struct device *b;
	uint32_t cursor = 0;

	while ((b = devices_each(d, &cursor)) != NULL) {
		if (a == b || a->port != b->port || a->vlan != b->vlan)
			continue;
		CHECK(memcmp(a->mac, b->mac, 6));
		for (unsigned int i = 0; i < a->addresses; i++)
			for (unsigned int j = 0; j < b->addresses; j++)
				CHECK(!address_equal(a->address[i].address, b->address[j].address));
	}
}

static void check_table(uint32_t max)
{
	const struct devices_counters *c = devices_counters(d);
	uint64_t devices = 0, addresses = 0, gone;
	const struct device *device;
	uint32_t cursor = 0;

	while ((device = devices_each(d, &cursor)) != NULL) {
		check_device(device);
		check_pairs(device);
		devices++;
		addresses += device->addresses;
	}
	CHECK(devices == c->learnt - c->replaced && devices <= max && c->untold <= c->replaced);
	gone = c->moved + c->addresses_aged + c->addresses_released + c->addresses_replaced;
	CHECK(addresses + gone <= c->addresses && (c->replaced || addresses + gone == c->addresses));
}

static void learn_dns(const struct step *s)
{
	struct dns_message m;

	dns_parse(DNS_MULTICAST, s->bytes, s->len, &m);
	devices_learn_mdns(d, &s->at, s->mac[4] ? s->mac : NULL, s->address, &m);
}

static void learn_ndp(const struct step *s)
{
	const uint32_t destination[4] = { htonl(s->mac[4] ? 0xff020000 : 0xfe800000), 0, htonl(1), htonl(0xff000001) };
	static const uint32_t NOBODY[4];
	struct ndp ndp;

	if (ndp_parse(s->bytes, s->len, s->mac[4] ? s->address : NOBODY, destination, 255, &ndp) == NDP_OK)
		devices_learn_ndp(d, &s->at, s->mac, &ndp);
}

static void learn_dhcp(const struct step *s, enum what what)
{
	struct dhcp4 four;
	struct dhcp6 six;

	if (what == DHCP4) {
		dhcp4_parse(s->bytes, s->len, &four);
		devices_learn_dhcp4(d, &s->at, &four);
	} else {
		dhcp6_parse(s->bytes, s->len, &six);
		devices_learn_dhcp6(d, &s->at, s->mac[4] ? s->mac : NULL, &six);
	}
}

static void seen(const struct step *s, bool claim)
{
	bool taken = claim ? devices_seen_claim(d, &s->at, s->mac, s->address, DEVICES_MDNS) :
			     devices_seen_address(d, &s->at, s->mac, s->address, DEVICES_ARP);
	const struct device *device = devices_find(d, s->address, s->at.port, s->at.vlan, s->at.now_ns);

	CHECK(!taken || (device && !memcmp(device->mac, s->mac, 6) && device->last_ns >= s->at.now_ns));
	CHECK(taken || claim || !mac_is_host(s->mac) || !address_is_host(s->address));
}

static void take(const struct step *s, enum what what)
{
	struct arp arp;

	switch (what) {
	case ADDRESS:
	case CLAIM:
		seen(s, what == CLAIM);
		break;
	case NAME:
		devices_seen_name(d, &s->at, s->mac, s->bytes, s->len, DEVICES_DHCP4 + s->address[3] % 3);
		break;
	case CLASS:
		devices_seen_class(d, &s->at, s->mac, s->bytes, s->len, s->bytes, s->len / 2);
		break;
	case RELEASE:
		devices_released(d, &s->at, s->mac, s->address);
		CHECK(devices_find(d, s->address, s->at.port, s->at.vlan, 0) !=
		      devices_find_mac(d, s->mac, s->at.port, s->at.vlan) ||
		      !devices_find_mac(d, s->mac, s->at.port, s->at.vlan));
		break;
	case AGE:
		devices_age(d, s->at.now_ns);
		break;
	case CHANGED:
		for (unsigned int n = 0; devices_changed(d); n++)
			CHECK(n < DEVICES_AT_MOST);
		break;
	case ARP:
		if (arp_parse(s->bytes, s->len, &arp) == ARP_OK)
			devices_learn_arp(d, &s->at, &arp);
		break;
	case NDP:
		learn_ndp(s);
		break;
	case DHCP4:
	case DHCP6:
		learn_dhcp(s, what);
		break;
	case MDNS:
		learn_dns(s);
		break;
	case WHATS:
		break;
	}
}

static void fill(struct step *s, uint8_t who, uint8_t which, uint8_t time)
{
	s->at.port = who & 1;
	s->at.vlan = who >> 1 & 1;
	s->at.now_ns += time * 256 * NS_PER_S;
	memset(s->mac, 0, 6);
	s->mac[4] = who >> 7;
	s->mac[5] = who >> 2 & 7;	/* 0 is none */
	memset(s->address, 0, 16);
	s->address[2] = which & 0x80 ? 0 : htonl(0xffff);
	s->address[0] = which & 0x80 ? htonl(0xfe800000) : 0;
	s->address[3] = htonl(which & 0x80 ? which & 0x7f : 0xc0000200u + which);
	if (which == 0x7f)
		s->address[3] = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct siphash_key seed = { { 7, 8 } };
	struct step s = { .at.now_ns = 0 };
	uint32_t max;

	if (!len)
		return 0;
	max = 1 + data[0] % DEVICES_AT_MOST;
	data++;
	len--;
	CHECK(!devices_new(&d, max, seed));
	for (unsigned int n = 0; n < STEPS_MAX && len >= STEP_BYTES; n++) {
		uint8_t *copy;

		fill(&s, data[1], data[2], data[3]);
		s.len = MIN(data[4], len - STEP_BYTES);
		if (data[0] >= 0x80)	/* a name that is too long, a DHCPv4 message */
			s.len = MIN(s.len + 240, len - STEP_BYTES);
		copy = malloc(s.len + !s.len);
		CHECK(copy);
		memcpy(copy, data + STEP_BYTES, s.len);
		s.bytes = copy;
		take(&s, data[0] % 0x80 % WHATS);
		check_table(max);
		free(copy);
		data += STEP_BYTES + s.len;
		len -= STEP_BYTES + s.len;
	}
	d = devices_free(d);
	return 0;
}
