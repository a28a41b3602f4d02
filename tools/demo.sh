#!/usr/bin/env bash
# Installs what the examples need, builds them, says hello, and runs the system monitor for a few seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat << 'TEXT'
usage: tools/demo.sh [--seconds N] [--json]
  --seconds N   how long the system monitor runs; default: 10
  --json        prints nothing on stdout but one JSON object a line for each transport, topic and reader
TEXT
}

wrong() {
  echo "demo.sh: $1" >&2
  usage >&2
  exit 2
}

seconds=10
json=false
while (($#)); do
  case "$1" in
    --seconds) (($# > 1)) || wrong "--seconds needs a number"; seconds="$2"; shift ;;
    --seconds=*) seconds="${1#*=}" ;;
    --json) json=true ;;
    -h | --help) usage; exit 0 ;;
    *) wrong "unknown argument '$1'" ;;
  esac
  shift
done
[[ "$seconds" =~ ^[1-9][0-9]{0,5}$ ]] || wrong "--seconds wants a whole number from 1 to 999999, not '$seconds'"

# A child runs in the background, so that a signal to this script is handled at once, and in a process group of its
# own (set -m), so that its children end with it.
set -m
child=
trap '[[ -z "$child" ]] || { kill -TERM -- "-$child" && wait "$child"; } 2> /dev/null || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
run() {
  "$@" < /dev/null &
  child=$!
  local status=0
  wait "$child" || status=$?
  child=
  return "$status"
}

prepare() {
  tools/install-packages.sh build
  local log=build/demo/demo.log
  if ! run cmake --preset demo > "$log" 2>&1 ||
    ! run cmake --build --preset demo --parallel "$(nproc)" --target hello sysmon_all >> "$log" 2>&1; then
    tail -n 100 "$log"
    echo "demo.sh: could not build the examples; all of the output is in $log"
    return 1
  fi
}

mkdir -p build/demo
exec 3>&1 >&2 # stdout is for what the examples say; with --json, for the lines of the monitor alone
echo "-- building the examples"
prepare
echo "-- hello"
if "$json"; then
  run build/demo/examples/hello/hello
  run build/demo/examples/sysmon/sysmon_all --seconds "$seconds" --json >&3
else
  run build/demo/examples/hello/hello >&3
  echo "-- the system monitor, for $seconds s"
  run build/demo/examples/sysmon/sysmon_all --seconds "$seconds" >&3
fi
