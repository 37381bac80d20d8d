/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * conf - weir.conf into one struct of plain, checked values.
 *
 * The file is INI text; options.c has the one table of options that everything about them is made from. The caller's
 * @error gets each thing that is wrong as one finished line ("FILE:LINE: what was given: why not; allowed: ..."), up
 * to CONF_ERRORS_MAX, then how many more; control characters in it are escaped. Nothing is logged here and, but for
 * the host name (gateway.name), nothing outside the file is looked at: files that an option names may be missing.
 *
 * 0 or a negative errno: -EINVAL for a wrong configuration, else why the file could not be read. @ret_conf is
 * untouched on failure. Strings end in NUL; "" is "not given". Durations are nanoseconds, sizes bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log.h"

#define CONF_DEFAULT_PATH	"/etc/weir/weir.conf"
#define CONF_CA_FILE		"/etc/ssl/certs/ca-certificates.crt"
#define CONF_FILE_MAX		262144	/* bytes of a file, read at once */
#define CONF_ERRORS_MAX		20	/* messages of one file */
#define CONF_PORTS_MAX		64	/* PORTS_MAX of abi.h; 6.5 kB of struct conf */
#define CONF_LEVEL_MAX		64	/* bytes of one MQTT topic level of ours */
#define CONF_TOPIC_MAX		128
#define CONF_TEXT_MAX		128
#define CONF_HOST_MAX		180	/* with its key it still fits a line of libinih */
#define CONF_PATH_MAX		160
#define CONF_SOCKET_MAX		107	/* sockaddr_un.sun_path */
#define CONF_USER_MAX		32
#define CONF_ENDPOINT_MAX	60		/* "tcp://[", an IPv6 address with dots, "]:65535" */
#define CONF_ROLE_MAX		32
#define CONF_PORT_NAME_MAX	63	/* a glob may be longer than a name of an interface (15) */

enum conf_protocol { CONF_MQTT_AUTO, CONF_MQTT_5, CONF_MQTT_3_1_1 };
enum conf_encoding { CONF_ENCODING_JSON, CONF_ENCODING_CBOR };
enum conf_privacy { CONF_PRIVACY_FULL, CONF_PRIVACY_NO_NAMES, CONF_PRIVACY_HASHED, CONF_PRIVACY_PREFIX };
enum conf_spool { CONF_SPOOL_OFF, CONF_SPOOL_DURABLE, CONF_SPOOL_SPILL };
enum conf_hook { CONF_HOOK_AUTO, CONF_HOOK_XDP, CONF_HOOK_XDP_GENERIC, CONF_HOOK_TC };

struct conf_port {
	char name[CONF_PORT_NAME_MAX + 1];	/* interface name, or a glob (fnmatch(3)) */
	char role[CONF_ROLE_MAX + 1];
	enum conf_hook hook;
	bool mirror;
};

struct conf {
	struct {
		char site[CONF_LEVEL_MAX + 1];
		char name[CONF_LEVEL_MAX + 1];		/* never "": the host name when not given */
		enum conf_privacy privacy;
		char privacy_key_file[CONF_PATH_MAX + 1];
	} gateway;
	struct {
		char host[CONF_HOST_MAX + 1];		/* hosts_parse() takes it */
		uint16_t port;
		enum conf_protocol protocol;
		char topic_root[CONF_TOPIC_MAX + 1];
		char client_id[CONF_TEXT_MAX + 1];	/* never "": "weir-<name>" when not given */
		char username[CONF_TEXT_MAX + 1];
		char password_file[CONF_PATH_MAX + 1];
		bool tls;
		char ca_file[CONF_PATH_MAX + 1];	/* where tls never "": CONF_CA_FILE when not given */
		char cert_file[CONF_PATH_MAX + 1];
		char key_file[CONF_PATH_MAX + 1];
		uint64_t keepalive_ns;
		uint32_t window;
		uint64_t offline_delay_ns;
		uint64_t start_spread_ns;
		uint64_t backoff_min_ns;
		uint64_t backoff_max_ns;
	} broker;
	struct {
		uint32_t slots;				/* a power of two */
		uint32_t tcp_share;			/* slots for each place of the pool of TCP health: 4, 2 or 1 */
		uint32_t hello_walks;			/* a power of two */
		uint32_t facts;
		bool new_flow_limit;
		uint64_t tcp_idle_timeout_ns;
		uint64_t syn_timeout_ns;
		uint64_t idle_timeout_ns;
		uint64_t fin_timeout_ns;
		uint64_t active_timeout_ns;
		uint64_t sweep_interval_ns;
	} flows;
	struct {
		enum conf_encoding encoding;		/* of flow batches */
		uint64_t batch_bytes;
		uint64_t batch_interval_ns;
		uint64_t unacked_bytes;
		uint64_t summary_interval_ns;
		uint64_t health_interval_ns;
	} export;
	struct {
		enum conf_spool mode;
		char dir[CONF_PATH_MAX + 1];
		uint64_t max_bytes;
		uint64_t min_free;
		uint64_t segment_bytes;
		uint64_t commit_interval_ns;
		uint64_t spill_after_ns;
		uint64_t backlog_after_ns;
		uint32_t backlog_share;			/* per cent */
	} spool;
	struct {
		char endpoint[CONF_ENDPOINT_MAX + 1];	/* endpoint_parse() takes it, or "": no collector */
		uint32_t observation_domain;
		uint64_t template_interval_ns;
	} ipfix;
	struct {
		char listen[CONF_ENDPOINT_MAX + 1];	/* endpoint_listen() takes it, or "": no metrics page */
		char user[CONF_USER_MAX + 1];
	} metrics;
	struct {
		char bpf_object[CONF_PATH_MAX + 1];
		char pin_dir[CONF_PATH_MAX + 1];
		char control_socket[CONF_SOCKET_MAX + 1];
		char user[CONF_USER_MAX + 1];		/* name or number */
		char uplink_user[CONF_USER_MAX + 1];
		enum log_level log_level;
	} run;
	unsigned int ports;
	struct conf_port port[CONF_PORTS_MAX];		/* in the file's order: the first that matches holds */
};

typedef void (*conf_error_fn)(const char *message, void *arg);

int conf_load(const char *path, struct conf *ret_conf, conf_error_fn error, void *arg);
int conf_parse(const char *text, size_t len, const char *name, struct conf *ret_conf, conf_error_fn error, void *arg);

/* Changes one option of @conf: "section.key=value", of a port "port lan0.key=value" where the file has [port lan0]. */
int conf_override(struct conf *conf, const char *assignment, conf_error_fn error, void *arg);

/* Whether options fit each other. Load and parse have done it; call it once more after the last override. */
int conf_check(const struct conf *conf, const char *name, conf_error_fn error, void *arg);

/* The section of a port; NULL when none matches. */
const struct conf_port *conf_port_find(const struct conf *conf, const char *ifname);

/* Writes @conf so that conf_parse() makes the same of it. */
int conf_print(const struct conf *conf, FILE *out);
