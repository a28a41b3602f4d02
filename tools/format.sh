#!/usr/bin/env bash
# Formats baton's C++ sources in place with clang-format, or with --check only says what it would change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  echo "usage: tools/format.sh [--check]"
  echo "Formats the C++ sources (the generated ones excepted); --check changes nothing and fails if it would."
}

mode=(-i)
for argument in "$@"; do
  case "$argument" in
    --check) mode=(--dry-run -Werror) ;;
    -h | --help) usage; exit 0 ;;
    *) echo "format.sh: unknown argument '$argument'" >&2; usage >&2; exit 2 ;;
  esac
done

# Debian 12's version decides: others disagree with it in details.
clang_format="$(command -v clang-format-14 || command -v clang-format || true)"
if [[ -z "$clang_format" ]]; then
  echo "format.sh: no clang-format here; on Debian: apt-get install clang-format" >&2
  exit 1
fi

# What the generator wrote is formatted by its templates, and golden files are its output too.
find . \( -path ./build -o -path ./generated -o -path ./.git -o -name golden -o -name goldens \) -prune -o \
  -type f \( -name '*.hpp' -o -name '*.cpp' \) -print0 |
  xargs -0 --no-run-if-empty "$clang_format" --style=file "${mode[@]}"
