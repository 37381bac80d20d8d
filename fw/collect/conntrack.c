/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/conntrack.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/util.h"
#include "collect/conntrack_table.h"

#define BUFFER_BYTES	32768	/* the most that the kernel puts into one datagram of a dump */
#define BURST_MAX	64	/* datagrams a call; some 10000 connections of a dump, or 64 events */

struct conntrack {
	struct conntrack_table *table;
	struct conntrack_counters counters;
	int fd;
	bool is_listed;		/* the first list of all has been read: later ones bring counts */
	_Alignas(struct nlmsghdr) char buffer[BUFFER_BYTES];
};

/* ---- the privileged side ---- */

static int join(int fd)
{
	static const int groups[] = { NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_DESTROY };
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK };

	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof(groups[i])))
			return -errno;
	return 0;
}

int conntrack_ask(int fd)
{
	const struct {
		struct nlmsghdr head;
		struct nfgenmsg family;
	} request = {
		.head = { .nlmsg_len = sizeof(request), .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = 1,
			  .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET },
		.family = { .nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0 },
	};

	return send(fd, &request, sizeof(request), MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* The kernel has answered when send() returns. A refusal is found by a look at the first message, which stays there. */
static int ask_first(int fd)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
	} answer;
	int err = conntrack_ask(fd);
	ssize_t n;

	if (err)
		return err;
	n = recv(fd, &answer, sizeof(answer), MSG_PEEK | MSG_DONTWAIT);
	if (n < (ssize_t)sizeof(answer) || answer.head.nlmsg_type != NLMSG_ERROR)
		return 0;
	return answer.error.error == -EINVAL ? -EOPNOTSUPP : answer.error.error;	/* EINVAL: no such subsystem */
}

int conntrack_open_socket(int *ret_fd)
{
	const int bytes = CONNTRACK_SOCKET_BYTES;
	int err, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));	/* refused: more overruns, counted */
	err = join(fd);
	if (!err)
		err = ask_first(fd);
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* ---- the side without rights ---- */

int conntrack_new(struct conntrack **ret_ct, int fd)
{
	struct conntrack *ct;
	struct siphash_key seed;
	int err;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	ct = malloc(sizeof(*ct));
	if (!ct)
		return -ENOMEM;
	*ct = (struct conntrack){ .fd = fd };
	err = conntrack_table_new(&ct->table, CONNTRACK_ENTRIES, seed);
	if (err) {
		free(ct);
		return err;
	}
	*ret_ct = ct;
	return 0;
}

struct conntrack *conntrack_free(struct conntrack *ct)
{
	if (ct)
		conntrack_table_free(ct->table);
	free(ct);
	return NULL;
}

void conntrack_take(struct conntrack *ct, void *bytes, size_t len, uint64_t now_ns)
{
	struct conntrack_connection connection;
	struct nlmsghdr *head = bytes;
	int left = (int)MIN(len, (size_t)BUFFER_BYTES);

	for (; nlmsg_ok(head, left); head = nlmsg_next(head, &left))
		switch (conntrack_message_read(head, &connection)) {
		case CONNTRACK_MESSAGE_NEW:
			if (ct->is_listed && head->nlmsg_flags & NLM_F_MULTI) {
				conntrack_table_refresh(ct->table, &connection);
				break;
			}
			ct->counters.events++;
			conntrack_table_add(ct->table, &connection);
			break;
		case CONNTRACK_MESSAGE_DESTROY:
			ct->counters.events++;
			conntrack_table_end(ct->table, &connection, now_ns);
			break;
		case CONNTRACK_MESSAGE_OTHER:
			ct->is_listed |= head->nlmsg_type == NLMSG_DONE;
			break;
		case CONNTRACK_MESSAGE_MALFORMED:
			ct->counters.malformed++;
			break;
		}
	if (left > 0)
		ct->counters.malformed++;
}

int conntrack_read(struct conntrack *ct, uint64_t now_ns)
{
	for (int i = 0; i < BURST_MAX; i++) {
		struct sockaddr_nl from = { 0 };
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(ct->fd, ct->buffer, sizeof(ct->buffer), MSG_DONTWAIT | MSG_TRUNC,
				     (struct sockaddr *)&from, &from_len);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0 && errno != ENOBUFS)
			return -errno;
		if (n < 0)
			ct->counters.overruns++;
		else if ((size_t)n > sizeof(ct->buffer) || from.nl_pid)	/* the kernel is number 0 */
			ct->counters.malformed++;
		else
			conntrack_take(ct, ct->buffer, (size_t)n, now_ns);
	}
	conntrack_table_expire(ct->table, now_ns);
	return 0;
}

static struct conntrack_nat_side side(const struct conntrack_pair *here, const struct conntrack_pair *there, int end)
{
	struct conntrack_nat_side s = { .port = there->port[end] };

	memcpy(s.addr, there->addr[end], sizeof(s.addr));
	s.is_translated = here->port[end] != there->port[end] || memcmp(here->addr[end], s.addr, sizeof(s.addr));
	return s;
}

bool conntrack_find(const struct conntrack *ct, uint8_t proto, const uint32_t client[4], uint16_t client_port,
		    const uint32_t server[4], uint16_t server_port, struct conntrack_nat *ret_nat)
{
	struct conntrack_pair here = { .port = { client_port, server_port } }, there;

	memcpy(here.addr[CONNTRACK_CLIENT], client, sizeof(here.addr[0]));
	memcpy(here.addr[CONNTRACK_SERVER], server, sizeof(here.addr[0]));
	if (!conntrack_table_find(ct->table, proto, &here, &there))
		return false;
	*ret_nat = (struct conntrack_nat){ .client = side(&here, &there, CONNTRACK_CLIENT),
					   .server = side(&here, &there, CONNTRACK_SERVER) };
	return true;
}

bool conntrack_sent(const struct conntrack *ct, uint8_t proto, const uint32_t client[4], uint16_t client_port,
		    const uint32_t server[4], uint16_t server_port, struct conntrack_sent ret_sent[2])
{
	struct conntrack_pair pair = { .port = { client_port, server_port } };
	struct conntrack_counts counts;

	memcpy(pair.addr[CONNTRACK_CLIENT], client, sizeof(pair.addr[0]));
	memcpy(pair.addr[CONNTRACK_SERVER], server, sizeof(pair.addr[0]));
	if (!conntrack_table_counts(ct->table, proto, &pair, &counts))
		return false;
	for (int i = 0; i < 2; i++)
		ret_sent[i] = (struct conntrack_sent){ counts.packets[i], counts.bytes[i] };
	return true;
}

struct conntrack_counters conntrack_counters(const struct conntrack *ct)
{
	struct conntrack_counters counters = ct->counters;

	counters.entries = conntrack_table_entries(ct->table);
	counters.replaced = conntrack_table_replaced(ct->table);
	return counters;
}
