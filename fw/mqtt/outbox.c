/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "mqtt/outbox.h"

#include <stddef.h>

#include "base/util.h"

void outbox_verdict(struct outbox *box, enum link_type type, uint32_t id, int reason)
{
	unsigned int at = (box->at + box->count) % UPLINK_WINDOW_MAX;

	if (box->count == UPLINK_WINDOW_MAX)
		return;	/* not by an owner that counts its places; the message would come again after a reconnect */
	box->verdicts[at].type = type;
	box->verdicts[at].verdict = (struct link_verdict){ .id = id, .reason = (uint32_t)reason };
	box->count++;
}

/* READY is ahead of all: it makes the agent forget what it knows of the process before. */
static bool next(struct outbox *box, struct link_msg *msg, bool **ret_due)
{
	const struct { enum link_type type; bool *due; } news[] = {
		{ LINK_WINDOW, &box->window_due }, { LINK_STATE, &box->state_due },
	};

	if (box->ready_due) {
		msg->type = LINK_READY;
		*ret_due = &box->ready_due;
		return true;
	}
	*ret_due = NULL;
	if (box->count) {
		msg->type = box->verdicts[box->at].type;
		msg->verdict = box->verdicts[box->at].verdict;
		return true;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(news); i++) {
		if (!*news[i].due)
			continue;
		msg->type = news[i].type;
		if (msg->type == LINK_WINDOW)
			msg->window = *box->window;
		else
			box->fill_state(box->arg, &msg->state);
		*ret_due = news[i].due;
		return true;
	}
	return false;
}

int outbox_flush(struct outbox *box, struct link *link)
{
	struct link_msg msg = { 0 };
	bool *due;

	while (next(box, &msg, &due)) {
		int err = link_send(link, &msg);

		if (err)
			return err;
		if (due) {
			*due = false;
		} else {
			box->at = (box->at + 1) % UPLINK_WINDOW_MAX;
			box->count--;
		}
	}
	return 0;
}
