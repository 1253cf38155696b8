# What people run. Nothing here needs a container engine; the servers come from Debian's and Maven's packages.

CARGO ?= cargo

# Options of the measurements: `make bench BENCH="--parts drain,latency --rounds 3"`, `make bench BENCH="--help"`.
BENCH ?=

.PHONY: demo bench bench-peers fetch test fuzz format lint deny compose-config

# Brings up MySQL and Kafka, runs a small shop for 20 seconds and shows its changes arrive in Kafka.
demo:
	$(CARGO) build --locked --release -p rowtide-cli -p rowtide-testbed
	target/release/rowtide-testbed demo

# Measures Rowtide on real servers beside what bounds it, and writes docs/benchmarks.md: about an hour on two idle cores,
# and 8 GB of temporary files. Instructions are counted by valgrind, which must be installed for that part.
bench:
	$(CARGO) build --locked --release -p rowtide-cli -p rowtide-bench
	target/release/rowtide-bench run $(BENCH)

# The same work by a real Debezium in turn with Rowtide, as a part of the same page: about half an hour, and 70 MB more to fetch
# the first time. Needs Java 17 and Maven.
bench-peers:
	$(CARGO) build --locked --release -p rowtide-cli -p rowtide-bench
	target/release/rowtide-bench run --parts peers $(BENCH)

# Fetches every server that tests start. They fetch what is missing themselves; this says up front what cannot be had.
fetch:
	$(CARGO) build --locked --workspace --bin rowtide-testbed
	target/debug/rowtide-testbed fetch

# Format, lints, and all tests: unit, property, golden and live, on real servers.
test: format lint deny compose-config
	$(CARGO) test --locked --workspace

# Each fuzz target for FUZZ_SECONDS, beginning with the inputs of fuzz/corpus. What is found on the way stays in
# target/fuzz-corpus, an input that fails in fuzz/artifacts. Needs the nightly toolchain; cargo-fuzz is installed into
# target/tools on first use.
CARGO_FUZZ := target/tools/bin/cargo-fuzz
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
fuzz: $(CARGO_FUZZ)
	cd fuzz && PATH="$(CURDIR)/target/tools/bin:$$PATH" && \
	for target in $(FUZZ_TARGETS); do \
		echo "fuzz $$target"; mkdir -p ../target/fuzz-corpus/$$target; \
		cargo +nightly fuzz run --target-dir ../target/fuzz $$target ../target/fuzz-corpus/$$target corpus/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -max_len=8192 -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256 \
			-print_final_stats=1 || exit 1; \
	done

$(CARGO_FUZZ):
	$(CARGO) install --locked --root target/tools --target-dir target/tools/build cargo-fuzz

format:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

# Licences, sources and duplicates of the dependencies. cargo-deny is installed into target/tools on first use.
DENY := target/tools/bin/cargo-deny
deny: $(DENY)
	$(DENY) --locked check bans licenses sources

$(DENY):
	$(CARGO) install --locked --root target/tools --target-dir target/tools/build cargo-deny

# The compose file is checked wherever Docker's client is, engine or not.
compose-config:
	@if docker compose version >/dev/null 2>&1; then \
		docker compose -f docker/compose.yaml config --quiet && echo "docker/compose.yaml is well formed"; \
	else \
		echo "docker compose is not installed: docker/compose.yaml was NOT checked"; \
	fi
