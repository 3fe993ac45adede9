"""Instructions that a workload executes, counted by callgrind and sorted by what they do."""

import collections
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from sides import PAPER

# What instructions do, by their mnemonics; the first that fits. A load or a store may be an
# instruction of its own or an operand of any other: both are counted as "memory" too.
KINDS = (
    ("multiply-adds", r"vfn?m(add|sub)"),
    ("arithmetic", r"v(add|sub|mul|div|sqrt|min|max|round|cmp|cvt)"),
    ("moves", r"v(mov|broadcast|maskmov|pmaskmov|gather|perm|unpck|shuf|insert|extract|blend)"),
    ("moves", r"vp(blend|shuf|unpck|insr|extr|broad|ack)"),
    ("integers", r"v"),
    ("scalar", r""),
)
MEMORY = re.compile(r"\[[^\]]*\]")
NO_ACCESS = ("lea", "nop", "nopw", "nopl")


def executed(binary, calls, workload):
    """{address: times} of the program's own code, under None those of all its libraries as well; AVX2
    at most: callgrind knows no wider instructions."""
    request = json.dumps({"op": "time", "calls": calls, **PAPER, **workload})
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "counts"
        command = ["valgrind", "--tool=callgrind", "--dump-instr=yes", "--compress-strings=no"]
        command += ["--compress-pos=no", f"--callgrind-out-file={out}", binary]
        done = subprocess.run(command, input=request + "\n", text=True, capture_output=True)
        if not out.exists():
            sys.exit(f"callgrind counted nothing:\n{done.stderr}")
        counts, own, skip = collections.Counter(), False, False
        with out.open() as lines:
            for line in lines:
                if line.startswith("ob="):
                    own = line.rstrip().endswith(Path(binary).name)
                elif line.startswith("calls="):
                    skip = True  # The next line is what the callee cost.
                elif line.startswith("summary:"):
                    counts[None] = int(line.split()[1])
                elif line.startswith("0x"):
                    address, _, cost = line.split()
                    if own and not skip:
                        counts[int(address, 16)] += int(cost)
                    skip = False
    return counts


def per_prompt(binary, workload):
    """{address: times per prompt}: what start and end of the process take cancels."""
    few, many = (executed(binary, calls, workload) for calls in (1, 2))
    # Calls are made twice, first to warm up.
    scale = 2 * PAPER["batch"]
    return {address: (many[address] - few[address]) / scale for address in many}


def disassembly(binary):
    """{address: (mnemonic, operands)}."""
    command = ["objdump", "-d", "--no-show-raw-insn", "-M", "intel", binary]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = {}
    for line in text.splitlines():
        match = re.match(r"\s*([0-9a-f]+):\t(\S+)\s*(.*)", line)
        if match:
            found[int(match[1], 16)] = (match[2], match[3].split("#")[0])
    return found


def lanes(mnemonic, operands):
    """Numbers that an instruction works on."""
    if mnemonic.endswith(("ss", "sd")):
        return 1
    register = 32 if "ymm" in operands else 16
    return register // (8 if mnemonic.endswith("pd") else 4)


def kind(mnemonic):
    return next(name for name, pattern in KINDS if re.match(pattern, mnemonic))


def flops(mnemonic, operands):
    if re.match(r"vfn?m(add|sub)", mnemonic):
        return 2 * lanes(mnemonic, operands)
    if re.match(r"v(add|sub|mul|div|sqrt)[ps][sd]", mnemonic):
        return lanes(mnemonic, operands)
    return 0


def mix(counts, code):
    """Per prompt: instructions by kind, "all" with those of libraries, those with "memory", and "flops"."""
    total = collections.Counter()
    for address, times in counts.items():
        if address is None:
            total["all"] = times
            continue
        mnemonic, operands = code[address]
        total[kind(mnemonic)] += times
        total["flops"] += times * flops(mnemonic, operands)
        if MEMORY.search(operands) and mnemonic not in NO_ACCESS:
            total["memory"] += times
    return total
