/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/report_tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "enrich/rtt.h"

/* Flags that the initiator and the responder sent. */
static const char *state_of(uint8_t source, uint8_t destination)
{
	if ((source | destination) & TH_RST)
		return "reset";
	if (source & destination & TH_FIN)
		return "closed";
	if ((source | destination) & TH_FIN)
		return "closing";
	if (source & TH_SYN && !destination)
		return "syn_sent";
	if (destination & TH_SYN && !(source & TH_ACK))
		return "syn_received";
	return "established";
}

static const char *failure_of(uint8_t source, uint8_t destination, bool has_ended)
{
	if (!(source & TH_SYN))
		return NULL;
	if (!destination)
		return has_ended ? "no_answer" : NULL;
	if (destination & TH_RST && !(destination & TH_SYN))
		return "refused";
	return (source | destination) & TH_RST && !(source & TH_ACK) ? "reset_in_handshake" : NULL;
}

static void fill_side(struct record_tcp_side *side, const struct tcp_health *h, int at)
{
	const struct tcp_side *from = &h->side[at], *to = &h->side[!at];

	*side = (struct record_tcp_side){
		.retransmits = from->retransmits,
		.lost_before = from->lost_before,
		.out_of_order = from->out_of_order,
		.duplicate_acks = h->duplicate_acks[at],
		.zero_windows = h->zero_windows[at],
		.in_flight = (int32_t)(from->next_seq - to->acked) > 0 ? from->next_seq - to->acked : 0,
	};
}

static void fill_rtt(struct record_rtt *rtt, const struct tcp_health *h, int at)
{
	const struct rtt_summary s = rtt_summary(h->rtt[at], h->rtt_base[at]);

	_Static_assert(sizeof(rtt->buckets) == sizeof(s.buckets), "buckets");
	*rtt = (struct record_rtt){
		.count = h->rtt_count[at], .min_us = h->rtt_min_us[at],
		.mean_us = h->rtt_count[at] ? h->side[at].rtt_sum_us / h->rtt_count[at] : 0,
		.p50_us = s.p50_us, .p95_us = s.p95_us, .p99_us = s.p99_us, .first_bucket = s.first_bucket,
	};
	memcpy(rtt->buckets, s.buckets, sizeof(rtt->buckets));
}

void report_icmp(const struct flow_report *flow, struct record_rtt ret_icmp[2])
{
	const int near = flow->flags & FLOW_MIRROR ? !!(flow->flags & FLOW_INITIATOR_B) : 0;

	if (!flow->tcp || (flow->key->proto != IPPROTO_ICMP && flow->key->proto != IPPROTO_ICMPV6))
		return;
	fill_rtt(&ret_icmp[0], flow->tcp, near);
	fill_rtt(&ret_icmp[1], flow->tcp, !near);
}

void report_quic(const struct flow_report *flow, struct record_quic *ret_quic)
{
	static const char *const states[] = {
#define X(id, text) text,
		SPIN_STATES(X)
#undef X
	};
	const int near = flow->flags & FLOW_MIRROR ? !!(flow->flags & FLOW_INITIATOR_B) : 0;

	if (!flow->tcp || flow->key->proto != IPPROTO_UDP || flow->tcp->side[0].spin.state >= SPIN_STATE_N)
		return;
	ret_quic->spin = states[flow->tcp->side[0].spin.state];
	fill_rtt(&ret_quic->rtt[0], flow->tcp, near);
	fill_rtt(&ret_quic->rtt[1], flow->tcp, !near);
}

void report_tcp(const struct flow_report *flow, struct record_tcp *ret_tcp)
{
	const int initiator = !!(flow->flags & FLOW_INITIATOR_B), near = flow->flags & FLOW_MIRROR ? initiator : 0;
	const uint8_t source = (uint8_t)(flow->flags >> (initiator ? 8 : 0));
	const uint8_t destination = (uint8_t)(flow->flags >> (initiator ? 0 : 8));
	const struct tcp_health *h = flow->tcp;

	if (flow->key->proto != IPPROTO_TCP)
		return;
	ret_tcp->state = state_of(source, destination);
	ret_tcp->failure = failure_of(source, destination, flow->end != FLOW_END_ACTIVE);
	if ((source | destination) & TH_RST)
		ret_tcp->reset = !(destination & TH_RST) ? "source" : !(source & TH_RST) ? "destination" : "both";
	if (!h)
		return;
	ret_tcp->measured = true;
	ret_tcp->has_handshake = h->handshake_us[0] | h->handshake_us[1];
	ret_tcp->handshake_near_us = h->handshake_us[near];
	ret_tcp->handshake_far_us = h->handshake_us[!near];
	fill_rtt(&ret_tcp->rtt[0], h, near);
	fill_rtt(&ret_tcp->rtt[1], h, !near);
	fill_side(&ret_tcp->source, h, initiator);
	fill_side(&ret_tcp->destination, h, !initiator);
}
