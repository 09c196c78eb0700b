#!/usr/bin/env bash
# Starts a server with the example settings, lets a few agents act against it, and leaves it running.
#
# SECONDS_OF_DEMO=20 shortens the demo, STAY=no stops the server after it.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${CARGO_TARGET_DIR:-target}/release/checkrein
settings=examples/server/checkrein.yaml
data=example-data
token=$data/admin.token

mkdir -p "$data"
chmod 700 "$data"
if [ -d "$data/keys" ] && [ ! -f "$token" ]; then
  echo "\`$data\` is of an earlier start and its operator's token is not in \`$token\`." >&2
  echo "hint: put the token there, or remove \`$data\` to begin anew" >&2
  exit 1
fi

"$bin" serve --config "$settings" --first-token "$token" 2>"$data/server.log" &
server=$!
stop() {
  kill "$server" 2>/dev/null || true
  wait "$server" || true
}
trap stop EXIT
until curl -sf http://127.0.0.1:7071/readyz >/dev/null; do
  if ! kill -0 "$server" 2>/dev/null; then
    echo "the server did not start:" >&2
    tail -n 20 "$data/server.log" >&2
    exit 1
  fi
  sleep 0.1
done
echo

"$bin" demo --token-file "$token" --seconds "${SECONDS_OF_DEMO:-120}"

cat <<TEXT

Next
  what was decided      curl -s -H "authorization: Bearer \$(cat $token)" "http://127.0.0.1:7071/api/v1/decisions?limit=5"
  what waits            curl -s -H "authorization: Bearer \$(cat $token)" http://127.0.0.1:7071/api/v1/approvals
  is it all there       $bin ledger verify --config $settings
  judged step by step   $bin tour
  the server's log      $data/server.log
TEXT
[ "${STAY:-yes}" = yes ] || exit 0
echo
echo "The server goes on. Ctrl-C stops it."
wait "$server"
