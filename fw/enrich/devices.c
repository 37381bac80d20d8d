/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/devices.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"

struct entry {
	struct device device;
	uint32_t bucket, in_bucket; /* the next one there; of a free entry: the next free */
	uint32_t older, newer;	    /* by last word */
	struct {
		uint32_t bucket, in_bucket; /* place of the next one there */
	} link[DEVICES_ADDRESSES_MAX];	    /* of device.address */
};

/* A place is an address of an entry: index * DEVICES_ADDRESSES_MAX + which; entry 0 is nobody's, so place 0 is none. */
struct devices {
	struct siphash_key seed;
	struct devices_counters counters;
	struct entry *entries;
	uint32_t *buckets, *address_buckets;
	uint64_t *changed;		      /* a bit an entry */
	uint32_t oldest, newest, free, fresh; /* @fresh: the first one never used */
	uint32_t max, used;
};

#define CHANGED_BITS 64

int devices_new(struct devices **ret_devices, uint32_t max, struct siphash_key seed)
{
	struct devices *d;

	if (!max || max > DEVICES_LIMIT)
		return -EINVAL;
	d = malloc(sizeof(*d));
	if (!d)
		return -ENOMEM;
	*d = (struct devices){ .seed = seed, .max = max, .fresh = 1 };
	d->entries = malloc((max + 1) * sizeof(d->entries[0])); /* pages not used cost nothing */
	d->buckets = calloc(max, sizeof(d->buckets[0]));
	d->address_buckets = calloc(max, sizeof(d->address_buckets[0]) * DEVICES_ADDRESSES_MAX);
	d->changed = calloc(max / CHANGED_BITS + 1, sizeof(d->changed[0]));
	if (!d->entries || !d->buckets || !d->address_buckets || !d->changed) {
		devices_free(d);
		return -ENOMEM;
	}
	*ret_devices = d;
	return 0;
}

struct devices *devices_free(struct devices *devices)
{
	if (!devices)
		return NULL;
	free(devices->changed);
	free(devices->address_buckets);
	free(devices->buckets);
	free(devices->entries);
	free(devices);
	return NULL;
}

struct devices_counters *devices_counters(struct devices *d)
{
	return &d->counters;
}

/* Times of several sources may come in another order: what is later than now has no age. */
static bool is_older(uint64_t then_ns, uint64_t now_ns, uint64_t age_s)
{
	return now_ns > then_ns && now_ns - then_ns >= age_s * NS_PER_S;
}

/* ---- changes ---- */

static void mark_changed(struct devices *d, uint32_t index)
{
	d->changed[(index - 1) / CHANGED_BITS] |= 1ULL << (index - 1) % CHANGED_BITS;
}

static bool clear_changed(struct devices *d, uint32_t index)
{
	uint64_t *word = &d->changed[(index - 1) / CHANGED_BITS], bit = 1ULL << (index - 1) % CHANGED_BITS;
	bool was = *word & bit;

	*word &= ~bit;
	return was;
}

const struct device *devices_changed(struct devices *d)
{
	for (uint32_t i = 0; i <= d->max / CHANGED_BITS; i++) {
		if (d->changed[i]) {
			uint32_t index = i * CHANGED_BITS + (uint32_t)__builtin_ctzll(d->changed[i]) + 1;

			clear_changed(d, index);
			return &d->entries[index].device;
		}
	}
	return NULL;
}

/* ---- addresses ---- */

static struct entry *entry_of(const struct devices *d, uint32_t place)
{
	return &d->entries[place / DEVICES_ADDRESSES_MAX];
}

static uint32_t *next_place(const struct devices *d, uint32_t place)
{
	return &entry_of(d, place)->link[place % DEVICES_ADDRESSES_MAX].in_bucket;
}

static struct device_address *address_at(const struct devices *d, uint32_t place)
{
	return &entry_of(d, place)->device.address[place % DEVICES_ADDRESSES_MAX];
}

static uint32_t address_bucket(const struct devices *d, const uint32_t address[4])
{
	return (uint32_t)siphash(d->seed, address, 16) % (d->max * DEVICES_ADDRESSES_MAX);
}

static void link_address(struct devices *d, uint32_t place, uint32_t bucket)
{
	entry_of(d, place)->link[place % DEVICES_ADDRESSES_MAX].bucket = bucket;
	*next_place(d, place) = d->address_buckets[bucket];
	d->address_buckets[bucket] = place;
}

static void unlink_address(struct devices *d, uint32_t place)
{
	uint32_t *link = &d->address_buckets[entry_of(d, place)->link[place % DEVICES_ADDRESSES_MAX].bucket];

	while (*link != place)
		link = next_place(d, *link);
	*link = *next_place(d, place);
}

/* The last address takes its place. */
static void drop_address(struct devices *d, uint32_t place)
{
	uint32_t index = place / DEVICES_ADDRESSES_MAX;
	struct entry *e = &d->entries[index];
	uint32_t last = index * DEVICES_ADDRESSES_MAX + e->device.addresses - 1u;

	unlink_address(d, place);
	if (place != last) {
		unlink_address(d, last);
		*address_at(d, place) = *address_at(d, last);
		link_address(d, place, e->link[last % DEVICES_ADDRESSES_MAX].bucket);
	}
	e->device.addresses--;
	mark_changed(d, index);
}

/* The address of that port and VLAN. Known limit: as many steps as there are ports and VLANs that have the same one. */
static uint32_t find_address(const struct devices *d, const uint32_t address[4], uint16_t port, uint16_t vlan)
{
	uint32_t place = d->address_buckets[address_bucket(d, address)], best = 0;

	for (; place; place = *next_place(d, place)) {
		const struct device *device = &entry_of(d, place)->device;

		if (!address_equal(address_at(d, place)->address, address) ||
		    (port != DEVICES_ANY && device->port != port) || (vlan != DEVICES_ANY && device->vlan != vlan))
			continue;
		if (!best || address_at(d, place)->last_ns > address_at(d, best)->last_ns)
			best = place;
	}
	return best;
}

static void drop_aged(struct devices *d, uint32_t index, uint64_t now_ns)
{
	struct device *device = &d->entries[index].device;

	for (uint32_t i = device->addresses; i-- > 0;) {
		if (!is_older(device->address[i].last_ns, now_ns, DEVICES_ADDRESS_AGE_S))
			continue;
		d->counters.addresses_aged++;
		drop_address(d, index * DEVICES_ADDRESSES_MAX + i);
	}
}

/* Of a device that has all it can have. */
static void drop_oldest_address(struct devices *d, uint32_t index)
{
	const struct device *device = &d->entries[index].device;
	uint32_t oldest = 0;

	for (uint32_t i = 1; i < device->addresses; i++)
		if (device->address[i].last_ns < device->address[oldest].last_ns)
			oldest = i;
	d->counters.addresses_replaced++;
	drop_address(d, index * DEVICES_ADDRESSES_MAX + oldest);
}

static void add_address(struct devices *d, uint32_t index, const uint32_t address[4], enum devices_source source,
			uint64_t now_ns)
{
	struct device *device = &d->entries[index].device;
	uint32_t place;

	drop_aged(d, index, now_ns);
	if (device->addresses == DEVICES_ADDRESSES_MAX)
		drop_oldest_address(d, index);
	place = index * DEVICES_ADDRESSES_MAX + device->addresses++;
	*address_at(d, place) = (struct device_address){.first_ns = now_ns, .last_ns = now_ns, .source = source};
	memcpy(address_at(d, place)->address, address, 16);
	link_address(d, place, address_bucket(d, address));
	d->counters.addresses++;
	mark_changed(d, index);
}

/* ---- devices ---- */

static void leave_order(struct devices *d, const struct entry *e)
{
	*(e->older ? &d->entries[e->older].newer : &d->oldest) = e->newer;
	*(e->newer ? &d->entries[e->newer].older : &d->newest) = e->older;
}

static void become_newest(struct devices *d, uint32_t index)
{
	struct entry *e = &d->entries[index];

	e->older = d->newest;
	e->newer = 0;
	*(e->older ? &d->entries[e->older].newer : &d->oldest) = index;
	d->newest = index;
}

static uint32_t bucket_of(const struct devices *d, const uint8_t mac[MAC_BYTES], uint16_t port, uint16_t vlan)
{
	uint8_t key[MAC_BYTES + 4];

	memcpy(key, mac, MAC_BYTES);
	memcpy(key + MAC_BYTES, &port, 2);
	memcpy(key + MAC_BYTES + 2, &vlan, 2);
	return (uint32_t)siphash(d->seed, key, sizeof(key)) % d->max;
}

static uint32_t find_device(const struct devices *d, const uint8_t mac[MAC_BYTES], uint16_t port, uint16_t vlan,
			    uint32_t bucket)
{
	uint32_t index = d->buckets[bucket];

	while (index) {
		const struct device *device = &d->entries[index].device;

		if (!memcmp(device->mac, mac, MAC_BYTES) && device->port == port && device->vlan == vlan)
			break;
		index = d->entries[index].in_bucket;
	}
	return index;
}

static void drop_device(struct devices *d, uint32_t index)
{
	struct entry *e = &d->entries[index];
	uint32_t *link = &d->buckets[e->bucket];

	while (e->device.addresses)
		drop_address(d, index * DEVICES_ADDRESSES_MAX + e->device.addresses - 1u);
	while (*link != index)
		link = &d->entries[*link].in_bucket;
	*link = e->in_bucket;
	leave_order(d, e);
	clear_changed(d, index);
	e->in_bucket = d->free;
	d->free = index;
	d->used--;
}

static void replace_oldest(struct devices *d)
{
	uint32_t index = d->oldest;

	d->counters.replaced++;
	if (clear_changed(d, index))
		d->counters.untold++;
	drop_device(d, index);
}

static uint32_t add_device(struct devices *d, const struct devices_at *at, const uint8_t mac[MAC_BYTES],
			   uint32_t bucket)
{
	struct entry *e;
	uint32_t index;

	if (d->used == d->max)
		replace_oldest(d);
	index = d->free;
	if (index)
		d->free = d->entries[index].in_bucket;
	else
		index = d->fresh++;
	e = &d->entries[index];
	*e = (struct entry){.bucket = bucket, .in_bucket = d->buckets[bucket]};
	memcpy(e->device.mac, mac, MAC_BYTES);
	e->device.port = at->port;
	e->device.vlan = at->vlan;
	e->device.local = mac_is_local(mac);
	e->device.first_ns = at->now_ns;
	d->buckets[bucket] = index;
	become_newest(d, index);
	d->used++;
	d->counters.learnt++;
	mark_changed(d, index);
	return index;
}

/* The device, made where there is none; 0: refused. */
static uint32_t hear(struct devices *d, const struct devices_at *at, const uint8_t mac[MAC_BYTES])
{
	uint32_t bucket, index;

	if (!mac_is_host(mac)) {
		d->counters.refused_mac++;
		return 0;
	}
	bucket = bucket_of(d, mac, at->port, at->vlan);
	index = find_device(d, mac, at->port, at->vlan, bucket);
	if (index) {
		leave_order(d, &d->entries[index]);
		become_newest(d, index);
	} else {
		index = add_device(d, at, mac, bucket);
	}
	d->entries[index].device.last_ns = MAX(d->entries[index].device.last_ns, at->now_ns);
	return index;
}

/* ---- what is fed ---- */

bool devices_seen(struct devices *d, const struct devices_at *at, const uint8_t mac[MAC_BYTES])
{
	return hear(d, at, mac);
}

static bool seen_address(struct devices *d, const struct devices_at *at, const uint8_t mac[MAC_BYTES],
			 const uint32_t address[4], enum devices_source source, bool may_move)
{
	uint32_t index, place;

	if (!address_is_host(address)) {
		d->counters.refused_address++;
		return false;
	}
	index = hear(d, at, mac);
	if (!index)
		return false;
	place = find_address(d, address, at->port, at->vlan);
	if (place / DEVICES_ADDRESSES_MAX == index) {
		struct device_address *known = address_at(d, place);

		known->last_ns = MAX(known->last_ns, at->now_ns);
		known->source = source;
		return true;
	}
	if (place) {
		bool aged = is_older(address_at(d, place)->last_ns, at->now_ns, DEVICES_ADDRESS_AGE_S);

		if (!may_move && !aged) {
			d->counters.not_moved++;
			return false;
		}
		*(aged ? &d->counters.addresses_aged : &d->counters.moved) += 1;
		drop_address(d, place);
	}
	add_address(d, index, address, source, at->now_ns);
	return true;
}

bool devices_seen_address(struct devices *d, const struct devices_at *at, const uint8_t mac[MAC_BYTES],
			  const uint32_t address[4], enum devices_source source)
{
	return seen_address(d, at, mac, address, source, true);
}

bool devices_seen_claim(struct devices *d, const struct devices_at *at, const uint8_t mac[MAC_BYTES],
			const uint32_t address[4], enum devices_source source)
{
	return seen_address(d, at, mac, address, source, false);
}

bool devices_seen_name(struct devices *d, const struct devices_at *at, const uint8_t mac[MAC_BYTES], const void *name,
		       size_t len, enum devices_source source)
{
	struct device *device;
	uint32_t index;

	if (!len || len > DEVICES_NAME_MAX) {
		d->counters.refused_name++;
		return false;
	}
	index = hear(d, at, mac);
	if (!index)
		return false;
	device = &d->entries[index].device;
	if (device->name_len && source > device->name_source &&
	    !is_older(device->name_ns, at->now_ns, DEVICES_NAME_AGE_S)) {
		d->counters.names_outweighed++;
		return false;
	}
	if (device->name_len != len || memcmp(device->name, name, len) || device->name_source != source) {
		memcpy(device->name, name, len);
		device->name_len = (uint8_t)len;
		device->name_source = source;
		d->counters.names++;
		mark_changed(d, index);
	}
	device->name_ns = MAX(device->name_ns, at->now_ns);
	return true;
}

/* True: it was another. */
static bool put_bytes(uint8_t *to, uint8_t *to_len, const void *bytes, size_t len)
{
	if (!len || (*to_len == len && !memcmp(to, bytes, len)))
		return false;
	memcpy(to, bytes, len);
	*to_len = (uint8_t)len;
	return true;
}

bool devices_seen_class(struct devices *d, const struct devices_at *at, const uint8_t mac[MAC_BYTES],
			const void *vendor_class, size_t class_len, const void *parameters, size_t parameters_len)
{
	uint32_t index = hear(d, at, mac);
	struct device *device = &d->entries[index].device;

	if (!index)
		return false;
	if ((int)put_bytes(device->vendor_class, &device->class_len, vendor_class, MIN(class_len, DEVICES_CLASS_MAX)) |
	    put_bytes(device->parameters, &device->parameters_len, parameters,
		      MIN(parameters_len, DEVICES_PARAMETERS_MAX)))
		mark_changed(d, index);
	return true;
}

bool devices_released(struct devices *d, const struct devices_at *at, const uint8_t mac[MAC_BYTES],
		      const uint32_t address[4])
{
	uint32_t place = find_address(d, address, at->port, at->vlan);

	if (!place || memcmp(entry_of(d, place)->device.mac, mac, MAC_BYTES))
		return false;
	d->counters.addresses_released++;
	drop_address(d, place);
	return true;
}

void devices_age(struct devices *d, uint64_t now_ns)
{
	for (uint32_t index = d->oldest; index; index = d->entries[index].newer)
		drop_aged(d, index, now_ns);
}

/* ---- what is asked ---- */

const struct device *devices_find(const struct devices *d, const uint32_t address[4], uint16_t port, uint16_t vlan,
				  uint64_t now_ns)
{
	uint32_t place = find_address(d, address, port, vlan);

	if (!place || is_older(address_at(d, place)->last_ns, now_ns, DEVICES_ADDRESS_AGE_S))
		return NULL;
	return &entry_of(d, place)->device;
}

const struct device *devices_find_mac(const struct devices *d, const uint8_t mac[MAC_BYTES], uint16_t port,
				      uint16_t vlan)
{
	uint32_t index = find_device(d, mac, port, vlan, bucket_of(d, mac, port, vlan));

	return index ? &d->entries[index].device : NULL;
}

const struct device *devices_each(const struct devices *d, uint32_t *cursor)
{
	uint32_t index = *cursor ? d->entries[*cursor].newer : d->oldest;

	if (!index)
		return NULL;
	*cursor = index;
	return &d->entries[index].device;
}

const char *devices_source_name(enum devices_source source)
{
	static const char *const NAMES[] = {
#define X(id, name) [DEVICES_##id] = name,
		DEVICES_SOURCES(X)
#undef X
	};

	return NAMES[source];
}
