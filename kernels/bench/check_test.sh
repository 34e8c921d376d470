#!/usr/bin/env bash
# check_test.sh tests check.sh in a bundle of stand-ins: it measures if there is a GPU, names what failed, does not accept a
# suite that is skipped, and stops with an error if there is no GPU.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bash -n "$here/check.sh"

stand_in() { printf '#!/bin/sh\n%s\n' "$2" >"$work/$1" && chmod +x "$work/$1"; }
cp "$here/check.sh" "$work"
stand_in mixmas '
case "$*" in
  "devices --json") cat devices ;;
  bench*) echo "{\"case\": \"a/b\"}" ;;
esac'
stand_in cgo.test 'cat suite'
stand_in kernel_tests '
case "$1" in
  "") echo good_test ;;
  bench) echo "{}" >"$4" ;;
esac'
stand_in compute-sanitizer 'shift 3; [ "$1" = racecheck ] && exit; shift 3; exec "$@"'
stand_in ncu 'exit 0'
PATH=$work:$PATH

run() { # run PART CODE WORDS: check.sh must end with this exit code and print these words
  local said code=0
  rm -rf "$work/results"
  said=$(PYTHON=false "$work/check.sh" "$1" "$work/results" 2>&1) || code=$?
  if [ $code != "$2" ] || [[ $said != *"$3"* ]]; then
    echo "check.sh ended with $code instead of $2, or did not say '$3':"
    echo "$said"
    exit 1
  fi
}

run 3 2 "usage: check.sh"
echo '[{"name": "cpu", "cores": 2}]' >"$work/devices"
run 1 1 "there is no GPU that mixmas can use"
echo '[{"name": "cuda", "multiprocessors": 132}]' >"$work/devices"
printf '    session_test.go:1: only an emulated GPU can be made small\n--- SKIP: TestOne\nPASS\n' >"$work/suite"
run 1 0 "all passed"
[ "$(wc -l <"$work/results/sharing.jsonl")" = 4 ] || { echo "not four searches"; exit 1; }
run 2 0 "all passed"
grep -q '"name": "PyTorch", "status": "skipped"' "$work/results/steps.jsonl"
[ "$(wc -l <"$work/results/ours.jsonl")" = 1 ] || { echo "not one turn of one case"; exit 1; }
printf '    device_test.go:1: there is no NVIDIA driver\n--- SKIP: TestDevice\nPASS\n' >"$work/suite"
run 1 1 "1 tests skipped that should run on a GPU"
stand_in kernel_tests '[ $# = 0 ] && echo bad_test && exit; echo error: it is wrong >&2; exit 3'
run 2 1 "exit code 3: error: it is wrong"
echo "check.sh: ok"
