/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * oui - vendor of a MAC, by the IEEE's lists (MA-L, MA-M, MA-S, IAB): the longest prefix that is assigned.
 *
 * Reads what tools/make-oui made of them. The file is mapped read-only and checked once, whatever it holds: header,
 * CRC, order, every offset and name; then a look-up is three binary searches. Known limit: who shortens or changes the
 * file in place while it is mapped stops the process, or is believed: replace it by rename(2) or install(1).
 *
 * File, numbers big-endian: header of OUI_HEADER_BYTES: magic, u32 version, u32 entries of 24, 28 and 36 bits, u32
 * bytes of names, u32 CRC-32 (IEEE 802.3) of all behind the header. Then the entries of 24, 28, 36 bits, in ascending
 * order: 5 bytes of prefix with zeros behind it, u24 offset of its name; then the names, each once, NUL behind each.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define OUI_MAGIC	 "weir-oui"
#define OUI_MAGIC_BYTES	 8
#define OUI_VERSION	 1
#define OUI_HEADER_BYTES 32
#define OUI_ENTRY_BYTES	 8
#define OUI_NAME_MAX	 127	     /* bytes; the longest of 2022 has 108 */
#define OUI_FILE_MAX	 (16u << 20) /* that of 2022 has 1.1 MB */

struct oui;

/* 0; -EBADMSG: not such a file, or damaged; -ENOTSUP: another version; else why it cannot be read: -ENOENT, ... */
int oui_open(struct oui **ret_oui, const char *path);
struct oui *oui_close(struct oui *oui); /* takes NULL; returns NULL */

/* NULL: not known, or locally administered; also with @oui NULL. Valid until oui_close(). Any bytes but control ones.
 */
const char *oui_vendor(const struct oui *oui, const uint8_t mac[6]);
