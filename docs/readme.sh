#!/bin/sh
# readme.sh PROGRAM PAGE: replaces the run in README.md by the program's output on the built-in data.
set -eu
program=$(realpath "$1") page=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && "$program" run --device cpu >out 2>/dev/null)
{
  echo '```'
  cat "$folder/out"
  echo '```'
} | "$(dirname "$0")/replace-run.sh" "$page"
