/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fields_when - conditions of the table in fields.h, for the files that encode by it: json.c and cbor.c. Only they include it. */
#pragma once

#include <netinet/in.h>

#include "export/record.h"
#include "export/text.h"

static inline bool has_flags(const struct record *r, const struct record_side *side)
{
	return r->proto == IPPROTO_TCP && (side->total_packets || side->tcp_flags);
}

static inline bool has_alpn(const struct record *r)
{
	const uint8_t *name;
	size_t at = 0, len;

	return record_alpn_next(r, &at, &name, &len);
}

static inline bool alpn_is_utf8(const struct record *r)
{
	const uint8_t *name;
	size_t at = 0, len;

	while (record_alpn_next(r, &at, &name, &len)) {
		if (!text_is_utf8(name, len))
			return false;
	}
	return true;
}
