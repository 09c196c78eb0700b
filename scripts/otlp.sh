#!/usr/bin/env bash
# Sends traces of a real server to a collector that reads them with OpenTelemetry's own classes. What
# that needs from Python goes into a folder of its own beside the build.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
target=${CARGO_TARGET_DIR:-$root/target}
[ -x "$target/release/checkrein" ] || cargo build --quiet --locked --release -p checkrein

wanted=scripts/otlp.requirements.txt
python=$target/otlp/bin/python
if ! cmp -s "$wanted" "$target/otlp/installed.txt"; then
  rm -rf "$target/otlp"
  python3 -m venv "$target/otlp"
  "$python" -m pip install --quiet --disable-pip-version-check --requirement "$wanted"
  cp "$wanted" "$target/otlp/installed.txt"
fi
"$python" scripts/otlp.py "$target/release/checkrein"
