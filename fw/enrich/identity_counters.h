/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * identity_counters - what identity.h counts, as one table: the struct, weir status and its JSON come from it. All since the
 * process began.
 */
#pragma once

#include <stdint.h>

#define IDENTITY_COUNTERS(X) \
	X(payloads,		"copies of payload looked at") \
	X(connections,		"flows looked into") \
	X(connections_replaced,	"flows given up for newer ones: too many under way") \
	X(buffers_full,		"segments not kept: no reassembly buffer was free") \
	X(beyond,		"segments not kept: too far from the first byte, or too scattered") \
	X(client_hellos,	"ClientHellos read, of TLS, DTLS and QUIC") \
	X(server_hellos,	"ServerHellos read") \
	X(bad_hellos,		"hellos that break their own lengths") \
	X(bad_datagrams,	"DTLS datagrams that break their own lengths") \
	X(http_bad,		"HTTP/1 heads with a fault, or without an end") \
	X(http_requests,	"HTTP/1 requests read") \
	X(dns_messages,		"DNS messages read") \
	X(dns_malformed,	"DNS messages with a fault") \
	X(dns_strays,		"DNS answers that nothing had asked for: not believed") \
	X(dns_unanswered,	"DNS queries without an answer") \
	X(dns_learnt,		"addresses learnt from DNS answers") \
	X(dns_beyond,		"addresses and aliases over the limits of one answer")

struct identity_counters {
#define X(name, text) uint64_t name;
	IDENTITY_COUNTERS(X)
#undef X
};
