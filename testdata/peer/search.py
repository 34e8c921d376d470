"""The search's micro-benchmark stages on AV-MNIST in PyTorch, to time beside `mixmas search`.

`python search.py --data FOLDER --config search.yaml --mixmas bin/mixmas --rounds 2 --out PAGE` runs both, alternating, each in
a process of its own, and writes a page. `--loop` runs PyTorch's side once: one trial after the other with --threads
threads, which is how such searches are written. Both train the same candidates on as many samples, epochs and batches,
and score each trial on the validation split. The encoders of the fusion stages are those that mixmas chose, so that both
train the same models.
"""
import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
KINDS = ("mlp_mixer", "hyper_mixer", "monarch_mixer")
VALIDATION = 5000


def loop(a):
    """All eleven trials; prints one JSON object per trial, and one for the whole process."""
    import numpy as np
    import torch
    import torch.nn.functional as F

    import bench
    import mixers as M

    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    began = time.perf_counter()

    def read(modality, shape, rows):
        x = np.load(os.path.join(a.data, modality, "train_data.npy"), mmap_mode="r")
        return torch.from_numpy(np.ascontiguousarray(x[rows], dtype=np.float32)).view(-1, *shape)

    labels = np.load(os.path.join(a.data, "train_labels.npy"))
    n = len(labels) - VALIDATION
    split = {"train": np.sort(np.random.default_rng(1).choice(n, a.samples, replace=False)), "val": np.arange(n, len(labels))}
    shapes = {"image": (1, 28, 28), "audio": (1, 112, 112)}
    data = {s: {m: read(m, shape, rows) for m, shape in shapes.items()} for s, rows in split.items()}
    for m in shapes:  # standardised, as mixmas does
        deviation, mean = torch.std_mean(data["train"][m])
        for x in data.values():
            x[m].sub_(mean).div_(deviation)
    target = {s: torch.from_numpy(labels[rows].astype(np.int64)) for s, rows in split.items()}

    def train(name, net, pick, loss, logits):
        start = time.perf_counter()
        optimiser = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
        net.train()
        for _ in range(a.epochs):
            for rows in torch.randperm(a.samples).split(a.batch):
                optimiser.zero_grad(set_to_none=True)
                loss(pick(data["train"], rows), target["train"][rows]).backward()
                optimiser.step()
        net.eval()
        right = 0
        with torch.no_grad():
            for rows in torch.arange(VALIDATION).split(a.batch):
                right += (logits(pick(data["val"], rows)).argmax(1) == target["val"][rows]).sum().item()
        params = sum(p.numel() for p in net.parameters())
        print(json.dumps(dict(trial=name, seconds=time.perf_counter() - start, accuracy=right / VALIDATION, params=params)),
              flush=True)

    chosen = {}
    for modality, patch in ("image", 14), ("audio", 56):
        for kind in KINDS:
            net = bench.Classifier(bench.image(kind, bench.AV, 1, shapes[modality][1:], patch), 128, 10)
            train(f"encoder/{modality} {kind}", net, lambda d, rows, m=modality: d[m][rows],
                  lambda x, y, net=net: F.cross_entropy(net(x), y), net)
            if kind == getattr(a, modality):
                chosen[modality] = net

    def fused(fusion, kind):
        encoders = {m: bench.image(getattr(a, m), bench.AV, 1, shapes[m][1:], patch) for m, patch in (("image", 14), ("audio", 56))}
        tokens = 8 if fusion == "concat" else 4
        network = M.fusion_network(kind, tokens, 128, 2, bench.width(kind, bench.AV)["t"], 3072)
        net = M.Multimodal(encoders, dict(image=128, audio=128), 128, fusion, network, 10)
        for m, winner in chosen.items():
            net.encoders[m].load_state_dict(winner.encoder.state_dict())
            net.heads[m].load_state_dict(winner.head.state_dict())
        return net

    for stage, fusion, kind in [("fusion", f, "hyper_mixer") for f in ("concat", "mean", "max")] + [("network", a.fusion, "mlp_mixer")]:
        net = fused(fusion, kind)
        train(f"{stage} {fusion if stage == 'fusion' else kind}", net, lambda d, rows: {m: x[rows] for m, x in d.items()}, net.loss,
              lambda x, net=net: net(x)[0])
    print(json.dumps(dict(total=time.perf_counter() - began,
                          peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, torch=torch.__version__)), flush=True)


def run(command):
    began = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"search.py: {' '.join(command)} ended with exit code {done.returncode}")
    return done.stdout, time.perf_counter() - began


def compare(a):
    with open(a.config) as f:
        text = f.read()
    epochs = str(a.epochs or re.search(r"epochs: (\d+)", text).group(1))
    text = re.sub(r"epochs: \d+", f"epochs: {epochs}", text)
    text = re.sub(r"(?m)^  path: .*", f"  path: {os.path.abspath(a.data)}", text)
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "search.yaml")
        with open(config, "w") as f:
            f.write(text)
        for i in range(a.rounds):
            # --verify: the fingerprint is computed each time, as for new data.
            out, seconds = run([a.mixmas, "search", config, "--device", "cpu", "--workers", "2", "--json", "--verify",
                                "--store", os.path.join(folder, f"{i}.db"), "--out", os.path.join(folder, str(i))])
            document = json.loads(out)
            ours.append(dict(document, wall=seconds))
            winner = {s["name"]: s["winner"] for s in document["stages"]}
            out, seconds = run([sys.executable, __file__, "--loop", "--data", a.data, "--epochs", epochs, "--threads", str(a.threads),
                                "--samples", str(document["sample"]["size"]), "--image", winner["encoder/image"],
                                "--audio", winner["encoder/audio"], "--fusion", winner["fusion"]])
            lines = [json.loads(line) for line in out.splitlines()]
            theirs.append(dict(trials={x["trial"]: x for x in lines[:-1]}, wall=seconds, **lines[-1]))
    page = report(a, epochs, ours, theirs)
    if a.out:
        with open(a.out, "w") as f:
            f.write(page)
    else:
        print(page, end="")


def report(a, epochs, ours, theirs):
    from compare import processor
    rows, document = [], ours[0]
    for stage in document["stages"]:
        for c in stage["candidates"]:
            name = f"{stage['name']} {c['name']}"
            if c.get("cached") or name not in theirs[0]["trials"]:
                continue
            of = lambda d: next(x for s in d["stages"] for x in s["candidates"] if f"{s['name']} {x['name']}" == name)
            peer = [t["trials"][name] for t in theirs if name in t["trials"]]
            if any(p["params"] != c["params"] for p in peer):
                sys.exit(f"search.py: {name}: {c['params']} parameters here, {peer[0]['params']} in PyTorch")
            mine = statistics.median(of(d)["seconds"] for d in ours)
            rows.append(f"| {name} | {c['params']:,} | {mine:.1f} s | {statistics.median(p['seconds'] for p in peer):.1f} s | "
                        f"{100 * c['score']:.1f} | {100 * peer[0]['accuracy']:.1f} |")
    wall, peer_wall = (statistics.median(r["wall"] for r in side) for side in (ours, theirs))
    peak = max(d["peak_memory"] for d in ours) / (1 << 20)
    peer_peak = max(t["peak_mib"] for t in theirs)
    return "\n".join([
        "# The search on the CPU, against a loop in PyTorch", "",
        f"Made by `make bench-search` on 2 cores of {processor()}: the stages of `testdata/peer/search.yaml` on AV-MNIST, "
        f"{document['sample']['size']:,} samples, {epochs} epochs, batch {a.batch}; medians of {a.rounds} alternating runs. mixmas runs two trials "
        f"in parallel (`--workers 2`), PyTorch {theirs[0]['torch']} one after the other with {a.threads} threads. A trial's seconds are those "
        "it took while another one ran. Each draws its own random numbers, so accuracies differ as they would with another seed. The network "
        "stage trains only one candidate: the other is the winner of the fusion stage.", "",
        "| | mixmas | PyTorch | ratio |", "|---|--:|--:|--:|",
        f"| whole search, wall time | {wall:.0f} s | {peer_wall:.0f} s | **{peer_wall / wall:.2f}** |",
        f"| peak resident memory | {peak:.0f} MiB | {peer_peak:.0f} MiB | |", "",
        "| trial | parameters | mixmas | PyTorch | accuracy in %, mixmas | accuracy in %, PyTorch |", "|---|--:|--:|--:|--:|--:|", *rows]) + "\n"


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--data", required=True, help="the folder that `mixmas data build avmnist` makes")
    p.add_argument("--config", default=os.path.join(HERE, "search.yaml"))
    p.add_argument("--mixmas", default="mixmas")
    p.add_argument("--rounds", type=int, default=2)
    p.add_argument("--epochs", type=int, default=0, help="0: those of the configuration")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--samples", type=int, default=6025)
    p.add_argument("--out", help="write the page here")
    p.add_argument("--loop", action="store_true", help="run PyTorch's side once")
    p.add_argument("--image", default="monarch_mixer", help="encoder of the fusion stages")
    p.add_argument("--audio", default="hyper_mixer", help="encoder of the fusion stages")
    p.add_argument("--fusion", default="mean", help="fusion function of the network stage")
    a = p.parse_args()
    loop(a) if a.loop else compare(a)


if __name__ == "__main__":
    main()
