#!/usr/bin/env bash
# Installs what the examples need, builds them, says hello, and runs the system monitor: as three processes over shared
# memory, then as one process over shared memory and in process, which differ in one line of a configuration file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat << 'TEXT'
usage: tools/demo.sh [--seconds N] [--transport shm|inproc] [--json]
  --seconds N       how long each run of the system monitor takes; default: 10
  --transport NAME  only the runs over this transport: shm (three processes, then one) or inproc (one process)
  --json            prints nothing on stdout but one JSON object a line for each run, topic and reader
TEXT
}

wrong() {
  echo "demo.sh: $1" >&2
  usage >&2
  exit 2
}

seconds=10
transports=(shm inproc)
json=false
while (($#)); do
  case "$1" in
    --seconds) (($# > 1)) || wrong "--seconds needs a number"; seconds="$2"; shift ;;
    --seconds=*) seconds="${1#*=}" ;;
    --transport) (($# > 1)) || wrong "--transport needs a name"; transports=("$2"); shift ;;
    --transport=*) transports=("${1#*=}") ;;
    --json) json=true ;;
    -h | --help) usage; exit 0 ;;
    *) wrong "unknown argument '$1'" ;;
  esac
  shift
done
[[ "$seconds" =~ ^[1-9][0-9]{0,5}$ ]] || wrong "--seconds wants a whole number from 1 to 999999, not '$seconds'"
[[ "${transports[*]}" =~ ^(shm|inproc|shm inproc)$ ]] || wrong "--transport wants shm or inproc, not '${transports[*]}'"

# The demo is alone in its domain, and no configuration file but its own applies.
export BATON_DOMAIN="demo-$$"
unset BATON_CONFIG
user_directory="/dev/shm/baton-$(id -u)"
domain_directory="$user_directory/$BATON_DOMAIN"

# What the demo might leave in /dev/shm. Other domains belong to other programs, which come and go as they like.
in_shm() {
  find /dev/shm -maxdepth 1 -name '*baton*' ! -path "$user_directory"
  [[ ! -d "$user_directory" || -n "$(ls -A "$user_directory")" ]] || echo "$user_directory"
  [[ ! -e "$domain_directory" ]] || find "$domain_directory"
}

# A child runs in the background, so that a signal to this script is handled at once, and in a process group of its
# own (set -m), so that its children end with it.
set -m
children=()
start() { # COMMAND...: sets `started` to its process
  "$@" < /dev/null &
  started=$!
  children[started]=$started
}
finish() { # PROCESS: waits for it; its exit code
  local status=0
  wait "$1" || status=$?
  unset "children[$1]"
  return "$status"
}
run() {
  start "$@"
  finish "$started"
}

scratch="$(mktemp -d)"
in_shm > "$scratch/shm_before"
exec 6>&2 # a signal may come while stderr goes to a log
clean_up() { # on every way out
  local status=$? child
  trap '' INT TERM
  exec 2>&6
  for child in "${children[@]}"; do kill -TERM -- "-$child" 2> /dev/null || true; done
  for child in "${children[@]}"; do wait "$child" 2> /dev/null || true; done
  if in_shm | diff "$scratch/shm_before" - >&2; then
    echo "-- /dev/shm is as it was before" >&2
  else
    echo "demo.sh: /dev/shm is not as it was before" >&2
    ((status)) || status=1
  fi
  rm -rf "$scratch"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

programs=build/demo/examples
reports=() # PROGRAMS=FILE, for sysmon_report

prepare() {
  tools/install-packages.sh build
  local log=build/demo/demo.log
  if ! run cmake --preset demo > "$log" 2>&1 ||
    ! run cmake --build --preset demo --parallel "$(nproc)" --target hello sysmon >> "$log" 2>&1; then
    tail -n 100 "$log"
    echo "demo.sh: could not build the examples; all of the output is in $log"
    return 1
  fi
}

# sysmon PROGRAM TRANSPORT ARGUMENT...: starts it; its rows go to a file that the final report includes. Nothing of it
# is in another program or another call but the name of the configuration file.
sysmon() {
  local rows="$scratch/$1.$2.jsonl"
  start "$programs/sysmon/$1" --config "examples/sysmon/$2.toml" --json --no-table "${@:3}" > "$rows"
}

# Looks for data segments in the domain until it is ended, and writes a line whenever it sees some. They belong to the
# transport shm; other transports have to do without.
watch_for_segments() {
  while sleep 0.1; do
    if [[ -n "$(find "$domain_directory" -name 'seg*' -print -quit 2> /dev/null)" ]]; then echo "seen"; fi
  done
}

# segments_of TRANSPORT: says what the watch has seen during a run, and whether that is right.
segments_of() {
  if [[ -s "$scratch/segments" ]]; then
    echo "-- $1: there were data segments in $domain_directory meanwhile"
    [[ "$1" == shm ]]
  else
    echo "-- $1: there was no data segment in $domain_directory at any time"
    [[ "$1" != shm ]]
  fi
}

# The probe begins when both readers are connected, and they end when it has: so they get every message.
three_processes() {
  local view alarm probe child status=0
  # Only one program can draw on a terminal, the view. What the others say there follows after it.
  if [[ -t 4 ]]; then exec 5> "$scratch/lines"; else exec 5>&4; fi
  sysmon sysmon_view shm 2>&4; view=$started
  sysmon sysmon_alarm shm 2>&5; alarm=$started
  start "$programs/sysmon/sysmon_probe" --config examples/sysmon/shm.toml --readers 2 --seconds "$seconds" >&5 2>&5
  probe=$started
  wait -n "$view" "$alarm" "$probe" || true # the probe, after its time; or whichever fails
  kill -TERM "$view" "$alarm" "$probe" 2> /dev/null || true
  for child in "$view" "$alarm" "$probe"; do finish "$child" || status=$?; done
  if [[ -t 4 ]]; then cat "$scratch/lines" >&4; fi
  reports+=("3 processes=$scratch/sysmon_view.shm.jsonl" "3 processes=$scratch/sysmon_alarm.shm.jsonl")
  return "$status"
}

one_process() { # TRANSPORT
  sysmon sysmon_all "$1" --seconds "$seconds" 2>&4
  finish "$started"
  reports+=("1 process=$scratch/sysmon_all.$1.jsonl")
}

watched() { # TRANSPORT COMMAND...
  local watch
  start watch_for_segments > "$scratch/segments"; watch=$started
  "${@:2}"
  kill -TERM -- "-$watch"
  finish "$watch" 2> /dev/null || true
  segments_of "$1"
}

mkdir -p build/demo
exec 3>&1 >&2 # stdout is for what the examples say; with --json, for the rows of the report alone
if "$json"; then exec 4>&2; else exec 4>&3; fi # where the examples talk meanwhile
echo "-- building the examples"
prepare
echo "-- hello"
run "$programs/hello/hello" >&4
for transport in "${transports[@]}"; do
  if [[ "$transport" == shm ]]; then
    echo "-- the system monitor as three processes over shm, for $seconds s"
    watched shm three_processes
  fi
  echo "-- the system monitor as one process over $transport (examples/sysmon/$transport.toml), for $seconds s"
  watched "$transport" one_process "$transport"
done
report=()
if "$json"; then report=(--json); else echo >&3; fi
echo "-- all messages of all runs"
run "$programs/sysmon/sysmon_report" "${report[@]}" "${reports[@]}" >&3
