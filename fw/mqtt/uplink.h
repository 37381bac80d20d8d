/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * uplink - the process that holds the broker's socket, and nothing else: no capability, no map, no spool.
 *
 * uplink_run() is the whole life of that process. It speaks link.h with the agent and MQTT with the broker, keeps
 * nothing but birth and will, and may die at any moment (a broker's bytes can make libmosquitto abort()): whoever
 * forks it starts another, waiting a little longer each time it dies young.
 *
 * Nothing blocks its loop but the reading of TLS files: names are looked up by a thread.
 *
 * It ignores SIGTERM, SIGINT and SIGHUP: systemd and terminals send those to all processes at once, and the agent
 * still has to flush through this one. STOP or the end of the link ends it; SIGKILL always may.
 *
 * Returns 0 after STOP or the end of the link, or a negative errno if it could not start. Logs itself (it is the top
 * of its process): state changes at info, the library's own talk at debug, never credentials.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define UPLINK_WINDOW_MAX 256	/* PUBLISHes in flight, 12 bytes each here; their payload is in the library: 32 MB at worst */

enum uplink_protocol { UPLINK_AUTO, UPLINK_V5, UPLINK_V311 };	/* auto: 5, and 3.1.1 where the broker has no 5 */

/* Strings are borrowed and must stay. A time of 0 takes the default in (). */
struct uplink_conf {
	const char *host;		/* of hosts.h: one or several, tried in turn; the certificate's name where tls */
	uint16_t port;			/* of those without one; not 0 */
	enum uplink_protocol protocol;
	const char *client_id;		/* 1 to 65535 bytes; one per gateway: a second client of that name ends the first */
	const char *username;		/* NULL: none */
	const char *password;		/* NULL: none; wants a username */

	bool tls;			/* then never plain text, whatever goes wrong */
	const char *ca_file;		/* PEM; needed where tls. All three are read again at each connect */
	const char *cert_file;		/* client certificate: both or neither; key without passphrase */
	const char *key_file;

	const char *state_topic;	/* retained: online after each connect, offline at STOP and as the will; NULL: none */
	const char *state_online;	/* payloads */
	const char *state_offline;

	uint32_t offline_delay_s;	/* MQTT 5: the broker waits so long before it publishes the will; 0: not at all */
	uint32_t first_wait_ms;		/* bound of a random wait before the first attempt; 0: none */

	uint16_t keepalive_s;		/* (60); at least 5. A silent broker is noticed after about twice this */
	uint16_t window;		/* (20); 1 to UPLINK_WINDOW_MAX; less where the broker's receive-maximum says so */
	uint32_t backoff_min_ms;	/* (1000) */
	uint32_t backoff_max_ms;	/* (60000) */
	uint32_t connect_timeout_ms;	/* (20000) from TCP connect to CONNACK; a name lookup before it may take as long */
	uint32_t stop_timeout_ms;	/* (3000) from STOP to exit, at most */
};

int uplink_run(const struct uplink_conf *conf, int link_fd);
