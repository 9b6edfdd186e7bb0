# SPDX-License-Identifier: Apache-2.0
#
# The one Makefile of Kilonova: no recursion into folders, one tree of objects a variant.
#
#   build/plain/   gcc -O2, hardened: what runs           build/asan/   gcc, ASan + UBSan: unit and it
#   build/clang/   clang, for its warnings: the check     build/fuzz/   clang + libFuzzer: make fuzz
#
# Every room's objects except its main.o go into build/<variant>/libkilonova.a; a program is its own object, that
# archive, and of the foreign libraries whatever it uses (--as-needed). `make help` lists what to ask for.

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

TOPS := lib api compute identity image network volume scheduler conductor compute-agent cli lab
# A room is a folder; the larger ones have a folder a role (ARCHITECTURE.md).
ROOMS := $(patsubst %/,%,$(sort $(dir $(wildcard $(TOPS:%=%/*.c) $(TOPS:%=%/*/*.c) $(TOPS:%=%/*/*/*.c)))))
BINARIES := kilonova kilonova-api kilonova-conductor kilonova-scheduler kilonova-network kilonova-volume \
	kilonova-image kilonova-agent kilonova-broker kilonova-forward kilonova-supervise
MAIN_kilonova := cli/main.c
MAIN_kilonova-api := api/main.c
MAIN_kilonova-conductor := conductor/main.c
MAIN_kilonova-scheduler := scheduler/main.c
MAIN_kilonova-network := network/main.c
MAIN_kilonova-volume := volume/main.c
MAIN_kilonova-image := image/main.c
MAIN_kilonova-agent := compute-agent/main.c
MAIN_kilonova-broker := lab/broker.c
MAIN_kilonova-forward := lab/forward.c
MAIN_kilonova-supervise := lab/supervise.c

MAINS := $(foreach b,$(BINARIES),$(MAIN_$(b)))
SOURCES := $(filter-out $(MAINS),$(wildcard $(ROOMS:%=%/*.c)))
BUILT := $(foreach b,$(BINARIES),$(if $(wildcard $(MAIN_$(b))),$(b)))
SUPPORT := $(wildcard tests/support/*.c)
UNIT := $(basename $(wildcard tests/unit/test_*.c tests/unit/*/test_*.c))
IT := $(basename $(wildcard tests/it/test_*.c))
ON_A_BUS := $(filter-out %_libvirt %/test_policy_cases,$(basename $(shell grep -lE 'kn_test_broker_start|support/(asked_agent|compute_seed|five_servers|front_world|nova|neutron|image_world|import_world|scheduler_world|service_world).h' tests/it/*.c)))
FUZZ := $(basename $(wildcard tests/fuzz/*.c))
TOOLS := $(basename $(wildcard tests/bench/*.c tests/chaos/*.c tests/e2e/*.c))
EVERY_C := $(SOURCES) $(wildcard $(MAINS)) $(SUPPORT) $(addsuffix .c,$(UNIT) $(IT) $(FUZZ) $(TOOLS))
MIGRATIONS := $(sort $(wildcard migrations/*.sql))

# --- flags ---------------------------------------------------------------------------------------------------------

CPPFLAGS_ALL := -I. -D_GNU_SOURCE -isystem /usr/include/postgresql -isystem /usr/include/libnl3
# libxml2's headers look for each other from there; one file sees them.
CPPFLAGS_domain_scan.c := -isystem /usr/include/libxml2
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wswitch-enum -Wformat=2 \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wcast-qual -Wpointer-arith -Wwrite-strings \
	-Wvla -Walloca -Wnull-dereference -Wundef -Wdate-time -Wfloat-equal -Wdouble-promotion
WARN_GCC := $(WARN) -Wimplicit-fallthrough=5 -Wformat-signedness -Wcast-align=strict -Wduplicated-cond \
	-Wduplicated-branches -Wlogical-op
WARN_CLANG := $(WARN) -Wimplicit-fallthrough -Wcast-align -Wno-string-concatenation -Wno-unknown-warning-option
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
STRICT := -std=c17 -g -Werror=implicit-function-declaration -Werror=return-type $(if $(WERROR),-Werror)

CC_plain := gcc
CFLAGS_plain := $(STRICT) -O2 $(WARN_GCC) $(HARDEN)
LDFLAGS_plain := -pie -Wl,-z,relro,-z,now
CC_asan := gcc
# The sanitisers' own code makes gcc guess wrong about these three; the plain and clang variants judge them.
CFLAGS_asan := $(STRICT) -O1 $(WARN_GCC) -Wno-null-dereference -Wno-format-truncation -Wno-maybe-uninitialized -fPIE \
	-fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LDFLAGS_asan := -pie -fsanitize=address,undefined
CC_clang := clang
CFLAGS_clang := $(STRICT) -O2 $(WARN_CLANG) $(HARDEN)
LDFLAGS_clang := -pie -Wl,-z,relro,-z,now
CC_fuzz := clang
CFLAGS_fuzz := $(STRICT) -O1 $(WARN_CLANG) -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LDFLAGS_fuzz := -fsanitize=fuzzer,address,undefined

# Foreign libraries; the linker keeps those that a program uses.
LIBS := -Wl,--as-needed -ljansson -lpq -lrdkafka -lmicrohttpd -lsodium -lssl -lcrypto -lcurl -lpcre2-8 -lxml2 -lyaml -lvirt -lvirt-qemu \
	-lext2fs -lnl-route-3 -lnl-3 -lnftables -lnetfilter_conntrack -lpthread -lm

# --- what to ask for -----------------------------------------------------------------------------------------------

.PHONY: all help build-asan unit it it-kafka e2e packets consoles machines format lint tidy cppcheck clang fuzz fuzz-replay check check-fresh bench bench-compare bench-network chaos faults guests interop shapes sdk clean lab lab-down kafka kafka-down
all: $(BUILT:%=build/bin/%) $(TOOLS:%=build/plain/%)

# --- building, once a variant --------------------------------------------------------------------------------------

say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)';)

define variant
OBJECTS_$(1) := $$(SOURCES:%.c=build/$(1)/%.o) build/$(1)/gen/migrations.o
MAIN_OBJECTS_$(1) := $$(patsubst %.c,build/$(1)/%.o,$$(wildcard $$(MAINS)))
SUPPORT_$(1) := $$(SUPPORT:%.c=build/$(1)/%.o)

# Holds the command line: everything is built again when the flags change.
build/$(1)/flags: FORCE
	@mkdir -p $$(@D)
	@printf '%s\n' '$$(CC_$(1)) $$(CPPFLAGS_ALL) $$(CFLAGS_$(1)) $$(CFLAGS)' | cmp -s - $$@ || \
	    printf '%s\n' '$$(CC_$(1)) $$(CPPFLAGS_ALL) $$(CFLAGS_$(1)) $$(CFLAGS)' > $$@

build/$(1)/%.o: %.c build/$(1)/flags
	@mkdir -p $$(@D)
	$$(call say,$$(CC_$(1)),$$<)$$(CC_$(1)) $$(CPPFLAGS_ALL) $$(CPPFLAGS_$$(notdir $$<)) $$(CFLAGS_$(1)) $$(CFLAGS) -MMD -MP -c -o $$@ $$<

build/$(1)/gen/migrations.o: build/gen/migrations.c build/$(1)/flags
	@mkdir -p $$(@D)
	$$(call say,$$(CC_$(1)),$$<)$$(CC_$(1)) $$(CPPFLAGS_ALL) $$(CFLAGS_$(1)) $$(CFLAGS) -MMD -MP -c -o $$@ $$<

build/$(1)/libkilonova.a: $$(OBJECTS_$(1))
	@rm -f $$@
	$$(call say,ar,$$@)ar rcs $$@ $$(OBJECTS_$(1))

build/$(1)/libsupport.a: $$(SUPPORT_$(1)) build/$(1)/flags
	@rm -f $$@
	$$(call say,ar,$$@)ar rcs $$@ $$(SUPPORT_$(1))

build/$(1)/tests/%: build/$(1)/tests/%.o build/$(1)/libsupport.a build/$(1)/libkilonova.a
	$$(call say,ld,$$@)$$(CC_$(1)) $$(LDFLAGS_$(1)) -o $$@ $$^ -lcmocka $$(LIBS)

.SECONDARY: $$(OBJECTS_$(1)) $$(MAIN_OBJECTS_$(1)) $$(SUPPORT_$(1)) \
	$$(patsubst %,build/$(1)/%.o,$$(UNIT) $$(IT) $$(FUZZ) $$(TOOLS))
-include $$(wildcard $$(patsubst %.o,%.d,$$(OBJECTS_$(1)) $$(MAIN_OBJECTS_$(1)) $$(SUPPORT_$(1)) \
	$$(patsubst %,build/$(1)/%.o,$$(UNIT) $$(IT) $$(FUZZ) $$(TOOLS))))
endef

define binary
build/$(1)/bin/$(2): build/$(1)/$$(MAIN_$(2):.c=.o) build/$(1)/libkilonova.a
	@mkdir -p $$(@D)
	$$(call say,ld,$$@)$$(CC_$(1)) $$(LDFLAGS_$(1)) -o $$@ $$^ $$(LIBS)
endef

VARIANTS := plain asan clang fuzz
$(foreach v,$(VARIANTS),$(eval $(call variant,$(v))))
$(foreach v,$(VARIANTS),$(foreach b,$(BUILT),$(eval $(call binary,$(v),$(b)))))

$(BUILT:%=build/bin/%): build/bin/%: build/plain/bin/%
	@mkdir -p $(@D)
	@ln -sfn ../plain/bin/$* $@

# The folder's own time tells when a migration went or was renamed.
build/gen/migrations.c: migrations/embed.sh $(MIGRATIONS) migrations
	@mkdir -p $(@D)
	$(call say,gen,$@)migrations/embed.sh $(MIGRATIONS) > $@

FORCE:

# --- tests ---------------------------------------------------------------------------------------------------------

# build/tally holds one line a suite; `make check` sums it.
build-asan: $(patsubst %,build/asan/%,$(UNIT) $(IT) $(FUZZ))

unit: $(UNIT:%=build/asan/%)
	@tests/support/run.sh unit $^

# What every integration test begins with: an empty cluster with our schema in the database "head".
build/test-pg/made: tests/support/pg_template.sh $(MIGRATIONS) migrations | build/bin/kilonova
	$(call say,pg,$@)tests/support/pg_template.sh build/test-pg && touch $@

# They wait for guests and clocks a third of their time: one more at a time than there are cores.
it: $(IT:%=build/asan/%) build/test-pg/made all
	@JOBS=$${JOBS:-$$(($$(nproc) + 1))} tests/support/run.sh it $(filter build/asan/%,$^)

# The integration tests that use a bus, once more: each on an empty Apache Kafka. (Libvirt's are about guests, on a host of their own; policy's
# cases are about the door.)
it-kafka: $(ON_A_BUS:%=build/asan/%) build/test-pg/made all
	@AROUND=tests/support/on_kafka.sh tests/support/run.sh it-kafka $(filter build/asan/%,$^)

# Every fuzz target replays its corpus in the check; `make fuzz` lets libFuzzer look for more.
$(FUZZ:%=build/asan/%): build/asan/tests/fuzz/%: build/asan/tests/fuzz/%.o build/asan/tests/fuzz/driver/replay.o \
	build/asan/libsupport.a build/asan/libkilonova.a
	$(call say,ld,$@)$(CC_asan) $(LDFLAGS_asan) -o $@ $^ $(LIBS)

fuzz-replay: $(FUZZ:%=build/asan/%)
	@tests/support/replay.sh $^

FUZZ_SECONDS ?= 30
fuzz: $(FUZZ:%=build/fuzz/%)
	@for f in $^; do n=$$(basename $$f); mkdir -p build/corpus/$$n build/crashes build/log; echo "== $$n"; \
	    $$f -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 -print_final_stats=0 -verbosity=0 \
	        -artifact_prefix=build/crashes/$$n- build/corpus/$$n tests/fuzz/corpus/$$n > build/log/fuzz-$$n.log 2>&1 || \
	        { tail -40 build/log/fuzz-$$n.log; exit 1; }; done

clang: $(BUILT:%=build/clang/bin/%) $(patsubst %.c,build/clang/%.o,$(EVERY_C)) build/clang/libkilonova.a

format:
	@git ls-files '*.c' '*.h' | xargs clang-format-16 -i

lint: build/bin/kilonova
	@tests/lint/run.sh

# One file a process: clang 14 reports false va_list errors when it is given several. A file is looked at again when it changed.
# The analyser goes shallow: deep it takes 14 times as long, and finds paths that cannot be.
TIDY_FLAGS := $(CPPFLAGS_ALL) -std=c17 -Xclang -analyzer-config -Xclang mode=shallow
build/tidy/%.ok: %.c .clang-tidy build/plain/%.o
	@mkdir -p $(@D)
	$(call say,tidy,$<)clang-tidy --quiet $< -- $(TIDY_FLAGS) $(CPPFLAGS_$(notdir $<)) > $@.log 2> $@.err || { cat $@.log $@.err; exit 1; }
	@touch $@
tidy: $(patsubst %.c,build/tidy/%.ok,$(SOURCES) $(wildcard $(MAINS)))

cppcheck:
	@mkdir -p build/cppcheck
	@cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 -j 2 \
	    --cppcheck-build-dir=build/cppcheck --suppressions-list=tests/lint/cppcheck.txt --suppress=missingIncludeSystem \
	    -I . -D_GNU_SOURCE -D__x86_64__ $(TOPS)

bench: all
	@tests/bench/bench.py

# What a host's firewall costs: transactions and packets; wants root
bench-network: build/plain/tests/bench/network
	@build/plain/tests/bench/network $(PORTS)

# This tree against another revision, in turn: make bench-compare BASE=<revision> [SERVERS=2000] [ROUNDS=2]
bench-compare: all build/plain/tests/bench/load
	@tests/bench/compare.py "$(BASE)" --rounds $(or $(ROUNDS),2) --servers $(or $(SERVERS),2000)

chaos: all
	@tests/chaos/run.sh

# Every action of a real guest with the agent, libvirtd or its QEMU killed at many moments; the check strikes twice at each. Some minutes; needs the lab's guest.
faults: all build/asan/tests/it/test_agent_faults_libvirt
	@KN_TEST_FAULTS=all CMOCKA_MESSAGE_OUTPUT=STDOUT build/asan/tests/it/test_agent_faults_libvirt

# An image as cloud users have them, Debian with systemd and cloud-init (build/lab/guest/debian.qcow2), and real guests of it by BIOS and by UEFI. A quarter of an hour
# or more under emulation; wants root.
guests: all build/plain/tests/it/test_agent_debian_libvirt
	@lab/mkdebian.sh
	@KN_TEST_DEBIAN=$(CURDIR)/build/lab/guest/debian.qcow2 CMOCKA_MESSAGE_OUTPUT=STDOUT build/plain/tests/it/test_agent_debian_libvirt

# README's "Several machines", in network namespaces; needs root, Java and Maven.
machines: all
	@tests/e2e/machines.py

e2e:
	@tests/e2e/run.sh

# Networks as guests see them: packets between real guests on three hosts of a lab, under ten minutes; `make e2e` and the check run a short form.
packets:
	@tests/e2e/run.sh --packets

# Remote consoles of a real guest, to the point where a command typed in a browser answers (Debian's chromium); the check runs a form without a browser.
consoles:
	@tests/e2e/run.sh --consoles

# make interop [SERVICES=a,b] [TESTS=regex] [ALL=1] [GUESTS=1]
interop: all
	@tests/interop/run.sh $(if $(SERVICES),--services '$(SERVICES)') $(if $(TESTS),--tests '$(TESTS)') $(if $(filter 1,$(ALL)),--all) $(if $(filter 1,$(GUESTS)),--guests)

# make shapes [SERVICES=a,b]: the APIs against what the services publish of them
shapes: all
	@tests/shapes/run.sh $(if $(SERVICES),--services '$(SERVICES)')

# gophercloud's acceptance tests; wants a newer Go than Debian's, or PyPI
sdk: all
	@tests/sdk/run.sh

check:
	@tests/check.sh

# README's two commands on a Debian 12 that has nothing; wants root
check-fresh:
	@tests/fresh.sh

# --- a cloud on this machine -----------------------------------------------------------------------------------------

# make lab [HOSTS=n] [BUS=kafka]
lab:
	+@HOSTS='$(HOSTS)' BUS='$(BUS)' lab/lab.sh up

lab-down:
	@lab/lab.sh down

kafka kafka-down:
	@deploy/kafka/kafka.sh $(if $(filter kafka,$@),up,down)

clean:
	rm -rf build/plain build/asan build/clang build/fuzz build/gen build/bin build/tally build/log build/tidy build/cppcheck build/interop build/shapes build/sdk

help:
	@sed -n 's/^#   //p' Makefile | head -4
	@echo "targets: all unit it e2e packets consoles machines format lint tidy cppcheck clang fuzz fuzz-replay check check-fresh bench bench-compare bench-network chaos faults guests interop shapes sdk lab lab-down kafka kafka-down clean"
