#!/usr/bin/env bash
# Makes sure that the tools for building and testing are here. Safe to run any number of times.
set -euo pipefail

have() { command -v "$1" >/dev/null 2>&1; }

stop() {
  printf 'error: %s\n' "$1" >&2
  printf '  try: %s\n' "$2" >&2
  exit 1
}

have cargo || stop "cargo is not on the PATH" "install Rust 1.95 or newer with rustup, then open a new shell"

want=1.95
version=$(rustc --version | awk '{print $2}')
if [ "$(printf '%s\n%s\n' "$want" "$version" | sort -V | head -n 1)" != "$want" ]; then
  stop "Rust $version is older than $want" "rustup update stable"
fi

for component in rustfmt clippy; do
  if ! cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1; then
    echo "installing the Rust component $component"
    rustup component add "$component" ||
      stop "the Rust component $component is missing" "rustup component add $component"
  fi
done

missing=()
have cc || missing+=(gcc libc6-dev)
have g++ || missing+=(g++)
have zcat || missing+=(gzip)
have python3 || missing+=(python3)
# Python programs of the tests get what they need in a folder of their own.
! have python3 || python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
have curl || missing+=(curl)
# For the official clients that the gateway is tested with.
have npm || missing+=(nodejs npm)
python3 -m ensurepip --version >/dev/null 2>&1 || missing+=(python3-venv)
# Tests start a server of their own; Debian keeps its programs off the PATH.
compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || missing+=(postgresql)
if [ "${#missing[@]}" -gt 0 ]; then
  have apt-get || stop "missing: ${missing[*]}" "install them with your package manager"
  echo "installing ${missing[*]}"
  run=()
  [ "$(id -u)" = 0 ] || run=(sudo)
  "${run[@]}" apt-get update -qq && "${run[@]}" apt-get install -y -qq "${missing[@]}" ||
    stop "could not install ${missing[*]}" "apt-get install ${missing[*]}"
fi
