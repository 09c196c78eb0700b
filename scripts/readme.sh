#!/usr/bin/env bash
# Does what README.md says, in an empty folder: writes its files, runs its commands, checks how they end.
#
# A block after `<!-- file: NAME -->` is written to NAME; a block after `<!-- runs: exit N -->` is run
# and must end with N.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
[ -x target/release/checkrein ] || cargo build --quiet --locked --release -p checkrein
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r examples policies "$work/"
export PATH="$root/target/release:$PATH"
cd "$work"

ran=0
task="" block="" inside=no
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
          if [ "$got" != "$want" ]; then
            printf 'README.md: ended with %s instead of %s:\n%s\n' "$got" "$want" "$block"
            cat out.txt
            exit 1
          fi
          ran=$((ran + 1))
          ;;
      esac
      task=""
      ;;
    yes:*) block+="$line"$'\n' ;;
  esac
done <"$root/README.md"
[ "$ran" -gt 0 ] || { echo "README.md: nothing to run was found"; exit 1; }
echo "  $ran commands of README.md ran as it says"
