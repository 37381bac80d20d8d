/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ja4 - JA4, the fingerprint of a TLS client, from the facts of its ClientHello.
 *
 * FoxIO's technical_details/JA4.md, the BSD-3-Clause part: JA4 only, none of JA4+. GREASE counts nowhere, among the
 * signature algorithms neither ("ignore GREASE values anywhere it sees them": Chromium since 152 sends one there; tools
 * that keep it show sixteen fingerprints for one browser). DTLS: the newest version counts. SHA-256 is libcrypto's,
 * fetched once in ja4_new(). Not for two threads at once. 0 or a negative errno; no logging.
 */
#pragma once

#include "enrich/tls.h"

#define JA4_SIZE	37	/* "t13d1516h2_8daaf6152771_e5627efa2ab1" and NUL */
#define JA4_LIST_MAX	256	/* ciphers, signature algorithms: real clients send up to 86; 3.6 kB of stack */

struct ja4;

int ja4_new(struct ja4 **ret_ja4);	/* -ENOTSUP: this libcrypto has no SHA-256 */
struct ja4 *ja4_free(struct ja4 *ja4);	/* takes NULL; returns NULL */

/* -ENODATA: the hello was not read to its end; -E2BIG: a list is over its limit. @ret_text is "" after any error. */
int ja4_text(struct ja4 *ja4, const struct tls_client *client, char ret_text[JA4_SIZE]);
