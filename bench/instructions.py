"""Instructions per prompt, beside those of bench/instructions.json."""

import json
import subprocess
import sys

from sides import LAWS, PAPER, ROOT
from terminal import progress

INSTRUCTIONS = ROOT / "bench" / "instructions.json"
# Growth of an instruction count that fails the run: compilers move code by a percent or two.
INSTRUCTION_SLACK = 1.05


def count_instructions(binary):
    """Instructions per prompt under callgrind, which knows AVX2 at most; {} where it is missing."""
    try:
        subprocess.run(["valgrind", "--version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        print("valgrind is not installed: instructions are not counted")
        return {}
    cases = {f"fresh prompts, {law}": {"case": "sample", "law": law} for law in LAWS}
    cases = {"gradient": {"case": "gradient"}, "Hessian-vector product": {"case": "hvp"}, **cases}
    counts = {}
    for name, workload in cases.items():
        # A workload is run once to warm it up; the difference leaves start and end out.
        few, many = (instructions(binary, calls, workload) for calls in (1, 3))
        counts[name] = round((many - few) / 4 / PAPER["batch"])
        progress(f"instructions: {name}")
    return counts


def instructions(binary, calls, workload):
    request = json.dumps({"op": "time", "calls": calls, **PAPER, **workload})
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", binary]
    done = subprocess.run(command, input=request + "\n", text=True, capture_output=True)
    for line in done.stderr.splitlines():
        if "Collected :" in line:
            return int(line.split(":")[1])
    sys.exit(f"callgrind counted nothing:\n{done.stderr}")


def kept_counts():
    """What bench/instructions.json holds: the compiler, and its counts per prompt."""
    return json.loads(INSTRUCTIONS.read_text())


def instruction_table(counts, accept):
    kept = kept_counts()["per prompt"]
    if accept and counts:
        text = json.dumps({"compiler": compiler(), "per prompt": counts}, indent=2)
        INSTRUCTIONS.write_text(text + "\n")
    lines = ["| instructions per prompt, AVX2 | kept | now |", "|---|---|---|"]
    for name in counts or kept:
        now = f"{counts[name]:,}" if counts else "not counted"
        before = f"{kept[name]:,}" if name in kept else "–"
        lines.append(f"| {name} | {before} | {now} |")
    return lines


def grown(counts, accept):
    """Whether a count has grown; counts of different compilers are only shown side by side."""
    kept = kept_counts()
    if accept or kept["compiler"] != compiler():
        return False
    before = kept["per prompt"]
    return any(counts[name] > INSTRUCTION_SLACK * before.get(name, 0) for name in counts)


def compiler():
    done = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True)
    return " ".join(done.stdout.split()[:2])
