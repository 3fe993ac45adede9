"""Golden eigenvalues of random symmetric matrices, by LAPACK through numpy.

Usage: python scripts/golden/eigen.py crates/train/tests/golden/eigen
Needs numpy.

Entries are lower triangles, row by row. Besides Gaussian matrices there are those
that eigensolvers have failed on: zero, rank one, repeated eigenvalues, sizes graded
over many decades, zero rows as of dead parameters.
"""

import json
import sys
from pathlib import Path

import numpy as np


def matrices():
    rng = np.random.default_rng(7)

    def symmetric(p):
        a = rng.standard_normal((p, p))
        return (a + a.T) / 2

    for p in (1, 2, 5, 30):
        yield f"gaussian {p}", symmetric(p)
    v = rng.standard_normal(12)
    yield "zero", np.zeros((6, 6))
    yield "rank one", np.outer(v, v)
    q = np.linalg.qr(rng.standard_normal((10, 10)))[0]
    repeated = q @ np.diag([3.0] * 5 + [-1.0] * 4 + [0.0]) @ q.T
    yield "repeated", (repeated + repeated.T) / 2
    scale = np.diag(10.0 ** -np.arange(12))
    yield "graded", scale @ symmetric(12) @ scale
    dead = symmetric(20)
    dead[5:10] = 0.0
    dead[:, 5:10] = 0.0
    yield "dead", dead


def main():
    cases = []
    for name, a in matrices():
        lower = [a[i, j] for i in range(len(a)) for j in range(i + 1)]
        full = np.array(a)
        cases.append(
            {"name": name, "dim": len(a), "lower": lower, "values": list(np.linalg.eigvalsh(full))}
        )
    text = json.dumps({"numpy": np.__version__, "cases": cases})
    (Path(sys.argv[1]) / "values.json").write_text(text + "\n")


main()
