/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hello_ref - the same answer as bpf/hello.h, found the plain way: join the records, then read the message through a
 * bounded cursor. Not resumable; knows nothing of segments. For tests only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct hello_ref {
	bool ok;		/* a whole, well-formed ClientHello */
	const uint8_t *sni, *alpn;
	size_t sni_len, alpn_len;	/* 0: none; alpn_len is not limited */
	uint8_t msg[70000];
};

struct ref_cursor {
	const uint8_t *at, *end;
	bool bad;
};

static inline const uint8_t *ref_bytes(struct ref_cursor *c, size_t len)
{
	const uint8_t *at = c->at;

	if (c->bad || (size_t)(c->end - c->at) < len) {
		c->bad = true;
		return NULL;
	}
	c->at += len;
	return at;
}

static inline size_t ref_uint(struct ref_cursor *c, int size)
{
	const uint8_t *p = ref_bytes(c, size);
	size_t v = 0;

	for (int i = 0; p && i < size; i++)
		v = v << 8 | p[i];
	return v;
}

/* A vector with a length of @size bytes in front; an empty one when that does not fit. */
static inline struct ref_cursor ref_vector(struct ref_cursor *c, int size)
{
	size_t len = ref_uint(c, size);
	const uint8_t *p = ref_bytes(c, len);

	return p ? (struct ref_cursor){ p, p + len, false } : (struct ref_cursor){ NULL, NULL, true };
}

static inline size_t ref_left(const struct ref_cursor *c)
{
	return c->end - c->at;
}

/* Joins the handshake bytes of the records at the front of @data; returns how many there are. */
static inline size_t ref_join(uint8_t *msg, size_t max, const uint8_t *data, size_t len)
{
	size_t n = 0;

	while (len >= 5 && data[0] == 0x16 && data[1] == 3) {
		size_t rec = data[3] << 8 | data[4], here;

		if (rec == 0 || rec > 16384)
			break;
		here = rec < len - 5 ? rec : len - 5;
		if (here > max - n)
			break;
		memcpy(msg + n, data + 5, here);
		n += here;
		data += 5 + here;
		len -= 5 + here;
	}
	return n;
}

static inline bool ref_sni(struct hello_ref *r, struct ref_cursor body)
{
	struct ref_cursor list, name;
	size_t type;

	if (ref_left(&body) < 5 || r->sni_len)
		return true;
	list = ref_vector(&body, 2);
	type = ref_uint(&list, 1);
	name = ref_vector(&list, 2);
	if (list.bad || name.bad || ref_left(&body) != 0)
		return false;
	if (type == 0) {
		r->sni = name.at;
		r->sni_len = ref_left(&name);
	}
	return true;
}

static inline bool ref_alpn(struct hello_ref *r, struct ref_cursor body)
{
	struct ref_cursor list;

	if (ref_left(&body) < 2 || r->alpn_len)
		return true;
	list = ref_vector(&body, 2);
	if (list.bad || ref_left(&body) != 0)
		return false;
	r->alpn = list.at;
	r->alpn_len = ref_left(&list);
	return true;
}

/* Fills @r. With both names there it stops, as the walk does: what comes behind is not judged. */
static inline void hello_ref(struct hello_ref *r, const uint8_t *data, size_t len)
{
	struct ref_cursor all, msg, exts;

	r->ok = false;
	r->sni_len = r->alpn_len = 0;
	all.at = r->msg;
	all.end = r->msg + ref_join(r->msg, sizeof(r->msg), data, len);
	all.bad = false;

	if (ref_uint(&all, 1) != 1)
		return;
	msg = ref_vector(&all, 3);
	if (ref_uint(&msg, 1) != 3)
		return;
	ref_bytes(&msg, 1 + 32);
	if (msg.bad || ref_left(&msg) < 1 || *msg.at > 32)
		return;
	ref_vector(&msg, 1);
	ref_vector(&msg, 2);
	ref_vector(&msg, 1);
	if (msg.bad)
		return;
	if (ref_left(&msg) > 0) {
		exts = ref_vector(&msg, 2);
		if (exts.bad || ref_left(&msg) > 0)
			return;
		while (ref_left(&exts) > 0 && !(r->sni_len > 0 && r->sni_len <= 255 && r->alpn_len)) {
			size_t type = ref_uint(&exts, 2);
			struct ref_cursor body = ref_vector(&exts, 2);

			if (exts.bad || (type == 0 && !ref_sni(r, body)) || (type == 16 && !ref_alpn(r, body)))
				return;
		}
	}
	r->ok = true;
}

/* Length of the first names of an ALPN list that fit into @max bytes. */
static inline size_t hello_ref_alpn_kept(const struct hello_ref *r, size_t max)
{
	size_t at = 0;

	if (r->alpn_len <= max)
		return r->alpn_len;
	while (at < max && at + 1 + r->alpn[at] <= max)
		at += 1 + r->alpn[at];
	return at;
}
