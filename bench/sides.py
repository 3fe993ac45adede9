"""The programs that are timed: processes that answer requests, and what they must agree on."""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PEERS = ("torch", "jax")
LAWS = ("gaussian", "sphere", "gamma_radial")
PAPER = {"law": "gaussian", "dim": 5, "context_len": 20, "depth": 3, "batch": 1000}
# Kernels whose instructions are counted.
KERNELS = {
    "gradient": {"case": "gradient"},
    "Hessian-vector product": {"case": "hvp"},
    "Hessian": {"case": "hessian"},
    **{f"fresh prompts, {law}": {"case": "sample", "law": law} for law in LAWS},
}
# What keeps the peers from wider instructions than AVX2: ATen, oneDNN, MKL and XLA.
AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}
# Of the largest entry; all sides compute in double precision.
AGREEMENT = 1e-10


class Side:
    """A process that answers requests, as in bench/peers/protocol.py."""

    def __init__(self, command, cores, limits=None):
        self.command = [str(word) for word in command]
        self.shown = " ".join(self.command)
        env = {**os.environ, **(limits or {})}
        # The peers size their pools of threads by it.
        env["WINDTUNNEL_BENCH_CORES"] = str(len(cores))
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        self.info = self.ask(op="info")

    def ask(self, **request):
        self.send(**request)
        return self.receive()

    def send(self, **request):
        self.request = request
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.shown} stopped on {self.request}; its error is above")
        answer = json.loads(line)
        if "error" in answer:
            sys.exit(f"{self.shown} refused {self.request}: {answer['error']}")
        return answer

    def seconds(self, calls, **workload):
        return self.ask(op="time", calls=calls, **{**PAPER, **workload})["seconds"]

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Together:
    """Sides that do the same at the same time, each for itself."""

    def __init__(self, sides):
        self.sides = sides

    def seconds(self, calls, **workload):
        """Seconds per call, of all of them together."""
        for side in self.sides:
            side.send(op="time", calls=calls, **{**PAPER, **workload})
        answers = [side.receive()["seconds"] for side in self.sides]
        return max(answers) / len(answers)

    def stop(self):
        for side in self.sides:
            side.stop()


def start_windtunnel(cores, isa=None):
    packages = ["-p", "windtunnel-bench", "-p", "windtunnel"]
    subprocess.run(["cargo", "build", "--release", "--quiet", *packages], cwd=ROOT, check=True)
    return Side([TARGET / "release" / "windtunnel-bench", *([isa] if isa else [])], cores)


def start_peer(name, cores, isa=None):
    venv = TARGET / "peers"
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    pins = ROOT / "bench" / "peers" / f"requirements-{name}.txt"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", pins]
    subprocess.run(pip, check=True)
    limits = AVX2 if isa == "avx2+fma" else None
    return Side([python, ROOT / "bench" / "peers" / f"{name}_side.py"], cores, limits)


def assert_agreement(sides):
    """Stops unless all forms of all sides agree; returns what was compared."""
    ours = sides["windtunnel"]
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "problem.json")
        size = {"dim": 5, "context_len": 20, "depth": 3, "batch": 50, "seed": 1}
        ours.ask(op="problem", file=file, **size)
        answers = {name: side.ask(op="check", file=file) for name, side in sides.items()}
    expected = answers["windtunnel"]["gram"]
    worst = 0.0
    compared = []
    for name, forms in answers.items():
        for form, found in forms.items():
            for key in found:
                off = deviation(found[key], expected[key])
                worst = max(worst, off)
                if not off <= AGREEMENT:
                    sys.exit(f"{name} ({form}) disagrees on the {key}: relative deviation {off:.1e}")
            compared.append(f"{name} ({form})")
    return f"{', '.join(compared)}; largest relative deviation {worst:.0e}"


def deviation(found, expected):
    if isinstance(expected, float):
        found, expected = [found], [expected]
    if len(found) != len(expected):
        return math.inf
    scale = max(abs(value) for value in expected)
    return max(abs(a - b) for a, b in zip(found, expected)) / scale
