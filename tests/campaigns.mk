# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Campaigns: too long for `make test`, run before a release. Included by the Makefile.
.PHONY: fuzz bench test-exact test-spool test-delivery test-dashboard test-kernels

fuzz: all $(FUZZ:%=$(B)/fuzz/%) ## run every fuzzer for MINUTES minutes each
	@tests/fuzz/run $(MINUTES) $(FUZZ)

bench: all tests ## ratios against named baselines, as a table and build/bench.json; ROWS="hello sweep": only these
	@tests/bench/run $(ROWS)

test-exact: all $(B)/tests/lib/tool_flood ## every frame and byte is counted while agents are killed and replaced, for MINUTES=5
	@tests/exact/run $$(($(MINUTES) * 60))
test-exact: MINUTES = 5

test-spool: ## the spool's whole crash matrix, and the broken spools that it must find
	@B=$(B) CC="$(CC)" tests/spool/run

test-delivery: all $(TOOLS) ## the way to the broker broken at every byte, outages, a fleet that comes back: nothing is lost
	@DELIVERY=full LIMIT_S=1800 tests/lib/run delivery/

test-dashboard: all ## every test of the dashboard: also under load, and on the live demo
	@SLOW=1 tests/lib/run dashboard/

test-kernels: all ## load the object on Debian's 6.1 and 6.12 in QEMU; measure behind a flowtable on 6.12
	@tests/boot/kernels
	@tests/boot/flowtable
