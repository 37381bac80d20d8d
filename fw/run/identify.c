/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/identify.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/sparse.h"
#include "base/util.h"
#include "collect/names.h"
#include "enrich/dns.h"
#include "enrich/dns_carrier.h"
#include "enrich/http.h"
#include "enrich/tls_names.h"
#include "run/device_feed.h"

#define NAMES_LOW (NAMES_MAX / 4 * 3)	/* beyond, names are kept for server_name */

/* What is known of the flow in one slot beyond what the slot has. */
struct facts {
	struct identity_facts number;
	uint16_t name[IDENTITY_NAME_N - IDENTITY_NEXT_PROTOCOL];	/* ids in "names", from IDENTITY_NEXT_PROTOCOL on */
};
_Static_assert(sizeof(struct facts) + SPARSE_EACH_BYTES == IDENTIFY_FACTS_BYTES, "option flows.facts says so");

static const struct facts NONE;

struct identify {
	struct identity *engine;
	struct flowtab *ft;
	flowtab_emit emit;
	void *emit_arg;
	uint64_t now_ns;	/* of the copy at hand, */
	const struct copy *copy;	/* and itself */
	struct device_feed *feed;	/* NULL: nobody wants to know of devices */
	struct names *names;
	struct sparse *facts;	/* by slot */
	struct facts spare;	/* of the copy at hand, where its flow has none yet; spare_slot is COPY_NO_SLOT else */
	uint32_t spare_slot;
	uint32_t slots;
	struct identify_counters counters;
	/* texts that a record borrows */
	char hex[4][TLS_HEX_SIZE];
	char quic_version[11];
	char dns_type[12], dns_rcode[12];
};

static uint16_t *name_at(struct facts *f, enum identity_name which)
{
	return &f->name[which - IDENTITY_NEXT_PROTOCOL];
}

/* Good until facts of another flow come or go. */
static struct facts *facts_at(struct identify *id, uint32_t slot)
{
	return slot == id->spare_slot ? &id->spare : sparse_find(id->facts, slot);
}

static const struct facts *facts_of(const struct identify *id, uint32_t slot)
{
	const struct facts *f = slot == id->spare_slot ? &id->spare : sparse_find(id->facts, slot);

	return f ? f : &NONE;
}

static void unref_names(struct identify *id, const struct facts *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(f->name); i++)
		names_unref(id->names, f->name[i]);
}

static void drop_facts(struct identify *id, uint32_t slot)
{
	const struct facts *f = sparse_find(id->facts, slot);

	if (!f)
		return;
	unref_names(id, f);
	sparse_remove(id->facts, slot);
}

/* Nothing that a record would have, and nothing that the next payload is to be looked at with. */
static bool is_blank(const struct facts *f, bool done)
{
	struct facts rest = *f;

	rest.number.bits &= (uint16_t)~IDENTITY_FINISHED;
	if (done || rest.number.status == NAME_NOT_TLS)	/* is in the slot, and would be found again */
		rest.number.status = 0;
	return !memcmp(&rest, &NONE, sizeof(rest));
}

static void found(void *arg, uint32_t flow, enum identity_name which, const uint8_t *bytes, size_t len)
{
	struct identify *id = arg;
	struct facts *f;
	uint16_t *at;

	switch (which) {
	case IDENTITY_SERVER_NAME:
		flowtab_set_names(id->ft, flow, bytes, (uint8_t)len, NULL, 0);
		return;
	case IDENTITY_ALPN:
		flowtab_set_names(id->ft, flow, NULL, 0, bytes, (uint8_t)len);
		return;
	case IDENTITY_DOMAIN:
	case IDENTITY_QUESTION:
		if (names_used(id->names) >= NAMES_LOW) {
			id->counters.names_low++;
			return;
		}
		break;
	case IDENTITY_NEXT_PROTOCOL:
	case IDENTITY_JA4:
	case IDENTITY_VERSIONS:
	case IDENTITY_GROUPS:
	case IDENTITY_NAME_N:
		break;
	}
	f = facts_at(id, flow);
	if (!f)
		return;	/* cannot be: it is flow_copy()'s */
	at = name_at(f, which);
	names_unref(id->names, *at);
	*at = names_intern(id->names, bytes, (uint8_t)len);
}

/* So that both hellos are in a record. */
static void hello_again(void *arg, uint32_t flow)
{
	struct identify *id = arg;

	flowtab_set_status(id->ft, flow, facts_of(id, flow)->number.status);
	flowtab_report_slot(id->ft, flow, id->now_ns, id->emit, id->emit_arg);
}

static void mdns_seen(void *arg, const struct identity_payload *payload, const struct dns_message *message)
{
	struct identify *id = arg;

	if (id->feed)
		device_feed_mdns(id->feed, id->copy, payload->addr[payload->direction & 1], message);
}

void identify_feed(struct identify *id, struct device_feed *feed)
{
	id->feed = feed;
}

/* The flow goes on in @twin: what it does not know itself. */
static void move_facts(struct identify *id, uint32_t slot, uint32_t twin)
{
	const struct facts facts = *facts_of(id, slot);
	struct flowtab_flow flow;
	struct facts *to;

	if (!is_blank(facts_of(id, twin), true))
		return;
	if (!is_blank(&facts, true)) {
		drop_facts(id, twin);
		sparse_remove(id->facts, slot);
		to = sparse_add(id->facts, twin);	/* there is a place: one has just gone */
		if (to)
			*to = facts;
	}
	if (flowtab_flow(id->ft, slot, &flow) && flow.flags & FLOW_READ) {
		flowtab_set_status(id->ft, twin, flow.name_status);
		flowtab_copy_off(id->ft, twin);
	}
}

void identify_freed(uint32_t slot, long twin, void *arg)
{
	struct identify *id = arg;

	if (twin >= 0)
		move_facts(id, slot, (uint32_t)twin);
	drop_facts(id, slot);
	identity_forget(id->engine, slot);
}

/* ---- copies ---- */

/* Of a flow that has none yet they are looked at first, and kept if they say anything. */
static struct facts *begin_facts(struct identify *id, uint32_t slot)
{
	struct facts *f = sparse_find(id->facts, slot);

	if (f)
		return f;
	id->spare = NONE;
	id->spare_slot = slot;
	return &id->spare;
}

static void settle_facts(struct identify *id, uint32_t slot, bool done)
{
	const bool is_new = id->spare_slot == slot, blank = is_blank(facts_of(id, slot), done);
	struct facts *f;

	id->spare_slot = COPY_NO_SLOT;
	if (blank && !is_new)
		sparse_remove(id->facts, slot);
	if (blank || !is_new)
		return;
	f = sparse_add(id->facts, slot);
	if (f) {
		*f = id->spare;
	} else {
		id->counters.facts_full++;
		unref_names(id, &id->spare);
	}
}

static void flow_copy(struct identify *id, const struct copy *copy, const uint8_t *bytes)
{
	const uint32_t slot = copy->event.slot;
	struct identity_payload p;
	struct flowtab_flow flow;
	struct facts *f;
	uint16_t known;
	bool done;

	if (!flowtab_flow(id->ft, slot, &flow)) {
		id->counters.stale++;
		return;
	}
	p = (struct identity_payload){
		.flow = slot,
		.time_ns = copy->event.time_ns,
		.begun_ns = flow.first_ns,
		.proto = flow.key->proto,
		.direction = copy->event.dir & 1,
		.client = !!(flow.flags & FLOW_INITIATOR_B),
		.observer = (uint8_t)flow.key->port,
		.from_start = flow.flags & FLOW_SYN_SEEN && flow.has_first_seq,
		.first_seq = flow.first_seq,
		.seq = copy->seq,
		.ack = copy->ack,
		.bytes = bytes,
		.len = copy->len,
		.addr = { flow.key->a_addr, flow.key->b_addr },
		.port = { flow.key->a_port, flow.key->b_port },
	};
	id->now_ns = copy->event.time_ns;
	id->copy = copy;
	if (id->feed)
		device_feed_copy(id->feed, copy, bytes, flow.key);
	if (flow.flags & FLOW_READ)
		return;	/* was on its way */
	f = begin_facts(id, slot);
	known = f->number.bits;
	done = identity_payload(id->engine, &p, &f->number) & IDENTITY_DONE;
	if (done)
		flowtab_copy_off(id->ft, slot);
	if (f->number.bits & ~known & IDENTITY_QUIC_ANSWERED)
		flowtab_quic(id->ft, slot);
	flowtab_set_status(id->ft, slot, f->number.status);
	flowtab_hello_done(id->ft, slot);
	settle_facts(id, slot, done);
}

void identify_copy(struct identify *id, const void *data, size_t size)
{
	const struct copy *copy = data;

	if (size < COPY_BYTES_AT || copy->len > size - COPY_BYTES_AT ||
	    (copy->event.slot != COPY_NO_SLOT && copy->event.slot >= id->slots)) {
		id->counters.malformed++;
		return;
	}
	id->counters.copies++;
	if (copy->event.slot != COPY_NO_SLOT)
		flow_copy(id, copy, (const uint8_t *)data + COPY_BYTES_AT);
	else if (id->feed)
		device_feed_copy(id->feed, copy, (const uint8_t *)data + COPY_BYTES_AT, NULL);
}

void identify_expire(struct identify *id, uint64_t now_ns)
{
	identity_expire(id->engine, now_ns);
}

/* ---- records ---- */

static struct record_name name_of(const struct identify *id, const struct facts *f, enum identity_name which)
{
	const struct name_entry *entry = names_get(id->names, f->name[which - IDENTITY_NEXT_PROTOCOL]);

	return entry ? (struct record_name){ entry->bytes, entry->len } : (struct record_name){ 0 };
}

static uint8_t list_of(struct record_name name, uint16_t list[RECORD_LIST_MAX])
{
	uint8_t count = (uint8_t)MIN(name.len / 2, RECORD_LIST_MAX);

	for (uint8_t i = 0; i < count; i++)
		list[i] = (uint16_t)(name.at[2 * i] << 8 | name.at[2 * i + 1]);
	return count;
}

static const char *or_hex(const char *name, uint16_t value, char ret_text[TLS_HEX_SIZE])
{
	return name ? name : value ? tls_name_hex(value, ret_text) : NULL;
}

static const char *quic_version_text(struct identify *id, uint32_t version)
{
	if (!version)
		return NULL;
	if (version == 0x6b3343cf)	/* RFC 9369 3.1 */
		snprintf(id->quic_version, sizeof(id->quic_version), "2");
	else if (version >> 8 == 0xff0000)
		snprintf(id->quic_version, sizeof(id->quic_version), "draft-%u", version & 0xff);
	else
		snprintf(id->quic_version, sizeof(id->quic_version), version == 1 ? "%u" : "0x%08x", version);
	return id->quic_version;
}

static void tls_record(struct identify *id, const struct facts *f, struct record_tls *tls)
{
	const struct identity_facts *n = &f->number;
	struct record_name ja4 = name_of(id, f, IDENTITY_JA4);

	*tls = (struct record_tls){
		.client_hello = n->bits & IDENTITY_CLIENT_HELLO,
		.server_hello = n->bits & IDENTITY_SERVER_HELLO,
		.ech = n->bits & IDENTITY_ECH,
		.resumption_offered = n->bits & IDENTITY_RESUMES,
		.resumed = n->bits & IDENTITY_RESUMED,
		.early_data = n->bits & IDENTITY_EARLY_DATA,
		.hello_retry = n->bits & IDENTITY_HELLO_RETRY,
		.has_hello_time = n->bits & IDENTITY_HELLO_TIME,
		.server_hello_us = n->tls.server_hello_us,
		.inner = n->bits & IDENTITY_INNER ? identity_protocol_name(n->inner) : NULL,
		.dns_carrier = dns_carrier_name(n->carrier),
		.quic_version = n->protocol == IDENTITY_QUIC ? quic_version_text(id, n->tls.quic_version) : NULL,
		.next_protocol = name_of(id, f, IDENTITY_NEXT_PROTOCOL),
	};
	memcpy(tls->ja4, ja4.at ? (const char *)ja4.at : "", MIN(ja4.len, sizeof(tls->ja4) - 1));
	tls->versions = list_of(name_of(id, f, IDENTITY_VERSIONS), tls->version_list);
	tls->groups = list_of(name_of(id, f, IDENTITY_GROUPS), tls->group_list);
	if (tls->client_hello)
		tls->version_offered = or_hex(tls_version_name(n->tls.offered), n->tls.offered, id->hex[0]);
	if (!tls->server_hello)
		return;
	tls->protocol = tls_version_protocol(n->tls.version);
	tls->version = or_hex(tls_version_name(n->tls.version), n->tls.version, id->hex[1]);
	tls->cipher = or_hex(tls_cipher_name(n->tls.cipher), n->tls.cipher, id->hex[2]);
	tls->group = or_hex(tls_group_name(n->tls.group), n->tls.group, id->hex[3]);
}

void identify_quic_us(const struct identify *id, uint32_t slot, uint32_t ret_us[2])
{
	const struct identity_facts *n = &facts_of(id, slot)->number;

	for (int i = 0; i < 2; i++)
		ret_us[i] = n->protocol == IDENTITY_QUIC ? n->tls.handshake_us[i] : 0;
}

static void quic_record(const struct identify *id, const struct flow_report *report, struct record_quic *quic)
{
	const int near = report->flags & FLOW_MIRROR ? !!(report->flags & FLOW_INITIATOR_B) : 0;
	uint32_t us[2];

	identify_quic_us(id, report->slot, us);
	quic->handshake_near_us = us[near];
	quic->handshake_far_us = us[!near];
}

static void http_record(const struct identity_facts *n, struct record_http *http)
{
	if (!n->http.method)
		return;
	*http = (struct record_http){
		.method = http_method_name((enum http_method)(n->http.method - 1)),
		.version = n->http.minor ? "1.1" : "1.0",
		.status = n->http.status,
		.has_first_byte = n->bits & IDENTITY_HTTP_ANSWER,
		.first_byte_us = n->http.first_byte_us,
	};
}

static void dns_record(struct identify *id, const struct facts *f, struct record_dns *dns)
{
	const struct identity_facts *n = &f->number;
	const struct record_name question = name_of(id, f, IDENTITY_QUESTION);
	const char *type = dns_type_name(n->dns.type), *rcode = dns_rcode_name(n->dns.rcode);

	snprintf(id->dns_type, sizeof(id->dns_type), "TYPE%u", n->dns.type);	/* RFC 3597 5 */
	snprintf(id->dns_rcode, sizeof(id->dns_rcode), "%u", n->dns.rcode);
	*dns = (struct record_dns){
		.seen = true,
		.type = n->dns.type ? type ? type : id->dns_type : NULL,
		.rcode = n->protocol == IDENTITY_DNS && n->dns.answers ? rcode ? rcode : id->dns_rcode : NULL,
		.question = question.at,
		.question_len = question.len,
		.queries = n->dns.queries,
		.repeats = n->dns.repeats,
		.answers = n->dns.answers,
		.min_us = n->dns.min_us,
		.max_us = n->dns.max_us,
		.mean_us = n->dns.answers ? n->dns.sum_us / n->dns.answers : 0,
		.has_time = n->protocol == IDENTITY_DNS && n->dns.answers,
	};
}

struct record_name identify_name(const struct identify *id, const struct flow_report *report)
{
	const struct record_name name = name_of(id, facts_of(id, report->slot), IDENTITY_DOMAIN);

	if (!name.len && report->sni_len && report->name_status == NAME_OK)	/* of an earlier process, or only the kernel's */
		return (struct record_name){ report->sni, report->sni_len };
	return name;
}

void identify_record(struct identify *id, const struct flow_report *report, struct record *record)
{
	const struct facts *f = facts_of(id, report->slot);
	const struct identity_facts *n = &f->number;
	struct record_name name;

	record->protocol = identity_protocol_name(n->protocol);
	name = identify_name(id, report);
	if (f->name[IDENTITY_DOMAIN - IDENTITY_NEXT_PROTOCOL]) {
		record->name_source = identity_source_name(n->source);
		record->name_confidence = identity_confidence(n->source);
	} else if (name.len) {
		record->name_source = identity_source_name(IDENTITY_BY_SNI);
		record->name_confidence = identity_confidence(IDENTITY_BY_SNI);
	}
	record->domain = name.at;
	record->domain_len = name.len;
	switch ((enum identity_protocol)n->protocol) {
	case IDENTITY_QUIC:
		quic_record(id, report, &record->quic);
		tls_record(id, f, &record->tls);
		break;
	case IDENTITY_TLS:
	case IDENTITY_DTLS:
		tls_record(id, f, &record->tls);
		break;
	case IDENTITY_HTTP:
		http_record(n, &record->http);
		break;
	case IDENTITY_DNS:
	case IDENTITY_MDNS:
	case IDENTITY_LLMNR:
		dns_record(id, f, &record->dns);
		break;
	default:	/* nothing but its name */
		break;
	}
}

bool identify_is_named(const struct identify *id, const struct flow_report *report)
{
	return report->sni_len || facts_of(id, report->slot)->name[IDENTITY_DOMAIN - IDENTITY_NEXT_PROTOCOL];
}

bool identify_is_nameable(const struct identify *id, const struct flow_report *report)
{
	const uint8_t protocol = facts_of(id, report->slot)->number.protocol;

	if (report->key->proto != IPPROTO_TCP && report->key->proto != IPPROTO_UDP)
		return false;
	return identify_is_named(id, report) || protocol == IDENTITY_HTTP ||
	       (report->name_status != NAME_NOT_TLS && report->name_status != NAME_NONE_YET);
}

/* ---- the module ---- */

int identify_new(struct identify **ret_id, uint32_t slots, uint32_t facts_max)
{
	struct identity_settings settings = { .name_found = found, .mdns_seen = mdns_seen, .hello_again = hello_again };
	struct identify *id = calloc(1, sizeof(*id));
	int err;

	if (!id)
		return -ENOMEM;
	id->slots = slots;
	id->spare_slot = COPY_NO_SLOT;
	settings.arg = id;
	err = getrandom(&settings.seed, sizeof(settings.seed), 0) == sizeof(settings.seed) ? 0 : -errno;
	if (!err)
		err = sparse_new(&id->facts, sizeof(struct facts), MIN(facts_max, slots));
	if (!err)
		err = identity_new(&id->engine, &settings);
	if (err) {
		identify_free(id);
		return err;
	}
	*ret_id = id;
	return 0;
}

void identify_attach(struct identify *id, struct flowtab *ft, flowtab_emit emit, void *arg)
{
	id->ft = ft;
	id->emit = emit;
	id->emit_arg = arg;
	id->names = flowtab_names(ft);
}

struct identify *identify_free(struct identify *id)
{
	if (!id)
		return NULL;
	sparse_free(id->facts);
	identity_free(id->engine);
	free(id);
	return NULL;
}

const struct identity_counters *identify_engine(const struct identify *id)
{
	return identity_counters(id->engine);
}

const struct identify_counters *identify_counters(const struct identify *id)
{
	return &id->counters;
}

const uint64_t *identify_quic(const struct identify *id)
{
	return identity_quic_counts(id->engine);
}

size_t identify_under_way(const struct identify *id)
{
	return identity_under_way(id->engine);
}

uint32_t identify_facts(const struct identify *id)
{
	return sparse_count(id->facts);
}
