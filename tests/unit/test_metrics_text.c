/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test_metrics_text - the page for Prometheus to the character; what it says of a running gateway is 54-metrics' */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "run/metrics_text.h"

static struct snapshot *s;
static struct tcp_totals *tcp;
static char *text;

static int set_up(void **state)
{
	(void)state;
	s = calloc(1, sizeof(*s));
	text = malloc(METRICS_TEXT_MAX + 1);
	s->version = "1.2";
	s->gateway = "g\"w\\";
	s->site = "a\nb";
	s->agent_starts = s->uplink_starts = 1;
	return !s || !text || tcp_totals_new(&tcp, 64, 0);
}

static int tear_down(void **state)
{
	(void)state;
	tcp = tcp_totals_free(tcp);
	free(text);
	free(s);
	return 0;
}

static const char *page(bool openmetrics)
{
	struct writer w = { .buf = text, .size = METRICS_TEXT_MAX };

	metrics_text(&w, s, tcp, openmetrics);
	assert_false(w.full);
	text[w.len] = 0;
	return text;
}

static void add_port(unsigned int i, const char *name)
{
	struct snapshot_port *p = &s->port[s->ports++];

	p->state.port = (uint16_t)i;
	snprintf(p->state.name, sizeof(p->state.name), "%s", name);
	snprintf(p->state.role, sizeof(p->state.role), "lan");
}

/* Whole lines, in this order, nothing between. */
static void assert_lines(const char *where, const char *lines)
{
	const char *at = strstr(where, lines);

	if (!at || (at != where && at[-1] != '\n'))
		fail_msg("not there:\n%s", lines);
}

static void counters_end_in_total(void **state)
{
	(void)state;
	s->exported.lost_records = 18446744073709551615ULL;
	s->stats[0] = 7;
	assert_lines(page(false), "# HELP weir_export_lost_records_total records in them, where known, and those of record_too_big.\n"
				  "# TYPE weir_export_lost_records_total counter\nweir_export_lost_records_total 18446744073709551615\n");
	assert_lines(text, "weir_dataplane_unknown_port_total 7\n");
	assert_null(strstr(text, "# EOF"));
	assert_lines(page(true), "# HELP weir_export_lost_records records in them, where known, and those of record_too_big.\n"
				 "# TYPE weir_export_lost_records counter\nweir_export_lost_records_total 18446744073709551615\n");
	assert_string_equal(text + strlen(text) - strlen("\n# EOF\n"), "\n# EOF\n");
}

static void labels_are_escaped(void **state)
{
	(void)state;
	assert_lines(page(false), "weir_build_info{version=\"1.2\",site=\"a\\nb\",gateway=\"g\\\"w\\\\\"} 1\n");
}

static void what_may_go_down_is_a_gauge(void **state)
{
	(void)state;
	s->nat.entries = 3;
	add_port(0, "lan0");
	s->port[0].residual.base = RESIDUAL_BASE_BEGAN;
	s->port[0].residual.now.hook[DIR_RX] = true;
	s->port[0].residual.dir[DIR_RX].all.frames = -5;
	assert_lines(page(false), "# TYPE weir_nat_entries gauge\nweir_nat_entries 3\n");
	assert_lines(text, "# TYPE weir_residual_frames gauge\nweir_residual_frames{interface=\"lan0\",direction=\"rx\"} -5\n#");
}

static void histograms_add_up(void **state)
{
	struct tcp_total *t = &s->tcp_ended[2];

	(void)state;
	add_port(2, "lan0");
	t->rtt[0].count[0] = 1;		/* below the first bound */
	t->rtt[0].count[9] = 2;		/* [24, 32) us */
	t->rtt[0].count[10] = 4;	/* [32, 48) */
	t->rtt[0].count[47] = 8;	/* up to 16.8 s */
	t->rtt[0].count[48] = 16;	/* beyond */
	t->rtt[0].count[63] = 32;
	t->rtt_sum_us[0] = 12000034;
	assert_lines(page(true), "weir_tcp_rtt_seconds_bucket{interface=\"lan0\",side=\"near\",le=\"0.000032\"} 3\n"
				 "weir_tcp_rtt_seconds_bucket{interface=\"lan0\",side=\"near\",le=\"0.000048\"} 7\n"
				 "weir_tcp_rtt_seconds_bucket{interface=\"lan0\",side=\"near\",le=\"0.000064\"} 7\n");
	assert_lines(text, "weir_tcp_rtt_seconds_bucket{interface=\"lan0\",side=\"near\",le=\"16.777216\"} 15\n"
			   "weir_tcp_rtt_seconds_bucket{interface=\"lan0\",side=\"near\",le=\"+Inf\"} 63\n"
			   "weir_tcp_rtt_seconds_sum{interface=\"lan0\",side=\"near\"} 12.000034\n"
			   "weir_tcp_rtt_seconds_count{interface=\"lan0\",side=\"near\"} 63\n");
}

static void all_ports_fit(void **state)
{
	char name[IFNAMSIZ];

	(void)state;
	memset(s->tcp_ended, 0x7f, sizeof(s->tcp_ended));
	for (unsigned int i = 0; i < PORTS_MAX; i++) {
		snprintf(name, sizeof(name), "\"\"\"\"\"\"\"\"\"\"\"\"%03u", i);	/* twice as long when escaped */
		add_port(i, name);
		memset(&s->port[i].books, 0x7f, sizeof(s->port[i].books));
		memset(&s->port[i].residual.dir, 0x80, sizeof(s->port[i].residual.dir));
		s->port[i].residual.base = RESIDUAL_BASE_BEGAN;
		s->port[i].residual.now.hook[0] = s->port[i].residual.now.hook[1] = true;
	}
	assert_true(strlen(page(true)) < METRICS_TEXT_MAX);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(counters_end_in_total),
		CASE(labels_are_escaped),
		CASE(what_may_go_down_is_a_gauge),
		CASE(histograms_add_up),
		CASE(all_ports_fit),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
