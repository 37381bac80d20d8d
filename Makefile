# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# weir: `make help` lists what can be made.
include config.mk

B       := build
Q       := $(if $(filter 1,$(V)),,@)
VERSION := $(shell sed -n 's/^## \([0-9][0-9.]*\).*/\1/p' CHANGES.md | head -n 1)
ARCH    := $(shell uname -m)

PKG_CFLAGS = $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
PKG_LIBS   = $(shell pkg-config --libs $(LIBS) 2>/dev/null)
CPPFLAGS  += -D_GNU_SOURCE -DWEIR_VERSION='"$(VERSION)"' -DPREFIX='"$(PREFIX)"' -I. -Ifw $(PKG_CFLAGS)
CARGS      = $(STD) $(WARN) $(CPPFLAGS) -MMD -MP
BPFARGS    = $(BPFFLAGS) -I. -I/usr/include/$(ARCH)-linux-gnu -MMD -MP

SRC     := $(sort $(wildcard fw/*/*.c))
OBJ     := $(SRC:%.c=$(B)/%.o)
SAN_OBJ := $(SRC:%.c=$(B)/san/%.o)
UNIT    := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
FUZZ    := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
TESTBPF := $(patsubst %.c,$(B)/%.o,$(wildcard tests/bpf/*.bpf.c tests/bench/*.bpf.c))
TOOLS   := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/lib/tool_*.c tests/bpf/test_*.c tests/bench/bench_*.c))

.PHONY: all demo test test-exact test-spool check san fuzz bench test-kernels install clean deps help format
.SECONDARY:

all: $(B)/weir $(B)/weir.bpf.o $(B)/oui.bin $(B)/man ## build the program, the BPF object, the vendor table and the manual

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "%-14s %s\n", $$1, $$2}' Makefile

deps: ## install what is missing from tools/packages (Debian, root)
	@tools/install-packages tools/packages

demo: ## show flows through a gateway, as received from MQTT, in under a minute
	@tools/install-packages tools/packages
	@$(MAKE) --no-print-directory all
	@tests/demo/run

test: ## every test; closes with "N passed, N failed, N skipped"
	@tools/install-packages tools/packages
	@$(MAKE) --no-print-directory -j2 all tests check
	@tests/lib/run

tests: all $(UNIT:%=$(B)/unit/%) $(UNIT:%=$(B)/san/unit/%) $(FUZZ:%=$(B)/fuzz/%) $(TESTBPF) $(TOOLS)
.PHONY: tests

check: ## include directions, ABI, style rules
	@tools/check-layers

san: $(B)/san/weir ## the program with address and undefined behaviour sanitizers

fuzz: all $(FUZZ:%=$(B)/fuzz/%) ## run every fuzzer for MINUTES minutes each
	@tests/fuzz/run $(MINUTES) $(FUZZ)

bench: all tests ## ratios against named baselines, as a table and build/bench.json; ROWS="hello sweep": only these
	@tests/bench/run $(ROWS)

test-exact: all $(B)/tests/lib/tool_flood ## every frame and byte is counted while agents are killed and replaced, for MINUTES=5
	@tests/exact/run $$(($(MINUTES) * 60))
test-exact: MINUTES = 5

test-spool: ## the spool's whole crash matrix, and the broken spools that it must find
	@B=$(B) CC="$(CC)" tests/spool/run
test-kernels: all ## load the object on Debian's 6.1 and 6.12 in QEMU; measure behind a flowtable on 6.12
	@tests/boot/kernels
	@tests/boot/flowtable

install: all ## install under DESTDIR and PREFIX
	install -D -m 755 $(B)/weir $(DESTDIR)$(PREFIX)/sbin/weir
	install -D -m 644 $(B)/weir.bpf.o $(DESTDIR)$(PREFIX)/lib/weir/weir.bpf.o
	install -D -m 644 $(B)/oui.bin $(DESTDIR)$(PREFIX)/lib/weir/oui.bin
	install -D -m 644 $(B)/weir.8 $(DESTDIR)$(PREFIX)/share/man/man8/weir.8
	install -D -m 644 $(B)/weir.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/weir.conf.5
	sed 's|@PREFIX@|$(PREFIX)|' rootfs/weir.service | install -D -m 644 /dev/stdin $(DESTDIR)/lib/systemd/system/weir.service
	test -e $(DESTDIR)/etc/weir/weir.conf || $(B)/weir check-config --print-defaults | \
		install -D -m 644 /dev/stdin $(DESTDIR)/etc/weir/weir.conf

clean: ## remove build/
	rm -rf $(B)

format: ## clang-format what is not committed
	git diff --name-only --diff-filter=d HEAD -- '*.c' '*.h' | xargs -r clang-format -i

# ---- how things are built ----

$(B)/weir: $(B)/fw/main.o $(B)/libweir.a
	@echo "  LD      $@"
	$(Q)$(CC) $(CFLAGS) -o $@ $^ $(LDFLAGS) $(PKG_LIBS)

$(B)/san/weir: $(B)/san/fw/main.o $(B)/san/libweir.a
	@echo "  LD      $@"
	$(Q)clang $(CFLAGS) $(SAN) -o $@ $^ $(PKG_LIBS)

$(B)/libweir.a: $(OBJ)
$(B)/san/libweir.a: $(SAN_OBJ)
%/libweir.a:
	@echo "  AR      $@"
	$(Q)rm -f $@; ar rcs $@ $^

$(B)/%.o: %.c
	@echo "  CC      $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CARGS) -c -o $@ $<

$(B)/san/%.o: %.c
	@echo "  CC san  $<"
	@mkdir -p $(@D)
	$(Q)clang $(CFLAGS) $(SAN) $(CARGS) -fsanitize=fuzzer-no-link -c -o $@ $<

$(B)/weir.bpf.o: bpf/weir.bpf.c
	@echo "  BPF     $<"
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPFARGS) -c -o $@ $<

$(B)/%.bpf.o: %.bpf.c
	@echo "  BPF     $<"
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPFARGS) -c -o $@ $<

$(B)/oui.bin: tools/make-oui $(wildcard /usr/share/ieee-data/*.csv)
	@mkdir -p $(@D)
	$(Q)tools/make-oui $@

$(B)/unit/%: tests/unit/%.c $(B)/libweir.a
	@echo "  TEST    $*"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CARGS) -Itests/lib -o $@ $< $(B)/libweir.a -lcmocka $(PKG_LIBS)

$(B)/san/unit/%: tests/unit/%.c $(B)/san/libweir.a
	@echo "  TEST    $* (san)"
	@mkdir -p $(@D)
	$(Q)clang $(CFLAGS) $(SAN) $(CARGS) -Itests/lib -o $@ $< $(B)/san/libweir.a -lcmocka $(PKG_LIBS)

$(B)/fuzz/%: tests/fuzz/%.c $(B)/san/libweir.a
	@echo "  FUZZ    $*"
	@mkdir -p $(@D)
	$(Q)clang $(CFLAGS) $(SAN) -fsanitize=fuzzer $(CARGS) -Itests/lib -o $@ $< $(B)/san/libweir.a $(PKG_LIBS)

$(B)/tests/%: tests/%.c $(B)/libweir.a
	@echo "  TEST    $*"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CARGS) -Itests/lib -o $@ $< $(B)/libweir.a -lcmocka $(PKG_LIBS)

$(B)/man: $(B)/weir
	@echo "  MAN     weir.8 weir.conf.5"
	$(Q)tools/make-man $(B)/weir $(B)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
