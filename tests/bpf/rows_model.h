/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rows_model - random and spoilt frames through the programs and through a plain model of them on the host: parse_frame()
 * and key_make() are the real ones, the table is a list. Classes, keys, counters, flags, books and every payload copy
 * must agree, and both rx hooks must leave the same maps behind. The sequence is fixed, so that a failure is the same
 * the next time.
 */
#pragma once

#include "rows_copied.h"
#include "tests/lib/hello_make.h"

#define MODEL_FRAMES	20000
#define MODEL_BATCH	250	/* frames between two resets: the table never gets full */

struct model_flow {
	struct flow_key key;
	uint64_t frames[2], bytes[2], overhead[2];
	uint32_t flags;		/* those that do not come from the payload */
	unsigned int copies[2];
	bool dead;
};

static struct model_flow model[MODEL_BATCH];
static struct packet model_fragments[MODEL_BATCH];
static unsigned int model_flows, model_datagrams, model_limits, model_classes[BOOK_N + 1], model_copies[256];
static bool model_few;	/* flows, so that they have many packets */
static struct frame_bytes batch[MODEL_BATCH];
static uint32_t random_state = 2463534242u;

#define MODEL_FLAGS	(0xffffu | FLOW_INITIATOR_B | FLOW_SYN_SEEN | FLOW_CLIENT_SEQ | FLOW_FRAGMENTS | FLOW_MIRROR | FLOW_MAC_B | \
			 FLOW_COPY_OFF)

static uint32_t rnd(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % below;
}

/* The IP header does not say how long it is, and there is payload: TC takes the skb's length, for BIG TCP; XDP, which
 * never sees such a thing, does not look at the payload. The only frames that the two treat otherwise. */
static bool payload_by_skb(const struct frame_bytes *f, bool raw)
{
	struct cursor c = { f->b, f->b, f->b + f->len };
	struct packet p;

	return parse_frame(&c, raw, 0, &p) == PARSE_OK && p.bits & PACKET_TCP && !p.ip_len && f->len > p.payload_off;
}

static void make_random_frame(struct frame_bytes *f, bool raw)
{
	static const uint8_t protos[] = { 6, 6, 6, 17, 17, 1, 58, 132, 136, 47, 0, 44, 60, 43, 59 };
	static const uint8_t exts[] = { 0, 60, 43, 44, 44 };
	static const uint16_t types[] = { 0, 0, 0, 0, 0, 0, 0x0806, 0x88cc, 60, 0x8863, 0x86dd, 0x8848 };
	static const uint16_t tpids[] = { 0x8100, 0x88a8, 0x9100, 0x9200 };
	static const uint16_t names[] = { 52, 53, 54, 66, 67, 68, 69, 545, 546, 547, 548, 5352, 5353, 5354, 5355, 5356 };
	static const uint8_t flags[] = { SYN, SYN | ACK, ACK, PSH | ACK, FIN | ACK, RST };
	static uint8_t random_bytes[600];
	struct packet_spec s = {
		.raw = raw, .ip = rnd(12) ? 4 + 2 * (int)rnd(2) : 0, .a = rnd(3), .b = rnd(3), .proto = protos[rnd(sizeof(protos))],
		.vlans = rnd(3) ? 0 : rnd(6), .tpid = tpids[rnd(4)], .type = types[rnd(12)], .pppoe = !rnd(6), .session = rnd(2),
		.labels = rnd(5) ? 0 : rnd(8), .opts = rnd(3) ? 0 : 4 * rnd(11), .exts = rnd(3) ? 0 : rnd(10), .ext_words = rnd(3),
		.id = rnd(2), .frag = rnd(4) ? 0 : (rnd(2) ? 0x2000 : 0) | rnd(2) | (rnd(2) ? 8 : 0),
		.sport = 1 + rnd(2), .dport = 1 + rnd(2), .flags = flags[rnd(6)], .seq = rnd(4), .ack = rnd(4),
		.doff = rnd(8) ? 0 : 1 + rnd(16), .tcp_opts = rnd(2) ? 0 : 4 * rnd(10), .pad = rnd(4) ? 0 : rnd(40),
		.ip_len = rnd(6) ? 0 : (int)rnd(120) - 1,
	};

	if (model_few) {
		s.ip = 4 + 2 * (int)rnd(2);
		s.a = 1;
		s.b = 2;
		s.proto = s.ip == 4 ? 6 + 11 * (int)rnd(2) : 58;
		s.vlans = s.type = s.pppoe = s.labels = s.exts = s.frag = 0;
		s.sport = s.dport = 1;
	}
	if (!rnd(4))
		*(rnd(2) ? &s.sport : &s.dport) = names[rnd(ARRAY_SIZE(names))];

	for (unsigned int i = 0; i < 8; i++)
		s.vlan[i] = rnd(3) | (rnd(2) ? 0x2000 : 0);
	for (unsigned int i = 0; i < s.exts; i++)
		s.ext[i] = exts[rnd(5)];
	for (size_t i = 0; i < 8; i++)
		random_bytes[rnd(sizeof(random_bytes))] = rnd(256);
	random_bytes[0] = rnd(3) ? 0x16 : 'G';
	random_bytes[1] = rnd(3) ? 3 : 0;
	if (s.proto == 58)
		random_bytes[0] = (uint8_t)(130 + rnd(10));
	s.payload = random_bytes;
	s.payload_len = rnd(3) ? rnd(60) : rnd(600);
	packet_make(f, &s);
	for (unsigned int n = rnd(2) || !f->len ? 0 : rnd(4); n > 0; n--)
		f->b[rnd((uint32_t)(rnd(2) ? MIN(80, f->len) : f->len))] = (uint8_t)rnd(256);
	if (!rnd(4))
		f->len = rnd((uint32_t)f->len + 1);
	if (f->len < 14)
		frame_fill(f, 0x45, 14 - f->len);
	if (!rnd(50))
		for (size_t i = 12; i < f->len; i++)
			f->b[i] = (uint8_t)rnd(256);
	while (!tc_takes(f->b, f->len))
		frame_put8(f, rnd(256));
}

static void make_random(struct frame_bytes *f, bool raw)
{
	do
		make_random_frame(f, raw);
	while (payload_by_skb(f, raw));
}

static enum book_class model_class(enum parse_result result)
{
	static const enum book_class classes[] = {
		[PARSE_OK] = BOOK_FLOW, [PARSE_ARP] = BOOK_ARP, [PARSE_NOT_IP] = BOOK_NOT_IP, [PARSE_SHORT] = BOOK_SHORT,
		[PARSE_BAD_HEADER] = BOOK_BAD_HEADER, [PARSE_TOO_DEEP] = BOOK_TOO_DEEP,
	};

	return classes[result];
}

/* Ports of the datagram's first fragment. Same as of the last one that came with this id. */
static unsigned int model_fragment_ports(struct packet *p)
{
	for (unsigned int i = 0; i < model_datagrams; i++) {
		struct packet *d = &model_fragments[i];

		if (d->frag_id != p->frag_id || d->proto != p->proto || memcmp(d->saddr, p->saddr, 16) ||
		    memcmp(d->daddr, p->daddr, 16))
			continue;
		if (p->bits & PACKET_LATER_FRAGMENT) {
			p->sport = d->sport;
			p->dport = d->dport;
		} else {
			*d = *p;
		}
		return 0;
	}
	if (p->bits & PACKET_LATER_FRAGMENT)
		return 1;
	model_fragments[model_datagrams++] = *p;
	return 0;
}

/* The services that name others: of these every message is copied. */
static bool model_names_others(const struct packet *p)
{
	for (int i = 0; i < 2; i++) {
		const uint16_t port = ntohs(i ? p->sport : p->dport);

		if (port == 53 || port == 5353 || port == 5355 || port == 67 || port == 68 || port == 546 || port == 547)
			return true;
	}
	return p->proto == 58;
}

/* What user space gets of the packet's payload: as much of it as there is. */
static void model_copied(const struct frame_bytes *f, const struct packet *p, uint16_t port_flags, struct copied *ret)
{
	ret->bytes = f->b + p->payload_off;
	ret->left = p->payload_len;
	ret->len = f->len > p->payload_off ? MIN(p->payload_len, (uint32_t)f->len - p->payload_off) : 0;
	ret->seq = p->tcp_seq;
	ret->ack = p->tcp_ack;
	ret->proto = p->proto;
	ret->vlan = p->vlan[0];
	ret->mac = port_flags & PORT_RAW_IP ? no_mac : f->b + 6;
	ret->slot = COPY_NO_SLOT;
}

/* What a frame does to the model; returns the flow, if it has one. */
static struct model_flow *model_frame(const struct frame_bytes *f, uint16_t port_flags, int dir, enum book_class *ret_class,
				      struct copied *ret_copied, unsigned int *orphans)
{
	struct cursor c = { f->b, f->b, f->b + f->len };
	struct model_flow *flow = NULL;
	struct packet p;
	struct flow_key key;
	uint32_t from_b, overhead;

	*ret_class = model_class(parse_frame(&c, port_flags & PORT_RAW_IP, 0, &p));
	model_copied(f, &p, port_flags, ret_copied);
	if (*ret_class != BOOK_FLOW) {
		if (*ret_class != BOOK_ARP || ret_copied->len < 28)
			ret_copied->len = 0;
		return NULL;
	}
	if (p.bits & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT))
		*orphans += model_fragment_ports(&p);
	from_b = key_make(&p, PORT, port_flags, (uint32_t)dir, &key);
	for (unsigned int i = 0; i < model_flows; i++)
		if (!model[i].dead && !memcmp(&model[i].key, &key, sizeof(key)))
			flow = &model[i];
	if (flow && (p.tcp_flags & (SYN | ACK)) == SYN && (flow->flags | flow->flags >> 8) & (FIN | RST) & 0xff) {
		flow->dead = true;
		flow = NULL;
	}
	if (!flow) {
		bool initiator_b = from_b;

		flow = &model[model_flows++];
		*flow = (struct model_flow){ .key = key };
		if (p.tcp_flags & SYN)
			flow->flags = FLOW_SYN_SEEN | FLOW_CLIENT_SEQ;
		if (p.tcp_flags & SYN && p.tcp_flags & ACK)
			initiator_b = !initiator_b;
		flow->flags |= initiator_b ? FLOW_INITIATOR_B : 0;
		flow->flags |= port_flags & PORT_MIRROR ? FLOW_MIRROR | (from_b ? FLOW_MAC_B : 0) : 0;
	}
	if (p.bits & (PACKET_FIRST_FRAGMENT | PACKET_LATER_FRAGMENT))
		flow->flags |= FLOW_FRAGMENTS;
	flow->flags |= (uint32_t)p.tcp_flags << (from_b ? 8 : 0);
	overhead = !p.ip_len ? p.l3_off : p.ip_len > f->len ? 0 : (uint32_t)f->len - p.ip_len;
	flow->frames[from_b]++;
	flow->bytes[from_b] += f->len;
	flow->overhead[from_b] += MIN(overhead, COUNT_OVERHEAD_MAX);

	ret_copied->from_b = (uint8_t)from_b;
	if (p.payload_len && !(flow->flags & FLOW_COPY_OFF) && flow->copies[from_b] >= COPIES_MAX && !model_names_others(&p)) {
		flow->flags |= FLOW_COPY_OFF;
		model_limits++;
	}
	if (flow->flags & FLOW_COPY_OFF)
		ret_copied->len = 0;
	return flow;
}

/* The copies of one frame. Its flow, if there is one, knows how many it was. */
static void model_check_copies(struct model_flow *flow, struct copied *want)
{
	if (flow)
		for (uint32_t i = 0; i < SLOTS; i++)
			if (slot_at(i)->tag & TAG_LIVE && !memcmp(&slot_at(i)->key, &flow->key, sizeof(flow->key)))
				want->slot = i;
	hear();
	EXPECT("copies", copies, check_copied(0, want));
	model_copies[want->proto] += copies;
	if (flow)
		flow->copies[want->from_b] += copies;
	copies = 0;
}

static bool same_flow(const struct model_flow *flow, const struct flow_slot *slot)
{
	if (memcmp(&flow->key, &slot->key, sizeof(flow->key)) || !(slot->tag & (flow->dead ? TAG_DEAD : TAG_LIVE)) ||
	    flow->flags != (slot->flags & MODEL_FLAGS))
		return false;
	for (int side = 0; side < 2; side++)
		if (slot->bytes[side] != flow->bytes[side] ||
		    slot->count[side] != (flow->frames[side] | flow->overhead[side] << COUNT_FRAMES_BITS) ||
		    slot->copies[side] != (uint8_t)flow->copies[side])
			return false;
	return true;
}

static void check_model(void)
{
	bool told[MODEL_BATCH] = { false };
	unsigned int slots = 0;

	for (uint32_t i = 0; i < SLOTS; i++) {
		const struct flow_slot *slot = slot_at(i);
		unsigned int at = 0;

		if (!slot->tag)
			continue;
		slots++;
		while (at < model_flows && (told[at] || !same_flow(&model[at], slot)))
			at++;
		if (at < model_flows)
			told[at] = true;
		else
			wrong("slot %u is no flow of the model: proto %u, %llu frames, flags %#x", i, slot->key.proto,
			      (unsigned long long)(slot->count[0] & COUNT_FRAMES_MASK), slot->flags);
	}
	EXPECT("flows", slots, model_flows);
}

static void run_batch(int hook, uint16_t port_flags)
{
	const int dir = hook == PROGRAM_TX_TC && !(port_flags & PORT_MIRROR) ? DIR_TX : DIR_RX;
	static struct books before, after;
	unsigned int orphans = 0;

	reset(port_flags);
	model_flows = model_datagrams = model_limits = 0;
	read_books(PORT, &before);
	for (unsigned int i = 0; i < MODEL_BATCH && row_good; i++) {
		enum book_class want, is = BOOK_FLOW;
		struct copied copied = { 0 };
		struct model_flow *flow;

		run_frame((enum dataplane_program)hook, &batch[i]);
		read_books(PORT, &after);
		for (int class = 0; class < BOOK_N; class++)
			if (after.dir[dir].class[class].frames != before.dir[dir].class[class].frames)
				is = (enum book_class)class;
		flow = model_frame(&batch[i], port_flags, dir, &want, &copied, &orphans);
		model_check_copies(flow, &copied);
		EXPECT("class", is, want);
		EXPECT("bytes seen", after.dir[dir].seen.bytes - before.dir[dir].seen.bytes, batch[i].len);
		EXPECT("frames seen", after.dir[dir].seen.frames - before.dir[dir].seen.frames, 1);
		model_classes[want]++;
		before = after;
	}
	check_model();
	EXPECT("orphan fragments", read_stat(STAT_FRAGMENT_ORPHAN), orphans);
	EXPECT("copy_limit", read_stat(STAT_COPY_LIMIT), model_limits);
	check_sum();
}

static void test_model(void)
{
	static const struct { const char *name; uint16_t flags; } kinds[] = {
		{ "model: ethernet", 0 }, { "model: mirror port", PORT_MIRROR }, { "model: raw ip", PORT_RAW_IP },
	};
	static struct snapshot xdp, tc;

	for (size_t k = 0; k < 3; k++) {
		unsigned int frames = 0, total = k ? MODEL_FRAMES / 4 : MODEL_FRAMES / 2, unlike = 0;

		row_good = true;
		memset(model_classes, 0, sizeof(model_classes));
		memset(model_copies, 0, sizeof(model_copies));
		for (; frames < total && row_good; frames += MODEL_BATCH) {
			model_few = frames / MODEL_BATCH % 4 == 3;
			for (unsigned int i = 0; i < MODEL_BATCH; i++)
				make_random(&batch[i], kinds[k].flags & PORT_RAW_IP);
			run_batch(PROGRAM_RX_XDP, kinds[k].flags);
			take_snapshot(&xdp);
			run_batch(PROGRAM_RX_TC, kinds[k].flags);
			take_snapshot(&tc);
			unlike += !!memcmp(&xdp, &tc, sizeof(xdp));
			run_batch(PROGRAM_TX_TC, kinds[k].flags);
		}
		EXPECT("batches in which xdp and tc leave different maps behind", unlike, 0);
		if (!row_good)
			printf("# after %u frames\n", frames);
		printf("# %s: flows %u, arp %u, not ip %u, short %u, bad header %u, too deep %u\n", kinds[k].name,
		       model_classes[BOOK_FLOW], model_classes[BOOK_ARP], model_classes[BOOK_NOT_IP], model_classes[BOOK_SHORT],
		       model_classes[BOOK_BAD_HEADER], model_classes[BOOK_TOO_DEEP]);
		printf("# copies: arp %u, tcp %u, udp %u, icmpv6 %u; flows at the limit in the last batch %u\n", model_copies[0],
		       model_copies[6], model_copies[17], model_copies[58], model_limits);
		row_end(kinds[k].name);
	}
}
