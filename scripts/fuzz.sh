#!/usr/bin/env bash
# Runs each fuzz target for a number of seconds: scripts/fuzz.sh [SECONDS] [TARGET ...]
#
# Works with the stable compiler: coverage comes from the code generator's own pass, and the
# fuzzer itself is compiled with the system's C++ compiler. Seeds in fuzz/seeds/TARGET are read,
# words in fuzz/dictionaries/TARGET.dict are tried, what a run finds stays in fuzz/corpus/TARGET.
# FUZZ_PROFILE=long builds for hours of fuzzing: slower to build, faster to run.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-3}
shift || true

export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
host=$(rustc -vV | awk '/^host:/ { print $2 }')
# With an explicit target, build scripts and macros stay free of the instrumentation.
profile=${FUZZ_PROFILE:-release}
programs=${CARGO_TARGET_DIR:-fuzz/target}/$host/$profile
cargo build --quiet --locked --profile "$profile" --manifest-path fuzz/Cargo.toml --target "$host"

targets=("$@")
[ "${#targets[@]}" -gt 0 ] || mapfile -t targets < <(cd fuzz/fuzz_targets && ls *.rs | sed 's/\.rs$//')
for target in "${targets[@]}"; do
  mkdir -p "fuzz/corpus/$target" "fuzz/seeds/$target"
  printf '  %-16s ' "$target"
  log=$(mktemp)
  words=()
  [ ! -f "fuzz/dictionaries/$target.dict" ] || words=("-dict=fuzz/dictionaries/$target.dict")
  if "$programs/$target" "fuzz/corpus/$target" "fuzz/seeds/$target" "${words[@]}" \
    -max_total_time="$seconds" -seed="${FUZZ_SEED:-1}" -timeout=5 -rss_limit_mb=4096 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="fuzz/corpus/crash-$target-" >"$log" 2>&1; then
    awk '/stat::number_of_executed_units/ { print $2 " inputs, no fault" }' "$log"
    rm -f "$log"
  else
    echo "FAILED"
    tail -n 40 "$log"
    exit 1
  fi
done
