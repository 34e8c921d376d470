#!/usr/bin/env bash
# Checks and measures mixmas on this machine's GPU, against PyTorch where it is installed: ./run.sh [RESULTS]
#
# Needs an NVIDIA driver. Uses compute-sanitizer if it finds it, and a Python with PyTorch (PYTHON=python3) if there is
# one; METHOD.md says how to make one. What cannot run is named and left out. Results are JSON files in RESULTS (default:
# results), beside a log of every step. Other knobs: ROUNDS=3, SECONDS_EACH=2 (of each figure), CASES="avmnist/full/mlp_mixer
# ...", QUICK=1 (one round, two cases, no compiled peer: to see whether it all runs).
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
results=${1:-results}
mkdir -p "$results" && results=$(cd "$results" && pwd) || exit 1
cd "$here" || exit 1

python=${PYTHON:-python3}
rounds=${ROUNDS:-3}
each=${SECONDS_EACH:-2}
benchtime=0.2s
quick=${QUICK:-}
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null || true)
if [ -n "$quick" ]; then
  rounds=1 each=0.2 benchtime=0.01s
  CASES=${CASES:-"mimic/series/mlp_mixer avmnist/image/monarch_mixer"}
fi
export MIXMAS_GOLDEN="$here/golden"
export TORCHINDUCTOR_CACHE_DIR=${TORCHINDUCTOR_CACHE_DIR:-$results/inductor} PYTHONDONTWRITEBYTECODE=1
failed=0

# quote makes a JSON string of its arguments.
quote() { printf '"%s"' "$(printf '%s' "$*" | tr '\n\t' '  ' | sed 's/[\\"]/\\&/g')"; }

# record NAME STATUS SECONDS NOTE writes down how a step ended.
record() {
  printf '{"name": %s, "status": "%s", "seconds": %d, "note": %s}\n' "$(quote "$1")" "$2" "$3" "$(quote "$4")" \
    >>"$results/steps.jsonl"
  printf '%-8s %5ds  %s%s\n' "$2" "$3" "$1" "${4:+: $4}"
}

# step NAME COMMAND... runs a command with its output in a log.
step() {
  local name=$1 log began code
  shift
  log="$results/${name//[^A-Za-z0-9_]/-}.log"
  began=$SECONDS
  "$@" >"$log" 2>&1
  code=$?
  if [ $code = 0 ]; then
    record "$name" passed $((SECONDS - began)) ""
  else
    failed=1
    record "$name" failed $((SECONDS - began)) "exit code $code: $(grep -v '^[[:space:]]*$' "$log" | tail -n 1 | cut -c1-200)"
  fi
  return $code
}

skip() { record "$1" skipped 0 "$2"; }

rm -f "$results"/*.json "$results"/*.jsonl "$results"/*.log
gpu() { nvidia-smi --query-gpu="$1" --format=csv,noheader,nounits 2>/dev/null | head -n 1; }
torch=$("$python" -c 'import torch; assert torch.cuda.is_available(); print(torch.__version__)' 2>/dev/null) || torch=""
cat >"$results/machine.json" <<JSON
{"gpu": $(quote "$(gpu name)"), "driver": $(quote "$(gpu driver_version)"), "power_limit_w": $(quote "$(gpu power.limit)"),
 "cpu": $(quote "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"), "torch": $(quote "$torch"),
 "date": "$(date -u +%Y-%m-%d)", "commit": $(quote "$(cat commit 2>/dev/null)"), "rounds": $rounds, "seconds_each": $each}
JSON

./mixmas devices | tee "$results/devices.txt"
if ! ./mixmas devices --json | grep -q '"multiprocessors"'; then
  echo "run.sh: there is no GPU that mixmas can use" >&2
  exit 1
fi

# Are the results right?
for t in $(./kernel_tests); do
  step "C++ $t" ./kernel_tests "$t"
done
step "device suite" ./cgo.test -test.run '^Test' -test.timeout 60m
if [ -n "$sanitizer" ]; then
  for tool in memcheck racecheck; do
    for t in $(./kernel_tests); do
      step "$tool $t" "$sanitizer" --tool "$tool" --error-exitcode 99 ./kernel_tests "$t"
    done
    step "$tool search" "$sanitizer" --tool "$tool" --error-exitcode 99 --target-processes all \
      ./mixmas search small.yaml --device cuda --store "$results/$tool.db"
  done
else
  skip "memcheck and racecheck" "compute-sanitizer is not there; it comes with the CUDA toolkit"
fi

# How fast is it? First alone.
cublas=$("$python" -c 'import glob, os, nvidia
print(sorted(glob.glob(os.path.join(list(nvidia.__path__)[0], "**", "libcublas.so.*"), recursive=True))[0])' 2>/dev/null || true)
MIXMAS_CUBLAS=${MIXMAS_CUBLAS:-$cublas} step "kernels" ./bench --seconds "$each" "$results/kernels.json"
step "operations" ./cgo.test -test.run '^$' -test.bench Operations -test.benchtime $benchtime -test.timeout 60m
cp "$results/operations.log" "$results/operations.txt"
if [ -n "$torch" ]; then
  step "PyTorch modules" bash -c "$(printf '%q ' "$python" peer/modules.py --device cuda --tf32 --seconds "$each") \
    >$(printf '%q' "$results/modules.jsonl")"
else
  skip "PyTorch" "$python has no PyTorch that sees the GPU"
fi

# Then in turns with PyTorch, case by case.
# PyTorch gets half an hour a case at most: compiling takes minutes, and must not hang.
ours() { ./mixmas bench --device cuda --numerics tf32 --json --seconds "$each" "$1" >>"$results/ours.jsonl"; }
eager() { timeout 1800 "$python" peer/bench.py --device cuda --tf32 --seconds "$each" "$1" >>"$results/eager.jsonl"; }
compiled() {
  local flags=(--device cuda --tf32 --compile --mode reduce-overhead --seconds "$each")
  timeout 1800 "$python" peer/bench.py "${flags[@]}" "$1" >>"$results/compiled.jsonl" ||
    timeout 1800 "$python" peer/bench.py "${flags[@]}" --keep-grads "$1" >>"$results/compiled.jsonl"
}
for ((round = 1; round <= rounds; round++)); do
  for case in ${CASES:-$(./mixmas bench --list --peer-cases)}; do
    step "round $round, $case, ours" ours "$case"
    [ -n "$torch" ] || continue
    step "round $round, $case, PyTorch eager" eager "$case"
    [ -n "$quick" ] || step "round $round, $case, PyTorch compiled" compiled "$case"
  done
done
for case in $(./mixmas bench --list | grep -v /); do
  step "preset $case" ours "$case"
done
rm -rf "$results/inductor" "$results"/*.db "$results"/*.db.files

[ $failed = 0 ] && echo "all passed: results are in $results" || echo "some steps failed: see $results/steps.jsonl"
exit $failed
