/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * device_key - the private key that tells the broker which gateway this is: made here, and never anywhere else.
 *
 * EC P-256, PEM (PKCS #8), for its owner alone. What leaves the machine is a signing request (PKCS #10). Returns 0 or a
 * negative errno; @error then says which file and why. No logging.
 */
#pragma once

#include <openssl/evp.h>
#include <stdio.h>
#include <sys/types.h>

#define DEVICE_KEY_ERROR_MAX 256

/* The key in @path. Where there is none one is made, with the owner given; 1: that was so. An existing one that others may read, or that is no private key, is refused. */
int device_key_load(const char *path, uid_t uid, gid_t gid, EVP_PKEY **ret_key, char error[DEVICE_KEY_ERROR_MAX]);

/* A request for a client certificate with @name (1 to 64 bytes of UTF-8) as its common name, PEM, to @out. */
int device_key_request(EVP_PKEY *key, const char *name, FILE *out);
