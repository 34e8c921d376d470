#!/usr/bin/env bash
# Tests and benchmarks mixmas on this machine's GPU, in two parts of at most 5 and 7 minutes: ./check.sh 1 [RESULTS], then
# ./check.sh 2 [RESULTS].
#
# Part 1 tests every kernel, runs the device suite and takes the first timings. Part 2 runs compute-sanitizer, times PyTorch
# and mixmas alternating, and profiles two kernels. An NVIDIA driver is required. Steps that need something else are skipped
# if it is missing, and named: a Python with PyTorch (PYTHON=python3; METHOD.md says how to make one), compute-sanitizer,
# ncu. Results are JSON files in RESULTS (default: results), with a log of every step; both parts may write to one folder.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
part=${1:-}
if [ "$part" != 1 ] && [ "$part" != 2 ]; then
  echo "usage: check.sh 1|2 [RESULTS]" >&2
  exit 2
fi
results=${2:-results}
mkdir -p "$results" && results=$(cd "$results" && pwd) || exit 1
cd "$here" || exit 1
python=${PYTHON:-python3}
seconds=.2 # per figure
export results MIXMAS_GOLDEN="$here/golden" PYTHONDONTWRITEBYTECODE=1
export TORCHINDUCTOR_CACHE_DIR=${TORCHINDUCTOR_CACHE_DIR:-$results/inductor}
PATH=$PATH:/usr/local/cuda/bin

# quote makes a JSON string of its arguments.
quote() { printf '"%s"' "$(printf '%s' "$*" | tr -d '\000-\010\013-\037' | tr '\n\t' '  ' | sed 's/[\\"]/\\&/g')"; }

# record NAME STATUS SECONDS NOTE records how a step ended.
record() {
  printf '{"name": %s, "status": "%s", "seconds": %d, "note": %s}\n' "$(quote "$1")" "$2" "$3" "$(quote "$4")" \
    >>"$results/steps.jsonl"
  printf '%-8s %4ds  %s%s\n' "$2" "$3" "$1" "${4:+: $4}"
}

# step LIMIT NAME COMMAND... runs a command for at most LIMIT seconds. Its output goes to a log, or to $to if that is set.
step() {
  local limit=$1 name=$2 log began=$SECONDS code
  shift 2
  log="$results/${name//[^A-Za-z0-9_]/-}.log"
  timeout "$limit" "$@" 2>"$log" >>"${to:-$log}"
  code=$?
  if [ $code = 0 ]; then
    record "$name" passed $((SECONDS - began)) ""
  else
    record "$name" failed $((SECONDS - began)) \
      "exit code $code: $(grep -E 'FAIL|panic|rror' "$log" | head -n 1 | cut -c1-200)"
  fi
  return $code
}
export -f step record quote

# each LIMIT PREFIX COMMAND... runs a step for every test of kernel_tests that standard input names, eight in parallel.
each() {
  local limit=$1 prefix=$2
  shift 2
  xargs -P 8 -I {} bash -c 'step "$@"' step "$limit" "$prefix {}" "$@" ./kernel_tests {}
}

# available STEP COMMAND WHY reports whether a command is available, and if not records the step as skipped.
available() {
  command -v "$2" >/dev/null && return
  record "$1" skipped 0 "$3"
  return 1
}

gpu() { nvidia-smi --query-gpu="$1" --format=csv,noheader,nounits 2>/dev/null | head -n 1; }
./mixmas devices
if ! ./mixmas devices --json | grep -q '"multiprocessors"'; then
  echo "check.sh: there is no GPU that mixmas can use" >&2
  exit 1
fi
torch=$("$python" -c 'import torch; assert torch.cuda.is_available(); print(torch.__version__)' 2>/dev/null) || torch=""
cat >"$results/machine.json" <<JSON
{"gpu": $(quote "$(gpu name)"), "driver": $(quote "$(gpu driver_version)"), "power_limit_w": $(quote "$(gpu power.limit)"),
 "cpu": $(quote "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(getconf _NPROCESSORS_ONLN) cores"),
 "torch": $(quote "$torch"), "date": "$(date -u +%Y-%m-%d)", "commit": $(quote "$(cat commit 2>/dev/null)"),
 "seconds_each": 0$seconds}
JSON

ours() { to="$results/ours.jsonl" step 60 "$1" ./mixmas bench --device cuda --numerics tf32 --json --seconds $seconds "${@:2}"; }

# search WORKERS times a search whose trials share the GPU.
search() {
  local began=$EPOCHREALTIME
  step 60 "search with $1 workers" ./mixmas search sharing.yaml --device cuda --workers "$1" --store "$results/$1.db" || return
  printf '{"workers": %d, "seconds": %s}\n' "$1" "$(awk "BEGIN {print $EPOCHREALTIME - $began}")" >>"$results/sharing.jsonl"
  rm -rf "$results/$1.db" "$results/$1.db.files"
}

part1() {
  ./kernel_tests | each 40 "C++"
  if ! step 30 "smoke" ./mixmas bench --device cuda --seconds .1 avmnist/image/mlp_mixer; then
    export CUDA_MODULE_LOADING=EAGER # in case kernels cannot be loaded while a graph is captured
    step 30 "smoke, kernels loaded first" ./mixmas bench --device cuda --seconds .1 avmnist/image/mlp_mixer
  fi
  step 120 "device suite" ./cgo.test -test.v -test.timeout 110s
  # A suite whose tests are all skipped passes. Some tests need a GPU that fails on demand, which only the emulator has.
  local skips expected
  skips=$(grep -c -- '--- SKIP' "$results/device-suite.log")
  expected=$(grep -c 'only an emulated GPU' "$results/device-suite.log")
  [ "$skips" = "$expected" ] ||
    record "device suite, skipped tests" failed 0 "$((skips - expected)) tests skipped that should run on a GPU"
  step 60 "kernels" ./kernel_tests bench --seconds .1 "$results/kernels.json"
  ours "models"
  for workers in 1 4 8 12; do search $workers; done
}

part2() {
  if available "memcheck and racecheck" compute-sanitizer "compute-sanitizer is missing; it comes with the CUDA toolkit"; then
    local sanitize="compute-sanitizer --error-exitcode 99 --tool"
    # shellcheck disable=SC2086
    ./kernel_tests | each 60 "memcheck" $sanitize memcheck --report-api-errors no # some tests make calls that must fail
    # shellcheck disable=SC2086
    printf '%s\n' {channel_mixing,channel_mlp_grad,token_mixing,token_mlp_grad,hyper_mixing,matmul,monarch}_test |
      each 60 "racecheck" $sanitize racecheck
  fi
  ours "models, first turn" --peer-cases
  if [ -n "$torch" ]; then
    to="$results/eager.jsonl" step 75 "PyTorch eager" "$python" peer/bench.py --device cuda --tf32 --seconds $seconds
    ours "models, second turn" --peer-cases
    to="$results/compiled.jsonl" step 90 "PyTorch compiled" "$python" peer/bench.py --device cuda --tf32 --compile \
      --mode reduce-overhead --seconds $seconds avmnist/image/mlp_mixer mmimdb/text/mlp_mixer
    to="$results/modules.jsonl" step 45 "PyTorch modules" "$python" peer/modules.py --device cuda --tf32 --seconds .1
  else
    record "PyTorch" skipped 0 "$python has no PyTorch that sees the GPU"
  fi
  if available "profile" ncu "ncu is missing; it comes with the CUDA toolkit"; then
    step 40 "profile" ncu --clock-control none -k 'regex:channel_m|matmul_tiles' -c 6 --section SpeedOfLight \
      --section Occupancy ./mixmas bench --device cuda --seconds 0 avmnist/image/mlp_mixer
  fi
}

"part$part"
rm -rf "$results/inductor"
if grep -q '"status": "failed"' "$results/steps.jsonl"; then
  echo "some steps failed: see $results/steps.jsonl"
  exit 1
fi
echo "all passed: results are in $results"
