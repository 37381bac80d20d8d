/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * metrics_text - a snapshot as a page for Prometheus: OpenMetrics 1.0.0, or the text format 0.0.4 that came before it.
 *
 * Names, types and help come from the same tables as `weir status`: a counter "export.lost_records" is weir_export_lost_records_total,
 * one without a dot, of the kernel's, weir_dataplane_..._total. Units are seconds and bytes. Counters start again with the process that
 * counts them (ARCHITECTURE.md), those of the books do not. Round trips are histograms with fixed buckets of half octaves, so that they
 * can be added up over ports and gateways. Pure.
 */
#pragma once

#include <stdbool.h>

#include "run/snapshot.h"

#define METRICS_TEXT_MAX (2 * 1024 * 1024)	/* 64 ports fit: a port takes some 16 kB */

/* @tcp: the interval under way. */
void metrics_text(struct writer *w, const struct snapshot *s, const struct tcp_totals *tcp, bool openmetrics);
