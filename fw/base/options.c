/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/options.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/endpoint.h"
#include "base/hosts.h"
#include "base/util.h"

#define MS	NS_PER_MS
#define S	NS_PER_S
#define H	(3600 * NS_PER_S)
#define KIB	1024ULL
#define MIB	(1024 * KIB)

#define WORD_MAX 32	/* a longer key is near to nothing */

static const struct option_choice protocols[] = {
	{ "auto", CONF_MQTT_AUTO }, { "5", CONF_MQTT_5 }, { "3.1.1", CONF_MQTT_3_1_1 }, { NULL, 0 },
};
static const struct option_choice hooks[] = {
	{ "auto", CONF_HOOK_AUTO }, { "xdp", CONF_HOOK_XDP }, { "xdp-generic", CONF_HOOK_XDP_GENERIC },
	{ "tc", CONF_HOOK_TC }, { NULL, 0 },
};
static const struct option_choice encodings[] = {
	{ "json", CONF_ENCODING_JSON }, { "cbor", CONF_ENCODING_CBOR }, { NULL, 0 },
};
static const struct option_choice privacies[] = {
	{ "full", CONF_PRIVACY_FULL }, { "no-names", CONF_PRIVACY_NO_NAMES }, { "hashed", CONF_PRIVACY_HASHED },
	{ "prefix", CONF_PRIVACY_PREFIX }, { NULL, 0 },
};
static const struct option_choice log_levels[] = {
	{ "error", LOG_ERROR }, { "warn", LOG_WARN }, { "info", LOG_INFO }, { "debug", LOG_DEBUG }, { NULL, 0 },
};
static const struct option_choice tcp_shares[] = { { "quarter", 4 }, { "half", 2 }, { "all", 1 }, { NULL, 0 } };
static const struct option_choice spool_modes[] = {
	{ "off", CONF_SPOOL_OFF }, { "durable", CONF_SPOOL_DURABLE }, { "spill", CONF_SPOOL_SPILL }, { NULL, 0 },
};
static const struct option_choice no_yes[] = { { "no", false }, { "yes", true }, { NULL, 0 } };

const struct conf_section options_sections[] = {
	{ "gateway", "Which gateway this is, and how much it tells. Site and name are levels of every MQTT topic." },
	{ "broker", "The MQTT broker that everything is published to." },
	{ "flows", "The flow table and when a flow is reported." },
	{ "export", "How records are put together and kept until the broker has them." },
	{ "spool", "Where messages wait for the broker beyond export.unacked_bytes of memory, over outages, restarts and power cuts." },
	{ "ipfix", "A collector that gets the flow records as IPFIX (RFC 7011), beside the broker and with nothing held back for it. "
		   "weir help ipfix prints the elements." },
	{ "metrics", "A page for Prometheus, /metrics over HTTP: every counter of weir status, the books, round trips as histograms." },
	{ "run", "Files, users and log of the processes." },
	{ OPTIONS_PORT, "One section for each network port to measure, with the name of its interface or a glob (*, ?, [...]) "
			"behind the word port. The first section that matches an interface holds. "
			"Interfaces may appear, vanish and come back at any time." },
};
const size_t options_sections_count = ARRAY_SIZE(options_sections);

/* Where an option lives; AT_AS where the member's name carries a unit. */
#define AT_AS(s, k, member)	.section = #s, .key = #k, .offset = offsetof(struct conf, s.member), \
				.size = sizeof(((struct conf *)0)->s.member)
#define AT(s, k)		AT_AS(s, k, k)
#define AT_PORT(k)		.section = OPTIONS_PORT, .key = #k, .offset = offsetof(struct conf_port, k), \
				.size = sizeof(((struct conf_port *)0)->k)
#define TYPE(t, p)		.type = OPTION_##t, .preset = (p)
#define RANGE(lo, hi)		.min = (lo), .max = (hi)

const struct conf_option options[] = {
	{ AT(gateway, site), TYPE(LEVEL, "default"),
	  .help = "Site that the gateway stands in." },
	{ AT(gateway, name), TYPE(LEVEL, ""), .empty = "the host name",
	  .help = "Name of the gateway, unique within its site." },
	{ AT(gateway, privacy), TYPE(CHOICE, "full"), .choices = privacies,
	  .help = "What flow records tell of hosts. full: all that was seen. no-names: no host names. "
		  "hashed: keyed hashes in place of host names and MAC addresses; IP addresses stay. "
		  "prefix: the same of names, and pseudonyms in place of IP addresses (two that share their first bits still "
		  "share as many: Crypto-PAn) and of MAC addresses behind their vendor's part." },
	{ AT(gateway, privacy_key_file), TYPE(PATH, "/var/lib/weir/privacy.key"),
	  .help = "File with the 32 random bytes that hashes and pseudonyms are made with; made by the first start that "
		  "needs it. Gateways with the same bytes make the same pseudonyms; with other bytes nothing can be "
		  "recognised any more. Nobody but its owner may have a right to it." },

	{ AT(broker, host), TYPE(HOSTS, "127.0.0.1"),
	  .help = "Name or address of the broker. Of several, with commas between them, the next is tried when one cannot be reached; "
		  "one that has gone away is tried again first. Each may have a port of its own: a.example, b.example:8884." },
	{ AT(broker, port), TYPE(NUMBER, "1883"), RANGE(1, 65535),
	  .help = "TCP port of a broker that has none in broker.host; 8883 is usual with TLS." },
	{ AT(broker, protocol), TYPE(CHOICE, "auto"), .choices = protocols,
	  .help = "Version of MQTT: auto tries 5 and falls back to 3.1.1 where the broker refuses it." },
	{ AT(broker, topic_root), TYPE(TOPIC, "weir"),
	  .help = "First part of every topic: ROOT/v1/SITE/NAME/CLASS." },
	{ AT(broker, client_id), TYPE(TEXT, ""), .empty = "\"weir-\" and the name of the gateway",
	  .help = "MQTT client identifier. Two clients with the same one throw each other out." },
	{ AT(broker, username), TYPE(TEXT, ""), .empty = "none is sent",
	  .help = "User name for the broker." },
	{ AT(broker, password_file), TYPE(PATH, ""), .empty = "no password is sent",
	  .help = "File whose first line is the password. It is read at each start of the uplink process, before that gives up its rights." },
	{ AT(broker, tls), TYPE(CHOICE, "no"), .choices = no_yes,
	  .help = "Whether to speak TLS with the broker, whose certificate is then verified. "
		  "There is no fallback to plain text." },
	{ AT(broker, ca_file), TYPE(PATH, ""), .empty = "those of the system, " CONF_CA_FILE,
	  .help = "PEM file of the certificate authorities that the broker's certificate may come from." },
	{ AT(broker, cert_file), TYPE(PATH, ""), .empty = "none is shown",
	  .help = "PEM file of the client certificate; key_file belongs to it." },
	{ AT(broker, key_file), TYPE(PATH, ""), .empty = "none",
	  .help = "PEM file of the client certificate's private key, without a pass phrase." },
	{ AT_AS(broker, keepalive, keepalive_ns), TYPE(DURATION, "30s"), RANGE(5 * S, 1 * H),
	  .help = "A connection that is silent for this long is probed; rounded down to whole seconds." },
	{ AT(broker, window), TYPE(NUMBER, "20"), RANGE(1, 256),
	  .help = "Batches that may be on their way to the broker without its acknowledgement." },
	{ AT_AS(broker, offline_delay, offline_delay_ns), TYPE(DURATION, "30s"), RANGE(0, 1 * H),
	  .help = "How long the broker waits before it publishes offline for a gateway whose connection broke; one that is back by then "
		  "was never offline. MQTT 5 only: 3.1.1 has no such delay. 0s: at once." },
	{ AT_AS(broker, start_spread, start_spread_ns), TYPE(DURATION, "10s"), RANGE(0, 1 * H),
	  .help = "Bound of the random wait before the first connection after power-up (the first five minutes of the machine), so that "
		  "gateways that get their power back together do not meet at the broker. 0s: none." },
	{ AT_AS(broker, backoff_min, backoff_min_ns), TYPE(DURATION, "1s"), RANGE(100 * MS, 1 * H),
	  .help = "Bound of the random wait before the first new attempt to connect; it doubles with each failure, "
		  "for each broker by itself. A fleet whose broker comes back comes back within about this time." },
	{ AT_AS(broker, backoff_max, backoff_max_ns), TYPE(DURATION, "60s"), RANGE(1 * S, 1 * H),
	  .help = "Where the bound stops doubling." },

	{ AT(flows, slots), TYPE(POWER, "65536"), RANGE(1024, 4194304),
	  .help = "Slots of the flow table, 192 bytes of memory each: 65536 take 12 MiB. A flow takes one slot on each port "
		  "that it crosses; plan for twice as many slots as flows. What finds no slot is counted as table_full." },
	{ AT(flows, tcp_share), TYPE(CHOICE, "quarter"), .choices = tcp_shares,
	  .help = "For how many of the slots there is room for the health of a TCP connection, 128 bytes of memory each: half and all take "
		  "32 and 96 bytes more a slot. When more than half of that room is taken a connection may find none, counted as tcp_pool_full. "
		  "On a link of little but TCP, all with fewer slots takes less memory and time than quarter with more." },
	{ AT(flows, hello_walks), TYPE(POWER, "4096"), RANGE(256, 65536),
	  .help = "TLS ClientHellos that may be read at the same time, 664 bytes of memory each. "
		  "One that finds no place leaves its flow without a name (name_status table_full)." },
	{ AT(flows, facts), TYPE(NUMBER, "65536"), RANGE(1024, 4194304),
	  .help = "Flows of which the agent keeps what their payload told, besides server_name and ALPN (they are in the table): "
		  "versions, cipher, JA4, HTTP, DNS, destination.domain. 56 bytes of memory each, and 24 for what was told of the health "
		  "of a TCP connection, taken when used. Of more than these it is not in records, and counted as identity.facts_full." },
	{ AT(flows, new_flow_limit), TYPE(CHOICE, "yes"), .choices = no_yes,
	  .help = "While the table is more than half full, whether new flows are admitted at a bounded rate only, which leaves "
		  "room in it when a flood of them comes: for each port, direction and of TCP, UDP, ICMP and others a quarter of the "
		  "slots in idle_timeout. What is refused is counted as new_flow_limit." },
	{ AT_AS(flows, tcp_idle_timeout, tcp_idle_timeout_ns), TYPE(DURATION, "300s"), RANGE(1 * S, 24 * H),
	  .help = "A TCP flow without a frame for this long has ended." },
	{ AT_AS(flows, syn_timeout, syn_timeout_ns), TYPE(DURATION, "15s"), RANGE(1 * S, 300 * S),
	  .help = "A TCP flow that has not come about ends after this time without a frame: SYN, and no ACK of its sender." },
	{ AT_AS(flows, idle_timeout, idle_timeout_ns), TYPE(DURATION, "60s"), RANGE(1 * S, 24 * H),
	  .help = "The same for every other protocol." },
	{ AT_AS(flows, fin_timeout, fin_timeout_ns), TYPE(DURATION, "5s"), RANGE(100 * MS, 300 * S),
	  .help = "How long a TCP flow that has ended by FIN or RST lingers for late frames." },
	{ AT_AS(flows, active_timeout, active_timeout_ns), TYPE(DURATION, "60s"), RANGE(1 * S, 1 * H),
	  .help = "A flow that goes on is reported this often." },
	{ AT_AS(flows, sweep_interval, sweep_interval_ns), TYPE(DURATION, "1s"), RANGE(100 * MS, 60 * S),
	  .help = "How often the whole flow table is walked." },

	{ AT(export, encoding), TYPE(CHOICE, "json"), .choices = encodings,
	  .help = "Of batches of flow records: json, or cbor (RFC 8949) with the same names and values. All other messages are JSON." },
	{ AT(export, batch_bytes), TYPE(SIZE, "32k"), RANGE(1024, 100000),
	  .help = "A batch of records is sent when it has grown to this size." },
	{ AT_AS(export, batch_interval, batch_interval_ns), TYPE(DURATION, "1s"), RANGE(100 * MS, 60 * S),
	  .help = "A batch that has not is sent after this time." },
	{ AT(export, unacked_bytes), TYPE(SIZE, "16M"), RANGE(128 * KIB, 1024 * MIB),
	  .help = "Memory for batches that the broker has not acknowledged yet. "
		  "When it is full the oldest go, and are counted as lost." },
	{ AT_AS(export, summary_interval, summary_interval_ns), TYPE(DURATION, "10s"), RANGE(1 * S, 1 * H),
	  .help = "How often the totals of what was reported are published (class summary)." },
	{ AT_AS(export, health_interval, health_interval_ns), TYPE(DURATION, "30s"), RANGE(1 * S, 1 * H),
	  .help = "How often the gateway's own counters and the books of each port are published (classes health, iface)." },

	{ AT(spool, mode), TYPE(CHOICE, "off"), .choices = spool_modes,
	  .help = "off: in memory only. durable: each message is on the disk before it is sent; a power cut takes what was made within "
		  "commit_interval. spill: the disk is written only when a message has waited for spill_after, or three quarters of "
		  "export.unacked_bytes are full; a power cut takes what was only in memory. All that is lost is told in class loss." },
	{ AT(spool, dir), TYPE(PATH, "/var/lib/weir/spool"),
	  .help = "Directory of its files, given to run.user; made by the first start that needs it. One agent uses it at a time." },
	{ AT(spool, max_bytes), TYPE(SIZE, "64M"), RANGE(16 * MIB, 1024 * 1024 * MIB),
	  .help = "Bytes of all its files. When they are full the oldest of what is worth least go: health, iface, summary, device, "
		  "flow, event, in this order." },
	{ AT(spool, min_free), TYPE(SIZE, "16M"), RANGE(1 * MIB, 1024 * 1024 * MIB),
	  .help = "Bytes of the file system that are left to others, by the same rule." },
	{ AT(spool, segment_bytes), TYPE(SIZE, "1M"), RANGE(64 * KIB, 1 * MIB),
	  .help = "Size of a file, and so what goes at once." },
	{ AT_AS(spool, commit_interval, commit_interval_ns), TYPE(DURATION, "1s"), RANGE(10 * MS, 60 * S),
	  .help = "Messages are synced to the disk in groups, this often." },
	{ AT_AS(spool, spill_after, spill_after_ns), TYPE(DURATION, "10s"), RANGE(1 * S, 1 * H),
	  .help = "mode = spill: how long a message waits in memory before it is written." },
	{ AT_AS(spool, backlog_after, backlog_after_ns), TYPE(DURATION, "60s"), RANGE(1 * S, 24 * H),
	  .help = "What waits after an outage of this length, or after a restart, is backlog: sent behind what is new, flow records "
		  "in class flow_hist." },
	{ AT(spool, backlog_share), TYPE(NUMBER, "30"), RANGE(1, 100),
	  .help = "Per cent of the highest rate seen that backlog may take while new messages have to wait for the broker, too." },

	{ AT(ipfix, endpoint), TYPE(ENDPOINT, ""), .empty = "no collector",
	  .help = "Where the collector listens: udp://192.0.2.1:4739, or tcp://[2001:db8::1]:4739. Nothing is encrypted." },
	{ AT(ipfix, observation_domain), TYPE(NUMBER, "1"), RANGE(1, 4294967295),
	  .help = "Observation domain of every message: tells gateways apart that reach a collector from one address." },
	{ AT_AS(ipfix, template_interval, template_interval_ns), TYPE(DURATION, "60s"), RANGE(1 * S, 1 * H),
	  .help = "How often templates are sent again over UDP; a collector that missed one reads no records until then." },

	{ AT(metrics, listen), TYPE(LISTEN, ""), .empty = "no page",
	  .help = "Address and port to listen on, such as 127.0.0.1:9469 or [::1]:9469. There is no password and no TLS: on any "
		  "other address than a loopback one, whoever reaches it reads the page." },
	{ AT(metrics, user), TYPE(USER, "weir-metrics"),
	  .help = "User that the process which serves the page runs as, by name or number; it should be another one than those of section run. "
		  "Without such a user it is nobody, with a warning." },

	{ AT(run, bpf_object), TYPE(PATH, PREFIX "/lib/weir/weir.bpf.o"),
	  .help = "Object file with the BPF programs." },
	{ AT(run, pin_dir), TYPE(PATH, "/sys/fs/bpf/weir"),
	  .help = "Directory on a BPF file system where programs and maps outlive the agent." },
	{ AT(run, control_socket), TYPE(PATH, "/run/weir/control.sock"),
	  .help = "Socket that weir status talks to." },
	{ AT(run, user), TYPE(USER, "weir"),
	  .help = "User that the agent process runs as, by name or number. "
		  "Without such a user it is nobody, with a warning." },
	{ AT(run, uplink_user), TYPE(USER, "weir-uplink"),
	  .help = "The same for the uplink process, which talks to the broker; it should be another one." },
	{ AT(run, log_level), TYPE(CHOICE, "info"), .choices = log_levels,
	  .help = "What is written to standard error: messages of this level and graver ones." },

	{ AT_PORT(role), TYPE(TEXT, "port"),
	  .help = "What the port is there for, such as lan or wan; stands in its records." },
	{ AT_PORT(hook), TYPE(CHOICE, "auto"), .choices = hooks,
	  .help = "Where received frames are measured: auto is XDP in the driver of a physical port that can, else TC; "
		  "xdp insists on the driver, xdp-generic is the slow XDP that every port has. "
		  "Sent frames are always measured at TC. A program of someone else is never replaced." },
	{ AT_PORT(mirror), TYPE(CHOICE, "no"), .choices = no_yes,
	  .help = "Whether the port receives a copy of the frames of both directions (SPAN, TAP)." },
};
const size_t options_count = ARRAY_SIZE(options);

struct unit {
	const char *suffix;
	uint64_t factor;
};

/* From the largest down: a value is written with the first that divides it. */
static const struct unit no_units[] = { { "", 1 }, { NULL, 0 } };
static const struct unit size_units[] = { { "M", MIB }, { "k", KIB }, { "", 1 }, { NULL, 0 } };
static const struct unit duration_units[] = { { "h", H }, { "m", 60 * S }, { "s", S }, { "ms", MS }, { NULL, 0 } };

static const struct unit *units_of(enum option_type type)
{
	return type == OPTION_DURATION ? duration_units : type == OPTION_SIZE ? size_units : no_units;
}

/* -EINVAL: not digits and a unit; -ERANGE: more than 64 bits. */
static int scaled_parse(const char *text, const struct unit *unit, uint64_t *ret_value)
{
	uint64_t value = 0;
	const char *p = text;
	bool over = false;

	for (; *p >= '0' && *p <= '9'; p++)
		over |= __builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(*p - '0'), &value);
	while (unit->suffix && strcmp(p, unit->suffix))
		unit++;
	if (p == text || !unit->suffix)
		return -EINVAL;
	if (over || __builtin_mul_overflow(value, unit->factor, &value))
		return -ERANGE;
	*ret_value = value;
	return 0;
}

static void scaled_print(uint64_t value, const struct unit *unit, struct writer *w)
{
	while (unit[1].suffix && (!value || value % unit->factor))
		unit++;
	writer_u64(w, value / unit->factor);
	writer_text(w, unit->suffix);
}

/* Takes one character off @text; false where it is not one that MQTT strings may hold (MQTT 5.0, 1.5.4). */
static bool utf8_take(const unsigned char **text)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = *text;
	int more = *p < 0x80 ? 0 : *p < 0xc0 ? -1 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : *p < 0xf8 ? 3 : -1;
	uint32_t c = more > 0 ? *p & (0x3fU >> more) : *p;

	p++;
	for (int i = 0; i < more; i++, p++) {
		if ((*p & 0xc0) != 0x80)	/* the NUL at the end too */
			return false;
		c = c << 6 | (*p & 0x3f);
	}
	*text = p;
	return more >= 0 && c >= least[more] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) &&	/* surrogates */
	       c >= 0x20 && (c < 0x7f || c > 0x9f) &&						/* controls */
	       (c < 0xfdd0 || c > 0xfdef) && (c & 0xfffe) != 0xfffe;				/* no characters */
}

static bool utf8_valid(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p)
		if (!utf8_take(&p))
			return false;
	return true;
}

static const char *topic_wrong(const char *value)
{
	if (value[0] == '$')
		return "starts with $, which is the broker's own";
	if (value[0] == '/' || value[strlen(value) - 1] == '/' || strstr(value, "//"))
		return "has an empty level";
	return strpbrk(value, "+#") ? "has a wildcard" : NULL;
}

static const char *text_wrong(const struct conf_option *option, const char *value)
{
	struct endpoint endpoint;
	struct hosts hosts;

	if (!*value)
		return option->empty ? NULL : "empty";
	if (strlen(value) >= option->size)
		return "too long";
	if (!utf8_valid(value))
		return "has a control character, or is not UTF-8";
	if (option->type == OPTION_LEVEL && strpbrk(value, "/+#"))
		return "has a character that is not allowed";
	if (option->type == OPTION_TOPIC)
		return topic_wrong(value);
	if (option->type == OPTION_HOSTS)
		return hosts_parse(value, &hosts);
	if (option->type == OPTION_PATH && value[0] != '/')
		return "not an absolute path";
	if (option->type == OPTION_ENDPOINT)
		return endpoint_parse(value, &endpoint);
	if (option->type == OPTION_LISTEN)
		return endpoint_listen(value, &endpoint);
	if (option->type == OPTION_USER && strpbrk(value, " :/"))
		return "not a user name";
	return NULL;
}

static const char *number_wrong(const struct conf_option *option, const char *value, uint64_t *ret_number)
{
	int err = scaled_parse(value, units_of(option->type), ret_number);

	if (err == -EINVAL)
		return option->type == OPTION_DURATION ? "not a duration" :
		       option->type == OPTION_SIZE ? "not a size" : "not a number";
	if (err || *ret_number < option->min || *ret_number > option->max)
		return "out of range";
	return option->type == OPTION_POWER && (*ret_number & (*ret_number - 1)) ? "not a power of two" : NULL;
}

static bool is_text(const struct conf_option *option)
{
	return option->type <= OPTION_USER;
}

static void number_store(const struct conf_option *option, void *base, uint64_t number)
{
	char *at = (char *)base + option->offset;

	if (option->size == 1)
		memcpy(at, &(uint8_t){ (uint8_t)number }, 1);
	else if (option->size == 2)
		memcpy(at, &(uint16_t){ (uint16_t)number }, 2);
	else if (option->size == 4)
		memcpy(at, &(uint32_t){ (uint32_t)number }, 4);
	else
		memcpy(at, &number, 8);
}

static uint64_t number_fetch(const struct conf_option *option, const void *base)
{
	const char *at = (const char *)base + option->offset;
	union { uint8_t u8; uint16_t u16; uint32_t u32; uint64_t u64; } n;

	memcpy(&n, at, option->size);
	return option->size == 1 ? n.u8 : option->size == 2 ? n.u16 : option->size == 4 ? n.u32 : n.u64;
}

const char *options_set(const struct conf_option *option, void *base, const char *value)
{
	const struct option_choice *choice = option->choices;
	const char *wrong = NULL;
	uint64_t number = 0;

	if (is_text(option)) {
		wrong = text_wrong(option, value);
		if (!wrong) {
			char *at = (char *)base + option->offset;

			memset(at, 0, option->size);	/* equal values are equal structs */
			memcpy(at, value, strlen(value));
		}
		return wrong;
	}
	if (choice) {
		while (choice->word && strcmp(value, choice->word))
			choice++;
		wrong = choice->word ? NULL : "not one of the choices";
		number = choice->value;
	} else {
		wrong = number_wrong(option, value, &number);
	}
	if (!wrong)
		number_store(option, base, number);
	return wrong;
}

void options_get(const struct conf_option *option, const void *base, struct writer *w)
{
	const struct option_choice *choice = option->choices;

	if (is_text(option)) {
		writer_text(w, (const char *)base + option->offset);
	} else if (choice) {
		while (choice->word && choice->value != number_fetch(option, base))
			choice++;
		writer_text(w, choice->word ? choice->word : "?");
	} else {
		scaled_print(number_fetch(option, base), units_of(option->type), w);
	}
}

void options_preset(const char *section, void *base)
{
	for (size_t i = 0; i < options_count; i++)
		if (!strcmp(options[i].section, section))
			options_set(&options[i], base, options[i].preset);
}

static const struct {
	const char *word;	/* for weir.conf(5) */
	const char *before;	/* the longest length */
	const char *behind;	/* NULL: no length is said */
} texts[] = {
	[OPTION_LEVEL]	= { "text", "1 to ", " bytes of UTF-8 without / + # and control characters" },
	[OPTION_TOPIC]	= { "text", "1 to ", " bytes of UTF-8 without + # and control characters; no level is empty" },
	[OPTION_TEXT]	= { "text", "1 to ", " bytes of UTF-8 without control characters" },
	[OPTION_HOSTS]	= { "hosts", "one to eight names or IP addresses with commas between them, each with :PORT where it has one "
				     "of its own (IPv6: [ADDRESS]:PORT), together at most ", " bytes" },
	[OPTION_PATH]	= { "path", "an absolute path of at most ", " bytes" },
	[OPTION_ENDPOINT] = { "endpoint", ENDPOINT_FORM, NULL },
	[OPTION_LISTEN]	= { "address", ENDPOINT_LISTEN_FORM, NULL },
	[OPTION_USER]	= { "user", "a name or number of 1 to ", " bytes" },
	[OPTION_NUMBER]	= { "number", "", "" },
	[OPTION_POWER]	= { "number", "a power of two, ", "" },
	[OPTION_SIZE]	= { "size", "", " bytes; k (1024) or M (1048576) may follow" },
	[OPTION_DURATION] = { "duration", "", "" },
	[OPTION_CHOICE]	= { "choice", "", "" },
};

void options_allowed(const struct conf_option *option, struct writer *w)
{
	if (is_text(option) && option->empty)
		writer_text(w, "nothing, or ");
	writer_text(w, texts[option->type].before);
	if (!texts[option->type].behind)
		return;
	if (is_text(option)) {
		writer_u64(w, option->size - 1);
	} else if (option->choices) {
		for (const struct option_choice *c = option->choices; c->word; c++) {
			writer_text(w, c == option->choices ? "" : ", ");
			writer_text(w, c->word);
		}
	} else {
		scaled_print(option->min, units_of(option->type), w);
		writer_text(w, " to ");
		scaled_print(option->max, units_of(option->type), w);
	}
	writer_text(w, texts[option->type].behind);
}

/* Levenshtein; case counts for nothing, so that "Slots" is near to "slots". */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], len_b = strlen(b);

	for (size_t j = 0; j <= len_b; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= len_b; j++) {
			size_t change = corner + !!strncasecmp(&a[i - 1], &b[j - 1], 1);

			corner = row[j];
			row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
		}
	}
	return row[len_b];
}

static bool is_near(const char *given, const char *known, size_t *best)
{
	size_t d;

	if (strlen(given) > WORD_MAX || strlen(known) > WORD_MAX)
		return false;
	d = distance(given, known);
	if (d > MAX(strlen(known) / 3, 1) || d >= *best)
		return false;
	*best = d;
	return true;
}

const char *options_nearest_section(const char *word)
{
	const char *nearest = NULL;
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < options_sections_count; i++)
		if (is_near(word, options_sections[i].name, &best))
			nearest = options_sections[i].name;
	return nearest;
}

const struct conf_option *options_nearest(const char *section, const char *key)
{
	const struct conf_option *nearest = NULL;
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < options_count; i++)
		if (!strcmp(options[i].section, section) && is_near(key, options[i].key, &best))
			nearest = &options[i];
	for (size_t i = 0; !nearest && i < options_count; i++)
		if (!strcmp(options[i].key, key))
			nearest = &options[i];
	return nearest;
}

const char *options_type(const struct conf_option *option)
{
	return texts[option->type].word;
}
