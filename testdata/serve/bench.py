"""Times predictions of models with our program and with onnxruntime, in turns, on one core each.

python bench.py --ours PROGRAM --out PAGE "TITLE=MODEL.safetensors=MODEL.onnx" ...
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import time

import numpy as np
import onnxruntime

BATCHES = [1, 8, 64]


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def measure(s, feed, seconds):
    """Returns the seconds of processor time, and the median of seconds, of a batch."""
    each = []
    began, cpu = time.perf_counter(), time.process_time()
    while not each or time.perf_counter() - began < seconds:
        start = time.perf_counter()
        s.run(["logits"], feed)
        each.append(time.perf_counter() - start)
    return (time.process_time() - cpu) / len(each), statistics.median(each)


def milliseconds(seconds):
    return f"{seconds * 1e3:.3f}" if seconds < 1e-3 else f"{seconds * 1e3:,.1f}"


def compare(title, ours_program, ours, theirs, seconds, rounds):
    """Yields the lines of the table for one model."""
    process = subprocess.Popen([ours_program, "--time", ours], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    s = session(theirs)
    inputs = json.loads(s.get_modelmeta().custom_metadata_map["inputs"])
    random = np.random.default_rng(1)
    for batch in BATCHES:
        feed = {i["name"]: random.random([batch] + i["shape"], np.float32) for i in inputs}

        def run_ours(long):
            process.stdin.write(f"{batch} {long}\n")
            process.stdin.flush()
            got = json.loads(process.stdout.readline())
            return got["cpu"], got["latency"]

        run_ours(0.05), measure(s, feed, 0.05)  # warm up
        pairs = []
        for turn in range(rounds):
            if turn % 2:
                b = measure(s, feed, seconds)
                pairs.append((run_ours(seconds), b))
            else:
                a = run_ours(seconds)
                pairs.append((a, measure(s, feed, seconds)))
        cpu = [statistics.median(p[side][0] for p in pairs) for side in (0, 1)]
        latency = [statistics.median(p[side][1] for p in pairs) for side in (0, 1)]
        ratios = sorted(p[1][0] / p[0][0] for p in pairs)
        low, middle, high = ratios[len(ratios) // 4], statistics.median(ratios), ratios[-1 - len(ratios) // 4]
        yield (f"| {title} | {batch} | {milliseconds(cpu[0])} | {milliseconds(cpu[1])} | **{middle:.2f}** ({low:.2f}–{high:.2f}) | "
               f"{milliseconds(latency[0])} | {milliseconds(latency[1])} | {batch / cpu[0]:,.0f} |")
    process.stdin.close()
    process.wait()


def processor():
    try:
        with open("/proc/cpuinfo") as f:
            return next(line.split(":", 1)[1].strip() for line in f if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("models", nargs="+")
    a = parser.parse_args()
    lines = []
    for model in a.models:
        title, ours, theirs = model.split("=")
        for line in compare(title, a.ours, ours, theirs, a.seconds, a.rounds):
            print(line, flush=True)
            lines.append(line)
    with open(a.out, "w") as page:
        page.write(f"""<!-- Made by `make bench-serve`. -->

# Predictions beside onnxruntime

Milliseconds of a batch on one core, of a model that is loaded: `model.Predictor`, which `mixmas serve` uses, and onnxruntime
{onnxruntime.__version__} with the file that `mixmas export --onnx` writes, with one thread and all its optimisations. Both standardise raw numbers and
give logits. They run in turns, {a.rounds} times {a.seconds:g} s each; the table has medians, and the ratio's quartiles. Processor time is compared,
which other programs on the machine hardly change; latency is what a clock shows, which they do change. A ratio above 1 means that ours is faster.

| model | rows | ours | onnxruntime | ratio | latency, ours | latency, onnxruntime | rows/s, ours |
|---|---:|---:|---:|---:|---:|---:|---:|
""")
        page.write("\n".join(lines) + "\n")
        page.write(f"\nMeasured on {processor()}, {os.cpu_count()} cores, {platform.system()}, {time.strftime('%Y-%m-%d')}, with a load average of {os.getloadavg()[0]:.0f}.\n")


if __name__ == "__main__":
    main()
