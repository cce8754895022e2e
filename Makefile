# SafeDNS: `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CACHE := .cache
STARTER := $(CACHE)/starter.sdns
NATIVE := $(shell find native -name '*.rs' -not -path 'native/target/*' -not -path 'native/fuzz/*') native/Cargo.toml native/Cargo.lock native/core/Cargo.toml native/python/Cargo.toml
FUZZ_SECONDS ?= 60
TEST_PACKAGES := bind9 bind9-dnsutils chromium curl dnsmasq-base fonts-noto-core g++ iproute2 knot-dnsutils knot-resolver nats-server nginx-light nsd openssl pdns-recursor postgresql unbound
BENCH_PACKAGES := bind9 bind9-dnsutils dnsdist dnsmasq-base dnsperf knot-resolver nsd pdns-recursor unbound strace wrk

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build bytecode $(STARTER) ## Build everything and serve the starter lists on 127.0.0.1:1053 and [::1]:1053
	@echo 'In another terminal, once it is ready:'
	@echo '  dig @127.0.0.1 -p 1053 casino.safedns.example'
	@echo '  http://127.0.0.1:8053/?name=casino.safedns.example'
	@echo '  curl http://127.0.0.1:8053/metrics'
	@exec $(BIN)/safedns serve --listen 127.0.0.1:1053 --listen '[::1]:1053' --web 127.0.0.1:8053 --tls 127.0.0.1:8443 --blocklist $(STARTER) --user "$$(id -un)"

.PHONY: build
build: $(VENV)/.built ## Build the program into .venv

.PHONY: test
test: develop-tools test-packages $(VENV)/.developed lint test-native fuzz test-python ## Set up everything and run every check

.PHONY: test-python
test-python: $(VENV)/.developed ## Python tests
	$(BIN)/python -m pytest -q

.PHONY: test-native
test-native: tools ## Rust tests
	cd native && cargo test --quiet --package safedns-core

.PHONY: lint
lint: $(VENV)/.developed ## Formatting, lints, types, stubs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest safedns._native
	cd native && cargo fmt --check && cargo clippy --quiet --all-targets -- -D warnings

.PHONY: fuzz
fuzz: $(CACHE)/bin/cargo-fuzz ## Fuzz each target for FUZZ_SECONDS (60) from the stored corpus
	PATH="$(CURDIR)/$(CACHE)/bin:$$PATH" native/fuzz/run $(FUZZ_SECONDS)

.PHONY: bench
bench: bench-packages $(VENV)/.developed bytecode ## Measure against the peers and store the run under benchmarks/runs
	$(BIN)/python -m benchmarks

.PHONY: tables
tables: $(VENV)/.developed ## Make the tables of categories and services from their YAML
	$(BIN)/python deploy/make-tables

.PHONY: format
format: $(VENV)/.developed ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	cd native && cargo fmt

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf $(VENV) $(CACHE) native/target native/fuzz/target benchmarks/work safedns/*.so

.PHONY: tools
tools:
	@PYTHON='$(PYTHON)' deploy/check-tools

.PHONY: develop-tools
develop-tools:
	@PYTHON='$(PYTHON)' deploy/check-tools develop

.PHONY: test-packages
test-packages:
	@deploy/debian-packages $(TEST_PACKAGES)

.PHONY: bench-packages
bench-packages:
	@deploy/debian-packages $(BENCH_PACKAGES)

$(VENV)/bin/maturin: | tools
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check 'maturin>=1.9.4,<2'

$(VENV)/.built: $(VENV)/bin/maturin pyproject.toml $(NATIVE)
	PIP_QUIET=2 $(BIN)/maturin develop --release --quiet --extras lists
	@touch $@

# Byte code beside the sources: without it every start compiles them anew and keeps the compiler's memory.
.PHONY: bytecode
bytecode: build
	@$(BIN)/python -m compileall -q safedns

$(VENV)/.developed: $(VENV)/.built
	$(BIN)/pip install --quiet --disable-pip-version-check $$($(BIN)/python -c "import tomllib; extras = tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']; print(*extras['dev'], *extras['coordinator'], sep='\n')")
	@touch $@

$(STARTER): $(VENV)/.built $(wildcard blocklists/*.txt)
	@mkdir -p $(CACHE)
	$(BIN)/safedns blocklist compile --output $@ $(foreach list,$(filter-out blocklists/protected.txt,$(wildcard blocklists/*.txt)),$(basename $(notdir $(list)))=$(list))

$(CACHE)/bin/cargo-fuzz: | tools
	cargo install --quiet --locked --root $(CACHE) cargo-fuzz
