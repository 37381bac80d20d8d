/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/tls_records.h"

#include <string.h>

#include "base/reader.h"
#include "base/util.h"

#define CONTENT_FIRST		20	/* change_cipher_spec, alert, handshake, application_data, heartbeat */
#define CONTENT_HANDSHAKE	22
#define CONTENT_LAST		24

/* The header, as much of it as there is; @ret_len is the record's length where that is there, else 0. */
static enum tls_records_result read_header(struct reader *r, size_t *ret_len)
{
	struct reader header = reader_part(r, MIN(r->left, 5));
	uint8_t type = header.left ? reader_u8(&header) : CONTENT_HANDSHAKE;
	uint8_t major = header.left ? reader_u8(&header) : 3;

	*ret_len = 0;
	if (type < CONTENT_FIRST || type > CONTENT_LAST || major != 3)
		return TLS_RECORDS_NOT_TLS;
	if (type != CONTENT_HANDSHAKE)
		return TLS_RECORDS_OTHER;
	if (header.left < 3)
		return TLS_RECORDS_MORE;
	reader_u8(&header);
	*ret_len = reader_u16(&header);
	return *ret_len && *ret_len <= TLS_RECORD_MAX ? TLS_RECORDS_MESSAGE : TLS_RECORDS_NOT_TLS;
}

/* Where the message lies in the first record, if all of it does. */
static bool in_one_record(const struct reader *record, struct tls_bytes *ret_message)
{
	size_t whole = tls_message_len(TLS_ON_TCP, record->at, record->left);

	if (!whole || whole > record->left)
		return false;
	*ret_message = (struct tls_bytes){ record->at, whole };
	return true;
}

enum tls_records_result tls_records_message(const uint8_t *stream, size_t len, uint8_t *scratch, size_t size,
					    struct tls_bytes *ret_message)
{
	struct reader r = { .at = stream, .left = len };
	size_t joined = 0;

	while (r.left) {
		struct reader record;
		size_t record_len, whole, take;
		enum tls_records_result result = read_header(&r, &record_len);

		if (result != TLS_RECORDS_MESSAGE)
			return result;
		record = reader_part(&r, MIN(record_len, r.left));	/* the last one may be a part */
		if (!joined && in_one_record(&record, ret_message))
			return TLS_RECORDS_MESSAGE;
		take = MIN(record.left, size - joined);
		if (take)
			memcpy(scratch + joined, record.at, take);
		joined += take;
		whole = tls_message_len(TLS_ON_TCP, scratch, joined);
		if (whole > size || (!whole && take < record.left))
			return TLS_RECORDS_TOO_LONG;
		if (whole && joined >= whole) {
			*ret_message = (struct tls_bytes){ scratch, whole };
			return TLS_RECORDS_MESSAGE;
		}
	}
	return TLS_RECORDS_MORE;
}
