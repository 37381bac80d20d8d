/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * broker_tls - the TLS context of one connection: which files, which name, which time the broker's certificate is held against.
 *
 * The library's own set-up is not used: it goes on in plain text where a file is missing, takes TLS 1.1, tells nobody
 * why a certificate was refused, and verifies the address that it connects to, while names are looked up elsewhere here
 * (resolve.h). TLS 1.2 or newer; the chain and the name always have to be right; there is no switch for less.
 *
 * Clock: a gateway without a battery wakes up in 1970. Certificates are held against the time of the build where the
 * clock is before that, and what is wrong about one then says that the clock is.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdint.h>

#include "mqtt/uplink.h"

#define BROKER_TLS_TEXT_MAX 160

struct broker_tls_peer {		/* outlives the context: it is written during the handshake */
	char name[256];		/* of the broker, as configured: SNI, and what its certificate has to be for */
	char wrong[BROKER_TLS_TEXT_MAX];	/* about its certificate; "" so far */
	int64_t expires_s;	/* its certificate, seconds since 1970; 0: not seen */
};

/* -EINVAL: @ret_text (BROKER_TLS_TEXT_MAX bytes) says which file is missing or unusable. Files are read at each call. */
int broker_tls_context(SSL_CTX **ret_ctx, const struct uplink_conf *conf, struct broker_tls_peer *peer, char *ret_text);

/* notAfter of the first certificate of a PEM file; 0: none that can be read. */
int64_t broker_tls_expires_s(const char *path);
