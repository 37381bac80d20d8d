/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/util.h"
#include "mqtt/link.h"

struct ends {
	struct link agent, uplink;
};

static int open_ends(void **state)
{
	struct ends *e = calloc(1, sizeof(*e));
	int fds[2];

	if (link_pair(fds) || link_open(&e->agent, fds[0], LINK_AGENT) || link_open(&e->uplink, fds[1], LINK_UPLINK))
		return -1;
	e->agent.session = e->uplink.session = 7;
	*state = e;
	return 0;
}

static int close_ends(void **state)
{
	struct ends *e = *state;

	link_close(&e->agent);
	link_close(&e->uplink);
	link_close(&e->uplink);
	free(e);
	return 0;
}

static struct link_msg publish(const char *topic, const void *payload, size_t len)
{
	return (struct link_msg){ .type = LINK_PUBLISH, .publish = { .id = 3, .connection = 9, .topic = topic,
		.payload = payload, .payload_len = (uint32_t)len, .qos = 1, .retain = 1 } };
}

/* The bytes of @msg as they go over the link; freed by the caller, exactly long enough for a sanitizer to see. */
static uint8_t *bytes_of(struct link *from, struct link *to, const struct link_msg *msg, size_t *ret_len)
{
	static uint8_t buf[LINK_MESSAGE_MAX];
	uint8_t *exact;
	ssize_t len;

	assert_int_equal(link_send(from, msg), 0);
	len = recv(to->fd, buf, sizeof(buf), 0);
	assert_true(len > 0);
	exact = malloc((size_t)len);
	memcpy(exact, buf, (size_t)len);
	*ret_len = (size_t)len;
	return exact;
}

static int decode_exact(const uint8_t *bytes, size_t len, enum link_side from, struct link_msg *msg)
{
	uint8_t *exact = malloc(len ? len : 1);
	int err;

	memcpy(exact, bytes, len);
	err = link_decode(exact, len, from, msg);
	free(exact);
	return err;
}

static void every_type_arrives(void **state)
{
	struct ends *e = *state;
	struct link_msg got, msgs[] = {
		{ .type = LINK_HELLO }, { .type = LINK_STOP }, { .type = LINK_READY },
		{ .type = LINK_WINDOW, .window = { 20, 100000 } },
		{ .type = LINK_ACK, .verdict = { 5, 16 } },
		{ .type = LINK_REFUSED, .verdict = { 6, 135 } },
		{ .type = LINK_TOO_BIG, .verdict = { UINT32_MAX, 149 } },
		{ .type = LINK_STATE, .state = { .connection = 4, .connected = 1, .port = 1883, .protocol = 5,
			.host = "broker", .error = "none", .counters = { .attempts = 1, .link_stale = UINT64_MAX } } },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(msgs); i++) {
		struct link *from = msgs[i].type <= LINK_STOP ? &e->agent : &e->uplink;
		struct link *to = from == &e->agent ? &e->uplink : &e->agent;

		assert_int_equal(link_send(from, &msgs[i]), 0);
		assert_int_equal(link_recv(to, &got), 0);
		assert_int_equal(got.type, msgs[i].type);
		if (msgs[i].type == LINK_STATE)
			assert_memory_equal(&got.state, &msgs[i].state, sizeof(got.state));
		else if (msgs[i].type >= LINK_WINDOW)
			assert_memory_equal(&got.verdict, &msgs[i].verdict, sizeof(got.verdict));
		assert_int_equal(link_recv(to, &got), -EAGAIN);
		assert_int_equal(link_send(to, &msgs[i]), -EINVAL);	/* not its to say */
	}
}

static void longest_publish(void **state)
{
	struct ends *e = *state;
	char *payload = malloc(LINK_PAYLOAD_MAX + 1), topic[LINK_TOPIC_MAX + 2];
	struct link_msg got, msg;

	memset(payload, 'p', LINK_PAYLOAD_MAX + 1);
	memset(topic, 't', sizeof(topic));
	topic[LINK_TOPIC_MAX] = 0;
	msg = publish(topic, payload, LINK_PAYLOAD_MAX);
	assert_int_equal(link_send(&e->agent, &msg), 0);
	assert_int_equal(link_recv(&e->uplink, &got), 0);
	assert_string_equal(got.publish.topic, topic);
	assert_int_equal(got.publish.payload_len, LINK_PAYLOAD_MAX);
	assert_memory_equal(got.publish.payload, payload, LINK_PAYLOAD_MAX);
	assert_int_equal(got.publish.id, 3);
	assert_int_equal(got.publish.connection, 9);
	assert_int_equal(got.publish.qos, 1);
	assert_int_equal(got.publish.retain, 1);
	assert_int_equal(got.session, 7);

	msg.publish.payload_len++;
	assert_int_equal(link_send(&e->agent, &msg), -EMSGSIZE);
	msg.publish.payload_len--;
	topic[LINK_TOPIC_MAX] = 't';
	topic[LINK_TOPIC_MAX + 1] = 0;
	assert_int_equal(link_send(&e->agent, &msg), -EMSGSIZE);
	assert_int_equal(link_recv(&e->uplink, &got), -EAGAIN);
	free(payload);
}

static void what_cannot_be_said(void **state)
{
	struct ends *e = *state;
	struct link_msg msg = publish("t", "p", 1);

	msg.publish.id = 0;
	assert_int_equal(link_send(&e->agent, &msg), -EINVAL);
	msg = publish("", "p", 1);
	assert_int_equal(link_send(&e->agent, &msg), -EINVAL);
	msg = publish("t", "p", 1);
	msg.publish.qos = 2;
	assert_int_equal(link_send(&e->agent, &msg), -EINVAL);
	msg.type = (enum link_type)0;
	assert_int_equal(link_send(&e->agent, &msg), -EINVAL);
	msg.type = (enum link_type)99;
	assert_int_equal(link_send(&e->agent, &msg), -EINVAL);
}

static void empty_payload_and_birth(void **state)
{
	struct ends *e = *state;
	struct link_msg got, msg = publish("t", NULL, 0);

	assert_int_equal(link_send(&e->agent, &msg), 0);
	assert_int_equal(link_recv(&e->uplink, &got), 0);
	assert_int_equal(got.publish.payload_len, 0);
	msg = (struct link_msg){ .type = LINK_BIRTH, .publish = { .topic = "", .payload = "" } };
	assert_int_equal(link_send(&e->agent, &msg), 0);
	assert_int_equal(link_recv(&e->uplink, &got), 0);
	assert_int_equal(got.type, LINK_BIRTH);
	assert_string_equal(got.publish.topic, "");
}

static void every_other_length_refused(void **state)
{
	struct ends *e = *state;
	struct link_msg got, msgs[] = {
		publish("weir/v1/a/b/flow", "payload", 7), { .type = LINK_HELLO }, { .type = LINK_STOP },
		{ .type = LINK_READY }, { .type = LINK_WINDOW, .window = { 1, 1 } },
		{ .type = LINK_ACK, .verdict = { 1, 0 } }, { .type = LINK_STATE, .state = { .host = "h" } },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(msgs); i++) {
		enum link_side side = msgs[i].type <= LINK_STOP ? LINK_AGENT : LINK_UPLINK;
		struct link *from = side == LINK_AGENT ? &e->agent : &e->uplink;
		struct link *to = side == LINK_AGENT ? &e->uplink : &e->agent;
		uint8_t *bytes, longer[2048] = { 0 };
		size_t len;

		bytes = bytes_of(from, to, &msgs[i], &len);
		assert_int_equal(decode_exact(bytes, len, side, &got), 0);
		for (size_t n = 0; n < len; n++) {
			uint32_t claimed = (uint32_t)n;

			assert_int_equal(decode_exact(bytes, n, side, &got), -EBADMSG);
			if (n < 16)
				continue;
			memcpy(longer, bytes, n);	/* the header agrees, the body is short */
			memcpy(longer + 4, &claimed, 4);
			assert_int_equal(decode_exact(longer, n, side, &got), -EBADMSG);
		}
		memcpy(longer, bytes, len);
		memcpy(longer + 4, &(uint32_t){ (uint32_t)len + 1 }, 4);
		assert_int_equal(decode_exact(longer, len + 1, side, &got), -EBADMSG);
		free(bytes);
	}
}

static void wrong_content_refused(void **state)
{
	/* Offsets into a PUBLISH: header 16 (magic 0, type 2, len 4, session 8), id 16, connection 20, payload_len 24,
	 * topic_len 28, qos 30, retain 31, topic 32. */
	static const struct { size_t at; uint8_t value; } rows[] = {
		{ 0, 0 }, { 2, 0 }, { 2, LINK_HELLO }, { 2, LINK_READY }, { 2, LINK_ACK }, { 2, 11 }, { 2, 255 }, { 3, 1 },
		{ 8, 0 }, { 16, 0 }, { 24, 5 }, { 24, 7 }, { 27, 255 }, { 28, 0 }, { 28, 2 }, { 28, 4 }, { 29, 255 },
		{ 30, 2 }, { 31, 2 }, { 33, 0 }, { 35, 'x' },
	};
	struct ends *e = *state;
	struct link_msg got, msg = publish("abc", "sixsix", 6);
	size_t len;
	uint8_t *bytes = bytes_of(&e->agent, &e->uplink, &msg, &len);

	assert_int_equal(len, 32 + 4 + 6);
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t saved = bytes[rows[i].at];

		bytes[rows[i].at] = rows[i].value;
		if (link_decode(bytes, len, LINK_AGENT, &got) != -EBADMSG)
			fail_msg("byte %zu = %u was accepted", rows[i].at, rows[i].value);
		bytes[rows[i].at] = saved;
	}
	assert_int_equal(link_decode(bytes, len, LINK_UPLINK, &got), -EBADMSG);
	assert_int_equal(link_decode(bytes, len, LINK_AGENT, &got), 0);
	free(bytes);
}

static void verdicts_are_checked(void **state)
{
	static const struct { enum link_type type; uint32_t id, reason; int err; } rows[] = {
		{ LINK_ACK, 1, 0, 0 }, { LINK_ACK, 1, 127, 0 }, { LINK_ACK, 1, 128, -EBADMSG }, { LINK_ACK, 0, 0, -EBADMSG },
		{ LINK_REFUSED, 1, 135, 0 }, { LINK_REFUSED, 1, 127, -EBADMSG }, { LINK_REFUSED, 1, 256, -EBADMSG },
		{ LINK_TOO_BIG, 1, 149, 0 }, { LINK_TOO_BIG, 1, 0, -EBADMSG },
	};
	struct ends *e = *state;
	struct link_msg got;

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct link_msg msg = { .type = rows[i].type, .verdict = { rows[i].id, rows[i].reason } };

		assert_int_equal(link_send(&e->uplink, &msg), 0);
		assert_int_equal(link_recv(&e->agent, &got), rows[i].err);
	}
	assert_int_equal(e->agent.malformed, 5);
	assert_int_equal(link_send(&e->uplink, &(struct link_msg){ .type = LINK_WINDOW }), 0);
	assert_int_equal(link_recv(&e->agent, &got), -EBADMSG);
}

static void texts_are_made_printable(void **state)
{
	struct ends *e = *state;
	struct link_msg got, msg = { .type = LINK_STATE };

	strcpy(msg.state.host, "a\033[2Jb\377");
	memset(msg.state.error, '\n', sizeof(msg.state.error));	/* no NUL either */
	assert_int_equal(link_send(&e->uplink, &msg), 0);
	assert_int_equal(link_recv(&e->agent, &got), 0);
	assert_string_equal(got.state.host, "a?[2Jb?");
	assert_int_equal(strlen(got.state.error), LINK_ERROR_MAX - 1);
	assert_int_equal(got.state.error[0], '?');
}

static void other_sessions_are_stale(void **state)
{
	struct ends *e = *state;
	struct link_msg got, ack = { .type = LINK_ACK, .verdict = { 1, 0 } };

	assert_int_equal(link_send(&e->uplink, &ack), 0);
	assert_int_equal(link_send(&e->uplink, &(struct link_msg){ .type = LINK_READY }), 0);
	e->agent.session = 8;
	assert_int_equal(link_recv(&e->agent, &got), 0);
	assert_int_equal(got.type, LINK_READY);	/* of no session; the ACK is gone */
	assert_int_equal(e->agent.stale, 1);

	assert_int_equal(link_send(&e->agent, &(struct link_msg){ .type = LINK_STOP }), 0);
	assert_int_equal(link_send(&e->agent, &(struct link_msg){ .type = LINK_HELLO }), 0);
	assert_int_equal(link_recv(&e->uplink, &got), 0);
	assert_int_equal(got.type, LINK_HELLO);
	assert_int_equal(got.session, 8);
	assert_int_equal(e->uplink.stale, 1);
}

static void junk_is_counted(void **state)
{
	static char big[LINK_MESSAGE_MAX + 100];
	struct ends *e = *state;
	struct link_msg got, msg = publish("t", "p", 1);

	assert_int_equal(send(e->agent.fd, "x", 1, 0), 1);
	assert_int_equal(send(e->agent.fd, big, sizeof(big), 0), sizeof(big));
	assert_int_equal(link_send(&e->agent, &msg), 0);
	assert_int_equal(link_recv(&e->uplink, &got), -EBADMSG);
	assert_int_equal(link_recv(&e->uplink, &got), -EBADMSG);
	assert_int_equal(link_recv(&e->uplink, &got), 0);
	assert_int_equal(e->uplink.malformed, 2);
}

static void full_and_ended(void **state)
{
	static char payload[LINK_PAYLOAD_MAX];
	struct ends *e = *state;
	struct link_msg got, msg = publish("t", payload, sizeof(payload));
	unsigned int sent = 0, received = 0;
	int err;

	while (!(err = link_send(&e->agent, &msg)))
		sent++;
	assert_int_equal(err, -EAGAIN);
	assert_true(sent >= 1 && sent < 100);
	while (!(err = link_recv(&e->uplink, &got)))
		received++;
	assert_int_equal(err, -EAGAIN);
	assert_int_equal(received, sent);
	assert_int_equal(link_send(&e->agent, &msg), 0);

	link_close(&e->agent);
	err = link_recv(&e->uplink, &got);
	assert_int_equal(err, 0);	/* what was sent before the end still arrives */
	assert_int_equal(link_recv(&e->uplink, &got), -EPIPE);
	assert_int_equal(link_send(&e->uplink, &(struct link_msg){ .type = LINK_READY }), -EPIPE);
}

static void packet_bytes(void **state)
{
	/* by hand: 1 + length of length + 2 + topic + 2 + 1 + payload */
	assert_int_equal(link_packet_bytes(3, 10, 1, 5), 2 + 2 + 3 + 2 + 1 + 10);
	assert_int_equal(link_packet_bytes(3, 10, 1, 4), 2 + 2 + 3 + 2 + 10);
	assert_int_equal(link_packet_bytes(3, 10, 0, 4), 2 + 2 + 3 + 10);
	assert_int_equal(link_packet_bytes(3, 119, 1, 5), 2 + 127);
	assert_int_equal(link_packet_bytes(3, 120, 1, 5), 3 + 128);
	assert_int_equal(link_packet_bytes(3, 16375, 1, 5), 3 + 16383);
	assert_int_equal(link_packet_bytes(3, 16376, 1, 5), 4 + 16384);
	assert_int_equal(link_packet_bytes(3, 2097144, 1, 5), 5 + 2097152);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_ends, close_ends)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_type_arrives),
		TEST(longest_publish),
		TEST(what_cannot_be_said),
		TEST(empty_payload_and_birth),
		TEST(every_other_length_refused),
		TEST(wrong_content_refused),
		TEST(verdicts_are_checked),
		TEST(texts_are_made_printable),
		TEST(other_sessions_are_stale),
		TEST(junk_is_counted),
		TEST(full_and_ended),
		cmocka_unit_test(packet_bytes),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
