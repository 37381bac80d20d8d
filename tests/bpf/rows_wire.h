/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rows_wire - what test_run cannot make: skbs whose VLAN tag the receive path has taken out, and skbs with nothing but
 * the Ethernet header in their linear part. A veth pair in the test's own namespace: frames are sent into one end by
 * AF_PACKET, the other one has the TC programs.
 */
#pragma once

#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "rows_copy.h"

static int wire_in, wire_out;	/* AF_PACKET sockets: into the port, and out of it */
static size_t wire_linear;	/* bytes in the linear part of an skb of more than a page; 0: the Ethernet header */

static bool wire_attach(unsigned int ifindex, int prog, enum bpf_tc_attach_point point)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog);

	if (point == BPF_TC_INGRESS && bpf_tc_hook_create(&hook))	/* one clsact for both directions */
		return false;
	return !bpf_tc_attach(&hook, &opts);
}

static int wire_socket(const char *name)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)))
		return -1;
	return !bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? fd : -1;
}

/* false: this machine has no veth or no clsact. Quiet without IPv6: nothing but the test's frames. */
static bool wire_open(void)
{
	static const char commands[] =
		"{ ip link add weir0 mtu 20000 type veth peer name weir1 mtu 20000 && "
		"for i in weir0 weir1; do echo 1 > /proc/sys/net/ipv6/conf/$i/disable_ipv6; done; "
		"ip link set weir0 up && ip link set weir1 up; } >/dev/null 2>&1";
	unsigned int ifindex;

	if (system(commands))
		return false;
	ifindex = if_nametoindex("weir0");
	reset(0);
	ports[ifindex % PORT_HASH] = (struct port_conf){ .ifindex = ifindex, .port = PORT };
	wire_in = wire_socket("weir1");
	wire_out = wire_socket("weir0");
	return ifindex && wire_in >= 0 && wire_out >= 0 && wire_attach(ifindex, prog_fd[PROGRAM_RX_TC], BPF_TC_INGRESS) &&
	       wire_attach(ifindex, prog_fd[PROGRAM_TX_TC], BPF_TC_EGRESS);
}

static void wire_clear(void)
{
	const unsigned int ifindex = if_nametoindex("weir0");

	reset(0);
	ports[ifindex % PORT_HASH] = (struct port_conf){ .ifindex = ifindex, .port = PORT };
}

/* Sends @f and waits until it is counted. */
static void wire_send(int dir, const struct frame_bytes *f)
{
	struct virtio_net_hdr head = { .hdr_len = (uint16_t)wire_linear };
	struct iovec parts[2] = { { &head, sizeof(head) }, { (void *)f->b, f->len } };
	struct books before, after;

	read_books(PORT, &before);
	if (writev(dir == DIR_RX ? wire_in : wire_out, parts, 2) != (ssize_t)(sizeof(head) + f->len)) {
		wrong("send of %zu bytes: %s", f->len, strerror(errno));
		return;
	}
	bytes_sent += f->len;
	for (int i = 0; i < 1000; i++) {
		read_books(PORT, &after);
		if (after.dir[dir].seen.frames != before.dir[dir].seen.frames)
			break;
		usleep(1000);
	}
	EXPECT("frames seen", after.dir[dir].seen.frames - before.dir[dir].seen.frames, 1);
	EXPECT("bytes seen", after.dir[dir].seen.bytes - before.dir[dir].seen.bytes, f->len);
}

/* A frame is counted before it is copied: what comes by the ring, once there are @n copies. */
static void wire_hear(unsigned int n)
{
	for (int i = 0; i < 1000 && read_stat(STAT_COPY_SENT) < n; i++)
		usleep(1000);
	hear();
}

/* The same as what XDP makes of the tag in the frame. */
static void wire_tag(const struct packet_spec *spec)
{
	static struct snapshot xdp, tc;
	static struct frame_bytes f;

	packet_make(&f, spec);
	wire_clear();
	wire_send(DIR_RX, &f);
	wire_hear(spec->payload_len > 0);
	EXPECT("VLAN of the flow", only_slot()->key.vlan[0], spec->vlan[0] & 0xfff);
	EXPECT("copies", copies, spec->payload_len > 0);
	if (copies)
		EXPECT("VLAN of the copy", heard[0].vlan, spec->vlan[0] & 0xfff);
	check_sum();
	take_snapshot(&tc);
	reset(0);
	run_frame(PROGRAM_RX_XDP, &f);
	take_snapshot(&xdp);
	if (memcmp(&xdp, &tc, sizeof(xdp)))
		wrong("xdp and tc leave different maps behind");
}

static void test_wire_tag(void)
{
	wire_tag(&(struct packet_spec){ .vlans = 1, .vlan = { 0x2007 }, .ip = 4, .proto = 17, .sport = 1, .payload_len = 40 });
	wire_tag(&(struct packet_spec){ .vlans = 1, .vlan = { 0x2000 }, .ip = 4, .proto = 17, .sport = 1, .payload_len = 40 });
	wire_tag(&(struct packet_spec){ .vlans = 2, .vlan = { 7, 8 }, .tpid = 0x88a8, .ip = 6, .proto = 6, .payload_len = 40 });
	wire_tag(&(struct packet_spec){ .vlans = 3, .vlan = { 7, 8, 9 }, .pppoe = 1, .session = 3, .ip = 6, .proto = 6 });
}

/* More than a page: only the Ethernet header is in the linear part, all the others have to be pulled there. */
static void test_wire_pull(void)
{
	static struct frame_bytes f;

	make_hello(6000);
	for (int dir = DIR_RX; dir <= DIR_TX; dir++)
		for (int ip = 4; ip <= 6; ip += 2) {
			PACKET_MAKE(&f, .ip = ip, .a = 1, .b = 2, .proto = 6, .sport = 40000, .dport = 443, .flags = PSH | ACK, .seq = 9,
				    .vlans = 2, .vlan = { 7, 8 }, .exts = ip == 6 ? 3 : 0, .ext = { 0, 60, 60 }, .ext_words = 3,
				    .payload = hello_wire.b, .payload_len = (unsigned int)hello_wire.len);
			wire_clear();
			wire_send(dir, &f);
			tcp_expect(dir == DIR_TX, 9, 0, hello_wire.b, (unsigned int)hello_wire.len);
			wire_hear(((unsigned int)hello_wire.len + HELLO_CHUNK - 1) / HELLO_CHUNK);
			for (unsigned int i = 0; i < tcp_sent; i++)
				tcp_payloads[i].vlan = 7;
			EXPECT("proto", only_slot()->key.proto, 6);
			EXPECT("port", dir == DIR_RX ? only_slot()->key.a_port : only_slot()->key.b_port, htons(40000));
			check_name(NAME_OK, true, 1);
			check_walk(true);
		}
}

/* As much as is looked at of a packet, from skbs of many pages. */
static void test_wire_chunks(void)
{
	static struct frame_bytes f;
	struct copied want = { .bytes = data, .len = COPY_CHUNKS * HELLO_CHUNK, .seq = 9, .proto = 6 };

	for (int dir = DIR_RX; dir <= DIR_TX; dir++)
		for (want.left = want.len; want.left <= want.len + 2000; want.left += 1000) {
			PACKET_MAKE(&f, .ip = 4, .a = 1, .b = 2, .proto = 6, .flags = ACK, .seq = 9, .payload = data, .payload_len = want.left);
			wire_clear();
			wire_send(dir, &f);
			wire_hear(COPY_CHUNKS);
			want.slot = slot_number(only_slot());
			want.from_b = dir == DIR_TX;
			EXPECT("copies", check_copied(0, &want), COPY_CHUNKS);
			EXPECT("copies", copies, COPY_CHUNKS);
			check_sum();
		}
}

/* The linear part ends anywhere in the headers: who needs more of them has them pulled there. */
static void test_wire_linear(void)
{
	static struct frame_bytes f;
	static uint8_t payload[5000];
	const uint8_t protos[] = { 6, 17, 58 };

	payload[0] = 135;
	for (size_t i = 0; i < sizeof(protos); i++) {
		struct copied want = { .bytes = payload, .len = sizeof(payload), .left = sizeof(payload), .proto = protos[i] };

		PACKET_MAKE(&f, .ip = 6, .a = 1, .b = 2, .proto = protos[i], .sport = 40000, .dport = 443, .flags = ACK, .exts = 1,
			    .ext = { 0 }, .payload = payload, .payload_len = sizeof(payload));
		for (wire_linear = 14; wire_linear <= f.payload + 1 && row_good; wire_linear++) {
			wire_clear();
			wire_send(DIR_RX, &f);
			wire_hear(3);
			want.slot = slot_number(only_slot());
			EXPECT("copies", check_copied(0, &want), 3);
			EXPECT("port", only_slot()->key.b_port, protos[i] == 58 ? 0 : htons(443));
			check_sum();
			if (!row_good)
				printf("# protocol %u, %zu bytes in the linear part\n", protos[i], wire_linear);
		}
	}
	wire_linear = 0;
}

/* BIG TCP: more than the 16 bits of left can say, and an IP header that says nothing. Sent: an skb of many segments. */
static void test_wire_big(void)
{
	static struct frame_bytes f;
	static uint8_t payload[70000];
	struct virtio_net_hdr head = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .hdr_len = 54,
				       .gso_size = 1400, .csum_start = 34, .csum_offset = 16 };
	struct iovec parts[3] = { { &head, sizeof(head) }, { f.b, 54 }, { payload, sizeof(payload) } };
	struct copied want = { .bytes = payload, .len = COPY_CHUNKS * HELLO_CHUNK, .left = sizeof(payload), .seq = 9, .proto = 6,
			       .from_b = 1 };

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = data[i % DATA_BYTES];
	PACKET_MAKE(&f, .ip = 4, .a = 1, .b = 2, .proto = 6, .flags = ACK, .seq = 9, .ip_len = -1);
	wire_clear();
	if (writev(wire_out, parts, 3) != (ssize_t)(sizeof(head) + 54 + sizeof(payload))) {
		wrong("send: %s", strerror(errno));
		return;
	}
	wire_hear(COPY_CHUNKS);
	want.slot = slot_number(only_slot());
	EXPECT("copies", check_copied(0, &want), COPY_CHUNKS);
	EXPECT("copies", copies, COPY_CHUNKS);
	EXPECT("left of the first copy", heard[0].left, 0xffff);
	EXPECT("frames", only_slot()->count[1] & COUNT_FRAMES_MASK, 50);
	EXPECT("bytes", only_slot()->bytes[1], sizeof(payload) + 50 * 54);
}

static void test_wire(void)
{
	static const struct { const char *name; void (*run)(void); } wire_rows[] = {
		{ "wire: VLAN tag taken out of the frame", test_wire_tag },
		{ "wire: headers not in the linear part", test_wire_pull },
		{ "wire: linear part ends within the headers", test_wire_linear },
		{ "wire: payload of several pages is copied", test_wire_chunks },
		{ "wire: more payload than 16 bits can say", test_wire_big },
	};
	bool good = wire_open();

	for (size_t i = 0; i < sizeof(wire_rows) / sizeof(wire_rows[0]); i++) {
		if (!good) {
			printf("ok %u - %s # SKIP no veth pair with clsact here\n", ++row_number, wire_rows[i].name);
			continue;
		}
		row_good = true;
		wire_rows[i].run();
		row_end(wire_rows[i].name);
	}
}
