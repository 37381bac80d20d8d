/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/dns_learn.h"

#include <arpa/inet.h>

#include "base/util.h"

struct learn {
	struct dns_names *names;
	const uint32_t *client;
	uint64_t now_ns;
	struct dns_name name;	/* asked for */
	struct dns_name aliases[DNS_LEARN_ALIASES_MAX];
	size_t count;
	struct dns_learn_result result;
};

static bool is_wanted(const struct learn *l, const struct dns_name *name, const struct dns_message *m)
{
	if (dns_name_equal(name, &m->qname))
		return true;
	for (size_t i = 0; i < l->count; i++)
		if (dns_name_equal(name, &l->aliases[i]))
			return true;
	return false;
}

/* Where a record leads to: an alias, or the host behind a service. NULL: nowhere. */
static const struct dns_name *leads_to(const struct dns_record *record)
{
	if (record->class != DNS_IN || record->section == DNS_QUESTION || record->section == DNS_AUTHORITY)
		return NULL;
	if (record->type == DNS_CNAME)
		return &record->target;
	if ((record->type == DNS_HTTPS || record->type == DNS_SVCB) && record->target.len > 1)
		return &record->target;
	return NULL;
}

/* One time over the records. True: once more, an alias came before what leads to it. */
static bool find_aliases(struct learn *l, const struct dns_message *m)
{
	bool missed = false, again = false;
	struct dns_record record;
	struct dns_walk walk;

	dns_walk_begin(&walk, m);
	while (dns_walk_next(&walk, &record)) {
		const struct dns_name *to = leads_to(&record);

		if (!to || !to->len)
			continue;
		if (!is_wanted(l, &record.name, m)) {
			missed = true;
		} else if (!is_wanted(l, to, m)) {
			if (l->count == DNS_LEARN_ALIASES_MAX) {
				l->result.beyond++;
				return false;
			}
			l->aliases[l->count++] = *to;
			again |= missed;
		}
	}
	return again;
}

/* An A's 4 bytes or an AAAA's 16. */
static void take_server(struct reader address, uint32_t ret_server[4])
{
	size_t len = address.left;

	ret_server[0] = ret_server[1] = ret_server[3] = 0;
	ret_server[2] = htonl(0xffff);
	memcpy(len == 4 ? ret_server + 3 : ret_server, reader_bytes(&address, len), len);
}

static void learn_address(struct learn *l, struct reader address, const struct dns_name *name, uint32_t ttl_s)
{
	uint32_t server[4];
	bool learnt;

	if (l->result.learnt == DNS_LEARN_ADDRESSES_MAX) {
		l->result.beyond++;
		return;
	}
	take_server(address, server);
	learnt = dns_names_put(l->names, NULL, server, name, ttl_s, l->now_ns);
	if (l->client)
		learnt |= dns_names_put(l->names, l->client, server, name, ttl_s, l->now_ns);
	l->result.learnt += learnt;
}

static void learn_record(struct learn *l, const struct dns_record *record)
{
	struct reader hints4 = record->hints4, hints6 = record->hints6;

	if (record->address.left)
		learn_address(l, record->address, &l->name, record->ttl_s);
	while (hints4.left)
		learn_address(l, reader_part(&hints4, 4), &l->name, record->ttl_s);
	while (hints6.left)
		learn_address(l, reader_part(&hints6, 16), &l->name, record->ttl_s);
}

/* Without "_8443" and "_https", RFC 9460 2.3 and 9.1. */
static void strip_service(struct dns_name *name)
{
	size_t at = 0;

	while (name->bytes[at] > 1 && name->bytes[at + 1] == '_')
		at += 1u + name->bytes[at];
	if (!name->bytes[at])
		return;
	name->len -= (uint8_t)at;
	memmove(name->bytes, name->bytes + at, name->len);
}

static void learn_multicast(struct learn *l, const struct dns_message *m)
{
	struct dns_record record;
	struct dns_walk walk;
	uint32_t server[4];

	dns_walk_begin(&walk, m);
	while (dns_walk_next(&walk, &record)) {
		if (!record.address.left)
			continue;
		dns_name_fold(&record.name);
		take_server(record.address, server);
		if (record.ttl_s)
			learn_address(l, record.address, &record.name, record.ttl_s);
		else
			dns_names_forget(l->names, NULL, server);
	}
}

struct dns_learn_result dns_learn(struct dns_names *names, const uint32_t client[4], const struct dns_message *answer,
				  uint64_t now_ns)
{
	struct dns_record record;
	struct dns_walk walk;
	struct learn l;		/* 5 kB, that are not to be cleared each time */
	int passes = 1;

	l.names = names;
	l.client = NULL;
	l.now_ns = now_ns;
	l.count = 0;
	l.result = (struct dns_learn_result){ 0 };
	if (!answer->response || answer->opcode != DNS_QUERY)
		return l.result;
	if (answer->kind == DNS_MULTICAST) {
		learn_multicast(&l, answer);
		return l.result;
	}
	if (!dns_has_question(answer) || answer->qname.len == 1 || answer->qclass != DNS_IN || answer->rcode != DNS_NOERROR)
		return l.result;
	l.client = client;
	l.name = answer->qname;
	dns_name_fold(&l.name);
	if (answer->qtype == DNS_HTTPS || answer->qtype == DNS_SVCB)
		strip_service(&l.name);
	while (find_aliases(&l, answer) && passes < DNS_LEARN_PASSES_MAX)
		passes++;
	dns_walk_begin(&walk, answer);
	while (dns_walk_next(&walk, &record))
		if (record.section != DNS_AUTHORITY && is_wanted(&l, &record.name, answer))
			learn_record(&l, &record);
	return l.result;
}
