/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* DNS messages: what a flow's queries and answers amount to, and what the answers teach of addresses. */
#include <arpa/inet.h>
#include <string.h>

#include "base/util.h"
#include "enrich/dns_learn.h"
#include "enrich/identity_private.h"

#define PORT_LLMNR 5355

static void count(uint16_t *counter)
{
	if (*counter < UINT16_MAX)
		++*counter;
}

static void learn(const struct look *l, const uint32_t client[4], const struct dns_message *m)
{
	struct dns_learn_result result = dns_learn(l->id->names, client, m, l->p->time_ns);

	l->id->counters.dns_learnt += result.learnt;
	l->id->counters.dns_beyond += result.beyond;
}

static void answered(struct identity_facts *f, const struct dns_match_transaction *t)
{
	const uint32_t us = (uint32_t)MIN(t->response_ns / 1000, UINT32_MAX);

	f->dns.rcode = t->rcode;
	if (!f->dns.answers || us < f->dns.min_us)
		f->dns.min_us = us;
	f->dns.max_us = MAX(f->dns.max_us, us);
	f->dns.sum_us = us > UINT32_MAX - f->dns.sum_us ? UINT32_MAX : f->dns.sum_us + us;
	count(&f->dns.answers);
}

static void unicast(const struct look *l, const struct dns_message *m)
{
	const unsigned int client = m->response ? !(l->p->direction & 1) : l->p->direction & 1;
	struct dns_match_flow flow = {
		.client_port = l->p->port[client],
		.resolver_port = l->p->port[!client],
		.proto = l->p->proto,
		.observer = l->p->observer,
	};
	struct dns_match_transaction t;

	memcpy(flow.client, l->p->addr[client], sizeof(flow.client));
	memcpy(flow.resolver, l->p->addr[!client], sizeof(flow.resolver));
	switch (dns_match_add(l->id->match, &flow, m, l->p->time_ns, &t)) {
	case DNS_MATCH_QUERY:
		count(&l->facts->dns.queries);
		break;
	case DNS_MATCH_REPEATED:
		count(&l->facts->dns.repeats);
		break;
	case DNS_MATCH_ANSWER:
		answered(l->facts, &t);
		learn(l, flow.client, m);
		break;
	case DNS_MATCH_STRAY:
		l->id->counters.dns_strays++;
		break;
	}
}

/* Multicast DNS, and LLMNR, whose answers come from another address than the question went to: nothing is matched. */
static void multicast(const struct look *l, enum dns_kind kind, const struct dns_message *m)
{
	if (!m->response) {
		count(&l->facts->dns.queries);
		return;
	}
	count(&l->facts->dns.answers);
	if (kind != DNS_MULTICAST)
		return;
	learn(l, NULL, m);
	if (l->id->settings.mdns_seen)
		l->id->settings.mdns_seen(l->id->settings.arg, l->p, m);
}

bool identity_dns(const struct look *l, enum dns_kind kind, const uint8_t *bytes, size_t len)
{
	const bool llmnr = l->p->port[0] == htons(PORT_LLMNR) || l->p->port[1] == htons(PORT_LLMNR);
	char text[DNS_NAME_TEXT_SIZE];
	struct dns_message m;
	enum dns_result result = dns_parse(kind, bytes, len, &m);

	if (result != DNS_OK)
		l->id->counters.dns_malformed++;
	if (result == DNS_SHORT && len < DNS_HEADER_BYTES)
		return false;
	l->id->counters.dns_messages++;
	l->facts->protocol = kind == DNS_MULTICAST ? IDENTITY_MDNS : llmnr ? IDENTITY_LLMNR : IDENTITY_DNS;
	identity_status(l, NAME_NOT_TLS);
	if (dns_has_question(&m)) {
		l->facts->dns.type = m.qtype;
		dns_name_fold(&m.qname);
		identity_found(l, IDENTITY_QUESTION, text, MIN(dns_name_text(&m.qname, text), 255));
	}
	if (kind == DNS_MULTICAST || llmnr)
		multicast(l, kind, &m);
	else
		unicast(l, &m);
	return true;
}
