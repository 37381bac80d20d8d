/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tls_names - numbers of TLS as the words that ECS and IANA have for them.
 *
 * Constant tables, 15 kB with their texts. NULL: no name here, for numbers that are unknown or nobody's
 * (GREASE): the record then shows the number, tls_name_hex().
 */
#pragma once

#include <stdint.h>

#define TLS_HEX_SIZE 7	/* "0x1301" and NUL */

const char *tls_version_name(uint16_t version);		/* ECS tls.version: "1.3"; DTLS 1.3 too; SSL 3.0 is "3.0" */
const char *tls_version_protocol(uint16_t version);	/* ECS tls.version_protocol: "tls", "ssl", "dtls" */
const char *tls_cipher_name(uint16_t cipher);		/* ECS tls.cipher; IANA "TLS Cipher Suites" */
const char *tls_group_name(uint16_t group);		/* ECS tls.curve; IANA "TLS Supported Groups" */

const char *tls_name_hex(uint16_t value, char ret_text[TLS_HEX_SIZE]);	/* returns @ret_text */
