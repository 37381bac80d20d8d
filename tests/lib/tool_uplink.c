/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tool_uplink - runs uplink_run() in a child, in the sandbox that it has in a gateway, and plays agent and supervisor around it.
 *
 * tool_uplink KEY=VALUE ...: the fields of struct uplink_conf, and pair=new for a new socket pair at each restart
 * (default: the old one stays, with whatever lies in it). A child that dies is started again after 30 ms.
 * Commands on standard input, one a line:
 *   pub N BYTES TOPIC   N more messages, kept until their verdict; the payload begins with "<number> "
 *   birth TEXT | agent (a new session, all kept messages numbered anew) | greedy (ignore the window) | junk
 *   kill (-9) | term | stop | hang (neither read nor send) | deaf (send, but read nothing) | go | quit
 * Prints what the uplink says, a line each: READY, WINDOW, STATE, ACK, REFUSED, TOO_BIG, EXIT, and after each verdict's
 * batch LEFT n. Ends when the child ended with status 0.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "mqtt/link.h"
#include "mqtt/uplink.h"
#include "run/sandbox.h"

#define KEPT 100000

struct kept {
	uint32_t id;
	uint32_t number;	/* never changes, stands in the payload */
	uint32_t len;
	char topic[128];
	bool sent;
};

static struct uplink_conf conf = {
	.host = "127.0.0.1", .client_id = "edge1", .state_topic = "weir/v1/edge1/state",
	.state_online = "online", .state_offline = "offline",
	.backoff_min_ms = 20, .backoff_max_ms = 200, .keepalive_s = 5, .stop_timeout_ms = 1000,
};
static bool new_pair, greedy, hang, deaf;
static int fds[2] = { -1, -1 };
static struct link agent = { .fd = -1 };
static uint64_t session = 1;
static pid_t child;
static struct kept kept[KEPT];
static unsigned int kept_count, outstanding, window = 1;
static uint32_t next_id = 1, next_number = 1, connection;
static char birth[256] = "born";
static const char *birth_topic = "weir/v1/edge1/birth";
static char payload[LINK_PAYLOAD_MAX + 1];

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static void send_or_die(const struct link_msg *msg)
{
	for (int i = 0; i < 2000; i++) {
		int err = link_send(&agent, msg);

		if (!err || err == -EPIPE)
			return;
		if (err != -EAGAIN) {
			say("FATAL link_send %d", err);
			exit(2);
		}
		usleep(1000);
	}
	say("FATAL link stays full");
	exit(2);
}

static void introduce(void)
{
	struct link_msg msg = { .type = LINK_HELLO };

	agent.session = session;
	send_or_die(&msg);
	msg = (struct link_msg){ .type = LINK_BIRTH, .publish = { .topic = birth_topic,
		.payload = birth, .payload_len = (uint32_t)strlen(birth) } };
	send_or_die(&msg);
}

/* The system calls and files that the process has in a gateway: normal life needs no others. */
static void confine(void)
{
	static struct conf same;
	struct sandbox_said *said = sandbox_said_new();
	struct sandbox box;
	int err = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

	snprintf(same.broker.host, sizeof(same.broker.host), "%s", conf.host ? conf.host : "");
	same.broker.port = conf.port;
	same.broker.tls = conf.tls;
	snprintf(same.broker.ca_file, sizeof(same.broker.ca_file), "%s", conf.ca_file ? conf.ca_file : "");
	snprintf(same.broker.cert_file, sizeof(same.broker.cert_file), "%s", conf.cert_file ? conf.cert_file : "");
	snprintf(same.broker.key_file, sizeof(same.broker.key_file), "%s", conf.key_file ? conf.key_file : "");
	sandbox_uplink(&box, &same);
	if (!err && said)
		err = sandbox_enter(&box, said);
	if (err || !said)
		_exit(99);
}

static void start_child(void)
{
	if (new_pair || fds[0] < 0) {
		if (new_pair && fds[0] >= 0) {
			link_close(&agent);
			close(fds[1]);
		}
		if (link_pair(fds) || link_open(&agent, fds[0], LINK_AGENT))
			exit(2);
		agent.session = session;
	}
	child = fork();
	if (!child) {
		log_open("uplink", getenv("DEBUG") ? LOG_DEBUG : LOG_INFO);
		close(fds[0]);
		confine();
		_exit(uplink_run(&conf, fds[1]) ? 1 : 0);
	}
}

static void send_more(void)
{
	if (!connection || hang)
		return;
	for (unsigned int i = 0; i < kept_count && (greedy || outstanding < window); i++) {
		struct link_msg msg = { .type = LINK_PUBLISH };
		int err;

		if (kept[i].sent)
			continue;
		memset(payload, 'x', kept[i].len);
		payload[sprintf(payload, "%u ", kept[i].number)] = 'x';
		msg.publish = (struct link_publish){ .id = kept[i].id, .connection = connection, .topic = kept[i].topic,
			.payload = payload, .payload_len = kept[i].len, .qos = 1 };
		err = link_send(&agent, &msg);
		if (err == -EAGAIN || err == -EPIPE)
			return;
		if (err) {
			say("FATAL link_send %d", err);
			exit(2);
		}
		kept[i].sent = true;
		outstanding++;
	}
}

static void forget_sent(void)
{
	outstanding = 0;
	for (unsigned int i = 0; i < kept_count; i++)
		kept[i].sent = false;
}

static void take_verdict(const char *name, const struct link_verdict *v)
{
	for (unsigned int i = 0; i < kept_count; i++) {
		if (kept[i].id != v->id)
			continue;
		say("%s %u %u", name, kept[i].number, v->reason);
		if (kept[i].sent)
			outstanding--;
		memmove(kept + i, kept + i + 1, (--kept_count - i) * sizeof(*kept));
		return;
	}
	say("UNKNOWN %s %u", name, v->id);
}

static void take(const struct link_msg *msg)
{
	const struct link_state *s = &msg->state;

	switch (msg->type) {
	case LINK_READY:
		say("READY");
		connection = 0;
		introduce();
		break;
	case LINK_WINDOW:
		say("WINDOW %u %u", msg->window.outstanding, msg->window.packet_bytes);
		window = msg->window.outstanding;
		break;
	case LINK_STATE:
		say("STATE connected=%d protocol=%d next_ms=%u attempts=%llu connects=%llu disconnects=%llu refused=%llu "
		    "failed=%llu fallbacks=%llu publishes=%llu acks=%llu publish_refused=%llu too_big=%llu ignored=%llu "
		    "malformed=%llu stale=%llu own_expires=%lld broker_expires=%lld at=%s:%d error=%s",
		    s->connected, s->protocol, s->next_attempt_ms, (unsigned long long)s->counters.attempts,
		    (unsigned long long)s->counters.connects, (unsigned long long)s->counters.disconnects,
		    (unsigned long long)s->counters.refused, (unsigned long long)s->counters.failed,
		    (unsigned long long)s->counters.fallbacks, (unsigned long long)s->counters.publishes,
		    (unsigned long long)s->counters.acks, (unsigned long long)s->counters.publish_refused,
		    (unsigned long long)s->counters.publish_too_big, (unsigned long long)s->counters.publish_ignored,
		    (unsigned long long)s->counters.link_malformed, (unsigned long long)s->counters.link_stale,
		    (long long)s->own_expires_s, (long long)s->broker_expires_s, s->host, s->port, s->error);
		if (s->connection != connection)
			forget_sent();
		connection = s->connection;
		break;
	case LINK_ACK:
		take_verdict("ACK", &msg->verdict);
		break;
	case LINK_REFUSED:
		take_verdict("REFUSED", &msg->verdict);
		break;
	case LINK_TOO_BIG:
		take_verdict("TOO_BIG", &msg->verdict);
		break;
	case LINK_HELLO: case LINK_BIRTH: case LINK_PUBLISH: case LINK_STOP:
		say("FATAL own message");
		break;
	}
}

static void read_link(void)
{
	struct link_msg msg;
	unsigned int before = kept_count;
	int err;

	while (!(err = link_recv(&agent, &msg)) || err == -EBADMSG) {
		if (err)
			say("MALFORMED");
		else
			take(&msg);
	}
	if (kept_count != before)
		say("LEFT %u", kept_count);
}

static void command(char *line)
{
	unsigned int n, len;
	char topic[128];

	line[strcspn(line, "\n")] = 0;
	if (sscanf(line, "pub %u %u %127s", &n, &len, topic) == 3) {
		for (; n-- && kept_count < KEPT; kept_count++) {
			kept[kept_count] = (struct kept){ .id = next_id++, .number = next_number++, .len = MAX(len, 12) };
			snprintf(kept[kept_count].topic, sizeof(kept[0].topic), "%s", topic);
		}
	} else if (!strncmp(line, "birth ", 6)) {
		snprintf(birth, sizeof(birth), "%s", line + 6);
		introduce();
	} else if (!strcmp(line, "agent")) {
		session++;
		next_id = 1;
		for (unsigned int i = 0; i < kept_count; i++)
			kept[i].id = next_id++;
		connection = 0;
		introduce();
	} else if (!strcmp(line, "greedy")) {
		greedy = true;
	} else if (!strcmp(line, "junk")) {
		send(agent.fd, "junkjunkjunkjunkjunk", 20, 0);
	} else if (!strcmp(line, "kill")) {
		kill(child, SIGKILL);
	} else if (!strcmp(line, "term")) {
		kill(child, SIGTERM);
	} else if (!strcmp(line, "stop")) {
		send_or_die(&(struct link_msg){ .type = LINK_STOP });
	} else if (!strcmp(line, "hang") || !strcmp(line, "deaf") || !strcmp(line, "go")) {
		hang = line[0] == 'h';
		deaf = line[0] == 'd';
		if (deaf)
			say("DEAF");	/* whoever waits for it knows that nothing is read from here on */
	} else if (!strcmp(line, "quit")) {
		link_close(&agent);
		close(fds[1]);
		exit(0);
	} else {
		say("FATAL unknown command %s", line);
		exit(2);
	}
}

static bool option(char *arg)
{
	static const struct { const char *name; const char **value; } texts[] = {
		{ "host", &conf.host }, { "id", &conf.client_id }, { "user", &conf.username },
		{ "password", &conf.password }, { "ca", &conf.ca_file }, { "cert", &conf.cert_file },
		{ "key", &conf.key_file }, { "state", &conf.state_topic }, { "birth_topic", &birth_topic },
	};
	static const struct { const char *name; uint32_t *value; } times[] = {
		{ "backoff_min_ms", &conf.backoff_min_ms }, { "backoff_max_ms", &conf.backoff_max_ms },
		{ "offline_delay_s", &conf.offline_delay_s }, { "first_wait_ms", &conf.first_wait_ms },
		{ "connect_timeout_ms", &conf.connect_timeout_ms }, { "stop_timeout_ms", &conf.stop_timeout_ms },
	};
	char *value = strchr(arg, '=');

	if (!value)
		return false;
	*value++ = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++)
		if (!strcmp(arg, texts[i].name))
			return (*texts[i].value = value) != NULL;
	for (unsigned int i = 0; i < ARRAY_SIZE(times); i++)
		if (!strcmp(arg, times[i].name)) {
			*times[i].value = (uint32_t)atoi(value);
			return true;
		}
	if (!strcmp(arg, "port"))
		conf.port = (uint16_t)atoi(value);
	else if (!strcmp(arg, "window"))
		conf.window = (uint16_t)atoi(value);
	else if (!strcmp(arg, "keepalive_s"))
		conf.keepalive_s = (uint16_t)atoi(value);
	else if (!strcmp(arg, "tls"))
		conf.tls = atoi(value);
	else if (!strcmp(arg, "pair"))
		new_pair = !strcmp(value, "new");
	else if (!strcmp(arg, "protocol"))
		conf.protocol = !strcmp(value, "5") ? UPLINK_V5 : !strcmp(value, "3.1.1") ? UPLINK_V311 : UPLINK_AUTO;
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	char lines[4096];
	size_t have = 0;

	for (int i = 1; i < argc; i++)
		if (!option(argv[i])) {
			fprintf(stderr, "tool_uplink: unknown option '%s'\n", argv[i]);
			return 2;
		}
	signal(SIGPIPE, SIG_IGN);
	start_child();
	for (;;) {
		struct pollfd polled[] = { { .fd = STDIN_FILENO, .events = POLLIN },
			{ .fd = hang || deaf ? -1 : agent.fd, .events = POLLIN } };
		int status;

		poll(polled, 2, 10);
		if (polled[0].revents) {
			ssize_t n = read(STDIN_FILENO, lines + have, sizeof(lines) - 1 - have);
			char *end;

			if (n <= 0)
				command((char[]){ "quit" });
			have += (size_t)n;
			lines[have] = 0;
			while ((end = strchr(lines, '\n'))) {
				*end++ = 0;
				command(lines);
				have -= (size_t)(end - lines);
				memmove(lines, end, have + 1);
			}
		}
		if (!hang && !deaf)
			read_link();
		if (waitpid(child, &status, WNOHANG) == child) {
			if (!hang && !deaf)
				read_link();
			say(WIFSIGNALED(status) ? "EXIT signal %d" : "EXIT code %d",
			    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
			if (WIFEXITED(status))
				return WEXITSTATUS(status);
			usleep(30000);
			connection = 0;
			start_child();
		}
		send_more();
	}
}
