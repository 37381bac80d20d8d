/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/port.h"

#include <stdio.h>
#include <string.h>

void port_init(struct port *port, unsigned int index)
{
	*port = (struct port){ .at = ATTACHMENT_NONE, .state.port = (uint16_t)index, .told.port = (uint16_t)index };
}

bool port_attached(const struct port *port)
{
	return port->at.rx != ATTACHED_NONE || port->at.tx != ATTACHED_NONE;
}

bool port_complete(const struct port *port)
{
	return port->at.rx != ATTACHED_NONE && port->at.tx != ATTACHED_NONE;
}

bool port_news(struct port *port)
{
	if (!memcmp(&port->state, &port->told, sizeof(port->state)))
		return false;
	port->told = port->state;
	return true;
}

static struct attach_port asked(const struct port *port, bool physical)
{
	struct attach_port asked = {
		.ifindex = port->state.ifindex,
		.hook = (enum attach_hook)port->state.hook,
		.physical = physical,
		.raw_ip = port->state.flags & PORT_RAW_IP,
	};

	memcpy(asked.name, port->state.name, sizeof(asked.name));
	return asked;
}

static void show_attachment(struct port *port)
{
	port->state.rx = (uint8_t)port->at.rx;
	port->state.tx = (uint8_t)port->at.tx;
	port->state.taken_over = port->at.taken_over;
	port->state.foreign_xdp = port->at.foreign_xdp;
	port->state.foreign_tc = port->at.foreign_tc;
	memcpy(port->state.reason, port->at.reason, sizeof(port->state.reason));
}

int port_put_on(struct port *port, const struct attach_settings *settings, bool physical)
{
	const struct attach_port ask = asked(port, physical);
	int err = attach_open(&port->at, settings, &ask);

	port->lost = false;
	if (!err)
		port->state.attach_count++;
	show_attachment(port);
	return err;
}

static void without_interface(struct port *port)
{
	port->lost = false;
	port->state.ifindex = 0;
	port->state.up = 0;
	show_attachment(port);
}

void port_take_off(struct port *port, const struct attach_settings *settings, const char *why)
{
	const struct attach_port ask = asked(port, false);

	if (port->state.ifindex) {
		attach_remove(&port->at, settings, &ask);
		without_interface(port);
	}
	snprintf(port->state.reason, sizeof(port->state.reason), "%s", why);
}

int port_move(struct port *from, struct port *to, const struct attach_settings *settings)
{
	int err = attach_rename(settings, from->state.name, to->state.name);

	if (err)
		return err;
	to->at = from->at;
	to->state.ifindex = from->state.ifindex;
	from->at = (struct attachment)ATTACHMENT_NONE;
	without_interface(from);
	snprintf(from->state.reason, sizeof(from->state.reason), "interface was renamed to %s", to->state.name);
	return 0;
}
