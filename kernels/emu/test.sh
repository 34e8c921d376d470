#!/bin/sh
# test.sh JOBS: runs the tests of the CUDA device and of the commands that use it on the emulator, in three orders of threads:
# the programs build/emu/cgo.test and build/emu/cmd.test, in parts, JOBS at a time. If a part fails, it shows
# the part's output and fails.
#
# For each order, each test runs in exactly one part: tests that one part skips run in another.
cd "$(dirname "$0")/../.." || exit 1
emu=$PWD/build/emu

# run ORDER PART PACKAGE ARGUMENTS... runs one part.
run() {
  order=$1 part=$2 package=$3
  shift 3
  log=$emu/$package.$order.$part.log
  began=$(date +%s)
  if (cd "$package" && MIXMAS_EMULATOR_ORDER=$order "$emu/$package.test" -test.timeout 60m "$@") >"$log" 2>&1; then
    echo "$package in $order order, $part: passed, $(($(date +%s) - began)) s"
    return
  fi
  { echo "$package in $order order, $part: FAILED"; cat "$log"; } >"$log.failed" # in one piece
  cat "$log.failed"
  rm "$log.failed"
  exit 1
}

case ${1-} in
  part)
    case $3 in
      golden) run "$2" golden cgo -test.run '^TestGolden$' ;;
      device) run "$2" device cgo -test.run '^TestDevice$' ;;
      tf32) run "$2" tf32 cgo -test.run '^TestRounded$/^tf32$' ;;
      bf16) run "$2" bf16 cgo -test.run '^TestRounded$' -test.skip '^TestRounded$/^tf32$' ;;
      rest) run "$2" rest cgo -test.skip '^TestDevice$|^TestGolden$|^TestRounded$' ;;
      search) run "$2" search cmd -test.run GPU ;;
    esac
    ;;
  *)
    for part in device tf32 bf16 golden rest; do
      for order in ascending descending shuffled; do echo "part $order $part"; done
    done | { cat && echo part ascending search; } | xargs -P "$1" -L 1 sh "$0" || exit 1
    ;;
esac
