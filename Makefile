# tinyhttpd: `make help` lists the targets.
#
# Variables on the command line: CC, CFLAGS, CPPFLAGS, LDFLAGS, LDLIBS (added to ours), DEBUG=1 (ASan and UBSan),
# WERROR=1, QR=1 (needs libqrencode), BUILD_ROOT, PREFIX, DESTDIR; for check, valgrind, clients, musl-check and
# arm64-check T=PATTERN of names, such as T=range or T='stale*'; for browser ENGINES=NAME,...; for sites
# PLAYWRIGHT=FOLDER of node_modules; for fuzz FUZZ=NAME,..., FUZZ_SECONDS and FUZZ_CC; for soak SOAK_REQUESTS and
# SOAK_SEED; for mutants FILES, MUTANTS, SEED and HTTP; for instructions FUNCTIONS; for package-check SUITE.

# The program and the man page take the version from here; a test compares the changelog.
VERSION := 0.1.0

PREFIX ?= /usr/local
BUILD_ROOT ?= build
FUZZ_SECONDS ?= 20
SOAK_REQUESTS ?= 100000
FUZZ_CC ?= $(if $(findstring clang,$(CC)),$(CC),clang)

MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
.PHONY: all help deps run check test tests clients browser sites screenshots fuzz fuzz-targets soak coverage mutants valgrind lint analyzed bench share format \
	compile_commands.json install uninstall dist deb clean

# `make deps` unpacks packages here, whatever BUILD_ROOT is; `clean` keeps them, as they were downloaded.
DEPS := build/deps

# `make test` is `make check`, and needs the same tools.
goals := $(patsubst test,check,$(MAKECMDGOALS))

# `clean` and `deps` change files that this Makefile examines while make reads it. So they run first, and a second make
# runs the other goals.
first := $(strip $(filter clean deps,$(MAKECMDGOALS)))
rest := $(strip $(filter-out clean deps,$(MAKECMDGOALS)))

# Goals that need more than a compiler and the libraries; .ci/deps has a group for each.
equipped := check clients browser fuzz coverage valgrind lint image-check musl-check arm64-check deb package-check proof

deps: ## Install what is missing to build (with check, lint or others beside it: for those too)
	@FUZZ_CC='$(FUZZ_CC)' QR='$(QR)' .ci/deps build $(filter $(equipped),$(patsubst tests,check,$(patsubst soak,check,$(patsubst mutants,check,$(goals)))))

clean: ## Remove everything built
	@rm -f tinyhttpd compile_commands.json
	@test ! -d '$(BUILD_ROOT)' || find '$(BUILD_ROOT)' -mindepth 1 -maxdepth 1 $(if $(wildcard $(DEPS)),! -samefile '$(DEPS)') -exec rm -rf {} +

ifneq ($(and $(first),$(rest)),)

.NOTPARALLEL:
.PHONY: $(rest) then
$(rest): then ; @:
then: $(first) ; +@$(MAKE) $(rest)

else

help: ## List the targets, and the variables
	@awk -F ':.*## ' '/^[a-z0-9_.-]+:.*## / { printf "  make %-21s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@awk '/^# Variables/, /^$$/ { sub(/^#?/, " "); print }' $(firstword $(MAKEFILE_LIST))

# ---- Files ------------------------------------------------------------------------------------------------------

# Each kind of build has a folder of its own. The goals fuzz and coverage set KIND.
KIND := $(if $(DEBUG),debug,release)
BUILD := $(BUILD_ROOT)/$(KIND)
program := $(BUILD)/tinyhttpd

sources := $(sort $(wildcard src/*.c src/*/*.c))
headers := $(sort $(wildcard src/*.h src/*/*.h))
objects := $(sources:%.c=$(BUILD)/%.o)
unit_sources := $(sort $(wildcard tests/unit/*.c tests/unit/*/*.c))
unit_objects := $(unit_sources:%.c=$(BUILD)/%.o)
case_filter := $(BUILD)/tests/unit/filter.o
# T is a pattern of names, of units and of black-box tests.
units := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(sort $(wildcard tests/unit/*/$(or $(T),*).c)))
http_tests := $(sort $(wildcard tests/http/*.t))
# Libraries that some of the black-box tests preload (LD_PRELOAD).
preload_sources := $(sort $(wildcard tests/http/preload/*.c))
preloads := $(preload_sources:tests/http/preload/%.c=$(BUILD)/preload/%.so)
# The server with hostile workers.
hostile_objects := $(BUILD)/tests/hostile/worker.o
hostile := $(BUILD)/hostile/tinyhttpd
# Each file directly in tests/fuzz/ is a target, lib/ is their library.
fuzz_sources := $(sort $(wildcard tests/fuzz/*.c))
fuzz_lib_sources := $(sort $(wildcard tests/fuzz/lib/*.c))
fuzz_objects := $(fuzz_sources:%.c=$(BUILD)/%.o)
fuzz_lib_objects := $(fuzz_lib_sources:%.c=$(BUILD)/%.o)
fuzz_targets := $(fuzz_sources:tests/fuzz/%.c=$(BUILD)/fuzz/%)

# ---- Tools and flags: only for goals that compile ---------------------------------------------------------------

ifneq ($(filter-out help bench instructions image image-check musl-check arm64-check package-check install-units uninstall dist format clean deps proof proof-check,$(or $(goals),all)),)

comma := ,
hash := \#

# build/deps comes first, so that header and library are of the same release.
PKG_CONFIG ?= pkg-config
pkg_config := PKG_CONFIG_PATH='$(wildcard $(DEPS)/usr/lib/*/pkgconfig):$(PKG_CONFIG_PATH)' $(PKG_CONFIG)
LLHTTP_AT_LEAST := 9.2.1

compiler := $(shell $(CC) --version 2>/dev/null | head -n 1)
have = $(shell command -v $(1))
llhttp_version := $(if $(call have,$(PKG_CONFIG)),$(shell \
	$(pkg_config) --atleast-version=$(LLHTTP_AT_LEAST) libllhttp && $(pkg_config) --modversion libllhttp))
# With QR=1 the banner of --lan has a QR code.
qr := $(if $(QR),libqrencode)
magic_version := $(if $(call have,$(PKG_CONFIG)),$(shell $(pkg_config) --modversion libmagic 2>/dev/null))

missing := $(if $(compiler),,$(CC)) $(if $(call have,$(PKG_CONFIG)),$(if $(llhttp_version),,llhttp>=$(LLHTTP_AT_LEAST)) \
	$(if $(magic_version),,libmagic) $(if $(qr),$(shell $(pkg_config) --exists $(qr) || echo $(qr))),$(PKG_CONFIG))
ifneq ($(filter check tests soak coverage mutants valgrind,$(goals)),)
tools := perl curl
missing += $(if $(call have,$(PKG_CONFIG)),$(shell $(pkg_config) --exists cmocka || echo cmocka))
endif
ifneq ($(filter lint,$(MAKECMDGOALS)),)
tools += gcc perl clang clang-format clang-tidy clang-query cppcheck shellcheck mandoc bash
endif
ifneq ($(filter deb,$(MAKECMDGOALS)),)
tools += dh
endif
ifneq ($(filter coverage,$(MAKECMDGOALS)),)
tools += gcovr
endif
ifneq ($(filter valgrind,$(MAKECMDGOALS)),)
tools += valgrind
endif
ifneq ($(filter fuzz fuzz-targets,$(MAKECMDGOALS)),)
missing += $(if $(shell .ci/deps --has-fuzzer '$(FUZZ_CC)' && echo yes),,clang with libFuzzer)
endif
missing := $(strip $(missing) $(foreach tool,$(sort $(tools)),$(if $(call have,$(tool)),,$(tool))))
ifneq ($(missing),)
$(error missing: $(missing); type: make $(strip deps $(sort $(patsubst tests,check,$(patsubst mutants,check,$(patsubst soak,check,$(filter $(equipped) mutants soak tests,$(goals))))))))
endif

# llhttp's static library if it exists: it is faster, and an installed program must not need build/.
llhttp_archive := $(wildcard $(shell $(pkg_config) --variable=libdir libllhttp)/libllhttp.a)
llhttp_libs := $(or $(llhttp_archive),$(shell $(pkg_config) --libs libllhttp))
dependency_cflags := $(shell $(pkg_config) --cflags libllhttp libmagic $(qr)) $(if $(qr),-DTINYHTTPD_QR)
dependency_libs := $(llhttp_libs) $(shell $(pkg_config) --libs libmagic $(qr))

# Tries which flags this compiler supports, once for each compiler.
probe := $(BUILD_ROOT)/probe/$(firstword $(shell printf %s '$(CC) $(compiler) $(CFLAGS)' | cksum)).mk
ifeq ($(wildcard $(probe)),)
$(shell mkdir -p $(dir $(probe)))
known = $(shell printf '%s\n' 'int main(void) { return 0; }' \
	| $(CC) $(CFLAGS) -O2 -Werror $(1) -x c - -o $(probe).out 2>/dev/null && echo '$(1)'; rm -f $(probe).out)
# Level 3 needs __builtin_dynamic_object_size (gcc 12, clang 9). -U: some distributions predefine a level.
fortify := $(shell printf '$(hash)if !__has_builtin(%s)\n$(hash)error\n$(hash)endif\n' __builtin_dynamic_object_size \
	| $(CC) -E -x c - >/dev/null 2>&1 && echo 3 || echo 2)
$(file >$(probe),hardening_cflags := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(fortify) $(strip \
	$(call known,-fstack-protector-strong) $(call known,-fstack-clash-protection) \
	$(or $(call known,-fcf-protection=full),$(call known,-mbranch-protection=standard))))
$(file >>$(probe),hardening_ldflags := $(strip $(foreach flag,relro now noexecstack,$(call known,-Wl$(comma)-z$(comma)$(flag)))))
$(file >>$(probe),lto := $(call known,-flto=auto -ffat-lto-objects))
$(file >>$(probe),sanitizers := $(call known,-fsanitize=address$(comma)undefined))
endif
include $(probe)

base_cflags := -std=c17 -D_GNU_SOURCE -Isrc -DTINYHTTPD_VERSION='"$(VERSION)"' $(dependency_cflags) \
	-Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
sanitize := -fsanitize=address,undefined
cflags_release := -O2 -g $(hardening_cflags)
# Link-time optimization, for the program alone: --wrap does not reach the calls that it inlines. The other links use the
# plain code in the same objects.
lto_release := $(lto)
small_release := -Os
ldflags_release := $(hardening_ldflags)
cflags_debug := -O1 -g -U_FORTIFY_SOURCE $(sanitize) -fno-sanitize-recover=all -fno-omit-frame-pointer
ldflags_debug := $(sanitize)
# -fsanitize=fuzzer adds libFuzzer's main when a target is linked.
cflags_fuzz := $(cflags_debug) -fsanitize=fuzzer-no-link
ldflags_fuzz := $(sanitize) -fsanitize=fuzzer
# With the char of arm64, for the warnings that it brings.
cflags_analyzer := -O2 -fanalyzer -funsigned-char -Werror
# All warnings of clang but these:
#   padded                       structs have padding
#   declaration-after-statement  C17 allows it, as it does what c99-compat and pre-c11-compat name
#   disabled-macro-expansion     glibc's sa_handler and others are macros that name themselves
#   switch-default               contradicts covered-switch-default: a switch over an enum names all its values
#   anon-enum-enum-conversion    a sum of two constants, which C knows only as enums
#   unsafe-buffer-usage          pointer arithmetic is C
# With optimization, so that _FORTIFY_SOURCE warns, too.
cflags_strict := -O1 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -Werror -Weverything -Wno-unknown-warning-option \
	$(addprefix -Wno-,padded declaration-after-statement c99-compat pre-c11-compat disabled-macro-expansion \
	switch-default anon-enum-enum-conversion unsafe-buffer-usage)
cflags_scan := -O1
# Without optimization, so that the program's branches are those of the source.
cflags_coverage := -O0 -g -U_FORTIFY_SOURCE --coverage -DTINYHTTPD_COVERAGE='"$(abspath $(BUILD))"'
ldflags_coverage := --coverage

cflags := $(base_cflags) $(if $(WERROR),-Werror) -fPIE $(cflags_$(KIND))
ldflags := -pie $(ldflags_$(KIND))

compile = $(CC) $(strip $(cflags) $(lto_$(KIND)) $(CPPFLAGS) $(CFLAGS))
link_with = $(CC) $(strip $(cflags) $(1) $(CFLAGS) $(ldflags) $(LDFLAGS))
link = $(call link_with,-fno-lto)
link_program = $(call link_with,$(lto_$(KIND)))
libs = $(strip $(dependency_libs) $(LDLIBS))
# SOURCE, OUTPUT
compile_object = $(compile) $(if $(filter tests/%,$(1)),-Itests/unit -Itests/fuzz) -MMD -MP -c -o $(2) $(1)
compile_preload = $(CC) $(base_cflags) $(if $(WERROR),-Werror) -O1 -g -fPIC -shared -o $(2) $(1) -ldl

# Stamps: another compiler, flag, library release or list of files rebuilds the files that depend on it.
stamp = $(if $(findstring <$(strip $(2))>,<$(file <$(1))>),,$(shell mkdir -p $(dir $(1)))$(file >$(1),$(strip $(2))))
$(call stamp,$(BUILD)/compile.stamp,$(compile) # $(compiler) llhttp $(llhttp_version) libmagic $(magic_version))
$(call stamp,$(BUILD)/link.stamp,$(link_program) $(libs) # $(objects))

endif

# ---- The program --------------------------------------------------------------------------------------------------

all: $(program) ## Build ./tinyhttpd (the default); DEBUG=1 builds it with ASan and UBSan
	@cmp -s $(program) tinyhttpd || install -m 755 $(program) tinyhttpd

$(program): $(objects) $(BUILD)/link.stamp
	@echo '  link $@'
	@$(link_program) -o $@ $(objects) $(libs)

$(objects) $(unit_objects) $(hostile_objects) $(fuzz_objects) $(fuzz_lib_objects) $(BUILD)/share/generate.o: $(BUILD)/%.o: %.c $(BUILD)/compile.stamp
	@echo '  cc   $<'
	@mkdir -p $(@D)
	@$(call compile_object,$<,$@)

# What few requests run is made small, for the image.
seldom := main cli/% process/% sandbox/% base/log_writer base/unicode base/distance http/redirects http/header_rules \
	http/rules http/path_pattern site/reason site/listing site/page site/magic_guard $(addprefix answer/,directory error \
	explain% health live_reload metrics_text options page_part unregister)
$(filter $(seldom:%=$(BUILD)/src/%.o),$(objects)): override CFLAGS += $(small_$(KIND))

# The compiler's dependency files lack the assembler's .incbin files, and link-time optimization loses the labels.
$(BUILD)/src/site/assets.o: $(wildcard src/site/assets/*)
$(BUILD)/src/site/assets.o: override CFLAGS += -fno-lto

-include $(BUILD)/share/generate.d $(objects:.o=.d) $(unit_objects:.o=.d) $(hostile_objects:.o=.d) $(fuzz_objects:.o=.d) $(fuzz_lib_objects:.o=.d)

# Make writes the stamps while it reads this file; the empty rule tells it that they exist.
$(BUILD)/compile.stamp $(BUILD)/link.stamp: ;

# For clangd and other tools that need the compiler's command line of each file. Always rebuilt, as the variables on the
# command line change it. A JSON string escapes backslash and double quote.
compiled := $(sources) $(unit_sources) $(fuzz_sources) $(fuzz_lib_sources) share/generate.c
json_string = "$(subst ",\",$(subst \,\\,$(strip $(1))))"
# SOURCE, OUTPUT, COMMAND
json_entry = {"directory": $(call json_string,$(CURDIR)), "file": $(call json_string,$(1)), \
	"output": $(call json_string,$(2)), "command": $(call json_string,$(3))}

compile_commands.json: ## Write the compiler's command line of each file, for clangd and other tools
	$(file >$@.tmp,[)
	$(foreach source,$(compiled),$(file >>$@.tmp,$(call json_entry,$(source),$(source:%.c=$(BUILD)/%.o),$(call \
		compile_object,$(source),$(source:%.c=$(BUILD)/%.o)))$(comma)))
	$(foreach source,$(preload_sources),$(file >>$@.tmp,$(call json_entry,$(source),$(call preload_of,$(source)),$(call \
		compile_preload,$(source),$(call preload_of,$(source))))$(if $(filter $(source),$(lastword $(preload_sources))),,$(comma))))
	$(file >>$@.tmp,])
	@mv $@.tmp $@

preload_of = $(1:tests/http/preload/%.c=$(BUILD)/preload/%.so)

run: all ## Build, then serve ./www on port 8080
	@exec ./tinyhttpd -r ./www -p 8080

# SOURCE>FILE, below PREFIX.
installed := share/man/tinyhttpd.1>share/man/man1/tinyhttpd.1 \
	share/completions/tinyhttpd.bash>share/bash-completion/completions/tinyhttpd \
	share/completions/tinyhttpd.zsh>share/zsh/site-functions/_tinyhttpd \
	share/completions/tinyhttpd.fish>share/fish/vendor_completions.d/tinyhttpd.fish \
	$(foreach document,$(wildcard share/doc/*.md),$(document)>share/doc/tinyhttpd/$(notdir $(document))) \
	share/logrotate/tinyhttpd>share/doc/tinyhttpd/logrotate
# systemd reads units in /usr/local/lib, too.
installed_units := share/systemd/tinyhttpd.service>lib/systemd/system/tinyhttpd.service \
	share/systemd/tinyhttpd.socket>lib/systemd/system/tinyhttpd.socket
target_of = '$(DESTDIR)$(PREFIX)/$(lastword $(subst >, ,$(1)))'
install_file = install -D -m 644 $(firstword $(subst >, ,$(1))) $(target_of)

install: $(program) install-units ## Install below PREFIX (/usr/local), staged below DESTDIR
	install -D -m 755 $(program) $(call target_of,bin/tinyhttpd)
	$(foreach file,$(installed),$(call install_file,$(file)) &&) true

# The service gets the program's path from PREFIX; systemd.service(5) splits it at spaces.
.PHONY: install-units check-prefix
check-prefix:
	@case '$(PREFIX)' in [!/]* | *[!A-Za-z0-9/._+~@:-]*) \
		echo "make: PREFIX '$(PREFIX)': give an absolute path of letters, digits and /._+~@:-" >&2; exit 2; esac

install-units: check-prefix
	$(foreach file,$(installed_units),$(call install_file,$(file)) &&) true
	sed -i 's|/usr/local/bin/|$(PREFIX)/bin/|' $(call target_of,$(firstword $(installed_units)))

installed_files := bin/tinyhttpd $(foreach file,$(installed) $(installed_units),$(lastword $(subst >, ,$(file))))
# Folders to remove if they are empty. Below PREFIX this one alone is the program's own; a stage has no others.
installed_folders := $(if $(DESTDIR),$(sort $(dir $(installed_files))),share/doc/tinyhttpd/)

uninstall: check-prefix ## Remove what `make install` installed, with the same PREFIX and DESTDIR
	@test -d '$(DESTDIR)/' || { echo "uninstall: DESTDIR '$(DESTDIR)' is not a directory" >&2; exit 2; }
	rm -f $(foreach file,$(installed_files),'$(DESTDIR)$(PREFIX)/$(file)')
	set -e; cd '$(DESTDIR)/'; for folder in $(installed_folders); do \
		folder=$$(echo '$(PREFIX)'"/$$folder" | sed 's|^/*||'); \
		test ! -d "$$folder" || rmdir $(if $(DESTDIR),-p) --ignore-fail-on-non-empty "$$folder"; done

# The same bytes for the same commit, whenever and in whichever clone.
archive := $(BUILD_ROOT)/tinyhttpd-$(VERSION).tar
dist: ## Pack the last commit into tinyhttpd-VERSION.tar.gz, in BUILD_ROOT (build)
	@test -e .git || { echo 'dist: this folder is no clone: there is no commit to pack' >&2; exit 1; }
	@git diff --quiet HEAD || echo 'dist: changes that are not committed are left out' >&2
	@mkdir -p '$(BUILD_ROOT)'
	@git -c tar.umask=0022 -c core.autocrlf=false -c core.eol=lf -c core.attributesFile=/dev/null archive --prefix='tinyhttpd-$(VERSION)/' \
		-o '$(archive)' HEAD || { rm -f '$(archive)'; exit 1; }
	@gzip -9nf '$(archive)'
	@echo '$(archive).gz'

deb: ## Make the package for this release of Debian, in BUILD_ROOT
	@.ci/deb '$(VERSION)' '$(BUILD_ROOT)' '$(DEPS)'

# The repository contains the man page and the completions, so that `make install` need not build the generator; `make
# lint` compares them with the generator's output.
generated := share/man/tinyhttpd.1 $(patsubst %,share/completions/tinyhttpd.%,bash zsh fish)
generator := $(BUILD)/generate
kind_of = $(patsubst .%,%,$(suffix $(subst .1,.man,$(1))))

$(generator): $(BUILD)/share/generate.o $(BUILD)/src/cli/table.o $(BUILD)/src/base/signals.o $(BUILD)/link.stamp
	@echo '  link $@'
	@$(link) -o $@ $(filter %.o,$^)

share: $(generator) $(program) ## Make the man page, the completions and README's options anew, from the table of options
	@$(foreach file,$(generated),$(generator) $(call kind_of,$(file)) >$(file) &&) true
	@.ci/docs --update $(program)

# ---- The tests ------------------------------------------------------------------------------------------------------

# All objects but main, for the test programs.
library := $(BUILD)/tinyhttpd.a
$(library): $(filter-out $(BUILD)/src/main.o,$(objects))
	@rm -f $@
	@ar rcsDT $@ $^

# Each file in a folder of tests/unit/ is a program; tests/unit/filter.c is linked into all. The linker lists the objects
# that it took from the library (ld(1), --trace), so that make relinks a program only if one of these has changed.
$(units): $(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(case_filter) $(BUILD)/link.stamp | $(library)
	@echo '  link $@'
	@mkdir -p $(@D)
	@$(link) -Wl,--trace -o $@ $< $(case_filter) $(library) $(libs) $(shell $(pkg_config) --libs cmocka) >$@.trace
	@sed -n 's|^\($(BUILD)/src/.*\.o\)$$|$@: \1|p' $@.trace >$@.d

-include $(units:=.d)

# The program's own objects; --wrap puts the test between them.
$(hostile): $(hostile_objects) $(objects) $(BUILD)/link.stamp
	@echo '  link $@'
	@mkdir -p $(@D)
	@$(link) $(addprefix -Wl$(comma)--wrap=,answer worker_run accept4 execv recvmsg syscall shared_keep) -o $@ $(filter %.o,$^) $(libs)

# Without sanitizers, which check the program and not the test.
$(preloads): $(BUILD)/preload/%.so: tests/http/preload/%.c $(BUILD)/compile.stamp
	@echo '  cc   $<'
	@mkdir -p $(@D)
	@$(call compile_preload,$<,$@)

tests: $(program) $(units) $(hostile) $(preloads) ## Build the programs of the tests
	@:

# A wrong name is refused before anything is compiled.
ifneq ($(filter check,$(goals)),)
ifeq ($(wildcard tests/unit/*/$(or $(T),*).c tests/http/$(or $(T),*).t),)
$(error no test is called '$(T)'; see tests/unit/*/ and tests/http/)
endif
endif

check: ## Run all the tests, then once more under ASan and UBSan; T=PATTERN runs those of that name
	+@$(MAKE) DEBUG= tests
ifneq ($(sanitizers),)
	+@$(MAKE) DEBUG=1 tests
	@.ci/test $(T:%=--only '%') release='$(BUILD_ROOT)/release' sanitized='$(BUILD_ROOT)/debug'
else
	@echo 'This compiler has no ASan and UBSan: the second run is left out.'
	@.ci/test $(T:%=--only '%') release='$(BUILD_ROOT)/release'
endif

test: check ## The same as make check

# Some tests measure delays, so `make check lint` runs the linters first.
ifneq ($(filter lint,$(goals)),)
check: | lint
endif

clients: $(program) ## Let the real clients that are installed load files: curl, apt, git, ffmpeg, ...; T=PATTERN runs some
	@TINYHTTPD='$(program)' tests/clients/run $(T:%='%')

# Each test runs in the engines that are installed, or in those of ENGINES. For another one a line names the packages.
# The pictures of the pages are below BUILD_ROOT.
browser: $(program) ## Try pages, and --watch, in Chromium, Firefox and WebKitGTK
	@command -v node >/dev/null || { echo 'browser: skipped: no node; type: make deps browser'; exit 0; }; \
		TINYHTTPD='$(program)' PICTURES='$(BUILD_ROOT)/browser' node tests/browser/lib/run.mjs

# Needs npm, which downloads the generators of the sites, once; Chromium and playwright-core, in node_modules or in the
# folder PLAYWRIGHT.
sites: $(program) ## Build three real sites, serve them as their hosts do, open all pages in Chromium
	@command -v node >/dev/null || { echo 'sites: skipped: no node: apt install nodejs npm'; exit 0; }; \
		TINYHTTPD='$(program)' SITES='$(BUILD_ROOT)/sites' node tests/sites/run.mjs

screenshots: $(program) ## Take the pictures of README.md and share/doc anew
	@TINYHTTPD='$(program)' node share/screenshots/take.mjs

# ---- Coverage -------------------------------------------------------------------------------------------------------

# Processes add their counts to one file when they exit; killed ones don't. Some tests run the server as another user,
# which must be able to write there, too.
coverage: ## Run the tests, print how many branches they take, and fail where that is too few
	+@$(MAKE) KIND=coverage tests
	@find '$(BUILD_ROOT)/coverage' -name '*.gcda' -delete
	@find '$(BUILD_ROOT)/coverage' -type d -exec chmod a+rwx {} +
	@umask 0 && .ci/test coverage='$(BUILD_ROOT)/coverage'
	@.ci/coverage '$(BUILD_ROOT)/coverage'

# ---- Mutants --------------------------------------------------------------------------------------------------------

ifneq ($(DEBUG),)
mutants: export COMPILE = $(compile)
mutants: export LINK = $(link)
mutants: export LIBS = $(libs) $(shell $(pkg_config) --libs cmocka)
mutants: tests
	@MUTANTS='$(MUTANTS)' SEED='$(SEED)' HTTP='$(HTTP)' .ci/mutants '$(BUILD)' $(or $(FILES),$(wildcard src/http/*.c src/base/*.c))
else
mutants: ## Change src in one place at a time: which do the units not notice? Takes hours without FILES=... or MUTANTS=25
	+@$(MAKE) DEBUG=1 mutants
endif

# ---- valgrind -------------------------------------------------------------------------------------------------------

valgrind: ## Run the tests under valgrind, or with T=PATTERN only those of such a name
	+@$(MAKE) DEBUG= tests
	@.ci/valgrind '$(BUILD_ROOT)/release' '$(BUILD_ROOT)/valgrind' '$(or $(T),*)'

# ---- Fuzzing --------------------------------------------------------------------------------------------------------

# The calls that tests/fuzz/lib/wire.c replaces.
wrapped := recv send sendfile ioctl shutdown close poll write writev malloc realloc

$(fuzz_targets): $(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(fuzz_lib_objects) $(filter-out $(BUILD)/src/main.o,$(objects)) \
	$(BUILD)/link.stamp
	@echo '  link $@'
	@mkdir -p $(@D)
	@$(link) $(addprefix -Wl$(comma)--wrap=,$(wrapped)) -o $@ $(filter %.o,$^) $(libs)

# FUZZ=NAME,... selects targets.
fuzz_known := $(fuzz_sources:tests/fuzz/%.c=%)
fuzz_names := $(or $(subst $(comma), ,$(FUZZ)),$(fuzz_known))
ifneq ($(filter-out $(fuzz_known),$(fuzz_names)),)
$(error no fuzz target: $(filter-out $(fuzz_known),$(fuzz_names)); there are $(fuzz_known))
endif

ifeq ($(KIND),fuzz)
fuzz-targets: $(fuzz_names:%=$(BUILD)/fuzz/%)
	@:
else
fuzz-targets:
	+@$(MAKE) KIND=fuzz CC='$(FUZZ_CC)' fuzz-targets
endif

fuzz: fuzz-targets ## Run the kept inputs of each fuzz target, then look for new ones for FUZZ_SECONDS
	@tests/fuzz/run '$(BUILD_ROOT)/fuzz/fuzz' '$(FUZZ_SECONDS)' $(fuzz_names)

# ---- The soak test --------------------------------------------------------------------------------------------------

soak: ## Send 100,000 random requests, while clients vanish, files change, workers die and resources run out
	+@$(MAKE) DEBUG= tests
	@TINYHTTPD='$(abspath $(BUILD_ROOT))/release/tinyhttpd' SOAK_REQUESTS='$(SOAK_REQUESTS)' SOAK_PLOT='$(BUILD_ROOT)/soak.svg' \
		perl -Itests/http/lib tests/http/soak.t

# ---- Benchmarks -----------------------------------------------------------------------------------------------------

bench_programs := $(BUILD)/bench/ceiling $(BUILD)/bench/open_loop
$(bench_programs): $(BUILD)/bench/%: tests/bench/%.c $(BUILD)/compile.stamp
	@echo '  cc   $<'
	@mkdir -p $(@D)
	@$(link) $(CPPFLAGS) -o $@ $<

# Workloads of thousands of connections need as many descriptors.
bench: ## Measure the speed against the kernel's own cost and other servers, in 25 minutes; BENCH=1k,close: only these
	+@$(MAKE) --silent DEBUG= $(foreach program,tinyhttpd bench/ceiling bench/open_loop,'$(BUILD_ROOT)/release/$(program)')
	@ulimit -n "$$(ulimit -Hn)"; tests/bench/run '$(BUILD_ROOT)/release'

$(BUILD)/bench/unconfined.so: tests/bench/preload/unconfined.c $(BUILD)/compile.stamp
	@echo '  cc   $<'
	@mkdir -p $(@D)
	@$(CC) $(base_cflags) $(if $(WERROR),-Werror) -O1 -g -fPIC -shared -o $@ $< -ldl

.PHONY: instructions
instructions: ## Count the instructions of a request, by valgrind; FUNCTIONS=20 lists the costliest
	+@$(MAKE) --silent DEBUG= '$(BUILD_ROOT)/release/tinyhttpd' '$(BUILD_ROOT)/release/bench/unconfined.so'
	@tests/bench/instructions '$(BUILD_ROOT)/release' $(FUNCTIONS)

# ---- The container ------------------------------------------------------------------------------------------------

.PHONY: image image-check
image: ## Build the image tinyhttpd with docker, podman or buildah
	@for tool in docker podman buildah; do command -v $$tool >/dev/null && exec $$tool build -t tinyhttpd \
		--build-arg BUILDPLATFORM="linux/$$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')" \
		--build-arg VERSION='$(VERSION)' --build-arg REVISION="$$(git rev-parse HEAD 2>/dev/null)" .; done; \
		echo 'image: missing: docker, podman or buildah' >&2; exit 1

image-check: ## Build the image without a Docker engine, as root, and run it as in production
	@.ci/image-check '$(BUILD_ROOT)/image'

.PHONY: musl-check arm64-check
musl-check: ## Build with musl-gcc and run all the tests, or T=PATTERN
	@.ci/musl-check $(if $(T),'$(T)')

arm64-check: ## Run units, the sandbox's tests and the sample site on arm64, in qemu; T='*' runs everything
	@.ci/arm64-check $(if $(T),'$(T)')

.PHONY: package-check
package-check: ## Make the packages, and try Debian's in a clean Debian, as root; SUITE=trixie in that release
	@.ci/package-check '$(BUILD_ROOT)/package-check' $(SUITE)

# ---- The proof ----------------------------------------------------------------------------------------------------

.PHONY: proof proof-check
proof: ## Prove by Frama-C that the pure code has no undefined behaviour, for texts of any length
	@tests/proof/run '$(BUILD_ROOT)/proof'

proof-check: ## Seed an error into each proved function: the proof must notice it
	@tests/proof/run --seed '$(BUILD_ROOT)/proof'

# ---- Static checks ------------------------------------------------------------------------------------------------

lint_parts := lint-layers lint-share lint-docs lint-format lint-dropped lint-strict lint-tidy lint-cppcheck \
	lint-analyzer lint-scripts
tidied := $(sources:%.c=$(BUILD_ROOT)/tidy/%.ok)
.PHONY: $(lint_parts)

lint: $(lint_parts) ## Check layers, documents, format, the C code and the scripts
	@:

lint-layers:
	@echo '  layers'
	@.ci/layers --self-test
	@.ci/layers

lint-share: $(generator)
	@echo '  man page and completions'
	@$(foreach file,$(generated),$(generator) $(call kind_of,$(file)) | cmp - $(file) &&) true \
		|| { echo 'type: make share' >&2; exit 1; }
	@mandoc -T lint -W warning share/man/tinyhttpd.1
	@bash -n share/completions/tinyhttpd.bash

lint-docs: $(program)
	@echo '  documents'
	@.ci/docs --self-test
	@.ci/docs $(program)

formatted := $(sources) $(headers) $(unit_sources) $(wildcard tests/unit/*.h tests/unit/*/*.h tests/hostile/*.c) \
	$(fuzz_sources) $(fuzz_lib_sources) $(wildcard tests/fuzz/lib/*.h tests/bench/*.c tests/bench/preload/*.c) \
	$(preload_sources) share/generate.c share/magic_subset.c

lint-format:
	@echo '  clang-format'
	@clang-format --dry-run -Werror $(formatted)
	@! LC_ALL=C.UTF-8 grep -nE '.{121}' $(formatted) # comments, which it does not wrap

format: ## Format all of the C code with clang-format
	@command -v clang-format >/dev/null || { echo 'format: missing: clang-format; type: make deps lint' >&2; exit 1; }
	@clang-format -i $(formatted)

lint-tidy: $(tidied)

$(tidied): $(BUILD_ROOT)/tidy/%.ok: %.c $(headers) .clang-tidy
	@echo '  clang-tidy $<'
	@mkdir -p $(@D)
	@clang-tidy --quiet $< -- $(base_cflags) $(CPPFLAGS) 2>$@.log || { cat $@.log; exit 1; }
	@touch $@

# cppcheck does not read system headers, so it gets llhttp's version here, and missing includes are suppressed.
llhttp_number := $(subst ., ,$(llhttp_version))
lint-cppcheck:
	@echo '  cppcheck'
	@cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --library=posix,gnu -D_GNU_SOURCE -D__linux__ \
		-DTINYHTTPD_VERSION='"$(VERSION)"' -DLLHTTP_VERSION_MAJOR=$(word 1,$(llhttp_number)) \
		-DLLHTTP_VERSION_MINOR=$(word 2,$(llhttp_number)) -DLLHTTP_VERSION_PATCH=$(word 3,$(llhttp_number)) \
		--enable=warning,performance,portability \
		--suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches -Isrc src

# gcc's analyzer follows paths through functions that the other tools do not. Optimized, so that it sees inlined
# functions.
analyzed: $(objects)
	@:

lint-analyzer:
	+@$(MAKE) KIND=analyzer CC=gcc analyzed

lint-strict:
	+@$(MAKE) KIND=strict CC=clang analyzed

lint-dropped:
	@echo '  dropped results'
	@.ci/dropped --self-test
	@.ci/dropped $(base_cflags) $(CPPFLAGS)

lint-scripts:
	@echo '  shellcheck, perl -c, node --check'
	@shellcheck .ci/deps .ci/dropped .ci/run .ci/coverage .ci/valgrind .ci/image-check .ci/debian .ci/musl-check .ci/arm64-check .ci/deb .ci/package-check .ci/boot-systemd \
		share/packaging/alpine/APKBUILD share/packaging/arch/PKGBUILD tests/fuzz/run tests/proof/run
	@for script in .ci/docs .ci/layers .ci/mutants .ci/test $(wildcard tests/http/lib/*.pm tests/http/lib/*/*.pm) $(http_tests) tests/clients/run \
		$(wildcard tests/clients/*.pl tests/clients/lib/*.pm tests/clients/programs/*.perl) \
		tests/bench/run tests/bench/instructions $(wildcard tests/bench/lib/*.pm); do \
		perl -Itests/http/lib -Itests/clients/lib -Itests/bench/lib -c "$$script" 2>&1 | grep -v 'syntax OK$$' && exit 1; done; true
	@command -v node >/dev/null || { echo '  node --check: skipped: no node: apt install nodejs'; exit 0; }; \
	for script in $(wildcard tests/browser/*.mjs tests/*/lib/*.mjs tests/sites/*.mjs share/screenshots/*.mjs); do node --check "$$script" || exit 1; done

# Debian's own Python, as .ci/manifest uses Debian's Python packages.
lint: lint-manifest
.PHONY: lint-manifest
lint-manifest:
	@echo '  manifest'
	@if test -x /usr/bin/python3; then .ci/manifest share/kubernetes/*.yaml; else echo 'manifest: skipped: no python3 here'; fi

# clang-tidy runs the analyzer's default checkers, too; these add experimental ones, without two that give false alarms:
# PointerSub on an asset's two labels, OutOfBounds on lengths that are bounded elsewhere. A file with a report is
# compiled all the same, so begin with none. The reports stay in BUILD_ROOT/scan-reports.
.PHONY: scan
scan_checkers := $(addprefix -enable-checker ,alpha.core alpha.unix) \
	$(addprefix -disable-checker ,alpha.core.PointerSub alpha.unix.cstring.OutOfBounds)
scan: ## Run clang's analyzer with experimental checkers, which takes minutes; make deps lint installs it
	@command -v scan-build >/dev/null || { echo 'scan: missing: scan-build; type: make deps lint' >&2; exit 1; }
	@rm -rf '$(BUILD_ROOT)/scan' '$(BUILD_ROOT)/scan-reports'
	+@scan-build --status-bugs --use-cc=clang -o '$(BUILD_ROOT)/scan-reports' $(scan_checkers) \
		sh -c 'exec $(MAKE) KIND=scan CC="$$CC" analyzed'

endif
