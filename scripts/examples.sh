#!/usr/bin/env bash
# Runs every example in examples/gateway and looks whether each line that its page promises is printed.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0
for example in examples/gateway/*/; do
  name=$(basename "$example") began=$SECONDS
  if ! out=$(examples/gateway/run.sh "$name" 2>&1); then
    printf '  %s ended with an error:\n%s\n' "$name" "$out"
    failed=1
    continue
  fi
  promised=0 wrong=no
  while IFS= read -r line; do
    [ -n "$line" ] || continue
    promised=$((promised + 1))
    grep -qxF -- "$line" <<<"$out" || { printf '  %s did not print: %s\n' "$name" "$line"; wrong=yes; }
  done < <(awk '/^<!-- prints -->/ { found = 1 } /^```/ { if (inside) { inside = 0; found = 0 } else if (found) { inside = 1; next } } inside' "$example/README.md")
  [ "$promised" -gt 0 ] || { echo "  $name: its page promises nothing"; wrong=yes; }
  if [ "$wrong" = yes ]; then
    printf '%s\n' "$out"
    failed=1
  else
    printf '  %-14s printed what its page says, in %d s\n' "$name" $((SECONDS - began))
  fi
done
exit "$failed"
