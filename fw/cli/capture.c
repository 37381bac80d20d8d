/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cli/capture.h"

#include <endian.h>
#include <errno.h>
#include <net/ethernet.h>
#include <pcap/pcap.h>
#include <pcap/sll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/util.h"

#define PPP_IPV4	0x0021	/* RFC 1661 2, RFC 5072 */
#define PPP_IPV6	0x0057
#define PPP_MPLS	0x0281
#define ETHERTYPE_NONE	0xffff	/* reserved, RFC 1701: what is no IP in the link's own numbering */
#define BSD_AF_INET	2
#define SLL2_HEADER	20

struct capture {
	pcap_t *pcap;
	gzFile gz;		/* pcap's */
	int link;
	char error[PCAP_ERRBUF_SIZE + 64];
	uint8_t frame[sizeof(struct ether_header) + CAPTURE_FRAME_MAX];
};

/* How many bytes the link header takes and which ethertype stands behind it. -1: the frame is shorter than that. */
static int link_header(int link, const uint8_t *p, uint32_t len, uint16_t *ret_type, uint8_t ret_source[6])
{
	uint32_t family, at = 0;
	uint16_t ppp;

	switch (link) {
	case DLT_NULL:
	case DLT_LOOP:
		if (len < 4)
			return -1;
		memcpy(&family, p, 4);
		/* DLT_NULL is in the writer's byte order: a family is small in the right one. */
		family = link == DLT_LOOP ? be32toh(family) : family > 0xffff ? __builtin_bswap32(family) : family;
		/* AF_INET6 is 24, 28, 30 on the BSDs and 10 on Linux. */
		*ret_type = family == BSD_AF_INET ? ETHERTYPE_IP :
			    family == 10 || family == 24 || family == 28 || family == 30 ? ETHERTYPE_IPV6 : ETHERTYPE_NONE;
		return 4;
	case DLT_PPP:
	case DLT_PPP_SERIAL:
		if (len >= 2 && p[0] == 0xff && p[1] == 0x03)	/* address and control, RFC 1662 3.1 */
			at = 2;
		if (len < at + 2)
			return -1;
		ppp = (uint16_t)(p[at] << 8 | p[at + 1]);
		*ret_type = ppp == PPP_IPV4 ? ETHERTYPE_IP : ppp == PPP_IPV6 ? ETHERTYPE_IPV6 :
			    ppp == PPP_MPLS ? 0x8847 : ETHERTYPE_NONE;
		return (int)at + 2;
	case DLT_LINUX_SLL:
		if (len < SLL_HDR_LEN)
			return -1;
		if (p[4] == 0 && p[5] == 6)
			memcpy(ret_source, p + 6, 6);
		*ret_type = (uint16_t)(p[14] << 8 | p[15]);
		return SLL_HDR_LEN;
	case DLT_LINUX_SLL2:
		if (len < SLL2_HEADER)
			return -1;
		if (p[11] == 6)
			memcpy(ret_source, p + 12, 6);
		*ret_type = (uint16_t)(p[0] << 8 | p[1]);
		return SLL2_HEADER;
	}
	return -1;
}

static bool link_is_raw_ip(int link)
{
	return link == DLT_RAW || link == DLT_IPV4 || link == DLT_IPV6;
}

static bool link_is_known(int link)
{
	return link == DLT_EN10MB || link_is_raw_ip(link) || link == DLT_NULL || link == DLT_LOOP || link == DLT_PPP ||
	       link == DLT_PPP_SERIAL || link == DLT_LINUX_SLL || link == DLT_LINUX_SLL2;
}

static ssize_t gz_read(void *gz, char *buf, size_t size)
{
	int got = gzread(gz, buf, (unsigned int)MIN(size, 1u << 20)), err = Z_OK;

	if (got > 0)
		return got;
	gzerror(gz, &err);	/* a file that is cut ends like a whole one, but for this */
	if (err == Z_OK || err == Z_STREAM_END)
		return 0;
	if (err != Z_ERRNO)
		errno = EBADMSG;
	return -1;
}

/* What libpcap cannot know: why there was nothing more to read. */
static const char *read_error(gzFile gz, const char *otherwise)
{
	int err;

	gzerror(gz, &err);
	return err == Z_BUF_ERROR ? "gzip data is cut" : err == Z_DATA_ERROR ? "gzip data is damaged" : otherwise;
}

static int gz_close(void *gz)
{
	return gzclose(gz) == Z_OK ? 0 : -1;
}

int capture_open(struct capture **ret_capture, const char *path, char *error, uint32_t error_size)
{
	const cookie_io_functions_t io = { .read = gz_read, .close = gz_close };
	char why[PCAP_ERRBUF_SIZE] = "";
	struct capture *capture;
	FILE *file;
	gzFile gz;

	errno = 0;
	gz = gzopen(path, "rbe");	/* a file that is not gzipped is read as it is */
	if (!gz) {
		int err = errno ? -errno : -ENOMEM;

		snprintf(error, error_size, "\"%s\": %s", path, strerror(-err));
		return err;
	}
	file = fopencookie(gz, "rb", io);
	capture = calloc(1, sizeof(*capture));
	if (!file || !capture) {
		snprintf(error, error_size, "\"%s\": out of memory", path);
		if (file)
			fclose(file);
		else
			gzclose(gz);
		free(capture);
		return -ENOMEM;
	}
	capture->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why);
	if (!capture->pcap) {
		snprintf(error, error_size, "\"%s\": %s; allowed: pcap, pcapng, also gzipped", path,
			 read_error(gz, why));
		fclose(file);
		free(capture);
		return -EINVAL;
	}
	capture->gz = gz;
	capture->link = pcap_datalink(capture->pcap);
	if (!link_is_known(capture->link)) {
		const char *name = pcap_datalink_val_to_name(capture->link);

		snprintf(error, error_size, "\"%s\": link type %d (%s) is not known; allowed: Ethernet, raw IP, PPP, "
			 "BSD null and loop, Linux cooked 1 and 2", path, capture->link, name ? name : "no name");
		capture_close(capture);
		return -EPROTONOSUPPORT;
	}
	*ret_capture = capture;
	return 0;
}

int capture_next(struct capture *capture, struct capture_frame *ret_frame)
{
	struct ether_header *eth = (struct ether_header *)capture->frame;
	struct pcap_pkthdr *header;
	const u_char *bytes;
	uint16_t type = ETHERTYPE_NONE;
	uint32_t len;
	int skip;

	switch (pcap_next_ex(capture->pcap, &header, &bytes)) {
	case 1:
		break;
	case PCAP_ERROR_BREAK:
		return 0;
	default:
		snprintf(capture->error, sizeof(capture->error), "%s",
			 read_error(capture->gz, pcap_geterr(capture->pcap)));
		return -EIO;
	}
	len = MIN(header->caplen, CAPTURE_FRAME_MAX);
	/* The sub-second part is nanoseconds, as asked for. */
	*ret_frame = (struct capture_frame){
		.time_ns = (uint64_t)header->ts.tv_sec * NS_PER_S + (uint64_t)header->ts.tv_usec,
		.len = len,
		.wire_len = header->len,
		.bytes = bytes,
		.raw_ip = link_is_raw_ip(capture->link),
	};
	if (capture->link == DLT_EN10MB || ret_frame->raw_ip)
		return 1;

	memset(eth, 0, sizeof(*eth));
	skip = link_header(capture->link, bytes, len, &type, eth->ether_shost);
	if (skip < 0)
		skip = (int)len;	/* cut inside the link header: nothing behind it */
	eth->ether_type = htobe16(type);
	memcpy(capture->frame + sizeof(*eth), bytes + skip, len - (uint32_t)skip);
	ret_frame->len = (uint32_t)sizeof(*eth) + len - (uint32_t)skip;
	ret_frame->bytes = capture->frame;
	return 1;
}

const char *capture_error(const struct capture *capture)
{
	return capture->error;
}

struct capture *capture_close(struct capture *capture)
{
	if (!capture)
		return NULL;
	pcap_close(capture->pcap);
	free(capture);
	return NULL;
}
