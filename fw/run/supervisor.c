/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/endpoint.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/util.h"
#include "collect/conntrack.h"
#include "collect/dataplane.h"
#include "collect/netlink.h"
#include "collect/offload.h"
#include "collect/pins.h"
#include "collect/ports.h"
#include "mqtt/link.h"
#include "mqtt/uplink.h"
#include "run/agent.h"
#include "run/children.h"
#include "run/confine.h"
#include "run/object_path.h"
#include "run/privacy_conf.h"
#include "run/privilege.h"
#include "run/publish.h"
#include "status/control.h"
#include "status/metrics.h"

#define STOP_NS		(AGENT_STOP_NS + 4 * NS_PER_S)	/* then what still runs is killed */
#define TELL_NS		(2 * NS_PER_S)			/* counters go to the agent this often */
#define OFFLOAD_NS	(10 * NS_PER_S)			/* flowtables are looked at this often */
#define POWER_UP_S	300	/* the machine has just been switched on */
#define PASSWORD_MAX	256

/* An agent whose supervisor was killed ends by itself: it closes the control socket at once, and the rest by and by. */
#define SOCKET_WAIT_MS	500
#define LOCK_WAIT_MS	(AGENT_STOP_NS / NS_PER_MS + 1000)
#define WAIT_STEP_MS	20

struct supervisor {
	const struct conf *conf;
	struct loop *loop;
	struct dataplane *dp;
	struct ports *ports;
	struct child agent, uplink, metrics;	/* the last one: only where it is asked for */
	struct loop_timer stop_limit, tell, offload_look;
	struct nl_sock *offload_nl;	/* NULL: flowtables cannot be asked for */
	struct offload offload;
	struct privilege_user agent_user, uplink_user, metrics_user;
	struct confine confine;
	int link_fds[2];	/* agent's end, uplink's end: kept open for their successors */
	int control_fd;
	int lock_fd;
	int spool_fd;		/* spool.dir, locked; -1: none */
	int conntrack_fd;	/* read by the agent; ours to ask. -1: none */
	int agent_fds[2];	/* orders: ours, the agent's */
	int metrics_fds[2];	/* agent's end, metrics' end; -1: no metrics page */
	int metrics_listen_fd;
	struct port_state said[PORTS_MAX];	/* what was logged of each port */
	uint64_t started_ns;
	uint8_t privacy_key[PRIVACY_KEY_BYTES];
	bool stopping;
};

/* ---- ports ---- */

static bool want(const char *name, struct port_wish *ret_wish, void *arg)
{
	const struct supervisor *s = arg;
	const struct conf_port *port = conf_port_find(s->conf, name);
	/* The two enums say the same of different things; a table, so that neither has to follow the other. */
	static const enum attach_hook hooks[] = {
		[CONF_HOOK_AUTO] = ATTACH_AUTO, [CONF_HOOK_XDP] = ATTACH_XDP,
		[CONF_HOOK_XDP_GENERIC] = ATTACH_XDP_GENERIC, [CONF_HOOK_TC] = ATTACH_TC,
	};

	if (!port)
		return false;
	*ret_wish = (struct port_wish){ .hook = hooks[port->hook], .mirror = port->mirror };
	snprintf(ret_wish->role, sizeof(ret_wish->role), "%s", port->role);
	return true;
}

static void order(struct supervisor *s, const struct agent_order *o)
{
	if (s->agent.pid && send(s->agent_fds[0], o, sizeof(*o), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_warn("agent does not take orders: %s", strerror(errno));
}

static void port_changed(const struct port_state *state, void *arg)
{
	struct supervisor *s = arg;
	struct port_state *said = &s->said[state->port % PORTS_MAX];
	struct agent_order o = { .type = AGENT_PORT, .port = *state };
	bool news = said->ifindex != state->ifindex || said->rx != state->rx || said->tx != state->tx ||
		    strcmp(said->reason, state->reason);

	if (!state->wanted && !state->ifindex)
		return;
	*said = *state;
	log_msg(news ? LOG_INFO : LOG_DEBUG, "port %s: %s, rx %s, tx %s%s%s", state->name, state->ifindex ? "present" : "absent",
		 attached_names[state->rx], attached_names[state->tx], state->reason[0] ? "; " : "", state->reason);
	order(s, &o);
}

static void tell_agent(struct supervisor *s)
{
	struct agent_order o = { .type = AGENT_PORTS_COUNTERS };

	if (!s->ports)
		return;
	o.ports_counters = *ports_counters(s->ports);
	order(s, &o);
	o = (struct agent_order){ .type = AGENT_UPLINK_STARTS, .uplink_starts = s->uplink.starts };
	order(s, &o);
}

static void tell_processes(struct supervisor *s);

static void tell_due(struct loop_timer *timer)
{
	struct supervisor *s = container_of(timer, struct supervisor, tell);

	tell_agent(s);
	tell_processes(s);
	loop_timer_arm(s->loop, timer, loop_now_ns() + TELL_NS);
}

/* ---- what is in force for each process ---- */

static void tell_processes(struct supervisor *s)
{
	const struct child *const children[SANDBOX_ROLES] = {
		[SANDBOX_AGENT] = &s->agent, [SANDBOX_UPLINK] = &s->uplink, [SANDBOX_METRICS] = &s->metrics,
	};
	struct agent_order o = { .type = AGENT_PROCESSES };

	confine_look(&s->confine, children);
	memcpy(o.process, s->confine.process, sizeof(o.process));
	order(s, &o);
}

/* ---- flowtables ---- */

static void tell_offload(struct supervisor *s)
{
	const struct agent_order o = { .type = AGENT_OFFLOAD, .offload = s->offload };

	order(s, &o);
}

static void log_offload(const struct offload *now)
{
	const enum offload_mode mode = offload_most(now);

	if (mode == OFFLOAD_UNKNOWN)
		log_warn("flowtables: %s: whether flows are offloaded is not known", strerror(-now->err));
	else
		log_msg(mode == OFFLOAD_HARDWARE ? LOG_WARN : LOG_INFO, "flow offload: %s%s", offload_mode_names[mode],
			mode == OFFLOAD_HARDWARE ? ": flows that the NIC forwards are not seen" : "");
}

static void offload_due(struct loop_timer *timer)
{
	struct supervisor *s = container_of(timer, struct supervisor, offload_look);
	struct offload now;

	offload_read(s->offload_nl, &now);
	if (memcmp(&now, &s->offload, sizeof(now))) {
		if (offload_most(&now) != offload_most(&s->offload))
			log_offload(&now);
		s->offload = now;
		tell_offload(s);
	}
	if (offload_most(&now) == OFFLOAD_HARDWARE && now.acct && s->conntrack_fd >= 0)
		conntrack_ask(s->conntrack_fd);		/* refused: the last list is still being read */
	loop_timer_arm(s->loop, timer, loop_now_ns() + OFFLOAD_NS);
}

static void open_offload(struct supervisor *s)
{
	const int err = offload_open(&s->offload_nl);

	s->offload_look.due = offload_due;
	if (!err)
		offload_due(&s->offload_look);
	else if (err != -EPROTONOSUPPORT)	/* that one: no netfilter, so no flowtable */
		s->offload.err = err;
	if (s->offload.err)
		log_offload(&s->offload);
}

static void open_conntrack(struct supervisor *s)
{
	const int err = conntrack_open_socket(&s->conntrack_fd);

	if (err)
		log_info("no NAT in records: connection tracking: %s", strerror(-err));
}

/* ---- the agent ---- */

static int agent_main(struct child *child)
{
	struct supervisor *s = container_of(child, struct supervisor, agent);
	const char *pin_dir = s->conf->run.pin_dir;
	struct agent_settings settings = {
		.conf = s->conf,
		.fds = {
			.flows = dataplane_map_fd(s->dp, "flows"), .ledger = dataplane_map_fd(s->dp, "ledger"),
			.hellos = dataplane_map_fd(s->dp, "hellos"), .tcp = dataplane_map_fd(s->dp, "tcp"),
			.names = dataplane_map_fd(s->dp, "names"), .taken = dataplane_map_fd(s->dp, "taken"),
			.books = dataplane_map_read_only(s->dp, pin_dir, "books"),
			.stats = dataplane_map_read_only(s->dp, pin_dir, "stats"),
			.events = dataplane_map_fd(s->dp, "events"),	/* its consumer's position is written */
			.supervisor_fd = s->agent_fds[1], .link_fd = s->link_fds[0], .control_fd = s->control_fd,
			.spool_dir = s->spool_fd, .lock_fd = s->lock_fd, .conntrack = s->conntrack_fd,
			.metrics_fd = s->metrics_fds[0],
		},
		.meta = *dataplane_meta(s->dp),
		.privacy_key = s->privacy_key,
		.started_ns = s->started_ns,
		.starts = child->starts + 1,
	};
	char oui[OBJECT_PATH_MAX];
	struct sandbox box;
	int err;

	_Static_assert(sizeof(settings.fds) % sizeof(int) == 0, "agent_fds is an array of descriptors");
	log_open("weir-agent", s->conf->run.log_level);
	signal(SIGINT, SIG_IGN);	/* a terminal sends it to all of us: the supervisor says when to stop */
	signal(SIGTERM, SIG_IGN);
	if (child->starts && s->conntrack_fd >= 0)	/* the first one reads what was asked for when it was opened */
		conntrack_ask(s->conntrack_fd);		/* refused: NAT of new connections only */
	privilege_keep_only((const int *)&settings.fds, sizeof(settings.fds) / sizeof(int));
	object_beside(s->conf->run.bpf_object, "oui.bin", oui);
	sandbox_agent(&box, s->conf, oui, settings.fds.spool_dir);
	if (settings.fds.books < 0 || settings.fds.stats < 0)
		err = MIN(settings.fds.books, settings.fds.stats);
	else
		err = confine_enter(&s->confine, &s->agent_user, &box, 0);
	if (!err)
		err = agent_run(&settings);
	if (err)
		log_error("%s", strerror(-err));
	return err ? 1 : 0;
}

static void agent_started(struct child *child)
{
	struct supervisor *s = container_of(child, struct supervisor, agent);

	if (!s->ports)
		return;
	for (unsigned int i = 0; i < PORTS_MAX; i++) {
		const struct port_state *state = ports_state(s->ports, i);
		struct agent_order o = { .type = AGENT_PORT };

		if (!state || (!state->wanted && !state->ifindex))
			continue;
		o.port = *state;
		order(s, &o);
	}
	tell_offload(s);
	tell_agent(s);
	tell_processes(s);
}

/* ---- the uplink ---- */

/* First line of the file. Read here, before the rights go, by the one process that needs it. */
static int read_password(const char *path, char ret_password[PASSWORD_MAX])
{
	FILE *f = fopen(path, "re");
	char *end;

	if (!f)
		return -errno;
	end = fgets(ret_password, PASSWORD_MAX, f);
	fclose(f);
	if (!end)
		return -ENODATA;
	ret_password[strcspn(ret_password, "\r\n")] = 0;
	return 0;
}

/* After power-up all gateways of a site are there together. One uplink that died may be one of many that the same broker killed. */
static uint64_t first_wait_ns(const struct supervisor *s)
{
	struct timespec up;

	if (s->uplink.starts)
		return s->conf->broker.backoff_min_ns;
	clock_gettime(CLOCK_BOOTTIME, &up);
	return up.tv_sec < POWER_UP_S ? s->conf->broker.start_spread_ns : 0;
}

static int uplink_main(struct child *child)
{
	struct supervisor *s = container_of(child, struct supervisor, uplink);
	const struct conf *c = s->conf;
	char topic[LINK_TOPIC_MAX + 1], password[PASSWORD_MAX];
	struct uplink_conf conf = {
		.host = c->broker.host,
		.port = c->broker.port,
		.protocol = c->broker.protocol == CONF_MQTT_5 ? UPLINK_V5 :
			    c->broker.protocol == CONF_MQTT_3_1_1 ? UPLINK_V311 : UPLINK_AUTO,
		.client_id = c->broker.client_id,
		.username = c->broker.username[0] ? c->broker.username : NULL,
		.tls = c->broker.tls,
		.ca_file = c->broker.ca_file[0] ? c->broker.ca_file : NULL,
		.cert_file = c->broker.cert_file[0] ? c->broker.cert_file : NULL,
		.key_file = c->broker.key_file[0] ? c->broker.key_file : NULL,
		.state_topic = topic,
		.state_online = "{\"state\":\"online\"}",
		.state_offline = "{\"state\":\"offline\"}",
		.offline_delay_s = (uint32_t)(c->broker.offline_delay_ns / NS_PER_S),
		.first_wait_ms = (uint32_t)(first_wait_ns(s) / NS_PER_MS),
		.keepalive_s = (uint16_t)(c->broker.keepalive_ns / NS_PER_S),
		.window = (uint16_t)c->broker.window,
		.backoff_min_ms = (uint32_t)(c->broker.backoff_min_ns / NS_PER_MS),
		.backoff_max_ms = (uint32_t)(c->broker.backoff_max_ns / NS_PER_MS),
	};
	struct sandbox box;
	int err = 0;

	explicit_bzero(s->privacy_key, sizeof(s->privacy_key));	/* it talks to strangers, and has no use for it */
	log_open("weir-uplink", c->run.log_level);
	publish_topic(c, MESSAGE_STATE, topic, sizeof(topic));
	if (c->broker.password_file[0]) {
		err = read_password(c->broker.password_file, password);
		if (err)
			log_error("broker.password_file \"%s\": %s", c->broker.password_file, strerror(-err));
		conf.password = password;
	}
	privilege_keep_only(&s->link_fds[1], 1);
	sandbox_uplink(&box, c);
	if (!err)
		err = confine_enter(&s->confine, &s->uplink_user, &box, 0);
	if (!err)
		err = uplink_run(&conf, s->link_fds[1]);
	if (err)
		log_error("%s", strerror(-err));
	return err ? 1 : 0;
}

static void uplink_started(struct child *child)
{
	tell_agent(container_of(child, struct supervisor, uplink));
}

/* ---- the metrics page ---- */

static int metrics_main(struct child *child)
{
	struct supervisor *s = container_of(child, struct supervisor, metrics);
	const int fds[] = { s->metrics_listen_fd, s->metrics_fds[1] };
	const pid_t supervisor = getppid();
	struct sandbox box;
	int err;

	explicit_bzero(s->privacy_key, sizeof(s->privacy_key));
	log_open("weir-metrics", s->conf->run.log_level);
	signal(SIGINT, SIG_IGN);	/* a terminal sends it to all of us; SIGTERM ends it */
	privilege_keep_only(fds, ARRAY_SIZE(fds));
	sandbox_metrics(&box);
	err = confine_enter(&s->confine, &s->metrics_user, &box, supervisor);
	if (!err)
		err = metrics_run(s->metrics_listen_fd, s->metrics_fds[1]);
	log_error("%s", strerror(-err));
	return 1;
}

static int open_metrics(struct supervisor *s)
{
	const char *listen = s->conf->metrics.listen;
	struct endpoint endpoint;

	if (!listen[0] || endpoint_listen(listen, &endpoint))
		return 0;
	s->metrics_listen_fd = metrics_listen(&endpoint.any, endpoint.len);
	if (s->metrics_listen_fd < 0) {
		log_error("metrics.listen = \"%s\": %s", listen, strerror(-s->metrics_listen_fd));
		return s->metrics_listen_fd;
	}
	if (!endpoint_is_loopback(&endpoint))
		log_warn("metrics.listen = \"%s\": no loopback address; whoever reaches it reads the page", listen);
	return metrics_pair(s->metrics_fds);
}

/* ---- signals ---- */

static void kill_due(struct loop_timer *timer)
{
	struct supervisor *s = container_of(timer, struct supervisor, stop_limit);

	log_warn("processes that did not stop are killed");
	if (s->agent.pid)
		kill(s->agent.pid, SIGKILL);
	if (s->uplink.pid)
		kill(s->uplink.pid, SIGKILL);
	if (s->metrics.pid)
		kill(s->metrics.pid, SIGKILL);
}

static void stop(struct supervisor *s)
{
	const struct agent_order o = { .type = AGENT_STOP };

	if (s->stopping)
		return;
	s->stopping = s->agent.stopping = s->uplink.stopping = s->metrics.stopping = true;
	loop_timer_stop(&s->agent.restart);
	loop_timer_stop(&s->uplink.restart);
	loop_timer_stop(&s->metrics.restart);
	if (s->metrics.pid)
		kill(s->metrics.pid, SIGTERM);
	loop_timer_stop(&s->tell);
	loop_timer_stop(&s->offload_look);
	log_info("stopping; programs and tables stay");
	order(s, &o);
	loop_timer_arm(s->loop, &s->stop_limit, loop_now_ns() + STOP_NS);
	if (!s->agent.pid && s->uplink.pid)
		kill(s->uplink.pid, SIGKILL);	/* nobody is there to tell it */
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *child = pid == s->agent.pid ? &s->agent : pid == s->uplink.pid ? &s->uplink :
				      pid == s->metrics.pid ? &s->metrics : NULL;

		if (child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
			confine_refused(&s->confine, child == &s->agent ? SANDBOX_AGENT : child == &s->uplink ? SANDBOX_UPLINK :
					SANDBOX_METRICS, child->name);
		if (child)
			child_died(child, status);
		if (child == &s->agent && s->stopping && s->uplink.pid && (!WIFEXITED(status) || WEXITSTATUS(status)))
			kill(s->uplink.pid, SIGKILL);	/* the agent did not tell it */
	}
	if (s->stopping && !s->agent.pid && !s->uplink.pid && !s->metrics.pid)
		loop_stop(s->loop, 0);
}

static void got_signal(int signal, void *arg)
{
	struct supervisor *s = arg;

	if (signal == SIGCHLD)
		reap(s);
	else
		stop(s);
}

/* ---- start ---- */

static int open_user(const char *name, const char *option, struct privilege_user *ret_user)
{
	int err = privilege_user(name, ret_user);

	if (err == -EPERM)
		log_error("%s = \"%s\" is root; allowed: any other user", option, name);
	else if (err == 1)
		log_warn("%s = \"%s\": no such user; nobody is used", option, name);
	return err < 0 ? err : 0;
}

/* What the uplink would say in the log only, again and again. It reads them itself, with less rights. */
static int check_files(const struct conf *conf)
{
	const struct {
		const char *option, *path;
	} files[] = {
		{ "broker.password_file", conf->broker.password_file },
		{ "broker.ca_file", conf->broker.tls ? conf->broker.ca_file : "" },
		{ "broker.cert_file", conf->broker.tls ? conf->broker.cert_file : "" },
		{ "broker.key_file", conf->broker.tls ? conf->broker.key_file : "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (files[i].path[0] && access(files[i].path, R_OK)) {
			int err = -errno;

			log_error("%s = \"%s\": %s", files[i].option, files[i].path, strerror(-err));
			return err;
		}
	return 0;
}

static int open_sockets(struct supervisor *s)
{
	const struct conf *conf = s->conf;
	char dir[CONF_SOCKET_MAX + 1];
	int err = link_pair(s->link_fds);

	if (!err && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s->agent_fds))
		err = -errno;
	if (err) {
		log_error("socket pair: %s", strerror(-err));
		return err;
	}
	snprintf(dir, sizeof(dir), "%s", conf->run.control_socket);
	mkdir(dirname(dir), 0755);	/* there already, or bind says what is wrong */
	s->control_fd = control_listen(conf->run.control_socket);
	for (int ms = 0; s->control_fd == -EADDRINUSE && ms < SOCKET_WAIT_MS; ms += WAIT_STEP_MS) {
		usleep(WAIT_STEP_MS * 1000);
		s->control_fd = control_listen(conf->run.control_socket);
	}
	if (s->control_fd == -EADDRINUSE)
		log_error("run.control_socket \"%s\": another weir agent answers there", conf->run.control_socket);
	else if (s->control_fd < 0)
		log_error("run.control_socket \"%s\": %s", conf->run.control_socket, strerror(-s->control_fd));
	return s->control_fd < 0 ? s->control_fd : 0;
}

/* Two agents on the same tables would free each other's slots. */
static int lock_pins(struct supervisor *s)
{
	const char *dir = s->conf->run.pin_dir;
	int err = pins_lock(dir, &s->lock_fd);

	if (err == -EBUSY)
		log_info("run.pin_dir \"%s\" is in use: waiting for the agent of a former run to end", dir);
	for (uint64_t ms = 0; err == -EBUSY && ms < LOCK_WAIT_MS; ms += WAIT_STEP_MS) {
		usleep(WAIT_STEP_MS * 1000);
		err = pins_lock(dir, &s->lock_fd);
	}
	if (err == -EBUSY)
		log_error("run.pin_dir \"%s\": another weir agent uses it; end that one, or choose another directory", dir);
	return err == -EBUSY ? err : 0;	/* other errors: dataplane_open() meets them too, and says more */
}

/*
 * The agent's directory, which it could not open itself: made when only it is missing, and given to its user. The lock goes
 * with the descriptor: two would write each other's numbers.
 */
static int open_spool(struct supervisor *s)
{
	const char *path = s->conf->spool.dir;
	struct stat st;
	int err = 0;

	if (s->conf->spool.mode == CONF_SPOOL_OFF)
		return 0;
	if (mkdir(path, 0700) && errno != EEXIST)
		err = -errno;
	if (!err)
		s->spool_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (!err && (s->spool_fd < 0 || fstat(s->spool_fd, &st) || ((st.st_mode & 0777) != 0700 && fchmod(s->spool_fd, 0700)) ||
		     fchown(s->spool_fd, s->agent_user.uid, s->agent_user.gid)))
		err = -errno;
	if (err) {
		log_error("spool.dir \"%s\": %s; allowed: a directory on a file system that can be written, or one that can be made",
			  path, strerror(-err));
		return err;
	}
	for (uint64_t ms = 0; (err = flock(s->spool_fd, LOCK_EX | LOCK_NB) ? -errno : 0) == -EWOULDBLOCK && ms < LOCK_WAIT_MS; ms += WAIT_STEP_MS)
		usleep(WAIT_STEP_MS * 1000);
	if (err)
		log_error("spool.dir \"%s\": another weir agent uses it; end that one, or choose another directory", path);
	return err;
}

/* Of each protocol a quarter of the slots in the time after which a quiet flow ends, on all CPUs together; at once a sixteenth. */
static void limit_new_flows(struct dataplane_settings *settings, const struct conf *conf)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (!conf->flows.new_flow_limit)
		return;
	settings->new_interval_ns = MAX(1, conf->flows.idle_timeout_ns * 4 * (uint64_t)MAX(1, cpus) / conf->flows.slots);
	settings->new_burst_ns = conf->flows.idle_timeout_ns / 4;
}

static int open_dataplane(struct supervisor *s)
{
	const struct conf *conf = s->conf;
	char error[DATAPLANE_ERROR_BYTES], beside[OBJECT_PATH_MAX];
	struct dataplane_settings settings = {
		.object_path = conf->run.bpf_object,
		.pin_dir = conf->run.pin_dir,
		.slots = conf->flows.slots,
		.tcp_share = conf->flows.tcp_share,
		.hellos = conf->flows.hello_walks,
	};
	int err;

	limit_new_flows(&settings, conf);
	object_path(beside);
	if (!strcmp(conf->run.bpf_object, PREFIX "/lib/weir/weir.bpf.o") && access(conf->run.bpf_object, R_OK) &&
	    !access(beside, R_OK))
		settings.object_path = beside;	/* nothing was asked for: run from a build tree */
	err = dataplane_open(&s->dp, &settings, error);
	if (err)
		log_error("%s", error);
	else
		log_info("dataplane %s: %u slots%s", settings.object_path, dataplane_meta(s->dp)->slots,
			 dataplane_reused(s->dp) ? ", tables of the last run go on" : "");
	return err;
}

static int open_ports(struct supervisor *s)
{
	struct dataplane_program_info program[PROGRAMS];
	struct ports_settings settings = {
		.ports_fd = dataplane_map_fd(s->dp, "ports"),
		.port_names_fd = dataplane_map_fd(s->dp, "port_names"),
		.pin_dir = s->conf->run.pin_dir,
		.want = want,
		.changed = port_changed,
		.arg = s,
	};
	int err;

	for (int i = 0; i < PROGRAMS; i++)
		dataplane_program(s->dp, i, &program[i]);
	settings.rx_xdp_fd = program[PROGRAM_RX_XDP].fd;
	settings.rx_tc_fd = program[PROGRAM_RX_TC].fd;
	settings.tx_tc_fd = program[PROGRAM_TX_TC].fd;
	err = ports_new(&s->ports, s->loop, &settings);
	for (unsigned int i = 0; !err && i < s->conf->ports; i++)
		if (!strpbrk(s->conf->port[i].name, "*?["))
			err = ports_expect(s->ports, s->conf->port[i].name);
	if (err)
		log_error("ports: %s", strerror(-err));
	return err;
}

static int open_all(struct supervisor *s)
{
	sigset_t signals;
	int err = loop_new(&s->loop);

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	if (!err)
		err = loop_signals(s->loop, &signals, got_signal, s);
	if (!err)
		err = open_user(s->conf->run.user, "run.user", &s->agent_user);
	if (!err)
		err = open_user(s->conf->run.uplink_user, "run.uplink_user", &s->uplink_user);
	if (!err && s->conf->metrics.listen[0])
		err = open_user(s->conf->metrics.user, "metrics.user", &s->metrics_user);
	if (!err)
		err = check_files(s->conf);
	if (!err)
		err = privacy_conf_key(s->conf, s->privacy_key);
	if (!err)
		err = open_sockets(s);
	if (!err)
		err = lock_pins(s);
	if (!err)
		err = open_spool(s);
	if (!err)
		err = open_dataplane(s);
	if (!err)
		err = confine_open(&s->confine, s->dp);
	if (!err)
		err = open_metrics(s);
	return err;
}

int supervisor_run(const struct conf *conf)
{
	struct supervisor s = {
		.conf = conf,
		.link_fds = { -1, -1 },
		.control_fd = -1,
		.lock_fd = -1,
		.conntrack_fd = -1,
		.spool_fd = -1,
		.agent_fds = { -1, -1 },
		.metrics_fds = { -1, -1 },
		.metrics_listen_fd = -1,
		.started_ns = loop_now_ns(),
	};
	int err;

	log_open("weir", conf->run.log_level);
	err = open_all(&s);
	if (!err) {
		s.agent = (struct child){ .name = "weir-agent", .run = agent_main, .started = agent_started, .loop = s.loop };
		s.uplink = (struct child){ .name = "weir-uplink", .run = uplink_main, .started = uplink_started, .loop = s.loop };
		s.metrics = (struct child){ .name = "weir-metrics", .run = metrics_main, .loop = s.loop };
		s.stop_limit.due = kill_due;
		s.tell.due = tell_due;
		open_conntrack(&s);
		child_start(&s.agent);
		child_start(&s.uplink);
		if (s.metrics_listen_fd >= 0)
			child_start(&s.metrics);
		open_offload(&s);
		err = open_ports(&s);
		if (err)
			stop(&s);
		else
			tell_due(&s.tell);
		loop_run(s.loop);
	}
	ports_free(s.ports);
	netlink_close(s.offload_nl);
	dataplane_close(s.dp);
	if (s.control_fd >= 0)
		unlink(conf->run.control_socket);
	loop_free(s.loop);
	return err ? 1 : 0;
}
