#!/usr/bin/env bash
# Runs one of the examples beside this script, from a fresh data folder: examples/gateway/run.sh NAME
set -euo pipefail
root=$(realpath "$(dirname "$0")/../..")
example=$root/examples/gateway/${1:?which example? $(ls -d "$root"/examples/gateway/*/ | xargs -n1 basename | tr '\n' ' ')}
target=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")
checkrein=${CHECKREIN:-$target/release/checkrein}
clients=$target/sdk
export PROVIDER_KEY=of-the-provider

"$root/scripts/sdk.sh" --install
[ -x "$checkrein" ] || (cd "$root" && cargo build --locked --release -p checkrein)
data=$(mktemp -d)
cp "$example"/* "$data/"
started=()
trap 'kill "${started[@]}" 2>/dev/null || true; wait; rm -rf "$data"' EXIT
cd "$data"

# Other ports than the settings name, so that an example runs beside whatever else runs here.
read -r agents operators models first second < <("$clients/python/bin/python" -c '
import socket
taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]
print(*(one.getsockname()[1] for one in taken))')
sed -i "s/:7070/:$agents/; s/:7071/:$operators/; s/:9090/:$models/; s/:9001/:$first/; s/:9002/:$second/" checkrein.yaml

await() {
  for _ in $(seq 1000); do curl -so /dev/null --max-time 1 "$1" && return 0 || sleep 0.05; done
  echo "nothing answers at $1" >&2
  cat log >&2
  exit 1
}

# The world outside: a provider of models, and for some examples servers with tools.
if [ -f script.yaml ]; then
  "$checkrein" mock-provider --listen "127.0.0.1:$models" --script script.yaml >>log 2>&1 & started+=($!)
  await "http://127.0.0.1:$models/v1/models"
fi
port=$first
for server in *_server.py; do
  [ -f "$server" ] || continue
  "$clients/python/bin/python" "$server" "$port" >>log 2>&1 & started+=($!)
  await "http://127.0.0.1:$port/"
  port=$second
done

# Checkrein, with an agent and its key.
"$checkrein" serve --config checkrein.yaml --first-token admin.token >>log 2>&1 & started+=($!)
await "http://127.0.0.1:$operators/readyz"
api() { curl -sS --fail-with-body -X "$1" -H "authorization: Bearer $(cat admin.token)" -d "$3" "http://127.0.0.1:$operators/api/v1/$2"; }
api PUT agents/shop-helper '{ "environments": ["production"] }' >>log
CHECKREIN_KEY=$(api POST agents/shop-helper/keys '{ "label": "example" }' | sed 's/.*"key":"\([^"]*\)".*/\1/')
export CHECKREIN_KEY CHECKREIN_URL=http://127.0.0.1:$agents
until [ "$(curl -so /dev/null -w '%{http_code}' -H "authorization: Bearer $CHECKREIN_KEY" "$CHECKREIN_URL/ask/v1/decisions/dec_none")" != 401 ]; do
  sleep 0.05
done

if [ -f main.mjs ]; then
  cp main.mjs "$clients/node/example.mjs"
  "$clients/node/node_modules/.bin/node" "$clients/node/example.mjs"
else
  "$clients/python/bin/python" main.py
fi
