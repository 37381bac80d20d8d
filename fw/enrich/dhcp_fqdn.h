/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * dhcp_fqdn - the name in a Client FQDN option, in wire form: DHCPv6 always, DHCPv4 with its E flag (RFC 4702, 4704).
 *
 * Labels behind their lengths, never compressed. Without the root's label at the end it is a part of a name that the
 * server completes: "laptop". Pure. False, and no name: empty, a label or the name too long, or bytes behind the root.
 */
#pragma once

#include "enrich/dns_name.h"

/* @ret_name has the root's label in any case; @ret_partial says that it was not there. */
bool dhcp_fqdn_read(struct reader wire, struct dns_name *ret_name, bool *ret_partial);
