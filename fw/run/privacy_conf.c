/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "run/privacy_conf.h"

#include "base/log.h"
#include "base/secret.h"

_Static_assert(PRIVACY_KEY_BYTES == SECRET_BYTES, "a secret is the key");

/* The two enums say the same of different things; a table, so that neither has to follow the other. */
static const enum privacy_mode modes[] = {
	[CONF_PRIVACY_FULL] = PRIVACY_FULL,
	[CONF_PRIVACY_NO_NAMES] = PRIVACY_NO_NAMES,
	[CONF_PRIVACY_HASHED] = PRIVACY_HASHED,
	[CONF_PRIVACY_PREFIX] = PRIVACY_PREFIX,
};

int privacy_conf_key(const struct conf *conf, uint8_t ret_key[PRIVACY_KEY_BYTES])
{
	const enum privacy_mode mode = modes[conf->gateway.privacy];
	char error[SECRET_ERROR_BYTES];
	int ret;

	if (mode == PRIVACY_FULL || mode == PRIVACY_NO_NAMES)
		return 0;
	ret = secret_load(conf->gateway.privacy_key_file, ret_key, error);
	if (ret < 0) {
		log_error("gateway.privacy_key_file = %s", error);
		return ret;
	}
	if (ret)	/* a new gateway; or the old key is gone, and with it all that was known */
		log_info("gateway.privacy_key_file = \"%s\": was not there, and was made", conf->gateway.privacy_key_file);
	return 0;
}

int privacy_conf_open(struct privacy **ret_privacy, const struct conf *conf, const uint8_t key[PRIVACY_KEY_BYTES])
{
	const enum privacy_mode mode = modes[conf->gateway.privacy];

	if (mode == PRIVACY_FULL) {
		*ret_privacy = NULL;
		return 0;
	}
	return privacy_new(ret_privacy, mode, key);
}
