#!/usr/bin/env bash
# Installs the Debian 12 packages that baton needs, and only those that are missing. Silent and offline when none is.
#
#   tools/install-packages.sh [build] [test]        the groups to install; both by default
#
# This is the one list of baton's dependencies; the other scripts call it.
set -euo pipefail

# To build the library, the generated code and the examples.
build_packages=(
  g++                 # the compiler
  cmake               # the build
  ninja-build         # what the presets build with
  ccache              # makes the second build of the same source cheap; used when found
  python3             # runs the generator, batongen
  python3-jinja2      # the generator's templates
  libfmt-dev          # text
  libspdlog-dev       # logging
  libtomlplusplus-dev # configuration files
  libexpected-dev     # tl::expected: Result
  libflatbuffers-dev  # messages of the layout `table`, descriptions of types
  flatbuffers-compiler  # flatc, which writes their C++
  libcli11-dev        # the command lines of the examples
  nlohmann-json3-dev  # what they print as JSON, and what ports announce to each other
)

# To build and run the tests as well.
test_packages=(
  clang               # the second compiler: the presets "asan" and "clang"
  libclang-rt-14-dev  # its sanitizers
  libgtest-dev        # unit tests
  libgmock-dev        # their matchers
  libbenchmark-dev    # benchmarks
  clang-format        # the check of the format
  shellcheck          # the check of the scripts
  pkgconf             # the test of baton.pc
  make                # the test that baton_generate works with Makefiles, too
  cyclonedds-tools    # idlc: the test that it reads what batongen --idl writes
  python3-hypothesis  # the fuzzing of batongen, which does without it too
)

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

usage() {
  echo "usage: tools/install-packages.sh [build] [test]"
  echo "Installs the missing ones of the Debian packages that are needed to build baton (build) and to test it (test)."
}

wanted=()
for group in "${@:-all}"; do
  case "$group" in
    build) wanted+=("${build_packages[@]}") ;;
    test) wanted+=("${test_packages[@]}") ;;
    all) wanted+=("${build_packages[@]}" "${test_packages[@]}") ;;
    -h | --help) usage; exit 0 ;;
    *) say "unknown group '$group'"; usage >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
  say "this is not a Debian system; going on without installing. Needed are what Debian calls: ${wanted[*]}"
  exit 0
fi

# dpkg-query fails when a package is unknown to it, which is one way of being missing.
installed=" $(dpkg-query --show --showformat='${db:Status-Status}=${Package} ' "${wanted[@]}" 2> /dev/null || true)"
missing=()
for package in "${wanted[@]}"; do
  [[ "$installed" == *" installed=$package "* ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=()
if (($(id -u) != 0)); then
  if ! command -v sudo > /dev/null; then
    say "missing packages: ${missing[*]}"
    say "there is no sudo here; as root, run: apt-get install --no-install-recommends ${missing[*]}"
    exit 1
  fi
  as_root=(sudo)
  [[ -t 0 ]] || as_root+=(-n) # nobody could answer a question for the password
fi

# Output goes to stderr, so that a caller's stdout stays its own.
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 "$@" < /dev/null >&2
}

say "installing ${missing[*]}"
apt update || say "apt-get update failed; trying with the package lists that are here"
if ! apt install --no-install-recommends "${missing[@]}"; then
  say "could not install: ${missing[*]}"
  say "see apt-get's message above; without a network, install them by hand first"
  exit 1
fi
