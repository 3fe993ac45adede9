"""Runs every benchmark in one go and writes the tables of docs/performance.md.

Machines are noisy, so nothing is compared across runs: all sides are timed in turn, round after
round, and a ratio is the median over rounds of the ratio within a round. Before anything is timed,
all sides must agree on the loss, gradient and Hessian of one problem. Standard library only.
"""

import argparse
import os
import platform
import sys
import time
from pathlib import Path

from instructions import compiler, count_instructions, grown, instruction_table
from sides import PEERS, ROOT, assert_agreement, start_peer, start_windtunnel
from tables import attentions, comparison, instruments, roofline, scaling

PAGE = ROOT / "docs" / "performance.md"


def main():
    options = parse()
    sides, wide = {}, {}
    try:
        sides["windtunnel"] = start_windtunnel({options.core}, options.isa)
        for peer in options.peers:
            sides[peer] = start_peer(peer, {options.core}, options.isa)
        if len(options.cores) > 1:
            wide["windtunnel"] = start_windtunnel(options.cores, options.isa)
            for peer in options.peers:
                wide[peer] = start_peer(peer, options.cores, options.isa)
        print("\n".join(describe_machine(sides)))
        print(f"\nagreement on one problem: {assert_agreement(sides)}")
        counts = count_instructions(sides["windtunnel"].command[0], options.quick)
        sections = {"scaling": scaling(options, sides["windtunnel"], wide.get("windtunnel"))}
        if counts:
            sections["roofline"] = roofline(options, sides["windtunnel"], counts)
        # windtunnel itself always takes the widest instructions.
        if options.isa is None:
            sections["instruments"] = instruments(options)
        if options.peers:
            sections["peers"] = comparison(options, sides, wide)
        if "torch" in options.peers:
            sections["attention"] = attentions(options, sides)
        sections["instructions"] = instruction_table(counts, options.accept)
    finally:
        for side in [*sides.values(), *wide.values()]:
            side.stop()
    for lines in sections.values():
        print("\n" + "\n".join(lines))
    if not options.quick:
        note = describe_machine(sides) + [f"- {options.rounds} rounds, all sides in turn in each."]
        # Without both peers their table stays as it was.
        if set(options.peers) != set(PEERS):
            sections.pop("peers", None)
        if "torch" not in options.peers:
            sections.pop("attention", None)
        for name in sections.keys() - {"instructions"}:
            sections[name] = note + [""] + sections[name]
        write_page(sections, sides["windtunnel"].info["isa"])
        print(f"\nwrote {PAGE.relative_to(ROOT)}")
    if counts and grown(counts, options.accept):
        sys.exit("more instructions than in bench/instructions.json; if meant, run with --accept")


def parse():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "--peers",
        type=lambda text: [name for name in text.split(",") if name],
        default=[],
        metavar="jax,torch",
        help="also time these; they are installed into target/peers (PyTorch is gigabytes)",
    )
    parser.add_argument("--quick", action="store_true", help="a smoke test: two rounds, few calls, docs/performance.md stays")
    parser.add_argument("--rounds", type=int, help="rounds of timing (default 15)")
    parser.add_argument("--core", type=int, help="core for one-thread work (default: the first)")
    parser.add_argument(
        "--isa",
        choices=["avx512", "avx2+fma"],
        help="instructions of all sides (default: the widest of this processor)",
    )
    parser.add_argument("--accept", action="store_true", help="keep the new instruction counts")
    options = parser.parse_args()
    unknown = sorted(set(options.peers) - set(PEERS))
    if unknown:
        parser.error(f"--peers names {', '.join(unknown)}; allowed are {', '.join(PEERS)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error(f"--rounds is {options.rounds}; at least 1 is needed")
    allowed = sorted(os.sched_getaffinity(0))
    if options.core is None:
        options.core = allowed[0]
    options.cores = set(allowed)
    if options.core not in allowed:
        parser.error(f"--core is {options.core}; this process may use {allowed}")
    options.rounds = options.rounds or (2 if options.quick else 15)
    return options


def describe_machine(sides):
    versions = [f"{side.info['name']} {side.info['version']}" for side in sides.values()]
    versions.append(compiler())
    versions.append(f"Python {platform.python_version()}")
    isa = sides["windtunnel"].info["isa"]
    if sides["windtunnel"].info["widest"] != isa:
        isa += f" (all sides kept from {sides['windtunnel'].info['widest']})"
    return [
        f"- {processor()}, {os.cpu_count()} cores seen, {isa}; "
        f"{platform.system()} {platform.release().split('-')[0]}.",
        f"- {', '.join(versions)}; {time.strftime('%Y-%m-%d')}.",
        "- Median ± half the distance between the quartiles; one thread on one core unless said.",
    ]


def processor():
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    except OSError:
        pass
    return platform.machine()


def write_page(sections, isa):
    """Replaces the tables of this instruction set; those of others stay. Counts of instructions are
    always of AVX2."""
    text = PAGE.read_text()
    for name, lines in sections.items():
        own = name if name == "instructions" else f"{name}, {isa}"
        begin, end = f"<!-- {own}: scripts/bench -->\n", f"<!-- end of {own} -->"
        if begin not in text:
            # The first table with these instructions stands behind those with others.
            last = text.rfind(f"<!-- end of {name}")
            if last < 0:
                sys.exit(f"{PAGE.relative_to(ROOT)} lacks the mark <!-- end of {name}, {isa} -->")
            after = text.index("\n", last) + 1
            text = f"{text[:after]}\n{begin}{end}\n{text[after:]}"
        head, rest = text.split(begin)
        _, tail = rest.split(end)
        text = head + begin + "\n".join(lines) + "\n" + end + tail
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
