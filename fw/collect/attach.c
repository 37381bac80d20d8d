/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "base/writer.h"
#include "collect/clsact.h"
#include "collect/pins.h"

/* Younger than Debian 12's linux/bpf.h: Linux 6.6 */
#define TCX_INGRESS	((enum bpf_attach_type)46)
#define TCX_EGRESS	((enum bpf_attach_type)47)
#define TCX_BEFORE	(1u << 3)	/* BPF_F_BEFORE, of none in particular: in front of all */
#define LINK_TYPE_TCX	11

const char *const attached_names[] = { "none", "xdp", "xdp-generic", "tcx", "clsact" };
const char *const attach_hook_names[] = { "auto", "xdp", "xdp-generic", "tc" };

static const struct {
	const char *suffix;
	enum bpf_attach_type type;
	uint32_t link_type;
} links[ATTACH_LINKS] = {
	[ATTACH_LINK_XDP] = { "-xdp", BPF_XDP, BPF_LINK_TYPE_XDP },
	[ATTACH_LINK_RX] = { "-rx", TCX_INGRESS, LINK_TYPE_TCX },
	[ATTACH_LINK_TX] = { "-tx", TCX_EGRESS, LINK_TYPE_TCX },
};

/* One call of attach_open(). */
struct attaching {
	struct attachment *at;
	const struct attach_settings *settings;
	const struct attach_port *port;
	struct writer reason;
	bool rx_was_there, tx_was_there;
};

int attach_hook_parse(const char *text, enum attach_hook *ret_hook)
{
	for (size_t i = 0; i < ARRAY_SIZE(attach_hook_names); i++)
		if (!strcmp(text, attach_hook_names[i])) {
			*ret_hook = (enum attach_hook)i;
			return 0;
		}
	return -EINVAL;
}

__attribute__((format(printf, 2, 3)))
static void say(struct attaching *a, const char *format, ...)
{
	char text[ATTACH_REASON_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	writer_format(&a->reason, "%s%s", a->reason.len ? "; " : "", text);
}

/* ---- links ---- */

static int pin_path(char path[PATH_MAX], const struct attach_settings *settings, const char *port, enum attach_link which)
{
	return pins_path(path, settings->pin_dir, PINS_LINKS, port, links[which].suffix);
}

/* The last reference goes, and with it the link. */
static void link_drop(struct attachment *at, const struct attach_settings *settings, const char *port,
		      enum attach_link which)
{
	char path[PATH_MAX];

	if (settings->pin_dir && !pin_path(path, settings, port, which))
		unlink(path);
	if (at->link_fd[which] >= 0)
		close(at->link_fd[which]);
	at->link_fd[which] = -1;
}

/* Finds what an earlier run pinned; drops what does not sit on this interface any more. */
static void link_find(struct attaching *a, enum attach_link which)
{
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);
	char path[PATH_MAX];
	int *fd = &a->at->link_fd[which];

	if (*fd < 0 && a->settings->pin_dir && !pin_path(path, a->settings, a->port->name, which))
		*fd = bpf_obj_get(path);
	if (*fd < 0) {
		*fd = -1;
		return;
	}
	/* The TCX part of the union begins as the XDP part does: with the ifindex, 0 after a detach. */
	if (bpf_obj_get_info_by_fd(*fd, &info, &size) || info.type != links[which].link_type ||
	    info.xdp.ifindex != a->port->ifindex)
		link_drop(a->at, a->settings, a->port->name, which);
}

/* Updates the link that is there, or makes and pins one. */
static int link_put(struct attaching *a, enum attach_link which, int prog_fd, uint32_t flags, bool *ret_was_there)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	char path[PATH_MAX];
	int fd, err;

	*ret_was_there = a->at->link_fd[which] >= 0;
	if (*ret_was_there) {
		if (!bpf_link_update(a->at->link_fd[which], prog_fd, NULL))
			return 0;
		link_drop(a->at, a->settings, a->port->name, which);
		*ret_was_there = false;
	}
	fd = bpf_link_create(prog_fd, (int)a->port->ifindex, links[which].type, &opts);
	if (fd < 0)
		return -errno;
	if (a->settings->pin_dir) {
		err = pin_path(path, a->settings, a->port->name, which);
		if (!err && bpf_obj_pin(fd, path))
			err = -errno;
		if (err) {
			close(fd);
			say(a, "cannot pin link in %s: %s", a->settings->pin_dir, strerror(-err));
			return err;
		}
	}
	a->at->link_fd[which] = fd;
	return 0;
}

/* ---- XDP ---- */

/* Id of the XDP program on @ifindex, and how it is attached (XDP_ATTACHED_*); 0: none. */
static uint32_t xdp_look(uint32_t ifindex, uint8_t *ret_mode)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	*ret_mode = XDP_ATTACHED_NONE;
	if (bpf_xdp_query((int)ifindex, 0, &query))
		return 0;
	*ret_mode = query.attach_mode;
	return query.prog_id ? query.prog_id : query.drv_prog_id ? query.drv_prog_id :
	       query.skb_prog_id ? query.skb_prog_id : query.hw_prog_id;
}

static int xdp_put(struct attaching *a, enum attached as)
{
	const char *asked = attach_hook_names[a->port->hook];
	bool generic = as == ATTACHED_XDP_GENERIC;
	uint8_t mode;
	uint32_t other;
	int err;

	if (a->port->raw_ip) {
		say(a, "hook = %s is impossible: frames have no Ethernet header", asked);
		return -EOPNOTSUPP;
	}
	other = xdp_look(a->port->ifindex, &mode);
	if (a->at->link_fd[ATTACH_LINK_XDP] >= 0 && mode != (generic ? XDP_ATTACHED_SKB : XDP_ATTACHED_DRV)) {
		link_drop(a->at, a->settings, a->port->name, ATTACH_LINK_XDP);
		other = 0;
	}
	if (a->at->link_fd[ATTACH_LINK_XDP] < 0 && other) {
		say(a, "XDP program %u of someone else is on it and left alone%s", other,
		    a->port->hook == ATTACH_AUTO ? "; TC used" : "");
		return -EBUSY;
	}
	err = link_put(a, ATTACH_LINK_XDP, a->settings->rx_xdp_fd, generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE,
		       &a->rx_was_there);
	if (!err)
		a->at->rx = as;
	else if (err == -EOPNOTSUPP && !generic)
		say(a, "its driver has no native XDP%s", a->port->hook == ATTACH_AUTO ? "; TC used" : "");
	else
		say(a, "%s XDP refused: %s%s", generic ? "generic" : "native", strerror(-err),
		    a->port->hook == ATTACH_AUTO ? "; TC used" : "");
	return err;
}

/* ---- TC ---- */

static int tc_put(struct attaching *a, enum clsact_side side)
{
	enum attach_link which = side == CLSACT_INGRESS ? ATTACH_LINK_RX : ATTACH_LINK_TX;
	int prog_fd = side == CLSACT_INGRESS ? a->settings->rx_tc_fd : a->settings->tx_tc_fd;
	bool *was_there = side == CLSACT_INGRESS ? &a->rx_was_there : &a->tx_was_there;
	enum attached *as = side == CLSACT_INGRESS ? &a->at->rx : &a->at->tx;
	int err = -EINVAL;

	if (!a->settings->no_tcx)
		err = link_put(a, which, prog_fd, TCX_BEFORE, was_there);
	if (!err) {
		*as = ATTACHED_TCX;
		return 0;
	}
	if (err != -EINVAL) {
		say(a, "TCX %s refused: %s", side == CLSACT_INGRESS ? "ingress" : "egress", strerror(-err));
		return err;
	}
	/* A kernel before 6.6 does not know the attach type. */
	err = clsact_put(a->settings->nl, a->port->ifindex, side, prog_fd, was_there);
	if (!err)
		*as = ATTACHED_CLSACT;
	else if (err == -EEXIST)
		say(a, "clsact %s refused: another qdisc or filter is in its place and left alone",
		    side == CLSACT_INGRESS ? "ingress" : "egress");
	else
		say(a, "clsact %s refused: %s", side == CLSACT_INGRESS ? "ingress" : "egress", strerror(-err));
	return err;
}

/* ---- a port ---- */

static int rx_put(struct attaching *a)
{
	a->at->rx = ATTACHED_NONE;
	switch (a->port->hook) {
	case ATTACH_XDP:
		return xdp_put(a, ATTACHED_XDP);
	case ATTACH_XDP_GENERIC:
		return xdp_put(a, ATTACHED_XDP_GENERIC);
	case ATTACH_AUTO:
		if (a->port->physical && !a->port->raw_ip && !xdp_put(a, ATTACHED_XDP))
			return 0;
		return tc_put(a, CLSACT_INGRESS);
	case ATTACH_TC:
		return tc_put(a, CLSACT_INGRESS);
	}
	return -EINVAL;
}

/* Takes off what an earlier run or an earlier wish left at hooks that are not used now: after the new one is on, so
 * that no frame is missed (a few may be counted twice while a port changes hooks, never while it keeps its hook). */
static void drop_others(struct attaching *a)
{
	struct attachment *at = a->at;

	if (at->rx != ATTACHED_XDP && at->rx != ATTACHED_XDP_GENERIC)
		link_drop(at, a->settings, a->port->name, ATTACH_LINK_XDP);
	if (at->rx != ATTACHED_TCX)
		link_drop(at, a->settings, a->port->name, ATTACH_LINK_RX);
	if (at->tx != ATTACHED_TCX)
		link_drop(at, a->settings, a->port->name, ATTACH_LINK_TX);
	if (at->rx != ATTACHED_CLSACT)
		clsact_remove(a->settings->nl, a->port->ifindex, CLSACT_INGRESS);
	if (at->tx != ATTACHED_CLSACT)
		clsact_remove(a->settings->nl, a->port->ifindex, CLSACT_EGRESS);
}

static uint32_t tcx_programs(uint32_t ifindex, enum bpf_attach_type type)
{
	LIBBPF_OPTS(bpf_prog_query_opts, query);

	return bpf_prog_query_opts((int)ifindex, type, &query) ? 0 : query.prog_cnt;
}

static void count_foreign(struct attaching *a)
{
	struct attachment *at = a->at;
	struct clsact_seen seen;
	uint8_t mode;
	uint32_t xdp = xdp_look(a->port->ifindex, &mode), tcx = tcx_programs(a->port->ifindex, TCX_INGRESS) +
								tcx_programs(a->port->ifindex, TCX_EGRESS);
	uint32_t ours = (at->rx == ATTACHED_TCX) + (at->tx == ATTACHED_TCX);

	at->foreign_xdp = at->link_fd[ATTACH_LINK_XDP] < 0 ? xdp : 0;
	at->foreign_tc = tcx > ours ? tcx - ours : 0;
	if (!clsact_look(a->settings->nl, a->port->ifindex, &seen))
		at->foreign_tc += seen.foreign;
}

int attach_open(struct attachment *at, const struct attach_settings *settings, const struct attach_port *port)
{
	struct attaching a = { .at = at, .settings = settings, .port = port, .reason = WRITER(at->reason) };
	int rx_err, tx_err;

	a.reason.size--;	/* room for the NUL */
	for (int which = 0; which < ATTACH_LINKS; which++)
		link_find(&a, which);
	rx_err = rx_put(&a);
	at->tx = ATTACHED_NONE;
	tx_err = tc_put(&a, CLSACT_EGRESS);
	drop_others(&a);
	count_foreign(&a);
	at->taken_over = !rx_err && !tx_err && a.rx_was_there && a.tx_was_there;
	at->reason[a.reason.len] = 0;
	return rx_err ? rx_err : tx_err;
}

void attach_remove(struct attachment *at, const struct attach_settings *settings, const struct attach_port *port)
{
	for (int which = 0; which < ATTACH_LINKS; which++)
		link_drop(at, settings, port->name, which);
	/* Fails where the interface is gone or the rights are: in both cases there is nothing more to be done. */
	for (int side = 0; side < CLSACT_SIDES; side++)
		clsact_remove(settings->nl, port->ifindex, side);
	*at = (struct attachment)ATTACHMENT_NONE;
}

void attach_leave(struct attachment *at)
{
	for (int which = 0; which < ATTACH_LINKS; which++)
		if (at->link_fd[which] >= 0)
			close(at->link_fd[which]);
	*at = (struct attachment)ATTACHMENT_NONE;
}

int attach_rename(const struct attach_settings *settings, const char *old_name, const char *new_name)
{
	char from[PATH_MAX], to[PATH_MAX];
	int err = 0;

	for (int which = 0; which < ATTACH_LINKS && settings->pin_dir; which++) {
		int one = pin_path(from, settings, old_name, which);

		if (!one)
			one = pin_path(to, settings, new_name, which);
		if (!one && rename(from, to) && errno != ENOENT)
			one = -errno;
		err = err ? err : one;
	}
	return err;
}

/* Name of a port from the name of its pin. */
static bool pin_port(const char *pin, char port[IFNAMSIZ])
{
	for (int which = 0; which < ATTACH_LINKS; which++) {
		size_t len = strlen(pin), tail = strlen(links[which].suffix);

		if (len <= tail || len - tail >= IFNAMSIZ || strcmp(pin + len - tail, links[which].suffix))
			continue;
		for (size_t i = 0; i < len - tail; i++)
			port[i] = pin[i] == ':' ? '.' : pin[i];
		port[len - tail] = 0;
		return true;
	}
	return false;
}

int attach_prune(const struct attach_settings *settings, bool (*keep)(const char *name, void *arg), void *arg)
{
	char path[PATH_MAX], port[IFNAMSIZ];
	struct dirent *entry;
	int err;
	DIR *dir;

	if (!settings->pin_dir)
		return 0;
	err = pins_path(path, settings->pin_dir, PINS_LINKS, "", "");
	if (err)
		return err;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir)))
		if (pin_port(entry->d_name, port) && !keep(port, arg) && unlinkat(dirfd(dir), entry->d_name, 0))
			err = -errno;
	closedir(dir);
	return err;
}
