/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "mqtt/device_key.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

/* A pass phrase is never asked for: whoever needs the key has no terminal. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return 0;
}

static int read_key(const char *path, uid_t uid, EVP_PKEY **ret_key, char error[DEVICE_KEY_ERROR_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err = 0;
	struct stat st;
	EVP_PKEY *key;
	FILE *f;

	if (fd < 0 || fstat(fd, &st)) {
		err = -errno;
		snprintf(error, DEVICE_KEY_ERROR_MAX, "\"%s\": %s", path, strerror(-err));
	} else if (!S_ISREG(st.st_mode) || st.st_mode & (S_IRWXG | S_IRWXO)) {
		err = -EPERM;
		snprintf(error, DEVICE_KEY_ERROR_MAX, "\"%s\": not a file for its owner alone (mode %04o); allowed: 0600 or less", path,
			 (unsigned int)(st.st_mode & 07777));
	}
	if (!err && st.st_uid != uid) {
		err = -EPERM;
		snprintf(error, DEVICE_KEY_ERROR_MAX, "\"%s\": belongs to user %u, not to the one that needs it, %u", path, st.st_uid, uid);
	}
	f = err ? NULL : fdopen(fd, "r");
	if (!f) {
		if (fd >= 0)
			close(fd);
		return err ? err : -ENOMEM;
	}
	key = PEM_read_PrivateKey(f, NULL, no_passphrase, NULL);
	fclose(f);
	ERR_clear_error();
	if (!key) {
		snprintf(error, DEVICE_KEY_ERROR_MAX, "\"%s\": not a private key in PEM, or one with a pass phrase", path);
		return -EINVAL;
	}
	*ret_key = key;
	return 0;
}

static int write_key(int fd, EVP_PKEY *key, uid_t uid, gid_t gid)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	FILE *f = copy < 0 ? NULL : fdopen(copy, "w");
	bool good;

	if (!f)
		return -errno;
	good = PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1;
	if (fclose(f) || !good)
		return -EIO;
	return fchmod(fd, S_IRUSR | S_IWUSR) || fchown(fd, uid, gid) || fsync(fd) ? -errno : 0;
}

/* -EEXIST: somebody else was faster; theirs holds. */
static int make_key(const char *path, uid_t uid, gid_t gid)
{
	char new_path[PATH_MAX], dir[PATH_MAX];
	EVP_PKEY *key;
	int fd, err;

	if (snprintf(new_path, sizeof(new_path), "%s.XXXXXX", path) >= (int)sizeof(new_path))
		return -ENAMETOOLONG;
	key = EVP_EC_gen("P-256");
	if (!key)
		return -ENOMEM;
	fd = mkostemp(new_path, O_CLOEXEC);
	err = fd < 0 ? -errno : write_key(fd, key, uid, gid);
	EVP_PKEY_free(key);
	if (fd < 0)
		return err;
	close(fd);
	if (!err && renameat2(AT_FDCWD, new_path, AT_FDCWD, path, RENAME_NOREPLACE))
		err = -errno;
	if (err) {
		unlink(new_path);
		return err;
	}
	memcpy(dir, path, strlen(path) + 1);
	fd = open(dirname(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = fd < 0 || fsync(fd) ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return err;
}

int device_key_load(const char *path, uid_t uid, gid_t gid, EVP_PKEY **ret_key, char error[DEVICE_KEY_ERROR_MAX])
{
	bool made = false;
	int err;

	if (access(path, F_OK) && errno == ENOENT) {
		err = make_key(path, uid, gid);
		made = !err;
		if (err && err != -EEXIST) {
			snprintf(error, DEVICE_KEY_ERROR_MAX, "\"%s\": cannot be made: %s", path, strerror(-err));
			return err;
		}
	}
	err = read_key(path, uid, ret_key, error);
	return err ? err : made;
}

/* What a client needs and no more. */
static bool add_uses(X509_REQ *request)
{
	static const struct { int nid; const char *value; } uses[] = {
		{ NID_key_usage, "critical,digitalSignature" }, { NID_ext_key_usage, "clientAuth" },
	};
	STACK_OF(X509_EXTENSION) *all = NULL;
	bool good = true;

	for (unsigned int i = 0; i < ARRAY_SIZE(uses); i++) {
		X509_EXTENSION *one = X509V3_EXT_conf_nid(NULL, NULL, uses[i].nid, uses[i].value);

		good &= one && X509v3_add_ext(&all, one, -1);
		X509_EXTENSION_free(one);
	}
	good = good && X509_REQ_add_extensions(request, all) == 1;
	sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
	return good;
}

int device_key_request(EVP_PKEY *key, const char *name, FILE *out)
{
	X509_REQ *request = X509_REQ_new();
	X509_NAME *subject = X509_NAME_new();
	bool good = request && subject &&
		    X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1 &&
		    X509_REQ_set_subject_name(request, subject) == 1 && X509_REQ_set_pubkey(request, key) == 1 &&
		    add_uses(request) && X509_REQ_sign(request, key, EVP_sha256()) > 0;

	good = good && PEM_write_X509_REQ(out, request) == 1;
	X509_NAME_free(subject);
	X509_REQ_free(request);
	ERR_clear_error();
	return good ? 0 : -EINVAL;
}
