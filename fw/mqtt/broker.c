/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "mqtt/broker.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/util.h"
#include "mqtt/broker_tls.h"

#define MISC_NS		(500 * NS_PER_MS)	/* the library wants loop_misc at least each second */
#define TEXT_BYTES	256

struct broker {
	const struct uplink_conf *conf;
	const struct broker_events *events;
	struct loop *loop;
	struct mosquitto *mosq;
	struct loop_fd socket;
	struct loop_timer misc;
	uint64_t deadline_ns;	/* for CONNACK */
	int protocol;
	struct broker_tls_peer peer;	/* its name also without TLS */
	uint16_t port;
	bool tcp_up, up, lost, ended;
	bool connack, connack_again;
	int connack_code, lost_code;
	struct broker_limits limits;
	enum broker_end how;
	char text[TEXT_BYTES];		/* why it ended */
	char library[TEXT_BYTES];	/* first error the library logged: TLS says why only there */
	unsigned int ack_count;
	struct { int mid, reason; } acks[UPLINK_WINDOW_MAX];	/* taken inside the library, handed on outside of it */
};

static void __attribute__((format(printf, 3, 4))) end(struct broker *b, enum broker_end how, const char *format, ...)
{
	va_list args;

	if (b->ended)
		return;
	b->ended = true;
	b->how = how;
	va_start(args, format);
	vsnprintf(b->text, sizeof(b->text), format, args);
	va_end(args);
}

/* ---- called by the library, from inside itself: take notes, call nothing ---- */

static void on_connect(struct mosquitto *mosq, void *arg, int code, int flags, const mosquitto_property *props)
{
	struct broker *b = arg;
	uint16_t receive_max;
	uint32_t packet_bytes;

	(void)mosq, (void)flags;
	b->connack_again = b->connack;
	b->connack = true;
	b->connack_code = code;
	b->limits = (struct broker_limits){ .receive_max = UINT16_MAX, .packet_bytes = UINT32_MAX };
	if (mosquitto_property_read_int16(props, MQTT_PROP_RECEIVE_MAXIMUM, &receive_max, false))
		b->limits.receive_max = receive_max;
	if (mosquitto_property_read_int32(props, MQTT_PROP_MAXIMUM_PACKET_SIZE, &packet_bytes, false))
		b->limits.packet_bytes = packet_bytes;
}

static void on_disconnect(struct mosquitto *mosq, void *arg, int code, const mosquitto_property *props)
{
	struct broker *b = arg;

	(void)mosq, (void)props;
	b->lost = true;
	b->lost_code = code;
}

static void on_publish(struct mosquitto *mosq, void *arg, int mid, int reason, const mosquitto_property *props)
{
	struct broker *b = arg;

	(void)mosq, (void)props;
	/* Cannot be full: the caller has at most that many in flight, and the library tells each mid it knows once. */
	if (b->ack_count < ARRAY_SIZE(b->acks)) {
		b->acks[b->ack_count].mid = mid;
		b->acks[b->ack_count++].reason = reason;
	}
}

static void on_log(struct mosquitto *mosq, void *arg, int level, const char *text)
{
	struct broker *b = arg;

	(void)mosq;
	log_debug("libmosquitto: %s", text);
	if (level == MOSQ_LOG_ERR && !b->library[0])
		snprintf(b->library, sizeof(b->library), "%s", text);
}

/* ---- what the library's return codes mean ---- */

static const char *code_text(int rc)
{
	switch (rc) {	/* mosquitto_strerror() knows neither keepalive nor reason codes */
	case MOSQ_ERR_KEEPALIVE: return "broker is silent";
	case MOSQ_ERR_CONN_LOST: return "broker closed the connection";
	case MOSQ_ERR_PROTOCOL: case MOSQ_ERR_MALFORMED_PACKET: return "broker sent what is not MQTT";
	}
	return rc >= 128 ? mosquitto_reason_string(rc) : mosquitto_strerror(rc);
}

static void end_connack(struct broker *b)
{
	int code = b->connack_code;

	if (code == MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION || (b->protocol == 4 && code == 1))
		end(b, BROKER_VERSION, "broker does not speak MQTT %s", b->protocol == 5 ? "5" : "3.1.1");
	else
		end(b, BROKER_REFUSED, "broker refused the connection: %s (%d)",
		    code < 128 ? mosquitto_connack_string(code) : mosquitto_reason_string(code), code);
}

static void end_code(struct broker *b, int rc, int err)
{
	const char *where = b->peer.name;
	int port = b->port;

	if (b->connack && b->connack_code)
		end_connack(b);
	else if (rc == MOSQ_ERR_SUCCESS)	/* DISCONNECT with reason 0; it may come ahead of CONNACK */
		end(b, b->up ? BROKER_LOST : BROKER_FAILED, "disconnected");
	else if (rc == MOSQ_ERR_TLS)
		end(b, b->up ? BROKER_LOST : BROKER_FAILED, "TLS with %s:%d failed: %s", where, port,
		    b->peer.wrong[0] ? b->peer.wrong : b->library[0] ? b->library : "no reason given");
	else if (b->up)
		end(b, BROKER_LOST, "%s", rc == MOSQ_ERR_ERRNO && err ? strerror(err) : code_text(rc));
	else if ((rc == MOSQ_ERR_PROTOCOL || rc == MOSQ_ERR_MALFORMED_PACKET) && b->tcp_up)
		end(b, BROKER_CLOSED_EARLY, "cannot connect to %s:%d: %s", where, port, code_text(rc));
	else if (rc == MOSQ_ERR_CONN_LOST && b->tcp_up && err != EPROTO)
		end(b, BROKER_CLOSED_EARLY, "broker closed the connection before it answered%s%s",
		    b->library[0] ? ": " : "", b->library);
	else
		end(b, BROKER_FAILED, "cannot connect to %s:%d: %s", where, port,
		    (rc == MOSQ_ERR_ERRNO || rc == MOSQ_ERR_CONN_LOST) && err ? strerror(err) : code_text(rc));
}

/* ---- called by the loop ---- */

/* After each call into the library, with what it returned: hand on what it told. May free @b. */
static void settle(struct broker *b, int rc, int err)
{
	const struct broker_events *events = b->events;
	unsigned int count;

	if (b->connack && !b->connack_code && !b->up) {
		if (!b->limits.receive_max || !b->limits.packet_bytes) {
			end(b, BROKER_FAILED, "broker sent a limit of 0");	/* MQTT 5, 3.2.2.3: a protocol error */
		} else {
			b->up = true;
			events->up(events->arg, &b->limits);
		}
	}
	count = b->ack_count;
	b->ack_count = 0;
	for (unsigned int i = 0; i < count; i++)
		events->ack(events->arg, b->acks[i].mid, b->acks[i].reason);
	if (b->connack_again)
		end(b, BROKER_LOST, "broker answered CONNECT twice");
	if (rc || b->lost)
		end_code(b, b->lost ? b->lost_code : rc, err);
	if (b->ended) {
		events->down(events->arg, b->how, b->text);
		return;
	}
	if (count)
		events->acked(events->arg);
	if (b->socket.loop)
		loop_fd_change(&b->socket, EPOLLIN | (mosquitto_want_write(b->mosq) ? EPOLLOUT : 0));
}

/* False: it never will be. With TLS the library does not see that: it would try to write its hello again and again. */
static bool note_tcp_up(struct broker *b, uint32_t events)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer), err_len = sizeof(int);
	int err = 0;

	if (b->tcp_up)
		return true;
	getsockopt(b->socket.fd, SOL_SOCKET, SO_ERROR, &err, &err_len);
	b->tcp_up = !getpeername(b->socket.fd, (struct sockaddr *)&peer, &len);
	if (!err && (b->tcp_up || !(events & EPOLLHUP)))
		return true;
	end(b, BROKER_FAILED, "cannot connect to %s:%d: %s", b->peer.name, b->port,
	    err ? strerror(err) : "Connection refused or reset");	/* its first write has taken the error away */
	return false;
}

static void socket_ready(struct loop_fd *watch, uint32_t events)
{
	struct broker *b = container_of(watch, struct broker, socket);
	int rc = MOSQ_ERR_SUCCESS;

	if (!note_tcp_up(b, events)) {
		settle(b, rc, 0);
		return;
	}
	errno = 0;
	if (events & EPOLLOUT)
		rc = mosquitto_loop_write(b->mosq, 1);
	if (!rc && !b->lost && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		errno = 0;
		rc = mosquitto_loop_read(b->mosq, 1);
	}
	settle(b, rc, errno);
}

static void misc_due(struct loop_timer *timer)
{
	struct broker *b = container_of(timer, struct broker, misc);
	int rc = MOSQ_ERR_SUCCESS;

	errno = 0;
	if (!b->ended)
		rc = mosquitto_loop_misc(b->mosq);
	if (!b->connack && loop_now_ns() >= b->deadline_ns)
		end(b, BROKER_FAILED, "no answer from %s:%d within %u ms", b->peer.name, b->port,
		    b->conf->connect_timeout_ms);
	loop_timer_arm(b->loop, &b->misc, b->connack ? loop_now_ns() + MISC_NS :
		       MIN(loop_now_ns() + MISC_NS, b->deadline_ns));
	settle(b, rc, errno);
}

/* ---- called by uplink ---- */

static int set_tls(struct broker *b)
{
	char text[BROKER_TLS_TEXT_MAX];
	SSL_CTX *ctx;
	int rc;

	if (broker_tls_context(&ctx, b->conf, &b->peer, text)) {
		end(b, BROKER_FILES, "%s", text);
		return -EINVAL;
	}
	rc = mosquitto_void_option(b->mosq, MOSQ_OPT_SSL_CTX, ctx);	/* takes a reference of its own */
	SSL_CTX_free(ctx);
	if (!rc)	/* or it would look for a CA file of its own */
		rc = mosquitto_int_option(b->mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0);
	if (rc)
		end(b, BROKER_FILES, "TLS cannot be set up: %s", mosquitto_strerror(rc));
	return rc ? -EINVAL : 0;
}

/* MQTT 5, 3.1.2.11.2 and 3.1.3.2.2: the will is due at the end of the session at the latest. */
static int set_session(struct broker *b)
{
	const struct uplink_conf *conf = b->conf;
	const uint32_t delay_s = b->protocol == 5 && conf->state_topic ? conf->offline_delay_s : 0;
	mosquitto_property *session = NULL, *will = NULL;
	int rc = MOSQ_ERR_SUCCESS;

	if (!conf->state_topic)
		return 0;
	if (delay_s) {
		rc = mosquitto_property_add_int32(&session, MQTT_PROP_SESSION_EXPIRY_INTERVAL, delay_s);
		/* Only the blocking connect takes properties, which then stay with the handle; without a host that is all it does. */
		if (!rc && mosquitto_connect_bind_v5(b->mosq, NULL, 0, 60, NULL, session) != MOSQ_ERR_INVAL)
			rc = MOSQ_ERR_UNKNOWN;
		if (!rc)
			rc = mosquitto_property_add_int32(&will, MQTT_PROP_WILL_DELAY_INTERVAL, delay_s);
	}
	if (!rc)
		rc = mosquitto_will_set_v5(b->mosq, conf->state_topic, (int)strlen(conf->state_offline), conf->state_offline, 1, true,
					   will);
	if (rc)		/* else the handle has it */
		mosquitto_property_free_all(&will);
	mosquitto_property_free_all(&session);
	return rc;
}

static int configure(struct broker *b)
{
	const struct uplink_conf *conf = b->conf;
	int rc;

	mosquitto_connect_v5_callback_set(b->mosq, on_connect);
	mosquitto_disconnect_v5_callback_set(b->mosq, on_disconnect);
	mosquitto_publish_v5_callback_set(b->mosq, on_publish);
	mosquitto_log_callback_set(b->mosq, on_log);
	rc = mosquitto_int_option(b->mosq, MOSQ_OPT_PROTOCOL_VERSION,
				  b->protocol == 5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
	if (!rc)	/* never less than our own window: the library must not queue */
		rc = mosquitto_int_option(b->mosq, MOSQ_OPT_SEND_MAXIMUM, UPLINK_WINDOW_MAX);
	if (!rc)	/* or a small packet waits for the acknowledgement of the one before: up to 40 ms */
		rc = mosquitto_int_option(b->mosq, MOSQ_OPT_TCP_NODELAY, 1);
	if (!rc && conf->username)
		rc = mosquitto_username_pw_set(b->mosq, conf->username, conf->password);
	if (!rc)
		rc = set_session(b);
	if (rc) {
		end(b, BROKER_FAILED, "libmosquitto refused the configuration: %s", mosquitto_strerror(rc));
		return -EINVAL;
	}
	return conf->tls ? set_tls(b) : 0;
}

int broker_connect(struct broker **ret_broker, struct loop *loop, const struct uplink_conf *conf,
		   const struct broker_target *target, const struct broker_events *events)
{
	const bool keeps_session = target->protocol == 5 && conf->state_topic && conf->offline_delay_s;
	struct broker *b = calloc(1, sizeof(*b));
	char address[NI_MAXHOST];
	int rc, err = 0;

	if (!b)
		return -ENOMEM;
	b->conf = conf;
	b->events = events;
	b->loop = loop;
	b->protocol = target->protocol;
	b->port = target->port;
	snprintf(b->peer.name, sizeof(b->peer.name), "%s", target->name);
	b->socket = (struct loop_fd){ .ready = socket_ready, .fd = -1 };
	b->misc.due = misc_due;
	b->mosq = mosquitto_new(conf->client_id, !keeps_session, b);
	if (!b->mosq) {
		free(b);
		return -ENOMEM;
	}
	if (getnameinfo(target->address, target->address_len, address, sizeof(address), NULL, 0, NI_NUMERICHOST)) {
		end(b, BROKER_FAILED, "host '%s' has an address of no known kind", b->peer.name);
	} else if (!configure(b)) {
		errno = 0;
		rc = mosquitto_connect_async(b->mosq, address, b->port, conf->keepalive_s);
		b->socket.fd = mosquitto_socket(b->mosq);
		if (rc)
			end_code(b, rc, errno);
		else if (b->socket.fd < 0)
			end(b, BROKER_FAILED, "libmosquitto gave no socket");
		else
			err = loop_fd_add(loop, &b->socket, EPOLLIN | EPOLLOUT);
	}
	b->deadline_ns = loop_now_ns() + conf->connect_timeout_ms * NS_PER_MS;
	if (!err)	/* what ended already is told by the timer, at once */
		err = loop_timer_arm(loop, &b->misc, b->ended ? loop_now_ns() : MIN(loop_now_ns() + MISC_NS, b->deadline_ns));
	if (err) {
		broker_free(b);
		return err;
	}
	*ret_broker = b;
	return 0;
}

struct broker *broker_free(struct broker *b)
{
	if (!b)
		return NULL;
	loop_fd_remove(&b->socket);
	loop_timer_stop(&b->misc);
	mosquitto_destroy(b->mosq);
	free(b);
	return NULL;
}

int broker_publish(struct broker *b, const char *topic, const void *payload, size_t len, int qos, bool retain,
		   int *ret_mid)
{
	int mid = 0, rc;

	if (!b->up || b->ended || b->lost)
		return -EPIPE;
	errno = 0;
	rc = mosquitto_publish_v5(b->mosq, &mid, topic, (int)len, payload, qos, retain, NULL);
	switch (rc) {
	case MOSQ_ERR_SUCCESS:
		if (b->socket.loop)
			loop_fd_change(&b->socket, EPOLLIN | (mosquitto_want_write(b->mosq) ? EPOLLOUT : 0));
		if (b->ack_count)	/* QoS 0, written at once: tell it from the loop */
			loop_timer_arm(b->loop, &b->misc, loop_now_ns());
		*ret_mid = mid;
		return 0;
	case MOSQ_ERR_PAYLOAD_SIZE:
	case MOSQ_ERR_OVERSIZE_PACKET:
		return -EMSGSIZE;
	case MOSQ_ERR_INVAL:
	case MOSQ_ERR_MALFORMED_UTF8:
		return -EINVAL;
	case MOSQ_ERR_QOS_NOT_SUPPORTED:
	case MOSQ_ERR_RETAIN_NOT_SUPPORTED:
		return -EOPNOTSUPP;
	}
	end_code(b, rc, errno);	/* the library may have queued it: this connection must not live on */
	loop_timer_arm(b->loop, &b->misc, loop_now_ns());
	return -EPIPE;
}

void broker_disconnect(struct broker *b)
{
	mosquitto_property *session = NULL;
	int rc = MOSQ_ERR_SUCCESS;

	if (b->protocol == 5)
		rc = mosquitto_property_add_int32(&session, MQTT_PROP_SESSION_EXPIRY_INTERVAL, 0);
	if (!rc)
		rc = mosquitto_disconnect_v5(b->mosq, 0, session);
	mosquitto_property_free_all(&session);
	if (rc)
		end(b, BROKER_LOST, "disconnected");
	loop_timer_arm(b->loop, &b->misc, loop_now_ns());
}

int64_t broker_certificate_expires_s(const struct broker *b)
{
	return b->peer.expires_s;
}
