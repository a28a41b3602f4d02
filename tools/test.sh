#!/usr/bin/env bash
# Installs what the tests need, then configures, builds and tests baton in several configurations.
# The last line of its output is the sum over all of them: "N passed, N failed".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat << 'TEXT'
usage: tools/test.sh [--preset NAME]... [--quick] [-- CTEST_ARGUMENTS...]
  --preset NAME   a preset of CMakePresets.json to test, may be repeated; default: release asan tsan
  --quick         the preset release only, without the tests labelled "slow"
  --              what follows goes to ctest, for example: -- -R Config
TEXT
}

wrong() {
  echo "test.sh: $1" >&2
  usage >&2
  exit 2
}

presets=()
ctest_arguments=()
quick=false
while (($#)); do
  case "$1" in
    --preset) (($# > 1)) || wrong "--preset needs a name"; presets+=("$2"); shift ;;
    --preset=*) presets+=("${1#*=}") ;;
    --quick) quick=true ;;
    -h | --help) usage; exit 0 ;;
    --) shift; ctest_arguments+=("$@"); break ;;
    *) wrong "unknown argument '$1'" ;;
  esac
  shift
done
if "$quick"; then
  ctest_arguments=(--label-exclude slow "${ctest_arguments[@]}")
  ((${#presets[@]})) || presets=(release)
fi
((${#presets[@]})) || presets=(release asan tsan)
for preset in "${presets[@]}"; do
  case "$preset" in
    release | debug | asan | tsan | clang | shared) ;;
    *) wrong "no preset '$preset' to test; there are: release debug asan tsan clang shared" ;;
  esac
done

tools/install-packages.sh build test

passed=0
failed=0
summary=()
jobs="$(nproc)"

# step NAME LOG COMMAND...: runs quietly into a log, which it shows when the command fails.
step() {
  local name="$1" log="$2" start=$SECONDS
  shift 2
  mkdir -p "$(dirname "$log")"
  if "$@" > "$log" 2>&1 < /dev/null; then
    echo "-- $name: ok, $((SECONDS - start)) s"
  else
    tail -n 200 "$log"
    echo "-- $name: FAILED after $((SECONDS - start)) s; all of it in $log"
    return 1
  fi
}

# The ThreadSanitizer of GCC 12 can't place its memory where the kernel randomises addresses by more than 28 bits.
wrapper_for() {
  local bits=0
  if [[ "$1" == tsan && -r /proc/sys/vm/mmap_rnd_bits ]]; then bits="$(< /proc/sys/vm/mmap_rnd_bits)"; fi
  if ((bits > 28)) && setarch -R true 2> /dev/null; then echo setarch -R; fi
}

# count PATTERN FILE: how many lines match. How many tests there were, and how many failed, is in ctest's JUnit file.
count() { grep -cE "$1" "$2" || true; }

run_tests() {
  local preset="$1" start=$SECONDS status=0 good=0 bad=0 skipped=0
  local results="$PWD/build/$preset/test-results.xml"
  shift
  rm -f "$results"
  "$@" ctest --preset "$preset" --parallel "$jobs" --output-junit "$results" "${ctest_arguments[@]}" < /dev/null || status=$?
  if [[ -s "$results" ]]; then
    good="$(count '^[[:space:]]*<testcase .*status="run"' "$results")"
    # A test skips itself or is disabled; one whose program is not there has failed, though ctest calls it skipped.
    skipped="$(count '<skipped message="SKIP_|^[[:space:]]*<testcase .*status="disabled"' "$results")"
    bad=$(($(count '^[[:space:]]*<testcase ' "$results") - good - skipped))
  fi
  ((status == 0 || bad > 0)) || bad=1 # ctest itself failed, or found no test
  passed=$((passed + good))
  failed=$((failed + bad))
  summary+=("$preset: $good passed, $bad failed, $skipped skipped, $((SECONDS - start)) s")
  echo "-- ${summary[-1]}"
}

broken() { # a preset that did not come as far as its tests counts as one failure
  failed=$((failed + 1))
  summary+=("$1: did not $2")
}

left_in_shm() { find /dev/shm -mindepth 1 -user "$(id -u)" 2> /dev/null | sort; }

shm_before="$(left_in_shm)"
for preset in "${presets[@]}"; do
  read -ra wrapper <<< "$(wrapper_for "$preset")"
  logs="build/$preset/logs"
  if ! step "$preset: configure" "$logs/configure.log" cmake --preset "$preset"; then
    broken "$preset" configure
  elif ! step "$preset: build" "$logs/build.log" "${wrapper[@]}" cmake --build --preset "$preset" --parallel "$jobs"; then
    broken "$preset" build
  else
    run_tests "$preset" "${wrapper[@]}"
  fi
done

left="$(comm -13 <(printf '%s\n' "$shm_before") <(left_in_shm))"
if [[ -n "$left" ]]; then
  failed=$((failed + 1))
  summary+=("left behind in /dev/shm: ${left//$'\n'/ }")
fi

echo
printf '%s\n' "${summary[@]}"
echo "$passed passed, $failed failed"
((failed == 0))
