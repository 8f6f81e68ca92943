# SPDX-License-Identifier: BSD-3-Clause
#
# make fuzz TARGETS="guest_stream varlink" FUZZ_SECONDS=600
#
# The targets find what is new. What was found, and what a target should begin with, is in
# corpus/<target>: "make check" replays it, with the compiler and sanitizers of the other tests.

FUZZ_CC ?= clang
FUZZ_SECONDS ?= 60
FUZZ_JOBS ?= 2

fuzz_dir := build/fuzz
fuzz_targets := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz_flags := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=undefined

# --- libFuzzer ------------------------------------------------------------------------

.PHONY: fuzz fuzz-deps
## fuzz-deps: install what fuzz and check-clang need
fuzz-deps:
	$(Q)tests/install-deps fuzz
## fuzz: run each fuzz target for FUZZ_SECONDS (60), FUZZ_JOBS (2) at a time
fuzz: fuzz-deps
	$(Q)$(MAKE) --no-print-directory $(jobs) $(addprefix $(fuzz_dir)/,$(fuzz_targets))
	$(Q)exec $(PYTHON) tests/fuzz/run --seconds $(FUZZ_SECONDS) --jobs $(FUZZ_JOBS) $(TARGETS)

$(fuzz_dir)/obj/%.o: %.c
	$(say) FUZZCC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(our_cppflags) $(our_cflags) $(pkg_cflags) $(fuzz_flags) \
		-fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(addprefix $(fuzz_dir)/obj/helper/manager/,varlink/text.o control/methods.o): \
	$(wildcard helper/manager/*/*.varlink)

$(fuzz_dir)/libvmpower.a: $(lib_src:%.c=$(fuzz_dir)/obj/%.o)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) qcs $@ $^

$(fuzz_dir)/fuzz_%: $(fuzz_dir)/obj/tests/fuzz/fuzz_%.o $(fuzz_dir)/libvmpower.a
	$(say) LD $@
	$(Q)$(FUZZ_CC) $(fuzz_flags) -fsanitize=fuzzer -o $@ $^ $(call pkg_libs,$(pkgs)) -pthread

# Keep the targets' objects, as in the Makefile.
.PRECIOUS: $(fuzz_dir)/obj/%.o
-include $(lib_src:%.c=$(fuzz_dir)/obj/%.d)
-include $(fuzz_targets:%=$(fuzz_dir)/obj/tests/fuzz/%.d)

# --- replay ---------------------------------------------------------------------------

test-programs: $(fuzz_targets:fuzz_%=$(san_dir)/fuzz/replay_%)

$(san_dir)/fuzz/replay_%: $(san_dir)/obj/tests/fuzz/fuzz_%.o $(san_dir)/obj/tests/fuzz/replay_main.o \
		$(san_dir)/libvmpower-test.a
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(san_flags) $(our_ldflags) $(LDFLAGS) -o $@ $^ \
		$(call pkg_libs,$(pkgs)) -pthread
