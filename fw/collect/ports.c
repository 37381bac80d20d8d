/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/ports.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/util.h"
#include "collect/iface.h"
#include "collect/ifwatch.h"
#include "collect/netlink.h"
#include "collect/port.h"
#include "collect/porttab.h"

#define HINTS_MAX	64		/* interfaces asked for one by one in a turn; more: a full dump */
#define SOON_NS		NS_PER_S

struct ports {
	struct ports_settings settings;
	struct attach_settings attach;
	struct ports_counters counters;
	struct porttab *tab;
	struct ifwatch *watch;
	struct loop *loop;
	struct loop_timer again;	/* dump or attach that failed, filter that was taken away */
	uint32_t hints[HINTS_MAX];
	unsigned int hint_count;
	bool dump;			/* everything is to be looked at */
	bool swept;			/* what an earlier run left behind has been removed */
	struct port port[PORTS_MAX];
};

/* ---- ports by name and by interface ---- */

static struct port *by_ifindex(struct ports *ports, uint32_t ifindex)
{
	for (int i = 0; i < PORTS_MAX; i++)
		if (ports->port[i].state.ifindex == ifindex)
			return &ports->port[i];
	return NULL;
}

static struct port *by_name(struct ports *ports, const char *name)
{
	for (int i = 0; i < PORTS_MAX; i++)
		if (!strcmp(ports->port[i].state.name, name))
			return &ports->port[i];
	return NULL;
}

static void refuse(struct ports *ports, uint64_t *counter, const char *name)
{
	(*counter)++;
	snprintf(ports->counters.refused, sizeof(ports->counters.refused), "%s", name);
}

/* The port of @name, which gets an index when it has none. NULL: refused, counted. */
static struct port *port_of(struct ports *ports, const char *name)
{
	struct port *port = by_name(ports, name);

	if (port)
		return port;
	port = by_name(ports, "");
	if (!port || porttab_set_name(ports->tab, port->state.port, name)) {
		refuse(ports, &ports->counters.no_index, name);
		return NULL;
	}
	memcpy(port->state.name, name, strlen(name) + 1);	/* porttab_set_name() took it: it fits */
	return port;
}

static void tell(struct ports *ports, struct port *port)
{
	if (port_news(port) && ports->settings.changed)
		ports->settings.changed(&port->state, ports->settings.arg);
}

static void again_at(struct ports *ports, uint64_t delay_ns)
{
	uint64_t at_ns = loop_now_ns() + delay_ns;

	if (!ports->again.loop || ports->again.at_ns > at_ns)
		loop_timer_arm(ports->loop, &ports->again, at_ns);	/* fails only when the loop is out of timers */
}

/* ---- on and off ---- */

static void put_on(struct ports *ports, struct port *port, bool physical)
{
	if (port_put_on(port, &ports->attach, physical)) {
		ports->counters.failed++;
		again_at(ports, PORTS_RETRY_NS);
	} else {
		ports->counters.attached++;
	}
}

/* First the programs, then the table: no frame is ever of an unknown port. */
static void take_off(struct ports *ports, struct port *port, const char *why)
{
	uint32_t ifindex = port->state.ifindex;

	port_take_off(port, &ports->attach, why);
	porttab_clear(ports->tab, ifindex);
}

/* The interface of @port is called @name now: where that is a port too, it moves there with what is attached. */
static void move(struct ports *ports, struct port *port, const char *name)
{
	struct port_wish wish = {};
	struct port *to = ports->settings.want(name, &wish, ports->settings.arg) ? port_of(ports, name) : NULL;

	if (to && to->state.ifindex) {
		take_off(ports, to, "interface was replaced");
		ports->dump = true;	/* what became of it may not have been heard yet */
	}
	if (!to || port_move(port, to, &ports->attach))
		take_off(ports, port, "interface was renamed");
	tell(ports, port);
}

/* ---- what the kernel says ---- */

static void iface_gone(struct ports *ports, uint32_t ifindex)
{
	struct port *port = by_ifindex(ports, ifindex);

	if (!ifindex || !port)
		return;
	take_off(ports, port, "no such interface");
	tell(ports, port);
}

/* An interface as it is now: new, renamed, changed, or as it was. @force: attach also where all is as it was. */
static void iface_here(struct ports *ports, const struct iface *iface, bool force)
{
	struct port_wish wish = {};
	struct port *port = by_ifindex(ports, iface->ifindex);
	bool same;
	uint16_t flags;

	if (port && strcmp(port->state.name, iface->name)) {
		move(ports, port, iface->name);
		force = true;
	}
	if (!ports->settings.want(iface->name, &wish, ports->settings.arg)) {
		port = by_name(ports, iface->name);
		if (port) {
			take_off(ports, port, "not wanted");
			port->state.wanted = 0;
			tell(ports, port);
		}
		return;
	}
	port = port_of(ports, iface->name);
	if (!port)
		return;
	if (port->state.ifindex && port->state.ifindex != iface->ifindex) {
		ports->dump = true;
		take_off(ports, port, "interface was replaced");
	}
	flags = (iface_raw_ip(iface) ? PORT_RAW_IP : 0) | (wish.mirror ? PORT_MIRROR : 0);
	/* Half attached counts: what was refused is tried again by the timer, not at each event. */
	same = port->state.ifindex && port_attached(port) && port->state.hook == wish.hook && port->state.flags == flags;
	/* The XDP program that was in the way went, or another came. */
	if (port->at.rx != ATTACHED_XDP && port->at.rx != ATTACHED_XDP_GENERIC) {
		same = same && (port_complete(port) || port->state.foreign_xdp == iface->xdp_prog_id);
		port->state.foreign_xdp = iface->xdp_prog_id;
	}

	port->state.wanted = 1;
	port->state.ifindex = iface->ifindex;
	port->state.flags = flags;
	port->state.link_type = iface->type;
	port->state.up = iface->up;
	port->state.hook = (uint8_t)wish.hook;
	port->state.mtu = iface->mtu;
	memcpy(port->state.mac, iface->mac, sizeof(port->state.mac));
	memcpy(port->state.role, wish.role, sizeof(port->state.role));
	if (!same || force) {
		/* First the table, then the programs: no frame is ever of an unknown port. */
		if (porttab_set(ports->tab, iface->ifindex, port->state.port, flags)) {
			refuse(ports, &ports->counters.no_place, iface->name);
			take_off(ports, port, "no free place in the port table for its ifindex");
		} else {
			put_on(ports, port, iface_physical(iface));
		}
	}
	tell(ports, port);
}

/* A name without an interface: of an earlier run, or expected. */
static void not_here(struct ports *ports, struct port *port)
{
	struct port_wish wish = {};
	bool was_wanted = port->state.wanted;

	if (!port->state.name[0] || port->state.ifindex)
		return;
	port->state.wanted = ports->settings.want(port->state.name, &wish, ports->settings.arg);
	if (port->state.wanted) {
		port->state.hook = (uint8_t)wish.hook;
		memcpy(port->state.role, wish.role, sizeof(port->state.role));
		if (!was_wanted || !port->state.reason[0])
			snprintf(port->state.reason, sizeof(port->state.reason), "no such interface");
	}
	tell(ports, port);
}

/* ---- everything at once ---- */

static bool is_bound(uint32_t ifindex, void *arg)
{
	return by_ifindex(arg, ifindex);
}

static bool is_attached(const char *name, void *arg)
{
	struct port *port = by_name(arg, name);

	return port && port->state.ifindex;
}

/* What an earlier run attached where this one wants nothing: its pins, places and filters. */
static void sweep_leftovers(struct ports *ports, const struct iface *list, size_t count)
{
	attach_prune(&ports->attach, is_attached, ports);
	for (size_t i = 0; i < count; i++) {
		struct attachment none = ATTACHMENT_NONE;
		struct attach_port asked = { .ifindex = list[i].ifindex };

		if (by_ifindex(ports, asked.ifindex))
			continue;
		memcpy(asked.name, list[i].name, sizeof(asked.name));
		attach_remove(&none, &ports->attach, &asked);
	}
	porttab_keep(ports->tab, is_bound, ports);
}

static int look_at_all(struct ports *ports, bool force)
{
	_cleanup_free_ struct iface *list = NULL;
	size_t count;
	int err;

	ports->hint_count = 0;
	ports->counters.dumps++;
	err = iface_list(ports->attach.nl, &list, &count);
	if (err) {
		ports->dump = true;
		again_at(ports, SOON_NS);
		return err;
	}
	for (int i = 0; i < PORTS_MAX; i++)
		ports->port[i].seen = false;
	for (size_t i = 0; i < count; i++) {
		struct port *port = by_ifindex(ports, list[i].ifindex);

		if (port)
			port->seen = true;
	}
	for (int i = 0; i < PORTS_MAX; i++)
		if (!ports->port[i].seen)
			iface_gone(ports, ports->port[i].state.ifindex);
	for (size_t i = 0; i < count; i++)
		iface_here(ports, &list[i], force);
	for (int i = 0; i < PORTS_MAX; i++)
		not_here(ports, &ports->port[i]);
	if (!ports->swept)
		sweep_leftovers(ports, list, count);
	ports->swept = true;
	ports->dump = false;	/* also where a name went from one interface to another: both were looked at */
	return 0;
}

/* ---- piece by piece ---- */

static void hint(struct ports *ports, uint32_t ifindex)
{
	for (unsigned int i = 0; i < ports->hint_count; i++)
		if (ports->hints[i] == ifindex)
			return;
	if (ports->hint_count == HINTS_MAX)
		ports->dump = true;
	else
		ports->hints[ports->hint_count++] = ifindex;
}

static void heard_link(uint32_t ifindex, void *arg)
{
	struct ports *ports = arg;

	ports->counters.events++;
	hint(ports, ifindex);
}

/* Perhaps it was ours: put_on() will see. A second between, so as not to race with who takes it away each time. */
static void heard_tc_gone(uint32_t ifindex, void *arg)
{
	struct ports *ports = arg;
	struct port *port = by_ifindex(ports, ifindex);

	if (!port || (port->at.rx != ATTACHED_CLSACT && port->at.tx != ATTACHED_CLSACT))
		return;
	port->lost = true;
	again_at(ports, SOON_NS);
}

/* Asks what became of one interface. */
static void look_at(struct ports *ports, uint32_t ifindex, bool force)
{
	struct iface iface;
	int err = iface_get(ports->attach.nl, ifindex, &iface);

	if (!err)
		iface_here(ports, &iface, force);
	else if (err == -ENODEV)
		iface_gone(ports, ifindex);
	else
		ports->dump = true;
}

static void look_at_hints(struct ports *ports)
{
	uint32_t hints[HINTS_MAX];
	unsigned int count = ports->hint_count;

	memcpy(hints, ports->hints, sizeof(hints));
	ports->hint_count = 0;
	for (unsigned int i = 0; i < count && !ports->dump; i++)
		look_at(ports, hints[i], false);
	if (ports->dump)
		look_at_all(ports, false);	/* where it fails it is tried again */
}

static void heard_settled(bool overrun, void *arg)
{
	struct ports *ports = arg;

	if (overrun) {
		ports->counters.overruns++;
		ports->dump = true;
	}
	look_at_hints(ports);
}

static void again_due(struct loop_timer *timer)
{
	struct ports *ports = container_of(timer, struct ports, again);

	for (int i = 0; i < PORTS_MAX; i++) {
		const struct port *port = &ports->port[i];

		if (port->state.ifindex && (port->lost || !port_complete(port)))
			look_at(ports, port->state.ifindex, true);
	}
	look_at_hints(ports);
}

/* ---- the whole ---- */

static void set_programs(struct ports *ports, int rx_xdp_fd, int rx_tc_fd, int tx_tc_fd)
{
	ports->attach.rx_xdp_fd = rx_xdp_fd;
	ports->attach.rx_tc_fd = rx_tc_fd;
	ports->attach.tx_tc_fd = tx_tc_fd;
}

static int load_names(struct ports *ports)
{
	for (unsigned int i = 0; i < PORTS_MAX; i++) {
		struct port_state *state = &ports->port[i].state;
		int err = porttab_name(ports->tab, i, state->name);

		if (err)
			return err;
	}
	return 0;
}

static int start(struct ports *ports, const struct ports_settings *settings)
{
	const struct ifwatch_calls calls = {
		.link = heard_link, .tc_gone = heard_tc_gone, .settled = heard_settled, .arg = ports,
	};
	int err;

	err = porttab_open(&ports->tab, settings->ports_fd, settings->port_names_fd);
	if (!err)
		err = load_names(ports);
	if (!err)
		err = netlink_open(&ports->attach.nl, NETLINK_ROUTE);
	if (!err)
		err = ifwatch_open(&ports->watch, ports->loop, &calls);	/* before the dump: what changes after it is heard */
	if (!err)
		err = look_at_all(ports, false);
	return err;
}

int ports_new(struct ports **ret_ports, struct loop *loop, const struct ports_settings *settings)
{
	struct ports *ports = calloc(1, sizeof(*ports));
	int err;

	if (!ports)
		return -ENOMEM;
	for (unsigned int i = 0; i < PORTS_MAX; i++)
		port_init(&ports->port[i], i);
	ports->loop = loop;
	ports->settings = *settings;
	ports->attach.pin_dir = settings->pin_dir;
	ports->attach.no_tcx = settings->no_tcx;
	set_programs(ports, settings->rx_xdp_fd, settings->rx_tc_fd, settings->tx_tc_fd);
	ports->again.due = again_due;
	err = start(ports, settings);
	if (err) {
		ports_free(ports);
		return err;
	}
	*ret_ports = ports;
	return 0;
}

static void stop_watching(struct ports *ports)
{
	loop_timer_stop(&ports->again);
	ports->watch = ifwatch_close(ports->watch);
}

struct ports *ports_free(struct ports *ports)
{
	if (!ports)
		return NULL;
	stop_watching(ports);
	for (int i = 0; ports->tab && i < PORTS_MAX; i++) {
		if (!ports->settings.pin_dir)
			take_off(ports, &ports->port[i], "");
		attach_leave(&ports->port[i].at);
	}
	netlink_close(ports->attach.nl);
	porttab_close(ports->tab);
	free(ports);
	return NULL;
}

int ports_expect(struct ports *ports, const char *name)
{
	struct port *port;

	if (!name[0] || strlen(name) >= IFNAMSIZ)
		return -EINVAL;
	port = port_of(ports, name);
	if (!port)
		return -ENOSPC;
	not_here(ports, port);
	return 0;
}

int ports_reload(struct ports *ports)
{
	return look_at_all(ports, false);
}

int ports_swap(struct ports *ports, int rx_xdp_fd, int rx_tc_fd, int tx_tc_fd)
{
	set_programs(ports, rx_xdp_fd, rx_tc_fd, tx_tc_fd);
	return look_at_all(ports, true);
}

void ports_detach(struct ports *ports)
{
	stop_watching(ports);
	for (int i = 0; i < PORTS_MAX; i++) {
		if (!ports->port[i].state.ifindex)
			continue;
		take_off(ports, &ports->port[i], "detached");
		tell(ports, &ports->port[i]);
	}
}

const struct port_state *ports_state(const struct ports *ports, unsigned int port)
{
	return port < PORTS_MAX && ports->port[port].state.name[0] ? &ports->port[port].state : NULL;
}

const struct ports_counters *ports_counters(const struct ports *ports)
{
	return &ports->counters;
}
