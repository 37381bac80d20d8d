/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fields_tcp - the part of the table in fields.h about the health of connections: TCP, QUIC, ICMP. Only fields.h includes it. */
#pragma once

#define FIELDS_RTT(OPEN, FIELD, CLOSE, side, rtt, where) \
	OPEN(side) \
	FIELD(count, "long", "", "no sample since the last report", "samples: from the port to " where " and back; stays at 65535", \
	      r->rtt.count, u64(w, r->rtt.count)) \
	FIELD(min, "long", "us", "no sample", "the least of them", r->rtt.count, u64(w, r->rtt.min_us)) \
	FIELD(mean, "long", "us", "no sample", "arithmetic mean", r->rtt.count, u64(w, r->rtt.mean_us)) \
	FIELD(p50, "long", "us", "no sample", "median, within 23 %; 41 % where some are more than 64 times others", r->rtt.count, u64(w, r->rtt.p50_us)) \
	FIELD(p95, "long", "us", "no sample", "95th percentile", r->rtt.count, u64(w, r->rtt.p95_us)) \
	FIELD(p99, "long", "us", "no sample", "99th percentile", r->rtt.count, u64(w, r->rtt.p99_us)) \
	FIELD(first_bucket, "long", "", "no sample", "grid number of buckets[0]: 2k is [2^k, 1.5 * 2^k) us, 2k + 1 the rest of the octave", \
	      r->rtt.count, u64(w, r->rtt.first_bucket)) \
	FIELD(buckets, "long[]", "", "no sample", "samples in each bucket, all halved where one has seen 255; spread over an octave where some are more than 64 times others; the last ones that are 0 are left out", \
	      r->rtt.count, bytes_list(w, r->rtt.buckets, sizeof(r->rtt.buckets))) \
	CLOSE()

#define FIELDS_BY_SIDE(OPEN, FIELD, CLOSE, name, meaning) \
	OPEN(name) \
	FIELD(source, "long", "", "health not measured", meaning ", of what the initiator sent, so far; stays at 65535", \
	      r->tcp.measured, u64(w, r->tcp.source.name)) \
	FIELD(destination, "long", "", "health not measured", "the same, of the responder", \
	      r->tcp.measured, u64(w, r->tcp.destination.name)) \
	CLOSE()

/* Inside of weir.tcp. */
#define FIELDS_TCP(OPEN, FIELD, CLOSE) \
	FIELD(state, "keyword", "", "not TCP", "syn_sent, syn_received, established, closing, closed, reset", \
	      r->tcp.state, quoted(w, r->tcp.state)) \
	FIELD(failure, "keyword", "", "it came about, or still may", "no_answer, refused (RST for the SYN), reset_in_handshake", \
	      r->tcp.failure, quoted(w, r->tcp.failure)) \
	FIELD(reset, "keyword", "", "no RST", "who sent RST: source, destination, both", r->tcp.reset, quoted(w, r->tcp.reset)) \
	OPEN(handshake_us) \
	FIELD(near, "long", "us", "handshake not seen whole, or a part of it twice", "of the half between port and what is behind it; on a " \
	      "mirror port: the initiator's half", r->tcp.has_handshake, u64(w, r->tcp.handshake_near_us)) \
	FIELD(far, "long", "us", "as near", "of the half beyond the gateway", r->tcp.has_handshake, u64(w, r->tcp.handshake_far_us)) \
	CLOSE() \
	OPEN(rtt_us) \
	FIELDS_RTT(OPEN, FIELD, CLOSE, near, tcp.rtt[0], "what is behind it") \
	FIELDS_RTT(OPEN, FIELD, CLOSE, far, tcp.rtt[1], "what is beyond the gateway") \
	CLOSE() \
	FIELDS_BY_SIDE(OPEN, FIELD, CLOSE, retransmits, "data that had passed before: lost beyond the port, or its acknowledgement was") \
	FIELDS_BY_SIDE(OPEN, FIELD, CLOSE, lost_before, "gaps that were filled after 3 ms or more: lost before the port") \
	FIELDS_BY_SIDE(OPEN, FIELD, CLOSE, out_of_order, "gaps that were filled within 3 ms") \
	FIELDS_BY_SIDE(OPEN, FIELD, CLOSE, duplicate_acks, "duplicate acknowledgements, RFC 5681 2") \
	FIELDS_BY_SIDE(OPEN, FIELD, CLOSE, zero_windows, "times that the window closed; stays at 255") \
	FIELDS_BY_SIDE(OPEN, FIELD, CLOSE, in_flight, "bytes not acknowledged at the time of the report")

/* Inside of weir.icmp. */
#define FIELDS_ICMP(OPEN, FIELD, CLOSE) \
	OPEN(rtt_us) \
	FIELDS_RTT(OPEN, FIELD, CLOSE, near, icmp[0], "what is behind it") \
	FIELDS_RTT(OPEN, FIELD, CLOSE, far, icmp[1], "what is beyond the gateway") \
	CLOSE()

/* Inside of weir.quic. */
#define FIELDS_QUIC(OPEN, FIELD, CLOSE) \
	OPEN(handshake_us) \
	FIELD(near, "long", "us", "not QUIC, not seen from the start, or it may have been said twice", "from the client's Initial to the " \
	      "server's first packet, or from the server's first one to the client's answer: the half between port and what is behind it; on " \
	      "a mirror port: the initiator's", r->quic.handshake_near_us, u64(w, r->quic.handshake_near_us)) \
	FIELD(far, "long", "us", "as near", "of the half beyond the gateway", r->quic.handshake_far_us, u64(w, r->quic.handshake_far_us)) \
	CLOSE() \
	FIELD(spin, "keyword", "", "no short header seen, or handshake not seen", "the latency spin bit, RFC 9000 17.4: spinning (rtt_us is " \
	      "from it), constant, erratic (at random, or few packets a round trip), watching (nothing told yet)", \
	      r->quic.spin, quoted(w, r->quic.spin)) \
	OPEN(rtt_us) \
	FIELDS_RTT(OPEN, FIELD, CLOSE, near, quic.rtt[0], "what is behind it") \
	FIELDS_RTT(OPEN, FIELD, CLOSE, far, quic.rtt[1], "what is beyond the gateway") \
	CLOSE()
