/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "mqtt/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"

#define LINK_MAGIC	0x774c		/* "Lw" */
#define SOCKET_BYTES	(2 * LINK_MESSAGE_MAX)	/* unsent in the kernel, each way; it doubles this for its own use */

struct wire_head {
	uint16_t magic;
	uint16_t type;
	uint32_t len;		/* with this header */
	uint64_t session;
};
_Static_assert(sizeof(struct wire_head) == 16, "link header");

/* Then the topic with its NUL, then the payload. */
struct wire_publish {
	uint32_t id;
	uint32_t connection;
	uint32_t payload_len;
	uint16_t topic_len;	/* without NUL */
	uint8_t qos;
	uint8_t retain;
};
_Static_assert(sizeof(struct wire_publish) == 16, "link publish");
_Static_assert(sizeof(struct wire_head) + sizeof(struct wire_publish) + LINK_TOPIC_MAX + 1 + LINK_PAYLOAD_MAX <=
	       LINK_MESSAGE_MAX, "a longest publish fits");
_Static_assert(sizeof(struct link_state) == 32 + LINK_HOST_MAX + LINK_ERROR_MAX + sizeof(struct link_counters),
	       "no padding in link_state");

/* Who may say what, and with how many bytes after the header (publish: at least). */
static const struct {
	enum link_side from;
	bool has_session;
	bool is_publish;
	size_t body;
} types[] = {
	[LINK_HELLO]	= { LINK_AGENT, true, false, 0 },
	[LINK_BIRTH]	= { LINK_AGENT, true, true, sizeof(struct wire_publish) + 1 },
	[LINK_PUBLISH]	= { LINK_AGENT, true, true, sizeof(struct wire_publish) + 1 },
	[LINK_STOP]	= { LINK_AGENT, true, false, 0 },
	[LINK_READY]	= { LINK_UPLINK, false, false, 0 },
	[LINK_WINDOW]	= { LINK_UPLINK, false, false, sizeof(struct link_window) },
	[LINK_STATE]	= { LINK_UPLINK, false, false, sizeof(struct link_state) },
	[LINK_ACK]	= { LINK_UPLINK, true, false, sizeof(struct link_verdict) },
	[LINK_REFUSED]	= { LINK_UPLINK, true, false, sizeof(struct link_verdict) },
	[LINK_TOO_BIG]	= { LINK_UPLINK, true, false, sizeof(struct link_verdict) },
};

int link_pair(int ret_fds[2])
{
	int fds[2], bytes = SOCKET_BYTES;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds))
		return -errno;
	/* Capped by wmem_max where the rights are missing: its default still takes one longest message. */
	for (int i = 0; i < 2; i++)
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
			setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	return 0;
}

int link_open(struct link *link, int fd, enum link_side side)
{
	int flags = fcntl(fd, F_GETFL);
	uint8_t *buf;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	buf = malloc(LINK_MESSAGE_MAX);
	if (!buf)
		return -ENOMEM;
	*link = (struct link){ .fd = fd, .side = side, .buf = buf };
	return 0;
}

void link_close(struct link *link)
{
	free(link->buf);
	link->buf = NULL;
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
}

static bool known_type(unsigned int type)
{
	return type < ARRAY_SIZE(types) && types[type].from;
}

/* MQTT 5, 1.5.4: no NUL inside; the rest of UTF-8 and wildcards is for the library to judge. BIRTH may be without. */
static int check_publish(enum link_type type, const struct link_publish *p, size_t topic_len)
{
	if (type == LINK_BIRTH)
		return 0;
	return p->id && p->qos <= 1 && p->retain <= 1 && topic_len ? 0 : -EINVAL;
}

int link_send(struct link *link, const struct link_msg *msg)
{
	struct wire_head head = { .magic = LINK_MAGIC, .type = (uint16_t)msg->type };
	const struct link_publish *p = &msg->publish;
	struct wire_publish wire;
	struct iovec iov[4] = { { &head, sizeof(head) } };
	struct msghdr out = { .msg_iov = iov, .msg_iovlen = 2 };
	size_t len = sizeof(head);

	if (!known_type(msg->type) || types[msg->type].from != link->side)
		return -EINVAL;
	if (types[msg->type].is_publish) {
		size_t topic_len = strlen(p->topic);

		if (topic_len > LINK_TOPIC_MAX || p->payload_len > LINK_PAYLOAD_MAX)
			return -EMSGSIZE;
		if (check_publish(msg->type, p, topic_len))
			return -EINVAL;
		wire = (struct wire_publish){ .id = p->id, .connection = p->connection, .payload_len = p->payload_len,
			.topic_len = (uint16_t)topic_len, .qos = p->qos, .retain = p->retain };
		iov[1] = (struct iovec){ &wire, sizeof(wire) };
		iov[2] = (struct iovec){ (void *)p->topic, topic_len + 1 };
		iov[3] = (struct iovec){ (void *)p->payload, p->payload_len };
		out.msg_iovlen = 4;
	} else {
		iov[1] = (struct iovec){ (void *)p, types[msg->type].body };	/* all bodies start at the union */
	}
	for (size_t i = 1; i < out.msg_iovlen; i++)
		len += iov[i].iov_len;
	head.len = (uint32_t)len;
	head.session = types[msg->type].has_session ? link->session : 0;
	if (sendmsg(link->fd, &out, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return errno == EWOULDBLOCK || errno == ENOBUFS || errno == EINTR ? -EAGAIN :
		       errno == ECONNRESET || errno == ENOTCONN ? -EPIPE : -errno;
	return 0;
}

static int decode_publish(const uint8_t *body, size_t len, struct link_msg *msg)
{
	struct wire_publish wire;
	const char *topic = (const char *)body + sizeof(wire);

	memcpy(&wire, body, sizeof(wire));
	if (wire.topic_len > LINK_TOPIC_MAX || wire.payload_len > LINK_PAYLOAD_MAX ||
	    len != sizeof(wire) + wire.topic_len + 1 + wire.payload_len)
		return -EBADMSG;
	if (memchr(topic, 0, wire.topic_len + 1) != topic + wire.topic_len)
		return -EBADMSG;
	msg->publish = (struct link_publish){ .id = wire.id, .connection = wire.connection, .topic = topic,
		.payload = topic + wire.topic_len + 1, .payload_len = wire.payload_len,
		.qos = wire.qos, .retain = wire.retain };
	return check_publish(msg->type, &msg->publish, wire.topic_len) ? -EBADMSG : 0;
}

/* The other process reads bytes from the network: its texts go to logs and terminals. */
static void make_printable(char *text, size_t size)
{
	text[size - 1] = 0;
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

static int check_body(struct link_msg *msg)
{
	switch (msg->type) {
	case LINK_WINDOW:
		return msg->window.outstanding ? 0 : -EBADMSG;
	case LINK_STATE:
		if (msg->state.connected != !!msg->state.connection)
			return -EBADMSG;
		make_printable(msg->state.host, sizeof(msg->state.host));
		make_printable(msg->state.error, sizeof(msg->state.error));
		return 0;
	case LINK_ACK:
		return msg->verdict.id && msg->verdict.reason < 128 ? 0 : -EBADMSG;
	case LINK_REFUSED:
	case LINK_TOO_BIG:
		return msg->verdict.id && msg->verdict.reason >= 128 && msg->verdict.reason < 256 ? 0 : -EBADMSG;
	case LINK_HELLO:
	case LINK_BIRTH:
	case LINK_PUBLISH:
	case LINK_STOP:
	case LINK_READY:
		return 0;
	}
	return -EBADMSG;
}

int link_decode(const void *buf, size_t len, enum link_side from, struct link_msg *ret_msg)
{
	const uint8_t *body = (const uint8_t *)buf + sizeof(struct wire_head);
	struct wire_head head;
	struct link_msg msg = { 0 };
	int err;

	if (len < sizeof(head) || len > LINK_MESSAGE_MAX)
		return -EBADMSG;
	memcpy(&head, buf, sizeof(head));
	if (head.magic != LINK_MAGIC || head.len != len || !known_type(head.type) || types[head.type].from != from ||
	    types[head.type].has_session != !!head.session)
		return -EBADMSG;
	len -= sizeof(head);
	if (types[head.type].is_publish ? len < types[head.type].body : len != types[head.type].body)
		return -EBADMSG;
	msg.type = (enum link_type)head.type;
	msg.session = head.session;
	if (types[head.type].is_publish) {
		err = decode_publish(body, len, &msg);
	} else {
		memcpy(&msg.publish, body, len);	/* all bodies start at the union */
		err = check_body(&msg);
	}
	if (err)
		return err;
	*ret_msg = msg;
	return 0;
}

int link_recv(struct link *link, struct link_msg *ret_msg)
{
	for (;;) {
		enum link_side from = link->side == LINK_AGENT ? LINK_UPLINK : LINK_AGENT;
		/* MSG_TRUNC: the true length, also where it is more than the buffer. */
		ssize_t len = recv(link->fd, link->buf, LINK_MESSAGE_MAX, MSG_DONTWAIT | MSG_TRUNC);
		struct link_msg msg;

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return errno == EWOULDBLOCK ? -EAGAIN : errno == ECONNRESET ? -EPIPE : -errno;
		if (!len)
			return -EPIPE;	/* the end; an empty message, never sent, counts as it */
		if (link_decode(link->buf, (size_t)len, from, &msg)) {
			link->malformed++;
			return -EBADMSG;
		}
		if (msg.session && msg.session != link->session && msg.type != LINK_HELLO) {
			link->stale++;
			continue;
		}
		*ret_msg = msg;
		return 0;
	}
}

size_t link_packet_bytes(size_t topic_len, size_t payload_len, int qos, int protocol)
{
	/* MQTT 5, 3.3: topic with its length, packet identifier where QoS > 0, empty properties, payload. */
	size_t rest = 2 + topic_len + (qos ? 2 : 0) + (protocol == 5 ? 1 : 0) + payload_len;

	return 1 + (rest < 128 ? 1 : rest < 16384 ? 2 : rest < 2097152 ? 3 : 4) + rest;
}
