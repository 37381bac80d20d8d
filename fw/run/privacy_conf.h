/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * privacy_conf - what gateway.privacy and gateway.privacy_key_file of the configuration come to.
 *
 * In two steps, because the agent has no right to any file: the supervisor loads the key and the agent, forked from it,
 * finds it in its memory. 0 or a negative errno.
 */
#pragma once

#include <stdint.h>

#include "base/conf.h"
#include "export/privacy.h"

/* Makes the file where there is none. @ret_key is untouched where the mode needs none. Logs. */
int privacy_conf_key(const struct conf *conf, uint8_t ret_key[PRIVACY_KEY_BYTES]);

/* *@ret_privacy is NULL where nothing is to be hidden. */
int privacy_conf_open(struct privacy **ret_privacy, const struct conf *conf, const uint8_t key[PRIVACY_KEY_BYTES]);
