"""Instructions per prompt, beside those of bench/instructions.json."""

import json
import subprocess
import sys

from callgrind import disassembly, mix, per_prompt
from sides import KERNELS, ROOT
from terminal import progress

INSTRUCTIONS = ROOT / "bench" / "instructions.json"
# Growth of an instruction count that fails the run: compilers move code by a percent or two.
INSTRUCTION_SLACK = 1.05


def count_instructions(binary, quick):
    """{kernel: its mix per prompt} for AVX2; {} where valgrind is missing. A dense Hessian takes it a
    minute, so a quick look leaves it out."""
    try:
        subprocess.run(["valgrind", "--version"], check=True, capture_output=True)
    except OSError:
        print("valgrind is not installed: instructions are not counted")
        return {}
    code = disassembly(binary)
    mixes = {}
    for name, workload in KERNELS.items():
        if quick and workload["case"] == "hessian":
            continue
        mixes[name] = mix(per_prompt(binary, workload), code)
        progress(f"instructions: {name}")
    return mixes


def kept_counts():
    """What bench/instructions.json holds: the compiler, and its counts per prompt."""
    return json.loads(INSTRUCTIONS.read_text())


def instruction_table(mixes, accept):
    kept = kept_counts()["per prompt"]
    counts = totals(mixes)
    if accept and counts:
        text = json.dumps({"compiler": compiler(), "per prompt": counts}, indent=2)
        INSTRUCTIONS.write_text(text + "\n")
    lines = ["| instructions per prompt, AVX2 | kept | now |", "|---|---|---|"]
    for name in counts or kept:
        now = f"{counts[name]:,}" if counts else "not counted"
        before = f"{kept[name]:,}" if name in kept else "–"
        lines.append(f"| {name} | {before} | {now} |")
    return lines


def totals(mixes):
    return {name: round(mix["all"]) for name, mix in mixes.items()}


def grown(mixes, accept):
    """Whether a count has grown; counts of different compilers are only shown side by side."""
    kept, counts = kept_counts(), totals(mixes)
    if accept or kept["compiler"] != compiler():
        return False
    before = kept["per prompt"]
    return any(count > INSTRUCTION_SLACK * before.get(name, count) for name, count in counts.items())


def compiler():
    done = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True)
    return " ".join(done.stdout.split()[:2])
