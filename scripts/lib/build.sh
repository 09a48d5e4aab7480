# Sourced after common.sh: configure and build a preset, run its unit tests, run the end-to-end suite.

build() {  # PRESET [TARGET...]
  local preset=$1
  shift
  say "building $preset ($JOBS jobs$(command -v ccache >/dev/null && echo ', ccache'))"
  cmake --preset "$preset" >"build/configure-$preset.log" 2>&1 || {
    cat "build/configure-$preset.log" >&2
    return 1
  }
  # On a terminal ninja keeps one line; elsewhere a line now and then is enough to see that it moves.
  if [[ -t 1 ]]; then
    NINJA_STATUS='[%f/%t %es] ' ninja -C "build/$preset" -j "$JOBS" "$@"
  else
    NINJA_STATUS='[%f/%t %es] ' ninja -C "build/$preset" -j "$JOBS" "$@" 2>&1 |
      awk '/^\[[0-9]+\/[0-9]+ / { if (++n % 10 == 0) { print; fflush() } next } !/^ninja: Entering/ { print; fflush() }'
  fi
}

unit_tests() {  # PRESET NAME [ctest arguments...]
  local preset=$1 name=$2 log status=0 sum failed total
  shift 2
  log=build/ctest-$preset.log
  say "$name"
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$JOBS" "$@" >"$log" 2>&1 || status=$?
  # "100% tests passed, 0 tests failed out of 321"
  sum=$(grep -E 'tests passed, [0-9]+ tests failed out of [0-9]+' "$log" | tail -n 1 || true)
  if [[ $sum =~ ([0-9]+)\ tests\ failed\ out\ of\ ([0-9]+) ]]; then
    failed=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
  else
    failed=1 total=1  # it never got as far as a sum
  fi
  if ((status != 0)); then
    grep -vE '^ *(Start +[0-9]+:|[0-9]+/[0-9]+ Test .* Passed)' "$log" | tail -n 200
    ((failed > 0)) || failed=1
  fi
  tally $((total - failed)) "$failed" "$name"
}

# What the end-to-end suite imports: the package on PyPI, the module's name, Debian's package.
python_packages() {
  cat <<'LIST'
pytest>=7,<9 pytest python3-pytest
pytest-timeout>=2,<3 pytest_timeout python3-pytest-timeout
h2>=4.1,<5 h2 python3-h2
grpcio>=1.51,<2 grpc python3-grpcio
websockets>=13,<16 websockets python3-websockets
wsproto>=1.2,<2 wsproto python3-wsproto
hypercorn>=0.13,<1 hypercorn python3-hypercorn
opentelemetry-proto>=1.20,<2 opentelemetry.proto python3-protobuf
cryptography>=38,<47 cryptography python3-cryptography
LIST
}

# The interpreter of the end-to-end suite: a venv with packages from PyPI, or apt's where PyPI is out of reach.
python_for_tests() {
  local venv=$ROOT/build/venv wanted modules debian
  mapfile -t wanted < <(python_packages | cut -d' ' -f1)
  mapfile -t debian < <(python_packages | cut -d' ' -f3)
  modules=$(python_packages | cut -d' ' -f2 | paste -sd,)
  if ! "$venv/bin/python" -c "import $modules" 2>/dev/null; then
    say "installing into build/venv: ${wanted[*]}"
    if ! { python3 -m venv --clear "$venv" &&
      "$venv/bin/pip" install -q --disable-pip-version-check --timeout 20 --retries 1 "${wanted[@]}"; } \
      >build/venv.log 2>&1; then
      say "PyPI is out of reach (build/venv.log); installing from apt: ${debian[*]}"
      apt_quietly "${debian[@]}"
      rm -rf "$venv"
      # The system's own interpreter by path: apt installs for that one, whatever PATH puts first.
      /usr/bin/python3 -m venv --system-site-packages --without-pip "$venv"
    fi
  fi
  PYTHON=$venv/bin/python
}

# What tests need of Go and of npm, once into build/tools, at the versions that tests/e2e/tools locks. A test that does not
# find its tool fails, so a machine without Go, Node.js or network shows.
tools_for_tests() {
  h2spec_for_tests
  oidc_provider_for_tests
}

h2spec_for_tests() {  # conformance suites of HTTP/2
  local tools=$ROOT/build/tools stamp go
  stamp=$(cat tests/e2e/tools/go.mod tests/e2e/tools/go.sum | sha256sum)
  [[ $(cat "$tools/stamp" 2>/dev/null) == "$stamp" ]] && return 0
  go=$(command -v go || echo /usr/lib/go-1.19/bin/go)
  say "building h2spec and h2specd into build/tools"
  mkdir -p "$tools"
  if (cd tests/e2e/tools && GOTOOLCHAIN=local GOBIN=$tools "$go" install -mod=readonly \
    github.com/summerwind/h2spec/cmd/h2spec github.com/summerwind/h2spec/cmd/h2specd) >build/tools.log 2>&1; then
    echo "$stamp" >"$tools/stamp"
  else
    tail -n 5 build/tools.log
    say "h2spec could not be built (build/tools.log): its tests will fail"
  fi
}

oidc_provider_for_tests() {  # a certified OpenID provider
  local tools=$ROOT/build/tools/oidc lock=tests/e2e/tools/oidc/package-lock.json
  cmp -s "$lock" "$tools/installed" && return 0
  say "installing oidc-provider into build/tools/oidc"
  mkdir -p "$tools"
  cp tests/e2e/tools/oidc/package.json "$lock" "$tools"
  if (cd "$tools" && npm ci --ignore-scripts --no-audit --no-fund) >build/tools-oidc.log 2>&1; then
    cp "$lock" "$tools/installed"
  else
    tail -n 5 build/tools-oidc.log
    say "oidc-provider could not be installed (build/tools-oidc.log): its tests will fail"
  fi
}

end_to_end() {  # PRESET ENGINE NAME [pytest arguments...]
  local preset=$1 engine=$2 name=$3 log status=0 line word passed=0 failed=0
  shift 3
  log=build/e2e-$preset-$engine.log
  [[ -n $(find tests/e2e -name 'test_*.py' -print -quit 2>/dev/null) ]] || { say "no end-to-end tests"; return 0; }
  say "$name"
  POSTERN_BIN=$ROOT/build/$preset/postern POSTERN_ENGINE=$engine POSTERN_BUILD=$ROOT/build/$preset \
    "$PYTHON" -m pytest tests/e2e -q "$@" >"$log" 2>&1 &
  local pid=$!
  # A dot line per half minute: the suite is the longest silent stretch.
  while kill -0 "$pid" 2>/dev/null; do
    for _ in {1..60}; do sleep 0.5; kill -0 "$pid" 2>/dev/null || break; done
    kill -0 "$pid" 2>/dev/null && say "  ... $(grep -aoE '\[ *[0-9]+%\]' "$log" | tail -n 1)"
  done
  wait "$pid" || status=$?
  # "3 failed, 120 passed, 2 skipped, 1 error in 12.3s"; an error (in a fixture) is a failure like any other.
  line=$(grep -aE '[0-9]+ (passed|failed|error|skipped|deselected).* in [0-9.]+s' "$log" | tail -n 1 || true)
  for word in passed failed error; do
    if [[ $line =~ ([0-9]+)\ $word ]]; then
      if [[ $word == passed ]]; then passed=${BASH_REMATCH[1]}; else failed=$((failed + BASH_REMATCH[1])); fi
    fi
  done
  # 5: nothing selected, which is a mistake in the selection.
  if ((status != 0 && failed == 0)); then failed=1; fi
  if ((failed > 0)); then tail -n 200 "$log"; fi
  tally "$passed" "$failed" "$name"
}
