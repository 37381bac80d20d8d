/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/quic_packet.h"

#include <string.h>

#include "base/util.h"

#define LONG_HEADER	0x80
#define FIXED_BIT	0x40	/* RFC 9287: may be anything in versions we know */

/* RFC 9000 14.1. Only what is as long as a client's first one, and has the fixed bit, is taken for QUIC of an unknown version:
 * else one DNS message of four, and all of RTP, would be. */
#define FIRST_BYTES_MIN	1200

#define FRAME_PADDING	0x00
#define FRAME_PING	0x01
#define FRAME_ACK	0x02
#define FRAME_ACK_ECN	0x03
#define FRAME_CRYPTO	0x06
#define FRAME_CLOSE	0x1c

#define SALT_V1		{ 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, \
			  0xcc, 0xbb, 0x7f, 0x0a }
#define RETRY_KEY_V1	{ 0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e }
#define RETRY_NONCE_V1	{ 0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb }
#define SALT_29		{ 0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, \
			  0x43, 0x90, 0xa8, 0x99 }
#define RETRY_KEY_29	{ 0xcc, 0xce, 0x18, 0x7e, 0xd0, 0x9a, 0x09, 0xd0, 0x57, 0x28, 0x15, 0x5a, 0x6c, 0xb9, 0x6b, 0xe1 }
#define RETRY_NONCE_29	{ 0xe5, 0x49, 0x30, 0xf9, 0x7f, 0x21, 0x36, 0xf0, 0x53, 0x0a, 0x8c, 0x1c }
#define SALT_27		{ 0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, \
			  0xbe, 0xf9, 0xf5, 0x02 }
#define RETRY_KEY_27	{ 0x4d, 0x32, 0xec, 0xdb, 0x2a, 0x21, 0x33, 0xc8, 0x41, 0xe4, 0x04, 0x3d, 0xf2, 0x7d, 0x44, 0x30 }
#define RETRY_NONCE_27	{ 0x4d, 0x16, 0x11, 0xd0, 0x55, 0x13, 0xa5, 0x52, 0xc5, 0x87, 0xd5, 0x75 }
#define LABELS_V1	"quic key", "quic iv", "quic hp"

/* draft-ietf-quic-tls-27, -29 and -33, 5.2 and 5.8: where the salts changed */
static const struct quic_version VERSIONS[] = {
	{ 0x00000001, 0, LABELS_V1, SALT_V1, RETRY_KEY_V1, RETRY_NONCE_V1 },
	{ 0x6b3343cf, 1, "quicv2 key", "quicv2 iv", "quicv2 hp",
	  { 0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
	    0xf9, 0xbd, 0x2e, 0xd9 },
	  { 0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2, 0x60, 0xfb, 0xcb, 0xce, 0xad, 0x7c, 0xcc, 0x92 },
	  { 0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef, 0xb0, 0x4a } },
	{ 0xff000022, 0, LABELS_V1, SALT_V1, RETRY_KEY_V1, RETRY_NONCE_V1 },
	{ 0xff000021, 0, LABELS_V1, SALT_V1, RETRY_KEY_V1, RETRY_NONCE_V1 },
	{ 0xff000020, 0, LABELS_V1, SALT_29, RETRY_KEY_29, RETRY_NONCE_29 },
	{ 0xff00001f, 0, LABELS_V1, SALT_29, RETRY_KEY_29, RETRY_NONCE_29 },
	{ 0xff00001e, 0, LABELS_V1, SALT_29, RETRY_KEY_29, RETRY_NONCE_29 },
	{ 0xff00001d, 0, LABELS_V1, SALT_29, RETRY_KEY_29, RETRY_NONCE_29 },
	{ 0xff00001c, 0, LABELS_V1, SALT_27, RETRY_KEY_27, RETRY_NONCE_27 },
	{ 0xff00001b, 0, LABELS_V1, SALT_27, RETRY_KEY_27, RETRY_NONCE_27 },
};

const struct quic_version *quic_version_find(uint32_t number)
{
	for (size_t i = 0; i < ARRAY_SIZE(VERSIONS); i++)
		if (VERSIONS[i].number == number)
			return &VERSIONS[i];
	return NULL;
}

uint64_t quic_varint(struct reader *r)
{
	uint8_t first = reader_u8(r);
	size_t more = ((size_t)1 << (first >> 6)) - 1;
	uint64_t value = first & 0x3f;

	if (more == 7) {
		value = value << 24 | reader_u24(r);
		more = 4;
	}
	return value << 8 * more | reader_uint(r, more);
}

uint64_t quic_packet_number(uint64_t next, uint32_t truncated, size_t bytes)
{
	uint64_t window = 1ULL << 8 * bytes, candidate = (next & ~(window - 1)) | truncated;

	if (candidate + window / 2 <= next && candidate < (1ULL << 62) - window)
		return candidate + window;
	if (candidate > next + window / 2 && candidate >= window)
		return candidate - window;
	return candidate;
}

static struct tls_bytes rest(const struct reader *r)
{
	return (struct tls_bytes){ .at = r->at, .len = r->left };
}

/* A length, of bytes that are there: so it fits into 32 bits, too. */
static size_t read_length(struct reader *r)
{
	uint64_t len = quic_varint(r);

	r->bad |= len > r->left;
	return r->bad ? 0 : (size_t)len;
}

/* Longer than QUIC_CID_MAX: the reader is bad. */
static struct quic_cid read_cid(struct reader *r)
{
	struct quic_cid cid = { .len = reader_u8(r) };
	const uint8_t *id = reader_bytes(r, cid.len);

	if (cid.len > QUIC_CID_MAX)
		r->bad = true;
	if (r->bad)
		return (struct quic_cid){ 0 };
	memcpy(cid.id, id, cid.len);
	return cid;
}

/* Token of an Initial, then the length of what is protected. RFC 9000 17.2.2 to 17.2.4 */
static void read_protected(struct reader *r, const uint8_t *begin, struct quic_packet *p)
{
	size_t len;

	if (p->type == QUIC_INITIAL) {
		struct reader token = reader_part(r, read_length(r));

		p->token = rest(&token);
	}
	len = read_length(r);
	p->number_at = r->bad ? 0 : (size_t)(r->at - begin);
	reader_bytes(r, len);
}

static void read_retry(struct reader *r, struct quic_packet *p)
{
	if (r->left < QUIC_TAG_BYTES) {
		r->bad = true;
		return;
	}
	p->token = (struct tls_bytes){ r->at, r->left - QUIC_TAG_BYTES };
	reader_bytes(r, r->left);
}

static void read_negotiation(struct reader *r, struct quic_packet *p)
{
	p->type = QUIC_NEGOTIATION;
	p->versions = rest(r);
	if (!r->left || r->left % 4)
		r->bad = true;
	reader_bytes(r, r->left);
}

static void read_long(struct reader *r, const uint8_t *begin, struct quic_packet *p)
{
	p->number = reader_uint(r, 4);
	p->version = quic_version_find(p->number);
	p->dcid = read_cid(r);
	p->scid = read_cid(r);
	if (r->bad)
		return;
	if (!p->number) {
		read_negotiation(r, p);
		return;
	}
	if (!p->version) {
		p->type = QUIC_OTHER_VERSION;
		r->bad = !(*begin & FIXED_BIT) || (size_t)(r->at - begin) + r->left < FIRST_BYTES_MIN;
		reader_bytes(r, r->left);
		return;
	}
	p->type = (enum quic_packet_type)(((*begin >> 4) - p->version->first_type) & 3);
	if (p->type == QUIC_RETRY_PACKET)
		read_retry(r, p);
	else
		read_protected(r, begin, p);
}

enum quic_packet_type quic_packet_next(struct reader *datagram, struct quic_packet *ret_packet)
{
	struct quic_packet *p = ret_packet;
	const uint8_t *begin = datagram->at;
	uint8_t first = reader_u8(datagram);

	*p = (struct quic_packet){ 0 };
	if (first & LONG_HEADER) {
		read_long(datagram, begin, p);
	} else {	/* no length: the last one, RFC 9000 12.2 */
		p->type = QUIC_SHORT_HEADER;
		datagram->bad |= !(first & FIXED_BIT);
		reader_bytes(datagram, datagram->left);
	}
	if (datagram->bad) {
		datagram->left = 0;
		*p = (struct quic_packet){ .type = QUIC_PACKET_BAD };
		return p->type;
	}
	p->all = (struct tls_bytes){ begin, (size_t)(datagram->at - begin) };
	return p->type;
}

/* RFC 9000 19.3. Each range takes two bytes at least: bounded by the packet. */
static void skip_ack(struct reader *r, bool ecn)
{
	uint64_t ranges;

	quic_varint(r);		/* largest, delay, count, first range */
	quic_varint(r);
	ranges = quic_varint(r);
	quic_varint(r);
	for (uint64_t i = 0; i < 2 * ranges && !r->bad; i++)
		quic_varint(r);
	for (int i = 0; ecn && i < 3; i++)
		quic_varint(r);
}

enum quic_frame quic_frame_next(struct reader *payload, uint64_t *ret_offset, struct tls_bytes *ret_data)
{
	uint64_t type = quic_varint(payload);
	struct reader data;

	if (payload->bad)	/* and would not move on any more */
		return QUIC_FRAME_BAD;
	switch (type) {
	case FRAME_PADDING:
		while (payload->left && *payload->at == FRAME_PADDING)
			reader_u8(payload);
		break;
	case FRAME_PING:
		break;
	case FRAME_ACK:
		skip_ack(payload, false);
		break;
	case FRAME_ACK_ECN:
		skip_ack(payload, true);
		break;
	case FRAME_CLOSE:
		quic_varint(payload);	/* code, frame type, reason */
		quic_varint(payload);
		reader_part(payload, read_length(payload));
		break;
	case FRAME_CRYPTO:
		*ret_offset = quic_varint(payload);
		data = reader_part(payload, read_length(payload));
		*ret_data = rest(&data);
		return payload->bad ? QUIC_FRAME_BAD : QUIC_FRAME_CRYPTO;
	default:
		return QUIC_FRAME_BAD;
	}
	return payload->bad ? QUIC_FRAME_BAD : QUIC_FRAME_OTHER;
}
