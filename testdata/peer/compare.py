"""Times mixmas and PyTorch, alternating, and writes a page: `python compare.py --mixmas bin/mixmas --out PAGE [CASE ...]`.

Each case is timed by whole processes, one after the other on one pinned core: mixmas, PyTorch with kernels as wide as
mixmas's, PyTorch with the kernels it chooses itself, then again in the opposite order, and so on. What is compared is the
median of the ratios of neighbours; the spread is the distance between their quartiles.
"""
import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
AVX2 = dict(ATEN_CPU_CAPABILITY="avx2", MKL_ENABLE_INSTRUCTIONS="AVX2", ONEDNN_MAX_CPU_ISA="AVX2")
AVX512 = dict(ATEN_CPU_CAPABILITY="avx512")


def processor():
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":", 1)[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def torch_width(environment):
    """PyTorch's version in an environment, and its name for the width of its kernels there."""
    code = "import torch; print(torch.__version__, torch.backends.cpu.get_cpu_capability())"
    return run([sys.executable, "-c", code], environment).split()


def run(command, environment=None):
    done = subprocess.run(command, env=os.environ | (environment or {}), stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"compare.py: {' '.join(command)} ended with exit code {done.returncode}")
    return done.stdout


def measure(cases, sides, pairs):
    """One list of results per side and case, in the order of the rounds."""
    results = {case: {side: [] for side in sides} for case in cases}
    for case in cases:
        for i in range(pairs):
            for side in list(sides)[:: 1 if i % 2 == 0 else -1]:
                command, environment = sides[side]
                results[case][side].append(json.loads(run(command + [case], environment)))
        counts = {r["params"] for side in sides for r in results[case][side]}
        if len(counts) != 1:
            sys.exit(f"compare.py: {case}: the parameter counts differ: {sorted(counts)}")
        ratios = [row(results[case], side, "step_ms")[0] for side in sides if side != "mixmas"]
        print(f"{case}: " + ", ".join(f"{r:.2f}" for r in ratios), file=sys.stderr, flush=True)
    return results


def row(result, side, figure):
    """Median and spread of the ratios of a side's time to that of mixmas."""
    ratios = [theirs[figure] / ours[figure] for ours, theirs in zip(result["mixmas"], result[side])]
    if len(ratios) < 2:
        return ratios[0], 0.0
    first, _, third = statistics.quantiles(ratios, n=4)
    return statistics.median(ratios), third - first


def table(results, side):
    lines = ["| case | parameters | step, mixmas | step, PyTorch | ratio | spread | prediction, mixmas | prediction, PyTorch | ratio | spread |",
             "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]
    ratios = {"step_ms": [], "infer_ms": []}
    for case, result in results.items():
        cells = [case, f"{result['mixmas'][0]['params']:,}"]
        for figure, all_ratios in ratios.items():
            ratio, spread = row(result, side, figure)
            all_ratios.append(ratio)
            cells += [f"{statistics.median(r[figure] for r in result[s]):.2f} ms" for s in ("mixmas", side)]
            cells += [f"**{ratio:.2f}**", f"{spread:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    mean = {f: math.exp(statistics.fmean(map(math.log, r))) for f, r in ratios.items()}
    lines += ["", f"Training steps: geometric mean **{mean['step_ms']:.2f}**, smallest {min(ratios['step_ms']):.2f}. "
              f"Predictions: geometric mean **{mean['infer_ms']:.2f}**, smallest {min(ratios['infer_ms']):.2f}."]
    return lines


def page(results, sides, widths, a, ours):
    out = ["# Training steps and predictions on the CPU, against PyTorch", "",
           f"Made by `make bench-peer` on one core of {processor()} (kernels: {ours}), {a.pairs} rounds, {a.seconds:g} s per figure. A ratio is "
           "PyTorch's time over that of mixmas: above 1, mixmas is faster. The spread is the interquartile range of the ratios. "
           "`testdata/peer/compare.py` explains how it is measured, `testdata/peer/bench.py` what a step is."]
    for side in sides:
        if side != "mixmas":
            version, width = widths[side]
            out += ["", f"## PyTorch {version}, eager, fused Adam, {width} kernels", ""] + table(results, side)
    return "\n".join(out) + "\n"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("case", nargs="*")
    p.add_argument("--mixmas", default="mixmas")
    p.add_argument("--pairs", type=int, default=5)
    p.add_argument("--seconds", type=float, default=1.0)
    p.add_argument("--core", type=int, default=-1, help="the core to run on; -1: the last one")
    p.add_argument("--same-width-only", action="store_true", help="skip PyTorch with the kernels that it chooses itself")
    p.add_argument("--out", help="write the page here")
    p.add_argument("--json", help="write all results here")
    a = p.parse_args()
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[a.core]})
    mixmas = os.path.abspath(a.mixmas)
    cases = run([mixmas, "bench", "--peer-cases", "--list"]).split()
    if a.case:
        cases = [c for c in cases if any(c.startswith(name) for name in a.case)]
    seconds = ["--threads", "1", "--seconds", str(a.seconds)]
    peer = [sys.executable, os.path.join(HERE, "bench.py")] + seconds
    ours = json.loads(run([mixmas, "devices", "--json"]))[0]["kernels"]
    same = AVX512 if "avx512" in ours else AVX2
    sides = {"mixmas": ([mixmas, "bench", "--peer-cases", "--device", "cpu", "--json"] + seconds, {}), "same": (peer, same)}
    widths = {"same": torch_width(same), "own": torch_width({})}
    if not a.same_width_only and widths["own"] != widths["same"]:
        sides["own"] = (peer, {})
    results = measure(cases, sides, a.pairs)
    if a.json:
        with open(a.json, "w") as f:
            json.dump(results, f)
    text = page(results, sides, widths, a, ours)
    if a.out:
        with open(a.out, "w") as f:
            f.write(text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
