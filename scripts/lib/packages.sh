# Sourced after common.sh: which packages each kind of work needs, and installing those that are missing.
# Debian 12 and Ubuntu 24.04 name a few differently; anything else gets a warning and Ubuntu's names.

package_names() {  # build | test | gates | sanitize
  local id=other version=0 boost=libboost-dev tidy=clang-tidy-18
  # shellcheck disable=SC1091
  [[ -r /etc/os-release ]] && { id=$(. /etc/os-release && echo "$ID") version=$(. /etc/os-release && echo "${VERSION_ID:-0}"); }
  case $id:$version in
    # Debian's plain libboost-dev is 1.74, too old for us.
    debian:12) boost=libboost1.81-dev tidy=clang-tidy-16 ;;
    ubuntu:24.04) ;;
    *) say "note: $id $version is neither Debian 12 nor Ubuntu 24.04; package names are Ubuntu's" >&2 ;;
  esac
  case $1 in
    build) echo g++ cmake ninja-build "$boost" libssl-dev libfmt-dev libcli11-dev libtomlplusplus-dev \
      prometheus-cpp-dev liburing-dev libnghttp2-dev libc-ares-dev libsimdjson-dev \
      libprotozero-dev zlib1g-dev libzstd-dev libre2-dev ;;
    # python3-venv for the end-to-end suite, openssl and curl because it drives both against the daemon.
    # dnsmasq-base is the program alone: nothing is started.
    # rsyslog and zstd as readers of what the logs write; rsyslog runs in tests only, never as a service (see below).
    # Go for h2spec, Node.js 18 or later for oidc-provider; not where one is installed already, which may be newer.
    test) echo libgtest-dev libbenchmark-dev python3 python3-venv ca-certificates openssl curl dnsmasq-base rsyslog zstd \
      "$(command -v go >/dev/null || echo golang-go)" "$(command -v npm >/dev/null || echo nodejs npm)" ;;
    # One version of clang-format everywhere: versions disagree about the same style.
    gates) echo clang-format-16 "$tidy" ;;
  esac
}

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "these packages need root and there is no sudo; as root, run: $*"
  fi
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"
}

install_packages() {  # KIND...: kinds as in package_names
  local kind package missing=()
  for kind in "$@"; do
    for package in $(package_names "$kind"); do
      if [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then
        missing+=("$package")
      fi
    done
  done
  ((${#missing[@]})) || return 0
  command -v apt-get >/dev/null || die "no apt-get here; install by hand: ${missing[*]}"
  say "installing from apt: ${missing[*]}"
  # Package lists are fetched only when apt cannot do without: saves time, and works offline with a warm cache.
  apt_quietly "${missing[@]}" || { apt_install update -qq && apt_quietly "${missing[@]}"; } || {
    tail -n 20 build/apt.log >&2
    die "apt-get could not install ${missing[*]} (whole output: build/apt.log)"
  }
}

apt_quietly() {
  # What is installed for tests and benches must not start as a service: Debian asks this file.
  local guard=/usr/sbin/policy-rc.d made='' code=0
  if [[ ! -e $guard ]] && printf '#!/bin/sh\nexit 101\n' | as_root tee $guard >/dev/null && as_root chmod 755 $guard; then
    made=1
  fi
  apt_install install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >build/apt.log 2>&1 || code=$?
  if [[ $made ]]; then as_root rm -f $guard; fi
  return $code
}
