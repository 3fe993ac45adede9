"""The tables of docs/performance.md: what is timed, and how it is shown."""

import json
import math
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from callgrind import KINDS
from sides import KERNELS, LAWS, PAPER, TARGET, Side, Together
from terminal import progress


class Timings:
    """Seconds per call of labelled workloads, one value per round."""

    def __init__(self):
        self.rows = {}

    def measure(self, rounds, entries):
        """Entries are (label, side, calls, workload)."""
        for round_ in range(rounds):
            for label, side, calls, workload in entries:
                self.rows.setdefault(label, []).append(side.seconds(calls, **workload))
            progress(f"round {round_ + 1} of {rounds}")

    def median(self, label):
        return statistics.median(self.rows[label])

    def ratio(self, label, over):
        """Median over rounds, within which both were timed, of label / over."""
        return statistics.median(a / b for a, b in zip(self.rows[label], self.rows[over]))

    def spread(self, label):
        """Half the distance between the quartiles, as a share of the median."""
        values = sorted(self.rows[label])
        if len(values) < 4:
            return (values[-1] - values[0]) / 2 / self.median(label)
        low, _, high = statistics.quantiles(values, n=4)
        return (high - low) / 2 / self.median(label)

    def cell(self, label):
        return f"{show(self.median(label))} ± {100 * self.spread(label):.0f} %"

    def beside(self, label, ours):
        return f"{self.cell(label)}, **{self.ratio(label, ours):.0f}×**"


def show(seconds):
    for unit, scale in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def comparison(options, sides, wide):
    """windtunnel beside its peers on the paper's sizes: on one core, and each as it likes best."""
    cases = [(f"step, {law}", {"case": "step", "law": law}) for law in LAWS]
    cases += [("gradient", {"case": "gradient"}), ("Hessian, f64", {"case": "hessian"})]
    calls = {"windtunnel": (500, 1000, 2), "torch": (10, 10, 1), "jax": (50, 50, 1)}
    columns = [("windtunnel", None)]
    columns += [(peer, form) for peer in options.peers for form in sides[peer].info["forms"]]
    entries = []
    for case, workload in cases:
        for name, form in columns:
            count = calls[name][("step", "gradient", "hessian").index(workload["case"])]
            count = max(1, count // 10) if options.quick else count
            extra = {} if form is None else {"form": form}
            for cores, those in ((1, sides), (len(options.cores), wide)):
                if name in those:
                    # windtunnel is told its threads, the peers take the cores that they see.
                    more = {"threads": cores} if name == "windtunnel" else {}
                    work = {**workload, **extra, **more}
                    entries.append(((case, name, form, cores), those[name], count, work))
    timings = Timings()
    timings.measure(options.rounds, entries)
    heads = {column: sides[column[0]].info["name"] for column in columns}
    for name, form in columns[1:]:
        heads[name, form] += f" ({form})"
    lines = ["| d = 5, n = 20, L = 3, B = 1000 | " + " | ".join(heads.values()) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for case, _ in cases:
        ours = (case, "windtunnel", None, 1)
        cells = [timings.cell(ours)]
        cells += [timings.beside((case, *column, 1), ours) for column in columns[1:]]
        lines.append(f"| {case} | " + " | ".join(cells) + " |")
    if not wide:
        return lines
    names = ["windtunnel", *options.peers]
    lines += ["", f"| on {len(options.cores)} cores, the fastest of each | " + " | ".join(sides[name].info["name"] for name in names) + " |"]
    lines.append("|---" * (len(names) + 1) + "|")
    for case, _ in cases:
        best = {}
        for name in names:
            mine = [label for label in timings.rows if label[:2] == (case, name)]
            best[name] = min(mine, key=timings.median)
        cells = []
        for name in names:
            _, _, form, cores = best[name]
            how = f"{cores} core{'s' if cores > 1 else ''}" + (f", {form}" if form else "")
            ours = best["windtunnel"]
            cell = timings.cell(ours) if name == "windtunnel" else timings.beside(best[name], ours)
            cells.append(f"{cell} ({how})")
        lines.append(f"| {case} | " + " | ".join(cells) + " |")
    return lines


def attentions(options, sides):
    """Softmax and ReLU attention beside PyTorch, one thread."""
    entries = []
    for attention in ("relu", "softmax"):
        for case in ("step", "gradient"):
            for name, calls in (("windtunnel", 50), ("torch", 10)):
                extra = {"form": "tokens"} if name == "torch" else {}
                workload = {"case": case, "attention": attention, **extra}
                count = max(1, calls // 10) if options.quick else calls
                entries.append(((attention, case, name), sides[name], count, workload))
    timings = Timings()
    timings.measure(options.rounds, entries)
    lines = ["| d = 5, n = 20, L = 3, B = 1000 | windtunnel | PyTorch (tokens) |", "|---|---|---|"]
    for attention in ("relu", "softmax"):
        for case in ("step", "gradient"):
            ours, torch = (attention, case, "windtunnel"), (attention, case, "torch")
            cells = f"{timings.cell(ours)} | {timings.beside(torch, ours)}"
            lines.append(f"| {case}, {attention} | {cells} |")
    return lines


def scaling(options, ours, wide):
    """windtunnel alone: parts of a step, share of the peak, cost against every size, threads."""
    few = options.quick
    at = lambda calls: max(1, calls // 20) if few else calls
    entries = [(("part", case), ours, at(1000), {"case": case}) for case in ("step", "gradient")]
    entries += [(("sample", law), ours, at(500), {"case": "sample", "law": law}) for law in LAWS]
    entries += [(("part", "hvp"), ours, at(200), {"case": "hvp"})]
    entries += [(("alone", law), ours, at(400), {"case": "step", "law": law}) for law in LAWS]
    entries += [(("turns", law), ours, at(50), {"case": "turns", "law": law}) for law in LAWS]
    sizes = {
        ("step", "n", "gaussian"): (("context_len", (20, 200, 2000, 20000)), 500, {"case": "step"}),
        ("step", "n", "sphere"): (
            ("context_len", (20, 80, 320, 1280)),
            40,
            {"case": "step", "law": "sphere"},
        ),
        ("gradient", "d", "gaussian"): (
            ("dim", (4, 5, 8, 16, 32, 64)),
            20,
            {"case": "gradient", "batch": 160},
        ),
        ("gradient", "L", "gaussian"): (("depth", (2, 4, 8, 16)), 100, {"case": "gradient"}),
        ("step", "B", "gaussian"): (("batch", (250, 1000, 4000, 16000)), 100, {"case": "step"}),
    }
    for label, ((key, values), calls, workload) in sizes.items():
        for value in values:
            entries.append(((label, value), ours, at(calls), {**workload, key: value}))
    dims = (2, 3, 4, 5, 6, 7, 8, 10, 20, 64)
    for case, calls in (("gradient", 400), ("hvp", 100)):
        for d in dims:
            batch = {"batch": 160} if d == 64 else {}
            count = at(max(2, calls * 25 // d**2))
            entries.append((("dim", case, d), ours, count, {"case": case, "dim": d, **batch}))
    threads = [
        ("step, B = 1000", 1000, {"case": "step"}),
        ("step, B = 10,000", 100, {"case": "step", "batch": 10000}),
        ("gradient, B = 1000", 1000, {"case": "gradient"}),
        ("Hessian, B = 1000", 2, {"case": "hessian"}),
    ]
    if wide:
        pair = sorted(options.cores)[:2]
        pair = Together([Side(ours.command, {core}) for core in pair])
        for name, calls, workload in threads:
            for label, side, count in (("1", wide, 1), ("2", wide, 2), ("pair", pair, 1)):
                work = {**workload, "threads": count}
                entries.append(((name, label), side, at(calls), work))
    timings, peaks = Timings(), []
    for _ in range(options.rounds):
        peaks.append(ours.ask(op="peak")["flops"])
        timings.measure(1, entries)
    if wide:
        pair.stop()

    flops = derivation_flops(PAPER["dim"], PAPER["depth"])
    seconds = timings.rows[("part", "gradient")]
    rate = statistics.median(flops * PAPER["batch"] / s for s in seconds)
    share = statistics.median(flops * PAPER["batch"] / s / p for s, p in zip(seconds, peaks))
    peak = statistics.median(peaks)
    lines = ["| part, d = 5, n = 20, L = 3, B = 1000 | time |", "|---|---|"]
    names = {"step": "training step, Gaussian", "gradient": "gradient", "hvp": "Hessian-vector product, f64"}
    lines += [f"| {names[case]} | {timings.cell(('part', case))} |" for case in names]
    lines += [f"| fresh prompts, {law} | {timings.cell(('sample', law))} |" for law in LAWS]
    lines += [
        "",
        f"Gradient: {flops:,} floating-point operations of the derivation per prompt, "
        f"{rate / 1e9:.0f} GFLOP/s, **{100 * share:.0f} %** of the {peak / 1e9:.0f} GFLOP/s of fused "
        "multiply-adds that one core reaches in registers.",
        "",
        "| cost against | sizes | time | exponent |",
        "|---|---|---|---|",
    ]
    for label, ((_, values), _, _) in sizes.items():
        case, key, law = label
        times = [timings.median((label, value)) for value in values]
        cells = ", ".join(show(t) for t in times)
        lines.append(
            f"| {key} ({case}, {law}) | {', '.join(f'{v:,}' for v in values)} | {cells} | "
            f"{slope(values, times):.2f}, last two {slope(values[-2:], times[-2:]):.2f} |"
        )
    label = ("step", "n", "gaussian")
    lines += [
        "",
        "Gaussian step at n = 20,000 against n = 20: "
        f"**{timings.ratio((label, 20000), (label, 20)):.2f}×**.",
    ]
    lines += ["", "| eight runs on the same prompts, one step of each | separately | in turns | speed-up |", "|---|---|---|---|"]
    for law in LAWS:
        alone, turns = ("alone", law), ("turns", law)
        ratio = 8 * timings.ratio(alone, turns)
        eight = show(8 * timings.median(alone))
        lines.append(f"| {law} | {eight} | {timings.cell(turns)} | **{ratio:.2f}×** |")
    lines += ["", f"| time per operation, d = 5 being 1 | {' | '.join(map(str, dims))} |", "|---" * (len(dims) + 1) + "|"]
    names = {"gradient": "gradient", "hvp": "Hessian-vector product, f64"}
    for case, name in names.items():
        cells = []
        for d in dims:
            work = lambda d: derivation_flops(d, PAPER["depth"]) * (160 if d == 64 else PAPER["batch"])
            ratio = timings.ratio(("dim", case, d), ("dim", case, 5)) * work(5) / work(d)
            cells.append(f"{ratio:.2f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    if wide:
        lines += ["", "| two cores | one thread | two threads | speed-up | two processes of one thread |", "|---|---|---|---|---|"]
        for name, _, _ in threads:
            cells = f"{timings.cell((name, '1'))} | {timings.cell((name, '2'))}"
            speedup = timings.ratio((name, "1"), (name, "2"))
            apart = timings.ratio((name, "1"), (name, "pair"))
            lines.append(f"| {name} | {cells} | **{speedup:.2f}×** | {apart:.2f}× |")
    return lines


def roofline(options, ours, mixes):
    """What bounds each kernel: pipes of multiply-adds, accesses to memory, instructions."""
    calls = {"Hessian": 2, "Hessian-vector product": 200}
    at = lambda calls: max(1, calls // 20) if options.quick else calls
    entries = [(name, ours, at(calls.get(name, 500)), KERNELS[name]) for name in mixes]
    timings, peaks, bandwidths = Timings(), [], []
    for _ in range(options.rounds):
        peaks.append(ours.ask(op="peak")["flops"])
        bandwidths.append(ours.ask(op="bandwidth")["bytes"])
        timings.measure(1, entries)
    peak, bandwidth = statistics.median(peaks), statistics.median(bandwidths)
    isa = ours.info["isa"]
    width = 16 if isa == "avx512" else 8
    lines = [
        f"One core: {peak / 1e9:.0f} GFLOP/s of multiply-adds in single precision, half in double; "
        f"{bandwidth / 1e9:.1f} GB/s read from memory.",
        "",
        "| kernel, per prompt | operations | share of the peak | bytes of prompts | share of bandwidth |",
        "|---|---|---|---|---|",
    ]
    for name, mix in mixes.items():
        double = name.startswith("Hessian")
        top = [p / (2 if double else 1) for p in peaks]
        prompts = [s / PAPER["batch"] for s in timings.rows[name]]
        share = statistics.median(mix["flops"] / s / p for s, p in zip(prompts, top))
        # Its moments are read once by the gradient and by a product, and written once where drawn.
        size = moments(PAPER["dim"]) * (8 if double else 4)
        moved = statistics.median(size / s / b for s, b in zip(prompts, bandwidths))
        lines.append(f"| {name} | {mix['flops']:,.0f} | **{100 * share:.0f} %** | {size} | {100 * moved:.0f} % |")
    if isa != "avx2+fma":
        return lines
    kinds = list(dict.fromkeys(kind for kind, _ in KINDS))
    lines += [
        "",
        f"| kernel, instructions per prompt | all | {' | '.join(kinds)} | with memory | per cycle | arithmetic, of two a cycle |",
        "|---" * (len(kinds) + 5) + "|",
    ]
    for name, mix in mixes.items():
        # Two multiply-adds a cycle are the peak of every processor with AVX2 that we know.
        cycles = statistics.median(
            s / PAPER["batch"] * p / (2 * width * 2) for s, p in zip(timings.rows[name], peaks)
        )
        arithmetic = mix["multiply-adds"] + mix["arithmetic"]
        cells = " | ".join(f"{mix[kind]:,.0f}" for kind in kinds)
        lines.append(
            f"| {name} | {mix['all']:,.0f} | {cells} | {mix['memory']:,.0f} | "
            f"**{mix['all'] / cycles:.1f}** | {100 * arithmetic / cycles / 2:.0f} % |"
        )
    return lines


def moments(d):
    """Numbers of a prompt: S (symmetric), s, the query, its label and σ/n."""
    return d * (d + 1) // 2 + 2 * d + 2


def instruments(options):
    """What instruments add to a run of the paper's Setting 1, and the noise study of the paper."""
    steps = 200 if options.quick else 10000
    # Presets that take long are timed in fewer rounds.
    presets = {"off": 1, "economy": 1, "standard": 3, "full": max(1, options.rounds // 2)}
    if options.quick:
        presets.pop("full")
    seconds = {preset: [] for preset in presets}
    with tempfile.TemporaryDirectory() as folder:
        for round_ in range(options.rounds):
            for preset, every in presets.items():
                if round_ % every == 0:
                    settings = {"instruments": preset, "train.steps": steps}
                    seconds[preset].append(train(Path(folder) / f"{preset}{round_}", settings))
            progress(f"instruments: round {round_ + 1} of {options.rounds}")
        study = [noise_study(Path(folder) / "off0", options.quick) for _ in range(3)]
    lines = [f"| instruments, Setting 1, Adam, {steps:,} steps, one thread | time | added |"]
    lines.append("|---|---|---|")
    for preset, every in presets.items():
        base = seconds["off"][::every]
        added = statistics.median(a / b - 1 for a, b in zip(seconds[preset], base))
        time_ = show(statistics.median(seconds[preset]))
        shown = "–" if preset == "off" else f"**{100 * added:.0f} %**"
        lines.append(f"| {preset} | {time_} | {shown} |")
    lines += [
        "",
        f"Noise study of the paper ({50 if options.quick else 10000:,} gradients of 1000 prompts, a "
        "reference of 100,000), tails and pictures included, all cores: "
        f"**{show(statistics.median(study))}**.",
    ]
    return lines


def train(store, settings):
    """Seconds that one run takes, as it says itself."""
    sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    done = windtunnel("train", "-j1", "--json", *sets, store=store)
    return json.loads(done)[0]["wall_seconds"]


def noise_study(store, quick):
    """Seconds of the whole command."""
    (run,) = os.listdir(store / "runs")
    sizes = ["--draws", "50"] if quick else []
    start = time.perf_counter()
    out = str(store / "out")
    windtunnel("measure", run, "--at", "0", "--with", "noise", "--out", out, *sizes, store=store)
    return time.perf_counter() - start


def windtunnel(*words, store):
    command = [TARGET / "release" / "windtunnel", *words, "--quiet", "--store", store]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def slope(sizes, times):
    """Least-squares slope of log time against log size."""
    x, y = [math.log(s) for s in sizes], [math.log(t) for t in times]
    return statistics.linear_regression(x, y).slope


def derivation_flops(d, depth):
    """Floating-point operations per prompt of docs/derivations.md, what is not needed left out.

    A product of matrices is 2d³, a product with a vector or of two vectors into a matrix 2d².
    """
    total = 0
    for layer in range(depth):
        last, penultimate, first = layer == depth - 1, layer == depth - 2, layer == 0
        total += 2 * d**2 + 2 * d  # b, y
        total += d + 2 * d**2  # b̄ or its part ȳ x, s b̄ᵀ into Q̄
        if not first:
            total += 2 * d**2 + d  # Q b̄ into s̄, ȳ b into x̄
        if last:
            continue
        total += 4 * d**3 + d  # W, A
        total += 2 * d**2 + d + 4 * d**2  # v, x, s
        total += 2 * d**2 + 4 * d**2 + 2 * d**2 + d  # v̄, two terms of Ā, S v̄
        total += 6 * d**3  # Ā Wᵀ, T̄, S T̄
        if not penultimate:
            total += 4 * d**3 + 2 * d**3 + 2 * d**2  # U, next S, 2 S̄ U
        if not first:
            total += 2 * d**3 + 2 * d**2 + d**2  # T̄ Qᵀ, v̄ bᵀ, the symmetric part
            total += 2 * d**2 + 2 * d  # Aᵀ x̄, sums
            if not penultimate:
                total += 4 * d**3 + d**2  # Aᵀ S̄ A
    return total
