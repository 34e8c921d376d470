#!/usr/bin/env bash
# run_test.sh: checks run.sh in a bundle of stand-ins: that it measures where there is a GPU, that it names what failed,
# and that it says so and stops where there is none.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bash -n "$here/run.sh"

stand_in() { printf '#!/bin/sh\n%s\n' "$2" >"$work/$1" && chmod +x "$work/$1"; }
cp "$here/run.sh" "$work"
stand_in mixmas '
case "$*" in
  "devices --json") cat devices ;;
  "bench --list --peer-cases") echo a/b ;;
  "bench --list") printf "a/b\npreset\n" ;;
  bench*) echo "{\"case\": \"${*: -1}\"}" ;;
esac'
sed -i '1s/sh/bash/' "$work/mixmas"
stand_in cgo.test 'echo "$@"'
stand_in bench 'echo "{}" >"$3"'
stand_in kernel_tests '[ $# = 0 ] && echo good_test || exit 0'
stand_in compute-sanitizer 'exit 0'
PATH=$work:$PATH

run() { # run CODE WORDS: run.sh ends with this exit code and says these words
  local said code=0
  said=$(PYTHON=false ROUNDS=2 "$work/run.sh" "$work/results" 2>&1) || code=$?
  if [ $code != "$1" ] || [[ $said != *"$2"* ]]; then
    echo "run.sh ended with $code instead of $1, or did not say '$2':"
    echo "$said"
    exit 1
  fi
}

echo '[{"name": "cpu", "cores": 2}]' >"$work/devices"
run 1 "there is no GPU that mixmas can use"
echo '[{"name": "cuda", "multiprocessors": 132}]' >"$work/devices"
run 0 "all passed"
[ "$(wc -l <"$work/results/ours.jsonl")" = 3 ] || { echo "not two rounds of one case, and a preset"; exit 1; }
grep -q '"name": "PyTorch", "status": "skipped"' "$work/results/steps.jsonl"
stand_in kernel_tests '[ $# = 0 ] && echo bad_test && exit; echo it is wrong; exit 3'
run 1 "exit code 3: it is wrong"
echo "run.sh: ok"
