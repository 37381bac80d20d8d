/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Handshakes in memory with a server whose certificate is made here. The program believes to be built in 2100, so that the clock of
 * whoever runs this is wrong for certain; or in 1970 (build_s), so that it is right.
 */
static long long build_s;
#undef WEIR_BUILD_S
#define WEIR_BUILD_S build_s
#include "mqtt/broker_tls.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define IN_2100 4102444800LL

static char dir[] = "/tmp/weir-tls-XXXXXX", ca_path[64];
static EVP_PKEY *key;

/* Signed by its own key: authority and server in one. @alt: as X509V3_EXT_conf_nid() reads it. */
static X509 *certificate(const char *alt, int64_t from_s, int64_t to_s)
{
	X509 *cert = X509_new();
	X509_EXTENSION *name = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt);
	FILE *f;

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)from_s);
	ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)to_s);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"server", -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	X509_set_pubkey(cert, key);
	assert_int_equal(X509_add_ext(cert, name, -1), 1);
	X509_EXTENSION_free(name);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	f = fopen(ca_path, "w");
	PEM_write_X509(f, cert);
	fclose(f);
	return cert;
}

/* 1: the handshake is done; what the client thinks of it is in @peer. */
static int shake_hands(struct broker_tls_peer *peer, X509 *cert, int most_version)
{
	const struct uplink_conf conf = { .tls = true, .ca_file = ca_path };
	char text[BROKER_TLS_TEXT_MAX];
	SSL_CTX *ctx, *server_ctx = SSL_CTX_new(TLS_server_method());
	SSL *client, *server;
	BIO *a, *b;
	int done = 0, other = 0;

	assert_int_equal(broker_tls_context(&ctx, &conf, peer, text), 0);
	SSL_CTX_use_certificate(server_ctx, cert);
	SSL_CTX_use_PrivateKey(server_ctx, key);
	if (most_version < TLS1_2_VERSION)	/* OpenSSL has 1.1 at its lowest level only */
		SSL_CTX_set_security_level(server_ctx, 0);
	SSL_CTX_set_min_proto_version(server_ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(server_ctx, most_version);
	client = SSL_new(ctx);
	SSL_set_security_level(client, most_version < TLS1_2_VERSION ? 0 : SSL_get_security_level(client));
	server = SSL_new(server_ctx);
	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(client, a, a);
	SSL_set_bio(server, b, b);
	SSL_set_tlsext_host_name(client, "192.0.2.1");	/* as the library does it */
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	for (int i = 0; i < 20 && (done != 1 || other != 1); i++) {
		done = SSL_do_handshake(client);
		other = SSL_do_handshake(server);
	}
	if (done == 1) {
		const char *sni = SSL_get_servername(server, TLSEXT_NAMETYPE_host_name);

		assert_true(is_address(peer->name) ? !sni : sni && !strcmp(sni, peer->name));
	}
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(ctx);
	SSL_CTX_free(server_ctx);
	ERR_clear_error();
	return done == 1;
}

static void good(void **state)
{
	struct broker_tls_peer name = { .name = "broker.example" }, address = { .name = "127.0.0.1" };
	X509 *cert = certificate("DNS:broker.example,IP:127.0.0.1", 0, IN_2100 + 1000);

	build_s = 0;
	assert_int_equal(shake_hands(&name, cert, TLS1_3_VERSION), 1);
	assert_true(name.expires_s == IN_2100 + 1000);
	assert_int_equal(shake_hands(&name, cert, TLS1_2_VERSION), 1);
	assert_int_equal(shake_hands(&address, cert, TLS1_3_VERSION), 1);
	assert_string_equal(address.wrong, "");
	X509_free(cert);
}

static void old_version(void **state)
{
	struct broker_tls_peer peer = { .name = "broker.example" };
	X509 *cert = certificate("DNS:broker.example", 0, IN_2100);

	build_s = 0;
	assert_int_equal(shake_hands(&peer, cert, TLS1_1_VERSION), 0);
	X509_free(cert);
}

static void names(void **state)
{
	static const struct { const char *alt, *name; int right; } rows[] = {
		{ "DNS:broker.example", "broker.example", 1 }, { "DNS:broker.example", "BROKER.example", 1 },
		{ "DNS:broker.example", "example", 0 }, { "DNS:broker.example", "x.broker.example", 0 },
		{ "DNS:*.example.org", "a.example.org", 1 }, { "DNS:*.example.org", "a.b.example.org", 0 },
		{ "DNS:*.example.org", "example.org", 0 }, { "DNS:*.org", "example.org", 0 }, { "DNS:b*.example.org", "br.example.org", 0 },
		{ "DNS:127.0.0.1", "127.0.0.1", 0 }, { "IP:127.0.0.1", "127.0.0.1", 1 }, { "IP:127.0.0.1", "127.0.0.2", 0 },
		{ "IP:2001:db8::1", "2001:db8:0::1", 1 }, { "DNS:other", "server", 0 },	/* there is a DNS name: CN counts no more */
	};

	build_s = 0;
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct broker_tls_peer peer = { 0 };
		X509 *cert = certificate(rows[i].alt, 0, IN_2100);

		snprintf(peer.name, sizeof(peer.name), "%s", rows[i].name);
		if (shake_hands(&peer, cert, TLS1_3_VERSION) != rows[i].right)
			fail_msg("%s for %s", rows[i].alt, rows[i].name);
		assert_true(rows[i].right || strstr(peer.wrong, "host name verification failed"));
		X509_free(cert);
	}
}

/* The clock is before the build: the time of the build counts, and what is wrong about a certificate is said with the clock. */
static void wrong_clock(void **state)
{
	struct broker_tls_peer later = { .name = "broker.example" }, ended = later;
	X509 *cert;

	build_s = IN_2100;
	cert = certificate("DNS:broker.example", IN_2100 - 10, IN_2100 + 10);
	assert_int_equal(shake_hands(&later, cert, TLS1_3_VERSION), 1);
	X509_free(cert);
	cert = certificate("DNS:broker.example", 0, IN_2100 - 10);
	assert_int_equal(shake_hands(&ended, cert, TLS1_3_VERSION), 0);
	assert_non_null(strstr(ended.wrong, "certificate has expired; the clock is wrong: it says 20"));
	X509_free(cert);
	build_s = 0;
	ended.wrong[0] = 0;
	cert = certificate("DNS:broker.example", IN_2100 - 10, IN_2100 + 10);
	assert_int_equal(shake_hands(&ended, cert, TLS1_3_VERSION), 0);
	assert_non_null(strstr(ended.wrong, "not yet valid; the clock says 20"));
	assert_null(strstr(ended.wrong, "wrong"));
	X509_free(cert);
}

static void files(void **state)
{
	struct broker_tls_peer peer = { .name = "broker.example" };
	struct uplink_conf conf = { .tls = true, .ca_file = "/nowhere/ca.pem" };
	char text[BROKER_TLS_TEXT_MAX];
	SSL_CTX *ctx = (void *)1;

	assert_int_equal(broker_tls_context(&ctx, &conf, &peer, text), -EINVAL);
	assert_string_equal(text, "cannot read '/nowhere/ca.pem': No such file or directory");
	conf.ca_file = "/etc/passwd";
	assert_int_equal(broker_tls_context(&ctx, &conf, &peer, text), -EINVAL);
	assert_string_equal(text, "TLS cannot be set up with '/etc/passwd': no certificate of an authority");
	conf.ca_file = ca_path;
	conf.cert_file = conf.key_file = "/etc/passwd";
	assert_int_equal(broker_tls_context(&ctx, &conf, &peer, text), -EINVAL);
	assert_string_equal(text, "TLS cannot be set up with '/etc/passwd': no certificate");
	conf.cert_file = ca_path;
	assert_int_equal(broker_tls_context(&ctx, &conf, &peer, text), -EINVAL);
	assert_non_null(strstr(text, "no private key"));
	assert_true(ctx == (void *)1);
	assert_true(broker_tls_expires_s("/etc/passwd") == 0);
	assert_true(broker_tls_expires_s(ca_path) > 0);
}

static int set_up(void **state)
{
	key = EVP_EC_gen("P-256");
	if (!key || !mkdtemp(dir))
		return -1;
	snprintf(ca_path, sizeof(ca_path), "%s/ca.pem", dir);
	return 0;
}

static int clear(void **state)
{
	unlink(ca_path);
	EVP_PKEY_free(key);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(old_version),
		cmocka_unit_test(names),
		cmocka_unit_test(wrong_clock),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests_name("broker_tls", tests, set_up, clear);
}
