/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "collect/netlink.h"

#include <errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stddef.h>

#define BUFFER_BYTES 65536	/* one message of a dump: an interface with many virtual functions */

struct answer {
	netlink_each each;
	void *arg;
	bool complete;
	int refused;	/* the kernel's errno, negative */
};

/* libnl's error numbers are its own: back to errno. */
static int from_nl(int err)
{
	switch (-err) {
	case NLE_NOMEM:		return -ENOMEM;
	case NLE_PERM:		return -EPERM;
	case NLE_NOACCESS:	return -EACCES;
	case NLE_PROTO_MISMATCH: return -EPROTONOSUPPORT;
	case NLE_INTR:
	case NLE_DUMP_INTR:	return -EINTR;
	default:		return -EIO;
	}
}

int netlink_open(struct nl_sock **ret_nl, int protocol)
{
	struct nl_sock *nl = nl_socket_alloc();
	int err;

	if (!nl)
		return -ENOMEM;
	err = nl_connect(nl, protocol);
	if (err < 0) {
		nl_socket_free(nl);
		return from_nl(err);
	}
	nl_socket_set_msg_buf_size(nl, BUFFER_BYTES);
	*ret_nl = nl;
	return 0;
}

struct nl_sock *netlink_close(struct nl_sock *nl)
{
	nl_socket_free(nl);	/* takes NULL */
	return NULL;
}

static int got_message(struct nl_msg *msg, void *arg)
{
	struct answer *answer = arg;

	if (answer->each)
		answer->each(nlmsg_hdr(msg), answer->arg);
	return NL_OK;
}

static int got_end(struct nl_msg *msg, void *arg)
{
	((struct answer *)arg)->complete = true;
	return NL_STOP;
}

static int got_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct answer *answer = arg;

	answer->refused = error->error;
	answer->complete = true;
	return NL_STOP;
}

int netlink_ask(struct nl_sock *nl, struct nl_msg *msg, netlink_each each, void *arg)
{
	struct answer answer = { .each = each, .arg = arg };
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err = -NLE_NOMEM;

	if (msg && cb) {
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, got_message, &answer);
		nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, got_end, &answer);
		nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, got_end, &answer);
		nl_cb_err(cb, NL_CB_CUSTOM, got_error, &answer);
		err = nl_send_auto(nl, msg);	/* asks for an acknowledgement */
		while (err >= 0 && !answer.complete)
			err = nl_recvmsgs(nl, cb);
	}
	nl_cb_put(cb);
	nlmsg_free(msg);
	if (answer.refused)
		return answer.refused;
	return err < 0 ? from_nl(err) : 0;
}
