/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bench_identity - what user space spends on a connection's first payload: facts, JA4 and names of a ClientHello over TCP,
 * and of a QUIC Initial, from the copy that the kernel made. Bases: SHA-256 over the same bytes, in the same rounds; and,
 * where libndpi-dev is installed, ndpi_detection_process_packet() on the same payload in IP packets, with a zeroed flow.
 *
 * bench_identity [WORD...]. ns per hello, copies and flow bookkeeping included. Rows as JSON lines; memory of the pools
 * last, with that of the maps which knowing names takes, at their default sizes.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

#if __has_include(<ndpi/ndpi_main.h>)
#define HAVE_NDPI 1
#include <dlfcn.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <ndpi/ndpi_main.h>
#pragma GCC diagnostic pop
#undef MIN
#undef MAX
#endif

#include "base/util.h"
#include "bpf/abi.h"
#include "enrich/identity.h"
#include "measure.h"
#include "quic_make.h"
#include "tls_make.h"

#define LIST(...) (const int[]){ __VA_ARGS__, -1 }
#define ROUNDS	15
#define RUNS	20000u
#define HELLOS	4096u		/* option hello_walks, by default */
#define RING	(1u << 20)	/* map "events" */

static struct identity *id;
static bool with_ndpi;
static const uint32_t CLIENT[4] = { 0, 0, 0xffff0000, 0x0100000a }, SERVER[4] = { 0, 0, 0xffff0000, 0x077100cb };

/* Names go to map "names" in life: sweeps are another row. */
static void found(void *arg, uint32_t flow, enum identity_name which, const uint8_t *bytes, size_t len)
{
}

/* As a browser's: 16 ciphers, 16 extensions, @fill bytes of key share. */
static void make_hello(struct make *m, enum tls_transport transport, size_t fill)
{
	static uint8_t share[2000];

	make_client(m, transport, 0x0303, "0123456789abcdef0123456789abcdef",
		    LIST(0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x9c, 0x9d, 0x2f,
			 0x35));
	make_sni(m, "www.example-telemetry.com");
	make_alpn(m, "\2h2\10http/1.1", 12);
	make_list_extension(m, TLS_EXT_VERSIONS, 1, LIST(0x2a2a, 0x0304, 0x0303));
	make_list_extension(m, TLS_EXT_GROUPS, 2, LIST(0x3a3a, 0x11ec, 0x1d, 0x17, 0x18));
	make_list_extension(m, TLS_EXT_SIGNATURES, 2, LIST(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601));
	for (uint16_t type = 17; type < 27; type++)
		make_extension(m, type == 21 ? 45 : type, share, 5);
	share[0] = (uint8_t)((fill - 2) >> 8);
	share[1] = (uint8_t)(fill - 2);
	share[2] = 0;
	share[3] = 0x1d;
	share[4] = (uint8_t)((fill - 6) >> 8);
	share[5] = (uint8_t)(fill - 6);
	make_extension(m, TLS_EXT_KEY_SHARE, share, fill);
	make_end(m);
}

static double payloads(uint8_t proto, const uint8_t *bytes, size_t len, size_t cut)
{
	struct identity_payload p = {
		.proto = proto, .from_start = proto == IPPROTO_TCP, .addr = { CLIENT, SERVER }, .port = { htons(40000), htons(443) },
		.ack = 1,
	};
	const double start = measure_cpu_ns();

	for (uint32_t i = 0; i < RUNS; i++) {
		struct identity_facts facts = { 0 };

		p.flow = i & 1023;
		p.seq = 0;
		p.bytes = bytes;
		p.len = cut;
		identity_payload(id, &p, &facts);
		if (cut < len) {
			p.seq = (uint32_t)cut;
			p.bytes = bytes + cut;
			p.len = len - cut;
			identity_payload(id, &p, &facts);
		}
		if (facts.status != NAME_OK)
			measure_die("the name was not found");
		identity_forget(id, p.flow);
	}
	return (measure_cpu_ns() - start) / RUNS;
}

static double hashes(const uint8_t *bytes, size_t len)
{
	static EVP_MD *md;
	static EVP_MD_CTX *context;
	unsigned char digest[EVP_MAX_MD_SIZE];
	double start;

	if (!md)
		md = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!context)
		context = EVP_MD_CTX_new();
	start = measure_cpu_ns();
	for (uint32_t i = 0; i < RUNS; i++)
		if (!EVP_DigestInit_ex(context, md, NULL) || !EVP_DigestUpdate(context, bytes, len) ||
		    !EVP_DigestFinal_ex(context, digest, NULL))
			measure_die("SHA-256");
	return (measure_cpu_ns() - start) / RUNS;
}

#ifdef HAVE_NDPI
/* Called by name, so that the build needs no library of it. */
static struct {
	typeof(ndpi_init_detection_module) *init;
	typeof(ndpi_set_protocol_detection_bitmask2) *select;
	typeof(ndpi_finalize_initialization) *finalize;
	typeof(ndpi_detection_process_packet) *packet;
	typeof(ndpi_free_flow_data) *free_data;
	typeof(ndpi_detection_get_sizeof_ndpi_flow_struct) *flow_size;
} ndpi;
static struct ndpi_detection_module_struct *ndpi_module;
static struct ndpi_flow_struct *ndpi_flow;

static bool ndpi_open(void)
{
	void *lib = dlopen("libndpi.so", RTLD_NOW);
	NDPI_PROTOCOL_BITMASK all;

	if (!lib)
		return false;
	*(void **)&ndpi.init = dlsym(lib, "ndpi_init_detection_module");
	*(void **)&ndpi.select = dlsym(lib, "ndpi_set_protocol_detection_bitmask2");
	*(void **)&ndpi.finalize = dlsym(lib, "ndpi_finalize_initialization");
	*(void **)&ndpi.packet = dlsym(lib, "ndpi_detection_process_packet");
	*(void **)&ndpi.free_data = dlsym(lib, "ndpi_free_flow_data");
	*(void **)&ndpi.flow_size = dlsym(lib, "ndpi_detection_get_sizeof_ndpi_flow_struct");
	if (!ndpi.init || !ndpi.select || !ndpi.finalize || !ndpi.packet || !ndpi.free_data || !ndpi.flow_size)
		return false;
	ndpi_module = ndpi.init(ndpi_no_prefs);
	NDPI_BITMASK_SET_ALL(all);
	ndpi.select(ndpi_module, &all);
	ndpi.finalize(ndpi_module);
	ndpi_flow = malloc(ndpi.flow_size());
	return ndpi_flow;
}

/* An IPv4 packet with @len bytes of payload from @at on. Returns its length. */
static size_t ip_packet(uint8_t *packet, uint8_t proto, const uint8_t *at, size_t len, uint32_t seq)
{
	const size_t header = proto == IPPROTO_TCP ? 40 : 28, all = header + len;
	uint8_t *l4 = packet + 20;

	memset(packet, 0, header);
	memcpy(packet, (uint8_t[]){ 0x45, 0, (uint8_t)(all >> 8), (uint8_t)all, 0, 0, 0x40, 0, 64, proto }, 10);
	memcpy(packet + 12, "\x0a\0\0\1\xcb\0\x71\x07", 8);
	memcpy(l4, "\x9c\x40\x01\xbb", 4);
	if (proto == IPPROTO_TCP) {
		memcpy(l4 + 4, (uint8_t[]){ (uint8_t)(seq >> 24), (uint8_t)(seq >> 16), (uint8_t)(seq >> 8), (uint8_t)seq }, 4);
		memcpy(l4 + 8, "\0\0\0\1\x50\x18\x01\xf4", 8);
	} else {
		memcpy(l4 + 4, (uint8_t[]){ (uint8_t)((8 + len) >> 8), (uint8_t)(8 + len) }, 2);
	}
	memcpy(packet + header, at, len);
	return all;
}

static double ndpi_hellos(uint8_t proto, const uint8_t *bytes, size_t len, size_t cut)
{
	static uint8_t packet[2][4096];
	const size_t flow_size = ndpi.flow_size();
	size_t first = ip_packet(packet[0], proto, bytes, cut, 1);
	size_t second = cut < len ? ip_packet(packet[1], proto, bytes + cut, len - cut, 1 + (uint32_t)cut) : 0;
	const double start = measure_cpu_ns();

	for (uint32_t i = 0; i < RUNS; i++) {
		memset(ndpi_flow, 0, flow_size);
		ndpi.packet(ndpi_module, ndpi_flow, packet[0], (unsigned short)first, 1000);
		if (second)
			ndpi.packet(ndpi_module, ndpi_flow, packet[1], (unsigned short)second, 1000);
		if (!ndpi_flow->host_server_name[0])
			measure_die("nDPI has not found the name");
		ndpi.free_data(ndpi_flow);
	}
	return (measure_cpu_ns() - start) / RUNS;
}
#else
static bool ndpi_open(void)
{
	return false;
}

static double ndpi_hellos(uint8_t proto, const uint8_t *bytes, size_t len, size_t cut)
{
	return 0;
}
#endif

static void row(const char *name, uint8_t proto, const uint8_t *bytes, size_t len, size_t cut)
{
	struct measured weir = { 0 }, base = { 0 }, other = { 0 };

	measure_progress("%s, %zu bytes", name, len);
	for (int round = 0; round < ROUNDS; round++) {
		if (round % 2)
			measure_add(&base, hashes(bytes, len));
		measure_add(&weir, payloads(proto, bytes, len, cut));
		if (with_ndpi)
			measure_add(&other, ndpi_hellos(proto, bytes, len, cut));
		if (round % 2 == 0)
			measure_add(&base, hashes(bytes, len));
	}
	measure_row(name, 1, measure_median(&weir), "SHA-256 of the bytes", measure_median(&base));
	if (with_ndpi)
		measure_row(name, 1, measure_median(&weir), "nDPI", measure_median(&other));
}

static void tls_rows(char **words)
{
	static const struct {
		const char *name;
		size_t fill, cut;	/* the last one as a browser sends it: in two segments */
	} rows[] = { { "user_hello", 44, 0 }, { "user_hello_pq", 1256, 0 }, { "user_hello_cut", 1256, 1400 } };
	static uint8_t wire[4096];
	struct make m;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!measure_wanted(words, rows[i].name))
			continue;
		make_hello(&m, TLS_ON_TCP, rows[i].fill);
		memcpy(wire, "\x16\3\1", 3);
		wire[3] = (uint8_t)(m.len >> 8);
		wire[4] = (uint8_t)m.len;
		memcpy(wire + 5, m.b, m.len);
		row(rows[i].name, IPPROTO_TCP, wire, m.len + 5, rows[i].cut ? rows[i].cut : m.len + 5);
	}
}

static void quic_row(char **words)
{
	static struct quic_bytes datagram, payload;
	const struct quic_initial i = { .version = QUIC_V1, .dcid = "11111111", .scid = "cli" };
	struct make m;

	if (!measure_wanted(words, "user_quic"))
		return;
	make_hello(&m, TLS_ON_QUIC, 44);
	quic_put_crypto(&payload, 0, m.b, m.len);
	while (payload.len < 1162)
		quic_put_uint(&payload, 0, 1);	/* PADDING, as RFC 9000 14.1 wants */
	quic_make_initial(&datagram, &i, payload.b, payload.len);
	if (datagram.len != 1200)
		measure_die("Initial of %zu bytes", datagram.len);
	row("user_quic", IPPROTO_UDP, datagram.b, datagram.len, datagram.len);
}

static void memory_rows(char **words)
{
	const struct {
		const char *name;
		size_t bytes;
		const char *limit;
	} rows[] = {
		{ "memory_identity", identity_memory(), "enrich/identity.h" },
		{ "memory_hellos", HELLOS * sizeof(struct hello_entry), "option hello_walks" },
		{ "memory_names", NAMES_MAX * sizeof(struct name_entry), "bpf/abi.h" },
		{ "memory_events", RING, "bpf/maps.h" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (measure_wanted(words, rows[i].name))
			measure_memory(rows[i].name, rows[i].bytes, rows[i].limit);
}

int main(int argc, char **argv)
{
	const struct identity_settings settings = { .seed = { { 1, 2 } }, .name_found = found };

	measure_pin_cpu();
	if (identity_new(&id, &settings))
		measure_die("no memory");
	with_ndpi = ndpi_open();
	if (!with_ndpi)
		measure_progress("no nDPI to compare with");
	tls_rows(argv + 1);
	quic_row(argv + 1);
	memory_rows(argv + 1);
	identity_free(id);
	return 0;
}
