#!/usr/bin/env bash
# Builds and runs the project in robot/ against baton as a user gets it. tests/install/CMakeLists.txt gives the
# arguments. One of these says where baton comes from:
#   --build DIRECTORY   this build of baton, installed into a prefix that is then moved
#   --shared ON|OFF     a new build of baton as a shared or static library, installed and moved as well
#   --subdirectory      baton's source, contained in the project
set -euo pipefail

build='' shared='' subdirectory=false flags='' launcher=''
while (($#)); do
  case "$1" in
    --cmake) cmake="$2"; shift ;;
    --source) source="$2"; shift ;;
    --compiler) compiler="$2"; shift ;;
    --build-type) build_type="$2"; shift ;;
    --werror) werror="$2"; shift ;;
    --flags=*) flags="${1#*=}" ;;
    --launcher=*) launcher="${1#*=}" ;;
    --build) build="$2"; shift ;;
    --shared) shared="$2"; shift ;;
    --subdirectory) subdirectory=true ;;
    *) echo "install_test.sh: unknown argument '$1'" >&2; exit 2 ;;
  esac
  shift
done

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
prefix="$work/a place/baton" # with a space: paths have them
mkdir -p "$work/a place"

settings=(
  -G Ninja --no-warn-unused-cli "-DBATON_WERROR=$werror" "-DCMAKE_CXX_COMPILER=$compiler" "-DCMAKE_BUILD_TYPE=$build_type"
  "-DCMAKE_CXX_FLAGS=$flags" "-DCMAKE_CXX_COMPILER_LAUNCHER=$launcher")

fail() {
  echo "install_test.sh: $*" >&2
  exit 1
}

install_and_move() { # BUILD: the prefix must not remember where it was installed, nor where it was built
  "$cmake" --install "$1" --prefix "$work/first/baton" > "$work/install.log"
  mv "$work/first/baton" "$prefix"
  if grep -rIlF -e "$work" -e "$source" -e "$1" "$prefix"; then fail "the files above name a directory of this machine"; fi
  if find "$prefix" -name __pycache__ | grep .; then fail "compiled Python files were installed"; fi
  (cd / && "$prefix/bin/batongen" --help) > /dev/null
}

cp -r "$source/tests/install/robot" "$work/robot"
if "$subdirectory"; then
  "$cmake" -S "$work/robot" -B "$work/build" "${settings[@]}" "-DROBOT_BATON_SOURCE_DIR=$source"
else
  if [[ -n "$shared" ]]; then
    build="$work/baton-build"
    "$cmake" -S "$source" -B "$build" "${settings[@]}" "-DBUILD_SHARED_LIBS=$shared" -DBATON_BUILD_TESTS=OFF -DBATON_BUILD_EXAMPLES=OFF
    "$cmake" --build "$build"
  fi
  install_and_move "$build"
  "$cmake" -S "$work/robot" -B "$work/build" "${settings[@]}" "-DCMAKE_PREFIX_PATH=$prefix"
fi
"$cmake" --build "$work/build"
export BATON_DOMAIN="install-test-$$"
unset BATON_CONFIG
"$work/build/robot"

two_processes() { # FIRST SECOND
  local first
  "$work/build/robot" "$1" & first=$!
  sleep 0.3
  "$work/build/robot" "$2" || { kill "$first"; fail "$2 failed, started after $1"; }
  wait "$first" || fail "$1 failed, started before $2"
}
two_processes send receive
two_processes receive send
left="/dev/shm/baton-$(id -u)/$BATON_DOMAIN"
[[ ! -e "$left" ]] || fail "$left is left behind"

# A user without CMake asks pkg-config, whose answer is quoted for the shell.
if ! "$subdirectory" && command -v pkg-config > /dev/null; then
  pc="$(find "$prefix" -name baton.pc)"
  options="$(PKG_CONFIG_PATH="$(dirname "$pc")" pkg-config --print-errors --cflags --libs baton)"
  echo '#include <baton/baton.hpp>
    int main() { return baton::Node::open("robot") ? 0 : 1; }' > "$work/node.cpp"
  eval "\"$compiler\" -std=c++20 $flags \"$work/node.cpp\" -o \"$work/node\" $options"
  LD_LIBRARY_PATH="$(dirname "$(dirname "$pc")")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$work/node"
fi
