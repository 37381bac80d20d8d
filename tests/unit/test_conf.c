/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/options.h"
#include "base/util.h"
#include "bpf/abi.h"

_Static_assert(CONF_PORTS_MAX == PORTS_MAX, "as many port sections as ports");

#define PORT "[port eth0]\n"

/* Messages that came, each with its newline. */
static char said[16384];
static struct conf conf;

static void hear(const char *message, void *arg)
{
	size_t len = strlen(said);

	assert_ptr_equal(arg, &conf);
	snprintf(said + len, sizeof(said) - len, "%s\n", message);
}

static int parse_bytes(const char *text, size_t len)
{
	said[0] = 0;
	return conf_parse(text, len, "weir.conf", &conf, hear, &conf);
}

static int parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static void assert_says(const char *text, const char *expected)
{
	assert_int_equal(parse(text), -EINVAL);
	assert_string_equal(said, expected);
}

static int override(const char *assignment)
{
	said[0] = 0;
	return conf_override(&conf, assignment, hear, &conf);
}

static int test_prepare(void **state)
{
	assert_int_equal(parse("[gateway]\nname = gw\n" PORT), 0);
	return 0;
}

static void test_defaults(void **state)
{
	char host[256];

	assert_int_equal(parse(PORT), 0);
	assert_string_equal(said, "");
	gethostname(host, sizeof(host));
	assert_string_equal(conf.gateway.site, "default");
	assert_string_equal(conf.gateway.name, host);
	assert_int_equal(conf.gateway.privacy, CONF_PRIVACY_FULL);
	assert_string_equal(conf.gateway.privacy_key_file, "/var/lib/weir/privacy.key");
	assert_string_equal(conf.broker.host, "127.0.0.1");
	assert_int_equal(conf.broker.port, 1883);
	assert_int_equal(conf.broker.protocol, CONF_MQTT_AUTO);
	assert_string_equal(conf.broker.topic_root, "weir");
	assert_memory_equal(conf.broker.client_id, "weir-", 5);
	assert_string_equal(conf.broker.client_id + 5, host);
	assert_string_equal(conf.broker.username, "");
	assert_string_equal(conf.broker.password_file, "");
	assert_false(conf.broker.tls);
	assert_string_equal(conf.broker.ca_file, "");
	assert_string_equal(conf.broker.cert_file, "");
	assert_string_equal(conf.broker.key_file, "");
	assert_int_equal(conf.broker.keepalive_ns, 30 * NS_PER_S);
	assert_int_equal(conf.broker.window, 20);
	assert_int_equal(conf.broker.backoff_min_ns, NS_PER_S);
	assert_int_equal(conf.broker.backoff_max_ns, 60 * NS_PER_S);
	assert_int_equal(conf.flows.slots, 65536);
	assert_int_equal(conf.flows.hello_walks, 4096);
	assert_int_equal(conf.flows.facts, 65536);
	assert_int_equal(conf.flows.tcp_idle_timeout_ns, 300 * NS_PER_S);
	assert_int_equal(conf.flows.idle_timeout_ns, 60 * NS_PER_S);
	assert_int_equal(conf.flows.fin_timeout_ns, 5 * NS_PER_S);
	assert_int_equal(conf.flows.active_timeout_ns, 60 * NS_PER_S);
	assert_int_equal(conf.flows.sweep_interval_ns, NS_PER_S);
	assert_int_equal(conf.export.batch_bytes, 32768);
	assert_int_equal(conf.export.batch_interval_ns, NS_PER_S);
	assert_int_equal(conf.export.unacked_bytes, 16777216);
	assert_int_equal(conf.export.summary_interval_ns, 10 * NS_PER_S);
	assert_int_equal(conf.export.health_interval_ns, 30 * NS_PER_S);
	assert_int_equal(conf.spool.mode, CONF_SPOOL_OFF);
	assert_int_equal(conf.spool.max_bytes, 64 << 20);
	assert_int_equal(conf.spool.commit_interval_ns, NS_PER_S);
	assert_string_equal(conf.ipfix.endpoint, "");
	assert_int_equal(conf.ipfix.observation_domain, 1);
	assert_int_equal(conf.ipfix.template_interval_ns, 60 * NS_PER_S);
	assert_string_equal(conf.run.bpf_object, PREFIX "/lib/weir/weir.bpf.o");
	assert_string_equal(conf.run.pin_dir, "/sys/fs/bpf/weir");
	assert_string_equal(conf.run.control_socket, "/run/weir/control.sock");
	assert_string_equal(conf.run.user, "weir");
	assert_string_equal(conf.run.uplink_user, "weir-uplink");
	assert_int_equal(conf.run.log_level, LOG_INFO);
	assert_int_equal(conf.ports, 1);
	assert_string_equal(conf.port[0].name, "eth0");
	assert_string_equal(conf.port[0].role, "port");
	assert_int_equal(conf.port[0].hook, CONF_HOOK_AUTO);
	assert_false(conf.port[0].mirror);
}

/* Bounds of every number, size and duration as a file gives them: both bounds taken, one step beyond refused. */
static const struct {
	const char *assignment;
	const char *low, *high, *below, *above;
} ranges[] = {
	{ "broker.port",		"1", "65535", "0", "65536" },
	{ "broker.keepalive",		"5s", "1h", "4999ms", "3601s" },
	{ "broker.window",		"1", "256", "0", "257" },
	{ "broker.offline_delay", "0s", "1h", NULL, "3601s" },
	{ "broker.start_spread", "0s", "1h", NULL, "3601s" },
	{ "broker.backoff_min",		"100ms", "1h", "99ms", "61m" },
	{ "broker.backoff_max",		"1s", "1h", "999ms", "3600001ms" },
	{ "flows.slots",		"1024", "4194304", "512", "8388608" },
	{ "flows.hello_walks",		"256", "65536", "128", "131072" },
	{ "flows.facts",		"1024", "4194304", "1023", "4194305" },
	{ "flows.tcp_idle_timeout",	"1s", "24h", "999ms", "86401s" },
	{ "flows.idle_timeout",		"1s", "24h", "0s", "25h" },
	{ "flows.syn_timeout",		"1s", "5m", "999ms", "301s" },
	{ "flows.fin_timeout",		"100ms", "5m", "99ms", "301s" },
	{ "flows.active_timeout",	"1s", "1h", "0h", "2h" },
	{ "flows.sweep_interval",	"100ms", "60s", "99ms", "61s" },
	{ "export.batch_bytes",		"1024", "100000", "1023", "100001" },
	{ "export.batch_interval",	"100ms", "60s", "99ms", "61s" },
	{ "export.unacked_bytes",	"128k", "1024M", "127k", "1025M" },
	{ "export.summary_interval",	"1s", "1h", "999ms", "61m" },
	{ "export.health_interval",	"1s", "1h", "999ms", "61m" },
	{ "spool.max_bytes",		"16M", "1048576M", "16383k", "1048577M" },
	{ "spool.min_free",		"1M", "1048576M", "1023k", "1048577M" },
	{ "spool.segment_bytes",	"64k", "1M", "65535", "1048577" },
	{ "spool.commit_interval",	"10ms", "60s", "9ms", "61s" },
	{ "spool.spill_after",		"1s", "1h", "999ms", "61m" },
	{ "spool.backlog_after",	"1s", "24h", "999ms", "25h" },
	{ "spool.backlog_share",	"1", "100", "0", "101" },
	{ "ipfix.observation_domain",	"1", "4294967295", "0", "4294967296" },
	{ "ipfix.template_interval",	"1s", "1h", "999ms", "61m" },
};

static const struct conf_option *option_of(const char *name)
{
	for (size_t i = 0; i < options_count; i++) {
		size_t len = strlen(options[i].section);

		if (!strncmp(options[i].section, name, len) && name[len] == '.' && !strcmp(options[i].key, name + len + 1))
			return &options[i];
	}
	return NULL;
}

static const char *value_of(const struct conf_option *option, const void *base)
{
	static char text[OPTIONS_TEXT_MAX];
	struct writer w = WRITER(text);

	options_get(option, base, &w);
	assert_false(w.full);
	text[w.len] = 0;
	return text;
}

static bool accepts(const struct conf_option *option, const char *value)
{
	char text[1024];

	snprintf(text, sizeof(text), "#\n#\n[broker]\n%s[%s]\n%s = %s\n%s",
		 strcmp(option->key, "backoff_min") ? "" : "backoff_max = 1h\n",	/* lets the whole range stand */
		 strcmp(option->section, OPTIONS_PORT) ? option->section : "port eth0", option->key, value,
		 strcmp(option->section, OPTIONS_PORT) ? PORT : "");
	return !parse(text);
}

static void assert_refused(const struct conf_option *option, const char *value, const char *why)
{
	char expected[512];
	bool port = !strcmp(option->section, OPTIONS_PORT);

	if (accepts(option, value))
		fail_msg("%s.%s = \"%s\" is taken", option->section, option->key, value);
	snprintf(expected, sizeof(expected), "weir.conf:%d: %s%s.%s = \"%.64s%s\": %s; allowed: ",
		 strcmp(option->key, "backoff_min") ? 5 : 6, option->section, port ? " eth0" : "", option->key, value,
		 strlen(value) > 64 ? "..." : "", why);
	if (strncmp(said, expected, strlen(expected)) || strchr(said, '\n') != said + strlen(said) - 1)
		fail_msg("said:     %sexpected: %s", said, expected);
}

static void test_ranges(void **state)
{
	size_t numbers = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		const struct conf_option *option = option_of(ranges[i].assignment);
		const char *not_a = option->type == OPTION_DURATION ? "not a duration" :
				    option->type == OPTION_SIZE ? "not a size" : "not a number";
		static const char *const wrong[] = { "", "x", "-1", "1.5", "+4", "0x10", "1 2", "10d", "5 s", "s", "k" };
		uint64_t number;

		assert_true(accepts(option, ranges[i].low));
		number = 0;
		memcpy(&number, (char *)&conf + option->offset, option->size);
		assert_int_equal(number, option->min);
		assert_true(accepts(option, ranges[i].high));
		memcpy(&number, (char *)&conf + option->offset, option->size);
		assert_int_equal(number, option->max);
		if (option->min)
			assert_refused(option, ranges[i].below, "out of range");
		assert_refused(option, ranges[i].above, "out of range");
		assert_refused(option, option->type == OPTION_DURATION ? "99999999999999999999h" : "18446744073709551617",
			       "out of range");
		for (size_t j = 0; j < ARRAY_SIZE(wrong); j++)
			assert_refused(option, wrong[j], not_a);
		if (option->type == OPTION_POWER) {
			assert_refused(option, "3000", "not a power of two");
			assert_refused(option, "1k", "not a number");
		}
	}
	for (size_t i = 0; i < options_count; i++)
		numbers += options[i].type >= OPTION_NUMBER && options[i].type <= OPTION_DURATION;
	assert_int_equal(numbers, ARRAY_SIZE(ranges));	/* none forgotten */
}

static void test_texts(void **state)
{
	for (size_t i = 0; i < options_count; i++) {
		const struct conf_option *option = &options[i];
		char value[OPTIONS_TEXT_MAX];
		const void *base = strcmp(option->section, OPTIONS_PORT) ? (void *)&conf : &conf.port[0];
		bool needs_more = !strcmp(option->key, "ca_file") || !strcmp(option->key, "cert_file") ||
				  !strcmp(option->key, "key_file") || !strcmp(option->key, "password_file");

		if (option->type > OPTION_USER)
			continue;
		memset(value, 'x', sizeof(value));
		if (option->type == OPTION_PATH)
			value[0] = '/';
		value[option->size] = 0;
		assert_refused(option, value, "too long");
		value[option->size - 1] = 0;
		if (option->type == OPTION_ENDPOINT) {
			assert_refused(option, value, "neither udp:// nor tcp://");
		} else if (option->type == OPTION_LISTEN) {
			assert_refused(option, value, "no port");
		} else if (!needs_more) {
			assert_true(accepts(option, value));
			assert_string_equal(value_of(option, base), value);
			value[1] = 0;
			assert_true(accepts(option, value));
			assert_string_equal(value_of(option, base), value);
		}
		if (option->empty)
			assert_true(accepts(option, ""));
		else
			assert_refused(option, "", "empty");
		if (option->type == OPTION_PATH)
			assert_refused(option, "etc/x", "not an absolute path");
	}
}

static void test_listen(void **state)
{
	const struct conf_option *option = option_of("metrics.listen");

	assert_true(accepts(option, "127.0.0.1:9469"));
	assert_string_equal(conf.metrics.listen, "127.0.0.1:9469");
	assert_true(accepts(option, "[::1]:65535"));
	assert_refused(option, "9469", "no port");
	assert_refused(option, "localhost:9469", "not an IP address");
	assert_refused(option, "127.0.0.1:0", "not a port");
	assert_refused(option, "tcp://127.0.0.1:9469", "not an IP address");
}

/* The forms are test_endpoint's; here what a message says, and that the longest one fits. */
static void test_endpoints(void **state)
{
	static const char longest[] = "tcp://[1111:2222:3333:4444:5555:6666:255.255.255.255]:65535";
	const struct conf_option *option = option_of("ipfix.endpoint");

	assert_true(accepts(option, "udp://192.0.2.1:4739"));
	assert_string_equal(conf.ipfix.endpoint, "udp://192.0.2.1:4739");
	assert_true(accepts(option, longest));
	assert_string_equal(conf.ipfix.endpoint, longest);
	assert_true(sizeof(longest) <= sizeof(conf.ipfix.endpoint));
	assert_refused(option, "192.0.2.1:4739", "neither udp:// nor tcp://");
	assert_refused(option, "udp://192.0.2.1", "no port");
	assert_refused(option, "tcp://192.0.2.1:65536", "not a port");
	assert_refused(option, "tcp://192.0.2.1:4739/", "not a port");
	assert_says("[ipfix]\nendpoint = tcp://collector.example.org:4739\n" PORT,
		    "weir.conf:2: ipfix.endpoint = \"tcp://collector.example.org:4739\": not an IP address; allowed: nothing, or "
		    "udp:// or tcp://, an IP address (IPv6 in brackets) and :PORT from 1 to 65535\n");
}

static void test_choices(void **state)
{
	for (size_t i = 0; i < options_count; i++) {
		const struct conf_option *option = &options[i];
		const void *base = strcmp(option->section, OPTIONS_PORT) ? (void *)&conf : &conf.port[0];

		if (option->type != OPTION_CHOICE)
			continue;
		for (const struct option_choice *c = option->choices; c->word; c++) {
			assert_true(accepts(option, c->word));
			assert_string_equal(value_of(option, base), c->word);
		}
		assert_refused(option, "", "not one of the choices");
		assert_refused(option, "maybe", "not one of the choices");
		assert_refused(option, "YES", "not one of the choices");
	}
	assert_int_equal(parse("[gateway]\nprivacy=prefix\n[broker]\nprotocol=3.1.1\n[run]\nlog_level=debug\n"
			       PORT "hook=xdp-generic\nmirror=yes\n"), 0);
	assert_int_equal(conf.gateway.privacy, CONF_PRIVACY_PREFIX);
	assert_int_equal(conf.broker.protocol, CONF_MQTT_3_1_1);
	assert_int_equal(conf.run.log_level, LOG_DEBUG);
	assert_int_equal(conf.port[0].hook, CONF_HOOK_XDP_GENERIC);
	assert_true(conf.port[0].mirror);
}

static void test_characters(void **state)
{
	const struct conf_option *name = option_of("gateway.site"), *root = option_of("broker.topic_root");
	static const char *const not_utf8[] = {
		"a\x01", "a\x7f", "\xff", "\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80\x80", "\xc2\x85", "\xef\xbf\xbe", "\xef\xb7\x90", "\xf0\x9f\xbf\xbf",
	};

	for (size_t i = 0; i < ARRAY_SIZE(not_utf8); i++) {
		assert_false(accepts(name, not_utf8[i]));
		assert_non_null(strstr(said, ": has a control character, or is not UTF-8; allowed: "));
		for (const char *c = said; *c; c++)
			assert_true(*c == '\n' || (*c >= 0x20 && *c < 0x7f));
	}
	assert_true(accepts(name, "Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x8c\x8a \xef\xbf\xbd"));
	assert_string_equal(conf.gateway.site, "Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x8c\x8a \xef\xbf\xbd");
	assert_refused(name, "a/b", "has a character that is not allowed");
	assert_refused(name, "+", "has a character that is not allowed");
	assert_refused(name, "a#", "has a character that is not allowed");

	assert_true(accepts(root, "a/b c/d"));
	assert_refused(root, "$SYS", "starts with $, which is the broker's own");
	assert_refused(root, "/a", "has an empty level");
	assert_refused(root, "a/", "has an empty level");
	assert_refused(root, "a//b", "has an empty level");
	assert_refused(root, "a/+", "has a wildcard");
	assert_refused(root, "a/#", "has a wildcard");

	assert_true(accepts(option_of("broker.host"), "fe80::1%eth0"));
	assert_true(accepts(option_of("broker.host"), "a.example, b.example:8884, [::1]:8883"));
	assert_refused(option_of("broker.host"), "a,,b", "has an empty entry");
	assert_refused(option_of("broker.host"), "mqtt://broker", "not a host name or address");
	assert_true(accepts(option_of("run.user"), "65534"));
	assert_refused(option_of("run.user"), "a:b", "not a user name");
}

static void test_messages(void **state)
{
	char text[1024];

	assert_says(PORT "[flows]\nactive_timeout = abc\n",
		    "weir.conf:3: flows.active_timeout = \"abc\": not a duration; allowed: 1s to 1h\n");
	assert_says("\n# c\n" PORT "[flows]\r\n slots = 1000000 \r\n",
		    "weir.conf:5: flows.slots = \"1000000\": not a power of two; allowed: a power of two, 1024 to 4194304\n");
	assert_says(PORT "[export]\nbatch_bytes = 1G\n",
		    "weir.conf:3: export.batch_bytes = \"1G\": not a size; "
		    "allowed: 1k to 100000 bytes; k (1024) or M (1048576) may follow\n");
	assert_says(PORT "[broker]\ntls = maybe\n",
		    "weir.conf:3: broker.tls = \"maybe\": not one of the choices; allowed: no, yes\n");
	assert_says(PORT "[run]\ncontrol_socket = run.sock\n",
		    "weir.conf:3: run.control_socket = \"run.sock\": not an absolute path; "
		    "allowed: an absolute path of at most 107 bytes\n");
	assert_says(PORT "[gateway]\nsite = a/b\n",
		    "weir.conf:3: gateway.site = \"a/b\": has a character that is not allowed; "
		    "allowed: 1 to 64 bytes of UTF-8 without / + # and control characters\n");
	assert_says(PORT "[flows]\nslot = 4\n", "weir.conf:3: flows.slot = \"4\": unknown key; did you mean flows.slots?\n");
	assert_says(PORT "[flows]\nSLOTS = 4\n", "weir.conf:3: flows.SLOTS = \"4\": unknown key; did you mean flows.slots?\n");
	assert_says(PORT "[gateway]\nport = 4\n",
		    "weir.conf:3: gateway.port = \"4\": unknown key; did you mean broker.port?\n");
	assert_says(PORT "mirorr = yes\n",
		    "weir.conf:2: port eth0.mirorr = \"yes\": unknown key; did you mean port.mirror?\n");
	assert_says(PORT "[gateway]\nfrobnicate = 1\n",
		    "weir.conf:3: gateway.frobnicate = \"1\": unknown key; allowed: site, name, privacy, privacy_key_file\n");
	assert_says(PORT "[flow]\nx = 1\ny\n", "weir.conf:2: section \"flow\": unknown; did you mean [flows]?\n");
	assert_says(PORT "[banana]\n", "weir.conf:2: section \"banana\": unknown; "
		    "allowed: [gateway], [broker], [flows], [export], [spool], [ipfix], [metrics], [run], [port NAME]\n");
	assert_says(PORT "[flows]\nslots = 1024\n[run]\n[flows]\nslots = 2048\n",
		    "weir.conf:6: flows.slots = \"2048\": given before, in line 3\n");
	assert_says(PORT "hook = tc\nhook = tc\n", "weir.conf:3: port eth0.hook = \"tc\": given before, in line 2\n");
	assert_says("slots = 4\nx = 5\n" PORT,
		    "weir.conf:1: \"slots = 4\": before the first section; write for example [gateway] above it\n");
	assert_says(PORT "hook\n", "weir.conf:2: \"hook\": not of the form KEY = VALUE\n");
	assert_says(PORT "[flows\nslots = 4\n", "weir.conf:2: \"[flows\": a section ends in \"]\"\n");
	assert_says("", "weir.conf: no port to measure; write a section for each, for example [port eth0], "
		    "or [port eth*] for several\n");

	assert_int_equal(parse_bytes("[port eth0]\nro\0le = x\n\0\n", 24), -EINVAL);
	assert_string_equal(said, "weir.conf:2: NUL byte in the line; allowed: text\n"
				  "weir.conf:3: NUL byte in the line; allowed: text\n");

	strcpy(text, PORT "role = ");
	memset(text + strlen(text), 'x', 191);
	text[strlen(PORT) + 198] = 0;
	assert_says(text, "weir.conf:2: line of 198 bytes: too long; allowed: at most 197\n");
	text[strlen(PORT) + 197] = 0;
	assert_says(text, "weir.conf:2: port eth0.role = \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\""
		    ": too long; allowed: 1 to 32 bytes of UTF-8 without control characters\n");
}

static void test_message_limit(void **state)
{
	char text[4096] = PORT;
	int lines = 0;

	for (int i = 0; i < CONF_ERRORS_MAX + 7; i++)
		strcat(text, "x = 1\n");
	assert_int_equal(parse(text), -EINVAL);
	for (const char *c = said; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, CONF_ERRORS_MAX + 1);
	assert_non_null(strstr(said, "\nand 7 more\n"));
}

static void test_failure_leaves_conf(void **state)
{
	struct conf before;

	assert_int_equal(test_prepare(NULL), 0);
	before = conf;
	assert_int_equal(parse("[flows]\nslots = 2048\nidle_timeout = 7\n" PORT), -EINVAL);
	assert_memory_equal(&conf, &before, sizeof(conf));
}

static void test_form(void **state)
{
	assert_int_equal(parse("\xef\xbb\xbf[flows] ; more\r\n\tslots=2048 ; two\r\n;x\n  # y\nidle_timeout : 90s\n\n"
			       "  [ port   eth0 ] # z\nrole =  inner  lan\n[flows]\nfin_timeout = 250ms"), 0);
	assert_string_equal(said, "");
	assert_int_equal(conf.flows.slots, 2048);
	assert_int_equal(conf.flows.idle_timeout_ns, 90 * NS_PER_S);
	assert_int_equal(conf.flows.fin_timeout_ns, 250 * NS_PER_MS);
	assert_string_equal(conf.port[0].name, "eth0");
	assert_string_equal(conf.port[0].role, "inner  lan");
}

static void test_long_comment(void **state)
{
	char text[2048];

	memset(text, '#', sizeof(text));
	strcpy(text + 1500, "\n" PORT);
	assert_int_equal(parse(text), 0);
}

static void test_fit(void **state)
{
	static const char broker[] = PORT "[broker]\n";
	char text[256];
	static const struct {
		const char *lines, *says;
	} rows[] = {
		{ "backoff_min=2s\nbackoff_max=1s",
		  "broker.backoff_min is greater than broker.backoff_max; allowed: at most the same" },
		{ "tls=yes\ncert_file=/c", "broker.cert_file = \"/c\": without broker.key_file; allowed: both or neither" },
		{ "tls=yes\nkey_file=/k", "broker.key_file = \"/k\": without broker.cert_file; allowed: both or neither" },
		{ "ca_file=/c", "broker.ca_file = \"/c\": without TLS; set broker.tls to yes, or leave it out" },
		{ "cert_file=/c\nkey_file=/k",
		  "broker.cert_file = \"/c\": without TLS; set broker.tls to yes, or leave it out" },
		{ "password_file=/p",
		  "broker.password_file = \"/p\": without broker.username; allowed: both, or a user name alone" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char expected[256];

		snprintf(text, sizeof(text), "%s%s\n", broker, rows[i].lines);
		snprintf(expected, sizeof(expected), "weir.conf: %s\n", rows[i].says);
		assert_says(text, expected);
	}
	assert_int_equal(parse(PORT "[broker]\ntls=yes\nusername=u\npassword_file=/p\ncert_file=/c\nkey_file=/k\n"), 0);
	assert_string_equal(conf.broker.ca_file, CONF_CA_FILE);
	assert_string_equal(conf.broker.password_file, "/p");
	assert_int_equal(parse(PORT "[broker]\ntls=yes\nca_file=/c\n"), 0);
	assert_string_equal(conf.broker.ca_file, "/c");
	assert_says(PORT "[broker]\ncert_file=c\nkey_file=/k\ntls=yes\n",
		    "weir.conf:3: broker.cert_file = \"c\": not an absolute path; "
		    "allowed: nothing, or an absolute path of at most 160 bytes\n");	/* and not: key without certificate */
}

static void test_ports(void **state)
{
	char text[CONF_PORTS_MAX * 16 + 64] = "";

	assert_int_equal(parse("[port lan0]\nrole=lan\n[port eth[0-9]] ; [x]\nhook=tc\n"
			       "[port lan*]\nrole=other\n[port *]\nmirror=yes\n"), 0);
	assert_int_equal(conf.ports, 4);
	assert_string_equal(conf_port_find(&conf, "lan0")->role, "lan");
	assert_string_equal(conf_port_find(&conf, "lan1")->role, "other");
	assert_ptr_equal(conf_port_find(&conf, "eth7"), &conf.port[1]);
	assert_ptr_equal(conf_port_find(&conf, "eth77"), &conf.port[3]);
	assert_int_equal(parse("[port lan0]\n"), 0);
	assert_null(conf_port_find(&conf, "lan"));
	assert_null(conf_port_find(&conf, "lan00"));
	assert_null(conf_port_find(&conf, ""));

	assert_int_equal(parse("[port abcdefghijklmno]\n"), 0);
	assert_says("[port abcdefghijklmnop]\nrole = x\n", "weir.conf:1: port \"abcdefghijklmnop\": too long; "
		    "allowed: an interface name of at most 15 bytes, or a glob of at most 63\n");
	assert_says("[port a/b]\n", "weir.conf:1: port \"a/b\": has a character that no interface name has; "
		    "allowed: an interface name of at most 15 bytes, or a glob of at most 63\n");
	assert_says("[port]\n",
		    "weir.conf:1: section \"port\": names no interface; write for example [port lan0] or [port eth*]\n");
	assert_says(PORT "role = a\n[port eth0]\nrole = b\n", "weir.conf:3: port \"eth0\": given before, in line 1\n");

	for (int i = 0; i < CONF_PORTS_MAX; i++)
		sprintf(text + strlen(text), "[port p%d]\n", i);
	assert_int_equal(parse(text), 0);
	assert_int_equal(conf.ports, CONF_PORTS_MAX);
	strcat(text, "[port more]\n");
	assert_says(text, "weir.conf:65: port \"more\": too many; allowed: 64 port sections\n");
}

static void test_override(void **state)
{
	assert_int_equal(test_prepare(NULL), 0);
	assert_int_equal(override("flows.slots=1024"), 0);
	assert_int_equal(conf.flows.slots, 1024);
	assert_int_equal(override("port eth0.role = the lan"), 0);
	assert_string_equal(conf.port[0].role, "the lan");
	assert_int_equal(override("broker.host=a.b.c"), 0);
	assert_string_equal(conf.broker.host, "a.b.c");
	assert_int_equal(override("gateway.name=other"), 0);
	assert_string_equal(conf.broker.client_id, "weir-other");
	assert_int_equal(override("broker.client_id=me"), 0);
	assert_int_equal(override("gateway.name=third"), 0);
	assert_string_equal(conf.broker.client_id, "me");
	assert_int_equal(override("broker.tls=yes"), 0);
	assert_string_equal(conf.broker.ca_file, CONF_CA_FILE);
	assert_int_equal(override("broker.cert_file=/c"), 0);
	assert_int_equal(conf_check(&conf, "-o", hear, &conf), -EINVAL);
	assert_string_equal(said, "-o: broker.cert_file = \"/c\": without broker.key_file; allowed: both or neither\n");
	assert_int_equal(override("broker.key_file=/k"), 0);
	assert_int_equal(conf_check(&conf, "-o", hear, &conf), 0);

	assert_int_equal(override("flows.slots=1000"), -EINVAL);
	assert_string_equal(said, "-o: flows.slots = \"1000\": out of range; allowed: a power of two, 1024 to 4194304\n");
	assert_int_equal(conf.flows.slots, 1024);
	assert_int_equal(override("flow.slots=1024"), -EINVAL);
	assert_string_equal(said, "-o: section \"flow\": unknown; did you mean [flows]?\n");
	assert_int_equal(override("port lan0.role=x"), -EINVAL);
	assert_string_equal(said, "-o: no section [port lan0] in the configuration file\n");
	static const char *const wrong[] = { "", "slots", "slots=1", "flows.slots", "flows.=1", "flows.#a=1", "flows.a;b",
					     ".", "=", ".=", "flows.slots=1024\nx=1" };
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(override(wrong[i]), -EINVAL);
		assert_memory_equal(said, "-o: ", 4);
	}
}

static char *printed(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(conf_print(&conf, out), 0);
	fclose(out);
	return text;
}

static void test_print(void **state)
{
	char *first, *second;

	assert_int_equal(parse("[gateway]\nname=gw\n[broker]\ntls=yes\nkeepalive=5001ms\n[export]\nbatch_bytes=99999\n"
			       "[run]\nlog_level=warn\n[port eth[0-9]]\nmirror=yes\n[port *]\nrole=\xc3\xbc\n"), 0);
	first = printed();
	assert_non_null(strstr(first, "keepalive = 5001ms\n"));
	assert_non_null(strstr(first, "unacked_bytes = 16M\n"));
	assert_non_null(strstr(first, "[port eth[0-9]]\nrole = port\nhook = auto\nmirror = yes\n"));
	assert_int_equal(parse(first), 0);
	second = printed();
	assert_string_equal(first, second);
	free(first);
	free(second);
}

static void test_load(void **state)
{
	char path[] = "/tmp/test_conf.XXXXXX", expected[256];
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");

	assert_non_null(file);
	fputs(PORT "role = lan\n[run]\nuser =\n", file);
	fclose(file);
	said[0] = 0;
	assert_int_equal(conf_load(path, &conf, hear, &conf), -EINVAL);
	snprintf(expected, sizeof(expected),
		 "%s:4: run.user = \"\": empty; allowed: a name or number of 1 to 32 bytes\n", path);
	assert_string_equal(said, expected);

	file = fopen(path, "w");
	fputs(PORT "role = lan\n", file);
	fclose(file);
	assert_int_equal(conf_load(path, &conf, hear, &conf), 0);
	assert_string_equal(conf.port[0].role, "lan");

	assert_int_equal(truncate(path, CONF_FILE_MAX + 1), 0);
	said[0] = 0;
	assert_int_equal(conf_load(path, &conf, hear, &conf), -EFBIG);
	snprintf(expected, sizeof(expected), "%s: too long; allowed: at most 262144 bytes\n", path);
	assert_string_equal(said, expected);
	unlink(path);

	said[0] = 0;
	assert_int_equal(conf_load("/nowhere/weir.conf", &conf, hear, &conf), -ENOENT);
	assert_string_equal(said, "/nowhere/weir.conf: cannot be read: No such file or directory\n");
	said[0] = 0;
	assert_int_equal(conf_load("/", &conf, hear, &conf), -EISDIR);
	assert_string_equal(said, "/: cannot be read: Is a directory\n");
}

/* What the manual and the commented file are made from: no field empty, no tab or newline, presets that are allowed. */
static void test_table(void **state)
{
	struct conf presets;
	struct conf_port port;

	for (size_t i = 0; i < options_count; i++) {
		const struct conf_option *option = &options[i];
		char allowed[OPTIONS_TEXT_MAX];
		struct writer w = WRITER(allowed);
		void *base = strcmp(option->section, OPTIONS_PORT) ? (void *)&presets : &port;

		assert_null(options_set(option, base, option->preset));
		options_allowed(option, &w);
		assert_false(w.full);
		assert_true(w.len > 0);
		assert_int_equal(option->help[strlen(option->help) - 1], '.');
		assert_null(strpbrk(option->help, "\t\n\\"));
		for (size_t j = 0; j < i; j++)
			assert_false(!strcmp(options[j].section, option->section) && !strcmp(options[j].key, option->key));
	}
	assert_true(options_count <= 64);	/* conf.c, KEYS_MAX */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_listen),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_choices),
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_message_limit),
		cmocka_unit_test(test_failure_leaves_conf),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_long_comment),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_override),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
