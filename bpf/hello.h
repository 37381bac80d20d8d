/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * hello - resumable walk over a TLS ClientHello: finds SNI (RFC 6066 3) and the ALPN list (RFC 7301 3.1).
 *
 * Pure: no map, no helper, no context. The caller keeps one struct hello per flow and feeds it the client's payload:
 *
 *	hello_begin(h, sequence number of the first payload byte);
 *	for each segment:
 *		for (at = hello_accept(h, seq, len); at < len && h->status == HELLO_MORE; at += buf->len) {
 *			buf->len = min(len - at, HELLO_CHUNK);
 *			copy buf->len bytes of payload from @at on to buf->bytes;
 *			hello_walk(h, buf);
 *		}
 *
 * Segments, chunks and TLS records may end anywhere. The answer is h->status and h->flags; store holds the names,
 * with garbage behind their lengths. Not seen: a name behind the point where both were found, and what is in an
 * encrypted inner hello (ECH). Bytes beyond a gap in the sequence numbers are not kept: HELLO_GAP, and the walk waits.
 *
 * For the verifier all state that outlives a step is in @h, that is in map memory, and each step begins with a
 * compiler barrier: it then knows nothing between steps, all states are equal, and the cost is linear in steps.
 */
#pragma once

#include "bpf/abi.h"

#define HELLO_CHUNK	2048	/* payload bytes a walk takes at once; power of two */
#define HELLO_STEPS	64	/* steps a chunk: a browser's hello takes 15 to 30 */

#define HELLO_TLS_RECORD_MAX	16384	/* RFC 8446 5.1 */

/* Where the next bytes of payload are put. The field reader loads 8 bytes that end where the field ends, the name
 * copier 32 bytes that begin where the name does: hence the slack on both sides. */
struct hello_buf {
	__u32 len;		/* of bytes, at most HELLO_CHUNK */
	__u32 zero;
	__u8 before[8];
	__u8 bytes[HELLO_CHUNK];
	__u8 behind[HELLO_SLACK];
};
_Static_assert(sizeof(struct hello_buf) == 16 + HELLO_CHUNK + HELLO_SLACK, "hello_buf");

#define HELLO_INLINE static inline __attribute__((always_inline))
#ifdef __bpf__
#define HELLO_GLOBAL __attribute__((noinline))	/* a global function is verified once, not once a call */
#else
#define HELLO_GLOBAL static inline
#endif

/* hello.phase: which field comes next, and what it holds. RFC 8446 4.1.2, 4.2 */
enum {
	HELLO_AT_HEAD,		/* 6: message type, its length (3), legacy_version (2) */
	HELLO_AT_SESSION,	/* 1: length of legacy_session_id */
	HELLO_AT_CIPHERS,	/* 2: length of cipher_suites */
	HELLO_AT_COMPRESSION,	/* 1: length of legacy_compression_methods */
	HELLO_AT_EXTENSIONS,	/* 2: length of all extensions */
	HELLO_AT_EXTENSION,	/* 4: type, length */
	HELLO_AT_SNI,		/* 5: list length (2), name type (1), name length (2); then the name */
	HELLO_AT_ALPN,		/* 2: list length; then the list */
	HELLO_AT_END,		/* 0 */
};

#define HELLO_EXT_SNI	0
#define HELLO_EXT_ALPN	16

/* Eight bytes anywhere. BPF is told that they are aligned: else clang makes eight loads of one. */
#ifdef __bpf__
typedef __u64 hello_word __attribute__((may_alias));
#else
typedef __u64 hello_word __attribute__((may_alias, aligned(1)));
#endif

/* The bytes up to @end (1..HELLO_CHUNK) as the low bytes of the result, garbage above: one load for every field size.
 * The barriers keep clang from dropping the masks, which are what shows the verifier that an access is inside. */
HELLO_INLINE __u64 hello_load(const struct hello_buf *buf, __u64 end)
{
	const __u8 *first = buf->before + 1;

	end -= 1;
	__asm__ volatile("" : "+r"(end));
	end &= HELLO_CHUNK - 1;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_bswap64(*(const hello_word *)(first + end));
#else
	return *(const hello_word *)(first + end);
#endif
}

/* HELLO_SLACK bytes from @off on into the store at @to, always all of them: a variable size would be a loop. */
HELLO_INLINE void hello_copy(struct hello *h, const struct hello_buf *buf, __u64 off, __u64 to)
{
	__asm__ volatile("" : "+r"(off), "+r"(to));
	off &= HELLO_CHUNK - 1;
	if (to > HELLO_STORE - HELLO_SLACK)	/* never: for the verifier */
		return;

	const hello_word *src = (const hello_word *)(buf->bytes + off);
	hello_word *dst = (hello_word *)(h->store + to);

	dst[0] = src[0];
	dst[1] = src[1];
	dst[2] = src[2];
	dst[3] = src[3];
}

/* The next field is @need bytes behind @skip bytes, all inside the ClientHello; or that has ended. */
HELLO_INLINE void hello_next(struct hello *h, __u8 phase, __u32 skip, __u32 need)
{
	if (phase >= HELLO_AT_EXTENSIONS && h->left == skip) {
		phase = HELLO_AT_END;
		need = 0;
		if (skip == 0)
			h->status = HELLO_COMPLETE;
	}
	if (skip + need > h->left) {
		h->status = HELLO_BAD;
		return;
	}
	h->left -= skip + need;
	h->phase = phase;
	h->skip = skip;
	h->need = need;
}

/* A field was read: the low bytes of @v. Takes what it says and sets the next field. */
HELLO_INLINE void hello_take(struct hello *h, __u64 v)
{
	__u32 len = v & 0xffff, type = (v >> 16) & 0xffff, list;	/* where most fields have them */
	__u32 skip = 0, need = 4, copy = 0;
	__u8 phase = HELLO_AT_EXTENSION;

	switch (h->phase) {
	case HELLO_AT_HEAD:
		if (((v >> 40) & 0xff) != 1 || (len >> 8) != 3) {
			h->status = HELLO_NOT_HELLO;
			return;
		}
		h->left = (v >> 16) & 0xffffff;
		if (h->left < 2)
			goto bad;
		h->left -= 2;	/* legacy_version: part of the message, already read */
		phase = HELLO_AT_SESSION;
		skip = 32;	/* random */
		need = 1;
		break;
	case HELLO_AT_SESSION:
		phase = HELLO_AT_CIPHERS;
		skip = len & 0xff;
		need = 2;
		if (skip > 32)
			goto bad;
		break;
	case HELLO_AT_CIPHERS:
		phase = HELLO_AT_COMPRESSION;
		skip = len;
		need = 1;
		break;
	case HELLO_AT_COMPRESSION:	/* may be the end: before TLS 1.3 extensions are optional, RFC 5246 7.4.1.2 */
		phase = HELLO_AT_EXTENSIONS;
		skip = len & 0xff;
		need = 2;
		break;
	case HELLO_AT_EXTENSIONS:
		if (len != h->left)
			goto bad;
		break;
	case HELLO_AT_EXTENSION:
		/* One too short for its first length is passed over, as an empty one is. So is a second one of its
		 * type, which RFC 8446 4.2 forbids. */
		if (len > h->left)
			goto bad;
		h->body = len;
		if (type == HELLO_EXT_SNI && len >= 5 && !(h->flags & (HELLO_SNI | HELLO_SNI_CUT))) {
			phase = HELLO_AT_SNI;
			need = 5;
		} else if (type == HELLO_EXT_ALPN && len >= 2 && !(h->flags & HELLO_ALPN)) {
			phase = HELLO_AT_ALPN;
			need = 2;
		} else {
			skip = len;
		}
		break;
	case HELLO_AT_SNI:	/* at most one name of a type, and host_name (0) is the only type there is: RFC 6066 3 */
		list = (v >> 24) & 0xffff;
		type &= 0xff;
		if (list + 2 != h->body || len + 5 > h->body)
			goto bad;
		h->body -= 5;
		skip = h->body;
		if (type == 0 && len > SNI_MAX)
			h->flags |= HELLO_SNI_CUT;
		else if (type == 0)
			h->sni_len = copy = len;
		h->copy_to = 0;
		break;
	case HELLO_AT_ALPN:
		if (len + 2 != h->body)
			goto bad;
		h->body = len;
		if (len > ALPN_MAX)
			h->flags |= HELLO_ALPN_CUT;
		h->alpn_len = copy = len > ALPN_MAX ? ALPN_MAX : len;
		h->copy_to = HELLO_ALPN_AT;
		break;
	case HELLO_AT_END:
		h->status = HELLO_COMPLETE;
		return;
	}
	if (copy == 0) {
		hello_next(h, phase, skip, need);
		return;
	}
	h->left -= copy;
	h->body -= copy;
	h->copy = copy;
	h->slow = 1;
	return;
bad:
	h->status = HELLO_BAD;
}

/* TLS record header, or as much of it as is here: at once, or byte by byte when it is cut. RFC 8446 5.1 */
HELLO_INLINE void hello_step_record(struct hello *h, const struct hello_buf *buf)
{
	__u32 n = h->rec_have == 0 && h->off + 5 <= h->len ? 5 : 1;
	__u64 v = hello_load(buf, h->off + n);
	__u32 len;

	h->off += n;
	h->rec_end = h->off;
	h->rec_have += n;
	if (n == 1)
		v = h->rec_acc << 8 | (v & 0xff);
	h->rec_acc = v;

	/* Type and version are looked at as soon as they are there: most of what is not TLS ends here. */
	v <<= 8 * ((8 - h->rec_have) & 7);
	if (v >> 56 != 0x16 || (h->rec_have > 1 && ((v >> 48) & 0xff) != 3)) {
		h->status = h->phase == HELLO_AT_HEAD && h->slow == 0 ? HELLO_NOT_HELLO : HELLO_BAD;
		return;
	}
	if (h->rec_have < 5)
		return;
	len = h->rec_acc & 0xffff;
	if (len == 0 || len > HELLO_TLS_RECORD_MAX) {
		h->status = HELLO_BAD;
		return;
	}
	h->rec_have = 0;
	h->rec_end = h->off + len;
	h->lim = h->rec_end < h->len ? h->rec_end : h->len;
}

HELLO_INLINE void hello_step_copy(struct hello *h, const struct hello_buf *buf)
{
	__u32 n = h->lim - h->off;

	if (n > HELLO_SLACK)
		n = HELLO_SLACK;
	if (n > h->copy)
		n = h->copy;
	hello_copy(h, buf, h->off, h->copy_to);
	h->off += n;
	h->copy_to += n;
	h->copy -= n;
	if (h->copy)
		return;

	h->slow = 0;
	h->flags |= h->phase == HELLO_AT_SNI ? HELLO_SNI : HELLO_ALPN;
	if ((h->flags & HELLO_SNI) && (h->flags & HELLO_ALPN))
		h->status = HELLO_COMPLETE;
	else
		hello_next(h, HELLO_AT_EXTENSION, h->body, 4);
}

/* Chunk or record ends before the next field does: skip what can be skipped, then collect it byte by byte. */
HELLO_INLINE void hello_step_cut(struct hello *h, const struct hello_buf *buf)
{
	__u32 n = h->lim - h->off;

	if (h->skip) {
		if (n > h->skip)
			n = h->skip;
		h->off += n;
		h->skip -= n;
		return;
	}
	h->off++;
	h->acc = h->acc << 8 | (hello_load(buf, h->off) & 0xff);
	if (++h->slow < h->need)
		return;
	h->slow = 0;
	hello_take(h, h->acc);
}

HELLO_INLINE void hello_step(struct hello *h, const struct hello_buf *buf)
{
	__u32 end = h->off + h->skip + h->need;

	if (end <= h->lim && !h->slow) {	/* the usual step: one comparison, one load */
		h->off = end;
		hello_take(h, hello_load(buf, end));
	} else if (h->off >= h->lim) {
		hello_step_record(h, buf);
	} else if (h->copy) {
		hello_step_copy(h, buf);
	} else {
		hello_step_cut(h, buf);
	}
}

/* Cuts a list of which only ALPN_MAX bytes were kept behind its last whole name. Doing it again changes nothing. */
HELLO_INLINE void hello_trim_alpn(struct hello *h)
{
	h->alpn_len = 0;
	for (int i = 0; i < ALPN_MAX; i++) {	/* a name of 0 bytes, which RFC 7301 3.1 forbids, is one byte */
		__asm__ volatile("" ::: "memory");
		__u64 at = h->alpn_len & 0xff;
		__u64 next = at + 1 + h->store[HELLO_ALPN_AT + at];

		if (next > ALPN_MAX)
			break;
		h->alpn_len = next;
	}
}

/* Does @buf hold all of a ClientHello, in one record? A walk over it ends. What its lengths say is for its reader to judge. */
HELLO_INLINE int hello_is_whole(const struct hello_buf *buf)
{
	const __u8 *b = buf->bytes;	/* RFC 8446 5.1: type, version, length; 4: type, length */
	__u32 record = b[3] << 8 | b[4], message = b[6] << 16 | b[7] << 8 | b[8];

	return buf->len >= 9 && b[0] == 0x16 && b[5] == 1 && message >= 2 && 4 + message <= record && 9 + message <= buf->len;
}

/* A walk begins; @next_seq is the sequence number of the first payload byte. Leaves the store as it is. */
HELLO_INLINE void hello_begin(struct hello *h, __u32 next_seq)
{
	__builtin_memset(h, 0, __builtin_offsetof(struct hello, store));
	h->next_seq = h->first_seq = next_seq;
	h->need = 6;
}

/* From which byte on a segment of @len payload bytes is to be fed; @len: not at all. A full retransmission is not, an
 * overlapping one from its first new byte on. One beyond the expected byte (RFC 9293 3.4) is flagged and let go. */
HELLO_INLINE __u32 hello_accept(struct hello *h, __u32 seq, __u32 len)
{
	__u32 known = h->next_seq - seq;

	if (h->status != HELLO_MORE || len == 0)
		return len;
	if (known >> 31) {
		h->flags |= HELLO_GAP;
		return len;
	}
	return known < len ? known : len;
}

/* Walks over one chunk; the answer is in h->status. Returns 0 (a BPF global function has to return something). */
HELLO_GLOBAL int hello_walk(struct hello *h, struct hello_buf *buf)
{
	if (!h || !buf)	/* for the verifier, which knows of a global function only its types */
		return 0;

	h->len = buf->len <= HELLO_CHUNK ? buf->len : HELLO_CHUNK;
	h->off = 0;
	h->rec_end = h->rec_left;
	h->lim = h->rec_end < h->len ? h->rec_end : h->len;
	h->next_seq += h->len;

	for (int i = 0; i < HELLO_STEPS; i++) {
		__asm__ volatile("" ::: "memory");
		if (h->status != HELLO_MORE || h->off >= h->len)
			break;
		hello_step(h, buf);
	}
	if (h->status == HELLO_MORE && h->off < h->len)
		h->status = HELLO_LIMIT;
	h->rec_left = h->rec_end - h->off;
	if ((h->flags & HELLO_ALPN) && (h->flags & HELLO_ALPN_CUT))
		hello_trim_alpn(h);
	return 0;
}
