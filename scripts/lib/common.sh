# Sourced by every script: strict mode, where we are, progress lines, and the tally of passed and failed checks.
# Knows nothing of packages or builds.
set -euo pipefail
ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT"
mkdir -p build
export LC_ALL=C.UTF-8
JOBS=${POSTERN_JOBS:-$(nproc)}

# Children inherit the start, so that one clock runs through .ci/run and all that it calls.
export POSTERN_START=${POSTERN_START:-$(date +%s)}

say() {
  local t=$(($(date +%s) - POSTERN_START))
  printf '[%02d:%02d] %s\n' $((t / 60)) $((t % 60)) "$*"
}

die() {
  say "$*" >&2
  exit 1
}

# The tally is a file, because checks run in child processes: one line "passed failed name" each.
tally_start() {
  TALLY_OWNER=
  if [[ -z ${POSTERN_TALLY:-} ]]; then
    export POSTERN_TALLY=$ROOT/build/tally.$$
    TALLY_OWNER=1
    : >"$POSTERN_TALLY"
    trap 'rm -f "$POSTERN_TALLY"' EXIT
  fi
}

tally() {  # passed failed name
  echo "$1 $2 $3" >>"$POSTERN_TALLY"
  if (($2 > 0)); then say "FAILED: $3 ($1 passed, $2 failed)"; else say "ok: $3 ($1 passed)"; fi
}

# Only the outermost script prints the sum, as the last line of its output; its status is the run's.
tally_end() {
  local passed=0 failed=0 p f name
  while read -r p f name; do
    passed=$((passed + p)) failed=$((failed + f))
    if ((f > 0)) && [[ -n $TALLY_OWNER ]]; then echo "  failed: $name"; fi
  done <"$POSTERN_TALLY"
  if [[ -n $TALLY_OWNER ]]; then echo "$passed passed, $failed failed"; fi
  ((failed == 0))
}

# gate NAME COMMAND...: a check that passes or fails as one. Its status is the check's.
gate() {
  local name=$1 status=0
  shift
  say "$name"
  "$@" || status=1
  tally $((1 - status)) "$status" "$name"
  return "$status"
}
