/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * secret - random bytes in a file of their own, made on first use.
 *
 * The file is made whole or not at all: written under another name, synced, then given its name, which never replaces
 * a file that is there. Its directory is made when only that is missing. A file that is not exactly SECRET_BYTES long,
 * that group or others have a right to, or that belongs to neither root nor this user is refused, never mended: others
 * may have read it. What the bytes are for is the caller's business. No logging: @error gets one line that quotes the
 * path and says what is allowed. A run that is cut while it makes the file may leave PATH.XXXXXX, which nobody reads.
 */
#pragma once

#include <stdint.h>

#define SECRET_BYTES	   32
#define SECRET_ERROR_BYTES 512

/* 0; 1: there was none, and it was made; or a negative errno: @ret_secret is untouched then. */
int secret_load(const char *path, uint8_t ret_secret[SECRET_BYTES], char error[SECRET_ERROR_BYTES]);
