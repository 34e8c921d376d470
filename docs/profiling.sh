#!/bin/sh
# profiling.sh PROGRAM PAGE: replaces the run in docs/profiling.md by the profile of a short search.
set -eu
program=$1 page=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$program" search --device cpu --workers 1 --store "$folder/scores.db" --profile "$folder" >"$folder/out" 2>/dev/null
{
  echo "\`mixmas search --device cpu --workers 1 --profile DIR\`, $("$program" devices | sed -n 's/^  numerics  *//p' | head -n 1)," \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1):"
  echo
  echo '```'
  head -n 42 "$folder/operations.txt"
  echo '```'
} | "$(dirname "$0")/replace-run.sh" "$page"
