/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/dhcp_fqdn.h"

#include <string.h>

#define LABEL_BYTES 63 /* RFC 1035 2.3.4; above are pointers, which RFC 4702 3.1 and RFC 4704 4.2 forbid */

bool dhcp_fqdn_read(struct reader wire, struct dns_name *ret_name, bool *ret_partial)
{
	bool partial = false;
	size_t len = 0;

	ret_name->len = 0;
	while (wire.left) {
		uint8_t label = reader_u8(&wire);
		const uint8_t *bytes = reader_bytes(&wire, label);

		if (!bytes || label > LABEL_BYTES || (!label && wire.left))
			return false;
		if (!label)
			break;
		if (len + 1 + label + 1 > DNS_NAME_BYTES)
			return false;
		ret_name->bytes[len] = label;
		memcpy(ret_name->bytes + len + 1, bytes, label);
		len += 1u + label;
		partial = !wire.left;
	}
	if (!len)
		return false;
	*ret_partial = partial;
	ret_name->bytes[len] = 0;
	ret_name->len = (uint8_t)(len + 1);
	return true;
}
