/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cbor - one flow record as one CBOR map (RFC 8949): the twin of json.c, by the same table, with the same names and values.
 *
 * Decoded it equals the JSON decoded: times and addresses are texts here, too. Maps and arrays are of indefinite length, as what will be
 * in them is not known when they begin; texts and numbers are the shortest. Valid UTF-8 whatever the record holds. Never longer than
 * the JSON, so that RECORD_JSON_MAX holds it. What does not fit sets writer.full. Below: what an envelope around it is made of.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/writer.h"
#include "export/record.h"

void cbor_record(struct writer *w, const struct record *r);

#define CBOR_MAP 0xbf	/* first byte of such a map */

void cbor_map(struct writer *w);
void cbor_array(struct writer *w);
void cbor_end(struct writer *w);	/* of the innermost map or array */
void cbor_u64(struct writer *w, uint64_t value);
void cbor_boolean(struct writer *w, bool value);
void cbor_text(struct writer *w, const void *bytes, size_t len);	/* any bytes: what is not UTF-8 becomes U+FFFD */
void cbor_string(struct writer *w, const char *text);	/* the same of a text that ends in NUL */
