/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tls_records - the first handshake message at the front of a TCP stream, out of its TLS records (RFC 8446 5.1).
 *
 * Pure, and without state: asked again whenever there is more of the stream. A message in one record is handed out
 * where it lies; one in several is joined in the caller's @scratch. What the message says is tls.h's business.
 */
#pragma once

#include "enrich/tls.h"

#define TLS_RECORD_MAX 16384	/* RFC 8446 5.1: bytes of a record in clear */

enum tls_records_result {
	TLS_RECORDS_MESSAGE,	/* @ret_message is whole */
	TLS_RECORDS_MORE,	/* so far it is TLS */
	TLS_RECORDS_NOT_TLS,	/* no TLS record where one should be */
	TLS_RECORDS_OTHER,	/* TLS, but an alert, data or the like where the handshake should be */
	TLS_RECORDS_TOO_LONG,	/* the message is longer than @size */
};

enum tls_records_result tls_records_message(const uint8_t *stream, size_t len, uint8_t *scratch, size_t size,
					    struct tls_bytes *ret_message);
