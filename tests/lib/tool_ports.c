/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * tool_ports - loads the BPF object and follows ports, as the dataplane process does, without the rest of Weir.
 *
 * tool_ports [-p PIN_DIR] [-s SLOTS] [-c] [-x] OBJECT RULE...
 *   RULE: NAME or PREFIX*, then /hook=..., /role=..., /mirror. Names without * are expected before they appear.
 *   -c: no TCX. -x: attach, print the states, end (what is pinned stays on).
 * Standard output: "state NAME key=value ..." at each change, then "ready", then answers. Commands on standard input:
 *   states | counters | books NAME | wait NAME (until attached, 2 s) | swap OBJECT | rules RULE... | detach | unpin | quit
 * End of input: as quit. What is pinned stays on until "detach".
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/util.h"
#include "collect/dataplane.h"
#include "collect/ports.h"

#define RULES 16

static struct {
	char name[64];
	struct port_wish wish;
} rules[RULES];
static int rule_count;

static struct loop *loop;
static struct dataplane *dp;
static struct ports *ports;
static const char *pin_dir;
static char input[4096];
static size_t input_len;
static char waiting[64];
static uint64_t waiting_since_ns;

static bool want(const char *name, struct port_wish *ret_wish, void *arg)
{
	for (int i = 0; i < rule_count; i++) {
		size_t len = strlen(rules[i].name);
		bool prefix = len && rules[i].name[len - 1] == '*';

		if (prefix ? strncmp(name, rules[i].name, len - 1) : strcmp(name, rules[i].name))
			continue;
		*ret_wish = rules[i].wish;
		return true;
	}
	return false;
}

static void print_state(const struct port_state *s, void *arg)
{
	printf("state %s index=%u ifindex=%u wanted=%u up=%u hook=%s rx=%s tx=%s taken=%u count=%u xdp=%u tc=%u type=%u "
	       "flags=%u role=%s reason=%s\n", s->name, s->port, s->ifindex, s->wanted, s->up, attach_hook_names[s->hook],
	       attached_names[s->rx], attached_names[s->tx], s->taken_over, s->attach_count, s->foreign_xdp, s->foreign_tc,
	       s->link_type, s->flags, s->role, s->reason);
	if (waiting[0] && !strcmp(waiting, s->name) && s->rx && s->tx) {
		printf("waited %s %llu ms\n", s->name,
		       (unsigned long long)((loop_now_ns() - waiting_since_ns) / NS_PER_MS));
		waiting[0] = 0;
	}
	fflush(stdout);
}

static const struct port_state *state_of(const char *name)
{
	for (unsigned int i = 0; i < PORTS_MAX; i++) {
		const struct port_state *s = ports_state(ports, i);

		if (s && !strcmp(s->name, name))
			return s;
	}
	return NULL;
}

static void print_books(const char *name)
{
	const struct port_state *s = state_of(name);
	int cpus = libbpf_num_possible_cpus();
	struct books *books = calloc((size_t)cpus, (sizeof(*books) + 7) & ~7UL);
	struct tally seen[DIRS] = {};
	__u32 key = s ? s->port : 0;

	if (s && !bpf_map_lookup_elem(dataplane_map_fd(dp, "books"), &key, books))
		for (int c = 0; c < cpus; c++)
			for (int d = 0; d < DIRS; d++) {
				seen[d].frames += books[c].dir[d].seen.frames;
				seen[d].bytes += books[c].dir[d].seen.bytes;
			}
	printf("books %s rx_frames=%llu rx_bytes=%llu tx_frames=%llu tx_bytes=%llu\n", name, seen[0].frames, seen[0].bytes,
	       seen[1].frames, seen[1].bytes);
	free(books);
}

static int add_rule(char *text)
{
	char *part = strtok(text, "/");

	if (!part || rule_count == RULES)
		return -1;
	memset(&rules[rule_count], 0, sizeof(rules[0]));
	snprintf(rules[rule_count].name, sizeof(rules[0].name), "%s", part);
	while ((part = strtok(NULL, "/"))) {
		struct port_wish *wish = &rules[rule_count].wish;

		if (!strncmp(part, "hook=", 5) && attach_hook_parse(part + 5, &wish->hook)) {
			fprintf(stderr, "hook \"%s\"?\n", part + 5);
			return -1;
		}
		if (!strncmp(part, "role=", 5))
			snprintf(wish->role, sizeof(wish->role), "%s", part + 5);
		if (!strcmp(part, "mirror"))
			wish->mirror = true;
	}
	rule_count++;
	return 0;
}

static uint32_t tcp_share;

static int open_dataplane(struct dataplane **ret_dp, const char *object, uint32_t slots)
{
	const struct dataplane_settings settings = { .object_path = object, .pin_dir = pin_dir, .slots = slots, .tcp_share = tcp_share, .hellos = 64 };
	char error[DATAPLANE_ERROR_BYTES];
	int err = dataplane_open(ret_dp, &settings, error);

	if (err)
		printf("error %d %s\n", err, error);
	return err;
}

static int program_fd(const struct dataplane *of, enum dataplane_program program)
{
	struct dataplane_program_info info;

	dataplane_program(of, program, &info);
	return info.fd;
}

static void swap(const char *object)
{
	struct dataplane *new = NULL;

	if (open_dataplane(&new, object, dataplane_meta(dp)->slots))
		return;
	printf("swapped %d\n", ports_swap(ports, program_fd(new, PROGRAM_RX_XDP), program_fd(new, PROGRAM_RX_TC),
					  program_fd(new, PROGRAM_TX_TC)));
	dataplane_close(dp);
	dp = new;
}

static void command(char *line)
{
	char *word = strtok(line, " "), *arg = strtok(NULL, " ");

	if (!word)
		return;
	if (!strcmp(word, "states")) {
		for (unsigned int i = 0; i < PORTS_MAX; i++)
			if (ports_state(ports, i))
				print_state(ports_state(ports, i), NULL);
	} else if (!strcmp(word, "counters")) {
		const struct ports_counters *c = ports_counters(ports);

		printf("counters events=%llu overruns=%llu dumps=%llu attached=%llu failed=%llu no_index=%llu no_place=%llu "
		       "refused=%s\n", (unsigned long long)c->events, (unsigned long long)c->overruns,
		       (unsigned long long)c->dumps, (unsigned long long)c->attached, (unsigned long long)c->failed,
		       (unsigned long long)c->no_index, (unsigned long long)c->no_place, c->refused);
	} else if (!strcmp(word, "books") && arg) {
		print_books(arg);
	} else if (!strcmp(word, "wait") && arg) {
		const struct port_state *s = state_of(arg);

		waiting_since_ns = loop_now_ns();
		snprintf(waiting, sizeof(waiting), "%s", arg);
		if (s && s->rx && s->tx)
			print_state(s, NULL);
	} else if (!strcmp(word, "swap") && arg) {
		swap(arg);
	} else if (!strcmp(word, "rules")) {
		char *rest[RULES];
		int n = 0;

		for (; arg && n < RULES; arg = strtok(NULL, " "))
			rest[n++] = arg;
		rule_count = 0;
		for (int i = 0; i < n; i++)
			add_rule(rest[i]);
		printf("reloaded %d\n", ports_reload(ports));
	} else if (!strcmp(word, "detach")) {
		ports_detach(ports);
		printf("detached\n");
	} else if (!strcmp(word, "unpin")) {
		printf("unpinned %d\n", pin_dir ? dataplane_unpin(pin_dir) : 0);
	} else if (!strcmp(word, "quit")) {
		loop_stop(loop, 0);
	} else {
		printf("what: %s\n", word);
	}
	printf(".\n");
	fflush(stdout);
}

static void input_ready(struct loop_fd *watch, uint32_t events)
{
	ssize_t n = read(0, input + input_len, sizeof(input) - 1 - input_len);
	char *end;

	if (n <= 0) {
		loop_stop(loop, 0);
		return;
	}
	input_len += (size_t)n;
	input[input_len] = 0;
	while ((end = strchr(input, '\n'))) {
		*end = 0;
		command(input);
		input_len -= (size_t)(end + 1 - input);
		memmove(input, end + 1, input_len + 1);
	}
}

int main(int argc, char **argv)
{
	struct loop_fd stdin_watch = { .ready = input_ready, .fd = 0 };
	struct ports_settings settings = { .want = want, .changed = print_state };
	uint32_t slots = 1024;
	bool once = false;
	int opt, err;

	while ((opt = getopt(argc, argv, "+p:q:s:cx")) != -1)
		switch (opt) {
		case 'p': pin_dir = optarg; break;
		case 'q': tcp_share = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 's': slots = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'c': settings.no_tcx = true; break;
		case 'x': once = true; break;
		default: return 2;
		}
	if (optind >= argc)
		return 2;
	for (int i = optind + 1; i < argc; i++)
		if (add_rule(argv[i]))
			return 2;
	if (open_dataplane(&dp, argv[optind], slots) || loop_new(&loop))
		return 1;
	printf("dataplane reused=%d seed=%llx\n", dataplane_reused(dp), (unsigned long long)dataplane_meta(dp)->seed);
	settings.rx_xdp_fd = program_fd(dp, PROGRAM_RX_XDP);
	settings.rx_tc_fd = program_fd(dp, PROGRAM_RX_TC);
	settings.tx_tc_fd = program_fd(dp, PROGRAM_TX_TC);
	settings.ports_fd = dataplane_map_fd(dp, "ports");
	settings.port_names_fd = dataplane_map_fd(dp, "port_names");
	settings.pin_dir = pin_dir;
	err = ports_new(&ports, loop, &settings);
	if (err) {
		printf("error %d ports: %s\n", err, strerror(-err));
		return 1;
	}
	for (int i = 0; i < rule_count; i++)
		if (!strchr(rules[i].name, '*'))
			ports_expect(ports, rules[i].name);
	printf("ready\n");
	fflush(stdout);
	if (!once) {
		loop_fd_add(loop, &stdin_watch, EPOLLIN);
		loop_run(loop);
		loop_fd_remove(&stdin_watch);
	}
	ports_free(ports);
	dataplane_close(dp);
	loop_free(loop);
	return 0;
}
