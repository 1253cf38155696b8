# What people run. Nothing here needs a container engine; the servers come from Debian's and Maven's packages.

CARGO ?= cargo

# Options of the measurements: `make bench BENCH="--parts drain,latency --rounds 3"`, `make bench BENCH="--help"`.
BENCH ?=

.PHONY: demo bench fetch test format lint deny compose-config

# Brings up MySQL and Kafka, runs a small shop for 20 seconds and shows its changes arrive in Kafka.
demo:
	$(CARGO) build --locked --release -p rowtide-cli -p rowtide-testbed
	target/release/rowtide-testbed demo

# Measures Rowtide on real servers beside what bounds it, and writes docs/benchmarks.md: about half an hour on two idle cores,
# and 8 GB of temporary files. Instructions are counted by valgrind, which must be installed for that part.
bench:
	$(CARGO) build --locked --release -p rowtide-cli -p rowtide-bench
	target/release/rowtide-bench run $(BENCH)

# Fetches every server that tests start. They fetch what is missing themselves; this says up front what cannot be had.
fetch:
	$(CARGO) build --locked --workspace --bin rowtide-testbed
	target/debug/rowtide-testbed fetch

# Format, lints, and all tests: unit, property, golden and live, on real servers.
test: format lint deny compose-config
	$(CARGO) test --locked --workspace

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
