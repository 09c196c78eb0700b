#!/usr/bin/env bash
# Runs the official clients of the model providers, MCP and A2A against the server: see
# crates/checkrein/tests/sdk/run.py. Words after the script's name go to it, for example `--only anthropic`.
#
# The clients are installed from their registries into the target folder, at pinned versions, once;
# `--install` does no more than that.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
program=${CHECKREIN:-$target/release/checkrein}
tests=crates/checkrein/tests/sdk
folder=$target/sdk
mkdir -p "$folder/node"

# A stamp names the list that is installed; a list that changed is installed anew.
current() { [ -f "$2" ] && cmp -s "$1" "$2"; }

if ! current "$tests/requirements.txt" "$folder/python/installed"; then
  echo "installing the Python clients"
  rm -rf "$folder/python"
  python3 -m venv "$folder/python"
  # A hundred packages one after the other take minutes; uv fetches them at once.
  "$folder/python/bin/pip" install --quiet --disable-pip-version-check uv==0.9.13
  "$folder/python/bin/uv" pip install --quiet --python "$folder/python/bin/python" --no-deps -r "$tests/requirements.txt"
  cp "$tests/requirements.txt" "$folder/python/installed"
fi
if ! current "$tests/package-lock.json" "$folder/node/installed"; then
  echo "installing the Node clients"
  cp "$tests/package.json" "$tests/package-lock.json" "$folder/node/"
  # Some of the clients need a newer Node than this machine may have; it comes from the registry as well.
  npm ci --prefix "$folder/node" --silent --no-audit --no-fund
  cp "$tests/package-lock.json" "$folder/node/installed"
fi
cp "$tests/clients.mjs" "$folder/node/"
[ "${1:-}" != --install ] || exit 0
[ -x "$program" ] || cargo build --locked --release -p checkrein

exec "$folder/python/bin/python" "$tests/run.py" --program "$program" \
  --python "$folder/python/bin/python" --node "$folder/node/node_modules/.bin/node" --scripts "$folder/node" "$@"
