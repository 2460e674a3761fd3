#!/bin/sh
# With systemd as process 1 (tests/vm/run.sh --systemd): containers live in a scope that systemd gave away, with their limits, and
# the scope goes with the keeper.
set -eu
warren() { node bin/warren.js "$@"; }
fail() {
  echo "systemd-scope: $1" >&2
  find /sys/fs/cgroup/machine.slice -type d >&2 || true
  cat "$WARREN_DATA_ROOT/run/keeper.log" >&2 || true
  exit 1
}
scopes() { systemctl list-units --all --no-legend --plain 'warren*.scope' | cut -d' ' -f1; }

WARREN_DATA_ROOT=$(mktemp -d)
export WARREN_DATA_ROOT WARREN_DEFAULT_NETWORK=none

# the first container makes the scope, and has its limit
id=$(warren run -d --memory 32m tiny pause)
scope=$(scopes)
[ -n "$scope" ] || fail 'there is no scope'
[ "$(systemctl show -p Delegate --value "$scope")" = yes ] || fail 'the scope is not delegated'
limit=$(cat "/sys/fs/cgroup/machine.slice/$scope/limited/$id/memory.max")
[ "$limit" = 33554432 ] || fail "the limit is $limit"

# systemd leaves the groups alone
systemctl daemon-reload
[ "$(warren exec "$id" echo here)" = here ] || fail 'no exec after a reload'
warren rm -f "$id" >/dev/null
[ "$(warren doctor --leaks)" = 'No leaks' ] || fail 'leaks'

# the scope ends with the keeper; several programs make it anew at once
warren keeper stop
until [ -z "$(scopes)" ]; do sleep 0.1; done
for number in 1 2 3; do warren run --rm --memory 32m tiny echo "$number" & done >"$WARREN_DATA_ROOT/said"
wait
[ "$(sort "$WARREN_DATA_ROOT/said" | tr '\n' ' ')" = '1 2 3 ' ] || fail "three at once said: $(cat "$WARREN_DATA_ROOT/said")"
warren keeper stop
echo 'systemd-scope: ok'
