# Two commands matter: `make run` and `make test`. Every other target is a step of one of them,
# or a measurement; each can be run alone.

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
DATA ?= ../shared/data
# Seconds that each fuzz target runs in `make test`.
FUZZ_SECONDS ?= 3
# What property tests draw from, so that a run can be repeated; another number draws anew.
PROPERTY_SEED ?= 20261130
# How often `make test` kills the server; `make crash KILLS=10000` for long.
KILLS ?= 1000
# Minutes of `make soak` and `make soak-gateway`.
MINUTES ?= 60

say = @printf '\n\033[1m==> %s\033[0m\n' "$(1)"

.PHONY: help
help: ## Show this list
	@printf 'Checkrein: runtime control for AI agents\n\n'
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

.PHONY: run
run: tools ## Build, start a server and let example agents act against it
	$(call say,building)
	@$(CARGO) build --locked --release -p checkrein
	@scripts/run.sh

.PHONY: test
test: tools format lint unit rules otlp sdk examples crash instructions fuzz-smoke readme ## Install what is missing and run every test
	$(call say,all tests passed)

.PHONY: tools
tools: ## Check for the tools that a build needs, install what can be installed
	@scripts/tools.sh

.PHONY: format
format:
	$(call say,formatting)
	@$(CARGO) fmt --all --check || { echo 'hint: run `cargo fmt --all`'; exit 1; }

.PHONY: lint
lint:
	$(call say,lints)
	@$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

.PHONY: unit
unit:
	$(call say,unit and property tests with crate arrows and licences)
	@PROPTEST_RNG_SEED=$(PROPERTY_SEED) $(CARGO) test --locked --workspace

.PHONY: test-onnx
test-onnx: ## Lint and test the feature `onnx` (builds about 100 further crates)
	$(call say,lints and tests with the feature onnx)
	@$(CARGO) clippy --locked -p checkrein --features onnx --all-targets -- -D warnings
	@$(CARGO) test --locked -p checkrein --features onnx

.PHONY: rules
rules:
	$(call say,shipped rules and their cases)
	@$(CARGO) build --locked --release -p checkrein
	@target/release/checkrein check policies examples/tour
	@target/release/checkrein serve --config examples/server/checkrein.yaml --check
	@target/release/checkrein rules test policies

.PHONY: otlp
otlp: ## Send traces to a collector that reads them with OpenTelemetry's own classes
	$(call say,traces at a collector that is not ours)
	@$(CARGO) build --locked --release -p checkrein
	@scripts/otlp.sh

.PHONY: crash
crash: ## Kill the server under load KILLS times, and look whether anything is lost
	$(call say,killing the server $(KILLS) times)
	@$(CARGO) build --locked --release -p checkrein
	@$(CARGO) run --locked --quiet -p bench-server -- crash --server target/release/checkrein --kills $(KILLS)

.PHONY: fuzz-smoke
fuzz-smoke: ## Run each fuzz target for a few seconds
	$(call say,fuzz targets for $(FUZZ_SECONDS) s each)
	@scripts/fuzz.sh $(FUZZ_SECONDS)

.PHONY: instructions
instructions: ## Count the instructions of one decision and compare with bench/instructions.txt
	$(call say,instructions of one decision)
	@$(CARGO) build --locked --release -p checkrein
	@scripts/instructions.sh

.PHONY: readme
readme:
	$(call say,the steps of the README)
	@scripts/readme.sh

.PHONY: sdk
sdk: ## Run the official clients of model providers, MCP and A2A against the server
	$(call say,official clients)
	@$(CARGO) build --locked --release -p checkrein
	@scripts/sdk.sh

.PHONY: examples
examples: ## Run the example agents behind the gateway, and compare what they print with their pages
	$(call say,example agents behind the gateway)
	@$(CARGO) build --locked --release -p checkrein
	@scripts/examples.sh

.PHONY: detect-report
detect-report: ## Measure detection on the corpora in DATA (default ../shared/data)
	@$(CARGO) build --locked --release -p checkrein
	@target/release/checkrein report $(DATA)

.PHONY: opa-conformance
opa-conformance: ## Run the public Rego test suite from DATA
	@$(CARGO) build --locked --release -p checkrein
	@target/release/checkrein report --only opa $(DATA)

.PHONY: bench
bench: ## Print latency percentiles of the engine
	@$(CARGO) bench --locked -p checkrein

.PHONY: bench-server
bench-server: ## Print latency, throughput and cost of the server with 64, 1,000 and 5,000 agents
	@$(CARGO) build --locked --release -p checkrein -p bench-server
	@target/release/bench-server load --server target/release/checkrein

.PHONY: soak
soak: ## Load the server for MINUTES, and print its memory after each
	@$(CARGO) build --locked --release -p checkrein -p bench-server
	@target/release/bench-server load --server target/release/checkrein --soak $(MINUTES)

.PHONY: bench-gateway
bench-gateway: ## Measure the gateway beside a proxy that does nothing and other gateways (installs those first)
	@$(CARGO) build --locked --release -p checkrein -p bench-gateway
	@setsid --wait target/release/bench-gateway run --server target/release/checkrein

.PHONY: soak-gateway
soak-gateway: ## Ask through the gateway for MINUTES over a provider that fails in every way; no record is lost, memory stays flat
	@$(CARGO) build --locked --release -p checkrein -p bench-gateway
	@target/release/bench-gateway soak --server target/release/checkrein --minutes $(MINUTES)

.PHONY: bench-peers
bench-peers: ## Measure policy beside other policy engines (builds them first, minutes)
	$(call say,policy beside other engines)
	@$(CARGO) run --locked --release --manifest-path bench/peers/Cargo.toml
