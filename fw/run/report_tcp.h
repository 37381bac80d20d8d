/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* report_tcp - what flags and struct tcp_health of a flow report say, of TCP and ICMP echo, as fields of a record. Pure. */
#pragma once

#include "collect/flowtab.h"
#include "export/record.h"

/* @ret_tcp is zero before. Nothing happens for other protocols than TCP. */
void report_tcp(const struct flow_report *flow, struct record_tcp *ret_tcp);

/* The same of ICMP echo: near, far. */
void report_icmp(const struct flow_report *flow, struct record_rtt ret_icmp[2]);
void report_quic(const struct flow_report *flow, struct record_quic *ret_quic);	/* what the spin bit tells; fills nothing where that is not watched */
