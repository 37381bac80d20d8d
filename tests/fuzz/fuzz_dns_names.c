/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_dns_names - any order of put, look, forget in the smallest cache: what is found is what was put last, and was put
 * not too long ago; room is never passed. Input, 6 bytes an operation: which, client, server, name, its length, time.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "enrich/dns_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define CHECK(cond) do { \
	if (!(cond)) { \
		fprintf(stderr, "fuzz_dns_names: %s:%d: not true: %s\n", __FILE__, __LINE__, #cond); \
		abort(); \
	} \
} while (0)

#define CLIENTS	8	/* 0 is everybody */

static struct {
	struct dns_name name;
	uint64_t until_ns;
} last[CLIENTS][256];

static void make_name(uint8_t fill, uint8_t len, struct dns_name *ret_name)
{
	memset(ret_name->bytes, fill, sizeof(ret_name->bytes));
	ret_name->len = (uint8_t)MAX(len, 1);
	ret_name->bytes[ret_name->len - 1] = 0;
}

static void look(struct dns_names *names, unsigned int c, unsigned int s, uint64_t now)
{
	uint32_t client[4] = { c }, server[4] = { s, 1 };
	struct dns_names_found found;
	enum dns_names_source source = dns_names_lookup(names, client, server, now, &found);
	uint64_t grace = source % 2 ? 0 : DNS_NAMES_GRACE_S * NS_PER_S;

	if (source == DNS_NAMES_NONE)
		return;
	if (source == DNS_NAMES_OTHER || source == DNS_NAMES_OTHER_EXPIRED)
		c = 0;
	CHECK(found.name.len && last[c][s].name.len == found.name.len);
	CHECK(!memcmp(last[c][s].name.bytes, found.name.bytes, found.name.len));
	CHECK(now < last[c][s].until_ns + grace);
}

static void put(struct dns_names *names, unsigned int c, unsigned int s, const uint8_t *op, uint64_t now)
{
	uint32_t client[4] = { c }, server[4] = { s, 1 }, ttl = op[5] * 8u;
	struct dns_name name;
	uint64_t until = now + MAX(ttl, DNS_NAMES_TTL_MIN_S) * NS_PER_S;
	uint64_t evicted = dns_names_counters(names).evicted;
	bool same;

	make_name(op[3], op[4], &name);
	if (!dns_names_put(names, c ? client : NULL, server, &name, ttl, now)) {
		CHECK(dns_names_counters(names).evicted == evicted + DNS_NAMES_EVICT_MAX);
		last[c][s].name.len = 0;
		return;
	}
	same = last[c][s].name.len == name.len && !memcmp(last[c][s].name.bytes, name.bytes, name.len);
	last[c][s].until_ns = same ? MAX(last[c][s].until_ns, until) : until;
	last[c][s].name = name;
	look(names, c ? c : 100, s, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct dns_names *names;
	uint64_t now = 0;

	memset(last, 0, sizeof(last));
	CHECK(!dns_names_new(&names, DNS_NAMES_MEMORY_MIN, (struct siphash_key){ { 5, 6 } }));
	for (; len >= 6; data += 6, len -= 6) {
		unsigned int c = data[1] % CLIENTS, s = data[2];
		uint32_t client[4] = { c }, server[4] = { s, 1 };

		switch (data[0] % 4) {
		case 0:
		case 1:
			put(names, c, s, data, now);
			break;
		case 2:
			now += (uint64_t)data[5] * 4 * NS_PER_S;
			look(names, c ? c : 100, s, now);
			break;
		default:
			dns_names_forget(names, c ? client : NULL, server);
			last[c][s].name.len = 0;
			last[c][s].until_ns = 0;
			break;
		}
		CHECK(dns_names_used(names) <= dns_names_room(names));
	}
	dns_names_free(names);
	return 0;
}
