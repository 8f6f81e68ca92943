# SPDX-License-Identifier: BSD-3-Clause
#
# "make help" lists the targets: the lines that begin with "## ". The caller's CFLAGS, CPPFLAGS and
# LDFLAGS are kept and extended.

VERSION := 0.2.0

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/libexec
DATADIR ?= $(PREFIX)/share
MANDIR ?= $(DATADIR)/man
UNITDIR ?= $(PREFIX)/lib/systemd/system
PRESETDIR ?= $(PREFIX)/lib/systemd/system-preset
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
UDEVRULESDIR ?= $(PREFIX)/lib/udev/rules.d
CATALOGDIR ?= $(PREFIX)/lib/systemd/catalog
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
SYSCONFDIR ?= /etc
RUNSTATEDIR ?= /run
DESTDIR ?=

CC ?= cc
# "make WERROR=" for a compiler that has more warnings than ours
WERROR ?= -Werror
AR ?= ar
PKG_CONFIG ?= pkg-config
INSTALL ?= install
PYTHON ?= python3
# use another folder for another compiler
BUILD ?= build
# A recursive make runs one job per CPU, unless the caller has given -j.
jobs = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

# --- sources --------------------------------------------------------------------------

common_src := $(wildcard common/*.c common/*/*.c)
xml_src := $(wildcard xml/*.c)
link_src := $(wildcard helper/link/*.c)
manager_src := $(wildcard helper/manager/*/*.c)
monitor_src := $(filter-out helper/monitor/main.c,$(wildcard helper/monitor/*.c helper/monitor/*/*.c))
ctl_src := $(wildcard ctl/*/*.c)
guest_src := $(wildcard guest/*/*.c)

programs := vmpowerd vmpower-monitor vmpower-hook vmpowerctl vmpower-guest

vmpowerd_src := helper/manager/main.c $(manager_src) $(link_src) $(xml_src) \
	$(filter-out common/command_line/%,$(common_src))
vmpower-monitor_src := helper/monitor/main.c $(monitor_src) $(link_src) \
	$(patsubst %,common/%.c,assertion clock cpuset escape log log_limit unix_socket value)
vmpower-hook_src := hook/main.c common/clock.c common/unix_socket.c
vmpowerctl_src := ctl/main.c $(ctl_src) $(xml_src) $(common_src)
vmpower-guest_src := guest/main.c $(guest_src) \
	$(patsubst %,common/%.c,assertion clock command_line/command_line command_line/text \
		cpuset escape json/build log log_limit unix_socket value whole_file)

# The hook links only libc, the monitor also libseccomp: little that can fail to load or be
# attacked.
vmpowerd_pkgs := libvirt libxml-2.0 libsystemd libudev jansson inih libseccomp
vmpower-monitor_pkgs := libseccomp
vmpower-guest_pkgs := jansson
vmpowerctl_pkgs := jansson ncursesw libxml-2.0 libvirt

lib_src := $(common_src) $(xml_src) $(link_src) $(manager_src) $(monitor_src) $(ctl_src) $(guest_src)
unit_tests := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/check_*.c))
all_src := $(sort $(foreach p,$(programs),$($(p)_src)) $(wildcard tests/*/*.c))

# all files, if git does not list them
no_git_files := -type f -not -path './build/*' -not -path './.git/*'

# --- flags ----------------------------------------------------------------------------

defines := -D_GNU_SOURCE -DVMPOWER_VERSION='"$(VERSION)"' \
	-DVMPOWER_RUNTIME_DIR='"$(RUNSTATEDIR)/vmpower"' \
	-DVMPOWER_CONFIG_FILE='"$(SYSCONFDIR)/vmpower/vmpower.conf"' \
	-DVMPOWER_LIBEXEC_DIR='"$(LIBEXECDIR)/vmpower"' \
	-DVMPOWER_SBIN_DIR='"$(SBINDIR)"' \
	-DVMPOWER_HOOK_FILE='"$(SYSCONFDIR)/libvirt/hooks/qemu.d/50-vmpower"'
warnings := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion \
	-Wno-sign-conversion -Wpointer-arith -Wwrite-strings -Wvla $(WERROR)

pkgs := $(sort $(vmpowerd_pkgs) $(vmpower-monitor_pkgs) $(vmpowerctl_pkgs))
pkg_cflags := $(shell $(PKG_CONFIG) --cflags $(pkgs) 2>/dev/null)
pkg_libs = $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null)

CFLAGS ?= -O2 -g
our_cppflags = -I. $(defines)
our_cflags = -std=gnu11 -fPIE -fstack-protector-strong -fno-strict-aliasing $(warnings)
our_ldflags = -pie -Wl,-z,relro,-z,now -Wl,--as-needed

# Two variants of every object: plain, as shipped, and san, with sanitizers, for the tests.
plain_dir := $(BUILD)
plain_flags :=
san_dir := $(BUILD)/san
san_flags := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer

# Keep the tests' objects. Not .SECONDARY: with it, a renamed header would not cause a rebuild.
.PRECIOUS: $(plain_dir)/obj/%.o $(san_dir)/obj/%.o
.PHONY: all
## all: build the programs: build/bin/{vmpowerd,vmpower-monitor,vmpower-hook,vmpowerctl,vmpower-guest}
all: $(addprefix $(BUILD)/bin/,$(programs)) $(BUILD)/vmpowerd.service \
	$(BUILD)/vmpower-monitor.service $(BUILD)/vmpower-restore.service $(BUILD)/vmpower-metrics.service

# $(1): variant
define variant_rules
$($(1)_dir)/obj/%.o: %.c
	$$(say) CC $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(our_cppflags) $$(CPPFLAGS) $$(our_cflags) $$(pkg_cflags) $$(CFLAGS) \
		$($(1)_flags) -MMD -MP -c -o $$@ $$<

$(foreach p,$(programs),$(call program_rule,$(1),$(p)))

$($(1)_dir)/libvmpower-test.a: $(lib_src:%.c=$($(1)_dir)/obj/%.o)
	$$(say) AR $$@
	$$(Q)rm -f $$@ && $$(AR) qcs $$@ $$^

$($(1)_dir)/tests/check_%: $(addprefix $($(1)_dir)/,obj/tests/unit/check_%.o \
		obj/tests/unit/runner.o libvmpower-test.a)
	$$(say) LD $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $($(1)_flags) $$(our_ldflags) $$(LDFLAGS) -o $$@ $$^ \
		$$(call pkg_libs,$(pkgs) check) -pthread

-include $(all_src:%.c=$($(1)_dir)/obj/%.d)
endef

# $(1): variant, $(2): program
define program_rule

$($(1)_dir)/bin/$(2): $($(2)_src:%.c=$($(1)_dir)/obj/%.o)
	$$(say) LD $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $($(1)_flags) $$(our_ldflags) $$(LDFLAGS) -o $$@ $$^ \
		$(if $($(2)_pkgs),$$(call pkg_libs,$($(2)_pkgs)) -pthread)
endef

$(eval $(call variant_rules,plain))
$(eval $(call variant_rules,san))

# One file that runs in any guest: an appliance has no libraries, or others.
$(BUILD)/bin/vmpower-guest.static: $(vmpower-guest_src:%.c=$(plain_dir)/obj/%.o)
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -static-pie -Wl,-z,relro,-z,now $(LDFLAGS) -o $@ $^ \
		$(shell $(PKG_CONFIG) --static --libs jansson 2>/dev/null)

.PHONY: guest-static
## guest-static: build build/bin/vmpower-guest.static, for guests that lack libraries
guest-static: $(BUILD)/bin/vmpower-guest.static

# Another compiler, other flags or other paths cause a rebuild.
how_built = $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(our_cflags) $(defines) $(SBINDIR) $(BINDIR) \
	$(LIBEXECDIR)
$(foreach d,$(plain_dir) $(san_dir),$(all_src:%.c=$(d)/obj/%.o)): $(BUILD)/how-built
$(BUILD)/how-built: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' '$(how_built)' | cmp -s - $@ || printf '%s\n' '$(how_built)' > $@
.PHONY: FORCE
FORCE:

$(BUILD)/vmpower-guest.service: packaging/guest/vmpower-guest.service.in $(BUILD)/how-built
	$(Q)sed 's|@BINDIR@|$(BINDIR)|' $< > $@

$(BUILD)/%.service: packaging/systemd/%.service.in $(BUILD)/how-built
	$(Q)sed 's|@SBINDIR@|$(SBINDIR)|;s|@BINDIR@|$(BINDIR)|;s|@LIBEXECDIR@|$(LIBEXECDIR)/vmpower|' $< > $@

# Varlink interface descriptions are part of the program (.incbin).
$(foreach d,$(plain_dir) $(san_dir),$(addprefix $(d)/obj/helper/manager/,varlink/text.o \
	control/methods.o)): $(wildcard helper/manager/*/*.varlink)

# --- the guest of the system tests ----------------------------------------------------

# where the static library is installed (Debian)
guest_program := $(if $(filter /%,$(shell $(CC) -print-file-name=libjansson.a)),build/bin/vmpower-guest.static)

build/guest-init: $(wildcard tests/guest/*.c tests/guest/*.h guest/protocol/frame.[ch])
	$(say) CC $@
	$(Q)mkdir -p build
	$(Q)$(CC) -std=gnu11 -O2 -D_GNU_SOURCE $(warnings) -I. -static -o $@ $(filter %.c,$^)

## guest: build the guest of the system tests
.PHONY: guest
guest: build/guest-init $(guest_program)
	$(Q)tests/guest/build-guest build/guest build/guest-init $(guest_program)

# The same with DPDK's power library, which is taken from packages but not installed.
dpdk := build/librte/dpdk
librte_src := tests/librte/power-guest.c tests/guest/guest-init.c tests/guest/ports.c

$(dpdk)/lib/librte_power.so:
	$(Q)tests/librte/build-guest fetch build/librte

build/librte/init: $(librte_src) $(wildcard tests/guest/*.h guest/protocol/*.h) | $(dpdk)/lib/librte_power.so
	$(say) CC $@
	$(Q)$(CC) -std=gnu11 -O2 -D_GNU_SOURCE $(warnings) -march=corei7 -I. \
		-isystem $(dpdk)/include/dpdk -isystem $(dpdk)/include/x86_64-linux-gnu/dpdk \
		-include rte_config.h -DALLOW_EXPERIMENTAL_API -o $@ $(librte_src) \
		-L$(dpdk)/lib -Wl,-rpath-link,$(dpdk)/lib -lrte_power -lrte_eal

## guest-librte: build the guest with DPDK's power library
.PHONY: guest-librte
guest-librte: guest build/librte/init
	$(Q)tests/librte/build-guest pack build/librte build/librte/init build/guest

# --- the emulated machine of the kernel tests ------------------------------------------

build/machine-init: tests/machine/machine-init.c tests/guest/modules.h
	$(say) CC $@
	$(Q)mkdir -p build
	$(Q)$(CC) -std=gnu11 -O2 -D_GNU_SOURCE $(warnings) -I. -static -o $@ $<

.PHONY: machine check-kernel
## machine: build the emulated machine of the kernel tests
machine: build/machine-init
	$(Q)tests/machine/build-machine build/machine build/machine-init

## check-kernel: run the tests on a real cpufreq driver, in an emulated machine (3 minutes)
check-kernel: deps
	$(Q)$(MAKE) --no-print-directory all machine
	$(Q)exec $(PYTHON) tests/run-all kernel

# --- promtool ----------------------------------------------------------------------------

## promtool: fetch promtool, for the tests of the metrics
.PHONY: promtool
promtool:
	$(Q)tests/monitoring/get-promtool build/promtool || echo "no promtool: its tests are skipped"

# --- demo and tests -------------------------------------------------------------------

## deps: install what building and testing need
.PHONY: deps
deps:
	$(Q)tests/install-deps

# "deps" first, then a make that sees the packages it installed.
.PHONY: demo check unit corpora component system
## demo: show a guest that asks and a frequency that changes (installs what it needs)
demo: deps
	$(Q)$(MAKE) --no-print-directory $(jobs) all guest
	$(Q)exec $(PYTHON) -m tests.system.demo $(DEMO_ARGS)

## check: run every test (installs what it needs)
check: deps
	$(Q)$(MAKE) --no-print-directory $(jobs) all guest guest-librte machine promtool test-programs
	$(Q)exec $(PYTHON) tests/run-all

# Parts of "check"; its packages must be installed.
## unit: run the unit tests
## corpora: replay the fuzzers' corpora
unit corpora: test-programs
	$(Q)exec $(PYTHON) tests/run-all $@
## component: run the real programs with stand-ins for QEMU and sysfs
component: all promtool test-programs
	$(Q)exec $(PYTHON) tests/run-all $@
## system: run the tests with a real libvirtd and real QEMU guests
system: all guest guest-librte
	$(Q)exec $(PYTHON) tests/run-all $@

## unit-plain: run the unit tests without sanitizers (a package's %check)
## unit-san: run the unit tests with sanitizers, without Python
.PHONY: unit-plain unit-san
unit-plain: $(addprefix $(plain_dir)/tests/,$(unit_tests))
unit-san: $(addprefix $(san_dir)/tests/,$(unit_tests))
unit-san: export ASAN_OPTIONS = abort_on_error=1:detect_leaks=1:allocator_may_return_null=1
unit-san: export UBSAN_OPTIONS = print_stacktrace=1:halt_on_error=1
unit-plain unit-san:
	$(Q)printf '%s\n' $^ | xargs -P $(shell nproc) -n 1 tests/run-quietly

## check-clang: build plain and san with clang, and run the unit tests of both
.PHONY: check-clang
check-clang: fuzz-deps
	$(Q)$(MAKE) --no-print-directory $(jobs) BUILD=build/clang CC=clang all unit-plain unit-san

# CHAOS_SECONDS=0 CHAOS_EVENTS=N: stop after N events. CHAOS_SEED=N: repeat a run.
## chaos: kill processes at random, for longer than check does: CHAOS_SECONDS=300
.PHONY: chaos
chaos: export CHAOS_SECONDS ?= 300
chaos: export CHAOS_EVENTS ?= 1000000
chaos: deps
	$(Q)$(MAKE) --no-print-directory $(jobs) all guest
	$(Q)exec $(PYTHON) -m tests.system.test_chaos

## test-programs: build the programs of the unit and component tests, with sanitizers
.PHONY: test-programs
test-programs: $(addprefix $(san_dir)/bin/,$(programs)) $(addprefix $(san_dir)/tests/,$(unit_tests))

bench_programs := $(addprefix build/bench/,spawn-time drain floor load monitor-alone storm turns.so counters)

.PHONY: bench bench-deps bench-quick
## bench-deps: install what bench needs
bench-deps:
	$(Q)tests/install-deps bench
## bench: measure what vmpower costs, compared with the least possible
bench: bench-deps
	$(Q)$(MAKE) --no-print-directory $(jobs) all $(bench_programs)
	$(Q)exec $(PYTHON) -m tests.bench.run $(BENCH_ARGS)
## bench-quick: run bench with fewer samples
bench-quick:
	$(Q)$(MAKE) --no-print-directory bench BENCH_ARGS=--quick

.PHONY: bench-scale
## bench-scale: measure what 1,000 domains do to those that are served (two minutes)
bench-scale:
	$(Q)$(MAKE) --no-print-directory bench BENCH_ARGS=scale

build/bench/storm: tests/bench/storm.c common/clock.c
build/bench/turns.so: tests/bench/turns.c
build/bench/turns.so: private bench_libs = -shared -fPIC
build/bench/spawn-time: tests/bench/spawn_time.c common/clock.c
build/bench/drain: tests/bench/drain.c
build/bench/floor: tests/bench/floor.c tests/bench/bench_frame.h
build/bench/load: tests/bench/load.c tests/bench/bench_frame.h common/clock.c
build/bench/monitor-alone: tests/bench/monitor_alone.c tests/bench/bench_frame.h \
	$(filter-out %/main.o,$(vmpower-monitor_src:%.c=$(plain_dir)/obj/%.o))
build/bench/monitor-alone: private bench_libs = $(call pkg_libs,$(vmpower-monitor_pkgs))
build/bench/counters: tests/bench/counters.c $(patsubst %.c,$(plain_dir)/obj/%.o, \
	$(wildcard helper/manager/traffic/*.c helper/manager/loop/*.c) $(link_src) $(common_src))
build/bench/counters: private bench_libs = $(call pkg_libs,jansson) -pthread
build/bench/%:
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(our_cppflags) $(our_cflags) $(CFLAGS) $(our_ldflags) $(LDFLAGS) -o $@ \
		$(filter-out %.h,$^) $(bench_libs)

include tests/fuzz/fuzz.mk
# --- installation ---------------------------------------------------------------------

hookdir := $(SYSCONFDIR)/libvirt/hooks/qemu.d
man_pages := $(wildcard docs/man/*.[1-8])
guest_man_pages := $(wildcard docs/man/vmpower-guest*.[1-8])
host_man_pages := $(filter-out $(guest_man_pages),$(man_pages))
man_path = $(MANDIR)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))

.PHONY: install uninstall
## install: install programs, units and man pages: PREFIX, SYSCONFDIR, LIBEXECDIR, DESTDIR
install: all
	$(INSTALL) -d '$(DESTDIR)$(SBINDIR)' '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(hookdir)' \
		'$(DESTDIR)$(LIBEXECDIR)/vmpower' \
		'$(DESTDIR)$(SYSCONFDIR)/vmpower/vmpower.conf.d' \
		'$(DESTDIR)$(UNITDIR)' '$(DESTDIR)$(CATALOGDIR)' \
		'$(DESTDIR)$(PRESETDIR)' '$(DESTDIR)$(SYSUSERSDIR)' '$(DESTDIR)$(TMPFILESDIR)' \
		'$(DESTDIR)$(BASHCOMPDIR)' '$(DESTDIR)$(ZSHCOMPDIR)' \
		'$(DESTDIR)$(DATADIR)/vmpower'
	$(INSTALL) -m 755 $(BUILD)/bin/vmpowerd '$(DESTDIR)$(SBINDIR)/'
	$(INSTALL) -m 755 $(BUILD)/bin/vmpower-monitor packaging/systemd/vmpower-stopping \
		'$(DESTDIR)$(LIBEXECDIR)/vmpower/'
	$(INSTALL) -m 755 $(BUILD)/bin/vmpowerctl '$(DESTDIR)$(BINDIR)/'
	@# a file, not a link: AppArmor allows only hooks in this directory
	$(INSTALL) -m 755 $(BUILD)/bin/vmpower-hook '$(DESTDIR)$(hookdir)/50-vmpower'
	$(INSTALL) -m 644 $(BUILD)/vmpowerd.service $(BUILD)/vmpower-monitor.service \
		$(BUILD)/vmpower-restore.service $(BUILD)/vmpower-metrics.service \
		packaging/systemd/vmpowerd.socket packaging/systemd/vmpowerd-hook.socket \
		packaging/systemd/vmpower-monitor.socket \
		packaging/systemd/vmpower-metrics.timer '$(DESTDIR)$(UNITDIR)/'
	$(INSTALL) -m 644 packaging/systemd/vmpower.preset \
		'$(DESTDIR)$(PRESETDIR)/80-vmpower.preset'
	$(INSTALL) -m 644 packaging/systemd/vmpower.sysusers \
		'$(DESTDIR)$(SYSUSERSDIR)/vmpower.conf'
	$(INSTALL) -m 644 packaging/systemd/vmpower.tmpfiles \
		'$(DESTDIR)$(TMPFILESDIR)/vmpower.conf'
	$(INSTALL) -m 644 packaging/journal/vmpower.catalog '$(DESTDIR)$(CATALOGDIR)/'
	$(INSTALL) -m 644 packaging/completion/vmpowerctl.bash \
		'$(DESTDIR)$(BASHCOMPDIR)/vmpowerctl'
	$(INSTALL) -m 644 packaging/completion/_vmpowerctl '$(DESTDIR)$(ZSHCOMPDIR)/'
	$(INSTALL) -m 644 xml/vmpower-domain.rng '$(DESTDIR)$(DATADIR)/vmpower/'
	$(foreach p,$(host_man_pages),$(INSTALL) -D -m 644 $(p) '$(DESTDIR)$(call man_path,$(p))' &&) :
	test -e '$(DESTDIR)$(SYSCONFDIR)/vmpower/vmpower.conf' || \
		$(INSTALL) -m 644 packaging/vmpower.conf '$(DESTDIR)$(SYSCONFDIR)/vmpower/'

## uninstall: remove what install installed
uninstall:
	rm -f '$(DESTDIR)$(hookdir)/50-vmpower' '$(DESTDIR)$(SBINDIR)/vmpowerd' \
		'$(DESTDIR)$(BINDIR)/vmpowerctl' \
		'$(DESTDIR)$(LIBEXECDIR)/vmpower/vmpower-monitor' \
		'$(DESTDIR)$(LIBEXECDIR)/vmpower/vmpower-stopping' \
		'$(DESTDIR)$(UNITDIR)/vmpowerd.service' \
		'$(DESTDIR)$(UNITDIR)/vmpowerd.socket' \
		'$(DESTDIR)$(UNITDIR)/vmpowerd-hook.socket' \
		'$(DESTDIR)$(UNITDIR)/vmpower-monitor.service' \
		'$(DESTDIR)$(UNITDIR)/vmpower-monitor.socket' \
		'$(DESTDIR)$(UNITDIR)/vmpower-restore.service' \
		'$(DESTDIR)$(UNITDIR)/vmpower-metrics.service' \
		'$(DESTDIR)$(UNITDIR)/vmpower-metrics.timer' \
		'$(DESTDIR)$(PRESETDIR)/80-vmpower.preset' \
		'$(DESTDIR)$(SYSUSERSDIR)/vmpower.conf' \
		'$(DESTDIR)$(TMPFILESDIR)/vmpower.conf' \
		'$(DESTDIR)$(CATALOGDIR)/vmpower.catalog' \
		'$(DESTDIR)$(BASHCOMPDIR)/vmpowerctl' '$(DESTDIR)$(ZSHCOMPDIR)/_vmpowerctl' \
		'$(DESTDIR)$(DATADIR)/vmpower/vmpower-domain.rng'
	rm -f $(foreach p,$(host_man_pages),'$(DESTDIR)$(call man_path,$(p))')
	-rmdir '$(DESTDIR)$(LIBEXECDIR)/vmpower' '$(DESTDIR)$(DATADIR)/vmpower'
	@echo "kept: $(DESTDIR)$(SYSCONFDIR)/vmpower"

.PHONY: install-guest uninstall-guest
## install-guest: install what runs in a virtual machine, as install does for a host
install-guest: $(BUILD)/bin/vmpower-guest $(BUILD)/vmpower-guest.service
	$(INSTALL) -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(BASHCOMPDIR)' '$(DESTDIR)$(ZSHCOMPDIR)' \
		'$(DESTDIR)$(UNITDIR)' '$(DESTDIR)$(UDEVRULESDIR)' '$(DESTDIR)$(SYSUSERSDIR)' \
		'$(DESTDIR)$(SYSCONFDIR)/vmpower'
	$(INSTALL) -m 755 $(BUILD)/bin/vmpower-guest '$(DESTDIR)$(BINDIR)/'
	$(INSTALL) -m 644 packaging/completion/vmpower-guest.bash \
		'$(DESTDIR)$(BASHCOMPDIR)/vmpower-guest'
	$(INSTALL) -m 644 packaging/completion/_vmpower-guest '$(DESTDIR)$(ZSHCOMPDIR)/'
	$(INSTALL) -m 644 $(BUILD)/vmpower-guest.service '$(DESTDIR)$(UNITDIR)/'
	$(INSTALL) -m 644 packaging/guest/70-vmpower-guest.rules '$(DESTDIR)$(UDEVRULESDIR)/'
	$(INSTALL) -m 644 packaging/guest/vmpower-guest.sysusers \
		'$(DESTDIR)$(SYSUSERSDIR)/vmpower-guest.conf'
	test -e '$(DESTDIR)$(SYSCONFDIR)/vmpower/guest.conf' || \
		$(INSTALL) -m 644 packaging/guest/guest.conf '$(DESTDIR)$(SYSCONFDIR)/vmpower/'
	$(foreach p,$(guest_man_pages),$(INSTALL) -D -m 644 $(p) '$(DESTDIR)$(call man_path,$(p))' &&) :

## uninstall-guest: remove what install-guest installed
uninstall-guest:
	rm -f '$(DESTDIR)$(BINDIR)/vmpower-guest' '$(DESTDIR)$(BASHCOMPDIR)/vmpower-guest' \
		'$(DESTDIR)$(ZSHCOMPDIR)/_vmpower-guest' \
		'$(DESTDIR)$(UNITDIR)/vmpower-guest.service' \
		'$(DESTDIR)$(UDEVRULESDIR)/70-vmpower-guest.rules' \
		'$(DESTDIR)$(SYSUSERSDIR)/vmpower-guest.conf' \
		$(foreach p,$(guest_man_pages),'$(DESTDIR)$(call man_path,$(p))')

include tests/lint/lint.mk

# --- packages --------------------------------------------------------------------------

# The tracked files, as they are in the tree now. Without git (a tarball, or another user's clone,
# which git refuses to read): all but build/ and .git/.
dist_name := vmpower-$(VERSION)
dist_files = { git ls-files -z 2>/dev/null || find . $(no_git_files) -print0; }
rpm_top := $(CURDIR)/build/rpm
# outside Fedora and RHEL, rpm lacks macros and does not know the installed packages
rpm_lacks = $(if $(shell rpm --eval '%{?_unitdir}'),,--load $(CURDIR)/packaging/rpm/elsewhere.macros --nodeps)

.PHONY: dist rpm check-packaging
## dist: make the source tarball
dist:
	$(Q)mkdir -p build
	$(Q)$(dist_files) | tar --null --no-recursion -T - --sort=name --owner=0 --group=0 \
		--numeric-owner --mtime=@$${SOURCE_DATE_EPOCH:-0} \
		--transform='s|^\(\./\)\?|$(dist_name)/|' -czf build/$(dist_name).tar.gz
	@echo build/$(dist_name).tar.gz

## rpm: build the RPMs: RPM_FLAGS="--without check"
rpm: dist
	$(Q)mkdir -p $(rpm_top)/SOURCES $(rpm_top)/SPECS
	$(Q)cp build/$(dist_name).tar.gz packaging/systemd/vmpower.sysusers \
		packaging/guest/vmpower-guest.sysusers $(rpm_top)/SOURCES/
	$(Q)sed 's|@VERSION@|$(VERSION)|' packaging/rpm/vmpower.spec > $(rpm_top)/SPECS/vmpower.spec
	$(Q)rpmbuild $(rpm_lacks) --define '_topdir $(rpm_top)' $(RPM_FLAGS) -ba \
		$(rpm_top)/SPECS/vmpower.spec

## check-packaging: test RPMs, units and the policy module
check-packaging: deps
	$(Q)$(MAKE) --no-print-directory machine
	$(Q)exec $(PYTHON) tests/run-all packaging

.PHONY: clean help
## clean: remove what was built
clean:
	rm -rf build

## help: list the targets
help:
	$(Q)awk -F ': ' 'sub(/^## /, "") { name = $$1; sub(/[^:]*: /, ""); printf "%-16s %s\n", name, $$0 }' \
		Makefile tests/*/*.mk | LC_ALL=C sort
	@echo "variables: CC CFLAGS CPPFLAGS LDFLAGS BUILD PREFIX SYSCONFDIR LIBEXECDIR DATADIR DESTDIR WERROR V=1"
