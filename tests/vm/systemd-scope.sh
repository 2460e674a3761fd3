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
limit=$(cat "/sys/fs/cgroup/machine.slice/$scope"/containers-0-*/limited/"$id/memory.max")
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

# systemd knows no limits of huge pages: they are refused, with how to get them, and groups of systemd's are left alone
if warren run --rm --hugetlb 2MB:4m tiny true 2>"$WARREN_DATA_ROOT/refused"; then fail 'hugetlb was not refused'; fi
grep -q 'systemd does not hand hugetlb down' "$WARREN_DATA_ROOT/refused" || fail "$(cat "$WARREN_DATA_ROOT/refused")"
if grep -q hugetlb /sys/fs/cgroup/cgroup.subtree_control; then fail 'hugetlb was enabled'; fi
eval "$(sed -n 's/.*by hand: \(.*done\);.*/\1/p' "$WARREN_DATA_ROOT/refused")"
systemctl daemon-reload
id=$(warren run -d --hugetlb 2MB:4m tiny pause)
limit=$(find /sys/fs/cgroup/machine.slice -path "*/$id/hugetlb.2MB.max" -exec cat {} +)
[ "$limit" = 4194304 ] || fail "the limit of huge pages is $limit"
warren rm -f "$id" >/dev/null
warren keeper stop

# a keeper of a version without scopes keeps its place, with all that is started, until it ends
name=warren-$(printf %s "$WARREN_DATA_ROOT" | sha256sum | cut -c1-8)
old=$(warren --cgroup-parent "$name" run -d --memory 32m tiny pause)
new=$(warren run -d --memory 32m tiny pause)
for id in "$old" "$new"; do
  [ -d "/sys/fs/cgroup/$name"/containers-0-*/limited/"$id" ] || fail "$id is not with its keeper"
done
[ -z "$(scopes)" ] || fail 'there is a scope beside the keeper'
warren stop -t 0 "$new" "$old" >/dev/null
warren keeper stop
warren start "$new" >/dev/null
[ -d "/sys/fs/cgroup/machine.slice/$(scopes)"/containers-0-*/limited/"$new" ] || fail 'started again, it is not in the scope'
warren rm -f "$new" "$old" >/dev/null
[ "$(warren doctor --leaks)" = 'No leaks' ] || fail 'leaks at the end'
warren keeper stop
echo 'systemd-scope: ok'
