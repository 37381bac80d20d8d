/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "mqtt/broker_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/build.h"
#include "base/util.h"

static int64_t time_s(const ASN1_TIME *t)
{
	struct tm tm;

	return t && ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) : 0;
}

/* A key with a passphrase: fail, where OpenSSL would ask the terminal and wait. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return 0;
}

static bool is_address(const char *name)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

/* The library has put the address there that it connects to. */
static void name_server(const SSL *ssl, int where, int ret)
{
	struct broker_tls_peer *peer = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	(void)ret;
	if (where & SSL_CB_HANDSHAKE_START)
		SSL_set_tlsext_host_name((SSL *)ssl, is_address(peer->name) ? NULL : peer->name);
}

static void say_wrong(struct broker_tls_peer *peer, const X509 *cert, int code)
{
	const int64_t now_s = time(NULL);
	char clock[64] = "", when[24];
	struct tm tm;

	strftime(when, sizeof(when), "%Y-%m-%d %H:%M", gmtime_r(&(time_t){ (time_t)now_s }, &tm));
	if (build_clock_is_wrong(now_s))
		snprintf(clock, sizeof(clock), "; the clock is wrong: it says %s", when);
	else if (code == X509_V_ERR_CERT_HAS_EXPIRED || code == X509_V_ERR_CERT_NOT_YET_VALID)
		snprintf(clock, sizeof(clock), "; the clock says %s", when);
	(void)cert;
	snprintf(peer->wrong, sizeof(peer->wrong), "certificate verify failed: %s%s",
		 code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH ?
		 "host name verification failed: it is for another name" : X509_verify_cert_error_string(code), clock);
}

static int verified(int ok, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct broker_tls_peer *peer = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	const X509 *cert = X509_STORE_CTX_get_current_cert(store);

	if (cert && !X509_STORE_CTX_get_error_depth(store))
		peer->expires_s = time_s(X509_get0_notAfter(cert));
	if (!ok && !peer->wrong[0])
		say_wrong(peer, cert, X509_STORE_CTX_get_error(store));
	return ok;
}

static int set_peer(SSL_CTX *ctx, struct broker_tls_peer *peer)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
	int64_t now_s = time(NULL);

	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (build_clock_is_wrong(now_s))
		X509_VERIFY_PARAM_set_time(param, (time_t)build_time_s());
	SSL_CTX_set_app_data(ctx, peer);
	SSL_CTX_set_info_callback(ctx, name_server);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, verified);
	return is_address(peer->name) ? X509_VERIFY_PARAM_set1_ip_asc(param, peer->name) :
	       X509_VERIFY_PARAM_set1_host(param, peer->name, 0);
}

/* The step that failed, or NULL. */
static const char *load(SSL_CTX *ctx, const struct uplink_conf *conf, const char **ret_file)
{
	*ret_file = conf->ca_file;
	if (SSL_CTX_load_verify_locations(ctx, conf->ca_file, NULL) != 1)
		return "no certificate of an authority";
	if (!conf->cert_file)
		return NULL;
	*ret_file = conf->cert_file;
	if (SSL_CTX_use_certificate_chain_file(ctx, conf->cert_file) != 1)
		return "no certificate";
	*ret_file = conf->key_file;
	if (SSL_CTX_use_PrivateKey_file(ctx, conf->key_file, SSL_FILETYPE_PEM) != 1)
		return ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ?
		       "not the key of the certificate" : "no private key, or one with a pass phrase";
	return SSL_CTX_check_private_key(ctx) == 1 ? NULL : "not the key of the certificate";
}

int broker_tls_context(SSL_CTX **ret_ctx, const struct uplink_conf *conf, struct broker_tls_peer *peer, char *ret_text)
{
	const char *files[] = { conf->ca_file, conf->cert_file, conf->key_file }, *wrong, *file;
	SSL_CTX *ctx;

	for (unsigned int i = 0; i < ARRAY_SIZE(files); i++)	/* OpenSSL says neither which nor why */
		if (files[i] && access(files[i], R_OK)) {
			snprintf(ret_text, BROKER_TLS_TEXT_MAX, "cannot read '%.100s': %s", files[i], strerror(errno));
			return -EINVAL;
		}
	ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx) {
		snprintf(ret_text, BROKER_TLS_TEXT_MAX, "no memory for TLS");
		return -EINVAL;
	}
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	wrong = load(ctx, conf, &file);
	if (wrong || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 || set_peer(ctx, peer) != 1) {
		snprintf(ret_text, BROKER_TLS_TEXT_MAX, "TLS cannot be set up with '%.80s': %s", wrong ? file : peer->name,
			 wrong ? wrong : "not a name that a certificate can have");
		ERR_clear_error();
		SSL_CTX_free(ctx);
		return -EINVAL;
	}
	ERR_clear_error();
	*ret_ctx = ctx;
	return 0;
}

int64_t broker_tls_expires_s(const char *path)
{
	FILE *f = fopen(path, "re");
	X509 *cert = f ? PEM_read_X509(f, NULL, no_passphrase, NULL) : NULL;
	int64_t expires_s = cert ? time_s(X509_get0_notAfter(cert)) : 0;

	X509_free(cert);
	if (f)
		fclose(f);
	ERR_clear_error();
	return expires_s;
}
