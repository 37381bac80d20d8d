/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/dtls.h"

#include <string.h>

#include "base/reader.h"
#include "base/util.h"

#define CONTENT_FIRST		20	/* change_cipher_spec, alert, handshake, data, heartbeat, tls12_cid, ack */
#define CONTENT_HANDSHAKE	22
#define CONTENT_CID		25	/* RFC 9146: its header has a length that nobody told us */
#define CONTENT_LAST		26
#define UNIFIED_MASK		0xe0	/* RFC 9147 4: encrypted record of 1.3 */
#define UNIFIED			0x20
#define MESSAGE_HEADER		12
#define CLIENT_HELLO		1
#define SERVER_HELLO		2
#define HELLO_VERIFY		3
#define NO_MESSAGE		0xffffffffu

struct fragment {
	uint8_t type;
	uint16_t number;
	uint32_t length, offset;
	struct reader bytes;
	const uint8_t *header;	/* with the fragment behind it */
};

struct walk {
	struct reassemble_pool *pool;
	struct ja4 *ja4;
	struct dtls *d;
	unsigned int direction;
	struct dtls_facts *facts;
};

static enum dtls_result read_hello(const struct walk *w, uint8_t type, const uint8_t *message, size_t len)
{
	struct dtls_facts *f = w->facts;

	if (type == CLIENT_HELLO) {
		f->tls = tls_client_hello(TLS_ON_DATAGRAMS, message, len, &f->client);
		f->has_client = f->tls != TLS_NOT_HELLO;
		if (f->has_client)
			ja4_text(w->ja4, &f->client, f->ja4);
	} else {
		f->tls = tls_server_hello(TLS_ON_DATAGRAMS, message, len, &f->server);
		f->has_server = f->tls != TLS_NOT_HELLO;
	}
	return f->has_client || f->has_server ? DTLS_HELLO : DTLS_BAD;
}

static struct reassemble *drop(const struct walk *w)
{
	struct dtls *d = w->d;

	d->buffer[w->direction] = reassemble_end(w->pool, d->buffer[w->direction]);
	return NULL;
}

/* The message's header, as of one fragment: RFC 6347 4.2.6 has it so for the hash, too. */
static void put_header(struct reassemble *r, const struct fragment *f)
{
	const uint8_t header[MESSAGE_HEADER] = {
		f->type, (uint8_t)(f->length >> 16), (uint8_t)(f->length >> 8), (uint8_t)f->length,
		(uint8_t)(f->number >> 8), (uint8_t)f->number, 0, 0, 0,
		(uint8_t)(f->length >> 16), (uint8_t)(f->length >> 8), (uint8_t)f->length,
	};

	reassemble_add(r, 0, header, sizeof(header));
}

static enum dtls_result join(const struct walk *w, const struct fragment *f)
{
	struct dtls *d = w->d;
	struct reassemble *r = d->buffer[w->direction];
	const uint32_t message = (uint32_t)f->type << 16 | f->number;

	if (f->length > DTLS_MESSAGE_MAX)
		return DTLS_FULL;
	if (r && (d->message[w->direction] != message || d->length[w->direction] != f->length))
		r = drop(w);	/* the hello with the cookie; or one of the two lies */
	if (!r) {
		r = d->buffer[w->direction] = reassemble_begin(w->pool, 0);
		if (!r)
			return DTLS_FULL;
		d->message[w->direction] = message;
		d->length[w->direction] = f->length;
		put_header(r, f);
	}
	reassemble_add(r, MESSAGE_HEADER + f->offset, f->bytes.at, f->bytes.left);
	if (reassemble_ready(r) < MESSAGE_HEADER + f->length)
		return DTLS_MORE;
	d->message[w->direction] = NO_MESSAGE;	/* done: a copy of a fragment would begin it again, and does no harm */
	return read_hello(w, f->type, r->bytes, MESSAGE_HEADER + f->length);
}

static enum dtls_result read_message(const struct walk *w, struct reader *record)
{
	struct fragment f = { .header = record->at };
	uint32_t fragment_len;

	f.type = reader_u8(record);
	f.length = reader_u24(record);
	f.number = reader_u16(record);
	f.offset = reader_u24(record);
	fragment_len = reader_u24(record);
	f.bytes = reader_part(record, fragment_len);
	if (record->bad || f.offset > f.length || fragment_len > f.length - f.offset)
		return DTLS_BAD;
	if (f.type == HELLO_VERIFY)
		w->facts->hello_retry = true;
	if (f.type != CLIENT_HELLO && f.type != SERVER_HELLO)
		return DTLS_SKIPPED;
	if (fragment_len == f.length)
		return read_hello(w, f.type, f.header, MESSAGE_HEADER + f.length);
	return join(w, &f);
}

static enum dtls_result read_record(const struct walk *w, struct reader record)
{
	enum dtls_result result = DTLS_SKIPPED, of_message;

	for (int n = 0; record.left && n < DTLS_MESSAGES_MAX; n++) {
		of_message = read_message(w, &record);
		result = MAX(result, of_message);
		if (of_message == DTLS_BAD)
			break;
	}
	return result;
}

enum dtls_result dtls_datagram(struct reassemble_pool *pool, struct ja4 *ja4, struct dtls *d, unsigned int direction,
			       const uint8_t *bytes, size_t len, struct dtls_facts *ret_facts)
{
	const struct walk w = { .pool = pool, .ja4 = ja4, .d = d, .direction = direction & 1, .facts = ret_facts };
	struct reader r = { .at = bytes, .left = len };
	enum dtls_result result = DTLS_NOT_DTLS;

	*ret_facts = (struct dtls_facts){ 0 };
	for (int n = 0; r.left && n < DTLS_RECORDS_MAX; n++) {
		const bool unified = n && (r.at[0] & UNIFIED_MASK) == UNIFIED;
		const uint8_t type = reader_u8(&r), major = reader_u8(&r), minor = reader_u8(&r);
		enum dtls_result of_record = DTLS_SKIPPED;
		struct reader record;
		uint16_t epoch;

		if (unified)
			break;
		if (type < CONTENT_FIRST || type > CONTENT_LAST || major != 0xfe || (minor != 0xff && minor != 0xfd))
			break;
		if (type == CONTENT_CID)
			return MAX(result, DTLS_SKIPPED);
		epoch = reader_u16(&r);
		reader_bytes(&r, 6);
		record = reader_part(&r, reader_u16(&r));
		if (r.bad)
			return n ? MAX(result, DTLS_BAD) : DTLS_NOT_DTLS;
		if (type == CONTENT_HANDSHAKE && epoch == 0)
			of_record = read_record(&w, record);
		result = MAX(result, of_record);
	}
	return result;
}

void dtls_done(struct reassemble_pool *pool, struct dtls *d)
{
	for (int i = 0; i < 2; i++)
		if (d->buffer[i] && d->message[i] == NO_MESSAGE)
			d->buffer[i] = reassemble_end(pool, d->buffer[i]);
}

void dtls_end(struct reassemble_pool *pool, struct dtls *d)
{
	for (int i = 0; i < 2; i++)
		reassemble_end(pool, d->buffer[i]);
	*d = (struct dtls){ 0 };
}
