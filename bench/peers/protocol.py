"""What both peers share: the training recipe, the number of threads, and the conversation.

A peer reads one JSON object per line from standard input and answers each with one JSON object
per line on standard output, until standard input closes:

    {"op": "info"}                  name, version, forms, laws
    {"op": "check", "file": PATH}   loss, gradient and Hessian in float64, for every form
    {"op": "time", "case": ..., "form": ..., "law": ..., "dim": ..., "context_len": ...,
     "depth": ..., "batch": ..., "attention": ..., "calls": ...}      seconds per call; attention is
                                    "linear" unless said, PyTorch's tokens form knows others

A request that cannot be served is answered with {"error": ...}.
"""

import json
import os
import sys
import time
from dataclasses import dataclass

CASES = ("step", "gradient", "hessian")
LAWS = ("gaussian", "sphere", "gamma_radial")
ATTENTIONS = ("linear", "relu", "softmax")

# |x|² of the law "gamma_radial".
GAMMA_SHAPE = 0.1
GAMMA_SCALE = 10.0

# The training step of Ahn et al., setting 1: Adam after clipping the global norm.
LR = 0.02
BETA1 = 0.9
BETA2 = 0.9
EPS = 1e-8
CLIP_NORM = 1.0
INIT_STD = 0.05
SEED = 0


@dataclass(frozen=True)
class Workload:
    """What one call does: the case, in which form, on prompts of which law and size."""

    case: str
    form: str
    law: str
    dim: int
    context_len: int
    depth: int
    batch: int
    attention: str


def use_cores():
    """Sizes the pools of threads and returns that size; call it before the framework is imported."""
    count = os.environ.get("WINDTUNNEL_BENCH_CORES", "1")
    for pool in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[pool] = count
    return int(count)


def serve(name, version, forms, check, prepare):
    """Answers requests until standard input closes.

    `check(problem)` returns {form: {"loss", "grad", "hessian"}} for the parsed check file;
    `prepare(workload)` returns `run(calls)`, which does the work `calls` times and waits for it.
    """
    answers = _claim_stdout()
    stopwatch = _Stopwatch(forms, prepare)
    operations = {
        "info": lambda request: {"name": name, "version": version, "forms": forms, "laws": LAWS},
        "check": lambda request: check(_read_json(request["file"])),
        "time": lambda request: {"seconds": stopwatch.seconds_per_call(request)},
    }
    for line in sys.stdin:
        try:
            request = json.loads(line)
            answer = json.dumps(operations[_one_of(request, "op", operations)](request), allow_nan=False)
        except Exception as error:  # Whatever went wrong, the benchmark must get its one line.
            answer = json.dumps({"error": f"{type(error).__name__}: {error}"})
        print(answer, file=answers, flush=True)


class _Stopwatch:
    """Times workloads, and keeps what was prepared so that nothing is compiled twice."""

    def __init__(self, forms, prepare):
        self._forms = forms
        self._prepare = prepare
        self._runs = {}
        self._warm = set()

    def seconds_per_call(self, request):
        workload, calls = self._parse(request)
        if workload not in self._runs:
            self._runs[workload] = self._prepare(workload)
        run = self._runs[workload]
        # A compiled loop belongs to its length, so each length is warmed up by itself.
        if (workload, calls) not in self._warm:
            run(calls)
            self._warm.add((workload, calls))
        start = time.perf_counter()
        run(calls)
        return (time.perf_counter() - start) / calls

    def _parse(self, request):
        sizes = {key: _positive(request, key) for key in ("dim", "context_len", "depth", "batch")}
        workload = Workload(
            case=_one_of(request, "case", CASES),
            form=_one_of(request, "form", self._forms),
            law=_one_of(request, "law", LAWS),
            attention=_one_of({"attention": "linear", **request}, "attention", ATTENTIONS),
            **sizes,
        )
        return workload, _positive(request, "calls")


def _one_of(request, key, allowed):
    value = request[key]
    if value not in allowed:
        raise ValueError(f"{key} is {value!r}; expected one of {', '.join(allowed)}")
    return value


def _positive(request, key):
    value = request[key]
    if type(value) is not int or value < 1:
        raise ValueError(f"{key} is {value!r}; expected a positive integer")
    return value


def _read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def _claim_stdout():
    """The stream for answers; whatever else prints to standard output lands on standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers
