#!/bin/sh
# What `make run-redis` runs: a private Redis unless REDIS_URL names one, a worker, a web process.
# All of them end with this script; Redis last, since the others still answer what they accepted.
set -eu

redis="" worker="" web="" place=""
finish() {
  trap - EXIT INT TERM
  for each in $web $worker; do kill "$each" 2>/dev/null || true; done
  for each in $web $worker; do wait "$each" || true; done
  [ -z "$redis" ] || { kill "$redis" 2>/dev/null || true; wait "$redis" || true; }
  [ -z "$place" ] || rm -rf "$place"
}
trap finish EXIT
trap 'exit 0' INT TERM

if [ -z "${REDIS_URL:-}" ]; then
  command -v redis-server >/dev/null || {
    echo "There is no redis-server in the path: install it, or name another one by REDIS_URL." >&2
    exit 1
  }
  data=${WEIR_DATA_DIR:-var}
  mkdir -p "$data"
  # In a folder of its own: a second one of these would take the first one's socket away, and the
  # path of a socket has about a hundred bytes.
  place=$(mktemp -d)
  # A session of its own, where that can be had: Ctrl-C is for the others, which still need it.
  $(command -v setsid) redis-server --port 0 --unixsocket "$place/redis.sock" --save "" --appendonly no \
    --maxmemory-policy noeviction --dir "$data" --logfile redis.log &
  redis=$!
  export REDIS_URL="unix://$place/redis.sock"
fi

"$PYTHON" manage.py migrate --verbosity 0
"$PYTHON" manage.py demo breast_cancer digits diabetes
"$PYTHON" manage.py firstadmin
"$PYTHON" manage.py worker &
worker=$!
"$PYTHON" manage.py serve &
web=$!
wait "$web" # in the foreground it would keep this script from hearing a signal that is for it alone
