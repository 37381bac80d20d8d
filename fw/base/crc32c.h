/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * crc32c - the Castagnoli checksum (RFC 3720 appendix B.4), as iSCSI, ext4 and Btrfs use it.
 *
 * Eight bytes a step from tables of 8 kB, which are made on first use. crc32c(0, ...) begins; the result goes in again
 * for the bytes that follow.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);
