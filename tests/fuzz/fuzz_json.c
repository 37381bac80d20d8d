/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz_json - a record made of any bytes: the output is one JSON object in valid UTF-8 or writer.full, and the line for
 * people is printable ASCII. Input: struct shape below, then the names' bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "export/json.h"
#include "json_check.h"

struct shape {
	uint16_t size;		/* of the buffer; large: all of RECORD_JSON_MAX */
	uint16_t sni_len, alpn_len;
	uint8_t text_len[3];	/* interface, role, hook; 255: NULL */
	uint8_t flags;
	uint8_t ip_version, proto, end_reason, initiator, name_status, id_len;
	uint64_t start_us, end_us, duration_ns;
	uint16_t vlan[2], pppoe_session, ports[2];
	uint64_t numbers[10];
	uint8_t bytes[12 + 32 + 2];	/* MACs, addresses, TCP flags */
	uint16_t zero;
};
_Static_assert(sizeof(struct shape) == 184, "the seeds have this shape");

/* @len of the input's bytes in memory of exactly that size, so that the sanitizer sees one too many; with a NUL for texts. */
static void *take(const uint8_t **data, size_t *left, size_t len, size_t nul)
{
	uint8_t *copy;

	len = MIN(len, *left);
	copy = malloc(len + nul);
	if (len)
		memcpy(copy, *data, len);
	if (nul)
		copy[len] = 0;
	*data += len;
	*left -= len;
	return copy;
}

static void fill_side(struct record_side *side, const struct shape *s, int which)
{
	const uint64_t *n = s->numbers + 5 * which;

	memcpy(side->mac, s->bytes + 6 * which, 6);
	memcpy(side->addr, s->bytes + 12 + 16 * which, 16);
	side->has_mac = s->flags & (1 << which);
	side->tcp_flags = s->bytes[44 + which];
	side->port = s->ports[which];
	side->packets = n[0];
	side->bytes = n[1];
	side->ip_bytes = n[2];
	side->total_packets = n[3];
	side->total_bytes = n[4];
}

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_json(const struct record *r, size_t size)
{
	char *text = malloc(size);
	struct writer w = { .buf = text, .size = size };

	json_record(&w, r);
	check(w.len <= size);
	check(w.full || (json_check(text, w.len, NULL, NULL) && text[0] == '{'));
	check(size < RECORD_JSON_MAX || !w.full);
	free(text);
}

static void check_text(const struct record *r)
{
	char text[RECORD_TEXT_MAX];
	struct writer w = WRITER(text);

	record_text(&w, r);
	for (size_t i = 0; i < w.len; i++)
		check(text[i] >= 0x20 && text[i] < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t left);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t left)
{
	struct shape s = { 0 };
	struct record r = { 0 };
	char *texts[3], *id;
	uint8_t *sni, *alpn;
	size_t before;

	if (left < sizeof(s))
		return 0;
	memcpy(&s, data, sizeof(s));
	data += sizeof(s);
	left -= sizeof(s);
	fill_side(&r.source, &s, 0);
	fill_side(&r.destination, &s, 1);
	r.start_us = s.start_us;
	r.end_us = s.end_us;
	r.duration_ns = s.duration_ns;
	r.ip_version = s.ip_version;
	r.proto = s.proto;
	r.has_ports = s.flags & 4;
	r.fragments = s.flags & 8;
	r.from_start = s.flags & 16;
	r.end_reason = s.end_reason;
	r.initiator = s.initiator;
	r.name_status = s.name_status;
	memcpy(r.vlan, s.vlan, sizeof(r.vlan));
	r.pppoe_session = s.pppoe_session;
	before = left;
	sni = take(&data, &left, s.sni_len % (SNI_MAX + 1), 0);
	r.sni = sni;
	r.sni_len = (uint16_t)(before - left);
	before = left;
	alpn = take(&data, &left, s.alpn_len % (ALPN_MAX + 1), 0);
	r.alpn = alpn;
	r.alpn_len = (uint16_t)(before - left);
	id = take(&data, &left, s.id_len % COMMUNITY_ID_TEXT, 1);
	strcpy(r.community_id, id);
	for (int i = 0; i < 3; i++)
		texts[i] = take(&data, &left, s.text_len[i] % 43, 1);
	r.interface = s.text_len[0] == 255 ? NULL : texts[0];
	r.role = s.text_len[1] == 255 ? NULL : texts[1];
	r.hook = s.text_len[2] == 255 ? NULL : texts[2];

	check_json(&r, s.size < 2048 ? s.size : RECORD_JSON_MAX);
	check_text(&r);
	for (int i = 0; i < 3; i++)
		free(texts[i]);
	free(id);
	free(alpn);
	free(sni);
	return 0;
}
