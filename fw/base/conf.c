/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"
#include "base/util.h"

#define LINE_MAX_BYTES	(INI_MAX_LINE - 3)	/* libinih cuts what is longer in two */
#define MESSAGE_MAX	1024
#define QUOTE_MAX	64			/* bytes of the input that a message quotes */
#define KEYS_MAX	64			/* options of the table */
#define IFNAME_MAX	15			/* IFNAMSIZ - 1 */
#define HINT_MAX	512			/* what is allowed: all keys of a section fit */
#define HINT(array)	{ .buf = (array), .size = sizeof(array) - 1 }	/* of zeros: always ends in NUL */

static const char blanks[] = " \t\r\n\v\f";

struct parser {
	const char *name;			/* of the file, for messages */
	int line;				/* 0: none */
	conf_error_fn error;
	void *arg;
	unsigned int errors;

	struct conf conf;
	const char *section;			/* NULL: none yet, or one whose keys are passed over */
	bool port_seen;				/* a port section was written, be it a wrong one */
	bool skip;				/* the section was wrong; saying it once is enough */
	void *base;				/* of the section's options */
	const char *port;			/* name of the port section, or NULL */
	int seen[KEYS_MAX];			/* line that gave the option; of ports: in this section */
	int port_line[CONF_PORTS_MAX];
	bool assigned;				/* libinih found a key on the line */
};

/* The whole message is escaped here, once. */
static void wrong(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void wrong(struct parser *p, const char *format, ...)
{
	char raw[MESSAGE_MAX], text[4 * MESSAGE_MAX];	/* \xNN for each byte at worst */
	size_t len = 0, at;
	va_list args;

	if (p->errors++ >= CONF_ERRORS_MAX)
		return;
	at = (size_t)snprintf(raw, sizeof(raw), p->line ? "%.200s:%d: " : "%.200s: ", p->name, p->line);
	va_start(args, format);
	vsnprintf(raw + at, sizeof(raw) - at, format, args);
	va_end(args);
	for (const char *c = raw; *c; c++)
		len += (size_t)sprintf(text + len, *c < 0x20 || *c > 0x7e ? "\\x%02x" : "%c", (unsigned char)*c);
	text[len] = 0;
	p->error(text, p->arg);
}

static int finish(struct parser *p)
{
	char text[64];

	if (p->errors > CONF_ERRORS_MAX) {
		snprintf(text, sizeof(text), "and %u more", p->errors - CONF_ERRORS_MAX);
		p->error(text, p->arg);
	}
	return p->errors ? -EINVAL : 0;
}

/* @text in quotes, cut where it is long. */
static const char *quote(char (*buf)[QUOTE_MAX + 8], const char *text)
{
	snprintf(*buf, sizeof(*buf), strlen(text) > QUOTE_MAX ? "\"%.*s...\"" : "\"%.*s\"", QUOTE_MAX, text);
	return *buf;
}

/* A message about one key of the present section. */
static void wrong_value(struct parser *p, const char *key, const char *value, const char *why, const char *hint)
{
	char quoted[QUOTE_MAX + 8];

	wrong(p, "%s%s%s.%.*s = %s: %s%s", p->section, p->port ? " " : "", p->port ? p->port : "", QUOTE_MAX, key,
	      quote(&quoted, value), why, hint);
}

static void wrong_section(struct parser *p, const char *text)
{
	const char *nearest = options_nearest_section(text);
	char hint[HINT_MAX] = "", quoted[QUOTE_MAX + 8];
	struct writer w = HINT(hint);

	if (nearest)
		writer_format(&w, "did you mean [%s]?", nearest);
	else
		writer_text(&w, "allowed:");
	for (size_t i = 0; !nearest && i < options_sections_count; i++)
		writer_format(&w, strcmp(options_sections[i].name, OPTIONS_PORT) ? "%s [%s]" : "%s [%s NAME]",
			      i ? "," : "", options_sections[i].name);
	wrong(p, "section %s: unknown; %s", quote(&quoted, text), hint);
}

static void wrong_key(struct parser *p, const char *key, const char *value)
{
	const struct conf_option *nearest = options_nearest(p->section, key);
	char hint[HINT_MAX] = "";
	struct writer w = HINT(hint);

	if (nearest)
		writer_format(&w, "did you mean %s.%s?", nearest->section, nearest->key);
	else
		writer_text(&w, "allowed:");
	for (size_t i = 0, n = 0; !nearest && i < options_count; i++)
		if (!strcmp(options[i].section, p->section))
			writer_format(&w, "%s %s", n++ ? "," : "", options[i].key);
	wrong_value(p, key, value, "unknown key; ", hint);
}

/* libinih's handler: one key of the present section. Returns 1, for the rest is to be read as well. */
static int assign(void *arg, const char *section, const char *key, const char *value)
{
	char hint[HINT_MAX] = "";
	struct writer w = HINT(hint);
	struct parser *p = arg;
	const char *why;
	size_t i = 0;

	p->assigned = true;
	while (i < options_count && (strcmp(options[i].section, p->section) || strcmp(options[i].key, key)))
		i++;
	if (i == options_count) {
		wrong_key(p, key, value);
		return 1;
	}
	if (p->seen[i]) {
		writer_format(&w, "%d", p->seen[i]);
		wrong_value(p, key, value, "given before, in line ", hint);
		return 1;
	}
	p->seen[i] = p->line;
	why = options_set(&options[i], p->base, value);
	if (why) {
		writer_text(&w, "; allowed: ");
		options_allowed(&options[i], &w);
		wrong_value(p, key, value, why, hint);
	}
	return 1;
}

static const char *port_name_wrong(const char *name)
{
	if (strlen(name) > CONF_PORT_NAME_MAX || (!strpbrk(name, "*?[\\") && strlen(name) > IFNAME_MAX))
		return "too long";
	for (const char *c = name; *c; c++)
		if (*c <= 0x20 || *c > 0x7e || *c == '/' || *c == ':')
			return "has a character that no interface name has";
	return NULL;
}

/* A section of a port begins: its conf_port takes the next place. */
static void port_open(struct parser *p, const char *name)
{
	struct conf *conf = &p->conf;
	struct conf_port *port = &conf->port[conf->ports];
	char quoted[QUOTE_MAX + 8];
	const char *why = port_name_wrong(name);

	if (!*name) {
		wrong(p, "section \"port\": names no interface; write for example [port lan0] or [port eth*]");
		return;
	}
	if (why) {
		wrong(p, "port %s: %s; allowed: an interface name of at most %d bytes, or a glob of at most %d",
		      quote(&quoted, name), why, IFNAME_MAX, CONF_PORT_NAME_MAX);
		return;
	}
	for (unsigned int i = 0; i < conf->ports; i++)
		if (!strcmp(conf->port[i].name, name)) {
			wrong(p, "port %s: given before, in line %d", quote(&quoted, name), p->port_line[i]);
			return;
		}
	if (conf->ports == CONF_PORTS_MAX) {
		wrong(p, "port %s: too many; allowed: %d port sections", quote(&quoted, name), CONF_PORTS_MAX);
		return;
	}
	strcpy(port->name, name);
	options_preset(OPTIONS_PORT, port);
	for (size_t i = 0; i < options_count; i++)
		if (!strcmp(options[i].section, OPTIONS_PORT))
			p->seen[i] = 0;
	p->port_line[conf->ports++] = p->line;
	p->section = OPTIONS_PORT;
	p->port = port->name;
	p->base = port;
}

/* @text: what stands between the brackets. With @known_port the section of a port that is there is opened again. */
static void section_open(struct parser *p, char *text, bool known_port)
{
	char *word = text + strspn(text, blanks), *rest;

	for (size_t len = strlen(word); len && strchr(blanks, word[len - 1]); len--)
		word[len - 1] = 0;
	p->section = p->port = NULL;
	rest = word + strcspn(word, blanks);
	if ((size_t)(rest - word) == strlen(OPTIONS_PORT) && !strncmp(word, OPTIONS_PORT, strlen(OPTIONS_PORT))) {
		rest += strspn(rest, blanks);
		p->port_seen = true;
		if (!known_port)
			port_open(p, rest);
		for (unsigned int i = 0; known_port && i < p->conf.ports; i++)
			if (!strcmp(p->conf.port[i].name, rest)) {
				p->section = OPTIONS_PORT;
				p->base = &p->conf.port[i];
				p->port = p->conf.port[i].name;
			}
		if (known_port && !p->section)
			wrong(p, "no section [%.*s] in the configuration file", QUOTE_MAX, word);
	} else {
		for (size_t i = 0; i < options_sections_count; i++)
			if (!strcmp(options_sections[i].name, word))
				p->section = options_sections[i].name;
		p->base = &p->conf;
		if (!p->section)
			wrong_section(p, word);
	}
	p->skip = !p->section;
}

/* [...], and blanks and a comment behind it. libinih's own would end a glob such as eth[0-9] at its bracket. */
static void section_line(struct parser *p, char *line)
{
	char quoted[QUOTE_MAX + 8];
	size_t len;

	for (char *c = line; *c; c++)
		if (strchr(blanks, *c) && (c[1] == ';' || c[1] == '#'))
			*c = 0;
	len = strlen(line);
	while (len && strchr(blanks, line[len - 1]))
		len--;
	if (!len || line[len - 1] != ']') {
		line[len] = 0;
		wrong(p, "%s: a section ends in \"]\"", quote(&quoted, line));
		p->section = NULL;
		p->skip = true;
		return;
	}
	line[len - 1] = 0;
	section_open(p, line + 1, false);
}

/* One line: libinih takes it apart, alone, for it tells no line numbers and only its first error. */
static void line_parse(struct parser *p, const char *text, size_t len)
{
	char line[LINE_MAX_BYTES + 1], quoted[QUOTE_MAX + 8];

	while (len && text[0] && strchr(blanks, text[0]))
		text++, len--;
	while (len && text[len - 1] && strchr(blanks, text[len - 1]))
		len--;
	if (!len || text[0] == '#' || text[0] == ';')
		return;
	if (memchr(text, 0, len)) {
		wrong(p, "NUL byte in the line; allowed: text");
		return;
	}
	if (len > LINE_MAX_BYTES) {
		wrong(p, "line of %zu bytes: too long; allowed: at most %d", len, LINE_MAX_BYTES);
		return;
	}
	memcpy(line, text, len);
	line[len] = 0;
	if (line[0] == '[') {
		section_line(p, line);
		return;
	}
	if (p->skip)
		return;
	if (!p->section) {
		wrong(p, "%s: before the first section; write for example [gateway] above it", quote(&quoted, line));
		p->skip = true;
		return;
	}
	if (ini_parse_string(line, assign, p))
		wrong(p, "%s: not of the form KEY = VALUE", quote(&quoted, line));
}

/* What is not given and has no fixed default. */
static void resolve(struct parser *p)
{
	struct conf *conf = &p->conf;
	char host[HOST_NAME_MAX + 1] = "", quoted[QUOTE_MAX + 8];
	struct conf_option name = { .type = OPTION_LEVEL, .size = sizeof(conf->gateway.name) };
	const char *why;

	if (!*conf->gateway.name) {
		gethostname(host, sizeof(host) - 1);
		why = options_set(&name, conf->gateway.name, host);
		if (why)
			wrong(p, "host name %s cannot be the gateway's name: %s; set gateway.name", quote(&quoted, host), why);
	}
	if (!*conf->broker.client_id)
		snprintf(conf->broker.client_id, sizeof(conf->broker.client_id), "weir-%s", conf->gateway.name);
	if (conf->broker.tls && !*conf->broker.ca_file)
		strcpy(conf->broker.ca_file, CONF_CA_FILE);
}

static void check(struct parser *p)
{
	const struct conf *conf = &p->conf;
	char quoted[QUOTE_MAX + 8];

	if (!conf->ports && !p->port_seen)
		wrong(p, "no port to measure; write a section for each, for example [port eth0], or [port eth*] for several");
	if (p->errors)	/* what does not fit may be what was refused */
		return;
	if (conf->broker.backoff_min_ns > conf->broker.backoff_max_ns)
		wrong(p, "broker.backoff_min is greater than broker.backoff_max; allowed: at most the same");
	if (*conf->broker.cert_file && !*conf->broker.key_file)
		wrong(p, "broker.cert_file = %s: without broker.key_file; allowed: both or neither",
		      quote(&quoted, conf->broker.cert_file));
	if (*conf->broker.key_file && !*conf->broker.cert_file)
		wrong(p, "broker.key_file = %s: without broker.cert_file; allowed: both or neither",
		      quote(&quoted, conf->broker.key_file));
	if (!conf->broker.tls && *conf->broker.ca_file && strcmp(conf->broker.ca_file, CONF_CA_FILE))
		wrong(p, "broker.ca_file = %s: without TLS; set broker.tls to yes, or leave it out",
		      quote(&quoted, conf->broker.ca_file));
	if (!conf->broker.tls && *conf->broker.cert_file)
		wrong(p, "broker.cert_file = %s: without TLS; set broker.tls to yes, or leave it out",
		      quote(&quoted, conf->broker.cert_file));
	if (*conf->broker.password_file && !*conf->broker.username)	/* MQTT 3.1.1, 3.1.2.9 */
		wrong(p, "broker.password_file = %s: without broker.username; allowed: both, or a user name alone",
		      quote(&quoted, conf->broker.password_file));
}

int conf_parse(const char *text, size_t len, const char *name, struct conf *ret_conf, conf_error_fn error, void *arg)
{
	struct parser p = { .name = name, .error = error, .arg = arg };

	for (size_t i = 0; i < options_sections_count; i++)
		if (strcmp(options_sections[i].name, OPTIONS_PORT))
			options_preset(options_sections[i].name, &p.conf);
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))	/* byte order mark of Windows editors */
		text += 3, len -= 3;
	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t line_len = end ? (size_t)(end - text) : len;

		p.line++;
		line_parse(&p, text, line_len);
		line_len += !!end;
		text += line_len;
		len -= line_len;
	}
	p.line = 0;
	resolve(&p);
	check(&p);
	if (finish(&p))
		return -EINVAL;
	*ret_conf = p.conf;
	return 0;
}

static int file_read(const char *path, char *buf, size_t size, size_t *ret_len)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	while (len < size) {
		got = read(fd, buf + len, size - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		len += (size_t)got;
	}
	*ret_len = len;
	return 0;
}

int conf_load(const char *path, struct conf *ret_conf, conf_error_fn error, void *arg)
{
	struct parser p = { .name = path, .error = error, .arg = arg };
	_cleanup_free_ char *buf = malloc(CONF_FILE_MAX + 1);
	size_t len = 0;
	int err;

	if (!buf)
		return -ENOMEM;
	err = file_read(path, buf, CONF_FILE_MAX + 1, &len);
	if (err) {
		wrong(&p, "cannot be read: %s", strerror(-err));
		return err;
	}
	if (len > CONF_FILE_MAX) {
		wrong(&p, "too long; allowed: at most %d bytes", CONF_FILE_MAX);
		return -EFBIG;
	}
	return conf_parse(buf, len, path, ret_conf, error, arg);
}

int conf_override(struct conf *conf, const char *assignment, conf_error_fn error, void *arg)
{
	struct parser p = { .name = "-o", .error = error, .arg = arg, .conf = *conf };
	char section[LINE_MAX_BYTES + 1], derived[CONF_TEXT_MAX + 1], quoted[QUOTE_MAX + 8];
	const char *equals = strchr(assignment, '='), *dot;

	dot = equals ? memrchr(assignment, '.', (size_t)(equals - assignment)) : NULL;
	if (!dot || strlen(assignment) > LINE_MAX_BYTES || strchr(assignment, '\n')) {
		wrong(&p, "%s: not of the form SECTION.KEY=VALUE, in one line of at most %d bytes", quote(&quoted, assignment),
		      LINE_MAX_BYTES);
		return -EINVAL;
	}
	memcpy(section, assignment, (size_t)(dot - assignment));
	section[dot - assignment] = 0;
	section_open(&p, section, true);
	if (p.section && (ini_parse_string(dot + 1, assign, &p) || !p.assigned))
		wrong(&p, "%s: not of the form SECTION.KEY=VALUE", quote(&quoted, assignment));

	snprintf(derived, sizeof(derived), "weir-%s", conf->gateway.name);
	if (!strcmp(p.conf.broker.client_id, derived))	/* goes with the name */
		p.conf.broker.client_id[0] = 0;
	if (!p.errors)
		resolve(&p);
	if (finish(&p))
		return -EINVAL;
	*conf = p.conf;
	return 0;
}

int conf_check(const struct conf *conf, const char *name, conf_error_fn error, void *arg)
{
	struct parser p = { .name = name, .error = error, .arg = arg, .conf = *conf };

	check(&p);
	return finish(&p);
}

const struct conf_port *conf_port_find(const struct conf *conf, const char *ifname)
{
	for (unsigned int i = 0; i < conf->ports; i++)
		if (!fnmatch(conf->port[i].name, ifname, 0))
			return &conf->port[i];
	return NULL;
}

static void section_print(const char *section, const void *base, FILE *out)
{
	for (size_t i = 0; i < options_count; i++) {
		char value[OPTIONS_TEXT_MAX];
		struct writer w = WRITER(value);

		if (strcmp(options[i].section, section))
			continue;
		options_get(&options[i], base, &w);
		fprintf(out, "%s = %.*s\n", options[i].key, (int)w.len, value);
	}
}

int conf_print(const struct conf *conf, FILE *out)
{
	for (size_t i = 0; i < options_sections_count; i++) {
		if (!strcmp(options_sections[i].name, OPTIONS_PORT))
			continue;
		fprintf(out, "[%s]\n", options_sections[i].name);
		section_print(options_sections[i].name, conf, out);
	}
	for (unsigned int i = 0; i < conf->ports; i++) {
		fprintf(out, "[port %s]\n", conf->port[i].name);
		section_print(OPTIONS_PORT, &conf->port[i], out);
	}
	return ferror(out) ? -EIO : 0;
}
