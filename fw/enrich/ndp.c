/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "enrich/ndp.h"

#include "base/reader.h"
#include "base/util.h"

#define HOP_LIMIT   255
#define OPTION_UNIT 8 /* RFC 4861 4.6: lengths count these */

enum { OPTION_SOURCE_MAC = 1, OPTION_TARGET_MAC = 2 };
enum { FLAG_ROUTER = 0x80, FLAG_SOLICITED = 0x40, FLAG_OVERRIDE = 0x20 };

static bool is_multicast(const uint32_t a[4])
{
	return ntohl(a[0]) >> 24 == 0xff;
}

static bool is_link_local(const uint32_t a[4])
{
	return ntohl(a[0]) >> 22 == 0xfe80 >> 6;
}

/* ff02::1:ffXX:XXXX, RFC 4291 2.7.1 */
static bool is_solicited_node(const uint32_t a[4])
{
	return a[0] == htonl(0xff020000) && !a[1] && a[2] == htonl(1) && ntohl(a[3]) >> 24 == 0xff;
}

/* What comes before the options; @r then stands at them. */
static enum ndp_result read_body(struct reader *r, struct ndp *ndp)
{
	const uint8_t *target;
	uint8_t flags;

	switch (ndp->type) {
	case NDP_RS:
		reader_bytes(r, 4);
		return r->bad ? NDP_SHORT : NDP_OK;
	case NDP_RA:
		reader_bytes(r, 2);
		ndp->router = reader_u16(r);
		reader_bytes(r, 8);
		return r->bad ? NDP_SHORT : NDP_OK;
	case NDP_NS:
	case NDP_NA:
		flags = reader_u8(r);
		reader_bytes(r, 3);
		target = reader_bytes(r, 16);
		if (!target)
			return NDP_SHORT;
		address_from_v6(target, ndp->target);
		if (ndp->type == NDP_NA) {
			ndp->router = flags & FLAG_ROUTER;
			ndp->solicited = flags & FLAG_SOLICITED;
			ndp->override = flags & FLAG_OVERRIDE;
		}
		return is_multicast(ndp->target) ? NDP_TARGET : NDP_OK;
	}
	return NDP_OTHER;
}

static enum ndp_result read_options(struct reader *r, struct ndp *ndp)
{
	while (r->left) {
		uint8_t type = reader_u8(r), units = reader_u8(r);
		struct reader value;

		if (r->bad || !units)
			return NDP_OPTION;
		value = reader_part(r, (size_t)units * OPTION_UNIT - 2);
		if (r->bad)
			return NDP_OPTION;
		if (type != OPTION_SOURCE_MAC && type != OPTION_TARGET_MAC)
			continue;
		if (value.left != MAC_BYTES)
			return NDP_LINK_LAYER;
		/* RFC 4861 4.3, 4.4: each belongs to some messages, elsewhere it is to be ignored (4.6). */
		if (type == OPTION_SOURCE_MAC && ndp->type != NDP_NA && !ndp->source_mac)
			ndp->source_mac = value.at;
		if (type == OPTION_TARGET_MAC && ndp->type == NDP_NA && !ndp->target_mac)
			ndp->target_mac = value.at;
	}
	return NDP_OK;
}

/* What the addresses of the IPv6 header may be. */
static enum ndp_result check_addresses(const struct ndp *ndp, const uint32_t destination[4])
{
	if (is_multicast(ndp->source) || (ndp->type == NDP_RA && !is_link_local(ndp->source)))
		return NDP_SOURCE;
	if (ndp->type == NDP_NA && address_is_unspecified(ndp->source))
		return NDP_SOURCE;
	if (ndp->dad && !is_solicited_node(destination))
		return NDP_DESTINATION;
	if (ndp->solicited && is_multicast(destination))
		return NDP_DESTINATION;
	return NDP_OK;
}

enum ndp_result ndp_parse(const uint8_t *bytes, size_t len, const uint32_t source[4], const uint32_t destination[4],
			  uint8_t hop_limit, struct ndp *ret_ndp)
{
	struct reader r = {.at = bytes, .left = len};
	uint8_t type = reader_u8(&r), code = reader_u8(&r);
	struct ndp ndp = {.type = type};
	enum ndp_result result;

	reader_u16(&r); /* checksum */
	if (r.bad)
		return NDP_SHORT;
	if (type < NDP_RS || type > NDP_NA)
		return NDP_OTHER;
	if (hop_limit != HOP_LIMIT)
		return NDP_HOP_LIMIT;
	if (code)
		return NDP_CODE;
	memcpy(ndp.source, source, sizeof(ndp.source));
	ndp.dad = type == NDP_NS && address_is_unspecified(source);
	result = read_body(&r, &ndp);
	if (result == NDP_OK)
		result = check_addresses(&ndp, destination);
	if (result == NDP_OK)
		result = read_options(&r, &ndp);
	if (result != NDP_OK)
		return result;
	if (address_is_unspecified(source) && ndp.source_mac) /* RFC 4861 6.1.1, 7.1.1 */
		return NDP_LINK_LAYER;
	*ret_ndp = ndp;
	return NDP_OK;
}

const char *ndp_result_name(enum ndp_result result)
{
	static const char *const NAMES[] = {
#define X(name, text) [NDP_##name] = text,
		NDP_RESULTS(X)
#undef X
	};

	return NAMES[result];
}
