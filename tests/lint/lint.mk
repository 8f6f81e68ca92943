# SPDX-License-Identifier: BSD-3-Clause
#
# make lint            everything below; make lint-tidy and so on: one part
#
# What has not changed since it was found clean is not read again by clang-tidy and cppcheck
# (build/lint).

lint_dir := build/lint
lint_parts := arrows format tidy cppcheck man shell python blanks tests
product_src := $(sort $(foreach p,$(programs),$($(p)_src)))

# What git knows of and will know of; without git: as make dist.
lint_files = $(wildcard $(shell git ls-files -co --exclude-standard 2>/dev/null || \
	find . $(no_git_files) -printf '%P\n'))
lint_c = $(filter %.c %.h,$(lint_files))
# $(1): extension, $(2): interpreter that the first line of a file without extension names
lint_scripts = $(filter $(1),$(lint_files)) $(shell awk 'FNR == 1 && /^.!.*$(2)/ { print FILENAME } \
	{ nextfile }' $(filter-out $(1),$(lint_files)))

## lint: check includes, C, man pages, shell, Python, blanks (installs what it needs)
.PHONY: lint lint-deps $(addprefix lint-,$(lint_parts))
lint: lint-deps
	$(Q)$(MAKE) --no-print-directory --keep-going $(jobs) $(addprefix lint-,$(lint_parts))

## lint-deps: install what lint needs
lint-deps:
	$(Q)tests/install-deps lint

## lint-format: check that clang-format would change nothing
lint-format:
	$(say) LINT clang-format
	$(Q)clang-format --dry-run -Werror $(lint_c)

## lint-tidy: run clang-tidy on the product
lint-tidy: $(product_src:%.c=$(lint_dir)/%.tidy)

# One file a run: version 14 mixes files up (va_list). A third of the analyzer's usual depth: it
# takes half of the time.
$(lint_dir)/%.tidy: %.c .clang-tidy $(lint_dir)/flags
	$(say) TIDY $<
	$(Q)mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- -std=gnu11 $(our_cppflags) $(pkg_cflags) \
		-Xclang -analyzer-config -Xclang max-nodes=75000 2>/dev/null
	$(Q)$(CC) -std=gnu11 $(our_cppflags) $(pkg_cflags) -MM -MP -MT $@ -MF $(@:.tidy=.d) $<
	$(Q)touch $@

-include $(product_src:%.c=$(lint_dir)/%.d)

$(lint_dir)/flags: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' '$(our_cppflags)' | cmp -s - $@ || printf '%s\n' '$(our_cppflags)' > $@

## lint-cppcheck: run cppcheck on the product
lint-cppcheck:
	$(say) LINT cppcheck
	$(Q)mkdir -p $(lint_dir)/cppcheck
	$(Q)cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -j2 \
		--cppcheck-build-dir=$(lint_dir)/cppcheck \
		--enable=warning,portability,performance --suppress=missingIncludeSystem \
		$(our_cppflags) $(product_src)

## lint-arrows: check which folder includes which
lint-arrows:
	$(say) LINT arrows
	$(Q)$(PYTHON) tests/lint/arrows

## lint-tests: test lint-arrows, help, and the paths that documents name
lint-tests:
	$(say) LINT tests
	$(Q)$(PYTHON) -m unittest --quiet tests/lint/test_*.py

## lint-man: check the man pages
lint-man:
	$(say) LINT mandoc
	$(Q)mandoc -T lint -W warning $(man_pages)

## lint-shell: run shellcheck on all shell scripts
lint-shell:
	$(say) LINT shellcheck
	$(Q)shellcheck $(call lint_scripts,%.bash,sh$$)

## lint-python: run pyflakes on all Python files
lint-python:
	$(say) LINT pyflakes
	$(Q)$$(command -v pyflakes3 || echo pyflakes) $(call lint_scripts,%.py,python3)

## lint-blanks: look for blanks at the ends of lines
lint-blanks:
	$(say) LINT blanks
	$(Q)! grep -nIE '[[:blank:]]+$$' $(filter-out tests/fuzz/corpus/%,$(lint_files))

## format: put all C files into the project's format
.PHONY: format
format:
	$(Q)clang-format -i $(lint_c)
