#!/usr/bin/env bash
# Counts the instructions of one decision per row and compares with bench/instructions.txt:
# scripts/instructions.sh [--update]
#
# Times differ between machines and moments, instruction counts hardly do. Each row runs twice
# under callgrind, with N and with 2N decisions: the difference is N decisions without start-up.
# Rows repeat to a hundredth of a per cent: nothing between two runs of the same binary differs but
# where memory lies. A row that moves by more has found something random; that must not be there.
set -euo pipefail
cd "$(dirname "$0")/.."
recorded=bench/instructions.txt
binary=${CARGO_TARGET_DIR:-target}/release/checkrein
decisions=8
# Growth in percent that fails.
allowed=5
rows=("chat message, 200 B" "chat message, 1 kB" "chat message, 16 kB"
  "tool call, 1 KiB, 10 rules" "tool call, 1 KiB, 100 rules" "tool call, 1 KiB, 1000 rules")

if ! command -v valgrind >/dev/null; then
  run=()
  [ "$(id -u)" = 0 ] || run=(sudo -n)
  if ! { command -v apt-get && "${run[@]}" apt-get update -qq && "${run[@]}" apt-get install -y -qq valgrind; } >/dev/null 2>&1; then
    echo '  UNAVAILABLE: instructions are not counted, valgrind is missing and could not be installed' >&2
    echo '  try: install valgrind with your package manager' >&2
    exit 0
  fi
fi

counts=$(mktemp -d)
trap 'rm -rf "$counts"' EXIT

# All instructions of a run of one row with a number of decisions.
total() {
  local log="$counts/log-$BASHPID"
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$binary" bench --count "$1" --rounds "$2" \
    >"$log" 2>&1 || { cat "$log" >&2; return 1; }
  awk '/Collected :/ { print $NF; found = 1 } END { exit !found }' "$log"
}

# Two runs at a time, the N and the 2N of one row.
: >"$counts/now"
for row in "${rows[@]}"; do
  total "$row" "$decisions" >"$counts/once" &
  total "$row" $((2 * decisions)) >"$counts/twice"
  wait $!
  each=$((($(<"$counts/twice") - $(<"$counts/once")) / decisions))
  printf '%s\t%s\n' "$row" "$each" | tee -a "$counts/now" | awk -F '\t' '{ printf "  %-32s %12d\n", $1, $2 }'
done

if [ "${1:-}" = --update ]; then
  cp "$counts/now" "$recorded"
  echo "  recorded in $recorded"
  exit
fi
[ -f "$recorded" ] || { echo "error: no $recorded" >&2; echo '  try: scripts/instructions.sh --update' >&2; exit 1; }
awk -F '\t' -v allowed="$allowed" '
  NR == FNR { before[$1] = $2; next }
  !($1 in before) { printf "error: row \"%s\" is not recorded\n", $1; bad = 1; next }
  $2 * 100 > before[$1] * (100 + allowed) {
    printf "error: \"%s\" grew from %d to %d instructions (+%.1f %%, at most %d %%)\n", $1, before[$1], $2, ($2 / before[$1] - 1) * 100, allowed
    bad = 1
  }
  END {
    if (bad) print "  try: make it cheaper; if the growth is meant, scripts/instructions.sh --update and say why in the commit"
    exit bad
  }' "$recorded" "$counts/now" >&2
