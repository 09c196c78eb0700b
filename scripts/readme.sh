#!/usr/bin/env bash
# Does what README.md and the pages in docs/ say, each in an empty folder: writes their files, runs
# their commands, checks how they end and what they print.
#
# A block after `<!-- file: NAME -->` is written to NAME; a block after `<!-- runs: exit N -->` is run
# and must end with N; each line of a block after `<!-- prints -->` must stand in what that run printed.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
bin=${CARGO_TARGET_DIR:-$root/target}/release
[ -x "$bin/checkrein" ] || cargo build --quiet --locked --release -p checkrein
export PATH="$bin:$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  printf '%s: %s\n%s\n' "$page" "$1" "$2"
  cat out.txt
  exit 1
}

run_page() {
  ran=0
  local task="" block="" inside=no line want got wanted
  while IFS= read -r line || [ -n "$line" ]; do
    case "$inside:$line" in
      no:'<!-- '*' -->') task=${line#'<!-- '} task=${task%' -->'} ;;
      no:'```'*) inside=yes block="" ;;
      yes:'```')
        inside=no
        case "$task" in
          'file: '*) printf '%s' "$block" >"${task#file: }" ;;
          'runs: exit '*)
            want=${task#runs: exit } got=0
            bash -euo pipefail -c "$block" >out.txt 2>&1 || got=$?
            [ "$got" = "$want" ] || fail "ended with $got instead of $want:" "$block"
            ran=$((ran + 1))
            ;;
          prints)
            while IFS= read -r wanted; do
              [ -z "$wanted" ] || grep -qxF -- "$wanted" out.txt || fail "this line was not printed:" "$wanted"
            done <<<"$block"
            ;;
        esac
        task=""
        ;;
      yes:*) block+="$line"$'\n' ;;
    esac
  done <"$root/$page"
}

for page in README.md docs/*.md; do
  folder="$work/${page//\//-}"
  mkdir "$folder"
  cp -r examples policies "$folder/"
  cd "$folder"
  run_page
  cd "$root"
  [ "$page" != README.md ] || [ "$ran" -gt 0 ] || { echo "README.md: nothing to run was found"; exit 1; }
  [ "$ran" = 0 ] || echo "  $ran commands of $page ran as it says"
done
