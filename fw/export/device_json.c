/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export/device_json.h"

#include <arpa/inet.h>
#include <string.h>

#include "export/text.h"

/* @name: with its quotes and colon. The comma is left out behind a brace; no value ends in one. */
static void key(struct writer *w, const char *name)
{
	if (w->len && w->buf[w->len - 1] != '{')
		writer_char(w, ',');
	writer_text(w, name);
}

static void text(struct writer *w, const char *name, const char *value)
{
	if (!value || !value[0])
		return;
	key(w, name);
	text_json(w, value, strlen(value));
}

/* Any bytes as a text. */
static void any(struct writer *w, const char *name, const uint8_t *value, size_t len)
{
	if (!len)
		return;
	key(w, name);
	text_json(w, value, len);
}

/* And in hexadecimal, where the text has lost some. */
static void any_hex(struct writer *w, const char *name, const uint8_t *value, size_t len)
{
	if (text_is_utf8(value, len))
		return;
	key(w, name);
	writer_char(w, '"');
	writer_hex(w, value, len, 0);
	writer_char(w, '"');
}

static void date(struct writer *w, const char *name, uint64_t us)
{
	if (us >= TEXT_TIME_END_US)
		return;
	key(w, name);
	writer_char(w, '"');
	text_time(w, us);
	writer_char(w, '"');
}

static void ip(struct writer *w, const uint32_t addr[4])
{
	bool v4 = !addr[0] && !addr[1] && addr[2] == htonl(0xffff);

	writer_char(w, '"');
	text_ip(w, addr, v4 ? 4 : 6);
	writer_char(w, '"');
}

/* "1,3,6,15", as lists of fingerprints have them. */
static void parameters(struct writer *w, const uint8_t *value, size_t len)
{
	if (!len)
		return;
	key(w, "\"dhcp_parameters\":\"");
	for (size_t i = 0; i < len; i++) {
		if (i)
			writer_char(w, ',');
		writer_u64(w, value[i]);
	}
	writer_char(w, '"');
}

static void host(struct writer *w, const struct device_record *r)
{
	writer_text(w, "\"host\":{\"mac\":\"");
	text_mac(w, r->mac);
	writer_text(w, "\",\"ip\":[");
	for (size_t i = 0; i < r->addresses; i++) {
		if (i)
			writer_char(w, ',');
		ip(w, r->address[i].addr);
	}
	writer_char(w, ']');
	any(w, "\"name\":", r->name, r->name_len);
	writer_char(w, '}');
}

static void observer(struct writer *w, const struct device_record *r)
{
	bool has_interface = r->interface && r->interface[0];

	if (!has_interface && !r->vlan)
		return;
	key(w, "\"observer\":{");
	if (has_interface) {
		text(w, "\"interface\":{\"name\":", r->interface);
		writer_char(w, '}');
	}
	if (r->vlan) {
		key(w, "\"vlan\":{\"id\":\"");
		writer_u64(w, r->vlan);
		writer_text(w, "\"}");
	}
	writer_char(w, '}');
}

static void addresses(struct writer *w, const struct device_record *r)
{
	key(w, "\"addresses\":[");
	for (size_t i = 0; i < r->addresses; i++) {
		writer_text(w, i ? ",{\"ip\":" : "{\"ip\":");
		ip(w, r->address[i].addr);
		text(w, "\"source\":", r->address[i].source);
		date(w, "\"last_seen\":", r->address[i].last_us);
		writer_char(w, '}');
	}
	writer_char(w, ']');
}

void device_json(struct writer *w, const struct device_record *r)
{
	writer_char(w, '{');
	host(w, r);
	observer(w, r);
	writer_text(w, ",\"weir\":{\"device\":{");
	text(w, "\"vendor\":", r->vendor);
	text(w, "\"name_source\":", r->name_len ? r->name_source : NULL);
	any_hex(w, "\"name_hex\":", r->name, r->name_len);
	any(w, "\"vendor_class\":", r->vendor_class, r->vendor_class_len);
	any_hex(w, "\"vendor_class_hex\":", r->vendor_class, r->vendor_class_len);
	parameters(w, r->parameters, r->parameters_len);
	date(w, "\"first_seen\":", r->first_us);
	date(w, "\"last_seen\":", r->last_us);
	key(w, "\"locally_administered\":");
	writer_text(w, r->locally_administered ? "true" : "false");
	addresses(w, r);
	writer_text(w, "}}}");
}
